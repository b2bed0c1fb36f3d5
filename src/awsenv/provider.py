"""From a chain to credentials: out of memory, by way of an MFA session, or hop by hop with an MFA code.

An agent's provider works on the agent's memory. The one of a command that runs without an agent works on an empty one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from awsenv import config, duration
from awsenv.agent.memory import LONGEST, SESSION_DURATION, Lease, Plan
from awsenv.aws import denied
from awsenv.aws.request import Token
from awsenv.errors import (
    AgentError,
    AwsenvError,
    CodeRejected,
    MfaError,
    RefusedError,
    ResponseLost,
    UnreachableError,
    UsageError,
)
from awsenv.iam import device
from awsenv.mfa import Device
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from awsenv.agent.memory import Held, Memory
    from awsenv.aws.sts import Sts
    from awsenv.command import Finished
    from awsenv.config import Profiles
    from awsenv.iam.principal import Principal
    from awsenv.model import Chain, Credentials, Environ, Hop, Mfa
    from awsenv.origin import Origin

MAX_CODES = 3
"""How many codes are sent for a hop: a fourth does not mend a wrong device, and AWS may lock the user out."""

_NAMELESS = ""
"""In the key of a session: the serial of a device that nothing names, and that was looked up when a code was given."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A role request that was resolved: the chain, and all that it takes to get its credentials."""

    chain: Chain
    profiles: config.Profiles
    environ: Environ = field(repr=False)
    """The environment of the caller as it was before a role was active."""
    code: str | None = field(default=None, repr=False)
    """The MFA code of the command line."""
    min_remaining: int = 0
    """Seconds that the credentials must have left; those in memory with less are renewed first."""
    is_direct: bool = False
    """Whether the chain is to be used as it is, and not by way of an MFA session."""

    def role_key(self, chain: Chain) -> str:
        """Return the cache key of the role at the end of *chain*."""
        return config.role_key(chain, self.profiles, self.environ)

    def session_key(self, serial: str | None) -> str:
        """Return the cache key of the MFA session of the source and the device *serial*."""
        return config.mfa_session_key(self.chain, serial or _NAMELESS, self.profiles, self.environ)


class Address(NamedTuple):
    """The container credentials endpoint, for one command."""

    url: str
    token: str
    account: str | None
    """Of the role."""

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Address({self.url!r}, …)"


class Left(NamedTuple):
    """How many seconds are left of what an agent holds; None: it does not hold it."""

    role: float | None
    """The role, by the chain as it was resolved."""
    by_session: float | None
    """The role, by way of an MFA session."""
    session: float | None
    """That MFA session."""


class Prompts(Protocol):
    """What only the process of the caller can give, with its terminal and its environment."""

    @property
    def has_code(self) -> bool:
        """Whether it was asked for a code before, and has one."""

    @property
    def codes_before(self) -> int:
        """How many codes were sent to AWS before, for the same request."""

    def code(self, device: Device, *, given: str | None, after: AwsenvError | None) -> str:
        """Return a code of *device* that was not sent to AWS before.

        Args:
            device: Whose code.
            given: The code of the command line. It counts once.
            after: Why the last code was of no use.

        Raises:
            AwsenvError: There is none.
        """

    def give_back(self, device: Device, code: str) -> None:
        """Note that a code was not sent."""

    def run(self, words: Sequence[str], profile: str) -> Finished:
        """Run the `credential_process` of *profile*.

        Raises:
            OSError: It cannot be started.
            ValueError: A word holds a null byte.
            Overrun: It ran too long, or printed too much.
        """


