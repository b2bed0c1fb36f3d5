"""What a trust policy that is there says, against what is wanted: compared as IAM reads it, not as text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from awsenv.config.text import listed, quoted
from awsenv.policy import as_list, statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.setup.plan import Document
    from awsenv.setup.roles import WantedRole

_EXTERNAL_ID = ("stringequals", "sts:externalid")
_MFA = ("bool", "aws:multifactorauthpresent")
_KNOWN = frozenset({"Sid", "Effect", "Principal", "Action", "Condition"})
# An ARN becomes the id of its user where the user is deleted (IAM guide, "AWS JSON policy elements: Principal").
_DELETED = re.compile(r"A[A-Z]{2}A[A-Z0-9]{12,}")


def differences(document: Document, user_arn: str, role: WantedRole) -> list[str]:
    """Say in what a trust policy differs from the one that *role* shall have; empty: in nothing that counts.

    Single values and lists, the order, upper and lower case where IAM sees none, and `Sid` do not count; nor does
    which external id is demanded. No external id is in what is said.
    """
    found = statements([document])
    if len(found) != 1:
        return [f"it has {len(found)} statements instead of one"]
    statement = found[0]
    said = [f"it has {quoted(name)}" for name in statement if name not in _KNOWN]
    if statement.get("Effect") != "Allow":
        said.append("it does not allow, but denies")
    return [
        *said,
        *_of_principal(statement.get("Principal"), user_arn),
        *_of_action(statement.get("Action")),
        *_of_condition(_conditions(statement), role),
    ]


def external_id_of(document: Document) -> str | None:
    """Return the external id that a trust policy demands; None: none, or more than one would do."""
    demanded = [value for statement in statements([document]) for value in _conditions(statement).get(_EXTERNAL_ID, ())]
    return demanded[0] if len(demanded) == 1 else None


def _conditions(statement: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Return operator and key, in lower case → values."""
    condition = statement.get("Condition") or {}
    return {
        (operator.lower(), key.lower()): [str(value) for value in as_list(values)]
        for operator, keys in condition.items()
        for key, values in keys.items()
    }


def _of_principal(principal: Any, user_arn: str) -> list[str]:
    trusted = principal if isinstance(principal, dict) else {"*": principal}
    if set(trusted) == {"AWS"} and set(as_list(trusted["AWS"])) == {user_arn}:
        return []
    names = [str(name) for names in trusted.values() for name in as_list(names)]
    deleted = "; such an id is left of a user who was deleted" if any(map(_DELETED.fullmatch, names)) else ""
    return [f"it trusts {listed([quoted(name) for name in names] or ['nobody'])} instead of {user_arn}{deleted}"]


def _of_action(action: Any) -> list[str]:
    actions = [str(name) for name in as_list(action)]
    if {name.lower() for name in actions} == {"sts:assumerole"}:
        return []
    return [f"it is about {listed([quoted(name) for name in actions] or ['no action'])} instead of sts:AssumeRole"]


def _of_condition(conditions: Mapping[tuple[str, str], list[str]], role: WantedRole) -> list[str]:
    external_ids = conditions.get(_EXTERNAL_ID, [])
    mfa = [value.lower() for value in conditions.get(_MFA, [])]
    said = []
    if role.external_id and not external_ids:
        said.append("it demands no external id")
    elif role.external_id and len(external_ids) > 1:
        said.append(f"it takes any of {len(external_ids)} external ids")
    elif external_ids and not role.external_id:
        said.append("it demands an external id")
    if role.mfa and not mfa:
        said.append("it demands no MFA code")
    elif mfa and mfa != ["true"]:
        said.append(f"it has the condition Bool aws:MultiFactorAuthPresent {json.dumps(mfa)}")
    elif mfa and not role.mfa:
        said.append("it demands an MFA code")
    others = (names for names in conditions if names not in {_EXTERNAL_ID, _MFA})
    return said + [f"it has the condition {quoted(operator)} on {quoted(key)}" for operator, key in others]
