"""Tests of the runner: what commands print, how they end, and that none is left. No AWS takes part."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import each
from awsenv.each import Job, Ready, Runner
from awsenv.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from awsenv.each import Result

ENVIRON = {"PATH": os.environ["PATH"]}
SHORT = 0.05
"""Seconds that a test waits for."""


class Watcher:
    """Keeps what a runner tells, in order."""

    def __init__(self) -> None:
        self.lines: defaultdict[tuple[str, int], list[bytes]] = defaultdict(list)
        self.ends: list[str] = []

    def output(self, job: Job, descriptor: int, lines: bytes) -> None:
        """Keep lines."""
        self.lines[job.profile, descriptor].append(lines)

    def ended(self, result: Result) -> None:
        """Keep an end."""
        self.ends.append(result.job.profile)

    def passed(self, running: int, *, is_stopping: bool) -> float | None:
        """Need nothing."""
        del running, is_stopping
        return None

    def paused(self) -> None:
        """Need nothing."""

    def text(self, name: str, descriptor: int = 1) -> bytes:
        """Return what a job has printed."""
        return b"".join(self.lines[name, descriptor])


@pytest.fixture(autouse=True)
def late_signals() -> Iterator[None]:
    """Let a signal that comes too late end nothing."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


def ready(job: Job) -> Ready:
    """Return a job with the environment of the tests."""
    return Ready(job, ENVIRON)


def jobs(script: str, number: int = 1) -> list[Job]:
    """Return jobs that run a script of sh, whose first argument is the name of the job."""
    return [Job(f"j{each}", None, None, None, ("sh", "-c", script, "sh", f"j{each}")) for each in range(number)]


def run(
    given: Sequence[Job],
    prepare: Callable[[Job], Ready] = ready,
    *,
    at_once: int = 8,
    fails_fast: bool = False,
    grace: float = each.GRACE,
    linger: float = each.LINGER,
) -> tuple[list[Result], Watcher]:
    """Run jobs, and return how they have ended, and what was told."""
    watcher = Watcher()
    runner = Runner(given, prepare, at_once=at_once, fails_fast=fails_fast, grace=grace, linger=linger)
    return runner.run(watcher), watcher


