"""Text from outside, made safe to show in a message: inert, and of bounded length. And times in a text."""

from __future__ import annotations

_LONGEST = 80
_DIGITS = 11


def printable(text: str) -> str:
    """Return *text* with control characters, line ends and invisible marks written as escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def quoted(text: str) -> str:
    """Return *text* in quotes, inert, and cut after its first line or after 80 characters.

    An indented line continues the value above it (configparser), so a later line may be a key with its secret.
    """
    first, *rest = text.splitlines() or [""]
    return repr(first if not rest and len(first) <= _LONGEST else f"{first[:_LONGEST]}…")


def styled(text: str, sgr: str) -> str:
    """Return *text* as a terminal shows it with SGR parameters (ECMA-48); empty: as it is."""
    return f"\x1b[{sgr}m{text}\x1b[m" if text and sgr else text


INSTANT = "{@"
"""What begins an instant in a text: only the process that shows the text knows the local time."""


def instant(seconds: float) -> str:
    """Return an instant for a text that `cli.report` shows. *seconds* count since the epoch, UTC."""
    return f"{INSTANT}{max(0, int(seconds))}}}"


def epoch(text: str) -> int | None:
    """Return the seconds since the epoch that *text* has in digits; None: in more than those of the year 5138."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def listed(words: list[str], last: str = "and") -> str:
    """Join *words* into a phrase: `a`, `a and b`, `a, b and c`, with another word before the last if it is given."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
