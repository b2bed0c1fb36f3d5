"""Error responses of AWS, which refuse a request or say that AWS is failing, as errors of awsenv.

AWS's message is passed on if it holds no secret.
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from awsenv import duration
from awsenv.aws.denial import DeniedError, read
from awsenv.aws.network import NOT_OF_AWS, lost, not_of_aws
from awsenv.aws.query import UNKNOWN
from awsenv.aws.request import NARROWS, steps
from awsenv.config.sources import how_to_renew
from awsenv.errors import (
    AGAIN,
    PORTAL,
    AwsenvError,
    CodeRejected,
    Hint,
    MfaError,
    RefusedError,
    SourceError,
    UnreachableError,
)
from awsenv.iam.trust import ASSUME_ROLE
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from awsenv.aws.query import ErrorResponse
    from awsenv.aws.request import Request
    from awsenv.model import Credentials

_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_BAD_SIGNATURE = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException"})
_BAD_TIME = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_IS_THROTTLING = "is throttling"
_UNKNOWN_ACTION = "InvalidAction"
_BAD_SESSION = "InvalidSubjectCredentials"
_THROTTLING = re.compile("Throttl|TooManyRequests|RequestLimit")
"""Parts of the codes of failures that may have a status below 500. botocore lists the whole codes."""
_UNSETTLED = frozenset({"NoSuchEntity", "EntityTemporarilyUnmodifiable", "ConcurrentModification"})
"""IAM is eventually consistent: a new user may not be a principal yet, a new role not there to attach to (IAM guide,
"Troubleshoot IAM: changes that I make are not always immediately visible")."""

_UNKNOWN_HINT = (
    "check that it exists and is active; a temporary one needs its token",
    "in an opt-in region, check that the account has enabled the region",
)

_HINTS: dict[str, Hint] = {
    "RegionDisabledException": (
        "activate AWS STS for that region in the account settings of IAM",
        "choose another region with --region",
    ),
}
"""The next step after a refusal, by AWS's error code."""

_VALUES = {
    "PackedPolicyTooLarge": ("shorten {}", ("Policy", "Tags", "PolicyArns")),
    "MalformedPolicyDocument": ("correct {}", ("Policy",)),
    "InsufficientSessionLifetime": ("ask for no more than is left of the credentials: {}", ("DurationSeconds",)),
}
"""The next step after a refusal of values that the user has set, and their parameters, by AWS's error code."""

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
    (
        "Credential should be scoped to",
        "the request is signed for another region than that of its endpoint",
        "name the region of the endpoint with --region",
    ),
)
"""Messages of AWS about credentials that can never make the request, the fact, and the next steps."""

MESSAGE_LENGTH = 400
"""The most characters that are shown of a message without a reason. The messages of STS have some 200."""

_WRONG_CLOCK = re.compile(
    r"Signature (?:expired|not yet current): ([0-9]{8}T[0-9]{6}Z) .*\(([0-9]{8}T[0-9]{6}Z) [-+] 15 min", re.DOTALL
)
"""AWS's message about the time of a signature, with the time of the signature and AWS's own time."""


def message_of_aws(message: str, secrets: tuple[str, ...] = ()) -> str | None:
    """Return AWS's message as a terminal may show it, or None if it is empty or holds one of the secrets."""
    text = _inert(message, secrets)
    return None if text is None else _cut(text)


def _inert(message: str, secrets: tuple[str, ...]) -> str | None:
    text = printable(" ".join(message.split()))
    return None if not text or any(secret in message or secret in text for secret in secrets) else text


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_LENGTH else f"{text[:MESSAGE_LENGTH]}…"


def failing(code: str, status: int) -> str | None:
    """Return how AWS is failing, as a predicate; None: it is not. The same request may succeed later."""
    if _THROTTLING.search(code) or status == HTTPStatus.TOO_MANY_REQUESTS:
        return _IS_THROTTLING
    is_server = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED
    return f"is failing (HTTP {status})" if is_server else None


def refusal_of(error: ErrorResponse, request: Request) -> AwsenvError:
    """Return the error of awsenv for an error response."""
    code, message, status = error.code, error.message, error.status
    # botocore takes the status of a page for the code, or finds none in it.
    is_foreign = code.isdigit() or code == UNKNOWN
    if does := failing(code, status):
        hints = [f"{AGAIN} in a minute"]
        if is_foreign and request.configured is not None:
            hints.insert(0, f"check {request.configured.setter}")
        elif is_foreign:
            hints.append(PORTAL)
        failed = lost(f"{request.where} {does}", request, *hints, is_foreign=is_foreign)
        failed.is_throttling = does == _IS_THROTTLING
        return failed
    if is_foreign:
        return not_of_aws(request, f" (HTTP {status})")
    if "MultiFactorAuthentication failed" in message:
        return _mfa_failed(message, request)
    if code in _BAD_TIME:
        return wrong_clock(_ahead(message))
    if code in _UNKNOWN_KEY | _EXPIRED | _BAD_SIGNATURE and not any(words in message for words, *_ in _SAYINGS):
        return _bad_key(code, message, request.signer)
    return _refused(code, message, request)


