"""Nothing is silent on a terminal for more than a second: what each command shows of what it waits for."""

from __future__ import annotations

import os
import re
import selectors
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

from awsenv.cli.commands import COMMANDS
from awsenv.sandbox import Fault
from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conftest import World

ACTIONS = ("AssumeRole", "GetCallerIdentity", "GetSessionToken", "GetRole", "GetUser")
STS, IAM, AGENT = r"AWS STS at 127\.0\.0\.1:\d+", r"AWS IAM at 127\.0\.0\.1:\d+", "the agent"

SLOW_DISK = """\
import sys, time
class Disk:
    def find_spec(self, name, path=None, target=None):
        if name in ("awsenv.cli.app", "botocore.session"):
            time.sleep(1.5)
sys.meta_path.insert(0, Disk())
"""


@dataclass(frozen=True)
class Row:
    """A command line, and a pattern of what it waits for; empty: it waits for nothing."""

    words: str
    alone: str
    """Without an agent, while AWS does not answer."""
    stuck: str
    """With an agent that is stuck."""


ROWS = {
    "use": Row("use --shell sh --print read-only", STS, AGENT),
    "exec": Row("exec read-only -- true", STS, AGENT),
    "each": Row("each power-user 123456 -- true", STS, AGENT),
    "login": Row("login 123456", STS, AGENT),
    "approve": Row("approve", "", AGENT),
    "logout": Row("logout", "", AGENT),
    "lock": Row("lock", "", AGENT),
    # Without a role of the agent it fails at once.
    "renew": Row("renew --shell sh --print", "", AGENT),
    "off": Row("off --shell sh --print", "", AGENT),
    "status": Row("status --verify", STS, AGENT),
    "log": Row("log", "", AGENT),
    "list": Row("list", "", AGENT),
    "explain": Row("explain read-only --duration 2h", IAM, AGENT),
    "doctor": Row("doctor read-only", STS, "the next check"),
    "console": Row("console read-only", STS, AGENT),
    "setup": Row("setup --profile admin --dry-run", STS, STS),
    "credential-process": Row("credential-process read-only --print", STS, AGENT),
    "profiles": Row("profiles --as x-", "", ""),
    "token": Row("token eks a-cluster read-only --print", STS, AGENT),
    "init": Row("init bash", "", ""),
    "completion": Row("completion bash", "", ""),
    # How long the local AWS takes to start depends on the machine.
    "demo": Row("demo -- true", "", ""),
}


def waits_in(transcript: str) -> list[str]:
    """Return what a command waited for, without repetitions."""
    shown = re.findall(r"awsenv: waiting for ([^\r\n\x1b]*?)(?:, \d+ s)?(?=[\r\n\x1b])", transcript)
    return list(dict.fromkeys(shown))


@dataclass(frozen=True)
class Seen:
    """What a terminal has shown of a command."""

    transcript: str
    screen: str
    """What is left."""
    status: int

    @property
    def waits(self) -> list[str]:
        """What it waited for, without repetitions; but not what loads, which takes long on a busy machine."""
        return [text for text in waits_in(self.transcript) if text not in self.loads]

    @property
    def loads(self) -> list[str]:
        """What it waited for to load."""
        return [text for text in waits_in(self.transcript) if text.endswith(" to load")]


def watch(world: World, *lines: str, until: Sequence[str] = (), columns: int = 100, **environ: str) -> list[Seen]:
    """Run *lines* of awsenv, side by side, each in a terminal of its own, to their ends.

    Args:
        world: The user and the local AWS.
        lines: As in a shell, a line may begin with assignments.
        until: For each line a pattern: the command is to wait for that, and Ctrl-C ends it once it says so.
        columns: The width of each terminal.
        environ: On top of the user's environment.
    """
    children = []
    for line in lines:
        words = line.split()
        own = dict(word.split("=", 1) for word in takewhile(lambda word: "=" in word, words))
        env = world.environ | environ | own
        children.append(
            pexpect.spawn(world.program, words[len(own) :], env=env, dimensions=(24, columns), timeout=TIMEOUT)
        )
    ends = dict(zip(children, until, strict=False))
    shown = dict.fromkeys(children, b"")
    end = time.monotonic() + TIMEOUT
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.child_fd, selectors.EVENT_READ, child)
        while selector.get_map():
            assert time.monotonic() < end, shown
            for key, _ in selector.select(1):
                child = key.data
                try:
                    data = os.read(key.fd, 65536)
                except OSError:  # the terminal of a process that has ended
                    data = b""
                shown[child] += data
                if data and shown[child].endswith(b": "):
                    child.sendeof()  # it asks for another code
                waits = waits_in(shown[child].decode(errors="replace"))
                if child in ends and any(re.fullmatch(ends[child], text) for text in waits):
                    del ends[child]
                    child.sendintr()
                if not data:
                    selector.unregister(key.fd)
    assert {} == ends, shown
    return [_seen(child, data, columns) for child, data in shown.items()]


