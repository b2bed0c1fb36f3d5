"""The line on the terminal that says what awsenv waits for. It is loaded only after a second."""

from __future__ import annotations

import os
import termios

from awsenv.wording import printable

ERASE = "\r\x1b[K"
"""Removes the line of the cursor (ECMA-48: CR, EL)."""

ERASE_BELOW = "\x1b[J"
"""Removes everything behind the cursor (ECMA-48: ED)."""

_ROOM_BELOW = "\x1bD\x1bM"
"""Scrolls, if the cursor is in the last line, and leaves the cursor where it is in the text (ECMA-48: IND, RI)."""

_BEGIN = "awsenv: waiting for"

_SAVE, _DOWN, _RESTORE = "\x1b7", "\x1b[B\r", "\x1b8"


def drawn(text: str, seconds: float, columns: int, *, beside: bool, before: str | None) -> tuple[str, str | None]:
    """Return what draws the line on stderr, a terminal, and what removes it.

    Args:
        text: What awsenv waits for.
        seconds: Since when.
        columns: The width of the terminal.
        beside: Whether another program may write to the terminal meanwhile. Then the line is below the cursor, which
            does not move; and there is none while that program asks for a password.
        before: What removes the line that is there; None: there is none. A terminal without control sequences shows it
            once, and nothing removes it.
    """
    if not _is_ours():
        return "", before
    # The cursor stays behind the line: Ctrl-C and Ctrl-Z, which the terminal shows there, have room.
    shown, erase = line(text, seconds, columns - 3), before or ""
    if os.environ.get("TERM", "dumb") == "dumb":
        return f"{shown}\n" if before is None else "", ""
    if not beside:
        return f"{erase}\r{shown}\x1b[K", ERASE
    if not _echoes():
        return erase, ERASE_BELOW
    return f"{erase}{ERASE_BELOW}{_ROOM_BELOW}{_SAVE}{_DOWN}{shown}{_RESTORE}", ERASE_BELOW


def line(text: str, seconds: float, columns: int) -> str:
    """Return the line: a text that does not fit is cut behind a word, unless it is one word, such as a host."""
    text = f"{_BEGIN} {printable(text)}"
    since = f", {int(seconds)} s" if seconds >= 1 else ""
    room = columns - len(since)
    if _fitting(text, room) == text:
        return text + since
    begin = _fitting(text, room - _width("…"))
    words = _fitting(text, room - _width("…") + 1).rpartition(" ")[0]
    if len(words) > len(_BEGIN):
        begin = words.rstrip(",")
    return (f"{begin}…{since}" if begin else since)[:columns]


def _fitting(text: str, columns: int) -> str:
    """Return as much of *text* as fits."""
    return next(text[:length] for length in range(len(text), -1, -1) if _width(text[:length]) <= columns or not length)


def _width(text: str) -> int:
    """Return the columns that *text* takes at most: what is not ASCII may take two."""
    return 2 * len(text) - sum(map(str.isascii, text))


def _is_ours() -> bool:
    """Return whether the terminal belongs to this process now: it may be in the background."""
    try:
        return os.tcgetpgrp(2) == os.getpgrp()
    except OSError:
        return True  # it is the terminal of no session, or of another


def _echoes() -> bool:
    try:
        flags: int = termios.tcgetattr(2)[3]
    except termios.error:
        return True
    return bool(flags & termios.ECHO)
