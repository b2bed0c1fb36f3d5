"""The proxy of a request: which variable names it, and why it did not pass the request on."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ConnectionClosedError, ProxyConnectionError

from awsenv.config.settings import is_url, without_password
from awsenv.errors import AGAIN, ConfigError, Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.errors import Hint
    from awsenv.model import Environ

_ANSWERS = (b"<?xml", b"<ErrorResponse", b"<Response", b"{")
"""How the errors of AWS begin."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the caller."""

    url: str
    """With a scheme, and with its user and password if it has them."""
    origin: Origin | None
    """Its variable; None: it is one of the system."""

    @property
    def title(self) -> str:
        """Its name in messages, without a user and a password."""
        return f"the proxy {urlsplit(self.url).netloc.rpartition('@')[2]}"

    @property
    def variable(self) -> str:
        """Its variable in messages."""
        return "the proxy settings of the system" if self.origin is None else self.origin.name


class ProxyError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """A proxy did not pass a request on. botocore does not retry after it.

    `fact`, `origin` and `hint` are those of the error; `is_unsent` says that the proxy has not seen the request.
    """

    fmt = "{fact}"


class NoTunnelError(Exception):
    """A proxy did not answer CONNECT with a connection."""

    def __init__(self, cause: OSError | HTTPException) -> None:
        super().__init__()
        # http.client has the status in its text alone: "Tunnel connection failed: 407 Proxy Authentication Required".
        found = re.match(r"Tunnel connection failed: (\d{3})\b", str(cause), re.ASCII)
        self.status = int(found[1]) if found else None
        self.reason = "does not speak HTTP" if isinstance(cause, HTTPException) else "closed the connection"
        if isinstance(cause, RemoteDisconnected):
            self.reason = "closed the connection"
        elif isinstance(cause, TimeoutError):
            self.reason = "does not answer"


def proxy_of(url: str, used: Mapping[str, str], environ: Environ) -> Proxy | None:
    """Return the proxy of a request to *url*; None: it goes without one.

    Args:
        url: The URL.
        used: The proxies by scheme.
        environ: The environment of the caller.

    Raises:
        ConfigError: The URL of the proxy is not one.
    """
    scheme = urlsplit(url).scheme
    value = used.get(scheme)
    if not value:
        return None
    names = (name for name in environ if name.lower() == f"{scheme}_proxy" and environ[name] == value)
    origin = next(map(Origin, names), None)
    proxy = Proxy(value if "://" in value else f"http://{value}", origin)
    if not is_url(proxy.url):
        raise ConfigError(
            f"{proxy.variable} is not the URL of a proxy: {quoted(without_password(value))}",
            origin,
            hint=(f"unset {proxy.variable}", "correct it: http://HOST:PORT"),
        )
    return proxy


def answered(proxy: Proxy, url: str, status: int, body: bytes) -> ProxyError | None:
    """Return the fault if a response to a request without TLS is that of the proxy itself; None: it is not."""
    is_its_own = status == 407 or (status >= 400 and not body.lstrip().startswith(_ANSWERS))  # noqa: PLR2004 - of HTTP
    if urlsplit(url).scheme != "http" or not is_its_own:
        return None
    return _of_status(proxy, url, status, is_unsent=status == 407)  # noqa: PLR2004 - "proxy authentication required"


def fault(proxy: Proxy, url: str, error: BaseException) -> ProxyError | None:
    """Return the fault of the proxy that *error*, raised instead of a response, shows; None: it shows none."""
    found = list(causes(error))
    for cause in found:
        if isinstance(cause, NoTunnelError):
            if cause.status is not None:
                return _of_status(proxy, url, cause.status, is_unsent=True)
            return _made(proxy, f"{proxy.title} {cause.reason}", _is_it_http(proxy), is_unsent=True)
    failed_tls = next((cause for cause in found if isinstance(cause, ssl.SSLError)), None)
    if isinstance(error, ProxyConnectionError) and failed_tls is not None:
        fact, hint = f"{proxy.title} does not speak TLS", f"write http:// instead of https:// in {proxy.variable}"
        if isinstance(failed_tls, ssl.SSLCertVerificationError):
            fact = f"the TLS certificate of {proxy.title} cannot be verified"
            hint = "set AWS_CA_BUNDLE or ca_bundle to its CA certificate"
        return _made(proxy, fact, hint, is_unsent=True)
    if urlsplit(url).scheme == "http" and isinstance(error, ProxyConnectionError | ConnectionClosedError):
        cause = next((cause for cause in found if isinstance(cause, HTTPException)), None)
        if cause is not None:
            return _made(proxy, f"{proxy.title} {NoTunnelError(cause).reason}", _is_it_http(proxy), is_unsent=False)
    return None


def causes(error: object) -> Iterator[object]:
    """Yield *error* and what botocore and urllib3 have wrapped in it, the innermost last."""
    while isinstance(error, BaseException):
        yield error
        wrapped = getattr(error, "kwargs", {}).get("error") or getattr(error, "original_error", None)
        inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = wrapped or inner or error.__cause__ or error.__context__


def _of_status(proxy: Proxy, url: str, status: int, *, is_unsent: bool) -> ProxyError:
    host, around = urlsplit(url).netloc.rpartition("@")[2], f"export NO_PROXY={urlsplit(url).hostname}"
    hint: Hint = (AGAIN, around)
    fact = f"{proxy.title} answers the request for {host} with HTTP {status}"
    if status == 407:  # noqa: PLR2004 - "proxy authentication required"
        has_user = "@" in urlsplit(proxy.url).netloc
        does = "does not accept the user and the password" if has_user else "demands a user and a password"
        fact = f"{proxy.title} {does} (HTTP 407)"
        hint = f"{'correct' if has_user else 'set'} both in {proxy.variable}: http://USER:PASSWORD@HOST:PORT"
    elif status == 403:  # noqa: PLR2004 - "forbidden"
        fact = f"{proxy.title} forbids a connection to {host} (HTTP 403)"
        hint = (f"ask its administrator to allow {host}", around)
    return _made(proxy, fact, hint, is_unsent=is_unsent)


def _is_it_http(proxy: Proxy) -> str:
    return f"check that {proxy.variable} names an HTTP proxy"


def _made(proxy: Proxy, fact: str, hint: Hint, *, is_unsent: bool) -> ProxyError:
    return ProxyError(fact=fact, origin=proxy.origin, hint=hint, is_unsent=is_unsent)
