"""`awsenv each PATTERN... [CODE] -- COMMAND...`: run a command once for each role that matches."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import sys
import time

from awsenv import changes, config, each, launch
from awsenv.cli import live, process, selection, streams
from awsenv.cli.action import Print
from awsenv.cli.commands import usage
from awsenv.cli.many import Roles
from awsenv.each import Runner
from awsenv.errors import ExitCode, Failure, Origin, UsageError
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from awsenv.cli.arguments import EachArguments
    from awsenv.cli.options import Caller
    from awsenv.each import Job, Result

_AT_ONCE = 8
_SPARE = 100
"""Descriptors for all but the output of commands, which takes two for each."""


def run(caller: Caller, arguments: EachArguments) -> Print:
    """Run the commands, print what they print, and return their highest status.

    Raises:
        AwsenvError: Nothing was run.
    """
    at_once = _at_once(arguments)
    regions = _regions(arguments)
    command = list(arguments.command or ())
    if not command:
        raise UsageError("which command?", hint=usage("each"))
    environ = changes.original(caller.environ)
    profiles = config.read(environ, caller.folder)
    entries = config.roles(profiles, environ)
    selected = selection.Selection(arguments, profiles, entries, environ, caller.folder)
    roles = Roles(caller, arguments, selected.code)
    roles.resolve(selected.names)
    jobs = list(roles.jobs(regions, command))
    if arguments.dry_run:
        return _planned(jobs)
    if not each.placeholders(command[:1]):
        launch.check(command[0], caller.environ)
    roles.confirm()
    roles.open_sessions()
    return _finished(
        caller, arguments, roles, Runner(jobs, roles.prepared, at_once=at_once, fails_fast=arguments.fail_fast)
    )


def _finished(caller: Caller, arguments: EachArguments, roles: Roles, runner: Runner) -> Print:
    """Run the commands, and return the status and the summary."""
    shows_live = not arguments.quiet and live.is_shown(caller.environ)
    line = live.Live(len(runner.jobs)) if shows_live else None
    kind = streams.Objects if arguments.as_json else streams.Groups if arguments.group else streams.Streams
    labels = [job.label for job in runner.jobs]
    printed = kind(labels, roles.colors(), caller.environ, runner.write, line)
    began = time.monotonic()
    results = roles.run(runner, printed)
    if line is not None:
        line.erase()
    if isinstance(runner.broken, BrokenPipeError):
        # As other tools do in `| head -1`.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    if runner.broken is not None:
        reason = runner.broken.strerror
        raise Failure(
            f"the output could not be written, and the commands were stopped: {reason}", hint="check where it goes"
        )
    text = streams.summary(results, is_interrupted=bool(runner.signals))
    if text:
        process.tell(text, is_error=True)
    success = "" if text or arguments.quiet else f"{len(results)} done in {streams.took(time.monotonic() - began)}"
    return Print(status=ExitCode.INTERRUPTED if runner.signals else _status(results), success=success)


def _status(results: Iterable[Result]) -> int:
    """Return the highest status; what was stopped because another one failed does not count."""
    return max((result.status or 0 for result in results if not result.is_stopped), default=0)


def _at_once(arguments: EachArguments) -> int:
    text = arguments.jobs
    if text is not None and (not text.isascii() or not text.isdigit() or int(text) < 1):
        raise UsageError(f"not a number of commands: {text!r}", Origin("-j"), hint=f"-j {_AT_ONCE}")
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = sys.maxsize if room == resource.RLIM_INFINITY else (room - _SPARE) // 2
    return max(1, min(_AT_ONCE if text is None else int(text), most))


def _regions(arguments: EachArguments) -> list[str | None]:
    if arguments.regions is None:
        return [None]
    if arguments.region is not None:
        raise UsageError("--region and --regions exclude each other", hint="leave one of them out")
    regions = [region.strip() for region in arguments.regions.split(",")]
    if not all(regions):
        raise UsageError("--regions has an empty name", hint="--regions eu-west-1,us-east-1")
    return list(dict.fromkeys(regions))


def _planned(jobs: Sequence[Job]) -> Print:
    """Return what would run."""
    width = max(len(printable(job.label)) for job in jobs)
    return Print("".join(f"{printable(job.label):<{width}} | {printable(shlex.join(job.argv))}\n" for job in jobs))
