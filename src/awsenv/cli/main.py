"""Run a command line from end to end: read it, do it, say what came of it, and leave with a status.

On any failure of a command whose output a shell evaluates, stdout carries `false;` and nothing else, so that
`eval "$(awsenv x)" && deploy` never deploys with the role from before: `eval ""` succeeds in every shell (measured).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.cli import app, commands, process, report
from awsenv.cli.action import Caller, Exec, Exit, Open, Print
from awsenv.cli.direct import Direct
from awsenv.cli.fast_path import Passed
from awsenv.errors import ExitCode
from awsenv.launch import become

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        allow_core_files = None
        if commands.called(args).reads_keys:
            from awsenv.agent.harden import forbid_core_files  # noqa: PLC0415 - ctypes costs 3 ms

            allow_core_files = forbid_core_files()
        return _carry_out(_action(args, caller), allow_core_files)
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches a person
        return failed(error, args)


def _say(notes: Iterable[str]) -> None:
    process.tell(report.noted(notes))


def _action(args: list[str], caller: Caller) -> Action:
    try:
        return app.invoke(args, caller)
    except app.Help as page:
        return Print(page.text)


def _carry_out(action: Action, allow_core_files: Callable[[], None] | None) -> int:
    if isinstance(action, Exit):
        return action.status
    if isinstance(action, Exec):
        if allow_core_files is not None:
            allow_core_files()
        return become(action.argv, action.environ)
    if isinstance(action, Open):
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        open_page(action.url)
        return ExitCode.DONE
    _say(action.notes)
    process.write_or_fail(action.text)
    return action.status


def failed(error: BaseException, args: list[str]) -> int:
    """Say that the command line *args* failed, here and where its output is evaluated, and return the exit status."""
    ours = report.as_awsenv_error(error)
    return process.fail(args, report.status(ours, args), report.described(ours))
