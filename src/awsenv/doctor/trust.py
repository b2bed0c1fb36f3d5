"""What the trust policy of a role says to a request, and how to make it allow one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from awsenv.doctor.model import fine, unknown, wrong
from awsenv.iam import trust
from awsenv.iam.conditions import Context
from awsenv.iam.principal import ROLE, USER, Grounds, Principal, is_left_of_deleted
from awsenv.iam.trust import EXTERNAL_ID, MFA_AGE, MFA_PRESENT, Refusal, Trust
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.doctor.model import Finding
    from awsenv.iam.conditions import Condition
    from awsenv.model import AssumeRole
    from awsenv.origin import Origin

CHECK = "trust policy"

_SHOWN = 2
"""How many of those whom a policy trusts are named."""

_KNOWN = frozenset(
    {
        *(EXTERNAL_ID, "sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys"),
        *("aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principaltype", "aws:securetransport"),
    }
)
"""The keys of which it is known whether a request has them, for every sender."""

_OPTIONS = {trust.TAG_SESSION: "--tag", trust.SET_SOURCE_IDENTITY: "--source-identity"}
"""The options that need an action of their own."""


@dataclass(frozen=True, slots=True)
class Request:
    """An AssumeRole request before it is sent."""

    hop: AssumeRole
    """The hop; its role has an account."""
    principal: Principal
    now: float
    """Seconds since the epoch, UTC."""
    context: Context = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Work out the condition keys."""
        hop, now = self.hop, datetime.fromtimestamp(self.now, timezone.utc)
        caller = trust.caller_keys(self.principal, now, None if hop.mfa is None else 0)
        keys = trust.request_keys(hop.session_name, hop.external_id, hop.source_identity, hop.tags, hop.transitive_tags)
        object.__setattr__(self, "context", Context({**caller, **keys}, self._knows))

    @property
    def role(self) -> str:
        """What to call the role in a message."""
        return f"role {printable(self.hop.role.name)}"

    @property
    def origin(self) -> Origin | None:
        """Where the role was set."""
        return self.hop.origins.get("role")

    def _knows(self, key: str) -> bool:
        """Tell whether it is known if the request has a key. The session of a user from elsewhere may have MFA."""
        principal = self.principal
        if key in {MFA_PRESENT, MFA_AGE}:
            return self.hop.mfa is not None or not principal.has_token or principal.kind == ROLE
        if key in {"aws:principalarn", "aws:sourceidentity"}:
            return principal.kind == USER or principal.role_arn is not None
        if key == "aws:username":
            return principal.kind in {USER, ROLE}
        return key in _KNOWN or key.startswith("aws:requesttag/")


def ask(document: Mapping[str, Any], request: Request) -> Trust:
    """Return what a trust policy says to *request*: to the first action that it refuses, else to all together."""
    unchecked: tuple[str, ...] = ()
    grounds, age = Grounds.NAMED, None
    for action in trust.actions(request.hop.tags, request.hop.source_identity):
        found = trust.evaluate(document, request.principal, action, request.context)
        if found.grounds is Grounds.NONE:
            return replace(found, unchecked=unchecked)
        unchecked += tuple(name for name in found.unchecked if name not in unchecked)
        grounds, age = min(grounds, found.grounds), age or found.mfa_max_age
    return Trust(trust.ASSUME_ROLE, grounds, unchecked=unchecked, mfa_max_age=age)


def findings(found: Trust, request: Request, *, device: str | None) -> Iterator[Finding]:
    """Yield what *found* means for *request*.

    Args:
        found: What the trust policy says.
        request: The request.
        device: An MFA device of the user, to propose where none is configured; None: none is known.
    """
    if found.refusal is Refusal.ACTION:
        yield _no_action(found, request)
    elif found.refusal is Refusal.PRINCIPAL:
        yield _not_trusted(found, request)
    elif found.refusal is Refusal.CONDITION:
        yield from dict.fromkeys(_not_met(each, request, device) for each in found.conditions)
    elif found.refusal is Refusal.DENY:
        can_meet = (each for each in found.conditions if _can_meet(each, request))
        yield next((_not_met(each, request, device) for each in can_meet), _denied(request))
    else:
        named = found.grounds > Grounds.ACCOUNT
        whom = request.principal.title if named else f"account {request.principal.account}"
        age = f", with an MFA code of the last {printable(found.mfa_max_age)} s" if found.mfa_max_age else ""
        names = list(map(printable, found.unchecked))
        unchecked = f"; not checked from here: {listed(names)}" if names else ""
        yield fine(CHECK, f"{request.role} trusts {whom}{age}{unchecked}")


