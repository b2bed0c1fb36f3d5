"""Draws where the time goes over a network, from the table of docs/performance.md: a bar a row, a part a round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from quotes import ROOT, section

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "performance.md"
TITLE = "Over a network"
ROUND_TRIP = 40
"""Milliseconds."""

WIDTH, LABELS, NUMBERS, LINE, BAR, MARGIN, SIZE = 760, 330, 60, 28, 16, 18, 14
"""Pixels: all, the names, the figures, a row, a bar, the space around, the font."""
FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
COLORS = {
    # By the class of an element: in a light browser, and in a dark one.
    "ground": ("#ffffff", "#161b22"),
    "text": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9198a1"),
    "trip": ("#0969da", "#79c0ff"),
    "work": ("#d1d9e0", "#3d444d"),
}


class Bar(NamedTuple):
    """A row of the table."""

    name: str
    trips: int
    ms: int


def bars() -> list[Bar]:
    """Return the rows of the table that have a figure."""
    lines = [line for line in section(PAGE, TITLE).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Bar(row[0].replace("`", ""), int(row[1]), int(row[2])) for row in cells if row[1].isdigit()]


def svg() -> str:
    """Return the picture."""
    rows = bars()
    height = 2 * MARGIN + LINE * (len(rows) + 1)
    light, dark = ("".join(f".{name}{{fill:{colors[theme]}}}" for name, colors in COLORS.items()) for theme in (0, 1))
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>Milliseconds over TLS, of which each round trip takes {ROUND_TRIP}</title>",
        f"<style>{light}@media(prefers-color-scheme:dark){{{dark}}}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="10"/>',
        f'<g class="text" font-family="{FONT}" font-size="{SIZE}">',
    ]
    scale = (WIDTH - 2 * MARGIN - LABELS - NUMBERS) / max(row.ms for row in rows)
    for number, row in enumerate(rows):
        drawn += _bar(row, MARGIN + number * LINE, scale)
    top = MARGIN + len(rows) * LINE
    drawn += [
        _part("trip", MARGIN + LABELS, top, BAR),
        _text(MARGIN + LABELS + BAR + 6, top, f"a round trip of {ROUND_TRIP} ms", "faint"),
        _part("work", MARGIN + LABELS + 190, top, BAR),
        _text(MARGIN + LABELS + BAR + 196, top, "the program", "faint"),
        "</g>",
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _bar(row: Bar, top: int, scale: float) -> Iterator[str]:
    x = float(MARGIN + LABELS)
    yield _text(MARGIN, top, row.name)
    for part in ("work", *["trip"] * row.trips):
        width = (ROUND_TRIP if part == "trip" else row.ms - ROUND_TRIP * row.trips) * scale
        yield _part(part, x, top, width - 1)
        x += width
    yield _text(x + 6, top, str(row.ms))


def _part(name: str, x: float, top: float, width: float) -> str:
    return f'<rect class="{name}" x="{x:.1f}" y="{top}" width="{max(width, 1):.1f}" height="{BAR}"/>'


def _text(x: float, top: float, text: str, name: str = "text") -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{top + 13}">{escape(text)}</text>'
