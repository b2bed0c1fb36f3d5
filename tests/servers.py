"""Servers on the loopback with fixed responses, for proxies and services that the sandbox lacks."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Self


@contextmanager
def answering(answer: bytes | None, certificate: Path | None = None) -> Iterator[str]:
    """Return the host of a server that reads a request, sends *answer* and hangs up; None: that hangs up at once."""
    # A client that sent a second request on the same connection would lose it.
    answer = (answer or b"").replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            drain(connection)

    with serving(serve) as host:
        yield host


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Return the host of a server, which calls *serve* for each connection in a thread that nobody waits for.

    Otherwise a client that breaks off, or connects and sends nothing, would keep the others waiting, and a test that
    fails would leave a process that never ends.
    """

    def run(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=run, args=(listening.accept()[0],), daemon=True).start()

    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def drain(opened: socket.socket) -> None:
    """Read until the client hangs up, for half a minute at most.

    Closing with unread bytes would reset the connection, and the client could lose the response.
    """
    opened.settimeout(30)
    with suppress(OSError):
        while opened.recv(65536):
            pass


def status(number: int) -> bytes:
    """Return a response without a body."""
    return b"HTTP/1.1 %d Name\r\nContent-Length: 0\r\n\r\n" % number


class Scripted:
    """A server that plays a script on each connection: a response to each request, and then it hangs up.

    Args:
        scripts: The responses on the first connection, on the second and so on; the last script is repeated.
        context: The TLS context; None: plain HTTP.
    """

    def __init__(self, *scripts: Sequence[bytes], context: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections = 0
        """How many connections it has accepted."""
        self.requests: list[bytes] = []
        """The whole requests, in order of arrival."""
        self.hung_up = threading.Semaphore(0)
        """Released when it has hung up."""
        self.left = threading.Semaphore(0)
        """Released when the client has closed a connection instead of sending a request."""

    def __enter__(self) -> Self:
        """Begin to accept connections."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                opened, _ = self._listening.accept()
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                threading.Thread(target=self._play, args=(opened, script), daemon=True).start()

    def _play(self, opened: socket.socket, script: Sequence[bytes]) -> None:
        with opened, suppress(OSError):
            if self._context is not None:
                opened = self._context.wrap_socket(opened, server_side=True)
            for answer in script:
                if not self._read(opened):
                    opened.close()
                    self.left.release()
                    return
                opened.sendall(answer)
            opened.shutdown(socket.SHUT_WR)
            self.hung_up.release()
            drain(opened)
            opened.close()

    def _read(self, opened: socket.socket) -> bool:
        """Read a request, and return whether it came whole before the client closed the connection."""
        request, size = b"", None
        while size is None or len(request) < size:
            data = b""
            with suppress(ConnectionError):
                data = opened.recv(65536)
            if not data:
                return False
            request += data
            head, end, _ = request.partition(b"\r\n\r\n")
            if end:
                lengths = re.findall(rb"(?mi)^content-length: *(\d+)", head)
                size = len(head + end) + sum(map(int, lengths))
        self.requests.append(request)
        return True


def page(body: bytes = b"", number: int = 200, *headers: bytes) -> bytes:
    """Return a response with a body, after which the connection stays open."""
    return b"\r\n".join((b"HTTP/1.1 %d Name" % number, b"Content-Length: %d" % len(body), *headers, b"", body))


@contextmanager
def tunnelling(context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Return the host of a proxy, and the CONNECT requests that it gets. It connects to their ports on loopback.

    Args:
        context: The TLS context of the proxy; None: plain HTTP.
    """
    heads: list[bytes] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve(accepted: socket.socket) -> None:
        client = accepted if context is None else context.wrap_socket(accepted, server_side=True)
        with client:
            head = b""
            while b"\r\n\r\n" not in head and (data := client.recv(65536)):
                head += data
            if not head:
                return
            heads.append(head)
            port = head.split()[1].rpartition(b":")[2]
            with socket.create_connection(("127.0.0.1", int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                answers = threading.Thread(target=pump, args=(server, client), daemon=True)
                answers.start()
                pump(client, server)
                answers.join()

    with serving(serve) as host:
        yield host, heads
