"""The subshell of `awsenv exec ROLE`: the user's own shell, with the role in its prompt."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., Any]


@pytest.fixture
def enter(program: str, clean_environ: dict[str, str], open_terminal: Start) -> Start:
    """Return what opens the subshell of a role at a terminal."""

    def start(shell: str, **environ: str) -> Any:
        path = shutil.which(shell) or shell
        return open_terminal([program, "exec", "power-user"], clean_environ | {"SHELL": path} | environ)

    return start


def test_the_role_is_in_the_prompt_where_no_hook_is(shell: Any, enter: Start, write_rc: Start) -> None:
    """Read the user's rc file, and show the role though it says nothing of awsenv."""
    write_rc(shell, "function mine; echo mine; end" if shell.name == "fish" else "mine() { echo mine; }")

    window = enter(shell.name)

    assert window.line.startswith("[power-user] 0:")
    assert "mine" == window.run("mine")
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


def test_the_role_is_there_once_where_the_hook_is(shell: Any, enter: Start, write_rc: Start) -> None:
    """Add nothing to a shell that loads the hook itself."""
    write_rc(shell, shell.hook)

    window = enter(shell.name)

    assert window.line.startswith("[power-user] 0:")
    window.run("true")
    assert 1 == window.line.count("[power-user]")


def test_the_function_works_in_it(shell: Any, enter: Start, write_rc: Start) -> None:
    """Take the role off, or put another on, inside; and hand the path of the program to nobody else."""
    write_rc(shell)
    window = enter(shell.name)

    window.run("awsenv temporary")
    assert window.line.startswith("[temporary ")
    window.run("awsenv off")
    assert window.line.startswith("0:")
    assert "0" == window.run("env | grep -c '^_AWSENV'")


@pytest.mark.parametrize("hooked", [True, False])
def test_the_role_outlives_the_rc_files(*, hooked: bool, shell: Any, enter: Start, write_rc: Start, home: Path) -> None:
    """Have the keys of the role that the prompt shows, though an rc file exports a profile and keys of its own."""
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
    shell: Any, enter: Start, write_rc: Start, home: Path
) -> None:
    """Keep the keys out of it, and leave it on."""
    on = {
        "bash": "set -xvT; trap 'echo \"at: $BASH_COMMAND\"' DEBUG",
        "zsh": "trap 'print -r \"at: $ZSH_DEBUG_CMD\" >>trapped' DEBUG; setopt xtrace verbose",
        "fish": "set -g fish_trace 1",
    }[shell.name]
    off = {
        "bash": "trap - DEBUG; set +xvT",
        "zsh": "trap - DEBUG; unsetopt xtrace verbose",
        "fish": "set -g fish_trace",
    }
    write_rc(shell, on)

    window = enter(shell.name)
    window.run("true vis''ible")
    window.run(off[shell.name])

    assert b"true visible" in window.transcript
    trapped = (home / "trapped").read_bytes() if shell.name == "zsh" else window.transcript
    assert shell.name == "fish" or b"at: true vis" in trapped
    assert b"canary/secret+one" not in window.transcript + trapped
    window.clear()
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")


def test_the_status_of_the_subshell_is_its_own(shell: Any, enter: Start, write_rc: Start) -> None:
    """End as the shell ends."""
    write_rc(shell)
    window = enter(shell.name)

    window.child.send("exit 9\r")
    window.child.expect_exact(pexpect.EOF)
    window.child.close()

    assert 9 == window.child.exitstatus


@pytest.mark.parametrize("where", ["unset", "variable", "zshenv", "home"])
def test_zdotdir_is_as_it_was(where: str, shells: Any, require: Start, home: Path, enter: Start) -> None:
    """Read zsh's own files where they are, and leave ZDOTDIR, the history and the environment as without awsenv."""
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


def test_zsh_with_odd_options(shells: Any, require: Start, write_rc: Start, enter: Start) -> None:
    """Load the hook late in a zsh that counts arrays from zero."""
    require("zsh")
    write_rc(shells["zsh"], "setopt ksh_arrays warn_create_global; other() { :; }; precmd_functions+=(other)")

    window = enter("zsh")

    assert window.line.startswith("[power-user] 0:")
    assert "other _awsenv_prompt" == window.run('echo "${precmd_functions[@]}"')


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_an_empty_home(
    name: str, *, require: Start, program: str, clean_environ: dict[str, str], home: Path, run_until: Start
) -> None:
    """Show the role in a home without any rc file, before the shell's own prompt."""
    require(name)
    # Else zsh would ask a new user about the rc files.
    (home / ".zshenv").touch()

    text = run_until([program, "exec", "power-user"], clean_environ | {"SHELL": shutil.which(name) or name})

    assert "[power-user] " in text


@pytest.fixture
def run_until(home: Path) -> Start:
    """Return what runs a program at a terminal until a role is in a prompt, and returns what it shows."""

    def run(argv: list[str], environ: dict[str, str], prompt: str = "[power-user] ") -> str:
        child = pexpect.spawn(argv[0], argv[1:], env=environ, cwd=str(home), timeout=60, dimensions=(50, 80))
        try:
            child.expect_exact(prompt)
            return str(child.match.decode())
        finally:
            child.close(force=True)

    return run


@pytest.mark.parametrize("name", ["dash", "mksh", "sh"])
def test_the_prompt_of_other_shells(
    name: str, require: Start, program: str, clean_environ: dict[str, str], run_until: Start
) -> None:
    """Refer to the label in PS1, which any shell of the family expands."""
    path = require(name)

    assert "[power-user] " == run_until([program, "exec", "power-user"], clean_environ | {"SHELL": path})
