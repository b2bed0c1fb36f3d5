"""Servers on the loopback that answer what a test says, where a proxy or a service has no sandbox."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def answering(answer: bytes | None, certificate: Path | None = None) -> Iterator[str]:
    """Return the host of a server that reads, answers and hangs up; None: that hangs up at once."""
    # A client that sent a second request on the same connection would lose it.
    answer = (answer or b"").replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.recv(65536)
                connection.sendall(answer)
                # To close with a part of the request unread would reset the connection, and lose the answer.
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def status(number: int) -> bytes:
    """Return a response without a body."""
    return b"HTTP/1.1 %d Name\r\nContent-Length: 0\r\n\r\n" % number
