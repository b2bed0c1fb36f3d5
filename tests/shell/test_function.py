"""The function `awsenv`: what it evaluates, what it lets through, and what it never shows."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from awsenv.agent import runtime_directory
from awsenv.variables import MISLEADING
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spelling import Spelling

    Start = Callable[..., Any]

SECRETS = ("canary/secret+one", "canary/secret+two", "canary/token+two")
TRACED = [
    (spelling.name, "; ".join([spelling.trace.on, *trap]))
    for spelling in SPELLINGS.values()
    for trap in ([[trap] for trap in spelling.trace.traps] or [[]])
]
"""Each shell, and a line that shows its commands in every way, with each spelling of its trap."""


@pytest.mark.parametrize("runtime", [{}, {runtime_directory.VARIABLE: f"{os.devnull}/none"}], ids=["agent", "alone"])
def test_a_role_is_assumed_and_left(shell: Spelling, runtime: dict[str, str], terminal: Start) -> None:
    """The function changes the shell itself, and the prompt shows the role until `awsenv off`."""
    window = terminal(shell, **runtime)

    assert "" == window.run("awsenv power-user")
    assert window.line.startswith("[power-user] 0:")
    assert "AKIAIOSFODNN7EXAMPLE canary/secret+one" == window.run("echo $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY")
    assert "" == window.run("awsenv off")
    assert window.line.startswith("0:")
    assert "none" == window.run("env | grep -c '^AWS_ACCESS' | sed s/0/none/")


def test_a_second_role_replaces_the_first(shell: Spelling, terminal: Start) -> None:
    """`awsenv use` replaces the active role, and the prompt shows the time left if the keys expire."""
    window = terminal(shell)
    window.run("awsenv power-user")

    window.run("awsenv use temporary")

    assert window.line.startswith("[temporary ")
    assert "h" in window.line.partition("]")[0]
    assert "canary/token+two" == window.run("echo $AWS_SESSION_TOKEN")


def test_a_dash_returns_to_the_role_before(shell: Spelling, terminal: Start) -> None:
    """`awsenv -` returns to the role before, and once more to the one after it, as `cd -` does; `off` ends that."""
    window = terminal(shell)
    window.run("awsenv power-user")
    window.run("awsenv temporary")

    for role in ("power-user", "temporary"):
        window.run("awsenv -")
        assert role == window.run("echo $AWSENV_ROLE")
    window.run("awsenv off")

    expected = ["awsenv: there is no role to return to"]
    expected.append("  because  no role is active in this shell, and awsenv off forgets earlier ones")
    assert expected == window.run("awsenv -").splitlines()[:2]
    assert window.line.startswith("2:")


def test_the_doctor_knows_that_the_hook_is_loaded(shell: Spelling, terminal: Start) -> None:
    """The hook names itself to the doctor, whichever file loads it, and to no other command."""
    window = terminal(shell)
    window.run(f"echo >~/{shell.rc}")

    assert "it is loaded" in window.run("awsenv doctor | grep hook")
    assert "none" == window.run("awsenv exec power-user -- env | grep -c AWSENV_SHELL | sed s/0/none/")


def test_init_knows_that_the_hook_is_loaded(shell: Spelling, terminal: Start) -> None:
    """On a terminal, `init` does not have the user add what the shell has already."""
    window = terminal(shell)

    assert f"The hook is loaded in this {shell.name}." in window.run("awsenv init")


def test_an_option_may_come_first(shell: Spelling, terminal: Start) -> None:
    """The function also evaluates the output of `awsenv --region REGION ROLE`."""
    window = terminal(shell)

    assert "" == window.run("awsenv --region eu-west-1 power-user")
    assert "eu-west-1" == window.run("echo $AWS_REGION")


def test_eval_works_with_the_hook_loaded(shell: Spelling, terminal: Start) -> None:
    """With the hook loaded, the function still prints the change to an eval that the user types."""
    window = terminal(shell)

    assert "" == window.run(shell.evaluate.format("awsenv power-user"))
    assert window.line.startswith("[power-user] 0:")
    window.run(shell.evaluate.format("awsenv off"))
    assert window.line.startswith("0:")


def test_success_is_shown_where_the_prompt_shows_nothing(shell: Spelling, terminal: Start) -> None:
    """The function says which role the shell has if the hook leaves the prompt alone, and only then."""
    window = terminal(shell)
    assert "" == window.run("awsenv power-user")
    window.run(shell.export.format("AWSENV_DISABLE_PROMPT", "1"))

    success = "power-user, whose keys never expire"
    assert success == window.run("awsenv power-user")
    assert success == window.run(shell.evaluate.format("awsenv power-user"))
    assert "" == window.run("awsenv --quiet power-user")


def test_a_command_substitution_captures_the_change(shell: Spelling, terminal: Start) -> None:
    """In a command substitution the function prints the change, and leaves the shell unchanged."""
    window = terminal(shell)

    assert int(window.run(shell.count_lines.format("awsenv power-user"))) >= 4
    assert window.line.startswith("0:")


def test_eval_works_without_the_hook(
    shell: Spelling, write_rc: Start, open_terminal: Start, clean_environ: dict[str, str]
) -> None:
    """`awsenv ROLE` by eval needs no hook."""
    write_rc(shell)
    window = open_terminal([shell.name], clean_environ)

    window.run(shell.evaluate.format("awsenv power-user"))

    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("command", ["awsenv 12345", "awsenv power-user --duration never", "awsenv off --nonsense"])
def test_a_failure_changes_nothing_and_stops_the_line(shell: Spelling, command: str, terminal: Start) -> None:
    """A failure returns the program's status, changes nothing, and stops `&&`, through the hook and through eval."""
    window = terminal(shell)
    window.run("awsenv power-user")

    shown = window.run(f"{command} && echo rea''ched")
    assert "awsenv:" in shown
    assert "reached" not in shown
    assert window.line.startswith("[power-user] 2:")
    assert "reached" not in window.run(f"{shell.evaluate.format(command)} && echo rea''ched")
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


