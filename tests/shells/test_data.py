"""What is specific to the shells that get data, and no code: nushell, elvish and xonsh."""

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.cli.commands import CHANGE, COMMANDS, called
from awsenv.cli.process import FAILURE
from awsenv.model import Change
from awsenv.shells import base
from awsenv.shells.json import Data
from hostile import HOSTILE
from spelling import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spelling import Row

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

SHELLS = pytest.mark.parametrize("row", [ROWS[each.name] for each in shells.every() if isinstance(each, Data)], ids=str)
VARIABLES, VALUES = 250, 40
"""How many variables each form sets, and of how many hostile values each is made: a shell gets 20,000."""


def _hostile(seed: str, *, is_text: bool) -> list[str]:
    """Return values of what means something to some shell and of any other characters or bytes: alone and in a row."""
    chance = random.Random(seed)  # noqa: S311 - a test that fails has to fail again
    alone = [value for value in HOSTILE if not is_text or value.decode(errors="replace").encode() == value]

    def one() -> bytes:
        value = b"".join(chance.choices(alone, k=chance.randrange(3)))
        value += "".join(_character(chance.random()) for _ in range(chance.randrange(6))).encode()
        return value if is_text else value + chance.randbytes(chance.randrange(4)).replace(b"\0", b"")

    rows = [b"".join(one() for _ in range(VALUES)) for _ in range(VARIABLES)]
    return list(map(os.fsdecode, [*alone, *rows]))


def _character(chance: float) -> str:
    """Return a character of any plane, the more often the lower it is."""
    number = 1 + int(0x10FFFE * chance**6)
    return "?" if 0xD800 <= number < 0xE000 else chr(number)


