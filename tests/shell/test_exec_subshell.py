"""The subshell of `awsenv exec ROLE`: the user's own shell, with the role in its prompt."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spelling import Spelling

    Start = Callable[..., Any]


@pytest.fixture
def enter(program: str, clean_environ: dict[str, str], open_terminal: Start) -> Start:
    """Return a function that opens the subshell of a role at a terminal."""

    def start(shell: str, **environ: str) -> Any:
        path = shutil.which(shell) or shell
        return open_terminal([program, "exec", "power-user"], clean_environ | {"SHELL": path} | environ)

    return start


def test_the_prompt_shows_the_role_without_a_hook(shell: Spelling, enter: Start, write_rc: Start) -> None:
    """The subshell reads the user's rc file, and shows the role even if that file does not load the hook."""
    write_rc(shell, shell.define.format("mine", "echo mine"))

    window = enter(shell.name)

    assert window.line.startswith("[power-user] 0:")
    assert "mine" == window.run("mine")
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


def test_the_prompt_shows_the_role_once_with_the_hook(shell: Spelling, enter: Start, write_rc: Start) -> None:
    """If the rc file loads the hook itself, the prompt shows the role only once."""
    write_rc(shell, shell.hook)

    window = enter(shell.name)

    assert window.line.startswith("[power-user] 0:")
    window.run("true")
    assert 1 == window.line.count("[power-user]")


def test_the_function_works_in_the_subshell(shell: Spelling, enter: Start, write_rc: Start) -> None:
    """In the subshell the function assumes another role and leaves it, and exports no `_AWSENV` variable."""
    write_rc(shell)
    window = enter(shell.name)

    window.run("awsenv temporary")
    assert window.line.startswith("[temporary ")
    window.run("awsenv off")
    assert window.line.startswith("0:")
    assert "0" == window.run("env | grep -c '^_AWSENV'")


@pytest.mark.parametrize("hooked", [True, False])
def test_the_role_takes_precedence_over_the_rc_files(
    *, hooked: bool, shell: Spelling, enter: Start, write_rc: Start, home: Path
) -> None:
    """The subshell has the keys of its role, even if an rc file exports a profile and other keys."""
    others = {"AWS_PROFILE": "other", "AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SESSION_TOKEN": "from-rc"}
    exports = (shell.export.format(name, value) for name, value in others.items())
    write_rc(shell, *([shell.hook] if hooked else []), *exports)

    window = enter(shell.name)

    assert window.line.startswith("[power-user] 0:")
    window.run("env >all")
    variables = dict(line.partition("=")[::2] for line in (home / "all").read_text().splitlines())
    assert ("AKIAIOSFODNN7EXAMPLE", "canary/secret+one") == (
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
    )
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & {*variables}
    assert not [name for name in variables if name.startswith("_AWSENV")]
    window.run("set >all")
    assert "_AWSENV_CHANGE" not in (home / "all").read_text()


def test_a_trace_that_an_rc_file_turns_on_shows_no_secret(
    shell: Spelling, enter: Start, write_rc: Start, home: Path
) -> None:
    """A trace that an rc file turns on contains no secret key, and stays on."""
    trace = shell.trace
    write_rc(shell, trace.on, *trace.traps[:1])

    window = enter(shell.name)
    window.run("true vis''ible")
    window.run(trace.off)

    assert b"true visible" in window.transcript
    trapped = window.trapped(home)
    assert not trace.traps or b"at: true vis" in trapped
    assert b"canary/secret+one" not in window.transcript + trapped
    window.clear()
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


def test_exec_returns_the_status_of_the_subshell(shell: Spelling, enter: Start, write_rc: Start) -> None:
    """`exec` ends with the status of the subshell."""
    write_rc(shell)
    window = enter(shell.name)

    window.child.send("exit 9\r")
    window.child.expect_exact(pexpect.EOF)
    window.child.close()

    assert 9 == window.child.exitstatus


@pytest.mark.parametrize("where", ["unset", "variable", "zshenv", "home"])
def test_zdotdir_is_restored(
    where: str, shells: Mapping[str, Spelling], require: Start, home: Path, enter: Start
) -> None:
    """Zsh reads its usual files; ZDOTDIR, the history file and the environment are the same as without awsenv."""
    require("zsh")
    shell = shells["zsh"]
    folder = home / "dot" if where in {"variable", "zshenv"} else home
    folder.mkdir(exist_ok=True)
    environ = {"variable": {"ZDOTDIR": str(folder)}, "home": {"ZDOTDIR": str(home)}}.get(where, {})
    # As on macOS, where /etc/zshrc names the history file by ZDOTDIR.
    (folder / ".zshrc").write_text(f"{shell.prompt}\nhist=${{ZDOTDIR:-$HOME}}/.zsh_history\n")
    (folder / ".zshenv").write_text("order=(env)\n")
    (folder / ".zprofile").write_text("order+=(profile)\n")
    (folder / ".zlogin").write_text("order+=(login)\n")
    if where == "zshenv":
        (home / ".zshenv").write_text(f"export ZDOTDIR={folder}; order=(home env)\n")

    window = enter("zsh", **environ)

    assert window.line.startswith("[power-user] 0:")
    expected = {"unset": "unset", "variable": str(folder), "zshenv": str(folder), "home": str(home)}[where]
    assert expected == window.run("echo ${ZDOTDIR-unset}").replace("\n", "")  # it may be wider than the screen
    assert f"{folder}/.zsh_history" == window.run("echo $hist").replace("\n", "")
    assert ("home env" if where == "zshenv" else "env") == window.run("echo $order")
    assert "precmd: _awsenv_prompt" == window.run("echo precmd: $precmd_functions")
    assert "" == window.run("typeset -m '_awsenv_hook*' '_AWSENV_Z*'")
    assert "" == window.run("functions -m '_awsenv_arr*'")


def test_the_subshell_works_with_odd_zsh_options(
    shells: Mapping[str, Spelling], require: Start, write_rc: Start, enter: Start
) -> None:
    """The hook loads in a zsh that counts arrays from zero, and keeps the other precmd functions."""
    require("zsh")
    write_rc(shells["zsh"], "setopt ksh_arrays warn_create_global; other() { :; }; precmd_functions+=(other)")

    window = enter("zsh")

    assert window.line.startswith("[power-user] 0:")
    assert "other _awsenv_prompt" == window.run('echo "${precmd_functions[@]}"')


def test_the_prompt_shows_the_role_in_an_empty_home(
    shell: Spelling, *, require: Start, program: str, clean_environ: dict[str, str], home: Path, run_until: Start
) -> None:
    """Without an rc file, the subshell shows the role before the shell's default prompt."""
    # Otherwise zsh asks a new user about rc files.
    (home / ".zshenv").touch()

    text = run_until([program, "exec", "power-user"], clean_environ | {"SHELL": require(shell.name)})

    assert "[power-user] " in text


@pytest.fixture
def run_until(home: Path) -> Start:
    """Return a function that runs a program at a terminal until it shows a role, and returns that text."""

    def run(argv: list[str], environ: dict[str, str], prompt: str = "[power-user] ") -> str:
        child = pexpect.spawn(argv[0], argv[1:], env=environ, cwd=str(home), timeout=60, dimensions=(50, 80))
        try:
            child.expect_exact(prompt)
            return str(child.match.decode())
        finally:
            child.close(force=True)

    return run