def test_a_failure_ends_a_strict_script(shell: Spelling, run: Start) -> None:
    """A failure ends a script under `set -e`; in a shell without such an option, the script gets the status."""
    lines = f"{shell.hook}\n{shell.in_script.format('awsenv use')}\necho {shell.in_script_status}\n"

    answer = run(shell, lines)

    assert ("" if shell.strict else "2\n") == answer.stdout
    assert "awsenv: " in answer.stderr


def test_a_script_with_the_hook_changes_its_own_environment(shell: Spelling, run: Start) -> None:
    """The hook works in a script that is not interactive, with every strict option."""
    answer = run(shell, f"{shell.hook}\n{shell.in_script.format('awsenv power-user')}\necho $AWS_SECRET_ACCESS_KEY\n")

    assert ("canary/secret+one\n", "", 0) == (answer.stdout, answer.stderr, answer.returncode)


@pytest.mark.parametrize(
    "shell", [spelling.name for spelling in SPELLINGS.values() if spelling.parenthesized], indirect=True
)
def test_a_role_in_parentheses_is_for_that_subshell(shell: Spelling, terminal: Start) -> None:
    """`(awsenv ROLE; command)` at a terminal assumes the role for that command, and not for the shell."""
    line = shell.parenthesized.format("awsenv power-user && echo $AWS_SECRET_ACCESS_KEY")
    window = terminal(shell)

    assert "canary/secret+one" == window.run(line)
    assert window.line.startswith("0:")


