"""The gate: a WSGI application in front of moto that forwards only what AWS would allow."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.wrappers import Response

from awsenv.sandbox import authorization, faults, request, signature, signin, tokens
from awsenv.sandbox.faults import Fault
from awsenv.sandbox.iam import Iam
from awsenv.sandbox.keys import Keys
from awsenv.sandbox.mfa import Devices
from awsenv.sandbox.operation import Operation, identify
from awsenv.sandbox.responses import AuthenticationError, ServiceError, error_code, render
from awsenv.sandbox.server import Services
from awsenv.sandbox.signin import Signin
from awsenv.sandbox.sts import Sts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from awsenv.sandbox.directory import Caller, Directory
    from awsenv.sandbox.request import Request

CODE_PATH = "/_awsenv/mfa-code/"
"""An MFA code is here: the name of the device follows, or nothing for the first device."""

_SLOW = 2
"""Seconds."""

_BACK_DOORS = ("/moto-api", "/latest/meta-data/", "/latest/api/")
"""Paths that moto serves without looking at the host: its own controls over every account, and EC2's metadata."""


@dataclass(frozen=True)
class Call:
    """One request to the sandbox."""

    action: str
    """As IAM names it: `AssumeRole`, `DescribeRegions`, `ListBucket`."""
    service: str
    parameters: Mapping[str, str]
    """As sent, flat; the value of a secret one (code, external id, password) is `(hidden)`."""
    caller: str | None
    """The ARN; None: the sandbox could not tell who called, or a fault hit first."""
    status: int | None
    """Of HTTP; None: the connection closed without a response."""
    error: str | None
    """The AWS error code; None: the call succeeded, or the client could not see a code."""
    time: datetime


class Gate:
    """Checks each request and forwards it to moto if AWS would allow it.

    Args:
        directory: The accounts.
        redirects: Whether a sign-in leads to the console of AWS.
    """

    def __init__(self, directory: Directory, *, redirects: bool = True) -> None:
        self.devices = Devices(directory)
        self.faults = faults.Faults()
        self.calls: list[Call] = []
        self.closing = threading.Event()
        """Set to end the calls that hang on demand."""
        self._directory = directory
        self._keys = Keys(directory)
        self._sts = Sts(directory, self._keys, self.devices)
        self._iam = Iam(directory, self.devices)
        self._signin = Signin(self._keys, directory.clock, redirects=redirects)
        self._moto = Services()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request (WSGI).

        Raises:
            ConnectionError: A fault closed the connection without a response.
        """
        incoming = request.read(environ)
        if incoming.path.startswith(CODE_PATH):
            response: Response | None = self._code(unquote(incoming.path[len(CODE_PATH) :]))
        else:
            response = self._respond(incoming, environ)
        if response is None:
            with contextlib.suppress(OSError):  # the client closed it first
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError("closed on demand")
        return response(environ, start_response)

    def of_cluster(self, token: str, cluster: str, endpoint: str) -> Caller:
        """Return whose token a cluster gets. The arguments and errors are those of `tokens.for_cluster`."""
        sent = tokens.for_cluster(token, cluster, endpoint)
        return self._authenticate(sent, identify(sent, signature.service_of(sent)))

    def of_database(self, token: str, address: str, user: str, region: str) -> Caller:
        """Return whose token a database gets. The arguments and errors are those of `tokens.for_database`."""
        sent = tokens.for_database(token, address, user, region)
        caller = self._authenticate(sent, tokens.CONNECT)
        authorization.check(self._directory, caller, tokens.CONNECT)
        return caller

    def _respond(self, incoming: Request, environ: WSGIEnvironment) -> Response | None:
        """Return the response, and log the call; None: close the connection without one."""
        sign_in = signin.identify(incoming)
        operation = sign_in or identify(incoming, signature.service_of(incoming))
        fault = self.faults.take(operation.action)
        caller: Caller | None = None
        try:
            if fault is not None and fault not in faults.AFTERWARDS:
                response = self._fail(fault, operation)
            elif sign_in is not None:
                caller, response = self._signin.respond(operation, incoming)
            else:
                caller = self._authenticate(incoming, operation)
                response = self._serve(incoming, operation, caller, environ)
        except (AuthenticationError, ServiceError) as error:
            response = render(error, operation.family)
        except Exception as error:  # noqa: BLE001 - the client sees a 500 for a failure in moto, as for one in AWS
            response = render(
                ServiceError("InternalFailure", f"{type(error).__name__}: {error}", 500), operation.family
            )
        if response is not None and fault is Fault.TRUNCATED:
            faults.truncate(response)
        if fault is Fault.SLOW:
            self.closing.wait(_SLOW)
        if fault is Fault.DROP_AFTER:
            response = None
        self._log(operation, caller, response)
        return response

    def _log(self, operation: Operation, caller: Caller | None, response: Response | None) -> None:
        self.calls.append(
            Call(
                operation.action,
                operation.service,
                operation.parameters,
                caller.arn if caller else None,
                response.status_code if response else None,
                error_code(response) if response else None,
                self._directory.clock.now(),
            )
        )

    def _fail(self, fault: Fault | ServiceError, operation: Operation) -> Response | None:
        if fault is Fault.HANG:
            self.closing.wait()
        return None if fault in (Fault.HANG, Fault.DROP) else faults.respond(fault, operation)

    def _authenticate(self, incoming: Request, operation: Operation) -> Caller:
        signed = signature.parse(incoming)
        key = self._keys.find(signed.access_key_id, signed.session_token)
        signature.check_time(signed, self._directory.clock.signing_time())
        signature.check(signed, incoming, key.secret)
        self._iam.used(signed.access_key_id, key.caller, operation)
        return key.caller

    def _serve(self, incoming: Request, operation: Operation, caller: Caller, environ: WSGIEnvironment) -> Response:
        if operation.service == "sts":
            return self._sts.respond(operation.action, incoming.form, caller)
        incoming, operation = authorization.for_own_user(incoming, operation, caller)
        authorization.check(self._directory, caller, operation)
        self._iam.before(operation, incoming.form, caller.account)
        # moto reads the account from this header.
        replayed = {**request.write(incoming, environ), "HTTP_X_MOTO_ACCOUNT_ID": caller.account}
        if incoming.path.startswith(_BACK_DOORS):
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404)
        self._moto.load(operation.service)
        response = Response.from_app(self._moto, replayed, buffered=True)
        self._iam.after(operation, incoming.form, caller.account, response)
        return response

    def _code(self, name: str) -> Response:
        """Return a code of the device *name*; 503: it has none yet; 404: there is no such device."""
        devices = self.devices.of(self._directory.account)
        if name and name not in devices:
            return Response(f"there is no MFA device {name}; there are: {', '.join(devices)}\n", 404)
        if not devices:
            return Response("there is no MFA device\n", 404)
        code = self.devices.hand_out(devices[name or next(iter(devices))])
        if code is None:
            wait = self.devices.seconds_to_next()
            return Response(f"the next MFA code comes in {wait}s\n", 503, {"Retry-After": str(wait)})
        return Response(f"{code}\n")
