"""The guard rails of a profile, command by command: what is asked, what is refused, and what AWS never sees."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from terminal import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World

OTHER = "210987654321"
FACT = "\x1b[38;5;208mprod\x1b[m is protected: role read-only in account {}"
INTERRUPTED = "\x1b[31;1mawsenv:\x1b[m interrupted\n"


@pytest.fixture
def prod(world: World) -> World:
    """Return a world with a protected role `prod` of a family, which needs no code, and `code`, which does."""
    account = world.sandbox.account
    world.configure(
        "\n[profile family]\nawsenv_protected = true\nawsenv_color = 208\n"
        f"[profile prod]\ninclude_profile = family\nrole_arn = arn:aws:iam::{account}:role/read-only\n"
        "source_profile = default\n"
        f"[profile code]\ninclude_profile = family\nrole_arn = arn:aws:iam::{account}:role/power-user\n"
        f"source_profile = default\nexternal_id = {world.external_id}\nmfa_serial = {world.device.serial}\n"
    )
    return world


def at_terminal(world: World, script: str, *typed: tuple[str, str], **environ: str) -> str:
    """Return what the terminal shows of a script of bash; after each text, its answer is typed."""
    child = pexpect.spawn(
        "bash",
        ["--norc", "-c", script],
        env=world.environ | {"PATH": f"{Path(world.program).parent}:{os.environ['PATH']}", "TERM": "xterm"} | environ,
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 200),
    )
    shown = ""
    for text, answer in typed:
        child.expect_exact(text)
        shown += child.before + text
        child.send(answer)
    child.expect(pexpect.EOF)
    return settled(f"{shown}{child.before}").replace("\r\n", "\n")


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        "prod",
        "use prod",
        "code CODE",
        "exec prod -- true",
        "exec prod",
        "exec --refresh prod -- true",
        "console prod",
        "credential-process prod",
        "token eks a-cluster prod",
        "exec ACCOUNT/read-only -- true",
    ],
)
def test_without_a_terminal_nothing_is_handed_out(
    prod: World, words: str, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """A command that cannot ask refuses, names the key that protects the role, and sends nothing to AWS."""
    line = [word.replace("ACCOUNT", prod.sandbox.account) for word in words.split()]
    line = [prod.device.code() if word == "CODE" else word for word in line]
    with agent_in(prod.environ) if agent else nullcontext():
        answer = prod.run(*line)

    assert (125 if "exec" in words else 2) == answer.returncode
    assert "AKIA" not in answer.stdout
    assert "is protected, and there is no terminal to confirm it on\n" in answer.stderr
    assert "[profile family], awsenv_protected\n" in answer.stderr
    assert answer.stderr.endswith("  try      --yes confirms it\n")
    assert [] == prod.actions()


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        "--yes prod",
        "use -y prod",
        "exec --yes prod -- true",
        "exec --refresh --yes prod -- true",
        "console --yes prod",
        "credential-process --yes prod",
        "token --yes eks a-cluster prod",
    ],
)
def test_yes_confirms(
    prod: World, words: str, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """`--yes` stands for the answer, for scripts and for a line of credential_process."""
    with agent_in(prod.environ) if agent else nullcontext():
        answer = prod.run(*words.split())

    assert (0, "") == (answer.returncode, answer.stderr)
    assert prod.actions()[0] == "AssumeRole"


@pytest.mark.parametrize(
    "words", ["confirm", "use --yes confirm", "exec --yes confirm -- true", "each --yes confirm -- true"]
)
def test_yes_does_not_confirm_what_asks_to_be_confirmed(prod: World, words: str) -> None:
    """Where no agent asks, the terminal does, and no option answers."""
    account = prod.sandbox.account
    role = f"role_arn = arn:aws:iam::{account}:role/read-only\nsource_profile = default\n"
    prod.configure(f"[profile confirm]\nawsenv_confirm = always\n{role}")
    refused = prod.run(*words.split())
    calls = prod.actions()
    shown = at_terminal(prod, f"awsenv {words} --print".replace(" -- true --print", " -- true"), ("[y/N] ", "y\r"))

    assert refused.returncode in {2, 125}
    assert "confirm must be confirmed, and there is no terminal to confirm it on" in refused.stderr
    assert [] == calls
    assert f"confirm must be confirmed: role read-only in account {account}" in shown
    assert 1 == shown.count("[y/N]")
    assert ["AssumeRole"] == prod.actions()


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    ("script", "question", "answer", "shows"),
    [
        ('eval "$(awsenv prod)"; echo got $AWSENV_ROLE', "Type prod to assume it: ", "prod\r", "got prod"),
        ('eval "$(awsenv prod)" && echo gone', "Type prod to assume it: ", "prd\r", "done: that is not prod"),
        ('eval "$(awsenv prod)" && echo gone', "Type prod to assume it: ", "\r", "you did not confirm prod"),
        ('eval "$(awsenv prod)" && echo gone', "Type prod to assume it: ", "\x04", "you did not confirm prod"),
        ('eval "$(awsenv prod)" && echo gone', "Type prod to assume it: ", "\x03", INTERRUPTED),
        ('awsenv exec prod -- sh -c "echo got \\$AWSENV_ROLE"', "' with it? [y/N] ", "y\r", "got prod"),
        ("awsenv exec prod -- echo got", "Run echo got with it? [y/N] ", "YES\r", "got"),
        ("awsenv exec prod -- echo gone || echo 1''25=$?", "Run echo gone with it? [y/N] ", "\r", "125=125"),
        ("SHELL=/bin/true awsenv exec prod && echo got", "Run a shell with it? [y/N] ", "y\r", "got"),
        ("awsenv exec --refresh prod -- echo got", "Run echo got with it? [y/N] ", "y\r", "got"),
        ("awsenv console --open prod", "Sign in to the console with it? [y/N] ", "n\r", "you did not confirm prod"),
        ("awsenv credential-process prod --print", "Hand out its keys? [y/N] ", "y\r", '"AccessKeyId"'),
        ("awsenv token rds db:5432 bob prod --print", "Sign a token with it? [y/N] ", "y\r", "db:5432/?Action=connect"),
    ],
)  # fmt: skip
def test_the_question_and_its_answer(
    prod: World,
    script: str,
    question: str,
    answer: str,
    shows: str,
    *,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    agent: bool,
) -> None:
    """The terminal shows the role and its account, once; only the name or a yes gets the role, and AWS waits for it."""
    with agent_in(prod.environ) if agent else nullcontext():
        shown = at_terminal(prod, script, (question, answer))

    assert 1 == shown.count(FACT.format(prod.sandbox.account))
    assert shows in shown
    assert "gone\n" not in shown
    is_confirmed = answer in {"prod\r", "y\r", "YES\r"}
    assert is_confirmed == bool(prod.actions())


@pytest.mark.parametrize("agent", [False, True])
def test_what_was_typed_before_the_question_does_not_answer_it(
    prod: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """A line that the user typed or pasted ahead is no yes."""
    with agent_in(prod.environ) if agent else nullcontext():
        script = 'read -r -p "ready? " line; awsenv exec prod -- echo gone'
        shown = at_terminal(prod, script, ("ready? ", "go\ry\r"), ("[y/N] ", "n\r"))

    assert "you did not confirm prod" in shown
    assert [] == prod.actions()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_the_question_has_no_colour_where_the_user_wants_none(prod: World, environ: dict[str, str]) -> None:
    """The name of the role is plain with NO_COLOR, and on a dumb terminal."""
    shown = at_terminal(prod, "awsenv exec prod -- true", ("[y/N] ", "n\r"), **environ)

    assert "\nprod is protected: role" in f"\n{shown}"
    assert "\x1b" not in shown


@pytest.mark.parametrize("agent", [False, True])
def test_the_question_comes_before_the_code(
    prod: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """No code is asked for, and none is spent, before the role is confirmed."""
    code = prod.device.code()
    with agent_in(prod.environ) if agent else nullcontext():
        refused = at_terminal(prod, f"awsenv exec code {code} -- true", ("[y/N] ", "n\r"))
        shown = at_terminal(prod, "awsenv exec code -- echo got", ("[y/N] ", "y\r"), ("MFA code for", code + "\r"))

    assert "you did not confirm code" in refused
    assert shown.endswith("got\n")
    assert ["AssumeRole"] == prod.actions()


def test_setup_asks_for_a_protected_administrator(prod: World) -> None:
    """The credentials of an administrator are asked for like any other; `--yes` of setup confirms these, too."""
    refused = prod.run("setup", "--profile", "prod", "--dry-run")
    calls = prod.actions()
    accepted = prod.run("setup", "--profile", "prod", "--dry-run", "--yes")

    assert (2, []) == (refused.returncode, calls)
    assert "prod is protected, and there is no terminal to confirm it on" in refused.stderr
    assert "is protected" not in accepted.stderr
    assert "AssumeRole" == prod.actions()[0]


def test_a_renewal_does_not_ask(prod: World) -> None:
    """A role that is active was confirmed: its keys are renewed without a question."""
    assert 0 == prod.run("login", prod.device.code()).returncode
    active = prod.run("use", "--yes", "--shell", "json", "prod")
    change = {name: value for name, value in json.loads(active.stdout).items() if value is not None}

    renewed = prod.run("renew", "--shell", "json", **change)

    assert (0, "") == (renewed.returncode, renewed.stderr)
    prod.run("logout")


def test_other_commands_do_not_ask(prod: World) -> None:
    """`explain`, `doctor`, `list` and `login` hand out no role."""
    for words in ("explain prod", "doctor prod", "list", "login CODE"):
        line = [prod.device.code() if word == "CODE" else word for word in words.split()]
        assert "protected, and there" not in prod.run(*line).stderr
    prod.run("logout")


def test_the_color_reaches_the_environment(prod: World) -> None:
    """The role exports its colour as SGR parameters, and `off` removes it."""
    answer = prod.run("exec", "--yes", "prod", "--", "printenv", "AWSENV_COLOR")
    removed = prod.run("off", "--print", AWSENV_ROLE="prod", AWSENV_COLOR="31")

    assert "38;5;208\n" == answer.stdout
    assert "AWSENV_COLOR" in removed.stdout


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize("words", ["ROLE", "exec ROLE -- true", "exec --refresh ROLE -- true", "console ROLE"])
def test_a_role_of_another_account_is_refused(
    world: World, words: str, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """A role whose ARN names another account is refused before anything is sent."""
    world.configure(
        f"\n[profile prod]\nawsenv_account = {OTHER}\nsource_profile = default\n"
        f"role_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\n"
    )
    with agent_in(world.environ) if agent else nullcontext():
        answer = world.run(*words.replace("ROLE", "prod").split())

    assert (125 if "exec" in words else 3) == answer.returncode
    assert f"is in account {world.sandbox.account}, and must be in {OTHER}" in answer.stderr.replace("\n        ", " ")
    assert [] == world.actions()


def _with_source(world: World, account: str, more: str = "") -> None:
    credentials = Path(world.environ["HOME"], ".aws", "credentials")
    credentials.write_text(credentials.read_text() + credentials.read_text().replace("[default]", "[base]"))
    world.configure(f"\n[profile base]\nawsenv_account = {account}\n{more}")


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize("device", [False, True])
def test_keys_of_another_account_are_refused(
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    *,
    agent: bool,
    device: bool,
) -> None:
    """AWS says whose the keys of a source are, before a code is spent; the agent never hands out those of another."""
    _with_source(world, OTHER, f"mfa_serial = {world.device.serial}\n" if device else "")
    words = ["exec", "base", *([world.device.code()] if device else []), "--", "true"]
    with agent_in(world.environ) if agent else nullcontext():
        answers = [world.run(*words) for _ in range(2)]

    for answer in answers:
        assert 125 == answer.returncode
        fact = f"belong to account {world.sandbox.account}, and must belong to {OTHER}"
        assert fact in answer.stderr.replace("\n        ", " ")
        assert "[profile base], awsenv_account" in answer.stderr
    assert {"GetCallerIdentity"} == {*world.actions()}


@pytest.mark.parametrize("agent", [False, True])
def test_keys_of_the_right_account_are_handed_out(
    world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """One call says whose the keys are, and a profile without the key costs none."""
    _with_source(world, world.sandbox.account)
    with agent_in(world.environ) if agent else nullcontext():
        assert world.sandbox.account == world.run("exec", "base", "--", "printenv", "AWSENV_ACCOUNT").stdout.strip()
        assert ["GetCallerIdentity"] == world.actions()
        world.run("exec", "default", "--", "true")

    assert ["GetCallerIdentity"] == world.actions()


@pytest.mark.parametrize("agent", [False, True])
def test_a_bare_name_asks_and_stays_in_the_account_of_its_source(
    world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """A name that a protected role has asks, and is assumed only in the account that `awsenv_account` demands."""
    world.sandbox.create_role("admin", world.sandbox.trust(world.user_arn), policies=["ReadOnlyAccess"])
    _with_source(world, OTHER, f"[profile prod]\nrole_arn = arn:aws:iam::{OTHER}:role/admin\nawsenv_protected = true\n")
    with agent_in(world.environ) if agent else nullcontext():
        refused = world.run("exec", "--profile", "base", "admin", "--", "true")
        calls = world.actions()
        elsewhere = world.run("exec", "--yes", "--profile", "base", "admin", "--", "true")
        world.sandbox.clear_calls()
        right = world.run("exec", "--yes", "--profile", "default", "admin", "--", "true")

    assert (125, []) == (refused.returncode, calls)
    assert "admin is protected, and there is no terminal to confirm it on" in refused.stderr
    assert 125 == elsewhere.returncode
    fact = f"the credentials of profile 'base' belong to account {world.sandbox.account}, and must belong to {OTHER}"
    assert fact in elsewhere.stderr.replace("\n        ", " ")
    assert (0, ["GetCallerIdentity", "AssumeRole"]) == (right.returncode, world.actions())


def test_what_the_agent_holds_is_not_handed_out_for_another_account(
    world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """Once `awsenv_account` changes, what the agent holds by the same profile is not handed out any more."""
    _with_source(world, world.sandbox.account)
    config = Path(world.environ["HOME"], ".aws", "config")
    with agent_in(world.environ):
        assert 0 == world.run("exec", "base", "--", "true").returncode
        config.write_text(
            config.read_text().replace(f"awsenv_account = {world.sandbox.account}", f"awsenv_account = {OTHER}")
        )
        answer = world.run("exec", "base", "--", "true")

    assert 125 == answer.returncode
    assert OTHER in answer.stderr


def test_the_doctor_checks_the_account(world: World) -> None:
    """The finding on the source names both accounts and the key."""
    _with_source(world, OTHER)

    answer = world.run("doctor", "base")

    assert 1 == answer.returncode
    assert "✗ source" in answer.stdout
    assert f"belong to account {world.sandbox.account}, and must belong to {OTHER}" in " ".join(answer.stdout.split())
