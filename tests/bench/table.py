"""Measures the rows of a table. They take turns, so that other load on the machine slows them all."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pexpect
from world import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from world import Environ, World

WARM_UP = 1
PYTHON = "python -I -c pass"
USUAL = 11
"""Milliseconds that it took on the machine on which the targets were set."""
TYPING = 0.6
"""Seconds in which a fast user types a code."""
_GIVE_UP = 60


@dataclass(frozen=True)
class Target:
    """The longest time of a row: *times* as long as the row *base*, or *trips* round trips and *ms* milliseconds."""

    times: float = 0
    base: str = PYTHON
    trips: int = 0
    ms: float = 0


@dataclass(frozen=True)
class Row:
    """A line of a table: a command, and what it is measured against."""

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    """The words, or a function that returns those of the next run."""
    environ: Environ
    proof: str = ""
    """A part of the output of every successful run."""
    targets: tuple[Target, ...] = ()
    """A target of 0 times only prints the ratio."""
    world: World | None = None
    """Where the round trips are counted."""
    before: Callable[[], object] = lambda: None
    """Called before each run, outside the measurement."""
    prompt: str | None = None
    """The prompt for an MFA code. Such a command is measured on a terminal, from Enter until it has ended."""


@dataclass
class Measured:
    """The runs of a row."""

    ms: list[float] = field(default_factory=list)
    trips: list[int] = field(default_factory=list)
    """The round trips of each run, if they are counted."""


def bare(world: World) -> Row:
    """Return the row that others are compared with."""
    return Row(PYTHON, [world.python, "-I", "-c", "pass"], world.environ)


def measure(rows: Sequence[Row], rounds: int) -> dict[str, Measured]:
    """Run each row in each round."""
    measured = {row.name: Measured() for row in rows}
    for turn in range(-WARM_UP, rounds):
        for row in rows:
            row.before()
            seconds, trips = _timed(row)
            if turn >= 0:
                measured[row.name].ms.append(seconds * 1000)
                measured[row.name].trips += trips
    return measured


def _timed(row: Row) -> tuple[float, list[int]]:
    """Run a row, and return the seconds and the round trips."""
    argv = row.argv() if callable(row.argv) else row.argv
    relay = row.world.relay if row.world else None
    terminal = _at_prompt(row, argv)
    code = row.world.new_code() if row.world and terminal else ""
    if relay:
        relay.take_counts()
    start = time.perf_counter()
    if terminal is None:
        output = run(argv, row.environ)
    else:
        terminal.send(f"{code}\r")
        terminal.expect(pexpect.EOF)
        output = terminal.before
    seconds = time.perf_counter() - start
    if terminal is not None:
        terminal.close()
    if row.proof not in output or (terminal is not None and terminal.exitstatus != 0):
        raise SystemExit(f"{row.name}: the run failed:\n{output}")
    return seconds, [relay.take_counts().round_trips] if relay else []


def _at_prompt(row: Row, argv: Sequence[str]) -> pexpect.spawn[str] | None:
    """Start a command that asks for a code, and return its terminal once a user could have typed it."""
    if row.prompt is None:
        return None
    terminal = pexpect.spawn(argv[0], list(argv[1:]), env=row.environ, encoding="utf-8", timeout=_GIVE_UP)
    terminal.delaybeforesend = None
    terminal.expect(row.prompt)
    time.sleep(TYPING)
    return terminal


def show(title: str, rows: Sequence[Row], measured: Mapping[str, Measured]) -> None:
    """Print a table. Ratios are medians over the rounds."""
    say(f"\n{title:<45}{'median':>8}{'min':>8}{'max':>8} ms  trips")
    for row in rows:
        own = measured[row.name]
        trips = f"{statistics.median(own.trips):5g}" if own.trips else " " * 5
        line = f"  {row.name:<43}{statistics.median(own.ms):8.1f}{min(own.ms):8.1f}{max(own.ms):8.1f}    {trips}"
        say("; ".join([line, *_judged(row, measured)]))


def _judged(row: Row, measured: Mapping[str, Measured]) -> Iterator[str]:
    """Yield the outcome of each target of *row*."""
    own = measured[row.name]
    for target in row.targets:
        if target.trips:
            # All but the round trips takes longer on a slower machine.
            scale = statistics.median(measured[PYTHON].ms) / USUAL
            round_trip = row.world.round_trip * 1000 if row.world else 0
            most = target.trips * round_trip + target.ms * scale
            met = statistics.median(own.ms) <= most and statistics.median(own.trips) <= target.trips
            yield f"target {target.trips} x {round_trip:g} + {target.ms:g} x {scale:.2f} = {most:.0f} ms: {_met(met)}"
            continue
        ratios = [mine / other for mine, other in zip(own.ms, measured[target.base].ms, strict=True)]
        ratio = statistics.median(ratios)
        goal = f": target {target.times:g}, {_met(ratio <= target.times)}" if target.times else ""
        yield f"{ratio:.2f} x {target.base}{goal}"


def _met(is_met: bool) -> str:  # noqa: FBT001 - the one thing that it turns into words
    return "met" if is_met else "MISSED"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
