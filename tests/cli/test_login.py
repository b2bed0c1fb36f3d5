"""`awsenv login`, `logout` and `lock`: how the agent starts, forgets and ends."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.agent import runtime_directory
from awsenv.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from conftest import Until, World


def without_device(world: World) -> None:
    """Remove the role that needs a code from the user's configuration."""
    path = Path(world.environ["HOME"]) / ".aws" / "config"
    path.write_text(re.sub(r"\[profile power-user\](?:\n.+)*\n", "", path.read_text()))


def test_login_uses_the_mfa_device_of_the_role_profiles(world: World) -> None:
    """`login` finds the MFA device in a role profile, starts one MFA session, and prints its expiration."""
    answer = world.run("login", world.device.code())

    assert (0, "") == (answer.returncode, answer.stderr)
    account = world.sandbox.account
    expected = rf"MFA session of alice \({account}\) until [\d: -]+ UTC \(1[12]h\d\dm\)\.\n"
    assert re.fullmatch(expected, answer.stdout)
    (call,) = world.sandbox.calls
    assert ("GetSessionToken", world.device.serial) == (call.action, call.parameters["SerialNumber"])
    assert world.run("power-user", "--shell", "sh").stderr == ""


def test_a_code_is_accepted_as_pasted(world: World) -> None:
    """Leave blanks out, as for a role."""
    code = world.device.code()
    assert 0 == world.run("login", f" {code[:3]} {code[3:]}").returncode


def test_another_word_than_a_code_starts_no_agent(world: World) -> None:
    """Refuse it without showing it."""
    answer = world.run("login", "canary")
    assert (6, "awsenv: an MFA code is six digits\n") == (answer.returncode, answer.stderr.splitlines(keepends=True)[0])
    assert "canary" not in answer.stderr
    assert world.agent() is None


def test_without_a_login_no_agent_runs(world: World) -> None:
    """Neither `exec` nor `status` starts an agent or creates the runtime directory."""
    world.run("exec", "read-only", "--", "true")
    world.run("status")

    assert world.agent() is None
    assert not Path(world.environ[runtime_directory.VARIABLE]).exists()


def test_the_runtime_directory_is_private(world: World) -> None:
    """The runtime directory contains only a socket and a lock, and no other user can open them."""
    mask = os.umask(0)
    try:
        world.run("login", world.device.code())
    finally:
        os.umask(mask)

    folder = Path(world.environ[runtime_directory.VARIABLE])
    modes = {path.name: oct(stat.S_IMODE(path.lstat().st_mode)) for path in (folder, *folder.iterdir())}
    assert {"run": "0o700", "socket": "0o600", "lock": "0o600"} == modes
    assert all(path.lstat().st_size == 0 for path in folder.iterdir())


def test_the_user_chooses_between_several_devices(world: World) -> None:
    """`login` fails and says how many MFA devices there are, without using the code, until one is named."""
    account = world.sandbox.account
    world.configure(
        f"[profile other]\nrole_arn = arn:aws:iam::{account}:role/x\nsource_profile = default\n"
        f"mfa_serial = arn:aws:iam::{account}:mfa/phone\n"
    )
    code = world.device.code()

    refused = world.run("login", code)
    chosen = world.run("login", code, "--mfa-serial", world.device.serial)

    assert (3, "", None) == (refused.returncode, refused.stdout, None)
    assert "2 MFA devices" in refused.stderr
    assert "--mfa-serial" in refused.stderr
    assert 0 == chosen.returncode
    assert world.run("exec", "power-user", "--", "true").returncode == 0


def test_a_source_without_a_device_needs_no_code(world: World) -> None:
    """The agent also holds the roles of a source without an MFA device, so AWS is called only once."""
    without_device(world)

    answer = world.run("login")
    keys = {world.run("exec", "read-only", "--", "printenv", "AWS_ACCESS_KEY_ID").stdout for _ in range(3)}

    assert (0, "") == (answer.returncode, answer.stderr)
    assert answer.stdout == "Roles of default are held in memory now; it asks for no MFA code.\n"
    assert (1, ["AssumeRole"]) == (len(keys), world.actions())


