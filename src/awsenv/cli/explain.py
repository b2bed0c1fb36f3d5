"""`awsenv explain ROLE`: how a role would be assumed, as a page or as JSON. It uses no MFA code."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import duration
from awsenv import explain as reasoning
from awsenv.cli import options as role_options
from awsenv.cli import report
from awsenv.cli.action import Caller, Print
from awsenv.cli.obtain import resolve
from awsenv.cli.options import AsJson, RoleOptions, Word
from awsenv.errors import AwsenvError
from awsenv.mfa import Device
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.variables import SAVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from awsenv.aws.session import AwsSession
    from awsenv.explain import Call, Explanation
    from awsenv.origin import Origin
    from awsenv.provider import Resolved

HOUR = 3600
"""Seconds: AWS sets no role's maximum below an hour, so the maximum matters only above."""

WIDTH = 80
TYPED_LATER = "an-external-id-that-is-typed-later"
"""Stands for an external id that `use` prompts for. `explain` shows no external id."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments(RoleOptions):
    """It sends nothing to AWS, except to read the maximum session duration of a role with a --duration above 1h."""

    role: Word
    as_json: AsJson = False


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return how a role would be assumed.

    Raises:
        UsageError: The command line is wrong.
        ConfigError: The configuration is wrong.
        SourceError: There are no source credentials.
    """
    resolved = resolve(caller, arguments.role, None, arguments, ask=lambda _: TYPED_LATER)
    min_remaining = role_options.min_remaining(arguments, resolved.environ)
    left = caller.provider.left(resolved)
    memory = None if left is None else reasoning.Memory(*left)
    plan = reasoning.explain(resolved.chain, resolved.profiles, memory, min_remaining=min_remaining)
    changes = reasoning.change(plan.chain, caller.environ, resolved.profiles, renewable=plan.is_kept)
    aws = _ask_aws(plan, resolved) if plan.calls else _Aws()
    if arguments.as_json:
        return Print(json.dumps(_as_json(plan, changes, aws, caller.now()), indent=2) + "\n")
    return Print(report.printable(_page(plan, changes, aws)))


class _Aws(NamedTuple):
    """What only botocore and AWS know."""

    endpoint: str | None = None
    """The URL that the calls go to; None: there are no calls."""
    maximum: int | None = None
    """Seconds: the maximum session duration of the role; None: it is not known, or does not matter."""


def _asks_for_long(plan: Explanation) -> bool:
    last = plan.chain.hops[-1] if plan.calls else None
    return isinstance(last, AssumeRole) and last.duration is not None and last.duration > HOUR


def _ask_aws(plan: Explanation, resolved: Resolved) -> _Aws:
    from awsenv.aws.session import open_session  # noqa: PLC0415 - 150 ms of botocore, only where AWS would be called
    from awsenv.aws.sts import Sts  # noqa: PLC0415 - the same

    chain = plan.chain
    session = open_session(
        resolved.profiles, resolved.environ, profile=chain.settings_profile, region=chain.region, timeout=8
    )
    return _Aws(Sts(session).endpoint(), _maximum(plan, resolved, session) if _asks_for_long(plan) else None)


def _maximum(plan: Explanation, resolved: Resolved, session: AwsSession) -> int | None:
    """Return the maximum session duration of the role in seconds; None: IAM does not say.

    Only an access key of the files or the environment signs the request: no command is run, and no session opened.
    """
    hop = plan.chain.hops[-1]
    if plan.chain.source.kind not in {"static", "environment"} or not isinstance(hop, AssumeRole):
        return None
    if plan.account is not None and hop.role.account not in {None, plan.account}:
        return None
    from awsenv.aws.iam import Iam  # noqa: PLC0415 - as above
    from awsenv.aws.source import source_credentials  # noqa: PLC0415 - as above

    try:
        signer = source_credentials(plan.chain.source, session, resolved.profiles, resolved.environ)
        answer: dict[str, Any] = Iam(session, signer).read("get_role", RoleName=hop.role.name).get("Role", {})
    except AwsenvError:
        return None
    arn, seconds = answer.get("Arn"), answer.get("MaxSessionDuration")
    same = arn == str(hop.role) or hop.role.account is None
    return seconds if same and isinstance(seconds, int) else None