def unreadable(request: Request) -> Finding:
    """Return that nobody here is allowed to read the trust policy."""
    return unknown(
        CHECK,
        f"{request.principal.title} is not allowed to read that of {request.role}",
        f"name a profile that may read IAM of account {request.hop.role.account}: --iam-profile PROFILE",
    )


def _wrong(request: Request, fact: str, *hints: str, origin: Origin | None = None) -> Finding:
    return wrong(CHECK, fact, *hints, origins=[origin or request.origin])


def _no_action(found: Trust, request: Request) -> Finding:
    others = f": it is for {listed(list(map(printable, found.instead)))}" if found.instead else ""
    hints = [f"allow {found.action} in it: aws iam update-assume-role-policy"]
    if found.action in _OPTIONS:
        hints.append(f"leave {_OPTIONS[found.action]} out")
    return _wrong(request, f"the trust policy of {request.role} does not allow {found.action}{others}", *hints)


def _not_trusted(found: Trust, request: Request) -> Finding:
    arn, fact = request.principal.principal_arn, f"{request.role} does not trust {request.principal.title}"
    deleted = next(filter(is_left_of_deleted, found.instead), None)
    if deleted is not None:
        return _wrong(
            request,
            f"{fact}, but {deleted}, which was deleted: AWS does not take a new one of the same name for it",
            f"put {arn} into its trust policy again: aws iam update-assume-role-policy",
        )
    more = [f"{len(found.instead) - _SHOWN} more"] if found.instead[_SHOWN:] else []
    shown = [*map(printable, found.instead[:_SHOWN]), *more]
    return _wrong(
        request,
        f"{fact}: it trusts {listed(shown) if shown else 'no user and no role'}",
        f"put {arn} into its trust policy: aws iam update-assume-role-policy",
        "use the profile of one that it trusts: --profile",
    )


def _denied(request: Request) -> Finding:
    fact = f"the trust policy of {request.role} denies {request.principal.title}"
    return _wrong(request, fact, "ask its owner to change the Deny: aws iam get-role shows it")


def _can_meet(condition: Condition, request: Request) -> bool:
    """Tell whether the caller can meet a condition: with an external id or an MFA code."""
    key = condition.key.lower()
    return key == EXTERNAL_ID or (key in {MFA_PRESENT, MFA_AGE} and request.hop.mfa is None)


def _not_met(condition: Condition, request: Request, device: str | None) -> Finding:
    if not _can_meet(condition, request):
        return _wrong(
            request,
            f"the trust policy of {request.role} has a condition that is not met: {printable(condition.name)}",
            "meet the condition, or ask its owner to change it: aws iam get-role shows it",
        )
    return _external_id(request) if condition.key.lower() == EXTERNAL_ID else _mfa(request, device)


def _external_id(request: Request) -> Finding:
    hop = request.hop
    if hop.external_id is not None:
        return _wrong(
            request,
            f"{request.role} demands another external id than the one that is configured",
            "correct external_id: the owner of the role knows it",
            origin=hop.origins.get("external_id"),
        )
    option = "pass --external-id"
    if hop.profile is not None:
        option = f"set external_id in [profile {printable(hop.profile)}], or {option}"
    fact = f"{request.role} demands an external id, and none is configured"
    return _wrong(request, fact, "ask the owner of the role for it", option)


def _mfa(request: Request, device: str | None) -> Finding:
    if request.principal.kind == ROLE:
        who = request.principal.title
        return _wrong(
            request,
            f"{request.role} demands MFA, which {who} cannot have: a role has no MFA device",
            "let the role trust the user, and set source_profile to the user's profile",
            "remove MFA from its trust policy",
        )
    profile = "its profile" if request.hop.profile is None else f"[profile {printable(request.hop.profile)}]"
    return _wrong(
        request,
        f"{request.role} demands MFA, and no MFA device is configured",
        f"set mfa_serial = {printable(device or 'ARN')} in {profile}",
        "pass a code as the second word",
    )
