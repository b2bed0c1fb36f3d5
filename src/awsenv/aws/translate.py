"""The exceptions of botocore as the errors of awsenv.

The text of an exception is never passed on: `ResponseParserError` holds the body of the response, parameter
validation the parameters, `CredentialRetrievalError` the output of a command. AWS's own message is passed on if it
holds no secret.
"""

from __future__ import annotations

import re
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore import exceptions

from awsenv import duration
from awsenv.aws.http import Unfinished
from awsenv.aws.session import host_of
from awsenv.errors import (
    AwsenvError,
    CodeRejected,
    ConfigError,
    MfaError,
    RefusedError,
    ResponseLost,
    SourceError,
    UnreachableError,
)
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.config import Config

    from awsenv.aws.session import AwsSession
    from awsenv.model import Credentials
    from awsenv.origin import Origin

_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_BAD_SIGNATURE = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"})
_BUSY = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "SlowDown",
        "InternalFailure",
        "InternalError",
        "IDPCommunicationError",
    }
)

_NOT_CONNECTED = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)
_NOT_CONNECTED_TO_PROXY = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)

Facts = tuple[tuple[tuple[type[Exception], ...], str, str], ...]
"""Rows of what is raised, the fact, the next step."""

_SETTINGS: Facts = (
    (
        (exceptions.ParamValidationError,),
        "AWS does not accept a value of the request",
        "check the settings of the role",
    ),
    (
        (exceptions.InvalidRegionError, exceptions.BaseEndpointResolverError),
        "the region has no endpoint",
        "check the region, or choose another with --region",
    ),
    (
        (
            exceptions.EndpointProviderError,
            exceptions.InvalidConfigError,
            exceptions.InvalidDefaultsMode,
            exceptions.InvalidProxiesConfigError,
            exceptions.InvalidRetryConfigurationError,
            exceptions.InvalidSTSRegionalEndpointsConfigError,
        ),
        "botocore does not accept a setting of the profile or of the environment",
        "check the endpoint, FIPS, retry and proxy settings",
    ),
)
"""Settings that make calls impossible."""

_NOT_SENT: Facts = (
    (
        (exceptions.SSLError,),
        "a TLS connection to {host} cannot be made",
        "check endpoint_url, AWS_ENDPOINT_URL and HTTPS_PROXY",
    ),
    ((exceptions.ConnectTimeoutError,), "{host} does not answer", "check the network, and that the region exists"),
    (
        (exceptions.EndpointConnectionError,),
        "{host} cannot be reached",
        "check the network, the proxy, and that the region exists",
    ),
)
"""Why a connection cannot be made."""

_HINTS = {
    "RegionDisabledException": "activate AWS STS for that region in the account settings of IAM, or choose another "
    "with --region",
    "PackedPolicyTooLarge": "together, the session policy and the tags are too large: shorten --policy, or remove tags",
    "MalformedPolicyDocument": "check the JSON of --policy",
}
"""The next step after a refusal, by AWS's error code."""

MESSAGE_LENGTH = 400
"""The most characters of AWS's message that are shown. The messages of STS have some 200."""

_NO_FILE = (FileNotFoundError, PermissionError, IsADirectoryError)

