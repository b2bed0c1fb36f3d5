"""`awsenv logout`: end the agent and the MFA session that it holds."""

from __future__ import annotations

from awsenv.agent import client, runtime_directory
from awsenv.cli.action import Print
from awsenv.errors import AgentError, ExitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import LogoutArguments
    from awsenv.cli.options import Caller
    from awsenv.model import Environ


def run(caller: Caller, _: LogoutArguments) -> Print:
    """Let the agent forget everything, and end it.

    Raises:
        AgentError: It does not answer.
    """
    return forget(caller, client.END, "Logged out: the agent has ended.")


def forget(caller: Caller, verb: bytes, done: str) -> Print:
    """Send *verb* to each agent of this user that can be found, and return the message *done*.

    Raises:
        AgentError: One does not answer.
    """
    try:
        folders = runtime_directory.candidates(caller.environ)
    except runtime_directory.Unsafe:
        folders = []  # `ask` says why
    named = [{runtime_directory.VARIABLE: each} for each in folders if runtime_directory.has_socket(each)]
    with caller.provider.waits("the agent"):
        printed = [_forget({**caller.environ, **each}, verb, done) for each in named or [{}]]
    text = "".join(dict.fromkeys(each.text for each in printed))
    return Print(text, [note for each in printed for note in each.notes], max(each.status for each in printed))


def _forget(environ: Environ, verb: bytes, done: str) -> Print:
    try:
        client.ask(environ, verb, [])
    except client.OtherVersion:
        # Every version knows how to end, and forgets everything by that.
        return _forget(environ, client.END, "Locked: the agent, which was of another version of awsenv, has ended.")
    except (client.NoAgent, client.Dead) as none:
        # One that runs elsewhere still holds what it holds.
        return Print(notes=[none], status=ExitCode.AGENT if none.because else 0)
    except client.Trouble as trouble:
        if isinstance(trouble, client.Refused):
            raise AgentError(trouble.fact, hint=trouble.hints) from None
        hint = "end its process: kill" if trouble.pid is None else f"kill -9 {trouble.pid}"
        raise AgentError(trouble.fact, hint=hint) from None
    return Print(done + "\n")
