"""The container credentials endpoint of `exec --refresh`: HTTP on the loopback, for the SDKs of one command.

All who can reach the loopback can reach this: other users of the machine, and pages in a browser, through a name that
resolves to 127.0.0.1 and so passes the same-origin rule (aws-vault#578). So a request must carry a token that only the
command knows, name the endpoint by its address, and look like an SDK's: a single GET, nothing more, at once.

This reads HTTP itself. It is one kind of request out of all that http.server takes, which waits for ever for a client
that sends a byte at a time, takes six megabytes of headers, and wakes up twice a second.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timezone
from http import HTTPStatus
from typing import TYPE_CHECKING

from awsenv.agent.process_end import when_gone
from awsenv.errors import AgentError, AwsenvError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials

HOST = "127.0.0.1"
"""The address and not `localhost`: Kotlin's SDK refuses names, and a name may be bound to anything."""

PATIENCE = 2.0
"""Seconds that a client has for its whole request: botocore has as many for the whole answer."""

AT_ONCE = 128
"""How many requests are worked at; the others wait to be taken."""

LONGEST = 8192
"""Bytes of a request. An SDK sends a few hundred."""

_FOLDER = "/credentials/"
_END = b"\r\n\r\n"
_REQUEST = re.compile(r"([A-Za-z]+) ([!-~]+) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~]*?)[ \t]*")
_BY_BROWSER = re.compile(r"origin|sec-fetch-.*")


@dataclass(frozen=True, slots=True)
class _Grant:
    role_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def only(self, name: str) -> str | None:
        """Return the value of a header that is there once."""
        values = [value for key, value in self.headers if key == name]
        return values[0] if len(values) == 1 else None