def test_an_unconfigured_device_is_found_if_a_code_is_given(world: World) -> None:
    """`login` looks up the user's MFA device in IAM, and the MFA session suffices for a role that needs MFA."""
    account = world.sandbox.account
    path = Path(world.environ["HOME"]) / ".aws" / "config"
    path.write_text(re.sub("mfa_serial = .*\n", "", path.read_text()))
    allowed = world.sandbox.create_user("bob", policies=["ReadOnlyAccess"])
    device = world.sandbox.create_mfa_device("bob")
    (path.parent / "credentials").write_text(
        f"[default]\naws_access_key_id={allowed.access_key_id}\naws_secret_access_key={allowed.secret_access_key}\n"
    )
    arn = world.sandbox.create_role("bobs", world.sandbox.trust(f"arn:aws:iam::{account}:user/bob", mfa=True))
    world.configure(f"[profile bobs]\nrole_arn = {arn}\nsource_profile = default\n")

    answer = world.run("login", device.code())
    role = world.run("exec", "bobs", "--", "true")

    assert (0, 0, "") == (answer.returncode, role.returncode, role.stderr), (answer.stderr, role.stderr)


@pytest.mark.parametrize(
    ("words", "status"), [("12", 6), ("--profile nowhere", 3), ("--duration 10m", 3), ("--duration 37h", 3), ("", 6)]
)
def test_a_login_that_fails_starts_no_agent(world: World, words: str, status: int) -> None:
    """The error comes before AWS is called, so no code is used."""
    answer = world.run("login", *words.split())

    assert (status, "", []) == (answer.returncode, answer.stdout, world.actions())
    assert answer.stderr.startswith("awsenv: ")
    assert world.agent() is None


def test_a_rejected_code_starts_no_agent(world: World) -> None:
    """If AWS rejects the code and there is no terminal to ask for another, nothing changes."""
    answer = world.run("login", "000000")

    assert (6, "", None) == (answer.returncode, answer.stdout, world.agent())


@pytest.mark.parametrize("duration", ["15m", "36h"])
def test_the_mfa_session_lasts_as_long_as_requested(world: World, duration: str) -> None:
    """`login` requests what --duration says, and ignores AWSENV_DURATION, which is for roles."""
    world.run("login", world.device.code(), "--duration", duration, AWSENV_DURATION="1h")

    expected = {"15m": "900", "36h": "129600"}[duration]
    assert [expected] == [call.parameters["DurationSeconds"] for call in world.sandbox.calls]


def test_a_second_login_uses_the_same_agent(world: World) -> None:
    """A second login replaces the MFA session in the running agent."""
    world.run("login", world.device.code(), "--duration", "15m")
    first = world.agent()
    world.sandbox.clock.elapse(30)
    again = world.run("login", world.device.code())

    assert (0, first) == (again.returncode, world.agent())
    (session,) = re.findall("MFA session +(.*)", world.run("status").stdout)
    assert re.fullmatch(r"alice \(\d+\) until (?:[\d-]{10} )?\d\d:\d\d UTC \(1[12]h\d\dm left\)", session)


def test_the_present_session_is_named_before_another_code_is_asked_for(world: World) -> None:
    """Without a code in the line, a login says until when the session lasts that it would replace."""
    before = world.run("login")
    world.run("login", world.device.code())
    again = world.run("login")

    until = r"until (?:[\d-]{10} )?\d\d:\d\d UTC \(1[12]h\d\dm\)"
    note = rf"awsenv: an MFA session is held already {until}: a new code replaces it\n"
    assert [None, True] == [re.match(note, before.stderr), re.match(note, again.stderr) is not None], again.stderr
    assert ([6, 6], 1) == ([before.returncode, again.returncode], again.stderr.count("held already"))


