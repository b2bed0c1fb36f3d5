"""`awsenv explain ROLE`: how a role would be assumed, as a page or as JSON. It uses no MFA code."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from datetime import datetime, timezone

from awsenv import config, duration
from awsenv import explain as reasoning
from awsenv.cli import report
from awsenv.cli.action import Print, Report
from awsenv.cli.options import TYPED_LATER, Caller, resolve
from awsenv.config import sources
from awsenv.config.rails import spelled
from awsenv.config.read_only import MANAGED, SERVICES
from awsenv.config.scoping import is_listed
from awsenv.errors import AwsenvError
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.variables import SAVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from awsenv.aws.session import AwsSession
    from awsenv.cli.arguments import ExplainArguments
    from awsenv.errors import Origin
    from awsenv.explain import Explanation
    from awsenv.model import Assistant, Chain, Rails, Waits
    from awsenv.resolved import Left, Resolved

HOUR = 3600
"""Seconds: AWS sets no role's maximum below an hour, so the maximum matters only above."""

WIDTH = 80
_INDENT = len("Lifetime  ")
"""Where the second column begins: no title is longer."""


def run(caller: Caller, arguments: ExplainArguments) -> Print:
    """Return how a role would be assumed.

    Raises:
        UsageError: The command line is wrong.
        ConfigError: The configuration is wrong.
        SourceError: There are no source credentials.
    """
    resolved = resolve(replace(caller, ask_secret=lambda *_: TYPED_LATER), arguments.role, None, arguments)
    if caller.confirmation is not None:
        chain = resolved.chain
        rails = replace(chain.rails, confirm=caller.confirmation.seconds(chain))
        resolved = replace(resolved, chain=replace(chain, rails=rails))
    left = caller.provider.left(resolved)
    plan = reasoning.explain(resolved.chain, resolved.profiles, left)
    is_kept = left is not None and left.is_kept and not resolved.chain.is_final
    changes = _changes(reasoning.change(plan.chain, caller.environ, resolved.profiles, renewable=is_kept))
    if plan.calls:
        plan = _ask_aws(plan, resolved, caller.provider.waits)
    if arguments.as_json:
        return Print(json.dumps(_as_json(plan, changes, caller.now()), indent=2) + "\n")
    login = config.login_command(plan.chain, resolved.profiles, resolved.environ)
    return Report(report.printable(_page(plan, changes, login, caller.columns or WIDTH)))


def _changes(changes: Mapping[str, bool]) -> dict[str, list[str]]:
    """Return the names of the variables that a role sets and unsets, and those that it keeps for `off`."""
    own = {name: is_set for name, is_set in changes.items() if not name.startswith(SAVED)}
    return {
        "sets": [name for name, is_set in own.items() if is_set],
        "unsets": [name for name, is_set in own.items() if not is_set],
        "keeps": [name.removeprefix(SAVED) for name, is_set in changes.items() if is_set and name not in own],
    }


def _asks_for_long(plan: Explanation) -> bool:
    last = plan.chain.last
    return bool(plan.calls) and isinstance(last, AssumeRole) and last.duration is not None and last.duration > HOUR


def _ask_aws(plan: Explanation, resolved: Resolved, waits: Waits) -> Explanation:
    """Return *plan* with the endpoint, and with what only AWS knows."""
    from awsenv.aws.chain import session_of  # noqa: PLC0415 - only where AWS would be called
    from awsenv.aws.request import NARROWS  # noqa: PLC0415 - the same
    from awsenv.aws.sts import Sts  # noqa: PLC0415 - the same

    chain = plan.chain
    timeout = min(8, config.timeout(resolved.environ))
    session = session_of(chain, resolved.profiles, resolved.environ, timeout=timeout, waits=waits)
    maximum = _maximum(plan, session) if _asks_for_long(plan) else None
    is_regional = all(call.action == NARROWS for call in plan.calls)
    return replace(plan, endpoint=Sts(session).endpoint(is_regional=is_regional), maximum=maximum)


