"""Run a command line from end to end: read it, do it, say what came of it, and leave with a status.

On any failure of a command whose output a shell evaluates, stdout carries `false;` and nothing else, so that
`eval "$(awsenv x)" && deploy` never deploys with the role from before: `eval ""` succeeds in every shell (measured).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.cli import app, process, report
from awsenv.cli.action import Caller, Exec, Exit, Open
from awsenv.cli.direct import Direct
from awsenv.cli.fast_path import Passed
from awsenv.errors import ExitCode, Interrupted
from awsenv.launch import become

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.cli.action import Action


def run(args: list[str], passed: Passed | None = None) -> int:
    """Run `awsenv` with *args* and return its exit status, unless a command of `exec` takes its place.

    Args:
        args: The command line without the name of the program.
        passed: What the fast path leaves.
    """
    environ = process.environ()
    passed = passed or Passed()
    caller = Caller(
        environ,
        process.program(),
        Direct(args, environ, _say, agent=passed.agent),
        prints_to_terminal=process.stdout_is_terminal(),
        prints_astray=process.stdout_goes_astray,
    )
    _say(passed.notes)
    try:
        return _conclude(_outcome(args, caller))
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches a person
        return failed(error, args)


def _say(notes: Iterable[str]) -> None:
    process.complain(report.noted(notes))


def _outcome(args: list[str], caller: Caller) -> Action:
    result = app.invoke(args, caller)
    if not isinstance(result, int):
        outcome: Action = result
        return outcome
    # Typer's way to say that a help page was printed, or that Ctrl-C was pressed.
    if result == ExitCode.INTERRUPTED:
        raise Interrupted("interrupted")
    return Exit(result)


def _conclude(outcome: Action) -> int:
    if isinstance(outcome, Exit):
        return outcome.status
    if isinstance(outcome, Exec):
        return become(outcome.argv, outcome.environ)
    if isinstance(outcome, Open):
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        open_page(outcome.url)
        return ExitCode.DONE
    _say(outcome.notes)
    process.write_or_fail(outcome.text)
    return outcome.status


def failed(error: BaseException, args: list[str]) -> int:
    """Say that the command line *args* failed, here and where its output is evaluated, and return the exit status."""
    ours = report.as_awsenv_error(error)
    return process.fail(args, report.status(ours, args), report.described(ours))
