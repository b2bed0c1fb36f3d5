"""What `each` prints: the output of its commands, line by line, in groups or as JSON, and a summary."""

from __future__ import annotations

import os
import signal
import zlib

from awsenv import duration
from awsenv.cli import process
from awsenv.cli.report import cells, described
from awsenv.errors import ExitCode
from awsenv.wording import printable, styled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from awsenv.cli.live import Live
    from awsenv.cli.report import Shown
    from awsenv.each import Job, Result
    from awsenv.model import Environ

    Write = Callable[[int, bytes], None]

_COLORS = ("36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1")
"""Those that can be read on a dark and on a light terminal; red is for failures."""

_WIDEST = 32
"""Cells to which names are padded: one long name does not push all lines to the right."""

_EXACT = 10
"""Seconds up to which tenths count."""

_ENDED = ("stopped", "not run")
"""What the summary says of jobs that have not failed by themselves."""

_NAMED = 20
"""Names in a line of the summary."""


class Streams:
    """Prints each line behind the name of its role. It is the watcher of a runner.

    Args:
        labels: What the jobs are called.
        colors: The colours of those that have their own, as SGR parameters.
        environ: The environment of this process.
        write: Writes to a descriptor.
        live: The line that shows what is going on; None: there is none.
    """

    def __init__(
        self, labels: Iterable[str], colors: dict[str, str], environ: Environ, write: Write, live: Live | None
    ) -> None:
        self._width = min(max(map(cells, map(printable, labels))), _WIDEST)
        self._colors = colors
        self._has_colors = [process.shows_color(environ) and os.isatty(each) for each in (0, 1, 2)]
        self._write_to = write
        self._live = live
        self._notes: list[tuple[Job, bytes]] = []
        self._told: dict[int, Shown] = {}

    def output(self, job: Job, descriptor: int, lines: bytes) -> None:
        """Print lines of a command."""
        prefix = self._prefix(job, descriptor)
        self._write(descriptor, prefix + lines[:-1].replace(b"\n", b"\n" + prefix) + b"\n")

    def ended(self, result: Result) -> None:
        """Print why a command was not started."""
        if result.error is not None and id(result.error) not in self._told:
            # The same one may keep many roles from being assumed.
            self._told[id(result.error)] = result.error
            self.output(result.job, 2, process.encoded(_laid_out([result.error])))
        if self._live is not None:
            self._live.count(result)

    def note(self, job: Job, notes: Iterable[Shown]) -> None:
        """Keep notes on a role, until the runner has time for them. Called from any thread."""
        if text := _laid_out(notes):
            self._notes.append((job, process.encoded(text)))

    def passed(self, running: int, *, is_stopping: bool) -> float | None:
        """Show notes, and what is going on."""
        while self._notes:
            job, lines = self._notes.pop(0)
            self.output(job, 2, lines)
        if self._live is None:
            return None
        return self._live.draw(running, is_stopping=is_stopping)

    def paused(self) -> None:
        """Leave the terminal to the shell."""
        if self._live is not None:
            self._live.erase()

    def _write(self, descriptor: int, data: bytes) -> None:
        if self._live is not None:
            self._live.erase()
        self._write_to(descriptor, data)

    def _prefix(self, job: Job, descriptor: int) -> bytes:
        label = printable(job.label)
        padding = " " * (self._width - cells(label))
        return process.encoded(f"{self._painted(label, job, descriptor)}{padding} | ")

    def _painted(self, text: str, job: Job, descriptor: int) -> str:
        """Return *text* in the colour of a role. It ends what a command has left of its own colours."""
        if not self._has_colors[descriptor]:
            return text
        color = (
            self._colors.get(job.profile) or _COLORS[zlib.crc32(job.profile.encode(errors="replace")) % len(_COLORS)]
        )
        return styled(text, f"0;{color}")


