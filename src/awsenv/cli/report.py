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
    from awsenv.sealing.process import Missing

    Shown: TypeAlias = "AwsenvError | Note | Trouble | Message | Missing"


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


LABELS = ("because", "in", "and", "try", "or")
"""What stands before the lines of a message."""


def described(shown: Shown) -> str:
    """Return the lines that describe an error or a note."""
    return message(f"awsenv: {shown.fact}", shown.because, shown.origins, shown.hints)


def message(
    fact: str, because: str | None = None, origins: Sequence[Origin | str] = (), hints: Sequence[str] = ()
) -> str:
    """Return the lines of a fact, with its cause, its origins and the next steps below it."""
    because_label, in_label, and_label, *next_labels = LABELS
    labelled = (
        (because_label, because or ""),
        *((and_label if before else in_label, str(origin)) for before, origin in enumerate(origins)),
        *zip(next_labels, hints, strict=False),
    )
    return printable([fact, *(f"  {label:<7}  {text}" for label, text in labelled if text)])


def printable(lines: Iterable[str]) -> str:
    r"""Return *lines* with every control character spelled out: a file or AWS may send `\x1b]0;…`."""
    return "".join(f"{wording.printable(line)}\n" for line in lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* in columns, as `aligned` makes them."""
    return "".join(GAP.join(row).rstrip() + "\n" for row in aligned(rows))


def aligned(rows: Sequence[Sequence[str]], columns: int = 0, least: Sequence[int] = ()) -> list[list[str]]:
    """Return *rows* with each cell as wide as its column. The last text of a row does not widen its column.

    Of a cell with several lines the first is shown: one that begins with a space continues the value before it, and may
    hold a secret.

    Args:
        rows: Texts of any characters.
        columns: The width of the terminal, in cells; 0: nothing is cut.
        least: The cells that each column keeps, if it needs that many. The last columns are left out before that.
    """
    rows = [[wording.printable(_first_line(cell)) for cell in row] for row in rows]
    if columns and rows:
        rows = _cut_to(columns, rows, least)
    widths = [
        max(cells(row[index]) if any(row[index + 1 :]) else 0 for row in rows)
        for index, _ in enumerate(next(iter(rows), ()))
    ]
    return [[cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)] for row in rows]


def _first_line(cell: str) -> str:
    first, *more = cell.splitlines() or [""]
    return f"{first}…" if more else first


def _cut_to(columns: int, rows: Sequence[Sequence[str]], least: Sequence[int]) -> list[list[str]]:
    """Return *rows* with the widest columns cut, and the last ones left out, so that a line fits *columns* cells."""
    needed = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    widths = fitting_widths(needed, columns, least)
    cut = [shortened(column, width) for column, width in zip(zip(*rows, strict=True), widths, strict=False)]
    head, *others = map(list, zip(*cut, strict=True))
    return [[*head[:-1], head[-1] + _LEFT_OUT * (len(widths) < len(needed))], *others]


GAP = "  "
"""Stands between two columns."""

_LEFT_OUT = " …"
"""Stands in the head behind the last column, if others are left out."""


def fitting_widths(needed: Sequence[int], columns: int, least: Sequence[int]) -> list[int]:
    """Return the widths of the columns that fit a line of *columns* cells, with two between them.

    Args:
        needed: The cells that each column needs.
        columns: The cells that there are.
        least: As for `aligned`.
    """
    least = list(map(min, needed, least))
    kept, mark = len(needed), 0
    while kept > 1 and sum(least[:kept]) + len(GAP) * (kept - 1) + mark > columns:
        kept, mark = kept - 1, len(_LEFT_OUT)
    room = max(1, columns - len(GAP) * (kept - 1) - mark)
    widths = list(needed[:kept])
    while sum(widths) > room:
        spare = [width - at_least if kept > 1 else width for width, at_least in zip(widths, least, strict=False)]
        widest = max(range(kept), key=lambda index: (spare[index] > 0, widths[index]))
        widths[widest] -= 1
    return widths


_LEAST_WITH_TWO_GAPS = 4


def shortened(texts: Sequence[str], width: int) -> list[str]:
    """Return *texts*, each cut to *width* cells: in its middle, or where that keeps it apart from the others."""
    from collections import Counter  # noqa: PLC0415 - most tables fit

    shown = {text: text for text in texts if cells(text) <= width}
    pending = {text for text in texts if text not in shown}
    middle = width // 2
    ends = ((head, None) for head in sorted(range(width), key=lambda head: abs(head - middle)))
    longest = max(map(len, pending), default=0) if width >= _LEAST_WITH_TWO_GAPS else 0
    inside = ((width // 3, start) for start in range(1, longest))
    for gap in (*ends, *inside) if pending else ():
        cuts = {text: _cut(text, width, *gap) for text in pending}
        taken = Counter([*shown.values(), *cuts.values()])
        shown |= {text: cut for text, cut in cuts.items() if taken[cut] == 1}
        pending -= shown.keys()
        if not pending:
            break
    return [shown[text] if text in shown else _cut(text, width, middle) for text in texts]


def _cut(text: str, width: int, head: int, start: int | None = None) -> str:
    """Return the begin of *text*, and what else fits *width* cells of its end, or of what begins at *start*."""
    begin = fitting(text, head)
    room = width - cells(begin) - 1
    if start is None:
        return f"{begin}…{fitting(text[::-1], room)[::-1]}"
    return f"{begin}…{fitting(text[start:], room - 1)}…"


def fitting(text: str, width: int) -> str:
    """Return as many characters of *text* as fit *width* cells."""
    for length in range(min(len(text), width), -1, -1):
        if cells(text[:length]) <= width:
            return text[:length]
    return ""


def origin_as_json(origin: Origin | None) -> dict[str, str | int] | None:
    """Return an origin for programs, without what it does not have: name, line, section, key."""
    if origin is None:
        return None
    parts = {name: getattr(origin, name) for name in ("name", "line", "section", "key")}
    return {name: value for name, value in parts.items() if value}


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes (Unicode annex 11): East Asian characters two, accents none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width  # noqa: PLC0415 - most texts are plain

    wide = sum(east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(category(each) in {"Mn", "Me", "Cf"} for each in text)


def in_local_time(text: str, now: float | None = None) -> str:
    """Return *text* with each instant in it as local time: `14:00 CET`, with the date if that is not today.

    Args:
        text: Its instants are those of `wording.instant`.
        now: Seconds since the epoch, UTC; None: the clock of this machine.
    """
    import time  # noqa: PLC0415 - most texts have no time in them

    today = time.localtime(now)
    shown, *parts = text.split(wording.INSTANT)
    for part in parts:
        seconds, closed, rest = part.partition("}")
        instant = wording.epoch(seconds)
        if instant is None or not closed:
            shown += wording.INSTANT + part
            continue
        at = time.localtime(instant)
        date = "" if at[:3] == today[:3] else f"{at.tm_year}-{at.tm_mon:02}-{at.tm_mday:02} "
        shown += f"{date}{at.tm_hour:02}:{at.tm_min:02} {at.tm_zone}{rest}"
    return shown


def painted(text: str, *, is_error: bool) -> str:
    """Return a message as a terminal with colours shows it: the name of an error in red, the labels faint."""
    if is_error:
        text = text.replace("awsenv:", wording.styled("awsenv:", "31;1"), 1)
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        label = next((label for label in LABELS if line.startswith(f"  {label}  ")), None)
        if label is not None:
            lines[number] = line.replace(label, wording.styled(label, "2"), 1)
    return "".join(lines)


def wrapped(text: str, columns: int) -> str:
    """Return *text* with its lines wrapped to *columns*, each below where its text begins. No word is broken."""
    import re  # noqa: PLC0415 - most messages fit

    lines = []
    for line in text.splitlines():
        # An error, a call or step, a row of a table, a finding of the doctor; else where the line begins.
        label = re.match(r"awsenv: |(done: )?\d+\. |([^\w\s] )?\s*\w+( \w+)*  +|", line)
        margin = len(line) - len(line.lstrip())
        indent = max(label.end() if label else 0, margin)
        indent = indent if indent <= columns // 3 else margin + 2
        words = line.split()
        # A name that would not fit below the text may fit near the margin, in one piece.
        if columns - indent < max(map(cells, words), default=0) <= columns - margin - 2:
            indent = margin + 2
        rows = [""]
        for word in re.findall(r"\s*\S+", line):
            if rows[-1] and cells(rows[-1] + word) > columns:
                rows.append(" " * indent + word.lstrip())
            else:
                rows[-1] += word
        lines += rows
    return "".join(f"{line}\n" for line in lines)
