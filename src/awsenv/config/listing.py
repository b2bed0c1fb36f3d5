"""The roles and the sources that the files describe, for `awsenv list`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.config import sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.config.profiles import Profile, Profiles, Setting
    from awsenv.origin import Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """A profile that is a role or a source of credentials. Its values are not checked."""

    name: str
    role_arn: str | None
    """None: the profile is a source of credentials."""
    kind: str | None
    """The kind of source (see `model.Source`); None: the profile is a role."""
    source: str | None
    """The source_profile or the credential_source of the role."""
    mfa_serial: str | None
    """The device whose code the chain needs; None: the chain needs no code."""
    origin: Origin


def roles(profiles: Profiles) -> tuple[Entry, ...]:
    """Return an entry for each profile that is a role or a source, in the order of the files. Never raises."""
    found = (profiles.get(name) for name in profiles.names)
    entries = (_entry(profile, profiles) for profile in found if profile is not None)
    return tuple(entry for entry in entries if entry.role_arn is not None or entry.kind is not None)


def _entry(profile: Profile, profiles: Profiles) -> Entry:
    is_role = sources.is_role(profile)
    named = profile.value("source_profile") if is_role else None
    device = device_of(source_profiles(profile, profiles))
    return Entry(
        name=profile.name,
        role_arn=profile.value("role_arn") if is_role else None,
        kind=None if is_role else sources.kind_of(profile),
        source=named or (profile.value("credential_source") if is_role else None),
        mfa_serial=None if device is None else device.value or None,
        origin=profile.origin,
    )


def device_of(line: Sequence[Profile]) -> Setting | None:
    """Return the device that `mfa.with_mfa` would use, unchecked.

    Args:
        line: The result of `source_profiles`.
    """
    source = line[-1]
    kind = source.value("credential_source") if sources.is_role(source) else sources.kind_of(source)
    if kind in {"Ec2InstanceMetadata", "EcsContainer"} or kind in sources.OF_A_ROLE:
        return None
    order = [*line[-2:-1], source, *reversed(line[:-2])] if not sources.is_role(source) else line[::-1]
    return next((each.settings["mfa_serial"] for each in order if "mfa_serial" in each.settings), None)


def source_profiles(profile: Profile, profiles: Profiles) -> list[Profile]:
    """Return *profile* and the source profiles behind it, up to the first that is repeated or missing."""
    line = [profile]
    while sources.is_role(line[-1]) and (len(line) == 1 or not sources.has_static_keys(line[-1])):
        source = profiles.get(line[-1].value("source_profile") or "")
        if source is None or source.name in {each.name for each in line[1:]}:
            break
        line.append(source)
    return line