def _maximum(plan: Explanation, session: AwsSession) -> int | None:
    """Read the maximum session duration of the role.

    Only an access key of the files or the environment signs the request: no command is run, and no session opened.
    """
    hop, source = plan.chain.hops[-1], plan.chain.source
    if not sources.KINDS[source.kind].is_key or not isinstance(hop, AssumeRole):
        return None
    from awsenv.aws.iam import Iam  # noqa: PLC0415 - as above
    from awsenv.aws.source import source_credentials  # noqa: PLC0415 - as above

    try:
        signer = source_credentials(source, session)
        role: dict[str, Any] = Iam(session, signer).read("get_role", RoleName=hop.role.name).get("Role", {})
    except AwsenvError:
        return None
    is_same = role.get("Arn") == str(hop.role) or hop.role.account is None
    return role.get("MaxSessionDuration") if is_same else None


def _page(plan: Explanation, changes: Mapping[str, list[str]], login: str, width: int) -> Iterator[str]:
    yield _title(plan)
    yield ""
    yield from _table("", _facts(plan, login))
    for number, call in enumerate(plan.calls, start=1):
        with_code = "" if call.device is None else " and an MFA code"
        unsure = "" if call.is_certain else ", unless the source names its account"
        yield ""
        yield f"{number}. {call.action}, with {call.signer}{with_code}{unsure}"
        yield from _table("   ", ((each.name, _shown(each), each.origin) for each in call.parameters))
    yield ""
    texts = [("Policy", json.dumps(json.loads(policy))) for policy in _policies(plan)]
    texts += [(title.capitalize(), " ".join(names)) for title, names in changes.items() if names]
    for title, text in (*texts, *(("Note", str(note)) for note in plan.notes)):
        after = ", for awsenv off" if title == "Keeps" else ""
        yield from textwrap.wrap(
            f"{title:<{_INDENT}}{text}{after}",
            min(width, WIDTH),
            subsequent_indent=" " * _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _policies(plan: Explanation) -> Iterator[str]:
    """Yield the policies of a narrowed role, which the table of a call does not show in full."""
    if plan.chain.narrowing is not None:
        for call in plan.calls:
            yield from (each.value for each in call.parameters if each.name == "Policy" and each.value is not None)


def _way(chain: Chain) -> str | None:
    """Return what narrows a role: the same words as in `--json`."""
    last, wide = chain.last, chain.wide and chain.wide.last
    if chain.scoped is not None:
        return "scoped_credentials"
    if not isinstance(last, AssumeRole) or not isinstance(wide, AssumeRole):
        return None
    if last.policy != wide.policy:
        return "session_policy"
    return "managed_policy" if last.policy_arns != wide.policy_arns else None


_WAYS = {
    "scoped_credentials": "by sts:GetScopedCredentials",
    "session_policy": "by a session policy",
    "managed_policy": f"by AWS's {MANAGED}",
}


def _title(plan: Explanation) -> str:
    last = plan.chain.last
    name = plan.chain.role
    if isinstance(last, GetSessionToken):
        return f"{name}: an MFA session of its user"
    if last is None:
        return f"{name}: the credentials of the source {'narrowed' if plan.chain.scoped else 'as they are'}"
    if last.role.account is None:
        return f"{name}: role {last.role.path_and_name} in the account of the source"
    return name if name == str(last.role) else f"{name}: {last.role}"


def _facts(plan: Explanation, login: str) -> Iterator[tuple[str, str, Origin | None]]:
    chain = plan.chain
    yield "Source", sources.title(chain.source), chain.source.origin
    if plan.device is not None:
        yield "Device", plan.device.title or "unknown yet", plan.device.origins.get("mfa_serial")
    if chain.hops:
        yield (
            "MFA",
            _code(plan, login),
            plan.device.origins.get("mfa_process") if plan.device and plan.needs_code else None,
        )
    if plan.held is not None:
        yield "Agent", _agent(plan, plan.held), None
    yield "Lifetime", _life(plan), None
    yield from _rails(chain)
    yield "Region", chain.region or "unknown", chain.origins.get("region")
    for name, _ in chain.settings:
        # An endpoint may hold a password.
        yield "Setting", name, chain.origins[name]
    if plan.endpoint is not None:
        yield "STS", plan.endpoint, None


def _rails(chain: Chain) -> Iterator[tuple[str, str, Origin | None]]:
    if chain.assistant is not None:
        yield "Asked by", _assistant(chain.assistant, chain.rails), chain.rails.origins.get("assistants")
    if chain.rails.is_protected:
        yield "Asks", "before a command gets the role", chain.rails.origins["is_protected"]
    if chain.rails.confirm is not None:
        again = f", again after {duration.exact(chain.rails.confirm)}" if chain.rails.confirm else ", each time"
        yield "Confirms", f"before a program gets the role{again}", chain.rails.origins.get("confirm")
    if chain.rails.account is not None:
        yield "Account", f"must be {chain.rails.account}", chain.rails.origins["account"]
    if chain.rails.color:
        yield "Color", spelled(chain.rails.color), chain.rails.origins["color"]
    if chain.narrowing is not None and str(chain.narrowing):
        way = _way(chain)
        origin = next(iter(chain.narrowing.origins.values()), None)
        yield "Narrowed", f"{chain.narrowing}{'' if way is None else f', {_WAYS[way]}'}", origin


def _assistant(assistant: Assistant, rails: Rails) -> str:
    follows = {"read-only": "gets it read-only", "confirm": "gets it once you confirm it", "refuse": "does not get it"}
    return f"{assistant.name} ({assistant.sign}), which {follows.get(rails.assistants, 'gets it as you do')}"


def _code(plan: Explanation, login: str) -> str:
    if plan.device is None:
        return "no device is configured"
    if not plan.needs_code:
        return "no code is needed now"
    if plan.device.process is not None:
        return "printed by mfa_process"
    is_logged_in = plan.held is not None and plan.held.session
    if is_logged_in or config.through_session(plan.chain) is None:
        return "asked each time"
    return f"asked each time (run {login} to enter it once a day)"


def _agent(plan: Explanation, held: Left) -> str:
    if held.role is not None:
        then = "and hands it out" if held.is_handed_out else "and requests it again"
        return f"holds the role{_rest(held.role)}, {then}"
    if held.from_wide:
        return "holds the role in full, and narrows it"
    if held.session is None:
        return "holds neither the role nor an MFA session"
    then = "but AWS grants more than an hour only with a code"
    if held.by_session:
        then = "and uses it" if plan.device is None else "which replaces a code"
    return f"holds an MFA session{_rest(held.session)}, {then}"


def _rest(seconds: float) -> str:
    return "" if seconds == float("inf") else f", {duration.left(int(seconds))} left"


def _life(plan: Explanation) -> str:
    held = plan.held
    if held is not None and held.is_handed_out and held.role is not None and held.role != float("inf"):
        return f"{duration.left(int(held.role))} left"
    if plan.seconds is None:
        return plan.because
    most = ""
    if plan.maximum is not None:
        refuses = ": AWS will refuse" if plan.maximum < plan.seconds else ""
        most = f"; the maximum of the role is {duration.exact(plan.maximum)}{refuses}"
    elif _asks_for_long(plan):
        most = "; the maximum of the role is not known"
    return f"{duration.exact(plan.seconds)}, {plan.because}{most}"


def _shown(parameter: reasoning.Parameter) -> str:
    if parameter.value is None:
        return "(when the account is known)" if parameter.name == "RoleArn" else "(not shown)"
    if parameter.name == "DurationSeconds":
        return f"{parameter.value} ({duration.exact(int(parameter.value))})"
    text = " ".join(parameter.value.split())
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"


def _table(indent: str, rows: Iterable[tuple[str, str, Origin | None]]) -> Iterator[str]:
    shown = [(title, value, "" if origin is None else origin.position) for title, value, origin in rows]
    return (f"{indent}{line}" for line in report.table(shown).splitlines())


def _as_json(plan: Explanation, changes: Mapping[str, list[str]], now: float) -> dict[str, Any]:
    chain, held, device = plan.chain, plan.held, plan.device
    last = chain.last
    return {
        "role": chain.role,
        "label": chain.label,
        "arn": str(last.role) if isinstance(last, AssumeRole) and last.role.account is not None else None,
        "source": {
            "kind": chain.source.kind,
            "profile": chain.source.profile,
            "from": report.origin_as_json(chain.source.origin),
        },
        "source_account": plan.account,
        "mfa": device
        and {
            "serial": device.serial or None,
            "from": report.origin_as_json(device.origins.get("mfa_serial")),
            "code_needed": plan.needs_code,
            "mfa_process": report.origin_as_json(device.origins.get("mfa_process")),
        },
        "agent": held
        and {
            "role": _lease(held.role, now),
            "session": _lease(held.session, now),
            "hands_out_the_role": held.is_handed_out,
            "session_in_place_of_a_code": held.by_session,
        },
        "endpoint": plan.endpoint,
        "calls": [
            {
                "action": call.action,
                "signed_with": call.signer,
                "certain": call.is_certain,
                "mfa_code": call.device is not None,
                "parameters": [
                    {"name": each.name, "value": each.value, "from": report.origin_as_json(each.origin)}
                    for each in call.parameters
                ],
            }
            for call in plan.calls
        ],
        "lifetime": {"seconds": plan.seconds, "because": plan.because, "maximum_of_the_role": plan.maximum},
        "guard_rails": {
            "protected": chain.rails.is_protected,
            "confirm_seconds": chain.rails.confirm,
            "color": chain.rails.color or None,
            "required_account": chain.rails.account,
            "assistants": chain.rails.assistants or None,
            "from": {name: report.origin_as_json(chain.rails.origins.get(field)) for name, field in _RAILS.items()},
        },
        "assistant": chain.assistant and {"name": chain.assistant.name, "sign": chain.assistant.sign},
        "narrowed": _narrowing_as_json(chain),
        "region": chain.region and {"name": chain.region, "from": report.origin_as_json(chain.origins.get("region"))},
        "settings": [{"name": name, "from": report.origin_as_json(chain.origins[name])} for name, _ in chain.settings],
        "variables": changes,
        "notes": [str(note) for note in plan.notes],
    }


_RAILS = {
    "protected": "is_protected",
    "confirm_seconds": "confirm",
    "color": "color",
    "required_account": "account",
    "assistants": "assistants",
}
"""The fields of `Rails` by their names in the JSON."""


def _narrowing_as_json(chain: Chain) -> dict[str, Any] | None:
    narrowing, last = chain.narrowing, chain.last
    if narrowing is None:
        return None
    policy = chain.scoped and chain.scoped.policy
    return {
        "read_only": narrowing.read_only,
        "only": narrowing.actions,
        "on": narrowing.resources,
        "seconds": narrowing.seconds,
        "because": narrowing.because,
        "by": _way(chain),
        "policy": policy or (last.policy if isinstance(last, AssumeRole) else None),
        "services": SERVICES if is_listed(chain) else None,
        "from": {name: report.origin_as_json(origin) for name, origin in narrowing.origins.items()},
    }


def _lease(seconds: float | None, now: float) -> dict[str, Any] | None:
    """Return until when the agent holds something; None: it does not hold it."""
    if seconds is None or seconds == float("inf"):
        return None if seconds is None else {"ends": None}
    return {"ends": f"{datetime.fromtimestamp(round(now + seconds), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"}
