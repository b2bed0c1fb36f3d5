"""The matcher: which rows the words of a query match, how well, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import fuzzy

letters = st.text("abAB-é1 ", max_size=8)
queries = st.lists(st.text("abé1-", min_size=1, max_size=4), max_size=3)
rows = st.lists(letters.map(fuzzy.folded), min_size=1, max_size=4)


def contains(field: str, word: str) -> bool:
    """Return whether *field* has the characters of *word* in their order."""
    rest = iter(field)
    return all(each in rest for each in word)


@given(queries, rows)
def test_a_row_matches_if_each_word_stands_in_one_of_its_fields(words: list[str], fields: list[str]) -> None:
    """A row matches if, for every word, one of its fields has the characters of the word in their order."""
    expected = all(any(contains(field, word) for field in fields) for word in words)

    assert expected == (fuzzy.score(words, fields) is not None)


@given(queries, rows)
def test_the_marked_characters_are_those_of_the_words(words: list[str], fields: list[str]) -> None:
    """Of a row that matches, the marked characters of one field spell each word."""
    for word in words if fuzzy.score(words, fields) is not None else []:
        spelled = [
            "".join(field[index] for index in sorted(marked))
            for field, marked in zip(fields, fuzzy.marks([word], fields), strict=True)
        ]
        assert [word] == [text for text in spelled if text]


@given(queries, rows)
def test_the_order_of_the_words_does_not_matter(words: list[str], fields: list[str]) -> None:
    """`prod admin` and `admin prod` are the same query."""
    assert fuzzy.score(words, fields) == fuzzy.score(words[::-1], fields)


@given(queries, st.lists(rows, max_size=6), st.sampled_from("abé1-"))
def test_more_characters_never_match_more(words: list[str], table: list[list[str]], more: str) -> None:
    """Each character that is typed narrows the list, or leaves it as it is."""
    longer = [*words[:-1], "".join(words[-1:]) + more]

    assert set(fuzzy.ranked(longer, table)) <= set(fuzzy.ranked(words, table))


@given(queries, st.lists(rows, max_size=6))
def test_the_best_match_is_first(words: list[str], table: list[list[str]]) -> None:
    """Rows are in the order of their scores, and those with the same score in the order that they came in."""
    found = fuzzy.ranked(words, table)

    scores = [(-(fuzzy.score(words, table[index]) or 0), index) for index in found]
    assert sorted(scores) == scores


@given(st.text(max_size=20))
def test_folding_keeps_the_number_of_characters(text: str) -> None:
    """Folded text has as many characters as the text: what is marked in one is marked in the other."""
    assert len(text) == len(fuzzy.folded(text))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["deploy", "prod-deploy", "prod", "x-prod", "underproduct", "p-r-o-d"]),
        ("prod", ["prod", "prod-deploy", "x-prod", "underproduct", "p-r-o-d"]),
        ("PROD", ["prod", "prod-deploy", "x-prod", "underproduct", "p-r-o-d"]),
        ("dep pro", ["prod-deploy", "underproduct"]),
        ("pro dep", ["prod-deploy", "underproduct"]),
        ("pdep", ["prod-deploy"]),
        ("pd", ["prod-deploy", "prod", "x-prod", "p-r-o-d", "underproduct"]),
        ("nothing", []),
    ],
)
def test_a_query_ranks_names(query: str, expected: list[str]) -> None:
    """A whole name is best, then its begin, the begin of a part, the inside, and characters with gaps."""
    names = ["deploy", "prod-deploy", "prod", "x-prod", "underproduct", "p-r-o-d"]

    assert expected == [names[index] for index in fuzzy.ranked(fuzzy.words(query), [[name] for name in names])]


def test_an_earlier_field_counts_more() -> None:
    """A word that is a profile ranks before one that is a role."""
    assert [1, 0] == fuzzy.ranked(["admin"], [["x", "admin"], ["admin", "x"]])
