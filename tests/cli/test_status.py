"""`awsenv status` and help: what the user reads."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.agent.memory import Memory
from awsenv.agent.plan import Plan
from awsenv.agent.term import Clock
from awsenv.cli.arguments import StatusArguments
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Prompts
from awsenv.cli.status import run
from awsenv.model import Chain, Credentials, Note, Source
from awsenv.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

NOW = 1_795_453_200
ROLE = {
    "AWSENV_ROLE": "power-user",
    "AWSENV_LABEL": "power-user",
    "AWSENV_ACCOUNT": "123456789012",
    "AWSENV_ROLE_NAME": "PowerUser",
    "AWSENV_EXPIRES_EPOCH": str(NOW),
    "AWSENV_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-key",
    "AWS_SESSION_TOKEN": "canary-session-token",
}


def shown(
    environ: dict[str, str], now: float = NOW - 3540, memory: Memory | None = None, **options: bool
) -> tuple[str, tuple[object, ...]]:
    """Return the output and the notes of `awsenv status` in *environ* at *now*, in an agent if *memory* is given."""
    prompts = Prompts(environ)
    provider = Provider(memory, prompts, lambda _: None)
    caller = Caller(environ, "/bin/awsenv", provider, prompts.secret, prints_to_terminal=True, now=lambda: now)
    action = run(caller, StatusArguments(**options))
    return action.text, tuple(action.notes)


def test_the_role_is_shown_without_a_secret() -> None:
    """`status` shows the whole id of the access key, by which CloudTrail knows a caller, and no secret."""
    expected = """\
