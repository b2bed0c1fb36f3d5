"""`awsenv each PATTERN... -- COMMAND...`: what it selects, asks for, runs and prints."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from conftest import World

OTHER, FOREIGN = "210987654321", "310987654321"
"""Accounts of two sandboxes, which cannot share one."""
NAMES = ("dev-1", "dev-2", "prod-1", "prod-2")
SHOW = ("sh", "-c", "echo $AWSENV_ROLE $AWS_REGION")


def add(world: World, other: str) -> World:
    """Add roles to the files: `prod-2` is in the account *other*, `locked` is protected, and `wrong` is wrong."""
    sandbox = world.sandbox
    accounts = dict.fromkeys(NAMES, sandbox.account) | {"prod-2": other}
    for name, account in accounts.items():
        arn = sandbox.create_role(name, sandbox.trust(world.user_arn), account=account)
        world.configure(f"\n[profile {name}]\nrole_arn = {arn}\nsource_profile = default\n")
    for name in ("code-1", "code-2"):
        arn = sandbox.create_role(name, sandbox.trust(world.user_arn, mfa=True))
        about = f"role_arn = {arn}\nsource_profile = default\nmfa_serial = {world.device.serial}\n"
        world.configure(f"\n[profile {name}]\n{about}")
    locked = sandbox.create_role("locked", sandbox.trust(world.user_arn))
    world.configure(
        f"\n[profile locked]\nrole_arn = {locked}\nsource_profile = default\nawsenv_protected = true\n"
        f"awsenv_color = red\nregion = eu-west-3\n\n[profile wrong]\nrole_arn = {locked}\nsource_profile = nobody\n"
        f"\n[profile denied]\nrole_arn = {locked}-2\nsource_profile = default\n"
    )
    sandbox.clear_calls()
    return world


@pytest.fixture
def many(world: World) -> World:
    """Return a world with many roles."""
    return add(world, FOREIGN)


@pytest.fixture(scope="module")
def shared(shared_world: World) -> World:
    """Return such a world for tests that change nothing in it."""
    return add(shared_world, OTHER)


def planned(world: World, *words: str) -> list[str]:
    """Return the roles that *words* select."""
    answer = world.run("each", "--dry-run", *words, "--", "true")
    assert (0, "") == (answer.returncode, answer.stderr)
    assert 0 == len(world.sandbox.calls)
    return [line.split(" | ")[0].rstrip() for line in answer.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dev-1"], ["dev-1"]),
        (["dev-*"], ["dev-1", "dev-2"]),
        (["prod-?", "dev-1", "dev-*"], ["dev-1", "dev-2", "prod-1", "prod-2"]),
        (["*-[12]", "-x", "code-*", "-x", "dev-2"], ["dev-1", "prod-1", "prod-2"]),
        (["--account", OTHER], ["prod-2"]),
        (["prod-*", "--account", OTHER], ["prod-2"]),
        (["prod-*", "--account", OTHER, "--account", "{account}"], ["prod-1", "prod-2"]),
        (["@roles", "dev-1"], ["dev-1", "prod-1", "prod-2", f"{OTHER}/audit"]),
        ([f"{OTHER}/audit", "dev-1", "123456"], ["dev-1", f"{OTHER}/audit"]),
        ([f"arn:aws:iam::{OTHER}:role/a", "dev-1", "--account", OTHER], None),
        (["default"], ["default"]),
        (["dev-1", "--regions", "eu-west-1,us-east-1"], ["dev-1 eu-west-1", "dev-1 us-east-1"]),
    ],
)
def test_words_select_roles(shared: World, words: list[str], expected: list[str] | None) -> None:
    """Profiles come in the order of the files, each once; what is no profile comes last. A code selects nothing."""
    shared.sandbox.clear_calls()
    roles = Path(shared.environ["HOME"], "roles")
    roles.write_text(f"# those of production\nprod-*\n\n{OTHER}/audit  # by account\n")
    words = [word.replace("{account}", shared.sandbox.account).replace("@roles", f"@{roles}") for word in words]
    if expected is None:
        expected = [f"arn:aws:iam::{OTHER}:role/a"]
    assert expected == planned(shared, *words)


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ([], "which command?"),
        (["dev-1", "--"], "which command?"),
        (["--", "true"], "which roles?"),
        (["123456", "--", "true"], "which roles?"),
        (["stage-*", "--", "true"], "no role matches 'stage-*'"),
        (["dev-*", "-x", "stage-*", "--", "true"], "no role matches 'stage-*'"),
        (["dev-*", "-x", "dev-3", "--", "true"], "there is no role 'dev-3' to leave out"),
        (["dev-*", "-x", "dev-?", "--", "true"], "no role is left"),
        (["--account", "1", "--", "true"], "'1' is not an account ID"),
        (["dev-*", "--account", OTHER, "--", "true"], f"no selected role is in account {OTHER}"),
        (["read-onyl", "--", "true"], "there is no profile 'read-onyl'"),
        (["pyproject.toml", "--", "true"], "there is no profile 'pyproject.toml'"),
        (["12345", "--", "true"], "a number is neither a role nor an MFA code"),
        (["@/nonexistent", "--", "true"], "cannot read the list '/nonexistent': No such file or directory"),
        (["@/dev/null", "--", "true"], "the list '/dev/null' has no role"),
        (["dev-1", "-j", "0", "--", "true"], "not a number of commands: '0'"),
        (["dev-1", "--regions", "a,", "--", "true"], "--regions has an empty name"),
        (["dev-1", "--regions", "a", "--region", "b", "--", "true"], "--region and --regions exclude each other"),
        (["dev-1", "--", "/nonexistent"], "command not found: '/nonexistent'"),
        (["default", "--", "echo", "{role}"], "{role} has no value for default"),
        (["dev-1", "--duration", "x", "--", "true"], "not a duration: 'x'"),
        (["dev-1", "--jobz", "3", "--", "true"], "there is no option --jobz"),
    ],
)
def test_mistakes_are_found_before_anything_runs(shared: World, words: list[str], fact: str) -> None:
    """One error, and a status that a command seldom has. AWS is not called."""
    shared.sandbox.clear_calls()
    answer = shared.run("each", *words)
    assert answer.stderr.startswith(f"awsenv: {fact}"), answer.stderr
    assert "\n  try " in answer.stderr or "not found" in fact
    assert ("", 0) == (answer.stdout, len(shared.sandbox.calls))
    assert answer.returncode in {125, 127}


def test_each_role_has_its_own_environment(many: World) -> None:
    """Lines stand behind the names of their roles; output and errors stay apart."""
    answer = many.run("each", "dev-*", "prod-1", "-j1", "--", *SHOW[:2], f"{SHOW[2]}; echo error >&2")
    expected = "".join(f"{name:<6} | {name} eu-central-1\n" for name in ("dev-1", "dev-2", "prod-1"))
    errors = "".join(f"{name:<6} | error\n" for name in ("dev-1", "dev-2", "prod-1"))
    assert (0, expected, errors) == (answer.returncode, answer.stdout, answer.stderr)
    assert 3 == len(many.sandbox.calls)


def test_a_list_may_come_by_standard_input(shared: World) -> None:
    """Which no command reads."""
    words = [shared.program, "each", "-", "--dry-run", "--", "cat"]
    done = pexpect.run(
        " ".join(["sh", "-c", f"'echo dev-1 | {' '.join(words)}'"]),
        env=shared.environ,
        timeout=TIMEOUT,
        encoding="utf-8",
    )
    assert "dev-1 | cat\r\n" == done


def test_placeholders_stand_for_each_role(many: World) -> None:
    """Other braces stay as they are."""
    answer = many.run("each", "locked", "-y", "--", "echo", "{profile} {account} {role} {region} {} {x}")
    assert f"locked | locked {many.sandbox.account} locked eu-west-3 {{}} {{x}}\n" == answer.stdout


def test_regions_share_one_call(many: World) -> None:
    """A role is assumed once, and each command has its region."""
    answer = many.run("each", "dev-*", "--regions", "eu-west-1,us-east-1", "-j1", "--", *SHOW)
    regions = ("eu-west-1", "us-east-1")
    assert [f"{name} {region} | {name} {region}" for name in ("dev-1", "dev-2") for region in regions] == [
        " ".join(line.split()) for line in answer.stdout.splitlines()
    ]
    assert ["AssumeRole"] * 2 == many.actions()


@pytest.mark.parametrize("by", ["agent", "itself"])
def test_one_code_serves_all_roles(
    many: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], by: str
) -> None:
    """It opens one MFA session."""
    with agent_in(many.environ) if by == "agent" else nullcontext():
        answer = many.run("each", "code-*", "dev-1", many.device.code(), "--", *SHOW)
    assert ("", 3) == (answer.stderr, len(answer.stdout.splitlines()))
    assert ["AssumeRole", "AssumeRole", "AssumeRole", "GetSessionToken"] == sorted(many.actions())


def test_a_code_that_is_missing_stops_only_the_roles_that_need_it(many: World) -> None:
    """Without a terminal, the reason is shown once."""
    answer = many.run("each", "code-*", "dev-1", "--", *SHOW)
    assert (125, "dev-1  | dev-1 eu-central-1\n") == (answer.returncode, answer.stdout)
    assert 1 == answer.stderr.count("an MFA code of alice")
    assert "pass the code as the last word before --" in answer.stderr
    assert answer.stderr.endswith("awsenv: 2 of 3 failed\n  not assumed  code-1, code-2\n")


def test_a_code_that_all_need_is_missing(many: World) -> None:
    """Nothing runs, and nothing else is said."""
    answer = many.run("each", "code-*", "--", *SHOW)
    assert (125, "") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("awsenv: an MFA code of alice")
    assert 2 == answer.stderr.count("\n  ")


def test_one_failure_stops_no_other(many: World) -> None:
    """The status is the highest one, and the summary names the failures by it."""
    script = "case $AWSENV_ROLE in dev-1) exit 3 ;; dev-2) kill -TERM $$ ;; esac"
    answer = many.run("each", "dev-*", "prod-1", "denied", "wrong", "--", "sh", "-c", script)
    assert 143 == answer.returncode
    assert "denied | awsenv: AWS refused to let user alice assume role locked-2\n" in answer.stderr
    assert "wrong  | awsenv: there is no profile 'nobody'" in answer.stderr
    summary = "awsenv: 4 of 5 failed\n  status 3     dev-1\n  SIGTERM      dev-2\n  not assumed  wrong, denied\n"
    assert answer.stderr.endswith(summary), answer.stderr


def test_json_has_an_object_for_each_command(many: World) -> None:
    """Each is a line; a role that cannot be assumed has an error, and bytes that are no text a replacement."""
    answer = many.run("each", "dev-1", "wrong", "--json", "--", "sh", "-c", r"printf 'a\377\nb'; echo e >&2; exit 3")
    made = {each["role"]: each for each in map(json.loads, answer.stdout.splitlines())}
    seconds = made["dev-1"].pop("seconds")
    assert 0 <= seconds < TIMEOUT
    expected = {
        "role": "dev-1",
        "account": many.sandbox.account,
        "role_name": "dev-1",
        "region": "eu-central-1",
        "status": 3,
        "stdout": "a\ufffd\nb\n",
        "stderr": "e\n",
        "error": None,
    }
    assert expected == made["dev-1"]
    assert (125, "", None) == tuple(made["wrong"][name] for name in ("status", "stdout", "account"))
    assert made["wrong"]["error"].startswith("there is no profile 'nobody'")


def test_groups_keep_output_together(many: World) -> None:
    """A heading names the role and how its command has ended."""
    answer = many.run("each", "dev-*", "--group", "-j1", "--", "sh", "-c", "echo a; echo b; exit 3")
    lines = answer.stdout.splitlines()
    assert ["a", "b", "", "a", "b"] == [line for line in lines if not line.startswith("==>")]
    assert lines[0].startswith("==> dev-1: status 3 after 0.")


def test_a_protected_role_is_not_confirmed_without_a_terminal(many: World) -> None:
    """It fails alone; --yes confirms it."""
    answer = many.run("each", "locked", "dev-1", "--", *SHOW)
    assert (125, "dev-1  | dev-1 eu-central-1\n") == (answer.returncode, answer.stdout)
    assert "locked is protected, and there is no terminal to confirm it on" in answer.stderr
    answer = many.run("each", "locked", "--yes", "--", *SHOW)
    assert "locked | locked eu-west-3\n" == answer.stdout


def test_the_first_failure_may_end_all(many: World) -> None:
    """What has not begun is named as not run."""
    answer = many.run("each", "dev-*", "prod-*", "-j1", "--fail-fast", "--", "sh", "-c", "exit 4")
    summary = "awsenv: 1 of 4 failed, which ended the others\n  status 4  dev-1\n  not run   dev-2, prod-1, prod-2\n"
    assert (4, summary) == (answer.returncode, answer.stderr)


def test_a_credential_process_runs_once(many: World) -> None:
    """One that asks for a PIN would ask for each role."""
    home = Path(many.environ["HOME"])
    words = (home / ".aws" / "credentials").read_text().split()
    key_id, secret = words[3], words[6]
    (home / "key").write_text(json.dumps({"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret}))
    many.configure(f"\n[profile vault]\ncredential_process = sh -c 'echo >>{home}/runs; cat {home}/key'\n")
    answer = many.run("each", "dev-*", "prod-1", "--profile", "vault", "--", *SHOW)
    assert (0, "", 3) == (answer.returncode, answer.stderr, len(answer.stdout.splitlines()))
    assert "\n" == (home / "runs").read_text()


def test_throttling_loses_nothing(many: World) -> None:
    """AWS grants fewer calls a second than are made."""
    for number in range(40):
        arn = many.sandbox.create_role(f"t-{number}", many.sandbox.trust(many.user_arn))
        many.configure(f"\n[profile t-{number}]\nrole_arn = {arn}\nsource_profile = default\n")
    many.sandbox.throttle("AssumeRole", 20)
    answer = many.run("each", "t-*", "--", *SHOW)
    assert (0, "", 40) == (answer.returncode, answer.stderr, len(set(answer.stdout.splitlines())))
    assert "Throttling" in {call.error for call in many.sandbox.calls}


def started(world: World, tmp_path: Path, script: str) -> tuple[int, Callable[[], int]]:
    """Start `each` with a command that writes its process into a file; return that of awsenv, and what waits for it."""
    with Path(os.devnull).open("r+b") as null:
        file = tmp_path / "pid"
        argv = [
            world.program,
            "each",
            "dev-1",
            "--",
            "sh",
            "-c",
            f"{script}; echo $$ >{file}.new; mv {file}.new {file}; sleep 100",
        ]
        job = world.preloaded.start(argv, world.environ, str(tmp_path), [null.fileno()] * 3)
    end = time.monotonic() + TIMEOUT
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return job.pid, job.wait


def has_ended(pid: int) -> bool:
    """Wait until a process has ended, or is a zombie."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_commands(many: World, tmp_path: Path, number: int) -> None:
    """They end first."""
    pid, wait = started(many, tmp_path, ":")
    os.kill(pid, number)
    assert 130 == wait()
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_no_command_outlives_one_that_is_killed(many: World, tmp_path: Path) -> None:
    """Nor does one that ignores everything it can."""
    pid, wait = started(many, tmp_path, "trap '' INT HUP PIPE")
    os.kill(pid, signal.SIGKILL)
    wait()
    assert has_ended(int((tmp_path / "pid").read_text()))


