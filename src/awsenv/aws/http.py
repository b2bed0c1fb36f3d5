"""HTTP with limits on time and size, through the proxies of the caller."""

from __future__ import annotations

import math
import time
from binascii import b2a_base64
from urllib.parse import unquote, urlsplit

from awsenv.aws.connection import Address, Unanswered
from awsenv.aws.connections import Connections
from awsenv.aws.proxy import fault, ignored, proxy_to, refused
from awsenv.aws.response import TooLarge
from awsenv.aws.tcp import NoThreadError
from awsenv.config.settings import unusable
from awsenv.errors import Failure
from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.aws.connection import HttpRequest
    from awsenv.aws.proxy import Proxy
    from awsenv.aws.response import Response
    from awsenv.config.ini import Setting
    from awsenv.errors import ConfigError, Origin
    from awsenv.model import Environ


_KEPT = range(200, 300)
"""The statuses after which a connection is kept. After a refusal, the server at its other end may go on refusing for
minutes what AWS allows by now (coder/coder#26971)."""


def unanswered(error: Exception) -> Unanswered | None:
    """Return *error* if it is `Unanswered`, or the `Unanswered` that an exception of botocore wraps; else None.

    Args:
        error: What `Http.send` or a client of botocore raised.
    """
    found = getattr(error, "kwargs", {}).get("error", error)
    return found if isinstance(found, Unanswered) else None


class LateError(Unanswered):
    """The time of the call is over, so there is no other attempt."""


class TooLargeError(Unanswered):
    """A response is larger than any response of AWS. Another attempt would bring the same."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request without a response."""

    url: str
    """Without its query, which may hold keys."""
    was_sent: bool
    """Whether a byte of it was handed to the system."""
    seconds: float
    """Since the call began."""
    limit: Origin | None = None
    """What limits that time; None: the default."""
    proxy: Proxy | None = None
    ignored: Origin | None = None
    """`ALL_PROXY`, if it is set: botocore ignores it."""

    @property
    def proxy_hint(self) -> str | None:
        """The next step if `ALL_PROXY` is ignored; None: it is not set."""
        ignored = self.ignored
        return None if ignored is None else f"set HTTPS_PROXY=http://HOST:PORT: botocore ignores {ignored.name}"