def test_without_a_default_profile_login_takes_the_source_of_the_roles(world: World) -> None:
    """So it does after `awsenv setup`, which makes a profile for the user, and the roles of it."""
    folder = Path(world.environ["HOME"], ".aws")
    keys = (folder / "credentials").read_text().replace("[default]", "[me]")
    (folder / "credentials").write_text(keys)
    config = (folder / "config").read_text().replace("source_profile = default", "source_profile = me")
    (folder / "config").write_text(config.replace("[default]", "[profile me]"))

    assert 0 == world.run("login", world.device.code()).returncode
    assert (0, "") == ((done := world.run("exec", "power-user", "--", "true")).returncode, done.stderr)


def test_the_agent_holds_the_mfa_sessions_of_two_sources(world: World) -> None:
    """Each role uses the MFA session of its own source."""
    account, home = world.sandbox.account, Path(world.environ["HOME"])
    user = world.sandbox.create_user("bob")
    device = world.sandbox.create_mfa_device("bob")
    arn = world.sandbox.create_role("bobs", world.sandbox.trust(f"arn:aws:iam::{account}:user/bob", mfa=True))
    with (home / ".aws" / "credentials").open("a") as file:
        file.write(f"[bob]\naws_access_key_id={user.access_key_id}\naws_secret_access_key={user.secret_access_key}\n")
    world.configure(f"[profile bobs]\nrole_arn = {arn}\nsource_profile = bob\nmfa_serial = {device.serial}\n")

    logins = [world.run("login", world.device.code()), world.run("login", device.code(), "--profile", "bob")]
    world.sandbox.clear_calls()
    roles = [world.run("exec", role, "--", "true").stderr for role in ("power-user", "bobs")]

    assert ([0, 0], ["", ""]) == ([answer.returncode for answer in logins], roles)
    # The MFA session of a source calls AWS as the user of that source.
    assert [f"arn:aws:iam::{account}:user/{name}" for name in ("alice", "bob")] == [
        call.caller for call in world.sandbox.calls
    ]
    shown = world.run("status").stdout
    assert re.findall(r"(alice|bob) \(\d+\) until", shown) == ["alice", "bob"]


