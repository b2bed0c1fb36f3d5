"""Why a request has no usable response: the network, a proxy, TLS, a time-out, or a response that is not from AWS."""

from __future__ import annotations

from _socket import gaierror

from awsenv import duration
from awsenv.aws.connection import EXCHANGE, NAME, PROXY_TLS, TCP
from awsenv.aws.http import LateError, TooLargeError, unanswered
from awsenv.aws.proxy import ProxyError, ending
from awsenv.aws.request import host_of
from awsenv.aws.response import MAX_RESPONSE
from awsenv.config import partitions
from awsenv.config.settings import MOST
from awsenv.errors import AGAIN, AwsenvError, ResponseLost, UnreachableError
from awsenv.record import replace
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.aws.connection import Unanswered
    from awsenv.aws.http import Attempt
    from awsenv.aws.request import Request
    from awsenv.errors import Origin

PORTAL = "check that no sign-in page of the network is in the way"
"""The next step after a response that is not from AWS."""

NOT_OF_AWS = "sent a response that is not from AWS"

_UNVERIFIED = (
    "the TLS certificate of {host} cannot be verified",
    "set AWS_CA_BUNDLE or ca_bundle to the CA certificate of your network",
    "set AWS_CA_BUNDLE or ca_bundle to the certificate of its CA",
)
_UNREACHABLE = (
    "{host} cannot be reached",
    "check the network, and that the region exists",
    "check {setting}, and that its host can be reached",
)
_WITHOUT_TLS = (
    "a TLS connection to {host} cannot be made",
    PORTAL,
    "write http:// in {setting}, if {host} has no TLS",
)
"""Why a connection to a host fails: the fact, the next step for a host of AWS, and that for a configured host."""


def no_response(error: Exception, request: Request) -> AwsenvError | None:
    """Return why there is no response; None: *error* is not `Unanswered`."""
    missing = unanswered(error)
    if missing is None:
        return None
    if isinstance(missing, ProxyError):
        return _of_proxy(missing, request)
    attempt = missing.attempt
    request = replace(request, endpoint=request.endpoint or attempt.url)
    if isinstance(missing.error, TimeoutError):
        return _late(attempt, request, is_over=isinstance(missing, LateError))
    if attempt.was_sent:
        too_large = f"sent more than {MAX_RESPONSE // 1024} KiB"
        does = too_large if isinstance(missing, TooLargeError) else ending(missing.error)
        return lost(f"{request.where} {does}" if does else f"the connection to {request.where} was lost", request)
    if missing.stage in {NAME, TCP, PROXY_TLS} and attempt.proxy is not None:
        proxy, hint = attempt.proxy, (f"check {attempt.proxy.variable}", "check the network")
        return UnreachableError(f"{proxy.title} cannot be reached", proxy.origin, because=_why(missing), hint=hint)
    return _not_connected(missing, request)


def may_be_repeated(error: Exception) -> bool:
    """Return whether no byte of a request was sent, and another attempt may succeed."""
    from ssl import SSLError  # noqa: PLC0415 - large, and seldom needed

    missing = unanswered(error)
    is_final = isinstance(missing, ProxyError) or (missing is not None and isinstance(missing.error, SSLError))
    return missing is not None and not missing.was_sent and not is_final


def lost(
    fact: str, request: Request, *hints: str, origins: tuple[Origin | None, ...] = (), more: str | None = None
) -> UnreachableError:
    """Return the error of a request without a usable response. An MFA code in it may be used up.

    Args:
        fact: What happened.
        request: The request.
        hints: The next steps; by default, to try again and to check the endpoint or the network.
        origins: Other origins of the fact.
        more: The step that allows more time.
    """
    setting = request.configured
    if request.serial is not None:
        fact, first = f"{fact}, and the MFA code may have been used", "the device's next code"
        return ResponseLost(fact, setting, *origins, hint=tuple(filter(None, [first, more])))
    first, second = (AGAIN, "check the network") if setting is None else (f"check {setting.setter}", AGAIN)
    return UnreachableError(fact, setting, *origins, hint=hints or (first, more or second))


def not_of_aws(request: Request, status: str = "") -> UnreachableError:
    """Return the error of a response that is not from AWS."""
    fact = f"{request.where} {NOT_OF_AWS}{status}"
    if request.configured is None:
        return lost(fact, request, PORTAL, AGAIN)
    return lost(fact, request, f"check {request.configured.setter}", PORTAL)


def _late(attempt: Attempt, request: Request, *, is_over: bool) -> UnreachableError:
    """Return the error of an attempt that took too long; the time of the call may be over."""
    seconds = max(round(attempt.seconds), 1)
    within = f"within {seconds} second{'s' if seconds > 1 else ''}"
    longer = min(max(60, 3 * seconds), MOST)
    more = f"set AWSENV_TIMEOUT={duration.exact(longer)} to wait longer" if is_over and longer > seconds else None
    origins: tuple[Origin | None, ...] = (attempt.limit,)
    through, step = "", attempt.proxy_hint or "check the network and DNS"
    if request.configured is not None:
        step = f"check {request.configured.setter}"
    if attempt.proxy is not None:
        origins, step = (attempt.proxy.origin, attempt.limit), f"check {attempt.proxy.variable}"
        through = f" through {attempt.proxy.title}"
    if attempt.was_sent:
        fact = f"{request.where} did not send a complete response{through} {within}"
        return lost(fact, request, origins=origins, more=more)
    fact = f"{request.where} could not be reached{through} {within}"
    return UnreachableError(fact, request.configured, *origins, hint=tuple(filter(None, [step, more])))


def _not_connected(error: Unanswered, request: Request) -> UnreachableError:
    from ssl import SSLCertVerificationError  # noqa: PLC0415 - large, and seldom needed

    host, origin = host_of(request.endpoint), request.configured
    # A host that closes a connection before the request is treated as unreachable.
    is_away = error.stage in {NAME, TCP, EXCHANGE}
    is_unverified = isinstance(error.error, SSLCertVerificationError)
    fact, step, step_of_setting = _UNVERIFIED if is_unverified else _UNREACHABLE if is_away else _WITHOUT_TLS
    if origin is not None:
        step = step_of_setting.format(host=host, setting=origin.setter)
    hints = [step]
    because = None
    if is_away:
        because = _why(error)
        # The region in `sts.us-esat-1.amazonaws.com`.
        region = host.split(".")[1] if origin is None and host.count(".") > 1 else ""
        meant = None if partitions.is_listed(region) else partitions.nearest_region(region)
        if meant is not None:
            hints = [f"use region {meant}, if {printable(region)} was meant for that"]
        hints += filter(None, [error.attempt.proxy_hint])
    return UnreachableError(fact.format(host=host), origin, because=because, hint=tuple(hints))


def _why(error: Unanswered) -> str | None:
    """Return why a connection cannot be opened, in the words of the system; None: it has none."""
    cause = error.error
    if isinstance(cause, gaierror):
        return "its name does not resolve"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(cause, OSError) and cause.strerror:
        return f"the system says: {cause.strerror}"
    return None


def _of_proxy(error: ProxyError, request: Request) -> UnreachableError:
    if request.serial is not None and error.was_sent:
        return lost(error.fact, replace(request, configured=error.origin))
    unused = "" if request.serial is None else "; AWS has not seen the MFA code"
    return UnreachableError(f"{error.fact}{unused}", error.origin, hint=error.hint)
