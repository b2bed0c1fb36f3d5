"""An existing trust policy, compared with the one that the request needs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.iam.trust import differences, external_id_of, trust_policy

USER = "arn:aws:iam::123456789012:user/awsenv-alice"
SECRET = "canary-external-id"


@st.composite
def spellings(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Draw another way to write the same trust policy."""
    spelled = copy.deepcopy(document)
    statement = spelled["Statement"][0]

    def listed(holder: dict[str, Any], key: str) -> None:
        if draw(st.booleans()):
            holder[key] = [holder[key]]

    if draw(st.booleans()):
        statement["Action"] = draw(st.sampled_from(["STS:AssumeRole", "sts:assumerole"]))
    listed(statement, "Action")
    listed(statement["Principal"], "AWS")
    if draw(st.booleans()):
        statement["Sid"] = "AssumeOnly"
    for keys in statement.get("Condition", {}).values():
        for key, value in list(keys.items()):
            del keys[key]
            spelled_key = draw(st.sampled_from([key, key.lower(), key.upper()]))
            keys[spelled_key] = draw(st.sampled_from(["true", "True", True])) if value == "true" else value
            listed(keys, spelled_key)
    if draw(st.booleans()):
        spelled["Statement"] = statement
    if draw(st.booleans()):
        del spelled["Version"]
    return dict(sorted(spelled.items(), reverse=draw(st.booleans())))


@given(st.data(), st.booleans(), st.booleans())
def test_another_spelling_is_no_difference(data: st.DataObject, mfa: bool, external_id: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Terraform, the console and users write one policy in many ways."""
    document = trust_policy(USER, mfa=mfa, external_id=SECRET if external_id else None)
    spelled = data.draw(spellings(document))
    assert not differences(spelled, USER, mfa=mfa, external_id=external_id)
    assert (SECRET if external_id else None) == external_id_of(spelled)


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """Return the full trust policy with one thing changed; None removes it."""
    document = trust_policy(USER, mfa=True, external_id=SECRET)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


STATEMENT = ["Statement", 0]
CONDITION = [*STATEMENT, "Condition"]


@pytest.mark.parametrize(
    ("path", "value", "fact"),
    [
        ([*STATEMENT, "Principal"], {"AWS": "arn:aws:iam::123456789012:root"}, ":root' instead of"),
        ([*STATEMENT, "Principal"], "*", "it trusts '*'"),
        ([*STATEMENT, "Principal"], {"AWS": [USER, f"{USER}2"]}, f"'{USER}' and '{USER}2'"),
        ([*STATEMENT, "Principal"], {"AWS": USER, "Service": "ec2.amazonaws.com"}, "'ec2.amazonaws.com'"),
        ([*STATEMENT, "Principal"], {"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, "left of a deleted user"),
        ([*STATEMENT, "Principal"], None, "nobody"),
        ([*STATEMENT, "Action"], ["sts:AssumeRole", "sts:TagSession"], "'sts:TagSession'"),
        ([*STATEMENT, "Action"], "sts:*", "'sts:*' instead of sts:AssumeRole"),
        ([*STATEMENT, "Action"], None, "no action"),
        ([*STATEMENT, "Effect"], "Deny", "it denies instead of allowing"),
        ([*STATEMENT, "NotAction"], "sts:GetSessionToken", "it has 'NotAction'"),
        (CONDITION, None, "it demands no external id; it demands no MFA code"),
        ([*CONDITION, "Bool"], None, "it demands no MFA code"),
        ([*CONDITION, "StringEquals"], None, "it demands no external id"),
        ([*CONDITION, "StringEquals", "sts:ExternalId"], [SECRET, "other"], "any of 2 external ids"),
        ([*CONDITION, "Bool", "aws:MultiFactorAuthPresent"], "false", 'aws:MultiFactorAuthPresent ["false"]'),
        ([*CONDITION, "IpAddress"], {"aws:SourceIp": "192.0.2.0/24"}, "'ipaddress' on 'aws:sourceip'"),
        ([*CONDITION, "StringLike"], {"sts:ExternalId": "*"}, "'stringlike' on 'sts:externalid'"),
        (["Statement"], [], "0 statements"),
        (["Statement"], [{}, {}], "2 statements"),
    ],
)
def test_each_difference_is_named(path: list[Any], value: Any, fact: str) -> None:
    """All differences are named at once, and none shows an external id."""
    found = "; ".join(differences(changed(path, value), USER, mfa=True, external_id=True))
    assert fact in found
    assert SECRET not in found


@pytest.mark.parametrize(("mfa", "external_id"), [(True, False), (False, True), (False, False)])
def test_an_additional_demand_is_a_difference(mfa: bool, external_id: bool) -> None:  # noqa: FBT001 - a table
    """A role that demands more than the request differs."""
    found = differences(trust_policy(USER, mfa=True, external_id=SECRET), USER, mfa=mfa, external_id=external_id)
    request = (["it demands an external id"] if not external_id else []) + (
        ["it demands an MFA code"] if not mfa else []
    )
    assert request == found


def test_bool_if_exists_is_not_bool() -> None:
    """BoolIfExists admits a bare access key, whose requests lack the condition key."""
    document = changed([*CONDITION, "BoolIfExists"], {"aws:MultiFactorAuthPresent": "true"})
    del document["Statement"][0]["Condition"]["Bool"]
    assert [
        "it demands no MFA code",
        "it has the condition 'boolifexists' on 'aws:multifactorauthpresent'",
    ] == differences(document, USER, mfa=True, external_id=True)