class Provider:
    """Gets the credentials of one command.

    Args:
        memory: What the agent holds; None: there is no agent.
        prompts: What the process of the caller gives.
        note: Shows notes to the user, before anything else is asked of them.
        endpoint: Returns the URL and the token at which the process of the caller gets a lease, by its id.
        is_private: Whether the agent serves one command alone, and has its whole environment.
        now: Seconds since the epoch, UTC.
    """

    def __init__(
        self,
        memory: Memory | None,
        prompts: Prompts,
        note: Callable[[Iterable[str]], None],
        *,
        endpoint: Callable[[str], tuple[str, str]] | None = None,
        is_private: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._prompts = prompts
        self._note = note
        self._endpoint = endpoint
        self._is_private = is_private
        self._now = now

    @property
    def is_agent(self) -> bool:
        """Whether an agent holds and renews what this provider gets."""
        return self._memory is not None

    def noting(self, note: Callable[[Iterable[str]], None]) -> Provider:
        """Return a provider with the same memory, whose notes go to *note*."""
        other = copy(self)
        other._note = note  # noqa: SLF001 - its own class
        return other

    def lease(self, resolved: Resolved) -> Lease:
        """Return the credentials of a role.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
        """
        lease = None if self._memory is None else self._held(self._memory, resolved)
        if lease is None:
            self._note(map(str, resolved.chain.notes))
            lease = self._fetched(resolved)
        else:
            self._note(map(str, lease.chain.notes))
        self._note(_shortfall(resolved, lease.credentials, self._now()))
        return lease

    def renew(self, lease_id: str, *, patience: float) -> Lease:
        """Return the credentials of a role that the agent holds, renewed where they are about to end.

        Raises:
            AgentError: The agent does not hold it, or there is none.
            AwsenvError: AWS does not give it again.
        """
        lease = None
        if self._memory is not None:
            with suppress(KeyError):
                lease = self._without_code(self._memory, self._memory.plan(lease_id), patience=patience)
        if lease is None:
            raise AgentError("no agent holds the role of this shell", hint="awsenv login, then awsenv ROLE")
        return lease

    def can_serve(self, resolved: Resolved) -> bool:
        """Return whether the agent can renew the role by itself: it runs no `credential_process` of its clients."""
        return self._is_private or _takes_code(resolved.chain) or resolved.chain.source.kind != "process"

    def serve(self, resolved: Resolved) -> Address:
        """Return an endpoint that serves the credentials of a role, renewed, while the process of the caller lives.

        Raises:
            UsageError: There is nothing to renew, or it takes a code each time.
            AwsenvError: As of `lease`.
        """
        memory, endpoint = self._memory, self._endpoint
        assert memory is not None  # noqa: S101 - only an agent serves
        assert endpoint is not None  # noqa: S101 - the same
        plan = None if self._takes_given_code(resolved) else _by_session(memory, resolved, self._session_hint)
        if plan is None or memory.session(plan.session_key or "") is None:
            lease = self._renewable_lease(memory, resolved)
        else:
            self._note(map(str, plan.chain.notes))
            lease = memory.lease(plan, min_remaining=resolved.min_remaining)
        self._note(_shortfall(resolved, lease.credentials, self._now()))
        return Address(*endpoint(lease.id), lease.credentials.account)

    def open_session(self, resolved: Resolved) -> Credentials:
        """Open the MFA session that the chain ends with, hold it, and return it; return the source without hops.

        Raises:
            AwsenvError: Of every kind but `LaunchError`.
        """
        assert self._memory is not None  # noqa: S101 - only an agent holds sessions
        made = self._credentials(resolved)
        for hop in resolved.chain.hops:
            assert hop.mfa is not None  # noqa: S101 - for mypy
            title = resolved.chain.label if hop.mfa.serial is None else Device(hop.mfa.serial).title
            key = resolved.session_key(hop.mfa.serial)
            self._memory.keep_session(key, made, title, duration=hop.duration or SESSION_DURATION)
        return made

    def held(self) -> tuple[Held, ...] | None:
        """Return what the agent holds; None: there is none."""
        return None if self._memory is None else self._memory.held()

    def left(self, resolved: Resolved) -> Left | None:
        """Return what the agent holds for a role; None: there is none."""
        if self._memory is None:
            return None
        held, now = self._memory.held(), self._now()
        left = {each.key: inf if each.ends is None else each.ends.timestamp() - now for each in held}
        plan = self._plan(self._memory, resolved)
        other = plan.alternative()
        mfa = resolved.chain.hops[0].mfa if resolved.chain.hops else None
        session_key = resolved.session_key(None if mfa is None else mfa.serial)
        return Left(left.get(plan.key), None if other is None else left.get(other.key), left.get(session_key))

    def _takes_given_code(self, resolved: Resolved) -> bool:
        return resolved.code is not None or self._prompts.has_code

    def _renewable_lease(self, memory: Memory, resolved: Resolved) -> Lease:
        """Return a role that can be renewed from now on, after the one code that it takes."""
        chain = _renewable(resolved.chain)
        self._note(map(str, chain.notes))
        first = chain.hops[0]
        if not isinstance(first, GetSessionToken):
            return self._held(memory, resolved) or self._fetched(resolved)
        self.open_session(replace(resolved, chain=replace(chain, hops=(first,))))
        plan = _session_plan(memory, resolved, chain, self._session_hint)
        return memory.lease(plan, min_remaining=resolved.min_remaining)

    def _held(self, memory: Memory, resolved: Resolved) -> Lease | None:
        """Return what is held, or can be had without a code and without the process of the caller."""
        if self._takes_given_code(resolved):
            return None
        return self._without_code(memory, self._plan(memory, resolved), min_remaining=resolved.min_remaining)

    def _without_code(
        self, memory: Memory, plan: Plan, *, min_remaining: int = 0, patience: float = LONGEST
    ) -> Lease | None:
        other = plan.alternative()
        plans = [plan] if other is None else [plan, other]
        for each in plans:
            held = memory.held_lease(each, min_remaining=min_remaining)
            if held is not None:
                return held
        by = _renewing(memory, plan, other)
        refusal: AwsenvError | None = None
        try:
            if by is not None:
                return memory.lease(by, min_remaining=min_remaining, patience=patience)
        except AwsenvError as error:
            refusal = error
        for each in plans:
            held = memory.held_lease(each, min_remaining=min_remaining, is_enough=False)
            if held is not None:
                return held
        if by is other and isinstance(refusal, RefusedError) and refusal.code == "AccessDenied":
            self._note(
                [f"AWS refused {plan.title} with the MFA session: it may take a fresh code (aws:MultiFactorAuthAge)"]
            )
        elif refusal is not None:
            raise refusal
        return None

    def _plan(self, memory: Memory, resolved: Resolved) -> Plan:
        """Return the plan by which AWS is asked for the chain as it was resolved."""
        chain, fetch = resolved.chain, None
        resolved = replace(resolved, code=None)
        if not _takes_code(chain) and (chain.source.kind != "process" or self._is_private):
            fetch = partial(credentials, chain, resolved.profiles, resolved.environ)
        by_session = partial(_by_session, memory, resolved, self._session_hint)
        return Plan(resolved.role_key(chain), chain.label, chain, fetch, by_session)

    def _fetched(self, resolved: Resolved) -> Lease:
        """Return what AWS gives for the chain as it was resolved, held where it can be."""
        chain, made = resolved.chain, self._credentials(resolved)
        is_held = _takes_code(chain) or chain.source.kind != "process" or self._is_private
        # What a credential_process prints may depend on anything around it: for the next caller it may be another.
        if self._memory is None or not is_held:
            return Lease("", chain, made)
        return self._memory.keep(self._plan(self._memory, resolved), made)

    def _credentials(self, resolved: Resolved) -> Credentials:
        return credentials(
            resolved.chain, resolved.profiles, resolved.environ, code=resolved.code, prompts=self._prompts
        )

    @property
    def _session_hint(self) -> str:
        return "start the command again" if self._is_private else "awsenv login"


def _takes_code(chain: Chain) -> bool:
    return bool(chain.hops) and chain.hops[0].mfa is not None


def _renewing(memory: Memory, plan: Plan, other: Plan | None) -> Plan | None:
    """Return the plan by which AWS can be asked without a code and without the process of the caller."""
    if other is not None and other.session_key is not None and memory.session(other.session_key) is not None:
        return other
    return plan if plan.fetch is not None and plan.chain.source.kind != "process" else None


def _by_session(memory: Memory, resolved: Resolved, hint: str) -> Plan | None:
    """Return the plan that goes by way of an MFA session of the source; None: the role cannot be had so."""
    first = resolved.chain.hops[0] if resolved.chain.hops else None
    if first is None or resolved.is_direct or (first.mfa is not None and first.mfa.serial is None):
        return None
    # A session of a device that nothing names also serves a role for which no device is configured.
    if first.mfa is None and memory.session(resolved.session_key(None)) is None:
        return None
    chain = config.through_session(resolved.chain, held=first.mfa is None)
    if chain is None or not isinstance(chain.hops[0], GetSessionToken):
        return None
    return _session_plan(memory, resolved, chain, hint)


def _session_plan(memory: Memory, resolved: Resolved, chain: Chain, hint: str) -> Plan:
    """Return the plan for *chain*, which begins with an MFA session."""
    mfa = chain.hops[0].mfa
    key = resolved.session_key(None if mfa is None else mfa.serial)
    profiles, environ = resolved.profiles, resolved.environ

    def fetch() -> Credentials:
        session = memory.session(key)
        if session is None:
            raise MfaError("the MFA session has ended", hint=hint)
        return credentials(chain, profiles, environ, session=session)

    return Plan(resolved.role_key(chain), chain.label, chain, fetch, session_key=key)


def _renewable(chain: Chain) -> Chain:
    """Return the chain by which a role can be renewed without another code.

    Raises:
        UsageError: There is none.
    """
    if not any(isinstance(hop, AssumeRole) for hop in chain.hops):
        raise UsageError(
            f"--refresh: {chain.role} is not a role, so there is nothing to renew", hint="leave --refresh out"
        )
    renewable = config.through_session(chain)
    if renewable is not None:
        return renewable
    mfa = chain.hops[0].mfa
    if mfa is not None and mfa.serial is None:
        raise UsageError(
            "--refresh: the MFA device must be known", hint="set mfa_serial in the profile, or --mfa-serial"
        )
    raise UsageError(
        "--refresh and a --duration of more than an hour exclude each other: AWS grants that only to a fresh code",
        hint="leave --duration out: the role is renewed for as long as the command runs",
    )


def _shortfall(resolved: Resolved, given: Credentials, now: float) -> tuple[str, ...]:
    """Return the note that even new credentials have less time left than the caller wants, where it is so."""
    if given.expiration is None or not resolved.min_remaining:
        return ()
    rest = int(given.expiration.timestamp() - now)
    if rest >= resolved.min_remaining:
        return ()
    lives = duration.left(rest)
    return (f"{resolved.chain.label} has {lives} left, less than --min-remaining asks for: AWS grants no more",)


def credentials(
    chain: Chain,
    profiles: Profiles,
    environ: Environ,
    *,
    code: str | None = None,
    prompts: Prompts | None = None,
    session: Credentials | None = None,
) -> Credentials:
    """Ask AWS for every hop of *chain*.

    Args:
        chain: The plan.
        profiles: What the files say: of the source, of endpoints, CA bundles and the like.
        environ: The environment of the caller, without the variables of a role that awsenv has set.
        code: The MFA code of the command line.
        prompts: What the process of the caller gives; None: it is asked for nothing.
        session: The credentials of the first hop, if that is a GetSessionToken that AWS has answered before. The source
            is then asked for nothing.

    Returns:
        The credentials of the last hop, with the account and the ARN of its role; of the source if there is no hop.

    Raises:
        SourceError: There are no usable source credentials.
        RefusedError: AWS refused a hop.
        MfaError: There is no code that AWS accepts.
        UnreachableError: AWS could not be reached; `ResponseLost` if a code may have been used up.
        ConfigError: A setting makes the calls impossible.
    """
    # These import botocore, which not every reader of this module waits for.
    from awsenv.aws.session import AwsSession  # noqa: PLC0415
    from awsenv.aws.source import source_credentials  # noqa: PLC0415
    from awsenv.aws.sts import Sts  # noqa: PLC0415

    connection = AwsSession(profiles, environ, profile=chain.settings_profile, region=chain.region)
    if session is not None and chain.hops and isinstance(chain.hops[0], GetSessionToken):
        begin, signer = 1, session
    else:
        run = None if prompts is None else prompts.run
        begin, signer = 0, source_credentials(chain.source, connection, profiles, environ, run=run)
    calls = _Calls(chain, Sts(connection), signer, begin, code, prompts, profiles.where)
    try:
        return calls.made()
    except (RefusedError, MfaError) as error:
        # A name that was typed may have been meant for a profile, of which AWS knows nothing.
        close = config.did_you_mean(chain.role, profiles) if denied.is_typed_name(chain, -1) else None
        if close is not None and isinstance(error, MfaError):
            error.hint = close if error.hint is None else f"{close} If not: {error.hint}"
        elif close is not None and isinstance(error, RefusedError) and error.code == "AccessDenied":
            error.hint = close
        raise


@dataclass
class _Calls:
    """The calls of one chain, and what they find out about the source."""

    chain: Chain
    sts: Sts
    source: Credentials
    """They sign the first call."""
    begin: int
    """The number of the first hop that is called."""
    code: str | None
    prompts: Prompts | None
    where: str
    """The files that were searched for profiles."""

    def made(self) -> Credentials:
        """Return the credentials of the last hop."""
        made = self.source
        for index, hop in enumerate(self.chain.hops[self.begin :], start=self.begin):
            made = self._called(index, hop, made)
        return made

    def _called(self, index: int, hop: Hop, signer: Credentials) -> Credentials:
        hint = None
        if isinstance(hop, AssumeRole):
            hop = hop if hop.role.account is not None else replace(hop, role=hop.role.within(self._account()))
            hint = denied.hint(self.chain, index, str(hop.role.account), self.where)
        send = partial(self.sts.call, hop, signer, denied_hint=hint)
        return send() if hop.mfa is None else self._with_code(self._device(hop.mfa, hop.origins), send)

    def _with_code(self, device: Device, send: Callable[[Token], Credentials]) -> Credentials:
        """Send with a code; with another if AWS rejects it, or if it may be used up."""
        if self.prompts is None:
            raise MfaError(f"an MFA code of {printable(device.title)} is needed", device.origin, hint="awsenv login")
        after: CodeRejected | ResponseLost | None = None
        for _ in range(self.prompts.codes_before, MAX_CODES):
            code = self.prompts.code(device, given=self.code, after=after)
            try:
                return send(Token(device.serial, code))
            except (CodeRejected, ResponseLost) as error:
                after = error
            except UnreachableError:
                self.prompts.give_back(device, code)
                raise
        if isinstance(after, ResponseLost):
            raise after
        raise MfaError(
            f"AWS rejected {MAX_CODES} MFA codes",
            *(() if after is None else after.origins),
            hint=f"check that the codes are those of {printable(device.serial)}, and that its clock is right",
        )

    def _device(self, mfa: Mfa, origins: Mapping[str, Origin]) -> Device:
        from awsenv.aws.iam import mfa_device  # noqa: PLC0415 - see credentials

        serial = mfa.serial or mfa_device(self.sts.session, self.source, self._principal)
        return Device(serial, mfa.process, origins.get("mfa_process"))

    def _account(self) -> str:
        """Return the account of the source credentials: AWS is called only if nothing else shows it."""
        mfa = self.chain.hops[0].mfa
        serial = None if mfa is None else mfa.serial
        of_device = None if serial is None else device.account(serial)
        return self.source.account or of_device or self._principal.account

    @cached_property
    def _principal(self) -> Principal:
        return self.sts.identity(self.source)
