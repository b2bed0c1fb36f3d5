"""Run a command line from end to end: read it, do it, say what came of it, and leave with a status.

On any failure of a command whose output a shell evaluates, stdout carries `false;` and nothing else, so that
`eval "$(awsenv x)" && deploy` never deploys with the role from before: `eval ""` succeeds in every shell (measured).
"""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import TYPE_CHECKING

from awsenv.cli import app, process, report
from awsenv.cli.evaluated import SHELL_VARIABLE
from awsenv.cli.outcome import Caller, Finished, Print
from awsenv.errors import ExitCode, Failure, Interrupted, LaunchError
from awsenv.launch import become
from awsenv.shells.render import SHELLS

if TYPE_CHECKING:
    from types import FrameType

    from awsenv.cli.outcome import Outcome

_ASKED_TO_END = (signal.SIGTERM, signal.SIGHUP)


def run(args: list[str]) -> int:
    """Run `awsenv` with *args* and return its exit status, unless a command of `exec` takes its place."""
    _end_like_ctrl_c()
    caller = Caller(process.environ(), process.program(), prints_to_terminal=process.stdout_is_terminal())
    try:
        return _conclude(_outcome(args, caller))
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches a person
        return _fail(error, app.named(args), caller)


def _outcome(args: list[str], caller: Caller) -> Outcome:
    result = app.invoke(args, caller)
    if not isinstance(result, int):
        outcome: Outcome = result
        return outcome
    # Typer's way to say that a help page was printed, or that Ctrl-C was pressed.
    if result == ExitCode.INTERRUPTED:
        raise Interrupted("interrupted")
    return Finished(result)


def _conclude(outcome: Outcome) -> int:
    if isinstance(outcome, Finished):
        return outcome.status
    process.complain(report.noted(outcome.notes))
    if isinstance(outcome, Print):
        try:
            process.write(outcome.text)
        except OSError as error:
            raise Failure(f"the output could not be written: {error.strerror or error}") from None
        return ExitCode.DONE
    return become(outcome.argv, outcome.environ)


def _fail(error: BaseException, args: list[str], caller: Caller) -> int:
    ours = report.as_awsenv_error(error)
    process.complain(report.described(ours))
    if args[:1] == ["exec"]:
        # As env(1): a status that the command itself may have must not be ours.
        return ours.exit_code if isinstance(ours, LaunchError | Interrupted) else ExitCode.EXEC_FAILED
    if (not args or args[0] in app.EVALUATED) and not caller.prints_to_terminal:
        process.write_if_possible(_failure_text(args, caller))
    return ours.exit_code


def _failure_text(args: list[str], caller: Caller) -> str:
    """Return what fails in the shell that the output is for, as far as a wrong command line can tell it."""
    name = caller.environ.get(SHELL_VARIABLE)
    for word, following in pairwise([*args, None]):
        if word == "--shell":
            name = following
        elif word is not None and word.startswith("--shell="):
            name = word.removeprefix("--shell=")
    return SHELLS.get(name or "sh", SHELLS["sh"]).failure


def _end_like_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP end awsenv as Ctrl-C does: with `false;` on stdout, not with an empty text."""
    for number in _ASKED_TO_END:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    # Once is enough: a terminal that closes sends two, and the second would end what the first has begun to clean up.
    for asked in _ASKED_TO_END:
        signal.signal(asked, signal.SIG_IGN)
    signal.default_int_handler(number, frame)
