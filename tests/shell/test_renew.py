"""The hook renews a role at a prompt: when, how often, and what the user sees.

The program is a script that records its arguments and behaves as the test sets; the clock of the hook is stopped
until the test moves it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells
from awsenv.model import Change
from spelling import NOW, SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from spelling import Spelling

    Start = Callable[..., Any]

SECRET = "canary/secret+renewed"
# With the terminal as its stdin, `cat` would wait forever.
RECORD = """#!/bin/sh
echo "$# $1 $AWSENV_SHELL $AWSENV_RENEW <$(test "$1" = renew && cat)>" >>"$HOME/calls"
"""
RENEWED = 'cat "$HOME/answer"'
FAILED = "echo 'false;'; echo 'awsenv: the agent does not hold it' >&2; exit 8"


@dataclass
class Expiring:
    """A shell at a terminal, with a role that is about to expire."""

    shell: Spelling
    home: Path
    window: Any

    @property
    def calls(self) -> int:
        """How often the program was called."""
        log = self.home / "calls"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def at(self, now: int, then: str = "") -> str:
        """Set the clock, run *then*, and return the prompt that follows."""
        self.window.run(f"clock {now}{then and '; '}{then}")
        line: str = self.window.line
        return line

    def behave(self, behaviour: str) -> None:
        """Change the behaviour of the program from now on."""
        path = self.home / "program"
        path.write_text(f"{RECORD}{behaviour}\n")
        path.chmod(0o755)


def _answer(shell: Spelling, epoch: int = NOW + 3570, **more: str) -> str:
    """Return the output of the program: the role with fresh keys and, by default, almost an hour left."""
    variables: Mapping[str, str | None] = {
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7RENEWED",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWSENV_EXPIRES_EPOCH": str(epoch),
        "AWS_PROFILE": None,
        **more,
    }
    return shells.find(shell.name).render(Change(variables))


@pytest.fixture
def expiring(
    shell: Spelling, write_rc: Start, open_terminal: Start, home: Path, clean_environ: dict[str, str]
) -> Start:
    """Return a function that opens a shell whose role has *left* seconds left and whose program behaves so."""

    def start(
        left: int,
        behaviour: str = RENEWED,
        *,
        before: Sequence[str] = (),
        below: Sequence[str] = (),
        **environ: str | None,
    ) -> Expiring:
        (home / "answer").write_text(_answer(shell))
        role = {
            "AWSENV_ROLE": "power-user",
            "AWSENV_LABEL": "power-user",
            "AWSENV_RENEW": "0123abcd",
            "AWSENV_EXPIRES_EPOCH": str(NOW + left),
            "AWS_SECRET_ACCESS_KEY": "canary/secret+old",
            "AWS_PROFILE": "other",
            **environ,
        }
        after = [shell.assign.format("_AWSENV_BIN", home / "program"), shell.stopped]
        expiring = Expiring(shell, home, None)
        expiring.behave(behaviour)
        given = {name: value for name, value in role.items() if value is not None}
        write_rc(shell, *before, shell.hook, *after)
        expiring.window = open_terminal([*below, shell.name], clean_environ | given)
        return expiring

    return start


@pytest.mark.parametrize("left", [299, 60, 1, 0, -1, -99999])
def test_a_role_is_renewed_in_its_last_five_minutes(left: int, expiring: Start) -> None:
    """The hook renews a role once in its last five minutes or after, and the same prompt shows the new time."""
    shell = expiring(left)

    assert shell.window.line.startswith("[power-user 59m] 0:")
    assert ("default", False) == shell.window.look()
    assert SECRET == shell.window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert 1 == shell.calls


@pytest.mark.parametrize("left", [300, 301, 86400])
def test_a_role_with_time_left_is_not_renewed(left: int, expiring: Start) -> None:
    """The hook does not call the program before the last five minutes."""
    shell = expiring(left)

    assert "canary/secret+old" == shell.window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert 0 == shell.calls


def test_the_program_gets_the_shell_and_the_role(expiring: Start, shell: Spelling, home: Path) -> None:
    """The program gets the shell's name, AWSENV_RENEW and an empty stdin; AWSENV_SHELL does not stay in the shell."""
    shown = expiring(200).window.run("env")

    assert f"1 renew {shell} 0123abcd <>\n" == (home / "calls").read_text()
    assert "AWSENV_SHELL=" not in shown
    assert f"AWS_SECRET_ACCESS_KEY={SECRET}" in shown.splitlines()


