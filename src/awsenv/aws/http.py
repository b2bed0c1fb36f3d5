"""HTTP with limits on time and size: botocore limits only each read, and no response's size."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool, AWSResponse
from botocore.exceptions import BotoCoreError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from awsenv.aws.proxy import NoTunnelError, answered, fault, ignored, proxy_to
from awsenv.config.settings import unusable
from awsenv.errors import Failure

if TYPE_CHECKING:
    from awsenv.aws.proxy import Proxy
    from awsenv.config.ini import Setting
    from awsenv.errors import ConfigError, Origin
    from awsenv.model import Environ

MAX_RESPONSE = 1 << 20
"""Bytes. The largest responses, pages of IAM, have some 100,000."""

_CHUNK = 65536


class TooLargeError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """A response is larger than any of AWS. botocore does not retry after it."""

    fmt = f"sent more than {MAX_RESPONSE // 1024} KiB"


class LateError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """The time of the call is over. botocore does not retry after it."""

    fmt = "late"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request without a response."""

    url: str
    was_sent: bool
    """Whether it may have been sent."""
    seconds: float
    """The time since the call began."""
    limit: Origin | None = None
    """What limits that time; None: the default."""
    proxy: Proxy | None = None
    ignored: Origin | None = None
    """The variable of a proxy that botocore ignores."""

    @property
    def instead_of_ignored(self) -> str | None:
        """The next step if a proxy was ignored; None: none was."""
        ignored = self.ignored
        return None if ignored is None else f"set HTTPS_PROXY=http://HOST:PORT: botocore ignores {ignored.name}"


class Deadline:
    """The time of a call with all its attempts.

    Args:
        seconds: The time of a call.
        origin: What sets it; None: it is the default.
    """

    def __init__(self, seconds: float, origin: Origin | None = None) -> None:
        self.seconds = self._least = seconds
        self.origin = origin
        self._end = math.inf
        self._attempts = 0

    def begin(self, seconds: float = 0) -> None:
        """Begin a call, which has the time of any call, or as many *seconds* if they are more."""
        self.seconds = max(seconds, self._least)
        self._end = time.monotonic() + self.seconds
        self._attempts = 0

    def left(self) -> float:
        """Return the seconds that are left for the call."""
        return min(self._end - time.monotonic(), self.seconds)

    def allows_after(self, attempts: int, more: float = 0) -> bool:
        """Tell whether the pause of botocore after so many attempts, and *more* seconds, surely end before the call.

        In each retry mode the longest pause is one second, and twice as long after each attempt.
        """
        return bool(self.left() - more > 2 ** (attempts - 1))

    @property
    def beyond(self) -> float:
        """A limit for an attempt that only the end of the call ends."""
        return self.seconds + 1

    def limit(self) -> float:
        """Return the seconds of the next attempt: a third of the call, unless no other attempt will fit after it."""
        self._attempts += 1
        third = self.seconds / 3
        return third if self.allows_after(self._attempts, third) else self.beyond


class Http:
    """Sends requests through the proxies of the caller. botocore would take those of the process.

    Args:
        environ: The environment of the caller.
        bundle: The CA bundle; None: the system's.
        connect: Seconds for a connection, at most.
        read: Seconds for each read, at most.
        deadline: The time of the call.
        is_sent_once: Whether botocore never repeats a request, so that its response may take as long as the call.
    """

    def __init__(
        self,
        environ: Environ,
        *,
        bundle: Setting | None,
        deadline: Deadline,
        connect: float = math.inf,
        read: float = math.inf,
        is_sent_once: bool = False,
    ) -> None:
        self._environ = environ
        self._bundle = bundle
        self._deadline = deadline
        self._limits = (connect, read)
        self._is_sent_once = is_sent_once
        self._sessions: dict[tuple[Proxy | None, float, float], URLLib3Session] = {}

    def check(self, url: str) -> None:
        """Check that a request to *url* can be sent, without sending one.

        Raises:
            ConfigError: The CA bundle or the proxy is of no use.
        """
        proxy_to(url, self._environ)
        if bad := self._bad_bundle(url):
            raise bad

    def send(self, request: Any, **_of_botocore: Any) -> AWSResponse:
        """Return the response to a prepared request. A redirect is returned and not followed.

        Raises:
            ProxyError: The proxy did not pass the request on.
            ConfigError: The CA bundle or the proxy is of no use.
            Failure: The system has reached a limit.
            BotoCoreError: There is no response. Its `kwargs` have the `attempt`.
        """
        proxy = proxy_to(request.url, self._environ)
        exchange = _Exchange(self._session(proxy), request)
        answer = exchange.answer(self._deadline.left())
        if isinstance(answer, AWSResponse):
            refusal = None if proxy is None else answered(proxy, request.url, answer.status_code, answer.content)
            if refusal is None:
                return answer
            raise refusal
        if isinstance(answer, BotoCoreError):
            # After the end of the time, `left` is a little less than nothing.
            seconds = self._deadline.seconds - max(self._deadline.left(), 0)
            instead = ignored(request.url, self._environ)
            answer.kwargs["attempt"] = Attempt(
                request.url, exchange.was_sent, seconds, self._deadline.origin, proxy, instead
            )
        of_proxy = None if proxy is None else fault(proxy, request.url, answer, was_sent=exchange.was_sent)
        raise self._bad_bundle(request.url) or of_proxy or _unwrapped(answer)

    def _bad_bundle(self, url: str) -> ConfigError | None:
        """Return why the CA bundle is of no use for a request to *url*; None: it is, or none is needed."""
        if self._bundle is None or not url.startswith("https:"):
            return None
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self._bundle.value)
        except ssl.SSLError:
            return unusable(self._bundle, "it holds no certificate in PEM")
        except OSError as error:
            return unusable(self._bundle, f"it cannot be read ({error.strerror})")
        return None

    def _session(self, proxy: Proxy | None) -> URLLib3Session:
        limit = self._deadline.limit()
        connect, read = self._limits
        key = proxy, min(connect, limit), min(read, self._deadline.beyond if self._is_sent_once else limit)
        if key not in self._sessions:
            verify = True if self._bundle is None else self._bundle.value
            # botocore finds a proxy by the scheme of the request.
            used = {} if proxy is None else dict.fromkeys(("http", "https"), proxy.url)
            session = URLLib3Session(verify=verify, proxies=used, timeout=key[1:])
            session._pool_classes_by_scheme.update(_POOLS)  # noqa: SLF001 - nothing public shows a socket
            self._sessions[key] = session
        return self._sessions[key]


