"""The exceptions of botocore as the errors of awsenv.

The text of an exception is never passed on: `ResponseParserError` holds the body of the response, parameter
validation the parameters, `CredentialRetrievalError` the output of a command. AWS's own message is passed on if it
holds no secret.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore import exceptions

from awsenv import duration
from awsenv.aws.denial import DeniedError, read
from awsenv.aws.http import Late, Unfinished, spelled
from awsenv.aws.proxy import ProxyError, causes
from awsenv.aws.session import host_of, refused_setting
from awsenv.config import limits
from awsenv.config.sources import how_to_renew
from awsenv.errors import (
    AGAIN,
    AwsenvError,
    CodeRejected,
    ConfigError,
    Hint,
    MfaError,
    RefusedError,
    ResponseLost,
    SourceError,
    UnreachableError,
)
from awsenv.iam.trust import ASSUME_ROLE
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.config import Config

    from awsenv.aws.request import Request
    from awsenv.aws.session import AwsSession
    from awsenv.errors import Origin
    from awsenv.model import Credentials

_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_BAD_SIGNATURE = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"})
_BUSY = re.compile("Throttl|TooManyRequests|RequestLimit|IDPCommunication")
"""In the codes of failures that AWS answers with a status below 500. botocore lists the whole codes."""
_UNSETTLED = frozenset({"NoSuchEntity", "EntityTemporarilyUnmodifiable", "ConcurrentModification"})
"""IAM is eventually consistent: a new user may not be a principal yet, a new role not there to attach to (IAM guide,
"Troubleshoot IAM: changes that I make are not always immediately visible")."""

_NOT_CONNECTED = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)
_NOT_CONNECTED_TO_PROXY = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)

UNREADABLE = (exceptions.BotoCoreError, exceptions.ClientError, LookupError, TypeError, ValueError, AttributeError)
"""What botocore raises for settings and responses that it cannot read: a bare KeyError for HTML, an AttributeError for
a list. Any other exception is a fault of ours or of Python, such as a lack of memory."""

Step = Hint | Callable[[], Hint]
Facts = tuple[tuple[tuple[type[Exception], ...], str, Step], ...]
"""Rows of what is raised, the fact, the next step or what finds it."""

_SETTINGS: Facts = (
    (
        (exceptions.ParamValidationError,),
        "AWS does not accept a value of the request",
        "check the settings of the role",
    ),
    (
        (exceptions.InvalidRegionError, exceptions.BaseEndpointResolverError, exceptions.EndpointProviderError),
        "the service has no endpoint in this region, or none with these settings",
        ("choose another region with --region", "remove use_fips_endpoint and use_dualstack_endpoint"),
    ),
)
"""Settings that make calls impossible."""

_CHECK = "check {setting}, and that its host can be reached"

_NOT_SENT: tuple[tuple[type[Exception], str, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the TLS certificate of {host} cannot be verified",
        "set AWS_CA_BUNDLE or ca_bundle to the CA certificate of your network",
        "set AWS_CA_BUNDLE or ca_bundle to the certificate of its CA",
    ),
    (
        exceptions.SSLError,
        "a TLS connection to {host} cannot be made",
        "check that no sign-in page of the network is in the way",
        "write http:// in {setting}, if {host} has no TLS",
    ),
    (
        exceptions.ConnectTimeoutError,
        "{host} did not answer{within}",
        "check the network",
        _CHECK,
    ),
    (
        exceptions.EndpointConnectionError,
        "{host} cannot be reached",
        "check the network, and that the region exists",
        _CHECK,
    ),
)
"""Why a connection to {host} fails: the fact, the next step for a host of AWS, and that for the host of a setting."""

_PORTAL = ("check that no sign-in page of the network is in the way", AGAIN)

_MORE_TIME = "set AWSENV_TIMEOUT=1m to wait longer"

_UNKNOWN_HINT = (
    "check that it exists and is active; a temporary one needs its token",
    "in an opt-in region, check that the account has enabled the region",
)

_HINTS: dict[str, Hint] = {
    "RegionDisabledException": (
        "activate AWS STS for that region in the account settings of IAM",
        "choose another region with --region",
    ),
    "PackedPolicyTooLarge": ("shorten the session policy: --policy", "remove session tags: --tag"),
    "MalformedPolicyDocument": "check the JSON of --policy",
}
"""The next step after a refusal, by AWS's error code."""

_SAYINGS = (
    (
        "Roles may not be assumed by root accounts",
        "the root user can assume no role",
        ("use the access key of a user: awsenv setup makes one", "delete the keys of the root user"),
    ),
    (
        "Cannot call GetSessionToken with session credentials",
        "an MFA session needs the access key of a user, and these credentials are temporary",
        ("leave mfa_serial and the code out", "name the profile of a user: --profile"),
    ),
)
"""What AWS says of credentials that can never make the request, the fact, the next steps."""

