"""How `awsenv doctor` prints its findings, and what the agent tells it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.agent import client
from awsenv.cli import conversation, report
from awsenv.cli.action import Local, Print, unpacked
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.cli.action import Action
    from conftest import World

DEMANDED = "role power-user demands an external id, and none is configured"


def _part(environ: Mapping[str, str], *args: str) -> Action:
    request = conversation.request(["doctor", *args], environ)
    return unpacked(client.ask(environ, conversation.PART, [b"", *request]), environ)


def test_the_agent_sends_the_expiration_of_a_role_and_no_key(world: World) -> None:
    """The doctor needs to know only whether the agent provides the role, and until when."""
    assert world.run("login", world.device.code()).returncode == 0
    reply = _part(world.environ, "power-user")
    verdict, fact = json.loads(reply.text)
    assert (Print.kind, "fine") == (reply.kind, verdict)
    assert re.fullmatch(r"the agent provides power-user until {@\d+} \((1h00m|59m)\)", fact)


def test_the_agent_does_not_ask_for_a_code(world: World) -> None:
    """Without an MFA session in memory, the verdict is unknown."""
    assert world.run("login", world.device.code()).returncode == 0
    assert world.run("lock").returncode == 0
    assert ["unknown", ""] == json.loads(_part(world.environ, "power-user").text)


def test_the_agent_sends_the_reason_for_a_refusal(world: World) -> None:
    """The reply contains the fact of the error and its hints as separate values."""
    arn = world.sandbox.create_role("closed", world.sandbox.trust(world.sandbox.account))
    world.configure(f"\n[profile closed]\nrole_arn = {arn}\nsource_profile = default\n")
    assert world.run("login", world.device.code()).returncode == 0
    verdict, fact, *hints = json.loads(_part(world.environ, "closed").text)
    assert ("wrong", True, True) == (verdict, fact.startswith("the agent cannot get the role: AWS "), bool(hints))
    assert "\n" not in fact


def test_the_client_runs_the_doctor(world: World) -> None:
    """The agent leaves `doctor` to the client, which has the terminal and the whole environment."""
    assert world.run("login", world.device.code()).returncode == 0
    request = conversation.request(["doctor", "power-user"], world.environ)
    assert Local.kind == client.ask(world.environ, conversation.RUN, [b"", *request])[0]


def test_a_finding_is_printed_like_an_error(world: World) -> None:
    """A finding is one line, with its place and at most two next steps below it."""
    folder = Path(world.environ["HOME"], ".aws")
    lines = (folder / "config").read_text().splitlines(keepends=True)
    (folder / "config").write_text("".join(line for line in lines if not line.startswith("external_id")))
    world.add_administrator()
    answer = world.run("doctor", "power-user", "--iam-profile", "admin")
    lines = answer.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("✗"))
    assert f"✗ trust policy     {DEMANDED}" == lines[first]
    assert lines[first + 1].startswith("  in       ~/.aws/config:")
    assert lines[first + 2 : first + 4] == [
        "  try      ask the owner of the role for it",
        "  or       set external_id in [profile power-user], or pass --external-id",
    ]
    assert f"power-user does not work: trust policy: {DEMANDED}" == lines[-1]


BAD = (
    ("AWSENV_DURATION", "abc", "not a duration: 'abc'"),
    ("AWSENV_DURATION", "9 hours", "not a duration: '9 hours'"),
    ("AWSENV_MIN_REMAINING", "soon", "not a duration: 'soon'"),
    ("AWSENV_TIMEOUT", "2h", "'2h' is not a duration of one second to one hour"),
    ("AWSENV_TAG", "team", "not a session tag: 'team'"),
    ("AWSENV_TAG", "a=b,c", "not a session tag: 'c'"),
    ("AWSENV_POLICY", "file:///none.json", "cannot read the policy '/none.json': No such file or directory"),
    ("AWSENV_REGION", "abc", "'abc' is not an AWS region"),
    ("AWSENV_SESSION_NAME", "a b", "the role session name 'a b' holds ' ', which AWS does not accept"),
    ("AWSENV_MFA_SERIAL", "abc", "'abc' is not the ARN or serial number of an MFA device"),
    ("AWSENV_POLICY_ARN", "abc", "'abc' is not the ARN of a managed policy"),
    ("AWSENV_PROFILE", "nobody", "there is no profile 'nobody' in ~/.aws/config or ~/.aws/credentials"),
    ("AWSENV_SHELL", "nosh", "awsenv knows no shell 'nosh'"),
)
"""A variable, a value that no command accepts, and what is wrong with it."""


@pytest.mark.parametrize(("name", "value", "fact"), BAD)
@pytest.mark.parametrize("words", [(), ("power-user",)], ids=["machine", "role"])
def test_a_bad_variable_is_a_finding(
    shared_world: World, words: tuple[str, ...], name: str, value: str, fact: str
) -> None:
    """The doctor comes to its end, and names the variable with its value."""
    answer = shared_world.run("doctor", *words, "--json", **{name: value})
    found = [(each["fact"], each["place"]) for each in json.loads(answer.stdout)["findings"]]
    assert [(fact, name)] == [each for each in found if each[0] == fact]


def test_several_bad_variables_are_so_many_findings(shared_world: World) -> None:
    """The rest is checked without them, up to what AWS says, and each can be unset."""
    bad = {name: value for name, value, _ in BAD[2:5]} | {"AWSENV_DURATION": "abc"}
    answer = shared_world.run("doctor", "power-user", **bad)
    found = {line.strip() for line in answer.stdout.splitlines()}
    assert {f"try      unset {name}" for name in bad} <= found
    assert "✓ source " in answer.stdout
    assert 1 == answer.returncode


def test_a_bad_option_is_a_wrong_command_line(shared_world: World) -> None:
    """What was typed is no finding, even if the variable of the option is bad, too."""
    answer = shared_world.run("doctor", "power-user", "--duration", "long", AWSENV_DURATION="abc")
    assert (2, "awsenv: not a duration: 'long'") == (answer.returncode, answer.stderr.splitlines()[0])


def test_all_facts_begin_in_one_column(world: World) -> None:
    """No name of a check is longer than the column, with everything that IAM says of a role."""
    world.add_administrator()
    arn = world.sandbox.create_role("plain", world.sandbox.trust(world.user_arn))
    world.configure(f"[profile plain]\nrole_arn = {arn}\nsource_profile = default\n")
    lines = world.run("doctor", "plain", "--iam-profile", "admin").stdout.splitlines()
    marked = [line for line in lines if line[:1] in "✓!✗?" and line]
    assert "✓ identity policy  " in [line[:19] for line in marked]
    assert [] == [line for line in marked if line[17:19] != "  " or line[19] == " "]


def test_the_summary_of_a_machine_names_no_role(world: World) -> None:
    """If `doctor` runs without a role and finds a problem, the summary says that no role can be assumed yet."""
    world.configure("\n[default]\n")
    answer = world.run("doctor")
    assert 1 == answer.returncode
    assert answer.stdout.splitlines()[-1].startswith("no role can be assumed yet: files: ")


@pytest.mark.parametrize(
    ("check", "columns", "indent"), [("✗ trust policy  ", 48, 16), ("! files     ", 36, 12), ("! files     ", 35, 2)]
)
def test_a_long_finding_is_wrapped_below_its_fact(check: str, columns: int, indent: int) -> None:
    """Continuation lines begin below the fact, so the names of the checks stay visible as a column, if it is wide."""
    first, *others = report.wrapped(check + "one " * 40, columns).splitlines()
    assert first.startswith(f"{check}one")
    assert {" " * indent + "one"} == {line[: indent + 3] for line in others}


def test_each_line_is_printed_as_it_is_known(world: World) -> None:
    """The first line comes while AWS has not answered yet, into a pipe, too."""
    world.sandbox.fail("GetCallerIdentity", Fault.HANG, times=9)
    with subprocess.Popen([world.program, "doctor"], env=world.environ, stdout=subprocess.PIPE, text=True) as doctor:
        assert doctor.stdout is not None
        first = doctor.stdout.readline()
        is_running = doctor.poll() is None
        doctor.kill()

    assert (True, True) == (first.startswith("✓ files       "), is_running)
