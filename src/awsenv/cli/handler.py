"""Runs the command lines of clients, in an agent or in a process that makes many requests: by the same commands.

It never asks the user anything. It tells the client what it lacks, and the client sends the request again with the
answer.
"""

from __future__ import annotations

import json
import math
import time
from functools import partial

from awsenv import config, mark
from awsenv.agent import client
from awsenv.agent.approvals import POLL, Approvals, Confirmation
from awsenv.agent.guard import Guard
from awsenv.agent.log import Log, Recording
from awsenv.agent.seals import Seals
from awsenv.aws.connections import Connections
from awsenv.cli import commands, conversation
from awsenv.cli.action import Local, packed
from awsenv.cli.main import failed, handle
from awsenv.cli.options import Caller
from awsenv.cli.prompts import Needed, lost, parts_of
from awsenv.command import Failed
from awsenv.errors import AGAIN, AgentError, CodeRejected, UnreachableError
from awsenv.provider import Provider
from awsenv.record import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from awsenv.agent.endpoint import Endpoint
    from awsenv.agent.memory import Memory
    from awsenv.agent.peer import Peer
    from awsenv.agent.plan import Lease
    from awsenv.agent.seals import Seal
    from awsenv.cli.action import Action
    from awsenv.errors import AwsenvError
    from awsenv.model import Mfa, Note, Question, Waits
    from awsenv.resolved import Resolved

PATIENCE = 60.0
"""Seconds in which a role is requested again while AWS is throttling: a process that makes many requests causes it."""

_LONGEST = 8.0
"""Seconds of the longest pause between two such requests."""


class Answers:
    """The answers of a client so far, in place of its terminal. A missing one raises `Needed`.

    Args:
        text: As `prompts.Prompts.answer` returns it; empty: nothing yet.
        memory: It knows which codes were sent.
    """

    def __init__(self, text: str, memory: Memory) -> None:
        self._answers: dict[str, Any] = json.loads(text) if text else {}
        self._memory = memory
        self.codes_before: int = self._answers.get("codes_before", 0)
        self._sent = self.codes_before

    @property
    def has_code(self) -> bool:
        """Whether the client has answered with a code, or is about to: the program that gets the role is found."""
        return "code" in self._answers or "found" in self._answers

    def code(self, device: Mfa, *, given: str | None, after: AwsenvError | None, login: Callable[[], str]) -> str:
        """Return the code that the client has answered with, else the one of its command line.

        The client may have no terminal: *login* is the command that opens the MFA session.

        Raises:
            Needed: There is none, or it was sent before.
        """
        code: str | None = self._answers.get("code", given)
        if self._answers.get("serial", device.serial) != device.serial:
            # The files have changed while the user typed: the code is that of another device.
            code = None
        if code is not None and "is_lost" in self._answers:
            after = lost()
        if after is None and code is not None:
            if self._memory.spend(device.serial, code):
                self._sent += 1
                return code
            after = CodeRejected("that MFA code has been used", hint="wait for the device's next code")
        origins = {name: origin.parts for name, origin in device.origins.items()}
        parts = (device.serial, device.process, origins)
        raise Needed("code", device=parts, used=code, codes_before=self._sent, after=parts_of(after), login=login())

    def give_back(self, device: Mfa, code: str) -> None:
        """Note that a code was not sent."""
        self._memory.give_back(device.serial, code)

    def find(self, program: str) -> None:
        """Check that the client has found *program*.

        Raises:
            Needed: It has not looked yet.
        """
        if self._answers.get("found") != program:
            raise Needed("find", program=program)

    def confirm(self, question: Question) -> None:
        """Check that the user of the client has confirmed the role.

        Raises:
            Needed: The user has not been asked yet.
        """
        if self._answers.get("confirmed") != question.fact:
            origin = None if question.origin is None else question.origin.parts
            parts = [question.fact, question.name, question.text, question.color, origin, question.takes_yes]
            raise Needed("confirm", question=parts)

    def run(self, words: Sequence[str], profile: str) -> bytes:
        """Return what the `credential_process` of *profile* has printed in the process of the client.

        Raises:
            Needed: It has not run yet.
            Failed: It was not started, it failed, or it was killed.
        """
        if "failed" in self._answers:
            raise Failed(*self._answers["failed"])
        if "printed" not in self._answers:
            raise Needed("run", words=list(words), profile=profile)
        printed: str = self._answers["printed"]
        return printed.encode("latin-1")

    def secret(self, question: str, before: Callable[[], object] = bool) -> str:
        """Return the secret that the client has answered with.

        Raises:
            Needed: The client has not sent it yet. *before* has been called.
        """
        if "secret" not in self._answers:
            before()
            raise Needed("secret", question=question)
        secret: str = self._answers["secret"]
        return secret


