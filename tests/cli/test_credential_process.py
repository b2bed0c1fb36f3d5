"""`awsenv credential-process ROLE`: JSON for the AWS SDKs, and not for a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from conftest import World


def test_the_json_has_the_format_of_the_sdks(world: World) -> None:
    """The JSON has the keys of the SDK reference guide, and an expiration with a time zone."""
    answer = world.run("credential-process", "read-only")

    assert (0, "") == (answer.returncode, answer.stderr)
    printed = json.loads(answer.stdout)
    assert ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId"] == list(printed)
    assert (1, world.sandbox.account) == (printed["Version"], printed["AccountId"])
    assert printed["AccessKeyId"].startswith("ASIA")
    assert datetime.strptime(printed["Expiration"], "%Y-%m-%dT%H:%M:%S%z").tzinfo is not None


def test_keys_of_a_user_have_no_token_and_no_expiration(world: World) -> None:
    """Absent values are left out, since an SDK takes an empty token for a real one."""
    printed = json.loads(world.run("credential-process", "default").stdout)

    assert {"SessionToken", "Expiration"} & set(printed) == set()


def test_an_sdk_assumes_a_role_through_a_profile(world: World) -> None:
    """With a profile that calls awsenv, boto3 gets an MFA role from the agent's session, without a code."""
    assert world.run("login", world.device.code()).returncode == 0
    world.configure(f"[profile sdk]\ncredential_process = {world.program} credential-process power-user\n")
    script = "import boto3; print(boto3.Session(profile_name='sdk').client('sts').get_caller_identity()['Arn'])"

    answer = world.command([sys.executable, "-c", script], AWS_DEFAULT_REGION="eu-central-1")

    assert (0, "") == (answer.returncode, answer.stderr)
    assert ":assumed-role/power-user/" in answer.stdout


def test_the_agent_returns_the_same_credentials(world: World) -> None:
    """Repeated runs print the same credentials, since an SDK keeps them for one process only."""
    assert world.run("login", world.device.code()).returncode == 0
    world.sandbox.clear_calls()

    printed = {world.run("credential-process", "power-user").stdout for _ in range(3)}

    assert (1, ["AssumeRole"]) == (len(printed), world.actions())


def test_without_an_agent_each_run_needs_a_code(world: World) -> None:
    """The Ruby SDK runs a process twice; AWS accepts a code once, and no run leaves anything to the next."""
    code = world.device.code()

    first, second = (world.run("credential-process", "power-user", code) for _ in range(2))

    assert (0, 6) == (first.returncode, second.returncode)
    assert "" == second.stdout
    world.sandbox.clock.elapse(30)
    assert world.run("credential-process", "power-user", world.device.code()).returncode == 0


@pytest.mark.parametrize(
    ("words", "status"), [("no-such-role", 5), ("power-user", 6), ("", 2), ("read-only --region nowhere", 3)]
)
def test_a_failure_prints_nothing_to_stdout(world: World, words: str, status: int) -> None:
    """The error goes to stderr, which the SDKs show; `false;` is only for shells."""
    answer = world.run("credential-process", *words.split())

    assert (status, "") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("awsenv: ")


def test_keys_go_to_a_terminal_only_with_print(world: World) -> None:
    """Without --print nothing is printed to a terminal, and the error shows how to use the command."""
    master, slave = os.openpty()
    for words in ([], ["--print"]):
        answer = subprocess.run(
            [world.program, "credential-process", "--profile", "default", "read-only", *words],
            env=world.environ,
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            check=False,
        )
        assert (2 if not words else 0) == answer.returncode
        if not words:
            assert "credential_process = awsenv credential-process --profile default read-only" in answer.stderr
            assert "AssumeRole" not in world.actions()
    os.write(slave, b"<end>")
    shown = b""
    while not shown.endswith(b"<end>"):
        shown += os.read(master, 65536)
    assert shown.count(b'"SecretAccessKey"') == 1
    os.close(slave)
    os.close(master)


