"""The errors of botocore as those of awsenv, including some that the local AWS does not make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from awsenv.aws.connection import EXCHANGE, NAME, PROXY_TLS, TCP, TLS, TUNNEL, Unanswered
from awsenv.aws.http import Attempt, LateError
from awsenv.aws.proxy import Proxy
from awsenv.aws.refusal import message_of_aws
from awsenv.aws.request import Request
from awsenv.aws.translate import translate, translated
from awsenv.errors import AwsenvError, Origin, RefusedError, ResponseLost, SourceError, UnreachableError
from awsenv.model import Credentials

URL = "https://sts.eu-west-1.amazonaws.com"
VARIABLE = Origin("HTTPS_PROXY")
LONGER = "set AWSENV_TIMEOUT={} to wait longer"
SECRETS = ("canary-external-id", "canary-secret-key")
REQUEST = Request(
    "sts:AssumeRole",
    {"ExternalId": SECRETS[0]},
    endpoint="https://sts.eu-west-1.amazonaws.com",
    signer=Credentials("AKIAIOSFODNN7EXAMPLE", SECRETS[1]),
)


def answer(code: str, message: str, status: int = 403) -> ClientError:
    """Return what botocore raises for an error response."""
    metadata: dict[str, Any] = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "AssumeRole")


def unanswered(attempt: Attempt) -> Unanswered:
    """Return what is raised where nothing listens."""
    error = Unanswered(TCP, ConnectionRefusedError())
    error.attempt = attempt
    return error


POLICY, TAGS = Origin("--policy"), Origin("AWSENV_TAGS")


@pytest.mark.parametrize(
    ("code", "origins", "where", "hints"),
    [
        ("RegionDisabledException", {}, "", ("activate AWS STS for that region", "choose another region")),
        ("PackedPolicyTooLarge", {"Policy": POLICY}, "--policy", ("shorten --policy",)),
        ("PackedPolicyTooLarge", {"Tags": TAGS}, "AWSENV_TAGS", ("shorten AWSENV_TAGS",)),
        (
            "PackedPolicyTooLarge",
            {"Tags": TAGS, "Policy": POLICY},
            "--policy",
            ("shorten --policy", "shorten AWSENV_TAGS"),
        ),
        ("MalformedPolicyDocument", {"Policy": POLICY, "Tags": TAGS}, "--policy", ("correct --policy",)),
        ("MalformedPolicyDocument", {}, "", ()),
    ],
)
def test_a_refusal_has_its_next_step(code: str, origins: dict[str, Origin], where: str, hints: tuple[str, ...]) -> None:
    """An option or a variable is named only if it was set."""
    error = translate(answer(code, "No.", 400), replace(REQUEST, origins=origins))
    assert isinstance(error, RefusedError)
    assert (code, where, len(hints)) == (error.code, error.where, len(error.hints))
    assert all(hint.startswith(start) for hint, start in zip(error.hints, hints, strict=True))


SECRET = "the secret key does not belong to the access key …MPLE"
FUTURE = "Signature not yet current: 20260101T020000Z is still later than 20260101T011500Z (20260101T010000Z + 15 min.)"
DIFFERS = "this computer's clock differs from AWS's, and AWS accepts 15 minutes at most"
CLOCK = "this computer's clock is {} AWS's, and AWS accepts 15 minutes at most"


@pytest.mark.parametrize(
    ("code", "message", "fact"),
    [
        ("SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided.", SECRET),
        ("InvalidSignatureException", "The request signature we calculated does not match.", SECRET),
        ("RequestExpired", "Request has expired.", DIFFERS),
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            DIFFERS,
        ),
        (
            "InvalidSignatureException",
            FUTURE,
            CLOCK.format("1h00m ahead of"),
        ),
        (
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region, not 'eu-west-9'.",
            "the request is signed for another region than that of its endpoint",
        ),
        (
            "AccessDenied",
            "Roles may not be assumed by root accounts.",
            "the root user can assume no role",
        ),
        ("IncompleteSignature", "No.", "AWS refused sts:AssumeRole (IncompleteSignature)"),
    ],
)
def test_a_signature_that_is_refused_has_one_of_three_causes(code: str, message: str, fact: str) -> None:
    """The secret key, the clock and the region are told apart by AWS's code and words."""
    assert fact == translate(answer(code, message), REQUEST).fact


