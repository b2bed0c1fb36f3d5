"""One step of the way as a call of sts:AssumeRole: every value with its origin, every limit checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from awsenv.config import arns, limits
from awsenv.config.text import quoted
from awsenv.errors import ConfigError
from awsenv.model import MAX_CHAINED_DURATION, AssumeRole, Note

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.config.profiles import Profile
    from awsenv.config.route import Step
    from awsenv.model import RoleArn, RoleRequest
    from awsenv.origin import Origin

T = TypeVar("T")


def assume_role(
    step: Step, request: RoleRequest | None, *, chained: bool, default_name: tuple[str, Origin], partition: str
) -> AssumeRole:
    """Return the call for *step*, without MFA.

    Args:
        step: The role.
        request: What was asked for, if this is the role that was asked for; it beats the profile.
        chained: Whether it is reached with temporary credentials.
        default_name: The role session name where none is configured.
        partition: The partition of the region: the only one whose roles can be assumed.

    Raises:
        ConfigError: A value that AWS would refuse.
    """
    values = _Values(request, step.profile)
    parse = arns.role_arn if step.profile else _role_of(partition)
    role = parse(step.role.value, step.role.origin)
    values.origins["role"] = step.role.origin
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
        policy=values.text("policy", None, limits.policy),
        policy_arns=values.listed("policy_arns", None, _keys, limits.policy_arns),
        profile=step.profile.name if step.profile else None,
        notes=notes,
        origins=values.origins,
    )


class _Values:
    """The values of one hop: those that were asked for, else those of the profile. It collects their origins."""

    def __init__(self, request: RoleRequest | None, profile: Profile | None) -> None:
        self._request, self._profile = request, profile
        self.origins: dict[str, Origin] = {}

    def text(self, field: str, key: str | None, check: Callable[[str, Origin], str]) -> str | None:
        if self._request is not None and getattr(self._request, field) is not None:
            self.origins[field] = self._request.origin(field)
            return check(getattr(self._request, field), self.origins[field])
        setting = self._profile.settings.get(key) if self._profile and key else None
        if setting is None:
            return None
        self.origins[field] = setting.origin
        return check(setting.value, setting.origin)

    def listed(
        self,
        field: str,
        key: str | None,
        parse: Callable[[str, Origin], tuple[T, ...]],
        check: Callable[[tuple[T, ...], Origin], tuple[T, ...]],
    ) -> tuple[T, ...]:
        if self._request is not None and getattr(self._request, field):
            self.origins[field] = self._request.origin(field)
            return check(getattr(self._request, field), self.origins[field])
        setting = self._profile.settings.get(key) if self._profile and key else None
        if setting is None or not setting.value:
            return ()
        self.origins[field] = setting.origin
        return check(parse(setting.value, setting.origin), setting.origin)

    def duration(self, *, chained: bool) -> tuple[int | None, tuple[Note, ...]]:
        if self._request is not None and self._request.duration is not None:
            origin = self.origins["duration"] = self._request.origin("duration")
            seconds = limits.in_range(self._request.duration, limits.MAX_ROLE_DURATION, origin)
            if chained and seconds > MAX_CHAINED_DURATION:
                raise ConfigError(
                    f"{seconds} seconds is too long: with temporary credentials, AWS grants a role for at most "
                    f"{MAX_CHAINED_DURATION} seconds (role chaining)",
                    origin,
                    hint=f"ask for {MAX_CHAINED_DURATION} or less, or start from the access key of a user",
                )
            return seconds, ()
        setting = self._profile.settings.get("duration_seconds") if self._profile else None
        if setting is None:
            return None, ()
        self.origins["duration"] = setting.origin
        seconds = limits.duration(setting.value, setting.origin)
        limits.in_range(seconds, limits.MAX_ROLE_DURATION, setting.origin)
        if chained and seconds > MAX_CHAINED_DURATION:
            note = Note(
                f"{seconds} seconds cut to {MAX_CHAINED_DURATION}, "
                "the most that AWS grants a role with temporary credentials (role chaining)",
                setting.origin,
            )
            return MAX_CHAINED_DURATION, (note,)
        return seconds, ()


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
