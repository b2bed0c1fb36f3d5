"""The HTTP endpoint that serves credentials to a command, and the requests that it refuses."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import ContainerProvider
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

from awsenv.agent.endpoint import MAX_GRANTS, MAX_OF_ROLE, MAX_REQUEST, Endpoint
from awsenv.agent.listener import MAX_CLIENTS
from awsenv.agent.memory import Memory
from awsenv.agent.plan import Plan
from awsenv.agent.term import Clock
from awsenv.errors import AgentError, MfaError, Origin, UnreachableError
from awsenv.model import AssumeRole, Chain, Credentials, RoleArn, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import Until

ENDS = datetime(2040, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))
CREDENTIALS = Credentials("ASIAEXAMPLE", "canary-secret", "canary-token", ENDS, "123456789012")
TIMEOUT = 60
"""Seconds after which a test gives up; a test that passes does not wait for it."""


@dataclass(frozen=True)
class Answer:
    """A response of the endpoint."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def message(self) -> str:
        """The message of an error response, which contains no secret."""
        error = json.loads(self.body)
        assert error["message"] == error["Message"]
        assert error["code"] == error["Code"]
        assert "canary" not in self.body
        return str(error["message"])


class Client:
    """A command that has a grant for a role.

    Args:
        url: The URL of the grant.
        token: The token that the endpoint requires.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.path = urlsplit(url).path
        self.port = int(urlsplit(url).port or 0)

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def ask(self, method: str = "GET", path: str | None = None, *, leave: str = "", **headers: str) -> Answer:
        """Send a request as an SDK does, with these changes to its headers; *leave* names a header to omit."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Authorization": self.token, "Accept": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path or self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items() if k != leave)]
        return self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def send(self, request: bytes) -> Answer:
        """Send bytes, and return the response."""
        with self.connect() as connection:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())

    def environ(self) -> dict[str, str]:
        """Return the variables of the endpoint in the command's environment."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
        }


@dataclass
class Roles:
    """The source of the endpoint's credentials, which records the roles that were requested."""

    answer: Credentials | Exception = CREDENTIALS

    def __post_init__(self) -> None:
        """Start without a request."""
        self.requests: list[str] = []

    def credentials_for(self, role_id: str) -> Credentials:
        """Record the request, and return the credentials or raise the error."""
        self.requests.append(role_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def roles() -> Roles:
    """Return a source of valid credentials."""
    return Roles()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return an event loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(TIMEOUT)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(TIMEOUT)
    loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def endpoint(roles: Roles, loop: asyncio.AbstractEventLoop) -> Endpoint:
    """Return an endpoint that listens."""
    return Endpoint(roles.credentials_for, loop)


@pytest.fixture
def hasty(roles: Roles, loop: asyncio.AbstractEventLoop) -> Endpoint:
    """Return an endpoint that cuts off slow clients after 0.3 seconds."""
    return Endpoint(roles.credentials_for, loop, seconds=0.3)


def granted(endpoint: Endpoint, role_id: str = "role", pid: int | None = None) -> Client:
    """Return a client with a grant, for this process or another."""
    return Client(*endpoint.grant(role_id, os.getpid() if pid is None else pid))


@pytest.fixture
def client(endpoint: Endpoint) -> Client:
    """Return a client with a grant."""
    return granted(endpoint)


def test_the_response_suits_sdks(client: Client, roles: Roles) -> None:
    """The response has the fields of container credentials, an expiry in UTC, and headers that forbid caching."""
    answer = client.ask()
    assert 200 == answer.status
    assert {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "canary-secret",
        "Token": "canary-token",
        "Expiration": "2040-01-02T01:04:05Z",
        "AccountId": "123456789012",
    } == json.loads(answer.body)
    assert ["role"] == roles.requests
    assert {
        "Content-Type": "application/json",
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "Connection": "close",
    } == answer.headers


def test_an_unknown_account_is_omitted(client: Client, roles: Roles) -> None:
    """The response omits an unknown account, and has an empty token for credentials without one."""
    roles.answer = Credentials("ASIAEXAMPLE", "canary-secret", None, ENDS)
    body = json.loads(client.ask().body)
    assert ("", False) == (body["Token"], "AccountId" in body)


def test_botocore_reads_the_response(client: Client) -> None:
    """The container provider of botocore loads the credentials from the endpoint."""
    found = ContainerProvider(environ=client.environ()).load()
    assert ("ASIAEXAMPLE", "canary-secret", "canary-token", "123456789012") == (
        found.access_key,
        found.secret_key,
        found.token,
        found.account_id,
    )


def test_grants_are_secret(endpoint: Endpoint) -> None:
    """Each grant, even for the same role, has its own random path and its own token of 256 bits."""
    grants = [endpoint.grant("role", os.getpid()) for _ in range(100)]
    assert 200 == len({part for grant in grants for part in grant})
    assert all(len(token) == 43 for _, token in grants)
    assert all(url.startswith("http://127.0.0.1:") for url, _ in grants)
    assert "role" not in "".join(url for url, _ in grants)


@pytest.mark.parametrize(
    "token",
    ["", "x", "Bearer {}", "{}x", "{} x", "{0}, {0}", "{}\r\nAuthorization: x", "\xe9"],
)
def test_a_wrong_token_is_refused(client: Client, roles: Roles, token: str) -> None:
    """A request gets no credentials unless its Authorization header is exactly the token."""
    answer = client.ask(Authorization=token.format(client.token))
    assert answer.status in {400, 403}
    assert "awsenv: " in answer.message
    assert client.token not in answer.body
    assert [] == roles.requests


def test_a_token_is_valid_for_one_grant(client: Client, endpoint: Endpoint, roles: Roles) -> None:
    """The token of one grant is refused at the path of another, and so is a request without a token."""
    other = granted(endpoint, "other")
    assert 403 == other.ask(Authorization=client.token).status
    assert 403 == client.ask(path=other.path).status
    assert 403 == client.ask(leave="Authorization").status
    assert [] == roles.requests


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1:{port}0",
        "127.0.0.1:{port}.",
        "0.0.0.0:{port}",
        "127.0.0.2:{port}",
        "[::1]:{port}",
        "2130706433:{port}",
        "user@127.0.0.1:{port}",
        "127.0.0.1:{port}, evil.example",
        "127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}",
        "",
    ],
)
def test_another_host_is_refused(client: Client, roles: Roles, host: str) -> None:
    """A request for another Host, as a page sends after DNS rebinding, is refused in spite of the right token."""
    answer = client.ask(Host=host.format(port=client.port))
    assert (403, []) == (answer.status, roles.requests)
    assert f"the Host has to be 127.0.0.1:{client.port}" in answer.message


