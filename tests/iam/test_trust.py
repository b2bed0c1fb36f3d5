"""Trust policies, tested on cases from the IAM guide. Each table names the page of its facts."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from awsenv.iam.policy import Context, Policies, Verdict
from awsenv.iam.principal import Grounds, Principal
from awsenv.iam.trust import (
    ASSUME_ROLE,
    SET_SOURCE_IDENTITY,
    TAG_SESSION,
    Refusal,
    actions,
    caller_keys,
    evaluate,
    permission,
    request_keys,
    trust_policy,
)

MINE, OTHER = "123456789012", "210987654321"
ALICE = Principal(f"arn:aws:iam::{MINE}:user/alice", user_id="AIDACKCEVSQ6C2EXAMPLE")
FIRST = f"arn:aws:iam::{MINE}:role/first"
SESSION = Principal(f"arn:aws:sts::{MINE}:assumed-role/first/me", FIRST, "AROADBQP57FF2AEXAMPLE:me", has_token=True)
NOW = datetime(2026, 7, 14, 12, tzinfo=timezone.utc)
SECRET = "canary-external-id"
EMPTY = Context({})

NONE, ACCOUNT, BY_ROLE, NAMED = Grounds
SILENT, ALLOW, DENY = Verdict


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _statement(principal: Any = ALICE.arn, effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": ASSUME_ROLE, **elements}


def _not_principal(*names: str, effect: str = "Deny") -> dict[str, Any]:
    return {"Effect": effect, "NotPrincipal": {"AWS": list(names)}, "Action": ASSUME_ROLE}


BY_ALL = _statement("*")
ROOT = f"arn:aws:iam::{MINE}:root"

# "AWS JSON policy elements: Principal" and "AWS JSON policy elements: NotPrincipal".
PRINCIPALS = [
    (ALICE, [_statement("*")], NAMED),
    (ALICE, [_statement({"AWS": "*"})], NAMED),
    (ALICE, [_statement({"AWS": ALICE.arn})], NAMED),
    (ALICE, [_statement({"AWS": [OTHER, MINE]})], ACCOUNT),
    (ALICE, [_statement({"AWS": ROOT})], ACCOUNT),
    (ALICE, [_statement({"AWS": [ROOT, ALICE.arn]})], NAMED),
    (ALICE, [_statement({"AWS": ROOT}), _statement({"AWS": ALICE.arn})], NAMED),
    (ALICE, [_statement({"AWS": OTHER})], NONE),
    (ALICE, [_statement({"AWS": "AIDACKCEVSQ6C2EXAMPLE"})], NAMED),
    (ALICE, [_statement({"AWS": "AIDAOTHEREXAMPLE"})], NONE),
    (ALICE, [_statement({"Service": "ec2.amazonaws.com"})], NONE),
    (ALICE, [_statement({"Service": "*"})], NONE),
    (ALICE, [_statement({"Federated": f"arn:aws:iam::{MINE}:saml-provider/x"})], NONE),
    (ALICE, [_statement({"Service": "ec2.amazonaws.com", "AWS": ALICE.arn})], NAMED),
    (ALICE, [_statement({"AWS": f"arn:aws:iam::{MINE}:user/*"})], NONE),
    (SESSION, [_statement({"AWS": FIRST})], BY_ROLE),
    (SESSION, [_statement({"AWS": SESSION.arn})], NAMED),
    (SESSION, [_statement({"AWS": "AROADBQP57FF2AEXAMPLE"})], BY_ROLE),
    (SESSION, [_statement({"AWS": f"arn:aws:sts::{MINE}:assumed-role/first/other"})], NONE),
    (SESSION, [_statement({"AWS": f"arn:aws:sts::{MINE}:assumed-role/first/*"})], NONE),
    (SESSION, [_statement({"AWS": ROOT})], ACCOUNT),
    # An explicit Deny outweighs every Allow, whichever principal it names.
    (ALICE, [BY_ALL, _statement("*", "Deny")], NONE),
    (ALICE, [BY_ALL, _statement({"AWS": ROOT}, "Deny")], NONE),
    (ALICE, [BY_ALL, _statement({"AWS": OTHER}, "Deny")], NAMED),
    (SESSION, [BY_ALL, _statement({"AWS": FIRST}, "Deny")], NONE),
    # NotPrincipal denies everyone but those it names; beside Allow IAM takes it in no trust policy.
    (ALICE, [BY_ALL, _not_principal(ALICE.arn, ROOT)], NAMED),
    (ALICE, [BY_ALL, _not_principal(f"arn:aws:iam::{MINE}:user/bob", ROOT)], NONE),
    (SESSION, [BY_ALL, _not_principal(SESSION.arn, FIRST, ROOT)], NAMED),
    (SESSION, [BY_ALL, _not_principal(ALICE.arn)], NONE),
    (ALICE, [_not_principal(f"arn:aws:iam::{MINE}:user/bob", effect="Allow")], NONE),
    # The alternative to NotPrincipal that the page recommends.
    (ALICE, [BY_ALL, _statement("*", "Deny", Condition={"ArnNotEquals": {"aws:PrincipalArn": ALICE.arn}})], NAMED),
    (SESSION, [BY_ALL, _statement("*", "Deny", Condition={"ArnNotEquals": {"aws:PrincipalArn": ALICE.arn}})], NONE),
    (SESSION, [BY_ALL, _statement("*", "Deny", Condition={"ArnNotEquals": {"aws:PrincipalArn": FIRST}})], NAMED),
    # "IAM JSON policy elements: Action" and NotAction.
    (ALICE, [_statement(Action="sts:*")], NAMED),
    (ALICE, [_statement(Action="sts:AssumeRoleWithSAML")], NONE),
    (ALICE, [{"Effect": "Allow", "Principal": "*", "NotAction": "sts:TagSession"}], NAMED),
    (ALICE, [{"Effect": "Allow", "Principal": "*", "NotAction": "sts:AssumeRole"}], NONE),
]


@pytest.mark.parametrize(("principal", "statements", "grounds"), PRINCIPALS)
def test_documented_principals(principal: Principal, statements: list[dict[str, Any]], grounds: Grounds) -> None:
    """A trust policy names users, sessions, roles and accounts, and a Deny overrides every Allow."""
    context = Context(caller_keys(principal, NOW, None))
    assert grounds is evaluate(_policy(*statements), principal, ASSUME_ROLE, context).grounds


# "AWS global condition context keys" and "IAM and AWS STS condition context keys": when a key is there.
KEYS = [
    (ALICE, None, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    (ALICE, None, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, False),
    (ALICE, None, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
    (ALICE, None, {"Null": {"aws:MultiFactorAuthPresent": "true"}}, True),
    (ALICE, 0, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, True),
    (ALICE, 299.9, {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}, True),
    (ALICE, 300, {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}, False),
    (ALICE, None, {"Null": {"aws:MultiFactorAuthAge": "true"}}, True),
    (SESSION, None, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
    (SESSION, None, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, False),
    (SESSION, None, {"Null": {"aws:MultiFactorAuthAge": "true"}}, True),
    (ALICE, None, {"StringEquals": {"aws:username": "alice"}}, True),
    (SESSION, None, {"Null": {"aws:username": "true"}}, True),
    (ALICE, None, {"StringEquals": {"aws:userid": "AIDACKCEVSQ6C2EXAMPLE"}}, True),
    (SESSION, None, {"StringLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}}, True),
    (ALICE, None, {"StringEquals": {"aws:PrincipalType": "User"}}, True),
    (SESSION, None, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, True),
    (ALICE, None, {"StringEquals": {"aws:PrincipalAccount": MINE}}, True),
    (SESSION, None, {"ArnEquals": {"aws:PrincipalArn": FIRST}}, True),
    (SESSION, None, {"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::*:assumed-role/*"}}, False),
    (ALICE, None, {"Bool": {"aws:SecureTransport": "true"}}, True),
    (ALICE, None, {"DateGreaterThan": {"aws:CurrentTime": "2026-07-14T11:59:59Z"}}, True),
    (ALICE, None, {"DateLessThan": {"aws:EpochTime": "1784030401"}}, True),
    (ALICE, None, {"Null": {"aws:SourceIdentity": "true"}}, True),
    (ALICE, None, {"StringEquals": {"sts:SourceIdentity": "Saanvi"}}, True),
    (ALICE, None, {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}, True),
    (ALICE, None, {"StringEquals": {"sts:ExternalId": SECRET}}, True),
    (ALICE, None, {"StringEquals": {"sts:ExternalId": SECRET.upper()}}, False),
    (ALICE, None, {"StringEquals": {"aws:RequestTag/Team": "blue"}}, True),
    (ALICE, None, {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}, True),
    (ALICE, None, {"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["team"]}}, True),
    (ALICE, None, {"Null": {"aws:PrincipalTag/team": "true"}}, True),
]


@pytest.mark.parametrize(("principal", "mfa_age", "condition", "met"), KEYS)
def test_documented_keys(principal: Principal, mfa_age: float | None, condition: Any, met: bool) -> None:  # noqa: FBT001 - a table
    """A request has the documented condition keys, and no others."""
    keys = request_keys(
        {
            "RoleArn": FIRST,
            "RoleSessionName": "alice",
            "ExternalId": SECRET,
            "SourceIdentity": "Saanvi",
            "Tags": [{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "1"}],
            "TransitiveTagKeys": ["team"],
        }
    )
    context = Context({**caller_keys(principal, NOW, mfa_age), **keys})
    found = evaluate(_policy(_statement("*", Condition=condition)), principal, ASSUME_ROLE, context)
    assert (NAMED if met else NONE) is found.grounds


def test_the_keys_of_a_session() -> None:
    """A session keeps its tags and its source identity."""
    session = Principal(SESSION.arn, FIRST, source_identity="Saanvi", tags={"Team": "blue"})
    keys = caller_keys(session, NOW, None)
    assert (("Saanvi",), ("blue",)) == (keys["aws:sourceidentity"], keys["aws:principaltag/team"])


def test_a_bare_request_has_only_its_session_name() -> None:
    """A parameter that is not sent has no key, rather than an empty value."""
    assert {"sts:rolesessionname": ("me",)} == request_keys({"RoleArn": FIRST, "RoleSessionName": "me"})


HERE, THERE = f"arn:aws:iam::{MINE}:role/deploy", f"arn:aws:iam::{OTHER}:role/deploy"


def _identity(effect: str, resource: str = "*") -> dict[str, Any]:
    return _policy({"Effect": effect, "Action": "sts:*", "Resource": resource})


ALLOWS, DENIES, NOTHING = _identity("Allow"), _identity("Deny"), _policy()

# "Policy evaluation logic" (its table of resource-based policies and implicit denies), "Cross-account policy evaluation
# logic" and "Permissions boundaries for IAM entities".
PERMISSIONS = [
    # Within the account a policy that names the user is enough, even beyond a boundary.
    (ALICE, NAMED, HERE, Policies(), ALLOW),
    (ALICE, NAMED, HERE, Policies(boundary=NOTHING), ALLOW),
    (ALICE, NAMED, HERE, Policies((DENIES,)), DENY),
    (ALICE, NAMED, HERE, Policies((ALLOWS,), boundary=DENIES), DENY),
    # A policy that names the account leaves it to the identity policies.
    (ALICE, ACCOUNT, HERE, Policies(), SILENT),
    (ALICE, ACCOUNT, HERE, Policies((ALLOWS,)), ALLOW),
    (ALICE, ACCOUNT, HERE, Policies((_identity("Allow", THERE),)), SILENT),
    (ALICE, ACCOUNT, HERE, Policies((ALLOWS,), boundary=NOTHING), SILENT),
    (ALICE, ACCOUNT, HERE, Policies((ALLOWS, DENIES)), DENY),
    # A policy that names the role is limited by a boundary and session policies; one that names the session is not.
    (SESSION, BY_ROLE, HERE, Policies(), ALLOW),
    (SESSION, BY_ROLE, HERE, Policies(boundary=NOTHING), SILENT),
    (SESSION, BY_ROLE, HERE, Policies(session=(NOTHING,)), SILENT),
    (SESSION, BY_ROLE, HERE, Policies(boundary=ALLOWS, session=(ALLOWS,)), ALLOW),
    (SESSION, BY_ROLE, HERE, Policies(session=(DENIES,)), DENY),
    (SESSION, NAMED, HERE, Policies(boundary=NOTHING, session=(NOTHING,)), ALLOW),
    (SESSION, NAMED, HERE, Policies(session=(DENIES,)), DENY),
    # Across accounts both sides have to allow.
    (ALICE, NAMED, THERE, Policies(), SILENT),
    (ALICE, NAMED, THERE, Policies((ALLOWS,)), ALLOW),
    (ALICE, NAMED, THERE, Policies((ALLOWS,), boundary=NOTHING), SILENT),
    (ALICE, NAMED, THERE, Policies((ALLOWS, DENIES)), DENY),
    (SESSION, BY_ROLE, THERE, Policies(), SILENT),
    (SESSION, BY_ROLE, THERE, Policies((ALLOWS,), session=(NOTHING,)), SILENT),
    (SESSION, BY_ROLE, THERE, Policies((ALLOWS,), session=(ALLOWS,)), ALLOW),
]


@pytest.mark.parametrize(("principal", "grounds", "role", "policies", "verdict"), PERMISSIONS)
def test_documented_permissions(
    principal: Principal, grounds: Grounds, role: str, policies: Policies, verdict: Verdict
) -> None:
    """The closer the trust policy names the caller, the less the policies of the caller must allow."""
    found = permission(policies, principal, grounds, action=ASSUME_ROLE, role_arn=role, context=EMPTY)
    assert verdict is found.cautious


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
FRESH = {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}


def _names(*statements: dict[str, Any], action: str = ASSUME_ROLE) -> tuple[Refusal | None, Any]:
    found = evaluate(_policy(*statements), ALICE, action, Context(caller_keys(ALICE, NOW, None)))
    return found.refusal, found.instead or tuple(condition.key for condition in found.conditions)


def test_a_refusal_names_its_cause() -> None:
    """A refusal names the action, the principals, the unmet conditions, or the Deny."""
    trusted = _statement({"AWS": [OTHER, FIRST]})
    assert (Refusal.ACTION, (ASSUME_ROLE,)) == _names(_statement(), action=TAG_SESSION)
    assert (Refusal.PRINCIPAL, (OTHER, FIRST)) == _names(trusted)
    assert (Refusal.CONDITION, ("aws:MultiFactorAuthPresent",)) == _names(_statement(Condition=MFA))
    assert (Refusal.DENY, ("aws:MultiFactorAuthAge",)) == _names(
        _statement(), _statement(effect="Deny", Condition={"Null": {"aws:MultiFactorAuthAge": "true"}})
    )


def test_the_closest_statement_explains_the_refusal() -> None:
    """Of two statements, the refusal names the one that is nearer to an Allow."""
    other = _statement({"AWS": OTHER})
    both = _statement(Condition={**MFA, **FRESH})
    assert (Refusal.CONDITION, ("aws:MultiFactorAuthPresent",)) == _names(other, both, _statement(Condition=MFA))


def test_unchecked_conditions_are_named() -> None:
    """A policy with an unknown condition can allow a request, but not certainly."""
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    context = Context({}, lambda key: key != "aws:sourceip")
    document = _policy(_statement(Condition=condition), _statement(effect="Deny", Condition=condition))
    found = evaluate(document, ALICE, ASSUME_ROLE, context)
    names = ("a Deny with aws:SourceIp (IpAddress)", "aws:SourceIp (IpAddress)")
    assert (NAMED, names) == (found.grounds, found.unchecked)


def test_the_age_of_a_code() -> None:
    """The maximum age of a code is spelled as in the policy."""
    context = Context(caller_keys(ALICE, NOW, 0))
    assert evaluate(_policy(_statement(Condition=FRESH)), ALICE, ASSUME_ROLE, context).mfa_max_age == "300"


@pytest.mark.parametrize(
    ("tags", "source_identity", "expected"),
    [
        ((), None, (ASSUME_ROLE,)),
        ((("a", "b"),), None, (ASSUME_ROLE, TAG_SESSION)),
        ((), "me", (ASSUME_ROLE, SET_SOURCE_IDENTITY)),
    ],
)
def test_tags_and_a_source_identity_need_actions_of_their_own(
    tags: object, source_identity: object, expected: tuple[str, ...]
) -> None:
    """IAM guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with assumed roles"."""
    assert expected == actions(tags, source_identity)


