"""A set-up as a CloudFormation template, in YAML, for those who have their accounts made by it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.iam.trust import trust_policy
from awsenv.setup.plan import USER_POLICY, user_policy
from awsenv.setup.template import EXTERNAL_ID_OF, how_external_ids, identifiers, introduction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.setup.plan import Wanted
    from awsenv.setup.roles import WantedRole

_USER = "User"
_USER_ACCOUNT, _ROLE_ACCOUNT = "UserAccount", "RoleAccount"
_IS_USER_ACCOUNT, _IS_ROLE_ACCOUNT = "IsUserAccount", "IsRoleAccount"

_PLAIN = "[a-zA-Z][a-zA-Z0-9:/.-]*[a-zA-Z0-9]"
# What YAML takes for something else than text, in one of its versions.
_NO_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def template(wanted: Wanted) -> str:
    """Return the template of a user and its roles.

    Where the roles are in another account it is deployed in both: each makes of it what is its own.
    """
    names = identifiers((role.name for role in wanted.roles), _logical_id)
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{wanted.user}, a user who can do nothing but assume roles, and these roles",
        "Parameters": _parameters(wanted, names),
        "Conditions": _conditions(wanted),
        "Resources": {
            _USER: _user(wanted),
            **{f"Role{names[role.name]}": _role(wanted, role, names[role.name]) for role in wanted.roles},
        },
        "Outputs": {f"Role{names[role.name]}Arn": _output(wanted, role, names[role.name]) for role in wanted.roles},
    }
    comment = (f"# {line}".rstrip() for line in introduction(wanted, "cloudformation", _how(wanted)))
    parts = ("\n".join(_lines({name: part}, 0)) for name, part in document.items() if part)
    return "\n".join(comment) + "\n\n" + "\n".join(parts) + "\n"


def _how(wanted: Wanted) -> list[str]:
    has_parameters = wanted.crosses_accounts or any(role.external_id for role in wanted.roles)
    return [
        *how_external_ids(wanted),
        "Deploy it twice, with the same parameters: in the user's account first, and then in that of the roles."
        if wanted.crosses_accounts
        else "Deploy it:",
        "",
        "  aws cloudformation deploy --stack-name awsenv --template-file THIS_FILE \\",
        *(["    --parameter-overrides file://PARAMETERS.json \\"] if has_parameters else []),
        "    --capabilities CAPABILITY_NAMED_IAM",
    ]


class _Call(NamedTuple):
    """A function of CloudFormation, in its short form."""

    name: str
    argument: str | list[Any]


def _parameters(wanted: Wanted, names: dict[str, str]) -> dict[str, Any]:
    accounts = {_USER_ACCOUNT: "the user", _ROLE_ACCOUNT: "the roles"} if wanted.crosses_accounts else {}
    return {
        **{
            name: {"Type": "String", "AllowedPattern": "[0-9]{12}", "Description": f"Account of {whose}: twelve digits"}
            for name, whose in accounts.items()
        },
        **{
            f"ExternalId{names[role.name]}": {
                "Type": "String",
                "NoEcho": True,
                "MinLength": 2,
                "MaxLength": 1224,
                "AllowedPattern": "[a-zA-Z0-9_+=,.@:/-]*",
                "Description": EXTERNAL_ID_OF.format(role.name),
            }
            for role in wanted.roles
            if role.external_id
        },
    }


def _conditions(wanted: Wanted) -> dict[str, Any]:
    if not wanted.crosses_accounts:
        return {}
    pairs = {_IS_USER_ACCOUNT: _USER_ACCOUNT, _IS_ROLE_ACCOUNT: _ROLE_ACCOUNT}
    here = _Call("Ref", "AWS::AccountId")
    return {condition: _Call("Equals", [here, _Call("Ref", account)]) for condition, account in pairs.items()}


def _user(wanted: Wanted) -> dict[str, Any]:
    properties: dict[str, Any] = {"UserName": wanted.user}
    if wanted.crosses_accounts:
        arns = [_arn(_ROLE_ACCOUNT, f"role/{role.name}") for role in wanted.roles]
        properties["Policies"] = [{"PolicyName": USER_POLICY, "PolicyDocument": user_policy(arns)}]
    return {"Type": "AWS::IAM::User", **_only(wanted, _IS_USER_ACCOUNT), "Properties": properties}


def _role(wanted: Wanted, role: WantedRole, name: str) -> dict[str, Any]:
    user = _arn(_USER_ACCOUNT, f"user/{wanted.user}") if wanted.crosses_accounts else _Call("GetAtt", f"{_USER}.Arn")
    external_id = _Call("Ref", f"ExternalId{name}") if role.external_id else None
    return {
        "Type": "AWS::IAM::Role",
        **_only(wanted, _IS_ROLE_ACCOUNT),
        "Properties": {
            "RoleName": role.name,
            "AssumeRolePolicyDocument": trust_policy(user, mfa=role.mfa, external_id=external_id),
            "ManagedPolicyArns": [
                _Call("Sub", arn) if "${" in arn else arn for arn in role.policy_arns("${AWS::Partition}")
            ],
        },
    }


def _output(wanted: Wanted, role: WantedRole, name: str) -> dict[str, Any]:
    return {
        "Description": f"ARN of the role {role.name}",
        **_only(wanted, _IS_ROLE_ACCOUNT),
        "Value": _Call("GetAtt", f"Role{name}.Arn"),
    }


def _only(wanted: Wanted, condition: str) -> dict[str, str]:
    return {"Condition": condition} if wanted.crosses_accounts else {}


def _arn(account: str, rest: str) -> _Call:
    return _Call("Sub", f"arn:${{AWS::Partition}}:iam::${{{account}}}:{rest}")


def _logical_id(name: str) -> str:
    """Return letters and digits only, as CloudFormation wants it: `power-user` is `PowerUser`."""
    return "".join(word[0].upper() + word[1:] for word in re.findall("[a-zA-Z0-9]+", name))


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Spell a mapping or a list, an item a line."""
    indent = "  " * depth
    items = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for name, item in items:
        mark = "-" if name == "-" else f"{name}:"
        if not isinstance(item, dict | list):
            yield f"{indent}{mark} {_scalar(item)}"
        elif mark == "-":
            first, *rest = _lines(item, depth + 1)
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{indent}{mark}"
            yield from _lines(item, depth + 1)


def _scalar(value: Any) -> str:
    if isinstance(value, _Call):
        argument = value.argument
        spelled = _scalar(argument) if isinstance(argument, str) else f"[{', '.join(map(_scalar, argument))}]"
        return f"!{value.name} {spelled}"
    if isinstance(value, str) and re.fullmatch(_PLAIN, value) and value.lower() not in _NO_TEXT:
        return value
    # JSON is YAML.
    return json.dumps(value)
