"""How text that others wrote is shown in a message: inert, and of a bounded length."""

from __future__ import annotations

import re

_LONGEST = 80


def printable(text: str) -> str:
    """Return *text* with control characters, line ends and invisible marks spelled as escapes."""
    return text if text.isprintable() else repr(text)[1:-1]


def quoted(text: str) -> str:
    """Return *text* in quotes, inert, and cut where it is too long to be a name, or at the end of its first line.

    A line that begins with a space continues the one before (configparser): what follows may be a key with its secret.
    """
    first, *rest = text.splitlines() or [""]
    return repr(first if not rest and len(first) <= _LONGEST else f"{first[:_LONGEST]}…")


def listed(words: list[str]) -> str:
    """Join *words* as a sentence does: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def label(text: str) -> str:
    """Return *text* with all but `[A-Za-z0-9_.@+=,/-]` replaced, so that it is inert wherever a prompt shows it."""
    return re.sub(r"[^A-Za-z0-9_.@+=,/-]", "-", text)
