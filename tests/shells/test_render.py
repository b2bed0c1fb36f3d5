"""A change of environment, spelled for each shell and read by the real one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awsenv.errors import UsageError
from awsenv.model import Change
from awsenv.shells import render

if TYPE_CHECKING:
    from collections.abc import Callable

# How each shell evaluates the text that it is given as its first argument, and then becomes a program.
EVALUATE = {
    "bash": ("bash", ["bash", "--norc", "--noprofile", "-c", 'eval "$1"; shift; exec "$@"', "bash"]),
    "zsh": ("zsh", ["zsh", "-f", "-c", 'eval "$1"; shift; exec "$@"', "zsh"]),
    "sh": ("sh", ["dash", "-c", 'eval "$1"; shift; exec "$@"', "dash"]),
    "sh in busybox": ("sh", ["busybox", "ash", "-c", 'eval "$1"; shift; exec "$@"', "ash"]),
    "sh in mksh": ("sh", ["mksh", "-c", 'eval "$1"; shift; exec "$@"', "mksh"]),
    "fish": ("fish", ["fish", "--no-config", "-c", "eval $argv[1]; exec $argv[2..]"]),
    "fish source": ("fish", ["fish", "--no-config", "-c", "echo -n $argv[1] | source; exec $argv[2..]"]),
}
# The environment as bytes: what is no UTF-8 stays what it is.
SHOW = [sys.executable, "-I", "-c", "import os, sys; sys.stdout.buffer.write(repr(dict(os.environb)).encode())"]

HOSTILE = [
    "'", '"', "\\", "\\\\", "trailing\\", "'\\'", "$(touch /tmp/x)", "`id`", "${HOME}", "$HOME", "a\nb", "\n", "a\rb",
    "\u2019\u2018", "100%n", "%(61V.x.)", "\x1b]0;title\x07", "!!", "!history", "*", "~", "a b", " ", "", ";", "&& id",
    "#", "-n", "--", "=", "\t", "{a,b}", "(", "é", "🚒", "\x7f", "\udcff\udcfe", "''", "'a'", "a'", "\\'", "\\n", "^M",
]  # fmt: skip
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    # What a process can have in its environment: no NUL; no lone surrogate but those that stand for a byte.
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)


@pytest.mark.parametrize("how", EVALUATE)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, min_size=1, max_size=12))
def test_every_value_survives_every_shell(how: str, require: Callable[[str], str], texts: list[str]) -> None:
    """Read back from the shell's own environment what was to be set, and nothing of what was to be unset."""
    shell, argv = EVALUATE[how]
    wanted: dict[str, str | None] = {f"AWSENV_TEST_{number}": text for number, text in enumerate(texts)}
    program = require(argv[0])
    text = render.SHELLS[shell].render(Change(wanted | {"AWSENV_TEST_GONE": None}))

    answer = subprocess.run(
        [program, *argv[1:], text, *SHOW],
        env={"AWSENV_TEST_GONE": "x", "LANG": "C.UTF-8"},
        capture_output=True,
        check=True,
    )

    environ: dict[bytes, bytes] = eval(answer.stdout)  # noqa: S307 - the repr that SHOW has written
    seen = {name: value for name, value in environ.items() if name.startswith(b"AWSENV_TEST_")}
    assert {name.encode(): (value or "").encode(errors="surrogateescape") for name, value in wanted.items()} == seen
    assert answer.stderr == b""


@given(values)
def test_json_carries_every_value(text: str) -> None:
    """Give back through a JSON parser what went in; null where a variable is to be unset."""
    change = Change({"AWS_VAULT": text, "AWS_PROFILE": None})

    assert dict(change.variables) == json.loads(render.SHELLS["json"].render(change))


@pytest.mark.parametrize("shell", render.SHELLS)
def test_a_name_that_is_no_variable_is_refused(shell: str) -> None:
    """Let no name reach a shell that is more than a name."""
    change = Change({"A;id": "x"})

    if shell == "json":
        assert '"A;id"' in render.SHELLS[shell].render(change)
    else:
        with pytest.raises(ValueError, match="not the name of a variable"):
            render.SHELLS[shell].render(change)


