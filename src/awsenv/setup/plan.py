"""What is wanted, the steps that are left of it, and how a person reads them. Values only: nothing talks to AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.setup.roles import WantedRole

Document = dict[str, Any]
"""A policy document."""

USER_POLICY = "assume-roles"
"""The name of the one inline policy that the user may have."""

HIDDEN = "…"
"""What is shown in place of an external id."""

_VERSION = "2012-10-17"


@unique
class KeyPlace(Enum):
    """Where the user's access key goes."""

    FILE = "file"
    """To the credentials file."""
    KEYRING = "keyring"
    """To the system keyring; the profile reads it back with `credential_process`."""
    PRINTED = "printed"
    """Nowhere: it is printed once, and the person keeps it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set-up as it was asked for: one user, and roles that trust exactly that user."""

    user: str
    """The name; its virtual MFA device has the same."""
    source_profile: str
    """The profile that holds the user's access key, and that the roles' profiles name."""
    account: str
    """Of the user: twelve digits."""
    role_account: str
    """Of the roles: the same, or another."""
    roles: tuple[WantedRole, ...]
    partition: str = "aws"
    region: str | None = None
    """What the roles' profiles get; None: none is written."""
    key_place: KeyPlace = KeyPlace.FILE

    @property
    def user_arn(self) -> str:
        """The ARN of the user, if it is made here: one that is there may have a path."""
        return f"arn:{self.partition}:iam::{self.account}:user/{self.user}"

    @property
    def device_serial(self) -> str:
        """The serial of the virtual MFA device that is made here."""
        return f"arn:{self.partition}:iam::{self.account}:mfa/{self.user}"

    @property
    def crosses_accounts(self) -> bool:
        """Whether the roles are in another account: then AWS wants the user to be allowed to assume them, too."""
        return self.account != self.role_account

    @property
    def wants_mfa(self) -> bool:
        """Whether a role demands an MFA code."""
        return any(role.mfa for role in self.roles)

    def role_arn(self, role: WantedRole) -> str:
        """Return the ARN of *role*, if it is made here: one that is there may have a path."""
        return f"arn:{self.partition}:iam::{self.role_account}:role/{role.name}"


def user_policy(role_arns: Iterable[Any]) -> Document:
    """Return the policy by which a user may assume the roles of another account: exactly these."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(role_arns)}
    return {"Version": _VERSION, "Statement": [statement]}


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Make the user."""

    user: str


@dataclass(frozen=True, slots=True)
class DeleteDevice:
    """Delete a virtual MFA device that nobody has."""

    serial: str


@dataclass(frozen=True, slots=True)
class CreateDevice:
    """Make a virtual MFA device, show its key, ask two codes, and give it to the user."""

    user: str
    serial: str


@dataclass(frozen=True, slots=True)
class PutUserPolicy:
    """Set the user's inline policy `assume-roles`."""

    user: str
    document: Document


@dataclass(frozen=True, slots=True)
class CreateRole:
    """Make a role."""

    role: str
    trust: Document = field(repr=False)
    """With the external id in it."""


@dataclass(frozen=True, slots=True)
class AttachPolicy:
    """Attach a managed policy to a role."""

    role: str
    policy_arn: str


@dataclass(frozen=True, slots=True)
class DeleteKey:
    """Delete an access key of the user whose secret nobody has."""

    user: str
    key_id: str


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Make an access key of the user, and keep it."""

    user: str
    user_arn: str


@dataclass(frozen=True, slots=True)
class WriteProfiles:
    """Write sections of the config file: missing ones as a whole, missing keys into those that are there."""

    sections: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Header without brackets → key → value. External ids are in it."""


Action = (
    CreateUser
    | DeleteDevice
    | CreateDevice
    | PutUserPolicy
    | CreateRole
    | AttachPolicy
    | DeleteKey
    | CreateKey
    | WriteProfiles
)
"""What a step does. Each sends one change to AWS, but `CreateDevice` two, and `WriteProfiles` none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan."""

    title: str
    """As a person reads it, after a number or a tick: `create the role power-user`."""
    action: Action
    documents: Mapping[str, Document] = field(default_factory=dict)
    """What the policy is → the policy, fit to be shown: an external id is `…`."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Sections of the config file as they will be, fit to be shown."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that are left, in their order. None: the set-up is complete."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    """What is left as it is although a person may wonder, as sentences without a full stop."""


def described(plan: Plan) -> list[str]:
    """Return the lines that show a plan to a person: what is done in which order, with each policy as JSON."""
    lines: list[str] = []
    for number, step in enumerate(plan.steps, start=1):
        lines.append(f"{number}. {step.title}")
        for name, document in step.documents.items():
            lines.append(f"   {name}:")
            lines += _indented(json.dumps(document, indent=2, ensure_ascii=False).splitlines())
        for header, settings in step.settings.items():
            lines += _indented([f"[{header}]", *(f"{key} = {value}" for key, value in settings.items())])
    return lines + [f"note: {note}" for note in plan.notes]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"     {line}" for line in lines]
