"""The text of errors, notes and tables.

An error is one fact, then its cause, its places and the next steps, a line each. Long lines are wrapped where they are
shown, for only the process that owns the terminal knows how wide it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv import wording
from awsenv.errors import AwsenvError, ExitCode, Failure, Interrupted, LaunchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from awsenv.origin import Origin


def as_awsenv_error(error: BaseException) -> AwsenvError:
    """Return *error* as one of ours. An unknown one shows only its kind and line: its text may hold a key."""
    if isinstance(error, AwsenvError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    return Failure(
        f"a fault of awsenv's own: {type(error).__name__} at {_line_of(error)}",
        hint="please report it, with the command that you ran",
    )


def status(error: AwsenvError, args: list[str]) -> ExitCode:
    """Return the exit status of the command line *args* that ended with *error*."""
    if args[:1] == ["exec"] and not isinstance(error, LaunchError | Interrupted):
        # As env(1): a status that the command itself may have must not be ours.
        return ExitCode.EXEC_FAILED
    return error.exit_code


def described(error: AwsenvError) -> str:
    """Return the lines that describe *error*."""
    return message(f"awsenv: {error.fact}", error.because, error.origins, error.hints)


def message(fact: str, because: str | None = None, origins: Sequence[Origin] = (), hints: Sequence[str] = ()) -> str:
    """Return the lines of a fact, with its cause, its places and at most two next steps below it."""
    labelled = (
        ("because", because or ""),
        *(("and" if before else "in", str(origin)) for before, origin in enumerate(origins)),
        *zip(("try", "or"), hints, strict=False),
    )
    return printable([fact, *(f"  {label:<7}  {text}" for label, text in labelled if text)])


def noted(notes: Iterable[str | AwsenvError]) -> str:
    """Return the lines of *notes*. One with a next step is an error that is not raised."""
    return "".join(
        described(note) if isinstance(note, AwsenvError) else printable([f"awsenv: {note}"]) for note in notes
    )


def printable(lines: Iterable[str]) -> str:
    r"""Return *lines* with every control character spelled out: a file or AWS may send `\x1b]0;…`."""
    return "".join(f"{wording.printable(line)}\n" for line in lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* in columns. The last text of a row does not widen its column.

    Of a cell with several lines the first is shown: one that begins with a space continues the value before it, and may
    hold a secret.
    """
    rows = [[_first_line(cell) for cell in row] for row in rows]
    widths = [
        max(len(row[index]) if any(row[index + 1 :]) else 0 for row in rows)
        for index, _ in enumerate(next(iter(rows), ()))
    ]
    return printable("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _first_line(cell: str) -> str:
    first, *more = cell.splitlines() or [""]
    return f"{first}…" if more else first


def wrapped(text: str, columns: int) -> str:
    """Return *text* with its lines wrapped to *columns*, each below where its text begins. No word is broken."""
    from textwrap import fill  # noqa: PLC0415 - most messages fit

    return "".join(_wrapped_line(line, columns, fill) + "\n" for line in text.splitlines())


def _wrapped_line(line: str, columns: int, fill: Callable[..., str]) -> str:
    # An error, a line below it, a finding of the doctor.
    label = re.match(r"awsenv: |  \w+ +|[^\w\s] \w+( \w+)*  +|\s*", line)
    indent = " " * (label.end() if label else 0)
    return fill(
        line, columns, subsequent_indent=indent, drop_whitespace=True, break_long_words=False, break_on_hyphens=False
    )


def _line_of(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - where all else has failed
    from pathlib import PurePath  # noqa: PLC0415 - the same

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "awsenv" in PurePath(frame.filename).parts]
    return f"{PurePath(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown line"
