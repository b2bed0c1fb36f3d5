"""The command line: read with Typer, and handed to the command that it calls.

`arguments` declares the words and options of each command. Its function `run` is in a file of its own, which is loaded
when the command is called.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from inspect import Parameter, Signature, cleandoc
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from awsenv import __version__, environment, variables
from awsenv.cli.action import Print
from awsenv.cli.arguments import ARGUMENTS, Word, declared
from awsenv.cli.commands import COMMANDS, DEFAULT, PREVIOUS, lacks_role, named, usage
from awsenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.cli.action import Action
    from awsenv.cli.arguments import Option
    from awsenv.cli.options import Caller
    from awsenv.model import Environ


_LIST = "awsenv list shows the roles"
_ROLES = (usage(DEFAULT), _LIST)


class Help(Exception):  # noqa: N818 - its name says what happened
    """The command line asks for help: *text*, as wide as the terminal."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text + "\n"


class _Command(TyperCommand):
    """A command whose words and options are texts and flags.

    Typer 0.29 loads pydantic to check that they are: 80 ms, as long as an SDK takes to load. And the wrapper that it
    puts around a function keeps the values of a call where those of another thread overwrite them.
    """

    _parser: Any = None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read *args* as they were typed. What was left out has its default."""
        values, rest = self._read(ctx, args)
        if values.pop("help", False):
            raise Help(ctx.get_help())
        hint = usage(self.name) if self.name in COMMANDS else "awsenv --help"
        for param in self.params:
            _refuse_empty(param.opts[-1], values.get(param.name))
        for param in self.params:
            if param.required and values.get(param.name) is None:
                raise UsageError(f"which {param.name}?", hint=(hint, _LIST) if param.name == "role" else hint)
        if rest:
            run = ("awsenv exec ROLE -- COMMAND runs a command",) if self.name == "use" else ()
            # What may be a code is not shown.
            shown = " ".join("…" if re.fullmatch("[0-9 ]+", word) else word for word in rest)
            raise UsageError(f"unexpected argument: {shown}", hint=(hint, *run))
        ctx.params = {name: value for name, value in values.items() if value is not None}
        return []

    def _read(self, ctx: Any, args: list[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the values by name, and the words that are too many."""
        values, rest, _ = self.make_parser(ctx).parse_args(list(args))
        return values, rest

    def make_parser(self, ctx: Any) -> Any:
        """Return the parser, which is made once: an agent needs it for each request, `exec` three times for one."""
        if self._parser is None:
            # The parser keeps its context, and that of a call holds the code and the external id.
            self._parser = super().make_parser(type(ctx)(self, info_name=ctx.info_name, **self.context_settings))
        return self._parser

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the usage as the table has it: Typer would spell an argument `{ROLE}`."""
        del ctx
        return [self.options_metavar or ""]


def _refuse_empty(option: str, value: Any) -> None:
    """Refuse an option whose value is empty: without `--policy "$POLICY"` a role is not narrowed."""
    if option.startswith("-") and (value == "" or (isinstance(value, list) and "" in value)):
        raise UsageError(f"the value of {option} is empty", hint=("give it a value", f"leave {option} out"))


class _Runner(_Command):
    """A command that runs another: `ROLE [CODE] [--] COMMAND...`. Our options end where COMMAND begins."""

    allow_interspersed_args = False

    def _read(self, ctx: Any, args: list[str]) -> tuple[dict[str, Any], list[str]]:
        before = [param.name for param in self.params if param.name in {"role", "code"}]
        ours: list[str] = []
        words: list[str] = []
        rest = list(args)
        while True:
            read = super()._read(ctx, rest)[0]
            left = [*(read[name] for name in before if read[name] is not None), *(read["command"] or ())]
            taken = rest[: len(rest) - len(left)]
            ends = taken[-1:] == ["--"]
            ours += taken[:-1] if ends else taken
            if ends or not left or len(words) == (_words_of_role([*words, *left]) if before else 0):
                break
            words.append(left[0])
            rest = left[1:]
        values = super()._read(ctx, ours)[0]
        return values | dict(zip(before, words, strict=False)) | {"command": left}, []


def _words_of_role(words: list[str]) -> int:
    """Return how many of *words*, which begin with a role, are about it: the second is, where it is a code.

    Any digits are a code, a wrong one if there are five or seven of them: no command has such a name.
    """
    return 2 if len(words) > 1 and re.fullmatch("[0-9]+", words[1]) else 1


class _Program(_Command):
    """`awsenv` without a command."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, and the summaries of the table: the help loads no command."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.summary) for command in COMMANDS.values()])


@cache
def _program() -> _Command:
    return _made("", cleandoc(ARGUMENTS[""].__doc__ or ""), "[OPTIONS] ROLE [CODE] | COMMAND ...", _Program)


