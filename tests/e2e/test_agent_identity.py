"""A client of the agent gets the same identity, messages and region as without an agent."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.cli.process import FAILURE
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from conftest import World

KEY = ["--", "sh", "-c", "printf %s $AWS_ACCESS_KEY_ID"]
WHO = ["--", sys.executable, "-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"]


def test_a_credential_process_runs_for_each_caller(world: World) -> None:
    """A `credential_process` may depend on the caller's environment, so that the agent shares no result of it."""
    keys = [world.sandbox.create_user(name) for name in ("carol", "dave")]
    script = Path(world.environ["HOME"], "tenant")
    cases = "".join(
        f'{number}) printf \'{{"Version":1,"AccessKeyId":"{key.access_key_id}",'
        f'"SecretAccessKey":"{key.secret_access_key}"}}\';;\n'
        for number, key in enumerate(keys)
    )
    script.write_text(f"#!/bin/sh\ncase $TENANT in\n{cases}esac\n")
    script.chmod(0o700)
    world.configure(f"[profile tenant]\ncredential_process = {script}\n")
    world.run("login", world.device.code())

    answers = [world.run("exec", "tenant", *KEY, TENANT=tenant).stdout for tenant in ("0", "1", "0")]

    assert [keys[0].access_key_id, keys[1].access_key_id, keys[0].access_key_id] == answers


def test_mfa_process_may_change_the_config_file(world: World) -> None:
    """If an mfa_process edits the config file, awsenv assumes the new role, then and in the next run."""
    config = Path(world.environ["HOME"], ".aws", "config")
    other = world.sandbox.create_role("other", world.sandbox.trust(world.user_arn, mfa=True))
    edit = Path(world.environ["HOME"], "edit")
    edit.write_text(
        f"#!/bin/sh\nsed -i 's|^role_arn = .*role/turncoat$|role_arn = {other}|' {shlex.quote(str(config))}\n"
        f"exec {shlex.quote(sys.executable)} -c 'import sys, urllib.request as u;"
        f" print(u.urlopen(sys.argv[1]).read().decode())' {world.sandbox.url}/_awsenv/mfa-code/alice\n"
    )
    edit.chmod(0o700)
    turncoat = world.sandbox.create_role("turncoat", world.sandbox.trust(world.user_arn, mfa=True))
    world.configure(
        f"\n[profile turncoat]\nmfa_serial = {world.device.serial}\nmfa_process = {edit}\nsource_profile = default\n"
        f"role_arn = {turncoat}\n"
    )
    world.run("login", world.device.code())
    world.run("lock")
    world.sandbox.clock.elapse(30)

    first = world.run("exec", "turncoat", *WHO)
    world.sandbox.clock.elapse(30)
    second = world.run("exec", "turncoat", *WHO)

    assert ":assumed-role/other/" in first.stdout, first.stderr
    assert ":assumed-role/other/" in second.stdout, second.stderr


def test_a_failed_call_of_the_agent_is_not_repeated(world: World) -> None:
    """If AWS fails for the agent, the client reports that without calls of its own or a prompt for a code."""
    world.run("login", world.device.code())
    world.sandbox.clear_calls()
    world.sandbox.fail("AssumeRole", Fault.UNAVAILABLE, times=20)

    answer = world.run("power-user", "--shell", "sh")

    assert (7, FAILURE) == (answer.returncode, answer.stdout)
    assert "is failing (HTTP 503)" in answer.stderr
    assert "MFA" not in answer.stderr
    assert ["AssumeRole"] * 3 == world.actions()
    assert 125 == world.run("exec", "power-user", "--", "true").returncode


def test_the_region_of_a_hidden_file_is_exported(world: World) -> None:
    """`exec` exports the region of `[default]` if it hides the file with that region from the command."""
    config = Path(world.environ["HOME"], ".aws", "config")
    config.write_text(config.read_text().replace("[default]", "[default]\ncredential_process = false"))

    for words in (["exec"], ["exec", "--refresh"]):
        command = ["--", sys.executable, "-c", "import boto3; print(boto3.Session().region_name)"]
        assert "eu-central-1\n" == world.run(*words, "read-only", *command).stdout
