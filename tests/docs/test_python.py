"""The examples of docs/python.md run, one after the other, as one program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from quotes import ROOT, blocks, section

import awsenv
from awsenv import errors

if TYPE_CHECKING:
    from conftest import World

PAGE = ROOT / "docs" / "python.md"


def test_the_examples_run(world: World) -> None:
    """They need one code, the first, and what they print is what they say."""
    examples = blocks(PAGE.read_text(encoding="utf-8"), "python")
    program = "\n".join(examples).replace("123456", world.device.code())
    shown = world.command([sys.executable, "-c", program])

    assert "" == shown.stderr
    assert f"power-user {world.sandbox.account} needs a code\nread-only {world.sandbox.account} \n" in shown.stdout
    assert ":assumed-role/power-user/" in shown.stdout
    assert "AWSENV_ROLE=read-only\n" in shown.stdout
    assert "\nAccessDenied\n" in shown.stdout
    assert 5 <= len(examples)


def test_the_page_has_every_function_and_error() -> None:
    """The tables list the functions, and the errors that they raise."""
    text = PAGE.read_text(encoding="utf-8")
    documented = (awsenv.credentials.__doc__ or "").splitlines()
    raised = [line.split(":")[0].strip() for line in documented if "Error: " in line]

    assert set() == {name for name in awsenv.__all__ if name.islower() and f"`awsenv.{name}(" not in text}
    assert raised == [line.split("`")[1] for line in section(PAGE, "Errors").splitlines() if line.startswith("| `")]
    assert all(issubclass(getattr(errors, name), awsenv.AwsenvError) for name in raised)
