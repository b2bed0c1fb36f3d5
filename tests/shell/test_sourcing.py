"""A shell loads its hook without visible effects, however often and under whatever options."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells as registry
from awsenv.shells.base import SHARED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spelling import Spelling


@pytest.mark.parametrize(
    "options",
    [
        "setopt ksh_arrays",
        "setopt sh_word_split glob_subst no_nomatch",
        "setopt warn_create_global warn_nested_var",
        "setopt no_short_loops ignore_close_braces",
        "setopt sh_glob ksh_glob",
        "setopt extended_glob rc_expand_param",
        "setopt c_bases octal_zeroes",
        "setopt no_unset err_return",
        "setopt force_float",
    ],
)
@pytest.mark.parametrize("as_file", [False, True], ids=["printed", "file"])
def test_the_hook_works_with_odd_zsh_options(
    options: str,
    *,
    as_file: bool,
    shells: Mapping[str, Spelling],
    hooks: Path,
    run: Callable[..., Any],
    active: Callable[..., dict[str, str]],
) -> None:
    """The zsh hook works the same whatever options the user has set, however it is loaded."""
    shell = shells["zsh"]
    load = f"PROMPT='%%'; {options}; {shell.load(hooks) if as_file else shell.hook}; {shell.stopped}"
    script = f'{load}; _awsenv_prompt; print -P -- "$PROMPT"; awsenv_prompt_info'

    answer = run(shell, script, **active(), NO_COLOR="1")

    assert ("[power-user 59m] %\n[power-user 59m]\n", "") == (answer.stdout, answer.stderr)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("unset PROMPT_COMMAND", "role\n"),
        ("PROMPT_COMMAND='echo old'", "old role\n"),
        ("PROMPT_COMMAND='echo old;'", "old role\n"),
        ("PROMPT_COMMAND='echo old ; '", "old role\n"),
        ("PROMPT_COMMAND='echo old # why'", "old role\n"),
        ("PROMPT_COMMAND='wait & echo old &'", "old role\n"),
        ("PROMPT_COMMAND=('echo old' 'echo older')", "old older role\n"),
        ("PROMPT_COMMAND=()", "role\n"),
        ("IFS=/; PROMPT_COMMAND=('echo old')", "old role\n"),
        ("readonly PROMPT_COMMAND='echo old'", "old\n"),
        (
            "PROMPT_COMMAND=$'echo old\n__bp_interactive_mode'; __bp_interactive_mode() { echo last; }",
            "old last role\n",
        ),
        ("PROMPT_COMMAND=('echo old' last); last() { echo last; }", "old last role\n"),
        ('BLE_VERSION=0.4.0; blehook() { echo "ble: $*"; }', "ble: PRECMD!=_awsenv_prompt\n" * 3),
    ],
)
def test_the_hook_joins_the_prompt_commands_of_bash(
    before: str,
    expected: str,
    *,
    shells: Mapping[str, Spelling],
    hooks: Path,
    run: Callable[..., Any],
    active: Callable[..., dict[str, str]],
) -> None:
    """The hook adds itself once to PROMPT_COMMAND, or to its replacement, and the user's commands still run."""
    load = shells["bash"].load(hooks)
    # As bash does before a prompt: evaluate each element of PROMPT_COMMAND.
    script = f"""
        set -i 2>/dev/null; set +e; {before}
        {load}; {load}; {load}
        PS1=x; IFS=$' '
        for command in "${{PROMPT_COMMAND[@]}}"; do eval "$command"; wait; done
        [[ -z $_awsenv_ps1 ]] || echo role
    """

    answer = run(_interactive(shells["bash"]), script, **active())

    assert expected.split() == answer.stdout.split()
    if expected == "old\n":
        # The hook does not report that the variable is read-only.
        assert "readonly" not in answer.stderr


def _interactive(bash: Spelling) -> Spelling:
    return replace(bash, strict=("-i", "-u"))


def test_a_non_interactive_shell_keeps_its_prompt(
    shell: Spelling, hooks: Path, run: Callable[..., Any], active: Callable[..., dict[str, str]]
) -> None:
    """In a shell that is not interactive, the hook defines its functions and leaves the prompt alone."""
    answer = run(shell, f"{shell.load(hooks)}\n{shell.stopped}\n{shell.find_hook}\nawsenv_prompt_info", **active())

    assert "none\n[power-user 59m]\n" == answer.stdout


def test_an_exported_prompt_command_works_without_the_hook(
    hooks: Path, run: Callable[..., Any], shells: Mapping[str, Spelling]
) -> None:
    """An exported PROMPT_COMMAND causes no error in a bash that has not loaded the hook."""
    script = f"""export PROMPT_COMMAND='echo old'; {shells["bash"].load(hooks)}
        bash --norc -c 'eval "$PROMPT_COMMAND"'"""

    answer = run(_interactive(shells["bash"]), script)

    assert answer.stdout == "old\n"
    assert "_awsenv" not in answer.stderr


