"""A request byte for byte as it arrives: a signature covers these bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

HEADERS = "awsenv.headers"
"""The key of the raw headers in the WSGI environ: WSGI itself folds `x_y` and `x-y` into one name."""


@dataclass(frozen=True)
class Request:
    """An HTTP request with its whole body."""

    method: str
    target: str
    """Path and query as sent, still percent-encoded."""
    headers: Mapping[str, str]
    """By name in lower case; a comma joins several of one name."""
    body: bytes

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; a parameter without a value has the empty string."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the AWS query protocol: the decoded form, or the query of a GET."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return self.query if self.method == "GET" else {}

    def with_parameter(self, name: str, value: str) -> Request:
        """Return the request with one more form parameter."""
        form = {**self.form, name: value}
        headers = {**self.headers, "content-type": "application/x-www-form-urlencoded"}
        return replace(self, method="POST", target="/", headers=headers, body=urlencode(form).encode())


def read(environ: WSGIEnvironment) -> Request:
    """Read a request, with its body, from a WSGI environ."""
    headers: dict[str, str] = {}
    for name, value in environ[HEADERS].items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    # WSGI presents bytes as Latin-1.
    target = environ["REQUEST_URI"].encode("latin-1").decode("utf-8", "replace")
    return Request(environ["REQUEST_METHOD"], target, headers, get_input_stream(environ).read())


def write(request: Request, environ: WSGIEnvironment) -> dict[str, Any]:
    """Return *environ* for *request*, with its body to read again."""
    parts = urlsplit(request.target)
    consumed = ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    return {
        **{name: value for name, value in environ.items() if name not in consumed},
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": parts.query,
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
    }
