"""Run a command line in this process, from end to end: the command, its action, its failure, the exit status.

On any failure of a command whose output a shell evaluates, stdout carries `false;` and nothing else, so that
`eval "$(awsenv x)" && deploy` never deploys with the role from before: `eval ""` succeeds in every shell (measured).
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from awsenv.agent import client, harden
from awsenv.cli import app, conversation, fast_path, process, report
from awsenv.cli.action import Caller, Exec, Exit, Open, Print, StartAgent
from awsenv.cli.prompts import Prompts
from awsenv.errors import AgentError, ExitCode
from awsenv.launch import become

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.cli.action import Action
    from awsenv.errors import AwsenvError
    from awsenv.model import Environ


def run(args: list[str], prompts: Prompts | None = None) -> int:
    """Run `awsenv` with *args* and return its exit status, unless a command of `exec` takes its place.

    Args:
        args: The command line without the name of the program.
        prompts: What has answered an agent so far.
    """
    environ = process.environ()
    prompts = prompts or Prompts(environ)
    try:
        harden.forbid_dumps()
        return _carry_out(_action(args, environ, prompts), args, environ, prompts)
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches the user
        return failed(error, args)


def _caller(args: list[str], environ: Environ, prompts: Prompts) -> Caller:
    from awsenv.provider import Provider  # noqa: PLC0415 - a help page needs none

    return Caller(
        environ,
        process.program(),
        Provider(None, prompts, _note),
        prompts.secret,
        args=tuple(args),
        prints_to_terminal=process.stdout_is_terminal(),
        prints_astray=process.stdout_goes_astray,
    )


def _note(notes: Iterable[str | AwsenvError]) -> None:
    process.tell(report.noted(notes))


def _action(args: list[str], environ: Environ, prompts: Prompts) -> Action:
    try:
        return app.invoke(args, partial(_caller, args, environ, prompts))
    except app.Help as page:
        return Print(page.text)


def _carry_out(action: Action, args: list[str], environ: Environ, prompts: Prompts) -> int:
    if isinstance(action, Exit):
        return action.status
    if isinstance(action, Exec):
        return become(action.argv, action.environ)
    if isinstance(action, StartAgent):
        return fast_path.act(_reply(action, args, environ, prompts), args, environ)
    if isinstance(action, Open):
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        open_page(action.url)
        return ExitCode.DONE
    _note(action.notes)
    process.write_or_fail(action.text)
    return action.status


def _reply(action: StartAgent, args: list[str], environ: Environ, prompts: Prompts) -> conversation.Reply:
    """Return the reply of an agent that is started for *args*. One for every command ends if this command fails."""
    from awsenv.agent import start  # noqa: PLC0415 - few commands start one

    with ExitStack() as on_failure:
        if action.idle is None:
            connection = start.private(conversation.ENTRY, pid=os.getpid(), lifetime=action.lifetime)
            ask = partial(client.exchange, connection)
        else:
            start.start(environ, conversation.ENTRY, idle=action.idle, lifetime=action.lifetime)
            ask = partial(client.ask, environ)
            on_failure.callback(_end_unused, environ)
        is_private = action.idle is None
        request = conversation.request(args, environ, started=not is_private, whole=is_private)
        try:
            reply = fast_path.Conversation(partial(ask, conversation.RUN), request, prompts).reply()
        except client.NoAgent:
            raise AgentError("the agent has ended at once", hint="try again") from None
        except client.Trouble as trouble:
            raise AgentError(trouble.fact, hint=trouble.hint or "try again") from None
        if reply.kind != conversation.FAIL:
            on_failure.pop_all()
    return reply


def _end_unused(environ: Environ) -> None:
    with suppress(client.NoAgent, client.Trouble):
        client.ask(environ, b"end", [b"unused"])


def failed(error: BaseException, args: list[str]) -> int:
    """Say that the command line *args* failed, here and where its output is evaluated, and return the exit status."""
    ours = report.as_awsenv_error(error)
    return process.fail(args, report.status(ours, args), report.described(ours))