@pytest.mark.parametrize(
    "environ",
    [
        {"AWSENV_RENEW": None},
        {"AWSENV_RENEW": ""},
        {"AWSENV_AUTO_REFRESH": "0"},
        {"AWSENV_EXPIRES_EPOCH": None},
        {"AWSENV_EXPIRES_EPOCH": "soon"},
        {"AWSENV_EXPIRES_EPOCH": "a[$(touch spilt)]"},
        {"AWSENV_LABEL": None},
        {"AWSENV_LABEL": "a;b", "AWSENV_EXPIRES_EPOCH": "soon"},
    ],
)
def test_a_role_that_cannot_be_renewed_is_left_alone(
    environ: dict[str, str | None], expiring: Start, home: Path
) -> None:
    """The hook calls no program for a role without an agent or an expiry, or if the user has turned that off."""
    shell = expiring(100, **environ)

    assert shell.window.text.startswith(("[", "0:"))
    assert "canary/secret+old" == shell.window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert 0 == shell.calls
    assert not (home / "spilt").exists()


def test_the_user_can_turn_renewing_off_and_on(expiring: Start, shell: Spelling) -> None:
    """The hook reads AWSENV_AUTO_REFRESH at each prompt; every value except 0 means on."""
    at = expiring(100, AWSENV_AUTO_REFRESH="0")
    assert 0 == at.calls

    at.window.run(shell.export.format("AWSENV_AUTO_REFRESH", "1"))

    assert at.window.line.startswith("[power-user 59m] 0:")


def test_a_role_that_the_prompt_does_not_show_is_renewed(expiring: Start) -> None:
    """The hook also renews a role that only a theme shows, or nothing at all."""
    shell = expiring(100, AWSENV_DISABLE_PROMPT="1")

    assert shell.window.line.startswith("0:")
    assert "[power-user 59m]" == shell.window.run("awsenv_prompt_info")
    assert 1 == shell.calls


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_a_role_is_renewed_without_prompt_percent(expiring: Start) -> None:
    """Without zsh's option prompt_percent the hook renews the role, and inserts nothing into the prompt."""
    shell = expiring(100, before=['unsetopt prompt_percent; precmd() { PROMPT="0:$HISTCMD> " }'])

    assert shell.window.line.startswith("0:")
    assert "[power-user 59m]" == shell.window.run("awsenv_prompt_info")


def test_a_failed_attempt_is_silent_and_repeated_once_a_minute(expiring: Start) -> None:
    """After a silent failure the hook tries again once a minute, and once after the expiry."""
    shell = expiring(299, FAILED)
    assert shell.window.line.startswith("[power-user 4m] 0:")

    tried = [shell.calls]
    for left in (298, 240, 239, 239, 180, 179, 61, 60, 59, 1, 0, 0, -1, -59, -61, -99999):
        shell.at(NOW + 299 - left)
        tried.append(shell.calls)

    assert [1, 1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6] == tried
    assert shell.window.line.startswith("[power-user expired] 0:")
    assert "canary/secret+old" == shell.window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert b"agent" not in shell.window.transcript
    assert b"false" not in shell.window.transcript


def test_a_later_attempt_succeeds(expiring: Start) -> None:
    """A later attempt renews the role, and another one follows before the new expiry."""
    shell = expiring(250, FAILED)
    shell.behave(RENEWED)

    assert shell.at(NOW + 5).startswith("[power-user 4m] ")
    assert shell.at(NOW + 30).startswith("[power-user 59m] ")
    (shell.home / "answer").write_text(_answer(shell.shell, NOW + 7200))
    assert shell.at(NOW + 3400).startswith("[power-user 1h03m] ")
    assert 3 == shell.calls


