"""`awsenv init`: the hook for what evaluates it, and for the user the line that loads it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv import shells
from awsenv.cli.arguments import InitArguments
from awsenv.cli.init import run
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Prompts
from awsenv.errors import UsageError
from awsenv.provider import Provider
from awsenv.shells.base import SHARED, folder
from spelling import ROWS, SPELLINGS
from terminal import shown_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World
    from spelling import Row


@pytest.fixture
def prefix(world: World, tmp_path: Path) -> Path:
    """Return a prefix in which the program and the hooks are installed."""
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/awsenv").symlink_to(world.program)
    shutil.copytree(folder(), prefix / SHARED)
    return prefix


@pytest.mark.parametrize("row", ROWS.values(), ids=str)
def test_init_finds_the_calling_shell(row: Row, world: World, require: Callable[[str], str], tmp_path: Path) -> None:
    """Without a name, `init` prints the hook of the shell that calls it, whatever the login shell is."""
    program = tmp_path / row.name
    program.symlink_to(require(row.program or row.name))

    answer = world.command([str(program), *row.bare, "-c", f"{world.program} init; echo end"], SHELL="/bin/other")

    assert (f"{shells.find(row.name).hook(world.program)}end\n", "") == (answer.stdout, answer.stderr)


@pytest.mark.parametrize("shell", SPELLINGS)
def test_init_without_a_calling_shell_is_for_the_login_shell(shell: str) -> None:
    """Where no shell calls, as in an editor, the hook is that of $SHELL."""
    action = run(_caller(SHELL=f"/usr/bin/{shell}"), InitArguments())

    assert shells.find(shell).hook("/bin/awsenv") == action.text


def test_init_without_any_shell_asks_for_its_name() -> None:
    """Neither a calling shell nor $SHELL: the error says what to add."""
    with pytest.raises(UsageError, match="which shell") as caught:
        run(_caller(), InitArguments())

    assert ("awsenv init SHELL",) == caught.value.hints


def _caller(**environ: str) -> Caller:
    """Return a process that no shell has called: the first of the system."""
    prompts = Prompts(environ)
    return Caller(environ, "/bin/awsenv", Provider(None, prompts, lambda _: None), prompts.secret, pid=1)


@pytest.mark.parametrize("shell", SPELLINGS)
def test_on_a_terminal_init_shows_the_line_and_its_file(
    shell: str, world: World, prefix: Path, require: Callable[[str], str]
) -> None:
    """A user who types it gets the line that starts no process, whole, and no code."""
    spelling = SPELLINGS[shell]
    environ = world.environ | {"TERM": "dumb"}

    child = pexpect.spawn(
        require(shell),
        [*spelling.bare, "-c", f"{prefix}/bin/awsenv init; true"],
        env=environ,
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 80),
    )

    line = shells.find(shell).load_from(f"{prefix}/bin/awsenv", environ)
    assert f"{prefix}/{SHARED}/awsenv.{shell}" in line
    assert [f"Add this as the last line of ~/{spelling.rc}, and start a new shell:", "", line] == [
        text.rstrip("\r") for text in shown_by(child).rstrip().split("\n")
    ]


@pytest.mark.parametrize(
    ("shell", "environ", "is_needed"), [("dash", {}, True), ("dash", {"ENV": "~/.rc"}, False), ("mksh", {}, False)]
)
def test_a_shell_that_reads_no_file_by_itself_needs_a_variable(
    shell: str, environ: dict[str, str], *, is_needed: bool
) -> None:
    """Such a shell reads only what ENV names, so the user is shown the line of ~/.profile, too."""
    caller = replace(_caller(HOME="/home/alice", **environ), prints_to_terminal=True)

    assert is_needed == ("\n\nENV=$HOME/.shinit; export ENV\n\n" in run(caller, InitArguments(shell=shell)).text)


@pytest.mark.parametrize("shell", ["zsh"])
@pytest.mark.parametrize(("loaded", "is_shown"), [("zsh", True), ("-zsh", True), ("bash", False), ("", False)])
def test_a_hook_that_is_loaded_need_not_be_added(shell: str, loaded: str, *, is_shown: bool) -> None:
    """The hook names its shell; the line for the startup file of another shell is still to be added."""
    caller = replace(_caller(HOME="/home/alice", AWSENV_SHELL=loaded), prints_to_terminal=True)

    text = run(caller, InitArguments(shell=shell)).text

    assert (is_shown, not is_shown) == (f"The hook is loaded in this {shell}." in text, "Add this" in text)
    assert "the last line of ~/.zshrc" in text


@pytest.mark.parametrize("shell", SPELLINGS)
def test_the_line_of_a_startup_file_can_be_appended(shell: str, world: World, prefix: Path) -> None:
    """`--line` prints the line and nothing else, for a file or a script."""
    line = shells.find(shell).load_from(f"{prefix}/bin/awsenv", {})

    assert f"{line}\n" == world.command([f"{prefix}/bin/awsenv", "init", "--line", shell]).stdout


@pytest.mark.parametrize("home", ["", "/"])
def test_the_root_is_no_home(home: str, prefix: Path) -> None:
    """A daemon may have no home, or the root as its home: the path stays whole, for the shells of users."""
    assert f" {prefix}/{SHARED}/" in shells.find("bash").load_from(f"{prefix}/bin/awsenv", {"HOME": home})


@pytest.mark.parametrize("shell", SPELLINGS)
def test_a_line_without_a_file_needs_the_path_or_names_the_program(shell: str, tmp_path: Path) -> None:
    """Where no file of the hook is installed, the line calls awsenv, by its path if it is not on PATH."""
    program = tmp_path / "a b/awsenv"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    find = shells.find(shell)

    assert find.load == find.load_from(str(program), {"PATH": str(program.parent)})
    assert find.load.replace("awsenv", f"'{program}'", 1) == find.load_from(str(program), {"PATH": "/nowhere"})
