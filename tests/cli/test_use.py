"""`awsenv ROLE [CODE]` and `awsenv off`, as a script runs them: against a local AWS, without a terminal."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv import installation, shells
from awsenv.cli import mistakes
from awsenv.cli.process import FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conftest import World

SHELLS = [shell.name for shell in shells.every() if shell.evaluate]


def applied(environ: Mapping[str, str], printed: str) -> dict[str, str]:
    """Return *environ* after the JSON change *printed*."""
    changed = {**environ, **json.loads(printed)}
    return {name: value for name, value in changed.items() if value is not None}


def test_a_role_is_exported(world: World) -> None:
    """`use` assumes a role with an MFA code and an external id, and prints the change."""
    answer = world.run("power-user", world.device.code(), "--shell", "json")

    change = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert ("power-user", "power-user", world.sandbox.account, "eu-central-1", "eu-central-1") == tuple(
        change[name] for name in ("AWSENV_ROLE", "AWS_VAULT", "AWSENV_ACCOUNT", "AWS_REGION", "AWS_DEFAULT_REGION")
    )
    assert change["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_both_expiry_variables_have_the_same_time(world: World) -> None:
    """The SDKs get RFC 3339 with a time zone, and the prompt gets seconds since the epoch."""
    change = json.loads(world.run("read-only", "--shell", "json").stdout)

    moment = datetime.strptime(change["AWS_CREDENTIAL_EXPIRATION"], "%Y-%m-%dT%H:%M:%S%z")
    assert int(change["AWSENV_EXPIRES_EPOCH"]) == moment.timestamp()


def test_a_role_costs_one_call(world: World) -> None:
    """The only call to AWS is AssumeRole."""
    world.run("power-user", world.device.code(), "--shell", "json")

    assert world.actions() == ["AssumeRole"]


def test_use_is_the_long_form(world: World) -> None:
    """`awsenv use` accepts a role that has the name of a command."""
    world.configure(
        f"[profile list]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = default\n"
    )

    change = json.loads(world.run("use", "list", "--shell", "json").stdout)

    assert change["AWSENV_ROLE"] == "list"


@pytest.mark.parametrize("role", ["{arn}", "{account}/read-only", "read-only-2"])
def test_a_role_needs_no_profile(world: World, role: str) -> None:
    """A role can be an ARN, ACCOUNT/ROLE, or the name of a role in the account of the source."""
    arn = world.sandbox.create_role("read-only-2", world.sandbox.trust(world.user_arn), policies=["ReadOnlyAccess"])

    answer = world.run(role.format(arn=arn, account=world.sandbox.account), "--shell", "json")

    assert json.loads(answer.stdout)["AWSENV_ACCOUNT"] == world.sandbox.account


def test_options_may_precede_or_follow_the_role(world: World) -> None:
    """An option has the same effect before and after the role."""
    before = world.run("--region", "eu-west-1", "read-only", "--shell", "json")
    behind = world.run("read-only", "--shell", "json", "--region", "eu-west-1")

    assert ["eu-west-1"] * 2 == [json.loads(answer.stdout)["AWS_REGION"] for answer in (before, behind)]


def test_a_second_role_uses_the_source_of_the_first(world: World) -> None:
    """The exported role is no source: role chaining needs another trust and allows at most an hour."""
    first = applied(world.environ, world.run("read-only", "--shell", "json").stdout)

    second = world.run("power-user", world.device.code(), "--shell", "json", **first)

    assert second.returncode == 0
    assert [world.user_arn] * 2 == [call.caller for call in world.sandbox.calls]


@pytest.mark.python
def test_off_restores_the_environment(world: World) -> None:
    """After two roles, `off` restores the region, the profile and an empty variable."""
    before = world.environ | {"AWS_REGION": "us-east-1", "AWS_PROFILE": "default", "AWS_SECURITY_TOKEN": ""}
    first = applied(before, world.run("read-only", "--shell", "json", **before).stdout)
    second = applied(first, world.command([world.program, "read-only", "--shell", "json"], **first).stdout)

    answer = world.run("off", "--shell", "json", **second)

    assert before == applied(second, answer.stdout)


def test_off_without_a_role_says_so(world: World) -> None:
    """If no role is active, `off` prints no change, and says so on stderr."""
    answer = world.run("off", "--shell", "bash")

    assert (0, "", "awsenv: no role is active in this shell\n") == (answer.returncode, answer.stdout, answer.stderr)


def test_keys_in_the_environment_are_a_source(world: World) -> None:
    """A role without a profile uses these keys, and `off` restores them."""
    bob = world.sandbox.create_user("bob")
    arn = world.sandbox.create_role("bobs", world.sandbox.trust(f"arn:aws:iam::{world.sandbox.account}:user/bob"))
    keys = {"AWS_ACCESS_KEY_ID": bob.access_key_id, "AWS_SECRET_ACCESS_KEY": bob.secret_access_key}
    first = applied(world.environ | keys, world.run(arn, "--shell", "json", **keys).stdout)
    second = applied(first, world.command([world.program, arn, "--shell", "json"], **first).stdout)

    assert world.environ | keys == applied(second, world.run("off", "--shell", "json", **second).stdout)


@pytest.mark.parametrize(
    ("shell", "words", "status"),
    [
        ("sh", ["no-such-role"], 5),
        ("sh", ["power-user"], 6),
        ("sh", ["power-user", "12345"], 2),
        ("sh", ["123456"], 2),
        ("sh", ["power-user", "aws", "s3", "ls"], 2),
        ("sh", ["read-only", "--mfa-code", "123456"], 2),
        ("sh", ["power-user", "000000"], 6),
        ("sh", ["read-only", "--duration", "13h"], 3),
        ("sh", ["read-only", "--profile", "nobody"], 3),
        ("sh", ["read-only", "--bogus"], 2),
        ("sh", ["use"], 2),
        ("sh", [], 2),
        ("sh", ["off", "too", "many"], 2),
        ("sh", ["init", "cmd.exe"], 2),
        *((shell, ["no-such-role"], 5) for shell in SHELLS if shell != "sh"),
    ],
)
def test_every_failure_fails_in_the_shell(world: World, shell: str, words: list[str], status: int) -> None:
    """A failure prints only a command that fails to stdout and one message to stderr; the status gives its kind."""
    answer = world.run(*words, AWSENV_SHELL=shell)

    assert (status, FAILURE) == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("awsenv: ")
    assert len(answer.stderr.splitlines()) <= 5


def test_a_wrong_external_id_is_not_shown(world: World) -> None:
    """The error explains the refusal without showing the external id that was sent."""
    answer = world.run("power-user", world.device.code(), "--external-id", "canary-wrong")

    assert (answer.returncode, answer.stdout) == (5, FAILURE)
    assert "external" in answer.stderr
    assert "canary" not in answer.stderr


def test_a_network_failure_names_the_host(world: World) -> None:
    """A host that cannot be reached has a status that scripts can retry on."""
    answer = world.run("read-only", AWS_ENDPOINT_URL="http://127.0.0.1:1")

    assert (answer.returncode, answer.stdout) == (7, FAILURE)
    assert "127.0.0.1:1" in answer.stderr


@pytest.mark.python
def test_json_prints_nothing_on_failure(world: World) -> None:
    """A failure leaves stdout empty, since no shell evaluates JSON."""
    answer = world.run("no-such-role", "--shell", "json")

    assert (answer.returncode, answer.stdout) == (5, "")


def test_an_escape_sequence_in_a_file_does_not_reach_the_terminal(world: World) -> None:
    """Errors spell out control characters from the configuration."""
    world.configure("[profile evil]\nrole_arn = arn:aws:iam::\x1b]0;title\x07:role/x\nsource_profile = default\n")

    answer = world.run("evil")

    assert (answer.returncode, answer.stdout) == (3, FAILURE)
    assert "\x1b" not in answer.stderr


@pytest.mark.python
def test_a_closed_stdout_is_a_failure(world: World) -> None:
    """If stdout is closed, the error says that the output could not be written."""
    answer = world.command(["sh", "-c", f"{world.program} read-only --shell sh >&-"])

    assert answer.returncode == 1
    assert "could not be written" in answer.stderr


@pytest.mark.python
def test_a_full_disk_is_a_failure(world: World) -> None:
    """If the disk is full, the error says so."""
    answer = world.command(["sh", "-c", f"{world.program} read-only --shell sh >/dev/full"])

    assert answer.returncode == 1
    assert "No space left on device" in answer.stderr


@pytest.mark.parametrize(
    ("words", "what", "instead"),
    [
        ("read-only > file", "a file", 'eval "$(awsenv read-only)"'),
        ("read-only | cat", "a command that is not a shell", 'eval "$(awsenv read-only)"'),
        ("read-only | tee file", "a command that is not a shell", 'eval "$(awsenv read-only)"'),
        ("'my role' > file", "a file", """eval "$(awsenv 'my role')\""""),
        ("use off > file", "a file", 'eval "$(awsenv use off)"'),
        ("read-only --shell fish > file", "a file", "awsenv read-only | source"),
        ("off > file", "a file", 'eval "$(awsenv off)"'),
        ("off | cat", "a command that is not a shell", 'eval "$(awsenv off)"'),
        ("read-only --shell json > file", "a file", "awsenv exec ROLE -- COMMAND runs a command with the role"),
        ("use --shell=json read-only >> file", "a file", "awsenv exec ROLE -- COMMAND runs a command with the role"),
        ("use read-only --shell json 1<> file", "a file", "awsenv exec ROLE -- COMMAND runs a command with the role"),
    ],
)
def test_keys_go_only_where_something_reads_them(world: World, words: str, what: str, instead: str) -> None:
    """A command refuses to print to a file, or to a pipe that no caller reads, and names the form that works."""
    folder = world.environ["HOME"]
    world.configure('[profile "my role"]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n')

    answer = world.command(["sh", "-c", f"cd {folder}; {world.program} {words}; cat file 2>/dev/null"])

    assert "AWS_" not in answer.stdout
    fact, step, _ = answer.stderr.splitlines()
    assert f"awsenv: nothing was done: the output, which may hold keys, would have gone to {what}" == fact
    assert f"  try      {instead}" == step
    assert world.actions() == []


