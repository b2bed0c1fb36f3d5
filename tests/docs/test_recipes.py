"""Each block of docs/recipes.md has a test that runs it, or says why it has none."""

from __future__ import annotations

import re

from cookbook import DOCUMENT, recipes, used


def test_each_block_says_what_tests_it() -> None:
    """A comment before each block names its recipe, or the reason why no test runs it."""
    assert [] == [block.text for block in recipes() if block.name is None and block.reason is None]
    fences = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")]
    assert 2 * len(recipes()) == len(fences)


def test_each_recipe_has_a_test() -> None:
    """The names are unique; a test uses each, and uses no other."""
    names = sorted(block.name for block in recipes() if block.name is not None)

    assert sorted({*names}) == names
    assert sorted(used()) == names


def test_the_contents_list_each_recipe() -> None:
    """The list at the top has the title of each group and of each recipe, in order."""
    top, *groups = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = [re.findall(r"\A(.*)|^### (.*)$", group, re.MULTILINE) for group in groups]
    expected = [(group[0][0], [title for _, title in group[1:]]) for group in titles]

    listed = re.findall(r"^- \*\*(.*?)\*\*: (.*?)$(?!\n  )", top, re.MULTILINE | re.DOTALL)

    assert expected == [(title, re.findall(r"\[(.*?)\]\(", re.sub(r"\s+", " ", links))) for title, links in listed]
