"""How awsenv parses a command line: words, options, help and usage errors."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.cli import app, mistakes, reader
from awsenv.cli.action import Print
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Prompts
from awsenv.errors import UsageError
from awsenv.provider import Provider
from awsenv.record import replace

if TYPE_CHECKING:
    from conftest import World


def caller(home: Path) -> Caller:
    """Return a caller with an empty home."""
    environ = {"HOME": str(home)}
    prompts = Prompts(environ)
    return Caller(environ, "/bin/awsenv", Provider(None, prompts, lambda _: None), prompts.secret)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("use r", {"role": "r"}),
        ("use r 123456 --print", {"role": "r", "code": "123456", "anywhere": True}),
        ("use --duration 1h r --tag a=b --tag c=", {"role": "r", "duration": "1h", "tag": ["a=b", "c="]}),
        ("use --region=x -- --odd", {"role": "--odd", "region": "x"}),
        ("setup a b:c,mfa --format x", {"roles": ("a", "b:c,mfa"), "template": "x"}),
        ("setup", {}),
        ("exec r", {"role": "r", "command": []}),
        ("exec r env -0 --region x", {"role": "r", "command": ["env", "-0", "--region", "x"]}),
        (
            "exec r 123456 --region x -- env --help",
            {"role": "r", "code": "123456", "region": "x", "command": ["env", "--help"]},
        ),
        ("exec r 12345 env", {"role": "r", "code": "12345", "command": ["env"]}),
        ("exec --refresh r -- 123456", {"role": "r", "refresh": True, "command": ["123456"]}),
        ("demo", {"command": []}),
        ("demo -- env -- x", {"command": ["env", "--", "x"]}),
        ("demo env --help", {"command": ["env", "--help"]}),
    ],
)
def test_a_command_line_is_parsed_as_typed(line: str, expected: dict[str, object]) -> None:
    """An option that is not typed has no value, and `exec` and `demo` leave their command's words alone."""
    name, *words = line.split()

    assert expected == reader.read(ARGUMENTS[name], words)


@pytest.mark.parametrize(
    ("environ", "because"),
    [
        ({}, "no role is active in this shell, and awsenv off forgets earlier ones"),
        ({"AWSENV_ROLE": "power-user"}, "the active role replaced no other"),
    ],
)
def test_a_dash_without_a_previous_role_says_why(tmp_path: Path, environ: dict[str, str], because: str) -> None:
    """The error says whether a role is active: `off` makes a shell forget the previous roles."""
    with pytest.raises(UsageError) as caught:
        app.invoke(["-"], lambda: replace(caller(tmp_path), environ=environ))

    assert because == caught.value.because


@pytest.mark.parametrize(
    ("line", "fact", "hints"),
    [
        ("", "which role?", ("awsenv ROLE [CODE]", "awsenv list shows the roles")),
        ("use", "which role?", ("awsenv ROLE [CODE]", "awsenv list shows the roles")),
        ("--region x", "which role?", ("awsenv ROLE [CODE]", "awsenv list shows the roles")),
        ("exec", "which role?", ("awsenv exec ROLE [CODE] [-- COMMAND...]", "awsenv list shows the roles")),
        ("exec -- env", "which role?", ("awsenv exec ROLE [CODE] [-- COMMAND...]", "awsenv list shows the roles")),
        ("-", "there is no role to return to", ("awsenv ROLE [CODE]", "awsenv list shows the roles")),
        ("list all of it", "unexpected argument: of it", ("awsenv list [PATTERN]",)),
        (
            "r 123456 env",
            "unexpected argument after the code: env",
            ("awsenv ROLE [CODE]", "awsenv exec ROLE -- COMMAND runs a command"),
        ),
    ],
)
def test_a_missing_or_unexpected_argument_is_refused(
    tmp_path: Path, line: str, fact: str, hints: tuple[str, ...]
) -> None:
    """The error says which word is missing or unexpected, and its hint shows the usage of the command."""
    with pytest.raises(UsageError) as caught:
        app.invoke(line.split(), lambda: caller(tmp_path))

    assert (fact, hints) == (caught.value.fact, caught.value.hints)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_value_of_an_option_is_refused(tmp_path: Path, name: str) -> None:
    """`--policy "$POLICY"` without the variable would give the whole role: no option of any command may be empty."""
    options = [
        param.opts[-1] for param in mistakes.built(name).params if param.metavar and param.opts[-1].startswith("--")
    ]
    facts = []
    for option in options:
        with pytest.raises(UsageError) as caught:
            app.invoke([name, option, ""], lambda: caller(tmp_path))
        facts.append(caught.value.fact)

    assert [f"the value of {option} is empty" for option in options] == facts


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(tmp_path: Path, name: str) -> None:
    """`--help`, `-h` and `awsenv help` show one page, which begins with the usage and the summary."""
    shown = set()
    for line in (f"{name} --help", f"{name} -h", f"help {name}"):
        with pytest.raises(app.Help) as caught:
            app.invoke(line.split(), lambda: caller(tmp_path))
        shown.add(caught.value.text)

    (text,) = shown
    command = COMMANDS[name]
    beginning = f"Usage: awsenv {name} {command.usage} {command.summary}"
    assert beginning.split() == text.split()[: len(beginning.split())]


