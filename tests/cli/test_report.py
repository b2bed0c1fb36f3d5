"""The text of errors, notes and tables."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import duration, wording
from awsenv.cli import report
from awsenv.errors import ConfigError, MfaError, Origin, UsageError
from terminal import shown_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
"""Central European time, as POSIX spells it: a machine may have no time zone database."""
WINTER = 1_795_453_200
"""2026-11-23 17:00 UTC."""
SUMMER_ENDS = 1_792_890_000
"""2026-10-25 01:00 UTC, when central Europe sets its clocks from 3:00 back to 2:00."""


def test_an_error_is_a_fact_an_origin_and_a_next_step() -> None:
    """The fact, the origin and the next step each have a line."""
    error = ConfigError("no such region", Origin("~/.aws/config", 14, "profile deploy", "region"), hint="correct it")

    expected = f"awsenv: no such region\n  in       {error.where}\n  try      correct it\n"
    assert expected == report.described(error)


def test_each_part_of_an_error_has_a_line() -> None:
    """The cause, both origins and each next step have a line and a label."""
    origins = Origin("~/.aws/config", 14), Origin("--region")
    hints = ("one", "two")
    error = ConfigError("no such region", *origins, because="it has no endpoint", hint=hints)

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


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that puts this process into a time zone until the end of the test."""

    def enter(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield enter
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "now", "seconds", "expected"),
    [
        ("UTC", WINTER, 3600, "18:00 UTC"),
        ("UTC0", WINTER, 7 * 3600, "2026-11-24 00:00 UTC"),
        (BERLIN, WINTER, 5 * 3600, "23:00 CET"),
        (BERLIN, WINTER, 6 * 3600, "2026-11-24 00:00 CET"),
        ("<+0545>-5:45", WINTER, 3600, "23:45 +0545"),
        ("PST8PDT,M3.2.0,M11.1.0", WINTER, 14 * 3600, "23:00 PST"),
        (BERLIN, SUMMER_ENDS - 3600, 3599, "02:59 CEST"),
        (BERLIN, SUMMER_ENDS - 3600, 3600, "02:00 CET"),
        (BERLIN, WINTER, 180 * 86_400, "2027-05-22 19:00 CEST"),
        (BERLIN, WINTER, -86_400, "2026-11-22 18:00 CET"),
    ],
)
def test_a_time_is_local(in_zone: Callable[[str], None], zone: str, now: float, seconds: int, expected: str) -> None:
    """A time has its zone, by the rules of the day that it falls on, and its date where that is not today."""
    in_zone(zone)

    text = f"until {wording.instant(now + seconds)} ({duration.left(seconds)} left)"

    assert f"until {expected} ({duration.left(seconds)} left)" == report.in_local_time(text, now)


@pytest.mark.parametrize("text", ["{@", "{@1", "{@}", "{@x}", "{@-1}", "{@1.5}", "{@123456789012}", "{@٣}", "{ @1}"])
def test_what_is_no_time_stays(text: str) -> None:
    """A text that only looks like a time, from a file or AWS, is shown as it is."""
    assert text == report.in_local_time(text)


def test_a_time_is_that_of_the_terminal_and_not_of_the_agent(world: World) -> None:
    """An agent that was started in another time zone changes nothing for who asks it."""
    assert "+09" in world.run("login", world.device.code(), TZ="<+09>-9").stdout

    shown = world.run("login", world.device.next_code(), TZ="<-03>3").stdout

    assert "-03" in shown
    assert "+09" not in shown


@given(st.lists(st.text("ab日é\u0301-", max_size=20), max_size=8), st.integers(1, 16))
def test_a_cut_text_fits(texts: list[str], width: int) -> None:
    """A text that fits stays as it is; another is cut to the width, with an ellipsis."""
    shown = report.shortened(texts, width)

    assert len(texts) == len(shown)
    assert max(map(report.cells, shown), default=0) <= width
    for text, cut in zip(texts, shown, strict=True):
        assert (text == cut) if report.cells(text) <= width else ("…" in cut)


