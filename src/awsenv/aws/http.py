"""HTTP with limits on time and size: botocore limits only each read, and no response's size."""

from __future__ import annotations

import re
import socket
import ssl
import sys
import threading
from contextlib import suppress
from http.client import HTTPException
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out
from weakref import WeakSet

import urllib3.exceptions
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool, AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from awsenv.aws.proxy import NoTunnelError, answered, causes, fault, proxy_of
from awsenv.config.settings import unusable
from awsenv.errors import ConfigError, Failure, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.config.ini import Setting
    from awsenv.model import Environ

MAX_RESPONSE = 1 << 20
"""Bytes. The largest responses, pages of IAM, have some 100,000."""

_CHUNK = 65536


class Unfinished(BotoCoreError):  # type: ignore[misc] # noqa: N818 - botocore has no types; its name says what happened
    """A response that did not end. `str()` is a predicate that says why. botocore does not retry after it."""

    fmt = "{fact}"
    was_sent = True
    """Whether the request may have been sent."""


class Late(Unfinished):
    """The time of the call is over.

    Args:
        url: The URL of the request.
        seconds: The time of the call.
        was_sent: Whether the request may have been sent.
    """

    def __init__(self, url: str, seconds: float, *, was_sent: bool) -> None:
        what = "did not send a complete response" if was_sent else "could not be reached"
        super().__init__(fact=f"{what} within {spelled(seconds)}", url=url)
        self.was_sent = was_sent


def spelled(seconds: float) -> str:
    """Return a time as a message shows it."""
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"


class Http:
    """Sends requests through the proxies of the caller. botocore would take those of the process.

    Args:
        environ: The environment of the caller.
        bundle: The CA bundle; None: the system's.
        connect: Seconds for a connection.
        read: Seconds for each read.
        total: Seconds for a call with all its attempts.
        left: Returns how many of them are left.
    """

    def __init__(
        self,
        environ: Environ,
        *,
        bundle: Setting | None,
        connect: float,
        read: float,
        total: float,
        left: Callable[[], float],
    ) -> None:
        self._environ = environ
        self._proxies = proxies(environ)
        self._bundle = bundle
        self._timeout = (connect, read)
        self._total = total
        self._left = left
        self._sessions: dict[bool, URLLib3Session] = {}
        self._sockets: dict[threading.Thread, socket.socket] = {}
        self._given_up: WeakSet[threading.Thread] = WeakSet()

    def send(self, request: Any, **_of_botocore: Any) -> AWSResponse:
        """Return the response to a prepared request. A redirect is returned and not followed.

        The exchange runs in a thread, since nothing else ends a name lookup or headers that arrive byte by byte.

        Raises:
            Unfinished: The response did not end in time, or is too large.
            ProxyError: The proxy did not pass the request on.
            ConfigError: The CA bundle or the proxy is of no use.
            Failure: The system has reached a limit.
            BotoCoreError: There is no response.
        """
        proxy = proxy_of(request.url, self.proxies_to(request.url), self._environ)
        done: list[AWSResponse | BaseException] = []
        thread = threading.Thread(target=self._exchange, args=(request, done), daemon=True)
        left = self._left()
        if left > 0:
            try:
                thread.start()
            except RuntimeError:
                hint = ("end other programs", "raise the limits: ulimit -u, ulimit -v")
                raise Failure("the system starts no more threads", hint=hint) from None
            thread.join(left)
        if not done:
            # First: what connects from now on sends nothing.
            self._given_up.add(thread)
            opened = self._sockets.get(thread)
            if opened is not None:
                # The thread may be in a read that lasts as long as bytes trickle in.
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
            raise Late(request.url, self._total, was_sent=opened is not None)
        answer = done[0]
        if isinstance(answer, ReadTimeoutError | ConnectTimeoutError):
            answer.kwargs["seconds"] = self._total - self._left()
        if isinstance(answer, AWSResponse):
            refusal = None if proxy is None else answered(proxy, request.url, answer.status_code, answer.content)
            if refusal is None:
                return answer
            raise refusal
        if isinstance(answer, ProxyConnectionError) and proxy is not None:
            answer.kwargs["origin"] = proxy.origin
        known = self._bad_bundle(answer) or (None if proxy is None else fault(proxy, request.url, answer))
        raise known or _unwrapped(answer)

    def _bad_bundle(self, error: BaseException) -> ConfigError | None:
        """Return the error of the CA bundle, if *error* is about it."""
        for cause in causes(error):
            if self._bundle is None:
                break
            if isinstance(cause, FileNotFoundError | PermissionError | IsADirectoryError):
                return unusable(self._bundle, f"it cannot be read ({cause.strerror})")
            if isinstance(cause, ssl.SSLError) and cause.library == "X509":
                return unusable(self._bundle, "it holds no certificate in PEM")
        return None

    def _exchange(self, request: Any, done: list[AWSResponse | BaseException]) -> None:
        try:
            # Without this botocore reads the whole body.
            request.stream_output = True
            response = self._session(request.url).send(request)
            body = _body(request, response.raw)
            raw = SimpleNamespace(stream=lambda: [body])
            done.append(AWSResponse(response.url, response.status_code, response.headers, raw))
        except BaseException as error:  # noqa: BLE001 - `send` raises it
            done.append(error)
        finally:
            self._sockets.pop(threading.current_thread(), None)

    def _use(self, opened: socket.socket) -> None:
        """Note that a request is about to be sent.

        Raises:
            ConnectionAbortedError: Nobody waits for it any more.
        """
        self._sockets[threading.current_thread()] = opened
        if threading.current_thread() in self._given_up:
            raise ConnectionAbortedError

    def _session(self, url: str) -> URLLib3Session:
        used = self.proxies_to(url)
        if bool(used) not in self._sessions:
            verify = True if self._bundle is None else self._bundle.value
            session = URLLib3Session(verify=verify, proxies=used, timeout=self._timeout)
            session._pool_classes_by_scheme.update(_pools(self._use))  # noqa: SLF001 - nothing public shows a socket
            self._sessions[bool(used)] = session
        return self._sessions[bool(used)]

    def proxies_to(self, url: str) -> Mapping[str, str]:
        """Return the proxies by scheme; empty if *url* needs none."""
        if _is_loopback(url):
            # A proxy on another machine cannot reach our loopback.
            return {}
        if self._proxies is None:
            system: dict[str, str] = get_environ_proxies(url)
            return system
        parts = urlsplit(url)
        if parts.scheme not in self._proxies or proxy_bypass_environment(parts.netloc, dict(self._proxies)):
            return {}
        _check_proxy(parts.scheme, self._proxies[parts.scheme], self._environ)
        return self._proxies