def _page(plan: Explanation, changes: Mapping[str, bool], aws: _Aws) -> Iterator[str]:
    yield _title(plan)
    yield ""
    yield from _table(list(_facts(plan, aws)))
    for number, call in enumerate(plan.calls, start=1):
        yield ""
        with_code = "" if call.device is None else " and an MFA code"
        unsure = "" if call.is_certain else ", unless the source names its account"
        yield f"{number}. {call.action}, with {call.signer}{with_code}{unsure}"
        rows = [(each.name, _shown(each), _short(each.origin)) for each in call.parameters]
        yield from (f"   {line}" for line in _table(rows))
    yield ""
    for title, names in _changed(changes).items():
        if names:
            yield from _wrapped(title, " ".join(names) + (", for awsenv off" if title == "Keeps" else ""))
    for note in plan.notes:
        yield ""
        yield from _wrapped("Note", str(note))


def _title(plan: Explanation) -> str:
    last = plan.chain.hops[-1] if plan.chain.hops else None
    name = plan.chain.role
    if isinstance(last, GetSessionToken):
        return f"{name}: an MFA session of its user"
    if last is None:
        return f"{name}: the credentials of the source as they are"
    if last.role.account is None:
        return f"{name}: role {last.role.path_and_name} in the account of the source"
    return name if name == str(last.role) else f"{name}: {last.role}"


def _facts(plan: Explanation, aws: _Aws) -> Iterator[tuple[str, str, str]]:
    chain = plan.chain
    yield "Source", chain.source.title, _short(chain.source.origin)
    if plan.device is not None:
        title = "unknown yet" if plan.device.serial is None else Device(plan.device.serial).title
        yield "Device", title, _short(plan.origin("mfa_serial"))
    if chain.hops:
        yield "MFA", _code(plan), "" if plan.code is None else _short(plan.origin("mfa_process"))
    if plan.memory is not None:
        yield "Agent", _agent(plan, plan.memory), ""
    yield "Lives", _life(plan, aws.maximum), ""
    yield "Region", chain.region or "unknown", _short(chain.origins.get("region"))
    for name, _ in chain.settings:
        # An endpoint may hold a password.
        yield "Setting", name, _short(chain.origins[name])
    if aws.endpoint is not None:
        yield "STS", aws.endpoint, ""


def _code(plan: Explanation) -> str:
    if plan.code is None:
        return "no device is configured" if plan.device is None else "no code is needed now"
    if plan.origin("mfa_process") is not None:
        return "printed by mfa_process"
    login = "" if plan.memory is not None and plan.memory.session else " (run awsenv login to enter it once a day)"
    return f"asked each time{login}"


def _agent(plan: Explanation, memory: reasoning.Memory) -> str:
    if memory.role is not None:
        then = "and hands it out" if plan.from_memory else "and requests it again"
        return f"holds the role{_rest(memory.role)}, {then}"
    if memory.session is not None:
        then = "but AWS grants more than an hour only with a code"
        if plan.by_session:
            then = "and uses it" if plan.device is None else "which replaces a code"
        return f"holds an MFA session{_rest(memory.session)}, {then}"
    return "holds neither the role nor an MFA session"


def _rest(seconds: float) -> str:
    return "" if seconds == float("inf") else f", {duration.left(int(seconds))} left"


def _life(plan: Explanation, maximum: int | None) -> str:
    life = plan.life
    if plan.from_memory and plan.memory is not None and plan.memory.role not in {None, float("inf")}:
        return f"{duration.left(int(plan.memory.role or 0))}, the rest of its life"
    if life.seconds is None:
        return life.why
    most = ""
    if _asks_for_long(plan):
        most = "; the maximum of the role is not known"
        if maximum is not None:
            most = f"; the maximum of the role is {duration.exact(maximum)}"
            most += ": AWS will refuse" if maximum < life.seconds else ""
    return f"{duration.exact(life.seconds)}, {life.why}{most}"