def _unwrapped(error: Any) -> BaseException:
    """Return *error*, or the fault in it: botocore wraps a lack of memory as if the network had failed."""
    wrapped = error.kwargs["error"] if type(error) is HTTPClientError else None
    of_network = (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError)
    unwrapped: BaseException = error if wrapped is None or isinstance(wrapped, of_network) else wrapped
    return unwrapped


class _Exchange(threading.Thread):
    """A request in a thread, since nothing else ends a name lookup or headers that arrive byte by byte."""

    def __init__(self, session: URLLib3Session, request: Any) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._request = request
        self._socket: socket.socket | None = None
        self._answer: AWSResponse | BaseException | None = None
        self._is_given_up = False

    @property
    def was_sent(self) -> bool:
        """Whether the request may have been sent."""
        return self._socket is not None

    def answer(self, seconds: float) -> AWSResponse | BaseException:
        """Return the response, or what is raised instead of it within *seconds*."""
        if seconds > 0:
            try:
                self.start()
            except RuntimeError:
                hint = ("end other programs", "raise the limits: ulimit -u, ulimit -v")
                raise Failure("the system starts no more threads", hint=hint) from None
            self.join(seconds)
        if self._answer is not None:
            return self._answer
        # First: what connects from now on sends nothing.
        self._is_given_up = True
        if self._socket is not None:
            # The thread may be in a read that lasts as long as bytes trickle in.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        return LateError(url=self._request.url)

    def run(self) -> None:
        """Send the request and read the response."""
        try:
            # Without this botocore reads the whole body.
            self._request.stream_output = True
            response = self._session.send(self._request)
            body = _body(self._request, response.raw)
            raw = SimpleNamespace(stream=lambda: [body])
            self._answer = AWSResponse(response.url, response.status_code, response.headers, raw)
        except BaseException as error:  # noqa: BLE001 - `Http.send` raises it
            self._answer = error

    def use(self, opened: socket.socket) -> None:
        """Note that the request is about to be sent.

        Raises:
            ConnectionAbortedError: Nobody waits for it any more.
        """
        self._socket = opened
        if self._is_given_up:
            raise ConnectionAbortedError


def _noting(connection: Any) -> type:
    """Return a kind of connection that tells the exchange, whose thread it runs in, before it sends a request."""

    class Connection(connection):  # type: ignore[misc] # botocore has no types
        is_open = False

        def connect(self) -> None:
            self.is_open = False
            super().connect()
            self._note()
            self.is_open = True

        def send(self, data: Any) -> Any:
            # What a proxy or the connection itself is sent before that is no request.
            if self.is_open and self.sock is not None:
                self._note()
            return super().send(data)

        def _tunnel(self) -> None:
            try:
                super()._tunnel()
            except TimeoutError:
                raise
            except (OSError, HTTPException) as error:
                raise NoTunnelError(error) from None

        def _note(self) -> None:
            exchange = threading.current_thread()
            assert isinstance(exchange, _Exchange)  # noqa: S101 - no other thread has a session with these pools
            exchange.use(self.sock)

    return Connection


_POOLS = {
    pool.scheme: type("Pool", (pool,), {"ConnectionCls": _noting(pool.ConnectionCls)})
    for pool in (AWSHTTPConnectionPool, AWSHTTPSConnectionPool)
}
"""botocore's pools of connections by scheme."""


def _body(request: Any, raw: Any) -> bytes:
    data = bytearray()
    try:
        for chunk in raw.stream(_CHUNK):
            data += chunk
            if len(data) > MAX_RESPONSE:
                raw.close()
                raise TooLargeError
    # As botocore translates the errors of its own reads.
    except urllib3.exceptions.ReadTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from None
    # urllib3 would not check it for botocore.
    if len(data) < int(raw.headers.get("content-length") or 0):
        raise ConnectionClosedError(endpoint_url=request.url, error=IncompleteRead(bytes(data)), request=request)
    return bytes(data)
