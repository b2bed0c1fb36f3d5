"""One HTTP connection: the name lookup, TCP, the proxy, TLS, requests and responses, each with a time limit.

It imports little, and loads the modules of TLS while TCP connects.
"""

from __future__ import annotations

import time

from awsenv.aws.response import Reader, Unreadable
from awsenv.aws.tcp import LONGEST, Tcp, encoded, first_open, resolved
from awsenv.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from awsenv.aws.response import Response
    from awsenv.aws.tls import Transport


NAME, TCP, PROXY_TLS, TUNNEL, TLS, EXCHANGE = "name", "tcp", "proxy-tls", "tunnel", "tls", "exchange"
"""The stages of a request, in order. No byte of the request is sent before the last."""


class Address:
    """Where a connection leads. It is the key of the connection pool.

    Args:
        host: The host name, or an address without brackets.
        port: The port.
        is_tls: Whether it speaks TLS.
        bundle: The path of the CA bundle; None: botocore's default.
        proxy: The proxy; None: the connection is direct.
        authorization: The value of `Proxy-Authorization`, if this is a proxy that needs one.
    """

    __slots__ = ("authorization", "bundle", "host", "is_tls", "port", "proxy")

    def __init__(
        self,
        host: str,
        port: int,
        *,
        is_tls: bool,
        bundle: str | None = None,
        proxy: Address | None = None,
        authorization: str | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.is_tls = is_tls
        self.bundle = bundle
        self.proxy = proxy
        self.authorization = authorization

    @property
    def netloc(self) -> str:
        """The host and port, as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def header(self) -> str:
        """The value of `Host`, without the default port of the scheme."""
        return self.netloc.removesuffix(":443" if self.is_tls else ":80")

    def __eq__(self, other: object) -> bool:
        """Compare all parts."""
        return isinstance(other, Address) and self._parts == other._parts

    def __hash__(self) -> int:
        """Hash all parts."""
        return hash(self._parts)

    def __repr__(self) -> str:
        """Leave the password of a proxy out."""
        through = "" if self.proxy is None else f" through {self.proxy.netloc}"
        return f"<{'https' if self.is_tls else 'http'}://{self.netloc}{through}>"

    @property
    def _parts(self) -> tuple[object, ...]:
        return self.host, self.port, self.is_tls, self.bundle, self.proxy, self.authorization


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request. Its repr, which tracebacks may show, has the method only."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Missing `Host`, `Content-Length` and `Accept-Encoding` headers are added."""
    body: bytes = field(default=b"", repr=False)


class Unanswered(Exception):  # noqa: N818 - a request without a response
    """There is no response to a request.

    It shows nothing of the request, which may carry a code or a secret.
    """

    attempt: Any
    """The `http.Attempt`, which `Http.send` adds."""

    def __init__(
        self, stage: str, error: OSError | Unreadable, *, was_sent: bool = False, was_kept: bool = False
    ) -> None:
        super().__init__(stage)
        self.stage = stage
        """The stage that failed."""
        self.error = error
        """The error of the system, of `ssl`, or about the bytes that the peer sent."""
        self.was_sent = was_sent
        """Whether a byte of the request was handed to the system."""
        self.was_kept = was_kept
        """Whether a kept connection was closed before the first byte of the response."""


class Refused(Unreadable):
    """A proxy refused CONNECT, or a request, with an HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Connection:
    """An open connection, which carries one request after another.

    Args:
        address: Where it leads.
        tcp: The TCP connection.
        transport: What requests are sent over: TCP, or TLS on top of it.
    """

    def __init__(self, address: Address, tcp: Tcp, transport: Transport) -> None:
        self.address = address
        self.is_open = True
        """Whether another request can follow."""
        self.was_used = False
        """Whether it has carried a request."""
        self.generation = 0
        """The generation of its pool when it was taken, for `Connections.keep`."""
        self._tcp = tcp
        self._transport = transport

    def exchange(self, request: HttpRequest, *, ends: float, silence: float = LONGEST) -> Response:
        """Send a request and return its response.

        Args:
            request: The request.
            ends: When the response must be complete, on the clock of `time.monotonic`.
            silence: Seconds that the peer may be silent.

        Raises:
            Unanswered: There is no response. The connection is closed.
            ValueError: A header has a line break. Nothing was sent.
        """
        # A memoryview, whose repr shows no bytes in a traceback.
        data = memoryview(encoded_request(self.address, request))
        self._tcp.ends, self._tcp.silence = ends, silence
        before, was_used, self.was_used = self._tcp.sent, self.was_used, True
        reader = Reader(self._transport.receive)
        self.is_open = False
        try:
            self._transport.send(data)
            response = reader.response(request.method)
            self.is_open = reader.is_kept
        except (OSError, Unreadable) as error:
            ended = not reader.has_begun and not isinstance(error, TimeoutError)
            was_sent = self._tcp.sent > before
            # The frames of the traceback may hold a part of a response.
            cause = error.with_traceback(None)
            raise Unanswered(EXCHANGE, cause, was_sent=was_sent, was_kept=was_used and ended) from None
        finally:
            if not self.is_open:
                self.close()
        return response

    def is_quiet(self) -> bool:
        """Return whether the connection can be used: the peer has neither closed it nor sent anything."""
        self._tcp.ends = time.monotonic() + 1
        try:
            return self.is_open and self._transport.is_quiet()
        except OSError:
            return False

    def has_moved(self) -> bool:
        """Return whether the network has changed since the connection was opened."""
        try:
            return self._tcp.has_moved()
        except OSError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        self._tcp.close()


def connect(address: Address, ends: float) -> Connection:
    """Open a connection.

    Args:
        address: Where it leads.
        ends: When it must be open, on the clock of `time.monotonic`.

    Raises:
        Unanswered: It cannot be opened.
    """
    first, proxy = address.proxy or address, address.proxy
    stage, tcp = NAME, None
    try:
        found = resolved(first.host, first.port, ends)
        stage = TCP
        tcp = Tcp(first_open(found, ends, lambda: _prepare(address if address.is_tls else first)), ends)
        transport: Transport = tcp
        if first.is_tls:
            stage = PROXY_TLS if proxy else TLS
            transport = _tls(transport, first)
        if proxy and address.is_tls:
            stage = TUNNEL
            _tunnel(transport, address, proxy)
            stage = TLS
            transport = _tls(transport, address)
        return Connection(address, tcp, transport)
    except BaseException as error:
        if tcp is not None:
            tcp.close()
        if isinstance(error, (OSError, Unreadable)):
            raise Unanswered(stage, error) from None
        raise


def _prepare(address: Address) -> None:
    """Load what TLS needs while TCP connects."""
    if address.is_tls:
        from awsenv.aws import tls  # noqa: PLC0415 - plain HTTP does not load it

        try:
            tls.context(address.bundle)
        except OSError:
            # The handshake raises it again.
            return


def _tls(lower: Transport, address: Address) -> Transport:
    from awsenv.aws.tls import Tls  # noqa: PLC0415 - the same

    # The zone of an IPv6 address is not part of the name, nor is the dot of the root: urllib3 removes it, too.
    host = address.host.partition("%")[0].rstrip(".")
    return Tls(lower, encoded(host), address.bundle)


def _tunnel(transport: Transport, address: Address, proxy: Address) -> None:
    """Ask the proxy to connect to *address*.

    What follows its response is dropped: with TLS, the client speaks first.

    Raises:
        Unreadable: It does not connect.
    """
    headers = {"Host": address.netloc}
    if proxy.authorization is not None:
        headers["Proxy-Authorization"] = proxy.authorization
    transport.send(_head("CONNECT", address.netloc, headers))
    reader = Reader(transport.receive)
    status = reader.tunnel()
    if status // 100 != 2:  # noqa: PLR2004 - HTTP's success
        raise Refused(status)


def encoded_request(address: Address, request: HttpRequest) -> bytes:
    """Return the bytes of a request."""
    given = {name.lower() for name in request.headers}
    more = {"Host": address.header, "Accept-Encoding": "identity"}
    if request.body or request.method not in {"GET", "HEAD", "OPTIONS"}:
        more["Content-Length"] = str(len(request.body))
    target = _target(request.url)
    proxy = address.proxy
    if proxy is not None and not address.is_tls:
        target = f"http://{address.header}{target}"
        if proxy.authorization is not None:
            more["Proxy-Authorization"] = proxy.authorization
    added = {name: value for name, value in more.items() if name.lower() not in given}
    return _head(request.method, target, {**added, **request.headers}) + request.body


def _target(url: str) -> str:
    """Return the path and the query of *url*."""
    after = url.partition("#")[0].partition("://")[2]
    path, mark, query = after.partition("?")
    return f"/{path.partition('/')[2]}{mark if query else ''}{query}"


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request. Characters that a URL may not contain are escaped in the target.

    Raises:
        ValueError: A header has a line break.
    """
    escaped = "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in target.encode(errors="replace"))  # noqa: PLR2004 - ASCII
    lines = [f"{name}: {value}".encode(errors="replace") for name, value in headers.items()]
    if any(mark in line for line in lines for mark in (b"\r", b"\n", b"\0")):
        raise ValueError("a header has a line break")
    return b"\r\n".join((f"{method} {escaped} HTTP/1.1".encode(), *lines, b"", b""))
