"""The federation endpoint of AWS Sign-In: from the credentials of a role to a URL that signs in to the console.

IAM guide, "Enable custom identity broker access to the AWS console". A refusal is a page, as at AWS, not an API error.
AWS documents that a URL is valid for fifteen minutes; here it also works only once.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from awsenv.sandbox.operation import Operation
from awsenv.sandbox.responses import AuthenticationError, Family, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Caller
    from awsenv.sandbox.keys import Keys
    from awsenv.sandbox.request import Request

PATH = "/federation"

LIFE = timedelta(minutes=15)
"""How long a sign-in URL is valid."""

_SHORTEST, _LONGEST = 900, 43_200
"""Limits of SessionDuration, in seconds."""

_ACTIONS = {"getSigninToken": "GetSigninToken", "login": "ConsoleLogin"}
"""The names in CloudTrail, by those of the endpoint."""

_SESSION = ("sessionId", "sessionKey", "sessionToken")
_CONSOLE = "{} is signed in. At AWS, {} would open now."
_PAGE = "<!DOCTYPE html><html><head><title>Amazon Web Services Sign-In</title></head><body><h1>{}</h1></body></html>"


def identify(request: Request) -> Operation | None:
    """Return the operation of a request, under its CloudTrail name; None: the request is not for this endpoint.

    Requests to this endpoint have no signature; a signed one with the same path is for S3.
    """
    parameters = _parameters(request)
    if request.path != PATH or "Action" not in parameters or "authorization" in request.headers:
        return None
    public = {key: value for key, value in parameters.items() if key in ("SessionDuration", "Destination", "Issuer")}
    action = parameters["Action"]
    return Operation("signin", _ACTIONS.get(action, action), Family.JSON, public, "*")


class Signin:
    """The federation endpoint.

    Args:
        keys: The keys that may sign in.
        clock: The time.
        redirects: Whether it redirects to the console of AWS; else it shows a page of its own.
    """

    def __init__(self, keys: Keys, clock: Clock, *, redirects: bool) -> None:
        self._keys = keys
        self._redirects = redirects
        self._clock = clock
        self._tokens: dict[str, tuple[Caller, datetime]] = {}
        self._lock = threading.Lock()

    def respond(self, operation: Operation, request: Request) -> tuple[Caller | None, Response]:
        """Perform *operation*; return the caller, if the request is valid, and the response."""
        parameters = _parameters(request)
        try:
            if operation.action == "GetSigninToken":
                return self._get_token(parameters)
            if operation.action == "ConsoleLogin":
                return self._sign_in(parameters)
        except (AuthenticationError, ServiceError):
            pass  # the page does not say why
        return None, _page(400, "Bad Request")

    def _get_token(self, parameters: Mapping[str, str]) -> tuple[Caller, Response]:
        session = _session(parameters.get("Session", ""))
        key = self._keys.find(session["sessionId"], session["sessionToken"])
        if not hmac.compare_digest(key.secret.encode(), session["sessionKey"].encode()) or key.caller.user:
            raise _refused()
        duration = parameters.get("SessionDuration")
        if duration is not None and (
            # With role chaining there must be none: "Otherwise, the call to the federation endpoint [...] fails".
            key.caller.chained or not re.fullmatch("[0-9]{1,5}", duration) or not _SHORTEST <= int(duration) <= _LONGEST
        ):
            raise _refused()
        token = secrets.token_urlsafe(500)
        with self._lock:
            self._tokens[token] = key.caller, self._clock.now() + LIFE
        return key.caller, Response(json.dumps({"SigninToken": token}), content_type="application/json")

    def _sign_in(self, parameters: Mapping[str, str]) -> tuple[Caller, Response]:
        destination = parameters.get("Destination", "")
        with self._lock:
            caller, ends = self._tokens.pop(parameters.get("SigninToken", ""), (None, self._clock.now()))
        if caller is None or ends <= self._clock.now() or not destination.startswith("https://"):
            raise _refused()
        if not self._redirects:
            return caller, _page(200, _CONSOLE.format(caller.arn, escape(destination)))
        return caller, _page(302, "Found", {"Location": destination})


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


def _page(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_PAGE.format(title), status, headers, content_type="text/html;charset=UTF-8")