def _seen(child: pexpect.spawn[bytes], data: bytes, columns: int) -> Seen:
    child.wait()
    screen = pyte.Screen(columns, 24)
    pyte.ByteStream(screen).feed(data)
    left = "\n".join(line.rstrip() for line in screen.display).rstrip()
    return Seen(data.decode(), left, child.exitstatus or 0)


def hang(world: World) -> None:
    """Let no call of AWS end."""
    for action in ACTIONS:
        world.sandbox.fail(action, Fault.HANG, times=20)


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    """Stop a process for a while."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_table_has_every_command() -> None:
    """A new command needs a row."""
    assert list(COMMANDS) == list(ROWS)


def check(seen: Sequence[Seen]) -> None:
    """Check that nothing of the line is left on the screen."""
    assert not any("waiting for" in one.screen for one in seen), seen


def test_every_command_shows_that_it_waits_for_aws(world: World) -> None:
    """While AWS does not answer, each command says what it waits for; the line goes when it ends."""
    world.add_administrator()
    hang(world)
    key = world.client("iam").create_access_key(UserName="alice")["AccessKey"]
    environ = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    # By itself: a command that starts after the agent of `login` would ask that.
    rows = [row for name, row in ROWS.items() if row.alone and name != "login"]

    for each in (rows, [ROWS["login"]]):
        check(watch(world, *(row.words for row in each), until=[row.alone for row in each], **environ))


def test_every_command_shows_that_it_waits_for_a_stuck_agent(world: World) -> None:
    """While the agent takes no request, each command says so."""
    world.add_administrator()
    assert 0 == world.run("login", world.device.code()).returncode
    hang(world)
    rows = [row for row in ROWS.values() if row.stuck]

    with stopped(world.agent()):
        check(watch(world, *(row.words for row in rows), until=[row.stuck for row in rows]))


def test_an_agent_says_what_it_waits_for(world: World) -> None:
    """The line is about AWS, and not about the agent, whose client knows nothing else."""
    assert 0 == world.run("login", world.device.code()).returncode
    hang(world)
    rows = [ROWS[name] for name in ("use", "exec", "console", "credential-process", "token", "login", "explain")]

    # Most assume one role: who is later waits for the call of the first.
    check(watch(world, *(row.words for row in rows), until=[f"{row.alone}|the role read-only" for row in rows]))


def test_success_follows_a_slow_answer(world: World) -> None:
    """The line goes when AWS answers, and success is shown unless the prompt of the hook shows it."""
    world.sandbox.fail("AssumeRole", Fault.SLOW, times=4)
    use = "--shell json --print read-only"

    bare, disabled, *silent = watch(
        world,
        f"use {use}",
        f"_AWSENV_PROMPT=disabled use {use}",
        f"_AWSENV_PROMPT=idle use {use}",
        f"use --quiet {use}",
    )

    success = rf"^read-only in {world.sandbox.account} until .*\d\d:\d\d \S+ \(1h\)$"
    for one in (bare, disabled):
        assert re.search(success, one.screen, re.MULTILINE), one
    assert all(re.search("}$", one.screen) for one in silent), silent
    shown = [[text for text in one.waits if re.fullmatch(STS, text)] for one in (bare, silent[0], silent[1])]
    assert [1, 1, 0] == list(map(len, shown))
    check([bare, disabled, *silent])


def test_a_subshell_without_a_prompt_of_ours_says_which_role_it_has(world: World, tmp_path: Path) -> None:
    """Of a command of exec, only its own output shows."""
    names = ("es", "rc", "fizsh")
    for name in names:
        (tmp_path / name).symlink_to("/bin/true")
    *subshells, quiet, command = watch(
        world,
        *(f"SHELL={tmp_path}/{name} exec read-only" for name in names),
        "SHELL=/bin/true exec -q read-only",
        "exec read-only -- true",
    )

    shown = rf"read-only in {world.sandbox.account} until .*\d\d:\d\d \S+ \(1h\)"
    assert [] == [each.screen for each in subshells if not re.fullmatch(shown, each.screen)]
    assert ("", "") == (quiet.screen, command.screen)


def test_a_terminal_may_be_narrow_or_dumb(world: World) -> None:
    """A line as wide as the terminal is cut, for none that is wrapped could be removed; a dumb one shows it once."""
    hang(world)
    use = "use --shell sh --print read-only"

    narrow, dumb = watch(world, use, f"TERM=dumb {use}", columns=33, until=["AWS…", "AWS.*…"])

    assert ("AWS…", False) == (narrow.waits[-1], "waiting" in narrow.screen)
    assert (1, False) == (dumb.transcript.count("waiting for AWS"), "\x1b" in dumb.transcript)


def test_nothing_is_shown_elsewhere(world: World) -> None:
    """Where stderr is no terminal, nobody watches."""
    world.sandbox.fail("AssumeRole", Fault.SLOW)

    done = world.run("use", "--shell", "sh", "read-only")

    assert (0, "") == (done.returncode, done.stderr)


@pytest.fixture
def deaf() -> Iterator[str]:
    """Return the URL of a host that never accepts a connection: its queue is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for each in (first, second):
            each.setblocking(False)  # noqa: FBT003 - its only argument
            each.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_what_loads_slowly_is_waited_for(world: World, tmp_path: Path) -> None:
    """If the command line and botocore load slowly, the user sees what awsenv waits for."""
    (tmp_path / "sitecustomize.py").write_text(SLOW_DISK)

    words = f"use --shell json --print read-only {world.device.code()}"
    (one,) = watch(world, words, PYTHONPATH=str(tmp_path))

    assert (0, ["its modules to load", "the AWS SDK to load"]) == (one.status, one.loads)


