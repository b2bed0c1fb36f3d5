"""Policies, tested on cases from the IAM guide. Each table names the page of its facts."""

from __future__ import annotations

from typing import Any

import pytest

from awsenv.iam.policy import Context, Evaluation, Policies, Verdict, evaluate

SILENT, ALLOW, DENY = Verdict.SILENT, Verdict.ALLOW, Verdict.DENY
BUCKET = "arn:aws:s3:::DOC-EXAMPLE-BUCKET"
ALICE = Context({"aws:username": ["alice"]})


def _document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def _allow(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def _deny(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return _allow(action, resource, **elements) | {"Effect": "Deny"}


# "IAM JSON policy elements: Action": a case-insensitive name with wildcards.
ACTIONS = [
    ("iam:ListAccessKeys", "IAM:listaccesskeys", True),
    ("s3:*", "s3:GetObject", True),
    ("iam:*AccessKey*", "iam:UpdateAccessKey", True),
    ("iam:*AccessKey*", "iam:ListUsers", False),
    ("*", "sts:AssumeRole", True),
    ("sts:Assume?ole", "sts:AssumeRole", True),
    ("AssumeRole", "sts:AssumeRole", False),
    ("sts:AssumeRole", "sts:AssumeRoleWithSAML", False),
    ([], "sts:AssumeRole", False),
    (["s3:*", "sts:AssumeRole"], "sts:AssumeRole", True),
]

# "IAM JSON policy elements: Resource": wildcards within a segment, a slash being a character like any other.
RESOURCES = [
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1/test/object.jpg", True),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1/2/3/test/4/object.jpg", True),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1///test///object.jpg", True),
    (f"{BUCKET}/*/test/*", f"{BUCKET}//test/object.jpg", True),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1/test/", True),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1-test/object.jpg", False),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/test/object.jpg", False),
    (f"{BUCKET}/*/test/*", f"{BUCKET}/1/2/test.jpg", False),
    ("*", BUCKET, True),
    (BUCKET, BUCKET.lower(), False),
    ("arn:aws:iam::123456789012:user/Development/*", "arn:aws:iam::123456789012:user/Sales/x", False),
    ("arn:aws:iam::123456789012:user/Development/*", "arn:aws:iam::123456789012:user/Development/a/b", True),
    ("arn:aws:iam::*:role/deploy", "arn:aws:iam::123456789012:role/deploy", True),
    ("arn:aws:iam::*:role/deploy", "arn:aws:iam::1:x:role/deploy", False),
    # "IAM policy elements: Variables and tags".
    (f"{BUCKET}/${{aws:username}}/*", f"{BUCKET}/alice/x", True),
    (f"{BUCKET}/${{aws:username}}/*", f"{BUCKET}/bob/x", False),
    (f"{BUCKET}-${{aws:PrincipalTag/team, 'company-wide'}}", f"{BUCKET}-company-wide", True),
    (f"{BUCKET}-${{aws:PrincipalTag/team}}", f"{BUCKET}-", False),
    (f"{BUCKET}/${{*}}", f"{BUCKET}/*", True),
    (f"{BUCKET}/${{*}}", f"{BUCKET}/x", False),
    ([], BUCKET, False),
]


@pytest.mark.parametrize(("pattern", "action", "named"), ACTIONS)
def test_documented_actions(pattern: Any, action: str, named: bool) -> None:  # noqa: FBT001 - a table
    """Action covers the actions that it names, NotAction all others."""
    document, negated = (
        _document(_allow(pattern)),
        _document({"Effect": "Allow", "NotAction": pattern, "Resource": "*"}),
    )
    found = [evaluate([each], action, BUCKET, ALICE).surely is ALLOW for each in (document, negated)]
    assert [named, not named] == found


@pytest.mark.parametrize(("pattern", "resource", "named"), RESOURCES)
def test_documented_resources(pattern: Any, resource: str, named: bool) -> None:  # noqa: FBT001 - a table
    """Resource covers the resources that it names, NotResource all others."""
    document = _document(_allow("*", pattern))
    negated = _document({"Effect": "Allow", "Action": "*", "NotResource": pattern})
    found = [evaluate([each], "s3:GetObject", resource, ALICE).surely is ALLOW for each in (document, negated)]
    assert [named, not named] == found


def test_an_older_policy_has_no_variables() -> None:
    """Without the version 2012-10-17 a variable is literal (IAM guide, "Variables and tags")."""
    document = _document(_allow("*", "x/${aws:username}"), version="2008-10-17")
    assert [SILENT, ALLOW] == [
        evaluate([document], "s3:GetObject", resource, ALICE).surely for resource in ("x/alice", "x/${aws:username}")
    ]


IF = {"StringEquals": {"aws:username": "alice"}}
IF_NOT = {"StringEquals": {"aws:username": "bob"}}

