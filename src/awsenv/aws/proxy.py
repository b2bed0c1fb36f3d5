"""The proxy of a request: which variable names it, and why it did not pass the request on."""

from __future__ import annotations

import re
import sys
from _socket import AF_INET, AF_INET6, inet_pton
from contextlib import suppress
from urllib.parse import urlsplit

from awsenv.aws.connection import EXCHANGE, PROXY_TLS, TLS, TUNNEL, Refused, Unanswered
from awsenv.aws.request import host_of
from awsenv.aws.response import Closed, Incomplete, TooLarge, Unreadable
from awsenv.config.settings import is_url, without_password
from awsenv.errors import AGAIN, ConfigError, Origin
from awsenv.record import dataclass
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.errors import Hint
    from awsenv.model import Environ

_ANSWERS = (b"<?xml", b"<ErrorResponse", b"<Response", b"{")
"""How error responses of AWS begin."""

_LOOPBACK = inet_pton(AF_INET6, "::1")

_PASSWORD = 407
"""HTTP status: proxy authentication required."""

_ENDINGS: tuple[tuple[type[Exception], str], ...] = (
    (Closed, "closed the connection"),
    (Incomplete, "sent an incomplete response"),
    (Unreadable, "does not speak HTTP"),
    (TimeoutError, "does not answer"),
    (ConnectionError, "closed the connection"),
)
"""What a server did instead of responding, by the exception."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the caller."""

    url: str
    """With a scheme, and with the user and password if there are any."""
    origin: Origin | None
    """Its variable; None: the system settings name it."""
    exempt: str = "NO_PROXY="
    """The shell assignment that adds a host to NO_PROXY, up to the host."""

    @property
    def title(self) -> str:
        """Its name in messages, without user and password."""
        return f"the proxy {host_of(self.url)}"

    @property
    def variable(self) -> str:
        """Its variable in messages."""
        return "the proxy settings of the system" if self.origin is None else self.origin.name


class ProxyError(Unanswered):
    """A proxy did not pass a request on, and would not at another attempt.

    Args:
        error: The missing response. If the request was sent, the proxy may have passed it on after all.
        fact: What the proxy does.
        origin: Its variable; None: the system settings name it.
        hint: The next step.
        because: The established cause, if it is not part of the fact.
    """

    def __init__(
        self, error: Unanswered, fact: str, origin: Origin | None, hint: Hint, because: str | None = None
    ) -> None:
        super().__init__(error.stage, error.error, was_sent=error.was_sent)
        self.fact = fact
        self.origin = origin
        self.hint = hint
        self.because = because


def proxy_to(url: str, environ: Environ) -> Proxy | None:
    """Return the proxy for a request to *url*; None: the request needs none.

    Args:
        url: The URL.
        environ: The environment of the caller.

    Raises:
        ConfigError: botocore cannot use the proxy: it would take `socks5` for a host name.
    """
    scheme = urlsplit(url).scheme
    value = _found(url, environ).get(scheme)
    if not value:
        return None
    kind, _, rest = value.rpartition("://")
    # Python prefers the lower-case variable, even if it is empty.
    hosts = "no_proxy" if "no_proxy" in environ else "NO_PROXY"
    exempt = f"{hosts}=${hosts}," if environ.get(hosts) else f"{hosts}="
    # botocore knows schemes in lower case only.
    proxy = Proxy(f"{kind.lower() or 'http'}://{rest}", _variable(f"{scheme}_proxy", value, environ), exempt)
    name = proxy.variable
    is_http = kind.lower() in {"", "http", "https"}
    if not is_http and re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", kind):
        raise ConfigError(
            f"botocore cannot use the {re.sub('(?<=SOCKS).*', '', kind.upper())} proxy that {name} names",
            proxy.origin,
            hint=(f"name an HTTP proxy: {name}=http://HOST:PORT", _without(proxy, url)),
        )
    if not is_http or not is_url(proxy.url):
        fact = f"{name} is not the URL of a proxy: {quoted(without_password(value))}"
        raise ConfigError(fact, proxy.origin, hint=(f"unset {name}", "correct it: http://HOST:PORT"))
    return proxy


def ignored(url: str, environ: Environ) -> Origin | None:
    """Return `ALL_PROXY` if it is set, and no other variable names a proxy for *url*; else None.

    botocore ignores it: it looks for a proxy by scheme alone (`botocore.httpsession.ProxyConfiguration`).
    """
    found = _found(url, environ)
    return None if urlsplit(url).scheme in found else _variable("all_proxy", found.get("all"), environ)


def _variable(name: str, value: str | None, environ: Environ) -> Origin | None:
    """Return the variable that is called *name* in any case and has *value*, the lower-case one first."""
    names = (each for each in environ if each.lower() == name and environ[each] == value)
    return max(map(Origin, names), default=None, key=str)


def _found(url: str, environ: Environ) -> Mapping[str, str]:
    """Return the proxies by scheme, as `proxies` does; empty: *url* needs none."""
    parts, found = urlsplit(url), proxies(environ)
    if _is_loopback(parts.hostname or ""):
        # A proxy on another machine cannot reach our loopback.
        return {}
    if found is None:
        return _of_system(parts.netloc)
    return {} if is_exempt(parts.netloc, found.get("no", "")) else found


def _of_system(netloc: str) -> Mapping[str, str]:
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - large, and only for macOS

    return {} if proxy_bypass(netloc) else getproxies()