def test_silence_counts_from_the_start(world: World, tmp_path: Path) -> None:
    """What awsenv does before it waits counts: the line is there before the wait has taken a second."""
    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom awsenv.cli.waiting import Waiting\ntime.sleep(1)\nwith Waiting()('AWS'):\n    input()\n"
    )
    child = pexpect.spawn(sys.executable, [str(script)], env=world.environ, timeout=TIMEOUT)
    child.expect("awsenv: waiting for AWS(.)")
    after = child.match.group(1)
    child.sendline()
    child.expect(pexpect.EOF)

    assert b"\x1b" == after


def test_a_host_that_never_accepts(world: World, deaf: str) -> None:
    """The line is there while awsenv connects, and the time of the call ends that, too."""
    (one,) = watch(world, "use --shell sh --print read-only", AWS_ENDPOINT_URL=deaf, AWSENV_TIMEOUT="2s")

    assert re.fullmatch(STS, one.waits[-1])
    assert (7, False) == (one.status, "waiting for" in one.screen)


def test_a_program_keeps_what_it_writes(world: World) -> None:
    """The line stands below what a credential_process writes, and takes nothing of it away."""
    scripts = {
        "printf 'PIN: ' >/dev/tty; sleep 1.5; echo pin >/dev/tty; sleep 1": "PIN: pin",
        "echo 'touch it' >/dev/tty; sleep 1.5; echo thanks >/dev/tty": "touch it\nthanks",
        "sleep 1.5": "",
        "stty -echo </dev/tty; printf 'password: ' >/dev/tty; sleep 2; echo >/dev/tty": "password:",
    }
    for number, script in enumerate(scripts):
        world.configure(f'\n[profile p{number}]\ncredential_process = sh -c "{script}; false"\n')

    seen = watch(world, *(f"use --shell sh --print p{number}" for number in range(4)))

    for one, left in zip(seen, scripts.values(), strict=True):
        before, _, error = one.screen.partition("awsenv: ")
        assert (left, True) == (before.rstrip("\n"), "failed with status 1" in error)
    *others, password = seen
    assert [[f"the credential_process of profile p{number}"] for number in range(3)] == [one.waits for one in others]
    # A line would be in the way of someone who types a password.
    assert [] == waits_in(password.transcript.partition("password: ")[2])


def test_an_mfa_process_is_waited_for(world: World) -> None:
    """The line is about the program that makes the code."""
    world.configure(
        f"\n[profile slow]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/power-user\n"
        f"source_profile = default\nmfa_serial = {world.device.serial}\nexternal_id = {world.external_id}\n"
        f'mfa_process = sh -c "sleep 1.5; echo {world.device.code()}"\n'
    )

    (one,) = watch(world, "use --shell json --print slow")

    assert (0, "mfa_process") == (one.status, one.waits[0])


def test_control_z_follows_the_line_and_control_c_leaves_none(world: World) -> None:
    """A shell that goes on after Ctrl-Z leaves the whole line; Ctrl-C leaves only that awsenv has ended."""
    hang(world)
    child = pexpect.spawn(
        world.program, ["use", "--shell", "sh", "--print", "read-only"], env=world.environ, timeout=TIMEOUT
    )
    child.expect("waiting for AWS")
    shown = child.before + child.after
    # As in a shell that ignores SIGTSTP, awsenv goes on: its process group is that of no job.
    child.send("\x1a")
    child.expect_exact("^Z")
    shown += child.before + child.after
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(shown)
    assert re.fullmatch(r"awsenv: waiting for AWS STS at [\d.:]+(, \d+ s)?\^Z", screen.display[0].rstrip())
    child.sendintr()

    ended = _seen(child, shown + child.read(), 80)

    assert (130, "awsenv: interrupted") == (ended.status, ended.screen)