class _Opening(Provider):
    """A provider that only opens the connection to STS."""

    def lease(self, resolved: Resolved) -> NoReturn:
        """Open the connection.

        Raises:
            Needed: Always.
        """
        self.prepare(resolved)
        raise Needed("role")

    serve = open_session = lease


class _Granting(Provider):
    """A provider for a process that needs many roles: a code opens the MFA session that the others come by."""

    def lease(self, resolved: Resolved) -> Lease:
        """Return the credentials of a role. While AWS is throttling, request them again.

        Raises:
            AwsenvError: As of `Provider.lease`.
        """
        end, longest = time.monotonic() + PATIENCE, 1.0
        while True:
            try:
                return self._granted(resolved)
            except UnreachableError as error:
                if not error.is_throttling:
                    raise
                from random import random  # noqa: PLC0415 - seldom needed

                pause, longest = random() * longest, min(2 * longest, _LONGEST)  # noqa: S311 - it keeps no secret
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause)

    def _granted(self, resolved: Resolved) -> Lease:
        self.confirm(resolved)
        resolved = replace(resolved, is_confirmed=True)
        return self.lease_by_session(resolved) or super().lease(resolved)


_PROVIDERS: dict[bytes, type[Provider]] = {
    conversation.RUN: Provider,
    conversation.PART: Provider,
    conversation.OPEN: _Opening,
    conversation.GRANT: _Granting,
    conversation.EACH: _Granting,
}
"""What gets the credentials, by the verb of the request."""


