"""What every shell has, and what the POSIX family shares."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.model import Change, Environ

SHARED = "share/awsenv"
"""The folder of the hooks below the prefix of an installation, the same for every version and every Python.

The hook of that folder finds the program in `bin` of the same prefix.
"""

TABLE = "awsenv.table"
"""The commands and options that every completion offers, in the folder `completions`."""

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+./")

_OF_NAMES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def folder() -> str:
    """Return the folder of the hooks: in the installed package, or beside `src` in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "shell")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "shell")


_LINKS = 40
"""How many links lead to a file at most, as for Linux."""


def config_home(environ: Environ) -> str:
    """Return the folder of the user's configuration (XDG Base Directory Specification)."""
    return environ.get("XDG_CONFIG_HOME") or f"{home(environ)}/.config"


class Shell(ABC):
    """What awsenv prints for one shell, and how it starts one.

    All of the code is ASCII, and `quote` quotes every value. A shell decodes code in its own locale, and in some
    locales a quote or backslash behind a byte that is not ASCII is half of a character.
    """

    name: str
    also: tuple[str, ...] = ()
    """Further names that it runs as."""
    suffix = ""
    """How the file of the hook ends, where not with the name."""
    evaluate = ""
    """The line that evaluates the output of the command `{}`; empty: the shell evaluates nothing."""
    source = ""
    """The line that runs the file `{file}` if it is there, so that a shell whose awsenv is gone starts silently. Where
    the file does not find the program by its own path, the line hands over `{program}`. Empty: there is no such line.
    """
    append = "{} >> {}"
    """The line that appends the output of a command, the first `{}`, to a file."""
    completion_file = ""
    """The file of the completion, called as packages call it; empty: there is none."""
    assign = ""
    """The statement that assigns a quoted value, the second `{}`, to a variable, the first."""
    segments: tuple[str, ...] = ()
    """Files of `prompts` that belong to the hook: segments for prompt frameworks of this shell."""

    @abstractmethod
    def quote(self, value: str) -> str:
        """Return *value* as one word of code, in ASCII, whatever bytes it stands for."""

    @abstractmethod
    def render(self, change: Change) -> str:
        """Return the code that makes the whole *change*, or prints an error and fails without a change.

        Each statement ends in `;`, so that an unquoted `eval $(awsenv ...)`, which joins the lines, does the same.

        Raises:
            ValueError: A name is not that of a variable.
        """

    @property
    def has_hook(self) -> bool:
        """Whether there is a hook for this shell."""
        return os.path.exists(self._hook_file)

    @property
    def load(self) -> str:
        """The line of a startup file that loads the hook wherever awsenv is on the PATH."""
        return self.evaluate.format(f"awsenv init {self.name}")

    def load_from(self, program: str, environ: Environ) -> str:
        """Return the line of a startup file that loads the hook of *program*, where possible without a process.

        Args:
            program: The path of awsenv.
            environ: The environment of the caller.
        """
        file = self.installed(program)
        # zsh, fish and tcsh do not see their own path as it is where it contains a newline.
        if not file or not file.isprintable() or not self.source:
            import shutil  # noqa: PLC0415 - `awsenv init` does without

            is_on_path = shutil.which("awsenv", path=environ.get("PATH", "")) is not None
            return self.load if is_on_path else self.load.replace("awsenv", self._word(program, environ), 1)
        return self.source.format(file=self._word(file, environ), program=self._word(program, environ))

    def installed(self, program: str) -> str:
        """Return the file of the hook that is installed with *program* and does the same as ours; empty: there is none.

        A link to the program, as that of pipx in `~/.local/bin`, may be where an upgrade changes nothing.
        """
        followed = [program]
        while os.path.islink(followed[-1]) and len(followed) < _LINKS:
            link = followed[-1]
            followed.append(os.path.abspath(os.path.join(os.path.dirname(link), os.readlink(link))))
        for path in (*followed, os.path.realpath(program)):
            file = f"{os.path.dirname(os.path.dirname(path))}/{SHARED}/{self.file_name}"
            if self.is_hook(file):
                return file
        return ""

    def is_hook(self, path: str) -> bool:
        """Return whether the file *path* has the same content as our hook."""
        try:
            with open(path, "rb") as file, open(self._hook_file, "rb") as ours:
                return file.read() == ours.read()
        except OSError:
            return False

    def _word(self, path: str, environ: Environ) -> str:
        """Return *path* as a word of code: below the home folder without its name, which may change."""
        if not _PLAIN.issuperset(path):
            return self.quote(path)
        main = home(environ).rstrip("/")
        return "~" + path.removeprefix(main) if main and path.startswith(f"{main}/") else path

    def hook(self, program: str) -> str:
        """Return the hook. It calls *program*, an absolute path: a project's virtualenv must not shadow it.

        Raises:
            OSError: The file of the hook cannot be read.
        """
        files = [read(self._hook_file), *(read(f"{folder()}/prompts/{name}") for name in self.segments)]
        values = {"_AWSENV_BIN": program, **({"_awsenv_folder": folder()} if self.completion_file else {})}
        return "".join([*(self.assign.format(name, self.quote(value)) for name, value in values.items()), *files])

    def completion(self) -> str | None:
        """Return the completion with the table that it reads; None: there is none for this shell.

        The first line stays the first: zsh looks for `#compdef` there.

        Raises:
            OSError: A file cannot be read.
        """
        if not self.completion_file:
            return None
        first, _, code = read(f"{folder()}/completions/{self.completion_file}").partition("\n")
        table = self.quote(read(f"{folder()}/completions/{TABLE}"))
        return f"{first}\n{self.assign.format('_awsenv_table', table)}{code}"

    @property
    def file_name(self) -> str:
        """The name of the file of the hook."""
        return f"awsenv.{self.suffix or self.name}"

    @property
    def _hook_file(self) -> str:
        return f"{folder()}/{self.file_name}"

    def subshell(self, path: str, environ: Environ, change: Change, program: str) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment of an interactive shell that shows the role in its prompt.

        Args:
            path: The shell, as `$SHELL` names it.
            environ: The environment with the role in it.
            change: The change that the shell makes after its startup files, which may set other values. A shell with a
                hook evaluates it, and unsets the variable that has it.
            program: The absolute path of awsenv, which the hook keeps.
        """
        own = {"_AWSENV_BIN": program, "_AWSENV_CHANGE": self.render(change)} if self.has_hook else {}
        return [path, *self._subshell_options()], {**environ, **own}

    def _subshell_options(self) -> list[str]:
        """Return the options that make a shell load the hook, and make the change, after the files of the user."""
        return []

    @property
    def shows_role(self) -> bool:
        """Whether the prompt of a subshell is sure to show the role."""
        return self.has_hook

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return the startup file that the hook belongs in, and all that an interactive shell reads, in order."""
        return "", []

    def login_line(self, environ: Environ) -> str:
        """Return the line of ~/.profile without which the shell reads no startup file; empty: it reads one anyway."""
        return ""


