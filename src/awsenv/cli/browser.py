"""Open a page in the user's browser without its URL on any command line, where every process could read it.

The browser starts with an address on the loopback, at a path that cannot be guessed. It redirects one request; and on
Linux, which tells who owns a connection, only a request of the user.
"""

from __future__ import annotations

import os
import secrets
import threading
import webbrowser
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from awsenv.errors import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"

TIMEOUT = 60.0
"""Seconds to wait until the browser requests the page."""


def open_page(url: str, start: Callable[[str], bool] = webbrowser.open, *, timeout: float = TIMEOUT) -> None:
    """Open *url*, a secret, in a browser.

    Args:
        url: The page.
        start: Starts a browser at an address, and returns whether it could.
        timeout: Seconds.

    Raises:
        Failure: There is no browser, or it has not requested the page.
    """
    hint = ("set BROWSER", "leave --open out: then the URL is printed")
    with _redirected(url) as (address, taken, sent):
        # A browser in the terminal has requested the page by now and has ended, with any status.
        if not start(address) and not taken.locked():
            raise Failure("no browser could be started", hint=hint)
        if not sent.wait(timeout):
            raise Failure(f"no browser has requested the page within {timeout:.0f} seconds", hint=hint)


@contextmanager
def _redirected(url: str) -> Iterator[tuple[str, threading.Lock, threading.Event]]:
    """Redirect the first request of an address on the loopback to *url*, and no request after it.

    Yields:
        The address; a lock that the first request acquires, and never releases; and an event after the response.
    """
    path = f"/{secrets.token_urlsafe(32)}"
    taken, sent = threading.Lock(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            is_known = secrets.compare_digest(self.path.encode(), path.encode())
            is_foreign = _is_another_users(self.client_address[1], self.connection.getsockname()[1])
            if not is_known or is_foreign or not taken.acquire(blocking=False):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", url)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Length", "0")
            self.end_headers()
            sent.set()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}{path}", taken, sent
        finally:
            server.shutdown()
            thread.join()


def _is_another_users(client: int, server: int) -> bool:
    """Return whether the connection between these two ports is seen to be another user's (proc_pid_net(5), `tcp`)."""
    loopback = "0100007F"
    ends = [f"{loopback}:{client:04X}", f"{loopback}:{server:04X}"]
    try:
        rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any(fields[1:3] == ends and int(fields[7]) != os.geteuid() for fields in map(str.split, rows))
