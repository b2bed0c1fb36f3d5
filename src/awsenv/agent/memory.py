"""The memory of the agent: MFA sessions and roles, each until it ends, and the MFA codes that were sent.

What has ended by either of two clocks is dropped (`term.py`). A role has one entry, whether it comes by a code or by an
MFA session. The credentials know which. The memory does no input and no output, except through the `fetch` of a plan.
"""

from __future__ import annotations

import os
import threading
from math import inf

from awsenv.agent.plan import Lease, Plan
from awsenv.agent.term import ADVISORY, AHEAD, MARGIN, Clock, Held, Term, short
from awsenv.errors import AGAIN, AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from awsenv.model import Chain, Credentials

    _Key = TypeVar("_Key")
    _Value = TypeVar("_Value")

RETRY = 30
"""Seconds after a failed renewal in which AWS is not called again, as long as the role lives."""

LONGEST = 60.0
"""Seconds that a client waits for AWS. AWS's own time-outs are shorter; those of other sources need not be."""

MAX_ROLES = 500
"""Roles that are held at most; the one that was requested least recently goes first."""

MAX_SESSIONS = 100
"""MFA sessions that are held at most; the oldest goes first."""

SPENT = 600.0
"""Seconds in which a code counts as used: AWS accepts none that old (RFC 6238: 30 seconds, and some drift)."""

MAX_CODES = 1000
"""Used codes that are remembered at most."""


class _Fetch(threading.Thread):
    """One call of AWS, for all who wait for the role."""

    term: Term | None = None
    """What AWS returned. All who wait get it, even if it expires too soon to be held."""
    error: BaseException | None = None
    """Why it failed. It is not kept on the role: by then it has frames of those who raised it, which hold secrets."""


class _Entry:
    """A role: it stays when its credentials have ended, so that they can be fetched again."""

    def __init__(self, plan: Plan) -> None:
        self.id = os.urandom(16).hex()
        self.plan = plan
        self.term: Term | None = None
        self.fetches: dict[frozenset[tuple[str, str]], _Fetch] = {}
        self.retry_at = -inf


