"""Assistants, command by command: what AWS gets, what is asked and refused, and what `explain` says of it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from conftest import World

    Agents = Callable[[Mapping[str, str]], AbstractContextManager[None]]

CLAUDE = {"LOGNAME": "alice", "CLAUDECODE": "1"}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture(scope="module")
def ruled(shared_world: World) -> World:
    """Return a world whose role `read-only` has three profiles, with a rule for assistants each; one needs a code."""
    sandbox = shared_world.sandbox
    arn = f"arn:aws:iam::{sandbox.account}:role"
    named = sandbox.trust(shared_world.user_arn)
    named["Statement"][0]["Condition"] = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
    sandbox.create_role("named", named)
    for rule in ("read-only", "confirm", "refuse"):
        role = f"role_arn = {arn}/read-only\nsource_profile = default\n"
        shared_world.configure(f"\n[profile for-{rule}]\n{role}awsenv_assistants = {rule}\n")
    shared_world.configure(
        f"\n[profile named]\nrole_arn = {arn}/named\nsource_profile = default\n"
        f"[profile code]\nrole_arn = {arn}/power-user\nsource_profile = default\nawsenv_assistants = read-only\n"
        f"external_id = {shared_world.external_id}\nmfa_serial = {shared_world.device.serial}\n"
    )
    return shared_world


@pytest.fixture(params=[False, True], ids=["no agent", "agent"])
def asked(ruled: World, agent_in: Agents, request: pytest.FixtureRequest) -> Iterator[World]:
    """Return the world, without an agent and with one."""
    with agent_in(ruled.environ) if request.param else nullcontext():
        ruled.sandbox.clear_calls()
        yield ruled


def test_cloudtrail_tells_the_assistant_from_its_user(asked: World) -> None:
    """Each has a session of its own; a name that the user has set stays as it is."""
    named: list[dict[str, str]] = [{}, {"CLAUDECODE": "1"}, {"CLAUDECODE": "1", "AWSENV_SESSION_NAME": "mine"}]
    done = [asked.run("credential-process", "read-only", LOGNAME="alice", **environ) for environ in named]

    assert [(0, "")] * 3 == [(each.returncode, each.stderr) for each in done]
    sent = [call.parameters["RoleSessionName"] for call in asked.sandbox.calls]
    assert ["alice", "alice+claude-code", "mine"] == sent


REFUSAL = """\
'for-refuse' is not for assistants
  because  CLAUDECODE is set: claude-code runs this command
  in       ~/.aws/config:{line}, [profile for-refuse], awsenv_assistants
  try      ask the user to run it
  or       awsenv list shows the other roles
