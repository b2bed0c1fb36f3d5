"""The text of errors, notes and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import report
from awsenv.errors import ConfigError, MfaError, Origin, UsageError

if TYPE_CHECKING:
    from conftest import World


def test_an_error_is_a_fact_an_origin_and_a_next_step() -> None:
    """The fact, the origin and the next step each have a line."""
    error = ConfigError("no such region", Origin("~/.aws/config", 14, "profile deploy", "region"), hint="correct it")

    expected = f"awsenv: no such region\n  in       {error.where}\n  try      correct it\n"
    assert expected == report.described(error)


def test_an_error_shows_at_most_two_next_steps() -> None:
    """The cause, both origins and two next steps each have a line, and a third step has none."""
    origins = Origin("~/.aws/config", 14), Origin("--region")
    error = ConfigError("no such region", *origins, because="it has no endpoint", hint=("one", "two", "three"))

    expected = """\
awsenv: no such region
  because  it has no endpoint
  in       ~/.aws/config:14
  and      --region
  try      one
  or       two
"""
    assert expected == report.described(error)


def test_an_error_without_details_is_one_line() -> None:
    """An error with neither origin nor next step prints only its fact."""
    assert "awsenv: cancelled\n" == report.described(MfaError("cancelled"))


def test_no_escape_sequence_reaches_the_terminal() -> None:
    """Control characters, which a file or AWS may send, are spelled out."""
    expected = "awsenv: \\x1b]0;owned\\x07\n  try      \\x9b31m\n"
    assert expected == report.described(UsageError("\x1b]0;owned\x07", hint="\x9b31m"))


def test_a_long_line_is_wrapped_below_its_text() -> None:
    """Lines break between words, and never within a word that the user may copy."""
    fact = "awsenv: AWS refused to let alice assume role deploy\n"
    text = f"{fact}  try      awsenv doctor arn:aws:iam::123456789012:role/deploy\n"

    expected = """\
awsenv: AWS refused to let alice
        assume role deploy
  try      awsenv doctor
           arn:aws:iam::123456789012:role/deploy
"""
    assert expected == report.wrapped(text, 35)


@given(st.text("ab c\n", max_size=200), st.integers(20, 80))
def test_wrapping_loses_no_word(text: str, columns: int) -> None:
    """Wrapping keeps every word of any text, at any width."""
    assert text.split() == report.wrapped(text, columns).split()


def test_a_table_shows_only_the_first_line_of_a_value() -> None:
    """The columns are aligned, and a value is cut after its first line, since the rest may be a secret."""
    assert "a     bc\nlong  d…\n" == report.table([("a", "bc"), ("long", "d\n secret = canary")])
    assert "" == report.table([])


@pytest.mark.parametrize(
    ("changes", "label"),
    [({}, "\x1b[31;1mawsenv:\x1b[m"), ({"NO_COLOR": "1"}, "awsenv:"), ({"TERM": "dumb"}, "awsenv:")],
)
def test_a_message_fits_the_terminal(world: World, changes: dict[str, str], label: str) -> None:
    """A message is wrapped to the width of the terminal, and its label is red unless colour is off."""
    environ = world.environ | {"LANG": "C.UTF-8"} | changes
    words = ["use", "--region", "eu-central-1"]
    child = pexpect.spawn(world.program, words, env=environ, encoding="utf-8", timeout=60, dimensions=(24, 40))
    child.expect(pexpect.EOF)

    assert f"{label} which role?\r\n  try      awsenv use [OPTIONS] ROLE\r\n           [CODE]\r\n" == child.before
