"""The requests of a process that needs many roles, or one again and again: `each`, the Python API, IPython.

An agent replies if one runs. Else a handler in this process does, over a memory of its own: an MFA session that a code
has opened serves the roles that follow, even if an agent starts that does not hold it.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from functools import partial
from threading import RLock

from awsenv.agent import client
from awsenv.agent.memory import Memory
from awsenv.agent.term import Clock, boot_time
from awsenv.cli import conversation, process
from awsenv.cli.action import Fail, Need, unpacked
from awsenv.cli.conversation import EACH, GRANT, Conversation
from awsenv.cli.handler import Handler
from awsenv.cli.report import in_local_time
from awsenv.errors import (
    AGAIN,
    AgentError,
    AwsenvError,
    ConfigError,
    ExitCode,
    Failure,
    MfaError,
    Origin,
    RefusedError,
    SourceError,
    UnreachableError,
    UsageError,
)
from awsenv.model import Credentials, unseen
from awsenv.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

    from awsenv.cli.action import Action
    from awsenv.cli.conversation import Ask
    from awsenv.cli.prompts import Prompts
    from awsenv.cli.report import Shown
    from awsenv.model import Waits

_ERRORS: dict[int, type[AwsenvError]] = {
    kind.exit_code: kind for kind in (UsageError, ConfigError, SourceError, MfaError, UnreachableError, AgentError)
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who makes a request: this process as it was, since the same request may be made again hours later."""

    environ: Mapping[str, str] = field(repr=False)
    prompts: Callable[[], Prompts]
    """Returns what asks the user in one request: one question at a time."""
    note: Callable[[Iterable[Shown]], object]
    """Shows notes."""
    folder: str = field(default_factory=process.folder)
    """The working directory, from which relative paths start."""


class Requests:
    """Sends the requests of this process. Threads may share it.

    Args:
        waits: Shows what a request waits for.
        is_each: Whether the process is `awsenv each`, and not a program of the user.
    """

    def __init__(self, waits: Waits = unseen, *, is_each: bool = False) -> None:
        self._waits = waits
        self._verb = EACH if is_each else GRANT
        # What gives a code may itself need a role.
        self._asking = RLock()
        self._handler = Handler(Memory(Clock(time.time, boot_time)), _no_endpoint, is_private=True)

    def credentials(self, words: Sequence[str], sender: Sender) -> Credentials:
        """Return the credentials of a role.

        Args:
            words: The role and its options, as on a command line.
            sender: Who makes the request.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
            KeyboardInterrupt: As of `action`.
        """
        made = json.loads(self.action(["credential-process", "--print", *words], sender).text)
        expires = made.get("Expiration")
        return Credentials(
            made["AccessKeyId"],
            made["SecretAccessKey"],
            made.get("SessionToken"),
            None if expires is None else datetime.fromisoformat(expires.replace("Z", "+00:00")),
            made.get("AccountId"),
        )

    def action(self, args: list[str], sender: Sender) -> Action:
        """Return the action of a command line, after its notes were shown.

        Raises:
            AwsenvError: It failed, or what it needs is missing.
            KeyboardInterrupt: Ctrl-C, in this process.
        """
        if conversation.may_run(sender.environ):
            try:
                return self._action(partial(self._reply_of_agent, args, sender), args, sender)
            except client.Trouble as trouble:
                if isinstance(trouble, client.Lost):
                    raise AgentError(trouble.fact, hint=trouble.hints or AGAIN) from None
                if not isinstance(trouble, client.NoAgent):
                    sender.note([trouble])
        return self._action(self._reply_here, args, sender, whole=True)

    def forget(self) -> None:
        """Drop every secret that this process holds; an agent keeps its own."""
        self._handler.forget()

    def _action(self, ask: Ask, args: list[str], sender: Sender, *, whole: bool = False) -> Action:
        made = unpacked(ask(self._verb, [b"", *_request(args, sender, whole=whole)]), sender.environ)
        if made.kind == Need.kind:
            # What the answer to one request has opened serves those that have waited for it.
            with self._asking:
                made = Conversation(
                    ask,
                    args,
                    sender.environ,
                    sender.prompts(),
                    whole=whole,
                    verb=self._verb,
                    show=sender.note,
                    folder=sender.folder,
                ).reply()
        if isinstance(made, Fail):
            sender.note(made.notes[:-1])
            raise _error_of(made)
        sender.note(made.notes)
        return made

    def _reply_of_agent(
        self,
        args: list[str],
        sender: Sender,
        verb: bytes,
        parts: list[bytes],
        /,
        *,
        waits_for: Callable[[str], object] = str,
    ) -> list[bytes]:
        del waits_for
        environ = sender.environ
        with self._waits("the agent"):
            reply = client.ask(environ, verb, parts, longest=conversation.longest(environ), waits_for=self._waits)
        if verb == self._verb and self._handler.memory.held() and _lacks_code(unpacked(reply, environ)):
            # The agent has started since: this process may hold the MFA session.
            mine = self._reply_here(verb, [parts[0], *_request(args, sender, whole=True)])
            if unpacked(mine, environ).kind not in {Need.kind, Fail.kind}:
                return mine
        return reply

    def _reply_here(
        self, verb: bytes, parts: list[bytes], /, *, waits_for: Callable[[str], object] = str
    ) -> list[bytes]:
        del waits_for
        return self._handler.reply(verb, parts, self._waits)


def _request(args: list[str], sender: Sender, *, whole: bool) -> list[bytes]:
    return conversation.request(args, sender.environ, whole=whole, folder=sender.folder)


def _lacks_code(made: Action) -> bool:
    """Return whether a code is needed, and none was sent to AWS."""
    need = json.loads(made.text) if made.kind == Need.kind else {}
    return need.get("kind") == "code" and need["used"] is None


def _no_endpoint() -> NoReturn:
    raise AgentError("only an agent serves an endpoint")


def _error_of(failed: Fail) -> AwsenvError:
    """Return the error that a reply carries: its kind follows from the exit status.

    Raises:
        KeyboardInterrupt: That is what it carries. No handler of errors is to take it for one.
    """
    if failed.status == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    shown, origins = failed.notes[-1], [Origin(str(origin)) for origin in failed.notes[-1].origins]
    fact, because = in_local_time(shown.fact), in_local_time(shown.because or "") or None
    hint = tuple(map(in_local_time, shown.hints))
    if failed.status == ExitCode.REFUSED:
        return RefusedError(fact, *origins, code=failed.text, because=because, hint=hint)
    return _ERRORS.get(failed.status, Failure)(fact, *origins, because=because, hint=hint)
