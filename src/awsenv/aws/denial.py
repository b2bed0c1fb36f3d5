"""Why AWS denies a request: the reason in its message as a value, the cause in our words, and who can mend it.

The reasons are those of the IAM guide, "Troubleshoot access denied error messages" and "Troubleshoot access denied
error messages with authorization ID". AWS gives none to some callers, such as those from another account.
Does not import botocore.
"""

from __future__ import annotations

import re
from enum import Enum, unique
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.errors import RefusedError
from awsenv.iam.principal import Principal
from awsenv.iam.trust import ASSUME_ROLE
from awsenv.record import dataclass

if TYPE_CHECKING:
    from awsenv.errors import Origin


@unique
class Policy(Enum):
    """A kind of policy, as AWS names it in a reason."""

    IDENTITY = "identity-based policy"
    TRUST = "role trust policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"
    ENDPOINT = "VPC endpoint policy"

    def reason(self, action: str, *, explicit: bool) -> str:
        """Return the reason in AWS's words.

        Args:
            action: The action that is denied.
            explicit: Whether a Deny applies; else an Allow is missing.
        """
        if not explicit:
            return f"because no {self.value} allows the {action} action"
        article = "the" if self is Policy.TRUST else "an" if self is Policy.IDENTITY else "a"
        return f"with an explicit deny in {article} {self.value}"


class _Row(NamedTuple):
    """What a reason means."""

    missing: str
    """The cause if an Allow is missing."""
    denies: str
    """The cause if a Deny applies."""
    step: str
    """Who can mend it."""


_TABLE = {
    Policy.IDENTITY: _Row(
        "no policy of {who} allows {action}",
        "a policy of {who} denies {action}",
        "ask an administrator of account {account} to change its policies",
    ),
    Policy.TRUST: _Row(
        "no trust policy statement allows {who}{what}{unless}",
        "the trust policy of the role denies {who}{what}",
        "ask the owner of the role whom it trusts, and with which external id",
    ),
    Policy.RESOURCE: _Row(
        "no policy of the resource allows {who} {action}",
        "the policy of the resource denies {who} {action}",
        "ask the owner of the resource to change its policy",
    ),
    Policy.BOUNDARY: _Row(
        "the permissions boundary of {who} does not allow {action}",
        "the permissions boundary of {who} denies {action}",
        "ask an administrator of account {account} to change it",
    ),
    Policy.SESSION: _Row(
        "the session policy of {who} does not allow {action}",
        "the session policy of {who} denies {action}",
        "use credentials that are not narrowed (--policy, --only and the like)",
    ),
    Policy.SERVICE_CONTROL: _Row(
        "no service control policy allows {action} in account {account}",
        "a service control policy denies {action} in account {account}",
        "ask the administrator of the AWS organization to change that policy",
    ),
    Policy.RESOURCE_CONTROL: _Row(
        "no resource control policy allows {action}",
        "a resource control policy denies {action}",
        "ask the administrator of the resource's organization to change it",
    ),
    Policy.ENDPOINT: _Row(
        "the policy of the VPC endpoint does not allow {action}",
        "the policy of the VPC endpoint denies {action}",
        "ask the administrator of the network to change the endpoint policy",
    ),
}

_KINDS = "|".join(re.escape(policy.value) for policy in Policy).replace("session", "sessions?")
_KIND = rf"(?P<{{}}>{_KINDS})"
_DENIED = re.compile(
    r"User: (?P<arn>arn:.+?) is not authorized to perform: (?P<action>[\w-]+:\w+)", re.IGNORECASE | re.ASCII
)
_REASON = re.compile(
    rf"\b(?:because no {_KIND.format('missing')} allows\b(?: the \S+ action)?"
    rf"|with an explicit deny in (?:an?|the) {_KIND.format('denies')}"
    rf"(?: transitively through an? {_KIND.format('through')})?)"
    "",
    re.IGNORECASE | re.ASCII,
)
_AUTHORIZATION = re.compile(r"\bauthorization id: (?P<id>[0-9a-z]+)", re.IGNORECASE | re.ASCII)
_TOOLBOX = "iam-toolbox"


