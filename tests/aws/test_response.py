"""The HTTP reader accepts what Python's own accepts, and refuses what is ambiguous."""

from __future__ import annotations

import gzip
import io
import socket
from contextlib import suppress
from http.client import HTTPResponse
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.aws.response import MAX_RESPONSE, Closed, Incomplete, NotHttp, Reader, Response, TooLarge, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMING = {"content-length", "transfer-encoding", "connection", "content-encoding"}
NAMES = st.text("abcXYZ-09", min_size=1, max_size=8).filter(lambda name: name.lower() not in FRAMING)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f\x85\xa0"), max_size=9)
BODIES = st.binary(max_size=40)


def chunked(body: bytes, size: int) -> bytes:
    """Return a body in chunks."""
    chunks = [body[begin : begin + size] for begin in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def received(data: bytes, size: int = 7) -> Callable[[], bytes]:
    """Return a function that receives *data* in pieces."""
    stream = io.BytesIO(data)
    return lambda: stream.read(size)


def of_python(data: bytes, method: str) -> tuple[int, dict[str, str], bytes]:
    """Return the response as `http.client` reads it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        response = HTTPResponse(ours, method=method)
        response.begin()
        body = response.read()
        response.close()
    headers = {name.lower(): ", ".join(response.headers.get_all(name) or []) for name in response.headers}
    return response.status, headers, body


@given(
    version=st.sampled_from([b"HTTP/1.0", b"HTTP/1.1"]),
    status=st.integers(200, 599),
    reason=st.sampled_from([b"", b" ", b" OK", b" Not Found"]),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=4),
    body=BODIES,
    framing=st.sampled_from(["length", "chunks", "end"]),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    size=st.integers(1, 60),
)
def test_a_response_is_read_as_python_reads_it(
    *,
    version: bytes,
    status: int,
    reason: bytes,
    headers: list[tuple[str, str]],
    body: bytes,
    framing: str,
    method: str,
    size: int,
) -> None:
    """The status, the headers and the body equal those of `http.client`, in whatever pieces they arrive."""
    lines = [b"%s %d%s" % (version, status, reason)]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    if framing == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
    whole = chunked(body, 5) if framing == "chunks" else body
    if method == "HEAD" or status in {204, 304}:
        whole = b""
    data = b"\r\n".join((*lines, b"", whole))

    found = Reader(received(data, size)).response(method)

    assert of_python(data, method) == (found.status, found.headers, found.body)


@given(st.binary(max_size=80), st.integers(1, 20))
def test_anything_else_is_one_kind_of_error(data: bytes, size: int) -> None:
    """Random bytes raise nothing but `Unreadable`."""
    reader = Reader(received(data, size))
    with suppress(Unreadable):
        assert 100 <= reader.response("POST").status < 1000
    assert bool(data) is reader.has_begun


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Closed),
        (b"HTT", Incomplete),
        (b"HTTP/1.1 200 OK\r\nContent-", Incomplete),
        (OK + b"Content-Length: 9\r\n\r\nabc", Incomplete),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", Incomplete),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", Incomplete),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc", Incomplete),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"abc", mtime=0)[:-4], Incomplete),
        (OK + b"Content-Encoding: gzip\r\n\r\nabc", Incomplete),
        (b"SSH-2.0-OpenSSH_9.9\r\n", NotHttp),
        (b"HTTP/2 200\r\n\r\n", NotHttp),
        (b"HTTP/1.1 20x OK\r\n\r\n", NotHttp),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", NotHttp),
        (OK + b"no colon\r\n\r\n", NotHttp),
        (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", NotHttp),
        (OK + b"Content-Length: -1\r\n\r\n", NotHttp),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", NotHttp),
        (OK + b"X: " + b"x" * 70_000, NotHttp),
        (OK + b"X: x\r\n" * 30_000, NotHttp),
        (OK + b"X: x\r\n" + b" x\r\n" * 40_000 + b"\r\n", NotHttp),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, NotHttp),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: x\r\n" * 30_000, NotHttp),
        (OK + b"\r\n" + bytes(MAX_RESPONSE + 1), TooLarge),
        (OK + b"Content-Length: 3221225472\r\n\r\n" + bytes(MAX_RESPONSE + 1), TooLarge),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(bytes(MAX_RESPONSE + 1), 4096), TooLarge),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 60_000 + b"\r\na\r\n") * 150, TooLarge),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(10 << 20), mtime=0), TooLarge),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else repr(value[:40]),
)
def test_a_bad_response_is_refused(data: bytes, kind: type[Unreadable]) -> None:
    """A truncated, ambiguous or oversized response is never accepted as a whole one."""
    with pytest.raises(Unreadable) as caught:
        Reader(received(data, 4096)).response("POST")

    assert kind is type(caught.value)


@pytest.mark.parametrize(
    ("data", "is_kept"),
    [
        (OK + b"Content-Length: 1\r\n\r\na", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: trailer\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", False),
        (OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na", False),
        (OK + b"\r\na", False),
        (OK + b"Content-Length: 1\r\n\r\nab", False),
        (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
    ],
)
def test_when_a_connection_is_kept(data: bytes, *, is_kept: bool) -> None:
    """The length must be known, neither side may close the connection, and nothing may follow."""
    reader = Reader(received(data, 4096))
    reader.response("POST")

    assert is_kept is reader.is_kept


def test_a_compressed_response_is_unpacked() -> None:
    """A proxy may compress a response without being asked."""
    data = OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"<xml/>", mtime=0)

    assert b"<xml/>" == Reader(received(data)).response("POST").body


def test_a_response_shows_no_secret() -> None:
    """Neither the headers nor the body are shown."""
    assert "Response(200, …)" == repr(Response(200, {"x": "canary"}, b"canary"))
