"""`awsenv exec ROLE [CODE] [-- COMMAND…]`, as a script runs it."""

from __future__ import annotations

import os
import pwd
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from awsenv.variables import SECRET, having

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World

SHOW_ROLE = ["printenv", "AWSENV_ROLE"]


def test_a_command_runs_with_the_role(world: World) -> None:
    """The environment of the command contains the role."""
    answer = world.run("exec", "read-only", "--", *SHOW_ROLE)

    assert (0, "read-only\n", "") == (answer.returncode, answer.stdout, answer.stderr)


def test_a_code_may_follow_the_role(world: World) -> None:
    """Six digits after the role are an MFA code."""
    answer = world.run("exec", "power-user", world.device.code(), "--", *SHOW_ROLE)

    assert answer.stdout == "power-user\n"


def test_anything_else_begins_the_command(world: World) -> None:
    """A word after the role that is not an MFA code starts the command, even without `--`."""
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
def test_options_precede_the_command(world: World, words: list[str]) -> None:
    """Options are read on either side of the role, but not after the first word of the command."""
    answer = world.run("exec", *words, "sh", "-c", 'echo "$AWS_REGION" "$@"', "sh", "--region", "--", "x")

    assert (answer.stdout, answer.stderr) == ("eu-west-1 --region -- x\n", "")


def test_the_arguments_of_the_command_are_unchanged(world: World) -> None:
    """Arguments are neither split nor quoted (granted#216)."""
    words = ["a b", "", "$(id)", "'", "-x", "*"]

    answer = world.run("exec", "read-only", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)

    assert answer.stdout == f"{words}\n"


@pytest.mark.parametrize("status", [0, 1, 3, 125, 127, 255])
def test_the_exit_status_is_that_of_the_command(world: World, status: int) -> None:
    """Whatever status the command ends with, `exec` ends with it."""
    assert status == world.run("exec", "read-only", "--", "sh", "-c", f"exit {status}").returncode


def test_a_signal_that_kills_the_command_kills_exec(world: World) -> None:
    """If a signal kills the command, the caller of `exec` sees death by that signal."""
    assert -signal.SIGTERM == world.run("exec", "read-only", "--", "sh", "-c", "kill -TERM $$").returncode


@pytest.mark.parametrize("word", ["12345", "1234567", "0"])
def test_digits_of_another_length_are_not_a_command(world: World, word: str) -> None:
    """The error says that the word is not an MFA code, and AWS is not called."""
    answer = world.run("exec", "read-only", word, "--", "env")

    assert (answer.returncode, answer.stdout, world.actions()) == (125, "", [])
    assert answer.stderr.startswith("awsenv: the word after the role is not an MFA code, which is six digits\n")


def test_a_failure_of_awsenv_is_125(world: World) -> None:
    """As with env(1), the status 125 is a failure before the command runs, which prints nothing to stdout."""
    answer = world.run("exec", "no-such-role", "--", "echo", "reached")

    assert (answer.returncode, answer.stdout) == (125, "")


@pytest.mark.parametrize("words", [["exec"], ["exec", "--"], ["exec", "--bogus", "read-only"]])
def test_a_usage_error_is_125(world: World, words: list[str]) -> None:
    """A usage error is a failure of awsenv, which has the status 125 as with env(1)."""
    answer = world.run(*words)

    assert (answer.returncode, answer.stdout) == (125, "")
    assert answer.stderr.startswith("awsenv: ")


def test_an_unknown_command_is_127(world: World) -> None:
    """The error says that the command was not found."""
    answer = world.run("exec", "read-only", "--", "no-such-command")

    assert (127, "awsenv: command not found: 'no-such-command'\n") == (answer.returncode, answer.stderr)


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("exec power-user CODE -- no-such-command", "command not found: 'no-such-command'"),
        ("exec power-user CODE no-such-command --help", "command not found: 'no-such-command'"),
        ("exec power-user -- ./no-such-command", "command not found: './no-such-command'"),
        ("exec --refresh power-user CODE -- no-such-command", "command not found: 'no-such-command'"),
    ],
)
def test_no_code_is_used_for_a_command_that_does_not_exist(
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    line: str,
    fact: str,
    agent: bool,  # noqa: FBT001 - with or without
) -> None:
    """The status is that of env(1), before AWS is called and before a code is asked for, with and without an agent."""
    code = world.device.code()
    with agent_in(world.environ) if agent else nullcontext():
        answer = world.run(*line.replace("CODE", code).split())
        again = world.run("exec", "power-user", code, "--", "true")

    assert (127, f"awsenv: {fact}\n") == (answer.returncode, answer.stderr)
    assert (0, "") == (again.returncode, again.stderr)


