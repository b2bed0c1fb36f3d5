"""The hook works whatever aliases and functions the user has: for each of its words, alone and all together."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells
from awsenv.model import Change
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from spelling import Spelling

    Start = Callable[..., Any]

COMMON = {
    "cat",
    "cd",
    "date",
    "export",
    "in",
    "let",
    "line",
    "ls",
    "name",
    "path",
    "set",
    "status",
    "test",
    "text",
    "time",
}
"""Names that many users define, whether or not the hook uses them."""

KINDS = [(spelling.name, kind) for spelling in SPELLINGS.values() for kind in spelling.shadows]
"""Each shell, and each way in which its users can give a name another meaning."""


def _words(shell: Spelling, hooks: Path) -> list[str]:
    """Return every word in the files of *shell* and in a change, but for those that say who draws the prompt."""
    files = [file for file in shell.files if not file.startswith("completions/")]
    code = [re.sub(r"^\s*#.*$", "", (hooks / file).read_text(), flags=re.MULTILINE) for file in files]
    change = shells.find(shell.name).render(Change({"AWSENV_LABEL": "é", "AWS_PROFILE": None}))
    found = re.findall(r"(?<![\w$%{-])-{0,2}[A-Za-z_][\w-]*|\[\[?|:|\.", "\n".join([*code, change]))
    owners = re.compile("awsenv|tide|starship|_omp_|p10k|powerlevel|spaceship|_lp_", re.IGNORECASE)
    return sorted(word for word in {*found, *COMMON} if not owners.search(word))


def _quoted(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))


@pytest.mark.parametrize(("shell", "kind"), KINDS, indirect=["shell"])
def test_any_word_of_the_hook_may_have_another_meaning(
    kind: str, *, shell: Spelling, hooks: Path, home: Path, clean_environ: Mapping[str, str]
) -> None:
    """The hook loads, makes a change and shows the role, whichever of its words is an alias or a function."""
    ends = str(2**36)
    change = {"AWSENV_LABEL": "ci", "AWSENV_EXPIRES_EPOCH": ends, "AWS_SECRET_ACCESS_KEY": "ü", "AWS_VAULT": None}
    program = home / "printer"
    program.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(shells.find(shell.name).render(Change(change)))}\n")
    program.chmod(0o755)
    (home / "hook").write_text(shells.find(shell.name).hook(str(program)))
    # Nothing reaches the builtins of a shell whose `builtin` is a function.
    words = [
        word for word in _words(shell, hooks) if (kind, word) != ("function", "builtin") or shell is SPELLINGS["fish"]
    ]

    done = subprocess.run(
        shell.command(shell.try_each, *shell.at_prompts),
        env={
            **clean_environ,
            "LC_ALL": "C.UTF-8",
            "AWS_VAULT": "x",
            "WORDS": " ".join(words),
            "DEFINE": shell.shadows[kind],
        },
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )

    assert len(words) > 100
    assert "" == done.stdout


@pytest.mark.parametrize("start", ["hook", "file", "exec"])
def test_all_words_of_the_hook_may_have_another_meaning(
    start: str,
    *,
    shell: Spelling,
    hooks: Path,
    write_rc: Start,
    open_terminal: Start,
    clean_environ: Any,
    program: str,
    require: Start,
) -> None:
    """With all of its words redefined at once, the hook and the subshell of `exec` work as they always do."""
    of_line = (".", "source") if start == "file" else ()
    words = _quoted([word for word in _words(shell, hooks) if word not in {*shell.needed, *of_line}])
    # One group, which the shell reads before the first name has another meaning.
    redefine = shell.group.format("\n".join(shell.for_each.format(words, define) for define in shell.shadows.values()))
    if start != "exec":
        write_rc(shell, redefine, shell.hook if start == "hook" else shell.load(hooks))
        window = open_terminal([shell.name], clean_environ)
        assert "" == window.run("awsenv power-user")
    else:
        write_rc(shell, redefine)
        window = open_terminal([program, "exec", "power-user"], clean_environ | {"SHELL": require(shell.name)})

    assert window.line.startswith("[power-user] 0:")
    assert "canary/secret+one" == window.run("/usr/bin/printenv AWS_SECRET_ACCESS_KEY")
    assert "" == window.run("awsenv off")
    assert window.line.startswith("0:")
    assert b"garbage" not in window.transcript


@pytest.mark.parametrize("shell", ["bash", "zsh"], indirect=True)
def test_a_function_builtin_is_reported(shell: Spelling, terminal: Start) -> None:
    """Nothing reaches the builtins of a shell whose `builtin` is a function: `awsenv` fails, and changes nothing."""
    window = terminal(shell, after=["builtin() { :; }"])

    window.run("awsenv power-user || /bin/echo fai''led")

    assert "\nfailed" in window.text
    assert "" == window.run("/usr/bin/printenv AWS_SECRET_ACCESS_KEY")
