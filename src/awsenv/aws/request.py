"""Requests to AWS as values, which `explain` shows and errors name, and the likely causes of a refusal.

AWS answers AccessDenied both to a missing role and to a missing permission. Does not import botocore.
"""

from __future__ import annotations

import shlex
from urllib.parse import urlencode, urlsplit

from awsenv.config.limits import is_bare_name
from awsenv.config.sources import KINDS
from awsenv.model import AssumeRole, Credentials, GetScopedCredentials, Hop
from awsenv.record import dataclass, field, replace
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from awsenv.aws.denial import Denial
    from awsenv.config import Profiles
    from awsenv.errors import Hint, Origin
    from awsenv.model import Chain


def host_of(url: str) -> str:
    """Return the host of *url*, with its port if it has one, without a user name and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def without_root(url: str) -> str:
    """Return *url* without a user name and password, and without a path of only a slash."""
    parts = urlsplit(url)
    return parts._replace(netloc=host_of(url), path="" if parts.path == "/" else parts.path).geturl()


@dataclass(frozen=True, slots=True)
class Token:
    """An MFA code and its device."""

    serial: str
    code: str

    def __repr__(self) -> str:
        """Leave the code out."""
        return f"Token({self.serial!r}, …)"


NOBODY = Credentials("", "")
"""The signer of an unsigned request."""


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
    configured: Origin | None = None
    """What sets that URL; None: it is one of AWS."""
    signer: Credentials = NOBODY
    denied_hint: Callable[[Denial | None], Hint | None] = lambda _denial: None
    """Returns the next step after an AccessDenied with this reason of AWS."""

    @property
    def service(self) -> str:
        """The service as people call it: `STS`."""
        name = self.action.partition(":")[0].upper()
        return "Sign-In" if name == "SIGNIN" else name

    @property
    def where(self) -> str:
        """The service and the host: `STS at sts.amazonaws.com`."""
        return f"{self.service} at {host_of(self.endpoint)}" if self.service else host_of(self.endpoint)

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
        """Return the same request with an MFA code or, without one, without the device: AWS refuses it alone."""
        sent = {name: value for name, value in self.parameters.items() if name != "SerialNumber"}
        if token is not None:
            sent |= {"SerialNumber": token.serial, "TokenCode": token.code}
        return replace(self, parameters=sent)


SECRET = ("ExternalId", "TokenCode")
"""Parameters that are never shown."""

IDENTITY = Request("sts:GetCallerIdentity")

NARROWS = "sts:GetScopedCredentials"
"""The action of a call that the global endpoint does not serve."""

VERSION = "2011-06-15"
"""The version of the STS API."""


def form(action: str, parameters: Mapping[str, Any]) -> bytes:
    """Return the body of a request to STS, in the Query protocol.

    Args:
        action: The action: `AssumeRole`.
        parameters: As botocore accepts them: texts, numbers, lists and structures.
    """
    return urlencode([("Action", action), ("Version", VERSION), *_pairs("", parameters)]).encode()


def _pairs(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a value: `Tags.member.1.Key`. An empty list is an empty field."""
    if isinstance(value, list) and value:
        value = {f"member.{number}": item for number, item in enumerate(value, start=1)}
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _pairs(f"{prefix}.{name}" if prefix else name, inner)
    else:
        yield prefix, "" if value == [] else value


def request(hop: Hop | GetScopedCredentials) -> Request:
    """Return the request of a hop, with the configured MFA device and without a code, or of what narrows its result."""
    if isinstance(hop, GetScopedCredentials):
        fields = {"Policy": "policy", "DurationSeconds": "duration", "ScopedSessionDescription": "description"}
        return Request(
            NARROWS,
            {name: value for name, field in fields.items() if (value := getattr(hop, field)) is not None},
            {name: hop.origins[field] for name, field in fields.items() if field in hop.origins},
        )
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


def denied_hint(chain: Chain, index: int, profiles: Profiles, denial: Denial | None) -> Hint:
    """Return the next step after an AccessDenied from an AssumeRole.

    Args:
        chain: The chain.
        index: Which of its hops was refused.
        profiles: A name that was typed may have been meant for one of them.
        denial: What AWS says of it. Without a reason the first step is the remedy of the likeliest cause.
    """
    typed = None
    if is_typed_name(chain, index):
        # A profile may be meant, whose name is not near, or whose file is not there.
        where = f" in {profiles.where}" if profiles.is_without_config else ""
        typed = f"awsenv list shows the profiles: {quoted(chain.role)} is not one{where}"
    doctor = f"awsenv doctor {shlex.quote(printable(chain.role))}"
    if denial is not None and denial.step is None and not denial.is_of_role:
        return f"ask the owner of the role to allow {denial.action} in its trust policy", doctor
    if denial is None or denial.step is None:
        return typed or (remedies(chain, index)[0], doctor)
    return (typed, denial.step) if typed else steps(denial, doctor, chain=chain, index=index)


