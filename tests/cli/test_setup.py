"""`awsenv setup`: how its arguments and the environment make a request."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"LOGNAME": "jane", "USER": "x"}, "jane"),
        ({"LOGNAME": "", "USERNAME": "joe"}, "joe"),
        ({"LOGNAME": "--", "USER": "joe"}, "joe"),
        ({}, pwd.getpwuid(os.geteuid()).pw_name),
    ],
)
def test_the_user_is_named_after_the_login_name(
    program: str, clean_environ: dict[str, str], variables: dict[str, str], name: str
) -> None:
    """The first variable with a valid name gives the name, or else the password database, as under cron."""
    done = subprocess.run(
        [program, "setup", "--format", "terraform"],
        env=clean_environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )

    assert f'name          = "awsenv-{name}"\n' in done.stdout
