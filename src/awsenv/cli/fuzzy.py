"""Find rows by a few characters of them: several words, in any order, each with or without gaps.

A word matches a field that contains it, or its characters in their order. All words must match. Case does not count.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TOGETHER, _WHOLE, _FIRST, _AT_A_BREAK = 1000, 500, 200, 300
"""What a word scores that stands in the field in one piece: as all of it, at its start, behind a hyphen or the like."""
_APART, _BREAK, _GAP = 500, 20, 10
"""What it scores in several pieces: more for each that stands at a break, less for each character between them."""
_EARLIER = 10
"""What each earlier field is worth."""


def folded(text: str) -> str:
    """Return *text* with the same number of characters, in lower case."""
    if text.isascii():
        return text.lower()
    return "".join(lower if len(lower := each.lower()) == 1 else each for each in text)


def words(query: str) -> list[str]:
    """Return the words of what the user typed."""
    return folded(query).split()


def score(words: Sequence[str], fields: Sequence[str]) -> int | None:
    """Return how well *words* match the folded *fields* of a row, the first of which count most; None: they do not."""
    total = 0
    for word in words:
        found = _best(word, fields)
        if found is None:
            return None
        total += found[0]
    return total


def marks(words: Sequence[str], fields: Sequence[str]) -> list[set[int]]:
    """Return for each of *fields*, which *words* match, the indexes of the characters that they match there."""
    marked: list[set[int]] = [set() for _ in fields]
    for word in words:
        found = _best(word, fields)
        if found is not None:
            marked[found[1]].update(found[2])
    return marked


def ranked(words: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the indexes of the *rows* that *words* match, best match first, and in their order where equal."""
    scores = [(each, index) for index, fields in enumerate(rows) if (each := score(words, fields)) is not None]
    scores.sort(key=lambda each: -each[0])
    return [index for _, index in scores]


def _best(word: str, fields: Sequence[str]) -> tuple[int, int, Sequence[int]] | None:
    """Return the score of *word*, the index of the field that it matches best, and those of the characters there."""
    # A word in one piece is always worth more, and found in a fraction of the time.
    for find in (_together, _apart):
        best = None
        for number, field in enumerate(fields):
            if (found := find(word, field)) is not None:
                points = max(1, found[0]) + _EARLIER * (len(fields) - number)
                if best is None or points > best[0]:
                    best = points, number, found[1]
        if best is not None:
            return best
    return None


def _together(word: str, field: str) -> tuple[int, Sequence[int]] | None:
    first = at = field.find(word)
    if first < 0:
        return None
    while at > 0 and not _is_break(field, at):
        at = field.find(word, at + 1)
    start = max(first, at)
    points = _TOGETHER + _WHOLE * (len(word) == len(field)) + _FIRST * (start == 0) + _AT_A_BREAK * (at >= 0)
    return points, range(start, start + len(word))


def _apart(word: str, field: str) -> tuple[int, Sequence[int]] | None:
    end = -1
    for each in word:
        end = field.find(each, end + 1)
        if end < 0:
            return None
    # The shortest stretch that ends there.
    indexes = [end + 1]
    for each in reversed(word):
        indexes.append(field.rfind(each, 0, indexes[-1]))
    indexes = indexes[:0:-1]
    between = indexes[-1] - indexes[0] + 1 - len(word)
    return _APART + _BREAK * sum(_is_break(field, index) for index in indexes) - _GAP * between, indexes


def _is_break(field: str, index: int) -> bool:
    """Return whether a part of the field begins at *index*."""
    return index == 0 or not field[index - 1].isalnum()
