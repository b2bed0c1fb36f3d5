"""The checks of STS parameters, read from botocore's copy of the API model so that they cannot drift.

botocore itself checks only required members, minimum lengths and numeric ranges before it sends a request.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import OperationNotFoundError, ServiceModel

from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

VERSION = "2011-06-15"

_UNMODELED = {"policyDescriptorListType": 10}
"""Maximum lengths that only the API reference states, by shape."""


ADDED: dict[str, Any] = {
    "operations": {
        "GetScopedCredentials": {
            "name": "GetScopedCredentials",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "GetScopedCredentialsRequest"},
        }
    },
    "shapes": {
        "GetScopedCredentialsRequest": {
            "type": "structure",
            "members": {
                "Policy": {"shape": "sessionPolicyDocumentType"},
                "DurationSeconds": {"shape": "scopedCredentialDurationSecondsType"},
                "MinimumSessionTokenSize": {"shape": "minimumSessionTokenSizeType"},
                "ScopedSessionDescription": {"shape": "scopedSessionDescriptionType"},
            },
        },
        "scopedCredentialDurationSecondsType": {"type": "integer", "min": 1, "max": 129600},
        "minimumSessionTokenSizeType": {"type": "integer", "min": 0, "max": 4096},
        "scopedSessionDescriptionType": {
            "type": "string",
            "min": 2,
            "max": 256,
            "pattern": r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
        },
    },
}
"""What the copy of a botocore before 1.44.8 lacks."""


@lru_cache(maxsize=1)
def _model() -> ServiceModel:
    found = Loader().load_service_model("sts", "service-2", VERSION)
    return ServiceModel({**found, **{part: {**ADDED[part], **found[part]} for part in ADDED}}, "sts")


def read(action: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Decode the parameters of *action* and check them against the model.

    Raises:
        ServiceError: InvalidAction, or ValidationError that lists every broken rule in AWS's words.
    """
    try:
        operation = _model().operation_model(action)
    except OperationNotFoundError:
        raise ServiceError("InvalidAction", f"Could not find operation {action} for version {VERSION}") from None
    values = _decode(operation.input_shape, form, "") or {}
    problems = list(_problems(operation.input_shape, values, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ServiceError("ValidationError", count + "; ".join(problems))
    return dict(values)


def _constraint(value: object, at: str, rule: str) -> str:
    """Word one broken rule as AWS does."""
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{at}' failed to satisfy constraint: {rule}"


def _decode(shape: Shape, form: Mapping[str, str], prefix: str) -> Any:
    """Read a value of *shape* from the flat names of the query protocol; None: the form does not have it."""
    if shape.type_name == "structure":
        dot = f"{prefix}." if prefix else ""
        members = {name: _decode(member, form, dot + name) for name, member in shape.members.items()}
        present = {name: value for name, value in members.items() if value is not None}
        return present or None
    if shape.type_name == "list":
        indices = {
            int(found[1]) for name in form if (found := re.match(rf"{re.escape(prefix)}\.member\.([0-9]{{1,9}})", name))
        }
        return [_decode(shape.member, form, f"{prefix}.member.{index}") for index in sorted(indices)] or None
    text = form.get(prefix)
    if shape.type_name == "integer" and text is not None:
        if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII):
            raise ServiceError("MalformedInput", f"Invalid value for {prefix}: not an integer")
        return int(text)
    return text


def _problems(shape: Shape, value: Any, at: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            where = f"{at}.{name[0].lower()}{name[1:]}".lstrip(".")
            inner = (value or {}).get(name)
            if inner is not None:
                yield from _problems(member, inner, where)
            elif name in shape.required_members:
                yield _constraint(None, where, "Member must not be null")
        return
    yield from (_constraint(value, at, rule) for rule in _broken(shape, value))
    if shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{at}.{index}.member")


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    # Pattern first, then length: the order in AWS's messages.
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _fits(pattern, value):
        yield f"Member must satisfy regular expression pattern: {pattern}"
    number = shape.type_name == "integer"
    size, noun = (value, "value") if number else (len(value), "length")
    if size < shape.metadata.get("min", size):
        yield f"Member must have {noun} greater than or equal to {shape.metadata['min']}"
    maximum = shape.metadata.get("max", _UNMODELED.get(shape.name, size))
    if size > maximum:
        yield f"Member must have {noun} less than or equal to {maximum}"


def _fits(pattern: str, value: str) -> bool:
    # The patterns are Java's: classes are ASCII, and they use Unicode categories, which re lacks.
    for category, stand_in in {"L": "a", "Z": " ", "N": "0"}.items():
        if rf"\p{{{category}}}" in pattern:
            pattern = pattern.replace(rf"\p{{{category}}}", stand_in)
            value = "".join(stand_in if unicodedata.category(char)[0] == category else char for char in value)
    return re.fullmatch(pattern, value, re.ASCII) is not None
