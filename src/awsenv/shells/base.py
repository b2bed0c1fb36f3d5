"""What every shell has, and what the POSIX family shares."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

_OF_NAMES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def folder() -> str:
    """Return the folder of the hooks: in the installed package, or beside `src` in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "shell")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "shell")


class Shell(ABC):
    """How awsenv talks to one shell.

    Everything that it prints for a shell is ASCII, and a value gets there only through `quote`: a shell decodes what it
    reads in its own locale, and in some a byte behind one that is not ASCII is no quote or backslash any more.
    """

    name: str
    also: tuple[str, ...] = ()
    """Further names that it runs as."""
    evaluate = ""
    """The line that evaluates what the command `{}` prints; empty: nothing does."""
    assign = ""
    """The statement of the hook that gives a variable, the first `{}`, a quoted value, the second."""

    @abstractmethod
    def quote(self, value: str) -> str:
        """Return *value* as one word of code, in ASCII, whatever bytes it stands for."""

    @abstractmethod
    def render(self, change: Change) -> str:
        """Return the code that makes *change*: all of it, or none, in which case it complains and fails.

        Each statement ends in `;`, so that an unquoted `eval $(awsenv ...)`, which joins the lines, means the same.

        Raises:
            ValueError: A name is not that of a variable.
        """

    def runs_as(self, name: str) -> bool:
        """Tell whether *name*, without a folder, is a name of this shell."""
        return name in self.also or name.rstrip("0123456789.-") in self.also

    @property
    def has_hook(self) -> bool:
        """Whether `awsenv init` prints anything for it."""
        return os.path.exists(self._hook_file)

    @property
    def load(self) -> str:
        """The line of a startup file that loads the hook."""
        return self.evaluate.format(f"awsenv init {self.name}")

    def hook(self, program: str) -> str:
        """Return the hook. It calls *program*, an absolute path: a project's virtualenv must not shadow it.

        Raises:
            OSError: The file of the hook cannot be read.
        """
        with open(self._hook_file, encoding="utf-8") as file:
            return self.assign.format("_AWSENV_BIN", self.quote(program)) + file.read()

    @property
    def _hook_file(self) -> str:
        return f"{folder()}/awsenv.{self.name}"

    def subshell(
        self, path: str, environ: Environ, change: Change, program: str, *, superuser: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment of an interactive shell that shows the role in its prompt.

        Args:
            path: The shell, as `$SHELL` names it.
            environ: The environment with the role in it.
            change: What holds in the shell whatever its startup files set: they are read after awsenv has ended.
            program: The absolute path of awsenv.
            superuser: Whether the shell runs as root.
        """
        return [path], dict(environ)

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return the startup file that the hook belongs in, and all that an interactive shell reads, in order."""
        return "", []

    def _for_the_hook(self, change: Change, program: str) -> dict[str, str]:
        """Return two variables that the files of `shell/subshell` take out of the environment again."""
        return {"_AWSENV_BIN": program, "_AWSENV_CHANGE": self.render(change)}


class Posix(Shell):
    """A shell of the POSIX family that knows `$'...'`."""

    evaluate = 'eval "$({})"'
    assign = "{}={}\n"

    def quote(self, value: str) -> str:
        r"""Return `'...'`, or `$'...\ooo...'` if anything in *value* is not printable ASCII."""
        if value.isascii() and value.isprintable():
            # As shlex.quote does, whose module loads `re`.
            return "'" + value.replace("'", "'\"'\"'") + "'"
        return "$'" + "".join(map(_ansi_c, os.fsencode(value))) + "'"

    def render(self, change: Change) -> str:
        """Try the change in a subshell first: where a variable is read-only the shell would go on with the rest."""
        if not change.variables:
            return ""
        code = "".join(
            f"unset {name};\n" if value is None else f"export {name}={self.quote(value)};\n"
            for name, value in checked(change)
        )
        trial = "export " + " ".join(f"{name}=" for name in change.variables)
        gone = " ".join(name for name, value in change.variables.items() if value is None)
        if gone:
            trial += f" && unset {gone}"
        refusal = self.quote("awsenv: nothing was changed: a variable that must change is read-only in this shell")
        return f"if ({trial}) 2>/dev/null; then\n{code}else echo {refusal} >&2; false; fi;\n"


def checked(change: Change) -> list[tuple[str, str | None]]:
    """Return the variables of *change*: names that are safe as code, and values.

    Raises:
        ValueError: A name is not that of a variable.
    """
    for name in change.variables:
        if not name or name[0].isdigit() or not _OF_NAMES.issuperset(name):
            message = f"not the name of a variable: {name!r}"
            raise ValueError(message)
    return list(change.variables.items())


def _ansi_c(byte: int) -> str:
    character = chr(byte)
    is_plain = character.isascii() and character.isprintable() and character not in "'\\"
    return character if is_plain else f"\\{byte:03o}"
