"""What an agent answers: the command lines of its clients, out of memory, by the same commands as the ordinary path.

An agent never asks a person for anything. Where a code is needed, or anything fails, it declines: the client then takes
the ordinary path, which asks, or fails and says why.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from awsenv.agent import server
from awsenv.agent.memory import Clock, Memory
from awsenv.cli import app, report, wire
from awsenv.cli.from_memory import Declined, FromMemory, planned
from awsenv.cli.outcome import Address, Become, Caller, Keeper, Print
from awsenv.cli.status import held_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.endpoint import Endpoint
    from awsenv.cli.outcome import Wanted
    from awsenv.model import Credentials

ANSWERED = frozenset({"credential-process", "exec", "list", "off", "renew", "status", "use"})
"""The commands that come to a text, or to another command, without any word to the person in between."""


class Service:
    """The answers of one agent.

    Args:
        memory: What it holds.
        endpoint: Starts the container credentials endpoint when it is first needed.
        now: Seconds since the epoch, UTC.
    """

    def __init__(self, memory: Memory, endpoint: Callable[[], Endpoint], now: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._endpoint = endpoint
        self._now = now

    def answer(self, verb: bytes, parts: list[bytes]) -> list[bytes]:
        """Return the answer to one request.

        Raises:
            ValueError: It is none.
        """
        answers = {
            wire.RUN: self._run,
            wire.KEEP: self._keep,
            wire.SESSION: self._session,
            wire.SERVE: self._serve,
            wire.LOCK: self._lock,
            wire.HELD: self._held,
        }
        if verb not in answers:
            raise ValueError(verb)
        return answers[verb](parts)

    def _run(self, parts: list[bytes]) -> list[bytes]:
        request = wire.read_request(parts)
        said: list[str] = []
        keeper = FromMemory(self._memory, self._grant, request.pid, said.extend, self._now)
        if app.named(request.args)[0] not in ANSWERED:
            return [wire.DECLINED]
        try:
            outcome = app.invoke(request.args, _caller(request, keeper, self._now))
        except Declined as declined:
            return [wire.DECLINED, *map(os.fsencode, declined.notes)]
        except BaseException:  # noqa: BLE001 - the ordinary path meets it again and says it
            return [wire.DECLINED]
        if isinstance(outcome, Print):
            notes = report.noted([*said, *outcome.notes])
            return [wire.PRINT, os.fsencode(notes), os.fsencode(outcome.text)]
        if isinstance(outcome, Become):
            words = wire.become(outcome.argv, request.environ, outcome.environ)
            return [wire.BECOME, os.fsencode(report.noted(said)), *words]
        return [wire.DECLINED]

    def _keep(self, parts: list[bytes]) -> list[bytes]:
        credentials, request = wire.unpacked(parts[0]), wire.read_request(parts[1:])
        keeper = _Storing(self._memory, credentials)
        try:
            app.invoke(request.args, _caller(request, keeper, self._now))
        except _Stored as stored:
            return [stored.renewal.encode()]
        message = "this command line asks for no role"
        raise ValueError(message)

    def _session(self, parts: list[bytes]) -> list[bytes]:
        key, title, duration, credentials = parts
        asked = int(duration) or None
        self._memory.keep_session(key.decode(), wire.unpacked(credentials), os.fsdecode(title), duration=asked)
        return []

    def _serve(self, parts: list[bytes]) -> list[bytes]:
        renewal, pid = parts
        url, token, account = self._grant(renewal.decode(), int(pid))
        return [url.encode(), token.encode(), (account or "").encode()]

    def _lock(self, _: list[bytes]) -> list[bytes]:
        self._memory.drop()
        return []

    def _held(self, _: list[bytes]) -> list[bytes]:
        return [os.fsencode(cell) for row in held_rows(self._memory.held(), self._now()) for cell in row]

    def _grant(self, renewal: str, pid: int) -> Address:
        url, token = self._endpoint().grant(renewal, pid)
        return Address(url, token, self._memory.renewed(renewal).credentials.account)


class _Stored(Exception):  # noqa: N818 - its name says what happened
    """The credentials are in memory."""

    def __init__(self, renewal: str) -> None:
        super().__init__(renewal)
        self.renewal = renewal


class _Storing:
    """Takes the credentials that a client has got for what its command line asks for."""

    def __init__(self, memory: Memory, credentials: Credentials) -> None:
        self._memory = memory
        self._credentials = credentials

    def obtain(self, wanted: Wanted) -> NoReturn:
        """Take them."""
        plan = replace(planned(replace(wanted, code=None), self._memory), chain=wanted.chain)
        raise _Stored(self._memory.keep(plan, self._credentials).id)

    def endpoint(self, wanted: Wanted) -> NoReturn:
        """Take them."""
        self.obtain(wanted)

    def renew(self, renewal: str) -> NoReturn:
        """Fail: nothing is asked for."""
        raise Declined(renewal)

    def held(self) -> tuple[tuple[str, str], ...]:
        """Return nothing."""
        return ()


def _caller(request: wire.Request, keeper: Keeper, now: Callable[[], float]) -> Caller:
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


def main(words: list[str]) -> None:
    """Be an agent, as `start` has made it with *words*, until its life is over."""
    memory = Memory(Clock(time.time, server.boot_time))
    endpoint = cache(lambda: _endpoint(memory))
    service = Service(memory, endpoint)

    def in_use() -> bool:
        return endpoint.cache_info().currsize > 0 and endpoint().is_used()

    # Its first client shall not wait for it.
    threading.Thread(target=_load, daemon=True).start()
    server.inherited(
        words,
        service.answer,
        until=memory.until,
        in_use=in_use,
        on_drop=memory.drop,
        on_tick=memory.drop_expired,
    ).serve()


def _endpoint(memory: Memory) -> Endpoint:
    from awsenv.agent.endpoint import Endpoint  # noqa: PLC0415 - only for `exec --refresh`

    return Endpoint(lambda role_id: memory.served(role_id).credentials)


def _load() -> None:
    for command in ANSWERED:
        app.built(command)
    import awsenv.aws.sts  # noqa: F401, PLC0415 - botocore, which takes its time
