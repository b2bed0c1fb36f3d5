"""The hop that assumes a role of the chain: each value with its origin, each limit checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from awsenv.config import arns, limits
from awsenv.errors import ConfigError
from awsenv.model import MAX_CHAINED_DURATION, AssumeRole, Note
from awsenv.origin import Origin
from awsenv.variables import USER, having
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.config.links import Link
    from awsenv.config.profiles import Profile
    from awsenv.model import Environ, RoleArn, RoleRequest

T = TypeVar("T")


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
    values = _Values(request, link.profile)
    parse = arns.role_arn if link.profile else _role_of(partition)
    role = parse(link.role.value, link.role.origin)
    values.origins["role"] = link.role.origin
    name = values.text("session_name", "role_session_name", limits.session_name)
    if name is None:
        name, values.origins["session_name"] = default_name
    duration, notes = values.duration(chained=chained)
    tags = values.listed("tags", "session_tags", _tags, limits.tags)
    transitive = values.listed("transitive_tags", "transitive_session_tags", _keys, limits.transitive_tags)
    limits.transitive_of(transitive, tags, values.origins.get("transitive_tags"))
    return AssumeRole(
        role=role,
        session_name=name,
        external_id=values.text("external_id", "external_id", limits.external_id),
        duration=duration,
        source_identity=values.text("source_identity", "source_identity", limits.source_identity),
        tags=tags,
        transitive_tags=transitive,
        policy=values.text("policy", "", limits.policy),
        policy_arns=values.listed("policy_arns", "", _keys, limits.policy_arns),
        profile=link.profile.name if link.profile else None,
        notes=notes,
        origins=values.origins,
    )


class _Values:
    """The values of one hop, from the request or else from the profile, and their origins."""

    def __init__(self, request: RoleRequest | None, profile: Profile | None) -> None:
        self._request, self._profile = request, profile
        self.origins: dict[str, Origin] = {}

    def text(self, field: str, key: str, check: Callable[[str, Origin], str]) -> str | None:
        value, origin = self._found(field, key)
        return None if origin is None else check(value, origin)

    def listed(
        self,
        field: str,
        key: str,
        parse: Callable[[str, Origin], tuple[T, ...]],
        check: Callable[[tuple[T, ...], Origin], tuple[T, ...]],
    ) -> tuple[T, ...]:
        value, origin = self._found(field, key)
        if origin is None or not value:
            return ()
        return check(value if isinstance(value, tuple) else parse(value, origin), origin)

    def duration(self, *, chained: bool) -> tuple[int | None, tuple[Note, ...]]:
        value, origin = self._found("duration", "duration_seconds")
        if origin is None:
            return None, ()
        seconds = value if isinstance(value, int) else limits.duration(value, origin)
        limits.in_range(seconds, limits.MAX_ROLE_DURATION, origin)
        if not chained or seconds <= MAX_CHAINED_DURATION:
            return seconds, ()
        if isinstance(value, int):
            raise ConfigError(
                f"{seconds} seconds is too long: with temporary credentials, AWS grants a role for at most "
                f"{MAX_CHAINED_DURATION} seconds (role chaining)",
                origin,
                hint=f"ask for {MAX_CHAINED_DURATION} or less, or start from the access key of a user",
            )
        fact = (
            f"{seconds} seconds cut to {MAX_CHAINED_DURATION}, "
            "the most that AWS grants a role with temporary credentials (role chaining)"
        )
        return MAX_CHAINED_DURATION, (Note(fact, origin),)

    def _found(self, field: str, key: str) -> tuple[Any, Origin | None]:
        """Return the value of the request, or the text in the profile; without an origin, the value is not set."""
        value = None if self._request is None else getattr(self._request, field)
        setting = None if self._profile is None else self._profile.settings.get(key)
        if self._request is not None and value not in {None, ()}:
            self.origins[field] = self._request.origin(field)
        elif setting is not None:
            value, self.origins[field] = setting.value, setting.origin
        return value, self.origins.get(field)


def _role_of(partition: str) -> Callable[[str, Origin], RoleArn]:
    return lambda word, origin: arns.role(word, partition, origin)


def _keys(text: str, _: Origin) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _tags(text: str, origin: Origin) -> tuple[tuple[str, str], ...]:
    """Parse the `k1=v1,k2=v2` of aws-vault."""
    pairs = []
    for part in text.split(","):
        key, divider, value = part.partition("=")
        if not divider:
            raise ConfigError(
                f"{quoted(part.strip())} is not a session tag",
                origin,
                hint="write session_tags = key1=value1,key2=value2",
            )
        pairs.append((key.strip(), value.strip()))
    return tuple(pairs)


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
    for text, place in names:
        name = limits.legal_session_name(text or "")
        if name is not None:
            return name, Origin(place)
    return "awsenv", Origin("the default of awsenv")
