"""Reads the command line, and runs the command.

`arguments` declares the words and options of each command. Its function `run` is in a module of its own, which is
loaded when the command is called.
"""

from __future__ import annotations

from importlib import import_module

from awsenv import __version__, changes, variables
from awsenv.cli import reader
from awsenv.cli.action import Print
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS, DEFAULT, PREVIOUS, lacks_role, named, usage
from awsenv.errors import UsageError
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from awsenv.cli.action import Action
    from awsenv.cli.options import Caller
    from awsenv.model import Environ


_ROLES = (usage(DEFAULT), "awsenv list shows the roles")


class Help(Exception):  # noqa: N818 - its name says what happened
    """The command line asks for help. *text* is the page."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def module(name: str) -> Any:
    """Return the module of the command called *name*."""
    return import_module(f"awsenv.cli.{name.replace('-', '_')}")


def invoke(args: list[str], caller: Callable[[], Caller]) -> Action:
    """Read *args*, run the command, and return its action. *caller* is called only if a command runs.

    Raises:
        Help: The command line asks for help.
        AwsenvError: The command line is wrong, or the command failed.
    """
    if args[:1] == ["help"]:
        from awsenv.cli import typos  # noqa: PLC0415 - only where something is wrong, or help was asked for

        typos.check_help("".join(args[1:2]))
    words = named(args)
    name = "".join(words[:1])
    if name in {"", DEFAULT} and lacks_role(args):
        module(DEFAULT).refuse_terminal(caller())
    name, words = (name, words[1:]) if name in COMMANDS else ("", words)
    typed = _read(name, words, args, caller)
    if not name:
        if typed.get("version"):
            return Print(f"awsenv {__version__}\n")
        raise UsageError("which role?", hint=_ROLES)
    run, calling = module(name).run, caller()
    if typed.get("role") == PREVIOUS:
        typed["role"] = _previous(calling.environ)
        calling = replace(calling, previous_narrowed=calling.environ.get(variables.PREVIOUS_NARROWED))
    action: Action = run(calling, ARGUMENTS[name](**typed))
    return action


def _read(name: str, words: list[str], args: list[str], caller: Callable[[], Caller]) -> dict[str, Any]:
    """Return what was typed in *words* for the command called *name*. The whole command line is *args*.

    Raises:
        Help: It asks for help.
        UsageError: It is wrong.
    """
    typed = reader.read(ARGUMENTS[name], words)
    if typed is not None and reader.HELP not in typed:
        return typed

    def check_command() -> None:
        if [name, *words] == [DEFAULT, *args]:
            from awsenv.cli import typos  # noqa: PLC0415 - only where something is wrong, or help was asked for

            typos.check_command(args, caller().original, caller().folder)

    if typed is None:
        from awsenv.cli import mistakes  # noqa: PLC0415 - Typer, only where something is wrong

        try:
            typed = mistakes.read(name, words, args)
        except UsageError:
            check_command()
            raise
    if reader.HELP in typed:
        from awsenv.cli.pages import page  # noqa: PLC0415 - only where help was asked for

        check_command()
        raise Help(page(name))
    return typed


def _previous(environ: Environ) -> str:
    """Return the role that was active before the current one.

    Raises:
        UsageError: There was none.
    """
    role = environ.get(variables.PREVIOUS)
    if not role:
        because = "no role is active in this shell, and awsenv off forgets earlier ones"
        if changes.active(environ) is not None:
            because = "the active role replaced no other"
        raise UsageError("there is no role to return to", because=because, hint=_ROLES)
    return role