class Deadline:
    """The time limit of a call with all its attempts.

    Args:
        seconds: The limit.
        origin: What sets it; None: it is the default.
        now: The monotonic clock.
    """

    def __init__(self, seconds: float, origin: Origin | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = self._least = seconds
        self.origin = origin
        self._now = now
        self._end = math.inf
        self._attempts = 0

    def begin(self, seconds: float = 0) -> None:
        """Begin a call, which may take longer than others if *seconds* is larger."""
        self.seconds = max(seconds, self._least)
        self._end = self._now() + self.seconds
        self._attempts = 0

    def left(self) -> float:
        """Return the seconds that are left for the call."""
        return min(self._end - self._now(), self.seconds)

    def allows_after(self, attempts: int, more: float = 0) -> bool:
        """Return whether botocore's pause after so many attempts, plus *more* seconds, is sure to end before the call.

        In every retry mode the longest pause is one second, and doubles after each attempt.
        """
        return bool(self.left() - more > 2 ** (attempts - 1))

    @property
    def beyond(self) -> float:
        """A limit that ends no attempt before the call ends."""
        return self.seconds + 1

    def limit(self) -> float:
        """Return the seconds of the next attempt: a third of the call, or all that is left if it must be the last."""
        self._attempts += 1
        third = self.seconds / 3
        return third if self.allows_after(self._attempts, third) else self.beyond


class Http:
    """Sends requests through the proxies of the caller. It reads nothing from the environment of the process.

    Args:
        environ: The environment of the caller.
        bundle: The CA bundle; None: botocore's default.
        connect: Seconds for a connection, at most.
        read: Seconds for each read, at most.
        deadline: The time limit of the call.
        is_sent_once: Whether no request is repeated, so that its response may take as long as the call.
        connections: The connection pool; None: a new one.
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
        connections: Connections | None = None,
    ) -> None:
        self._connections = connections or Connections()
        self._environ = environ
        self._bundle = bundle
        self._deadline = deadline
        self._connect, self._read = connect, read
        self._is_sent_once = is_sent_once

    def check(self, url: str) -> None:
        """Check that a request to *url* can be sent, without sending one.

        Raises:
            ConfigError: The CA bundle or the proxy cannot be used.
        """
        proxy_to(url, self._environ)
        if bad := self._bad_bundle(url):
            raise bad

    def open_early(self, url: str) -> None:
        """Open a connection for a later request to *url*, in a thread. The request reports a failure.

        Raises:
            ConfigError: The proxy cannot be used.
        """
        address = self._address(url, proxy_to(url, self._environ))
        self._connections.open_early(address, min(self._connect, self._deadline.seconds))

    def send(self, request: HttpRequest, *, is_new: bool = False) -> Response:
        """Return the response to a request. Redirects are not followed.

        Args:
            request: The request.
            is_new: Whether it must go over a connection that has carried no other request.

        Raises:
            ProxyError: The proxy did not pass the request on.
            ConfigError: The CA bundle or the proxy cannot be used.
            Failure: The system has reached a limit.
            Unanswered: There is no response.
        """
        url = request.url.partition("?")[0]
        proxy = proxy_to(url, self._environ)
        begun, limit = time.monotonic(), self._deadline.limit()
        ends = begun + self._deadline.left()
        try:
            address, opens = self._address(url, proxy), min(ends, begun + min(self._connect, limit))
            opened = self._connections.take(address, opens, is_new=is_new or self._is_sent_once)
            silence = min(self._read, self._deadline.beyond if self._is_sent_once else limit)
            response = opened.exchange(request, ends=ends, silence=silence)
        except Unanswered as error:
            raise self._explained(error, url, proxy, is_late=time.monotonic() >= ends) from None
        if response.status in _KEPT:
            self._connections.keep(opened)
        else:
            opened.close()
        refusal = None if proxy is None else refused(proxy, url, response.status, response.body)
        if refusal is not None:
            refusal.attempt = self._attempt(url, proxy, was_sent=refusal.was_sent)
            raise refusal
        return response

    def _address(self, url: str, proxy: Proxy | None) -> Address:
        bundle = None if self._bundle is None else self._bundle.value
        through = None
        if proxy is not None:
            at = urlsplit(proxy.url)
            authorization = None
            if at.username and at.password:
                # As in botocore, there is no header without both a user and a password.
                pair = f"{unquote(at.username)}:{unquote(at.password)}"
                data = pair.encode(errors="surrogateescape")
                authorization = f"Basic {b2a_base64(data, newline=False).decode()}"
            through = _address(proxy.url, bundle, authorization=authorization)
        return _address(url, bundle, proxy=through)

    def _explained(self, error: Unanswered, url: str, proxy: Proxy | None, *, is_late: bool) -> Exception:
        """Return the error to raise for *error*."""
        if isinstance(error.error, NoThreadError):
            hint = ("end other programs", "raise the limits: ulimit -u, ulimit -v")
            return Failure("the system starts no more threads", hint=hint)
        if isinstance(error.error, TimeoutError) and is_late:
            error = LateError(error.stage, error.error, was_sent=error.was_sent)
        elif isinstance(error.error, TooLarge):
            error = TooLargeError(error.stage, error.error, was_sent=error.was_sent)
        error.attempt = self._attempt(url, proxy, was_sent=error.was_sent)
        of_proxy = None if proxy is None else fault(proxy, url, error)
        if of_proxy is not None:
            of_proxy.attempt = error.attempt
        return self._bad_bundle(url) or of_proxy or error

    def _attempt(self, url: str, proxy: Proxy | None, *, was_sent: bool) -> Attempt:
        # After the end, `left` is slightly negative.
        seconds = self._deadline.seconds - max(self._deadline.left(), 0)
        instead = ignored(url, self._environ)
        return Attempt(url, was_sent, seconds, self._deadline.origin, proxy, instead)

    def _bad_bundle(self, url: str) -> ConfigError | None:
        """Return why the CA bundle cannot be used for a request to *url*; None: it can, or is not needed."""
        if self._bundle is None or not url.startswith("https:"):
            return None
        from ssl import SSLError  # noqa: PLC0415 - only for TLS

        from awsenv.aws import tls  # noqa: PLC0415 - the same

        try:
            tls.context(self._bundle.value)
        except SSLError:
            return unusable(self._bundle, "it holds no certificate in PEM")
        except OSError as error:
            return unusable(self._bundle, f"it cannot be read ({error.strerror})")
        return None


def _address(
    url: str, bundle: str | None, *, proxy: Address | None = None, authorization: str | None = None
) -> Address:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    return Address(
        # The zone of an IPv6 address follows `%25` in a URL (RFC 6874).
        (parts.hostname or "").replace("%25", "%", 1),
        parts.port or (443 if is_tls else 80),
        is_tls=is_tls,
        bundle=bundle,
        proxy=proxy,
        authorization=authorization,
    )