MESSAGE_LENGTH = 400
"""The most characters that are shown of a message without a reason. The messages of STS have some 200."""

_WRONG_CLOCK = re.compile(
    r"Signature (?:expired|not yet current): ([0-9]{8}T[0-9]{6}Z) .*\(([0-9]{8}T[0-9]{6}Z) [-+] 15 min", re.DOTALL
)
"""What AWS says of a signature of another time. The first stamp is that of the signature, the second AWS's own."""


@contextmanager
def translated(request: Request) -> Iterator[None]:
    """Raise what a request raises as an error of awsenv; a fault stays what it is.

    Raises:
        AwsenvError: Any but those of the command line and of `exec`.
    """
    try:
        yield
    except AwsenvError:
        raise
    except UNREADABLE as error:
        # The cause may hold a secret: it is not passed on.
        raise translate(error, request) from None


def connect(
    session: AwsSession, request: Request, signer: Credentials, config: Config | None = None
) -> tuple[Any, Request]:
    """Return a client whose requests *signer* signs, and *request* with its endpoint and its signer.

    Raises:
        ConfigError: A setting makes requests impossible.
    """
    try:
        client = session.create_client(
            request.action.partition(":")[0],
            aws_access_key_id=signer.access_key_id,
            aws_secret_access_key=signer.secret_access_key,
            aws_session_token=signer.session_token,
            config=config,
        )
        setting = session.endpoint_setting(request.action.partition(":")[0])
        configured = None if setting is None else setting.origin
        return client, replace(request, endpoint=session.url_of(client), configured=configured, signer=signer)
    except AwsenvError:
        raise
    except UNREADABLE as error:
        # Nothing has been sent.
        raise refused_setting(session) or _of_settings(error) from None


def _of_settings(error: Exception) -> ConfigError:
    """Return the error for settings that make requests impossible, each alone or together."""
    unknown = f"the AWS SDK makes no request with these settings ({type(error).__name__})", "awsenv doctor"
    fact, hint = first_of(_SETTINGS, error) or unknown
    return ConfigError(fact, hint=hint)


def translate(error: Exception, request: Request) -> AwsenvError:
    """Return the error of awsenv for *error*, raised by *request*."""
    if isinstance(error, exceptions.ClientError):
        return _answered(error, request)
    if first_of(_SETTINGS, error) is not None:
        return _of_settings(error)
    return no_response(error, request) or _lost(
        f"{_where(request)} sent a response that is not from AWS", request, *_PORTAL
    )


def no_response(error: Exception, request: Request) -> AwsenvError | None:
    """Return why there is no response; None: *error* is not one of the network."""
    if isinstance(error, ProxyError):
        return _of_proxy(error, request)
    if not isinstance(error, Unfinished | exceptions.ConnectionError | exceptions.HTTPClientError):
        return None
    url = request.endpoint or error.kwargs.get("endpoint_url") or error.kwargs.get("url") or "AWS"
    request, root = replace(request, endpoint=str(url)), _root(error)
    row = next((row for kind, *row in _NOT_SENT if isinstance(root, kind) or isinstance(error, kind)), None)
    if row is not None:
        return _not_connected(error, request, *row)
    if was_not_sent(error) and not isinstance(error, Late):
        return _no_proxy(error)
    return _no_reply(error, request)


def _no_reply(error: exceptions.BotoCoreError, request: Request) -> UnreachableError:
    if isinstance(error, Late) and not error.was_sent:
        hint = ("check the network, the proxy and DNS", _MORE_TIME)
        return UnreachableError(f"{_where(request)} {error}", hint=hint)
    predicate = str(error) if isinstance(error, Unfinished) else f"did not answer{_within(error)}"
    if not isinstance(error, Unfinished | exceptions.ReadTimeoutError):
        return _lost(f"the connection to {_where(request)} was lost", request)
    lost = _lost(f"{_where(request)} {predicate}", request)
    if isinstance(error, Late | exceptions.ReadTimeoutError):
        lost.hints = (*lost.hints[:1], _MORE_TIME)
    return lost


def _no_proxy(error: exceptions.ProxyConnectionError) -> UnreachableError:
    origin: Origin | None = error.kwargs.get("origin")
    what = "the proxy settings of the system" if origin is None else origin.name
    fact = f"the proxy {host_of(str(error.kwargs.get('proxy_url')))} cannot be reached"
    return UnreachableError(fact, origin, because=_why(error), hint=(f"check {what}", "check the network"))


def _within(error: exceptions.BotoCoreError) -> str:
    """Return how long awsenv has waited, with all attempts."""
    seconds = error.kwargs.get("seconds")
    return " in time" if seconds is None else f" within {spelled(max(1, round(seconds)))}"


