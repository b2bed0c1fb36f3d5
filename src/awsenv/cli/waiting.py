"""What a process shows on its terminal while it waits: after a second, a line that says what for, and since when."""

from __future__ import annotations

import _thread
import os
import time
from contextlib import suppress

from awsenv.cli import commands, process

ERASE = "\r\x1b[K"
"""Removes the line of the cursor (ECMA-48: CR, EL)."""

ERASE_BELOW = "\x1b[J"
"""Removes everything behind the cursor (ECMA-48: ED)."""

_ROOM_BELOW = "\x1bD\x1bM"
"""Scrolls, if the cursor is in the last line, and leaves the cursor where it is in the text (ECMA-48: IND, RI)."""

_BEGIN = "awsenv: waiting for"

_SAVE, _DOWN, _RESTORE = "\x1b7", "\x1b[B\r", "\x1b8"

_PAUSE = 0.3
"""Seconds between two waits for the same that look like one."""

_SHORT = 0.1
"""Seconds: what follows a silence of a second, and is as short as this, would only flicker."""


class Waiting:
    """What this process waits for.

    `with waiting("AWS"):` stands around what may take long; inside it, the text that was given last holds. The line
    is there until the block ends. It is in a thread, since what waits may be anything: a lock, an import, a program.

    Args:
        args: The command line of this process, which may ask for quiet.
    """

    def __init__(self, args: list[str] | None = None) -> None:
        self._args = args or []
        self._lock = _thread.allocate_lock()
        self._end: _thread.LockType | None = None
        self._depth = 0
        self._text = ""
        self._is_beside = False
        self._began = self._over = -1.0
        self._erase: str | None = None

    def __call__(self, text: str, *, beside: bool = False) -> Waiting:
        """Return the context in which the process waits for *text*.

        Args:
            text: What it waits for.
            beside: Whether another program may write to the terminal meanwhile.
        """
        with self._lock:
            now = time.monotonic()
            if text != self._text or (not self._depth and now - self._over > _PAUSE):
                self._text, self._began = text, now
            self._is_beside = beside
        return self

    def __enter__(self) -> None:
        """Start waiting."""
        self._depth += 1
        if self._depth == 1 and os.isatty(2):
            self._end = _thread.allocate_lock()
            self._end.acquire()
            with suppress(RuntimeError):  # the system is at a limit: the command does without the line
                _thread.start_new_thread(self._show, (self._end,))

    def __exit__(self, *_: object) -> None:
        """Stop waiting, and remove the line."""
        self._depth -= 1
        if self._depth:
            return
        with self._lock:
            if self._end is not None:
                self._end.release()
            self._end, self._over = None, time.monotonic()
            if self._erase:
                process.write_to_stderr(self._erase)
            self._erase = None

    def _show(self, end: _thread.LockType) -> None:
        left = process.silent_since() + 1 - time.monotonic()
        is_over = end.acquire(timeout=max(left, _SHORT)) or is_quiet(self._args)
        while not is_over:
            with self._lock:
                # The wait may have ended by now.
                if self._end is end:
                    drawn, self._erase = _drawn(
                        self._text,
                        time.monotonic() - self._began,
                        process.terminal_width(2) or 80,
                        beside=self._is_beside,
                        before=self._erase,
                    )
                    process.write_to_stderr(drawn)
            is_over = end.acquire(timeout=1)


def _drawn(text: str, seconds: float, columns: int, *, beside: bool, before: str | None) -> tuple[str, str | None]:
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
    if not is_ours():
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
    from awsenv.cli.report import fitting  # noqa: PLC0415 - what takes less than a second does without
    from awsenv.wording import printable  # noqa: PLC0415 - the same

    text = f"{_BEGIN} {printable(text)}"
    since = f", {int(seconds)} s" if seconds >= 1 else ""
    room = columns - len(since)
    if fitting(text, room) == text:
        return text + since
    begin = fitting(text, room - 1)
    words = fitting(text, room).rpartition(" ")[0]
    if len(words) > len(_BEGIN):
        begin = words.rstrip(",")
    return (f"{begin}…{since}" if begin else since)[:columns]


def is_ours() -> bool:
    """Return whether the terminal belongs to this process now: it may be in the background."""
    try:
        return os.tcgetpgrp(2) == os.getpgrp()
    except OSError:
        return True  # it is the terminal of no session, or of another


def _echoes() -> bool:
    import termios  # noqa: PLC0415 - few wait for another program

    try:
        flags: int = termios.tcgetattr(2)[3]
    except termios.error:
        return True
    return bool(flags & termios.ECHO)


def is_quiet(args: list[str]) -> bool:
    """Return whether the command line *args* asks for quiet. An option of the command that it runs does not count."""
    return "quiet" in (commands.typed(args) or ())
