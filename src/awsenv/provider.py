"""The credentials of one command: from the memory of the agent, through an MFA session, or from calls of AWS."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from math import inf

from awsenv import config, duration
from awsenv.agent.memory import LONGEST
from awsenv.agent.plan import Lease, Plan
from awsenv.config.sources import KINDS
from awsenv.errors import AgentError, MfaError, RefusedError
from awsenv.model import Note, Rails, unseen
from awsenv.record import dataclass, replace
from awsenv.resolved import Left, Resolved
from awsenv.variables import connecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from awsenv.agent.guard import Granted, Guard
    from awsenv.agent.memory import Memory
    from awsenv.agent.term import Held
    from awsenv.aws.chain import Prompts
    from awsenv.aws.connections import Connections
    from awsenv.model import Chain, Credentials, Environ, Question, Waits

CALLS = 3
"""Calls of AWS that a client waits for at most: what takes longer goes on in the agent."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Gets the credentials of one command."""

    memory: Memory | None
    """What the agent holds; None: there is no agent."""
    prompts: Prompts
    note: Callable[[Iterable[Note]], None]
    """Shows notes to the user, before any prompt."""
    waits: Waits = unseen
    """Shows what the command waits for."""
    connections: Connections | None = None
    """The connection pool; None: each call opens its own connection."""
    endpoint: Callable[[str], tuple[str, str]] | None = None
    """Returns the URL and the token at which the process of the caller gets a lease, by its id."""
    is_private: bool = False
    """Whether the agent serves one command alone, and has its whole environment."""
    guard: Guard | None = None
    """The rules for the process that asks; None: there are none."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""

    @property
    def is_agent(self) -> bool:
        """Whether an agent holds and renews the credentials."""
        return self.memory is not None

    def lease(self, resolved: Resolved) -> Lease:
        """Return the credentials of a role.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
        """
        self.confirm(resolved)
        return self._handed_out(self._plan(resolved), lambda: self._lease(resolved))

    def _handed_out(self, plan: Plan, fetch: Callable[[], Granted]) -> Granted:
        return fetch() if self.guard is None else self.guard.hand_out(plan, fetch)

    def _lease(self, resolved: Resolved) -> Lease:
        lease = None
        if self.memory is not None and not self._has_code(resolved):
            least, timeout = resolved.min_remaining, _longest(resolved)
            lease = self._without_code(self.memory, self._plan(resolved), min_remaining=least, timeout=timeout)
        self.note((resolved if lease is None else lease).chain.notes)
        if lease is None:
            drops = 0 if self.memory is None else self.memory.drops
            made = self._called(resolved)
            if self.memory is None or not self.can_renew(resolved):
                lease = Lease("", resolved.chain, made)
            else:
                lease = self.memory.keep(self._plan(resolved), made, drops=drops)
        self.note(_shortfall(resolved, lease.credentials, self.now()))
        return lease

    def renew(self, lease_id: str, *, timeout: float) -> Lease:
        """Return the credentials of a role that the agent holds, renewed if they are about to expire.

        Args:
            lease_id: The id of the lease.
            timeout: Seconds to wait for AWS.

        Raises:
            AgentError: The agent does not hold it, or there is no agent.
            AwsenvError: AWS does not grant it again.
        """
        lease, memory = None, self.memory
        if memory is not None:
            with suppress(KeyError):
                plan = memory.plan(lease_id)
                lease = self._handed_out(plan, lambda: self._without_code(memory, plan, timeout=timeout))
        if lease is None:
            raise AgentError("no agent holds the role of this shell", hint="awsenv login, then awsenv ROLE")
        return lease

    def can_renew(self, resolved: Resolved) -> bool:
        """Return whether the agent can renew the role.

        It runs no command of its clients that prints credentials: the output may depend on anything around them.
        """
        return self.is_private or resolved.chain.mfa is not None or not KINDS[resolved.chain.source.kind].command

    def name_of(self, lease: Lease) -> str | None:
        """Return the name by which `awsenv renew` finds a lease; None: the one agent of the user does not renew it."""
        return None if self.is_private or lease.chain.is_final else lease.id or None

    def serve(self, resolved: Resolved) -> tuple[Lease, str, str]:
        """Return a role, and the URL and the token at which the process of the caller gets it, renewed, while it lives.

        Raises:
            UsageError: There is nothing to renew, or each renewal needs a code.
            AwsenvError: As of `lease`.
        """
        assert self.memory is not None  # noqa: S101 - only an agent serves
        assert self.endpoint is not None  # noqa: S101 - the same
        from awsenv.renewal import check_lasting, check_renewable  # noqa: PLC0415 - only for `exec --refresh`

        check_lasting(resolved.chain)
        self.confirm(resolved)
        plan = self._plan_of(resolved)
        is_open = self.memory.session_of(plan) is not None and not self._has_code(resolved)
        if not is_open:
            check_renewable(resolved.chain)
        if plan.through is None or not (is_open or resolved.chain.mfa is not None):
            lease = self.lease(resolved)
        else:
            lease = self._handed_out(plan, lambda: self._served(resolved, plan, is_open=is_open))
        return (lease, *self.endpoint(lease.id))

    def _served(self, resolved: Resolved, plan: Plan, *, is_open: bool) -> Lease:
        assert self.memory is not None  # noqa: S101 - only an agent holds sessions
        assert plan.through is not None  # noqa: S101 - `serve` has looked
        self.note(plan.through.notes)
        if not is_open:
            self._open(plan.through, resolved)
        lease = self.memory.lease(plan, min_remaining=resolved.min_remaining)
        self.note(_shortfall(resolved, lease.credentials, self.now()))
        return lease

    def lease_by_session(self, resolved: Resolved) -> Lease | None:
        """Return the credentials of a confirmed role by the MFA session, which a code opens unless it is held.

        None: the role takes no code, or must not come by a session, or AWS refuses it with one.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
        """
        assert self.memory is not None  # noqa: S101 - only an agent holds sessions
        if resolved.chain.mfa is None:
            return None
        plan = self._plan(resolved)
        if plan.through is None:
            return None
        return self._handed_out(plan, lambda: self._by_session(resolved, plan))

    def _by_session(self, resolved: Resolved, plan: Plan) -> Lease | None:
        assert self.memory is not None  # noqa: S101 - only an agent holds sessions
        assert plan.through is not None  # noqa: S101 - `lease_by_session` has looked
        if self.memory.session_of(plan) is None and plan.needs_caller:
            self._open(plan.through, resolved)
        lease = self._without_code(self.memory, plan, min_remaining=resolved.min_remaining, timeout=_longest(resolved))
        if lease is not None:
            self.note(lease.chain.notes)
            self.note(_shortfall(resolved, lease.credentials, self.now()))
        return lease

    def _open(self, through: Chain, resolved: Resolved) -> None:
        """Open the MFA session that the chain *through* begins with."""
        session = replace(through, hops=through.hops[:1], rails=Rails(), narrowing=None, scoped=None, wide=None)
        self.open_session(replace(resolved, chain=session))

    def open_session(self, resolved: Resolved) -> Credentials:
        """Open the MFA session that the chain ends with, hold it, and return it; without hops, return the source.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
        """
        assert self.memory is not None  # noqa: S101 - only an agent holds sessions
        drops = self.memory.drops
        made = self._called(resolved)
        for hop in resolved.chain.hops:
            title = (hop.mfa and hop.mfa.title) or resolved.chain.label
            self.memory.keep_session(self._plan(resolved).session_key, made, title, duration=hop.seconds, drops=drops)
        return made

    def held(self) -> tuple[Held, ...] | None:
        """Return what the agent holds; None: there is no agent."""
        keys = None if self.guard is None else self.guard.seals.keys(self.guard.peer)
        return None if self.memory is None else self.memory.held(keys)

    def ticket(self, resolved: Resolved, environ: Environ) -> str | None:
        """Return the ticket by which the caller is sealed to this role.

        Empty: it is sealed already. None: there is no agent, or it serves this command alone.

        Args:
            resolved: The request.
            environ: The environment in which a request from inside resolves to the same role, even without options.
        """
        guard = self.guard
        if guard is None or self.is_private:
            return None
        return guard.seals.ticket(guard.peer, self._plan_of(resolved), environ, resolved.profiles.folder)

    def left(self, resolved: Resolved) -> Left | None:
        """Return what the agent holds of a role; None: there is no agent."""
        if self.memory is None:
            return None
        plan = self._plan(resolved)
        if self.guard is not None:
            self.guard.seals.check_shown(self.guard.peer, plan)
        by_session = self.memory.session_of(plan) is not None
        session = self.memory.session(plan.session_key)
        lease, is_handed_out = self.memory.held_lease(plan, min_remaining=resolved.min_remaining)
        if lease is not None and is_handed_out:
            by_session = lease.chain is plan.through
        return Left(
            None if lease is None else _rest(lease.credentials, self.now()),
            None if session is None else _rest(session, self.now()),
            plan.by(session=by_session),
            by_session,
            is_handed_out,
            is_kept=lease is not None or by_session or self.can_renew(resolved),
            from_wide=plan.is_from_wide,
        )

    def confirm(self, resolved: Resolved) -> Question | None:
        """Ask the user before a command gets a protected role, or one to be confirmed. Return what was asked.

        Raises:
            UsageError: The user does not want it, or cannot be asked; or it is not for the assistant that asks.
        """
        rails = resolved.chain.rails
        if resolved.chain.assistant is None and not rails.is_protected and rails.confirm is None:
            return None
        from awsenv.asking import check_assistant, question  # noqa: PLC0415 - few roles are protected

        check_assistant(resolved.chain, self.guard, partial(self._plan, resolved))
        here, text = self.guard is None or not self.guard.confirms, resolved.question
        asked = question(resolved.chain, resolved.profiles, text, is_confirmed=resolved.is_confirmed, here=here)
        if asked is None:
            return None
        memory, least = self.memory, resolved.min_remaining
        if memory is None or not memory.held_lease(self._plan(resolved), min_remaining=least)[1]:
            self.prepare(resolved)
        self.prompts.confirm(asked)
        return asked

    def prepare(self, resolved: Resolved) -> None:
        """Open the connection to STS while the user answers.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        if self.connections is None or not resolved.chain.hops:
            return
        from awsenv.aws.chain import session_of  # noqa: PLC0415 - see `_plan`
        from awsenv.aws.sts import Sts  # noqa: PLC0415 - see `_plan`

        chain, profiles, environ = resolved.chain, resolved.profiles, resolved.environ
        Sts(session_of(chain, profiles, environ, connections=self.connections)).prepare()

    def _has_code(self, resolved: Resolved) -> bool:
        return resolved.code is not None or self.prompts.has_code

    def _without_code(self, memory: Memory, plan: Plan, *, min_remaining: int = 0, timeout: float) -> Lease | None:
        """Return a role that is held, or that AWS grants without a code and without the process of the caller."""
        lease, is_enough = memory.held_lease(plan, min_remaining=min_remaining, hands_out=True)
        if is_enough or not memory.can_call(plan):
            return lease if is_enough else None
        by_session = memory.session_of(plan) is not None
        try:
            # Another command may have called AWS for the same role already.
            with self.waits(f"the role {plan.title}"):
                return memory.lease(plan, min_remaining=min_remaining, timeout=timeout)
        except RefusedError as error:
            is_denied = by_session and error.code == "AccessDenied"
            if not (is_denied or (plan.is_from_wide and error.code != "MalformedPolicyDocument")):
                raise
            refused = error
        from awsenv.renewal import refused_without_code  # noqa: PLC0415 - only where AWS refuses

        self.note([refused_without_code(plan, refused, by_session=by_session)])
        return None

    def _plan(self, resolved: Resolved) -> Plan:
        """Return how to get the role. One that takes a code is narrowed from the full role, if the agent holds that."""
        plan, wide = self._plan_of(resolved), resolved.chain.wide
        if wide is None or self.memory is None or resolved.without_session or self._has_code(resolved):
            return plan
        from awsenv.lending import narrowed_plan  # noqa: PLC0415 - few roles are narrowed

        whole = self._plan_of(replace(resolved, chain=wide))
        return narrowed_plan(self.memory, plan, whole, resolved, waits=self.waits, connections=self.connections)

    def _plan_of(self, resolved: Resolved) -> Plan:
        """Return how to get the role: by an MFA session while one is held, else by the chain as it was resolved."""
        chain, profiles, environ = resolved.chain, resolved.profiles, resolved.environ
        needs_code, waits, connections = chain.mfa is not None, self.waits, self.connections
        through = None if resolved.without_session else config.through_session(chain)
        can_call = not needs_code and self.can_renew(resolved)
        login = partial(config.login_command, chain, profiles, environ)
        hint = "start the command again" if self.is_private else login

        # It outlives the request, and must not hold its code.
        def fetch(chain: Chain, session: Credentials | None) -> Credentials:
            if session is None and not can_call:
                raise MfaError("the MFA session has ended", hint=hint)
            from awsenv.aws.chain import credentials  # noqa: PLC0415 - `list`, `status` and `off` do not call AWS

            return credentials(chain, profiles, environ, session=session, waits=waits, connections=connections)

        return Plan(
            config.role_key(chain, profiles, environ),
            chain,
            fetch,
            through,
            config.mfa_session_key(chain, "" if chain.mfa is None else chain.mfa.serial, profiles, environ),
            needs_caller=needs_code or bool(KINDS[chain.source.kind].command),
            connecting=connecting(environ),
        )

    def _called(self, resolved: Resolved) -> Credentials:
        chain, profiles, environ = resolved.chain, resolved.profiles, resolved.environ
        code, program = resolved.code, resolved.program
        from awsenv.aws.chain import credentials  # noqa: PLC0415 - see `_plan`

        return credentials(
            chain,
            profiles,
            environ,
            code=code,
            prompts=self.prompts,
            program=program,
            waits=self.waits,
            note=self.note,
            connections=self.connections,
        )


def _longest(resolved: Resolved) -> float:
    """Return how many seconds the client waits for AWS."""
    return max(LONGEST, CALLS * config.timeout(resolved.environ))


def _shortfall(resolved: Resolved, given: Credentials, now: float) -> Iterator[Note]:
    """Yield a note if even new credentials have less time left than the caller wants."""
    rest = _rest(given, now)
    if rest < resolved.min_remaining:
        lives = duration.left(rest)
        yield Note(f"{resolved.chain.label} has {lives} left, less than --min-remaining: AWS grants no more")


def _rest(given: Credentials, now: float) -> float:
    return inf if given.expiration is None else given.expiration.timestamp() - now
