"""What a role's trust policy says, compared with the request: as IAM reads both, not as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from awsenv.iam.conditions import as_list
from awsenv.iam.policy import Verdict, statements
from awsenv.iam.principal import is_left_of_deleted
from awsenv.iam.trust import ASSUME_ROLE, EXTERNAL_ID, MFA_PRESENT
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.iam.policy import Document, Statement
    from awsenv.setup.request import RoleSpec

_EXTERNAL_ID = ("stringequals", EXTERNAL_ID)
_MFA = ("bool", MFA_PRESENT)
_KNOWN = frozenset({"Sid", "Effect", "Principal", "Action", "Condition"})


def differences(document: Document, user_arn: str, role: RoleSpec) -> list[str]:
    """Say how a trust policy differs from the one that *role* is to have; empty: in nothing that counts.

    Single values and lists, the order, upper and lower case where IAM ignores it, and `Sid` do not count; nor does
    which external id is demanded. No difference shows an external id.
    """
    found = statements([document])
    if len(found) != 1:
        return [f"it has {len(found)} statements instead of one"]
    elements = found[0].elements
    return [
        *(f"it has {quoted(name)}" for name in elements if name not in _KNOWN),
        *(["it does not allow, but denies"] if found[0].effect is Verdict.DENY else []),
        *_of_principal(elements.get("Principal"), user_arn),
        *_of_action(elements.get("Action")),
        *_of_conditions(_conditions(found[0]), role),
    ]


def external_id_of(document: Document) -> str | None:
    """Return the external id that a trust policy demands; None: none, or any of several."""
    demanded = [value for each in statements([document]) for value in _conditions(each).get(_EXTERNAL_ID, ())]
    return demanded[0] if len(demanded) == 1 else None


def _conditions(statement: Statement) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return operator and key, in lower case -> values."""
    return {(each.operator.lower(), each.key.lower()): each.values for each in statement.conditions}


def _of_principal(principal: Any, user_arn: str) -> list[str]:
    trusted = principal if isinstance(principal, dict) else {"*": principal}
    if set(trusted) == {"AWS"} and set(as_list(trusted["AWS"])) == {user_arn}:
        return []
    names = [str(name) for names in trusted.values() for name in as_list(names)]
    deleted = "; such an id is left of a user who was deleted" if any(map(is_left_of_deleted, names)) else ""
    return [f"it trusts {listed([quoted(name) for name in names] or ['nobody'])} instead of {user_arn}{deleted}"]


def _of_action(action: Any) -> list[str]:
    actions = [str(name) for name in as_list(action)]
    if {name.lower() for name in actions} == {ASSUME_ROLE.lower()}:
        return []
    return [f"it is about {listed([quoted(name) for name in actions] or ['no action'])} instead of {ASSUME_ROLE}"]


def _of_conditions(found: Mapping[tuple[str, str], tuple[str, ...]], role: RoleSpec) -> list[str]:
    external_ids = found.get(_EXTERNAL_ID, ())
    mfa = [value.lower() for value in found.get(_MFA, ())]
    differing = []
    if role.external_id and not external_ids:
        differing.append("it demands no external id")
    elif role.external_id and len(external_ids) > 1:
        differing.append(f"it takes any of {len(external_ids)} external ids")
    elif external_ids and not role.external_id:
        differing.append("it demands an external id")
    if role.mfa and not mfa:
        differing.append("it demands no MFA code")
    elif mfa and mfa != ["true"]:
        differing.append(f"it has the condition Bool aws:MultiFactorAuthPresent {json.dumps(mfa)}")
    elif mfa and not role.mfa:
        differing.append("it demands an MFA code")
    others = (names for names in found if names not in {_EXTERNAL_ID, _MFA})
    return differing + [f"it has the condition {quoted(operator)} on {quoted(key)}" for operator, key in others]
