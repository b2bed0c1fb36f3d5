"""Trust policies: what one asks of the caller, what it says to a request, and how to write one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.iam.conditions import Condition, Context, as_list
from awsenv.iam.policy import Evaluation, Policies, Statement, Verdict, statements
from awsenv.iam.principal import FEDERATED, ROLE, ROOT, USER, Grounds, Principal

if TYPE_CHECKING:
    from datetime import datetime

    from awsenv.iam.policy import Document

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"

EXTERNAL_ID = "sts:externalid"
MFA_PRESENT = "aws:multifactorauthpresent"
MFA_AGE = "aws:multifactorauthage"
"""The keys of the conditions that a trust policy most often has, in lower case."""

_TYPES = {USER: "User", ROLE: "AssumedRole", FEDERATED: "FederatedUser", ROOT: "Account"}


def trust_policy(
    principal: Any,
    *,
    mfa: bool = False,
    external_id: Any = None,
    mfa_max_age: int | None = None,
    actions: str | Sequence[str] = ASSUME_ROLE,
) -> dict[str, Any]:
    """Return the trust policy of a role.

    Args:
        principal: The ARN of the user or role, a list of them, or what stands for them in a template.
        mfa: Whether to demand an MFA code. `Bool`, not `BoolIfExists`: that would admit a bare access key.
        external_id: The external id to demand, or what stands for it; None: none.
        mfa_max_age: How many seconds ago the MFA code may have been used, at most; None: any time.
        actions: What to allow.
    """
    condition: dict[str, Any] = {}
    if external_id is not None:
        condition["StringEquals"] = {"sts:ExternalId": external_id}
    if mfa:
        condition["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
    if mfa_max_age is not None:
        condition["NumericLessThan"] = {"aws:MultiFactorAuthAge": str(mfa_max_age)}
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def principals(element: Any) -> list[str]:
    """Return the users, roles, sessions and accounts in a Principal element; services and providers are left out."""
    return [str(name) for name in as_list(element.get("AWS") if isinstance(element, Mapping) else element)]


def caller_keys(principal: Principal, now: datetime, mfa_age: float | None) -> dict[str, Sequence[str]]:
    """Return the condition keys that tell about the caller (IAM guide, "AWS global condition context keys").

    Args:
        principal: Who calls.
        now: The time of the request.
        mfa_age: Seconds since the MFA code of the session or of this request; None: there was none.
    """
    values = {
        "aws:currenttime": now.isoformat(),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:principalaccount": principal.account,
        "aws:principalarn": principal.principal_arn,
        "aws:principaltype": _TYPES.get(principal.kind),
        "aws:securetransport": "true",
        "aws:sourceidentity": principal.source_identity,
        "aws:userid": principal.user_id,
        "aws:username": principal.name if principal.kind == USER else None,
        **{f"aws:principaltag/{key.lower()}": value for key, value in principal.tags.items()},
    }
    if mfa_age is not None:
        values |= {MFA_PRESENT: "true", MFA_AGE: str(int(mfa_age))}
    elif principal.has_token:
        # Long-term keys never carry the key at all, which is what distinguishes Bool from BoolIfExists.
        values[MFA_PRESENT] = "false"
    return {key: (value,) for key, value in values.items() if value is not None}


def request_keys(
    session_name: str | None,
    external_id: str | None,
    source_identity: str | None,
    tags: Iterable[tuple[str, str]],
    transitive_tags: Iterable[str],
) -> dict[str, Sequence[str]]:
    """Return the condition keys that the parameters of an AssumeRole request bring (IAM guide, "IAM and AWS STS
    condition context keys").
    """  # noqa: D205 - the title of the page
    single = {EXTERNAL_ID: external_id, "sts:rolesessionname": session_name, "sts:sourceidentity": source_identity}
    keys: dict[str, Sequence[str]] = {key: (value,) for key, value in single.items() if value is not None}
    pairs, transitive = tuple(tags), tuple(transitive_tags)
    keys |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in pairs}
    keys |= {"aws:tagkeys": tuple(key for key, _ in pairs)} if pairs else {}
    return keys | ({"sts:transitivetagkeys": transitive} if transitive else {})


def actions(tags: object, source_identity: object) -> tuple[str, ...]:
    """Return the actions that an AssumeRole request needs, with *tags* and *source_identity* if they are truthy."""
    return (
        ASSUME_ROLE,
        *((TAG_SESSION,) if tags else ()),
        *((SET_SOURCE_IDENTITY,) if source_identity else ()),
    )


@unique
class Refusal(Enum):
    """Why a trust policy refuses a request."""

    ACTION = auto()
    """It allows the action to nobody."""
    PRINCIPAL = auto()
    """It allows the action to others."""
    CONDITION = auto()
    """A condition is not met."""
    DENY = auto()
    """A Deny applies."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a trust policy says to a request."""

    action: str
    grounds: Grounds
    """NONE: it refuses."""
    refusal: Refusal | None = None
    conditions: tuple[Condition, ...] = ()
    """CONDITION: those that are not met. DENY: those of the Deny."""
    instead: tuple[str, ...] = ()
    """ACTION: the actions that the policy has. PRINCIPAL: those whom it trusts."""
    unchecked: tuple[str, ...] = ()
    """The conditions that cannot be checked, by name. Whoever has to be sure takes them for a refusal."""
    mfa_max_age: str | None = None
    """Seconds that have passed since the MFA code, at most, as the policy spells it; None: any number."""

    @property
    def is_certain(self) -> bool:
        """Whether the policy allows the request, whatever else is true."""
        return self.grounds is not Grounds.NONE and not self.unchecked


def ask(document: Document, principal: Principal, action: str, context: Context) -> Trust:
    """Say what the trust policy *document* says to *action* of *principal*."""
    found = statements([document])
    about = [each for each in found if each.names_action(action)]
    denials = [each for each in about if each.effect is Verdict.DENY and _grounds(each, principal)]
    for denial in denials:
        if denial.holds(context):
            return Trust(action, Grounds.NONE, Refusal.DENY, denial.conditions)
    unchecked = [
        f"a Deny with {condition.name}"
        for denial in denials
        if denial.holds(context) is None
        for condition in denial.conditions
        if condition.holds(context) is None
    ]
    allowing = [each for each in about if each.effect is Verdict.ALLOW]
    if not allowing:
        names = (str(name) for each in found for name in as_list(each.elements.get("Action")))
        return Trust(action, Grounds.NONE, Refusal.ACTION, instead=tuple(dict.fromkeys(names)))
    best = min((_attempt(each, principal, context) for each in allowing), key=_Attempt.distance)
    if best.grounds is Grounds.NONE:
        trusted = (name for each in allowing for name in principals(each.elements.get("Principal")))
        return Trust(action, Grounds.NONE, Refusal.PRINCIPAL, instead=tuple(dict.fromkeys(trusted)))
    if best.failing:
        return Trust(action, Grounds.NONE, Refusal.CONDITION, best.failing)
    unchecked += [condition.name for condition in best.unchecked]
    return Trust(action, best.grounds, unchecked=tuple(dict.fromkeys(unchecked)), mfa_max_age=_max_age(allowing))


def permission(
    policies: Policies, principal: Principal, grounds: Grounds, *, action: str, role_arn: str, context: Context
) -> Evaluation:
    """Say what the policies of *principal* leave of what a trust policy grants.

    They have to allow the action where the role is in another account or trusts the account as a whole. Else they can
    only take away; a permissions boundary and session policies limit a session that is trusted by its role (IAM guide,
    "Policy evaluation logic" and "Cross-account policy evaluation logic").
    """
    own = policies.evaluate(action, role_arn, context)
    if grounds <= Grounds.ACCOUNT or role_arn.split(":")[4] != principal.account:
        return own
    limits = policies.limits(action, role_arn, context)
    return Evaluation(
        *(
            Verdict.DENY if verdict is Verdict.DENY else limit if grounds is Grounds.ROLE else Verdict.ALLOW
            for verdict, limit in zip(own, limits, strict=True)
        )
    )


class _Attempt(NamedTuple):
    """A statement that allows, and what keeps it from applying to a request."""

    grounds: Grounds
    failing: tuple[Condition, ...]
    unchecked: tuple[Condition, ...]

    def distance(self) -> tuple[bool, int, int, int]:
        """Return how far it is from allowing the request."""
        return self.grounds is Grounds.NONE, len(self.failing), len(self.unchecked), -self.grounds


def _attempt(statement: Statement, principal: Principal, context: Context) -> _Attempt:
    held = [(condition, condition.holds(context)) for condition in statement.conditions]
    return _Attempt(
        _grounds(statement, principal),
        tuple(condition for condition, holds in held if holds is False),
        tuple(condition for condition, holds in held if holds is None),
    )


def _grounds(statement: Statement, principal: Principal) -> Grounds:
    """Say how closely a statement names *principal*."""
    if "Principal" in statement.elements:
        names = principals(statement.elements["Principal"])
        return max((principal.named_by(name) for name in names), default=Grounds.NONE)
    # IAM takes no trust policy with NotPrincipal; elsewhere only the principal itself is an exception, not its account.
    excepted = principals(statement.elements.get("NotPrincipal"))
    if statement.effect is Verdict.ALLOW or any(principal.named_by(name) > Grounds.ACCOUNT for name in excepted):
        return Grounds.NONE
    return Grounds.NAMED


def _max_age(allowing: Iterable[Statement]) -> str | None:
    ages = (
        value
        for statement in allowing
        for condition in statement.conditions
        if condition.key.lower() == MFA_AGE and condition.operator.startswith("NumericLess")
        for value in condition.values
    )
    return next(ages, None)
