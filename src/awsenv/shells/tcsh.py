"""Tcsh, 6.21 and later."""

from __future__ import annotations

import os

from awsenv.shells.base import Shell, checked
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@:/- ")
"""What stands for itself in single quotes, all keys of AWS included. `!`, or what `histchars` names, does not."""

_MOST = 1000
"""How many characters are printed at once: where some have several bytes, tcsh loses what follows 4,096 (6.24)."""


class Tcsh(Shell):
    """Tcsh.

    Its code has a builtin behind `if (1)`, where no alias replaces it: a quoted word is no builtin.
    """

    name = "tcsh"
    also = ("csh",)
    # Without the double quotes, tcsh would match patterns in the output and collapse its spaces.
    evaluate = 'eval "`{}`"'
    source = "if (-r {file}) source {file} load {program} {file}"
    # It reads no file but the user's own, so only those can load the hook.
    shows_role = False

    def quote(self, value: str) -> str:
        """Return `'...'`, or `"`printf ...`"` with each byte as a number."""
        if _PLAIN.issuperset(value):
            return f"'{value}'"
        return "".join(_printed(value[start : start + _MOST]) for start in range(0, len(value), _MOST))

    def render(self, change: Change) -> str:
        """Print first what is not plain, and what is ASCII of it at once, one value a line: printf is a process.

        tcsh has no read-only variables of the environment. If a value is missing, the last one is, and the rest of the
        code does not run.

        Raises:
            ConfigError: A value contains a line feed.
        """
        code, lines, words = "", dict[str, str](), dict[str, str]()
        for name, value in checked(change):
            if value is None:
                code += f"if (1) unsetenv {name};\n"
            elif "\n" in value:
                from awsenv.errors import ConfigError, Origin  # noqa: PLC0415 - `enum` costs as much as the fast path

                fact = "nothing was changed: tcsh cannot hold a value with a line feed"
                raise ConfigError(fact, Origin(name), hint="awsenv exec ROLE -- COMMAND")
            elif _PLAIN.issuperset(value):
                code += f"if (1) setenv {name} {self.quote(value)};\n"
            elif value.isascii():
                lines[name] = value
            else:
                # Half of a character at the end of a line would hide the end.
                words[name] = self.quote(value)
        if not lines and not words:
            return code
        printed = " ".join([*([_printed("\n".join(lines.values()))] if lines else []), *words.values()])
        odd = [f"if (1) setenv {name} $_awsenv_values[{i}]:q;\n" for i, name in enumerate([*lines, *words], start=1)]
        return f"if (1) set _awsenv_values=({printed});\n{''.join(odd[::-1])}if (1) unset _awsenv_values;\n{code}"

    def hook(self, program: str) -> str:
        """Return the line that loads the hook, whose aliases read the file again."""
        file = self.quote(self._hook_file)
        return f"source {file} load {self.quote(program)} {file};\n"

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return ~/.tcshrc, or ~/.cshrc where only that is there, and what a login shell reads after it."""
        main, other = (f"{home(environ)}/{name}" for name in (".tcshrc", ".cshrc"))
        if os.path.exists(other) and not os.path.exists(main):
            main = other
        return main, [main, f"{home(environ)}/.login"]


def _printed(value: str) -> str:
    # Not by the `echo` of tcsh, which knows no numbers where a backslash is a yen sign.
    octal = "".join(f"\\{byte:03o}" for byte in os.fsencode(value))
    return f"\"`/usr/bin/env printf '{octal}'`\""


SHELL = Tcsh()