def is_there(pid: int) -> bool:
    """Return whether a process lives: one that was killed may wait for its parent to notice."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def gone(pids: Sequence[int]) -> bool:
    """Wait until no process is left, for a minute at most."""
    end = time.monotonic() + 60
    while any(map(is_there, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(is_there, pids))


def test_each_command_has_its_streams_and_its_status() -> None:
    """Output and errors stay apart, and the results are in the order of the jobs."""
    results, watcher = run(jobs("echo out-$1; echo err-$1 >&2; exit ${1#j}", 3))
    assert [0, 1, 2] == [result.status for result in results]
    assert [(b"out-j1\n", b"err-j1\n")] == [(watcher.text("j1"), watcher.text("j1", 2))]
    assert {"j0", "j1", "j2"} == set(watcher.ends)


def test_lines_are_never_torn() -> None:
    """Fifty commands that print at once, in pieces, hand on whole lines."""
    pieces = "os.write(1, b'%s-' % sys.argv[1].encode()); os.write(1, b'x' * 50 + b'\\n')"
    script = f"import sys, os\nfor n in range(200): {pieces}"
    given = [Job(f"j{n}", None, None, None, (sys.executable, "-I", "-S", "-c", script, f"j{n}")) for n in range(50)]
    results, watcher = run(given, at_once=50)
    assert {0} == {result.status for result in results}
    for name in (job.profile for job in given):
        assert f"{name}-{'x' * 50}\n".encode() * 200 == watcher.text(name)
        assert all(lines.endswith(b"\n") for lines in watcher.lines[name, 1])


def test_bytes_pass_unchanged() -> None:
    r"""What is not UTF-8, NUL and \r pass; only a missing end of the last line is added."""
    _, watcher = run(jobs(r"printf 'a\377\000\r\n\nb'"))
    assert b"a\xff\x00\r\n\nb\n" == watcher.text("j0")


def test_an_endless_line_takes_no_endless_memory() -> None:
    """A line is split where it becomes too long, and loses nothing."""
    script = f"head -c {2 * each.LONGEST_LINE + 10} /dev/zero | tr '\\0' x; echo; echo end"
    _, watcher = run(jobs(script))
    lengths = [len(line) for line in watcher.text("j0").splitlines()]
    assert 2 * each.LONGEST_LINE + 10 == sum(lengths[:-1])
    assert max(lengths) <= each.LONGEST_LINE
    assert b"end" == watcher.text("j0").splitlines()[-1]


def test_a_command_reads_nothing_and_has_no_terminal() -> None:
    """Its standard input is empty, and it leads a session."""
    results, watcher = run(jobs("wc -c; [ $(ps -o sid= -p $$) = $$ ]"))
    assert b"0" == watcher.text("j0").strip()
    assert 0 == results[0].status


def test_what_python_ignores_is_not_ignored() -> None:
    """A command dies by SIGPIPE, as it does in a shell."""
    results, _ = run(jobs("kill -PIPE $$"))
    assert 128 + signal.SIGPIPE == results[0].status


def test_a_command_that_cannot_be_started_fails_alone(tmp_path: Path) -> None:
    """The status is that of a shell, and the others run."""
    (tmp_path / "file").write_text("")
    given = [
        Job("none", None, None, None, ("/nonexistent",)),
        Job("file", None, None, None, (str(tmp_path / "file"),)),
        *jobs("true"),
    ]
    results, _ = run(given)
    assert [127, 126, 0] == [result.status for result in results]
    assert [True, True, False] == [result.error is not None for result in results]


def test_a_script_without_an_interpreter_runs_with_sh(tmp_path: Path) -> None:
    """As execvp(3) has it."""
    script = tmp_path / "script"
    script.write_text("exit 5\n")
    script.chmod(0o755)
    assert [5] == [result.status for result in run([Job("j", None, None, None, (str(script),))])[0]]


def test_a_role_that_cannot_be_assumed_fails_alone() -> None:
    """Its status is 125; the others run."""

    def prepare(job: Job) -> Ready:
        if job.profile == "j1":
            raise ConfigError("no such role")
        return ready(job)

    results, _ = run(jobs("exit 1", 3), prepare)
    assert [1, ExitCode.EXEC_FAILED, 1] == [result.status for result in results]


def test_one_at_a_time_keeps_the_order() -> None:
    """However long each takes to prepare."""

    def prepare(job: Job) -> Ready:
        time.sleep(0.02 * (5 - int(job.profile[1:])))
        return ready(job)

    _, watcher = run(jobs("echo", 5), prepare, at_once=1)
    assert [f"j{n}" for n in range(5)] == watcher.ends


def test_jobs_are_prepared_a_little_ahead() -> None:
    """While the first command runs, the threads prepare no more than what follows soon."""
    prepared: list[str] = []

    def prepare(job: Job) -> Ready:
        prepared.append(job.profile)
        return ready(job)

    results, _ = run(jobs("[ $1 = j0 ] && sleep 0.2; exit ${1#j}", 60), prepare, at_once=1, fails_fast=True)
    assert len(prepared) < 2 * each.THREADS
    assert (1, None) == (results[1].status, results[-1].status)


def test_the_first_failure_ends_the_others() -> None:
    """What runs gets SIGTERM, and what waits does not begin."""
    results, watcher = run(jobs("[ $1 = j1 ] && exit 3; exec sleep 100", 4), at_once=2, fails_fast=True)
    assert [128 + signal.SIGTERM, 3, None, None] == [result.status for result in results]
    assert [True, False, True, True] == [result.is_stopped for result in results]
    assert 4 == len(watcher.ends)


def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    """Ctrl-C ends all commands, and those that wait do not begin."""
    begin = f"trap 'echo stopped; exit 9' INT; >{tmp_path}/$1; while ! [ -e {tmp_path}/j0 ]; do sleep 0.01; done"
    script = f"{begin}; [ $1 = j1 ] && kill -INT $PPID; while :; do sleep 0.01; done"
    results, watcher = run(jobs(script, 3), at_once=2)
    assert [9, 9, None] == [result.status for result in results]
    assert b"stopped\n" == watcher.text("j0")


@pytest.mark.parametrize("script", [":", "(sleep 100 &)", "(sh -c 'trap \"\" INT TERM; sleep 100' &)"])
def test_what_ignores_a_signal_is_killed(script: str) -> None:
    """A command that ignores SIGINT, and what it leaves in its group, are killed after a grace."""
    loop = "while :; do sleep 0.01; done"
    given = jobs(f"trap '' INT; ps -o pid= -g $$; {script}; echo $$; kill -INT $PPID; {loop}")
    results, watcher = run(given, grace=SHORT)
    assert [128 + signal.SIGKILL] == [result.status for result in results]
    assert gone([int(pid) for pid in watcher.text("j0").split()])


def test_a_second_signal_kills_at_once() -> None:
    """A minute of grace is not waited for."""
    began = time.monotonic()
    results, _ = run(
        jobs("trap '' INT; kill -INT $PPID; sleep 0.1; kill -INT $PPID; while :; do sleep 0.1; done"), grace=600
    )
    assert [128 + signal.SIGKILL] == [result.status for result in results]
    assert time.monotonic() - began < 300


def test_what_a_command_leaves_may_finish() -> None:
    """A process behind the command, as of `> >(...)`, prints to its end."""
    _, watcher = run(jobs("(sleep 0.2; echo late) & echo soon"))
    assert b"soon\nlate\n" == watcher.text("j0")


def test_what_a_command_leaves_is_ended() -> None:
    """A process that stays in the group outlives the command by a second or two, and not the run."""
    _, watcher = run(jobs("sleep 100 & echo $!"), linger=SHORT)
    assert gone([int(watcher.text("j0"))])


def test_a_daemon_keeps_nothing_waiting() -> None:
    """What has left the group, as a daemon does, lives on with the output of the command."""
    results, watcher = run(jobs("setsid sh -c 'echo $$; exec sleep 100' & sleep 0.3"))
    pid = int(watcher.text("j0"))
    assert ([0], True) == ([result.status for result in results], is_there(pid))
    os.kill(pid, signal.SIGKILL)


def test_output_that_nobody_takes_ends_the_jobs() -> None:
    """An error of the watcher stops everything, and is kept."""

    class Broken(Watcher):
        def output(self, *_: object) -> None:
            raise BrokenPipeError

    runner = Runner(jobs("echo; exec sleep 100", 3), ready, at_once=2)
    results = runner.run(Broken())
    assert [True] * 3 == [result.is_stopped for result in results]
    assert isinstance(runner.broken, BrokenPipeError)


def test_signals_count_while_nobody_reads() -> None:
    """A pipe that is full does not keep the runner from ending its commands."""
    reads, writes = os.pipe()

    class Slow(Watcher):
        def output(self, _job: Job, _descriptor: int, lines: bytes) -> None:
            runner.write(writes, lines)

    # It takes three: to end the commands, to kill them, and to lose their output.
    over = threading.Event()

    def send() -> None:
        while not over.wait(SHORT):
            os.kill(os.getpid(), signal.SIGINT)

    runner = Runner(jobs("trap '' INT; head -c 200000 /dev/zero; sleep 100"), ready, at_once=2)
    sender = threading.Thread(target=send)
    sender.start()
    results = runner.run(Slow())
    over.set()
    sender.join()
    os.close(reads)
    os.close(writes)
    assert results[0].status in {None, 128 + signal.SIGKILL, 128 + signal.SIGINT}


def test_handlers_of_signals_are_restored() -> None:
    """The process handles signals afterwards as before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGTSTP)
    before = [signal.getsignal(number) for number in numbers]
    run(jobs("true"))
    assert before == [signal.getsignal(number) for number in numbers]


def test_no_descriptor_is_left() -> None:
    """Neither by a command that runs nor by one that cannot be started."""
    given = [*jobs("echo", 5), Job("none", None, None, None, ("/nonexistent",))]
    run(given)
    folder = Path("/proc/self/fd")
    before = len(list(folder.iterdir()))
    run(given)
    assert before == len(list(folder.iterdir()))


def test_only_placeholders_are_replaced() -> None:
    """JSON, awk, jq and {} keep their braces, and a value is not looked at again."""
    words = ["{profile}:{account}", "{}", '{"role": {role}}', "${region}", "{{print $1}}", "{Profile} {profile }"]
    values = {"profile": "{role}", "account": None, "role": "admin", "region": "eu-west-1"}
    expected = ("{role}:{account}", "{}", '{"role": admin}', "$eu-west-1", "{{print $1}}", "{Profile} {profile }")
    assert expected == each.filled(words, values)
    assert {"profile", "account", "role", "region"} == each.placeholders(words)
    assert re.fullmatch("[{].*", expected[0])
