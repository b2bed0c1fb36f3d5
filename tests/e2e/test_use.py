"""The main job: a role in the shell, with real clients, at a real terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from awsenv.model import Credentials
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from e2e.conftest import Interactive
    from spelling import Spelling

CTRL_C, CTRL_D = "\x03", "\x04"


@dataclass(frozen=True)
class Form:
    """A way to assume a role in the shell, the same in every shell."""

    name: str
    hook: bool
    line: str

    def __call__(self, words: str) -> str:
        """Return the line for *words*."""
        return self.line.format(words)


FORMS = (
    Form("eval", hook=False, line='eval "$(awsenv {})"'),
    Form("eval with the hook loaded", hook=True, line='eval "$(awsenv {})"'),
    Form("hook", hook=True, line="awsenv {}"),
)


EACH = pytest.mark.parametrize(
    ("shell", "form"),
    [
        (shell, form)
        for shell in SPELLINGS
        for form in FORMS
        if shell == "bash" or not (form.hook and "eval" in form.line)
    ],
    indirect=["shell"],
    ids=lambda value: getattr(value, "name", str(value)).replace(" ", "-"),
)
"""Each shell and each form. In test_secrets.py zsh and fish, too, evaluate a role with the hook loaded."""


@EACH
def test_clients_use_the_role_and_off_restores_the_environment(
    form: Form,
    *,
    world: World,
    shell: Spelling,
    interactive: Interactive,
    new_code: Callable[[], str],
    require: Callable[[str], str],
) -> None:
    """The AWS CLI calls EC2 and STS with the role, and `off` restores every variable.

    The variables are the same whatever the shell and the form: the keys of the others ask STS from here.
    """
    require("aws")
    by_client = (shell.name, form.name) == ("bash", "eval")
    window = interactive(hook=form.hook, AWS_PROFILE="default", AWS_REGION="us-east-2", AWS_SECURITY_TOKEN="")
    before = window.environment()

    window.run(form(f"power-user {new_code()}"))
    if by_client:
        assert "ec2.eu-central-1.amazonaws.com" in window.run("aws ec2 describe-regions --output text")
        identity = window.run("aws sts get-caller-identity --output text")
    else:
        keys = window.environment()
        key = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
        identity = world.client("sts", key).get_caller_identity()["Arn"]
    window.run(form("off"))

    role = f"arn:aws:sts::{world.sandbox.account}:assumed-role/power-user/"
    assert role in identity
    calls = ["DescribeRegions", "GetCallerIdentity"] if by_client else ["GetCallerIdentity"]
    assert [("AssumeRole", True), *((action, False) for action in calls)] == [
        (call.action, call.caller == world.user_arn) for call in world.sandbox.calls
    ]
    assert all((call.caller or "").startswith(role) for call in world.sandbox.calls[1:])
    assert before == window.environment()


@EACH
@pytest.mark.usefixtures("shell")
def test_the_code_is_asked_for_at_the_terminal(
    form: Form, *, world: World, interactive: Interactive, new_code: Callable[[], str]
) -> None:
    """Inside $(…), too, awsenv prompts, again after a wrong code; Ctrl-C and Ctrl-D change nothing and stop `&&`."""
    shell = interactive(hook=form.hook)
    before = shell.environment()
    line = form("power-user") + ' && echo rea""ched'

    for key in (CTRL_C, CTRL_D):
        shell.send(line + "\r")
        shell.see(f"MFA code for alice \\({world.sandbox.account}\\): ")
        shell.send(key)
        assert "reached" not in shell.prompt()
        assert before == shell.environment()

    shell.send(line + "\r")
    shell.see("MFA code for alice .*: ")
    shell.send("000000\r")
    shell.see("MFA code for alice .*: ")
    shell.send(new_code() + "\r")
    shell.see("reached")
    shell.prompt()
    assert shell.environment()["AWSENV_ROLE"] == "power-user"
    assert ["AccessDenied", None] == [call.error for call in world.sandbox.calls]