def _not_connected(error: Exception, request: Request, fact: str, step: str, step_of_setting: str) -> UnreachableError:
    host, origin = host_of(request.endpoint), request.configured
    if origin is not None:
        step = step_of_setting.format(host=host, setting=(origin.key or origin.name).rpartition(", ")[2])
    because = None
    if isinstance(error, exceptions.EndpointConnectionError):
        because = _why(error)
        # `sts.us-esat-1.amazonaws.com`
        region = host.split(".")[1] if origin is None and host.count(".") > 1 else ""
        meant = None if limits.is_listed(region) else limits.nearest_region(region)
        step = step if meant is None else f"use region {meant}, if {printable(region)} was meant for that"
    return UnreachableError(fact.format(host=host, within=_within(error)), origin, because=because, hint=step)


def _why(error: Exception) -> str | None:
    """Return why a connection cannot be opened, as the system says; None: it does not."""
    for cause in causes(error):
        if isinstance(cause, socket.gaierror):
            return "its name does not resolve"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(cause, OSError) and cause.strerror:
            return f"the system says: {cause.strerror}"
    return None


def _of_proxy(error: ProxyError, request: Request) -> UnreachableError:
    fact, origin, hint, is_unsent = map(error.kwargs.get, ("fact", "origin", "hint", "is_unsent"))
    if request.serial is not None and not is_unsent:
        return _lost(str(fact), request)
    unused = "" if request.serial is None else "; AWS has not seen the MFA code"
    return UnreachableError(f"{fact}{unused}", origin, hint=hint)


def was_not_sent(error: Exception) -> bool:
    """Tell whether the request never left this machine, so that it may be sent again with the same code.

    botocore raises the same error for a proxy that cannot be reached and for one that takes the request and hangs up
    (measured on urllib3 1.26 and 2.8): only the cause differs.
    """
    if isinstance(error, exceptions.ProxyConnectionError):
        cause = error.kwargs.get("error")
        return isinstance(getattr(cause, "original_error", cause), _NOT_CONNECTED_TO_PROXY)
    if isinstance(error, Unfinished):
        return not error.was_sent
    return isinstance(error, _NOT_CONNECTED)


def first_of(facts: Facts, error: object) -> tuple[str, Step] | None:
    """Return the fact and the next step of the first row that *error* matches; None: it matches no row."""
    return next(((fact, hint) for kinds, fact, hint in facts if isinstance(error, kinds)), None)


def message_of_aws(message: str, secrets: tuple[str, ...] = ()) -> str | None:
    """Return AWS's message as a terminal may show it, or None if it is empty or holds one of the secrets."""
    text = _inert(message, secrets)
    return None if text is None else _cut(text)


def _inert(message: str, secrets: tuple[str, ...]) -> str | None:
    text = printable(" ".join(message.split()))
    return None if not text or any(secret in message or secret in text for secret in secrets) else text


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_LENGTH else f"{text[:MESSAGE_LENGTH]}…"


def read_answer(error: exceptions.ClientError) -> tuple[str, str, int]:
    """Return AWS's error code, its message and the HTTP status."""
    answer: Mapping[str, Any] = error.response.get("Error", {})
    code = re.sub(r"[^A-Za-z0-9.:_-]", "", str(answer.get("Code", "")))[:80] or "Unknown"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code.rpartition(":")[2], str(answer.get("Message", "")), status


def is_failing(code: str, status: int) -> bool:
    """Tell whether AWS itself is failing, so that the same request may succeed later."""
    return status >= 500 or _BUSY.search(code) is not None  # noqa: PLR2004 - HTTP's server errors


def _answered(error: exceptions.ClientError, request: Request) -> AwsenvError:
    """Return the error of awsenv for an error response."""
    code, message, status = read_answer(error)
    if is_failing(code, status):
        failing = "is throttling" if "hrottl" in code or "Limit" in code else f"is failing (HTTP {status})"
        return _lost(f"{_where(request)} {failing}", request, f"{AGAIN} in a minute")
    if code.isdigit():
        host = host_of(request.endpoint)
        return _lost(f"{host} answered with HTTP {status}, which is not a response of AWS", request, *_PORTAL)
    if "MultiFactorAuthentication failed" in message:
        return _mfa_failed(message, request)
    if code in _UNKNOWN_KEY | _EXPIRED | _BAD_SIGNATURE:
        return _bad_key(code, message, request.signer)
    return _refused(code, message, request)


def _mfa_failed(message: str, request: Request) -> MfaError:
    device, origin = printable(request.serial or ""), request.origins.get("SerialNumber")
    if "one time pass code" in message and "must provide both" not in message and "unable" not in message:
        return CodeRejected(
            "AWS rejected that MFA code: it is wrong or was used",
            origin,
            hint=f"pass the next code of {device} as the second word",
        )
    return MfaError(
        f"the user has no MFA device {device}",
        origin,
        hint=("check mfa_serial", "aws iam list-mfa-devices shows the devices of the user"),
    )


