"""One HTTP connection: the name, TCP, the proxy, TLS, a request and its response, each within limits of time.

It imports little, and the modules of TLS only when TCP is under way: the network is waited for meanwhile.
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
"""The stages of a request in their order. Each but the last is over before a byte of the request is sent."""


class Address:
    """Where a connection leads: the key of those that are kept.

    Args:
        host: The name or the address, without brackets.
        port: The port.
        is_tls: Whether TLS is spoken to it.
        bundle: The path of the CA bundle; None: that of botocore.
        proxy: The proxy in between.
        authorization: The value of `Proxy-Authorization`, of a proxy that demands it.
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
        """The host as a URL has it, with its port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def header(self) -> str:
        """The value of `Host`: without a port that the scheme has by itself."""
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
class Message:
    """A request of HTTP. A traceback that shows the values of variables shows nothing of it but the method."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """`Host`, `Content-Length` and `Accept-Encoding` are added if they are missing."""
    body: bytes = field(default=b"", repr=False)


class Unanswered(Exception):  # noqa: N818 - a request without a response
    """There is no response to a request.

    It holds nothing of the request, which may carry a code or a secret.
    """

    attempt: Any
    """The `Attempt` of `http`, which adds it."""

    def __init__(
        self, stage: str, error: OSError | Unreadable, *, was_sent: bool = False, was_kept: bool = False
    ) -> None:
        super().__init__(stage)
        self.stage = stage
        """What failed."""
        self.error = error
        """What was raised there: by the system, by `ssl`, or for what the other side sent."""
        self.was_sent = was_sent
        """Whether a byte of the request was handed to the system."""
        self.was_kept = was_kept
        """Whether the connection had carried an earlier request, and was found closed without a byte of a response."""


class Refused(Unreadable):
    """A proxy answered CONNECT with another status than success."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Connection:
    """An open connection, which carries one request after another.

    Args:
        address: Where it leads.
        tcp: What is under all.
        transport: What requests are sent over.
    """

    def __init__(self, address: Address, tcp: Tcp, transport: Transport) -> None:
        self.address = address
        self.is_open = True
        """Whether another request can follow."""
        self.was_used = False
        """Whether it has carried a request."""
        self._tcp = tcp
        self._transport = transport

    def exchange(self, message: Message, *, ends: float, silence: float = LONGEST) -> Response:
        """Send a request and return its response.

        Args:
            message: The request.
            ends: When the response must be there, as `time.monotonic` has it.
            silence: Seconds that the other side may be silent.

        Raises:
            Unanswered: There is no response. The connection is closed.
            ValueError: A header has a line break. Nothing was sent.
        """
        # A memoryview, since a traceback may show the values of variables.
        data = memoryview(request(self.address, message))
        self._tcp.ends, self._tcp.silence = ends, silence
        before, was_used, self.was_used = self._tcp.sent, self.was_used, True
        reader = Reader(self._transport.receive)
        self.is_open = False
        try:
            self._transport.send(data)
            response = reader.response(message.method)
            self.is_open = reader.is_kept
        except (OSError, Unreadable) as error:
            ended = not reader.has_begun and not isinstance(error, TimeoutError)
            was_sent = self._tcp.sent > before
            # Its frames may hold a part of a response.
            cause = error.with_traceback(None)
            raise Unanswered(EXCHANGE, cause, was_sent=was_sent, was_kept=was_used and ended) from None
        finally:
            if not self.is_open:
                self.close()
        return response

    def is_quiet(self) -> bool:
        """Tell whether the connection can be used: the other side has neither closed it nor sent anything."""
        self._tcp.ends = time.monotonic() + 1
        try:
            return self.is_open and self._transport.is_quiet()
        except OSError:
            return False

    def has_moved(self) -> bool:
        """Tell whether the network has changed since the connection was opened, or it is gone."""
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
        ends: When it must be open, as `time.monotonic` has it.

    Raises:
        Unanswered: It cannot be opened. Nothing of a request was sent.
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
    """Load what TLS needs, while TCP is under way."""
    if address.is_tls:
        from awsenv.aws import tls  # noqa: PLC0415 - only here

        try:
            tls.context(address.bundle)
        except OSError:
            # Raised again where it is needed.
            return


def _tls(lower: Transport, address: Address) -> Transport:
    from awsenv.aws.tls import Tls  # noqa: PLC0415 - plain HTTP never waits for it

    # The zone of an IPv6 address is no part of the name.
    host = address.host.partition("%")[0]
    return Tls(lower, encoded(host), address.bundle)


def _tunnel(transport: Transport, address: Address, proxy: Address) -> None:
    """Let the proxy connect to *address*. What it sends after its answer is lost: in TLS, the server never begins.

    Raises:
        Unreadable: It does not.
    """
    headers = {"Host": address.netloc}
    if proxy.authorization is not None:
        headers["Proxy-Authorization"] = proxy.authorization
    transport.send(_head("CONNECT", address.netloc, headers))
    reader = Reader(transport.receive)
    status = reader.tunnel()
    if status // 100 != 2:  # noqa: PLR2004 - HTTP's success
        raise Refused(status)


def request(address: Address, message: Message) -> bytes:
    """Return a request as it is sent."""
    given = {name.lower() for name in message.headers}
    more = {"Host": address.header, "Accept-Encoding": "identity"}
    if message.body or message.method not in {"GET", "HEAD", "OPTIONS"}:
        more["Content-Length"] = str(len(message.body))
    target = _target(message.url)
    proxy = address.proxy
    if proxy is not None and not address.is_tls:
        target = f"http://{address.header}{target}"
        if proxy.authorization is not None:
            more["Proxy-Authorization"] = proxy.authorization
    added = {name: value for name, value in more.items() if name.lower() not in given}
    return _head(message.method, target, {**added, **message.headers}) + message.body


def _target(url: str) -> str:
    """Return the path of *url* with its query."""
    after = url.partition("#")[0].partition("://")[2]
    path, mark, query = after.partition("?")
    return f"/{path.partition('/')[2]}{mark if query else ''}{query}"


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request. What a URL may not hold is escaped in the target.

    Raises:
        ValueError: A header has a line break.
    """
    escaped = "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in target.encode(errors="replace"))  # noqa: PLR2004 - ASCII
    lines = [f"{name}: {value}".encode(errors="replace") for name, value in headers.items()]
    if any(mark in line for line in lines for mark in (b"\r", b"\n", b"\0")):
        raise ValueError("a header has a line break")
    return b"\r\n".join((f"{method} {escaped} HTTP/1.1".encode(), *lines, b"", b""))
