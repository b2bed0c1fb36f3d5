"""What reads a QR code off a terminal, as a telephone does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyte
import pytest
import zxingcpp

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyte.screens import Char

_HALVES = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
_SCALE = 4
_THEMES = {
    "dark": {"fg": 0xC0, "bg": 0x00},
    "light": {"fg": 0x20, "bg": 0xFF},
}
_SIZE = (80, 60)


def _grey(colour: str, default: int) -> int:
    if colour == "default":
        return default
    assert len(colour) == 6, f"{colour} is a name: what it looks like is the theme's"
    return sum(bytes.fromhex(colour)) // 3


def _pixels(char: Char, theme: dict[str, int]) -> tuple[int, int]:
    ink, paper = _grey(char.fg, theme["fg"]), _grey(char.bg, theme["bg"])
    upper, lower = _HALVES.get(char.data, (0, 0))
    return (ink if upper else paper, ink if lower else paper)


@pytest.fixture(scope="session")
def decode() -> Callable[..., str]:
    """Return what reads the QR code that a terminal shows after it was sent a text.

    Text that stands around the code is taken for nothing, as a camera would. A terminal of 80 columns, with a dark or a
    light background.
    """

    def read(text: str, theme: str = "dark") -> str:
        screen = pyte.Screen(*_SIZE)
        # A terminal that is a device turns a line feed into both: this one is a screen only.
        pyte.Stream(screen).feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))
        width, height = _SIZE
        rows: list[bytes] = []
        for y in range(height):
            cells = [_pixels(screen.buffer[y][x], _THEMES[theme]) for x in range(width)]
            rows += [bytes(half for half in row for _ in range(_SCALE)) for row in zip(*cells, strict=True)]
        image = b"".join(row for row in rows for _ in range(_SCALE))
        view = memoryview(image).cast("B", (2 * height * _SCALE, width * _SCALE))
        found = zxingcpp.read_barcodes(view)
        assert 1 == len(found), "there is not one QR code on the screen"
        return str(found[0].text)

    return read