@pytest.mark.parametrize(
    ("shell", "status", "fact", "instead"),
    [
        ("/no/such/shell", 127, "command not found: '/no/such/shell'", None),
        ("/usr/bin/nu", 127, "command not found: '/usr/bin/nu'", None),
        ("no-such-shell", 127, "command not found: 'no-such-shell'", None),
        ("/bin/sh -l", 127, "command not found: '/bin/sh -l'", "/bin/sh"),
        ("/bin/sh ", 127, "command not found: '/bin/sh '", "/bin/sh"),
        ("/", 126, "cannot execute '/': it is a folder", None),
        ("/etc/passwd", 126, "cannot execute '/etc/passwd': permission denied", None),
    ],
)
def test_a_shell_that_cannot_start_uses_no_code(
    world: World, shell: str, status: int, fact: str, instead: str | None
) -> None:
    """The error says that SHELL names it, and the next step is a shell that can start."""
    answer = world.run("exec", "power-user", SHELL=shell)

    instead = instead or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    assert (status, f"awsenv: {fact}\n  in       SHELL\n  try      export SHELL={instead}\n", []) == (
        answer.returncode,
        answer.stderr,
        world.actions(),
    )


@pytest.mark.parametrize("environ", [{"SHELL": ""}, {"SHELL": "sh"}, {"SHELL": "/bin/sh"}, {"SHELL": "/bin//sh"}])
def test_a_shell_may_be_named_in_several_ways(world: World, environ: dict[str, str]) -> None:
    """An empty SHELL counts as unset, and one without a folder is found along PATH."""
    assert world.run("exec", "read-only", **environ).returncode == 0


def test_a_command_that_cannot_be_executed_is_126(world: World) -> None:
    """The status tells a file that cannot be executed from one that does not exist."""
    assert world.run("exec", "read-only", "--", world.environ["HOME"]).returncode == 126


def test_nested_exec_starts_from_the_original_source(world: World) -> None:
    """The inner `exec` assumes its role as the user, not as the outer role."""
    answer = world.run("exec", "read-only", "--", world.program, "exec", "power-user", world.device.code(), *SHOW_ROLE)

    assert answer.stdout == "power-user\n"
    assert [world.user_arn] * 2 == [call.caller for call in world.sandbox.calls]


def test_other_sources_of_credentials_are_removed(world: World) -> None:
    """The command gets no variable that could override the role."""
    answer = world.run("exec", "read-only", "--", "env", AWS_PROFILE="default", AWS_SECURITY_TOKEN="stale")

    names = {line.partition("=")[0] for line in answer.stdout.splitlines()}
    assert not names & {"AWS_PROFILE", "AWS_SECURITY_TOKEN"}


@pytest.mark.parametrize("refresh", [[], ["--refresh"]], ids=["keys", "endpoint"])
def test_a_command_gets_no_secret_but_the_roles(world: World, samples: Mapping[str, str], refresh: list[str]) -> None:
    """The command gets no secret of its caller, but can still see the caller's access key id."""
    secrets = {name: f"canary-{name}" for name in having(SECRET)}
    pair = {**secrets, "AWS_ACCESS_KEY_ID": samples["AWS_ACCESS_KEY_ID"]}

    answer = world.run("exec", *refresh, "read-only", "--", "env", **pair)

    assert answer.returncode == 0, answer.stderr
    assert "canary" not in answer.stdout
    assert f"AWSENV_SAVED_AWS_ACCESS_KEY_ID={samples['AWS_ACCESS_KEY_ID']}\n" in answer.stdout


def test_a_command_cannot_use_the_exported_key_of_its_caller(world: World) -> None:
    """Within `exec`, a role that needs the caller's exported key fails instead of using another source."""
    key = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
    role = f"arn:aws:iam::{world.sandbox.account}:role/read-only"

    answer = world.run("exec", "read-only", "--", world.program, "use", role, "--shell", "json", **key)

    assert (4, "") == (answer.returncode, answer.stdout)
    assert "half an access key" in answer.stderr


def test_the_rest_of_the_environment_is_untouched(world: World) -> None:
    """The command inherits all other variables, and none that Python adds in the C locale."""
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


def test_stdin_belongs_to_the_command(world: World) -> None:
    """The command reads all of stdin, since awsenv reads nothing from it."""
    answer = world.command(["sh", "-c", f"echo input | {world.program} exec read-only -- cat"])

    assert answer.stdout == "input\n"


def test_no_file_is_left_open(world: World) -> None:
    """The command inherits only the three standard descriptors."""
    answer = world.run(
        "exec", "read-only", "--", sys.executable, "-I", "-c", "import os; print(sorted(os.listdir('/dev/fd')))"
    )

    assert answer.stdout == "['0', '1', '2', '3']\n", "3 is the listing itself"


def test_without_a_command_the_users_shell_starts(world: World, tmp_path: object) -> None:
    """`exec` starts $SHELL if no command is given."""
    script = os.path.join(str(tmp_path), "my-shell")  # noqa: PTH118 - a path is text here
    with open(script, "w") as file:  # noqa: PTH123 - the same
        file.write("#!/bin/sh\necho started with $AWSENV_ROLE\n")
    os.chmod(script, 0o755)  # noqa: PTH101, S103 - the same

    assert world.run("exec", "read-only", SHELL=script).stdout == "started with read-only\n"
