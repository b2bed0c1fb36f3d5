"""`awsenv status`: the role that is active here, for how long, and on demand whose keys AWS says these are."""

from __future__ import annotations

import time
from math import inf

from awsenv import changes, config, duration, wording
from awsenv.agent import client
from awsenv.cli import report
from awsenv.cli.action import Print, Report
from awsenv.errors import SourceError
from awsenv.model import Note
from awsenv.variables import KEY_PAIR, PROFILE, REGION, having, session_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from awsenv.agent.term import Held
    from awsenv.changes import ActiveRole
    from awsenv.cli.arguments import StatusArguments
    from awsenv.cli.options import Caller
    from awsenv.cli.report import Shown
    from awsenv.iam.principal import Principal
    from awsenv.model import Environ


MAX_ROWS = 100
"""How many of the sessions and roles in memory are shown."""

_VERIFIED = "who you are, not what you may do: AWS answers any valid key"


def run(caller: Caller, arguments: StatusArguments) -> Print:
    """Return the role of this environment, and what an agent holds.

    Raises:
        SourceError: With `--verify`, and there are no keys to ask AWS about, or AWS does not know them.
        RefusedError: AWS refused to say whose they are.
        UnreachableError: AWS could not be asked.
    """
    role = changes.active(caller.environ)
    held = caller.provider.held()
    identity = _identity(caller) if arguments.verify else None
    notes: list[Shown] = [*(client.missed(caller.environ) if held is None else ()), *_notes(role, caller)]
    if arguments.as_json:
        return Print(_as_json(role, held, identity, notes, caller))
    rows: list[tuple[str, str]] = []
    if role is not None:
        rows += [("Role", role.role), ("Account", role.account or "unknown")]
        # A profile is often called like its role.
        rows += [("Role name", role.name)] if role.name not in {None, role.role} else []
        rows += [("Narrowed", role.narrowed)] if role.narrowed is not None else []
    rows += _environment_rows(caller, masked=arguments.masked)
    rows += [("Expires", _expiry(role, caller.now()))] if role is not None else []
    rows += _held_rows(held, caller.now())
    rows += _confirmation_rows(caller)
    if identity is not None:
        rows += [("Identity", identity.arn), ("", _VERIFIED)]
    return Report(report.table(rows), notes)


def _notes(role: ActiveRole | None, caller: Caller) -> Iterable[Note]:
    if role is None:
        yield Note("no role is active in this shell")
        return
    if not role.has_its_keys:
        yield Note("the keys in this shell are not those of the role: they were set after it")
    elif role.expires is not None and role.expires <= caller.now():
        yield Note("the role has expired", hints=(f"awsenv {role.role}",))
    for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
        if name in caller.environ:
            fact = f"{name} was set after the role, and some tools prefer it to the role's keys"
            yield Note(fact, hints=(f"unset {name}",))


def _held_rows(held: Sequence[Held] | None, now: float) -> Iterator[tuple[str, str]]:
    """Yield what an agent holds: what and for how long, nothing secret. The title stands once for its rows."""
    if held is None:
        return
    if not held:
        yield "Agent", "holds nothing"
    held = _longest(held)
    title = ""
    for number, each in enumerate(held):
        if number == MAX_ROWS:
            yield "", f"and {len(held) - number} more"
            return
        rest = "" if each.ends is None else f" until {_ending(each.ends.timestamp(), now)}"
        before, title = title, {"session": "MFA session", "role": "In memory"}[each.kind]
        yield "" if before == title else title, each.title + rest


def _confirmation_rows(caller: Caller) -> Iterator[tuple[str, str]]:
    """Yield which roles the agent asks about, and who answers."""
    state = None if caller.confirmation is None else caller.confirmation.state()
    if state is None or not (state.every_role or state.attended):
        return
    yield "Confirms", "every role" if state.every_role else "the roles whose profile has awsenv_confirm"
    if state.attended:
        yield "", f"awsenv approve runs in {', '.join(state.attended)}"
    elif state.program is not None:
        yield "", f"{wording.printable(state.program)} asks"
    else:
        yield "", f"nobody is there to answer: {state.next_step}"


def _longest(held: Iterable[Held]) -> list[Held]:
    """Return each session and role once: one is held for each set of options, and with a code and by the session."""
    held = list(held)
    longest = {(each.kind, each.title): each for each in sorted(held, key=_end)}
    return [each for each in held if longest[each.kind, each.title] is each]


