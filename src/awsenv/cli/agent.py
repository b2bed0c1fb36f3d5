"""What an agent answers: the command lines of its clients, out of memory, by the same commands as the ordinary path.

An agent never asks a person for anything. Where a code is needed, or anything fails, it declines: the client then takes
the ordinary path, which asks, or fails and says why.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, NoReturn

from awsenv import config
from awsenv.agent import server
from awsenv.agent.memory import Clock, Memory
from awsenv.cli import app, commands, conversation, report
from awsenv.cli.action import Address, Caller, Exec, Open, Print, Provider
from awsenv.cli.from_memory import Declined, FromMemory, planned
from awsenv.cli.status import held_rows
from awsenv.errors import MfaError, RefusedError, SourceError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.endpoint import Endpoint
    from awsenv.cli.action import Resolved
    from awsenv.model import Credentials

TOLD = (RefusedError, SourceError, UnreachableError)
"""What AWS, or the source, has said or not said: the ordinary path would ask the same again, and be told the same."""


class Service:
    """The answers of one agent.

    Args:
        memory: What it holds.
        endpoint: Starts the container credentials endpoint when it is first needed.
        private: Whether it serves one command alone, which has told its whole environment.
        now: Seconds since the epoch, UTC.
    """

    def __init__(
        self,
        memory: Memory,
        endpoint: Callable[[], Endpoint],
        *,
        private: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._endpoint = endpoint
        self._private = private
        self._now = now

    def answer(self, verb: bytes, parts: list[bytes]) -> list[bytes]:
        """Return the answer to one request.

        Raises:
            ValueError: It is none.
        """
        answers = {
            conversation.RUN: self._run,
            conversation.KEEP: self._keep,
            conversation.SESSION: self._session,
            conversation.SERVE: self._serve,
            conversation.LOCK: self._lock,
            conversation.HELD: self._held,
            conversation.ENDS: self._ends,
        }
        if verb not in answers:
            raise ValueError(verb)
        return answers[verb](parts)

    def _run(self, parts: list[bytes]) -> list[bytes]:
        request = conversation.read_request(parts)
        said: list[str] = []
        if not commands.called(request.args).is_answered:
            return [conversation.DECLINED]
        keeper = FromMemory(self._memory, self._grant, request.pid, said.extend, now=self._now)
        try:
            outcome = app.invoke(request.args, _caller(request, keeper, self._now))
        except Declined as declined:
            return [conversation.DECLINED, *map(os.fsencode, declined.notes)]
        except TOLD as error:
            told = report.noted(said) + report.described(error)
            return [conversation.FAILED, b"%d" % report.status(error, request.args), os.fsencode(told)]
        except BaseException:  # noqa: BLE001 - the ordinary path meets it again and says it
            return [conversation.DECLINED]
        return _answered(outcome, request, said)

    def _keep(self, parts: list[bytes]) -> list[bytes]:
        key, credentials, request = (
            parts[0].decode(),
            conversation.unpacked(parts[1]),
            conversation.read_request(parts[2:]),
        )
        keeper = _Storing(self._memory, key, credentials, private=self._private)
        try:
            app.invoke(request.args, _caller(request, keeper, self._now))
        except _Stored as stored:
            return [stored.renewal.encode()]
        message = "this command line asks for no role"
        raise ValueError(message)

    def _session(self, parts: list[bytes]) -> list[bytes]:
        key, title, duration, credentials = parts
        asked = int(duration) or None
        self._memory.keep_session(key.decode(), conversation.unpacked(credentials), os.fsdecode(title), duration=asked)
        return []

    def _serve(self, parts: list[bytes]) -> list[bytes]:
        renewal, pid = parts
        url, token, account = self._grant(renewal.decode(), int(pid))
        return [url.encode(), token.encode(), (account or "").encode()]

    def _lock(self, _: list[bytes]) -> list[bytes]:
        forget(self._memory)
        return []

    def _held(self, _: list[bytes]) -> list[bytes]:
        return [os.fsencode(cell) for row in held_rows(self._memory.held(), self._now()) for cell in row]

    def _ends(self, parts: list[bytes]) -> list[bytes]:
        ends = {each.key.encode(): conversation.ended(each.ends) for each in self._memory.held()}
        return [ends.get(key, b"") for key in parts]

    def _grant(self, renewal: str, pid: int) -> Address:
        url, token = self._endpoint().grant(renewal, pid)
        return Address(url, token, self._memory.renewed(renewal).credentials.account)


def _answered(outcome: object, request: conversation.Request, said: list[str]) -> list[bytes]:
    if isinstance(outcome, Print):
        notes = report.noted([*said, *outcome.notes])
        return [conversation.PRINT, os.fsencode(notes), os.fsencode(outcome.text)]
    if isinstance(outcome, Exec):
        words = conversation.become(outcome.argv, request.environ, outcome.environ)
        return [conversation.BECOME, os.fsencode(report.noted(said)), *words]
    if isinstance(outcome, Open):
        return [conversation.OPEN, os.fsencode(report.noted(said)), os.fsencode(outcome.url)]
    return [conversation.DECLINED]


class _Stored(Exception):  # noqa: N818 - its name says what happened
    """The credentials are in memory."""

    def __init__(self, renewal: str) -> None:
        super().__init__(renewal)
        self.renewal = renewal


class _Storing:
    """Takes the credentials that a client has got for what its command line asks for.

    It reads that command line again, so as to be able to get them again. What it comes to has the same *key*, unless a
    file has changed since, while a person typed a code.
    """

    def __init__(self, memory: Memory, key: str, credentials: Credentials, *, private: bool) -> None:
        self._memory = memory
        self._key = key
        self._credentials = credentials
        self._private = private

    def obtain(self, wanted: Resolved) -> NoReturn:
        """Take them."""
        plan = planned(replace(wanted, code=None), self._memory, private=self._private)
        if plan.key != self._key:
            raise Declined
        plan = replace(plan, chain=wanted.chain)
        raise _Stored(self._memory.keep(plan, self._credentials).id)

    def endpoint(self, wanted: Resolved) -> NoReturn:
        """Take them."""
        self.obtain(wanted)

    def renew(self, renewal: str) -> NoReturn:
        """Fail: nothing is asked for."""
        del renewal
        raise Declined

    def held(self) -> tuple[tuple[str, str], ...]:
        """Return nothing."""
        return ()


def _caller(request: conversation.Request, keeper: Provider, now: Callable[[], float]) -> Caller:
    return Caller(
        request.environ,
        request.program,
        keeper,
        prints_to_terminal=request.to_terminal,
        prints_astray=lambda: request.astray,
        folder=request.folder,
        pid=request.pid,
        now=now,
    )


def forget(memory: Memory) -> None:
    """Drop every secret: those of *memory*, and what was read of the files."""
    memory.drop()
    config.forget()


def main(words: list[str]) -> None:
    """Be an agent, as `start` has made it with *words*, until its life is over."""
    memory = Memory(Clock(time.time, server.boot_time))
    private = words[0] == server.PRIVATE
    endpoint = cache(lambda: _endpoint(memory, private=private))
    service = Service(memory, endpoint, private=private)

    def in_use() -> bool:
        return endpoint.cache_info().currsize > 0 and endpoint().is_used()

    # Its first client shall not wait for it.
    threading.Thread(target=_load, daemon=True).start()
    server.inherited(
        words,
        service.answer,
        until=memory.until,
        in_use=in_use,
        on_drop=partial(forget, memory),
        on_tick=memory.drop_expired,
    ).serve()


def _endpoint(memory: Memory, *, private: bool) -> Endpoint:
    from awsenv.agent.endpoint import Endpoint  # noqa: PLC0415 - only for `exec --refresh`

    def credentials_for(role_id: str) -> Credentials:
        try:
            return memory.served(role_id).credentials
        except Declined:
            raise MfaError(
                "the MFA session has ended", hint="start the command again" if private else "awsenv login"
            ) from None

    return Endpoint(credentials_for)


def _load() -> None:
    for command in commands.COMMANDS.values():
        if command.is_answered:
            app.built(command.name)
    import awsenv.aws.sts  # noqa: F401, PLC0415 - botocore, which takes its time
