"""Trust policies: what one demands of a caller, whether it allows a request, and how to write one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Any

from awsenv.iam.policy import Condition, Context, Evaluation, Policies, Statement, Verdict, as_list, statements
from awsenv.iam.principal import FEDERATED, ROLE, ROOT, USER, Grounds, Principal, is_left_of_deleted
from awsenv.record import dataclass
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from datetime import datetime

    from awsenv.iam.policy import Document

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"

EXTERNAL_ID = "sts:externalid"
SESSION_NAME = "sts:rolesessionname"
MFA_PRESENT = "aws:multifactorauthpresent"
MFA_AGE = "aws:multifactorauthage"
"""The most frequent condition keys of trust policies, in lower case."""

_DEMANDS_EXTERNAL_ID = ("stringequals", EXTERNAL_ID)
_DEMANDS_MFA = ("bool", MFA_PRESENT)
_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Condition"})

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
        principal: The ARN of a user or role, a list of them, or an expression of a template.
        mfa: Whether to demand an MFA code. By `Bool`: `BoolIfExists` would admit a bare access key.
        external_id: The external id to demand, or an expression of a template; None: no demand.
        mfa_max_age: The maximum age of the MFA code, in seconds; None: no limit.
        actions: The actions to allow.
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


def differences(document: Document, principal: str, *, mfa: bool, external_id: bool) -> list[str]:
    """Return how *document* differs from a policy of `trust_policy` for *principal*; empty: in nothing that matters.

    Both are compared as IAM reads them. Single values and lists, the order, upper and lower case where IAM ignores it,
    and `Sid` do not matter; nor does the value of the external id. No difference shows an external id.
    """
    found = statements([document])
    if len(found) != 1:
        return [f"it has {len(found)} statements instead of one"]
    elements, conditions = found[0].elements, _conditions(found[0])
    differing = [f"it has {quoted(name)}" for name in elements if name not in _ELEMENTS]
    if found[0].effect is Verdict.DENY:
        differing.append("it denies instead of allowing")
    named = elements.get("Principal")
    kinds = named.values() if isinstance(named, Mapping) else [named]
    trusted = [str(name) for names in kinds for name in as_list(names)]
    if set(trusted) != {principal}:
        deleted = "; such an id is left of a deleted user" if any(map(is_left_of_deleted, trusted)) else ""
        names = listed(list(map(quoted, trusted)) or ["nobody"])
        differing.append(f"it trusts {names} instead of {principal}{deleted}")
    actions = [str(name) for name in as_list(elements.get("Action"))]
    if {name.lower() for name in actions} != {ASSUME_ROLE.lower()}:
        names = listed(list(map(quoted, actions)) or ["no action"])
        differing.append(f"it allows {names} instead of {ASSUME_ROLE}")
    external_ids = conditions.pop(_DEMANDS_EXTERNAL_ID, ())
    presence = [value.lower() for value in conditions.pop(_DEMANDS_MFA, ())]
    for name, is_demanded, is_needed in (
        ("external id", bool(external_ids), external_id),
        ("MFA code", presence == ["true"], mfa),
    ):
        if is_demanded != is_needed:
            differing.append(f"it demands {'an' if is_demanded else 'no'} {name}")
    if external_id and len(external_ids) > 1:
        differing.append(f"it takes any of {len(external_ids)} external ids")
    if presence not in ([], ["true"]):
        differing.append(f"it has the condition Bool aws:MultiFactorAuthPresent {json.dumps(presence)}")
    return differing + [f"it has the condition {quoted(operator)} on {quoted(key)}" for operator, key in conditions]


def external_id_of(document: Document) -> str | None:
    """Return the external id that a trust policy demands; None: none, or any of several."""
    demanded = [value for each in statements([document]) for value in _conditions(each).get(_DEMANDS_EXTERNAL_ID, ())]
    return demanded[0] if len(demanded) == 1 else None


def _conditions(statement: Statement) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return operator and key, in lower case -> values."""
    return {(each.operator.lower(), each.key.lower()): each.values for each in statement.conditions}


def principals(element: Any) -> list[str]:
    """Return the users, roles, sessions and accounts in a Principal element, without services and providers."""
    return [str(name) for name in as_list(element.get("AWS") if isinstance(element, Mapping) else element)]


def caller_keys(principal: Principal, now: datetime, mfa_age: float | None) -> dict[str, Sequence[str]]:
    """Return the condition keys that describe the caller (IAM guide, "AWS global condition context keys").

    Args:
        principal: The caller.
        now: The time of the request.
        mfa_age: The age of the MFA code of the session or the request, in seconds; None: no code.
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
        # With long-term keys the condition key is absent: hence the difference between Bool and BoolIfExists.
        values[MFA_PRESENT] = "false"
    return {key: (value,) for key, value in values.items() if value is not None}


def request_keys(parameters: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return the condition keys from the parameters of an AssumeRole request (IAM guide, "IAM and AWS STS
    condition context keys").
    """  # noqa: D205 - the title of the page
    tags, one = parameters.get("Tags", ()), parameters.get
    keys: dict[str, Iterable[str | None]] = {
        EXTERNAL_ID: (one("ExternalId"),),
        SESSION_NAME: (one("RoleSessionName"),),
        "sts:sourceidentity": (one("SourceIdentity"),),
        **{f"aws:requesttag/{tag['Key'].lower()}": (tag["Value"],) for tag in tags},
        "aws:tagkeys": (tag["Key"] for tag in tags),
        "sts:transitivetagkeys": parameters.get("TransitiveTagKeys", ()),
    }
    sent = ((key, tuple(value for value in values if value is not None)) for key, values in keys.items())
    return {key: values for key, values in sent if values}