class Memory:
    """MFA sessions, roles and used codes. Any number of threads may use it at once.

    Args:
        clock: The two clocks.
        on_change: Called in any thread when a call of AWS has ended, or when something new is held. The time at which
            `drop_expired` is due may then have changed.
    """

    def __init__(self, clock: Clock, on_change: Callable[[], object] = bool) -> None:
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.RLock()
        self._entries: dict[str, _Entry] = {}
        self._sessions: dict[str, tuple[str, Term]] = {}
        self._spent: dict[tuple[str, str], float] = {}
        self._until = 0.0
        self.drops = 0
        """How often everything was dropped. What AWS was asked for before a drop is not held after it."""

    def lease(self, plan: Plan, *, min_remaining: float = 0, timeout: float = LONGEST) -> Lease:
        """Return the role of *plan*: from memory if enough of it is left, else from AWS.

        Enough is more than *min_remaining* seconds, and more than a quarter of an hour or half of its life. Clients
        that connect alike share a call of AWS. If it fails, or takes more than *timeout* seconds, this returns the
        role in memory as long as it lives and has *min_remaining* seconds left.

        Raises:
            Exception: As of `fetch`. It is not kept: the next request calls AWS again.
            AgentError: The credentials have ended by the clock of this machine, or there is no reply yet.
        """
        with self._lock:
            entry = self._entry(plan)
            before = self._living(entry, plan)
            if before is not None and self._suffices(entry, before, min_remaining):
                return _handed(entry, plan, before)
            fetch = self._start_fetch(entry, plan)
        fetch.join(timeout)
        with self._lock:
            term = _accepted(fetch.term or entry.term, plan)
            least = max(MARGIN, min_remaining) if term is before else 0
            if term is not None and term.left(self._clock) > least:
                return _handed(entry, plan, term)
        raise fetch.error or AgentError(f"AWS has not given {plan.title} yet", hint=AGAIN)

    def held_lease(self, plan: Plan, *, min_remaining: float = 0, hands_out: bool = False) -> tuple[Lease | None, bool]:
        """Return the role of *plan* if it is held, and whether it serves without a call of AWS.

        It serves if enough of it is left, as for `lease`; without the caller and a session, as long as it lives. Unless
        it is handed out, it is not renewed by *plan* later: who only looks at it may have proxies of its own.
        """
        with self._lock:
            entry = self._entries.get(plan.key)
            term = None if entry is None else self._living(entry, plan)
            if entry is None or term is None:
                return None, False
            if hands_out:
                self._entry(plan)
            is_last = not self.can_call(plan) and term.left(self._clock) > min_remaining
            return _handed(entry, plan, term), is_last or self._suffices(entry, term, min_remaining)

    def plan(self, lease_id: str) -> Plan:
        """Return the plan of the role that was handed out as *lease_id*.

        Raises:
            KeyError: It is not held, or not any more.
        """
        with self._lock:
            for entry in self._entries.values():
                if entry.id == lease_id:
                    return self._entry(entry.plan).plan
        raise KeyError(lease_id)

    def served(self, lease_id: str) -> Lease:
        """Return the role that was handed out as *lease_id* without delay, if it lives.

        It is renewed in the background when less than twenty minutes of it are left, or half of its life. This waits
        for AWS only if it has ended: botocore waits two seconds for a response.

        Raises:
            KeyError: It is not held, or not any more.
            Exception: As of `lease`.
        """
        with self._lock:
            plan = self.plan(lease_id)
            entry = self._entry(plan)
            term = self._living(entry, plan)
            if term is not None:
                if self._is_due(entry, term):
                    self._start_fetch(entry, plan)
                return _handed(entry, plan, term)
        return self.lease(plan)

    def keep(self, plan: Plan, credentials: Credentials, *, drops: int | None = None) -> Lease:
        """Hold *credentials*, which AWS has just given for the chain of *plan*, and return them as a role.

        Args:
            plan: The plan.
            credentials: The credentials.
            drops: The value of `drops` when AWS was asked for them: after another drop they are not held. None: now.

        Raises:
            AgentError: They have ended, or are too large.
        """
        term = Term.of(credentials, plan.title, _seconds(plan.chain), self._clock)
        with self._lock:
            if drops not in {None, self.drops}:
                return Lease("", plan.chain, term.credentials)
            entry = self._entry(plan)
            entry.term = term
            self._on_change()
            return _handed(entry, plan, term)

    def keep_session(
        self,
        key: str,
        credentials: Credentials,
        title: str,
        *,
        duration: float | None = None,
        drops: int | None = None,
    ) -> None:
        """Hold an MFA session until it ends, in place of the one of the same *key*.

        Args:
            key: Of the source, the device and the endpoint. Holds no secret.
            credentials: Of the session.
            title: What the user knows it by.
            duration: Seconds that were requested of AWS, and that it lives at most; None: not known.
            drops: As for `keep`.

        Raises:
            AgentError: It has expired, is too large, or everything was dropped meanwhile.
        """
        term = Term.of(credentials, title, duration, self._clock)
        with self._lock:
            if drops not in {None, self.drops}:
                raise AgentError(
                    "the agent was locked meanwhile, and does not hold the MFA session", hint="awsenv login"
                )
            _put_last(self._sessions, key, (short(title), term), MAX_SESSIONS)
            self._until = max(self._until, term.deadline)
            self._on_change()

    def session(self, key: str) -> Credentials | None:
        """Return the MFA session; None where none is held, or what is held has ended."""
        with self._lock:
            if key in self._sessions and not self._sessions[key][1].lives(self._clock):
                del self._sessions[key]
            return self._sessions[key][1].credentials if key in self._sessions else None

    def session_of(self, plan: Plan) -> Credentials | None:
        """Return the MFA session that *plan* would use now."""
        return None if plan.through is None else self.session(plan.session_key)

    def can_call(self, plan: Plan) -> bool:
        """Return whether AWS gives the role of *plan* without its caller."""
        return not plan.needs_caller or self.session_of(plan) is not None

    def spend(self, serial: str, code: str) -> bool:
        """Note that a code is about to be sent to AWS; return whether none has sent it before (RFC 6238, 5.2)."""
        now = self._clock.boot()
        with self._lock:
            self._spent = {key: at for key, at in self._spent.items() if now - at < SPENT}
            if (serial, code) in self._spent:
                return False
            _put_last(self._spent, (serial, code), now, MAX_CODES)
            return True

    def give_back(self, serial: str, code: str) -> None:
        """Note that a code was not sent after all."""
        with self._lock:
            self._spent.pop((serial, code), None)

    def drop(self) -> None:
        """Forget every secret. The result of a call that is under way goes to who waits for it, and is not held."""
        with self._lock:
            self.drops += 1
            for entry in self._entries.values():
                entry.term = None
            self._entries.clear()
            self._sessions.clear()

    def drop_expired(self) -> float:
        """Forget what has ended. The id of a role stays valid, and gets the role from AWS again.

        Returns:
            The seconds until the next of the credentials expires; infinity if nothing is held.
        """
        with self._lock:
            for entry in self._entries.values():
                self._living(entry, entry.plan)
            self._sessions = {key: held for key, held in self._sessions.items() if held[1].lives(self._clock)}
            terms = [term for _, term in self._sessions.values()]
            terms += [entry.term for entry in self._entries.values() if entry.term is not None]
            return min((term.left(self._clock) - MARGIN for term in terms), default=inf)

    def held(self, keys: frozenset[str] | None = None) -> tuple[Held, ...]:
        """Return what is held: sessions first, then roles, in the order of the last request.

        With *keys*, only the roles of their plans.
        """
        with self._lock:
            self.drop_expired()
            known = self._sessions.values() if keys is None else ()
            sessions = [Held("session", title, term.expiration(self._clock)) for title, term in known]
            entries = [entry for key, entry in self._entries.items() if keys is None or key in keys]
            terms = [(entry.plan.title, entry.term) for entry in entries]
            roles = [Held("role", short(title), term.expiration(self._clock)) for title, term in terms if term]
            return (*sessions, *roles)

    def until(self) -> float:
        """Return when the last session ends or would have ended, by the boot clock; 0 where there never was one."""
        with self._lock:
            return self._until

    def _run(self, entry: _Entry, plan: Plan) -> None:
        """Call AWS, and pass the result to all who wait, whatever it is."""
        begun = self._clock.boot()
        session = self.session_of(plan)
        chain = plan.by(session=session is not None)
        term = error = None
        try:
            made = plan.fetch(chain, session)
            term = Term.of(made, plan.title, _seconds(chain), self._clock, begun, by_session=session is not None)
        except BaseException as raised:  # noqa: BLE001 - each who waits raises it
            # Without its traceback: the frames of it hold keys.
            error = raised.with_traceback(None)
        with self._lock:
            fetch = entry.fetches.pop(plan.connecting)
            fetch.term, fetch.error = term, error
            if term is None:
                entry.retry_at = self._clock.boot() + RETRY
            else:
                entry.term = term
            self._on_change()

    # What follows is called with the lock held.

    def _entry(self, plan: Plan) -> _Entry:
        """Return the entry of *plan*, made if it is missing, as the one of the last request."""
        entry = self._entries.get(plan.key) or _Entry(plan)
        # Who renews the role by the session goes on, whatever another requests.
        if plan.through is not None or entry.plan.through is None:
            entry.plan = plan
        _put_last(self._entries, plan.key, entry, MAX_ROLES)
        return entry

    def _start_fetch(self, entry: _Entry, plan: Plan) -> _Fetch:
        """Return the call of AWS that is under way, or one that begins now, in a thread that all can stop waiting for.

        Raises:
            RuntimeError: The system lets no thread begin.
        """
        fetch = entry.fetches.get(plan.connecting)
        if fetch is None:
            fetch = _Fetch(target=self._run, args=(entry, plan), daemon=True)
            fetch.start()
            entry.fetches[plan.connecting] = fetch
        return fetch

    def _living(self, entry: _Entry, plan: Plan) -> Term | None:
        if entry.term is not None and not entry.term.lives(self._clock):
            entry.term = None
        return _accepted(entry.term, plan)

    def _suffices(self, entry: _Entry, term: Term, min_remaining: float) -> bool:
        left = term.left(self._clock)
        if left > max(min_remaining, min(ADVISORY, term.life / 2)) or term.is_fresh(self._clock):
            return True
        return self._clock.boot() < entry.retry_at and left > min_remaining

    def _is_due(self, entry: _Entry, term: Term) -> bool:
        """Return whether it is time to renew in the background."""
        if entry.fetches or self._clock.boot() < entry.retry_at or term.is_fresh(self._clock):
            return False
        return term.left(self._clock) < min(AHEAD, term.life / 2)


def _seconds(chain: Chain) -> float | None:
    """Return how long AWS lets the credentials of *chain* live; None: the source decides."""
    return (chain.scoped and chain.scoped.duration) or (chain.hops[-1].seconds if chain.hops else None)


def _put_last(held: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Put *value* behind all that is held, and drop the first if there are more than *most*."""
    held.pop(key, None)
    held[key] = value
    if len(held) > most:
        del held[next(iter(held))]


def _accepted(term: Term | None, plan: Plan) -> Term | None:
    """Return *term* if *plan* accepts it: credentials that need a code of their own cannot come from a session."""
    return None if term is None or (term.by_session and plan.through is None) else term


def _handed(entry: _Entry, plan: Plan, term: Term) -> Lease:
    return Lease(entry.id, plan.by(session=term.by_session), term.credentials)
