"""The guard rails disturb no other tool: real clients use a profile that has them all, plain and inherited."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.test_refresh_clients import SDK

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

PROFILES = ("plain", "inherited", "default")

# Each prints its caller identity as each of the profiles in its arguments.
BOTO3 = """
import sys, boto3
for name in sys.argv[1:]:
    print(boto3.Session(profile_name=name).client("sts").get_caller_identity()["Arn"])
"""
JAVASCRIPT = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
for (const profile of process.argv.slice(2)) {
  process.env.AWS_PROFILE = profile;
  console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
}
"""
AWS_CLI = 'aws=$1; shift; for name; do "$aws" sts get-caller-identity --query Arn --output text --profile "$name"; done'
TERRAFORM = """
terraform {
  backend "s3" {
    bucket = "state"
    key    = "state"
    region = "eu-central-1"
  }
}
"""


@pytest.fixture
def guarded(world: World) -> World:
    """Return a world in which three profiles have every guard rail: by themselves, by inclusion, and in both files."""
    account = world.sandbox.account
    rails = f"awsenv_color = #ff8700\nawsenv_protected = true\nawsenv_account = {account}\n"
    role = f"role_arn = arn:aws:iam::{account}:role/read-only\nsource_profile = default\n"
    folder = Path(world.environ["HOME"]) / ".aws"
    (folder / "config").write_text(
        f"[default]\nregion = eu-central-1\n{rails}"
        f"[profile family]\n{rails}"
        f"[profile plain]\nregion = eu-central-1\n{rails}{role}"
        f"[profile inherited]\nregion = eu-central-1\ninclude_profile = family\n{role}"
        "[profile by-process]\nregion = eu-central-1\ncredential_process = awsenv credential-process --yes inherited\n"
        "[profile unconfirmed]\nregion = eu-central-1\ncredential_process = awsenv credential-process inherited\n"
    )
    (folder / "credentials").write_text((folder / "credentials").read_text() + rails)
    return world


def callers(world: World, argv: list[str], *profiles: str) -> list[str]:
    """Return the roles or users as which a client calls AWS with each of *profiles*; it must not complain."""
    done = world.command([*argv, *profiles])
    assert (0, "") == (done.returncode, done.stderr)
    return [line.split("/")[1] for line in done.stdout.splitlines()]


EXPECTED = ["read-only", "read-only", "alice"]


def test_boto3(guarded: World) -> None:
    """boto3 gets the role of each profile, and says nothing."""
    assert EXPECTED == callers(guarded, [sys.executable, "-c", BOTO3], *PROFILES)


def test_the_aws_cli(guarded: World, require: Callable[[str], str]) -> None:
    """The AWS CLI gets the role of each profile, and says nothing."""
    assert EXPECTED == callers(guarded, ["sh", "-c", AWS_CLI, "sh", require("aws")], *PROFILES)


def test_javascript(guarded: World, node_package: Callable[[str], Path], require: Callable[[str], str]) -> None:
    """Version 3 of the SDK for JavaScript gets the role of each profile, and says nothing."""
    program = node_package(SDK).parents[2] / f"rails-{os.getpid()}.mjs"
    program.write_text(JAVASCRIPT)
    assert EXPECTED == callers(guarded, [require("node"), "--no-warnings", str(program)], *PROFILES)


def test_terraform(guarded: World, tmp_path: Path, require: Callable[[str], str]) -> None:
    """Terraform reads its state with the role of each profile, and warns of nothing."""
    terraform = require("terraform")
    guarded.client("s3").create_bucket(Bucket="state")
    guarded.sandbox.clear_calls()
    (tmp_path / "main.tf").write_text(TERRAFORM)

    # The third is a user who may not read S3.
    for profile in PROFILES[:2]:
        words = [f"-chdir={tmp_path}", "init", "-reconfigure", "-no-color", f"-backend-config=profile={profile}"]
        done = guarded.command([terraform, *words], CHECKPOINT_DISABLE="1", AWS_ENDPOINT_URL_STS=guarded.sandbox.url)
        assert (0, "") == (done.returncode, done.stderr)
        assert "Warning" not in done.stdout
    used = {str(call.caller).split("/")[1] for call in guarded.sandbox.calls if call.service == "s3"}
    assert {"read-only"} == used


def test_a_process_says_in_the_file_who_may_have_a_protected_role(guarded: World) -> None:
    """An SDK has no terminal: `--yes` in the line of the file confirms, and without it the SDK shows the refusal."""
    path = f"{Path(guarded.program).parent}:{os.environ['PATH']}"
    one, other = (
        guarded.command([sys.executable, "-c", BOTO3, profile], PATH=path) for profile in ("by-process", "unconfirmed")
    )

    assert (0, "read-only") == (one.returncode, one.stdout.split("/")[1])
    assert "inherited is protected, and there is no terminal to confirm it on" in other.stderr
