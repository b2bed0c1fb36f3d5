"""Narrows a chain: by session policies of its last role, or by one more call.

AWS allows what any session policy of an sts:AssumeRole allows. So beside another policy, a narrowing has to be a Deny
of all that it does not name. It is one without another policy, too: a session policy that only lacks an Allow does not
stop what the policy of a resource grants to the session itself (IAM guide, "Session policies").

sts:GetScopedCredentials narrows what it is called with, and takes one policy. It is called where no role is assumed,
and where sts:AssumeRole cannot narrow enough. It then carries all of the narrowing: credentials that are narrowed
already may not be allowed to call it.
"""

from __future__ import annotations

import json
from functools import reduce
from itertools import chain as chained

from awsenv.config import limits, read_only, sources
from awsenv.duration import exact
from awsenv.errors import ConfigError, Origin
from awsenv.model import AssumeRole, GetScopedCredentials, Note
from awsenv.record import replace
from awsenv.wording import listed, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from awsenv.model import Chain, Narrowing

    _Statement = dict[str, Any]

_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_VERSION = "2012-10-17"


def narrowed(chain: Chain, narrowing: Narrowing) -> Chain:
    """Return *chain* narrowed.

    Raises:
        ConfigError: Its credentials cannot be narrowed, nothing would be left of them, or AWS would refuse the policy.
    """
    _check_partition(chain, narrowing)
    wide, last = chain, chain.last
    chain = replace(chain, narrowing=narrowing, wide=wide)
    if not str(narrowing):  # a reason alone
        return chain
    if not isinstance(last, AssumeRole):
        if last is None and sources.is_long_term(chain.source):
            raise ConfigError(
                "the access key of a user cannot be narrowed",
                *_origins(narrowing)[:1],
                chain.source.origin,
                because="AWS narrows temporary credentials only",
                hint=("name a role", "name the MFA device of the user: --mfa-serial ARN"),
            )
        return replace(chain, scoped=_call(chain, narrowing, narrowing.seconds))
    is_short = narrowing.seconds is not None and narrowing.seconds < limits.MIN_DURATION
    hop = None if is_short else _with_policies(last, narrowing)
    return replace(
        chain,
        hops=(*chain.hops[:-1], _shortened(hop or last, narrowing)),
        scoped=_call(chain, narrowing, narrowing.seconds if is_short else None) if hop is None else None,
    )


def from_held(chain: Chain) -> Chain:
    """Return a narrowed chain that ends with one call, which narrows the credentials of `chain.wide`.

    Raises:
        ConfigError: As of `narrowed`.
    """
    assert chain.wide is not None  # noqa: S101 - no caller has another
    assert chain.narrowing is not None  # noqa: S101 - the same
    call = _call(chain, chain.narrowing, chain.narrowing.seconds)
    return replace(chain.wide, narrowing=chain.narrowing, wide=chain.wide, scoped=call)


def is_listed(chain: Chain) -> bool:
    """Return whether the role is read-only by the table of awsenv, and not by AWS's managed policy."""
    last, narrowing = chain.last, chain.narrowing
    if narrowing is None or not narrowing.read_only:
        return False
    before = chain.wide and chain.wide.last
    is_managed = (
        isinstance(last, AssumeRole) and isinstance(before, AssumeRole) and _is_managed(before, last.policy_arns)
    )
    return chain.scoped is not None or not is_managed


def _call(chain: Chain, narrowing: Narrowing, seconds: int | None) -> GetScopedCredentials | None:
    """Return the call that carries all of a narrowing, with a duration; None: there is nothing to narrow."""
    denied = _denied(narrowing, by_table=narrowing.read_only)
    policy = _text([_EVERYTHING, *denied]) if denied else None
    if policy is None and seconds is None:
        return None
    if policy is not None and len(policy) > limits.MAX_POLICY:
        raise _too_long(len(policy), narrowing)
    given = {
        "policy": _origins(narrowing)[:1] if denied else (),
        "duration": _origins(narrowing, "seconds"),
        "description": _origins(narrowing, "because"),
    }
    origins = {field: found[0] for field, found in given.items() if found}
    text = narrowing.because
    if chain.assistant is not None:
        from awsenv.config.assistants import description  # noqa: PLC0415 - most commands are those of people

        text = description(text, chain.assistant)
        origins.setdefault("description", Origin(chain.assistant.sign))
    return GetScopedCredentials(policy=policy, duration=seconds, description=text, origins=origins)


def _with_policies(hop: AssumeRole, narrowing: Narrowing) -> AssumeRole | None:
    """Return *hop* with the session policies that narrow it; None: they have more characters than AWS takes."""
    arns, statements, document = hop.policy_arns, [_EVERYTHING], {"Version": _VERSION}
    origins = dict(hop.origins)
    if hop.policy is not None:
        document, statements = _parsed(hop)
    elif arns:
        statements = []
    elif narrowing.read_only:
        arns, statements = (_managed(hop),), []
        origins["policy_arns"] = _origins(narrowing, "read_only")[0]
    by_table = narrowing.read_only and not _is_managed(hop, arns)
    own = _origins(narrowing, *["read_only"] * by_table, "actions", "resources")[:1]
    denied = _denied(narrowing, by_table=by_table)
    policy = hop.policy
    if denied:
        policy = _text([*statements, *denied], document)
        if len(policy) > limits.MAX_POLICY:
            return None
        if own and hop.policy is None:
            origins["policy"] = own[0]
    return replace(hop, policy=policy, policy_arns=arns, origins=origins)


def _managed(hop: AssumeRole) -> str:
    return f"arn:{hop.role.partition}:iam::aws:policy/{read_only.MANAGED}"


