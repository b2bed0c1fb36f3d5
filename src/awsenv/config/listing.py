"""The roles and the sources that the files describe, for `awsenv list`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.config import mfa, sources
from awsenv.config.links import every
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Environ
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


def roles(profiles: Profiles, environ: Environ) -> tuple[Entry, ...]:
    """Return an entry for each profile that is a role or a source, in the order of the files. Never raises."""
    entries = (_entry(profile, links) for profile, links in every(profiles, environ))
    return tuple(entry for entry in entries if entry.role_arn is not None or entry.kind is not None)


def _entry(profile: Profile, links: Links | None) -> Entry:
    is_role = sources.is_role(profile)
    device = profile.settings.get("mfa_serial")
    if links is not None:
        device = None if links.found.is_of_a_role else mfa.device_of(links, RoleRequest(profile.name)).serial
    return Entry(
        name=profile.name,
        role_arn=profile.value("role_arn") if is_role else None,
        kind=None if is_role else sources.kind_of(profile),
        source=(profile.value("source_profile") or profile.value("credential_source")) if is_role else None,
        mfa_serial=None if device is None else device.value or None,
        origin=profile.origin,
    )
