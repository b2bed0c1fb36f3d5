"""Text from outside, made safe to show in a message: inert, and of bounded length."""

from __future__ import annotations

_LONGEST = 80


def printable(text: str) -> str:
    """Return *text* with control characters, line ends and invisible marks written as escapes."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def quoted(text: str) -> str:
    """Return *text* in quotes, inert, and cut after its first line or after 80 characters.

    An indented line continues the value above it (configparser), so a later line may be a key with its secret.
    """
    first, *rest = text.splitlines() or [""]
    return repr(first if not rest and len(first) <= _LONGEST else f"{first[:_LONGEST]}…")


def listed(words: list[str]) -> str:
    """Join *words* into a phrase: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
