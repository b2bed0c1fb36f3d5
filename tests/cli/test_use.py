"""`awsenv ROLE [CODE]` and `awsenv off`, as a script runs them: against a local AWS, without a terminal."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import World

SHELLS = ("bash", "zsh", "sh", "fish")


def applied(environ: Mapping[str, str], printed: str) -> dict[str, str]:
    """Return *environ* after the JSON change *printed*."""
    changed = {**environ, **json.loads(printed)}
    return {name: value for name, value in changed.items() if value is not None}


def test_a_role_is_exported(world: World) -> None:
    """Assume the role with MFA and external id, and print the change."""
    answer = world.run("power-user", world.device.code(), "--shell", "json")

    change = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert ("power-user", "power-user", world.sandbox.account, "eu-central-1", "eu-central-1") == tuple(
        change[name] for name in ("AWSENV_ROLE", "AWS_VAULT", "AWSENV_ACCOUNT", "AWS_REGION", "AWS_DEFAULT_REGION")
    )
    assert change["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_the_expiry_is_one_moment_in_both_variables(world: World) -> None:
    """Write RFC 3339 with a zone for the SDKs, and the epoch for the prompt."""
    change = json.loads(world.run("read-only", "--shell", "json").stdout)

    moment = datetime.strptime(change["AWS_CREDENTIAL_EXPIRATION"], "%Y-%m-%dT%H:%M:%S%z")
    assert int(change["AWSENV_EXPIRES_EPOCH"]) == moment.timestamp()


def test_one_call_is_made(world: World) -> None:
    """Ask AWS for nothing but the role."""
    world.run("power-user", world.device.code(), "--shell", "json")

    assert world.actions() == ["AssumeRole"]


def test_use_is_the_long_form(world: World) -> None:
    """Serve a role whose name is also a command's."""
    world.configure(
        f"[profile list]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = default\n"
    )

    change = json.loads(world.run("use", "list", "--shell", "json").stdout)

    assert change["AWSENV_ROLE"] == "list"


@pytest.mark.parametrize("role", ["{arn}", "{account}/read-only", "read-only-2"])
def test_a_role_needs_no_profile(world: World, role: str) -> None:
    """Take an ARN, ACCOUNT/ROLE, and the name of a role in the account of the source."""
    arn = world.sandbox.create_role("read-only-2", world.sandbox.trust(world.user_arn), policies=["ReadOnlyAccess"])

    answer = world.run(role.format(arn=arn, account=world.sandbox.account), "--shell", "json")

    assert json.loads(answer.stdout)["AWSENV_ACCOUNT"] == world.sandbox.account


def test_options_may_stand_anywhere(world: World) -> None:
    """Read an option before the role as behind it."""
    before = world.run("--region", "eu-west-1", "read-only", "--shell", "json")
    behind = world.run("read-only", "--shell", "json", "--region", "eu-west-1")

    assert ["eu-west-1"] * 2 == [json.loads(answer.stdout)["AWS_REGION"] for answer in (before, behind)]


def test_a_second_role_comes_from_the_source_of_the_first(world: World) -> None:
    """Never chain on what is exported: another trust would be asked, and one hour be the most."""
    first = applied(world.environ, world.run("read-only", "--shell", "json").stdout)

    second = world.run("power-user", world.device.code(), "--shell", "json", **first)

    assert second.returncode == 0
    assert [world.user_arn] * 2 == [call.caller for call in world.sandbox.calls]


def test_off_restores_what_was_there(world: World) -> None:
    """Bring back region, profile and an empty variable, after two roles."""
    before = world.environ | {"AWS_REGION": "us-east-1", "AWS_PROFILE": "default", "AWS_SECURITY_TOKEN": ""}
    first = applied(before, world.run("read-only", "--shell", "json", **before).stdout)
    second = applied(first, world.command([world.program, "read-only", "--shell", "json"], **first).stdout)

    answer = world.run("off", "--shell", "json", **second)

    assert before == applied(second, answer.stdout)


def test_off_without_a_role_says_so(world: World) -> None:
    """Change nothing, and tell it."""
    answer = world.run("off", "--shell", "bash")

    assert (0, "", "awsenv: no role is active in this shell\n") == (answer.returncode, answer.stdout, answer.stderr)


def test_keys_of_the_environment_are_a_source(world: World) -> None:
    """Take them for a role that names no profile, and bring them back with `off`."""
    bob = world.sandbox.create_user("bob")
    arn = world.sandbox.create_role("bobs", world.sandbox.trust(f"arn:aws:iam::{world.sandbox.account}:user/bob"))
    keys = {"AWS_ACCESS_KEY_ID": bob.access_key_id, "AWS_SECRET_ACCESS_KEY": bob.secret_access_key}
    first = applied(world.environ | keys, world.run(arn, "--shell", "json", **keys).stdout)
    second = applied(first, world.command([world.program, arn, "--shell", "json"], **first).stdout)

    assert world.environ | keys == applied(second, world.run("off", "--shell", "json", **second).stdout)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["no-such-role"], 5),
        (["power-user"], 6),
        (["power-user", "12345"], 2),
        (["123456"], 2),
        (["power-user", "aws", "s3", "ls"], 2),
        (["read-only", "--mfa-code", "123456"], 2),
        (["power-user", "000000"], 6),
        (["read-only", "--duration", "13h"], 3),
        (["read-only", "--profile", "nobody"], 3),
        (["read-only", "--bogus"], 2),
        (["use"], 2),
        ([], 2),
        (["off", "too", "many"], 2),
        (["init", "cmd.exe"], 2),
    ],
)
def test_every_failure_fails_in_the_shell(world: World, shell: str, words: list[str], status: int) -> None:
    """Print `false;` and nothing else to stdout, one message to stderr, and say with the status what it was."""
    answer = world.run(*words, AWSENV_SHELL=shell)

    assert (status, "false;\n") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("awsenv: ")
    assert len(answer.stderr.splitlines()) <= 3