@pytest.mark.parametrize("form", ["parentheses", "group", "command"])
def test_a_file_gets_no_keys(form: str, shell: Spelling, terminal: Start, home: Path) -> None:
    """If the output goes to a file, the function changes the environment, and the file gets no key."""
    check = 'test "$AWS_SECRET_ACCESS_KEY" = canary/secret+one && echo right >state'
    group = shell.parenthesized if form == "parentheses" and shell.parenthesized else shell.group
    window = terminal(shell)

    if form == "command":
        window.run(f"awsenv power-user >log && {check}")
    else:
        window.run(f"{group.format(f'awsenv power-user && {check}')} >log")

    assert "right\n" == (home / "state").read_text()
    assert "" == (home / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the reader of a pipe cannot be found")
def test_a_pipe_to_another_program_gets_no_keys(shell: Spelling, terminal: Start) -> None:
    """The function fails if its output would go through a pipe to a program that is not a shell."""
    group = shell.group.format("awsenv power-user && echo rea''ched")
    window = terminal(shell)

    for line in (f"{group} | cat", "awsenv power-user | cat"):
        shown = window.run(line)

        assert "awsenv:" in shown
        assert "reached" not in shown
    assert not [secret for secret in SECRETS if secret.encode() in window.transcript]
    assert window.line.startswith("0:")


def test_output_to_dev_null_changes_the_shell(shell: Spelling, terminal: Start) -> None:
    """`awsenv ROLE >/dev/null` changes the shell."""
    window = terminal(shell)

    window.run("awsenv power-user >/dev/null")

    assert window.line.startswith("[power-user] 0:")


@pytest.mark.parametrize("command", ["awsenv --help", "awsenv use --help", "awsenv list", "awsenv status"])
def test_text_for_the_user_is_shown(shell: Spelling, command: str, terminal: Start) -> None:
    """Output that is not a change goes to the terminal, and is not evaluated."""
    window = terminal(shell)

    shown = window.run(command)

    assert len(shown) > 10
    assert "not found" not in shown
    assert "nknown command" not in shown


def test_a_command_keeps_its_terminal(shell: Spelling, terminal: Start) -> None:
    """The command of `exec` has the terminal itself: it may read input, and Ctrl-Z and `fg` work."""
    window = terminal(shell)

    assert "a terminal" == window.run("awsenv exec power-user -- sh -c 'test -t 0 && test -t 1 && echo a terminal'")
    assert "canary/secret+one" == window.run("awsenv exec power-user -- sh -c 'echo $AWS_SECRET_ACCESS_KEY'")
    assert window.line.startswith("0:")
    window.child.send("awsenv exec power-user -- sh -c 'echo ready; read word; echo got $word'\r")
    window.until(lambda: "\nready" in window.text, "ready")
    window.child.send("\x1a")
    window.wait()
    window.child.send("fg\r")
    window.until(window.command_reads, "command that reads")
    window.child.send("it\n")
    window.wait()
    assert "\ngot it" in window.text


def test_the_name_of_the_shell_is_not_exported(shell: Spelling, terminal: Start) -> None:
    """The function sets AWSENV_SHELL only for its call of the program."""
    window = terminal(shell)
    window.run("awsenv power-user")

    assert "0" == window.run("env | grep -c '^AWSENV_SHELL='")


@pytest.mark.parametrize("role", ["power-user", "temporary"])
@pytest.mark.parametrize(("shell", "on"), TRACED, indirect=["shell"])
def test_a_trace_shows_no_secret(shell: Spelling, on: str, role: str, *, terminal: Start, home: Path) -> None:
    """`set -x`, `set -v`, fish_trace and a DEBUG trap show no secret key, and stay as they were."""
    trace = shell.trace
    window = terminal(shell)

    for line in (on, "true vis''ible", f"awsenv {role}", f"{trace.look} >state", trace.off):
        window.run(line)

    assert b"true visible" in window.transcript
    trapped = window.trapped(home)
    assert not trace.traps or b"at: awsenv " in trapped
    assert not trace.traps or f"at: {trace.look} >state".encode() in trapped.replace(b"> state", b">state")
    assert not [secret for secret in SECRETS if secret.encode() in window.transcript + trapped]
    assert trace.is_on((home / "state").read_text())
    window.clear()
    assert window.run("echo $AWS_SECRET_ACCESS_KEY") in SECRETS


def test_a_trace_is_still_on_after_ctrl_c(shell: Spelling, terminal: Start, home: Path) -> None:
    """The trace options stay on if the user presses Ctrl-C at the code prompt."""
    (home / ".aws/config").write_text(
        "[profile guarded]\nrole_arn = arn:aws:iam::123456789012:role/guarded\nsource_profile = power-user\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/device\n"
    )
    window = terminal(shell)
    window.run(shell.trace.on)

    window.child.send("awsenv guarded\r")
    window.until(lambda: "code" in window.line.lower(), "question for a code")
    window.child.sendintr()
    window.wait()
    window.run(f"{shell.trace.look} >state")

    assert shell.trace.is_on((home / "state").read_text())


def test_only_the_environment_contains_the_secret(shell: Spelling, terminal: Start, home: Path) -> None:
    """After `awsenv ROLE` no other variable of the shell, and no file of its history, contains the secret key."""
    window = terminal(shell)
    window.run("awsenv power-user")
    window.run("set >all")
    window.child.send("exit\r")
    window.child.expect(pexpect.EOF)

    holders = [line.partition("canary/secret+one")[0] for line in (home / "all").read_text().splitlines()]
    lines = [line for line in (home / "all").read_text().splitlines() if "canary/secret+one" in line]
    assert len(holders) > 10
    assert [line.split("=")[0].split()[0] for line in lines] == ["AWS_SECRET_ACCESS_KEY"]
    kept = [path for path in home.rglob("*") if path.is_file() and b"canary/secret+one" in path.read_bytes()]
    assert sorted(path.name for path in kept) == ["all", "credentials"]


def test_output_that_is_not_a_change_is_shown_and_not_evaluated(
    shell: Spelling, run: Start, home: Path, hooks: Path
) -> None:
    """A hook shows the output of an unknown command of a newer program, and does not evaluate it."""
    program = home / "printer"
    program.write_text("#!/bin/sh\necho 'touch spilt; a table'\n")
    program.chmod(0o755)

    answer = run(shell, f"{shell.load(hooks)}; awsenv later", _AWSENV_BIN=str(program))

    assert "touch spilt; a table\n" == answer.stdout
    assert not (home / "spilt").exists()


def test_a_change_may_begin_with_if(shell: Spelling, run: Start, home: Path, hooks: Path) -> None:
    """The function also evaluates a change that begins with `if`, as for a variable that may be read-only."""
    program = home / "printer"
    program.write_text(f"#!/bin/sh\necho '{shell.empty_if}; echo evaluated'\n")
    program.chmod(0o755)

    answer = run(shell, f"{shell.load(hooks)}; awsenv later >file; cat file", _AWSENV_BIN=str(program))

    assert ("evaluated\n", "") == (answer.stdout, answer.stderr)


def test_path_does_not_choose_the_program(shell: Spelling, terminal: Start) -> None:
    """The function calls the program by the path that `init` recorded, whatever PATH says later."""
    window = terminal(shell)

    window.run(shell.export.format("PATH", "/nowhere"))
    window.run("awsenv power-user")

    assert window.line.startswith("[power-user] ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONPATH", None),
        ("PYTHONPATH", ""),
        ("PYTHONPATH", ":"),
        ("PYTHONPATH", "/opt/a b:'c'"),
        ("PYTHONHOME", "here"),
        ("PYTHONUSERBASE", "here"),
        ("PYTHONUSERBASE", "/opt"),
    ],
)
def test_a_command_gets_the_python_variables_of_its_caller(
    name: str, value: str | None, *, shell: Spelling, terminal: Start, home: Path
) -> None:
    """The command of `exec` gets the Python variables as the caller has set them."""
    window = terminal(shell, after=[] if value is None else [shell.export.format(name, f'"{value}"')])

    window.run("awsenv exec power-user -- env -0 >shown")

    shown = dict(entry.split("=", 1) for entry in (home / "shown").read_text().split("\0") if entry)
    assert value == shown.get(name)
    assert not [name for name in shown if name.startswith("_AWSENV")]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        *((value, "") for value in (":", "here", ".", "/opt:here", ":/opt", "/opt:")),
        *((value, value) for value in ("/opt", "/opt:/srv")),
    ],
)
@pytest.mark.parametrize("name", MISLEADING)
def test_the_program_gets_no_misleading_python_variable(
    name: str, value: str, seen: str, *, shell: Spelling, run: Callable[..., Any], home: Path, hooks: Path
) -> None:
    """The function empties PYTHONPATH, and a variable with the current folder in it; the program can restore both."""
    program = home / "program"
    program.write_text("#!/bin/sh\nenv | grep -e ^PYTHON[A-Z]*= -e ^_AWSENV_PYTHON\n")
    program.chmod(0o755)

    answer = run(shell, f"{shell.load(hooks)}\nawsenv list", _AWSENV_BIN=str(program), **{name: value})

    given = dict(line.split("=", 1) for line in answer.stdout.splitlines())
    seen = "" if name == "PYTHONPATH" else seen
    assert (seen, None if seen else value) == (given.get(name), given.get(f"_AWSENV_{name}"))


