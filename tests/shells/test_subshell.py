"""How each shell is started for a role: the command line and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from awsenv.shells.subshell import subshell

FOLDER = Path("/opt/it's/shell")
REFERENCE = "${AWSENV_LABEL:+[$AWSENV_LABEL] }"


def test_bash_reads_our_file_in_place_of_its_own() -> None:
    """Name the file that reads ~/.bashrc and then the hook."""
    assert (["/bin/bash", "--rcfile", "/opt/it's/shell/subshell/bashrc"], {"A": "1"}) == subshell(
        "/bin/bash", {"A": "1"}, FOLDER
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"ZDOTDIR": "/opt/it's/shell/subshell"}),
        ({"ZDOTDIR": "/dot"}, {"ZDOTDIR": "/opt/it's/shell/subshell", "_AWSENV_ZDOTDIR": "/dot"}),
        ({"ZDOTDIR": ""}, {"ZDOTDIR": "/opt/it's/shell/subshell", "_AWSENV_ZDOTDIR": ""}),
    ],
)
def test_zsh_is_led_to_our_folder(environ: dict[str, str], expected: dict[str, str]) -> None:
    """Keep what ZDOTDIR was, by whether it was set."""
    assert (["/usr/bin/zsh"], expected) == subshell("/usr/bin/zsh", environ, FOLDER)


def test_fish_gets_the_hook_after_its_own_files() -> None:
    """Quote the path as fish quotes."""
    argv, environ = subshell("fish", {}, FOLDER)

    assert (["fish", "--init-command"], {}) == (argv[:2], environ)
    assert r"or source '/opt/it\'s/shell/awsenv.fish'" == argv[2].splitlines()[0].removeprefix(
        "functions -q __awsenv_refresh; "
    )


@pytest.mark.parametrize("name", ["ash", "dash", "ksh", "mksh", "sh", "yash"])
@pytest.mark.parametrize(
    ("environ", "superuser", "expected"),
    [
        ({}, False, REFERENCE + "$ "),
        ({}, True, REFERENCE + "# "),
        ({"PS1": ""}, False, REFERENCE + "$ "),
        ({"PS1": "mine> "}, True, REFERENCE + "mine> "),
        ({"PS1": REFERENCE + "mine> "}, False, REFERENCE + "mine> "),
    ],
)
def test_posix_shells_refer_to_the_label(name: str, environ: dict[str, str], superuser: bool, expected: str) -> None:  # noqa: FBT001 - a row
    """Put the reference in front of the prompt once; the value itself never stands in PS1."""
    assert ([f"/bin/{name}"], {"PS1": expected}) == subshell(f"/bin/{name}", environ, FOLDER, superuser=superuser)


@pytest.mark.parametrize("name", ["/usr/bin/nu", "tcsh", "xonsh", "/usr/bin/env", "busybox"])
def test_any_other_shell_is_started_as_it_is(name: str) -> None:
    """Add nothing to a shell that is not known."""
    assert ([name], {"PS1": "x"}) == subshell(name, {"PS1": "x"}, FOLDER)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish", "sh", "dash", "ksh", "nu"])
def test_what_is_for_the_hook_goes_to_a_shell_that_has_one(name: str) -> None:
    """Hand the program and the change down to the shells that take them out of the environment, and to no other."""
    ours = {"_AWSENV_BIN": "/bin/awsenv", "_AWSENV_CHANGE": "export A=1;"}

    _, environ = subshell(f"/bin/{name}", {"A": "1", **ours}, FOLDER)

    assert (ours if name in {"bash", "zsh", "fish"} else {}) == {
        name: value for name, value in environ.items() if name.startswith("_AWSENV")
    }
    assert "1" == environ["A"]


def test_nothing_is_changed_in_place() -> None:
    """Return a new environment."""
    environ = {"PS1": "x"}

    subshell("sh", environ, FOLDER)

    assert {"PS1": "x"} == environ