def test_status_shows_what_the_agent_holds(world: World) -> None:
    """`status` shows names and times, each title once, and no secret."""
    world.run("login", world.device.code())
    assert world.run("status").stdout.count("\n") == 1
    keys = [
        world.run("exec", role, "--", "printenv", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        for role in ("read-only", "power-user")
    ]

    shown = world.run("status").stdout

    time = r"until (?:[\d-]{10} )?\d\d:\d\d UTC \((?:11h59m|12h00m|1h00m|59m) left\)"
    account = world.sandbox.account
    expected = rf"MFA session  alice \({account}\) {time}\nIn memory    read-only {time}\n +power-user {time}\n"
    assert re.fullmatch(expected, shown), shown
    assert not [key for answer in keys for key in answer.stdout.split() if key[-4:] in shown]


def test_lock_empties_the_agent_and_keeps_it_running(world: World) -> None:
    """After `lock` the agent needs a code again, or calls AWS again for a role without MFA."""
    world.run("login", world.device.code())
    agent = world.agent()
    for role in ("power-user", "read-only"):
        assert world.run("exec", role, "--", "true").returncode == 0
    world.sandbox.clear_calls()

    answer = world.run("lock")

    assert (0, "Locked: the agent holds nothing.\n", "") == (answer.returncode, answer.stdout, answer.stderr)
    assert world.run("status").stdout == "Agent  holds nothing\n"
    assert world.run("exec", "power-user", "--", "true").returncode == 125
    assert world.run("exec", "read-only", "--", "true").returncode == 0
    assert (agent, ["AssumeRole"]) == (world.agent(), world.actions())


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_locks_the_agent(world: World, number: signal.Signals, until: Until) -> None:
    """A signal, which a screen locker or a sleep hook can send, makes the agent forget everything."""
    world.run("login", world.device.code())
    agent = world.agent()
    assert agent is not None

    os.kill(agent, number)
    until(lambda: "holds nothing" in world.run("status").stdout)

    assert agent == world.agent()


def test_logout_ends_the_agent(world: World, until: Until, has_ended: Callable[[int], bool]) -> None:
    """`logout` leaves no process and no socket; if no agent runs, `logout` and `lock` say so."""
    world.run("login", world.device.code())
    agent = world.agent()
    assert agent is not None

    answer = world.run("logout")

    assert (0, "Logged out: the agent has ended.\n", "") == (answer.returncode, answer.stdout, answer.stderr)
    until(lambda: has_ended(agent))
    assert not (Path(world.environ[runtime_directory.VARIABLE]) / runtime_directory.SOCKET).exists()
    for word in ("logout", "lock"):
        again = world.run(word)
        assert (0, "", "awsenv: no agent is running\n") == (again.returncode, again.stdout, again.stderr)
    assert world.run("exec", "read-only", "--", "true").stderr == ""


@pytest.fixture
def session(world: World, agent_in: Callable[[dict[str, str]], AbstractContextManager[None]]) -> Iterator[World]:
    """Return the world in which an agent runs that only XDG_RUNTIME_DIR leads to."""
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as runtime:
        environ = {"HOME": world.environ["HOME"], "XDG_RUNTIME_DIR": runtime}
        with agent_in(environ):
            yield world


@pytest.mark.parametrize(
    "words",
    [
        *("status", "logout", "lock", "login 123456", "doctor power-user", "credential-process power-user"),
        *("exec power-user -- true", "console power-user", "power-user --shell sh"),
    ],
)
def test_a_caller_without_the_variable_learns_where_the_agent_is(session: World, words: str) -> None:
    """What needs the agent, or a code, says why cron does not find the agent of a session, and what finds it."""
    environ = session.environ | {runtime_directory.VARIABLE: ""}
    argv = [session.program, *words.split()]
    # No agent is asked: that of the user who runs the tests might answer.
    done = session.preloaded.run(argv, environ, "/", asks_agent=False)

    expected = (
        r"your agent runs in (/.*)/awsenv, where awsenv does not look for it\n"
        r"  because  XDG_RUNTIME_DIR is not set\n"
        r"  try      export XDG_RUNTIME_DIR=\1\n"
    )
    assert re.search(expected, (done.stdout if "doctor" in words else done.stderr).decode())
    # What was to be forgotten is still held.
    assert words not in {"logout", "lock"} or done.returncode == ExitCode.AGENT


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("exec read-only -- true", 0, "is stuck"),
        ("login {code}", 8, "is stuck"),
        ("logout", 8, "is stuck"),
        ("lock", 8, "is stuck"),
    ],
)
def test_an_agent_that_is_stuck_is_named(world: World, words: str, status: int, says: str) -> None:
    """The message names the process, and only a command that needs the agent fails, without using a code."""
    world.run("login", world.device.code())
    world.sandbox.clear_calls()
    agent = world.agent()
    assert agent is not None
    os.kill(agent, signal.SIGSTOP)
    world.sandbox.clock.elapse(30)

    answer = world.run(*words.format(code=world.device.code()).split())

    os.kill(agent, signal.SIGCONT)
    assert (status, ["AssumeRole"][status:]) == (answer.returncode, world.actions())
    assert f"awsenv: the agent (process {agent}) {says}\n" in answer.stderr


@pytest.mark.parametrize("case", ["a folder that cannot be made", "too long", "relative"])
def test_no_code_is_used_where_no_agent_can_run(world: World, tmp_path: Path, case: str) -> None:
    """`login` names the variable that helps, and `exec` still works without an agent."""
    # Root can write to every folder but /proc.
    names = {
        "a folder that cannot be made": "/proc/run",
        "too long": str(tmp_path / ("x" * 100)),
        "relative": "relative",
    }
    environ = world.environ | {runtime_directory.VARIABLE: names[case]}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [world.program, *words],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    answer = run("login", world.device.code())
    role = run("exec", "read-only", "--", "true")

    assert (8, "", ["AssumeRole"]) == (answer.returncode, answer.stdout, world.actions())
    assert answer.stderr.startswith("awsenv: ")
    assert runtime_directory.VARIABLE in answer.stderr
    assert (0, "") == (role.returncode, "" if case == "relative" else role.stderr)
