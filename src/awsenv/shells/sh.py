"""The shells that know no more than POSIX.1-2017: dash, the Korn shells, busybox, yash."""

from __future__ import annotations

import os

from awsenv.shells.base import Posix, single_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

_REFERENCE = "${AWSENV_DEMO:+(demo) }${AWSENV_LABEL:+[$AWSENV_LABEL] }"
"""The shells of the family expand PS1 at each prompt, and evaluate nothing that comes out (measured)."""

_BARE = ("ash", "busybox", "dash", "sh")
"""They read no startup file of their own."""

_ASCII = "".join(map(chr, range(0x80)))


class Sh(Posix):
    """A POSIX shell without a hook."""

    name = "sh"
    also = ("ash", "busybox", "dash", "ksh", "mksh", "posix", "yash")
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

    def subshell(
        self, path: str, environ: Environ, change: Change, program: str, *, superuser: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """Refer to the variables in PS1, which ends as in a POSIX shell: mksh ignores a PS1 of root without `#`."""
        prompt = environ.get("PS1") or ("# " if superuser else "$ ")
        return [path], {**environ, "PS1": prompt if _REFERENCE in prompt else _REFERENCE + prompt}

    def shows_role(self, path: str, environ: Environ) -> bool:
        """Return whether no startup file can set another PS1: some shells have one, and `ENV` can name one."""
        return os.path.basename(path) in _BARE and not environ.get("ENV")


def _parted(value: str) -> tuple[str, str, str]:
    """Return what stands before the first character that is not ASCII, what goes on to the last, and what follows."""
    before = len(value) - len(value.lstrip(_ASCII))
    after = len(value.rstrip(_ASCII)) or before
    return value[:before], value[before:after], value[after:]


def _printed(text: str) -> str:
    octal = "".join(f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$('command' 'printf' '{octal}')"


SHELL = Sh()
