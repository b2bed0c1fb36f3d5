"""The line on the terminal that shows what `each` is doing. It draws with rich, which comes with Typer."""

from __future__ import annotations

import os
import stat
import time
from io import StringIO

from awsenv import duration
from awsenv.cli import process, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.each import Result
    from awsenv.model import Environ

_AFTER = 0.5
"""Seconds of work that go by without the line: rich takes a tenth of a second to load."""

_EVERY = 0.2
"""Seconds between two looks."""

_BAR = range(8, 41)
"""The cells of the bar."""


def is_shown(environ: Environ) -> bool:
    """Return whether there may be a line: on a terminal, unless a reader of stdout may print to the same one."""
    if not os.isatty(2) or environ.get("TERM", "dumb") == "dumb":
        return False
    try:
        return not stat.S_ISFIFO(os.fstat(1).st_mode)
    except OSError:
        return True


class Live:
    """The line. It is the last one on the terminal, and goes before anything else is printed.

    Args:
        total: The number of jobs.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._failed = 0
        self._began = time.monotonic()
        self._drawn = 0.0
        self._is_there = False

    def count(self, result: Result) -> None:
        """Note that a job has ended."""
        self._done += 1
        self._failed += bool(result.status) and not result.is_stopped

    def draw(self, running: int, *, is_stopping: bool) -> float:
        """Draw the line if it is due, and return the seconds until the next time."""
        now = time.monotonic()
        due = max(self._began + _AFTER, self._drawn + _EVERY) - now
        if due > 0:
            return due
        self._drawn = now
        if waiting.is_ours():
            columns = process.terminal_width(2) or 80
            process.write_to_stderr(f"\r{self._text(running, now, columns - 1, is_stopping=is_stopping)}\x1b[K")
            self._is_there = True
        return _EVERY

    def erase(self) -> None:
        """Remove the line."""
        if self._is_there:
            process.write_to_stderr(waiting.ERASE)
            self._is_there = False
            self._drawn = 0.0 if time.monotonic() - self._drawn > _EVERY else self._drawn

    def _text(self, running: int, now: float, columns: int, *, is_stopping: bool) -> str:
        """Return the line in *columns* cells."""
        from rich.console import Console  # noqa: PLC0415 - see `_AFTER`
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - the same
        from rich.table import Table  # noqa: PLC0415 - the same
        from rich.text import Text  # noqa: PLC0415 - the same

        parts = [Text(f"{self._done} of {self._total} done"), Text(f"{running} running")]
        if self._failed:
            parts.append(Text(f"{self._failed} failed", style="red"))
        left = (now - self._began) / (self._done or 1) * (self._total - self._done)
        if is_stopping:
            parts = [Text("stopping"), Text(f"{running} still running"), Text("Ctrl-C kills them")]
        elif self._done and left >= 1:
            parts.append(Text(f"{duration.short(left)} left"))
        counts = Text(" · ").join(parts)
        bar = min(_BAR[-1], columns - counts.cell_len - 2)
        shown = StringIO()
        console = Console(file=shown, force_terminal=True, width=max(1, columns), legacy_windows=False)
        grid = Table.grid(padding=(0, 2, 0, 0))
        cells = (
            [counts]
            if is_stopping or bar not in _BAR
            else [ProgressBar(self._total, self._done, width=bar, complete_style="green"), counts]
        )
        grid.add_row(*cells)
        console.print(grid, end="", overflow="crop", no_wrap=True, crop=True)
        return shown.getvalue().replace("\n", "")