def test_a_request_without_a_host_is_refused(client: Client, roles: Roles) -> None:
    """A request without a Host header is refused, in HTTP/1.1 and in HTTP/1.0."""
    assert 403 == client.ask(leave="Host").status
    assert 403 == client.send(f"GET {client.path} HTTP/1.0\r\nAuthorization: {client.token}\r\n\r\n".encode()).status
    assert [] == roles.requests


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("ORIGIN", "http://127.0.0.1"),
        ("Sec_Fetch_Mode", "no-cors"),
        ("Sec_Fetch_Site", "same-origin"),
        ("sec_fetch_dest", "empty"),
    ],
)
def test_requests_of_browsers_are_refused(client: Client, roles: Roles, name: str, value: str) -> None:
    """A request with a header that only browsers send is refused, and the response has no CORS header."""
    answer = client.ask(**{name: value})
    assert (403, []) == (answer.status, roles.requests)
    assert not [header for header in answer.headers if header.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "HEAD", "get"])
def test_other_methods_are_refused(client: Client, roles: Roles, method: str) -> None:
    """A request with any method but GET is refused, and even a preflight gets no CORS header."""
    answer = client.ask(method, Content_Length="0")
    assert (405, "GET", []) == (answer.status, answer.headers["Allow"], roles.requests)
    assert not [header for header in answer.headers if header.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "{path}?",
        "{path}?x=1",
        "{path}/",
        "/{path}",
        "{path}#x",
        "{path}%00",
        "/credentials/./{name}",
        "/credentials//{name}",
        "/credentials/../credentials/{name}",
        "/%2e/credentials/{name}",
        "/credentials%2f{name}",
        "/credentials/",
        "/credentials",
        "/credentials/0",
        "/Credentials/{name}",
        "/{name}",
        "{name}",
        "/",
        "*",
        "http://127.0.0.1:{port}{path}",
    ],
)
def test_other_paths_are_not_found(client: Client, roles: Roles, path: str) -> None:
    """Only one spelling of the path of a grant is found; the response to any other does not reveal it."""
    name = client.path.rpartition("/")[2]
    answer = client.ask(path=path.format(path=client.path, name=name, port=client.port))
    assert (404, []) == (answer.status, roles.requests)
    assert name not in answer.body


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1 \r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nName : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: \0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_a_malformed_request_is_refused(client: Client, request_: bytes) -> None:
    """The endpoint refuses a malformed request, and does not guess at its meaning."""
    answer = client.send(request_)
    assert (400, "awsenv: this is not HTTP/1.1") == (answer.status, answer.message)


