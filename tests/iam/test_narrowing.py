"""Scopes only take away: whatever a role may do, a session of it that is narrowed may do no more."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from awsenv.iam import trust
from awsenv.iam.policy import Context, Policies, Verdict, evaluate
from awsenv.iam.principal import Grounds, Principal
from awsenv.record import replace

ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "ec2:DescribeRegions", "iam:PassRole", "sts:AssumeRole"]
ROLES = ["arn:aws:iam::123456789012:role/next", "arn:aws:iam::210987654321:role/next"]
RESOURCES = ["arn:aws:s3:::logs/x", "arn:aws:s3:::other/x", ROLES[0], "*"]
CONTEXT = Context(
    {"aws:username": ["alice"], "aws:principaltag/team": ["logs"], "aws:sourceip": ["192.0.2.1"]},
    knows=lambda key: key != "aws:sourcevpc",
)
"""With a key that is missing from the request, and one that cannot be checked."""

PATTERNS = ["*", "s3:*", "S3:get*", "s3:?utObject", "ec2:Describe*", "iam:PassRole", "sts:*"]
ARNS = [
    "*",
    "arn:aws:s3:::*",
    "arn:*:s3:::${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::${aws:userid}/*",
    "arn:aws:iam::*",
]
CONDITIONS = [
    {},
    {"StringEquals": {"aws:username": "alice"}},
    {"StringNotLike": {"aws:username": ["a*", "b*"]}},
    {"StringEquals": {"aws:userid": "x"}},
    {"Null": {"aws:userid": "true"}},
    {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
    {"StringSounds": {"aws:username": "alice"}},
]


def _some(values: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), max_size=3, unique=True)


statements = st.builds(
    lambda effect, action, actions, resource, resources, condition: {
        "Effect": effect,
        action: actions,
        resource: resources,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["Action", "Action", "NotAction"]),
    _some(PATTERNS),
    st.sampled_from(["Resource", "Resource", "NotResource"]),
    _some(ARNS),
    st.sampled_from(CONDITIONS),
)
documents = st.fixed_dictionaries(
    {
        "Version": st.sampled_from(["2012-10-17", "2008-10-17"]),
        "Statement": statements | st.lists(statements, max_size=4),
    }
)
lists = st.lists(documents, max_size=3).map(tuple)
policies = st.builds(Policies, identity=lists, boundary=st.none() | documents, session=lists)
requests = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))

SESSION = Principal("arn:aws:sts::123456789012:assumed-role/role/session", has_token=True)


def _allowed(found: Policies, request: tuple[str, str]) -> bool:
    return found.evaluate(*request, CONTEXT).cautious is Verdict.ALLOW


@given(policies, lists, requests)
def test_a_narrowed_session_may_do_what_the_role_and_each_scope_allow(
    role: Policies, scopes: tuple[Any, ...], request: tuple[str, str]
) -> None:
    """So it is a part of what the role may do, and of what each policy allows, in whatever order they come."""
    narrowed = replace(role, scopes=scopes)
    each = [evaluate((scope,), *request, CONTEXT).cautious is Verdict.ALLOW for scope in scopes]

    assert _allowed(narrowed, request) == (_allowed(role, request) and all(each))
    assert narrowed.evaluate(*request, CONTEXT) == replace(role, scopes=scopes[::-1]).evaluate(*request, CONTEXT)


@given(policies, lists, documents, st.sampled_from(ROLES), st.sampled_from(list(Grounds)))
def test_no_trust_policy_gives_back_what_a_scope_takes(
    role: Policies, scopes: tuple[Any, ...], scope: Any, arn: str, grounds: Grounds
) -> None:
    """One more scope only takes away, however closely a role names the session that is narrowed."""

    def may(found: Policies) -> bool:
        asked = trust.permission(found, SESSION, grounds, action=trust.ASSUME_ROLE, role_arn=arn, context=CONTEXT)
        return asked.cautious is Verdict.ALLOW

    wide, narrow = replace(role, scopes=scopes), replace(role, scopes=(*scopes, scope))
    allows = evaluate((scope,), trust.ASSUME_ROLE, arn, CONTEXT).cautious is Verdict.ALLOW

    assert may(narrow) == (may(wide) and allows)
