"""How the words of a command line are read: a role in place of a command, and a command behind a role."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

from awsenv.cli.commands import named


class _AsTyped:
    """Takes a value as it was typed: a text, a flag, or a list of texts where the option may be repeated."""

    @staticmethod
    def coerce(value: Any, *, param: Any, ctx: Any) -> Any:
        del ctx
        return list(value or ()) if param.multiple else value


class _TextsAndFlags:
    """A command whose parameters are texts and flags, all of them.

    Typer 0.29 loads pydantic to make texts of texts: 80 ms, as long as an SDK needs to load.
    """

    def get_params(self, ctx: Any) -> Any:
        parameters = super().get_params(ctx)  # type: ignore[misc] # of the command that this is mixed into
        for parameter in parameters:
            parameter.get_runtime_param = _AsTyped
        return parameters


class Commands(_TextsAndFlags, TyperGroup):
    """The commands, and `use` for a first word that is none of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read *args* as those of a command, of `use` where none is named."""
        rest: list[str] = super().parse_args(ctx, named(args))
        return rest


class Command(_TextsAndFlags, TyperCommand):
    """A command whose usage line is written as a person types it."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what was written: Typer would spell an argument `{ROLE}`."""
        del ctx
        return [self.options_metavar or ""]


class CommandBehindRole(Command):
    """ROLE [CODE] [--] COMMAND…: our options stop where the command begins, and the rest is the command's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read our options of *args*, and leave `ROLE [CODE] -- COMMAND…` in `ctx.args`."""
        ours, role_words, command = self._split(ctx, args)
        super().parse_args(ctx, ours)
        words = [*role_words, "--", *command]
        ctx.args = words
        return words

    def _split(self, ctx: Any, args: list[str]) -> tuple[list[str], list[str], list[str]]:
        ours: list[str] = []
        role_words: list[str] = []
        rest = args
        while rest:
            left = self.make_parser(ctx).parse_args(list(rest))[1]
            taken = rest[: len(rest) - len(left)]
            if taken[-1:] == ["--"]:
                return [*ours, *taken[:-1]], role_words, left
            ours += taken
            if not left or len(role_words) == _words_of_role([*role_words, *left]):
                return ours, role_words, left
            role_words.append(left[0])
            rest = left[1:]
        return ours, role_words, []


def _words_of_role(words: list[str]) -> int:
    """Return how many of *words*, which begin with the role, speak of it: a code does, a command not.

    Digits are a code, if there are five or seven of them a wrong one: no command has such a name.
    """
    return 2 if len(words) > 1 and re.fullmatch("[0-9]+", words[1]) else 1
