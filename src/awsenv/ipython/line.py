"""What may be typed after `%awsenv`: read, and refused, as a command line of awsenv."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from awsenv.cli.declarations import Option

COMMANDS = ("off", "list", "status")
"""The commands besides that of a role."""


def known() -> dict[str, Option]:
    """Return the options of the magic: those of `use`, except for those about a shell."""
    from awsenv.cli.arguments import ShellOptions, UseArguments  # noqa: PLC0415 - see `magic.Magic._run`
    from awsenv.cli.declarations import options  # noqa: PLC0415 - the same

    return {name: each for name, each in options(UseArguments).items() if name not in options(ShellOptions)}


def typed(words: list[str]) -> dict[str, Any]:
    """Return what was typed, by the names that `awsenv.api` has for it.

    Raises:
        UsageError: It is wrong.
    """
    from awsenv import changes, config  # noqa: PLC0415 - see `magic.Magic._run`
    from awsenv.cli import process, reader, typos  # noqa: PLC0415 - the same
    from awsenv.cli.arguments import UseArguments  # noqa: PLC0415 - the same
    from awsenv.cli.commands import DEFAULT  # noqa: PLC0415 - the same
    from awsenv.cli.options import FIELDS, typed_code  # noqa: PLC0415 - the same
    from awsenv.errors import UsageError  # noqa: PLC0415 - the same

    args = words[1:] if words[0] == DEFAULT else words
    made = reader.read(UseArguments, args)
    environ, folder = changes.original(os.environ), process.folder()
    if made is None:
        from awsenv.cli import mistakes  # noqa: PLC0415 - Typer, only where something is wrong

        try:
            made = mistakes.read(DEFAULT, args, words)
        except UsageError:
            if args is words:
                typos.check_command(words, environ, folder)
            raise
    if "shell" in made or "anywhere" in made:
        raise UsageError("--shell and --print are of no use here", hint="%awsenv ROLE [CODE]")
    profiles = config.read(environ, folder)
    typos.check_role(words, made["role"], profiles, environ)
    typos.check_profile(words, made.get("profile"), profiles)
    typed_code(made.get("code"), words)
    return {FIELDS.get(name, name): value for name, value in made.items()}