_WRONG_CLOCK = re.compile(
    r"Signature (?:expired|not yet current): ([0-9]{8}T[0-9]{6}Z) .*\(([0-9]{8}T[0-9]{6}Z) [-+] 15 min", re.DOTALL
)
"""What AWS says of a signature of another time. The first stamp is that of the signature, the second AWS's own."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call, with what its errors need to name the right place and the next step."""

    operation: str = ""
    """As AWS's permissions name it: `sts:AssumeRole`."""
    endpoint: str = ""
    """The URL."""
    key_id: str | None = None
    """The access key that signs."""
    key_origin: Origin | None = None
    """Where that key stands; None: an earlier hop returned it."""
    key_hint: str | None = None
    """How to renew it."""
    serial: str | None = None
    """The device whose MFA code is in the call: a lost response is then a `ResponseLost`. None: there is no code."""
    serial_origin: Origin | None = None
    duration_origin: Origin | None = None
    denied_origin: Origin | None = None
    denied_hint: str | None = None
    """The possible causes of an AccessDenied."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that no message may hold."""

    @property
    def service(self) -> str:
        """The service as people call it: `STS`."""
        return self.operation.partition(":")[0].upper()


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Raise what a call raises as an error of awsenv.

    Raises:
        AwsenvError: Any but those of the command line and of `exec`.
    """
    try:
        yield
    except AwsenvError:
        raise
    except Exception as error:  # noqa: BLE001 - a bare KeyError is how botocore takes HTML for an answer
        # The cause may hold a secret: it is not passed on.
        raise translate(error, call) from None


def connect(
    session: AwsSession, service: str, signer: Credentials, call: Call, config: Config | None = None
) -> tuple[Any, Call]:
    """Return a client whose requests *signer* signs, and *call* with its endpoint, its key and its secrets.

    Raises:
        ConfigError: A setting makes requests impossible.
    """
    with translated(call):
        client = session.create_signed_client(service, signer, config)
        endpoint = session.url_of(client)
    secrets = (*call.secrets, signer.secret_access_key, signer.session_token)
    return client, replace(call, endpoint=endpoint, key_id=signer.access_key_id, secrets=tuple(filter(None, secrets)))


def was_not_sent(error: Exception) -> bool:
    """Tell whether the request never left this machine, so that it may be sent again with the same code.

    botocore raises the same error for a proxy that cannot be reached and for one that takes the request and hangs up
    (measured on urllib3 1.26 and 2.8): only the cause differs.
    """
    if isinstance(error, exceptions.ProxyConnectionError):
        cause = error.kwargs.get("error")
        return isinstance(getattr(cause, "original_error", cause), _NOT_CONNECTED_TO_PROXY)
    return isinstance(error, _NOT_CONNECTED)


def translate(error: Exception, call: Call) -> AwsenvError:
    """Return the error of awsenv for *error*, raised by *call*."""
    if isinstance(error, exceptions.ClientError):
        return _answered(error, call)
    return (
        _misconfigured(error)
        or _not_sent(error, call.endpoint)
        or _lost(call, _silence(error, f"{call.service} at {host_of(call.endpoint)}"))
    )


def unreachable(error: Exception) -> UnreachableError | None:
    """Return what *error* means if it is one of the network, else None."""
    if isinstance(error, Unfinished):
        return UnreachableError(f"{host_of(error.kwargs['url'])} {error}", hint="try again")
    if not isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return None
    url = str(error.kwargs.get("endpoint_url") or "AWS")
    return _not_sent(error, url) or UnreachableError(_silence(error, host_of(url)), hint="try again")


def first_of(facts: Facts, error: Exception) -> tuple[str, str] | None:
    """Return the fact and the next step of the first row that *error* matches; None: it matches no row."""
    return next(((fact, hint) for kinds, fact, hint in facts if isinstance(error, kinds)), None)


def message_of_aws(message: str, secrets: tuple[str, ...] = ()) -> str | None:
    """Return AWS's message as a terminal may show it, or None if it is empty or holds one of the secrets."""
    text = printable(" ".join(message.split()))
    if not text or any(secret in message or secret in text for secret in secrets if secret):
        return None
    return text if len(text) <= MESSAGE_LENGTH else f"{text[:MESSAGE_LENGTH]}…"


def _answered(error: exceptions.ClientError, call: Call) -> AwsenvError:
    """Return the error of awsenv for an error response."""
    code, message, status = read_answer(error)
    if is_failing(code, status):
        failing = "is throttling" if "hrottl" in code or "Limit" in code else f"is failing (HTTP {status})"
        return _lost(call, f"{call.service} at {host_of(call.endpoint)} {failing}")
    if code.isdigit():
        return _lost(call, f"{host_of(call.endpoint)} answered with HTTP {status}, which is not a response of AWS")
    if "MultiFactorAuthentication failed" in message:
        return _mfa_failed(message, call)
    if code in _UNKNOWN_KEY | _EXPIRED | _BAD_SIGNATURE:
        return _bad_key(code, message, call)
    return _refused(code, message, call)


def read_answer(error: exceptions.ClientError) -> tuple[str, str, int]:
    """Return AWS's error code, its message and the HTTP status."""
    answer: Mapping[str, Any] = error.response.get("Error", {})
    code = re.sub(r"[^A-Za-z0-9.:_-]", "", str(answer.get("Code", "")))[:80] or "Unknown"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code.rpartition(":")[2], str(answer.get("Message", "")), status


def is_failing(code: str, status: int) -> bool:
    """Tell whether AWS itself is failing, so that the same call may succeed later."""
    return status >= 500 or code in _BUSY  # noqa: PLR2004 - HTTP's server errors


def _mfa_failed(message: str, call: Call) -> MfaError:
    if "one time pass code" in message and "must provide both" not in message and "unable" not in message:
        return CodeRejected(
            "AWS rejected that MFA code: it is wrong, or has been used",
            call.serial_origin,
            hint=f"pass the next code of {printable(call.serial or '')} as the second word",
        )
    return MfaError(
        f"the user has no MFA device {printable(call.serial or '')}",
        call.serial_origin,
        hint="check mfa_serial; aws iam list-mfa-devices shows the devices of the user",
    )