def _bad_key(code: str, message: str, signer: Credentials) -> SourceError:
    key, source = f"access key …{signer.access_key_id[-4:]}", signer.source
    origin = None if source is None else source.origin
    if code in _EXPIRED:
        return SourceError(f"the credentials of {key} have expired", origin, hint=how_to_renew(source))
    if code in _UNKNOWN_KEY:
        return SourceError(f"AWS does not know the {key}", origin, hint=_UNKNOWN_HINT)
    ahead = _ahead(message)
    if ahead is not None:
        return wrong_clock(ahead)
    hint = "check that the whole secret access key was copied"
    return SourceError(f"the secret key does not belong to the {key}", origin, hint=hint)


def wrong_clock(ahead: float) -> SourceError:
    """Return the error of a clock that AWS does not accept, with AWS's clock *ahead* by so many seconds."""
    direction = "behind" if ahead > 0 else "ahead of"
    return SourceError(
        f"this computer's clock is {duration.rounded(ahead)} {direction} AWS's, and AWS accepts 15 minutes at most",
        hint=("set the clock: timedatectl", "on macOS, sntp"),
    )


def _ahead(message: str) -> float | None:
    """Return the seconds that AWS's clock is ahead of ours, from the message of SignatureDoesNotMatch.

    `Signature expired: SIGNED is now earlier than LIMIT (NOW - 15 min.)`, or
    `Signature not yet current: SIGNED is still later than LIMIT (NOW + 15 min.)`.
    """
    match = _WRONG_CLOCK.match(message)
    if match is None:
        return None
    try:
        signed, now = (datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z") for stamp in match.groups())
    except ValueError:
        return None
    return (now - signed).total_seconds()


def _refused(code: str, message: str, request: Request) -> RefusedError:
    text = _inert(message, request.secrets)
    because = None if text is None else f"AWS said: {_cut(text).rstrip('.')}"
    for words, fact, step in _SAYINGS:
        if words in message:
            source = request.signer.source
            return RefusedError(fact, None if source is None else source.origin, code=code, because=because, hint=step)
    denial = read(text or "") if code.startswith("AccessDenied") else None
    origin, hint = request.origins.get("RoleArn"), _HINTS.get(code)
    if code.startswith("AccessDenied"):
        hint = request.denied_hint(denial)
    if denial is not None:
        fact = f"AWS refused to let {denial.principal.title} {_what(request)}"
        return DeniedError(fact, origin, denial=denial, code=code, because=denial.because or because, hint=hint)
    if hint is None and "DurationSeconds" in message:
        origin = request.origins.get("DurationSeconds", origin)
        hint = _shorter(request, message)
    # Any other fault of a policy stays.
    is_unsettled = code in _UNSETTLED or (code == "MalformedPolicyDocument" and "Invalid principal" in message)
    return RefusedError(
        f"AWS refused {request.action} ({code})",
        origin,
        code=code,
        is_unsettled=is_unsettled,
        because=because,
        hint=hint,
    )


def _what(request: Request) -> str:
    """Return what a request does, after "to let user alice"."""
    role = request.parameters.get("RoleArn")
    if request.action == ASSUME_ROLE and role is not None:
        return f"assume role {printable(str(role).rpartition('/')[2])}"
    return f"call {request.action}"


def _shorter(request: Request, message: str) -> Hint:
    """Return the next steps if AWS grants no role or session for so long."""
    origin, role = request.origins.get("DurationSeconds"), request.parameters.get("RoleArn")
    less = f"ask for less: {'--duration' if origin is None else origin.setter}"
    if role is None or "chaining" in message:
        return less
    seconds = request.parameters.get("DurationSeconds")
    name = str(role).rpartition("/")[2]
    return less, f"aws iam update-role --role-name {name} --max-session-duration {seconds}"


def _root(error: exceptions.BotoCoreError) -> object:
    """Return the exception that botocore and urllib3 wrapped: for a TLS handshake it names what went wrong."""
    inner = error.kwargs.get("error")
    return inner.args[0] if isinstance(inner, Exception) and inner.args else inner


def title(request: Request) -> str:
    """Return what a request is sent to: `AWS STS at sts.amazonaws.com`."""
    return f"AWS {_where(request)}"


def _where(request: Request) -> str:
    host = host_of(request.endpoint)
    return f"{request.service} at {host}" if request.service else host


def _lost(fact: str, request: Request, *hints: str) -> UnreachableError:
    if request.serial is not None:
        return ResponseLost(f"{fact}, and the MFA code may have been used", hint="the device's next code")
    return UnreachableError(fact, hint=hints or (AGAIN, "check the network"))
