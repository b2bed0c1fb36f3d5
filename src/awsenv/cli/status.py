"""`awsenv status`: the role that is active here, for how long, and on demand whose keys AWS says these are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

from awsenv import config, duration, environment
from awsenv.cli import report
from awsenv.cli.action import Caller, Print
from awsenv.cli.options import flag
from awsenv.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.agent.memory import Held
    from awsenv.cli.action import Resolved
    from awsenv.model import Credentials


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
    rows += caller.keeper.held()
    if arguments.verify:
        rows.append(("Identity", _identity(caller)))
    return Print(report.table(rows), tuple(_notes(role, caller)))


def _notes(role: environment.ActiveRole | None, caller: Caller) -> Iterable[str]:
    if role is None:
        yield "no role is active in this shell"
        return
    if not role.has_its_keys:
        yield "the keys in this shell are not those of the role: they were set after it"
    elif role.expires is not None and role.expires <= caller.now():
        yield f"the role has expired: awsenv {role.role}"
    for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
        if name in caller.environ:
            yield f"{name} was set after the role; some tools prefer it to the role's keys: unset {name}"


def shortfall(wanted: Resolved, credentials: Credentials, now: float) -> tuple[str, ...]:
    """Return the note that even new credentials have less time left than is wanted, where it is so."""
    if credentials.expiration is None or not wanted.min_remaining:
        return ()
    rest = int(credentials.expiration.timestamp() - now)
    if rest >= wanted.min_remaining:
        return ()
    return (
        f"{wanted.chain.label} has {duration.left(rest)} left, less than --min-remaining asks for: AWS grants no more",
    )


def held_rows(held: Iterable[Held], now: float) -> tuple[tuple[str, str], ...]:
    """Return what an agent holds: what and for how long, nothing secret. The title stands once for its rows."""
    titles = {"session": "MFA session", "role": "In memory"}
    rows: list[tuple[str, str]] = []
    shown: set[str] = set()
    for each in held:
        rest = "" if each.ends is None else f", {duration.left(each.ends.timestamp() - now)} left"
        rows.append(("" if each.kind in shown else titles[each.kind], each.title + rest))
        shown.add(each.kind)
    return tuple(rows) or (("Agent", "holds nothing"),)


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
    from awsenv.aws.sts import caller as identity_of  # noqa: PLC0415 - 150 ms of botocore, only to ask AWS

    profiles = config.read(environment.original(environ), caller.folder)
    return identity_of(key, environ, profiles).arn