def _bad_key(code: str, message: str, call: Call) -> SourceError:
    key = f"the access key …{(call.key_id or '')[-4:]}"
    if code in _EXPIRED:
        return SourceError(
            f"the credentials of {key.removeprefix('the ')} have expired",
            call.key_origin,
            hint=call.key_hint or "renew them",
        )
    if code in _UNKNOWN_KEY:
        return SourceError(
            f"AWS does not know {key}",
            call.key_origin,
            hint="check that it was not deleted or deactivated, and has its session token if it is temporary; "
            "in an opt-in region, check that the account has enabled the region",
        )
    ahead = _ahead(message)
    if ahead is not None:
        return wrong_clock(ahead)
    return SourceError(
        f"the secret key does not belong to {key}",
        call.key_origin,
        hint="check that the whole secret access key was copied",
    )


def wrong_clock(ahead: float) -> SourceError:
    """Return the error of a clock that AWS does not accept, with AWS's clock *ahead* by so many seconds."""
    direction = "behind" if ahead > 0 else "ahead of"
    return SourceError(
        f"this computer's clock is {duration.rounded(ahead)} {direction} AWS's, and AWS accepts 15 minutes at most",
        hint="set the clock: timedatectl, or sntp on macOS",
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


def _refused(code: str, message: str, call: Call) -> RefusedError:
    text = message_of_aws(message, call.secrets)
    # "User: ARN is not authorized to perform: sts:AssumeRole on resource: ARN" names the operation already.
    what = "" if text and call.operation in text else f" {call.operation}"
    fact = f"AWS refused{what} ({code})" + (f": {text.rstrip('.')}" if text else "")
    origin, hint = call.denied_origin, _HINTS.get(code)
    if code == "AccessDenied":
        hint = call.denied_hint
    elif hint is None and "DurationSeconds" in message:
        origin = call.duration_origin or origin
        hint = "request less (duration_seconds, --duration), or raise the maximum session duration of the role"
    return RefusedError(fact, origin, code=code, hint=hint)


def _not_sent(error: Exception, endpoint: str) -> UnreachableError | None:
    """Return why no connection was made; None: *error* is of another kind."""
    host = host_of(endpoint)
    if isinstance(error, exceptions.SSLError) and isinstance(_root(error), ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the TLS certificate of {host} cannot be verified",
            hint="behind a proxy that inspects TLS, set AWS_CA_BUNDLE or ca_bundle to its CA certificate",
        )
    if isinstance(error, exceptions.ProxyConnectionError) and was_not_sent(error):
        proxy = host_of(str(error.kwargs.get("proxy_url", "")))
        return UnreachableError(
            f"the proxy {proxy} cannot be reached", hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
        )
    row = first_of(_NOT_SENT, error)
    return None if row is None else UnreachableError(row[0].format(host=host), hint=row[1])


def _misconfigured(error: Exception) -> ConfigError | None:
    """Return the setting that made the call impossible; None: *error* is of another kind."""
    root = _root(error)
    if isinstance(root, _NO_FILE) or (isinstance(root, ssl.SSLError) and root.library == "X509"):
        return ConfigError("the CA bundle cannot be read", hint="check AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and ca_bundle")
    if type(error) is ValueError and str(error).startswith("Invalid endpoint"):
        return ConfigError("the endpoint is not a URL", hint="check endpoint_url and AWS_ENDPOINT_URL")
    row = first_of(_SETTINGS, error)
    return None if row is None else ConfigError(row[0], hint=row[1])


def _root(error: Exception) -> Exception:
    """Return the exception that botocore and urllib3 wrapped: for a TLS handshake it names what went wrong."""
    inner = error.kwargs.get("error") if isinstance(error, exceptions.BotoCoreError) else None
    first = inner.args[0] if isinstance(inner, Exception) and inner.args else inner
    return first if isinstance(first, Exception) else error


def _silence(error: Exception, where: str) -> str:
    """Return why there is no response, as a sentence about *where*."""
    if isinstance(error, Unfinished):
        return f"{where} {error}"
    if isinstance(error, exceptions.ReadTimeoutError):
        return f"{where} did not answer in time"
    if isinstance(error, exceptions.HTTPClientError):
        return f"the connection to {where} was lost"
    return f"{where} sent a response that is not from AWS"


def _lost(call: Call, fact: str) -> UnreachableError:
    if call.serial is not None:
        return ResponseLost(f"{fact}; the MFA code may have been used", hint="try again with the device's next code")
    return UnreachableError(fact, hint="try again; check that no sign-in page of the network is in the way")
