"""Policies, without a server: patterns, and how statements add up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.policy import Verdict, evaluate, matches

TEXT = st.text(st.characters(codec="ascii", exclude_characters="*?"), max_size=12)


@given(TEXT)
def test_literal(text: str) -> None:
    """A pattern without a wildcard is what it says, whatever else is in it."""
    assert matches(text, text)
    assert not matches(text, f"{text}x")
    assert not matches(f"{text}x", text)


@given(TEXT, TEXT, TEXT)
def test_star(before: str, between: str, after: str) -> None:
    """A star is any text, an empty one too."""
    assert matches(f"{before}*{after}", f"{before}{between}{after}")


@given(TEXT, TEXT)
def test_question_mark(before: str, after: str) -> None:
    """A question mark is one character, not none."""
    assert matches(f"{before}?{after}", f"{before}x{after}")
    assert not matches(f"{before}?", before)


def _say(*statements: dict[str, Any], action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/k") -> Verdict:
    return evaluate([{"Statement": list(statements)}], action, resource, {})


ALLOW = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([], Verdict.SILENT),
        ([ALLOW], Verdict.ALLOW),
        ([ALLOW, DENY], Verdict.DENY),
        ([DENY, ALLOW], Verdict.DENY),
        ([ALLOW | {"Action": ["ec2:*", "S3:GETOBJECT"]}], Verdict.ALLOW),
        ([ALLOW | {"Action": "s3:Put*"}], Verdict.SILENT),
        ([ALLOW | {"Resource": "arn:aws:s3:::B/k"}], Verdict.SILENT),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Verdict.ALLOW),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], Verdict.SILENT),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}], Verdict.SILENT),
        ([{"Effect": "Allow", "Action": "*"}], Verdict.SILENT),
        ([ALLOW | {"Condition": {"Unheard": {"aws:x": "y"}}}], Verdict.SILENT),
        ([ALLOW, DENY | {"Condition": {"Unheard": {"aws:x": "y"}}}], Verdict.DENY),
        ([ALLOW, DENY | {"Condition": {"StringEquals": {"aws:x": "y"}}}], Verdict.ALLOW),
        ([ALLOW, DENY | {"Condition": {"StringNotEquals": {"aws:x": "y"}}}], Verdict.DENY),
        ([ALLOW, DENY | {"Condition": {"BoolIfExists": {"aws:x": "false"}}}], Verdict.DENY),
    ],
)
def test_evaluate(statements: list[dict[str, Any]], verdict: Verdict) -> None:
    """One Deny outweighs every Allow, and what is not understood never allows."""
    assert _say(*statements) is verdict


def test_several_values() -> None:
    """Of several values all, or any, must fit."""
    context = {"aws:tagkeys": ["team", "project"]}

    def holds(name: str, *wanted: str) -> bool:
        condition = {name: {"aws:TagKeys": list(wanted)}}
        return (
            evaluate([{"Statement": ALLOW | {"Condition": condition}}], "s3:GetObject", "x", context) is Verdict.ALLOW
        )

    assert holds("ForAllValues:StringEquals", "team", "project", "stage")
    assert not holds("ForAllValues:StringEquals", "team")
    assert holds("ForAnyValue:StringEquals", "team")
    assert not holds("ForAnyValue:StringEquals", "stage")
