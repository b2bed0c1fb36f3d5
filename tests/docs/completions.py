"""Writes shell/completions/awsenv.table: `python tests/docs/completions.py`.

Its rows are the commands and the options of the program, with their fields between bars:

    COMMAND|WORD WORD...|SUMMARY
    COMMAND FIRST|WORD WORD...
    COMMAND,COMMAND...|--OPTION|VALUE|HELP

The second says what follows the word FIRST of a command with several forms.

WORD and VALUE say what to offer: `roles`, `profiles`, `regions`, `commands`, `command` (of the system), `file`, or
words with slashes between them; `-` is something that cannot be offered, and an option without a VALUE takes none. A
WORD with `...` behind it stands for any number of words.
"""

from __future__ import annotations

from pathlib import Path

from awsenv import shells
from awsenv.cli.arguments import ARGUMENTS, HelpOption
from awsenv.cli.commands import COMMANDS
from awsenv.cli.declarations import Option, declared
from awsenv.shells import base

TABLE = Path(base.folder(), "completions", base.TABLE)
_TIMES = "15m/30m/1h/2h/4h/8h/12h"


def offers(metavar: str, name: str) -> str:
    """Return what to offer for a word of the usage, or a value of an option, of the command *name*."""
    of_shell = {
        "init": [shell.name for shell in shells.hooked()] + frameworks(),
        "completion": [shell.name for shell in shells.every() if shell.completion()],
    }
    return {
        "ROLE": "roles",
        "COMMAND...": "command",
        "SHELL": "/".join(of_shell.get(name, shells.names())),
        "PROFILE": "profiles",
        "SOURCE": "profiles",
        "ADMIN": "profiles",
        "REGION": "regions",
        "REGION,...": "regions",
        "PATTERN": "roles" if name == "each" else "-",
        "PATTERN...": "roles...",
        "TIME": _TIMES,
        "JSON": "file",
        "FORMAT": "cloudformation/terraform",
    }.get(metavar, "-")


def frameworks() -> list[str]:
    """Return the prompt frameworks that need a file of their own: the hooks have what the others need."""
    in_hooks = {name for shell in shells.hooked() for name in shell.segments}
    return sorted(path.stem for path in Path(base.folder(), "prompts").iterdir() if path.name not in in_hooks)


def commands() -> list[str]:
    """Return a row for each command, and for each form of one that has several."""
    rows, forms = [], []
    for name, command in COMMANDS.items():
        usages = [[word.strip("[]") for word in usage.split()] for usage in command.usage.split(" | ")]
        words = [[word for word in usage if word not in {"OPTIONS", "--"}] for usage in usages]
        offered = " ".join(offers(word, name) for word in words[0])
        if len(words) > 1:
            offered = "/".join(first for first, *_ in words)
            forms += [f"{name} {first}|{' '.join(offers(word, name) for word in rest)}" for first, *rest in words]
        rows.append(f"{name}|{offered}|{command.summary}")
    return [*rows, "help|commands|Show the help of a command.", *forms]


def options() -> list[str]:
    """Return a row for each option; those that are the same for several commands have one."""
    rows: dict[str, list[str]] = {"|--version||Print the version.": ["awsenv"]}
    for name in COMMANDS:
        for each in (*declared(ARGUMENTS[name]).values(), *declared(HelpOption).values()):
            if isinstance(each, Option):
                rows.setdefault(_option(each, name), []).append(name)
    return [",".join(names) + row for row, names in rows.items()]


def _option(option: Option, name: str) -> str:
    value = offers(option.metavar, name) if option.metavar else ""
    return f"|{option.names[-1]}|{value}|{option.text}"


def written() -> str:
    """Return the text of the table."""
    return "".join(f"{row}\n" for row in (*commands(), *options()))


if __name__ == "__main__":
    TABLE.write_text(written(), encoding="ascii")