def _unwrapped(error: Any) -> BaseException:
    """Return *error*, or the fault in it: botocore wraps a lack of memory as if the network had failed."""
    wrapped = error.kwargs["error"] if type(error) is HTTPClientError else None
    of_network = (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError)
    unwrapped: BaseException = error if wrapped is None or isinstance(wrapped, of_network) else wrapped
    return unwrapped


def _check_proxy(scheme: str, proxy: str, environ: Environ) -> None:
    """Refuse a proxy that botocore cannot use. It would take `socks5` for the name of a host.

    Raises:
        ConfigError: The proxy is not one for HTTP.
    """
    kind, _, rest = proxy.partition("://")
    if not rest or kind.lower() in {"http", "https"}:
        return
    name = max(each for each in environ if each.lower() == f"{scheme}_proxy" and environ[each] == proxy)
    raise ConfigError(
        f"{name} names a {re.sub('(?<=SOCKS).*', '', kind.upper())} proxy, which botocore cannot use",
        Origin(name),
        hint=(f"name an HTTP proxy: {name}=http://HOST:PORT", "without it, for hosts of AWS: NO_PROXY=.amazonaws.com"),
    )


def _pools(use: Callable[[socket.socket], None]) -> dict[str, type]:
    """Return botocore's pools of connections by scheme. A connection calls *use* before it sends a request."""

    def shown(connection: Any) -> type:
        class Connection(connection):  # type: ignore[misc] # botocore has no types
            is_open = False

            def connect(self) -> None:
                self.is_open = False
                super().connect()
                use(self.sock)
                self.is_open = True

            def send(self, data: Any) -> Any:
                # What a proxy or the connection itself is sent before that is no request.
                if self.is_open and self.sock is not None:
                    use(self.sock)
                return super().send(data)

            def _tunnel(self) -> None:
                try:
                    super()._tunnel()
                except (OSError, HTTPException) as error:
                    raise NoTunnelError(error) from None

        return Connection

    pools = (AWSHTTPConnectionPool, AWSHTTPSConnectionPool)
    return {pool.scheme: type("Pool", (pool,), {"ConnectionCls": shown(pool.ConnectionCls)}) for pool in pools}


def _body(request: Any, raw: Any) -> bytes:
    data = bytearray()
    try:
        for chunk in raw.stream(_CHUNK):
            data += chunk
            if len(data) > MAX_RESPONSE:
                raw.close()
                raise Unfinished(fact=f"sent more than {MAX_RESPONSE // 1024} KiB", url=request.url)
    # As botocore translates the errors of its own reads.
    except urllib3.exceptions.ReadTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from None
    return bytes(data)


def proxies(environ: Environ) -> Mapping[str, str] | None:
    """Return the proxies by scheme, and under `no` the hosts that need none; empty: there are no proxies.

    The rules are those of Python's `urllib.request.getproxies_environment`: the lower-case name wins, even if
    its value is empty. `HTTP_PROXY` beside `REQUEST_METHOD` is ignored (CVE-2016-1000110).

    Returns:
        None on macOS where the environment names none: the system settings apply, and botocore finds them.
    """
    found = {name[:-6].lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    if "REQUEST_METHOD" in environ:
        found.pop("http", None)
    for name, value in environ.items():
        if name.endswith("_proxy"):
            found.pop(name[:-6].lower(), None)
            if value:
                found[name[:-6].lower()] = value
    if not found and sys.platform == "darwin":
        return None
    return found if "http" in found or "https" in found else {}


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