@pytest.mark.parametrize(
    ("code", "status", "does"),
    [
        ("Throttling", 400, "is throttling"),
        ("ThrottlingException", 400, "is throttling"),
        ("TooManyRequestsException", 429, "is throttling"),
        ("RequestLimitExceeded", 503, "is throttling"),
        ("ServiceUnavailable", 503, "is failing (HTTP 503)"),
        ("403", 403, "sent a response that is not from AWS (HTTP 403)"),
        ("", 403, "sent a response that is not from AWS (HTTP 403)"),
        ("", 511, "sent a response that is not from AWS (HTTP 511)"),
    ],
)
def test_what_is_no_refusal(code: str, status: int, does: str) -> None:
    """AWS fails or throttles, or something else answers; nothing is refused."""
    error = translate(answer(code, "No.", status), REQUEST)
    assert (UnreachableError, f"STS at sts.eu-west-1.amazonaws.com {does}") == (type(error), error.fact)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("NoSuchEntity", "The user with name alice cannot be found.", True),
        ("ConcurrentModification", "Try again.", True),
        ("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/alice"', True),
        ("MalformedPolicyDocument", "Syntax errors in policy.", False),
        ("MalformedPolicyDocument", "The principal element is not allowed in this policy.", False),
        ("AccessDenied", "No.", False),
    ],
)
def test_what_iam_does_not_know_yet_may_pass_later(code: str, message: str, *, expected: bool) -> None:
    """A refusal of what was just created is unsettled; a policy with a fault stays refused."""
    error = translate(answer(code, message, 400), REQUEST)
    assert isinstance(error, RefusedError)
    assert expected is error.is_unsettled


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_expiry_has_two_names(code: str) -> None:
    """Accept the name of STS and that of other services."""
    error = translate(answer(code, "The security token included in the request is expired"), REQUEST)
    assert isinstance(error, SourceError)


def test_a_message_of_several_lines_becomes_one_and_inert() -> None:
    """Escape what would move the cursor."""
    error = translate(answer("AccessDenied", "one\n\x1b[31mtwo\u202e"), REQUEST)
    assert error.because == "AWS said: one \\x1b[31mtwo\\u202e"


def test_the_cause_of_a_refusal_is_the_message_of_aws() -> None:
    """The fact is awsenv's own: who was refused what, or the operation and AWS's code."""
    message = "User: arn:aws:iam::123456789012:user/a is not authorized to perform: sts:AssumeRole on resource: b"
    error = translate(answer("AccessDenied", message), REQUEST)
    assert ("AWS refused to let user a call sts:AssumeRole", f"AWS said: {message}") == (error.fact, error.because)
    error = translate(answer("AccessDenied", "No."), REQUEST)
    assert ("AWS refused sts:AssumeRole (AccessDenied)", "AWS said: No") == (error.fact, error.because)


def test_a_message_that_holds_a_secret_is_withheld() -> None:
    """Show the code alone."""
    error = translate(answer("ValidationError", f"Value '{SECRETS[0]}' at 'externalId' failed"), REQUEST)
    assert ("AWS refused sts:AssumeRole (ValidationError)", None) == (error.fact, error.because)


def test_a_long_message_is_cut() -> None:
    """Cut it to less than a screen."""
    assert len(message_of_aws("x" * 10_000) or "") < 500


def test_a_proxy_is_named_without_its_password() -> None:
    """Remove the user and the password from the URL."""
    attempt = Attempt(URL, was_sent=False, seconds=1, proxy=Proxy("http://me:canary@proxy.test:3128", VARIABLE))
    error = translate(unanswered(attempt), REQUEST)
    assert error.fact == "the proxy proxy.test:3128 cannot be reached"


