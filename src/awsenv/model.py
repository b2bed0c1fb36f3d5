"""The frozen values that travel through the program.

`RoleRequest` + profiles → `Chain` → `Credentials` → `Change`. No repr shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone

from awsenv.errors import TYPED, Origin
from awsenv.record import dataclass, field, replace

Environ = Mapping[str, str]
"""The environment of the caller, always passed as an argument."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Waits(Protocol):
        """Shows the user what the command waits for."""

        def __call__(self, text: str, /, *, beside: bool = False) -> AbstractContextManager[object]:
            """Return the context in which the command waits for *text*.

            Args:
                text: What it waits for: `AWS STS at sts.amazonaws.com`.
                beside: Whether another program may write to the terminal meanwhile.
            """


def unseen(_text: str, /, *, beside: bool = False) -> AbstractContextManager[object]:
    """Show nothing."""
    del beside
    return nullcontext()


MAX_CHAINED_DURATION = 3600
"""Seconds: the longest duration of a role that is assumed with temporary credentials (IAM guide, role chaining)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """What a request and a hop set for sts:AssumeRole. A field that is not set is None or empty, and is not sent."""

    external_id: str | None = field(default=None, repr=False)
    duration: int | None = None
    """Seconds; None: AWS grants one hour."""
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    policy: str | None = None
    """A session policy, as JSON text."""
    policy_arns: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """The origin of each field that is set, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What a role is narrowed to, as the user has asked."""

    read_only: bool = False
    actions: tuple[tuple[str, ...], ...] = ()
    """Lists of patterns. An action is allowed if it matches a pattern of each."""
    resources: tuple[tuple[str, ...], ...] = ()
    """The same for ARNs."""
    seconds: int | None = None
    """How long the credentials may live; None: as long as they do anyway."""
    because: str | None = None
    """What the role is for, as the user says it."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """The origin of each field that is set."""

    def __str__(self) -> str:
        """Return it in a few words: `read-only, only s3:Get*, for 10m`; nothing if it has no effect."""
        from awsenv.duration import exact  # noqa: PLC0415 - few roles are narrowed
        from awsenv.wording import listed  # noqa: PLC0415 - the same

        parts = ["read-only"] if self.read_only else []
        parts += [f"only {listed([*patterns])}" for patterns in self.actions]
        parts += [f"on {listed([*patterns])}" for patterns in self.resources]
        parts += [] if self.seconds is None else [f"for {exact(self.seconds)}"]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class RoleRequest(RoleSettings):
    """The role and the options from the command line and the variables."""

    role: str
    code: str | None = field(default=None, repr=False)
    profile: str | None = None
    mfa_serial: str | None = None
    region: str | None = None
    session_name: str | None = None
    user: str | None = None
    """The caller's name in the password database, for the role session name if no variable names the user."""
    narrowing: Narrowing | None = None
    program: str | None = None
    """The program that gets the credentials; None: that is not known yet."""

    def origin(self, name: str) -> Origin:
        """Return the option or the variable that set a field; by default, the option."""
        spelled = {"tags": "tag", "transitive_tags": "transitive-tag", "policy_arns": "policy-arn"}.get(name, name)
        default = TYPED if name in {"role", "code"} else Origin(f"--{spelled.replace('_', '-')}")
        return self.origins.get(name, default)


@dataclass(frozen=True, slots=True)
class RoleArn:
    """The ARN of a role, whose account may still be unknown."""

    partition: str
    account: str | None
    """Twelve digits; None: the account of the source credentials, which only AWS knows."""
    path_and_name: str
    """Without a leading slash: `power-user`, `team/ops/power-user`."""

    @property
    def name(self) -> str:
        """The name of the role without its path."""
        return self.path_and_name.rpartition("/")[2]

    def __str__(self) -> str:
        """Return the ARN; an unknown account is empty."""
        return f"arn:{self.partition}:iam::{self.account or ''}:role/{self.path_and_name}"


