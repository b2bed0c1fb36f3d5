"""Terraform as a command of `awsenv exec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookbook import recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from recipes.conftest import Reader

# Built into Terraform: no provider is downloaded.
CONFIGURATION = 'resource "terraform_data" "it" {}\noutput "it" { value = terraform_data.it.id }\n'

TYPED = {"TF_CLI_ARGS_apply": "-auto-approve", "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
"""What makes Terraform ask nothing."""


def test_terraform_plans_and_applies(reader: Reader, require: Callable[[str], str]) -> None:
    """Each line runs Terraform with the role."""
    terraform = require("terraform")
    reader.write("main.tf", CONFIGURATION)

    shown = reader.run(f"{terraform} init -no-color && {recipe('terraform')}", **TYPED)

    assert "1 to add" in shown
    assert 2 == shown.count("Apply complete!")