@pytest.mark.parametrize(
    ("names", "width"),
    [
        (["production-admin", "production-audit", "production-build"], 10),
        (["eu-production", "us-production", "ap-production"], 8),
        (["acme-payments-administrator", "acme-platform-administrator"], 12),
        ([f"acme-{number:03}-production-administrator" for number in range(200)], 10),
        (["日本語の長い名前その一", "日本語の長い名前その二"], 9),
    ],
)
def test_names_stay_apart_when_they_are_cut(names: list[str], width: int) -> None:
    """Names that differ at their begin, in their middle or at their end still differ when they are cut."""
    assert len(names) == len({*report.shortened(names, width)})


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        (
            "   RoleArn          arn:aws:iam::123456789012:role/x  ~/.aws/config:5\n",
            40,
            "   RoleArn\n     arn:aws:iam::123456789012:role/x\n     ~/.aws/config:5\n",
        ),
        ("Source  the access key of profile default\n", 30, "Source  the access key of\n        profile default\n"),
        ("Role        very-long-name-of-a-role-1\n", 30, "Role\n  very-long-name-of-a-role-1\n"),
        ("Role  a-role-that-is-longer-than-it-all-1\n", 30, "Role\n      a-role-that-is-longer-than-it-all-1\n"),
        ("1. sts:AssumeRole, with the source\n", 24, "1. sts:AssumeRole, with\n   the source\n"),
        ("done: 2. create the MFA device\n", 28, "done: 2. create the MFA\n         device\n"),
        ("! role  AWS refused the role\n", 24, "! role  AWS refused the\n        role\n"),
        ("  because  no policy allows it\n", 14, "  because  no\n    policy\n    allows it\n"),
        ("awsenv: 日本語の プロファイル がない\n", 24, "awsenv: 日本語の\n        プロファイル\n        がない\n"),
    ],
)
def test_a_table_is_wrapped_below_its_text(text: str, columns: int, expected: str) -> None:
    """A line continues below its text, or near the margin if that alone keeps a word whole or its label is long."""
    assert expected == report.wrapped(text, columns)


@given(st.text("ab c\n", max_size=200), st.integers(20, 80))
def test_wrapping_loses_no_word(text: str, columns: int) -> None:
    """Wrapping keeps every word of any text, at any width."""
    assert text.split() == report.wrapped(text, columns).split()


def test_a_table_shows_only_the_first_line_of_a_value() -> None:
    """The columns are aligned, and a value is cut after its first line, since the rest may be a secret."""
    assert "a     bc\nlong  d…\n" == report.table([("a", "bc"), ("long", "d\n secret = canary")])
    assert "" == report.table([])


@pytest.mark.parametrize(
    ("changes", "name", "label"),
    [
        ({}, "\x1b[31;1mawsenv:\x1b[m", "\x1b[2mtry\x1b[m"),
        ({"NO_COLOR": "1"}, "awsenv:", "try"),
        ({"TERM": "dumb"}, "awsenv:", "try"),
    ],
)
def test_a_message_fits_the_terminal(world: World, changes: dict[str, str], name: str, label: str) -> None:
    """A message is wrapped to the terminal; its name is red and its labels are faint, unless colour is off."""
    environ = world.environ | {"LANG": "C.UTF-8", "AWSENV_PICKER": "none"} | changes
    words = ["exec", "--region", "eu-central-1"]
    child = pexpect.spawn(world.program, words, env=environ, encoding="utf-8", timeout=60, dimensions=(24, 40))

    assert (
        f"{name} which role?\r\n"
        f"  {label}      awsenv exec ROLE [CODE] [--\r\n           COMMAND...]\r\n"
        f"  {label.replace('try', 'or')}       awsenv list shows the roles\r\n"
    ) == shown_by(child)


@pytest.mark.parametrize(
    "line",
    [
        "explain power-user",
        "doctor power-user",
        "status",
        "power-usr",
        "exec power-user --policy file://a-file-that-is-not-there.json -- ls",
        "power-user --region mars",
        "setup --dry-run",
        "list nothing",
    ],
)
def test_no_command_breaks_a_word_on_a_narrow_terminal(world: World, line: str) -> None:
    """A line that is wider than a terminal of 40 columns is one word, such as an ARN, that the user may copy."""
    child = pexpect.spawn(
        world.program, line.split(), env=world.environ, encoding="utf-8", timeout=60, dimensions=(24, 40)
    )
    child.expect(pexpect.EOF)

    lines = re.sub(r"\x1b\[[\d;]*[mK]", "", child.before).splitlines()
    assert lines
    assert [] == [each for each in lines if report.cells(each) > 40 and len(each.split()) > 1]