@dataclass(frozen=True, slots=True)
class Mfa:
    """The MFA device of a hop, and the command that prints its codes."""

    serial: str = ""
    """The ARN or serial number of the device; empty: not known yet."""
    process: str | None = None
    """The command that prints a code (`mfa_process`), split as a shell would and run without a shell."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """The origins of `mfa_serial` and `mfa_process`, if they are set."""

    @property
    def account(self) -> str | None:
        """The account of a virtual device or FIDO key; None: the serial number of a hardware device has none."""
        return self.serial.partition(":iam::")[2].partition(":")[0] or None

    @property
    def title(self) -> str:
        """Its name and account, or the serial number of a hardware device: short, and different from others."""
        name = self.serial.partition(":mfa/")[2]
        return f"{name} ({self.account})" if name and self.account else self.serial


@dataclass(frozen=True, slots=True)
class Note:
    """A fact about a value of the configuration that may surprise its author."""

    fact: str
    origin: Origin | None = None
    hints: tuple[str, ...] = ()
    """At most two next steps."""
    because: str | None = None
    """The cause, if it is established."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The origin, as an error has it: the user has just typed what the command line sets."""
        return () if self.origin is None or self.origin == TYPED else (self.origin,)

    def __str__(self) -> str:
        """Return the origin and the fact."""
        return self.fact if self.origin is None else f"{self.origin}: {self.fact}"


@dataclass(frozen=True, slots=True)
class AssumeRole(RoleSettings):
    """One hop: a call of sts:AssumeRole."""

    role: RoleArn
    session_name: str
    mfa: Mfa | None = None
    profile: str | None = None
    """The profile that describes the role; None: the user typed an ARN or a name."""
    notes: tuple[Note, ...] = ()
    """Where the hop differs from the configuration, and why."""

    def within(self, account: str) -> AssumeRole:
        """Return the hop with its role in *account*, unless the role names its account."""
        return self if self.role.account is not None else replace(self, role=replace(self.role, account=account))

    @property
    def seconds(self) -> int:
        """How long its credentials live: an hour where no duration is sent (API reference of STS)."""
        return 3600 if self.duration is None else self.duration