@cache
def built(name: str) -> _Command:
    """Return the command called *name*."""
    command = COMMANDS[name]
    about = f"{command.summary}\n\n{cleandoc(ARGUMENTS[name].__doc__ or '')}"
    return _made(name, about, command.usage, _Runner if "command" in declared(ARGUMENTS[name]) else _Command)


def _made(name: str, about: str, usage: str, cls: type[_Command]) -> _Command:
    """Return the command called *name* with the words and options that `arguments` declares."""

    def function() -> None:
        """Stand for the command: Typer reads the signature."""

    vars(function)["__signature__"] = Signature([_parameter(each) for each in declared(ARGUMENTS[name]).values()])
    # Plain text: the help can be searched, and documents quote it. Typer's own completion edits rc files.
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    context = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    app.command(name or "awsenv", cls=cls, context_settings=context, help=about, options_metavar=usage)(function)
    return cast("_Command", typer.main.get_command(app))


def _parameter(each: Word | Option) -> Parameter:
    """Return *each* as a part of a signature, from which Typer makes it."""
    kind: Any = list[str] if each.is_list else str
    kind = kind if each.is_required else kind | None
    if isinstance(each, Word):
        # Hidden: the usage line has them, and Typer's own section would say `<str>`.
        info = typer.Argument(hidden=True)
    else:
        info = typer.Option(*each.names, metavar=each.metavar, help=each.text)
        kind = bool if each.is_flag else kind
    default = Parameter.empty if each.is_required else each.default
    return Parameter(each.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def module(name: str) -> Any:
    """Return the file of the command called *name*, loaded."""
    return import_module(f"awsenv.cli.{name.replace('-', '_')}")


def invoke(args: list[str], caller: Callable[[], Caller]) -> Action:
    """Read *args*, run the command that they call, and return its action. Only a command that runs needs its *caller*.

    Raises:
        Help: They ask for help.
        AwsenvError: The command line is wrong, or the command failed.
    """
    if args[:1] == ["help"]:
        from awsenv.cli import typos  # noqa: PLC0415 - only where something is wrong, or help was asked for

        typos.check_help("".join(args[1:2]))
    words = named(args)
    name = "".join(words[:1])
    if name in {"", DEFAULT} and lacks_role(args):
        module(DEFAULT).refuse_terminal(caller())
    if name not in COMMANDS:
        return _without_command(words)
    try:
        with built(name).make_context(f"awsenv {name}", words[1:]) as ctx:
            arguments = ctx.params
    except (Help, TyperException, UsageError) as error:
        if words == [DEFAULT, *args]:
            from awsenv.cli import typos  # noqa: PLC0415 - the same

            typos.check_command(args, environment.original(caller().environ), caller().folder)
        raise (_wrong(error, built(name), args) if isinstance(error, TyperException) else error) from None
    run, calling = module(name).run, caller()
    if arguments.get("role") == PREVIOUS:
        arguments["role"] = _previous(calling.environ)
    action: Action = run(calling, ARGUMENTS[name](**arguments))
    return action


def _previous(environ: Environ) -> str:
    """Return the role that was active before that of *environ*.

    Raises:
        UsageError: There was none.
    """
    role = environ.get(variables.PREVIOUS)
    if not role:
        raise UsageError("this shell had no other role before", hint=_ROLES)
    return role


def _without_command(words: list[str]) -> Action:
    try:
        with _program().make_context("awsenv", words) as ctx:
            if ctx.params.get("version"):
                return Print(f"awsenv {__version__}\n")
    except TyperException as error:
        raise _wrong(error, _program(), words) from None
    raise UsageError("which role?", hint=_ROLES)


def _wrong(error: TyperException, command: _Command, args: list[str]) -> UsageError:
    """Return what Typer could not read as an error with a next step."""
    name = getattr(error, "option_name", "")
    known = {option: param for param in command.params for option in param.opts if option.startswith("--")}
    if name in known:
        # It lacks its value.
        return UsageError(f"{name} needs a value", hint=f"{name} {known[name].metavar}")
    typed = next((arg.partition("=")[0] for arg in args if _has(arg, name)), name) if name else ""
    fact = f"there is no option {typed}" if name else error.format_message().rstrip(".")
    from awsenv.cli import typos  # noqa: PLC0415 - the same

    hint = typos.option_hint(args, typed, list(known), command.options_metavar or "")
    return UsageError(fact[:1].lower() + fact[1:], hint=hint or f"awsenv {command.name} --help")


def _has(arg: str, option: str) -> bool:
    """Return whether *arg* is where Typer found *option*: of `-profile` it names `-p`."""
    if option.startswith("--"):
        return arg.partition("=")[0] == option
    return arg.startswith("-") and not arg.startswith("--") and option[1:] in arg[1:]