def test_the_version_is_printed(tmp_path: Path) -> None:
    """`awsenv --version` prints the name of the program and its version."""
    action = app.invoke(["--version"], lambda: caller(tmp_path))

    assert isinstance(action, Print)
    assert action.text.startswith("awsenv ")


def test_threads_parse_command_lines_independently() -> None:
    """Threads that parse at the same time keep their values apart: an agent answers several clients at once."""
    barrier = threading.Barrier(8)
    mixed: list[tuple[str, dict[str, object]]] = []

    def read(role: str) -> None:
        barrier.wait()
        for _ in range(200):
            values = mistakes.read("use", [role, "--region", role], [])
            if values != {"role": role, "region": role}:
                mixed.append((role, values))

    threads = [threading.Thread(target=read, args=(f"role-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == mixed


@pytest.mark.parametrize("words", ["", "list", "exec", "--help", "status --json"])
def test_the_variable_of_typers_completion_changes_nothing(shared_world: World, words: str) -> None:
    """Whatever the command line is, without words too."""
    plain = shared_world.run(*words.split())
    completing = {"_AWSENV_COMPLETE": "complete_bash", "COMP_WORDS": "awsenv ", "COMP_CWORD": "1"}
    done = shared_world.run(*words.split(), **completing)

    assert (plain.returncode, plain.stdout, plain.stderr) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "complete_bash", "source_zsh"])
def test_the_completion_of_typer_is_disabled(program: str, clean_environ: dict[str, str], shell: str) -> None:
    """The variable of Typer's shell completion has no effect on a command line."""
    done = subprocess.run(
        [program, "--version"],
        env=clean_environ | {"_AWSENV_COMPLETE": shell, "COMP_WORDS": "awsenv ", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ("", True) == (done.stderr, done.stdout.startswith("awsenv "))


@pytest.mark.parametrize("command", ["doctor", "list"])
def test_what_the_user_reads_ends_with_its_reader(command: str, program: str, clean_environ: dict[str, str]) -> None:
    """In `awsenv list | head -1` awsenv ends as other tools do, by SIGPIPE, and says nothing."""
    folder = Path(clean_environ["HOME"]) / ".aws"
    folder.mkdir()
    (folder / "config").write_text("[profile read-only]\nrole_arn = arn:aws:iam::123456789012:role/read-only\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([program, command], env=clean_environ, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)

    assert (-signal.SIGPIPE, b"") == (done.returncode, done.stderr)


def test_a_closed_pipe_is_reported_without_a_traceback(program: str, clean_environ: dict[str, str]) -> None:
    """If the reader of the help has gone, the error says that the output could not be written."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([program, "--help"], env=clean_environ, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)

    fact = b"awsenv: the output could not be written: Broken pipe\n"
    hint = b"  try      check where it goes\n"
    assert fact + hint == done.stderr


@pytest.mark.parametrize("line", ["use role 123456", "exec role 123456 -- true", "login 123456"])
def test_what_was_typed_is_not_kept(line: str) -> None:
    """A command that an agent keeps loaded keeps no code of the call that loaded it."""
    name, *args = line.split()
    mistakes.built.cache_clear()
    kept = weakref.ref(mistakes.built(name).make_context(name, args))

    gc.collect()

    assert kept() is None
