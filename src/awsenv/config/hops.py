"""The hop that assumes a role of the chain: each value with its origin, each limit checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv.config import limits
from awsenv.errors import ConfigError
from awsenv.model import MAX_CHAINED_DURATION, AssumeRole, Note
from awsenv.origin import Origin
from awsenv.variables import USER, having
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.config.links import Link
    from awsenv.model import Environ, RoleRequest


def assume_role(
    link: Link, request: RoleRequest | None, *, chained: bool, default_name: tuple[str, Origin], partition: str
) -> AssumeRole:
    """Return the hop for *link*, without MFA.

    Args:
        link: The role.
        request: The request, if this is its role; it outranks the profile.
        chained: Whether the role is assumed with temporary credentials.
        default_name: The role session name if none is configured.
        partition: The partition of the region.

    Raises:
        ConfigError: AWS would refuse one of the values.
    """
    profile = link.profile
    if profile is None:
        role = limits.role(link.role.value, partition, link.role.origin)
    else:
        role = limits.role_arn(link.role.value, link.role.origin)
    name, name_origin = default_name
    values: dict[str, Any] = {"session_name": name}
    origins = {"role": link.role.origin, "session_name": name_origin}
    notes: tuple[Note, ...] = ()
    for field, rule in _RULES.items():
        setting = None if profile is None else profile.settings.get(rule.key)
        value = None if request is None else getattr(request, field)
        if request is not None and value not in {None, ()}:
            origins[field] = request.origin(field)
            values[field] = rule.check(value, origins[field])
        elif setting is not None:
            origins[field] = setting.origin
            values[field] = rule.check(rule.parse(setting.value, setting.origin), setting.origin)
    limits.transitive_of(values.get("transitive_tags", ()), values.get("tags", ()), origins.get("transitive_tags"))
    if chained and values.get("duration", 0) > MAX_CHAINED_DURATION:
        note = _cut(values["duration"], origins["duration"], is_typed=request is not None and bool(request.duration))
        values["duration"], notes = MAX_CHAINED_DURATION, (note,)
    described_by = None if profile is None else profile.name
    return AssumeRole(role, profile=described_by, notes=notes, origins=origins, **values)


def _cut(seconds: int, origin: Origin, *, is_typed: bool) -> Note:
    """Return the note that the duration of a profile is cut to an hour.

    Raises:
        ConfigError: The duration was requested.
    """
    if is_typed:
        raise ConfigError(
            f"{seconds} seconds is too long",
            origin,
            because=f"with temporary credentials, AWS grants a role for at most {MAX_CHAINED_DURATION} seconds "
            "(role chaining)",
            hint=(f"ask for {MAX_CHAINED_DURATION} or less", "start from the access key of a user"),
        )
    return Note(
        f"{seconds} seconds cut to {MAX_CHAINED_DURATION}, "
        "the most that AWS grants a role with temporary credentials (role chaining)",
        origin,
    )


def _keys(text: str, _: Origin) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _tags(text: str, origin: Origin) -> tuple[tuple[str, str], ...]:
    """Parse the `k1=v1,k2=v2` of aws-vault."""
    pairs = [part.partition("=") for part in text.split(",")] if text else []
    for key, divider, _ in pairs:
        if not divider:
            raise ConfigError(
                f"{quoted(key.strip())} is not a session tag",
                origin,
                hint="write session_tags = key1=value1,key2=value2",
            )
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


def _as_is(text: str, _: Origin) -> str:
    return text


def _duration(seconds: int, origin: Origin) -> int:
    return limits.in_range(seconds, limits.MAX_ROLE_DURATION, origin)


class _Rule(NamedTuple):
    """How a value gets into a hop."""

    key: str
    """The key of a profile; empty: no profile sets it."""
    check: Callable[[Any, Origin], Any]
    parse: Callable[[str, Origin], Any] = _as_is
    """Parses the text of a profile."""


_RULES: Mapping[str, _Rule] = {
    "session_name": _Rule("role_session_name", limits.session_name),
    "external_id": _Rule("external_id", limits.external_id),
    "duration": _Rule("duration_seconds", _duration, limits.duration),
    "source_identity": _Rule("source_identity", limits.source_identity),
    "tags": _Rule("session_tags", limits.tags, _tags),
    "transitive_tags": _Rule("transitive_session_tags", limits.transitive_tags, _keys),
    "policy": _Rule("", limits.policy),
    "policy_arns": _Rule("", limits.policy_arns),
}
"""By the field of a request and of a hop."""

FIELDS = tuple(_RULES)
"""The fields of a request that apply to a role."""


def default_session_name(environ: Environ, user: str | None) -> tuple[str, Origin]:
    """Return the role session name if none is configured, and its origin.

    It is `AWS_ROLE_SESSION_NAME`, else the name of the user made legal, else `awsenv`. The environment names the user;
    if it does not, as under cron and in containers, *user* does.

    Raises:
        ConfigError: AWS would refuse the value of `AWS_ROLE_SESSION_NAME`, which is never altered.
    """
    given = environ.get("AWS_ROLE_SESSION_NAME")
    if given:
        origin = Origin("AWS_ROLE_SESSION_NAME")
        return limits.session_name(given, origin), origin
    names = [(environ.get(variable), variable) for variable in having(USER)] + [(user, "the password database")]
    for text, origin_name in names:
        name = limits.legal_session_name(text or "")
        if name is not None:
            return name, Origin(origin_name)
    return "awsenv", Origin("the default of awsenv")
