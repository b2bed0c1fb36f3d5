"""Signatures: the key, the signed content and the time."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from botocore import UNSIGNED

if TYPE_CHECKING:
    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

CALLS = {
    "sts": "get_caller_identity",
    "iam": "list_users",
    "ec2": "describe_regions",
    "s3": "list_buckets",
    "dynamodb": "list_tables",
}
AUTH_FAILURE = "AWS was not able to validate the provided access credentials"
INVALID = "The security token included in the request is invalid."
STAMP = r"\d{8}T\d{6}Z"
FORM = b"Action=GetCallerIdentity&Version=2011-06-15"


def _call(client: Any, service: str, credentials: Credentials, **config: Any) -> Any:
    return getattr(client(service, credentials, **config), CALLS[service])


def _headers(sent: Any) -> dict[str, str]:
    """Return the headers that botocore sent."""
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()}


def _fetch(
    url: str, *, headers: dict[str, str] | None = None, data: bytes | None = None, method: str | None = None
) -> tuple[int, bytes]:
    """Send a request without an SDK."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310 - loopback HTTP
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("service", "code", "text"),
    [
        ("sts", "InvalidClientTokenId", INVALID),
        ("iam", "InvalidClientTokenId", INVALID),
        ("ec2", "AuthFailure", AUTH_FAILURE),
        ("s3", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
        ("dynamodb", "UnrecognizedClientException", INVALID),
    ],
)
def test_unknown_key(client: Any, refusal: Any, alice: Credentials, service: str, code: str, text: str) -> None:
    """Each service refuses an unknown key in its own words."""
    stranger = replace(alice, access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert refusal(_call(client, service, stranger)) == (code, text)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sts", "SignatureDoesNotMatch"),
        ("iam", "SignatureDoesNotMatch"),
        ("ec2", "AuthFailure"),
        ("s3", "SignatureDoesNotMatch"),
        ("dynamodb", "InvalidSignatureException"),
    ],
)
def test_wrong_secret(client: Any, refusal: Any, alice: Credentials, service: str, code: str) -> None:
    """The sandbox refuses a request signed with another secret."""
    forger = replace(alice, secret_access_key="x" * 40)
    assert refusal(_call(client, service, forger))[0] == code


@pytest.mark.parametrize(
    ("seconds", "pattern"),
    [
        (905, rf"Signature expired: {STAMP} is now earlier than {STAMP} \({STAMP} - 15 min\.\)"),
        (-905, rf"Signature not yet current: {STAMP} is still later than {STAMP} \({STAMP} \+ 15 min\.\)"),
    ],
)
def test_skew(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, seconds: int, pattern: str) -> None:
    """The sandbox refuses a signature more than fifteen minutes off, and shows both times."""
    sandbox.clock.advance(seconds)
    code, text = refusal(_call(client, "sts", alice))
    assert code == "SignatureDoesNotMatch"
    assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("seconds", [880, -880])
def test_skew_within_limits(sandbox: Sandbox, client: Any, alice: Credentials, seconds: int) -> None:
    """The sandbox accepts a signature less than fifteen minutes off, early or late."""
    sandbox.clock.advance(seconds)
    assert _call(client, "sts", alice)()["Arn"] == alice.arn


@pytest.mark.parametrize(
    ("service", "code"),
    [("s3", "RequestTimeTooSkewed"), ("ec2", "AuthFailure"), ("dynamodb", "InvalidSignatureException")],
)
def test_skew_elsewhere(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, service: str, code: str
) -> None:
    """S3, EC2 and the JSON services report skew in their own words."""
    sandbox.clock.advance(3600)
    assert refusal(_call(client, service, alice))[0] == code


