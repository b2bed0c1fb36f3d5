"""The gate: a WSGI application before moto's, that lets through what AWS would."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from awsenv.sandbox import authorization, faults, request, signature, signin
from awsenv.sandbox.answers import Answer, AuthenticationError, ServiceError, render, spell
from awsenv.sandbox.faults import Fault
from awsenv.sandbox.iam import Iam
from awsenv.sandbox.keys import Keys
from awsenv.sandbox.mfa import Devices
from awsenv.sandbox.operation import Operation, identify
from awsenv.sandbox.server import Services
from awsenv.sandbox.signin import Signin
from awsenv.sandbox.sts import Sts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Caller, Directory
    from awsenv.sandbox.request import Request

CODE_PATH = "/_awsenv/mfa-code/"
"""Where a shell gets the current MFA code of a user, who is named behind it."""

_BACK_DOORS = ("/moto-api", "/latest/meta-data/", "/latest/api/")
"""What moto answers by path alone: its own controls, which reach every account of the process, and EC2's metadata."""


@dataclass(frozen=True)
class Call:
    """One request that reached the sandbox."""

    action: str
    """As IAM names it: `AssumeRole`, `DescribeRegions`, `ListBucket`."""
    service: str
    parameters: Mapping[str, str]
    """As they were sent, flat; the value of a secret one (code, external id, password) is `(hidden)`."""
    caller: str | None
    """The ARN; None: the request was not known to come from anyone, or a fault came first."""
    status: int | None
    """HTTP's; None: the connection was closed without an answer."""
    error: str | None
    """AWS's error code; None: it succeeded, or the client could not see a code."""
    time: datetime


class Gate:
    """Decides about each request, and hands what is allowed to moto.

    Args:
        directory: The accounts.
        clock: The time.
    """

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.devices = Devices(directory, clock)
        self.faults = faults.Faults()
        self.calls: list[Call] = []
        self.closing = threading.Event()
        """Ends what hangs on demand."""
        self._directory, self._clock = directory, clock
        self._keys = Keys(directory, clock)
        self._sts = Sts(directory, self._keys, self.devices, clock)
        self._iam = Iam(directory, self.devices, clock)
        self._signin = Signin(self._keys, clock)
        self._moto = Services()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI).

        Raises:
            ConnectionError: The connection was closed without an answer, on demand.
        """
        incoming = request.read(environ)
        if incoming.path.startswith(CODE_PATH):
            return _send(self._code(incoming.path[len(CODE_PATH) :]), environ, start_response)
        answer = self._logged(incoming, environ)
        if answer is None:
            _hang_up(environ)
            raise ConnectionError("closed on demand")
        return _send(answer, environ, start_response)

    def _logged(self, incoming: Request, environ: WSGIEnvironment) -> Answer | None:
        """Return the answer, and log the call; None: the connection closes without one."""
        try:
            signed, problem = signature.parse(incoming), None
        except AuthenticationError as error:
            signed, problem = None, error
        signs_in = signin.concerns(incoming)
        operation = signin.identify(incoming) if signs_in else identify(incoming, signed.service if signed else None)
        fault = self.faults.take(operation.action)
        caller: Caller | None = None
        try:
            if fault is not None and fault not in faults.TAKEN:
                answer = self._fail(fault, operation)
            elif signs_in:
                caller, answer = self._signin.answer(operation, incoming)
            elif signed is None:
                raise problem or AssertionError
            else:
                caller = self._authenticate(signed, incoming, operation)
                answer = self._serve(incoming, operation, caller, environ)
        except AuthenticationError as error:
            answer = render(spell(error, operation.family), operation.family)
        except ServiceError as error:
            answer = render(error, operation.family)
        if answer is not None and fault is Fault.TRUNCATED:
            answer = faults.truncate(answer)
        if fault is Fault.DROP_AFTER:
            answer = None
        self._log(operation, caller, answer)
        return answer

    def _log(self, operation: Operation, caller: Caller | None, answer: Answer | None) -> None:
        self.calls.append(
            Call(
                operation.action,
                operation.service,
                operation.parameters,
                caller.arn if caller else None,
                answer.status if answer else None,
                answer.error_code if answer else None,
                self._clock.now(),
            )
        )

    def _fail(self, fault: Fault, operation: Operation) -> Answer | None:
        if fault is Fault.HANG:
            self.closing.wait()
        return None if fault in (Fault.HANG, Fault.DROP) else faults.answer_instead(fault, operation)

    def _authenticate(self, signed: signature.Signature, incoming: Request, operation: Operation) -> Caller:
        key = self._keys.find(signed.access_key_id, signed.session_token)
        signature.check_time(signed, self._clock.signing_time())
        signature.check(signed, incoming, key.secret)
        self._iam.used(signed.access_key_id, key.caller, operation)
        return key.caller

    def _serve(self, incoming: Request, operation: Operation, caller: Caller, environ: WSGIEnvironment) -> Answer:
        if operation.service == "sts":
            return self._sts.answer(operation.action, incoming.form, caller)
        incoming, operation = authorization.for_own_user(incoming, operation, caller)
        authorization.check(self._directory, self._clock.now(), caller, operation)
        self._iam.before(operation, incoming.form, caller.account)
        # moto serves the account that this names.
        replayed = {**request.write(incoming, environ), "HTTP_X_MOTO_ACCOUNT_ID": caller.account}
        if incoming.path.startswith(_BACK_DOORS):
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404)
        try:
            self._moto.load(operation.service)
            answer = _run(self._moto, replayed)
        except Exception as error:
            # A failure inside moto is a 500 to the client, as at AWS.
            raise ServiceError("InternalFailure", f"{type(error).__name__}: {error}", 500) from error
        return self._iam.after(operation, incoming.form, caller.account, answer)

    def _code(self, user: str) -> Answer:
        code = self.devices.unused_code(self._directory.account, user)
        if code is None:
            return Answer(404, b"no device, or every code that is accepted now was used\n", "text/plain")
        return Answer(200, f"{code}\n".encode(), "text/plain")


def _run(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        started.append((status, headers))

    chunks = application(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = started[-1]
    return Answer(int(status.split()[0]), body, "", tuple(headers))


def _send(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    head = environ["REQUEST_METHOD"] == "HEAD"
    headers = [(name, value) for name, value in answer.headers if head or name.lower() != "content-length"]
    if answer.content_type:
        headers.append(("Content-Type", answer.content_type))
    if not head:
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    return [] if head else [answer.body]


def _hang_up(environ: WSGIEnvironment) -> None:
    with contextlib.suppress(OSError):  # the client was quicker
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
