"""The container credentials endpoint of `exec --refresh`: HTTP on the loopback, for the SDKs of one command.

All who can reach the loopback can reach this: other users of the machine, and pages in a browser, through a name that
resolves to 127.0.0.1 and so passes the same-origin rule (aws-vault#578). So a request must carry a token that only the
command knows, name the endpoint by its address, and look like an SDK's: a single GET, nothing more, at once.

This reads HTTP itself: http.server waits for ever for a client that sends a byte at a time, takes six megabytes of
headers, and wakes up twice a second.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

from awsenv.agent.client import TIMEOUT
from awsenv.agent.events import end_of
from awsenv.agent.listener import MAX_CLIENTS, Listener, in_thread
from awsenv.errors import AgentError, AwsenvError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials

    Noted = Callable[[Credentials | AwsenvError], object]

HOST = "127.0.0.1"
"""The address and not `localhost`: Kotlin's SDK refuses names, and a name may be bound to anything."""

MAX_GRANTS, MAX_OF_ROLE = 384, 128
"""Commands that are served at most, in all and with one role: each takes a descriptor. Sealed commands, which have one
role, so leave places for others."""

MAX_REQUEST = 8192
"""Bytes of a request. An SDK sends a few hundred."""

_FOLDER = "/credentials/"
_END = b"\r\n\r\n"
_REQUEST = re.compile(r"([A-Za-z]+) ([!-~]+) HTTP/1\.[01]")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BY_BROWSER = re.compile(r"origin|sec-fetch-.*")