# "Policy evaluation logic" and "Conditions with multiple context keys or values".
STATEMENTS = [
    ([], SILENT),
    ([_allow()], ALLOW),
    ([_allow(), _deny()], DENY),
    ([_deny(), _allow()], DENY),
    ([_allow("s3:Put*")], SILENT),
    ([_allow(), _deny("s3:Put*")], ALLOW),
    ([_allow(Condition=IF)], ALLOW),
    ([_allow(Condition=IF_NOT)], SILENT),
    ([_allow(), _deny(Condition=IF_NOT)], ALLOW),
    ([_allow(Condition={**IF, "Null": {"aws:userid": "true"}})], ALLOW),
    ([_allow(Condition={**IF, "Null": {"aws:userid": "false"}})], SILENT),
    ([_allow(Condition={"StringEquals": {"aws:username": "alice", "aws:userid": "x"}})], SILENT),
    ([{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}], ALLOW),
    ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}*"}], SILENT),
    ([{"Effect": "Allow", "Action": "*"}], SILENT),
    # "AWS: Denies access ... without MFA" (IAM JSON policy elements: NotAction).
    (
        [
            _allow(),
            {
                "Effect": "Deny",
                "NotAction": "iam:*",
                "Resource": "*",
                "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
            },
        ],
        DENY,
    ),
    ([_allow(), _deny(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})], ALLOW),
    # A key that is missing makes ForAnyValue false, and ForAllValues true.
    ([_allow(), _deny(Condition={"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team", "cost"]}})], ALLOW),
    ([_allow(), _deny(Condition={"ForAllValues:StringNotEquals": {"aws:TagKeys": ["team", "cost"]}})], DENY),
    # What is not understood never allows.
    ([_allow(Condition={"StringSounds": {"aws:username": "alice"}})], SILENT),
    ([_allow(), _deny(Condition={"StringSounds": {"aws:username": "alice"}})], DENY),
]


@pytest.mark.parametrize(("statements", "verdict"), STATEMENTS)
def test_documented_statements(statements: list[dict[str, Any]], verdict: Verdict) -> None:
    """One Deny overrides every Allow, and the default is no permission."""
    assert verdict is evaluate([_document(*statements)], "s3:GetObject", f"{BUCKET}/k", ALICE).cautious


def test_a_single_statement_is_no_list() -> None:
    """Statement can be one statement instead of a list."""
    assert evaluate([{"Statement": _allow()}], "s3:GetObject", "x", ALICE).surely is ALLOW


ALL, NONE, ONE, OTHER = (
    _document(_allow()),
    _document(),
    _document(_allow("s3:GetObject")),
    _document(_allow("ec2:*")),
)
DENIES = _document(_allow(), _deny("s3:*"))

# "Policy evaluation logic", "Permissions boundaries for IAM entities" and "Session policies": the intersection.
LIMITS = [
    (Policies(), SILENT),
    (Policies((ALL,)), ALLOW),
    (Policies((OTHER, ONE)), ALLOW),
    (Policies((ALL, DENIES)), DENY),
    (Policies((ALL,), boundary=ONE), ALLOW),
    (Policies((ALL,), boundary=OTHER), SILENT),
    (Policies((ALL,), boundary=DENIES), DENY),
    (Policies((NONE,), boundary=ALL), SILENT),
    (Policies((ALL,), session=(ONE,)), ALLOW),
    (Policies((ALL,), session=(OTHER,)), SILENT),
    (Policies((ALL,), session=(OTHER, ONE)), ALLOW),
    (Policies((ALL,), session=(DENIES,)), DENY),
    (Policies((NONE,), session=(ALL,)), SILENT),
    (Policies((ALL,), boundary=ONE, session=(ONE,)), ALLOW),
    (Policies((ALL,), boundary=OTHER, session=(ONE,)), SILENT),
    (Policies((ALL,), boundary=ONE, session=(OTHER,)), SILENT),
    (Policies((NONE,), boundary=OTHER, session=(DENIES,)), DENY),
]


@pytest.mark.parametrize(("policies", "verdict"), LIMITS)
def test_documented_limits(policies: Policies, verdict: Verdict) -> None:
    """A permissions boundary and session policies only limit what the identity policies allow."""
    assert verdict is policies.evaluate("s3:GetObject", "x", ALICE).cautious


@pytest.mark.parametrize(
    ("statements", "evaluation", "cautious"),
    [
        ([_allow(Condition={"Bool": {"aws:x": "true"}})], Evaluation(SILENT, ALLOW), SILENT),
        ([_allow(), _deny(Condition={"Bool": {"aws:x": "true"}})], Evaluation(ALLOW, DENY), DENY),
        ([_allow(), _allow(Condition={"Bool": {"aws:x": "true"}})], Evaluation(ALLOW, ALLOW), ALLOW),
    ],
)
def test_a_condition_that_cannot_be_checked(
    statements: list[dict[str, Any]], evaluation: Evaluation, cautious: Verdict
) -> None:
    """The evaluation has two results, of which the cautious one is against the caller."""
    found = evaluate([_document(*statements)], "s3:GetObject", "x", Context({}, lambda _: False))
    assert (evaluation, cautious) == (found, found.cautious)