def _shown(parameter: reasoning.Parameter) -> str:
    if parameter.value is None:
        return "(when the account is known)" if parameter.name == "RoleArn" else "(not shown)"
    if parameter.name == "DurationSeconds":
        return f"{parameter.value} ({duration.exact(int(parameter.value))})"
    text = " ".join(parameter.value.split())
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"


def _short(origin: Origin | None) -> str:
    return "" if origin is None else origin.position


def _changed(changes: Mapping[str, bool]) -> dict[str, list[str]]:
    """Return the names of the variables to set, to unset, and to save for `off`."""
    kept = {name: is_set for name, is_set in changes.items() if name.startswith(SAVED)}
    mine = {name: is_set for name, is_set in changes.items() if name not in kept}
    return {
        "Sets": [name for name, is_set in mine.items() if is_set],
        "Unsets": [name for name, is_set in mine.items() if not is_set],
        "Keeps": [name.removeprefix(SAVED) for name, is_set in kept.items() if is_set],
    }


def _table(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield rows of a title, a value and its place. A long value without a place does not widen the column."""
    title = max((len(row[0]) for row in rows), default=0)
    value = max((len(row[1]) for row in rows if row[2]), default=0)
    for row in rows:
        yield f"{row[0]:<{title}}  {row[1]:<{value}}  {row[2]}".rstrip()


def _wrapped(title: str, text: str) -> list[str]:
    start = f"{title:<8}"
    return textwrap.wrap(
        start + text, WIDTH, subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False
    )


def _as_json(plan: Explanation, changes: Mapping[str, bool], aws: _Aws, now: float) -> dict[str, Any]:
    chain, memory = plan.chain, plan.memory
    last = chain.hops[-1] if chain.hops else None
    needs_code = plan.code is not None
    return {
        "role": chain.role,
        "label": chain.label,
        "arn": str(last.role) if isinstance(last, AssumeRole) and last.role.account is not None else None,
        "source": {"kind": chain.source.kind, "profile": chain.source.profile, "from": _origin(chain.source.origin)},
        "source_account": plan.account,
        "mfa": None
        if plan.device is None
        else {
            "serial": plan.device.serial,
            "from": _origin(plan.origin("mfa_serial")),
            "code_needed": needs_code,
            "mfa_process": _origin(plan.origin("mfa_process")),
        },
        "agent": None
        if memory is None
        else {
            "role": _lease(memory.role, now),
            "session": _lease(memory.session, now),
            "hands_out_the_role": plan.from_memory,
            "session_in_place_of_a_code": plan.by_session,
        },
        "endpoint": aws.endpoint,
        "calls": [_call(call) for call in plan.calls],
        "lifetime": {"seconds": plan.life.seconds, "because": plan.life.why, "maximum_of_the_role": aws.maximum},
        "region": None
        if chain.region is None
        else {"name": chain.region, "from": _origin(chain.origins.get("region"))},
        "settings": [{"name": name, "from": _origin(chain.origins[name])} for name, _ in chain.settings],
        "variables": {title.lower(): names for title, names in _changed(changes).items()},
        "notes": [str(note) for note in plan.notes],
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "action": call.action,
        "signed_with": call.signer,
        "certain": call.is_certain,
        "mfa_code": call.device is not None,
        "parameters": [
            {"name": each.name, "value": each.value, "from": _origin(each.origin)} for each in call.parameters
        ],
    }


def _origin(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    found = {"name": origin.name, "line": origin.line, "section": origin.section, "key": origin.key}
    return {name: value for name, value in found.items() if value is not None}


def _lease(seconds: float | None, now: float) -> dict[str, Any] | None:
    """Return until when the agent holds something; None: it does not hold it."""
    if seconds is None:
        return None
    if seconds == float("inf"):
        return {"ends": None}
    return {"ends": datetime.fromtimestamp(round(now + seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