def test_an_endpoint_is_named_without_its_password() -> None:
    """Remove the user and the password from the URL."""
    url = "https://me:canary@sts.test/"
    error = unanswered(Attempt(url, was_sent=False, seconds=1))
    assert translate(error, Request("sts:AssumeRole")).fact == "sts.test cannot be reached"


def test_a_body_that_cannot_be_parsed_is_not_shown() -> None:
    """Drop the text of the exception, which holds the body with the secret key."""
    error = translate(ResponseParserError("<SecretAccessKey>canary-secret-key</SecretAccessKey>"), REQUEST)
    assert isinstance(error, UnreachableError)
    assert "canary" not in f"{error!r}{error}{error.hints}{error.where}{error.because}"


@pytest.mark.parametrize("kind", [MemoryError, ImportError, RuntimeError, OSError, ZeroDivisionError])
def test_a_fault_is_no_response_of_aws(kind: type[Exception]) -> None:
    """What neither a response nor a setting can raise stays what it is."""
    fault = kind("canary")
    with pytest.raises(kind) as caught, translated(REQUEST):
        raise fault
    assert fault is caught.value


@pytest.mark.parametrize(
    ("origin", "setter"),
    [
        (Origin("--duration"), "--duration"),
        (Origin("AWSENV_DURATION"), "AWSENV_DURATION"),
        (Origin("~/.aws/config", 4, "profile p", "duration_seconds"), "duration_seconds"),
    ],
)
def test_a_duration_that_is_refused_names_what_has_set_it(origin: Origin, setter: str) -> None:
    """The second step raises the maximum of the role, unless the limit is that of role chaining."""
    parameters = {"RoleArn": "arn:aws:iam::123456789012:role/team/deploy", "DurationSeconds": 7200}
    request = replace(REQUEST, parameters=parameters, origins={"DurationSeconds": origin})
    exceeds = "The requested DurationSeconds exceeds the"
    maximum = translate(answer("ValidationError", f"{exceeds} MaxSessionDuration set for this role."), request)
    chaining = translate(answer("ValidationError", f"{exceeds} 1 hour session limit for role chaining."), request)

    less = f"ask for less: {setter}"
    more = "aws iam update-role --role-name deploy --max-session-duration 7200"
    assert ((less, more), (less,)) == (maximum.hints, chaining.hints)


CODES = st.one_of(
    st.sampled_from(["AccessDenied", "SignatureDoesNotMatch", "InvalidClientTokenId", "Throttling", "ExpiredToken"]),
    st.text(max_size=20),
)
PARTS = st.sampled_from(
    [
        *SECRETS,
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000000Z (20269901T000000Z - 15 min.)",
        "MultiFactorAuthentication failed",
        "DurationSeconds",
        "\x1b]0;",
    ]
)


@given(CODES, st.lists(st.one_of(PARTS, st.text(max_size=20))), st.integers(0, 999))
def test_any_response_becomes_a_printable_error(code: str, parts: list[str], status: int) -> None:
    """Print any message without control characters and without secrets."""
    error = translate(answer(code, " ".join(parts), status), REQUEST)
    shown = f"{error.fact}{error.where}{error.hints}{error.because}"
    assert isinstance(error, AwsenvError)
    assert shown.isprintable()
    assert not any(secret in shown for secret in SECRETS)


LOST = ", and the MFA code may have been used"
ANSWER = f"did not send a complete response within 20 seconds{LOST}"
CONFIGURED, LIMIT, PROXY = Origin("AWS_ENDPOINT_URL"), Origin("AWSENV_TIMEOUT"), Proxy("http://me:canary@p:1", VARIABLE)


