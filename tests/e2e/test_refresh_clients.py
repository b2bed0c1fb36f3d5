"""Real SDKs as commands of `exec --refresh`: they use only the endpoint, and outlive their first keys.

The clock of the local AWS is put back, so that by the machine's own clock each key has less than a minute left: every
SDK then renews before each call. Between two calls an hour passes for AWS, and the first keys expire.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World

HOUR = 3600
TIMEOUT = 120
"""Seconds after which a test gives up. No passing test waits this long."""

# Each prints its caller identity and its access key, and does so again for each line of input.
BOTO3 = """
import sys, boto3
session = boto3.Session()
sts = session.client("sts")
def ask():
    arn = sts.get_caller_identity()["Arn"]
    print(arn, session.get_credentials().get_frozen_credentials().access_key, flush=True)
ask()
for _ in sys.stdin: ask()
"""
# While a key is valid by the machine's clock, this SDK uses it and renews it in the background, by chance before or
# after the clock of AWS advances. So the client waits for a key that expires no earlier than the test says.
JAVASCRIPT = """
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({});
const ask = async (end) => {
  let key = await sts.config.credentials();
  while (key.expiration < end) {
    await setTimeout(20);
    key = await sts.config.credentials();
  }
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  console.log(Arn, key.accessKeyId);
};
await ask(new Date(0));
for await (const line of createInterface({ input: process.stdin })) await ask(new Date(line));
"""
# It prints no key: each process of the AWS CLI calls the endpoint anew.
AWS_CLI = """
ask() { echo "$("$1" sts get-caller-identity --query Arn --output text) $((n += 1))"; }
ask "$1"; while read -r _; do ask "$1"; done
"""
TERRAFORM = """
terraform {
  backend "s3" {
    bucket       = "%s"
    key          = "state"
    region       = "eu-central-1"
    use_lockfile = true
  }
}
resource "terraform_data" "it" {
  provisioner "local-exec" {
    command = "touch started; until [ -e go ]; do sleep 0.1; done"
  }
}
"""

# Later versions may need a newer node than the machine has.
SDK = "@aws-sdk/client-sts@3.1173.0"


@pytest.fixture(scope="session")
def javascript(node_package: Callable[[str], Path], require: Callable[[str], str]) -> list[str]:
    """Return the command of the JavaScript client."""
    program = node_package(SDK).parents[2] / f"who-{os.getpid()}.mjs"
    program.write_text(JAVASCRIPT)
    return [require("node"), "--no-warnings", str(program)]


@pytest.fixture(params=["boto3", "aws", "javascript"])
def client(request: pytest.FixtureRequest, require: Callable[[str], str]) -> list[str]:
    """Return the command of each client in turn."""
    if request.param == "boto3":
        return [sys.executable, "-c", BOTO3]
    if request.param == "aws":
        return ["sh", "-c", AWS_CLI, "sh", require("aws")]
    command: list[str] = request.getfixturevalue("javascript")
    return command


@pytest.fixture(params=["keys", "role_arn"])
def home(request: pytest.FixtureRequest, world: World) -> str:
    """Give `[default]` keys or a role: in every SDK, either takes precedence over an endpoint."""
    furnish(world, request.param)
    return str(request.param)


def furnish(world: World, default: str) -> None:
    """Write files in which `[default]` gives credentials in this way; another profile is the source of the roles."""
    folder = Path(world.environ["HOME"]) / ".aws"
    keys = (folder / "credentials").read_text().partition("\n")[2]
    key_id, secret = (line.partition("= ")[2] for line in keys.splitlines())
    decoy = world.sandbox.create_role("decoy", world.sandbox.trust(world.user_arn), policies=["ReadOnlyAccess"])
    printed = json.dumps({"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret})
    (folder / "process").write_text(f"#!/bin/sh\necho '{printed}'\n")
    (folder / "process").chmod(0o700)
    role = f"role_arn = {decoy}\nsource_profile = base\n"
    in_config = {
        "config keys": f"[default]\n{keys}",
        "profile default": f"[profile default]\n{keys}",
        "DEFAULT": f"[DEFAULT]\n{keys}\n[default]",
        "role_arn": f"[default]\n{role}",
        "credential_source": f"[default]\nrole_arn = {decoy}\ncredential_source = EcsContainer\n",
        "credential_process": f"[default]\ncredential_process = {folder / 'process'}\n",
        "sso": "[default]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-central-1\n"
        "sso_account_id = 123456789012\nsso_role_name = decoy\n",
        "login_session": f"[default]\nlogin_session = {world.user_arn}\n",
    }
    in_credentials = {"keys": f"[default]\n{keys}", "credentials role_arn": f"[default]\n{role}"}
    header, region, roles = (folder / "config").read_text().split("\n", 2)
    roles = roles.replace("\nrole_arn", f"\n{region}\nrole_arn")
    config = in_config.get(default, header).rstrip() + f"\n{region}\n{roles}"
    (folder / "config").write_text(config.replace("source_profile = default", "source_profile = base"))
    (folder / "credentials").write_text(in_credentials.get(default, "") + f"[base]\n{keys}")
    if default == "boto":
        (folder.parent / ".boto").write_text(f"[Credentials]\n{keys}")


@dataclass
class Command:
    """A command that runs with a role and prints lines."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        """Return the next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def go_on(self, line: str = "") -> None:
        """Send *line* to the command, so that it continues."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Return its status and its stderr."""
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


