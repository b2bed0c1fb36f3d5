"""Requests to AWS as values: what is sent, shown by `explain` and named by errors. Does not import botocore."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.model import AssumeRole, Credentials, Hop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.errors import Hint, Origin


class Token(NamedTuple):
    """An MFA code with its device, as a request has them."""

    serial: str
    code: str

    def __repr__(self) -> str:
        """Leave the code out."""
        return f"Token({self.serial!r}, …)"


NOBODY = Credentials("", "")
"""The signer of a request that is not signed, or not yet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to AWS."""

    action: str = ""
    """As a policy names it: `sts:AssumeRole`."""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """By their names in the API, in the form that botocore accepts."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where the value of each parameter comes from. AWS's defaults and a device that AWS named have no origin."""
    endpoint: str = ""
    """The URL that it goes to."""
    signer: Credentials = NOBODY
    denied_hint: Hint | None = None
    """The next step after an AccessDenied."""

    @property
    def service(self) -> str:
        """The service as people call it: `STS`."""
        return self.action.partition(":")[0].upper()

    @property
    def serial(self) -> str | None:
        """The device whose MFA code is sent; None: the request has no code."""
        return self.parameters["SerialNumber"] if "TokenCode" in self.parameters else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no message may hold."""
        keys = self.signer.secret_access_key, self.signer.session_token
        return tuple(filter(None, (*map(self.parameters.get, SECRET), *keys)))

    def with_code(self, token: Token | None) -> Request:
        """Return the same request with an MFA code; without a code, AWS does not accept the device either."""
        sent = {name: value for name, value in self.parameters.items() if name != "SerialNumber"}
        if token is not None:
            sent |= {"SerialNumber": token.serial, "TokenCode": token.code}
        return replace(self, parameters=sent)


SECRET = ("ExternalId", "TokenCode")
"""Parameters that are never shown."""

IDENTITY = Request("sts:GetCallerIdentity")


def request(hop: Hop) -> Request:
    """Return the request of a hop, with the configured MFA device and without a code."""
    named: dict[str, tuple[str, Any]] = {
        "DurationSeconds": ("duration", hop.duration),
        "SerialNumber": ("mfa_serial", None if hop.mfa is None else hop.mfa.serial or None),
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
    origins = hop.origins if hop.mfa is None else {**hop.origins, **hop.mfa.origins}
    return Request(
        "sts:AssumeRole" if isinstance(hop, AssumeRole) else "sts:GetSessionToken",
        {name: value for name, (_, value) in sent.items()},
        {name: origins[key] for name, (key, _) in sent.items() if key in origins},
    )
