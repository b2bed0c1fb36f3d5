"""What holds for every shell: each test here runs for each shell, including any that is added later."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awsenv import shells
from awsenv.cli.process import FAILURE
from awsenv.errors import ConfigError
from awsenv.model import Change
from awsenv.shells.json import Data
from hostile import HOSTILE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from awsenv.shells.base import Shell

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

UTF_8_ONLY = {"yash"}
"""Shells that cannot hold a byte that they cannot decode, and so must refuse it."""

TEXT_ONLY = {"elvish", "nu"}
"""Shells that get JSON and hold nothing else than text."""

ONE_LINE = {"tcsh"}
"""Shells that cannot hold a line feed."""

# Each byte that may begin a character, before each byte that is special to a shell.
PAIRS = [b"".join(bytes((lead, byte)) for byte in b"\\'\"$`|~{}^@_[]\n .;(&0A") for lead in range(0x80, 0x100)]

values = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map(b"".join),
    st.binary(max_size=24).map(lambda value: value.replace(b"\0", b"")),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).map(str.encode),
)


def _change(texts: list[bytes]) -> Change:
    variables = {f"AWSENV_TEST_{number}": text.decode(errors="surrogateescape") for number, text in enumerate(texts)}
    return Change(variables | {"AWSENV_TEST_GONE": None})


def _is_text(value: bytes) -> bool:
    """Return whether *value* is UTF-8."""
    return value.decode(errors="replace").encode() == value


def _held_by(shell: Shell, texts: list[bytes]) -> list[bytes]:
    """Return those of *texts* that the shell can hold in a line, if it holds lines alone."""
    return [text for text in texts if b"\n" not in text or shell.name not in ONE_LINE]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, min_size=1, max_size=12))
def test_every_value_survives_every_shell(
    programs: Sequence[tuple[Shell, str]], locale: dict[str, str], evaluate: Run, texts: list[bytes]
) -> None:
    """In any encoding, every shell sets each value byte for byte, and no other variable."""
    for shell, name in programs:
        _check(shell, name, texts, locale, evaluate)


def test_every_pair_of_bytes_survives(shell: Shell, name: str, locale: dict[str, str], evaluate: Run) -> None:
    """No byte that may begin a character hides a special byte after it from the shell."""
    _check(shell, name, [*PAIRS, *HOSTILE], locale, evaluate)


def test_twenty_thousand_values_survive(
    distinct: Shell, name: str, locale_of: Callable[[str], dict[str, str]], evaluate: Run
) -> None:
    """Every shell sets 20,000 values made of hostile parts, one in a hundred of them not ASCII, byte for byte."""
    rng = random.Random(20_000)  # noqa: S311 - the same values each time
    plain = _held_by(distinct, [part for part in HOSTILE if part.isascii()])
    foreign = [part for part in HOSTILE if not part.isascii() and (name not in UTF_8_ONLY or _is_text(part))]
    made = [
        b"".join(rng.choices(plain, k=rng.randint(1, 4))) + (rng.choice(foreign) if rng.random() < 1 / 100 else b"")
        for _ in range(20_000)
    ]
    # For each variable tcsh searches its whole environment.
    size = 125 if distinct.name == "tcsh" else 500
    for start in range(0, len(made), size):
        _check(distinct, name, made[start : start + size], locale_of("UTF-8"), evaluate)


def _check(shell: Shell, name: str, texts: list[bytes], environ: dict[str, str], evaluate: Run) -> None:
    texts = _held_by(shell, texts)
    done = evaluate(
        shell, name, shell.render(_change(texts)), after="\nenv -0", environ=environ | {"AWSENV_TEST_GONE": "x"}
    )
    shown = dict(entry.split(b"=", 1) for entry in done.stdout.split(b"\0") if entry)
    seen = {variable: value for variable, value in shown.items() if variable.startswith(b"AWSENV_TEST_")}
    if name in UTF_8_ONLY and b"this shell cannot hold the value" in done.stderr:
        assert {b"AWSENV_TEST_GONE": b"x"} == seen
        return
    assert b"" == done.stderr
    assert {f"AWSENV_TEST_{number}".encode(): text for number, text in enumerate(texts)} == seen


def test_a_naive_quote_runs_code(locale_of: Callable[..., dict[str, str]], evaluate: Run, tmp_path: Path) -> None:
    """With naive quotes, a shell that decodes the quote away runs the value: the tests above can fail."""
    code = tmp_path / "bytes"
    code.write_bytes(b"set -gx AWSENV_TEST '\x81\\\\\\';touch sprung;#'\n")

    evaluate(shells.find("fish"), "fish", "", after="\ncat bytes | source", environ=locale_of("SHIFT_JIS"))

    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("shell", [each for each in shells.every() if each.evaluate], ids=lambda shell: shell.name)
@given(st.lists(values, max_size=3), values)
def test_code_is_ascii(shell: Shell, texts: list[bytes], path: bytes) -> None:
    """A change, a path in a hook and the start of a subshell are ASCII, which is the same in every locale."""
    change = _change(_held_by(shell, texts))
    program = f"/{path.decode(errors='surrogateescape')}"
    if shell.name in TEXT_ONLY and not _is_text(b"".join(texts)):
        with pytest.raises(ConfigError, match="cannot hold a value that is not UTF-8"):
            shell.render(change)
        return

    argv, environ = shell.subshell(shell.name, {}, change, program)

    assert shell.render(change).isascii()
    assert shell.quote(program).isascii()
    assert "".join(argv).isascii()
    assert environ.get("_AWSENV_CHANGE", "").isascii()


@pytest.mark.parametrize("shell", [each for each in shells.every() if each.evaluate], ids=lambda shell: shell.name)
@pytest.mark.parametrize("variable", ["A;id", "", "a", "1A", "É", "A B", "A\n"])
def test_an_invalid_variable_name_is_refused(shell: Shell, variable: str) -> None:
    """A change with a name that is more than a variable's name is not rendered."""
    with pytest.raises(ValueError, match="not the name of a variable"):
        shell.render(Change({variable: "x"}))


