"""The arguments that name roles and users."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.distance import nearest
from awsenv.errors import Origin, UsageError
from awsenv.setup import RoleSpec, checked_name, parse_roles

POWER_USER = RoleSpec("power-user", ("PowerUserAccess",), mfa=True, external_id=True)
READ_ONLY = RoleSpec("read-only", ("ReadOnlyAccess",), mfa=True)
_names = st.text(f"{string.ascii_letters}{string.digits}_+=,.@-", min_size=1, max_size=64).filter(
    lambda name: name != "default"
)
_policies = st.text(f"{string.ascii_letters}{string.digits}_+=.@-", min_size=1, max_size=128).filter(
    lambda name: nearest(name, ("mfa", "external-id")) is None
)


def test_without_a_role_two_are_created() -> None:
    """Both demand an MFA code, and power-user an external id too."""
    assert (POWER_USER, READ_ONLY) == parse_roles([])


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("power-user", POWER_USER),
        ("read-only", READ_ONLY),
        ("deploy:PowerUserAccess,mfa", RoleSpec("deploy", ("PowerUserAccess",), mfa=True)),
        ("ci:external-id,ReadOnlyAccess", RoleSpec("ci", ("ReadOnlyAccess",), external_id=True)),
        ("read-only:ReadOnlyAccess", RoleSpec("read-only", ("ReadOnlyAccess",))),
        ("power-user:ReadOnlyAccess", RoleSpec("power-user", ("ReadOnlyAccess",))),
        ("a:X,Y,X", RoleSpec("a", ("X", "Y"))),
        ("a:job-function/ViewOnlyAccess", RoleSpec("a", ("job-function/ViewOnlyAccess",))),
        (
            "a:arn:aws:iam::123456789012:policy/team/Deploy,mfa",
            RoleSpec("a", ("arn:aws:iam::123456789012:policy/team/Deploy",), mfa=True),
        ),
    ],
)
def test_an_argument_describes_a_role(word: str, role: RoleSpec) -> None:
    """An argument is a name, and after a colon, in any order, the role's policies and demands."""
    assert (role,) == parse_roles([word])


@given(st.lists(_names, min_size=1, max_size=4, unique_by=str.lower), _policies, st.booleans(), st.booleans())
def test_every_name_of_iam_is_accepted(names: list[str], policy: str, mfa: bool, external_id: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Role and policy names may be any that IAM accepts, and keep their order."""
    tail = f"{policy}{',mfa' * mfa}{',external-id' * external_id}"
    expected = tuple(RoleSpec(name, (policy,), mfa=mfa, external_id=external_id) for name in names)
    assert expected == parse_roles([f"{name}:{tail}" for name in names])
    assert expected == parse_roles(map(str, expected))


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("power-usr", "awsenv setup power-user"),
        ("ReadOnly", "awsenv setup read-only"),
        ("a:ReadOnlyAccess,MFA", "write mfa"),
        ("a:ReadOnlyAccess,mffa", "write mfa"),
        ("a:externalid", "write external-id"),
    ],
)
def test_a_mistyped_role_or_item_leads_to_what_is_meant(word: str, hint: str) -> None:
    """A demand that is mistyped is never taken for a policy: the role would be without it."""
    with pytest.raises(UsageError) as caught:
        parse_roles([word])
    assert hint == caught.value.hints[0]


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["admin"], "no policy given for the role 'admin'"),
        (["Power-User"], "no policy given for the role 'Power-User'"),
        ([""], "no policy given for the role ''"),
        ([":ReadOnlyAccess"], "cannot be the name of a role"),
        (["a b:ReadOnlyAccess"], "cannot be the name of a role"),
        (["é:ReadOnlyAccess"], "cannot be the name of a role"),
        (["a/b:ReadOnlyAccess"], "cannot be the name of a role"),
        ([f"{'a' * 65}:ReadOnlyAccess"], "cannot be the name of a role"),
        (["default:ReadOnlyAccess"], "'default' cannot be the name of a role"),
        (["a:"], "'' is not a policy"),
        (["a:ReadOnlyAccess,"], "'' is not a policy"),
        (["a:Read OnlyAccess"], "'Read OnlyAccess' is not a policy"),
        (["a:arn:aws:s3:::bucket"], "'arn:aws:s3:::bucket' is not a policy"),
        (["a:mfa,external-id"], "could do nothing"),
        (["read-only", "read-only"], "named twice"),
        (["Deploy:X", "deploy:Y"], "named twice"),
    ],
)
def test_what_is_not_a_role_is_refused(words: list[str], fact: str) -> None:
    """The hint says what to write."""
    with pytest.raises(UsageError) as caught:
        parse_roles(words)
    assert fact in caught.value.fact
    assert caught.value.hints


@pytest.mark.parametrize(
    ("policy", "arn"),
    [
        ("ReadOnlyAccess", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"),
        ("ViewOnlyAccess", "arn:aws-cn:iam::aws:policy/job-function/ViewOnlyAccess"),
        ("service-role/X", "arn:aws-cn:iam::aws:policy/service-role/X"),
        ("arn:aws-cn:iam::123456789012:policy/X", "arn:aws-cn:iam::123456789012:policy/X"),
    ],
)
def test_the_arn_of_an_aws_managed_policy(policy: str, arn: str) -> None:
    """The ARN of an AWS managed policy is in the right partition, and has a path for a job function."""
    assert (arn,) == RoleSpec("a", (policy,)).policy_arns("aws-cn")


@given(_names)
def test_every_user_name_of_iam_is_accepted(name: str) -> None:
    """The name stays as it is."""
    assert name == checked_name(name, "the user", Origin("--user"))


@pytest.mark.parametrize("name", ["", "default", "a b", "a/b", "é", "a\n", "a]", "a" * 65])
def test_what_is_not_a_user_name_is_refused(name: str) -> None:
    """The name goes into two files and an ARN."""
    with pytest.raises(UsageError) as caught:
        checked_name(name, "the user", Origin("--user"))
    assert "--user" == caught.value.where
    assert caught.value.hints