@pytest.mark.parametrize("where", ["line", "header", "headers"])
def test_a_request_that_is_too_long_is_refused(client: Client, roles: Roles, where: str) -> None:
    """A request is refused if its first line, a header or all its headers together are too long."""
    if where == "line":
        answer = client.ask(path="/" + "x" * MAX_REQUEST)
    elif where == "header":
        answer = client.ask(X="x" * MAX_REQUEST)
    else:
        answer = client.ask(**{f"X{number}": "x" for number in range(MAX_REQUEST // 8)})
    assert (431, []) == (answer.status, roles.requests)


def test_the_longest_request_is_accepted(client: Client) -> None:
    """A request of the maximum length is accepted, and one with another byte is refused."""
    shortest = f"GET {client.path} HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: {client.token}\r\nX: "
    filled = shortest + "x" * (MAX_REQUEST - len(shortest) - 4)
    assert 200 == client.send(f"{filled}\r\n\r\n".encode()).status
    assert 431 == client.send(f"{filled}x\r\n\r\n".encode()).status


def test_a_slow_client_is_cut_off(hasty: Endpoint, roles: Roles) -> None:
    """A client that sends one byte at a time is cut off before its request is complete."""
    client = granted(hasty)
    request = f"GET {client.path} HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
    request += f"Authorization: {client.token}\r\nX: {'x' * 2000}\r\n\r\n"
    sent = 0
    with client.connect() as connection:
        connection.settimeout(0.02)
        for byte in request.encode():
            with suppress(TimeoutError):
                try:
                    connection.sendall(bytes([byte]))
                    if connection.recv(1) == b"":
                        break
                except ConnectionError:
                    break
            sent += 1
    assert sent < len(request)
    assert [] == roles.requests


def test_silent_clients_do_not_keep_others_out(hasty: Endpoint) -> None:
    """When silent clients hold all connections, an SDK gets its response once they are cut off."""
    client = granted(hasty)
    with ExitStack() as stack:
        for _ in range(MAX_CLIENTS + 2):
            stack.enter_context(client.connect())
        assert 200 == client.ask().status


def test_a_client_that_hangs_up_disturbs_no_other(
    endpoint: Endpoint, roles: Roles, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that hangs up early disturbs no other client, and the endpoint logs no request."""
    client = granted(endpoint)
    with client.connect() as connection:
        connection.sendall(b"GET ")
    assert (200, 403) == (client.ask().status, client.ask(Host="evil.example").status)
    assert ["role"] == roles.requests
    assert ("", "") == capfd.readouterr()


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is all of 127.0.0.0/8 the loopback")
def test_it_listens_at_one_address(client: Client) -> None:
    """The endpoint listens at 127.0.0.1, and not at 127.0.0.2."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", client.port), timeout=TIMEOUT)


def test_a_hundred_requests_call_aws_once(loop: asyncio.AbstractEventLoop) -> None:
    """A hundred simultaneous requests for an expired role share one call to AWS."""
    made: list[str] = []
    now = [1_800_000_000.0]

    def fetch(_: Chain, __: Credentials | None) -> Credentials:
        made.append(f"KEY{len(made)}")
        return Credentials(made[-1], "secret", "token", datetime.fromtimestamp(now[0] + 3600, timezone.utc))

    hop = AssumeRole(RoleArn("aws", "123456789012", "role"), "session")
    plan = Plan("key", Chain(Source("static", "default"), (hop,), "role", "role"), fetch)
    memory = Memory(Clock(lambda: now[0], lambda: now[0]))
    role = memory.lease(plan)
    now[0] += 8 * 3600
    client = granted(Endpoint(lambda role_id: memory.served(role_id).credentials, loop), role.id)
    with ThreadPoolExecutor(100) as pool:
        start = threading.Barrier(100)

        def ask(_: int) -> str:
            start.wait(TIMEOUT)
            return str(json.loads(client.ask().body)["AccessKeyId"])

        assert ["KEY1"] * 100 == list(pool.map(ask, range(100)))
    assert ["KEY0", "KEY1"] == made


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that ends when its input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def test_a_grant_ends_with_its_command(
    endpoint: Endpoint, process: subprocess.Popen[bytes], roles: Roles, until: Until
) -> None:
    """A grant ends when its command ends, and the grants of other commands stay valid."""
    other = granted(endpoint, "other")
    client = granted(endpoint, "role", process.pid)
    assert 200 == client.ask().status
    process.kill()
    until(lambda: client.ask().status != 200)
    answer = client.ask()
    assert (404, "awsenv: there are no credentials here, or the command has ended") == (answer.status, answer.message)
    assert 200 == other.ask().status
    assert "other" == roles.requests[-1]


def test_a_grant_for_an_ended_command_ends_at_once(
    endpoint: Endpoint, process: subprocess.Popen[bytes], until: Until
) -> None:
    """A grant for a process that has already ended is revoked."""
    process.communicate()
    client = granted(endpoint, "role", process.pid)
    until(lambda: client.ask().status == 404)
    assert not endpoint.is_used()


def test_one_role_does_not_take_all_places(endpoint: Endpoint) -> None:
    """A sealed command may ask again and again, by as many processes as it likes: each place takes a descriptor."""
    for number in range(MAX_GRANTS):
        endpoint.grant(f"role-{number // MAX_OF_ROLE}", os.getpid())
        if number == MAX_OF_ROLE - 1:
            with pytest.raises(AgentError, match="too many commands"):
                endpoint.grant("role-0", os.getpid())
    with pytest.raises(AgentError, match="too many commands"):
        endpoint.grant("other", os.getpid())


def test_an_endpoint_with_a_grant_is_used(
    roles: Roles, loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]
) -> None:
    """The endpoint is in use while a command has a grant, and reports when the grant ends."""
    is_revoked = threading.Event()
    endpoint = Endpoint(roles.credentials_for, loop, on_revoke=is_revoked.set)
    assert not endpoint.is_used()
    endpoint.grant("role", process.pid)
    assert endpoint.is_used()
    assert not is_revoked.is_set()
    process.kill()
    assert is_revoked.wait(TIMEOUT)
    assert not endpoint.is_used()


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            MfaError("the MFA session has ended", Origin("~/.aws/config:3"), hint="awsenv login"),
            403,
            "awsenv: the MFA session has ended (~/.aws/config:3); awsenv login",
        ),
        (UnreachableError("AWS is away"), 503, "awsenv: AWS is away"),
        (KeyError("canary"), 410, "awsenv: the agent does not hold this role any more; start the command again"),
        (
            ValueError("canary-secret"),
            503,
            "awsenv: the role could not be renewed; perhaps its MFA session has ended: awsenv login",
        ),
        (
            OSError("canary-secret"),
            503,
            "awsenv: the role could not be renewed; perhaps its MFA session has ended: awsenv login",
        ),
    ],
)
def test_an_error_response_names_the_next_step(
    client: Client, roles: Roles, error: Exception, status: int, message: str
) -> None:
    """An error response gives the reason and the next step, but not the text of an unexpected error."""
    roles.answer = error
    answer = client.ask()
    assert (status, message) == (answer.status, answer.message)


def test_credentials_without_an_expiry_are_refused(client: Client, roles: Roles) -> None:
    """The endpoint refuses credentials without an expiry, on which SDKs fail, and says why."""
    roles.answer = Credentials("AKIAEXAMPLE", "canary-secret")
    answer = client.ask()
    assert (403, True) == (answer.status, "do not expire" in answer.message)


def test_botocore_shows_the_message(client: Client, roles: Roles) -> None:
    """The error that botocore raises contains the endpoint's message and its next step."""
    roles.answer = MfaError("the MFA session has ended", hint="awsenv login")
    fetcher: Any = ContainerMetadataFetcher(sleep=lambda _: None)
    with pytest.raises(CredentialRetrievalError, match="awsenv: the MFA session has ended; awsenv login"):
        ContainerProvider(environ=client.environ(), fetcher=fetcher).load()
