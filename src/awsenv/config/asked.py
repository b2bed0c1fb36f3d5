"""Where a value that was asked for comes from, for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.origin import Origin

if TYPE_CHECKING:
    from awsenv.model import RoleRequest

_SPELT = {
    "role": "the command line",
    "code": "the command line",
    "tags": "--tag",
    "transitive_tags": "--transitive-tag",
    "policy_arns": "--policy-arn",
}


def origin_of(request: RoleRequest, field: str) -> Origin:
    """Return the option or the variable that set *field* of *request*; the option, where the request does not say."""
    return request.origins.get(field) or Origin(_SPELT.get(field) or f"--{field.replace('_', '-')}")