def test_elapsed_time_makes_no_skew(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """Time that passes for service and clients makes no skew."""
    sandbox.clock.elapse(86400)
    assert _call(client, "sts", alice)()["Arn"] == alice.arn


def test_date_header(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The Date header has the time of the service, by which clients correct their skew."""
    before = _call(client, "sts", alice)()["ResponseMetadata"]["HTTPHeaders"]["date"]
    sandbox.clock.advance(-800)
    assert _call(client, "sts", alice)()["ResponseMetadata"]["HTTPHeaders"]["date"] != before


@pytest.mark.parametrize(
    ("service", "code"),
    [("sts", "MissingAuthenticationToken"), ("s3", "AccessDenied"), ("ec2", "MissingParameter")],
)
def test_unsigned(client: Any, refusal: Any, alice: Credentials, service: str, code: str) -> None:
    """The sandbox refuses an unsigned request."""
    assert refusal(_call(client, service, alice, signature_version=UNSIGNED))[0] == code


@pytest.mark.parametrize(
    "authorization",
    ["AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256", "Bearer x", "AWS AKIAIOSFODNN7EXAMPLE:signature"],
)
def test_incomplete_signature(sandbox: Sandbox, authorization: str) -> None:
    """The sandbox refuses an Authorization header that lacks a part."""
    form = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
    status, body = _fetch(sandbox.url, headers=form, data=FORM)
    assert status == 400
    assert b"<Code>IncompleteSignature</Code>" in body


def _signed(key: Credentials, stamp: str, signature: str = "00") -> dict[str, str]:
    """Return the headers of a request that *key* signed wrongly."""
    scope = f"{key.access_key_id}/{stamp[:8]}/us-east-1/sts/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={signature}"
    return {"Authorization": value, "X-Amz-Date": stamp, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "stamp", ["99999999T999999Z", "20300230T000000Z", "20300102T030460Z", "20300102T0304Z", "20300102"]
)
def test_stamp_that_is_no_time(
    sandbox: Sandbox, alice: Credentials, capfd: pytest.CaptureFixture[str], stamp: str
) -> None:
    """The sandbox refuses a time that does not exist, in a header and in a link, and prints nothing."""
    status, body = _fetch(sandbox.url, headers=_signed(alice, stamp), data=FORM)
    assert (400, f"Got '{stamp}'".encode() in body) == (status, True)
    link = f"{sandbox.url}/?{FORM.decode()}&" + urlencode(_query(alice, Date=stamp))
    status, body = _fetch(link)
    assert (400, f"Got '{stamp}'".encode() in body) == (status, True)
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize("stamp", ["00010101T000000Z", "99991231T235959Z"])
def test_stamp_at_the_end_of_time(sandbox: Sandbox, alice: Credentials, stamp: str) -> None:
    """The sandbox refuses the first and the last time that can be written as too far off."""
    assert b"Signature " in _fetch(sandbox.url, headers=_signed(alice, stamp), data=FORM)[1]


@pytest.mark.parametrize(
    ("expires", "status"),
    [
        ("604800", 403),
        ("604801", 400),
        ("9" * 30, 400),
        ("9" * 5000, 400),
        ("-1", 400),
        ("", 400),
        ("1.5", 400),
        ("\N{ARABIC-INDIC DIGIT NINE}", 400),
    ],
)
def test_lifetime_of_a_link(sandbox: Sandbox, alice: Credentials, expires: str, status: int) -> None:
    """A link is valid for at most a week; the sandbox refuses what is longer or no number."""
    link = f"{sandbox.url}/?{FORM.decode()}&" + urlencode(_query(alice, Expires=expires))
    answered, body = _fetch(link)
    assert (status, status == 400) == (answered, b"X-Amz-Expires" in body)


@pytest.mark.parametrize("changed", [{"signature": "\xe9"}, {"host": "["}])
def test_odd_characters(sandbox: Sandbox, alice: Credentials, changed: dict[str, str]) -> None:
    """The sandbox refuses a signature that is not ASCII, and any Host, as it refuses every wrong signature."""
    stamp = f"{sandbox.clock.signing_time():%Y%m%dT%H%M%SZ}"
    headers = _signed(alice, stamp, changed.get("signature", "00")) | {"Host": changed.get("host", "localhost")}
    status, body = _fetch(sandbox.url, headers=headers, data=FORM)
    assert (403, True) == (status, b"<Code>SignatureDoesNotMatch</Code>" in body)


def _query(key: Credentials, **changed: str) -> dict[str, str]:
    """Return the parameters of a presigned link that *key* signed wrongly, with some of them changed."""
    stamp = changed.get("Date", f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}")
    parameters = {
        "Algorithm": "AWS4-HMAC-SHA256",
        "Credential": f"{key.access_key_id}/{stamp[:8]}/us-east-1/sts/aws4_request",
        "Date": stamp,
        "Expires": "60",
        "SignedHeaders": "host",
        "Signature": "00",
    }
    return {f"X-Amz-{name}": value for name, value in (parameters | changed).items()}


def test_changed_body(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The sandbox refuses a signed request whose body has changed."""
    sts = client("sts", alice)
    sent: list[Any] = []
    sts.meta.events.register("before-send.sts", lambda request, **_: sent.append(request))
    sts.get_caller_identity()
    headers, body = _headers(sent[0]), sent[0].body.encode()
    assert _fetch(sandbox.url, headers=headers, data=body)[0] == 200
    status, response = _fetch(sandbox.url, headers=headers, data=body.replace(b"2011", b"2012"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in response) == (403, True)


def test_wrong_payload_hash(sandbox: Sandbox, client: Any) -> None:
    """S3 refuses a body that does not match the signed x-amz-content-sha256."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="bucket")
    sent: list[Any] = []
    s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    s3.put_object(Bucket="bucket", Key="key", Body=b"right")
    status, response = _fetch(sent[0].url, headers=_headers(sent[0]), data=b"wrong", method="PUT")
    assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in response) == (400, True)


@pytest.mark.parametrize("key", ["plain", "a b/ü/+&=?#", "a//b", "../up", "%41", "~tilde*'()"])
def test_object_keys(sandbox: Sandbox, client: Any, key: str) -> None:
    """Signatures are right for every character that an S3 key can hold."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key=key, Body=b"body", Metadata={"with-dash": "two  blanks"})
    assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == b"body"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == [key]


@pytest.mark.parametrize("signed", [True, False])
def test_payload_signing(sandbox: Sandbox, client: Any, *, signed: bool) -> None:
    """S3 accepts a body without a signed hash, if the client declares it."""
    s3 = client("s3", sandbox.admin, s3={"payload_signing_enabled": signed})
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"body")
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"


def test_presigned_link(sandbox: Sandbox, client: Any, assumed: Credentials) -> None:
    """A presigned link works without headers until it expires, and only unchanged."""
    s3 = client("s3", assumed, signature_version="s3v4")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"body")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"}, ExpiresIn=60)
    assert _fetch(link) == (200, b"body")
    assert b"SignatureDoesNotMatch" in _fetch(link.replace("/key?", "/other?"))[1]
    sandbox.clock.advance(62)
    assert b"Request has expired" in _fetch(link)[1]


def test_presigned_identity(client: Any, alice: Credentials) -> None:
    """A presigned GetCallerIdentity, the proof of identity for third parties, works too."""
    link = client("sts", alice).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert str(alice.arn).encode() in _fetch(link)[1]
