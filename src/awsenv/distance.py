"""How far a mistyped word is from a name: near enough to be meant, or another name.

The measure is that of Damerau and Levenshtein in its restricted form (optimal string alignment): letters that are
missing, added, wrong or swapped. Names that users keep apart must not be near: `prod-ro` and `prod-rw`, `team-a` and
`team-b`, `role1` and `role2`, `deploy` and `deployer`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {key: (row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
"""Where each letter is on a keyboard."""

_MOST = 2
"""Mistakes: more are another name."""
_LONG = 8
"""Letters from which two mistakes are a typo."""
_SHORT = 5
"""Letters up to which the first is right, and a wrong one is a neighbour on the keyboard: `block` is not `lock`."""
_SHORTEST = 3
"""Letters up to which only a doubled or a swapped letter is a typo: `user` is not `use`."""


@dataclass(frozen=True, slots=True)
class _Name:
    parts: tuple[str, ...]
    letters: str
    digits: str


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the one of *names* that *word* is most likely meant for, the first of several; None: it is another name.

    Case, separators and accents do not matter.
    """
    typed = _name(word)
    found, fewest = None, _MOST + 1
    for name in names:
        mistakes = _mistakes(typed, _name(name))
        if mistakes < fewest:
            found, fewest = name, mistakes
    return found


@lru_cache(maxsize=4096)
def _name(text: str) -> _Name:
    if not text.isascii():
        from unicodedata import category, normalize  # noqa: PLC0415 - most names are ASCII

        text = "".join(each for each in normalize("NFD", text) if category(each) != "Mn")
    parts = tuple(re.findall(r"[^\W_]+", text.lower()))
    letters = "".join(parts)
    return _Name(parts, letters, re.sub("[^0-9]", "", letters))


def _mistakes(word: _Name, name: _Name) -> int:
    """Return the number of mistakes that make *word* of *name*; more than `_MOST` if it is another name."""
    another = _MOST + 1
    if word.letters == name.letters:
        return 0 if word.letters else another
    # Numbers tell names apart. The rest is a quick look before a slow one.
    if word.digits != name.digits or abs(len(word.letters) - len(name.letters)) > _MOST:
        return another
    if len(set(word.letters) ^ set(name.letters)) > 2 * _MOST:
        return another
    if len(word.parts) == len(name.parts):
        pairs = [(a, b) for a, b in zip(word.parts, name.parts, strict=True) if a != b]
    else:
        # A separator is missing. A part that is added makes another name.
        pairs = [(word.letters, name.letters)] if len(word.letters) == len(name.letters) else []
    if not 1 <= len(pairs) <= _MOST:
        return another
    mistakes = sum(_typos(a, b) for a, b in pairs)
    return mistakes if mistakes <= _allowed(name.letters) else another


def _allowed(name: str) -> int:
    return _MOST if len(name) >= _LONG else 1


@lru_cache(maxsize=4096)
def _typos(word: str, name: str) -> int:
    """Return the number of mistakes that make *word* of another, *name*; more than `_MOST` if none was made."""
    mistakes = _distance(word, name)
    return mistakes if mistakes <= _allowed(name) and _is_typo(word, name, mistakes) else _MOST + 1


def _is_typo(word: str, name: str, mistakes: int) -> bool:
    if mistakes > 1:
        return not word.startswith(name) and not name.startswith(word)
    if len(name) > _SHORT or sorted(word) == sorted(name):
        return True
    if len(name) <= _SHORTEST:
        return re.sub(r"(.)\1+", r"\1", word) == re.sub(r"(.)\1+", r"\1", name)
    if word[0] != name[0]:
        return word == name[1:]
    return len(word) != len(name) or _are_neighbours(word, name)


def _are_neighbours(word: str, name: str) -> bool:
    """Return whether the two letters in which the words differ are neighbours on the keyboard."""
    ((typed, right),) = ((a, b) for a, b in zip(word, name, strict=True) if a != b)
    if typed not in _KEYS or right not in _KEYS:
        return False
    return all(abs(a - b) <= 1 for a, b in zip(_KEYS[typed], _KEYS[right], strict=True))


def _distance(word: str, name: str) -> int:
    """Return how many letters are missing, added, wrong or swapped with the next."""
    before: list[int] = []
    row = list(range(len(name) + 1))
    for number, letter in enumerate(word):
        earlier, before, row = before, row, [number + 1]
        for column, other in enumerate(name):
            cost = min(row[column] + 1, before[column + 1] + 1, before[column] + (letter != other))
            if number and column and letter == name[column - 1] and word[number - 1] == other:
                cost = min(cost, earlier[column - 1] + 1)
            row.append(cost)
    return row[-1]