Role        power-user
Account     123456789012
Role name   PowerUser
Region      eu-central-1
Access key  ASIAIOSFODNN7EXAMPLE
Expires     {@1795453200} (59m left)
"""
    assert (expected, ()) == shown(ROLE)


def test_a_role_that_is_called_like_its_profile_is_named_once() -> None:
    """The name of the role has a line only where it differs from the profile."""
    assert "Role name" not in shown(ROLE | {"AWSENV_ROLE_NAME": "power-user"})[0]


def test_masked_keys_look_as_in_the_aws_cli(require: Callable[[str], str], clean_environ: dict[str, str]) -> None:
    """With --masked each key has the form that `aws configure list` shows."""
    words = [require("aws"), "configure", "list"]
    theirs = subprocess.run(words, env=clean_environ | ROLE, capture_output=True, text=True, check=True).stdout

    text, _ = shown(ROLE, masked=True)

    masks = re.findall(r"\*+\S*", theirs)
    assert masks == re.findall(r"^(?:Access|Secret) key  (.*)", text, re.MULTILINE)
    assert "Token       ****************oken" in text.splitlines()


def test_a_short_key_is_not_shown_at_all() -> None:
    """`status --masked` masks a short key completely, since four characters would be half of it."""
    text, _ = shown(ROLE | {"AWS_SECRET_ACCESS_KEY": "abcdefgh"}, masked=True)

    assert "Secret key  ****************" in text.splitlines()


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        ({}, NOW - 3540, {}),
        ({}, NOW + 1, {"remaining_seconds": 0, "notes": ["the role has expired"]}),
        ({"AWSENV_EXPIRES_EPOCH": ""}, NOW, {"expires": None, "remaining_seconds": None}),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, NOW - 3540, {"region": "us-east-1"}),
        ({"AWS_REGION": ""}, NOW - 3540, {"region": None}),
    ],
)
def test_the_status_is_there_for_programs(changes: dict[str, str], now: float, expected: dict[str, object]) -> None:
    """`status --json` always has the same keys, and null for what is missing."""
    whole: dict[str, Any] = {
        "role": "power-user",
        "account": "123456789012",
        "role_name": "PowerUser",
        "narrowed": None,
        "region": "eu-central-1",
        "access_key_id": "ASIAIOSFODNN7EXAMPLE",
        "expires": "2026-11-23T17:00:00Z",
        "remaining_seconds": 3540,
        "renewed": False,
        "mfa_sessions": None,
        "held_roles": None,
        "confirmation": None,
        "identity": None,
        "notes": [],
    }

    text, notes = shown(ROLE | changes, now, as_json=True)

    assert (whole | expected, ()) == (json.loads(text), notes)


def test_without_a_role_the_status_has_the_same_keys() -> None:
    """What no role has is null, and a note says so."""
    status = json.loads(shown({}, as_json=True)[0])

    assert {"notes": ["no role is active in this shell"], "renewed": False} == {
        key: value for key, value in status.items() if value is not None
    }
    assert json.loads(shown(ROLE, as_json=True)[0]).keys() == status.keys()


def test_an_expired_role_has_a_next_step() -> None:
    """The note names the command that assumes the role again."""
    text, notes = shown(ROLE, now=NOW)

    assert "(expired)" in text
    assert notes == (Note("the role has expired", hints=("awsenv power-user",)),)


def test_keys_that_were_set_after_the_role_are_noted() -> None:
    """The note says that the keys in the shell are not those of the role."""
    _, notes = shown(ROLE | {"AWS_ACCESS_KEY_ID": "AKIAOFTHEUSER"})

    assert notes == (Note("the keys in this shell are not those of the role: they were set after it"),)


def test_a_profile_that_was_set_after_the_role_is_noted() -> None:
    """The note says that some tools prefer the profile to the keys of the role."""
    _, notes = shown(ROLE | {"AWS_PROFILE": "other"})

    fact = "AWS_PROFILE was set after the role, and some tools prefer it to the role's keys"
    assert notes == (Note(fact, hints=("unset AWS_PROFILE",)),)


def test_that_there_is_no_role_is_a_note() -> None:
    """Show what is there all the same."""
    expected = "Region  eu-central-1\n", (Note("no role is active in this shell"),)
    assert expected == shown({"AWS_REGION": "eu-central-1"})


def test_a_role_that_is_held_twice_is_shown_once() -> None:
    """If the agent holds a role for two requests, `status` shows it once, with the longer time."""
    memory = Memory(Clock(lambda: NOW, lambda: NOW))
    chain = Chain(Source("static", "default"), (), "deploy", "deploy")
    for seconds in (7200, 3600):
        ends = datetime.fromtimestamp(NOW + seconds, timezone.utc)
        given = Credentials("ASIAEXAMPLE", "canary-secret", "canary-token", ends)
        memory.keep(Plan(f"for {seconds} seconds", chain, lambda *_, given=given: given), given)

    assert f"In memory  deploy until {{@{NOW + 7200}}} (2h00m left)\n" == shown({}, NOW, memory)[0]
    assert f"In memory  deploy until {{@{NOW + 7200}}} (1h59m left)\n" == shown({}, NOW + 1, memory)[0]
    held = {"name": "deploy", "expires": "2026-11-23T19:00:00Z", "remaining_seconds": 7200}
    status = json.loads(shown({}, NOW, memory, as_json=True)[0])
    assert ([held], []) == (status["held_roles"], status["mfa_sessions"])


CAVEAT = "            who you are, not what you may do: AWS answers any valid key"


def test_verify_shows_the_identity(world: World) -> None:
    """`status --verify` shows the ARN that AWS returns for the keys in the shell."""
    words = ("exec", "read-only", "--session-name", "alice", "--", world.program, "status", "--verify")
    arn = f"arn:aws:sts::{world.sandbox.account}:assumed-role/read-only/alice"

    lines = world.run(*words).stdout.splitlines()

    assert f"Identity    {arn}" in lines
    assert CAVEAT in lines
    identity = json.loads(world.run(*words, "--json").stdout)["identity"]
    assert (arn, world.sandbox.account) == (identity["arn"], identity["account"])


NOTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}'


@pytest.mark.parametrize("denied", ["role", "session", "user"])
def test_verify_is_answered_under_an_explicit_deny(world: World, denied: str) -> None:
    """AWS answers GetCallerIdentity to everyone, so the answer has its caveat: here each call but that is denied."""
    iam = world.client("iam")
    role = ["read-only", *(["--policy", NOTHING] if denied == "session" else [])]
    answer = world.run(*role, "--shell", "json", "--print")
    if denied == "role":
        iam.put_role_policy(RoleName="read-only", PolicyName="no", PolicyDocument=NOTHING)
    if denied == "user":
        iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=NOTHING)
    keys = {name: value for name, value in json.loads(answer.stdout).items() if value is not None}

    lines = world.run("status", "--verify", **keys).stdout.splitlines()

    assert CAVEAT in lines
    assert ":assumed-role/read-only/" in "".join(lines)


def test_verify_fails_with_expired_keys(world: World) -> None:
    """`status --verify` reports expired keys with the status of a source that has expired."""
    script = f"echo ready; read go; exec {world.program} status --verify"
    words = [world.program, "exec", "read-only", "--duration", "15m", "--", "sh", "-c", script]
    with subprocess.Popen(words, env=world.environ, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "ready\n"
        world.sandbox.clock.elapse(901)
        _, complaint = shell.communicate("go\n")

    assert shell.returncode == 4
    assert "expired" in complaint


def test_verify_sends_the_token_that_boto3_sends(world: World) -> None:
    """A stale AWS_SECURITY_TOKEN beside the role's AWS_SESSION_TOKEN is an error, as with boto3."""
    stale = ["env", "AWS_SECURITY_TOKEN=stale", world.program, "status", "--verify"]

    answer = world.run("exec", "read-only", "--", *stale)

    assert (4, "") == (answer.returncode, answer.stdout)


def test_verify_fails_without_keys(world: World) -> None:
    """Without keys in the shell, `status --verify` uses no other identity."""
    answer = world.run("status", "--verify")

    assert answer.returncode == 4
    assert answer.stderr.startswith("awsenv: there are no keys in this shell to ask AWS about\n")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["help", "exec"], ["exec", "--help"], ["use", "-h"]])
def test_help_is_printed(world: World, words: list[str]) -> None:
    """Every form of help begins with the usage."""
    answer = world.run(*words)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("Usage: awsenv ")


def test_a_closing_terminal_ends_awsenv_once(world: World) -> None:
    """Repeated SIGHUPs from a closing terminal do not keep `demo` from removing its folder."""
    words = [world.program, "demo", "--", "sh", "-c", "echo $AWS_CONFIG_FILE; exec sleep 60"]
    with subprocess.Popen(words, env=world.environ, stdout=PIPE, text=True, start_new_session=True) as demo:
        assert demo.stdout is not None
        config = demo.stdout.readline().strip()
        for _ in range(3):
            demo.send_signal(signal.SIGHUP)
            time.sleep(0.01)

    assert demo.returncode == 130
    assert not Path(config).parent.exists()
