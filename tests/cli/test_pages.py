"""The help pages equal Typer's."""

from __future__ import annotations

from copy import copy
from inspect import cleandoc
from typing import TYPE_CHECKING

import pytest

from awsenv.cli import mistakes
from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS, USAGE
from awsenv.cli.pages import page

if TYPE_CHECKING:
    from conftest import World


def by_typer(name: str, columns: int) -> str:
    """Return the page of the command called *name* as Typer writes it, *columns* wide."""
    command = copy(mistakes.built(name))
    about = cleandoc(ARGUMENTS[name].__doc__ or "")
    command.help = f"{COMMANDS[name].summary}\n\n{about}" if name else about
    with command.make_context("awsenv", ["--help"]) as ctx:
        formatter = type(ctx.make_formatter())(width=max(min(columns, 100) - 2, 50))
        formatter.write_usage(f"awsenv {name}".rstrip(), COMMANDS[name].usage if name else USAGE)
        command.format_help_text(ctx, formatter)
        command.format_options(ctx, formatter)
        if not name:
            with formatter.section("Commands"):
                formatter.write_dl([(each.name, each.summary) for each in COMMANDS.values()])
        return str(formatter.getvalue())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_page_equals_typers(name: str) -> None:
    """Every page equals the one that Typer writes, on a terminal of any width."""
    for columns in range(1, 130):
        assert by_typer(name, columns) == page(name, columns), columns


@pytest.mark.parametrize(
    ("columns", "width"), [("40", 50), ("60", 58), ("", 78), ("0", 78), ("-1", 78), ("wide", 78), ("200", 98)]
)
def test_a_page_is_as_wide_as_columns_says(shared_world: World, columns: str, width: int) -> None:
    """A page is as wide as COLUMNS says; without it and without a terminal, 80 columns."""
    done = shared_world.run("use", "--help", COLUMNS=columns)

    assert page("use", width + 2) == done.stdout


@pytest.mark.parametrize("line", ["--help", "-h", "help"])
def test_the_page_of_the_program_is_printed(shared_world: World, line: str) -> None:
    """The page of `awsenv` has each command and its summary."""
    assert page("", 80) == shared_world.run(line).stdout


@pytest.mark.parametrize("line", ["exec --help", "help exec", "exec -h", "exec -qh", "exec r --help", "exec r -h -- x"])
def test_help_may_stand_among_other_words(shared_world: World, line: str) -> None:
    """Each way to ask for help prints the same page."""
    assert page("exec", 80) == shared_world.run(*line.split()).stdout
