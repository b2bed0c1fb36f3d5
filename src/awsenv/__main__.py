"""The entry point: the fast path, which loads next to nothing, else the command line.

It has no `from __future__`: that is an import like any other, and could come from the folder of the caller.
"""

import os
import site
import sys
from _thread import start_new_thread


def _forget_the_current_folder() -> None:
    """Import nothing from where the caller happens to be.

    Python makes the empty and the relative entries of PYTHONPATH absolute, and `python -m` adds the current folder.
    What Python imports before this, `sitecustomize` for one, only the caller can prevent; the hook does.
    """
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    entries = [entry for entry in entries if not os.path.isabs(entry)] if any(entries) or len(entries) > 1 else []
    if __name__ == "__main__":
        entries.append("")
    try:
        here = {os.path.abspath(entry) for entry in entries}
    except OSError:
        return  # the folder is gone, and so is what it held
    if here:
        # Someone may be in the folder of the libraries themselves.
        here -= {os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages()}
    sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry) and entry not in here]


_forget_the_current_folder()

from awsenv.agent import harden  # noqa: E402 - only now is it sure where modules come from
from awsenv.cli import process  # noqa: E402 - the same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from awsenv.aws.connections import Connections
    from awsenv.cli.prompts import Prompts


def main() -> "NoReturn":
    """Run `awsenv` with the arguments and the environment of this process, and end it."""
    try:
        status = _run(sys.argv[1:])
    except BaseException as error:  # noqa: BLE001 - an install that is broken, or Ctrl-C while it loads
        process.ignore_signals()
        status = _give_up(error)
    process.leave(status)


def _run(args: list[str]) -> int:
    harden.forbid_core_files()
    # Each imports only what it needs: typer alone costs four times Python's own start.
    try:
        text = _quick(args)
        if text is not None:
            process.write(text)
            return 0
    except Exception:  # noqa: BLE001, S110 - the command line meets it again, and reports it
        pass
    process.end_like_ctrl_c()
    from awsenv.cli import commands, conversation  # noqa: PLC0415 - see above

    result = connections = None
    try:
        if commands.lacks_role(args):
            from awsenv.cli import picker  # noqa: PLC0415 - see above

            def begin() -> None:
                nonlocal connections
                connections = _opened(args, is_picked=False)

            picked = picker.with_role(args, begin)
            if picked is None:
                return process.fail(args, 130, "awsenv: no role picked\n")
            args = picked
        if not commands.lacks_role(args):
            result = conversation.run(args)
    except Exception as error:  # noqa: BLE001 - `failed` reports it
        from awsenv.cli.main import failed  # noqa: PLC0415 - see above

        return failed(error).carry_out(args)
    if isinstance(result, int):
        return result
    if result is None and connections is None:
        connections = _opened(args)
    return _run_here(args, result, connections)


def _run_here(args: list[str], prompts: "Prompts | None", connections: "Connections | None") -> int:
    """Load the command line, and run *args* in this process. The arguments are those of `awsenv.cli.main.run`."""
    from awsenv.cli.waiting import Waiting  # noqa: PLC0415 - see `_run`

    with Waiting(args)("its modules to load"):
        import gc  # noqa: PLC0415 - see `_run`

        # Modules and profiles stay until the end: looking for garbage among 5,000 profiles takes 0.1 s.
        gc.set_threshold(50_000)
        from awsenv.cli.main import run  # noqa: PLC0415 - see `_run`
    return run(args, prompts, connections)


def _opened(args: list[str], *, is_picked: bool = True) -> "Connections | None":
    """Return the connection pool of this process, in which the connection that *args* may need is opening."""
    from awsenv.cli import commands, conversation  # noqa: PLC0415 - see `_run`

    environ, command = process.environ(), commands.called(args) if args else commands.COMMANDS[commands.DEFAULT]
    if not command.assumes:
        return None
    try:
        if conversation.may_run(environ):
            if not is_picked:
                start_new_thread(conversation.open_for_last, (args, environ))
            return None
        from awsenv.cli import early  # noqa: PLC0415 - only without an agent

        return early.opened(args, environ, is_picked=is_picked)
    except Exception:  # noqa: BLE001 - the command meets it again, and reports it
        return None


def _quick(args: list[str]) -> "str | None":
    """Return what *args* print, if no command is needed for that; else None."""
    if args[:1] == ["init"] and len(args) <= 2 and not process.stdout_is_terminal():  # noqa: PLR2004 - init SHELL
        from awsenv import shells  # noqa: PLC0415 - see `_run`

        shell = shells.find(args[1] if args[1:] else process.calling_shell())
        return shell.hook(process.program())
    if args == ["completion", "--refresh"]:
        import time  # noqa: PLC0415 - see `_run`

        from awsenv import changes  # noqa: PLC0415 - the same
        from awsenv.cli import candidates  # noqa: PLC0415 - the same

        return candidates.refresh(changes.original(process.environ()), process.folder(), time.time())
    if args == ["--version"]:
        from awsenv import __version__  # noqa: PLC0415 - the same

        return f"awsenv {__version__}\n"
    from awsenv.cli.commands import COMMANDS, named  # noqa: PLC0415 - the same

    *name, last = named(args) or [""]
    if last in {"--help", "-h"} and (not name or (len(name) == 1 and name[0] in COMMANDS)):
        from awsenv.cli.pages import page  # noqa: PLC0415 - the same

        return page("".join(name))
    return None


def _give_up(error: BaseException) -> int:
    """Fail before the command line is there to fail; what evaluates the output fails too."""
    if isinstance(error, KeyboardInterrupt):
        return process.fail(sys.argv[1:], 130, "awsenv: interrupted\n")
    status = 125 if sys.argv[1:2] in (["exec"], ["each"]) else 1
    try:
        from awsenv import installation  # noqa: PLC0415 - where it cannot start
        from awsenv.cli.report import described  # noqa: PLC0415 - the same

        text = described(installation.fault(error))
    except Exception:  # noqa: BLE001 - this cannot be imported either
        text = f"awsenv: cannot start: {type(error).__name__}\n"
        if isinstance(error, ImportError | SyntaxError):
            text += "  try      install it again: awsenv-shell\n"
    return process.fail(sys.argv[1:], status, text)


if __name__ == "__main__":
    main()
