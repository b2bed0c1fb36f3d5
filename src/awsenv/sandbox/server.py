"""The HTTP server on a loopback port, in threads of this process. It never prints."""

from __future__ import annotations

import threading
from email.utils import formatdate
from importlib import import_module
from typing import TYPE_CHECKING, Any

from moto.backends import list_of_moto_modules
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from awsenv.sandbox.request import HEADERS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from awsenv.sandbox.clock import Clock

HOST = "127.0.0.1"

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
    """A running server."""

    def __init__(self, application: WSGIApplication, clock: Clock) -> None:
        class Handler(_Handler):
            sandbox_clock = clock

        self._server = make_server(HOST, 0, application, threaded=True, request_handler=Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL, `http://127.0.0.1:PORT`."""
        return f"http://{HOST}:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening, and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(MotoRequestHandler):
    sandbox_clock: Clock

    def make_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().make_environ()
        environ[HEADERS] = self.headers
        return environ

    def date_time_string(self, timestamp: float | None = None) -> str:
        # Clients correct their skew by the Date header.
        return formatdate(timestamp or self.sandbox_clock.signing_time().timestamp(), usegmt=True)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name in werkzeug
        """Print nothing: the terminal belongs to the user of the sandbox."""
