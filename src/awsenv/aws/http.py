"""One request and its answer, with an end: botocore limits only the wait for each read, and no answer's size."""

from __future__ import annotations

import sys
import threading
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out

import urllib3.exceptions
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.model import Environ

MAX_ANSWER = 1 << 20
"""Bytes. The largest answers, pages of IAM, have some 100,000."""

_CHUNK = 65536


class Unfinished(BotoCoreError):  # type: ignore[misc] # noqa: N818 - botocore has no types; its name says what happened
    """An answer that did not end. `str()` says how, as a predicate. botocore does not ask again after it."""

    fmt = "{fact}"


class Http:
    """Sends requests through the proxies of an environment, which botocore would look up in that of the process.

    Args:
        environ: The environment of the caller.
        verify: The CA bundle; True: the system's.
        connect: Seconds for a connection.
        read: Seconds for each read.
        total: Seconds for a call with all its attempts.
    """

    def __init__(self, environ: Environ, *, verify: str | bool, connect: float, read: float, total: float) -> None:
        self._proxies = proxies(environ)
        self._verify = verify
        self._timeout = (connect, read)
        self._total = total
        self._sessions: dict[bool, URLLib3Session] = {}
        self.begin()

    def begin(self, **_of_botocore: Any) -> None:
        """Begin a call: its time runs from now on."""
        self._end = time.monotonic() + self._total

    def send(self, request: Any, **_of_botocore: Any) -> AWSResponse:
        """Return the answer to a prepared request. A redirect is an answer, too: it is not followed.

        The exchange runs in a thread, since nothing else ends a name look-up, or headers that arrive byte by byte.

        Raises:
            Unfinished: The answer did not end in time, or is too large.
            BotoCoreError: There is no answer.
        """
        done: list[AWSResponse | BaseException] = []
        thread = threading.Thread(target=self._exchange, args=(request, done), daemon=True)
        left = self._end - time.monotonic()
        if left > 0:
            thread.start()
            thread.join(left)
        if not done:
            raise Unfinished(fact=f"did not send a whole answer within {self._total:g} seconds", url=request.url)
        if isinstance(done[0], BaseException):
            raise done[0]
        return done[0]

    def _exchange(self, request: Any, done: list[AWSResponse | BaseException]) -> None:
        try:
            # Without this botocore reads the whole body.
            request.stream_output = True
            answer = self._session(request.url).send(request)
            body = _Body(request, answer.raw)
            done.append(AWSResponse(answer.url, answer.status_code, answer.headers, body))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            done.append(error)

    def _session(self, url: str) -> URLLib3Session:
        used = self.proxies_to(url)
        if bool(used) not in self._sessions:
            self._sessions[bool(used)] = URLLib3Session(verify=self._verify, proxies=used, timeout=self._timeout)
        return self._sessions[bool(used)]

    def proxies_to(self, url: str) -> Mapping[str, str]:
        """Return the proxies by scheme; empty where *url* is reached without one."""
        if _is_loopback(url):
            # A proxy elsewhere cannot reach this machine's own loopback.
            return {}
        if self._proxies is None:
            system: dict[str, str] = get_environ_proxies(url)
            return system
        parts = urlsplit(url)
        if parts.scheme not in self._proxies or proxy_bypass_environment(parts.netloc, dict(self._proxies)):
            return {}
        return self._proxies


class _Body:
    """The body of an answer, read into memory: what botocore asks of one."""

    def __init__(self, request: Any, raw: Any) -> None:
        self._data = bytearray()
        try:
            for chunk in raw.stream(_CHUNK):
                self._data += chunk
                if len(self._data) > MAX_ANSWER:
                    raw.close()
                    raise Unfinished(fact=f"sent more than {MAX_ANSWER // 1024} KiB", url=request.url)
        # As botocore translates what it reads itself.
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from None

    def stream(self) -> Iterator[bytes]:
        yield bytes(self._data)


def proxies(environ: Environ) -> Mapping[str, str] | None:
    """Return the proxies by the scheme that they serve, and under `no` the hosts that are reached without; empty: none.

    The rules are those of Python's `urllib.request.getproxies_environment`: the lower-case spelling wins, and empties
    the other where it is empty. `HTTP_PROXY` is not to be trusted beside `REQUEST_METHOD` (CVE-2016-1000110).

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
