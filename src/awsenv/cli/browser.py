"""Open a page in the person's browser without its URL on any command line, where every process could read it.

What the browser is started with is an address on the loopback, at a path that cannot be guessed. It leads on once; and
on Linux, which tells whose a connection is, nobody but the person.
"""

from __future__ import annotations

import os
import secrets
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"

PATIENCE = 60.0
"""Seconds that a browser has to start and to ask."""


def open_page(url: str, start: Callable[[str], bool] = webbrowser.open, *, patience: float = PATIENCE) -> None:
    """Open *url*, a secret, in a browser.

    Args:
        url: The page.
        start: Starts a browser with the address that it is given, and says whether it could.
        patience: Seconds.

    Raises:
        Failure: There is no browser, or it has not asked for the page.
    """
    once = _Once(url)
    try:
        # One that runs in the terminal has been there and has ended, with whatever status.
        if not start(once.address) and not once.asked.locked():
            raise Failure("no browser could be started", hint="leave --open out: the URL is printed; or set BROWSER")
        if not once.led_on.wait(patience):
            raise Failure(
                f"no browser has asked for the page within {patience:.0f} seconds",
                hint="leave --open out: the URL is printed; or set BROWSER",
            )
    finally:
        once.close()


class _Once:
    """A server on the loopback that redirects the first request to *url*, and no request after it."""

    def __init__(self, url: str) -> None:
        path = f"/{secrets.token_urlsafe(32)}"
        self.led_on = led_on = threading.Event()
        self.asked = asked = threading.Lock()
        """Taken by the first request, and never given back."""

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                is_it = secrets.compare_digest(self.path.encode(), path.encode())
                theirs = _is_another_users(self.client_address[1], self.connection.getsockname()[1])
                if not is_it or theirs or not asked.acquire(blocking=False):
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                self.send_response(HTTPStatus.FOUND)
                self.send_header("Location", url)
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Content-Length", "0")
                self.end_headers()
                led_on.set()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer((HOST, 0), Handler)
        self.address = f"http://{HOST}:{self._server.server_port}{path}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _is_another_users(client: int, server: int) -> bool:
    """Say whether the connection of these two ports is seen to be another user's (proc_pid_net(5), `tcp`)."""
    loopback = "0100007F"
    ends = [f"{loopback}:{client:04X}", f"{loopback}:{server:04X}"]
    try:
        rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any(fields[1:3] == ends and int(fields[7]) != os.geteuid() for fields in map(str.split, rows))
