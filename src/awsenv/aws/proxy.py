"""The proxy of a request: which variable names it, and why it did not pass the request on."""

from __future__ import annotations

import re
import ssl
import sys
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out

from botocore.exceptions import BotoCoreError, ConnectionClosedError, ProxyConnectionError, SSLError
from botocore.utils import get_environ_proxies

from awsenv.aws.request import host_of
from awsenv.config.settings import is_url, without_password
from awsenv.errors import AGAIN, ConfigError, Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.errors import Hint
    from awsenv.model import Environ

_ANSWERS = (b"<?xml", b"<ErrorResponse", b"<Response", b"{")
"""How the errors of AWS begin."""

_PASSWORD = 407
"""HTTP's "proxy authentication required"."""

_ENDINGS: tuple[tuple[type[Exception], str], ...] = (
    (RemoteDisconnected, "closed the connection"),
    (IncompleteRead, "sent an incomplete response"),
    (HTTPException, "does not speak HTTP"),
    (TimeoutError, "does not answer"),
    (ConnectionError, "closed the connection"),
)
"""What a server does instead of a response, by the exception of http.client or of the system."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the caller."""

    url: str
    """With a scheme, and with its user and password if it has them."""
    origin: Origin | None
    """Its variable; None: it is one of the system."""
    exempt: str = "NO_PROXY="
    """How a shell adds a host to those that need none, up to the host."""

    @property
    def title(self) -> str:
        """Its name in messages, without a user and a password."""
        return f"the proxy {host_of(self.url)}"

    @property
    def variable(self) -> str:
        """Its variable in messages."""
        return "the proxy settings of the system" if self.origin is None else self.origin.name


class ProxyError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """A proxy did not pass a request on. botocore does not retry after it.

    `fact`, `origin` and `hint` are those of the error; `was_sent` says that the proxy may have seen the request.
    """

    fmt = "{fact}"


class NoTunnelError(Exception):
    """A proxy did not answer CONNECT with a connection."""

    def __init__(self, cause: OSError | HTTPException) -> None:
        super().__init__()
        # http.client has the status in its text alone: "Tunnel connection failed: 407 Proxy Authentication Required".
        found = re.match(r"Tunnel connection failed: (\d{3})\b", str(cause), re.ASCII)
        self.status = int(found[1]) if found else None
        self.ending = ending(cause) or "makes no connection"


def proxy_to(url: str, environ: Environ) -> Proxy | None:
    """Return the proxy of a request to *url*; None: it goes without one.

    Args:
        url: The URL.
        environ: The environment of the caller.

    Raises:
        ConfigError: botocore cannot use the proxy: it would take `socks5` for the name of a host.
    """
    scheme = urlsplit(url).scheme
    value = _found(url, environ).get(scheme)
    if not value:
        return None
    kind, _, rest = value.rpartition("://")
    # botocore knows the schemes in lower case only.
    # Python prefers the one in lower case, even if it is empty.
    hosts = "no_proxy" if "no_proxy" in environ else "NO_PROXY"
    exempt = f"{hosts}=${hosts}," if environ.get(hosts) else f"{hosts}="
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
    """Return `ALL_PROXY` if the environment has it for a request to *url* that goes without a proxy; None: it does not.

    botocore finds a proxy by the scheme of the request alone (`ProxyConfiguration` of `botocore.httpsession`).
    """
    found = _found(url, environ)
    return None if urlsplit(url).scheme in found else _variable("all_proxy", found.get("all"), environ)


def _variable(name: str, value: str | None, environ: Environ) -> Origin | None:
    """Return the variable *name*, in whatever case, that has *value*: Python prefers the one in lower case."""
    names = (each for each in environ if each.lower() == name and environ[each] == value)
    return max(map(Origin, names), default=None, key=str)


def _found(url: str, environ: Environ) -> Mapping[str, str]:
    """Return the proxies by scheme, as `proxies` does; empty if *url* needs none."""
    parts, found = urlsplit(url), proxies(environ)
    if _is_loopback(parts.hostname or ""):
        # A proxy on another machine cannot reach our loopback.
        return {}
    if found is None:
        system: dict[str, str] = get_environ_proxies(url)
        return system
    return {} if proxy_bypass_environment(parts.netloc, dict(found)) else found


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
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def answered(proxy: Proxy, url: str, status: int, body: bytes) -> ProxyError | None:
    """Return the fault if a response to a request without TLS is that of the proxy itself; None: it is not."""
    is_its_own = status == _PASSWORD or (status >= 400 and not body.lstrip().startswith(_ANSWERS))  # noqa: PLR2004 - HTTP
    if urlsplit(url).scheme != "http" or not is_its_own:
        return None
    return _of_status(proxy, url, status, was_sent=status != _PASSWORD)


def fault(proxy: Proxy, url: str, error: BaseException, *, was_sent: bool) -> ProxyError | None:
    """Return the fault of the proxy that *error*, raised instead of a response, shows; None: it shows none.

    Args:
        proxy: The proxy.
        url: The URL of the request.
        error: What botocore raised.
        was_sent: Whether the request may have been sent.
    """
    found = list(causes(error))
    no_tunnel = next((cause for cause in found if isinstance(cause, NoTunnelError)), None)
    has_tls_failed = any(isinstance(cause, ssl.SSLError) for cause in found)
    is_unverified = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in found)
    hint: Hint = _names_one(proxy)
    if no_tunnel is not None and no_tunnel.status is not None:
        return _of_status(proxy, url, no_tunnel.status, was_sent=False)
    if no_tunnel is not None:
        fact = f"{proxy.title} {no_tunnel.ending}"
    elif isinstance(error, ProxyConnectionError) and is_unverified:
        fact = f"the TLS certificate of {proxy.title} cannot be verified"
        hint = "set AWS_CA_BUNDLE or ca_bundle to its CA certificate"
    elif isinstance(error, ProxyConnectionError) and has_tls_failed:
        fact = f"{proxy.title} does not speak TLS"
        hint = f"write http:// instead of https:// in {proxy.variable}"
    elif urlsplit(url).scheme == "http" and any(isinstance(cause, HTTPException) for cause in found):
        fact = f"{proxy.title} {ending(error)}"
    elif isinstance(error, SSLError | ConnectionClosedError) and not was_sent and not is_unverified:
        fact = f"no TLS connection to {host_of(url)} can be made through {proxy.title}"
        hint = (_names_one(proxy), _without(proxy, url))
    else:
        return None
    return ProxyError(fact=fact, origin=proxy.origin, hint=hint, was_sent=was_sent)


def ending(error: BaseException) -> str | None:
    """Return what a server does instead of a response, as a predicate; None: *error* does not show it."""
    return next((does for kind, does in _ENDINGS for cause in causes(error) if isinstance(cause, kind)), None)


def causes(error: object) -> Iterator[object]:
    """Yield *error* and what botocore and urllib3 have wrapped in it, the innermost last."""
    while isinstance(error, BaseException):
        yield error
        wrapped = getattr(error, "kwargs", {}).get("error") or getattr(error, "original_error", None)
        inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = wrapped or inner or error.__cause__ or error.__context__


def _of_status(proxy: Proxy, url: str, status: int, *, was_sent: bool) -> ProxyError:
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
    return ProxyError(fact=fact, origin=proxy.origin, hint=hint, was_sent=was_sent)


def _names_one(proxy: Proxy) -> str:
    return f"check that {proxy.variable} names an HTTP proxy"


def _without(proxy: Proxy, url: str) -> str:
    """Return how requests to the host go without the proxy."""
    return f"export {proxy.exempt}{urlsplit(url).hostname}"
