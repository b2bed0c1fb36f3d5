"""The shells that know no more than POSIX.1-2017: dash, the Korn shells, busybox, yash."""

from __future__ import annotations

import os

from awsenv.shells.base import Posix, folder, single_quoted
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

_STARTUP = {"mksh": ".mkshrc", "ksh": ".kshrc", "yash": ".yashrc"}
"""The startup files that a shell reads if `ENV` names none; yash reads its own in any case."""

_ASCII = "".join(map(chr, range(0x80)))


class Sh(Posix):
    """A POSIX shell."""

    name = "sh"
    also = ("ash", "busybox", "dash", "ksh", "mksh", "posix", "yash")
    source = r"[ ! -r {file} ] || {{ _AWSENV_BIN={program}; \. {file}; }}"
    builtin = ""  # `export`, `unset` and `exit` come before functions (POSIX, XCU 2.9.1.1)

    def quote(self, value: str) -> str:
        r"""Return `'...'`, and `"$(command printf '\ooo')"` for what is not ASCII: `$'...'` is not known to all.

        `$(...)` drops newlines at the end, so what follows the last character that is not ASCII stays out of it.
        """
        before, foreign, after = _parted(value)
        if not foreign:
            return single_quoted(value)
        return f'{single_quoted(before)}"{_printed(foreign)}"{single_quoted(after)}'

    def render(self, change: Change) -> str:
        """Check also that each value arrives: printf may be missing, and yash holds no byte that it cannot decode."""
        guards = "".join(
            f"""( (_awsenv="{_printed(f"{_parted(value)[1]}.")}"; '[' "$_awsenv" != "${{_awsenv%?.}}" ]) ||\n"""
            + self._refuse(f"awsenv: nothing was changed: this shell cannot hold the value of {name}")
            + " ) &&\n"
            for name, value in change.variables.items()
            if value and not value.isascii()
        )
        return guards + super().render(change)

    def subshell(self, path: str, environ: Environ, change: Change, program: str) -> tuple[list[str], dict[str, str]]:
        """Make the shell read our file, which reads that of the user first. The shell expands the path in ENV."""
        argv, after = super().subshell(path, environ, change, program)
        name, file = _name(path), f"{folder()}/subshell/env.sh"
        after["_AWSENV_HOOK"] = self._hook_file
        if "ENV" in environ:
            after["_AWSENV_ENV"] = environ["ENV"]
        own = f"$HOME/{_STARTUP[name]}" if name in _STARTUP else ""
        if name == "yash":
            return [*argv, f"--rcfile={file}"], {**after, "_AWSENV_RC": own}
        argv += ["ash"] if name == "busybox" else []
        return argv, {**after, "_AWSENV_RC": environ.get("ENV", own), "ENV": "".join(map(_escaped, file))}

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return the file that `ENV` names or the shell reads without it, and what a login shell reads before it."""
        name = _name(environ.get("AWSENV_SHELL") or environ.get("SHELL", ""))
        own = environ.get("ENV", "") if name != "yash" else ""
        for spelled in ("~", "$HOME", "${HOME}"):
            own = own.replace(f"{spelled}/", f"{home(environ)}/", 1) if own.startswith(spelled) else own
        main = own or f"{home(environ)}/{_STARTUP.get(name, '.shinit')}"
        return main, [main, f"{home(environ)}/.profile"]

    def login_line(self, environ: Environ) -> str:
        """Return the line that sets ENV, for a shell that has no startup file of its own."""
        name = _name(environ.get("AWSENV_SHELL") or environ.get("SHELL", ""))
        return "" if environ.get("ENV") or name in _STARTUP else "ENV=$HOME/.shinit; export ENV"


def _name(path: str) -> str:
    return os.path.basename(path).rstrip("0123456789.-")


def _escaped(character: str) -> str:
    return f"\\{character}" if character in '\\"$`' else character


def _parted(value: str) -> tuple[str, str, str]:
    """Return what stands before the first character that is not ASCII, what goes on to the last, and what follows."""
    before = len(value) - len(value.lstrip(_ASCII))
    after = len(value.rstrip(_ASCII)) or before
    return value[:before], value[before:after], value[after:]


def _printed(text: str) -> str:
    octal = "".join(f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$('command' 'printf' '{octal}')"


SHELL = Sh()