@pytest.fixture
def terminal(many: World) -> Iterator[Callable[..., pexpect.spawn[str]]]:
    """Return what runs `each` on a terminal."""
    made: list[pexpect.spawn[str]] = []

    def spawn(*words: str, **environ: str) -> pexpect.spawn[str]:
        env = many.environ | {"TERM": "xterm"} | environ
        child = pexpect.spawn(
            many.program, ["each", *words], env=env, encoding="utf-8", timeout=TIMEOUT, dimensions=(24, 80)
        )
        made.append(child)
        return child

    yield spawn
    for child in made:
        child.close(force=True)


def shown(text: str) -> list[str]:
    """Return the lines that are left on the screen."""
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(text)
    return [line.rstrip() for line in screen.display if line.strip()]


def test_a_terminal_shows_what_goes_on(terminal: Callable[..., pexpect.spawn[str]]) -> None:
    """The line goes before output comes, and when all is over."""
    child = terminal("dev-*", "-j1", "--", "sh", "-c", "sleep 0.8; echo hello; sleep 0.3")
    child.expect_exact("0 of 2 done · 1 running")
    begin = child.before + child.after
    child.expect(pexpect.EOF)
    lines = shown(begin + child.before)
    assert ["dev-1 | hello", "dev-2 | hello"] == lines[:2]
    assert lines[2].startswith("2 done in ")
    assert 3 == len(lines)


