"""The functions of the package: what they take, what they ask, what they raise, and what they leave alone."""

from __future__ import annotations

import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import awsenv
from awsenv.cli import recent
from awsenv.errors import ConfigError, MfaError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World


def test_the_package_loads_nothing(world: World) -> None:
    """Every command line imports the package; a program that uses it loads the SDK only for a session."""
    script = (
        "import sys; before = set(sys.modules)\n"
        "import awsenv; print(*set(sys.modules) - before)\n"
        "awsenv.credentials('read-only'); print(*{'boto3', 'botocore', 'typer', 'urllib3'} & set(sys.modules))\n"
        "awsenv.session('read-only'); print('boto3' in sys.modules)\n"
    )
    shown = world.command([sys.executable, "-c", script])

    assert ("awsenv\n\nTrue\n", "") == (shown.stdout, shown.stderr)


def test_the_package_has_the_functions_and_nothing_of_their_name() -> None:
    """They are listed and have their signatures; a module of such a name would take the place of its function."""
    modules = {path.stem for path in Path(awsenv.__file__).parent.iterdir()}

    assert set(awsenv.__all__) <= set(dir(awsenv))
    assert set() == modules & set(awsenv.__all__)
    with pytest.raises(AttributeError, match="no attribute 'none'"):
        awsenv.none  # type: ignore[attr-defined] # noqa: B018 - it is the test


def test_a_type_checker_sees_the_signatures(world: World) -> None:
    """Mypy checks this file: an argument of another type is an error there, and one here."""
    with pytest.raises(UsageError):
        awsenv.credentials("read-only", duration="soon", environ=world.environ)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        awsenv.credentials("read-only", durations=900)  # type: ignore[call-arg]


def test_roles_are_those_of_the_list(world: World) -> None:
    """The roles are those of `awsenv list`, without the sources."""
    world.configure("awsenv_protected = true\nawsenv_color = red\n")
    power, reader = awsenv.roles(environ=world.environ)

    assert ("power-user", "power-user", world.sandbox.account) == (power.profile, power.role, power.account)
    assert (world.device.serial, "eu-central-1", False) == (power.mfa_serial, power.region, power.is_protected)
    assert (None, True, "31") == (reader.mfa_serial, reader.is_protected, reader.color)


