"""TLS with the settings of botocore's clients, over TCP or over the TLS connection to a proxy.

It is a separate module so that plain HTTP does not load `ssl`.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeVar

    T = TypeVar("T")

    class Transport(Protocol):
        """What carries bytes: TCP, or TLS over another transport."""

        def send(self, data: bytes | memoryview) -> None:
            """Send all of *data*."""

        def receive(self) -> bytes:
            """Return the next bytes; empty: the peer has closed the connection."""

        def is_quiet(self) -> bool:
            """Return whether the peer has neither closed the connection nor sent anything."""


_CHUNK = 65536


class Tls:
    """A TLS connection after its handshake.

    It is not an `ssl.SSLSocket`: that runs over TCP only, and its time-out starts again with each read.

    Args:
        lower: What carries it.
        host: The name that the certificate must be for.
        bundle: The CA bundle; None: that of botocore.

    Raises:
        OSError: The handshake failed, or the certificate is not valid for *host*.
    """

    def __init__(self, lower: Transport, host: bytes, bundle: str | None) -> None:
        self._lower = lower
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # Bytes: for a text, Python loads the Unicode tables.
        self._tls = context(bundle).wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._tls.do_handshake)

    def send(self, data: bytes | memoryview) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            view = view[self._run(self._tls.write, view) :]

    def receive(self) -> bytes:
        """Return the next bytes; empty: the peer has closed the connection."""
        try:
            return self._run(self._tls.read, _CHUNK)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # As `ssl.SSLSocket` does when no close_notify came: HTTP knows where a response ends.
            return b""

    def is_quiet(self) -> bool:
        """Return whether the peer has neither closed the connection nor sent data."""
        while True:
            # What the peer sent may not be data: after a handshake, servers send session tickets.
            try:
                self._tls.read(1)
            except ssl.SSLWantReadError:
                pass
            except OSError:
                return False
            else:
                return False
            if self._lower.is_quiet():
                return True
            data = self._lower.receive()
            if not data:
                return False
            self._incoming.write(data)

    def _run(self, act: Callable[..., T], *arguments: Any) -> T:
        while True:
            try:
                result = act(*arguments)
            except ssl.SSLWantReadError:  # noqa: PERF203 - it waits for the network anyway
                self._flush()
                if data := self._lower.receive():
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                # Send the alert, which tells the peer why.
                with suppress(OSError):
                    self._flush()
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._lower.send(self._outgoing.read())


_contexts: dict[str, tuple[tuple[int, ...], ssl.SSLContext]] = {}
"""By the path of the bundle, with the version of the file: loading a bundle takes longer than a request."""


def context(bundle: str | None) -> ssl.SSLContext:
    """Return the TLS context of botocore's clients.

    It has the settings of `botocore.httpsession.create_urllib3_context`, and the protocols that urllib3 offers.

    Args:
        bundle: The path of the CA bundle; None: that of botocore.

    Raises:
        OSError: The bundle cannot be read, or holds no certificate.
    """
    path = bundle or default_bundle()
    found = os.stat(path)  # noqa: PTH116 - pathlib takes as long to load as ssl
    version = found.st_ino, found.st_size, found.st_mtime_ns
    if path in _contexts and _contexts[path][0] == version:
        return _contexts[path][1]
    fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    fresh.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    fresh.post_handshake_auth = True
    fresh.set_alpn_protocols(["http/1.1"])
    fresh.load_verify_locations(path)
    _contexts[path] = version, fresh
    return fresh


def default_bundle() -> str:
    """Return the path of botocore's default CA bundle: that of certifi, or its own.

    This is `botocore.httpsession.get_cert_path` without importing either package.
    """
    from importlib.util import find_spec  # noqa: PLC0415 - not needed where a setting names the bundle

    for package in ("certifi", "botocore"):
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            path = os.path.join(folder, "cacert.pem")  # noqa: PTH118 - see above
            if os.path.exists(path):  # noqa: PTH110 - see above
                return path
        if spec is not None and package == "certifi":
            # Some Linux distributions make it return the system's bundle.
            from certifi import where  # noqa: PLC0415 - see above

            return str(where())
    raise FileNotFoundError