@pytest.mark.python
@pytest.mark.parametrize("words", ["--print", "--shell json"])
def test_an_option_allows_keys_in_a_pipe(world: World, words: str) -> None:
    """The keys are printed anywhere with --print, and with --shell json, which another program reads."""
    answer = world.command(["sh", "-c", f"{world.program} read-only {words} | cat"])

    assert "AWS_SECRET_ACCESS_KEY" in answer.stdout


@pytest.mark.parametrize(
    "script",
    [
        'eval "$({} read-only)"; echo $AWS_VAULT',
        '(eval "$({} read-only)"; echo $AWS_VAULT) | cat',
        'out=$({} read-only); eval "$out"; echo $AWS_VAULT',
        'f() {{ eval "$(/usr/bin/env {} read-only)"; }}; f; echo $AWS_VAULT',
        "source <({} read-only); echo $AWS_VAULT",
    ],
)
def test_every_form_of_eval_is_recognised(world: World, script: str) -> None:
    """The shell that reads the output is found, however it evaluates it."""
    answer = world.command(["bash", "-c", script.format(world.program)])

    assert (answer.stdout, answer.stderr) == ("read-only\n", "")


@pytest.mark.parametrize(
    ("words", "shell", "form"),
    [
        ("use read-only", "ksh93", "$({})"),
        *((words, "ksh93", "${{ {}; }}") for words in ("read-only", "off", "renew")),
        *((words, "mksh", "${{ {}; }}") for words in ("read-only", "off")),
    ],
)
def test_a_shell_may_read_from_a_file_without_links(
    world: World, require: Callable[[str], str], words: str, shell: str, form: str
) -> None:
    """A file that ksh93, and mksh for `${ ...; }`, reads what is printed from is not one that someone keeps."""
    if words == "renew":
        assert 0 == world.run("login", world.device.code()).returncode
    before = json.loads(world.run("read-only", "--shell", "json").stdout) if words in {"off", "renew"} else {}
    environ = {name: value for name, value in before.items() if value is not None}
    script = f'eval "{form.format(f"{world.program} {words}")}"; echo "status $? $AWS_VAULT"'

    answer = world.command([require(shell), "-c", script], **environ)

    assert f"status 0 {'' if words == 'off' else 'read-only'}\n" == answer.stdout
    assert "gone to a file" not in answer.stderr