def _is_managed(hop: AssumeRole, arns: tuple[str, ...]) -> bool:
    """Return whether AWS's managed policy makes a role read-only: it must be the only one, since others allow more."""
    return arns == (_managed(hop),) and hop.policy is None


def _parsed(hop: AssumeRole) -> tuple[dict[str, Any], list[_Statement]]:
    """Return the session policy of *hop* without its statements, and those.

    Raises:
        ConfigError: It has none, or says something twice.
    """
    origin = hop.origins.get("policy", Origin("--policy"))

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ConfigError("the session policy has a key twice in one place", origin, hint="remove one of them")
        return made

    document = json.loads(hop.policy or "", object_pairs_hook=once)
    statements = document.pop("Statement", None)
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise ConfigError("the session policy has no Statement", origin, hint='such as "Statement": [{"Effect": …}]')
    return document, statements


def _denied(narrowing: Narrowing, *, by_table: bool) -> list[_Statement]:
    """Return the statements that deny all that the narrowing leaves out.

    Args:
        narrowing: The narrowing.
        by_table: Whether `read_only` means the table of awsenv here.

    Raises:
        ConfigError: Nothing would be left.
    """
    given = reduce(_both, narrowing.actions, list[tuple[str, ...]]())
    actions = _both(given, _table(narrowing.actions)) if by_table else given
    if () in actions:
        because, hint, fields = "no action is in both lists", "correct one of them", ["actions"]
        if () not in given:
            fields = ["read_only", "actions"]
            because = "awsenv knows none of these actions as one that only reads"
            hint = "leave --read-only out: --only narrows by itself"
        named = listed([quoted(each) for each in dict.fromkeys(chained(*narrowing.actions))])
        origins = _origins(narrowing, *fields)
        raise ConfigError(f"nothing is left of {named}", *origins, because=because, hint=hint)
    denied: list[_Statement] = [{"Effect": "Deny", "NotAction": [*each], "Resource": "*"} for each in actions]
    return denied + [{"Effect": "Deny", "Action": "*", "NotResource": [*each]} for each in narrowing.resources]


def _table(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the actions that only read, of the services that all of the *lists* name."""
    services = [{_service(each) for each in patterns} for patterns in lists]
    return tuple(each for each in read_only.ACTIONS if all(_service(each) in named for named in services))


def _service(action: str) -> str:
    return action.partition(":")[0].lower()


def _both(lists: list[tuple[str, ...]], another: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return as few lists of patterns as possible that say the same as *lists* and *another*: an action must match all.

    Of two patterns whose only `*` is at the end, either one includes the other, or nothing matches both.
    """
    if not lists or not all(map(_is_prefix, (*lists[0], *another))):
        return [another, *lists] if all(map(_is_prefix, another)) else [*lists, another]
    kept = [
        max(one, other, key=lambda each: (len(each.rstrip("*")), not each.endswith("*")))
        for one in lists[0]
        for other in another
        if _covers(one, other) or _covers(other, one)
    ]
    return [tuple(dict.fromkeys(kept)), *lists[1:]]


def _is_prefix(pattern: str) -> bool:
    return not set("*?") & set(pattern.rstrip("*"))


def _covers(pattern: str, other: str) -> bool:
    """Return whether *pattern* matches all that *other* does. A `*` is only at the end of either."""
    if not pattern.endswith("*"):
        return pattern.lower() == other.lower()
    return other.lower().rstrip("*").startswith(pattern.lower().rstrip("*"))


def _shortened(hop: AssumeRole, narrowing: Narrowing) -> AssumeRole:
    """Return *hop* with the shortest life that is long enough and that AWS grants, but no longer a life than before."""
    if narrowing.seconds is None:
        return hop
    origin = _origins(narrowing, "seconds")[0]
    if narrowing.seconds > hop.seconds:
        fact = f"{origin.setter} cannot make the role live longer than {exact(hop.seconds)}"
        return replace(hop, notes=(*hop.notes, Note(fact, origin)))
    seconds = max(narrowing.seconds, limits.MIN_DURATION)
    return replace(hop, duration=seconds, origins={**hop.origins, "duration": origin})


def _text(statements: list[_Statement], document: dict[str, Any] | None = None) -> str:
    whole = {**({"Version": _VERSION} if document is None else document), "Statement": statements}
    return json.dumps(whole, separators=(",", ":"))


def _too_long(length: int, narrowing: Narrowing) -> ConfigError:
    return ConfigError(
        f"the policy that narrows the role has {length} characters; AWS accepts at most {limits.MAX_POLICY}",
        *_origins(narrowing, "actions", "resources", "read_only"),
        hint="name fewer actions or ARNs, or shorter patterns",
    )


def _check_partition(chain: Chain, narrowing: Narrowing) -> None:
    """Refuse ARNs of another partition: the role would be left with nothing.

    Raises:
        ConfigError: One is.
    """
    for arn in chained(*narrowing.resources):
        partition = arn.split(":")[1]
        if not set("*?") & set(partition) and partition != chain.partition:
            raise ConfigError(
                f"{quoted(arn)} is in another partition than the role: that is in {chain.partition}",
                *_origins(narrowing, "resources"),
                hint=f"write it as arn:{chain.partition}:{arn.split(':', 2)[2]}",
            )


def _origins(narrowing: Narrowing, *fields: str) -> tuple[Origin, ...]:
    """Return the origins of those *fields* that are set; without *fields*, of all that go into a policy."""
    found: Iterable[str] = fields or ("read_only", "actions", "resources")
    return tuple(dict.fromkeys(narrowing.origins[each] for each in found if each in narrowing.origins))