def test_a_protected_role_is_asked_for_by_name(terminal: Callable[..., pexpect.spawn[str]]) -> None:
    """Once, before anything runs; its colour is its own."""
    child = terminal("locked", "dev-1", "--regions", "eu-west-1,us-east-1", "-q", "--", *SHOW)
    child.expect_exact("Type locked to assume it: ")
    child.send("locked\r")
    child.expect(pexpect.EOF)
    assert 4 == len([line for line in child.before.splitlines() if "|" in line])
    assert "\x1b[0;31mlocked eu-west-1\x1b[m | locked eu-west-1" in child.before


def test_ctrl_c_ends_what_runs(terminal: Callable[..., pexpect.spawn[str]]) -> None:
    """And says what has run."""
    child = terminal("dev-*", "-j1", "-q", "--", "sh", "-c", "echo go; exec sleep 100")
    child.expect_exact("go")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.wait()
    lines = shown(child.before)
    assert ["interrupted: 0 of 2 done, 0 failed", "  stopped  dev-1", "  not run  dev-2"] == [
        line.partition("awsenv: ")[2] or line for line in lines[-3:]
    ]
    assert 130 == child.exitstatus


def test_ctrl_z_stops_what_runs(many: World) -> None:
    """And fg lets it go on."""
    # Not a shell that forks: while its child is stopped within vfork(2), its own state is D.
    command = "sh -c 'echo pid $$; exec sleep 600'"
    script = f"{many.program} each dev-1 -q -- {command}; read; fg >/dev/null"
    with pexpect.spawn("bash", ["--norc", "-mc", script], env=many.environ, encoding="utf-8", timeout=TIMEOUT) as child:
        child.expect(r"pid (\d+)\r")
        pid = int(child.match[1])
        child.sendcontrol("z")
        assert reaches(pid, "T")
        child.send("\r")
        assert reaches(pid, "SR")
        child.sendintr()
        child.expect_exact("interrupted: 0 of 1 done")
        child.expect(pexpect.EOF)


def reaches(pid: int, states: str) -> bool:
    """Wait until a process is in one of *states*, as /proc has them."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in states:
            return True
        time.sleep(0.01)
    return False


def test_a_reader_that_goes_ends_all(many: World) -> None:
    """As `yes | head -1` does."""
    script = f"{many.program} each dev-1 -- sh -c 'echo a; sleep 0.2; echo b; exec sleep 100' | head -1"
    script += "; echo ${PIPESTATUS[0]}"
    done = many.command(["bash", "-c", script])
    assert "dev-1 | a\n141\n" == done.stdout
