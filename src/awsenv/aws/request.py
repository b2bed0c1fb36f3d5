"""The calls of STS as values, which are sent, and which `explain` shows. This module does not import botocore."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.model import AssumeRole, Hop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.origin import Origin


class Token(NamedTuple):
    """An MFA code with its device, as a request has them."""

    serial: str
    code: str

    def __repr__(self) -> str:
        """Leave the code out."""
        return f"Token({self.serial!r}, …)"


@dataclass(frozen=True, slots=True)
class Request:
    """A call of STS."""

    action: str
    """As a policy names it: `sts:AssumeRole`."""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """By their names in the API of STS, in the form that botocore accepts."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where the value of each parameter comes from. AWS's defaults and a device that AWS named have no origin."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no message may hold."""
        return tuple(self.parameters[name] for name in SECRET if name in self.parameters)

    def signed_in_with(self, token: Token) -> Request:
        """Return the same call with an MFA code."""
        return replace(self, parameters={**self.parameters, "SerialNumber": token.serial, "TokenCode": token.code})


SECRET = ("ExternalId", "TokenCode")
"""Parameters that are never shown."""

IDENTITY = Request("sts:GetCallerIdentity")


def request(hop: Hop) -> Request:
    """Return the call of a hop, without the MFA code.

    It holds the configured device, which AWS accepts only together with a code.
    """
    named: dict[str, tuple[str, Any]] = {
        "DurationSeconds": ("duration", hop.duration),
        "SerialNumber": ("mfa_serial", None if hop.mfa is None else hop.mfa.serial),
    }
    if isinstance(hop, AssumeRole):
        named = {
            "RoleArn": ("role", str(hop.role)),
            "RoleSessionName": ("session_name", hop.session_name),
            "DurationSeconds": named["DurationSeconds"],
            "ExternalId": ("external_id", hop.external_id),
            "SourceIdentity": ("source_identity", hop.source_identity),
            "Tags": ("tags", [{"Key": key, "Value": value} for key, value in hop.tags] or None),
            "TransitiveTagKeys": ("transitive_tags", list(hop.transitive_tags) or None),
            "Policy": ("policy", hop.policy),
            "PolicyArns": ("policy_arns", [{"arn": arn} for arn in hop.policy_arns] or None),
            "SerialNumber": named["SerialNumber"],
        }
    sent = {name: (key, value) for name, (key, value) in named.items() if value is not None}
    return Request(
        "sts:AssumeRole" if isinstance(hop, AssumeRole) else "sts:GetSessionToken",
        {name: value for name, (_, value) in sent.items()},
        {name: hop.origins[key] for name, (key, _) in sent.items() if key in hop.origins},
    )
