"""Nothing is imported from the current folder of the caller, whatever Python's variables say."""

from __future__ import annotations

import py_compile
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsenv
from awsenv.cli.commands import COMMANDS
from awsenv.variables import MISLEADING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import World
    from e2e.conftest import Interactive
    from spelling import Spelling

HOOKS = Path(__file__).parents[2] / "shell"

LOADING = ("init bash", "--help", "off --shell sh", "status", "read-only --shell sh")
"""Command lines that load different parts of awsenv; the last loads what calls AWS."""

PATHS = ("", ":", ".", "here", "./here:/opt/python", ":/opt/python", "/opt/python:", "/opt/python::/opt/more")

AT_THE_START = ("sitecustomize", "usercustomize", "re", "awsenv")
"""What Python, or a script that starts awsenv, imports before awsenv can do anything about it."""

AFTER_IT = ("__future__", "boto3", "botocore", "dataclasses", "enum", "json", "signal", "socket", "typer", "typing")

LINES = {
    # Without an option it attends until Ctrl-C.
    "approve": "approve --help",
    "login": "login {code}",
    "use": "read-only",
    "renew": "renew",
    "status": "status",
    "list": "list",
    "completion": "completion bash",
    "explain": "explain power-user",
    "doctor": "doctor read-only",
    "console": "console read-only --print",
    "credential-process": "credential-process read-only --print",
    "profiles": "profiles --as x-",
    "token": "token eks a-cluster read-only --print",
    "exec": "exec power-user -- true",
    "each": "each read-only -- true",
    "off": "off",
    "log": "log",
    "lock": "lock",
    "init": "init bash",
    "setup": "setup --profile admin --user awsenv-test --yes me:ReadOnlyAccess",
    "demo": "demo -- true",
    "logout": "logout",
}
"""Every command as it is used, one after the other in one shell."""

ENDED = "1577836800"
"""An end in the past, at which the hook renews the role."""

THROUGH_THE_HOOK = ("login", "use", "renew", "exec", "off", "logout")
"""Each kind of line, for the hook: what it evaluates, what it only shows, and what keeps its terminal."""

SESSIONS = [("bash", "", (*LINES,)), ("zsh", ":", THROUGH_THE_HOOK), ("fish", ".", THROUGH_THE_HOOK)]
"""Each shell, the PYTHONPATH in it, and commands. What each makes of each value is in shell/test_function.py."""


def traps(folder: Path, names: tuple[str, ...]) -> Path:
    """Fill a folder, and one in it, with modules that note their name; return the file with the notes."""
    notes = folder / "sprung"
    for place in (folder, folder / "here"):
        place.mkdir(exist_ok=True)
        for name in names:
            (place / name).mkdir()
            (place / name / "__init__.py").write_text(f"open({str(notes)!r}, 'a').write(__name__ + '\\n')\n")
    return notes


