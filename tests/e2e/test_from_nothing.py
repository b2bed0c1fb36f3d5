"""A machine without AWS credentials: every command that needs some says the same, and its steps lead on."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from awsenv.cli.commands import COMMANDS, called
from awsenv.cli.process import FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

FACT = (
    "there are no AWS credentials in ~/.aws/config (missing) or ~/.aws/credentials (missing), "
    "and none in the environment\n"
)
STEPS = """\
  try      aws configure sso
  or       aws configure
"""
TEXT = f"awsenv: {FACT}{STEPS}"

NEEDY = {
    "use": ("power-user", 4),
    "exec": ("exec power-user -- true", 125),
    "each": ("each p* -- true", 125),
    "login": ("login", 4),
    "explain": ("explain power-user", 4),
    "console": ("console power-user", 4),
    "setup": ("setup", 4),
    "list": ("list", 0),
    "credential-process": ("credential-process power-user", 4),
    "token": ("token eks a-cluster power-user", 4),
    "renew": ("renew", 4),
    "status": ("status --verify", 4),
}
"""A line of each command that needs credentials, and its status."""

OTHERS = {"approve", "doctor", "profiles", "log", "logout", "lock", "off", "init", "completion", "demo"}
"""The doctor says it as a finding; the rest need none."""

MORE = {
    "a code": ("power-user 123456", 4),
    "an ARN": ("arn:aws:iam::123456789012:role/x", 4),
    "an account": ("exec 123456789012/x", 125),
    "another name": ("use deploy", 4),
    "a role for setup": ("setup read-only --dry-run", 4),
    "exec with renewal": ("exec --refresh power-user -- true", 125),
}


def test_every_command_is_in_the_table() -> None:
    """A new command says what is missing, or needs nothing."""
    assert set(COMMANDS) == {*NEEDY, *OTHERS}


@pytest.mark.parametrize(("line", "status"), [*NEEDY.values(), *MORE.values()], ids=str)
def test_one_text_says_what_is_missing(shared_world: World, tmp_path: Path, line: str, status: int) -> None:
    """In an empty HOME the text is the same for all, and starts no agent."""
    done = shared_world.run(*line.split(), HOME=str(tmp_path))

    assert (status, TEXT, None) == (done.returncode, done.stderr, shared_world.agent())
    assert done.stdout == (FAILURE if called(line.split()).is_evaluated else "")


@pytest.mark.parametrize("line", ["doctor", "doctor power-user"])
def test_the_doctor_finds_the_same(shared_world: World, tmp_path: Path, line: str) -> None:
    """It is the finding on the chain, and nothing else leads elsewhere."""
    done = shared_world.run(*line.split(), HOME=str(tmp_path))

    assert 1 == done.returncode
    assert re.search(f"(?m)^✗ chain +{re.escape(FACT + STEPS)}", done.stdout), done.stdout


def test_the_steps_lead_on(
    shared_world: World, tmp_path: Path, require: Callable[[str], str], clean_environ: dict[str, str]
) -> None:
    """After `aws configure`, `awsenv setup` shows its plan, and `awsenv list` the profile."""
    key = shared_world.sandbox.admin
    answers = f"{key.access_key_id}\n{key.secret_access_key}\neu-central-1\n\n"
    environ = clean_environ | {"HOME": str(tmp_path)}
    subprocess.run(
        [require("aws"), "configure"], input=answers, env=environ, text=True, check=True, capture_output=True
    )

    plan = shared_world.run("setup", "me:ReadOnlyAccess,mfa", "--dry-run", HOME=str(tmp_path))

    assert (0, "") == (plan.returncode, plan.stderr), plan.stderr
    assert "create the user" in plan.stdout
    assert "default" in shared_world.run("list", HOME=str(tmp_path)).stdout


def test_files_without_credentials_say_the_same(shared_world: World, tmp_path: Path) -> None:
    """A region alone is no source, and the files are named as they are."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-central-1\n")
    done = shared_world.run("power-user", HOME=str(tmp_path))

    fact = "there are no AWS credentials in ~/.aws/config or ~/.aws/credentials (missing), and none in the environment"
    assert f"awsenv: {fact}\n{STEPS}" == done.stderr
