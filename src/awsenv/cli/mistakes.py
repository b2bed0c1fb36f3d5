"""Reads a command line that `reader` does not accept with Typer, which finds what is wrong with it."""

from __future__ import annotations

import re
from functools import cache
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from awsenv.cli import typos
from awsenv.cli.arguments import ARGUMENTS, HelpOption
from awsenv.cli.commands import COMMANDS, usage
from awsenv.cli.declarations import Word, declared, options, present
from awsenv.cli.reader import HELP, is_about_role
from awsenv.errors import UsageError
from awsenv.wording import quoted

if TYPE_CHECKING:
    from awsenv.cli.declarations import Option

LIST = "awsenv list shows the roles"


class _Command(TyperCommand):
    """A command whose words and options are strings and flags.

    Typer 0.29 would check them with pydantic, which takes 80 ms to load, and its wrapper around a function stores the
    values of a call where another thread overwrites them.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read *args*. The values have only what was typed."""
        values, rest = self._read(ctx, args)
        if values.get(HELP):
            ctx.params = {HELP: True}
            return []
        places, rest = self._placed(values, rest)
        hint = usage(self.name, args) if self.name in COMMANDS else "awsenv --help"
        for param in self.params:
            _refuse_empty(param.opts[-1], values.get(param.name))
        for each in places:
            if each.is_required and values.get(each.name) is None:
                raise UsageError(f"which {each.name}?", hint=(hint, LIST) if each.name == "role" else hint)
        if rest:
            # A number may be a code.
            shown = " ".join("a number" if _is_number(word) else word for word in rest)
            after = " after the code" if _is_number(values.get("code") or "") else ""
            hints = typos.run_hints(args) if self.name == "use" else (hint,)
            raise UsageError(f"unexpected argument{after}: {shown}", hint=hints)
        ctx.params = {name: value for name, value in values.items() if value is not None}
        return []

    def _read(self, ctx: Any, args: list[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the values by name, and the excess words."""
        parser = self.make_parser(ctx)
        match = parser._match_long_opt  # noqa: SLF001 - it splits `--sealed=strict`, which is one flag

        def match_whole(option: str, value: str | None, state: Any) -> None:
            whole = f"{option}={value}"
            match(*((whole, None) if whole in parser._long_opt else (option, value)), state)  # noqa: SLF001 - the same

        parser._match_long_opt = match_whole  # type: ignore[assignment,method-assign] # noqa: SLF001 - the same
        values, rest, _ = parser.parse_args(list(args))
        return values, rest

    def _placed(self, values: dict[str, Any], rest: list[str]) -> tuple[list[Word], list[str]]:
        """Move the words among *values* to the places that go with the first one.

        Returns:
            These places, and the excess words.

        Raises:
            UsageError: No place goes with the first word.
        """
        fields = declared(ARGUMENTS[self.name if self.name in COMMANDS else ""])
        places = [each for each in fields.values() if isinstance(each, Word)]
        if not any(each.after for each in places):
            return places, rest
        words = [*(word for each in places if (word := values.pop(each.name)) is not None), *rest]
        has = present(places, next(iter(words), None))
        if has is None and words and not _is_number(words[0]):
            raise UsageError(f"there is no {places[0].name} {quoted(words[0])}", hint=usage(self.name or ""))
        if has is None:
            return places[:1], []
        values.update(zip((each.name for each in has), words, strict=False))
        return has, words[len(has) :]


def _is_number(word: str) -> bool:
    return re.fullmatch("[0-9 ]+", word) is not None


def _refuse_empty(option: str, value: Any) -> None:
    """Refuse an empty value: with an empty `--policy "$POLICY"`, the role would keep all permissions."""
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
            if ends or not left or not is_about_role(left[0], words, len(before)):
                break
            words.append(left[0])
            rest = left[1:]
        values = super()._read(ctx, ours)[0]
        return values | dict(zip(before, words, strict=False)) | {"command": left}, []


class _Fan(_Command):
    """A command that runs another for many roles: `PATTERN... -- COMMAND...`. Typer accepts only one list."""

    def _read(self, ctx: Any, args: list[str]) -> tuple[dict[str, Any], list[str]]:
        end = args.index("--") if "--" in args else len(args)
        values, rest = super()._read(ctx, args[:end])
        return values | {"command": args[end + 1 :]}, rest


@cache
def built(name: str) -> _Command:
    """Return the command called *name*; empty: `awsenv` without one."""
    fields = declared(ARGUMENTS[name])

    def function() -> None:
        """Stand in for the command: Typer reads only the signature."""

    is_fan = {"patterns", "command"} <= fields.keys()
    typed = [each for name, each in fields.items() if not (is_fan and name == "command")]
    vars(function)["__signature__"] = Signature([_parameter(each) for each in typed])
    # Typer's own completion edits rc files.
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    kind = _Fan if is_fan else _Runner if "command" in fields else _Command
    app.command(name or "awsenv", cls=kind, context_settings={"help_option_names": ["-h", "--help"]})(function)
    return cast("_Command", typer.main.get_command(app))


def _parameter(field: Word | Option) -> Parameter:
    """Return the parameter from which Typer makes a word or an option."""
    kind: Any = list[str] if field.is_list else str
    kind = kind if field.is_required else kind | None
    if isinstance(field, Word):
        # Hidden, since the usage shows it.
        info = typer.Argument(hidden=True)
    else:
        info = typer.Option(*field.names, metavar=field.metavar, help=field.text)
        kind = bool if field.is_flag else kind
    default = Parameter.empty if field.is_required else field.default
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def read(name: str, args: list[str], line: list[str]) -> dict[str, Any]:
    """Return what was typed in *args* for the command called *name*, as `reader.read` does.

    Args:
        name: The command; empty: `awsenv` without one.
        args: What follows it.
        line: The command line as typed.

    Raises:
        UsageError: It is wrong.
    """
    command = built(name)
    try:
        with command.make_context(f"awsenv {name}".rstrip(), args) as ctx:
            typed: dict[str, Any] = ctx.params
            return typed
    except TyperException as error:
        raise _wrong(error, name, line) from None


def _wrong(error: TyperException, called: str, args: list[str]) -> UsageError:
    """Return the error for an exception of Typer."""
    name = getattr(error, "option_name", "")
    known = {**options(ARGUMENTS[called]), **options(HelpOption)}
    arg = next((arg for arg in args if _has(arg, name)), name) if name else ""
    typed, equals, _ = arg.partition("=")
    # For `-yq=1` Typer reports `-=`.
    option = f"-{typed[-1]}" if name == "-=" and typed != "-" else name
    if option in known and known[option].is_flag:
        values = [other.partition("=")[2] for other in known if other.startswith(f"{option}=")]
        but = f" but {values[0]}" if values else ""
        return UsageError(f"{option} takes no value{but}", hint=typos.without_value(args, typed))
    if option in known:
        return UsageError(f"{option} needs a value", hint=f"{option} {known[option].metavar}")
    typed = typed if typed.strip("-") else typed + equals
    fact = f"there is no option {typed}" if name else error.format_message().rstrip(".")
    long = [option for option in known if option.startswith("--") and option != "--help"]
    hint = typos.option_hint(args, typed, long, called)
    page = called if not args[0].startswith("-") else ""
    return UsageError(fact[:1].lower() + fact[1:], hint=hint or " ".join(filter(None, ("awsenv", page, "--help"))))


def _has(arg: str, option: str) -> bool:
    """Return whether Typer may have found *option* in *arg*: for `-profile` it reports `-p`."""
    if option.startswith("--"):
        return arg.partition("=")[0] == option
    return arg.startswith("-") and not arg.startswith("--") and option[1:] in arg[1:]
