"""What a trust policy says to a request: who, what, and the one condition that fails. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import policy
from awsenv.config.text import listed, printable
from awsenv.doctor.conditions import AGE, EXTERNAL_ID, MFA, Condition, Holds, Request, conditions, without_conditions

if TYPE_CHECKING:
    from awsenv.policy import Statement


_SHOWN = 2
"""How many of those whom a policy trusts are named."""


@unique
class Grounds(Enum):
    """How far a trust policy goes."""

    ACCOUNT = auto()
    """It trusts the account, which then decides by its own policies."""
    NAMED = auto()
    """It names who asks: in the same account that is enough."""


class Objection(NamedTuple):
    """Why a trust policy refuses."""

    fact: str
    hint: str
    place: str | None = None


class Judgement(NamedTuple):
    """What a trust policy says to a request."""

    grounds: Grounds | None
    """None: it refuses."""
    objections: tuple[Objection, ...] = ()
    unchecked: tuple[str, ...] = ()
    """The conditions that cannot be looked at from here, by name."""
    most_age: str | None = None
    """Seconds that an MFA code may be old, as the policy says it; None: it does not."""


class _Tried(NamedTuple):
    """A statement that allows, and what keeps it from doing so here."""

    grounds: Grounds | None
    failing: tuple[Condition, ...]
    unchecked: tuple[str, ...]

    @property
    def distance(self) -> tuple[bool, int, int, bool]:
        """How far it is from allowing."""
        return self.grounds is None, len(self.failing), len(self.unchecked), self.grounds is not Grounds.NAMED


def judge(document: Mapping[str, Any], request: Request, *, device: str | None = None) -> Judgement:
    """Say what the trust policy *document* says to *request*.

    Args:
        document: The policy.
        request: What is going to be asked.
        device: An MFA device of the user, to be named where none is configured; None: none is known.
    """
    statements = policy.statements([document])
    judgement = Judgement(None)
    for action in _actions(request):
        judgement = _judged(statements, action, request, device, judgement.unchecked)
        if judgement.grounds is None:
            break
    return judgement


def _actions(request: Request) -> Iterator[str]:
    hop = request.hop
    yield "sts:AssumeRole"
    if hop.tags:
        yield "sts:TagSession"
    if hop.source_identity is not None:
        yield "sts:SetSourceIdentity"


def _judged(
    statements: list[Statement], action: str, request: Request, device: str | None, before: tuple[str, ...]
) -> Judgement:
    about = [each for each in statements if policy.concerns(without_conditions(each), action, request.context)]
    unchecked = list(before)
    for statement in about:
        if policy.effect(statement) is not policy.Verdict.DENY:
            continue
        tried = _tried(statement, request)
        if tried.grounds is None or tried.failing:
            continue
        if not tried.unchecked:
            return Judgement(None, (_denied(statement, request, device),))
        unchecked += [f"a Deny with {name}" for name in tried.unchecked]
    allowing = [each for each in about if policy.effect(each) is policy.Verdict.ALLOW]
    if not allowing:
        return Judgement(None, (_no_such_action(statements, action, request),))
    best = min((_tried(each, request) for each in allowing), key=lambda tried: tried.distance)
    if best.grounds is None:
        return Judgement(None, (_not_named(allowing, request),))
    if best.failing:
        objections = {_failing(each, request, device): None for each in best.failing}
        return Judgement(None, tuple(objections), tuple(unchecked))
    unchecked += best.unchecked
    return Judgement(best.grounds, (), tuple(dict.fromkeys(unchecked)), _most_age(allowing))


def _tried(statement: Statement, request: Request) -> _Tried:
    held = {each: request.holds(each) for each in conditions(statement)}
    return _Tried(
        _grounds(statement, request),
        tuple(each for each, holds in held.items() if holds is Holds.NO),
        tuple(each.name for each, holds in held.items() if holds is Holds.UNKNOWN),
    )


def _grounds(statement: Statement, request: Request) -> Grounds | None:
    if "Principal" not in statement:
        # NotPrincipal: AWS refuses it beside Allow, so here it can only deny.
        others = _names(statement.get("NotPrincipal"))
        excepted = any(request.principal.is_named_by(name) for name in others)
        return None if excepted or policy.effect(statement) is policy.Verdict.ALLOW else Grounds.NAMED
    names = _names(statement["Principal"])
    if any(request.principal.is_named_by(name) for name in names):
        return Grounds.NAMED
    return Grounds.ACCOUNT if any(request.principal.is_in(name) for name in names) else None


def _names(principal: Any) -> list[str]:
    if isinstance(principal, Mapping):
        return [str(name) for name in policy.as_list(principal.get("AWS"))]
    return [str(name) for name in policy.as_list(principal)]


def _role(request: Request) -> str:
    return f"role {printable(request.hop.role.name)}"


def _not_named(statements: list[Statement], request: Request) -> Objection:
    names = list(dict.fromkeys(name for each in statements for name in _names(each.get("Principal"))))
    who, arn = request.principal.title, request.principal.principal_arn
    gone = [name for name in names if re.fullmatch("A(IDA|ROA)[A-Z0-9]{8,}", name)]
    if gone:
        # IAM shows an id where the principal that a policy was saved with has been deleted (IAM guide, "Principal").
        fact = f"{_role(request)} does not trust {who}, but {printable(gone[0])}, which was deleted"
        return Objection(
            f"{fact}: one made anew is another to AWS",
            f"put {arn} into its trust policy again (aws iam update-assume-role-policy)",
        )
    shown = [printable(name) for name in names[:_SHOWN]]
    shown += [f"{len(names) - _SHOWN} more"] if names[_SHOWN:] else []
    trusted = listed(shown) if shown else "no user and no role"
    return Objection(
        f"{_role(request)} does not trust {who}: it trusts {trusted}",
        f"put {arn} into its trust policy (aws iam update-assume-role-policy), or use whom it trusts: --profile",
    )


def _no_such_action(statements: list[Statement], action: str, request: Request) -> Objection:
    actions = [printable(str(name)) for each in statements for name in policy.as_list(each.get("Action"))]
    others = f": it is for {listed(list(dict.fromkeys(actions)))}" if actions else ""
    needed = {"sts:TagSession": ", or leave --tag out", "sts:SetSourceIdentity": ", or leave --source-identity out"}
    return Objection(
        f"the trust policy of {_role(request)} does not allow {action}{others}",
        f"allow {action} there (aws iam update-assume-role-policy){needed.get(action, '')}",
    )


def _failing(condition: Condition, request: Request, device: str | None) -> Objection:
    key = condition.key.lower()
    if key == EXTERNAL_ID:
        return _external_id(request)
    if key in MFA and not request.with_code:
        return _mfa(request, device)
    return Objection(
        f"the trust policy of {_role(request)} has a condition that is not met: {printable(condition.name)}",
        "meet it, or have it changed: aws iam get-role shows it",
    )


def _denied(statement: Statement, request: Request, device: str | None) -> Objection:
    for condition in conditions(statement):
        if condition.key.lower() == EXTERNAL_ID or (condition.key.lower() in MFA and not request.with_code):
            return _failing(condition, request, device)
    return Objection(
        f"the trust policy of {_role(request)} denies {request.principal.title}",
        "have the Deny changed: aws iam get-role shows it",
    )


def _external_id(request: Request) -> Objection:
    hop = request.hop
    if hop.external_id is None:
        profile = "" if hop.profile is None else f" in [profile {printable(hop.profile)}]"
        key = f"set external_id{profile}, or pass --external-id" if profile else "pass --external-id"
        where = hop.origins.get("role")
        return Objection(
            f"{_role(request)} demands an external id, and none is configured",
            f"{key}; whoever owns the role knows it",
            None if where is None else str(where),
        )
    origin = hop.origins.get("external_id")
    return Objection(
        f"{_role(request)} demands another external id than the one that is configured",
        "correct external_id; whoever owns the role knows it",
        None if origin is None else str(origin),
    )


def _mfa(request: Request, device: str | None) -> Objection:
    hop, where = request.hop, request.hop.origins.get("role")
    place = None if where is None else str(where)
    if request.principal.kind == "assumed-role":
        return Objection(
            f"{_role(request)} demands MFA, which {request.principal.title} cannot have: it is reached through a role",
            "let it trust the user, and set source_profile to the user's profile; or take MFA out of its trust policy",
            place,
        )
    serial = device or "ARN"
    profile = "in its profile" if hop.profile is None else f"in [profile {printable(hop.profile)}]"
    return Objection(
        f"{_role(request)} demands MFA, and no MFA device is configured",
        f"set mfa_serial = {printable(serial)} {profile}, or pass a code as the second word",
        place,
    )


def _most_age(statements: list[Statement]) -> str | None:
    """Return how old an MFA code may be."""
    ages = (
        printable(value)
        for statement in statements
        for condition in conditions(statement)
        if condition.key.lower() == AGE and condition.operator.startswith("NumericLess")
        for value in condition.values
    )
    return next(ages, None)
