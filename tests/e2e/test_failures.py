"""A failure changes nothing: awsenv returns non-zero, prints one clear message, and stops `&&`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.cli.process import FAILURE
from awsenv.sandbox import Fault
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from e2e.conftest import Interactive, Silent

WRONG_CODE = "000000"

TIMEOUT = 60
"""Seconds after which a test gives up. No passing test waits this long."""

# The same in every shell: the environment, the role, a command that must not run, and the environment again. `true` is
# last because a shell may exec its last command.
SCRIPT = """
command env -0
printf '\\0SPLIT\\0'
{line} && echo reached
echo alive >&2
command env -0
true
"""


@dataclass(frozen=True)
class Failure:
    """Something that goes wrong, and the message about it."""

    name: str
    words: str
    status: int
    says: str
    arrange: Callable[[World], object] = lambda _world: None
    environ: tuple[tuple[str, str], ...] = ()


def _delete_key(world: World) -> None:
    """Delete the user's access key, as a rotation does."""
    client = world.client("iam")
    key = client.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    client.delete_access_key(UserName="alice", AccessKeyId=key)


def _forget_external_id(world: World) -> None:
    path = Path(world.environ["HOME"]) / ".aws" / "config"
    path.write_text(path.read_text().replace(f"external_id = {world.external_id}\n", ""))


