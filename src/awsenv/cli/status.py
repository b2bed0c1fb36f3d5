"""`awsenv status`: the role that is active here, for how long, and on demand whose keys AWS says these are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from math import inf
from typing import TYPE_CHECKING, Annotated

from awsenv import config, duration, environment
from awsenv.agent import client
from awsenv.cli import report
from awsenv.cli.action import Print
from awsenv.cli.options import Caller, flag
from awsenv.errors import SourceError
from awsenv.model import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from awsenv.agent.memory import Held


MAX_ROWS = 100
"""How many of the sessions and roles in memory are shown."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Keys are masked to their last four characters."""

    verify: Annotated[bool, flag("Ask AWS whose keys these are.", "--verify")] = False


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return the role of this environment, its keys masked to their last four characters.

    Raises:
        SourceError: With `--verify`, and there are no keys to ask AWS about, or AWS does not know them.
        RefusedError: AWS refused to say whose they are.
        UnreachableError: AWS could not be asked.
    """
    role = environment.active(caller.environ)
    rows: list[tuple[str, str]] = []
    if role is not None:
        rows += [
            ("Role", role.role),
            ("Account", role.account or "unknown"),
            ("Expires", _expiry(role, caller.now())),
        ]
    rows += _environment_rows(caller)
    rows += _held_rows(caller.provider.held(), caller.now())
    if arguments.verify:
        rows.append(("Identity", _identity(caller)))
    missed = client.missed(caller.environ) if caller.provider.held() is None else []
    return Print(report.table(rows), (*missed, *_notes(role, caller)))


def _notes(role: environment.ActiveRole | None, caller: Caller) -> Iterable[Note]:
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
    # A role is held once for each set of options, and once more with a code than by way of the MFA session.
    longest = {(each.kind, each.title): each for each in sorted(held, key=_end)}
    held = [each for each in held if longest[each.kind, each.title] is each]
    title = ""
    for number, each in enumerate(held):
        if number == MAX_ROWS:
            yield "", f"and {len(held) - number} more"
            return
        rest = "" if each.ends is None else f", {duration.left(each.ends.timestamp() - now)} left"
        before, title = title, {"session": "MFA session", "role": "In memory"}[each.kind]
        yield "" if before == title else title, each.title + rest


def _end(held: Held) -> float:
    return inf if held.ends is None else held.ends.timestamp()


def _expiry(role: environment.ActiveRole, now: float) -> str:
    if role.is_served:
        return "never: an endpoint renews the keys"
    if role.expires is None:
        return "never: these are long-lived keys"
    when = datetime.fromtimestamp(role.expires, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    remaining = duration.left(role.expires - int(now))
    return f"{when} ({remaining})" if remaining == "expired" else f"{when} ({remaining} left)"


def _environment_rows(caller: Caller) -> Iterable[tuple[str, str]]:
    for title, names, show in (
        ("Region", ("AWS_REGION", "AWS_DEFAULT_REGION"), str),
        ("Access key", ("AWS_ACCESS_KEY_ID",), _masked),
        ("Secret key", ("AWS_SECRET_ACCESS_KEY",), _masked),
        ("Token", ("AWS_SESSION_TOKEN",), _masked),
        ("Profile", ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"), str),
    ):
        value = next((caller.environ[name] for name in names if caller.environ.get(name)), None)
        if value is not None:
            yield title, show(value)


def _masked(secret: str) -> str:
    """Return what `aws configure list` shows of a key."""
    return "*" * 16 + secret[-4:] if len(secret) > 8 else "*" * 16  # noqa: PLR2004 - never the half of a short one


def _identity(caller: Caller) -> str:
    environ = caller.environ
    key = environment.access_key(environ)
    if key is None:
        raise SourceError("there are no keys in this shell to ask AWS about", hint="awsenv ROLE [CODE]")
    from awsenv.aws.session import AwsSession  # noqa: PLC0415 - 150 ms of botocore, only to ask AWS
    from awsenv.aws.sts import Sts  # noqa: PLC0415 - the same

    profiles = config.read(environment.original(environ), caller.folder)
    return Sts(AwsSession(profiles, environ)).identity(key).arn