class _Refused(Exception):  # noqa: N818 - its name says what happened
    """The request gets no credentials."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endpoint:
    """Listens at a port that the system chooses, for as long as the event loop runs.

    Args:
        credentials_for: Returns the credentials of a role by its id, without delay: botocore waits two seconds. It is
            called in several threads at once. `KeyError`: the role is not held any more.
        loop: The event loop that serves the clients.
        on_revoke: Called when a grant has ended.
        seconds: How long a client has to send its request, and to take the response.

    Raises:
        OSError: It cannot listen.
    """

    def __init__(
        self,
        credentials_for: Callable[[str], Credentials],
        loop: asyncio.AbstractEventLoop,
        *,
        on_revoke: Callable[[], object] = bool,
        seconds: float = TIMEOUT,
    ) -> None:
        self._credentials_for = credentials_for
        self._loop = loop
        self._on_revoke = on_revoke
        self._seconds = seconds
        self._grants: dict[str, tuple[str, str, Noted]] = {}
        listening = socket.create_server((HOST, 0), backlog=MAX_CLIENTS)
        self._host = f"{HOST}:{listening.getsockname()[1]}"
        asyncio.run_coroutine_threadsafe(self._listen(listening), loop)

    def grant(self, role_id: str, pid: int, note: Noted = bool) -> tuple[str, str]:
        """Give the process *pid*, and those that it passes the token to, the credentials of a role until *pid* ends.

        Args:
            role_id: What `credentials_for` is called with.
            pid: The process.
            note: Called with the credentials each time they are handed out, or with the error if they are not.

        Returns:
            The values of `AWS_CONTAINER_CREDENTIALS_FULL_URI` and of `AWS_CONTAINER_AUTHORIZATION_TOKEN`, which is a
            secret.

        Raises:
            AgentError: It serves too many commands already.
        """
        of_role = sum(each[0] == role_id for each in tuple(self._grants.values()))
        if of_role >= MAX_OF_ROLE or len(self._grants) >= MAX_GRANTS:
            raise AgentError("too many commands are served already", hint="awsenv exec without --refresh")
        name, token = secrets.token_hex(16), secrets.token_urlsafe(32)
        self._grants[name] = role_id, token, note
        asyncio.run_coroutine_threadsafe(self._revoke_at_end(name, pid), self._loop)
        return f"http://{self._host}{_FOLDER}{name}", token

    def is_used(self) -> bool:
        """Return whether a process has a grant: an agent with such an endpoint is not idle."""
        return bool(self._grants)

    async def _revoke_at_end(self, name: str, pid: int) -> None:
        try:
            await end_of(pid)
        finally:
            del self._grants[name]
            self._on_revoke()

    async def _listen(self, listening: socket.socket) -> None:
        with listening:
            await Listener(listening, self._serve).run()

    async def _serve(self, connection: socket.socket) -> None:
        response = await self._response(connection)
        await asyncio.wait_for(self._loop.sock_sendall(connection, response), self._seconds)
        connection.shutdown(socket.SHUT_WR)

    async def _response(self, connection: socket.socket) -> bytes:
        try:
            role_id, note = self._granted(await asyncio.wait_for(_read(connection), self._seconds))
        except _Refused as refused:
            return _refusal(refused.status, str(refused))
        try:
            credentials = await in_thread(self._credentials_for, role_id)
            body = _body(credentials)
        except Exception as error:  # noqa: BLE001 - the client learns of every error; of an unknown one not the text
            status, text = _explained(error)
            note(error if isinstance(error, AwsenvError) else AgentError(text, hint="awsenv login"))
            return _refusal(status, text)
        note(credentials)
        return _response(HTTPStatus.OK, body)

    def _granted(self, request: str) -> tuple[str, Noted]:
        """Return the id of the role whose credentials *request* gets, and what notes it."""
        first, *lines = request.split("\r\n")
        called, headers = _REQUEST.fullmatch(first), _headers(lines)
        if called is None or headers is None:
            raise _Refused(HTTPStatus.BAD_REQUEST, "this is not HTTP/1.1")
        method, target = called.groups()
        if headers.get("host") != self._host:
            raise _Refused(HTTPStatus.FORBIDDEN, f"the Host has to be {self._host}")
        if any(_BY_BROWSER.fullmatch(name) for name in headers):
            raise _Refused(HTTPStatus.FORBIDDEN, "this is not for browsers")
        if method != "GET":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET")
        role_id, token, note = self._grants.get(target.removeprefix(_FOLDER), ("", "", bool))
        if not token or not target.startswith(_FOLDER):
            raise _Refused(HTTPStatus.NOT_FOUND, "there are no credentials here, or the command has ended")
        if not hmac.compare_digest(headers.get("authorization", "").encode(), token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "the Authorization is not that of AWS_CONTAINER_AUTHORIZATION_TOKEN")
        return role_id, note


def _headers(lines: list[str]) -> dict[str, str] | None:
    """Return the headers by name in lower case. The values of one name are a list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            return None
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _read(connection: socket.socket) -> str:
    """Return a request up to the end of its headers."""
    received = b""
    while _END not in received:
        if len(received) == MAX_REQUEST:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has {MAX_REQUEST} bytes at most")
        more = await asyncio.get_running_loop().sock_recv(connection, MAX_REQUEST - len(received))
        if not more:
            raise ConnectionResetError
        received += more
    return received.partition(_END)[0].decode("latin-1")


def _body(credentials: Credentials) -> dict[str, str]:
    """Return what the SDKs read. botocore fails where one of the first four is missing (measured on 1.44.5)."""
    if credentials.expires is None:
        raise AgentError("these keys do not expire, so there is nothing to renew", hint="awsenv exec without --refresh")
    body = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token or "",
        "Expiration": credentials.expires,
    }
    return body if credentials.account is None else body | {"AccountId": credentials.account}


def _explained(error: Exception) -> tuple[HTTPStatus, str]:
    """Return the status and the text for *error*. The user may read it hours later, in a message of the client."""
    if isinstance(error, KeyError):
        return HTTPStatus.GONE, "the agent does not hold this role any more; start the command again"
    if isinstance(error, AwsenvError):
        origin = f" ({error.where})" if error.origins else ""
        hints = "".join(f"; {hint}" for hint in error.hints)
        # An SDK tries again where it may help.
        is_temporary = isinstance(error, UnreachableError)
        status = HTTPStatus.SERVICE_UNAVAILABLE if is_temporary else HTTPStatus.FORBIDDEN
        return status, f"{error}{origin}{hints}"
    return (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the role could not be renewed; perhaps its MFA session has ended: awsenv login",
    )


def _refusal(status: HTTPStatus, text: str) -> bytes:
    """Return the response without credentials. The SDK for JavaScript reads the names with capitals."""
    text = f"awsenv: {text}"
    return _response(status, {"code": status.name, "message": text, "Code": status.name, "Message": text})


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