def is_exempt(netloc: str, exempt: str) -> bool:
    """Return whether a host needs no proxy.

    The rules are those of `urllib.request.proxy_bypass_environment`, which takes long to load.

    Args:
        netloc: The host as in the URL, with its port.
        exempt: The value of `NO_PROXY`.
    """
    host = netloc.lower()
    name, colon, port = host.rpartition(":")
    # The port may be empty. What follows the last colon of an IPv6 address has a bracket.
    forms = (host, name) if colon and not port.strip("0123456789") else (host,)
    suffixes = [each.strip().lstrip(".").lower() for each in exempt.split(",") if each.strip()]
    ends = any(form == suffix or form.endswith(f".{suffix}") for suffix in suffixes for form in forms)
    return exempt == "*" or ends


def proxies(environ: Environ) -> Mapping[str, str] | None:
    """Return the proxies by scheme, and under `no` the hosts that need none.

    The rules are those of Python's `urllib.request.getproxies_environment`: the lower-case name wins, even if
    its value is empty. `HTTP_PROXY` beside `REQUEST_METHOD` is ignored (CVE-2016-1000110).

    Returns:
        None on macOS if the environment names no proxy: the system settings apply.
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
    return found


def _is_loopback(host: str) -> bool:
    for family, is_so in ((AF_INET, lambda packed: packed[0] == 127), (AF_INET6, _LOOPBACK.__eq__)):  # noqa: PLR2004 - RFC 1122
        with suppress(OSError, ValueError):
            return bool(is_so(inet_pton(family, host)))
    return host == "localhost"


def refused(proxy: Proxy, url: str, status: int, body: bytes) -> ProxyError | None:
    """Return the error if the response to a request without TLS comes from the proxy itself; None: it does not."""
    is_of_proxy = status == _PASSWORD or (status >= 400 and not body.lstrip().startswith(_ANSWERS))  # noqa: PLR2004 - HTTP
    if urlsplit(url).scheme != "http" or not is_of_proxy:
        return None
    return _of_status(proxy, url, status, Unanswered(EXCHANGE, Refused(status), was_sent=status != _PASSWORD))


def fault(proxy: Proxy, url: str, error: Unanswered) -> ProxyError | None:
    """Return the error if the proxy is to blame for *error*; None: it is not.

    Args:
        proxy: The proxy.
        url: The URL of the request.
        error: The missing response.
    """
    from ssl import SSLCertVerificationError, SSLError  # noqa: PLC0415 - large, and seldom needed

    stage, cause = error.stage, error.error
    hint: Hint = _names_one(proxy)
    because = None
    if isinstance(cause, Refused):
        return _of_status(proxy, url, cause.status, error)
    if isinstance(cause, TimeoutError):
        return None
    if stage == TUNNEL:
        fact = f"{proxy.title} {ending(cause) or 'makes no connection'}"
    elif stage == PROXY_TLS and isinstance(cause, SSLCertVerificationError):
        fact = f"the TLS certificate of {proxy.title} cannot be verified"
        from awsenv.aws import certificate  # noqa: PLC0415 - few are wrong

        because, (_, step) = certificate.cause(cause)
        hint = step.format(setting=proxy.variable)
    elif stage == PROXY_TLS and isinstance(cause, SSLError):
        fact = f"{proxy.title} does not speak TLS"
        hint = f"write http:// instead of https:// in {proxy.variable}"
    elif urlsplit(url).scheme == "http" and isinstance(cause, Unreadable) and not isinstance(cause, TooLarge):
        fact = f"{proxy.title} {ending(cause)}"
    elif stage == TLS and not isinstance(cause, SSLCertVerificationError):
        fact = f"no TLS connection to {host_of(url)} can be made through {proxy.title}"
        hint = (_names_one(proxy), _without(proxy, url))
    else:
        return None
    return ProxyError(error, fact, proxy.origin, hint, because)


def ending(error: Exception) -> str | None:
    """Return what a server did instead of responding, as a predicate; None: *error* does not show it."""
    return next((does for kind, does in _ENDINGS if isinstance(error, kind)), None)


def _of_status(proxy: Proxy, url: str, status: int, error: Unanswered) -> ProxyError:
    may_pass = status >= 500 or status == 429  # noqa: PLR2004 - HTTP's server errors, and "too many requests"
    hint: Hint = (AGAIN if may_pass else _names_one(proxy), _without(proxy, url))
    fact = f"{proxy.title} answers the request for {host_of(url)} with HTTP {status}"
    if status == _PASSWORD:
        has_user = "@" in urlsplit(proxy.url).netloc
        does = "does not accept the user and the password" if has_user else "demands a user and a password"
        fact = f"{proxy.title} {does} (HTTP 407)"
        hint = f"{'correct' if has_user else 'set'} both in {proxy.variable}: http://USER:PASSWORD@HOST:PORT"
    elif status == 403:  # noqa: PLR2004 - "forbidden"
        fact = f"{proxy.title} forbids a connection to {host_of(url)} (HTTP 403)"
        hint = (f"ask its administrator to allow {host_of(url)}", _without(proxy, url))
    return ProxyError(error, fact, proxy.origin, hint)


def _names_one(proxy: Proxy) -> str:
    return f"check that {proxy.variable} names an HTTP proxy"


def _without(proxy: Proxy, url: str) -> str:
    """Return the command with which requests to the host go without the proxy."""
    return f"export {proxy.exempt}{urlsplit(url).hostname}"
