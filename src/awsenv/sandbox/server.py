"""The HTTP server on a loopback port, in threads of this process, with TLS or without. It never prints."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from email.utils import formatdate
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from moto.backends import list_of_moto_modules
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from awsenv.sandbox.request import HEADERS

if TYPE_CHECKING:
    import ssl

    from _typeshed.wsgi import WSGIApplication

    from awsenv.sandbox.clock import Clock

HOST = "127.0.0.1"

IDLE = 20.0
"""Seconds after which the server closes an idle connection."""

_WITHOUT_BODY = (204, 304)

_POLL = 0.02
"""How often the accepting thread checks whether to stop, in seconds."""


class Services(DomainDispatcherApplication):
    """The services of moto, each loaded by its first call. Never prints, even for a service that moto lacks."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)

    @staticmethod
    def load(service: str) -> None:
        """Import a service outside moto's lock: EC2 takes seconds, during which the others stay available."""
        if service in list_of_moto_modules():
            import_module(f"moto.{service}.urls")

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service at *host*."""
        is_known = any(pattern.match(f"http://{host}") for _, pattern in self.backend_url_patterns)
        if host and "amazonaws.com" in host and not is_known:
            raise LookupError(f"moto has no {host}")
        return super().get_backend_for_host(host)


class Server:
    """A running server.

    Args:
        application: The application.
        clock: The clock of the `Date` header.
        tls: The TLS context; None: plain HTTP.
        idle: Seconds after which it closes an idle connection.
    """

    def __init__(
        self, application: WSGIApplication, clock: Clock, tls: ssl.SSLContext | None = None, idle: float = IDLE
    ) -> None:
        class Handler(_Handler):
            sandbox_clock = clock
            timeout = idle
            connections: ClassVar[set[socket.socket]] = set()

        self._connections = Handler.connections
        self._server = make_server(HOST, 0, application, threaded=True, request_handler=Handler)
        if tls is not None:
            # Handshakes run in the thread of their connection: in `accept`, a silent client would block all others.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self._server.ssl_context = tls
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close every connection."""
        for connection in tuple(self._connections):
            with suppress(OSError):  # it has just ended
                # `SSLSocket.shutdown` would break the thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def stop(self) -> None:
        """Stop listening, free the port and close every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.hang_up()


class _Handler(MotoRequestHandler):
    """Serves the requests of a connection. Each response is one write, so that it takes one round trip."""

    sandbox_clock: Clock
    connections: ClassVar[set[socket.socket]]
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def setup(self) -> None:
        super().setup()
        self.connections.add(self.connection)

    def finish(self) -> None:
        self.connections.discard(self.connection)
        with suppress(OSError):  # the client has reset the connection, and gets no response
            super().finish()

    def handle(self) -> None:
        with suppress(OSError, HTTPException):  # the client hangs up, refuses the certificate or sends half a request
            super().handle()

    def run_wsgi(self) -> None:
        # The method of werkzeug closes the connection.
        self.wfile.flush()  # a "100 Continue", for which the client waits
        self.environ = self.make_environ()
        parts, status, headers = run_wsgi_app(self.server.app, self.environ, buffered=True)
        body = b"".join(parts)
        number, _, reason = status.partition(" ")
        self.send_response(int(number), reason)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in headers and self.command != "HEAD" and int(number) not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def make_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().make_environ()
        environ[HEADERS] = self.headers
        return environ

    def date_time_string(self, timestamp: float | None = None) -> str:
        # Clients correct their skew by the Date header.
        return formatdate(timestamp or self.sandbox_clock.signing_time().timestamp(), usegmt=True)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name in werkzeug
        """Print nothing: the terminal belongs to the user of the sandbox."""