FAILURES = (
    Failure("a wrong code", f"power-user {WRONG_CODE}", 6, "MFA code"),
    Failure("no code and no terminal", "power-user", 6, "no terminal for a prompt"),
    Failure("a wrong external id", "power-user {code} --external-id canary-wrong", 5, "external id"),
    Failure("no external id", "power-user {code}", 5, "external id", _forget_external_id),
    Failure("an unknown role", "no-such-role", 5, "no-such-role"),
    Failure("no network", "read-only", 7, "127.0.0.1:1", environ=(("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),)),
    Failure(
        "a captive portal",
        "read-only",
        7,
        "sign-in page",
        lambda world: world.sandbox.fail("AssumeRole", Fault.HTML, times=9),
    ),
    Failure(
        "a truncated answer",
        "read-only",
        7,
        "sent a response that is not from AWS",
        lambda world: world.sandbox.fail("AssumeRole", Fault.TRUNCATED, times=9),
    ),
    Failure("a deleted key", "read-only", 4, "~/.aws/credentials:", _delete_key),
)


def _named(failure: Failure) -> str:
    return failure.name.replace(" ", "-")


ONE_OF_EACH_STATUS = tuple({failure.status: failure for failure in FAILURES}.values())
"""A shell is given the same to evaluate for all, and sees the status alone: one shell gets each status."""


@pytest.fixture(params=[*SPELLINGS, "dash"])
def script(
    request: pytest.FixtureRequest, environ: dict[str, str], require: Callable[[str], str]
) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that runs lines in each shell in turn, without a terminal."""
    name: str = request.param
    require(name)

    def run(lines: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            SPELLINGS[name].command(lines) if name in SPELLINGS else [name, "-c", lines],
            env=environ | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run


@pytest.mark.parametrize(
    ("script", "failure"),
    [*product(["bash"], ONE_OF_EACH_STATUS), *product(["zsh", "fish", "dash"], ONE_OF_EACH_STATUS[:1])],
    indirect=["script"],
    ids=lambda value: _named(value) if isinstance(value, Failure) else value,
)
def test_a_failure_changes_nothing(
    world: World, script: Callable[..., subprocess.Popen[str]], failure: Failure
) -> None:
    """A failure prints one short message, stops `&&`, and leaves every variable unchanged."""
    failure.arrange(world)
    words = failure.words.format(code=world.device.code())

    run = script(SCRIPT.format(line=f'eval "$(awsenv {words})"'), **dict(failure.environ))
    shown, errors = run.communicate(timeout=TIMEOUT)

    before, _, after = shown.partition("\0SPLIT\0")
    assert before == after
    assert "AWS_ENDPOINT_URL=" in before
    assert errors.startswith("awsenv: ")
    assert errors.endswith("\nalive\n")
    assert failure.says in errors


@pytest.mark.parametrize("failure", FAILURES, ids=_named)
def test_the_exit_status_identifies_the_failure(world: World, failure: Failure) -> None:
    """On a failure awsenv exits with the status from the README's table, and prints a command that fails."""
    failure.arrange(world)
    words = failure.words.format(code=world.device.code()).split()

    answer = world.run(*words, **dict(failure.environ))

    assert (failure.status, FAILURE) == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("awsenv: ")
    assert len(answer.stderr.splitlines()) <= 5  # a fact, its cause, its place, two next steps
    assert failure.says in answer.stderr
    assert "canary" not in answer.stderr


AT_ITS_LIMITS = (
    "there is not enough memory",
    "the system starts no more threads",
    r"cannot start: \w+",
    r"a fault of awsenv's own: \w+",
)


@pytest.mark.parametrize("kibibytes", [20_000, 44_000, 52_000, 57_000])
def test_a_lack_of_memory_is_not_the_fault_of_aws(world: World, kibibytes: int) -> None:
    """At whatever point the memory ends, no message speaks of a response, a setting or the network."""
    answer = world.command(["sh", "-c", f"ulimit -v {kibibytes}; exec {world.program} read-only --print"])

    fact = answer.stderr.splitlines()[0] if answer.returncode else "awsenv: there is not enough memory"
    assert re.fullmatch(f"awsenv: ({'|'.join(AT_ITS_LIMITS)})", fact)


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "2>&-", "<&- >&- 2>&-"])
def test_the_agent_starts_where_input_and_output_are_closed(world: World, closed: str) -> None:
    """The agent takes none of the caller's closed descriptors for its own socket."""
    code = world.device.code()

    answer = world.command(
        ["sh", "-c", f"{world.program} login {code} {closed}; exec {world.program} power-user --print"]
    )

    assert "AWSENV_RENEW=" in answer.stdout


@pytest.mark.parametrize("words", [["doctor", "kölm"], ["list"], ["explain", "köln"]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_without_a_character_is_no_fault(
    world: World, words: list[str], encoding: str, locale_of: Callable[[str], dict[str, str]]
) -> None:
    """Names and marks that the encoding of the locale lacks are written all the same."""
    world.configure("[profile köln]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n")
    locale = {"LC_ALL": "C"} if encoding == "ascii" else locale_of("ISO-8859-1")

    answer = world.command([world.program, *words], **locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert "a fault of" not in answer.stdout + answer.stderr


def test_a_failure_of_the_hook_changes_nothing(interactive: Interactive) -> None:
    """A failure of the hook's function also stops `&&`, and leaves every variable unchanged."""
    shell = interactive(hook=True)
    before = shell.environment()

    shown = shell.run('awsenv read-only --region nowhere && echo rea""ched')

    assert "awsenv: 'nowhere' is not an AWS region" in shown
    assert "reached" not in shown
    assert before == shell.environment()


def test_three_wrong_codes_change_nothing(interactive: Interactive) -> None:
    """After three wrong codes at the terminal awsenv fails, stops `&&`, and leaves every variable unchanged."""
    shell = interactive(hook=True)
    before = shell.environment()

    shell.send(f'awsenv power-user {WRONG_CODE} && echo rea""ched\r')
    for code in ("000001", "000002"):
        shell.see("MFA code for alice .*: ")
        shell.send(f"{code}\r")
    shown = shell.prompt()

    assert "awsenv: AWS rejected 3 MFA codes" in shown
    assert "reached" not in shown
    assert before == shell.environment()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_awsenv_waits_for_aws_changes_nothing(
    script: Callable[..., subprocess.Popen[str]], silent: Silent, tmp_path: Path, number: signal.Signals
) -> None:
    """On a signal awsenv prints a failing command, because `eval` of an empty text would succeed."""
    path = tmp_path / "pid"
    awsenv = f"sh -c 'echo $$ >{path}; exec awsenv read-only'"

    run = script(SCRIPT.format(line=f'eval "$({awsenv})"'), AWS_ENDPOINT_URL=silent.url)
    silent.wait()
    os.kill(int(path.read_text()), number)
    shown, errors = run.communicate(timeout=TIMEOUT)

    before, _, after = shown.partition("\0SPLIT\0")
    assert before == after
    assert errors == "awsenv: interrupted\nalive\n"
