"""Seal this process, which is about to become the command of `exec --sealed`."""

from __future__ import annotations

import os

from awsenv import mark
from awsenv.agent import client, harden, runtime_directory
from awsenv.cli import process
from awsenv.sealing.plan import hidden
from awsenv.sealing.process import seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable, Iterable, Mapping

    from awsenv.cli.report import Shown
    from awsenv.errors import AgentError, Failure
    from awsenv.model import Environ


def text(ticket: str | None, *, is_strict: bool, files: Iterable[str]) -> str:
    """Return what `sealed` reads.

    Args:
        ticket: By which the process registers with the agent; empty: it is sealed already; None: no agent seals it.
        is_strict: Whether to fail if the system cannot do all of it.
        files: The files that the source of the role reads, besides those of AWS.
    """
    return "\0".join([f"{is_strict:d}", f"{ticket is not None:d}", ticket or "", *files])


def sealed(read: str, environ: Environ, show: Callable[[Iterable[Shown]], object]) -> Mapping[str, str]:
    """Seal this process, say what the system cannot do, and return the environment of the command.

    Args:
        read: As `text` returns it.
        environ: The environment of the command without the seal.
        show: Shows what the system cannot do.

    Raises:
        Failure: The seal is not strict enough, or there is none.
        AgentError: The agent does not seal the process.
    """
    is_strict, has_agent, ticket, *files = read.split("\0")
    runtime = _runtime()
    plan = hidden(environ, runtime=runtime, folder=process.folder(), uid=os.geteuid(), files=files)
    after = plan.without(environ)
    mark.put()
    # Before the seal, which may cover the socket.
    agent = _connected(runtime) if ticket else None
    done = seal(plan)
    show(done.missing)
    if has_agent == "0" and not done.is_marked:
        because = "there is no agent, and the system makes no user namespace"
        raise _failure("nothing would seal it", because=because, hint="awsenv login starts an agent")
    if is_strict == "1" and done.missing:
        raise _failure(
            "this system cannot seal it as --sealed=strict demands", hint="use --sealed, which starts it all the same"
        )
    if agent is not None:
        _register(ticket, agent)
    return after


def _failure(why: str, *, hint: str, because: str | None = None) -> Failure:
    from awsenv.errors import Failure  # noqa: PLC0415 - `enum` costs as much as the fast path

    return Failure(f"the command was not started: {why}", because=because, hint=hint)


def _runtime() -> str | None:
    """Return the folder of the agent; None: there is none, or it is not safe, as the request for the role has said."""
    try:
        return runtime_directory.find(process.environ())
    except runtime_directory.Unsafe:
        return None


def _connected(runtime: str | None) -> socket:
    try:
        if runtime is None:
            raise FileNotFoundError  # noqa: TRY301 - as where the socket is missing
        return client.connected(runtime, client.TIMEOUT)
    except FileNotFoundError:
        raise _unregistered(client.NoAgent("no agent is running")) from None
    except client.Trouble as trouble:
        raise _unregistered(trouble) from None


def _register(ticket: str, agent: socket) -> None:
    """Tell the agent that this process is in its seal."""
    # The agent reads the namespaces of this process, which one that cannot be dumped hides. The command can be dumped.
    harden.allow_dumps()
    try:
        client.ask(agent, mark.SEAL, [ticket.encode()])
    except client.Trouble as trouble:
        raise _unregistered(trouble) from None
    finally:
        agent.close()


def _unregistered(trouble: client.Trouble) -> AgentError:
    from awsenv.errors import AGAIN, AgentError  # noqa: PLC0415 - `enum` costs as much as the fast path

    fact = "the command was not started: the agent does not seal it"
    return AgentError(fact, because=trouble.fact, hint=trouble.hints or AGAIN)
