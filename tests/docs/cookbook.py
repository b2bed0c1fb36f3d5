"""The blocks of docs/recipes.md, which tests run as they stand.

A comment in the line before each block says what tests it:

    <!-- recipe: NAME -->          a test in tests/recipes/ or tests/e2e/ takes the text with recipe("NAME")
    <!-- no test: REASON -->       no test can run it
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from quotes import ROOT

DOCUMENT = ROOT / "docs" / "recipes.md"
TESTS = sorted(path for folder in ("recipes", "e2e") for path in (ROOT / "tests" / folder).rglob("*.py"))

_BLOCK = re.compile(
    r"^(?:<!-- (?P<kind>recipe|no test): (?P<word>[^\n]+?) -->\n)?```\w*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_USE = re.compile(r"""\brecipe\(\s*["']([^"']+)["']\s*\)""")


class Block(NamedTuple):
    """A fenced block of the document."""

    name: str | None
    """The name of the recipe; None: no test runs it."""
    reason: str | None
    """Why no test runs it."""
    text: str


@cache
def recipes() -> list[Block]:
    """Return all blocks of the document, in order."""
    found = _BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))
    words = ((match["kind"], match["word"], match["text"]) for match in found)
    return [
        Block(word if kind == "recipe" else None, word if kind == "no test" else None, text)
        for kind, word, text in words
    ]


def recipe(name: str) -> str:
    """Return the text of a recipe."""
    texts = [block.text for block in recipes() if block.name == name]
    assert 1 == len(texts), f"{DOCUMENT.name} has {len(texts)} recipes of the name {name}"
    return texts[0]


def used() -> set[str]:
    """Return the names of the recipes that tests use."""
    return {name for path in TESTS for name in _USE.findall(path.read_text(encoding="utf-8"))}
