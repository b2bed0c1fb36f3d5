"""Faults on demand: what a network, a proxy or an outage at AWS does to one call."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from enum import Enum, unique
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from awsenv.sandbox.responses import Family, ServiceError, render, result

if TYPE_CHECKING:
    from awsenv.sandbox.operation import Operation


@unique
class Fault(Enum):
    """What goes wrong. The sandbox processes the request, and spends its MFA code, only where the value says so."""

    SERVER_ERROR = "500 InternalFailure"
    UNAVAILABLE = "503 ServiceUnavailable"
    THROTTLING = "400 Throttling"
    UNKNOWN_PRINCIPAL = "400 MalformedPolicyDocument, as when a role trusts a user that was just created"
    NOT_KNOWN_YET = "404 NoSuchEntity, as when a key was just created"
    HANG = "no response until the client gives up or the sandbox stops"
    SLOW = "the request is processed, and the response comes two seconds later"
    DROP = "the connection closes before the request is processed"
    DROP_AFTER = "the request is processed, and the connection closes before the response"
    TRUNCATED = "the request is processed, and the body of the 200 ends in the middle, with the secret key in it"
    HTML = "200 with the HTML of a captive portal"
    EMPTY = "200 with an empty result"


AFTERWARDS = frozenset({Fault.SLOW, Fault.DROP_AFTER, Fault.TRUNCATED})
"""The faults that hit after the request is processed."""

_PORTAL = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Guest network</h1></body></html>"
_ERRORS = {
    Fault.SERVER_ERROR: ServiceError("InternalFailure", "We encountered an internal error. Please try again.", 500),
    Fault.UNAVAILABLE: ServiceError("ServiceUnavailable", "Service is unavailable", 503),
    Fault.THROTTLING: ServiceError("Throttling", "Rate exceeded", 400),
    Fault.UNKNOWN_PRINCIPAL: ServiceError("MalformedPolicyDocument", "Invalid principal in policy", 400),
    Fault.NOT_KNOWN_YET: ServiceError("NoSuchEntity", "The Access Key cannot be found.", 404),
}


class _Bucket:
    """A limit of calls, as AWS has it: a bucket of tokens, which calls empty and time fills.

    Args:
        rate: Calls in a second, and at once.
    """

    def __init__(self, rate: float) -> None:
        self._rate = self._tokens = rate
        self._filled = time.monotonic()

    def take(self) -> bool:
        """Take a token, and return whether there was one."""
        now = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        has_one = self._tokens >= 1
        self._tokens -= has_one
        return has_one


class Faults:
    """The faults still to come, by action, and the limits of calls."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault | ServiceError]] = defaultdict(deque)
        self._limits: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def limit(self, action: str, rate: float | None) -> None:
        """Throttle the calls of *action* beyond *rate* in a second; None: do not."""
        with self._lock:
            self._limits.pop(action, None)
            if rate is not None:
                self._limits[action] = _Bucket(rate)

    def add(self, action: str, fault: Fault | ServiceError, times: int) -> None:
        """Make *times* more calls of *action* fail, after those already added."""
        with self._lock:
            self._waiting[action].extend([fault] * times)

    def left(self, action: str) -> int:
        """Return how many faults of *action* are still to come."""
        with self._lock:
            return len(self._waiting[action])

    def take(self, action: str) -> Fault | ServiceError | None:
        """Remove and return the fault for this call of *action*; None: there is none."""
        with self._lock:
            waiting, limit = self._waiting[action], self._limits.get(action)
            if waiting:
                return waiting.popleft()
            return None if limit is None or limit.take() else Fault.THROTTLING


def respond(fault: Fault | ServiceError, operation: Operation) -> Response:
    """Return the response of a fault that has one and that hits before the request is processed."""
    if fault is Fault.HTML:
        return Response(_PORTAL, content_type="text/html")
    if fault is Fault.EMPTY:
        return result(operation.action, {}) if operation.family is Family.QUERY else Response(content_type="text/xml")
    return render(fault if isinstance(fault, ServiceError) else _ERRORS[fault], operation.family)


def truncate(response: Response) -> None:
    """Cut a response short: after its secret key if it has one, else in the middle."""
    body = response.get_data()
    end = body.find(b"</SecretAccessKey>")
    response.set_data(body[: end if end > 0 else len(body) // 2])