def test_an_inherited_json_does_not_hide_a_failure(world: World) -> None:
    """If only the environment requests JSON, a failure still prints a command that fails."""
    assert world.run("no-such-role", AWSENV_SHELL="json").stdout == FAILURE


@pytest.mark.parametrize(
    ("words", "status", "printed"), [(["read-only", "--no"], 1, FAILURE), (["exec", "--no", "read-only"], 125, "")]
)
def test_a_broken_install_fails_in_the_shell(
    world: World, tmp_path: Path, words: list[str], status: int, printed: str
) -> None:
    """The error names the missing module and how to reinstall, without a traceback."""
    (tmp_path / "typer.py").write_text("import no_such_module_here\n")

    answer = world.run(*words, PYTHONPATH=str(tmp_path))

    step = installation.this().again()
    place = f"mistakes.py:{Path(mistakes.__file__).read_text(encoding='utf-8').splitlines().index('import typer') + 1}"
    expected = f"awsenv: the module no_such_module_here cannot be loaded\n  in       {place}\n  try      {step}\n"
    assert (status, printed, expected) == (answer.returncode, answer.stdout, answer.stderr)


@pytest.mark.python
def test_only_the_name_of_the_role_is_written_to_the_home_directory(world: World) -> None:
    """Assuming a role leaves its name and the time, for the picker, and no other cache behind."""
    home = Path(world.environ["HOME"])
    before = sorted(home.rglob("*"))

    world.run("power-user", world.device.code(), "--shell", "bash")

    written = {path.name: path for path in home.rglob("*") if path not in before}
    assert {".cache", "awsenv", "recent"} == {*written}
    assert re.fullmatch("[0-9]{10}\tpower-user\n", written["recent"].read_text())


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_missing_profile_does_not_affect_another(world: World, variable: str) -> None:
    """A role uses its own source even if AWS_PROFILE names a missing profile, which botocore rejects."""
    assert world.run("read-only", "--shell", "json", **{variable: "nobody"}).returncode == 0


