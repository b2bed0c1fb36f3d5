"""How a role would be assumed, before AWS is called: the calls, the origin of each value, the exported variables.

The plan follows from the same values that `provider` and the agent use; a test compares it with what they do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from awsenv import changes, config
from awsenv.aws.request import IDENTITY, SECRET, request
from awsenv.config import read_only, sources
from awsenv.config.scoping import is_listed
from awsenv.errors import Origin
from awsenv.model import AssumeRole, Credentials, GetSessionToken, Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.aws.request import Request
    from awsenv.config import Profiles
    from awsenv.model import Chain, Environ, Hop, Mfa
    from awsenv.resolved import Left

_BY_AWS = Origin("AWS's default")
_EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is sent to AWS."""

    name: str
    """As the API of STS names it."""
    value: str | None = field(repr=False)
    """None: a secret, or not known before it is sent."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Call:
    """A call of STS."""

    action: str
    """As a policy names it: `sts:AssumeRole`."""
    signer: str
    """Whose credentials sign it."""
    parameters: tuple[Parameter, ...] = ()
    device: Mfa | None = None
    """The device whose code is in it."""
    is_certain: bool = True
    """False: the call is made only if the source does not name its account."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a role before AWS is called."""

    chain: Chain
    """The hops that would be made now."""
    calls: tuple[Call, ...]
    """Empty: the agent holds the role, or the source itself is exported."""
    held: Left | None
    """What the agent holds; None: no agent runs."""
    device: Mfa | None
    """The MFA device of the chain, whether or not its code is needed now."""
    seconds: int | None
    """How long the credentials live; None: as long as those of the source."""
    because: str
    """Why they live that long."""
    account: str | None
    """Of the source, where it is known."""
    notes: tuple[Note, ...]
    endpoint: str | None = None
    """The URL that the calls go to; None: not known yet."""
    maximum: int | None = None
    """Seconds: the maximum session duration of the role; None: IAM was not asked, or does not say."""

    @property
    def needs_code(self) -> bool:
        """Whether a call needs an MFA code."""
        return any(call.device is not None for call in self.calls)


def explain(chain: Chain, profiles: Profiles, left: Left | None = None) -> Explanation:
    """Return how the role of *chain* would be assumed.

    Args:
        chain: As it was resolved.
        profiles: What the files say.
        left: What the agent holds; None: no agent runs.
    """
    plan = chain if left is None else left.chain
    is_handed_out = left is not None and left.is_handed_out
    begin = 1 if left is not None and left.by_session else 0
    from_wide = left is not None and left.from_wide
    account = sources.account_of(chain, profiles)
    seconds, because = _life(plan, from_wide=from_wide)
    return Explanation(
        chain=plan,
        calls=() if is_handed_out else tuple(_calls(plan, begin, account, from_wide=from_wide)),
        held=left,
        device=chain.mfa,
        seconds=seconds,
        because=because,
        account=account,
        notes=(*plan.notes, *_foreign(plan, account), *_of_narrowing(plan)),
    )


def change(chain: Chain, environ: Environ, profiles: Profiles, *, renewable: bool) -> dict[str, bool]:
    """Return the variables that will change, in their order, and whether each is set. Those for `off` are among them.

    Args:
        chain: The chain.
        environ: The environment of the caller, as it is.
        profiles: What the files say.
        renewable: Whether an agent will hold the credentials.
    """
    account = sources.account(chain.source, profiles)
    # A source is exported itself: what of it is in the environment already does not change.
    made = None if chain.hops else config.access_key(chain.source, profiles, changes.original(environ))
    if made is None:
        # Only the names count.
        is_temporary = bool(chain.hops) or _kind(chain).is_temporary
        made = Credentials("", "", "", _EPOCH) if is_temporary else Credentials("", "")
    if isinstance(chain.last, AssumeRole):
        # A role has an account, which AWS names if nothing else does.
        account = chain.last.role.account or ""
    change = changes.change(chain, replace(made, account=account), environ, "" if renewable else None)
    return {name: value is not None for name, value in change.variables.items()}


def _calls(plan: Chain, begin: int, account: str | None, *, from_wide: bool) -> Iterator[Call]:
    signer = source = "the MFA session" if begin else "the source"
    if from_wide:
        signer = "the role that the agent holds"
    for hop in () if from_wide else plan.hops[begin:]:
        is_complete = account is not None or not isinstance(hop, AssumeRole) or hop.role.account is not None
        if not is_complete:
            yield Call(IDENTITY.action, source, is_certain=_kind(plan).is_key)
        sent = request(hop.within(account or "") if isinstance(hop, AssumeRole) else hop)
        yield Call(sent.action, signer, tuple(_parameters(sent, is_complete=is_complete)), hop.mfa)
        signer = f"the credentials of {_name(hop)}"
    if plan.scoped is not None:
        sent = request(plan.scoped)
        yield Call(sent.action, signer, tuple(_parameters(sent, is_complete=True)))


def _name(hop: Hop) -> str:
    return "the MFA session" if isinstance(hop, GetSessionToken) else hop.profile or hop.role.name


def _parameters(sent: Request, *, is_complete: bool) -> Iterator[Parameter]:
    """Yield what is sent, one for each tag and each policy. Without the account, the ARN is not complete."""
    for name, value in sent.parameters.items():
        hidden = name in SECRET or (name == "RoleArn" and not is_complete)
        for each in value if isinstance(value, list) else [value]:
            yield Parameter(name, None if hidden else _text(each), sent.origins.get(name, _BY_AWS))


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return f"{value['Key']}={value['Value']}" if "Key" in value else str(value["arn"])


def _foreign(plan: Chain, account: str | None) -> Iterator[Note]:
    """Yield a note for each role in another account: AWS then needs a permission on either side."""
    signing = account
    for hop in plan.hops:
        if not isinstance(hop, AssumeRole):
            continue
        if signing is not None and hop.role.account not in {None, signing}:
            yield Note(
                f"{_name(hop)} is in account {hop.role.account}, and is assumed from {signing}: its "
                "trust policy and a policy in that account must both allow it"
            )
        signing = hop.role.account or signing


def _of_narrowing(plan: Chain) -> Iterator[Note]:
    """Yield notes on what a narrowing leaves out, and on what of it AWS does not get."""
    narrowing = plan.narrowing
    if narrowing is None:
        return
    if is_listed(plan):
        fact = f"read-only means awsenv's list of {len(read_only.SERVICES)} services; AWS refuses all others"
        yield Note(fact, narrowing.origins.get("read_only"))
    if narrowing.because is not None and plan.scoped is None:
        yield Note("AWS does not get the reason: sts:AssumeRole has no field for it", narrowing.origins.get("because"))


def _life(plan: Chain, *, from_wide: bool) -> tuple[int | None, str]:
    """Return how many seconds the credentials live, and why."""
    if plan.scoped is not None and plan.scoped.duration is not None:
        return plan.scoped.duration, "as requested"
    if from_wide:
        return None, "as long as the role that the agent holds"
    if not plan.hops:
        is_key = sources.is_long_term(plan.source)
        return None, "the key does not expire" if is_key else "as long as the credentials of the source"
    hop = plan.hops[-1]
    origin = hop.origins.get("duration")
    if origin is None:
        return hop.seconds, str(_BY_AWS)
    is_cut = any(note.origin == origin for note in hop.notes)
    return hop.seconds, "the most that role chaining allows" if is_cut else "as requested"


def _kind(plan: Chain) -> sources.Kind:
    return sources.KINDS[plan.source.kind]