@pytest.mark.parametrize("kind", [LateError, Unanswered])
@pytest.mark.parametrize(
    ("attempt", "configured", "fact", "origins", "steps"),
    [
        (Attempt(URL, was_sent=True, seconds=20), None, ANSWER, (), ("the device's next code", LONGER.format("1m"))),
        (
            Attempt(URL, was_sent=True, seconds=20, limit=LIMIT),
            None,
            ANSWER,
            (LIMIT,),
            ("the device's next code", LONGER.format("1m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=19.96),
            None,
            "{} within 20 seconds",
            (),
            ("check the network and DNS", LONGER.format("1m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=1),
            None,
            "{} within 1 second",
            (),
            ("check the network and DNS", LONGER.format("1m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=300),
            None,
            "{} within 300 seconds",
            (),
            ("check the network and DNS", LONGER.format("15m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=3600),
            None,
            "{} within 3600 seconds",
            (),
            ("check the network and DNS",),
        ),
        (
            Attempt(URL, was_sent=False, seconds=4, limit=LIMIT),
            CONFIGURED,
            "{} within 4 seconds",
            (CONFIGURED, LIMIT),
            ("check AWS_ENDPOINT_URL", LONGER.format("1m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=4, proxy=PROXY),
            None,
            "the proxy p:1 could not be reached within 4 seconds",
            (VARIABLE,),
            ("check HTTPS_PROXY", LONGER.format("1m")),
        ),
        (
            Attempt(URL, was_sent=False, seconds=4, ignored=Origin("all_proxy")),
            None,
            "{} within 4 seconds",
            (),
            ("set HTTPS_PROXY=http://HOST:PORT: botocore ignores all_proxy", LONGER.format("1m")),
        ),
    ],
)
def test_the_end_of_the_time_names_its_settings(
    kind: type[Unanswered],
    attempt: Attempt,
    configured: Origin | None,
    fact: str,
    origins: tuple[Origin, ...],
    steps: tuple[str, ...],
) -> None:
    """The message names the time that was waited, what sets it, and what stands in between; a code may be lost."""
    parameters = {"SerialNumber": "mfa", "TokenCode": "123456"}
    error = kind(EXCHANGE if attempt.was_sent else TCP, TimeoutError(), was_sent=attempt.was_sent)
    error.attempt = attempt

    made = translate(error, replace(REQUEST, parameters=parameters, configured=configured))

    where = "STS at sts.eu-west-1.amazonaws.com"
    expected = f"{where} {fact}" if fact == ANSWER else fact.format(f"{where} could not be reached")
    # More time helps only where the call has used all that it has.
    steps = steps if kind is LateError or len(steps) == 1 else (steps[0], *made.hints[1:])
    assert (expected, origins, steps) == (made.fact, made.origins, made.hints)
    assert (kind is LateError and attempt.seconds < 3600) is ("AWSENV_TIMEOUT" in str(made.hints))
    assert attempt.was_sent is isinstance(made, ResponseLost)


HOST = "sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("configured", [None, CONFIGURED])
@pytest.mark.parametrize(
    ("stage", "direct", "through_proxy"),
    [
        (NAME, f"the name {HOST} did not resolve", "the name p did not resolve"),
        (TCP, f"STS at {HOST} could not be reached", "the proxy p:1 could not be reached"),
        (PROXY_TLS, None, "the proxy p:1 did not complete the TLS handshake"),
        (TUNNEL, None, f"the proxy p:1 did not connect to {HOST}"),
        (
            TLS,
            f"STS at {HOST} did not complete the TLS handshake",
            f"STS at {HOST} did not complete the TLS handshake through the proxy p:1",
        ),
        (
            EXCHANGE,
            f"STS at {HOST} did not take the request",
            f"STS at {HOST} did not take the request through the proxy p:1",
        ),
    ],
)
def test_the_end_of_the_time_names_the_stage(
    stage: str, direct: str | None, through_proxy: str, configured: Origin | None
) -> None:
    """The message names what took too long, and only the settings that can be the cause."""
    for proxy, fact in ((None, direct), (PROXY, through_proxy)):
        error = LateError(stage, TimeoutError())
        error.attempt = Attempt(URL, was_sent=False, seconds=2, proxy=proxy)
        made = translate(error, replace(REQUEST, configured=configured))
        is_at_proxy = proxy is not None and stage in {NAME, TCP, PROXY_TLS}
        origins = [None if is_at_proxy else configured, None if proxy is None else VARIABLE]
        if fact is not None:
            assert (f"{fact} within 2 seconds", tuple(filter(None, origins))) == (made.fact, made.origins)
