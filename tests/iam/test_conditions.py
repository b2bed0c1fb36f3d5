"""Conditions, tested on cases from the IAM guide. Each table names the page of its facts."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.iam.policy import Condition, Context, Statement, matches

TAGS = "aws:TagKeys"
NOW = "2026-07-14T12:00:00Z"

# "Multivalued context key examples", and "Single-valued vs. multivalued context keys" for the missing keys.
SETS = [
    ("ForAllValues:StringNotLike", ["key1*"], ["key1:legal"], False),
    ("ForAllValues:StringNotLike", ["key1*"], ["key1:hr", "key1:personnel"], False),
    ("ForAllValues:StringNotLike", ["key1*"], ["key2:audit"], True),
    ("ForAllValues:StringNotLike", ["key1*"], None, True),
    ("ForAllValues:StringLike", ["key1*", "key2*", "key3*"], ["key1:hr", "key2:x"], True),
    ("ForAllValues:StringLike", ["key1*", "key2*", "key3*"], ["key1:hr", "key4:x"], False),
    ("ForAllValues:StringEquals", ["PostDateTime", "Message", "Tags"], ["PostDateTime", "Message"], True),
    ("ForAllValues:StringEquals", ["PostDateTime", "Message", "Tags"], ["PostDateTime", "UserName"], False),
    ("ForAllValues:StringEquals", ["PostDateTime", "Message", "Tags"], None, True),
    ("ForAllValues:StringEquals", ["PostDateTime"], [""], True),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["PostDateTime", "Message"], True),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["UserName", "Message", "PostDateTime"], True),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["UserName"], False),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], None, False),
    ("ForAnyValue:StringEquals", [""], [""], False),
    ("ForAnyValue:StringEquals", ["environment", "webserver"], ["environment", "costcenter"], True),
    ("ForAnyValue:StringNotEquals", ["team", "cost"], None, False),
    ("ForAnyValue:StringNotEquals", ["team", "cost"], [""], False),
    ("ForAnyValue:StringNotEquals", ["team", "cost"], ["team", "cost"], False),
    ("ForAnyValue:StringNotEquals", ["team", "cost"], ["team", "stage"], True),
    ("ForAnyValue:StringNotEquals", ["team", "cost"], ["stage"], True),
    ("ForAllValues:StringNotEquals", ["team", "cost"], ["stage", "owner"], True),
    ("ForAllValues:StringNotEquals", ["team", "cost"], ["stage", "team"], False),
    ("ForAnyValue:StringLike", ["te*"], ["owner", "team"], True),
    ("ForAnyValue:StringEqualsIfExists", ["team"], None, True),
    ("ForAllValues:StringEqualsIgnoreCase", ["TEAM"], ["team", "Team"], True),
]

# "IAM JSON policy elements: Condition operators".
OPERATORS = [
    # A missing key does not match, so that the negated operators hold; IfExists holds, Null tells.
    ("StringEquals", ["x"], None, False),
    ("StringLike", ["*"], None, False),
    ("StringNotEquals", ["x"], None, True),
    ("StringNotLike", ["x"], None, True),
    ("ArnNotLike", ["arn:aws:s3:::x"], None, True),
    ("NumericNotEquals", ["1"], None, True),
    ("DateNotEquals", [NOW], None, True),
    ("NotIpAddress", ["203.0.113.0/24"], None, True),
    ("NumericLessThan", ["10"], None, False),
    ("DateGreaterThan", [NOW], None, False),
    ("Bool", ["false"], None, False),
    ("BinaryEquals", [base64.b64encode(b"x").decode()], None, False),
    ("IpAddress", ["203.0.113.0/24"], None, False),
    ("ArnLike", ["*"], None, False),
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], None, True),
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], ["t2.micro"], True),
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], ["c5.large"], False),
    ("StringNotEqualsIfExists", ["x"], None, True),
    ("StringNotEqualsIfExists", ["x"], ["x"], False),
    ("BoolIfExists", ["true"], None, True),
    ("BoolIfExists", ["true"], ["false"], False),
    ("NumericLessThanIfExists", ["10"], ["11"], False),
    ("Null", ["true"], None, True),
    ("Null", ["false"], None, False),
    ("Null", ["true"], ["x"], False),
    ("Null", ["false"], ["x"], True),
    ("Null", ["True"], None, True),
    # Strings.
    ("StringEquals", ["iamuser-admin"], ["iamuser-admin"], True),
    ("StringEquals", ["iamuser-admin"], ["IAMuser-admin"], False),
    ("StringEquals", ["iamuser-*"], ["iamuser-admin"], False),
    ("StringEqualsIgnoreCase", ["iamuser-admin"], ["IAMuser-ADMIN"], True),
    ("StringNotEqualsIgnoreCase", ["iamuser-admin"], ["IAMuser-ADMIN"], False),
    ("StringNotEqualsIgnoreCase", ["iamuser-admin"], ["other"], True),
    ("StringLike", ["iamuser-*"], ["iamuser-admin"], True),
    ("StringLike", ["iamuser-?"], ["iamuser-admin"], False),
    ("StringLike", ["iamuser"], ["iamuser-admin"], False),
    ("StringLike", ["IAMUSER-*"], ["iamuser-admin"], False),
    ("StringNotLike", ["iamuser-*"], ["iamuser-admin"], False),
    ("StringLike", ["", "home/"], [""], True),
    # Numbers.
    ("NumericLessThanEquals", ["10"], ["10"], True),
    ("NumericLessThanEquals", ["10"], ["11"], False),
    ("NumericLessThan", ["10"], ["9.5"], True),
    ("NumericLessThan", ["10"], ["10"], False),
    ("NumericGreaterThan", ["10"], ["10"], False),
    ("NumericGreaterThanEquals", ["10"], ["10"], True),
    ("NumericEquals", ["10"], ["10.0"], True),
    ("NumericNotEquals", ["10"], ["10.0"], False),
    ("NumericEquals", ["ten"], ["10"], False),
    # Dates: W3C's forms of ISO 8601, or seconds since the epoch.
    ("DateGreaterThan", ["2020-01-01T00:00:01Z"], [NOW], True),
    ("DateGreaterThan", ["2020"], [NOW], True),
    ("DateGreaterThan", ["2026-07"], [NOW], True),
    ("DateLessThan", ["2026-07-14"], [NOW], False),
    ("DateLessThan", ["2026-07-14T12:00Z"], [NOW], False),
    ("DateLessThanEquals", ["2026-07-14T12:00Z"], [NOW], True),
    ("DateGreaterThanEquals", ["2026-07-14T13:00:00.123+01:00"], [NOW], True),
    ("DateLessThan", ["2026-07-14T07:30:00-05:00"], [NOW], True),
    ("DateEquals", ["1784030400"], [NOW], True),
    ("DateNotEquals", ["1784030400"], [NOW], False),
    ("DateLessThan", ["99999999999999999999"], [NOW], False),
    ("DateLessThan", ["*"], [NOW], False),
    # Booleans and binary values.
    ("Bool", ["false"], ["false"], True),
    ("Bool", ["false"], ["true"], False),
    ("Bool", ["True"], ["true"], True),
    ("BinaryEquals", ["QmluYXJ5VmFsdWVJbkJhc2U2NA=="], ["BinaryValueInBase64"], True),
    ("BinaryEquals", ["QmluYXJ5VmFsdWVJbkJhc2U2NA=="], ["binaryValueInBase64"], False),
    ("BinaryEquals", ["not base64"], ["not base64"], False),
    # Addresses: a range of IPv4 or IPv6, or one address.
    ("IpAddress", ["203.0.113.0/24"], ["203.0.113.255"], True),
    ("IpAddress", ["203.0.113.0/24"], ["203.0.114.0"], False),
    ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], ["2001:db8:1234:5678::1"], True),
    ("IpAddress", ["203.0.113.7"], ["203.0.113.7"], True),
    ("IpAddress", ["203.0.113.7"], ["203.0.113.8"], False),
    ("NotIpAddress", ["203.0.113.0/24"], ["203.0.113.255"], False),
    ("NotIpAddress", ["203.0.113.0/24"], ["198.51.100.1"], True),
    # ARNs: each segment is compared by itself, and Equals is Like.
    ("ArnLike", ["arn:aws:iam::*:user/al?ce"], ["arn:aws:iam::123456789012:user/alice"], True),
    ("ArnEquals", ["arn:aws:iam::*:user/al?ce"], ["arn:aws:iam::123456789012:user/alice"], True),
    ("ArnEquals", ["arn:aws:iam::123456789012:user/Alice"], ["arn:aws:iam::123456789012:user/alice"], False),
    (
        "StringLike",
        ["arn:aws:someservice:*:111122223333:finance/*"],
        ["arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"],
        True,
    ),
    (
        "ArnLike",
        ["arn:aws:someservice:*:111122223333:finance/*"],
        ["arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"],
        False,
    ),
    ("ArnLike", ["arn:aws:s3:::b/*"], ["arn:aws:s3:::b/a:b:c"], True),
    ("ArnNotEquals", ["arn:aws:iam::*:user/alice"], ["arn:aws:iam::123456789012:user/alice"], False),
    ("ArnNotLike", ["arn:aws:iam::*:user/alice"], ["arn:aws:iam::123456789012:user/bob"], True),
    # "Conditions with multiple context keys or values": OR; for the negated operators NOR.
    ("StringEquals", ["finance", "hr", "legal"], ["hr"], True),
    ("StringEquals", ["finance", "hr", "legal"], ["it"], False),
    ("StringNotEquals", ["finance", "hr", "legal"], ["hr"], False),
    ("StringNotEquals", ["finance", "hr", "legal"], ["it"], True),
    ("DateNotEquals", ["2020", NOW], [NOW], False),
    ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], ["198.51.100.1"], False),
    # What is not an operator is not understood.
    ("StringSounds", ["x"], ["x"], None),
    ("ForSomeValues:StringEquals", ["x"], ["x"], None),
    ("NullIfExists", ["true"], None, None),
    ("NotBool", ["true"], ["true"], None),
]

# "IAM policy elements: Variables and tags".
VARIABLES = [
    ("StringEquals", ["${aws:username}"], ["alice"], True),
    ("StringEquals", ["${AWS:UserName}"], ["alice"], True),
    ("StringEquals", ["bob"], ["${aws:username}"], False),
    ("StringLike", ["home/${aws:username}/*"], ["home/alice/x"], True),
    ("StringLike", ["home/${aws:username}/*"], ["home/bob/x"], False),
    ("StringNotLike", ["home/${aws:username}/*"], ["home/alice/x"], False),
    ("ArnLike", ["arn:aws:iam::123456789012:user/${aws:username}"], ["arn:aws:iam::123456789012:user/alice"], True),
    ("StringLike", ["${*}"], ["*"], True),
    ("StringLike", ["${*}"], ["x"], False),
    ("StringLike", ["a${?}${$}"], ["a?$"], True),
    ("StringEquals", ["${*}"], ["*"], True),
    ("StringEquals", ["${aws:PrincipalTag/team, 'company-wide'}"], ["company-wide"], True),
    ("StringEquals", ["${aws:username, 'nobody'}"], ["alice"], True),
    ("StringLike", ["b-${aws:PrincipalTag/team, 'company-wide'}-*"], ["b-company-wide-1"], True),
    # A variable without a value is equal to nothing: StringEquals does not hold, StringNotEquals does.
    ("StringEquals", ["${aws:PrincipalTag/team}"], ["${aws:PrincipalTag/team}"], False),
    ("StringNotEquals", ["${aws:PrincipalTag/team}"], ["blue"], True),
    ("StringNotLike", ["${aws:PrincipalTag/team}"], ["blue"], True),
    # A key with several values cannot be a variable.
    ("StringEquals", ["${aws:TagKeys}"], ["team"], False),
    # Only string and ARN operators, and Bool, take variables.
    ("NumericEquals", ["${aws:MultiFactorAuthAge}"], ["30"], False),
    ("IpAddress", ["${aws:SourceIp}"], ["203.0.113.7"], False),
]


@pytest.mark.parametrize(("operator", "expected", "actual", "holds"), [*SETS, *OPERATORS])
def test_documented_cases(operator: str, expected: list[str], actual: list[str] | None, holds: bool | None) -> None:  # noqa: FBT001 - a table
    """A condition is met where the IAM guide says so, and None if its operator is unknown."""
    values = {} if actual is None else {TAGS.lower(): actual}
    assert holds is Condition(operator, TAGS, tuple(expected)).holds(Context(values))


@pytest.mark.parametrize(("operator", "expected", "actual", "holds"), VARIABLES)
def test_documented_variables(operator: str, expected: list[str], actual: list[str], holds: bool) -> None:  # noqa: FBT001 - a table
    """A variable expands to the value of its key, its default or a special character."""
    context = Context(
        {
            "x": actual,
            "aws:username": ["alice"],
            "aws:tagkeys": ["team", "cost"],
            "aws:multifactorauthage": ["30"],
            "aws:sourceip": ["203.0.113.7"],
        }
    )
    assert holds is Condition(operator, "x", tuple(expected)).holds(context)


def test_an_older_policy_has_no_variables() -> None:
    """Without the version 2012-10-17 a variable is literal."""
    context = Context({"x": ["alice"], "y": ["${aws:username}"], "aws:username": ["alice"]})
    holds = [
        Condition("StringEquals", key, ("${aws:username}",), with_variables=False).holds(context) for key in ("x", "y")
    ]
    assert [False, True] == holds


def test_the_value_of_a_variable_is_literal() -> None:
    """A wildcard in the value of a variable is an ordinary character."""
    context = Context({"x": ["home/bob"], "aws:username": ["*"]})
    assert Condition("StringLike", "x", ("home/${aws:username}",)).holds(context) is False


@pytest.mark.parametrize("key", ["aws:MultiFactorAuthPresent", "AWS:multifactorauthpresent"])
def test_the_case_of_a_key_does_not_matter(key: str) -> None:
    """Names of condition keys are not case-sensitive (IAM guide, "IAM JSON policy elements: Condition")."""
    assert Condition("Bool", key, ("true",)).holds(Context({"aws:multifactorauthpresent": ["true"]}))


@pytest.mark.parametrize("operator", ["StringEquals", "Null", "ForAllValues:StringLike", "BoolIfExists"])
def test_an_unknown_key(operator: str) -> None:
    """A condition on an unknown key is None."""
    assert Condition(operator, "aws:SourceIp", ("true",)).holds(Context({}, lambda _: False)) is None


def test_reads_single_values_and_lists() -> None:
    """Conditions accept strings, numbers, booleans and lists of them."""
    element: Any = {"Bool": {"a": True}, "NumericEquals": {"b": [1, "2"]}, "Broken": "x"}
    assert (("Bool", "a", ("True",), True), ("NumericEquals", "b", ("1", "2"), True)) == Statement(
        {"Condition": element}
    ).conditions


def test_a_name_shows_no_value() -> None:
    """The name of a condition shows no external id."""
    assert Condition("StringEquals", "sts:ExternalId", ("canary",)).name == "sts:ExternalId (StringEquals)"


TEXT = st.text(st.characters(codec="ascii", exclude_characters="*?$"), max_size=12)


@given(TEXT)
def test_literal(text: str) -> None:
    """A pattern without a wildcard matches itself and nothing else."""
    assert matches(text, text)
    assert not matches(text, f"{text}x")
    assert not matches(f"{text}x", text)


@given(TEXT, TEXT, TEXT)
def test_star(before: str, between: str, after: str) -> None:
    """A star matches any text, including none."""
    assert matches(f"{before}*{after}", f"{before}{between}{after}")


@given(TEXT, TEXT)
def test_question_mark(before: str, after: str) -> None:
    """A question mark matches exactly one character."""
    assert matches(f"{before}?{after}", f"{before}x{after}")
    assert not matches(f"{before}?", before)
