"""A set-up as a CloudFormation template or a Terraform configuration, for accounts that are managed with one of them.

The static text is in the two files beside this one, in blocks that begin with `--- NAME`. The policies are those of the
plan. The names of IAM need no escape inside quotes, in either language.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from awsenv.iam.trust import trust_policy
from awsenv.setup.plan import user_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from awsenv.iam.policy import Document
    from awsenv.setup import RoleSpec, SetupRequest

_INTRODUCTION = """\
# Written by awsenv setup --format %(format)s: a user who can only assume these roles.
#
%(how)s#
# The user's access key and MFA device are not in here, since they would be kept with its state. awsenv creates
# them, and the profiles in ~/.aws/config, afterwards. It leaves what this has created as it is:
#
#   awsenv setup %(words)s

"""
_MAKE_EXTERNAL_IDS = "# Make up an external id for each role that demands one: openssl rand -hex 16\n"
_PARTITION = "${data.aws_partition.current.partition}"


def cloudformation(request: SetupRequest) -> str:
    """Return the CloudFormation template of a user and its roles, in YAML.

    If the roles are in another account, it is deployed in both: each account gets what belongs there.
    """
    blocks, across = _blocks("cloudformation"), request.crosses_accounts
    ids = _identifiers((role.name for role in request.roles), _logical_id)
    roles = [_cloudformation_role(request, role, ids[role.name]) for role in request.roles]
    parameters = [blocks["accounts"]] if across else []
    parameters += [blocks["external_id"] % values for values in roles if values["has_external_id"]]
    arns = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{RoleAccount}}:role/{role.name}"} for role in request.roles]
    user = {"user": request.user, "policy": _json(user_policy(arns), 10)}
    how = blocks["two_accounts" if across else "one_account"]
    parts = [
        _introduction(request, "cloudformation", how % {"overrides": blocks["overrides"] if parameters else ""}),
        blocks["head"] % user,
        *([blocks["parameters"], *parameters] if parameters else []),
        blocks["conditions"] if across else "",
        blocks["user_of_two_accounts" if across else "user"] % user,
        *(blocks["role"] % values for values in roles),
        blocks["outputs"],
        *(blocks["output"] % values for values in roles),
    ]
    return "".join(parts)


def _cloudformation_role(request: SetupRequest, role: RoleSpec, identifier: str) -> dict[str, Any]:
    across = request.crosses_accounts
    user = f"arn:${{AWS::Partition}}:iam::${{UserAccount}}:user/{request.user}"
    principal = {"Fn::Sub": user} if across else {"Fn::GetAtt": ["User", "Arn"]}
    external_id = {"Ref": f"ExternalId{identifier}"} if role.external_id else None
    arns = role.policy_arns("${AWS::Partition}")
    return {
        "id": identifier,
        "role": role.name,
        "condition": "\n    Condition: IsRoleAccount" if across else "",
        "has_external_id": role.external_id,
        "trust": _json(trust_policy(principal, mfa=role.mfa, external_id=external_id), 6),
        "policies": _json([{"Fn::Sub": arn} if "${" in arn else arn for arn in arns], 6),
    }


def terraform(request: SetupRequest) -> str:
    """Return the Terraform configuration of a user and its roles, laid out as `terraform fmt` does.

    If the roles are in another account, the configuration has a provider for that one, and is applied once.
    """
    blocks, across = _blocks("terraform"), request.crosses_accounts
    ids = _identifiers((role.name for role in request.roles), _identifier)
    roles = [_terraform_role(request, role, ids[role.name]) for role in request.roles]
    allowed = _hcl(user_policy(f"${{aws_iam_role.{identifier}.arn}}" for identifier in ids.values()))
    parts = [
        _introduction(request, "terraform", blocks["two_accounts" if across else "one_account"]),
        *(blocks["external_id"] % values for values in roles if values["has_external_id"]),
        blocks["accounts"] if across else "",
        blocks["user"] % {"user": request.user},
        blocks["user_policy"] % {"policy": allowed} if across else "",
    ]
    for values in roles:
        parts.append(blocks["role"] % values)
        parts += [blocks["attachment"] % {**values, **attachment} for attachment in values["attachments"]]
    return "".join([*parts, *(blocks["output"] % values for values in roles)])


def _terraform_role(request: SetupRequest, role: RoleSpec, identifier: str) -> dict[str, Any]:
    external_id = f"${{var.external_id_{identifier}}}" if role.external_id else None
    arns = role.policy_arns(_PARTITION)
    attachments = _identifiers(arns, lambda arn: f"{identifier}_{_identifier(arn.rpartition('/')[2])}")
    return {
        "id": identifier,
        "role": role.name,
        "provider": "\n  provider = aws.roles\n" if request.crosses_accounts else "",
        "has_external_id": role.external_id,
        "trust": _hcl(trust_policy("${aws_iam_user.this.arn}", mfa=role.mfa, external_id=external_id)),
        "attachments": [{"attachment": name, "policy_arn": arn} for arn, name in attachments.items()],
    }


def _blocks(name: str) -> dict[str, str]:
    text = Path(__file__).with_name(f"{name}.template").read_text(encoding="utf-8")
    _, *parts = re.split(r"^--- (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _introduction(request: SetupRequest, template_format: str, how: str) -> str:
    words = [
        *map(str, request.roles),
        *("--user", request.user, "--profile", "ADMINISTRATOR"),
        *(("--role-profile", "ADMINISTRATOR_OF_THE_ROLES") if request.crosses_accounts else ()),
    ]
    if any(role.external_id for role in request.roles):
        how = _MAKE_EXTERNAL_IDS + how
    return _INTRODUCTION % {"format": template_format, "how": how, "words": shlex.join(words)}


def _identifiers(names: Iterable[str], spell: Callable[[str], str]) -> dict[str, str]:
    """Return an identifier for each name, with a number where two would be alike."""
    taken: dict[str, str] = {}
    for name in names:
        first = spelled = spell(name)
        number = 1
        while spelled in taken.values():
            number += 1
            spelled = f"{first}{number}"
        taken[name] = spelled
    return taken


def _logical_id(name: str) -> str:
    """Return letters and digits only, as CloudFormation demands: `power-user` becomes `PowerUser`."""
    return "".join(word[0].upper() + word[1:] for word in re.findall("[a-zA-Z0-9]+", name))


def _identifier(name: str) -> str:
    """Return letters, digits and `_`, as every version of Terraform accepts: `power-user` becomes `power_user`."""
    spelled = re.sub("[^a-zA-Z0-9]+", "_", name)
    return spelled if re.match("[a-zA-Z_]", spelled) else f"_{spelled}"


def _json(value: Any, depth: int) -> str:
    """Return *value* in JSON, which is YAML, below a key that is indented by *depth*."""
    return indent(json.dumps(value, indent=2), " " * depth).lstrip()


def _hcl(document: Document) -> str:
    """Return a policy as an expression of HCL. A string that is one reference becomes that reference."""
    text = json.dumps(document, indent=2, separators=(",", " = "))
    return indent(re.sub(r'"\$\{([\w.]+)\}"', r"\1", text), "  ").lstrip()