@dataclass(frozen=True, slots=True)
class Denial:
    """What AWS says of a request that it denies."""

    principal: Principal
    action: str
    policy: Policy | None = None
    """The kind of the policy that denies; None: AWS gives no reason."""
    explicit: bool = False
    """Whether a Deny applies; else an Allow is missing."""
    reason: str = ""
    """AWS's words from the reason on, with the ARN of the policy, the address of the details, the authorization id."""
    has_resource: bool = False
    """Whether the role is known to exist: AWS answers for a missing one as for one that does not trust the caller."""
    authorization_id: str | None = None
    """The id that GetRequestAuthorizationDetails of `iam-toolbox` takes; None: AWS gives none."""

    @property
    def is_of_role(self) -> bool:
        """Whether the denied action assumes the role, and does not, for example, pass tags to it."""
        return self.action == ASSUME_ROLE

    @property
    def lacks_trust(self) -> bool:
        """Whether no statement of the trust policy allows the caller to assume the role."""
        return self.policy is Policy.TRUST and self.is_of_role and not self.explicit

    @property
    def cause(self) -> str | None:
        """The cause in our words; None: AWS gives no reason."""
        if self.policy is None:
            return None
        row = _TABLE[self.policy]
        return self._filled(row.denies if self.explicit else row.missing)

    @property
    def step(self) -> str | None:
        """The next step: who can mend it; None: AWS gives no reason."""
        return None if self.policy is None else self._filled(_TABLE[self.policy].step)

    @property
    def because(self) -> str | None:
        """The cause, with AWS's words; None: AWS gives no reason."""
        return None if self.cause is None else f"{self.cause} (AWS said: {self.reason.removeprefix('because ')})"

    @property
    def details(self) -> str | None:
        """The command that shows the statement that denies; None: AWS gives no id for it, or botocore is too old."""
        if self.authorization_id is None or not _knows_toolbox():
            return None
        return f"aws {_TOOLBOX} get-request-authorization-details --authorization-id {self.authorization_id}"

    def _filled(self, text: str) -> str:
        who, what = self.principal.title, "" if self.is_of_role else f" {self.action}"
        unless = "" if self.has_resource else ", or the role does not exist"
        return text.format(who=who, action=self.action, what=what, unless=unless, account=self.principal.account)


class DeniedError(RefusedError):
    """AWS denied a request, and says to whom; `denial` is what it says."""

    def __init__(self, fact: str, *origins: Origin | None, denial: Denial, **more: Any) -> None:
        super().__init__(fact, *origins, **more)
        self.denial = denial


def read(message: str) -> Denial | None:
    """Return what an AccessDenied says; None: nothing of what the IAM guide documents.

    Args:
        message: AWS's message, on one line, and printable.
    """
    denied = _DENIED.search(message)
    if denied is None or denied["arn"].count(":") < 5:  # noqa: PLR2004 - an ARN has six parts
        return None
    principal, action = Principal(denied["arn"]), denied["action"]
    found, authorization = _REASON.search(message, denied.end("action")), _AUTHORIZATION.search(message)
    if found is None:
        return Denial(principal, action)
    name = (found["through"] or found["denies"] or found["missing"]).lower().replace("sessions", "session")
    policy = next(each for each in Policy if each.value.lower() == name)
    if policy is Policy.RESOURCE and action.startswith("sts:"):
        policy = Policy.TRUST
    return Denial(
        principal,
        action,
        policy,
        explicit=found["missing"] is None,
        reason=message[found.start() :].rstrip(". "),
        authorization_id=None if authorization is None else authorization["id"],
    )


def _knows_toolbox() -> bool:
    """Return whether botocore, which the AWS CLI is built on, has the service `iam-toolbox` (since 1.44.8)."""
    spec = find_spec("botocore")
    return (
        spec is not None and spec.origin is not None and Path(spec.origin).with_name("data").joinpath(_TOOLBOX).is_dir()
    )
