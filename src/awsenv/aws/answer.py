"""What STS answers: the result of an action, or why it refuses, in the XML of AWS's Query protocol."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from awsenv.aws.response import Response

_DEPTH = 5
"""How deep the answers of STS are nested: AssumeRoleResponse, AssumeRoleResult, Credentials, AccessKeyId."""


UNKNOWN = "Unknown"
"""The code of an answer that has none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An error response."""

    code: str
    """AWS's error code; `UNKNOWN`: it has none."""
    message: str
    """As AWS sent it."""
    status: int
    """Of HTTP."""


def answer(code: str, message: str, status: int) -> Answer:
    """Return an error response whose code can be shown."""
    shown = re.sub(r"[^A-Za-z0-9.:_-]", "", code)[:80] or UNKNOWN
    return Answer(shown.rpartition(":")[2], message, status)


def result(response: Response, action: str) -> dict[str, Any]:
    """Return the result of a successful response: texts and nested results by name.

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


def refused(response: Response) -> Answer:
    """Return the error of a response; its code is `UNKNOWN` if the response is not from AWS."""
    tree = _tree(response.body)
    errors = tree.get("Errors")
    error = (errors if isinstance(errors, dict) else tree).get("Error")
    found: dict[str, Any] = error if isinstance(error, dict) else {}
    code, message = (found.get(name) for name in ("Code", "Message"))
    return answer(
        code if isinstance(code, str) else UNKNOWN, message if isinstance(message, str) else "", response.status
    )


def _tree(body: bytes) -> dict[str, Any]:
    """Return what the root of an XML document holds, by name; nothing for what is not XML."""
    try:
        found = _value(ET.fromstring(body), _DEPTH)  # noqa: S314 - expat refuses entities that grow, since 2.4
    except (ET.ParseError, LookupError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _value(element: ET.Element, depth: int) -> str | dict[str, Any]:
    """Return the text of an element, or what it holds by name, to a certain depth: the body may be from anyone."""
    if len(element) == 0 or depth == 0:
        return element.text or ""
    return {child.tag.rpartition("}")[2]: _value(child, depth - 1) for child in element}