@pytest.mark.parametrize("shell", [name for name in ("dash", "ksh93", "mksh", "yash", "zsh") if shutil.which(name)])
def test_the_nearest_shell_counts(world: World, shell: str) -> None:
    """The output is for the shell that calls, below a bash as well."""
    line = f'eval "$({world.program} read-only)"; echo "$AWS_VAULT"; true'

    answer = world.command(["bash", "-c", '"$@"; true', "bash", shell, "-c", line])

    assert (answer.stdout, answer.stderr) == ("read-only\n", "")


@pytest.mark.parametrize("shell", shells.FOREIGN)
def test_a_shell_that_evaluates_nothing_is_refused(world: World, tmp_path: Path, shell: str) -> None:
    """Where such a shell calls, awsenv says what works there, and prints no code."""
    shutil.copy(shutil.which("dash") or "/bin/sh", tmp_path / shell)

    answer = world.command([str(tmp_path / shell), "-c", f"{world.program} read-only; true"])

    assert (FAILURE, f"awsenv: {shell} evaluates nothing that awsenv prints\n") == (
        answer.stdout,
        answer.stderr.partition("  try ")[0],
    )


def test_the_calling_shell_is_recognised(world: World, require: object) -> None:
    """The output is for fish if fish calls, whatever $SHELL says."""
    del require
    answer = world.command(
        ["fish", "--no-config", "-c", f"eval ({world.program} read-only | string collect); echo $AWS_VAULT"]
    )

    assert (answer.stdout, answer.stderr) == ("read-only\n", "")


@pytest.mark.parametrize("agent", [False, True])
@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (("bash", "--norc", "-i"), 'eval "$(awsenv read-only)"'),
        (("zsh", "-f", "-i"), 'eval "$(awsenv read-only)"'),
        (("fish", "--no-config", "-i"), "awsenv read-only | source"),
    ],
    ids=("bash", "zsh", "fish"),
)
def test_a_shell_without_the_hook_shows_the_success_once(
    world: World, require: Callable[[str], str], shell: tuple[str, ...], line: str, *, agent: bool
) -> None:
    """Nothing else would show on the terminal that the role is there."""
    if agent:
        assert 0 == world.run("login", world.device.code()).returncode
    path = f"{Path(world.program).parent}:{world.environ['PATH']}"
    environ = world.environ | {"PATH": path, "TERM": "dumb"}
    child = pexpect.spawn(
        require(shell[0]), list(shell[1:]), env=environ, encoding="utf-8", timeout=60, dimensions=(24, 200)
    )
    child.sendline(f"{line}; echo role=$AWSENV_ROLE, | tr r-s R-S; exit")
    child.expect_exact("Role=Read-only,")

    assert 1 == child.before.count(f"read-only in {world.sandbox.account} until ")