def test_nothing_is_printed_or_changed(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """The functions print nothing, and leave the environment of the process as it is."""
    before = dict(os.environ)
    environ = awsenv.environment("power-user", code=world.device.code(), environ=world.environ)
    with pytest.raises(UsageError):
        awsenv.credentials("read-onyl", environ=world.environ)

    assert not recent.roles(world.environ), "the picker would offer the roles of a service first"
    assert (before, ("", "")) == (dict(os.environ), capfd.readouterr())
    assert {"AWS_ACCESS_KEY_ID", "HOME"} <= environ.keys()
    assert "AWS_ACCESS_KEY_ID" not in world.environ


def test_no_secret_is_in_a_representation(world: World) -> None:
    """What a program logs of a role holds no secret."""
    made = awsenv.credentials("read-only", environ=world.environ)

    assert made.secret_access_key not in repr(made)
    assert made.session_token is not None
    assert made.session_token not in repr(made)


@pytest.mark.parametrize("by", ["an agent", "the process"])
def test_threads_share_a_call(
    world: World, by: str, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """Fifty threads that want a role at once get the one that AWS grants once, for one code."""
    asked: list[str] = []
    barrier = Barrier(50)

    def code(question: str) -> str:
        asked.append(question)
        return world.device.code()

    def want(_: int) -> str:
        barrier.wait()
        return awsenv.credentials("power-user", code=code, environ=world.environ).access_key_id

    with agent_in(world.environ) if by == "an agent" else nullcontext(), ThreadPoolExecutor(50) as pool:
        keys = set(pool.map(want, range(50)))

    assert (1, 1, ["GetSessionToken", "AssumeRole"]) == (len(keys), len(asked), world.actions())


class Device:
    """Answers the question for a code, and counts."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        """Return the next code."""
        self.asked.append(question)
        return self.codes.pop(0)


def test_a_function_is_asked_only_if_a_code_is_needed(world: World) -> None:
    """The question names the device. A role that needs no code asks for none, nor does one that is held."""
    code = Device(world.device.code())
    how: dict[str, Any] = {"code": code, "environ": world.environ}
    awsenv.credentials("read-only", **how)
    assert [] == code.asked
    first, again = (awsenv.credentials("power-user", **how) for _ in range(2))

    assert first == again
    assert [f"MFA code for alice ({world.sandbox.account}): "] == code.asked


def test_a_function_is_asked_again_if_aws_rejects_its_code(world: World) -> None:
    """A typo costs nothing but another question."""
    code = Device("000000", world.device.code())

    assert awsenv.credentials("power-user", code=code, environ=world.environ).account == world.sandbox.account
    assert 2 == len(code.asked)


@pytest.mark.parametrize("code", ["12345", Device("12345"), Device(), Device("000000", "000000"), "000000", None])
def test_without_a_good_code_there_is_no_role(world: World, code: Any) -> None:
    """No code, a wrong one, one that is none, the same again, and a function that fails are errors with a next step."""
    with pytest.raises(MfaError) as error:
        awsenv.credentials("power-user", code=code, environ=world.environ)
    assert error.value.hints or error.value.__cause__ is not None
    if sys.version_info >= (3, 11) and error.value.__cause__ is None and code != "12345":
        assert error.value.hints[0] in error.value.__notes__[0]


def test_a_command_of_the_configuration_gives_the_code(world: World) -> None:
    """As on the command line, mfa_process comes before the question, and after the code that was passed."""
    script = Path(world.environ["HOME"]) / "device"
    script.write_text(f"#!/bin/sh\necho ran >>{script}.log\necho {world.device.code()}\n")
    script.chmod(0o700)
    config = Path(world.environ["HOME"]) / ".aws" / "config"
    config.write_text(config.read_text().replace("mfa_serial", f"mfa_process = {script}\nmfa_serial", 1))
    code = Device()

    assert awsenv.credentials("power-user", code=code, environ=world.environ).account == world.sandbox.account
    assert ("ran\n", []) == (Path(f"{script}.log").read_text(), code.asked)


def test_what_gives_a_code_may_need_a_role(world: World) -> None:
    """A function may get the code with another role, even one that needs something of the caller, too."""
    world.configure(
        f"[profile process]\ncredential_process = sh -c 'exec {world.program} credential-process default'\n"
        f"[profile vault]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = process\n"
    )

    def code(_: str) -> str:
        assert awsenv.credentials("vault", environ=world.environ).account == world.sandbox.account
        return world.device.code()

    assert awsenv.credentials("power-user", code=code, environ=world.environ).account == world.sandbox.account


def test_a_protected_role_is_confirmed(world: World) -> None:
    """A protected role is an error, unless the caller or a function of theirs confirms it."""
    world.configure("awsenv_protected = true\n")
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    with pytest.raises(UsageError, match="read-only is protected") as refused:
        awsenv.credentials("read-only", environ=world.environ)
    assert "confirm=" in refused.value.hints[0]
    with pytest.raises(UsageError, match="was not confirmed"):
        awsenv.environment("read-only", confirm=answer, environ=world.environ)
    assert [] == world.actions()
    awsenv.credentials("read-only", confirm=answer, environ=world.environ)
    awsenv.environment("read-only", confirm=True, environ=world.environ)
    assert [f"read-only is protected: role read-only in account {world.sandbox.account}. Use it? "] * 2 == asked


STEPS: list[tuple[dict[str, Any], str]] = [
    ({"role": "read-onyl"}, "pass 'read-only'"),
    ({"role": "123456"}, "pass a profile, an ARN or ACCOUNT/ROLE"),
    ({"role": "list"}, "awsenv.roles()"),
    ({"role": "--help"}, "pass a profile, an ARN or ACCOUNT/ROLE"),
    ({"profile": "defualt"}, "pass profile='default'"),
    ({"transitive_tags": ["team"]}, 'add the tag: tags={"team": VALUE}'),
    ({"role": "123456789012/none"}, "if the role demands MFA, pass a code in code="),
    ({"policy": "file:///none"}, "name a UTF-8 file that you can read: policy=file://policy.json"),
    ({"code": 123456}, 'pass code="012345"'),
    ({"duration": 1800.5}, "write it as 1h, 90m or 3600 (seconds)"),
    ({"tags": {"number": 1, 2: "b"}, "duration": 1}, "ask for 15m to 12h"),
]


@pytest.mark.parametrize(("arguments", "step"), STEPS, ids=str)
def test_a_next_step_is_one_in_python(world: World, arguments: dict[str, Any], step: str) -> None:
    """An error names arguments and calls, not the options and the command line that stand behind them."""
    with pytest.raises(awsenv.AwsenvError) as error:
        awsenv.credentials(**{"role": "read-only", "environ": world.environ, **arguments})

    assert step == error.value.hints[0]
    assert [] == [each for each in error.value.origins if each.name.startswith("-")]
    if sys.version_info >= (3, 11):
        assert f"  try      {step}" in "\n".join(error.value.__notes__)


@pytest.mark.parametrize("function", [awsenv.credentials, awsenv.environment, awsenv.session])
def test_errors_are_of_their_kind(world: World, function: Callable[..., object]) -> None:
    """Each function raises the errors of the tree, with the error code of AWS and without empty parts."""
    with pytest.raises(RefusedError) as refused:
        function(f"{world.sandbox.account}/none", environ=world.environ)
    assert "AccessDenied" == refused.value.code
    with pytest.raises(ConfigError) as unknown:
        function("read-only", profile="nobody", environ=world.environ)
    assert str(unknown.value) == unknown.value.fact
    for wrong in ({"tags": {"a=b": "c"}}, {"session_name": "\ud800"}, {"external_id": "-"}, {"region": ""}):
        with pytest.raises(UsageError):
            function("read-only", environ=world.environ, **wrong)
    with pytest.raises(UsageError):
        function("--version", environ=world.environ)


def test_notes_go_to_the_logger(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A note reaches who wants it, and is shown to nobody else."""
    reader = f"arn:aws:iam::{world.sandbox.account}:role/read-only"
    arn = world.sandbox.create_role("long", world.sandbox.trust(reader))
    world.configure(f"[profile long]\nrole_arn = {arn}\nsource_profile = read-only\nduration_seconds = 7200\n")
    with caplog.at_level(logging.INFO, "awsenv"):
        awsenv.credentials("long", environ=world.environ)
    (note,) = caplog.records

    assert (logging.INFO, True) == (note.levelno, "[profile long], duration_seconds: " in note.getMessage())


def test_a_role_in_the_environment_is_not_the_source(world: World) -> None:
    """Where a role is active, another comes from the user's own source, and the environment is that of `exec`."""
    first = awsenv.environment("read-only", environ=world.environ | {"AWS_PROFILE": "default", "ODD": "a\udcff"})
    second = awsenv.environment("power-user", code=world.device.code(), environ=first)
    del first["ODD"]
    source = awsenv.environment("default", environ=first)
    ran = world.run("exec", "default", "--", "env", "-0", **first)

    assert ("read-only", "default", "a\udcff") == tuple(
        second[name] for name in ("AWSENV_PREVIOUS", "AWSENV_SAVED_AWS_PROFILE", "ODD")
    )
    assert {world.user_arn} == {call.caller for call in world.sandbox.calls if call.action == "GetSessionToken"}
    assert source == dict(line.split("=", 1) for line in ran.stdout.split("\0") if line)