class _Refused(Exception):  # noqa: N818 - its name says what happened
    """The request gets no credentials."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endpoint:
    """It listens from the start, at a port that the system chooses, until it is closed.

    Args:
        credentials_for: Returns the credentials of a role by its id, and does not let wait: botocore has two seconds.
            Called in many threads at once. `KeyError`: the role is not held any more.
        patience: Seconds that a client has for its request.

    Raises:
        OSError: It cannot listen.
    """

    def __init__(self, credentials_for: Callable[[str], Credentials], *, patience: float = PATIENCE) -> None:
        self._credentials_for = credentials_for
        self._patience = patience
        self._grants: dict[str, _Grant] = {}
        self._free = threading.Semaphore(AT_ONCE)
        self._closed = False
        self._listening = socket.create_server((HOST, 0), backlog=AT_ONCE)
        self._host = f"{HOST}:{self._listening.getsockname()[1]}"
        self._listener = threading.Thread(target=self._listen, name="endpoint", daemon=True)
        self._listener.start()

    def grant(self, role_id: str, pid: int | None = None) -> tuple[str, str]:
        """Let a process, and all that it tells, have a role.

        Args:
            role_id: What `credentials_for` is called with.
            pid: With the end of this process the grant ends; None: with the endpoint.

        Returns:
            What is to stand in `AWS_CONTAINER_CREDENTIALS_FULL_URI` and in `AWS_CONTAINER_AUTHORIZATION_TOKEN`. The
            second is a secret.
        """
        name, token = secrets.token_hex(16), secrets.token_urlsafe(32)
        self._grants[name] = _Grant(role_id, token)
        if pid is not None:
            try:
                when_gone(pid, lambda: self._revoke(name))
            except BaseException:
                self._revoke(name)
                raise
        return f"http://{self._host}{_FOLDER}{name}", token

    def is_used(self) -> bool:
        """Say whether anyone has a grant: an agent with such an endpoint is not idle."""
        return bool(self._grants)

    def close(self) -> None:
        """Stop listening, and answer nobody any more."""
        self._closed = True
        self._grants.clear()
        with suppress(OSError), self._listening:
            # Nothing else wakes `accept` on every system; and as long as it waits, the system takes connections.
            socket.create_connection(self._listening.getsockname(), timeout=self._patience).close()
            self._listener.join(self._patience)

    def _revoke(self, name: str) -> None:
        self._grants.pop(name, None)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                if self._closed:
                    return
                time.sleep(self._patience)  # too many files are open, say: that passes
                continue
            if self._closed:
                connection.close()
                return
            self._free.acquire()
            try:
                threading.Thread(target=self._work, args=(connection,), daemon=True).start()
            except RuntimeError:  # no more threads
                self._free.release()
                connection.close()

    def _work(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError), connection:  # the client has gone, or was too slow
                answer = self._answer(connection)
                connection.settimeout(self._patience)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
        finally:
            self._free.release()

    def _answer(self, connection: socket.socket) -> bytes:
        try:
            grant = self._checked(_read(connection, time.monotonic() + self._patience))
        except _Refused as refused:
            return _response(refused.status, _message(refused.status, str(refused)))
        try:
            return _response(HTTPStatus.OK, _body(self._credentials_for(grant.role_id)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told; an unknown text is not shown
            status, text = _told(error)
            return _response(status, _message(status, text))

    def _checked(self, request: _Request) -> _Grant:
        """Return the grant by which *request* gets credentials."""
        if request.only("host") != self._host:
            raise _Refused(HTTPStatus.FORBIDDEN, f"the Host has to be {self._host}")
        if any(_BY_BROWSER.fullmatch(name) for name, _ in request.headers):
            raise _Refused(HTTPStatus.FORBIDDEN, "this is not for browsers")
        if request.method != "GET":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET")
        grant = self._grants.get(request.target.removeprefix(_FOLDER))
        if grant is None or not request.target.startswith(_FOLDER):
            raise _Refused(HTTPStatus.NOT_FOUND, "there are no credentials here, or the command has ended")
        token = request.only("authorization") or ""
        if not hmac.compare_digest(token.encode(), grant.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "the Authorization is not that of AWS_CONTAINER_AUTHORIZATION_TOKEN")
        return grant


def _read(connection: socket.socket, deadline: float) -> _Request:
    """Return what a client has sent by *deadline*, of the monotonic clock."""
    received = b""
    while _END not in received:
        if len(received) == LONGEST:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has {LONGEST} bytes at most")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        more = connection.recv(LONGEST - len(received))
        if not more:
            raise ConnectionResetError
        received += more
    first, *lines = received.partition(_END)[0].decode("latin-1").split("\r\n")
    request, headers = _REQUEST.fullmatch(first), [_HEADER.fullmatch(line) for line in lines]
    if request is None or None in headers:
        raise _Refused(HTTPStatus.BAD_REQUEST, "this is not HTTP/1.1")
    return _Request(request[1], request[2], tuple((found[1].lower(), found[2]) for found in headers if found))


def _body(credentials: Credentials) -> dict[str, str]:
    """Return what the SDKs read. botocore fails where one of the first four is missing (measured on 1.44.5)."""
    if credentials.expiration is None:
        raise AgentError("these keys have no end, and nothing to renew", hint="awsenv exec without --refresh")
    expiration = credentials.expiration.astimezone(timezone.utc)
    body = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token or "",
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return body if credentials.account is None else body | {"AccountId": credentials.account}


def _told(error: Exception) -> tuple[HTTPStatus, str]:
    """Return what a client is told; a person may read it in the client's own message, hours later."""
    if isinstance(error, KeyError):
        return HTTPStatus.GONE, "the agent does not hold this role any more; start the command again"
    if isinstance(error, AwsenvError):
        place = f" ({error.where})" if error.origins else ""
        hints = "".join(f"; {hint}" for hint in error.hints)
        # Only what passes by itself is worth a retry of the SDK's own.
        passes = isinstance(error, UnreachableError)
        return HTTPStatus.SERVICE_UNAVAILABLE if passes else HTTPStatus.FORBIDDEN, f"{error}{place}{hints}"
    return (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the role could not be renewed; perhaps its MFA session has ended: awsenv login",
    )


def _message(status: HTTPStatus, text: str) -> dict[str, str]:
    """Return what SDKs read where there are no credentials: the one for JavaScript the names with capitals."""
    text = f"awsenv: {text}"
    return {"code": status.name, "message": text, "Code": status.name, "Message": text}


def _response(status: HTTPStatus, body: dict[str, str]) -> bytes:
    content = json.dumps(body).encode()
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        head.append("Allow: GET")
    return "\r\n".join(head).encode() + _END + content