@pytest.mark.parametrize("how", [how for how in EVALUATE if "fish" not in how])
@pytest.mark.parametrize("name", ["AWSENV_TEST_SET", "AWSENV_TEST_GONE"])
def test_a_read_only_variable_stops_the_whole_change(how: str, name: str, require: Callable[[str], str]) -> None:
    """Change nothing at all, and fail: a new key with an old token would be neither role."""
    shell, argv = EVALUATE[how]
    program, place = require(argv[0]), argv.index("-c") + 1
    text = render.SHELLS[shell].render(
        Change({"AWSENV_TEST_A": "new", "AWSENV_TEST_SET": "new", "AWSENV_TEST_GONE": None})
    )
    show = 'echo "$AWSENV_TEST_A $AWSENV_TEST_SET ${AWSENV_TEST_GONE-gone}"'
    script = f'readonly {name}; eval "$1" && echo reached; {show}'

    answer = subprocess.run(
        [program, *argv[1:place], script, *argv[place + 1 :], text],
        env={"AWSENV_TEST_A": "old", "AWSENV_TEST_SET": "old", "AWSENV_TEST_GONE": "old"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout == "old old old\n"
    assert answer.stderr == "awsenv: nothing was changed: a variable that must change is read-only in this shell\n"


def test_a_universal_variable_of_fish_is_not_erased(
    require: Callable[[str], str], clean_environ: dict[str, str]
) -> None:
    """Change nothing: what is universal would be gone from every session, for good."""
    text = render.SHELLS["fish"].render(Change({"AWSENV_TEST_A": "new", "AWSENV_TEST_GONE": None}))
    script = "set -Ux AWSENV_TEST_GONE mine; eval $argv[1]; and echo reached; echo $AWSENV_TEST_A $AWSENV_TEST_GONE"

    answer = subprocess.run(
        [require("fish"), "-c", script, text], env=clean_environ, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "mine\n"
    assert answer.stderr.startswith(
        "awsenv: nothing was changed: AWSENV_TEST_GONE must go, and is a universal variable"
    )


def test_an_unquoted_eval_means_the_same() -> None:
    """End each statement so that lines which were joined into one are still apart."""
    text = render.SHELLS["bash"].render(Change({"AWS_VAULT": "x", "AWS_PROFILE": None, "AWS_REGION": "y"}))

    answer = subprocess.run(
        ["bash", "-c", 'eval $(printf %s "$1"); echo "$AWS_VAULT ${AWS_PROFILE-unset} $AWS_REGION"', "bash", text],
        env={"AWS_PROFILE": "z"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert answer.stdout == "x unset y\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bash", "bash"), ("-zsh", "zsh"), ("/usr/bin/fish", "fish"), ("dash", "sh"), ("posix", "sh"), ("Bash", "bash")],
)
def test_a_shell_is_found_by_each_of_its_names(name: str, expected: str) -> None:
    """Understand `$0`, `$SHELL` and the plain name."""
    assert expected == render.find(name).name


def test_an_unknown_shell_is_refused_with_those_there_are() -> None:
    """Name what can be asked for."""
    with pytest.raises(UsageError) as caught:
        render.find("cmd.exe")

    assert caught.value.hint == "--shell with one of bash, zsh, sh, fish, json"


@pytest.mark.parametrize("how", EVALUATE)
def test_failure_fails_in_every_shell(how: str, require: Callable[[str], str]) -> None:
    """Stop what stands behind `&&`."""
    _, argv = EVALUATE[how]
    program = require(argv[0])
    script = "eval $argv[1]; and echo reached" if "fish" in how else 'eval "$1" && echo reached'
    place = argv.index("-c") + 1

    answer = subprocess.run(
        [program, *argv[1:place], script, *argv[place + 1 :], render.FAILURE],
        capture_output=True,
        check=False,
    )

    assert (answer.returncode, answer.stdout) == (1, b"")
