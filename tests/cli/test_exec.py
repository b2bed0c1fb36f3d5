"""`awsenv exec ROLE [CODE] [-- COMMAND…]`, as a script runs it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv.variables import SECRET, having

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import World

SHOW_ROLE = ["printenv", "AWSENV_ROLE"]


def test_a_command_runs_with_the_role(world: World) -> None:
    """Put the role into the command's environment."""
    answer = world.run("exec", "read-only", "--", *SHOW_ROLE)

    assert (0, "read-only\n", "") == (answer.returncode, answer.stdout, answer.stderr)


def test_a_code_may_stand_behind_the_role(world: World) -> None:
    """Take six digits for the code."""
    answer = world.run("exec", "power-user", world.device.code(), "--", *SHOW_ROLE)

    assert answer.stdout == "power-user\n"


def test_anything_else_begins_the_command(world: World) -> None:
    """Need no `--` where the command is no code."""
    assert world.run("exec", "read-only", *SHOW_ROLE).stdout == "read-only\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--region", "eu-west-1", "read-only", "--"],
        ["read-only", "--region", "eu-west-1", "--"],
        ["read-only", "--region=eu-west-1", "--"],
        ["read-only", "--region", "eu-west-1"],
    ],
)
def test_options_stand_before_the_command(world: World, words: list[str]) -> None:
    """Read ours on either side of the role, and none behind the command's first word."""
    answer = world.run("exec", *words, "sh", "-c", 'echo "$AWS_REGION" "$@"', "sh", "--region", "--", "x")

    assert (answer.stdout, answer.stderr) == ("eu-west-1 --region -- x\n", "")


def test_the_arguments_of_the_command_stay_apart(world: World) -> None:
    """Split nothing and quote nothing (granted#216)."""
    words = ["a b", "", "$(id)", "'", "-x", "*"]

    answer = world.run("exec", "read-only", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)

    assert answer.stdout == f"{words}\n"


@pytest.mark.parametrize("status", [0, 1, 3, 125, 127, 255])
def test_the_exit_status_is_the_commands_own(world: World, status: int) -> None:
    """Add nothing to it."""
    assert status == world.run("exec", "read-only", "--", "sh", "-c", f"exit {status}").returncode


def test_a_signal_is_the_commands_own(world: World) -> None:
    """Die as the command dies."""
    assert -signal.SIGTERM == world.run("exec", "read-only", "--", "sh", "-c", "kill -TERM $$").returncode


@pytest.mark.parametrize("word", ["12345", "1234567", "0"])
def test_a_code_of_another_length_is_no_command(world: World, word: str) -> None:
    """Say that it is not a code, before AWS is asked for anything."""
    answer = world.run("exec", "read-only", word, "--", "env")

    assert (answer.returncode, answer.stdout, world.actions()) == (125, "", [])
    assert answer.stderr.startswith("awsenv: the word after the role is not an MFA code, which is six digits\n")


def test_awsenv_itself_failing_is_125(world: World) -> None:
    """Keep the statuses of the command free, as env(1) does; run nothing, print nothing to stdout."""
    answer = world.run("exec", "no-such-role", "--", "echo", "reached")

    assert (answer.returncode, answer.stdout) == (125, "")


@pytest.mark.parametrize("words", [["exec"], ["exec", "--"], ["exec", "--bogus", "read-only"]])
def test_a_wrong_command_line_is_125(world: World, words: list[str]) -> None:
    """Count it as awsenv failing, as env(1) does."""
    answer = world.run(*words)

    assert (answer.returncode, answer.stdout) == (125, "")
    assert answer.stderr.startswith("awsenv: ")


def test_an_unknown_command_is_127(world: World) -> None:
    """Say that it was not found."""
    answer = world.run("exec", "read-only", "--", "no-such-command")

    assert (127, "awsenv: command not found: 'no-such-command'\n") == (answer.returncode, answer.stderr)


def test_what_cannot_be_executed_is_126(world: World) -> None:
    """Say that it was found."""
    assert world.run("exec", "read-only", "--", world.environ["HOME"]).returncode == 126


