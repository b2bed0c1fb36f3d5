"""The terminal while the user picks from a list: keys, lines, and everything as it was before, however that ends.

It draws below the cursor and erases that at the end. On a terminal that has a second screen (xterm's 1049), this
happens there, and what was on the first one is back afterwards; GNU screen and the Linux console have none.
"""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import termios
from contextlib import ExitStack, suppress

from awsenv.cli import process
from awsenv.signals import drain, woken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any

REDRAW = "redraw"
"""Stands among the keys where the lines are to be drawn anew."""
CLOSED = "closed"
"""Stands among them where the terminal is gone."""
SUSPEND = "\x1a"
"""Ctrl-Z."""

_SECONDS_OF_ESCAPE = 0.1
"""Within this, what follows an Esc belongs to the same key, over a slow connection too."""

_BEGIN, _END = "\x1b[?1049h\x1b[?2004h", "\x1b[?2004l\x1b[?1049l"
"""The second screen, and marks around what is pasted (bracketed paste)."""
_PASTE, _PASTED = "\x1b[200~", "\x1b[201~"
_KEY = re.compile(
    rf"(?P<paste>{re.escape(_PASTE)}.*?(?P<end>{re.escape(_PASTED)}|\Z))"
    r"|\x1b\[\[.|\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)|\x1b[^\x1b\[O]"
    r"|[^\x00-\x1f\x7f]+|.",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\x1b(\[\[|\[[0-?]*[ -/]*|O|[\]PX^_][^\x07\x1b]*\x1b?)?\Z")


def keys(text: str) -> tuple[list[str], str]:
    """Return the keys in *text*, as a terminal sends them, and the rest, which more text may make a key.

    A key is a control character, an escape sequence, or a run of other characters. What is pasted is such a run. An
    escape sequence may be what the terminal answers to a program before this one, such as its colours.
    """
    found = []
    at = 0
    while at < len(text):
        match = _KEY.match(text, at)
        if _UNFINISHED.match(text, at) or match is None or (match["paste"] is not None and not match["end"]):
            break
        pasted = match["paste"]
        found.append(match[0] if pasted is None else pasted[len(_PASTE) : -len(_PASTED)])
        at = match.end()
    return found, text[at:]


class Screen:
    """The terminal *descriptor*, from `with` to its end.

    Raises:
        OSError: It is gone.
        termios.error: The same; or this process is in the background of a session that is over.
    """

    def __init__(self, descriptor: int) -> None:
        self._tty = descriptor
        self._before = termios.tcgetattr(descriptor)
        self._rest = b""
        self._text = ""
        self._is_suspended = False
        self._until = ExitStack()
        self._wake = -1
        self._handlers: dict[int, Any] = {}
        self._has_begun = False

    def __enter__(self) -> None:
        """Read keys at once, and without echo."""
        self._wake = self._until.enter_context(woken())
        try:
            for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP):
                # A hook ignores SIGTSTP: a shell would wait for ever for the output of a program that is stopped.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._note)
            self._begin()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        try:
            # It may be gone.
            with suppress(OSError, termios.error):
                self._end()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._until.close()

    def size(self) -> tuple[int, int]:
        """Return the columns and the lines."""
        try:
            size = os.get_terminal_size(self._tty)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def draw(self, lines: Sequence[str], cursor: int) -> None:
        """Show *lines* in place of those before, with the cursor in the cell *cursor* of the first one."""
        text = "\r" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J\r"
        text += f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._write(text + (f"\x1b[{cursor}C" if cursor else ""))

    def read(self, *others: int) -> list[str]:
        """Wait for the user without using the processor, and return `keys`, or `REDRAW` or `CLOSED`.

        Return an empty list when one of the descriptors *others* can be read.
        """
        while True:
            seconds = _SECONDS_OF_ESCAPE if self._text and not self._text.startswith(_PASTE) else None
            ready, _, _ = select.select([self._tty, self._wake, *others], [], [], seconds)
            if self._wake in ready:
                self._heed()
                return [REDRAW]
            if any(other in ready for other in others):
                return []
            if not ready:
                # Nothing follows: it was Esc, or half of a key, which the connection has cut.
                is_esc, self._text = self._text == "\x1b", ""
                return ["\x1b" if is_esc else REDRAW]
            try:
                data = os.read(self._tty, 4096)
            except OSError:
                data = b""
            if not data:
                return [CLOSED]
            found, self._text = keys(self._text + self._decoded(data))
            if found:
                return found

    def suspend(self) -> None:
        """Stop as after Ctrl-Z, with the terminal as it was before, until the shell lets this process go on."""
        self._end()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        self._begin()

    def _decoded(self, data: bytes) -> str:
        """Return *data* as text. The first bytes of a character wait for the others."""
        data = self._rest + data
        for missing in range(4):
            whole = data[: len(data) - missing]
            try:
                text = whole.decode()
            except UnicodeDecodeError:
                continue
            self._rest = data[len(whole) :]
            return text
        self._rest = b""
        return data.decode(errors="replace")

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._is_suspended |= number == signal.SIGTSTP

    def _heed(self) -> None:
        drain(self._wake)
        if self._is_suspended:
            self._is_suspended = False
            self.suspend()
        else:
            # After SIGSTOP and SIGCONT, the shell has set the terminal as it likes it.
            self._silence()

    def _begin(self) -> None:
        self._silence()
        self._has_begun = True
        # What the user has typed before this is on the line already, and comes as keys.
        self._write(f"\r\x1b[J{_BEGIN}")

    def _end(self) -> None:
        # In the background the terminal is the shell's, which has set it; to set it would stop this process.
        if not self._has_begun or os.tcgetpgrp(self._tty) != os.getpgrp():
            return
        self._has_begun = False
        try:
            self._write(f"\r\x1b[J{_END}")
        finally:
            self._set(self._before)

    def _silence(self) -> None:
        silent = [*self._before[:3], self._before[3] & ~_COOKED, *self._before[4:6], list(self._before[6])]
        silent[6][termios.VMIN], silent[6][termios.VTIME] = 1, 0
        self._set(silent)

    def _set(self, settings: list[Any]) -> None:
        try:
            termios.tcsetattr(self._tty, termios.TCSADRAIN, settings)
        except termios.error as error:
            # It was stopped in the background, and goes on in the foreground.
            if error.args[0] != errno.EINTR:
                raise
            self._set(settings)

    def _write(self, text: str) -> None:
        data = process.encoded(text)
        while data:
            data = data[os.write(self._tty, data) :]


_COOKED = termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
"""What a terminal does with keys by itself."""
