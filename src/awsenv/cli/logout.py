"""`awsenv logout` and `awsenv lock`: end the agent, or let it forget what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.agent import client
from awsenv.cli import wire
from awsenv.cli.outcome import Caller, Print
from awsenv.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable


def logout(caller: Caller) -> Print:
    """Let the agent forget everything, and end it.

    Raises:
        AgentError: It does not answer.
    """
    return _told(lambda: client.ask(caller.environ, b"end", []), "Logged out: the agent has ended.")


def lock(caller: Caller) -> Print:
    """Let the agent forget the session and the roles; it goes on.

    Raises:
        AgentError: It does not answer.
    """
    return _told(lambda: client.ask(caller.environ, wire.LOCK, []), "Locked: the agent holds nothing.")


def _told(ask: Callable[[], object], done: str) -> Print:
    try:
        ask()
    except client.NoAgent:
        return Print("", ("no agent runs",))
    except client.Dead as dead:
        return Print("", (str(dead),))
    except client.Trouble as trouble:
        raise AgentError(str(trouble), hint="end the process by hand: kill") from None
    return Print(done + "\n")