def steps(
    denial: Denial, *more: str, chain: Chain | None = None, index: int = 0, mine: str | None = None
) -> tuple[str, ...]:
    """Return the next steps after a denial with a reason, at most two.

    Args:
        denial: The denial.
        more: What follows who can mend it and where AWS has the details.
        chain: The chain, if the request was an AssumeRole: it shows what a trust policy may demand in vain.
        index: Which of its hops was refused.
        mine: The account of the caller; None: the one that the chain shows.
    """
    own = None
    if chain is not None and denial.lacks_trust:
        own = remedies(chain, index, mine, is_permitted=True)[0]
        more = (*more, str(denial.step))
    return tuple(filter(None, [own or denial.step, denial.details, *more]))[:2]


def remedies(chain: Chain, index: int, mine: str | None = None, *, is_permitted: bool = False) -> list[str]:
    """Return the remedy of each possible cause, as far as the chain shows them: the most likely first.

    Args:
        chain: The chain.
        index: Which of its hops was refused, an AssumeRole.
        mine: The account of the caller; None: the one that the chain shows.
        is_permitted: Whether the policies of the caller are known to allow sts:AssumeRole on the role.
    """
    hop = chain.hops[index]
    assert isinstance(hop, AssumeRole)  # noqa: S101 - no caller names another hop
    # A name has no account of its own: it is taken for a role in that of the caller.
    elsewhere = hop.role.account not in {None, mine or _account_before(chain, index) or hop.role.account}
    # Each with its rank: a missing value comes before one that may be wrong.
    ranked = [(3, "check that the role exists, and that its trust policy names you")]
    if chain.assistant is not None and hop.session_name.endswith(f"+{chain.assistant.name}"):
        # It is not the name that people have there, and the trust policy may demand that.
        name = "AWS_ROLE_SESSION_NAME" if hop.profile is None else "role_session_name"
        ranked.append((-2, f"if the role demands a role session name (not {hop.session_name}), set {name}"))
    if hop.external_id is None:
        # External ids are demanded by the owners of other accounts (IAM guide, "confused deputy").
        rank = 0 if elsewhere or hop.mfa is not None else 2
        ranked.append((rank, f"if the role demands an external id, {_set(hop, 'external_id')}"))
    else:
        origin = hop.origins.get("external_id")
        where = "" if origin is None else f" ({origin})"
        # A value that was typed for this request is more likely to be wrong than one that has worked before.
        rank = 2 if origin is not None and origin.name.startswith("-") else 4
        ranked.append((rank, f"the external id may be wrong{where}: ask the owner of the role"))
    if hop.mfa is None:
        ranked.append(_mfa(chain, index, hop))
    if elsewhere and not is_permitted:
        ranked.append((5, "check that your own policies allow sts:AssumeRole on the role: it is in another account"))
    return [text for _, text in sorted(ranked, key=lambda each: each[0])]


def _set(hop: AssumeRole, key: str) -> str:
    """Return how to set what a profile sets with *key*: a role without a profile has only the option."""
    return f"pass --{key.replace('_', '-')}" if hop.profile is None else f"set {key} in profile {quoted(hop.profile)}"


def is_typed_name(chain: Chain, index: int) -> bool:
    """Return whether the role of a hop was typed as a bare name, which may have been meant as a profile."""
    hop = chain.hops[index] if chain.hops else None
    return isinstance(hop, AssumeRole) and hop.profile is None and is_bare_name(chain.role)


def _account_before(chain: Chain, index: int) -> str | None:
    """Return the account of the caller of a hop, as far as the chain shows it."""
    before = chain.hops[index - 1] if index else None
    if isinstance(before, AssumeRole):
        return before.role.account
    mfa = (before or chain.hops[index]).mfa
    return None if mfa is None else mfa.account


def _mfa(chain: Chain, index: int, hop: AssumeRole) -> tuple[int, str]:
    """Return how likely a hop without an MFA device lacks one, as a rank, and the remedy."""
    remedy = "pass a code as the second word" if hop.profile is None else _set(hop, "mfa_serial")
    rank, text = 1, f"if the role demands MFA, {remedy}"
    before = chain.hops[:index]
    if any(isinstance(earlier, AssumeRole) for earlier in before) or KINDS[chain.source.kind].is_of_a_role:
        # A device that is configured where it has no effect shows that the user expects MFA.
        is_expected = any(note.origin is not None and note.origin.key == "mfa_serial" for note in hop.notes)
        rank = -1 if is_expected else 4
        text = "a role that demands MFA cannot be reached through another role: assume it from the user's own key"
    elif before:
        text = "the role may demand a more recent MFA code than that of the session: pass one as the second word"
    return rank, text
