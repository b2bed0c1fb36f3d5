"""The federation endpoint of AWS Sign-In: from the credentials of a role to a URL that signs in to the console.

IAM guide, "Enable custom identity broker access to the AWS console". What is refused is refused with a page, as AWS
does, and not with an error of an API. Where AWS says no more than that a URL holds for fifteen minutes, this one also
holds once.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from awsenv.sandbox.answers import Answer, AuthenticationError, Family, ServiceError
from awsenv.sandbox.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Caller
    from awsenv.sandbox.keys import Keys
    from awsenv.sandbox.request import Request

PATH = "/federation"

LIFE = timedelta(minutes=15)
"""How long a sign-in URL holds."""

_SHORTEST, _LONGEST = 900, 43_200
"""Seconds of a console session."""

_ACTIONS = {"getSigninToken": "GetSigninToken", "login": "ConsoleLogin"}
"""As the endpoint calls them, and as CloudTrail does."""

_SESSION = ("sessionId", "sessionKey", "sessionToken")
_PAGE = "<!DOCTYPE html><html><head><title>Amazon Web Services Sign-In</title></head><body><h1>{}</h1></body></html>"


def concerns(request: Request) -> bool:
    """Say whether a request is for this endpoint: nobody signs one."""
    return request.path == PATH and "Action" in _parameters(request) and "authorization" not in request.headers


def identify(request: Request) -> Operation:
    """Say what a request asks for, by the name that CloudTrail has for it."""
    parameters = _parameters(request)
    told = {key: value for key, value in parameters.items() if key in ("SessionDuration", "Destination", "Issuer")}
    action = parameters["Action"]
    return Operation("signin", _ACTIONS.get(action, action), Family.JSON, told, "*")


class Signin:
    """Answers the federation endpoint."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._tokens: dict[str, tuple[Caller, datetime]] = {}
        self._lock = threading.Lock()

    def answer(self, operation: Operation, request: Request) -> tuple[Caller | None, Answer]:
        """Do what is asked for; return on whose behalf, and the answer."""
        parameters = _parameters(request)
        try:
            if operation.action == "GetSigninToken":
                caller = self._federated(parameters)
                return caller, self._token(caller)
            if operation.action == "ConsoleLogin":
                return self._signed_in(parameters)
        except (AuthenticationError, ServiceError):
            pass  # the page does not say why
        return None, _page(400, "Bad Request")

    def _federated(self, parameters: Mapping[str, str]) -> Caller:
        """Return who signs in: a role."""
        session = _session(parameters.get("Session", ""))
        key = self._keys.find(session["sessionId"], session["sessionToken"])
        if not hmac.compare_digest(key.secret.encode(), session["sessionKey"].encode()) or key.caller.user:
            raise _refused()
        duration = parameters.get("SessionDuration")
        if duration is not None and (
            # Who chains roles must leave it out: "Otherwise, the call to the federation endpoint [...] fails".
            key.caller.chained or not duration.isdecimal() or not _SHORTEST <= int(duration) <= _LONGEST
        ):
            raise _refused()
        return key.caller

    def _token(self, caller: Caller) -> Answer:
        token = secrets.token_urlsafe(500)
        with self._lock:
            self._tokens[token] = caller, self._clock.now() + LIFE
        return Answer(200, json.dumps({"SigninToken": token}).encode(), "application/json")

    def _signed_in(self, parameters: Mapping[str, str]) -> tuple[Caller, Answer]:
        destination = parameters.get("Destination", "")
        with self._lock:
            caller, ends = self._tokens.pop(parameters.get("SigninToken", ""), (None, self._clock.now()))
        if caller is None or ends <= self._clock.now() or not destination.startswith("https://"):
            raise _refused()
        return caller, replace(_page(302, "Found"), headers=(("Location", destination),))


def _parameters(request: Request) -> dict[str, str]:
    return {**request.query, **request.form}


def _session(text: str) -> dict[str, str]:
    try:
        session: Any = json.loads(text)
    except ValueError:
        raise _refused() from None
    if not isinstance(session, dict) or not all(isinstance(session.get(name), str) for name in _SESSION):
        raise _refused()
    return session


def _refused() -> ServiceError:
    return ServiceError("BadRequest", "refused")


def _page(status: int, title: str) -> Answer:
    return Answer(status, _PAGE.format(title).encode(), "text/html;charset=UTF-8")
