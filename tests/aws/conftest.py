"""A local AWS with a user, and the endpoints that it lacks: SSO, a container, EC2."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from awsenv import config
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Sts
from awsenv.config.settings import TIMEOUT
from awsenv.sandbox import MfaDevice, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsenv.config import Profiles
    from awsenv.iam.principal import Principal
    from awsenv.model import Credentials

EXTERNAL_ID = "canary-external-id"


@dataclass(frozen=True)
class Home:
    """A user with a key and an MFA device, a home with the two files, and the AWS that knows them."""

    sandbox: Sandbox
    user: Credentials
    device: MfaDevice
    environ: dict[str, str] = field(repr=False)
    external_id: str = EXTERNAL_ID

    def configure(self, text: str) -> Profiles:
        """Write the config file and read it."""
        Path(self.environ["AWS_CONFIG_FILE"]).write_text(text)
        return config.read(self.environ)

    def sts(self, pauses: list[float] | None = None, timeout: float = TIMEOUT) -> Sts:
        """Return the STS of the local AWS. It appends its pauses to *pauses* instead of sleeping."""
        session = AwsSession(None, self.environ, timeout=timeout)
        return Sts(session, sleep=(pauses if pauses is not None else []).append)

    def session(
        self, profiles: Profiles | None = None, profile: str | None = None, timeout: float = TIMEOUT
    ) -> AwsSession:
        """Return a session with the settings of a profile, which does not sleep between two tries."""
        return AwsSession(profiles, self.environ, profile=profile, timeout=timeout, sleep=lambda _: None)

    def principal(self, signer: Credentials, profiles: Profiles | None = None) -> Principal:
        """Return the principal of *signer*, as the local AWS says."""
        return Sts(self.session(profiles)).identity(signer)

    def sent(self, action: str) -> int:
        """Return how often *action* was called."""
        return sum(call.action == action for call in self.sandbox.calls)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a user of a local AWS."""
    with Sandbox() as sandbox:
        user = sandbox.create_user("alice")
        environ = {
            **sandbox.environ(),
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        yield Home(sandbox, user, sandbox.create_mfa_device("alice"), environ)


@dataclass
class Endpoint:
    """An HTTP server that sends the configured answers, and records the requests."""

    url: str
    answers: dict[tuple[str, str], tuple[int, Any] | Callable[[bytes], tuple[int, Any]]] = field(default_factory=dict)
    """Method and path without its query → status and the value for the JSON, or the text; or a function of the body."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path with its query, headers in lower case, body."""

    def paths(self) -> list[str]:
        """Return the requested paths, without their queries."""
        return [path.partition("?")[0] for _method, path, _headers, _body in self.requests]


@contextmanager
def in_a_thread(server: ThreadingHTTPServer) -> Iterator[int]:
    """Let *server* serve, and return its port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Return a server on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            served.requests.append((self.command, self.path, headers, body))
            found = served.answers.get((self.command, self.path.partition("?")[0]), (404, ""))
            status, answer = found(body) if callable(found) else found
            data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        served = Endpoint(f"http://127.0.0.1:{port}")
        yield served


class Rotating:
    """Refresh tokens, of which each is accepted once, as AWS accepts them."""

    def __init__(self, first: str, lives: int) -> None:
        """Begin with the token *first*. The new token lives for *lives* seconds."""
        self.current = first
        self.refreshed = 0
        self._lives = lives
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> tuple[int, Any]:
        """Answer a request of `sso-oidc` or of `signin`."""
        with self._lock:
            if json.loads(body)["refreshToken"] != self.current:
                return 400, {"error": "invalid_grant", "error_description": "used"}
            self.refreshed += 1
            self.current = f"canary-refresh-{self.refreshed}"
            keys = {"accessKeyId": f"ASIANEW{self.refreshed}", "secretAccessKey": "canary-secret", "sessionToken": "t"}
            token = "canary-access" if "grantType" in json.loads(body) and b"clientSecret" in body else keys
            return 200, {
                "accessToken": token,
                "expiresIn": self._lives,
                "tokenType": "Bearer",
                "refreshToken": self.current,
            }


@pytest.fixture
def rotate() -> Callable[[int], Rotating]:
    """Return a function that makes tokens of some seconds, whose refresh tokens are accepted once."""
    return partial(Rotating, "canary-refresh")


@dataclass
class Proxy:
    """An HTTP proxy that sends every request to the local AWS, whatever its host."""

    url: str
    urls: list[str] = field(default_factory=list)
    """The requested URLs."""


@pytest.fixture
def proxy(home: Home) -> Iterator[Proxy]:
    """Return a proxy on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            running.urls.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"]))
            connection = HTTPConnection(urlsplit(home.sandbox.url).netloc, timeout=10)
            # The headers as they are: the host is signed.
            connection.request("POST", "/", body, dict(self.headers))
            with connection.getresponse() as answer:
                data = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["content-type"])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            connection.close()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        running = Proxy(f"http://127.0.0.1:{port}")
        yield running


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a self-signed certificate for 127.0.0.1, with its key."""
    return _self_signed(tmp_path)


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """Return the port of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up on purpose
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with in_a_thread(server) as port:
        yield port


def _self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
    )
    certificate = builder.sign(key, hashes.SHA256())
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class Unending:
    """A server whose responses do not end: byte by byte, or with megabytes."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._stopped = threading.Event()
        self.disconnected = threading.Event()
        """Set when a client has closed its connection."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Close every connection."""
        self._stopped.set()
        # Without it, `accept` would go on, and after a signal take the connections of a later listener.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                self._send(connection)
            except OSError:
                self.disconnected.set()

    def _send(self, connection: socket.socket) -> None:
        if self._kind == "headers":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3221225472\r\n\r\n")
        while not self._stopped.is_set():
            connection.sendall(bytes(1 << 20) if self._kind == "endless" else b"x")
            self._stopped.wait(0 if self._kind == "endless" else 0.1)


@pytest.fixture(params=["headers", "body", "endless"])
def unending(request: pytest.FixtureRequest) -> Iterator[Unending]:
    """Return a server that sends its headers or its body slowly, or a body of three gigabytes."""
    server = Unending(request.param)
    yield server
    server.stop()