def test_a_wrong_clock_causes_no_loop(expiring: Start, shell: Spelling) -> None:
    """The hook calls the program once a minute at most, even if each new expiry seems to be past."""
    change = _answer(shell, NOW).replace(str(NOW), "$n")
    at = expiring(-100, f'n=$(({NOW} - 500 + $(wc -l <"$HOME/calls")))\ncat <<END\n{change}END')
    assert SECRET == at.window.run("echo $AWS_SECRET_ACCESS_KEY")

    for _ in range(4):
        at.window.run("true")

    assert 1 == at.calls


def test_a_login_allows_another_attempt(expiring: Start, shell: Spelling) -> None:
    """At the prompt after `awsenv login`, the hook renews a role that had expired."""
    at = expiring(-100, FAILED)
    at.window.run("true")
    assert 1 == at.calls

    at.behave(f'test "$1" = login || {RENEWED}')
    at.window.run("awsenv login")

    assert at.window.line.startswith("[power-user 59m] 0:")
    assert ["1 login  0123abcd <>", f"1 renew {shell} 0123abcd <>"] == _log(at)[1:]


def _log(at: Expiring) -> list[str]:
    return (at.home / "calls").read_text().splitlines()


@pytest.mark.parametrize("behaviour", [RENEWED, FAILED, "echo garbage"])
def test_the_statuses_of_the_last_command_are_kept(behaviour: str, expiring: Start, shell: Spelling) -> None:
    """An attempt keeps `$?` and the statuses of a pipe, whether it succeeds or fails."""
    at = expiring(400, behaviour)

    assert at.at(NOW + 101, "sh -c 'exit 3' | true | sh -c 'exit 4'").partition("] ")[2].startswith("4:")
    assert 1 == at.calls
    assert "3 0 4" == at.window.run(f"echo {shell.pipe_status}")
    assert at.at(NOW + 170, "sh -c 'exit 7'").partition("] ")[2].startswith("7:")
    assert "7" == at.window.run(f"echo {shell.status}")


NO_CHANGES = (
    "",
    "\n",
    "garbage",
    "touch spilt",
    "false;",
    "Usage: awsenv\n\nexport A=1; touch spilt",
    "\\033]0;title\\007",
    "exports; touch spilt",
    " export A=1; touch spilt",
    "a\\0b",
    "set\\0 -gx A 1",
)


# A role is renewed once a minute in its last five: four attempts fit.
@pytest.mark.parametrize("texts", [NO_CHANGES[:4], NO_CHANGES[4:8], NO_CHANGES[8:]])
def test_output_that_is_not_a_change_is_neither_evaluated_nor_shown(texts: Sequence[str], expiring: Start) -> None:
    """The hook takes other output, such as that of another version of the program, for a failure."""
    shell = expiring(400)
    before = shell.window.run("env | grep -v ^_= | sort | cksum")
    assert 0 == shell.calls

    for number, text in enumerate(texts):
        shell.behave(f"printf '{text}'")
        left = 290 - 61 * number
        assert shell.at(NOW + 400 - left).startswith(f"[power-user {left // 60}m] 0:"), text
        assert number + 1 == shell.calls

    assert before == shell.window.run("env | grep -v ^_= | sort | cksum")
    assert not (shell.home / "spilt").exists()
    for word in (b"garbage", b"Usage", b"title", b"byte", b"a\0b"):
        assert word not in shell.window.transcript


def test_a_variable_that_cannot_be_changed_is_not_reported(expiring: Start, shell: Spelling) -> None:
    """If a variable cannot be changed, the hook changes and prints nothing; `awsenv ROLE` prints the reason."""
    at = expiring(100, before=[shell.lock])

    assert at.window.line.startswith("[power-user 2m] 0:") or at.window.line.startswith("[power-user 1m] 0:")
    assert "canary/secret+old" == at.window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert 1 == at.calls
    assert b"nothing was changed" not in at.window.transcript
    assert b"read-only" not in at.window.transcript


