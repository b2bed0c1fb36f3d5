"""The text of errors, notes and tables.

An error is one fact, then its cause, its origins and the next steps, a line each. Long lines are wrapped and times are
spelled where they are shown: only the process that owns the terminal knows its width and its time zone.
"""

from __future__ import annotations

from awsenv import wording
from awsenv.agent.client import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from awsenv.agent.client import Trouble
    from awsenv.errors import AwsenvError, Origin
    from awsenv.model import Note

    Shown: TypeAlias = "AwsenvError | Note | Trouble | Message"


class Message:
    """A note or an error that an agent has sent.

    Args:
        packed: The texts of its parts, as `awsenv.cli.action` packs them.

    Raises:
        ValueError: It is not a message.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        texts = ([text.decode() for text in unpack(part)] for part in unpack(packed))
        (self.fact, self.because), self.origins, self.hints = texts

    def __eq__(self, other: object) -> bool:
        """Return whether both say the same."""
        return isinstance(other, Message) and self._packed == other._packed

    def __hash__(self) -> int:
        """Return the same for messages that say the same."""
        return hash(self._packed)


def described(shown: Shown) -> str:
    """Return the lines that describe an error or a note."""
    return message(f"awsenv: {shown.fact}", shown.because, shown.origins, shown.hints)


def message(
    fact: str, because: str | None = None, origins: Sequence[Origin | str] = (), hints: Sequence[str] = ()
) -> str:
    """Return the lines of a fact, with its cause, its origins and at most two next steps below it."""
    labelled = (
        ("because", because or ""),
        *(("and" if before else "in", str(origin)) for before, origin in enumerate(origins)),
        *zip(("try", "or"), hints, strict=False),
    )
    return printable([fact, *(f"  {label:<7}  {text}" for label, text in labelled if text)])


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


def in_local_time(text: str, now: float | None = None) -> str:
    """Return *text* with each instant in it as local time: `14:00 CET`, with the date if that is not today.

    Args:
        text: Its instants are those of `duration.instant`.
        now: Seconds since the epoch, UTC; None: the clock of this machine.
    """
    import time  # noqa: PLC0415 - most texts have no time in them

    from awsenv.duration import INSTANT  # noqa: PLC0415 - the same

    today = time.localtime(now)

    def local(seconds: float) -> str:
        at = time.localtime(seconds)
        date = "" if at[:3] == today[:3] else f"{at.tm_year}-{at.tm_mon:02}-{at.tm_mday:02} "
        return f"{date}{at.tm_hour:02}:{at.tm_min:02} {at.tm_zone}"

    return INSTANT.sub(lambda match: local(int(match[1])), text)


def wrapped(text: str, columns: int) -> str:
    """Return *text* with its lines wrapped to *columns*, each below where its text begins. No word is broken."""
    import re  # noqa: PLC0415 - most messages fit
    from textwrap import TextWrapper  # noqa: PLC0415 - the same

    wrapper = TextWrapper(columns, break_long_words=False, break_on_hyphens=False)
    lines = []
    for line in text.splitlines():
        # An error, a line below it, a finding of the doctor.
        label = re.match(r"awsenv: |  \w+ +|[^\w\s] \w+( \w+)*  +|\s*", line)
        wrapper.subsequent_indent = " " * (label.end() if label else 0)
        lines.append(wrapper.fill(line) + "\n")
    return "".join(lines)
