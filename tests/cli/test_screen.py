"""The keys that a terminal sends."""

from __future__ import annotations

import pytest

from awsenv.cli.screen import keys


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        ("abc", ["abc"], ""),
        ("a\x1b[Ab\r", ["a", "\x1b[A", "b", "\r"], ""),
        ("\x1b", [], "\x1b"),
        ("\x1b[", [], "\x1b["),
        ("\x1b[1;5", [], "\x1b[1;5"),
        ("\x1bO", [], "\x1bO"),
        ("\x1b\x1b[B", ["\x1b", "\x1b[B"], ""),
        ("\x1bx\x1bOH", ["\x1bx", "\x1bOH"], ""),
        ("\x1b[[A", ["\x1b[[A"], ""),
        ("\x1b[200~a\r\x1b", [], "\x1b[200~a\r\x1b"),
        ("\x1b[200~a\r\nb\x1b[201~\r", ["a\r\nb", "\r"], ""),
        ("\x1b]11;rgb:0/0/0\x07a", ["\x1b]11;rgb:0/0/0\x07", "a"], ""),
        ("\x1bP1+r\x1b\\\r", ["\x1bP1+r\x1b\\", "\r"], ""),
        ("\x1b]11;rgb:0/", [], "\x1b]11;rgb:0/"),
        ("\x1b]a\x1b[A", ["\x1b]", "a", "\x1b[A"], ""),
        ("日本\x7f", ["日本", "\x7f"], ""),
    ],
)
def test_keys_are_told_apart(text: str, expected: list[str], rest: str) -> None:
    """A key may be one character or many, and what is pasted is text; what is not whole waits for more."""
    assert (expected, rest) == keys(text)