def test_a_wrong_external_id_is_not_repeated(world: World) -> None:
    """Explain the refusal without showing what AWS was sent."""
    answer = world.run("power-user", world.device.code(), "--external-id", "canary-wrong")

    assert (answer.returncode, answer.stdout) == (5, "false;\n")
    assert "external" in answer.stderr
    assert "canary" not in answer.stderr


def test_no_network_is_worth_a_retry(world: World) -> None:
    """Name the host that could not be reached."""
    answer = world.run("read-only", AWS_ENDPOINT_URL="http://127.0.0.1:1")

    assert (answer.returncode, answer.stdout) == (7, "false;\n")
    assert "127.0.0.1:1" in answer.stderr


def test_json_fails_with_nothing(world: World) -> None:
    """Leave stdout empty where no shell evaluates it."""
    answer = world.run("no-such-role", "--shell", "json")

    assert (answer.returncode, answer.stdout) == (5, "")


def test_an_escape_sequence_in_a_file_does_not_reach_the_terminal(world: World) -> None:
    """Spell control characters out."""
    world.configure("[profile evil]\nrole_arn = arn:aws:iam::\x1b]0;title\x07:role/x\nsource_profile = default\n")

    answer = world.run("evil")

    assert (answer.returncode, answer.stdout) == (3, "false;\n")
    assert "\x1b" not in answer.stderr


def test_a_closed_stdout_is_a_failure(world: World) -> None:
    """Do not end well where nothing could be printed."""
    answer = world.command(["sh", "-c", f"{world.program} read-only --shell sh >&-"])

    assert answer.returncode == 1
    assert "could not be written" in answer.stderr


def test_a_full_disk_is_a_failure(world: World) -> None:
    """Say that the output could not be written."""
    answer = world.command(["sh", "-c", f"{world.program} read-only --shell sh >/dev/full"])

    assert answer.returncode == 1
    assert "No space left on device" in answer.stderr


@pytest.mark.parametrize("where", ["> file", "| cat", "| tee file"])
def test_no_key_goes_where_no_shell_reads_it(world: World, where: str) -> None:
    """Refuse to print to a file, and to a pipe that none of the calling processes reads."""
    folder = world.environ["HOME"]

    answer = world.command(["sh", "-c", f"cd {folder}; {world.program} read-only {where}; cat file 2>/dev/null"])

    assert "AWS_" not in answer.stdout
    assert "nothing was done: the keys would have gone to a file" in answer.stderr
    assert world.actions() == []


@pytest.mark.parametrize("words", ["--print", "--shell json"])
def test_keys_go_where_an_option_sends_them(world: World, words: str) -> None:
    """Print with --print, and JSON, which another program reads."""
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
    """Find the shell that reads, however it does."""
    answer = world.command(["bash", "-c", script.format(world.program)])

    assert (answer.stdout, answer.stderr) == ("read-only\n", "")


def test_an_inherited_json_does_not_hide_a_failure(world: World) -> None:
    """Fail in the shell: it was not asked for by name."""
    assert world.run("no-such-role", AWSENV_SHELL="json").stdout == "false;\n"


@pytest.mark.parametrize(
    ("words", "status", "printed"), [(["read-only"], 1, "false;\n"), (["exec", "read-only", "env"], 125, "")]
)
def test_a_broken_install_fails_in_the_shell(
    world: World, tmp_path: Path, words: list[str], status: int, printed: str
) -> None:
    """Say what is missing, without a traceback."""
    (tmp_path / "typer.py").write_text("import no_such_module_here\n")

    answer = world.run(*words, PYTHONPATH=str(tmp_path))

    expected = "awsenv: cannot start: no_such_module_here\n  try      install it again: pipx reinstall awsenv-shell\n"
    assert (status, printed, expected) == (answer.returncode, answer.stdout, answer.stderr)


def test_nothing_is_written_to_the_home(world: World) -> None:
    """Leave no cache behind."""
    home = Path(world.environ["HOME"])
    before = sorted(home.rglob("*"))

    world.run("power-user", world.device.code(), "--shell", "bash")

    assert before == sorted(home.rglob("*"))


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_that_does_not_exist_does_not_matter_to_another(world: World, variable: str) -> None:
    """Use the role's own source, where botocore would fail."""
    assert world.run("read-only", "--shell", "json", **{variable: "nobody"}).returncode == 0


def test_the_shell_that_calls_is_recognised(world: World, require: object) -> None:
    """Print for fish when fish calls, whatever $SHELL says."""
    del require
    answer = world.command(
        ["fish", "--no-config", "-c", f"eval ({world.program} read-only | string collect); echo $AWS_VAULT"]
    )

    assert (answer.stdout, answer.stderr) == ("read-only\n", "")