@pytest.mark.parametrize(
    ("context", "allowed"),
    [
        ({"sts:externalid": [SECRET], "aws:multifactorauthpresent": ["true"]}, True),
        ({"sts:externalid": [SECRET], "aws:multifactorauthpresent": ["false"]}, False),
        ({"sts:externalid": [SECRET]}, False),
        ({"sts:externalid": [f"{SECRET}x"], "aws:multifactorauthpresent": ["true"]}, False),
        ({"aws:multifactorauthpresent": ["true"]}, False),
        ({}, False),
    ],
)
def test_trust_policy_demands_both(context: dict[str, list[str]], allowed: bool) -> None:  # noqa: FBT001 - a table
    """The policy demands the external id and the MFA code, and allows only AssumeRole."""
    document = json.loads(json.dumps(trust_policy(ALICE.arn, mfa=True, external_id=SECRET)))
    found = [evaluate(document, ALICE, action, Context(context)).grounds for action in (ASSUME_ROLE, TAG_SESSION)]
    assert [NAMED if allowed else NONE, NONE] == found


def test_trust_policy_refuses_an_old_code() -> None:
    """`mfa_max_age` is in seconds."""
    document = trust_policy(ALICE.arn, mfa_max_age=60, actions=[ASSUME_ROLE])
    found = [evaluate(document, ALICE, ASSUME_ROLE, Context(caller_keys(ALICE, NOW, age))).grounds for age in (59, 60)]
    assert [NAMED, NONE] == found
