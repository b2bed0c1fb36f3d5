"""Terraform as a command of `awsenv exec`, and by a profile, with its state on S3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cookbook import recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from recipes.conftest import Reader

# Built into Terraform: no provider is downloaded.
CONFIGURATION = """
variable "account" { default = "none" }
resource "terraform_data" "it" { input = var.account }
output "it" { value = terraform_data.it.output }
"""

TYPED = {"TF_CLI_ARGS_apply": "-auto-approve", "CHECKPOINT_DISABLE": "1"}
"""What makes Terraform ask nothing, as a user who says yes."""


@pytest.fixture
def terraform(reader: Reader, s3: Any, require: Callable[[str], str]) -> Reader:
    """Return the reader, with a configuration and an empty state in the current folder."""
    require("terraform")
    reader.write("main.tf", recipe("terraform-backend") + CONFIGURATION)
    s3.delete_object(Bucket="my-state", Key="network")
    reader.configure(recipe("profile"))
    reader.run("awsenv exec read-only -- terraform init", **TYPED)
    reader.world.sandbox.clear_calls()
    return reader


def roles(reader: Reader, action: str) -> set[str]:
    """Return the roles that have called *action* with success."""
    return {caller.rpartition("/")[0] for caller in reader.callers(action)}


def test_terraform_plans_and_applies(terraform: Reader) -> None:
    """Each line keeps the state with the role. It cannot apply with a role that may only read."""
    denied = terraform.attempt("awsenv exec read-only -- terraform apply", **TYPED)
    assert 1 == denied.returncode
    assert "s3:PutObject" in denied.stderr

    shown = terraform.run(recipe("terraform"), **TYPED)

    assert 2 == shown.count("Apply complete!")
    assert {"assumed-role/power-user"} == roles(terraform, "PutObject")


def test_terraform_gets_variables_of_the_role(terraform: Reader) -> None:
    """The account of the role is a variable of the configuration."""
    shown = terraform.run(recipe("terraform-variables"), **TYPED)

    assert '= "123456789012"' in shown


def test_the_state_has_another_role_than_the_resources(terraform: Reader) -> None:
    """The backend takes the role of its profile, and the environment has the other one."""
    shown = terraform.run(recipe("terraform-two-roles"), **TYPED)

    assert "1 to add" in shown
    assert {"assumed-role/power-user"} == roles(terraform, "PutObject"), "the lock"
    named = json.loads((terraform.folder / ".terraform" / "terraform.tfstate").read_text())
    assert "tools" == named["backend"]["config"]["profile"]