def test_keys_do_not_go_to_a_file(world: World, tmp_path: Path) -> None:
    """Output that would go to a file is refused, and the file stays empty."""
    kept = tmp_path / "kept"
    with kept.open("w") as file:
        answer = subprocess.run(
            [world.program, "credential-process", "read-only"],
            env=world.environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (2, "") == (answer.returncode, kept.read_text())
    assert "the output, which may hold keys, would have gone to a file" in answer.stderr


def calling_back(world: World, profile: str, words: str, within: Path) -> None:
    """Add a profile whose process runs awsenv with *words*, logs each of its runs and gives up at the fifth."""
    script = within / profile
    runs = within / "runs"
    script.write_text(
        f'#!/bin/sh\necho {profile} >>{runs}\n[ "$(wc -l <{runs})" -lt 5 ] || exit 9\nexec {world.program} {words}\n'
    )
    script.chmod(0o700)
    world.configure(f"[profile {profile}]\ncredential_process = {script}\n")


@pytest.mark.parametrize("agent", [False, True])
def test_a_process_that_calls_its_own_profile_is_refused(*, agent: bool, world: World, tmp_path: Path) -> None:
    """The process runs only once, and the error names the line that would make it run without end."""
    calling_back(world, "foo", "credential-process foo", tmp_path)
    if agent:
        assert world.run("login", world.device.code()).returncode == 0

    answer = world.run("credential-process", "foo")

    assert ("", "foo\n") == (answer.stdout, (tmp_path / "runs").read_text())
    assert answer.returncode != 0
    assert "the credential_process of profile 'foo' calls awsenv for the same profile again" in answer.stderr
    assert "~/.aws/config:" in answer.stderr
    assert "[profile foo], credential_process" in answer.stderr


def test_a_cycle_of_processes_is_refused(world: World, tmp_path: Path) -> None:
    """A cycle is found even if it includes several profiles and a role."""
    calling_back(world, "one", "credential-process role", tmp_path)
    calling_back(world, "two", "credential-process one", tmp_path)
    world.configure("[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = two\n")

    answer = world.run("credential-process", "one")

    assert ("", "one\ntwo\n") == (answer.stdout, (tmp_path / "runs").read_text())
    assert "the credential_process of profile 'one' calls awsenv for the same profile again" in answer.stderr


BY_BOTO3 = "import boto3; boto3.Session(profile_name='process').get_credentials().access_key"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_PROFILE": "process"},
        {"AWS_PROFILE": "behind"},
        {"AWS_PROFILE": "read-only"},
        {"AWS_DEFAULT_PROFILE": "process", "AWS_PROFILE": "behind"},
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary"},
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary", "AWS_PROFILE": "process"},
    ],
    ids=lambda variables: " ".join(variables) or "none",
)
def test_a_process_gets_the_variables_that_an_sdk_gives_it(
    variables: dict[str, str], world: World, tmp_path: Path
) -> None:
    """With an agent and without one, a process runs with the AWS_ variables of its caller, as boto3 runs it."""
    key = '{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "canary"}'
    script = tmp_path / "process"
    script.write_text(f"#!/bin/sh\nenv | grep '^AWS_' | sort >>{tmp_path}/seen\necho >>{tmp_path}/seen\necho '{key}'\n")
    script.chmod(0o700)
    world.configure(
        f"[profile process]\ncredential_process = {script}\n"
        "[profile behind]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = process\n"
    )

    # AWS does not know the key: what counts is how the process ran.
    world.run("credential-process", "behind", **variables)
    assert world.run("login", world.device.code()).returncode == 0
    world.run("credential-process", "behind", **variables)
    assert world.command([sys.executable, "-c", BY_BOTO3], **variables).returncode == 0

    alone, by_agent, by_boto3, _ = (tmp_path / "seen").read_text().split("\n\n")
    assert (by_boto3, by_boto3) == (alone, by_agent)
    assert {f"{name}={value}" for name, value in variables.items()} <= set(by_boto3.splitlines())


@pytest.mark.parametrize("role", ["123456789012/audit", "arn:aws:iam::123456789012:role/audit", "no-profile"])
def test_a_process_for_a_role_without_a_profile_needs_its_source(role: str, world: World, tmp_path: Path) -> None:
    """SDKs hand AWS_PROFILE on to the process, so that a role without a profile would begin with its own process."""
    calling_back(world, "tools", f"credential-process {role}", tmp_path)

    answer = world.command([sys.executable, "-c", BY_BOTO3.replace("process'", "tools'")], AWS_PROFILE="tools")

    assert "the credential_process of profile 'tools' calls awsenv for the same profile again" in answer.stderr
    assert "name the source of a role that has no profile: --profile" in answer.stderr
    calling_back(world, "good", f"credential-process --profile default {role}", tmp_path)
    world.command([sys.executable, "-c", BY_BOTO3.replace("process'", "good'")], AWS_PROFILE="good")
    assert "tools\ntools\ngood\n" == (tmp_path / "runs").read_text()


def test_a_process_can_call_awsenv_for_another_profile(world: World, tmp_path: Path) -> None:
    """Credential processes can call one another if the last profile has a source."""
    calling_back(world, "one", "credential-process two", tmp_path)
    calling_back(world, "two", "credential-process read-only", tmp_path)

    answer = world.run("credential-process", "one")

    assert (0, "", "one\ntwo\n") == (answer.returncode, answer.stderr, (tmp_path / "runs").read_text())
    assert json.loads(answer.stdout)["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    ("arguments", "fact"),
    [("power-usr", "there is no profile 'power-usr'"), ("power-user $X", "the word after the role is not an MFA code")],
)
def test_an_awsenv_inside_awsenv_gives_the_only_cause(
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    arguments: str,
    fact: str,
    *,
    agent: bool,
) -> None:
    """Its message stands above: the outer one adds where it was called, and no cause or step of its own."""
    world.configure(f"[profile outer]\ncredential_process = {world.program} credential-process {arguments}\n")
    with agent_in(world.environ) if agent else nullcontext():
        done = world.run("exec", "outer", "--", "true")

    inner, outer = re.split("(?<=\n)(?=awsenv: credential_process)", done.stderr)
    assert inner.startswith(f"awsenv: {fact}")
    expected = (
        "awsenv: credential_process failed with status 2, and says above why\n  in       .*, credential_process\n"
    )
    assert re.fullmatch(expected, outer), outer
