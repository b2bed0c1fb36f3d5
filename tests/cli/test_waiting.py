"""The line that says what awsenv waits for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import report
from awsenv.cli.waiting import is_quiet, line

STS = "AWS STS at sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "seconds", "columns", "expected"),
    [
        (STS, 0.9, 80, f"awsenv: waiting for {STS}"),
        (STS, 1.0, 80, f"awsenv: waiting for {STS}, 1 s"),
        (STS, 75.9, 80, f"awsenv: waiting for {STS}, 75 s"),
        (STS, 3, 40, "awsenv: waiting for AWS STS at…, 3 s"),
        ("the agent, which is starting", 1, 40, "awsenv: waiting for the agent…, 1 s"),
        ("the role power-user", 1, 40, "awsenv: waiting for the role…, 1 s"),
        ("the next check", 10, 40, "awsenv: waiting for the next check, 10 s"),
        ("the next check", 10, 39, "awsenv: waiting for the next…, 10 s"),
        ("mfa_process", 1, 30, "awsenv: waiting for mfa_…, 1 s"),
        (STS, 3, 5, ", 3 s"),
        (STS, 0, 5, "awse…"),
        ("ミア", 3, 80, "awsenv: waiting for ミア, 3 s"),
        ("ミアミ", 3, 29, "awsenv: waiting for ミ…, 3 s"),
        ("a\x1b[2J", 1, 80, "awsenv: waiting for a\\x1b[2J, 1 s"),
    ],
)
def test_the_line_says_what_and_since_when(text: str, seconds: float, columns: int, expected: str) -> None:
    """A text is cut behind a word, the seconds stay, and no control character reaches the terminal."""
    assert expected == line(text, seconds, columns)


@given(st.text(), st.floats(0, 1e6), st.integers(0, 200))
def test_the_line_fits_the_terminal(text: str, seconds: float, columns: int) -> None:
    """A line that were wrapped could not be removed."""
    shown = line(text, seconds, columns)

    assert columns >= report.cells(shown)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-q read-only", True),
        ("read-only --quiet", True),
        ("exec read-only -q -- grep x", True),
        ("exec --duration 2h read-only 123456 --refresh -q grep x", True),
        ("exec -q --profile p read-only grep x", True),
        ("exec read-only -- grep -q x", False),
        ("exec read-only grep -q x", False),
        ("exec read-only 123456 apt-get --quiet update", False),
        ("exec --profile=p --region eu-west-1 read-only grep -q x", False),
        ("read-only --session-name -q", False),
        ("demo -- awsenv -q read-only", False),
    ],
)
def test_only_our_own_option_asks_for_quiet(words: str, expected: bool) -> None:  # noqa: FBT001 - what is expected
    """An option of the command that `exec` runs, and the value of another option, ask for nothing."""
    assert expected == is_quiet(words.split())
