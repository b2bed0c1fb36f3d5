"""The register of sealed processes: the agent gives each of them, and everything that it starts, one role alone.

A process is sealed if its user namespace was registered, or lies below one that was: nothing inside can leave it. Where
the system makes no user namespaces, a process is sealed if one of its parents was registered. An orphan may have lost
that parent, but still has the mark (`mark.py`); with the mark alone, it gets nothing. Neither does a process in a user
namespace that is not registered: a container, or a seal of an agent that has ended since.
"""

from __future__ import annotations

import os
import secrets
import threading

from awsenv.agent import client
from awsenv.agent.peer import own_namespace, state
from awsenv.agent.term import boot_time
from awsenv.errors import AgentError
from awsenv.mark import OUTSIDE
from awsenv.record import dataclass, field, replace
from awsenv.variables import SECRET, having

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.peer import Peer, Process
    from awsenv.agent.plan import Plan
    from awsenv.model import Environ

MAX_SEALS = 256
"""Seals that are kept at most. One whose command has ended goes first, else the oldest: it then gets nothing more."""

MAX_TICKETS = 256
"""Tickets that are valid at once. Each holds an environment; the oldest goes first."""

VALID = 60.0
"""Seconds in which a ticket must be used."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a sealed process gets."""

    root: Process
    """The process that was sealed: the command of `exec`."""
    key: str
    """The cache key of the one role that it gets."""
    title: str
    label: str
    """The title without what the role is narrowed to."""
    is_final: bool
    """Whether the role ends at a fixed time, and is not handed out again."""
    environ: Environ = field(repr=False)
    """The environment that requests from inside are resolved in. Their own could name other files and endpoints."""
    folder: str | None
    """Its working directory."""
    namespace: int | None = None
    """A descriptor of its user namespace, open so that no other gets the inode; None: it is in the agent's own."""


@dataclass(frozen=True, slots=True)
class _Ticket:
    process: Process
    seal: Seal
    issued: float


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals of one agent. The guard asks it before any rule. Any number of threads may use it at once."""

    now: Callable[[], float] = boot_time
    """Seconds on a clock that goes on while the machine sleeps."""
    _seals: list[Seal] = field(default_factory=list)
    _tickets: dict[str, _Ticket] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def of(self, peer: Peer) -> list[Seal]:
        """Return the seals of a process: nearly always one, or none.

        Raises:
            Refused: It is in a container, or in a seal that this agent does not know.
        """
        with self._lock:
            found = [seal for seal in self._seals if _is_below(peer, seal)]
        if found:
            return found
        if peer.namespace != own_namespace():
            raise client.Refused(
                "the agent gives nothing to a process in another user namespace: a container, or a command that was"
                " sealed before the agent started",
                "run this outside of it: awsenv exec ROLE -- COMMAND",
            )
        if peer.is_marked:
            raise client.Refused("the agent gives nothing more to what is left of a sealed command", OUTSIDE)
        return []

    def check(self, peer: Peer, plan: Plan) -> None:
        """Check that a process may have the role of *plan*.

        Raises:
            AgentError: It is sealed, and this is not its role.
            Refused: As of `of`.
        """
        for seal in self._matching(peer, plan):
            if seal.is_final:
                raise AgentError(
                    f"this process is sealed: its {seal.title} ends at a fixed time, and is not handed out again",
                    hint=OUTSIDE,
                )

    def check_shown(self, peer: Peer, plan: Plan) -> None:
        """Check that a process may know what the agent holds of the role of *plan*. Raises as `check` does."""
        self._matching(peer, plan)

    def check_free(self, peer: Peer) -> None:
        """Check that a process is not sealed.

        Raises:
            Refused: It is.
        """
        for seal in self.of(peer):
            error = _refusal(seal)
            raise client.Refused(error.fact, *error.hints)

    def forget(self) -> None:
        """Forget every secret. A role whose source is a key in the environment is not handed out again."""
        with self._lock:
            self._tickets.clear()
            for number, seal in enumerate(self._seals):
                kept = {name: value for name, value in seal.environ.items() if name not in having(SECRET)}
                self._seals[number] = replace(seal, environ=kept)

    def keys(self, peer: Peer) -> frozenset[str] | None:
        """Return the cache keys of the roles that a process may see; None: of all roles. Raises as `of` does."""
        found = self.of(peer)
        return frozenset(seal.key for seal in found) if found else None

    def _matching(self, peer: Peer, plan: Plan) -> list[Seal]:
        found = self.of(peer)
        for seal in found:
            if seal.key != plan.key:
                raise _refusal(seal, is_its_role=plan.chain.label == seal.label)
        return found

    def ticket(self, peer: Peer, plan: Plan, environ: Environ, folder: str | None) -> str:
        """Return a secret by which the process registers itself as sealed; empty: it is sealed already.

        Args:
            peer: The process.
            plan: How it gets its role.
            environ: The environment that requests from inside are resolved in.
            folder: The folder that relative paths in it start from.
        """
        if self.of(peer):
            return ""
        ticket, now = secrets.token_urlsafe(32), self.now()
        seal = Seal(peer.process, plan.key, plan.title, plan.chain.label, plan.chain.is_final, environ, folder)
        with self._lock:
            while self._tickets:
                oldest = next(iter(self._tickets))
                if len(self._tickets) < MAX_TICKETS and now - self._tickets[oldest].issued <= VALID:
                    break
                del self._tickets[oldest]
            self._tickets[ticket] = _Ticket(peer.process, seal, now)
        return ticket

    def redeem(self, peer: Peer, ticket: str) -> None:
        """Seal the process to which *ticket* was given. It has entered its namespaces, and has the mark.

        Raises:
            Refused: The ticket is not valid, or nothing would tell the process from others.
        """
        with self._lock:
            held = self._tickets.pop(ticket, None)
            if held is None or held.process != peer.process or self.now() - held.issued > VALID:
                raise client.Refused("the ticket for the seal is not valid, or no longer", "the same command again")
            if any(_is_below(peer, seal) for seal in self._seals):
                raise client.Refused("the process is sealed already", OUTSIDE)
            namespace = None if peer.namespace == own_namespace() else _opened(peer)
            if namespace is None and not peer.is_marked:
                raise client.Refused("nothing would mark the processes that the command starts")
            self._seals.append(replace(held.seal, namespace=namespace))
            if len(self._seals) > MAX_SEALS:
                gone = next((each for each in self._seals if state(each.root) is None), self._seals[0])
                self._seals.remove(gone)
                if gone.namespace is not None:
                    os.close(gone.namespace)


def _refusal(seal: Seal, *, is_its_role: bool = False) -> AgentError:
    hint = ("leave the options of the role out", OUTSIDE) if is_its_role else OUTSIDE
    return AgentError(f"this process is sealed: awsenv gives it {seal.title}, and nothing else", hint=hint)


def _is_below(peer: Peer, seal: Seal) -> bool:
    if seal.namespace is not None and os.fstat(seal.namespace).st_ino in peer.namespaces:
        return True
    return any((each.pid, each.started) == (seal.root.pid, seal.root.started) for each in peer.processes)


def _opened(peer: Peer) -> int:
    """Return a descriptor of the user namespace of a process, which waits for its reply."""
    try:
        namespace = os.open(f"/proc/{peer.process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise client.Refused("the process cannot be looked at") from None
    if os.fstat(namespace).st_ino != peer.namespace:
        os.close(namespace)
        raise client.Refused("the process has entered another user namespace")
    return namespace