"""


CONFIRM = "  in       ~/.aws/config:{line}, [profile for-confirm], awsenv_assistants\n"


@pytest.mark.parametrize(("rule", "said"), [("refuse", REFUSAL), ("confirm", CONFIRM)])
@pytest.mark.parametrize(
    "words", ["ROLE", "exec --refresh ROLE -- true", "credential-process ROLE", "each ROLE -- true"]
)
def test_an_assistant_does_not_get_what_its_user_keeps(asked: World, rule: str, said: str, words: str) -> None:
    """Without the user it gets nothing, `--yes` is no answer, and nothing is sent."""
    done = asked.run(*words.replace("ROLE", f"--yes for-{rule}").split(), **CLAUDE)

    lines = Path(asked.environ["HOME"], ".aws", "config").read_text().splitlines()
    assert 0 != done.returncode
    # `each` puts the name of the role before what is said when its turn has come.
    told = done.stderr.replace(f"for-{rule} | ", "")
    assert said.format(line=1 + lines.index(f"awsenv_assistants = {rule}")) in told
    assert () == asked.sandbox.calls


def test_a_person_gets_what_assistants_do_not(asked: World) -> None:
    """Without the variable, no rule counts."""
    done = [asked.run("credential-process", f"for-{rule}") for rule in ("read-only", "confirm", "refuse")]

    assert [(0, "")] * 3 == [(each.returncode, each.stderr) for each in done]
    assert not any("PolicyArns.member.1.arn" in call.parameters for call in asked.sandbox.calls)


def test_an_assistant_gets_the_role_read_only(asked: World) -> None:
    """AWS gets its policy, and its policy wins over one that the assistant names."""
    done = asked.run("credential-process", "for-read-only", "--only=s3:*", **CLAUDE)

    assert (0, "") == (done.returncode, done.stderr)
    (call,) = asked.sandbox.calls
    assert READ_ONLY == call.parameters["PolicyArns.member.1.arn"]
    assert {"NotAction": ["s3:*"], "Effect": "Deny", "Resource": "*"} in json.loads(call.parameters["Policy"])[
        "Statement"
    ]


def test_a_command_that_is_an_assistant_is_one(asked: World, tmp_path: Path) -> None:
    """The user hands the role to it: it is named as where it asks itself, and the rules of the profile count."""
    assistant = tmp_path / "claude"
    assistant.write_text('#!/bin/sh\nexec "$AWSENV" credential-process read-only\n')
    assistant.chmod(0o755)
    environ = {"LOGNAME": "alice", "AWSENV": asked.program}
    roles = ("read-only", "for-read-only", "for-refuse")
    given, narrowed, refused = (asked.run("exec", role, "--", str(assistant), **environ) for role in roles)
    again = asked.run("credential-process", "read-only", **CLAUDE)

    assert [0, 0, 125, 0] == [each.returncode for each in (given, narrowed, refused, again)]
    assert "'for-refuse' is not for assistants\n  because  claude-code is one\n" in refused.stderr
    first, *others = asked.sandbox.calls
    assert "alice+claude-code" == first.parameters["RoleSessionName"]
    assert READ_ONLY in [call.parameters.get("PolicyArns.member.1.arn") for call in others]


def test_what_the_user_has_is_narrowed_for_the_assistant(ruled: World, agent_in: Agents) -> None:
    """The agent holds the role by a code of the user: the assistant needs none, and is named in the description."""
    with agent_in(ruled.environ):
        assert 0 == ruled.run("credential-process", "code", ruled.device.code(), LOGNAME="alice").returncode
        ruled.sandbox.clear_calls()
        done = ruled.run("credential-process", "code", "--because=JIRA-12", **CLAUDE)

    assert (0, "") == (done.returncode, done.stderr)
    assert [("GetScopedCredentials", "JIRA-12 (claude-code)")] == [
        (call.action, call.parameters["ScopedSessionDescription"]) for call in ruled.sandbox.calls
    ]


def test_a_trust_policy_that_demands_a_name_is_explained(asked: World) -> None:
    """A role that the user may assume refuses their assistant; the first next step is the way out, and works."""
    done = asked.run("credential-process", "named", **CLAUDE)
    mended = asked.run("credential-process", "named", AWS_ROLE_SESSION_NAME="alice", **CLAUDE)

    step = "if the role demands a role session name (not alice+claude-code), set role_session_name"
    assert 5 == done.returncode
    assert step in " ".join(done.stderr.split())
    assert (0, "") == (mended.returncode, mended.stderr)


@pytest.mark.parametrize(
    ("rule", "follows"),
    [
        ("read-only", "which gets it read-only"),
        ("confirm", "which gets it once you confirm it"),
        ("refuse", "which does not get it"),
    ],
)
def test_explain_shows_who_asks_and_what_follows(ruled: World, rule: str, follows: str) -> None:
    """The page and the JSON name the assistant, its variable and the rule, and a person sees the rule in the JSON."""
    page = ruled.run("explain", f"for-{rule}", **CLAUDE)
    plans = [json.loads(ruled.run("explain", f"for-{rule}", "--json", **each).stdout) for each in (CLAUDE, {})]

    assert 0 == page.returncode
    assert f"Asked by  claude-code (CLAUDECODE), {follows}" in page.stdout
    assert "alice+claude-code" in page.stdout
    assert [{"name": "claude-code", "sign": "CLAUDECODE"}, None] == [plan["assistant"] for plan in plans]
    assert [rule] * 2 == [plan["guard_rails"]["assistants"] for plan in plans]


def test_explain_shows_an_assistant_without_a_rule(ruled: World) -> None:
    """It gets the role as its user does."""
    page = ruled.run("explain", "read-only", AI_AGENT="devin@1").stdout

    assert "Asked by  devin (AI_AGENT), which gets it as you do" in page
