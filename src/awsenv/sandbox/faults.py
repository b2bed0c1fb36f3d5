"""Faults on demand: what a network, a proxy or a bad day at AWS does to one call."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import replace
from enum import Enum, unique
from typing import TYPE_CHECKING

from awsenv.sandbox.answers import Answer, Family, ServiceError, render, result

if TYPE_CHECKING:
    from awsenv.sandbox.operation import Operation


@unique
class Fault(Enum):
    """What goes wrong. The request is taken (a code in it is spent) only where it says so."""

    SERVER_ERROR = "500 InternalFailure"
    UNAVAILABLE = "503 ServiceUnavailable"
    THROTTLING = "400 Throttling"
    UNKNOWN_PRINCIPAL = "400 MalformedPolicyDocument, as for a role that trusts a user made a moment ago"
    NOT_KNOWN_YET = "404 NoSuchEntity, as for a key made a moment ago"
    HANG = "no answer, until the client gives up or the sandbox stops"
    DROP = "the connection closes before the request is taken"
    DROP_AFTER = "the request is taken, and the connection closes before the answer"
    TRUNCATED = "the request is taken, and the body of the 200 ends in the middle, with the secret key in it"
    HTML = "200 with the HTML of a captive portal"
    EMPTY = "200 with an empty result"


TAKEN = frozenset({Fault.DROP_AFTER, Fault.TRUNCATED})
"""The faults that come after the request was taken."""

_PORTAL = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Guest network</h1></body></html>"
_ERRORS = {
    Fault.SERVER_ERROR: ServiceError("InternalFailure", "We encountered an internal error. Please try again.", 500),
    Fault.UNAVAILABLE: ServiceError("ServiceUnavailable", "Service is unavailable", 503),
    Fault.THROTTLING: ServiceError("Throttling", "Rate exceeded", 400),
    Fault.UNKNOWN_PRINCIPAL: ServiceError("MalformedPolicyDocument", "Invalid principal in policy", 400),
    Fault.NOT_KNOWN_YET: ServiceError("NoSuchEntity", "The Access Key cannot be found.", 404),
}


class Faults:
    """The faults that are waiting, by action."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, action: str, fault: Fault, times: int) -> None:
        """Let the next *times* calls of *action* fail, after those that already will."""
        with self._lock:
            self._waiting[action].extend([fault] * times)

    def left(self, action: str) -> int:
        """Return how many faults of *action* have still to come."""
        with self._lock:
            return len(self._waiting[action])

    def take(self, action: str) -> Fault | None:
        """Return the fault of this call of *action*, which is then used up."""
        with self._lock:
            waiting = self._waiting[action]
            return waiting.popleft() if waiting else None


def answer_instead(fault: Fault, operation: Operation) -> Answer:
    """Return the answer of a fault that has one and that comes before the request is taken."""
    if fault is Fault.HTML:
        return Answer(200, _PORTAL, "text/html")
    if fault is Fault.EMPTY:
        return result(operation.action, {}) if operation.family is Family.QUERY else Answer(200, b"")
    return render(_ERRORS[fault], operation.family)


def truncate(answer: Answer) -> Answer:
    """Cut an answer short: behind the secret key if it has one, else in the middle."""
    end = answer.body.find(b"</SecretAccessKey>")
    return replace(answer, body=answer.body[: end if end > 0 else len(answer.body) // 2])
