"""Why a request has no usable response: the network, a proxy, TLS, a time-out, or a response that is not from AWS."""

from __future__ import annotations

from _socket import gaierror
from urllib.parse import urlsplit

from awsenv import duration
from awsenv.aws.connection import EXCHANGE, NAME, PROXY_TLS, TCP, TLS, TUNNEL, Refused
from awsenv.aws.http import LateError, TooLargeError, unanswered
from awsenv.aws.proxy import ProxyError, ending
from awsenv.aws.request import host_of
from awsenv.aws.response import MAX_RESPONSE, NotHttp, TooLarge
from awsenv.config import partitions
from awsenv.config.settings import MOST
from awsenv.errors import AGAIN, PORTAL, AwsenvError, ForeignResponse, ResponseLost, UnreachableError
from awsenv.record import replace
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.aws.connection import Unanswered
    from awsenv.aws.request import Request
    from awsenv.errors import Origin

NOT_OF_AWS = "sent a response that is not from AWS"

_NEXT = "the device's next code"
"""The next step in place of `AGAIN`, if the MFA code may have been used."""

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

_TOO_LATE = {
    NAME: "the name {name} did not resolve",
    TCP: "{first} could not be reached",
    PROXY_TLS: "{first} did not complete the TLS handshake",
    TUNNEL: "{first} did not connect to {host}",
    TLS: "{where} did not complete the TLS handshake{through}",
    EXCHANGE: "{where} did not take the request{through}",
}
"""What did not happen in time, by the stage, if no byte of the request was sent. The first host may be a proxy."""


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
        return _late(missing, request)
    if attempt.was_sent:
        too_large = f"sent more than {MAX_RESPONSE // 1024} KiB"
        does = too_large if isinstance(missing, TooLargeError) else ending(missing.error)
        fact = f"{request.where} {does}" if does else f"the connection to {request.where} was lost"
        return lost(fact, request, is_foreign=_is_foreign(missing))
    if missing.stage in {NAME, TCP, PROXY_TLS} and attempt.proxy is not None:
        proxy, hint = attempt.proxy, (f"check {attempt.proxy.variable}", "check the network")
        return UnreachableError(f"{proxy.title} cannot be reached", proxy.origin, because=_why(missing), hint=hint)
    return _not_connected(missing, request)


def may_be_repeated(error: Exception) -> bool:
    """Return whether no byte of a request was sent, and another attempt may succeed."""
    from ssl import SSLEOFError, SSLError  # noqa: PLC0415 - large, and seldom needed

    missing = unanswered(error)
    if missing is None or missing.was_sent or isinstance(missing, ProxyError):
        return False
    # A server that shuts down cuts a handshake off. Any other error of TLS would be the same again.
    return isinstance(missing.error, SSLEOFError) or not isinstance(missing.error, SSLError)


def lost(
    fact: str,
    request: Request,
    *hints: str,
    origins: tuple[Origin | None, ...] = (),
    more: str | None = None,
    is_foreign: bool = False,
) -> UnreachableError:
    """Return the error of a request without a usable response. An MFA code in it may be used up.

    Args:
        fact: What happened.
        request: The request.
        hints: The next steps; by default, to try again and to check the endpoint or the network.
        origins: Other origins of the fact.
        more: The step that allows more time.
        is_foreign: Whether the response is not from AWS.
    """
    setting = request.configured
    first, second = (AGAIN, "check the network") if setting is None else (f"check {setting.setter}", AGAIN)
    hints = hints or (first, more or second)
    if request.serial is None:
        return UnreachableError(fact, setting, *origins, hint=hints)
    kind = ForeignResponse if is_foreign else ResponseLost
    steps = tuple(hint.replace(AGAIN, _NEXT) for hint in hints)
    return kind(f"{fact}, and the MFA code may have been used", setting, *origins, hint=steps)


def not_of_aws(request: Request, status: str = "") -> UnreachableError:
    """Return the error of a response that is not from AWS."""
    fact = f"{request.where} {NOT_OF_AWS}{status}"
    hints = (PORTAL, AGAIN) if request.configured is None else (f"check {request.configured.setter}", PORTAL)
    return lost(fact, request, *hints, is_foreign=True)


def _is_foreign(error: Unanswered) -> bool:
    """Return whether a server has sent what AWS never sends, and would send to another code, too."""
    return isinstance(error.error, (NotHttp, Refused, TooLarge))


def _late(error: Unanswered, request: Request) -> UnreachableError:
    """Return the error of an attempt that took too long; the time of the call may be over."""
    attempt = error.attempt
    proxy, setting = attempt.proxy, request.configured
    seconds = max(round(attempt.seconds), 1)
    longer = min(max(60, 3 * seconds), MOST)
    is_over = isinstance(error, LateError) and longer > seconds
    more = f"set AWSENV_TIMEOUT={duration.exact(longer)} to wait longer" if is_over else None
    origins = (None if proxy is None else proxy.origin, attempt.limit)
    step = attempt.proxy_hint or "check the network and DNS"
    if setting is not None:
        step = f"check {setting.setter}"
    if proxy is not None:
        step = f"check {proxy.variable}"
    does = _TOO_LATE[error.stage] if not attempt.was_sent else "{where} did not send a complete response{through}"
    fact = does.format(
        name=urlsplit(request.endpoint if proxy is None else proxy.url).hostname,
        first=request.where if proxy is None else proxy.title,
        host=host_of(request.endpoint),
        where=request.where,
        through="" if proxy is None else f" through {proxy.title}",
    )
    fact += f" within {seconds} second{'s' if seconds > 1 else ''}"
    if attempt.was_sent:
        return lost(fact, request, origins=origins, more=more)
    if proxy is not None and error.stage in {NAME, TCP, PROXY_TLS}:
        setting = None
    return UnreachableError(fact, setting, *origins, hint=tuple(filter(None, [step, more])))


def _not_connected(error: Unanswered, request: Request) -> UnreachableError:
    from ssl import SSLCertVerificationError  # noqa: PLC0415 - large, and seldom needed

    host, origin = host_of(request.endpoint), request.configured
    # A host that closes a connection before the request is treated as unreachable.
    is_away = error.stage in {NAME, TCP, EXCHANGE}
    fact, step, step_of_setting = _UNREACHABLE if is_away else _WITHOUT_TLS
    because = None
    if isinstance(error.error, SSLCertVerificationError):
        from awsenv.aws.certificate import cause  # noqa: PLC0415 - the same

        fact = "the TLS certificate of {host} cannot be verified"
        because, (step, step_of_setting) = cause(error.error)
    if origin is not None:
        step = step_of_setting.format(host=host, setting=origin.setter)
    hints = [step]
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
        hints = (error.hint,) if isinstance(error.hint, str) else error.hint
        return lost(error.fact, replace(request, configured=error.origin), *hints, is_foreign=_is_foreign(error))
    unused = "" if request.serial is None else "; AWS has not seen the MFA code"
    return UnreachableError(f"{error.fact}{unused}", error.origin, because=error.because, hint=error.hint)
