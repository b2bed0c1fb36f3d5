"""What `awsenv demo` shows before its shell starts, and whose it is."""

from __future__ import annotations

import re

from awsenv.cli.commands import COMMANDS
from awsenv.cli.demo import LOGIN, TOUR, USER
from awsenv.cli.setup import default_user

SHOWN = TOUR.format(mfa_code="/tmp/awsenv-demo-12345678/bin/mfa-code")  # noqa: S108 - as on most machines


def test_the_tour_fits_a_terminal() -> None:
    """The tour and the first prompt fit a terminal of 80 columns and 24 rows."""
    lines = SHOWN.splitlines()

    assert 80 >= max(map(len, lines))
    assert 24 > len(lines)


def test_the_tour_is_a_table() -> None:
    """The descriptions of its commands are aligned."""
    columns = {match.end() for line in SHOWN.splitlines() if (match := re.match(r"  (\S.*?)?  +(?=\S)", line))}

    assert {31} == columns


def test_the_tour_has_commands_that_exist() -> None:
    """Each line is a command, or about the one above it; the MFA prompt comes before the login."""
    typed = re.findall(r"^  awsenv (\S+)", SHOWN, re.MULTILINE)

    assert {"power-user", *COMMANDS} > set(typed)
    assert typed.index("power-user") < typed.index("login")


def test_the_user_is_the_one_that_setup_would_create() -> None:
    """`setup` finds in the demo what it would make."""
    assert USER == default_user({"LOGNAME": LOGIN})