def actions(tags: object, source_identity: object) -> tuple[str, ...]:
    """Return the actions that an AssumeRole request needs, with *tags* and *source_identity* if they are truthy."""
    needed = {ASSUME_ROLE: True, TAG_SESSION: tags, SET_SOURCE_IDENTITY: source_identity}
    return tuple(action for action, reason in needed.items() if reason)


@unique
class Refusal(Enum):
    """Why a trust policy refuses a request."""

    ACTION = auto()
    """The policy does not allow the action to anyone."""
    PRINCIPAL = auto()
    """The policy allows the action, but not to this principal."""
    CONDITION = auto()
    """The request does not meet a condition."""
    DENY = auto()
    """A Deny applies."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The result of a trust policy for one request."""

    action: str
    grounds: Grounds
    """NONE: the policy refuses."""
    refusal: Refusal | None = None
    conditions: tuple[Condition, ...] = ()
    """CONDITION: the unmet ones. DENY: those of the Deny."""
    instead: tuple[str, ...] = ()
    """ACTION: the actions in the policy. PRINCIPAL: the principals that it trusts."""
    unchecked: tuple[str, ...] = ()
    """The names of conditions that cannot be checked. To be safe, treat any of them as a refusal."""
    mfa_max_age: str | None = None
    """The maximum age of the MFA code, in seconds, as in the policy; None: no limit."""


def evaluate(document: Document, principal: Principal, action: str, context: Context) -> Trust:
    """Return whether the trust policy *document* allows *action* to *principal*."""
    found = statements([document])
    about = [each for each in found if each.names_action(action)]
    denials = [each for each in about if each.effect is Verdict.DENY and _grounds(each, principal)]
    for denial in denials:
        if denial.holds(context):
            return Trust(action, Grounds.NONE, Refusal.DENY, denial.conditions)
    undecided = [each for each in denials if each.holds(context) is None]
    unchecked = [f"a Deny with {condition.name}" for each in undecided for condition in _unmet(each, context)[1]]
    allowing = [each for each in about if each.effect is Verdict.ALLOW]
    if not allowing:
        names = (str(name) for each in found for name in as_list(each.elements.get("Action")))
        return Trust(action, Grounds.NONE, Refusal.ACTION, instead=tuple(dict.fromkeys(names)))
    # The statement that is closest to allowing the request.
    attempts = [(_grounds(each, principal), *_unmet(each, context)) for each in allowing]
    grounds, failing, unknown = min(attempts, key=lambda each: (not each[0], len(each[1]), len(each[2]), -each[0]))
    if grounds is Grounds.NONE:
        trusted = (name for each in allowing for name in principals(each.elements.get("Principal")))
        return Trust(action, Grounds.NONE, Refusal.PRINCIPAL, instead=tuple(dict.fromkeys(trusted)))
    if failing:
        return Trust(action, Grounds.NONE, Refusal.CONDITION, failing)
    unchecked += [condition.name for condition in unknown]
    return Trust(action, grounds, unchecked=tuple(dict.fromkeys(unchecked)), mfa_max_age=_max_age(allowing))


def permission(
    policies: Policies, principal: Principal, grounds: Grounds, *, action: str, role_arn: str, context: Context
) -> Evaluation:
    """Return whether the policies of *principal* let it use what a trust policy grants.

    They must allow the action if the role is in another account or trusts the account as a whole. Otherwise they can
    only deny it, and a permissions boundary and session policies limit a session that is trusted by its role (IAM
    guide, "Policy evaluation logic" and "Cross-account policy evaluation logic"). Scopes always limit it: they
    intersect with all that the session may do (API reference of STS, GetScopedCredentials).
    """
    own = policies.evaluate(action, role_arn, context)
    if grounds <= Grounds.ACCOUNT or role_arn.split(":")[4] != principal.account:
        return own
    limits = (policies.limits if grounds is Grounds.ROLE else policies.scope)(action, role_arn, context)
    return Evaluation(
        *(Verdict.DENY if verdict is Verdict.DENY else limit for verdict, limit in zip(own, limits, strict=True))
    )


def _unmet(statement: Statement, context: Context) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """Return the conditions that are not met, and those that cannot be checked."""
    held = [(condition, condition.holds(context)) for condition in statement.conditions]
    failing = tuple(condition for condition, holds in held if holds is False)
    return failing, tuple(condition for condition, holds in held if holds is None)


def _grounds(statement: Statement, principal: Principal) -> Grounds:
    """Return how closely a statement names *principal*."""
    if "Principal" in statement.elements:
        names = principals(statement.elements["Principal"])
        return max((principal.named_by(name) for name in names), default=Grounds.NONE)
    # IAM rejects a trust policy with NotPrincipal. In others, a Deny exempts a principal only where it is named itself.
    excepted = principals(statement.elements.get("NotPrincipal"))
    if statement.effect is Verdict.ALLOW or any(principal.named_by(name) > Grounds.ACCOUNT for name in excepted):
        return Grounds.NONE
    return Grounds.NAMED


def _max_age(allowing: Iterable[Statement]) -> str | None:
    conditions = (condition for statement in allowing for condition in statement.conditions)
    limits = (each for each in conditions if each.key.lower() == MFA_AGE and each.operator.startswith("NumericLess"))
    return next((value for each in limits for value in each.values), None)