@dataclass(frozen=True, slots=True)
class Handler:
    """Runs the requests of one agent."""

    memory: Memory
    endpoint: Callable[[], Endpoint]
    """Starts the container credentials endpoint when it is first needed."""
    connections: Connections = field(default_factory=Connections)
    """The connection pool, shared by all requests."""
    is_private: bool = False
    """Whether the agent serves one command alone, which has sent its whole environment."""
    log: Log = field(default_factory=Log)
    """What was handed out, and what was refused."""
    approvals: Approvals = field(default_factory=Approvals)
    """Asks before a role is handed out. For a private agent, its client asks instead."""
    seals: Seals = field(default_factory=Seals)
    """The processes that get one role only."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""

    def reply(self, verb: bytes, parts: list[bytes], waits: Waits, peer: Peer | None = None) -> list[bytes]:
        """Return the reply to one request of *peer*; None: of this process.

        Raises:
            ValueError: It is not a request.
        """
        try:
            return self._reply(verb, parts, waits, peer)
        except client.Refused as refused:
            if peer is not None:
                request = conversation.Request(parts) if verb in _PROVIDERS else None
                self._recording(_command(verb, request)).refused_all(peer, refused.fact)
            raise

    def _reply(self, verb: bytes, parts: list[bytes], waits: Waits, peer: Peer | None) -> list[bytes]:
        if verb == mark.SEAL and peer is not None:
            self.seals.redeem(peer, parts[0].decode())
            return []
        sealed = [] if peer is None else self.seals.of(peer)
        if peer is not None and verb not in _PROVIDERS:
            self.seals.check_free(peer)
        if verb == conversation.LOCK:
            self.forget()
            return []
        if verb == conversation.ATTEND and peer is not None:
            number, answer, poll = parts
            attended = self.approvals.attend(peer, int(number), answer.decode(), poll=float(poll or POLL))
            return [json.dumps(attended).encode()]
        if verb in {conversation.LOG, client.WATCH}:
            (after,) = parts
            page = self.log.read(int(after))
            is_news = page["entries"] or verb == conversation.LOG
            return [json.dumps(page, ensure_ascii=False).encode()] if is_news else []
        if verb not in _PROVIDERS:
            raise ValueError(verb)
        request = conversation.Request(parts)
        notes: list[Note] = []
        if verb == conversation.RUN and not commands.called(request.args).runs_in_agent:
            made: Action = Local()
        elif sealed and not commands.called(request.args).may_be_sealed:
            fact = "this process is sealed: the agent does not do that for it"
            if peer is not None:
                self._recording(_command(verb, request)).refused_all(peer, fact)
            made = failed(AgentError(fact, hint=mark.OUTSIDE))
        else:
            made = handle(request.args, partial(self._caller, verb, request, notes, waits, peer, sealed=sealed))
        made.notes = [*notes, *made.notes]
        return packed(made, request.environ)

    def _caller(
        self,
        verb: bytes,
        request: conversation.Request,
        notes: list[Note],
        waits: Waits,
        peer: Peer | None,
        *,
        sealed: Sequence[Seal],
    ) -> Caller:
        answers = Answers(request.answers, self.memory)
        confirmation = guard = None
        # Where the kernel names the process, its own word does not count.
        pid = request.pid if peer is None or self.is_private else peer.process.pid
        recording = self._recording(_command(verb, request))
        if peer is not None:
            if not self.is_private:
                confirmation = Confirmation(self.approvals, peer, claimed(request.args))
            rules = (recording,) if confirmation is None else (recording, confirmation)
            guard = Guard(peer, waits, rules, self.seals, confirms=confirmation is not None)

        def endpoint(lease_id: str) -> tuple[str, str]:
            try:
                plan = self.memory.plan(lease_id)
            except KeyError:  # it was locked while AWS was asked
                raise AgentError("the agent no longer holds the role, and cannot serve it", hint=AGAIN) from None
            return self.endpoint().grant(lease_id, pid, bool if peer is None else recording.served(peer, plan))

        kind = _PROVIDERS[verb]
        provider = kind(
            self.memory,
            answers,
            notes.extend,
            waits,
            endpoint=endpoint,
            is_private=self.is_private,
            guard=guard,
            connections=self.connections,
            now=self.now,
        )
        return Caller(
            request.environ,
            request.program,
            provider,
            answers.secret,
            args=tuple(request.args),
            prints_to_terminal=request.to_terminal,
            columns=request.columns,
            prints_astray=lambda: request.astray,
            folder=sealed[0].folder if sealed else request.folder,
            base=sealed[0].environ if sealed else None,
            pid=pid,
            agent_was_started=request.started,
            is_program=kind is _Granting,
            confirmation=confirmation,
            now=self.now,
        )

    def _recording(self, command: str) -> Recording:
        return Recording(self.log, command)

    def check_end(self, peer: Peer) -> None:
        """Check that a process may end the agent.

        Raises:
            Refused: It may not.
        """
        try:
            self.seals.check_free(peer)
        except client.Refused as refused:
            self._recording("logout").refused_all(peer, refused.fact)
            raise

    def forget(self) -> None:
        """Drop every secret, what was read from the files, and the connections to AWS."""
        self.memory.drop()
        self.approvals.forget()
        self.seals.forget()
        config.forget()
        self.connections.close()

    def tidy(self) -> float:
        """Drop what has expired, close idle connections, and return the seconds until more is due."""
        self.connections.close_idle()
        close = self.connections.next_close()
        return min(self.memory.drop_expired(), math.inf if close is None else close - time.monotonic())


_NAMES = {mark.SEAL: "exec", conversation.ATTEND: "approve", client.WATCH: "log", conversation.GRANT: "python"}


def _command(verb: bytes, request: conversation.Request | None) -> str:
    """Return the command of awsenv that has sent a request; `python`: a program, by the functions of the package."""
    if request is None or verb in {conversation.EACH, conversation.GRANT}:
        return _NAMES.get(verb, verb.decode(errors="replace"))
    return commands.called(request.args).name


def claimed(args: list[str]) -> tuple[str, ...]:
    """Return a command line as it is shown: without an MFA code and an external id."""
    typed = commands.typed(args)
    if typed is None:
        return (*args[:1], "…")
    secrets = [typed[name] for name in ("code", "external_id") if typed.get(name)]
    return tuple("…" if word.rpartition("=")[2] in secrets else word for word in args)