@pytest.mark.parametrize("name", ["missing", "", "/", "broken"])
def test_a_program_that_cannot_start_is_not_reported(name: str, expiring: Start, shell: Spelling, home: Path) -> None:
    """The hook prints nothing if the program, or its Python, has been removed."""
    at = expiring(400)
    (home / "broken").write_text("#!/no/such/python\n")
    (home / "broken").chmod(0o755)
    path = str(home / name) if name not in {"", "/"} else f"'{name}'"
    at.window.run(shell.assign.format("_AWSENV_BIN", path))
    at.window.clear()

    assert at.at(NOW + 200).startswith("[power-user 3m] 0:")

    assert 3 >= len(at.window.text.splitlines()), at.window.text


@pytest.mark.parametrize("signal", ["TERM", "KILL", "SEGV", "INT"])
def test_a_program_that_is_killed_is_not_reported(signal: str, expiring: Start) -> None:
    """The hook prints nothing if a signal ends the program."""
    shell = expiring(400, f"ulimit -c 0; kill -{signal} $$; sleep 5")
    shell.window.clear()

    # bash takes every SIGINT for a Ctrl-C of the user, which also ends the prompt.
    status = shell.at(NOW + 200).removeprefix("[power-user 3m] ").partition(":")[0]
    assert status in ({"0", "130"} if signal == "INT" else {"0"})

    assert 1 == shell.calls
    assert 3 >= len(shell.window.text.splitlines()), shell.window.text


def test_jobs_are_not_disturbed(expiring: Start) -> None:
    """An attempt leaves the jobs of the shell alone, and the shell does not report the attempt as a job."""
    at = expiring(400)
    # The job is not killed at the end: zsh could report that between two prompts.
    at.window.run("sleep 60 &")

    assert "" == at.window.run(f"clock {NOW + 200}")

    assert at.window.line.startswith("[power-user 56m] 0:")
    assert 1 == at.window.run("jobs").count("sleep 60")
    assert "1" == at.window.run("jobs | grep -c -i run")


TRACED = [
    (spelling.name, line)
    for spelling in SPELLINGS.values()
    for line in ("; ".join([spelling.trace.on, *spelling.trace.traps[:1]]), *spelling.trace.traps)
]
"""Each shell, and a line that shows its commands: in every way, or by each spelling of its trap alone."""


@pytest.mark.parametrize(("shell", "on"), TRACED, indirect=["shell"])
def test_a_trace_shows_no_secret(on: str, *, shell: Spelling, expiring: Start, home: Path) -> None:
    """`set -x`, `set -v`, functrace, a DEBUG trap and fish_trace show no secret key, and stay as they were."""
    look = shell.trace.look
    at = expiring(400)

    due = f"clock {NOW + 200}{'' if shell.trace.sees_prompts else f'; {shell.refresh}'}"
    for line in (on, f"{look} >before", due, f"{look} >after", "true vis''ible"):
        at.window.run(line)

    assert 1 == at.calls
    seen = at.window.transcript + at.window.trapped(home)
    assert "at: " not in on or b"at: true vis" in at.window.trapped(home)
    assert shell.trace.on not in on or b"true visible" in seen
    assert SECRET.encode() not in seen
    assert (home / "before").read_text() == (home / "after").read_text() != "\n"
    at.window.run("env >all")
    assert f"AWS_SECRET_ACCESS_KEY={SECRET}" in (home / "all").read_text().splitlines()