def python_traps(folder: Path) -> Path:
    """Fill a folder with a trap for each variable that leads Python there; return the file with the notes."""
    notes = traps(folder, AT_THE_START + AFTER_IT)
    library = folder / "here" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(folder / "usercustomize", library / "site-packages" / "usercustomize")
    # The first module that Python imports, when there is no `open` yet.
    note = f"import posix\nposix.write(posix.open({str(notes)!r}, posix.O_WRONLY | posix.O_CREAT), b'encodings')\n"
    (library / "encodings").mkdir()
    (library / "encodings" / "__init__.py").write_text(note)
    module = Path(awsenv.__file__).with_name("__main__.py")
    py_compile.compile(
        str(folder / "usercustomize" / "__init__.py"),
        cfile=f"{folder}/here{module.with_suffix('')}.{sys.implementation.cache_tag}.pyc",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return notes


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX"])
def test_without_the_hook_the_traps_work(name: str, world: World, tmp_path: Path) -> None:
    """Python itself loads code from the current folder, before awsenv can do anything about it."""
    notes = python_traps(tmp_path)

    world.command(["sh", "-c", f"cd {shlex.quote(str(tmp_path))}; exec {world.program} off"], **{name: "here"})

    assert notes.exists()


def test_every_command_is_used() -> None:
    """Leave out no command."""
    assert {*COMMANDS} == {*LINES}


@pytest.mark.parametrize(("shell", "path", "commands"), SESSIONS, indirect=["shell"], ids=lambda value: str(value)[:9])
def test_a_shell_with_the_hook_imports_nothing_from_the_current_folder(
    shell: Spelling, path: str, commands: Sequence[str], interactive: Interactive, world: World, tmp_path: Path
) -> None:
    """Hold for every command, and for the renewal at a prompt."""
    notes = python_traps(tmp_path)
    world.add_administrator()
    window = interactive(hook=True)
    window.run(f"cd {shlex.quote(str(tmp_path))}")
    window.run(shell.export.format("PYTHONPATH", shlex.quote(path)))

    for name in commands:
        shown = window.run(f"awsenv {LINES[name].format(code=world.device.code())}")
        assert 0 == window.status(), shown
        if name == "renew":
            # So the next prompt renews it, too.
            window.run(shell.export.format("AWSENV_EXPIRES_EPOCH", ENDED))
            assert int(window.environment()["AWSENV_EXPIRES_EPOCH"]) > int(ENDED)

    assert not notes.exists(), notes.read_text()


def test_no_other_variable_leads_the_hook_to_the_current_folder(
    shell: Spelling, world: World, tmp_path: Path, require: Callable[[str], str]
) -> None:
    """Hold for the variables with which Python does not even start."""
    notes = python_traps(tmp_path)
    script = [
        f"cd {shlex.quote(str(tmp_path))}",
        shell.load(HOOKS),
        *(f"awsenv {line} </dev/null >/dev/null 2>&1" for line in ("read-only", "renew", "off", "exec read-only true")),
        "awsenv --version",
    ]

    argv = [require(shell.name), "-c", "\n".join(script)]
    done = world.command(argv, _AWSENV_BIN=world.program, **dict.fromkeys(MISLEADING, "here"))

    assert f"awsenv {awsenv.__version__}\n" == done.stdout, done.stderr
    assert not notes.exists(), notes.read_text()


@pytest.mark.parametrize(("path", "lines"), [*((path, LOADING[-1:]) for path in PATHS), (".", LOADING[:-1])])
def test_the_program_imports_nothing_from_the_current_folder(
    path: str, lines: Sequence[str], world: World, tmp_path: Path
) -> None:
    """Hold without the hook for everything that awsenv imports itself. The script of older installers imports `re`."""
    notes = traps(tmp_path, AFTER_IT)
    folder = shlex.quote(str(tmp_path))
    script = Path(world.environ["HOME"], "awsenv")
    script.write_text("import sys\nfrom awsenv.__main__ import main\nsys.exit(main())\n")
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"

    for line in lines:
        done = world.command(["sh", "-c", f"cd {folder}; exec {program} {line}"], PYTHONPATH=path)
        assert (0, "") == (done.returncode, done.stderr.replace("awsenv: no role is active in this shell\n", "")), line

    assert not notes.exists(), notes.read_text()


def test_the_module_imports_nothing_from_the_current_folder(world: World, tmp_path: Path) -> None:
    """Hold for `python -m awsenv`, which puts the current folder first."""
    names = ("boto3", "botocore", "dataclasses", "json", "socket", "typer")
    notes = traps(tmp_path, names)
    folder = shlex.quote(str(tmp_path))

    done = world.command(["sh", "-c", f"cd {folder}; exec {sys.executable} -m awsenv read-only --shell sh"])

    assert (0, "") == (done.returncode, done.stderr)
    assert not notes.exists(), notes.read_text()


def test_the_folder_of_the_libraries_may_be_the_current_one(world: World) -> None:
    """Find the libraries all the same."""
    folder = shlex.quote(str(Path(shlex.__file__).parent))
    site = shlex.quote(str(Path(pytest.__file__).parents[1]))

    for place in (folder, site):
        done = world.command(
            ["sh", "-c", f"cd {place}; exec {world.program} read-only --shell sh"], PYTHONPATH=":/opt/python"
        )
        assert (0, "") == (done.returncode, done.stderr), place
