"""Terraform keeps its state on S3 with the role that `awsenv exec` gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

# As for AWS itself: AWS_ENDPOINT_URL in the environment directs the backend to the local AWS, whose host is an IP
# address, so that the bucket is in the path. The resource is built into Terraform: no provider is downloaded.
CONFIGURATION = """
terraform {{
  backend "s3" {{
    bucket       = "{bucket}"
    key          = "state"
    region       = "eu-central-1"
    use_lockfile = true
  }}
}}

resource "terraform_data" "it" {{
  input = "{value}"
}}

output "it" {{
  value = terraform_data.it.output
}}
"""


@pytest.fixture
def bucket(world: World) -> str:
    """Return a bucket that an administrator has created."""
    name = f"state-{world.sandbox.account}"
    world.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def terraform(
    world: World, tmp_path: Path, bucket: str, require: Callable[[str], str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Terraform with a role."""
    path = require("terraform")
    folder = tmp_path / "terraform"
    folder.mkdir()

    def run(role: str, value: str, *words: str) -> subprocess.CompletedProcess[str]:
        (folder / "main.tf").write_text(CONFIGURATION.format(bucket=bucket, value=value))
        terraform = [path, f"-chdir={folder}", *words, "-no-color", "-input=false"]
        return world.run("exec", *role.split(), "--", *terraform, CHECKPOINT_DISABLE="1")

    return run


def test_terraform_plans_and_applies(
    world: World, terraform: Callable[..., subprocess.CompletedProcess[str]], bucket: str
) -> None:
    """Terraform plans with `read-only` and applies with `power-user`; it cannot apply with `read-only`."""
    assert terraform("read-only", "one", "init").returncode == 0
    assert "1 to add" in terraform("read-only", "one", "plan", "-lock=false").stdout

    denied = terraform("read-only", "one", "apply", "-auto-approve")
    assert denied.returncode == 1
    assert "assumed-role/read-only/" in denied.stderr
    assert "s3:PutObject" in denied.stderr

    applied = terraform(f"power-user {world.device.code()}", "one", "apply", "-auto-approve")
    assert (0, "") == (applied.returncode, applied.stderr)
    assert 'it = "one"' in applied.stdout

    unchanged = terraform("read-only", "one", "plan", "-lock=false", "-detailed-exitcode")
    changed = terraform("read-only", "two", "plan", "-lock=false", "-detailed-exitcode")
    assert (0, 2) == (unchanged.returncode, changed.returncode), "the statuses are Terraform's own"
    written = [call for call in world.sandbox.calls if call.action == "PutObject" and call.error is None]
    assert {bucket} == {call.parameters["Bucket"] for call in written}
    assert all(":assumed-role/power-user/" in (call.caller or "") for call in written)