@pytest.fixture
def run(tmp_path: Path, require: Callable[[str], str]) -> Run:
    """Return a function that runs a script in a shell that has read no rc file."""

    def run(row: Row, script: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "script").write_text(script)
        return subprocess.run(
            [require(row.name), *row.bare, "script"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"} | dict(environ or {}),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    return run


def _program(tmp_path: Path, text: str, name: str = "program") -> str:
    """Return the path of a program that prints *text*, as awsenv prints a change."""
    (tmp_path / "printed").write_text(text)
    program = tmp_path / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\ncat {shlex.quote(str(tmp_path / 'printed'))}\n")
    program.chmod(0o700)
    return str(program)


def _with_hook(row: Row, program: str, command: str, folder: Path) -> str:
    """Return a script that loads the hook of *program* and runs *command*."""
    (hook := folder / row.files[0]).write_text(shells.find(row.name).hook(program))
    load = f"source '{hook}'"
    if row.name == "elvish":
        load = f"fn awsenv {{|@words| eval &on-end={{|hook| $hook[awsenv~] $@words }} (slurp < '{hook}') }}"
    return f"{load}\n{command}\n"


@SHELLS
@pytest.mark.parametrize("form", ["hook", "line"])
def test_hostile_values_arrive(row: Row, form: str, run: Run, tmp_path: Path) -> None:
    """The shell sets each of many hostile values byte for byte, unsets a variable, and runs nothing."""
    shell = shells.find(row.name)
    assert isinstance(shell, Data)
    held = {f"AWSENV_TEST_{number}": value for number, value in enumerate(_hostile(form, is_text=shell.is_text))}
    program = _program(tmp_path, shell.render(Change(held | {"AWSENV_TEST_GONE": None})))
    use = _with_hook(row, program, "awsenv role", tmp_path) if form == "hook" else row.evaluate.format(program)

    done = run(row, f"{use}\nenv -0\n", {"AWSENV_TEST_GONE": "x"})

    shown = dict(entry.split(b"=", 1) for entry in done.stdout.split(b"\0") if entry.startswith(b"AWSENV_TEST_"))
    assert b"" == done.stderr
    assert held == {os.fsdecode(name): os.fsdecode(value) for name, value in shown.items()}
    assert not (tmp_path / "sprung").exists()


@SHELLS
@pytest.mark.parametrize("form", ["hook", "line"])
def test_a_failure_fails(row: Row, form: str, run: Run, tmp_path: Path) -> None:
    """What the program prints where it fails stops the script."""
    program = _program(tmp_path, FAILURE)
    Path(program).write_text(Path(program).read_text() + "exit 5\n")
    use = _with_hook(row, program, "awsenv role", tmp_path) if form == "hook" else row.evaluate.format(program)

    done = run(row, f"{use}\ntouch reached\n")

    assert (True, False) == (done.returncode != 0, (tmp_path / "reached").exists())


def test_xonsh_makes_all_of_a_change_or_nothing(run: Run, tmp_path: Path) -> None:
    """A variable with a type that refuses its value keeps the others as they are, and the value off the terminal."""
    change = shells.find("xonsh").render(Change({"AWS_A": "new", "AWS_B": "canary", "AWS_C": None}))
    lines = "${...}.register('AWS_B', type='int')\n$AWS_A = 'old'\nawsenv role || sh -c 'env | grep ^AWS_ | sort'"

    done = run(ROWS["xonsh"], _with_hook(ROWS["xonsh"], _program(tmp_path, change), lines, tmp_path), {"AWS_C": "c"})

    assert b"AWS_A=old\nAWS_C=c\n" == done.stdout
    assert (True, False) == (b"nothing was changed" in done.stderr, b"canary" in done.stderr)


@SHELLS
@pytest.mark.parametrize("name", ['a b/it\'s \\$(id) "x"', "\u00e9/awsenv"])
def test_a_hook_calls_the_program_that_printed_it(row: Row, name: str, run: Run, tmp_path: Path) -> None:
    """The hook contains the path of the program, quoted for the shell."""
    program = _program(tmp_path, "it ran\n", name)

    done = run(row, _with_hook(row, program, "awsenv list", tmp_path))

    assert (b"it ran\n", b"") == (done.stdout, done.stderr)


@SHELLS
def test_the_hook_knows_which_commands_print_a_change(row: Row) -> None:
    """The hook has a list of the commands whose output it leaves alone, and of no other."""
    hook = Path(base.folder(), row.files[0]).read_text()
    quoted = re.findall(r"texts \|?= [\[{](.*?)[\]}]", hook, re.DOTALL)

    expected = {word for word in (*COMMANDS, "help") if called([word]).prints != CHANGE}
    assert expected <= {*re.findall(r"[\w-]+", " ".join(quoted))} <= {*expected, "completion"}


@SHELLS
def test_the_hook_names_its_shell_to_doctor_and_init(row: Row, run: Run, tmp_path: Path) -> None:
    """They say that the hook is loaded; what another command runs does not learn it."""
    program = _program(tmp_path, "")
    Path(program).write_text('#!/bin/sh\necho "$1:$AWSENV_SHELL"\n')

    done = run(row, _with_hook(row, program, "awsenv doctor\nawsenv init\nawsenv list", tmp_path))

    assert f"doctor:{row.name}\ninit:{row.name}\nlist:\n" == done.stdout.decode()


@SHELLS
def test_what_misleads_python_does_not_reach_the_program(row: Row, run: Run, tmp_path: Path) -> None:
    """An entry that makes Python load code from the current folder is kept under another name, and restored after."""
    program = _program(tmp_path, "")
    Path(program).write_text("#!/bin/sh\nenv | grep -e ^PYTHON -e ^_AWSENV_PYTHON | sort\n")

    done = run(
        row, _with_hook(row, program, "awsenv list\nawsenv role", tmp_path), {"PYTHONPATH": "/a", "PYTHONUSERBASE": "b"}
    )

    assert 2 * b"PYTHONPATH=\nPYTHONUSERBASE=\n_AWSENV_PYTHONPATH=/a\n_AWSENV_PYTHONUSERBASE=b\n" == done.stdout


def test_a_variable_may_be_a_list_in_nushell(run: Run, tmp_path: Path) -> None:
    """A variable that the user has nushell convert misleads neither Python nor the prompt."""
    program = _program(tmp_path, "")
    Path(program).write_text('#!/bin/sh\necho "$PYTHONPATH:$_AWSENV_PYTHONPATH"\n')
    convert = "{to_string: {|value| $value | str join ':'}}"
    lines = f"$env.ENV_CONVERSIONS = {{PYTHONPATH: {convert} AWSENV_LABEL: {convert}}}\n"
    lines += "$env.PYTHONPATH = [. /a]\n$env.AWSENV_LABEL = [a b]\nawsenv list\nprint (awsenv_prompt_info)"

    done = run(ROWS["nu"], _with_hook(ROWS["nu"], program, lines, tmp_path))

    assert b":.:/a\n[ab]\n" == done.stdout
