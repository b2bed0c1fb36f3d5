"""Run a command line from end to end: the command, its action, its failure, the exit status.

On any failure of a command whose output a shell evaluates, stdout carries `process.FAILURE` and nothing else, so that
`eval "$(awsenv x)" && deploy` never deploys with the role from before: `eval ""` succeeds in every shell (measured).
"""

from __future__ import annotations

import os
from functools import partial

from awsenv import mark
from awsenv.agent import client, harden
from awsenv.cli import app, commands, conversation, process
from awsenv.cli.action import Fail, Local, Need, StartAgent, show
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Needed
from awsenv.errors import AGAIN, AgentError, AwsenvError, Interrupted, MfaError, RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from awsenv.aws.connections import Connections
    from awsenv.cli.action import Action
    from awsenv.cli.prompts import Prompts
    from awsenv.model import Environ


def run(args: list[str], prompts: Prompts | None = None, connections: Connections | None = None) -> int:
    """Run `awsenv` with *args* and return its exit status, unless a command of `exec` takes its place.

    Args:
        args: The command line without the name of the program.
        prompts: What has answered an agent so far.
        connections: The connections of this process; None: each call opens its own.
    """
    environ = process.environ()
    try:
        if commands.called(args).assumes or args[:1] == ["login"]:
            mark.check()
        harden.forbid_dumps()
        prompts = prompts or conversation.new_prompts(args, environ, connections)
        action = handle(args, partial(_caller, args, environ, prompts, connections))
        if isinstance(action, StartAgent):
            action = _of_new_agent(action, args, environ, prompts)
        if isinstance(action, Fail) and isinstance(action.notes[-1], MfaError):
            action.notes = [*client.missed(environ), *action.notes]
        return action.carry_out(args)
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches the user
        return failed(error).carry_out(args)


def handle(args: list[str], caller: Callable[[], Caller]) -> Action:
    """Run the command line *args*, in the process of the user or in an agent, and return its action, or its failure."""
    try:
        return app.invoke(args, caller)
    except app.Help as page:
        return Local(page.text)
    except Needed as needed:
        return Need(needed.text)
    except BaseException as error:  # noqa: BLE001 - a fault of our own is a failure, too
        return failed(error)


def _caller(args: list[str], environ: Environ, prompts: Prompts, connections: Connections | None) -> Caller:
    from awsenv.provider import Provider  # noqa: PLC0415 - a help page needs none

    return Caller(
        environ,
        process.program(),
        Provider(None, prompts, show, prompts.waits, connections=connections),
        prompts.secret,
        args=tuple(args),
        prints_to_terminal=process.stdout_is_terminal(),
        columns=process.terminal_width(1),
        prints_astray=process.stdout_goes_astray,
    )


def _of_new_agent(start_agent: StartAgent, args: list[str], environ: Environ, prompts: Prompts) -> Action:
    """Return the action of an agent that is started for *args*. One for every command ends if this command fails."""
    from awsenv.agent import start  # noqa: PLC0415 - few commands start one

    is_private = start_agent.idle is None
    agent: Environ | socket = environ
    with prompts.waits("the agent, which is starting"):
        if start_agent.idle is None:
            agent = start.private(conversation.ENTRY, pid=os.getpid(), lifetime=start_agent.lifetime)
        else:
            start.start(environ, conversation.ENTRY, idle=start_agent.idle, lifetime=start_agent.lifetime)
    # Nothing else can answer: without the new agent the command fails.
    ask = partial(client.ask, agent, timeout=start.STARTING, longest=conversation.longest(environ))
    request = conversation.Conversation(ask, args, environ, prompts, started=not is_private, whole=is_private)
    try:
        action = request.reply()
    except BaseException as error:  # noqa: BLE001 - the agent ends first
        action = failed(error)
    if isinstance(action, Fail) and not is_private:
        start.end(environ, client.END_UNUSED)
    return action


def failed(error: BaseException) -> Fail:
    """Return the failure of a command line."""
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted("interrupted")
    elif isinstance(error, client.Trouble):
        error = AgentError(error.fact, hint=error.hints or AGAIN)
    elif not isinstance(error, AwsenvError):
        from awsenv import installation  # noqa: PLC0415 - for a fault

        error = installation.fault(error)
    return Fail(error.code if isinstance(error, RefusedError) else "", [error], error.exit_code)