@pytest.mark.parametrize("folder", ["prefix", "it's a ü"])
def test_an_installed_hook_finds_its_program(
    folder: str, *, shell: Spelling, hooks: Path, home: Path, run: Callable[..., Any]
) -> None:
    """The line that `init` recommends loads the installed file, which finds the program of its own prefix."""
    program = home / folder / "bin/awsenv"
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    shutil.copytree(hooks, home / folder / SHARED)
    line = registry.find(shell.name).load_from(str(program), {"HOME": str(home)})

    answer = run(shell, f"{line}\n{line}\necho $_AWSENV_BIN", LC_ALL="C.UTF-8")

    assert SHARED in line
    assert (f"{program}\n", "") == (answer.stdout, answer.stderr)


def test_a_path_may_have_a_newline(
    shell: Spelling, hooks: Path, home: Path, program: str, run: Callable[..., Any]
) -> None:
    """The line that `init` recommends works there, too."""
    wrapper = home / "new\nline/bin/awsenv"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    shutil.copytree(hooks, home / "new\nline" / SHARED)
    line = registry.find(shell.name).load_from(str(wrapper), {"HOME": str(home)})

    answer = run(shell, f"{line}\nawsenv completion {shell.name} >file; echo $_AWSENV_BIN")

    assert (f"{program}\n", "") == (answer.stdout, answer.stderr)
    assert "awsenv" in (home / "file").read_text()


def test_a_hook_from_a_file_starts_no_process(
    *, shell: Spelling, hooks: Path, home: Path, clean_environ: Mapping[str, str], require: Callable[[str], str]
) -> None:
    """An interactive shell that loads it forks as often as without it: never."""
    trace = home / "trace"
    (home / "prefix/bin").mkdir(parents=True)
    (home / "prefix/bin/awsenv").symlink_to("/bin/true")
    shutil.copytree(hooks, home / "prefix" / SHARED)
    line = registry.find(shell.name).load_from(f"{home}/prefix/bin/awsenv", clean_environ)

    subprocess.run(
        [
            *(require("strace"), "-f", "-o", trace, "-e", "trace=clone,clone3,fork,vfork,execve"),
            *shell.command(f"{line}\necho $_AWSENV_BIN >proof", "-i"),
        ],
        env=clean_environ,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        start_new_session=True,
    )

    assert f"{home}/prefix/bin/awsenv\n" == (home / "proof").read_text()
    calls = [each for each in trace.read_text().splitlines() if "(" in each and "CLONE_THREAD" not in each]
    # The only call starts the shell itself.
    assert ["execve"] == [each.split()[1].partition("(")[0] for each in calls]


def test_a_hook_that_is_gone_leaves_the_shell_silent(
    shell: Spelling, hooks: Path, home: Path, run: Callable[..., Any]
) -> None:
    """After awsenv is uninstalled, the line that it recommended does nothing."""
    program = home / "prefix/bin/awsenv"
    shutil.copytree(hooks, home / "prefix" / SHARED)
    line = registry.find(shell.name).load_from(str(program), {"HOME": str(home)})
    shutil.rmtree(home / "prefix")

    answer = run(shell, line)

    assert SHARED in line
    assert (0, "", "") == (answer.returncode, answer.stdout, answer.stderr)


def test_a_hook_that_is_loaded_reads_no_file_again(
    shell: Spelling, hooks: Path, home: Path, run: Callable[..., Any]
) -> None:
    """An upgrade may move or replace the files of the hook while a shell runs."""
    program = home / "printer"
    program.write_text(f"#!/bin/sh\necho '{shell.empty_if}; echo evaluated'\n")
    program.chmod(0o755)
    copy = shutil.copytree(hooks, home / "copy")

    answer = run(shell, f"{shell.load(copy)}; rm -r copy; awsenv later >file; cat file", _AWSENV_BIN=str(program))

    assert ("evaluated\n", "") == (answer.stdout, answer.stderr)


def test_a_hook_elsewhere_finds_the_program_on_the_path(
    *, shell: Spelling, hooks: Path, home: Path, run: Callable[..., Any], clean_environ: Mapping[str, str]
) -> None:
    """A copy of the hook finds the program along the PATH."""
    copy = shutil.copytree(hooks, home / "dotfiles")

    answer = run(shell, f"{shell.load(copy)}\necho $_AWSENV_BIN")

    assert (shutil.which("awsenv", path=clean_environ["PATH"]), "") == (answer.stdout.strip(), answer.stderr)


def test_the_path_of_the_program_stays_in_the_shell(shell: Spelling, hooks: Path, run: Callable[..., Any]) -> None:
    """The hook takes over the program's path from `exec`, and does not export it."""
    answer = run(shell, f"{shell.load(hooks)}\necho $_AWSENV_BIN; env", _AWSENV_BIN="/opt/awsenv bin/awsenv")

    assert "/opt/awsenv bin/awsenv" == answer.stdout.splitlines()[0]
    assert "\n_AWSENV_BIN=" not in answer.stdout
