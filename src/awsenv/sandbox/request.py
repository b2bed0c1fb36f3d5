"""A request as it came in, byte for byte: what a signature is computed over."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS = "awsenv.headers"
"""Where the server leaves the headers in the WSGI environ: WSGI itself folds `x_y` and `x-y` into one name."""


@dataclass(frozen=True)
class Request:
    """An HTTP request, read to its end."""

    method: str
    target: str
    """Path and query as they were sent, still percent-encoded."""
    headers: Mapping[str, str]
    """By lower-case name; several of one name are joined with a comma."""
    body: bytes

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; a parameter without a value has an empty one."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the AWS query protocol: the decoded form, or the query of a GET."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return self.query if self.method == "GET" else {}

    def with_parameter(self, name: str, value: str) -> Request:
        """Return the same request with one form parameter more."""
        form = {**self.form, name: value}
        headers = {**self.headers, "content-type": "application/x-www-form-urlencoded"}
        return replace(self, method="POST", target="/", headers=headers, body=urlencode(form).encode())


def read(environ: Mapping[str, Any]) -> Request:
    """Read a request from a WSGI environ, body and all."""
    headers: dict[str, str] = {}
    for name, value in environ[HEADERS].items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or "0"
    body = stream.read() if environ.get("wsgi.input_terminated") else stream.read(int(length))
    # WSGI hands bytes over as if they were Latin-1.
    target = environ["REQUEST_URI"].encode("latin-1").decode("utf-8", "replace")
    return Request(environ["REQUEST_METHOD"], target, headers, body)


def write(request: Request, environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return *environ* with the body of *request* to read again."""
    parts = urlsplit(request.target)
    replayed = {
        **environ,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": parts.query,
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
    }
    if "content-type" in request.headers:
        replayed["CONTENT_TYPE"] = request.headers["content-type"]
    replayed.pop("HTTP_TRANSFER_ENCODING", None)
    replayed.pop("wsgi.input_terminated", None)
    return replayed
