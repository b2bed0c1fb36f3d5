"""A reader of HTTP/1.x responses, strict and with size limits.

`http.client` takes three times as long to import as Python takes to start, and loads `ssl` and `email`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RESPONSE = 1 << 20
"""Bytes of a body. The largest responses, pages of IAM, have about 100,000."""

_MAX_RECEIVED = 8 * MAX_RESPONSE
"""Bytes of a whole response. In chunks of one byte, a body takes six times its length."""

_MAX_HEAD = 1 << 16
"""Bytes of a line, and of all headers: those of interim responses, of the response, and of its trailer."""

_BODILESS = frozenset({204, 304})
_SWITCHING = 101


class Unreadable(Exception):  # noqa: N818 - what a server did
    """There is no response. It has no arguments, since the bytes received may hold keys."""


class Closed(Unreadable):
    """The connection was closed before the first byte."""


class Incomplete(Unreadable):
    """The connection was closed, or the framing broke, inside the response."""


class NotHttp(Unreadable):
    """The bytes received are not HTTP."""


class TooLarge(Unreadable):
    """The response is larger than any response of AWS."""


class Response:
    """A response with its whole body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        """By name in lower case; the values of a repeated name are joined by commas."""
        self.body = body

    def __repr__(self) -> str:
        """Leave the headers and the body out, which hold credentials."""
        return f"Response({self.status}, …)"


class Reader:
    """Reads one response.

    Args:
        receive: Returns the next bytes of the connection; empty: it was closed.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._data = bytearray()
        self._left = _MAX_HEAD
        self._received = 0
        self.has_begun = False
        """Whether a byte was received."""
        self.is_kept = False
        """Whether another request can follow on the same connection."""

    def response(self, method: str) -> Response:
        """Return the response to a request.

        Raises:
            Unreadable: There is none.
        """
        version, status, headers = self._final()
        length = _length(headers)
        is_framed = True
        if method == "HEAD" or status in _BODILESS:
            body = b""
        elif "transfer-encoding" in headers:
            # A proxy in between may go by another length, so no request follows on this connection.
            is_framed, body = "content-length" not in headers and version != b"HTTP/1.0", self._chunked()
        elif length is not None:
            body = self._exactly(length)
        else:
            is_framed, body = False, self._rest()
        options = {option.strip() for option in headers.get("connection", "").lower().split(",")}
        stays = "keep-alive" in options if version == b"HTTP/1.0" else "close" not in options
        self.is_kept = is_framed and stays and not self._data
        if headers.get("content-encoding", "").lower() in {"gzip", "x-gzip"}:
            # awsenv does not ask for compression, but a proxy may add it.
            body = _unzipped(body)
        return Response(status, headers, body)

    def tunnel(self) -> int:
        """Return the status of a response to CONNECT. The body is not read.

        Raises:
            Unreadable: There is none.
        """
        return self._final()[1]

    def _final(self) -> tuple[bytes, int, dict[str, str]]:
        """Return the version, the status and the headers of the final response, after any 1xx."""
        while True:
            version, status = self._status()
            headers = self._headers()
            if status >= 200:  # noqa: PLR2004 - the first status of a final response
                return version, status, headers
            if status == _SWITCHING:
                raise NotHttp

    def _status(self) -> tuple[bytes, int]:
        while len(self._data) < len(b"HTTP/"):
            if not self._more():
                raise Incomplete if self._data and b"HTTP/".startswith(self._data) else self._not_http()
            if not b"HTTP/".startswith(self._data[:5]):
                raise NotHttp
        version, _, rest = self._head_line().partition(b" ")
        number = rest.strip()[:4].rstrip()
        if not version.startswith(b"HTTP/1.") or len(number) != 3 or not number.isdigit() or number < b"100":  # noqa: PLR2004 - digits
            raise NotHttp
        return version, int(number)

    def _not_http(self) -> Unreadable:
        return NotHttp() if self.has_begun else Closed()

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        last = ""
        while line := self._head_line():
            name, colon, value = line.decode("latin-1").partition(":")
            text = value.strip(" \t")
            if line[:1] in {b" ", b"\t"} and last:
                headers[last] += f" {line.decode('latin-1').strip()}"
                continue
            if not colon or not name or not name.isascii() or len(name.split()) != 1 or name[-1:].isspace():
                raise NotHttp
            last = name.lower()
            headers[last] = f"{headers[last]}, {text}" if last in headers else text
        return headers

    def _more(self) -> bool:
        data = self._receive()
        self._received += len(data)
        if self._received > _MAX_RECEIVED:
            raise TooLarge
        self._data += data
        self.has_begun = self.has_begun or bool(data)
        return bool(data)

    def _head_line(self) -> bytes:
        line = self._line()
        self._left -= len(line)
        if self._left < 0:
            raise NotHttp
        return line

    def _line(self) -> bytes:
        """Return the next line without its end."""
        begin = 0
        while (end := self._data.find(b"\n", begin)) < 0:
            begin = len(self._data)
            if begin > _MAX_HEAD:
                raise NotHttp
            if not self._more():
                raise Incomplete
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return line.removesuffix(b"\r")

    def _exactly(self, length: int, before: int = 0) -> bytes:
        """Return *length* bytes of a body of which *before* bytes have been read."""
        while len(self._data) < length:
            if len(self._data) + before > MAX_RESPONSE:
                raise TooLarge
            if not self._more():
                raise Incomplete
        if length + before > MAX_RESPONSE:
            raise TooLarge
        body = bytes(self._data[:length])
        del self._data[:length]
        return body

    def _chunked(self) -> bytes:
        body = bytearray()
        while True:
            number = self._line().partition(b";")[0].strip()
            # int() also accepts signs and underscores.
            if not number or number.lower().strip(b"0123456789abcdef"):
                raise Incomplete
            size = int(number, 16)
            if not size:
                # Trailers.
                self._headers()
                return bytes(body)
            body += self._exactly(size, len(body))
            if self._line():
                raise Incomplete

    def _rest(self) -> bytes:
        while self._more():
            if len(self._data) > MAX_RESPONSE:
                raise TooLarge
        body = bytes(self._data)
        self._data.clear()
        return body


def _length(headers: dict[str, str]) -> int | None:
    """Return the length of the body; None: it comes in chunks, or ends with the connection.

    Raises:
        NotHttp: The headers contradict each other or themselves.
    """
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise NotHttp
        return None
    numbers = {number.strip() for number in headers.get("content-length", "").split(",")}
    if numbers == {""}:
        return None
    number = numbers.pop()
    if numbers or not number.isascii() or not number.isdigit() or len(number) > len(str(1 << 64)):
        raise NotHttp
    return int(number)


def _unzipped(body: bytes) -> bytes:
    import zlib  # noqa: PLC0415 - rarely needed

    # 16 selects the gzip format.
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = unzip.decompress(body, MAX_RESPONSE + 1)
    except zlib.error:
        raise Incomplete from None
    if len(plain) > MAX_RESPONSE:
        raise TooLarge
    if body and not unzip.eof:
        raise Incomplete
    return plain