def test_ctrl_c_ends_the_attempt(expiring: Start, shell: Spelling) -> None:
    """Ctrl-C ends the attempt and keeps the options of the shell, and the hook does not try again at once."""
    # A builtin creates the mark, and `exec` replaces the script: dash loses a Ctrl-C that arrives while a command runs
    # which then succeeds, such as touch.
    at = expiring(400, ': >"$HOME/started"; exec sleep 600')
    if shell.name == "bash":
        at.window.run("set -T")

    at.window.child.send(f"clock {NOW + 200}\r")
    at.window.until((at.home / "started").exists, "attempt")
    at.window.child.sendintr()
    at.window.wait()

    assert "[power-user 3m] " in at.window.line
    assert "alive" == at.window.run("echo alive")
    assert at.window.line.startswith("[power-user 3m] 0:")
    assert at.window.run("jobs") in {"", "jobs: There are no jobs"}
    assert 1 == at.calls
    if shell.name == "bash":
        assert "T" in at.window.run("echo $-")
    at.behave(RENEWED)
    assert at.at(NOW + 300).startswith("[power-user 54m] ")


@pytest.mark.parametrize("line", [f"clock {NOW + 200}", "awsenv power-user"])
def test_ctrl_z_does_not_stop_the_program(line: str, expiring: Start) -> None:
    """Ctrl-Z does not stop the program that the shell waits for, and the prompt follows."""
    # Below another shell: the system stops no job that a parent shell could not continue.
    below = ("bash", "--norc", "-m", "-c", '"$@"; true', "bash")
    at = expiring(
        400, below=below, behaviour=f': >"$HOME/started"; while ! test -e "$HOME/go"; do sleep 0.1; done; {RENEWED}'
    )

    at.window.child.send(f"{line}\r")
    at.window.until((at.home / "started").exists, "attempt")
    at.window.child.send("\x1a")
    (at.home / "go").touch()
    at.window.wait()

    assert at.window.line.partition("[")[2].startswith(("power-user 56m] 0:", "power-user 59m] 0:"))
    assert at.window.run("jobs") in {"", "jobs: There are no jobs"}


@pytest.mark.parametrize("behaviour", [RENEWED, FAILED, "echo garbage", "exit 1"])
def test_strict_options_do_no_harm(behaviour: str, expiring: Start, shell: Spelling) -> None:
    """An attempt does not end a shell that ends at the first error, or at a variable that is not set."""
    at = expiring(400, behaviour)
    at.window.run(shell.strict_at_terminal)

    for now in (NOW + 101, NOW + 170, NOW + 500):
        at.at(now)

    assert "alive" == at.window.run("echo alive")
    assert (1 if behaviour == RENEWED else 3) == at.calls
    assert at.window.line.startswith("[power-user 51m] 0:" if behaviour == RENEWED else "[power-user expired] 0:")


@pytest.mark.parametrize(("left", "starts"), [(300, 0), (3600, 0), (299, 1), (-5, 1)])
def test_only_an_attempt_starts_a_process(
    left: int,
    starts: int,
    *,
    shell: Spelling,
    require: Any,
    clean_environ: dict[str, str],
    hooks: Path,
    tmp_path: Path,
) -> None:
    """Five prompts start one program in the last five minutes of a role, and no process before that."""
    script = f"{shell.load(hooks)}; {shell.stopped}; {shell.five_prompts}"
    trace = tmp_path / "trace"
    failing = require("false")
    role = {"AWSENV_LABEL": "x", "AWSENV_RENEW": "y", "AWSENV_EXPIRES_EPOCH": str(NOW + left)}

    subprocess.run(
        [
            *(require("strace"), "-f", "-o", trace, "-e", "trace=clone,clone3,fork,vfork,execve"),
            *shell.command(script, *shell.strict, *shell.at_prompts),
        ],
        env=clean_environ | role | {"_AWSENV_BIN": failing},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )

    calls = [line for line in trace.read_text().splitlines() if "(" in line and "CLONE_THREAD" not in line]
    begun = [line for line in calls if "execve(" not in line and "resumed>" not in line]
    assert starts * shell.forks == len(begun), calls
    assert starts == len([line for line in calls if f'execve("{failing}"' in line]), calls