def test_the_function_works_with_a_read_only_python_path(shell: Spelling, terminal: Start, home: Path) -> None:
    """The function works if PYTHONPATH is read-only, and does not export one that is local to the shell."""
    window = terminal(shell, shell.local.format("PYTHONPATH", "mine"))

    assert "" == window.run("awsenv power-user")
    assert window.line.startswith("[power-user] 0:")
    window.run("awsenv exec power-user -- env >shown")
    assert "PYTHONPATH" not in (home / "shown").read_text()


@pytest.mark.parametrize("with_agent", [False, True])
@pytest.mark.parametrize("encoding", ["UTF-8", "SHIFT_JIS", "BIG5"])
def test_a_value_that_hides_a_quote_in_the_encoding_is_restored(
    encoding: str, *, with_agent: bool, shell: Spelling, world: Any, hooks: Path, locale_of: Start, agent_in: Start
) -> None:
    """`off` restores such a value byte for byte and runs no part of it, in any encoding, with and without an agent."""
    hostile = b"\x81\\';touch sprung;#\x81\"$(touch sprung)\xe9"
    home = world.environ["HOME"]
    script = "\n".join(
        (
            shell.load(hooks),
            "awsenv read-only; env -0 >role",
            "awsenv off; env -0 >restored",
        )
    )

    with agent_in(world.environ) if with_agent else nullcontext():
        done = subprocess.run(
            shell.command(script, *shell.strict),
            env={**world.environ, **locale_of(encoding), "PATH": f"{Path(world.program).parent}:{os.environ['PATH']}"}
            | {"AWS_VAULT": os.fsdecode(hostile)},
            cwd=home,
            stdin=subprocess.DEVNULL,
            # With a pipe, the hook of fish would assume that another program evaluates its output.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert (0, b"") == (done.returncode, done.stderr)
    role, restored = (
        dict(entry.split(b"=", 1) for entry in (Path(home) / name).read_bytes().split(b"\0") if entry)
        for name in ("role", "restored")
    )
    assert b"read-only" == role[b"AWSENV_ROLE"]
    assert hostile == restored[b"AWS_VAULT"]
    assert b"AWSENV_ROLE" not in restored
    assert not (Path(home) / "sprung").exists()
