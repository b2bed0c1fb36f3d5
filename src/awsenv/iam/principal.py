"""The principals of policies: a user, a session of a role, a federated user, or the root user; and MFA devices."""

from __future__ import annotations

import re
from enum import IntEnum

from awsenv.record import dataclass, field
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

USER, ROLE, FEDERATED, ROOT = "user", "assumed-role", "federated-user", "root"
"""The kinds of principals, as in their ARNs."""


class Grounds(IntEnum):
    """How closely a policy names a principal, the closest last."""

    NONE = 0
    ACCOUNT = 1
    """By its account, whose identity policies must then allow the action too."""
    ROLE = 2
    """By the role of its session; a permissions boundary and session policies still limit it."""
    NAMED = 3
    """Directly: the user, the session, or everyone."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal, and what is known of its session."""

    arn: str
    """As in GetCallerIdentity."""
    role_arn: str | None = None
    """Of a session: the ARN of its role, with its path; None: unknown, as the ARN of a session omits the path."""
    user_id: str | None = None
    """As in GetCallerIdentity: `AIDA...` of a user, `AROA...:SESSION` of a role; None: unknown."""
    has_token: bool = False
    """Whether its credentials are temporary."""
    source_identity: str | None = None
    """Of a session: the source identity, set when its role or an earlier one in the chain was assumed."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of a session: its tags."""

    @property
    def account(self) -> str:
        """The account, twelve digits."""
        return self.arn.split(":")[4]

    @property
    def partition(self) -> str:
        """The partition, such as `aws`."""
        return self.arn.split(":")[1]

    @property
    def kind(self) -> str:
        """`USER`, `ROLE`, `FEDERATED` or `ROOT`."""
        return self.arn.split(":", 5)[5].partition("/")[0]

    @property
    def name(self) -> str:
        """The name of the user or the role, without its path."""
        parts = self.arn.split(":", 5)[5].split("/")
        return parts[1] if self.kind == ROLE and len(parts) > 1 else parts[-1]

    @property
    def title(self) -> str:
        """Its name in messages: `user alice`, `role deploy`."""
        kinds = {ROLE: "role", FEDERATED: "federated user"}
        return "the root user" if self.kind == ROOT else f"{kinds.get(self.kind, self.kind)} {printable(self.name)}"

    @property
    def principal_arn(self) -> str:
        """The value of `aws:PrincipalArn`: for a session the ARN of its role, without a path if that is unknown."""
        if self.kind != ROLE:
            return self.arn
        return self.role_arn or f"arn:{self.partition}:iam::{self.account}:role/{self.name}"

    @property
    def device(self) -> str:
        """The serial number of the virtual device with the name of the user, once the default of the console."""
        return f"arn:{self.partition}:iam::{self.account}:mfa/{self.name}"

    def named_by(self, name: str) -> Grounds:
        """Return how closely *name*, from a Principal element, names this principal (IAM guide, "Principal")."""
        if name in {"*", self.arn} or (self.user_id is not None and name == self.user_id):
            return Grounds.NAMED if self.kind != ROOT or name == "*" else Grounds.ACCOUNT
        if self.kind == ROLE and self._is_of_role(name):
            return Grounds.ROLE
        if name in {self.account, f"arn:{self.partition}:iam::{self.account}:root"}:
            return Grounds.ACCOUNT
        return Grounds.NONE

    def _is_of_role(self, name: str) -> bool:
        if self.user_id is not None and name == self.user_id.partition(":")[0]:
            return True
        if self.role_arn is not None:
            return name == self.role_arn
        start, end = re.escape(f"arn:{self.partition}:iam::{self.account}:role/"), re.escape(self.name)
        return re.fullmatch(rf"{start}(?:.*/)?{end}", name) is not None


def serials(devices: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the serial numbers in a response of ListMFADevices."""
    return tuple(str(device["SerialNumber"]) for device in devices if device.get("SerialNumber"))


def showing_codes(found: Iterable[str]) -> tuple[str, ...]:
    """Return the serial numbers of the devices that show codes, which FIDO keys and passkeys do not."""
    return tuple(serial for serial in found if ":u2f/" not in serial)


def is_left_of_deleted(name: str) -> bool:
    """Return whether *name*, from a Principal element, is the id that IAM shows for a deleted principal.

    A new user or role of the same name has another id (IAM guide, "Principal").
    """
    return re.fullmatch("A(IDA|ROA)[A-Z0-9]{8,}", name) is not None
