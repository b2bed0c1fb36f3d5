"""Clients other than boto3: Terraform's S3 backend and the AWS CLI."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

pytestmark = pytest.mark.slow

BACKEND = """
terraform {
  backend "s3" {
    bucket         = "state"
    key            = "team/terraform.tfstate"
    region         = "us-east-1"
    use_path_style = true
    use_lockfile   = true
  }
}
resource "terraform_data" "one" { input = "hello" }
"""


@pytest.fixture
def environ(sandbox: Sandbox, clean_environ: dict[str, str], assumed: Credentials) -> dict[str, str]:
    """Return an environment with the credentials of the role."""
    return {
        **clean_environ,
        **sandbox.environ(),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": assumed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": assumed.secret_access_key,
        "AWS_SESSION_TOKEN": str(assumed.session_token),
        "CHECKPOINT_DISABLE": "1",
    }


def _run(argv: list[str], environ: dict[str, str], folder: Path) -> str:
    done = subprocess.run(argv, env=environ, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_terraform(
    sandbox: Sandbox,
    client: Any,
    assumed: Credentials,
    environ: dict[str, str],
    tmp_path: Path,
    require: Callable[[str], str],
) -> None:
    """Terraform keeps its state and its lock in the S3 of the sandbox, with an assumed role."""
    terraform = require("terraform")
    s3 = client("s3", assumed)
    s3.create_bucket(Bucket="state")
    (tmp_path / "main.tf").write_text(BACKEND)
    _run([terraform, "init", "-input=false", "-no-color"], environ, tmp_path)
    _run([terraform, "apply", "-auto-approve", "-no-color"], environ, tmp_path)
    assert "No changes." in _run([terraform, "plan", "-no-color"], environ, tmp_path)
    state = json.load(s3.get_object(Bucket="state", Key="team/terraform.tfstate")["Body"])
    assert [resource["name"] for resource in state["resources"]] == ["one"]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="state")["Contents"]] == ["team/terraform.tfstate"]
    assert {call.caller for call in sandbox.calls if call.service == "s3"} == {
        f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    }


def test_aws_cli(
    sandbox: Sandbox, client: Any, environ: dict[str, str], tmp_path: Path, require: Callable[[str], str]
) -> None:
    """The AWS CLI gets its identity, lists regions, and moves a file in parts."""
    aws = require("aws")
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    identity = json.loads(_run([aws, "sts", "get-caller-identity", "--output", "json"], environ, tmp_path))
    assert identity["Arn"] == f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    regions = json.loads(_run([aws, "ec2", "describe-regions", "--output", "json"], environ, tmp_path))
    assert "eu-central-1" in [region["RegionName"] for region in regions["Regions"]]
    (tmp_path / "large").write_bytes(bytes(range(256)) * 40_000)
    _run([aws, "s3", "cp", "large", "s3://bucket/large", "--quiet"], environ, tmp_path)
    _run([aws, "s3", "cp", "s3://bucket/large", "copy", "--quiet"], environ, tmp_path)
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "large").read_bytes()