@dataclass(frozen=True, slots=True)
class GetSessionToken:
    """One hop: a call of sts:GetSessionToken, which opens an MFA session with a user's key and an MFA code."""

    mfa: Mfa
    duration: int | None = None
    """Seconds; None: not sent, and AWS grants twelve hours."""
    notes: tuple[Note, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    @property
    def seconds(self) -> int:
        """How long the session lives: twelve hours where no duration is sent (API reference of STS)."""
        return 43_200 if self.duration is None else self.duration


Hop = AssumeRole | GetSessionToken


@dataclass(frozen=True, slots=True, kw_only=True)
class GetScopedCredentials:
    """A call of sts:GetScopedCredentials, which narrows temporary credentials. They stay those of the same role."""

    policy: str | None = None
    """What they may do at most, as JSON text; None: all that they may."""
    duration: int | None = None
    """Seconds; None: not sent, and they end as before."""
    description: str | None = None
    """What they are for, which CloudTrail logs."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the first credentials of a chain come from."""

    kind: str
    """One of `config.sources.KINDS`."""
    profile: str | None = None
    """The profile that describes the source; None: the environment describes it."""
    origin: Origin | None = None
    has_token: bool = False
    """Whether it is an access key that comes with a session token."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question before a command gets a role."""

    fact: str
    """The role, and why the user is asked."""
    name: str
    """The name of the role, as the user types it."""
    text: str | None
    """The question, which a yes answers; None: the user types the name."""
    color: str
    """The colour of the role, as in `Rails`."""
    origin: Origin | None
    """What protects the role."""
    takes_yes: bool = True
    """Whether `--yes` answers it, too."""


@dataclass(frozen=True, slots=True)
class Assistant:
    """A coding agent that runs awsenv, or that awsenv is to run. It is a hint: any program can unset a variable."""

    name: str
    """Lower case: `claude-code`."""
    sign: str
    """What says so: a variable, or the program."""


@dataclass(frozen=True, slots=True)
class Rails:
    """The guard rails of a profile. They are keys of awsenv, which no other tool reads and AWS never sees."""

    color: str = ""
    """The colour of the role in the prompt, as SGR parameters: only digits and semicolons; empty: none is set."""
    is_protected: bool = False
    """Whether the user confirms each time that a command gets the role."""
    confirm: int | None = None
    """Seconds for which the agent does not ask again in the same terminal session; 0: it always asks; None: it never
    does."""
    account: str | None = None
    """The only account whose credentials the profile may have; None: any account."""
    narrowing: Narrowing | None = None
    """What each role of the profile is narrowed to."""
    assistants: str = ""
    """What an assistant gets: `read-only`: the role narrowed; `confirm`: the role after a yes; `refuse`: nothing;
    empty: all of the role."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """The origin of each field that is set."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The plan: from source credentials, hop by hop, to the role."""

    source: Source
    hops: tuple[Hop, ...]
    role: str
    """Its name, as in the request."""
    label: str
    """The name that a prompt shows: only `[A-Za-z0-9_.@+=,/-]`, so that no shell interprets it."""
    region: str | None = None
    """The region to export; None: no region is set."""
    partition: str = "aws"
    """The partition of the region, and of all roles. With no region, STS is that of `aws`."""
    settings_profile: str | None = None
    """The profile whose endpoint, CA bundle and similar settings apply to the calls."""
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The variables that pass these settings on to a command, except those that the caller has set."""
    setting_notes: tuple[Note, ...] = ()
    rails: Rails = Rails()
    """The guard rails of the profile that was requested."""
    narrowing: Narrowing | None = None
    """What the role is narrowed to, by the last hop, by `scoped` or by both; None: it is not narrowed."""
    scoped: GetScopedCredentials | None = None
    """The call that narrows the credentials of the last hop, or of the source without a hop; None: none is made."""
    wide: Chain | None = None
    """The same chain without the narrowing."""
    assistant: Assistant | None = None
    """The coding agent that asks; None: no known one does."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    @property
    def last(self) -> Hop | None:
        """The hop whose credentials are exported; None: those of the source are."""
        return self.hops[-1] if self.hops else None

    @property
    def mfa(self) -> Mfa | None:
        """The device whose code the chain takes; only its first hop can take one."""
        return self.hops[0].mfa if self.hops else None

    @property
    def title(self) -> str:
        """The label, and what the role is narrowed to."""
        narrowed = "" if self.narrowing is None else str(self.narrowing)
        return f"{self.label} ({narrowed})" if narrowed else self.label

    @property
    def is_final(self) -> bool:
        """Whether the credentials end for good, as `--for` says, and are not renewed."""
        return self.narrowing is not None and self.narrowing.seconds is not None

    @property
    def notes(self) -> tuple[Note, ...]:
        """Where the chain or a command differs from the configuration, and why."""
        return (*(note for hop in self.hops for note in hop.notes), *self.setting_notes)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys, and their owner."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None
    """With a time zone; None: the keys do not expire."""
    account: str | None = None
    arn: str | None = None
    """The assumed-role ARN; None: only AWS knows it."""
    source: Source | None = field(default=None, compare=False, repr=False)
    """Where they come from, for messages; None: they are those of a role, or their source is not known."""

    @property
    def expires(self) -> str | None:
        """The expiration as SDKs read it: ISO 8601, in UTC, in whole seconds."""
        ends = self.expiration
        return None if ends is None else f"{ends.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of environment: names to values, None means unset. Ordered, so that the output is stable."""

    variables: Mapping[str, str | None] = field(repr=False)

    def applied_to(self, environ: Environ) -> dict[str, str]:
        """Return a copy of *environ* with the change applied."""
        changed = {**environ, **self.variables}
        return {name: value for name, value in changed.items() if value is not None}
