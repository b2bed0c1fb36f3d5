"""A set-up as a Terraform configuration, laid out as `terraform fmt` does."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.iam.trust import trust_policy
from awsenv.setup.plan import USER_POLICY, user_policy
from awsenv.setup.template import EXTERNAL_ID_OF, how_external_ids, identifiers, introduction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.setup.plan import Wanted
    from awsenv.setup.roles import WantedRole

_PARTITION = "${data.aws_partition.current.partition}"
_IDENTIFIER = "[a-zA-Z_][a-zA-Z0-9_]*"


def template(wanted: Wanted) -> str:
    """Return the configuration of a user and its roles.

    Where the roles are in another account there is a provider for that one, too: it is applied once.
    """
    names = identifiers((role.name for role in wanted.roles), _identifier)
    blocks = [
        *_inputs(wanted, names),
        # Terraform did not make its access key and its MFA device, and may delete them with the user.
        _Block(("resource", "aws_iam_user", "this"), {"name": wanted.user, "force_destroy": _Raw("true")}),
        *_user_policy(wanted, names),
        *(block for role in wanted.roles for block in _role(wanted, role, names[role.name])),
        *(_Block(("output", f"{name}_arn"), {"value": _Raw(f"aws_iam_role.{name}.arn")}) for name in names.values()),
    ]
    comment = (f"# {line}".rstrip() for line in introduction(wanted, "terraform", _how(wanted)))
    return "\n".join(comment) + "\n\n" + "\n\n".join("\n".join(block.lines()) for block in blocks) + "\n"


def _how(wanted: Wanted) -> list[str]:
    lines = how_external_ids(wanted)
    if lines:
        lines = [*lines, "Terraform keeps it in its state: see to it who can read that."]
    if wanted.crosses_accounts:
        return [
            *lines,
            "Apply it as an administrator of the user's account. The variable role_profile is the profile of an",
            "administrator of the account of the roles.",
        ]
    return [*lines, "Apply it as an administrator of the account."]


class _Raw(NamedTuple):
    """An expression, as it is written."""

    text: str


class _Encoded(NamedTuple):
    """A policy document, which AWS takes as text."""

    document: dict[str, Any]


class _Block(NamedTuple):
    """A block of settings: its type and labels, and what it sets."""

    title: tuple[str, ...]
    settings: Mapping[str, Any]

    def lines(self) -> list[str]:
        """Spell it."""
        first, *labels = self.title
        opening = " ".join([first, *map(_text, labels), "{"])
        return [opening, *_indented(_settings(self.settings)), "}"] if self.settings else [f"{opening}}}"]


def _inputs(wanted: Wanted, names: Mapping[str, str]) -> Iterator[_Block]:
    for role in wanted.roles:
        if role.external_id:
            description = EXTERNAL_ID_OF.format(role.name)
            settings = {"description": description, "type": _Raw("string"), "sensitive": _Raw("true")}
            yield _Block(("variable", f"external_id_{names[role.name]}"), settings)
    if wanted.crosses_accounts:
        description = "Profile of an administrator of the account of the roles"
        yield _Block(("variable", "role_profile"), {"description": description, "type": _Raw("string")})
        yield _Block(("provider", "aws"), {"alias": "roles", "profile": _Raw("var.role_profile")})
    if any(_PARTITION in arn for role in wanted.roles for arn in role.policy_arns(_PARTITION)):
        yield _Block(("data", "aws_partition", "current"), {})


def _user_policy(wanted: Wanted, names: Mapping[str, str]) -> Iterator[_Block]:
    if wanted.crosses_accounts:
        document = user_policy(_Raw(f"aws_iam_role.{name}.arn") for name in names.values())
        settings = {"name": USER_POLICY, "user": _Raw("aws_iam_user.this.name"), "policy": _Encoded(document)}
        yield _Block(("resource", "aws_iam_user_policy", "assume_roles"), settings)


def _role(wanted: Wanted, role: WantedRole, name: str) -> Iterator[_Block]:
    there = {"provider": _Raw("aws.roles")} if wanted.crosses_accounts else {}
    external_id = _Raw(f"var.external_id_{name}") if role.external_id else None
    trust = trust_policy(_Raw("aws_iam_user.this.arn"), mfa=role.mfa, external_id=external_id)
    yield _Block(
        ("resource", "aws_iam_role", name), {**there, "name": role.name, "assume_role_policy": _Encoded(trust)}
    )
    arns = role.policy_arns(_PARTITION)
    attachments = identifiers(arns, lambda arn: f"{name}_{_identifier(arn.rpartition('/')[2])}")
    for arn, attachment in attachments.items():
        settings = {**there, "role": _Raw(f"aws_iam_role.{name}.name"), "policy_arn": arn}
        yield _Block(("resource", "aws_iam_role_policy_attachment", attachment), settings)


def _identifier(name: str) -> str:
    """Return letters, digits and `_`, as every version of Terraform takes it: `power-user` is `power_user`."""
    spelled = re.sub("[^a-zA-Z0-9]+", "_", name)
    return spelled if re.fullmatch(_IDENTIFIER, spelled) else f"_{spelled}"


def _settings(settings: Mapping[str, Any]) -> list[str]:
    """Spell settings a line each; neighbours that fit on a line have their equals signs below one another."""
    spelled = [(name if re.fullmatch(_IDENTIFIER, name) else _text(name), _value(v)) for name, v in settings.items()]
    lines = []
    for fits, group in groupby(spelled, lambda setting: len(setting[1]) == 1):
        neighbours = list(group)
        width = max(len(name) for name, _ in neighbours) if fits else 0
        for name, (first, *rest) in neighbours:
            lines += [f"{name:{width}} = {first}", *rest]
    return lines


def _value(value: Any) -> list[str]:
    if isinstance(value, _Raw):
        return [value.text]
    if isinstance(value, _Encoded):
        first, *rest, last = _value(value.document)
        return [f"jsonencode({first}", *rest, f"{last})"]
    if isinstance(value, dict):
        return ["{", *_indented(_settings(value)), "}"]
    if isinstance(value, list):
        lines = []
        for *rest, last in map(_value, value):
            lines += [*rest, f"{last},"]
        return ["[", *_indented(lines), "]"]
    return [_text(value)]


def _text(text: str) -> str:
    """Return a string of HCL: in the names of IAM, and in what is said here, there is no template but our own."""
    return json.dumps(text)


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
