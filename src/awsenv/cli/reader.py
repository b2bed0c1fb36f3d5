"""Reads a command line that is sure to be correct. `mistakes` reads any other, with Typer, which is slow to load."""

from __future__ import annotations

from awsenv.cli.arguments import HelpOption
from awsenv.cli.declarations import Word, declared, options, present

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from awsenv.cli.declarations import Arguments, Option

HELP = "help"
"""The field of `HelpOption`."""


def read(arguments: type[Arguments], args: Sequence[str]) -> dict[str, Any] | None:
    """Return the words and options in *args* by field; only `HELP` if it is among them; None: *args* may be wrong.

    Our options end where a `command` begins.
    """
    fields = declared(arguments)
    known = {**options(arguments), **options(HelpOption)}
    places = [each for each in fields.values() if isinstance(each, Word)]
    runs = places.pop() if "command" in fields else None
    # A command behind a list begins at `--` only.
    takes_all = runs is None or any(each.is_list for each in places)
    typed: dict[str, Any] = {}
    words: list[str] = []
    command: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            (words if runs is None else command).extend(rest)
        elif arg.startswith("-") and arg != "-":
            if not _take(arg, rest, known, typed):
                return None
        elif takes_all or is_about_role(arg, words, len(places)):
            words.append(arg)
        else:
            command = [arg, *rest]
    if HELP in typed:
        return {HELP: True}
    if runs is not None:
        typed[runs.name] = command
    return typed if _fill(typed, places, words) else None


def is_about_role(word: str, before: Sequence[str], most: int = 2) -> bool:
    """Return whether *word*, after the words *before*, is the role or the MFA code, and not the command to run.

    Digits are always a code, even if there are too few or too many: no command has such a name.
    """
    return len(before) < most and (not before or (word.isascii() and word.isdigit()))


def _take(arg: str, rest: Iterator[str], known: Mapping[str, Option], typed: dict[str, Any]) -> bool:
    """Note the options in *arg*, and return whether they are sure to be correct."""
    # A flag may have a sign of equality in its name.
    name, has_value, value = (arg, "", "") if arg in known else arg.partition("=")
    names = [name] if arg.startswith("--") else [f"-{letter}" for letter in arg[1:]]
    found = [known[each] for each in names if each in known]
    if len(found) < len(names):
        return False
    if not has_value and all(each.is_flag for each in found):
        typed.update((each.name, True) for each in found)
        return True
    if len(found) > 1 or found[0].is_flag:
        return False
    option = found[0]
    value = value if has_value else next(rest, "")
    if option.is_list:
        typed.setdefault(option.name, []).append(value)
    else:
        typed[option.name] = value
    return value not in {"", "--"}


def _fill(typed: dict[str, Any], places: Sequence[Word], words: Sequence[str]) -> bool:
    """Note the *words*, and return whether none is missing and none is too many."""
    if places and places[0].is_list:
        if words:
            typed[places[0].name] = tuple(words)
        return True
    has = present(places, next(iter(words), None))
    if has is None:
        return False
    typed.update(zip((each.name for each in has), words, strict=False))
    return len(words) <= len(has) and all(each.name in typed for each in has if each.is_required)