def test_the_code_of_a_failure_fails(shell: Shell, name: str, evaluate: Run) -> None:
    """The command after `&&` does not run if awsenv fails."""
    done = evaluate(shell, name, FAILURE, after=" && echo reached", environ={})

    assert (1, b"") == (done.returncode, done.stdout)


def test_no_alias_or_function_lets_a_failure_succeed(shell: Shell, name: str, evaluate: Run) -> None:
    """Neither an alias nor a function `false` replaces the command that fails."""
    aliases = {"bash": "shopt -s expand_aliases\nalias false=true", "tcsh": "alias false true"}
    functions = {"fish": "function false; true; end", "tcsh": ""}
    for define in (aliases.get(shell.name, "alias false=true"), functions.get(shell.name, "false() { :; }")):
        done = evaluate(shell, name, FAILURE, before=define, after=" && echo reached", environ={})

        assert (1, b"", b"") == (done.returncode, done.stdout, done.stderr)


def test_a_change_succeeds(shell: Shell, name: str, evaluate: Run) -> None:
    """The command after `&&` runs if a change is evaluated, even an empty one."""
    change = Change({"AWSENV_TEST_A": "é", "AWSENV_TEST_GONE": None})
    for code in (shell.render(change), shell.render(Change({}))):
        done = evaluate(shell, name, code, after=" && echo reached", environ={"LC_ALL": "C.UTF-8"})

        assert (b"reached\n", b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize(
    "shell", [each for each in shells.hooked() if not isinstance(each, Data)], ids=lambda s: s.name
)
@pytest.mark.parametrize("path", ["/opt/a b/it's \\$(id)", "/opt/é/awsenv"])
def test_a_hook_calls_the_program_that_printed_it(shell: Shell, path: str, evaluate: Run) -> None:
    """The hook contains the path of the program, quoted for the shell."""
    done = evaluate(
        shell, shell.name, shell.hook(path), after='\nprintf %s "$_AWSENV_BIN"', environ={"LC_ALL": "C.UTF-8"}
    )

    assert (path.encode(), b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize("shell", shells.hooked(), ids=lambda shell: shell.name)
def test_a_shell_with_a_hook_is_complete(shell: Shell) -> None:
    """The shell has a line that loads the hook and a file for it, and its subshell gets the hook's variables."""
    main, paths = shell.startup({"HOME": "/home/alice"})
    change = Change({"A": "1"})

    _, environ = shell.subshell(f"/bin/{shell.name}", {"B": "2"}, change, "/bin/awsenv")

    assert f"awsenv init {shell.name}" in shell.load
    assert main in paths
    assert main.startswith("/home/alice/")
    assert {"B": "2", "_AWSENV_BIN": "/bin/awsenv", "_AWSENV_CHANGE": shell.render(change)}.items() <= environ.items()


@pytest.mark.parametrize("shell", [each for each in shells.every() if not each.has_hook], ids=lambda shell: shell.name)
def test_a_shell_without_a_hook_gets_no_variables_of_it(shell: Shell) -> None:
    """The subshell's environment has no variable that only a hook uses, and the caller's is unchanged."""
    environ = {"A": "1"}

    _, given_environ = shell.subshell(shell.name, environ, Change({}), "/bin/awsenv")

    assert not [name for name in given_environ if name.startswith("_AWSENV")]
    assert "1" == given_environ["A"]
    assert {"A": "1"} == environ
