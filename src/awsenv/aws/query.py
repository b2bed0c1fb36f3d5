"""The responses of STS: the result or the error, in the XML of AWS's Query protocol."""

from __future__ import annotations

import pyexpat
import re

from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from awsenv.aws.response import Response

_DEPTH = 4
"""How deep the responses of STS are nested: AssumeRoleResponse, AssumeRoleResult, Credentials, AccessKeyId."""

UNKNOWN = "Unknown"
"""The code of an error response that has none."""


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error response of AWS."""

    code: str
    """AWS's error code, or `UNKNOWN`."""
    message: str
    """As AWS sent it."""
    status: int
    """The HTTP status."""


def error_response(code: str, message: str, status: int) -> ErrorResponse:
    """Return an error response whose code is safe to show."""
    shown = re.sub(r"[^A-Za-z0-9.:_-]", "", code)[:80] or UNKNOWN
    return ErrorResponse(shown.rpartition(":")[2], message, status)


def result(response: Response, action: str) -> dict[str, Any]:
    """Return the result in a successful response: texts and nested results by name.

    Args:
        response: The response.
        action: The action, without its service.

    Raises:
        LookupError: It is not the response of that action.
    """
    found = _tree(response.body).get(f"{action}Result")
    if isinstance(found, dict):
        return found
    raise LookupError(action)


def error_in(response: Response) -> ErrorResponse:
    """Return the error in a response; its code is `UNKNOWN` if the response is not from AWS."""
    tree = _tree(response.body)
    errors = tree.get("Errors")
    error = (errors if isinstance(errors, dict) else tree).get("Error")
    found: dict[str, Any] = error if isinstance(error, dict) else {}
    code, message = (found.get(name) for name in ("Code", "Message"))
    return error_response(
        code if isinstance(code, str) else UNKNOWN, message if isinstance(message, str) else "", response.status
    )


def _tree(body: bytes) -> dict[str, Any]:
    """Return the children of the root of an XML document by name; empty if *body* is not XML.

    The body may come from anyone, so elements nested deeper than those of STS are dropped.
    """
    # `xml.etree` takes a quarter of Python's own start to load.
    parser = pyexpat.ParserCreate(None, "}")
    opened: list[tuple[dict[str, Any], list[str]]] = [({}, [])]
    """The open elements, each with its children by name and its text."""

    def begin(_name: str, _attributes: object) -> None:
        opened.append(({}, []))

    def text(part: str) -> None:
        opened[-1][1].append(part)

    def end(name: str) -> None:
        children, texts = opened.pop()
        if len(opened) <= _DEPTH:
            opened[-1][0][name.rpartition("}")[2]] = children or "".join(texts)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser takes no names. It refuses entities that grow, since 2.4
    except (pyexpat.ExpatError, LookupError, ValueError):
        return {}
    (root,) = opened[0][0].values()
    return root if isinstance(root, dict) else {}
