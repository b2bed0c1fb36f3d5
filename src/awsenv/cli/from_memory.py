"""Roles out of the agent's memory: how a role is got without a code, and got again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from awsenv import config, mfa, provider
from awsenv.agent.memory import Plan
from awsenv.cli import conversation
from awsenv.cli.action import Address, Lease, Resolved
from awsenv.cli.status import held_rows, shortfall
from awsenv.errors import RefusedError
from awsenv.model import GetSessionToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.memory import Memory
    from awsenv.cli.action import Say
    from awsenv.model import Credentials


PATIENCE = 2.0
"""Seconds that a prompt waits for AWS."""


class Declined(Exception):  # noqa: N818 - its name says what happened
    """This is for the ordinary path.

    Args:
        note: What the person is to be told of it; None: nothing.
    """

    def __init__(self, note: str | None = None) -> None:
        super().__init__(note)
        self.notes = () if note is None else (note,)


class FromMemory:
    """The keeper of an agent.

    Args:
        memory: What it holds.
        grant: Lets a process have a role that is held.
        pid: The process of the client.
        say: Tells the person a note.
        now: Seconds since the epoch, UTC.
    """

    def __init__(
        self,
        memory: Memory,
        grant: Callable[[str, int], Address],
        pid: int,
        say: Say,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._grant = grant
        self._pid = pid
        self._say = say
        self._now = now

    def obtain(self, wanted: Resolved) -> Lease:
        """Return a role that is held, or that can be had without a code."""
        got = self._obtained(wanted)
        self._say(shortfall(wanted, got.credentials, self._now()))
        return got

    def _obtained(self, wanted: Resolved) -> Lease:
        role = self._memory.role(planned(wanted, self._memory), min_remaining=wanted.min_remaining)
        self._say(map(str, role.plan.chain.notes))
        return Lease(role.plan.chain, role.credentials, role.id)

    def renew(self, renewal: str) -> Lease:
        """Return a role that is held, renewed where it is about to end."""
        try:
            role = self._memory.renewed(renewal, patience=PATIENCE)
        except KeyError:
            raise Declined from None
        return Lease(role.plan.chain, role.credentials, role.id)

    def endpoint(self, wanted: Resolved) -> Address:
        """Serve a role, renewed, while the client's process lives."""
        return self._grant(_renewable(self._obtained(wanted)), self._pid)

    def held(self) -> tuple[tuple[str, str], ...]:
        """Return what is held."""
        return held_rows(self._memory.held(), self._now())


def planned(wanted: Resolved, memory: Memory, *, private: bool = False) -> Plan:
    """Return how the role that is wanted is got, and got again, without a code.

    What a `credential_process` prints may hang on anything in the environment and the folder of whoever runs it: an
    agent of many runs none, a *private* one does.

    Raises:
        Declined: A code was given, which is to be used; or a process is to be run.
    """
    if wanted.code is not None:
        raise Declined
    first = wanted.chain.hops[0] if wanted.chain.hops else None
    nameless = first is not None and first.mfa is None and _session(wanted, conversation.NAMELESS, memory) is not None
    chain = config.through_session(wanted.chain, held=nameless)

    def fetch() -> Credentials:
        if chain is None:
            raise Declined
        return _fetched(replace(wanted, chain=chain), memory)

    needs_session = chain is not None and chain.hops and isinstance(chain.hops[0], GetSessionToken)
    if wanted.chain.source.kind == "process" and not needs_session and not private:
        raise Declined
    key = config.role_id(wanted.chain, wanted.profiles, wanted.environ)
    return Plan(key, wanted.chain.label, chain or wanted.chain, fetch)


def _session(wanted: Resolved, serial: str, memory: Memory) -> Credentials | None:
    return memory.session(config.session_id(wanted.chain, serial, wanted.profiles, wanted.environ))


def _fetched(wanted: Resolved, memory: Memory) -> Credentials:
    chain, session = wanted.chain, None
    first = chain.hops[0] if chain.hops else None
    if isinstance(first, GetSessionToken):
        session = _session(wanted, first.mfa.serial or conversation.NAMELESS, memory)
        if session is None:
            raise Declined
    codes = mfa.Codes(terminal=_no_terminal)
    try:
        return provider.credentials(chain, wanted.profiles, wanted.environ, codes, session=session)
    except RefusedError as error:
        if session is None or error.code != "AccessDenied":
            raise
        raise Declined(
            f"AWS refused {chain.label} with the MFA session: it may take a fresh code (aws:MultiFactorAuthAge)"
        ) from None


def _no_terminal() -> NoReturn:
    message = "an agent never asks"
    raise OSError(message)


def _renewable(got: Lease) -> str:
    if got.renewal is None or got.credentials.expiration is None:
        raise Declined
    return got.renewal