def withheld(error: ErrorResponse, issuer: str, *, renew: Hint, refused: Hint) -> AwsenvError:
    """Return the error of awsenv for the error response of a service that gives no credentials.

    Args:
        error: The error response.
        issuer: The service, for the user.
        renew: The next step if a token has expired.
        refused: The next step after a refusal.
    """
    code, message, status = error.code, error.message, error.status
    text = message_of_aws(message)
    because = None if text is None else f"AWS said: {text.rstrip('.')}"
    if does := failing(code, status):
        return UnreachableError(f"{issuer} {does}", hint=AGAIN)
    if code == UNKNOWN or (code.isdigit() and message.startswith("<")):
        return UnreachableError(f"{issuer} {NOT_OF_AWS} (HTTP {status})", hint=(PORTAL, AGAIN))
    if "IDPCommunication" in code:
        return UnreachableError(f"{issuer} cannot reach the identity provider ({code})", because=because, hint=AGAIN)
    has_expired = "Expired" in code or status == HTTPStatus.UNAUTHORIZED
    if has_expired or code == "InvalidIdentityToken":
        fact, step = f"{issuer} did not accept the token ({code})", renew if has_expired else refused
        return SourceError(fact, because=because, hint=step)
    denial = read(text or "")
    if denial is not None and denial.because is not None:
        because, refused = denial.because, steps(denial)
    return RefusedError(f"{issuer} refused to give credentials ({code})", code=code, because=because, hint=refused)


def is_of_time(error: ErrorResponse) -> bool:
    """Return whether AWS refuses the time of a signature."""
    return error.code in _BAD_TIME or (error.code in _BAD_SIGNATURE and _is_of_time(error.message))


def _is_of_time(message: str) -> bool:
    return "Signature expired" in message or "Signature not yet current" in message


def _mfa_failed(message: str, request: Request) -> MfaError:
    device, origin = printable(request.serial or ""), request.origins.get("SerialNumber")
    if "one time pass code" in message and "must provide both" not in message and "unable" not in message:
        return CodeRejected(
            "AWS rejected that MFA code: it is wrong or already used",
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
    if _is_of_time(message):
        return wrong_clock(_ahead(message))
    hint = "check that the whole secret access key was copied"
    return SourceError(f"the secret key does not belong to the {key}", origin, hint=hint)


def wrong_clock(ahead: float | None) -> SourceError:
    """Return the error of a clock that AWS does not accept, with AWS's clock *ahead* by so many seconds, if known."""
    fact = "this computer's clock differs from AWS's"
    if ahead is not None:
        fact = f"this computer's clock is {duration.rounded(ahead)} {'behind' if ahead > 0 else 'ahead of'} AWS's"
    return SourceError(
        f"{fact}, and AWS accepts 15 minutes at most",
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
    step, names = _VALUES.get(code, ("", ()))
    if configured := [request.origins[name] for name in names if name in request.origins]:
        origin, hint = configured[0], tuple(step.format(each.setter) for each in configured[:2])
    if hint is None and "DurationSeconds" in message:
        origin = request.origins.get("DurationSeconds", origin)
        hint = _shorter(request, message)
    fact = f"AWS refused {request.action} ({code})"
    if code == _BAD_SESSION:
        source = request.signer.source
        origin, hint = None if source is None else source.origin, how_to_renew(source)
    elif code == _UNKNOWN_ACTION:
        fact, origin, hint = f"{request.where} does not know {request.action}", request.configured, _without(request)
    # Any other fault of a policy stays.
    is_unsettled = code in _UNSETTLED or (code == "MalformedPolicyDocument" and "Invalid principal" in message)
    return RefusedError(
        fact,
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


def _without(request: Request) -> Hint:
    """Return the next steps if the endpoint does not know the action."""
    hints = [] if request.configured is None else [f"check {request.configured.setter}"]
    if request.action == NARROWS:
        setters = dict.fromkeys(origin.setter for origin in request.origins.values())
        hints.append(f"leave out {listed(list(setters) or ['what narrows the role'])}")
        hints.append("narrow a role that awsenv assumes, for 15m or more: sts:AssumeRole does that")
    return tuple(hints[:2])


def _shorter(request: Request, message: str) -> Hint:
    """Return the next steps if AWS grants no role or session for so long."""
    origin, role = request.origins.get("DurationSeconds"), request.parameters.get("RoleArn")
    less = f"ask for less: {'--duration' if origin is None else origin.setter}"
    if role is None or "chaining" in message:
        return less
    seconds = request.parameters.get("DurationSeconds")
    name = str(role).rpartition("/")[2]
    return less, f"aws iam update-role --role-name {name} --max-session-duration {seconds}"
