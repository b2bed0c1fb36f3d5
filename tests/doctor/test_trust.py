"""The doctor says which one thing keeps a trust policy from allowing a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from awsenv.doctor.conditions import Request
from awsenv.doctor.principal import Principal
from awsenv.doctor.trust import Grounds, Judgement, judge
from awsenv.model import AssumeRole, Mfa, RoleArn
from awsenv.origin import Origin

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
FIRST = f"arn:aws:iam::{ACCOUNT}:role/team/first"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/first/me"
DEVICE = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
EXTERNAL_ID = "canary-external-id"
NOW = 1_700_000_000.0

PLACES = {
    "role": Origin("~/.aws/config", 5, "profile p", "role_arn"),
    "external_id": Origin("~/.aws/config", 6, "profile p", "external_id"),
}

USER = Principal(ACCOUNT, ALICE)
ROLE = Principal(ACCOUNT, SESSION, FIRST, has_token=True)


def _request(principal: Principal = USER, *, external_id: str | None = None, with_code: bool = False) -> Request:
    hop = AssumeRole(
        RoleArn("aws", ACCOUNT, "deploy"),
        "me",
        external_id=external_id,
        mfa=Mfa(DEVICE) if with_code else None,
        profile="p",
        origins=PLACES,
    )
    return Request(hop, principal, with_code=with_code, mfa_is_known=True, now=NOW)


def _policy(**changes: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


def _only(judgement: Judgement) -> tuple[str, str]:
    assert judgement.grounds is None
    (objection,) = judgement.objections
    return objection.fact, objection.hint


def test_both_conditions_that_fail_are_told() -> None:
    """To mend the one would not do."""
    document = _policy(
        Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}
    )
    facts = [each.fact for each in judge(document, _request(), device=DEVICE).objections]
    assert [
        "role deploy demands an external id, and none is configured",
        "role deploy demands MFA, and no MFA device is configured",
    ] == facts


def test_the_device_is_named() -> None:
    """It can be copied into the profile."""
    document = _policy(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    _, hint = _only(judge(document, _request(), device=DEVICE))
    assert f"set mfa_serial = {DEVICE} in [profile p], or pass a code as the second word" == hint


@pytest.mark.parametrize("name", ["aws:SourceIp", "aws:PrincipalOrgID", "aws:PrincipalTag/team"])
def test_what_cannot_be_looked_at_is_named(name: str) -> None:
    """It neither lets in nor keeps out: it is said."""
    judgement = judge(_policy(Condition={"StringEquals": {name: "x"}}), _request())
    assert (Grounds.NAMED, (f"{name} (StringEquals)",)) == (judgement.grounds, judgement.unchecked)


def test_an_operator_that_is_not_understood_is_named() -> None:
    """IAM may have one that is newer."""
    judgement = judge(_policy(Condition={"StringSounds": {"sts:RoleSessionName": "me"}}), _request())
    assert ("sts:RoleSessionName (StringSounds)",) == judgement.unchecked


def test_the_mfa_of_a_session_from_elsewhere_is_not_guessed() -> None:
    """Credentials of GetSessionToken may have been had with a code, or not."""
    request = replace(_request(replace(USER, has_token=True)), mfa_is_known=False)
    judgement = judge(_policy(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), request)
    assert ("aws:MultiFactorAuthPresent (Bool)",) == judgement.unchecked


def test_a_role_of_unknown_path_is_the_one_of_its_name() -> None:
    """GetCallerIdentity leaves the path out, which roles of Identity Center have."""
    sso = Principal(ACCOUNT, SESSION, has_token=True)
    assert judge(_policy(Principal={"AWS": FIRST}), _request(sso)).grounds is Grounds.NAMED
    assert judge(_policy(Principal={"AWS": f"{FIRST}er"}), _request(sso)).grounds is None


def test_a_service_is_no_user() -> None:
    """A role for EC2 trusts no user at all."""
    fact, _ = _only(judge(_policy(Principal={"Service": "ec2.amazonaws.com"}), _request()))
    assert "role deploy does not trust user alice: it trusts no user and no role" == fact


def test_an_age_is_told() -> None:
    """A code must be fresh, which a session of the morning is not."""
    judgement = judge(
        _policy(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}), _request(with_code=True)
    )
    assert (Grounds.NAMED, "300") == (judgement.grounds, judgement.most_age)


def test_tags_need_a_permission_of_their_own() -> None:
    """And the refusal says which option to leave out."""
    request = _request()
    tagged = replace(request, hop=replace(request.hop, tags=(("team", "blue"),)))
    _, hint = _only(judge(_policy(), tagged))
    assert hint.endswith("or leave --tag out")
