"""Why a request has no response of use: the network, a proxy, TLS, the end of the time, a response not from AWS."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore import exceptions

from awsenv import duration
from awsenv.aws.http import LateError, TooLargeError
from awsenv.aws.proxy import ProxyError, causes, ending
from awsenv.aws.request import host_of
from awsenv.config import limits
from awsenv.config.settings import MOST
from awsenv.errors import AGAIN, AwsenvError, ResponseLost, UnreachableError
from awsenv.wording import printable

if TYPE_CHECKING:
    from awsenv.aws.http import Attempt
    from awsenv.aws.request import Request
    from awsenv.errors import Origin

_LATE = (LateError, exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)
PORTAL = "check that no sign-in page of the network is in the way"
"""The next step after a response that is not from AWS."""

_NOT_CONNECTED: tuple[tuple[type[Exception], str, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the TLS certificate of {host} cannot be verified",
        "set AWS_CA_BUNDLE or ca_bundle to the CA certificate of your network",
        "set AWS_CA_BUNDLE or ca_bundle to the certificate of its CA",
    ),
    (
        exceptions.EndpointConnectionError,
        "{host} cannot be reached",
        "check the network, and that the region exists",
        "check {setting}, and that its host can be reached",
    ),
    (
        exceptions.BotoCoreError,
        "a TLS connection to {host} cannot be made",
        PORTAL,
        "write http:// in {setting}, if {host} has no TLS",
    ),
)
"""Why a connection to {host} fails: the fact, the next step for a host of AWS, and that for the host of a setting."""


def no_response(error: Exception, request: Request) -> AwsenvError | None:
    """Return why there is no response; None: *error* is not one of the network."""
    if isinstance(error, ProxyError):
        return _of_proxy(error, request)
    if not isinstance(error, (*_LATE, TooLargeError, exceptions.ConnectionError, exceptions.HTTPClientError)):
        return None
    attempt: Attempt = error.kwargs["attempt"]
    request = replace(request, endpoint=request.endpoint or attempt.url)
    if isinstance(error, _LATE) or (not attempt.was_sent and _has(error, TimeoutError)):
        return _late(attempt, request, is_over=isinstance(error, LateError))
    if attempt.was_sent:
        does = str(error) if isinstance(error, TooLargeError) else ending(error)
        return lost(f"{request.where} {does}" if does else f"the connection to {request.where} was lost", request)
    if isinstance(error, exceptions.ProxyConnectionError) and attempt.proxy is not None:
        proxy, hint = attempt.proxy, (f"check {attempt.proxy.variable}", "check the network")
        return UnreachableError(f"{proxy.title} cannot be reached", proxy.origin, because=_why(error), hint=hint)
    return _not_connected(error, attempt, request)


def may_be_repeated(error: Exception) -> bool:
    """Tell whether a request with a code never left this machine, and may succeed at another try."""
    attempt: Attempt | None = getattr(error, "kwargs", {}).get("attempt")
    return attempt is not None and not attempt.was_sent and not isinstance(error, exceptions.SSLError)


def lost(
    fact: str, request: Request, *hints: str, origins: tuple[Origin | None, ...] = (), more: str | None = None
) -> UnreachableError:
    """Return the error of a request without a response of use. An MFA code in it may be used up.

    Args:
        fact: What happened.
        request: The request.
        hints: The next steps; none: to try again, and to check what leads there.
        origins: What else the fact is about.
        more: How to allow more time.
    """
    setting = request.configured
    if request.serial is not None:
        fact, first = f"{fact}, and the MFA code may have been used", "the device's next code"
        return ResponseLost(fact, setting, *origins, hint=tuple(filter(None, [first, more])))
    first, second = (AGAIN, "check the network") if setting is None else (f"check {setting.setter}", AGAIN)
    return UnreachableError(fact, setting, *origins, hint=hints or (first, more or second))


def not_of_aws(request: Request, status: str = "") -> UnreachableError:
    """Return the error of a response that is not from AWS."""
    fact = f"{request.where} sent a response that is not from AWS{status}"
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
    through, step = "", attempt.instead_of_ignored or "check the network and DNS"
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


def _not_connected(error: exceptions.BotoCoreError, attempt: Attempt, request: Request) -> UnreachableError:
    host, origin = host_of(request.endpoint), request.configured
    fact, step, step_of_setting = next(row for kind, *row in _NOT_CONNECTED if _has(error, kind))
    if origin is not None:
        step = step_of_setting.format(host=host, setting=origin.setter)
    hints = [step]
    because = None
    if isinstance(error, exceptions.EndpointConnectionError):
        because = _why(error)
        # `sts.us-esat-1.amazonaws.com`
        region = host.split(".")[1] if origin is None and host.count(".") > 1 else ""
        meant = None if limits.is_listed(region) else limits.nearest_region(region)
        if meant is not None:
            hints = [f"use region {meant}, if {printable(region)} was meant for that"]
        hints += filter(None, [attempt.instead_of_ignored])
    return UnreachableError(fact.format(host=host), origin, because=because, hint=tuple(hints))


def _has(error: Exception, kind: type[Exception]) -> bool:
    return any(isinstance(cause, kind) for cause in causes(error))


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
    fact, origin, hint, was_sent = map(error.kwargs.get, ("fact", "origin", "hint", "was_sent"))
    if request.serial is not None and was_sent:
        return lost(str(fact), replace(request, configured=origin))
    unused = "" if request.serial is None else "; AWS has not seen the MFA code"
    return UnreachableError(f"{fact}{unused}", origin, hint=hint)