def test_nested_exec_starts_from_the_original_source(world: World) -> None:
    """Assume the inner role as the user, not as the outer role."""
    answer = world.run("exec", "read-only", "--", world.program, "exec", "power-user", world.device.code(), *SHOW_ROLE)

    assert answer.stdout == "power-user\n"
    assert [world.user_arn] * 2 == [call.caller for call in world.sandbox.calls]


def test_other_sources_of_credentials_are_gone(world: World) -> None:
    """Leave nothing in the environment that could win over the role."""
    answer = world.run("exec", "read-only", "--", "env", AWS_PROFILE="default", AWS_SECURITY_TOKEN="stale")

    names = {line.partition("=")[0] for line in answer.stdout.splitlines()}
    assert not names & {"AWS_PROFILE", "AWS_SECURITY_TOKEN"}


@pytest.mark.parametrize("refresh", [[], ["--refresh"]], ids=["keys", "endpoint"])
def test_a_command_gets_no_secret_but_the_roles(world: World, samples: Mapping[str, str], refresh: list[str]) -> None:
    """Keep every secret of the caller from the command, and where the key came from findable."""
    secrets = {name: f"canary-{name}" for name in having(SECRET)}
    pair = {**secrets, "AWS_ACCESS_KEY_ID": samples["AWS_ACCESS_KEY_ID"]}

    answer = world.run("exec", *refresh, "read-only", "--", "env", **pair)

    assert answer.returncode == 0, answer.stderr
    assert "canary" not in answer.stdout
    assert f"AWSENV_SAVED_AWS_ACCESS_KEY_ID={samples['AWS_ACCESS_KEY_ID']}\n" in answer.stdout


def test_a_source_that_a_command_was_not_given_is_not_another_one(world: World) -> None:
    """Fail within a command of `exec` where a role is to be assumed with the key that the caller had exported."""
    key = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
    role = f"arn:aws:iam::{world.sandbox.account}:role/read-only"

    answer = world.run("exec", "read-only", "--", world.program, "use", role, "--shell", "json", **key)

    assert (4, "") == (answer.returncode, answer.stdout)
    assert "half an access key" in answer.stderr


def test_the_rest_of_the_environment_is_untouched(world: World) -> None:
    """Hand down every other variable as it was, in the C locale too, where Python adds one of its own."""
    environ = {name: value for name, value in world.environ.items() if name != "LANG"} | {"ODD": "a\nb' \\"}
    answer = world.command(
        [
            "env",
            "-i",
            *(f"{name}={value}" for name, value in environ.items()),
            world.program,
            "exec",
            "read-only",
            "--",
            "env",
            "-0",
        ]
    )

    seen = dict(entry.split("=", 1) for entry in answer.stdout.split("\0") if entry)
    assert environ == {name: value for name, value in seen.items() if not name.startswith("AWS") or name in environ}


def test_stdin_is_the_commands(world: World) -> None:
    """Read nothing of it."""
    answer = world.command(["sh", "-c", f"echo input | {world.program} exec read-only -- cat"])

    assert answer.stdout == "input\n"


def test_no_file_is_left_open(world: World) -> None:
    """Hand down the three standard descriptors and no other."""
    answer = world.run(
        "exec", "read-only", "--", sys.executable, "-I", "-c", "import os; print(sorted(os.listdir('/dev/fd')))"
    )

    assert answer.stdout == "['0', '1', '2', '3']\n", "3 is the listing itself"


def test_the_shell_is_that_of_the_user(world: World, tmp_path: object) -> None:
    """Start $SHELL where no command is given."""
    script = os.path.join(str(tmp_path), "my-shell")  # noqa: PTH118 - a path is text here
    with open(script, "w") as file:  # noqa: PTH123 - the same
        file.write("#!/bin/sh\necho started with $AWSENV_ROLE\n")
    os.chmod(script, 0o755)  # noqa: PTH101, S103 - the same

    assert world.run("exec", "read-only", SHELL=script).stdout == "started with read-only\n"