class Groups(Streams):
    """Prints the output of each command when it has ended."""

    def __init__(
        self, labels: Iterable[str], colors: dict[str, str], environ: Environ, write: Write, live: Live | None
    ) -> None:
        super().__init__(labels, colors, environ, write, live)
        self._kept: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        self._is_first = True
        self._is_one = _same(1, 2)

    def output(self, job: Job, descriptor: int, lines: bytes) -> None:
        """Keep lines of a command."""
        self._kept.setdefault(job.key, []).append((descriptor, lines))

    def ended(self, result: Result) -> None:
        """Print the output of the command below a heading."""
        super().ended(result)
        parts = self._kept.pop(result.job.key, [])
        if result.status is None:
            return
        heading = f"==> {printable(result.job.label)}: {ending(result)} <=="
        parted = b"" if self._is_first else b"\n"
        self._is_first = False
        headed = {1} if self._is_one else {1, *(number for number, _ in parts)}
        for number in sorted(headed):
            self._write(number, parted + process.encoded(f"{self._painted(heading, result.job, number)}\n"))
        for number, lines in parts:
            self._write(number, lines)


class Objects(Streams):
    """Prints an object of JSON, on a line, for each command that has ended."""

    def __init__(
        self, labels: Iterable[str], colors: dict[str, str], environ: Environ, write: Write, live: Live | None
    ) -> None:
        super().__init__(labels, colors, environ, write, live)
        self._kept: dict[tuple[str, str], list[bytearray]] = {}

    def output(self, job: Job, descriptor: int, lines: bytes) -> None:
        """Keep lines of a command."""
        self._kept.setdefault(job.key, [bytearray(), bytearray()])[descriptor - 1] += lines

    def ended(self, result: Result) -> None:
        """Print the object."""
        import json  # noqa: PLC0415 - for programs

        job = result.job
        stdout, stderr = (bytes(each).decode(errors="replace") for each in self._kept.pop(job.key, (b"", b"")))
        made = {
            "role": job.profile,
            "account": job.account,
            "role_name": job.role,
            "region": job.region,
            "status": result.status,
            "seconds": round(result.seconds, 3),
            "stdout": stdout,
            "stderr": stderr,
            "error": "not run" if result.status is None else None if result.error is None else str(result.error),
        }
        self._write(1, json.dumps(made).encode() + b"\n")
        if self._live is not None:
            self._live.count(result)


def _same(*descriptors: int) -> bool:
    try:
        return os.path.samestat(*map(os.fstat, descriptors))
    except OSError:
        return False


def _laid_out(notes: Iterable[Shown]) -> str:
    from awsenv.cli.report import in_local_time  # noqa: PLC0415 - where something is to be said

    return in_local_time("".join(map(described, notes)))


def ending(result: Result) -> str:
    """Return how a job has ended, in a few words."""
    if result.error is not None:
        return "not assumed" if result.status == ExitCode.EXEC_FAILED else "not started"
    return f"{status(result)} after {took(result.seconds)}"


def status(result: Result) -> str:
    """Return the exit status of a command, or the signal that ended it."""
    assert result.status is not None  # noqa: S101 - it has run
    number = result.status - 128
    if number > 0:
        try:
            return signal.Signals(number).name
        except ValueError:
            pass
    return f"status {result.status}"


def took(seconds: float) -> str:
    """Return a length of time: `0.4s`, `12s`, `3m`."""
    return f"{seconds:.1f}s" if seconds < _EXACT else duration.rounded(seconds)


def summary(results: Sequence[Result], *, is_interrupted: bool) -> str:
    """Return the lines that name the failures, grouped by how they ended; empty: there are none."""
    groups: dict[str, list[str]] = {}
    for result in results:
        if what := _failure(result):
            groups.setdefault(what, []).append(printable(result.job.label))
    if not groups and not is_interrupted:
        return ""
    failed = sum(len(names) for what, names in groups.items() if what not in _ENDED)
    fact = f"{failed} of {len(results)} failed"
    if is_interrupted:
        done = sum(result.status is not None and not result.is_stopped for result in results)
        fact = f"interrupted: {done} of {len(results)} done, {failed} failed"
    elif groups.keys() & set(_ENDED):
        fact += ", which ended the others"
    width = max(map(len, groups), default=0)
    lines = [f"  {what:<{width}}  {_listed(names)}\n" for what, names in sorted(groups.items(), key=_rank)]
    return f"awsenv: {fact}\n" + "".join(lines)


def _failure(result: Result) -> str:
    """Return what the summary says of a job; empty: it has succeeded."""
    if result.is_stopped:
        return _ENDED[result.status is None]
    return "" if not result.status else status(result) if result.error is None else ending(result)


def _rank(group: tuple[str, list[str]]) -> int:
    """Return the place of a group in the summary."""
    return _ENDED.index(group[0]) if group[0] in _ENDED else -1


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_NAMED])} and {more} more"