@pytest.fixture
def with_refresh(world: World) -> Iterator[Callable[..., Command]]:
    """Return a function that runs a command with a role, by default with `--refresh`."""
    started: list[subprocess.Popen[str]] = []

    def run(argv: list[str], *role: str, how: tuple[str, ...] = ("--refresh",), **environ: str) -> Command:
        process = subprocess.Popen(
            [world.program, "exec", *how, *role, "--", *argv],
            env=world.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return Command(process)

    yield run
    for process in started:
        if process.poll() is None:
            # With its children, which hold its output open.
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def short(world: World) -> World:
    """Set the clock of AWS back, so that each key of a role has half a minute to one left by the machine's clock."""
    # It begins up to 25 seconds behind the machine's clock, or 5 ahead.
    world.sandbox.clock.elapse(55 - HOUR)
    return world


def callers(world: World) -> set[str]:
    """Return the callers of every AWS call except those for credentials."""
    calls = [call for call in world.sandbox.calls if call.action not in {"AssumeRole", "GetSessionToken"}]
    assert calls
    return {(call.caller or "nobody").rpartition(":")[2].rpartition("/")[0] for call in calls}


@pytest.mark.usefixtures("home")
def test_an_sdk_renews_its_keys(short: World, client: list[str], with_refresh: Callable[..., Command]) -> None:
    """An hour later an SDK uses another key, without another code, whatever `[default]` gives."""
    command = with_refresh(client, "power-user", short.device.code())
    first, key = command.line().split()
    short.sandbox.clock.elapse(HOUR)
    # A key that AWS issues from now on is valid for an hour; every older one has expired.
    command.go_on((short.sandbox.clock.now() + timedelta(seconds=HOUR - 60)).isoformat())
    second, other_key = command.line().split()
    assert first == second
    assert f"arn:aws:sts::{short.sandbox.account}:assumed-role/power-user" == first.rpartition("/")[0]
    assert key != other_key
    assert {"assumed-role/power-user"} == callers(short)
    assert (0, "") == command.end()


@pytest.mark.usefixtures("home")
def test_terraform_outlives_its_first_keys(
    short: World, with_refresh: Callable[..., Command], require: Callable[[str], str], tmp_path: Path
) -> None:
    """A Terraform run that lasts longer than its first keys still writes its state at the end."""
    terraform, bucket = require("terraform"), f"state-{short.sandbox.account}"
    admin = short.sandbox.admin
    boto3.client(
        "s3",
        endpoint_url=short.sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=admin.access_key_id,
        aws_secret_access_key=admin.secret_access_key,
    ).create_bucket(Bucket=bucket)
    short.sandbox.clear_calls()
    (tmp_path / "main.tf").write_text(TERRAFORM % bucket)
    script = 'cd "$1" && "$2" init -input=false && "$2" apply -auto-approve -input=false -no-color'
    command = with_refresh(
        ["sh", "-ec", script, "sh", str(tmp_path), terraform],
        "power-user",
        short.device.code(),
        AWS_REGION="eu-central-1",
        CHECKPOINT_DISABLE="1",
    )
    while not (tmp_path / "started").exists() and command.process.poll() is None:
        threading.Event().wait(0.05)
    short.sandbox.clock.elapse(HOUR)
    (tmp_path / "go").touch()
    assert (0, "") == command.end()
    written = [call.parameters["Key"] for call in short.sandbox.calls if call.action == "PutObject"]
    assert ["state.tflock", "state"] == written
    assert {"assumed-role/power-user"} == callers(short)


def test_keys_without_refresh_expire(world: World, with_refresh: Callable[..., Command]) -> None:
    """Without `--refresh` the keys in the environment expire, which proves that the other tests can fail."""
    command = with_refresh([sys.executable, "-c", BOTO3], "power-user", world.device.code(), how=())
    assert "assumed-role/power-user" in command.line()
    world.sandbox.clock.elapse(HOUR)
    command.go_on()
    status, errors = command.end()
    assert (1, True) == (status, "ExpiredToken" in errors)


@pytest.mark.parametrize(
    "default",
    [
        "config keys",
        "profile default",
        "DEFAULT",
        "credential_source",
        "credential_process",
        "sso",
        "login_session",
        "credentials role_arn",
        "boto",
    ],
)
def test_the_endpoint_takes_precedence_over_default(
    world: World, with_refresh: Callable[..., Command], default: str
) -> None:
    """The endpoint takes precedence over `[default]`, however the user's files give it credentials."""
    furnish(world, default)
    command = with_refresh([sys.executable, "-c", BOTO3], "read-only")
    line, ended = command.line(), command.end()
    assert (0, "") == ended
    assert "assumed-role/read-only" in line
    assert {"assumed-role/read-only"} == callers(world)


@pytest.fixture
def session(short: World) -> Iterator[World]:
    """Return the world with an MFA session."""
    assert 0 == short.run("login", short.device.code()).returncode
    yield short
    assert 0 == short.run("logout").returncode


def test_an_agent_serves_an_sdk(session: World, with_refresh: Callable[..., Command]) -> None:
    """With an MFA session in the agent, an SDK renews its keys without any code."""
    command = with_refresh([sys.executable, "-c", BOTO3], "power-user")
    first, key = command.line().split()
    session.sandbox.clock.elapse(HOUR)
    command.go_on()
    second, other_key = command.line().split()
    assert (first, True) == (second, key != other_key)
    assert (0, "") == command.end()


def test_an_sdk_reports_a_locked_agent(session: World, with_refresh: Callable[..., Command]) -> None:
    """After `lock`, the SDK's own error contains the endpoint's message with the next step."""
    command = with_refresh([sys.executable, "-c", BOTO3], "power-user")
    assert "assumed-role/power-user" in command.line()
    assert 0 == session.run("lock").returncode
    command.go_on()
    status, errors = command.end()
    expected = "awsenv: the agent does not hold this role any more; start the command again"
    assert (1, True) == (status, expected in errors), errors
