"""The doctor says what keeps a trust policy, or the policies of the caller, from allowing a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from awsenv.doctor.model import Finding, Verdict
from awsenv.doctor.policies import TRUST, Request, identity_policy, trust_policy, trusted, unreadable
from awsenv.errors import Origin
from awsenv.iam.policy import Policies
from awsenv.iam.principal import Grounds, Principal
from awsenv.model import AssumeRole, Mfa, RoleArn

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
FIRST = f"arn:aws:iam::{ACCOUNT}:role/team/first"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/first/me"
DEVICE = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
EXTERNAL_ID = "canary-external-id"
NOW = 1_700_000_000.0

ORIGINS = {
    "role": Origin("~/.aws/config", 5, "profile p", "role_arn"),
    "external_id": Origin("~/.aws/config", 6, "profile p", "external_id"),
}

USER = Principal(ALICE)
ROLE = Principal(SESSION, FIRST, has_token=True)


def _request(principal: Principal = USER, *, external_id: str | None = None, with_code: bool = False) -> Request:
    hop = AssumeRole(
        RoleArn("aws", ACCOUNT, "deploy"),
        "me",
        external_id=external_id,
        mfa=Mfa(DEVICE) if with_code else None,
        profile="p",
        origins=ORIGINS,
    )
    return Request(hop, principal, now=NOW)


def _policy(**changes: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


def _findings(document: dict[str, Any], request: Request) -> list[Finding]:
    return list(trust_policy(trusted(document, request), request, DEVICE))


def _only(document: dict[str, Any], request: Request) -> tuple[str, tuple[str, ...], tuple[Origin, ...]]:
    (found,) = _findings(document, request)
    assert (TRUST, Verdict.WRONG) == (found.check, found.verdict)
    return found.fact, found.hints, found.origins


MFA = {"aws:MultiFactorAuthPresent": "true"}


def test_both_conditions_that_fail_are_named() -> None:
    """Each condition that is not met is a finding."""
    document = _policy(Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}, "Bool": MFA})
    assert [
        "role deploy demands an external id, and none is configured",
        "role deploy demands MFA, and no MFA device is configured",
    ] == [each.fact for each in _findings(document, _request())]


def test_the_device_is_named() -> None:
    """The next step is a line that can be copied into the profile."""
    _, hints, origins = _only(_policy(Condition={"Bool": MFA}), _request())
    assert (f"set mfa_serial = {DEVICE} in [profile p]", "pass a code as the second word") == hints
    assert (ORIGINS["role"],) == origins


def test_two_conditions_on_mfa_are_one_finding() -> None:
    """Conditions on a code and on its age are one finding."""
    condition = {"Bool": MFA, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    assert (
        "role deploy demands MFA, and no MFA device is configured" == _only(_policy(Condition=condition), _request())[0]
    )


def test_a_role_cannot_have_mfa() -> None:
    """If a role would need MFA, the next step is to trust the user instead."""
    fact, hints, _ = _only(_policy(Principal="*", Condition={"Bool": MFA}), _request(ROLE))
    assert "role deploy demands MFA, which role first cannot have: a role has no MFA device" == fact
    assert "let the role trust the user, and name the user in source_profile" == hints[0]


@pytest.mark.parametrize(
    ("sent", "fact", "origin"),
    [
        (None, "role deploy demands an external id, and none is configured", ORIGINS["role"]),
        (
            "canary-other",
            "role deploy demands another external id than the one that is configured",
            ORIGINS["external_id"],
        ),
    ],
)
def test_an_external_id(sent: str | None, fact: str, origin: Origin) -> None:
    """The finding says whether the external id is missing or wrong, and does not show it."""
    document = _policy(Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}})
    found = _only(document, _request(external_id=sent))
    assert (fact, (origin,), False) == (found[0], found[2], "canary" in str(found))


@pytest.mark.parametrize(
    ("condition", "fact"),
    [
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, "role deploy demands MFA"),
        ({"StringNotEquals": {"sts:ExternalId": EXTERNAL_ID}}, "role deploy demands an external id"),
        ({"StringEquals": {"sts:RoleSessionName": "me"}}, "the trust policy of role deploy denies user alice"),
        ({}, "the trust policy of role deploy denies user alice"),
    ],
)
def test_a_deny(condition: dict[str, Any], fact: str) -> None:
    """For a Deny that the caller can avoid, the finding says what it demands."""
    document = _policy()
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny", "Condition": condition})
    assert _only(document, _request())[0].startswith(fact)


@pytest.mark.parametrize(
    ("policy", "fact", "hint"),
    [
        (
            _policy(Principal={"Service": "ec2.amazonaws.com"}),
            "role deploy does not trust user alice: it trusts no user and no role",
            f"put {ALICE} into its trust policy",
        ),
        (
            _policy(Principal={"AWS": [BOB, FIRST, SESSION, "210987654321"]}),
            f"role deploy does not trust user alice: it trusts {BOB}, {FIRST} and 2 more",
            "use the profile of one that it trusts: --profile",
        ),
        (
            _policy(Principal={"AWS": "AIDAQ3EGRMEXAMPLE42X"}),
            "role deploy does not trust user alice, but AIDAQ3EGRMEXAMPLE42X, which was deleted",
            "into its trust policy again",
        ),
        (
            _policy(Action="sts:AssumeRoleWithSAML"),
            "the trust policy of role deploy does not allow sts:AssumeRole, only sts:AssumeRoleWithSAML",
            "allow sts:AssumeRole in it",
        ),
        (
            _policy(Condition={"StringEquals": {"sts:RoleSessionName": "bob"}}),
            "has a condition that is not met: sts:RoleSessionName (StringEquals)",
            "aws iam get-role --role-name deploy",
        ),
    ],
)
def test_a_refusal(policy: dict[str, Any], fact: str, hint: str) -> None:
    """Each cause has its own fact and next step."""
    found = _only(policy, _request())
    assert (True, True) == (fact in found[0], hint in "\n".join(found[1]))


@pytest.mark.parametrize(
    ("changes", "option"), [({"tags": (("team", "blue"),)}, "--tag"), ({"source_identity": "me"}, "--source-identity")]
)
def test_some_options_need_an_action_of_their_own(changes: dict[str, Any], option: str) -> None:
    """The second next step names the option to leave out."""
    request = _request()
    _, hints, _ = _only(_policy(), replace(request, hop=replace(request.hop, **changes)))
    assert f"leave {option} out" == hints[1]


@pytest.mark.parametrize("name", ["aws:SourceIp", "aws:PrincipalOrgID", "aws:PrincipalTag/team", "aws:userid"])
def test_what_cannot_be_checked_is_named(name: str) -> None:
    """A condition that cannot be checked is named, and decides nothing."""
    (found,) = _findings(_policy(Condition={"StringEquals": {name: "x"}}), _request())
    fact = f"role deploy trusts user alice; not checked from here: {name} (StringEquals)"
    assert Finding(TRUST, Verdict.FINE, fact) == found


def test_an_operator_that_is_not_known_is_named() -> None:
    """A condition with an unknown operator cannot be checked."""
    found = trusted(_policy(Condition={"StringSounds": {"sts:RoleSessionName": "me"}}), _request())
    assert ("sts:RoleSessionName (StringSounds)",) == found.unchecked


def test_the_mfa_of_a_session_from_elsewhere_is_not_guessed() -> None:
    """Whether another tool opened a session with MFA is unknown."""
    found = trusted(_policy(Condition={"Bool": MFA}), _request(replace(USER, has_token=True)))
    assert ("aws:MultiFactorAuthPresent (Bool)",) == found.unchecked


def test_the_account_is_named_where_the_policy_trusts_it() -> None:
    """If the policy trusts the whole account, the finding says so."""
    (found,) = _findings(_policy(Principal={"AWS": ACCOUNT}), _request())
    assert f"role deploy trusts account {ACCOUNT}" == found.fact


def test_an_age_is_named() -> None:
    """The finding has the maximum age of the MFA code."""
    document = _policy(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}})
    (found,) = _findings(document, _request(with_code=True))
    assert "role deploy trusts user alice, with an MFA code of the last 300 s" == found.fact


def test_an_unreadable_policy() -> None:
    """The next step names the account whose IAM must be readable."""
    found = unreadable(_request())
    assert ("the trust policy of role deploy cannot be read from here", Verdict.UNKNOWN) == (found.fact, found.verdict)
    assert (f"pass --iam-profile with one that may read IAM of account {ACCOUNT}",) == found.hints


THEIRS = "210987654321"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
THE_ROLE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{THEIRS}:role/deploy"}
ANOTHER = {**THE_ROLE, "Resource": f"arn:aws:iam::{THEIRS}:role/other"}
FROM_HOME = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
DENY = {**EVERYTHING, "Effect": "Deny"}


def _policies(*statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> Policies:
    limit = None if boundary is None else {"Version": "2012-10-17", "Statement": [boundary]}
    return Policies(({"Version": "2012-10-17", "Statement": list(statements)},), limit)


HERE_TOO = {**THE_ROLE, "Resource": "*"}
NEAR = _request()
FAR = replace(NEAR, hop=replace(NEAR.hop, role=RoleArn("aws", THEIRS, "deploy")))


@pytest.mark.parametrize(
    ("found", "request_", "grounds", "verdict"),
    [
        # In another account they have to allow it, however closely the role trusts the user.
        (_policies(THE_ROLE), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE), FAR, None, Verdict.FINE),
        (_policies(ANOTHER), FAR, Grounds.NAMED, Verdict.WRONG),
        (_policies(), FAR, Grounds.ACCOUNT, Verdict.WRONG),
        (_policies(), FAR, None, Verdict.WRONG),
        (_policies(EVERYTHING, DENY | FROM_HOME), FAR, Grounds.NAMED, Verdict.WARNING),
        (_policies(EVERYTHING | FROM_HOME), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE, boundary=EVERYTHING), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE, boundary=ANOTHER), FAR, Grounds.NAMED, Verdict.WRONG),
        # In the same one where the role trusts the account.
        (_policies(HERE_TOO), NEAR, Grounds.ACCOUNT, Verdict.FINE),
        (_policies(), NEAR, Grounds.ACCOUNT, Verdict.WRONG),
        (_policies(), NEAR, Grounds.NAMED, Verdict.FINE),
        (_policies(), NEAR, None, Verdict.FINE),
        (_policies(EVERYTHING, DENY), NEAR, Grounds.NAMED, Verdict.WRONG),
        (_policies(boundary=ANOTHER), NEAR, Grounds.NAMED, Verdict.FINE),
        (None, FAR, Grounds.NAMED, Verdict.UNKNOWN),
        (None, NEAR, None, Verdict.UNKNOWN),
        (None, NEAR, Grounds.NAMED, Verdict.FINE),
    ],
)
def test_the_verdict(found: Policies | None, request_: Request, grounds: Grounds | None, verdict: Verdict) -> None:
    """A Deny always counts, an Allow only where it is needed; an uncertain Deny is a warning."""
    result = identity_policy(found, request_, grounds)
    assert verdict is result.verdict
    assert bool(result.hints) == (verdict in {Verdict.WRONG, Verdict.WARNING})


@pytest.mark.parametrize(
    ("found", "request_", "grounds", "fact"),
    [
        (_policies(THE_ROLE), FAR, None, "user alice may assume role deploy"),
        (_policies(), FAR, None, "which it needs because the role is in another account"),
        (_policies(), NEAR, Grounds.ACCOUNT, "which it needs because the role trusts its account as a whole"),
        (_policies(), NEAR, Grounds.NAMED, "user alice has none for role deploy, and needs none"),
        (_policies(), NEAR, None, "and needs none if the role trusts it by name"),
        (_policies(DENY), NEAR, Grounds.NAMED, "a policy of user alice denies sts:AssumeRole on role deploy"),
        (_policies(THE_ROLE, boundary=ANOTHER), FAR, None, "the permissions boundary of user alice does not allow"),
        (None, NEAR, None, "the policies of user alice cannot be read from here"),
    ],
)
def test_the_fact(found: Policies | None, request_: Request, grounds: Grounds | None, fact: str) -> None:
    """The fact names the caller, the role, and why a permission is needed."""
    assert fact in identity_policy(found, request_, grounds).fact


def test_the_policy_that_is_missing_can_be_copied() -> None:
    """The next step has a statement for exactly this role."""
    hint, _ = identity_policy(_policies(), FAR, None).hints
    assert f'"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::{THEIRS}:role/deploy"' in hint
