"""The frozen values that travel: the request, the chain that it means, the credentials, the change.

The way of the data: `RoleRequest` + profiles → `Chain` → `Credentials` → `Change`.
Secrets are left out of every repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from awsenv.origin import TYPED, Origin

if TYPE_CHECKING:
    from datetime import datetime

Environ = Mapping[str, str]
"""The environment of the caller, as a value: it is handed down, never looked up."""

MAX_CHAINED_DURATION = 3600
"""Seconds that AWS gives at most to a role reached with temporary credentials (IAM guide, role chaining)."""


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """What the command line and the variables ask for. None, or empty, where they say nothing.

    `origins` says for each field that is set which option or variable set it, for messages.
    """

    role: str
    code: str | None = field(default=None, repr=False)
    profile: str | None = None
    external_id: str | None = field(default=None, repr=False)
    mfa_serial: str | None = None
    duration: int | None = None
    """Seconds."""
    region: str | None = None
    session_name: str | None = None
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    policy: str | None = None
    """A session policy, as JSON text."""
    policy_arns: tuple[str, ...] = ()
    user: str | None = None
    """The caller's name in the password database: it names the role session where no variable names the user."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    def origin(self, name: str) -> Origin:
        """Return the option or the variable that set a field; the option, where the request does not say."""
        spelled = {"tags": "tag", "transitive_tags": "transitive-tag", "policy_arns": "policy-arn"}.get(name, name)
        default = TYPED if name in {"role", "code"} else Origin(f"--{spelled.replace('_', '-')}")
        return self.origins.get(name, default)


@dataclass(frozen=True, slots=True)
class RoleArn:
    """The ARN of a role, or a role of the account that the source credentials turn out to belong to."""

    partition: str
    account: str | None
    """Twelve digits; None: the account of the source credentials, which only AWS can tell."""
    path_and_name: str
    """Without a leading slash: `power-user`, `team/ops/power-user`."""

    @property
    def name(self) -> str:
        """The name of the role without its path."""
        return self.path_and_name.rpartition("/")[2]

    def within(self, account: str) -> RoleArn:
        """Return the same role in *account*."""
        return replace(self, account=account)

    def __str__(self) -> str:
        """Spell the ARN; the account is empty while it is unknown."""
        return f"arn:{self.partition}:iam::{self.account or ''}:role/{self.path_and_name}"


@dataclass(frozen=True, slots=True)
class Mfa:
    """That a hop is made with an MFA code, and where the device and the code come from."""

    serial: str | None
    """The ARN or serial number of the device; None: not known, to be found when a code is at hand."""
    process: str | None = None
    """The command that prints a code (`mfa_process`), split like a shell would and run without one."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a value of the configuration that its owner may not expect."""

    fact: str
    origin: Origin | None = None

    def __str__(self) -> str:
        """Name the place, then the fact."""
        return self.fact if self.origin is None else f"{self.origin}: {self.fact}"


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """One hop: a call of sts:AssumeRole."""

    role: RoleArn
    session_name: str
    external_id: str | None = field(default=None, repr=False)
    mfa: Mfa | None = None
    duration: int | None = None
    """Seconds; None: not sent, AWS gives one hour."""
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    profile: str | None = None
    """The profile that describes the role; None: it was given as an ARN or a name."""
    notes: tuple[Note, ...] = ()
    """Where awsenv does something else than the configuration says, and why."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """For each field that is set: where its value comes from."""


@dataclass(frozen=True, slots=True)
class GetSessionToken:
    """One hop: a call of sts:GetSessionToken, which turns a user's key and an MFA code into a session."""

    mfa: Mfa
    duration: int | None = None
    """Seconds; None: not sent, AWS gives twelve hours."""
    notes: tuple[Note, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)


Hop = AssumeRole | GetSessionToken


@dataclass(frozen=True, slots=True)
class Source:
    """Where the first credentials of a chain come from.

    `kind` is one of `static` (keys in a file), `environment`, `process` (`credential_process`), `sso`, `login`
    (`login_session`), `web-identity`, `container`, `instance` (EC2).
    """

    kind: str
    profile: str | None = None
    """The profile whose settings describe the source; None where the environment does."""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The plan: from source credentials, hop by hop, to the role."""

    source: Source
    hops: tuple[Hop, ...]
    role: str
    """Its name, as in the request."""
    label: str
    """What a prompt shows: only `[A-Za-z0-9_.@+=,/-]`, so that it is inert wherever it is pasted."""
    region: str | None = None
    """What is exported; None: none is known."""
    settings_profile: str | None = None
    """The profile whose endpoint, CA bundle and the like serve the calls."""
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The variables that make them those of a command, too, as far as the caller has not set others."""
    setting_notes: tuple[Note, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What differs from the configuration, in the chain or for a command, and why."""
        return (*(note for hop in self.hops for note in hop.notes), *self.setting_notes)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys, and whose they are."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None
    """With a time zone; None: long-lived."""
    account: str | None = None
    arn: str | None = None
    """The assumed-role ARN; None: not known without asking AWS."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of environment: name → value, None means unset. Ordered, so that what is printed is stable."""

    variables: Mapping[str, str | None] = field(repr=False)

    def applied_to(self, environ: Environ) -> dict[str, str]:
        """Return *environ* with the change made."""
        changed = {**environ, **self.variables}
        return {name: value for name, value in changed.items() if value is not None}