class Format(Shell):
    """What a program reads, and no shell evaluates."""

    file_variable = ""
    """The variable that names the file that the code goes to; empty: it goes to stdout."""

    def masks(self, change: Change) -> str:
        """Return what stdout gets where the code goes to a file."""
        return ""

    def quoted(self, change: Change) -> list[tuple[str, str]]:
        """Return the variables that AWS tools read, with their values quoted.

        What else a role sets is for the hook and for `off`. Some of it is secrets from before the role, which no
        container and no job needs.

        Raises:
            UsageError: The format cannot hold a value.
        """
        held = []
        for name, value in checked(change):
            if value is not None and name.startswith("AWS_"):
                try:
                    held.append((name, self.quote(value)))
                except ValueError as error:
                    from awsenv.errors import Origin, UsageError  # noqa: PLC0415 - see `shells.find`

                    fact = f"the format {self.name} cannot hold the value of {name}"
                    hint = ("awsenv exec ROLE -- COMMAND", "--shell json")
                    raise UsageError(fact, Origin(name), because=str(error), hint=hint) from None
        return held

    def refuse(self, change: Change, names: Iterable[str]) -> None:
        """Refuse a change that unsets one of *names*, which the format cannot.

        Raises:
            UsageError: It does.
        """
        for name in names:
            if change.variables.get(name, "") is None:
                from awsenv.errors import Origin, UsageError  # noqa: PLC0415 - see `shells.find`

                fact = f"the format {self.name} cannot unset {name}"
                raise UsageError(fact, Origin(name), hint=(f"unset {name} first", "awsenv exec ROLE -- COMMAND"))


class Posix(Shell):
    """A shell of the POSIX family that knows `$'...'`.

    Its code consists of operators and quoted words: no alias of the user replaces them, not even a global alias of zsh
    for a keyword. A backslash would quote as well, but in some encodings of Japan that byte is a yen sign.
    """

    evaluate = 'eval "$({})"'
    source = r"[ ! -r {file} ] || \. {file}"
    assign = "{}={}\n"
    builtin = "'builtin' "
    """What stands before a builtin, so that no function replaces it."""

    def quote(self, value: str) -> str:
        r"""Return `'...'`, or `$'...\ooo...'` if anything in *value* is not printable ASCII."""
        if value.isascii() and value.isprintable():
            return single_quoted(value)
        return "$'" + spelled(os.fsencode(value), "'\\", "\\{:03o}") + "'"

    def render(self, change: Change) -> str:
        """Try the change in a subshell first: after a read-only variable, the shell would go on with the others.

        Each assignment is one quoted word, which `set -k` does not take away from `export`.
        """
        if not change.variables:
            return ""
        export, unset = f"{self.builtin}'export'", f"{self.builtin}'unset'"
        code = " &&\n".join(
            f"{unset} {name}" if value is None else f"{export} {self.quote(f'{name}={value}')}"
            for name, value in checked(change)
        )
        trial = f"{export} " + " ".join(f"'{name}='" for name in change.variables)
        gone = " ".join(name for name, value in change.variables.items() if value is None)
        if gone:
            trial += f" && {unset} {gone}"
        refusal = "awsenv: nothing was changed: a variable that must change is read-only in this shell"
        return f"( ({trial}) 2>/dev/null || {self._refuse(refusal)} ) &&\n{code};\n"

    def _refuse(self, message: str) -> str:
        """Return a command that shows *message* and fails."""
        return f"({self.builtin}'echo' {self.quote(message)} >&2; {self.builtin}'exit' 1)"


def read(path: str) -> str:
    """Return the text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def single_quoted(text: str) -> str:
    """Return *text* in single quotes, as `shlex.quote` does, whose module loads `re`."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


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


def spelled(codes: Iterable[int], special: str, form: str) -> str:
    """Return the bytes or characters *codes* as ASCII: as *form* if they are not printable, or *special*."""
    return "".join(
        chr(code) if " " <= chr(code) <= "~" and chr(code) not in special else form.format(code) for code in codes
    )