def _end(held: Held) -> float:
    return inf if held.ends is None else held.ends.timestamp()


def _expiry(role: ActiveRole, now: float) -> str:
    if role.is_served:
        return "never: an endpoint renews the keys"
    if role.expires is None:
        return "never: these are long-lived keys"
    return _ending(role.expires, now)


def _ending(ends: float, now: float) -> str:
    remaining = duration.left(ends - int(now))
    return f"{wording.instant(ends)} ({remaining if remaining == 'expired' else f'{remaining} left'})"


def _environment_rows(caller: Caller, *, masked: bool) -> Iterator[tuple[str, str]]:
    environ = caller.environ
    if region := _first(having(REGION), environ):
        yield "Region", region
    key_id, secret = (environ.get(name) for name in KEY_PAIR)
    # CloudTrail knows a caller by the id of the key.
    keys = (("Access key", key_id), ("Secret key", secret), ("Token", session_token(environ)))
    for title, value in keys if masked else keys[:1]:
        if value:
            yield title, _masked(value) if masked else value
    if profile := _first(having(PROFILE)[::-1], environ):
        yield "Profile", profile


def _first(names: Iterable[str], environ: Environ) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _masked(secret: str) -> str:
    """Return what `aws configure list` shows of a key."""
    return "*" * 16 + secret[-4:] if len(secret) > 8 else "*" * 16  # noqa: PLR2004 - never the half of a short one


def _identity(caller: Caller) -> Principal:
    environ = caller.environ
    key = changes.access_key(environ)
    base = caller.original
    profiles = config.read(base, caller.folder)
    if key is None:
        nothing = config.nothing(profiles, base)
        raise nothing or SourceError("there are no keys in this shell to ask AWS about", hint="awsenv ROLE [CODE]")
    from awsenv.aws.session import AwsSession  # noqa: PLC0415 - 150 ms of botocore, only to ask AWS
    from awsenv.aws.sts import Sts  # noqa: PLC0415 - the same

    # That of a sealed process names no file for the agent to read, and no endpoint.
    asked = environ if caller.base is None else base
    return Sts(AwsSession(profiles, asked, waits=caller.provider.waits)).identity(key)


def _as_json(
    role: ActiveRole | None,
    held: Sequence[Held] | None,
    identity: Principal | None,
    notes: Iterable[Shown],
    caller: Caller,
) -> str:
    """Return the status, for programs. What is missing is null: without an agent, what it holds."""
    import json  # noqa: PLC0415 - for programs

    now = caller.now()
    expires = None if role is None or role.is_served else role.expires
    shown = {
        "role": role and role.role,
        "account": role and role.account,
        "role_name": role and role.name,
        "narrowed": role and role.narrowed,
        "region": _first(having(REGION), caller.environ),
        "access_key_id": caller.environ.get(KEY_PAIR[0]) or None,
        **_end_as_json(expires, now),
        "renewed": role is not None and role.is_served,
        "mfa_sessions": _held_as_json("session", held, now),
        "held_roles": _held_as_json("role", held, now),
        "confirmation": _confirmation_as_json(caller),
        "identity": identity and {"arn": identity.arn, "account": identity.account, "user_id": identity.user_id},
        "notes": [note.fact for note in notes],
    }
    return json.dumps(shown, indent=2) + "\n"


def _confirmation_as_json(caller: Caller) -> dict[str, Any] | None:
    state = None if caller.confirmation is None else caller.confirmation.state()
    if state is None:
        return None
    return {"every_role": state.every_role, "attended": state.attended, "program": state.program}


def _held_as_json(kind: str, held: Sequence[Held] | None, now: float) -> list[dict[str, Any]] | None:
    if held is None:
        return None
    shown = [each for each in _longest(held) if each.kind == kind]
    ends = [None if each.ends is None else each.ends.timestamp() for each in shown]
    return [{"name": each.title, **_end_as_json(end, now)} for each, end in zip(shown, ends, strict=True)]


def _end_as_json(ends: float | None, now: float) -> dict[str, Any]:
    if ends is None:
        return {"expires": None, "remaining_seconds": None}
    return {
        "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
        "remaining_seconds": max(0, int(ends - now)),
    }
