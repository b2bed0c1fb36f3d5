"""The list of roles to pick from, as values: what the user has typed, what matches, and the lines that show it."""

from __future__ import annotations

from itertools import groupby

from awsenv.cli import fuzzy
from awsenv.cli.report import GAP, cells, fitting, fitting_widths
from awsenv.wording import printable, styled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST = (20, 12, 7, 3, 8, 9)
"""Cells that each column keeps on a narrow terminal."""
_SHORT, _TALL = 5, 10
"""Lines of a terminal up to which it shows no head, and from which on it shows the keys."""
_PROMPT = "role> "
_KEYS = ("type to narrow · Enter takes it · Esc leaves", "Enter takes it · Esc leaves", "")
"""What the keys do, in as many words as fit."""
_LONGEST = 1000
"""Characters of a query: a paste may be of any length."""
_FAINT = "2"
_MARGIN = 3
"""Cells before a row: for the one that Enter takes, and for its marks."""


class Choice:
    """One row.

    Args:
        texts: What it shows, of any characters.
        marks: The two cells before it where all columns fit, and where they do not.
        color: The SGR parameters of its first cell; empty: none.
    """

    __slots__ = ("color", "fields", "marks", "texts")

    def __init__(self, texts: Sequence[str | None], *, marks: tuple[str, str] = ("  ", "  "), color: str = "") -> None:
        self.texts = [printable(text or "-") for text in texts]
        known = zip(texts, self.texts, strict=True)
        self.fields = ["" if text is None else fuzzy.folded(shown) for text, shown in known]
        self.marks = marks
        self.color = color


class Menu:
    """What the user sees and has typed.

    Args:
        head: The titles of the columns.
        choices: What there is to pick, in this order; None: that is not known yet.
    """

    def __init__(self, head: Sequence[str] = (), choices: Sequence[Choice] | None = None) -> None:
        self._head = head
        self._choices = choices or ()
        self._is_known = choices is not None
        columns = zip(head, *(choice.texts for choice in self._choices), strict=True)
        self._needed = [max(map(cells, column)) for column in columns]
        self._found: Sequence[int] = range(len(self._choices))
        self._at = self._top = 0
        self._searched = ""
        self.query = ""
        """What the user has typed."""
        self.page = 1
        """How many choices the screen shows."""

    @property
    def taken(self) -> int | None:
        """The index of the choice that is marked; None: nothing matches."""
        self._search()
        return self._found[self._at] if self._found else None

    def type(self, text: str) -> None:
        """Add *text* to the query."""
        self._edit((self.query + "".join(each if each.isprintable() else " " for each in text))[:_LONGEST])

    def erase(self, count: int | None = None) -> None:
        """Erase the last *count* characters of the query; None: its last word."""
        kept = self.query.rstrip(" ").rpartition(" ")
        self._edit(kept[0] + kept[1] if count is None else self.query[: max(0, len(self.query) - count)])

    def move(self, by: int) -> None:
        """Mark the choice that is *by* rows below, or the last or the first one."""
        self._search()
        self._at = max(0, min(self._at + by, len(self._found) - 1))

    def _edit(self, query: str) -> None:
        self.query = query
        self._at = self._top = 0

    def _search(self) -> None:
        """Find what the query matches, if it has changed: a key that is held comes faster than 5,000 rows are read."""
        if self.query == self._searched:
            return
        # More characters never match more.
        more = self.query.startswith(self._searched)
        among = sorted(self._found) if more else range(len(self._choices))
        found = fuzzy.ranked(fuzzy.words(self.query), [self._choices[index].fields for index in among])
        self._found = [among[number] for number in found]
        self._searched = self.query

    def lines(self, columns: int, height: int) -> tuple[list[str], int]:
        """Return at most *height* lines, each narrower than *columns*, and the cell of the cursor in the first one."""
        self._search()
        room = max(1, columns - 1)
        first, cursor = self._prompt(room)
        head = height > _SHORT
        keys = height >= _TALL
        self.page = max(1, min(height - 1 - head - keys, len(self._choices)))
        last = max(0, len(self._found) - self.page)
        self._top = max(self._at - self.page + 1, min(self._top, self._at, last))
        margin = _MARGIN if room > _MARGIN else 0
        widths = fitting_widths(self._needed, room - margin, _LEAST)
        is_cut = len(widths) < len(self._head)
        lines = [first]
        if head:
            lines.append(styled(_joined(" " * margin, _row(self._head, [set()] * len(self._head), widths), ""), _FAINT))
        shown = self._found[self._top : self._top + self.page]
        words = fuzzy.words(self.query)
        for number, index in enumerate(shown, self._top):
            choice = self._choices[index]
            is_marked = number == self._at
            before = f"{'>' if is_marked else ' '}{choice.marks[is_cut]}"[:margin]
            row = _row(choice.texts, fuzzy.marks(words, choice.fields), widths)
            lines.append(_joined(before, row, "7" if is_marked else "", choice.color))
        if not shown and self._is_known:
            lines.append(styled(fitting("   nothing matches", room), _FAINT))
        lines += [""] * (1 + head + self.page - len(lines))
        if keys:
            lines.append(styled(next(text for text in _KEYS if cells(text) <= room), _FAINT))
        return lines[:height], cursor

    def _prompt(self, room: int) -> tuple[str, int]:
        """Return the line with the query, whose end is always seen, and the cell of the cursor."""
        prompt = _PROMPT if room > 3 * len(_PROMPT) else _PROMPT[-2:][: room - 1]
        query = fitting(self.query[::-1], room - len(prompt) - 1)[::-1]
        cursor = len(prompt) + cells(query)
        count = f"{len(self._found)}/{len(self._choices)}" if self._is_known else "…"
        gap = room - cursor - len(count)
        return prompt + query + (" " * gap + count if gap > 1 else ""), cursor


_Cell = list[tuple[str, bool]]
"""The characters of a cell, and whether the query matches each."""


def _row(texts: Sequence[str], marks: Sequence[set[int]], widths: Sequence[int]) -> list[_Cell]:
    """Return the cells of a row, each as wide as its column."""
    row = []
    for text, marked, width in zip(texts, marks, widths, strict=False):
        cell = [(each, number in marked) for number, each in enumerate(text)]
        if cells(text) > width:
            begin = len(fitting(text, width // 2))
            end = len(fitting(text[::-1], width - cells(text[:begin]) - 1))
            cut = any(is_marked for _, is_marked in cell[begin : len(text) - end])
            cell = [*cell[:begin], ("…", cut), *cell[len(text) - end :]]
        left = width - cells("".join(each for each, _ in cell))
        row.append([*cell, *[(" ", False)] * left])
    return row


def _joined(before: str, row: Sequence[_Cell], style: str, color: str = "") -> str:
    """Return the line of a row with SGR parameters: *style* for all of it, *colour* for its first cell."""
    line = [styled(before, style)]
    for number, cell in enumerate(row):
        if number:
            line.append(styled(GAP, style))
        base = ";".join(filter(None, (style, color if not number else "")))
        for is_marked, run in groupby(cell, key=lambda each: each[1]):
            sgr = ";".join(filter(None, (base, "1;4" if is_marked else "")))
            line.append(styled("".join(each for each, _ in run), sgr))
    return "".join(line)
