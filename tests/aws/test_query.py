"""Responses of STS, read beside botocore's own parser."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from awsenv.aws import query
from awsenv.aws.query import UNKNOWN
from awsenv.aws.response import Response

SPACE = ' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
ROLE = (
    f"<AssumeRoleResponse{SPACE}><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROAX:me</AssumedRoleId><Arn>{{arn}}"
    "</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
    "<SessionToken>{token}</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    "<ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata></AssumeRoleResponse>"
)
ERRORS = [
    f"<ErrorResponse{SPACE}><Error><Code>AccessDenied</Code><Message>No. 日本</Message></Error></ErrorResponse>",
    "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
    "<Response><Errors><Error><Code>InvalidAction</Code><Message>m</Message></Error></Errors></Response>",
    "<ErrorResponse><Error><Code>a:Sender.X</Code><Message>a &lt;b&gt; &amp; c</Message></Error></ErrorResponse>",
]
NO_ERRORS = [
    "",
    "<html><body>Sign in</body></html>",
    '{"message": "Forbidden"}',
    "<ErrorResponse><Error>",
    "<ErrorResponse><Error>x</Error></ErrorResponse>",
    "<ErrorResponse><Error><Code><a/></Code></Error></ErrorResponse>",
    "<a>" * 100_000,
    "<a>" * 100_000 + "</a>" * 100_000,
    '<?xml version="1.0" encoding="nonsense"?><a/>',
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>',
]


def of_botocore(body: str, status: int = 200) -> dict[str, Any]:
    """Return what botocore reads."""
    model = Session().get_service_model("sts")
    sent = {"status_code": status, "headers": {}, "body": body.encode()}
    parsed: dict[str, Any] = create_parser("query").parse(sent, model.operation_model("AssumeRole").output_shape)
    return parsed


TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1).map(str.strip)


@given(TEXTS, TEXTS, TEXTS)
def test_a_result_equals_botocores(arn: str, secret: str, token: str) -> None:
    """Read every text as it is."""
    escaped = [each.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for each in (arn, secret, token)]
    body = ROLE.format(**dict(zip(("arn", "secret", "token"), escaped, strict=True)))
    expected = of_botocore(body)
    found = query.result(Response(200, {}, body.encode()), "AssumeRole")

    assert expected["AssumedRoleUser"] == found["AssumedRoleUser"]
    assert {**expected["Credentials"], "Expiration": "2030-01-01T00:00:00Z"} == found["Credentials"]


@pytest.mark.parametrize("body", ERRORS)
def test_an_error_equals_botocores(body: str) -> None:
    """Read the code and the message."""
    error = of_botocore(body, 403)["Error"]
    found = query.error_in(Response(403, {}, body.encode()))

    assert query.ErrorResponse(error["Code"].rpartition(":")[2], error.get("Message") or "", 403) == found


@pytest.mark.parametrize("body", NO_ERRORS)
def test_a_response_of_another_server_is_unknown(body: str) -> None:
    """Find neither a code nor a result, where botocore finds none or raises."""
    response = Response(403, {}, body.encode())

    assert UNKNOWN == query.error_in(response).code
    with pytest.raises(LookupError):
        query.result(response, "AssumeRole")


@pytest.mark.parametrize("body", [ROLE.replace("AssumeRoleResult", "Other"), "<AssumeRoleResponse/>", *ERRORS])
def test_the_result_of_another_action_is_refused(body: str) -> None:
    """Accept only the result of the action that was sent."""
    with pytest.raises(LookupError):
        query.result(Response(200, {}, body.encode()), "AssumeRole")
