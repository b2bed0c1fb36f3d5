"""`awsenv init [SHELL]`: print the hook of a shell, or say what loads it.

`__main__` prints the hook without the command line, where nothing is wrong. `awsenv init FRAMEWORK` prints what a
prompt framework needs in a file of its own.
"""

from __future__ import annotations

from awsenv import shells
from awsenv.cli import process
from awsenv.cli.action import Print, Table
from awsenv.config.files import shown
from awsenv.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import InitArguments
    from awsenv.cli.options import Caller
    from awsenv.shells.base import Shell


def run(caller: Caller, arguments: InitArguments) -> Print:
    """Return the hook of a shell; on a terminal, where nothing evaluates it, what loads it.

    Raises:
        UsageError: There is no hook for that shell.
    """
    segment = shells.segment(arguments.shell or "")
    if segment is not None:
        return Print(segment)
    name = arguments.shell if arguments.shell is not None else _own_shell(caller)
    shell = _shell(name)
    line = shell.load_from(caller.program, caller.environ)
    if arguments.line:
        return Print(f"{line}\n")
    if not caller.prints_to_terminal:
        return Print(shell.hook(caller.program))
    environ = {**caller.environ, "AWSENV_SHELL": name}
    file = shown(shell.startup(environ)[0], environ)
    if first := shell.login_line(environ):
        first = f"Add this to ~/.profile, and log in again:\n\n{first}\n\n"
    add = f"Add this as the last line of {file}, and start a new shell"
    if shells.named(caller.environ.get("AWSENV_SHELL", "")) is shell:  # the hook names its shell in it
        add = f"The hook is loaded in this {shell.name}. For new shells, keep this as the last line of {file}"
    return Table(f"{first}{add}:\n\n{line}\n")


def _own_shell(caller: Caller) -> str:
    """Return what the shell that calls awsenv runs as, else the login shell."""
    name = process.calling_shell(caller.pid) or caller.environ.get("SHELL")
    if not name:
        raise UsageError("which shell?", hint="awsenv init SHELL")
    return name


def _shell(name: str) -> Shell:
    shell = shells.named(name)
    if shell is not None and shell.has_hook:
        return shell
    known = [each.name for each in shells.hooked()]
    raise shells.unknown(name, "there is no hook for the shell", "awsenv init", known)
