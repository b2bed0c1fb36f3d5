"""The help pages, equal to Typer's at every width, without loading it.

Typer takes 4.5 times as long to load as Python takes to start.
"""

from __future__ import annotations

import os
from textwrap import TextWrapper

from awsenv.cli import process
from awsenv.cli.arguments import ARGUMENTS, HelpOption
from awsenv.cli.commands import COMMANDS, USAGE
from awsenv.cli.declarations import Option, declared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST, _MOST = 50, 98
"""The width of a line."""
_INDENT = "  "
_FITS = 20
"""Columns that must be left for a usage to start on the line of its command."""
_WIDEST = 30
"""The width of the first column of a list at most; a wider term gets a line of its own."""


def page(name: str, columns: int | None = None) -> str:
    """Return the help of a command.

    Args:
        name: The command; empty: `awsenv` itself.
        columns: The width of the terminal; None: that of the real one, or `COLUMNS`.
    """
    width = max(min((columns or _columns()) - 2, _MOST), _LEAST)
    fields = {**declared(ARGUMENTS[name]), **declared(HelpOption)}.values()
    options = [(_typed(each), each.text) for each in fields if isinstance(each, Option)]
    about = (ARGUMENTS[name].__doc__ or "").split("\n\n")
    if name:
        about.insert(0, COMMANDS[name].summary)
    parts = [_usage(name, width)]
    parts += [_wrapped(" ".join(each.split()), width, _INDENT, _INDENT) for each in about]
    parts.append("Options:\n" + _listed(options, width))
    if not name:
        parts.append("Commands:\n" + _listed([(each.name, each.summary) for each in COMMANDS.values()], width))
    return "\n\n".join(parts) + "\n"


def _usage(name: str, width: int) -> str:
    line = COMMANDS[name].usage if name else USAGE
    start = f"Usage: awsenv {name} " if name else "Usage: awsenv "
    if width >= len(start) + _FITS:
        return _wrapped(line, width, start, " " * len(start))
    indent = " " * (len("Usage: ") + 4)
    return f"{start}\n{_wrapped(line, width, indent, indent)}"


def _columns() -> int:
    """Return the width of the terminal as `shutil.get_terminal_size` does: `shutil` loads all compression modules."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    return columns if columns > 0 else process.terminal_width(1) or 80


def _typed(option: Option) -> str:
    names = ", ".join(option.names)
    return names if option.metavar is None else f"{names} {option.metavar}"


def _listed(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Return *rows* of a term and its meaning in two columns."""
    column = min(max(len(term) for term, _ in rows), _WIDEST) + 2
    lines = []
    for term, text in rows:
        first, *others = _wrapped(text, max(width - column - 2, 10), "", "").split("\n")
        if len(term) > column - 2:
            lines += [_INDENT + term, _INDENT + " " * column + first]
        else:
            lines.append(_INDENT + term.ljust(column) + first)
        lines += [_INDENT + " " * column + other for other in others]
    return "\n".join(lines)


def _wrapped(text: str, width: int, first: str, others: str) -> str:
    return TextWrapper(width, initial_indent=first, subsequent_indent=others).fill(text)
