"""The condition keys of an AssumeRole: which are known before AWS is asked, and which conditions hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import policy

if TYPE_CHECKING:
    from awsenv.doctor.principal import Principal
    from awsenv.model import AssumeRole
    from awsenv.policy import Context, Statement

EXTERNAL_ID = "sts:externalid"
MFA = frozenset({"aws:multifactorauthpresent", "aws:multifactorauthage"})
AGE = "aws:multifactorauthage"

_OF_THE_REQUEST = frozenset(
    {
        EXTERNAL_ID,
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principaltype",
        "aws:securetransport",
        "aws:sourceidentity",
        "aws:tagkeys",
        "sts:rolesessionname",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
    }
)
"""Keys that are known whether they are there or not."""


@unique
class Holds(Enum):
    """What can be said of a condition."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()


class Condition(NamedTuple):
    """One line of a Condition block. Its values are not shown: an external id is one."""

    operator: str
    key: str
    """As the policy spells it."""
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """How a person finds it in the policy."""
        return f"{self.key} ({self.operator})"


@dataclass(frozen=True, slots=True)
class Request:
    """An AssumeRole that is going to be sent."""

    hop: AssumeRole
    principal: Principal
    with_code: bool
    """Whether an MFA code is, or will be, in it."""
    mfa_is_known: bool
    """Whether it is known what the credentials themselves say of MFA: a session from elsewhere may have it."""
    now: float
    context: Context = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Work out the condition keys."""
        object.__setattr__(self, "context", dict(self._keys()))

    def _keys(self) -> Iterator[tuple[str, list[str]]]:
        hop, principal = self.hop, self.principal
        when = datetime.fromtimestamp(self.now, timezone.utc)
        yield "aws:currenttime", [when.isoformat()]
        yield "aws:epochtime", [str(int(self.now))]
        yield "aws:principalaccount", [principal.account]
        yield "aws:principalarn", [principal.principal_arn]
        yield "aws:principaltype", ["AssumedRole" if principal.kind == "assumed-role" else "User"]
        yield "aws:securetransport", ["true"]
        yield "sts:rolesessionname", [hop.session_name]
        if principal.kind == "user":
            yield "aws:username", [principal.name]
        if hop.external_id is not None:
            yield EXTERNAL_ID, [hop.external_id]
        if hop.source_identity is not None:
            yield from (("sts:sourceidentity", [hop.source_identity]), ("aws:sourceidentity", [hop.source_identity]))
        yield from ((f"aws:requesttag/{key.lower()}", [value]) for key, value in hop.tags)
        if hop.tags:
            yield "aws:tagkeys", [key for key, _ in hop.tags]
        if hop.transitive_tags:
            yield "sts:transitivetagkeys", list(hop.transitive_tags)
        if self.with_code:
            yield from (("aws:multifactorauthpresent", ["true"]), (AGE, ["0"]))
        elif principal.has_token and self.mfa_is_known:
            # Long-term keys never carry the key at all: that is what tells Bool and BoolIfExists apart.
            yield "aws:multifactorauthpresent", ["false"]

    def holds(self, condition: Condition) -> Holds:
        """Say whether a condition holds for this request."""
        if not self._knows(condition.key.lower()):
            return Holds.UNKNOWN
        block = {condition.operator: {condition.key: list(condition.values)}}
        allows, denies = (
            policy.concerns({"Effect": effect, "Action": "*", "Condition": block}, "sts:AssumeRole", self.context)
            for effect in ("Allow", "Deny")
        )
        if allows is not denies:
            # An operator that is not understood never allows and always denies.
            return Holds.UNKNOWN
        return Holds.YES if allows else Holds.NO

    def _knows(self, key: str) -> bool:
        if key in MFA:
            return self.with_code or self.mfa_is_known
        if key == "aws:username":
            return self.principal.kind in {"user", "assumed-role"}
        if key == "aws:principalarn":
            return self.principal.kind == "user" or self.principal.role_arn is not None
        return key in _OF_THE_REQUEST or key.startswith("aws:requesttag/")


def conditions(statement: Statement) -> list[Condition]:
    """Return the conditions of a statement, one by one: all have to hold."""
    block = statement.get("Condition")
    if not isinstance(block, Mapping):
        return []
    return [
        Condition(str(operator), str(key), tuple(map(str, policy.as_list(values))))
        for operator, keys in block.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
    ]


def without_conditions(statement: Statement) -> dict[str, Any]:
    """Return *statement* as if it held always."""
    return {name: value for name, value in statement.items() if name != "Condition"}
