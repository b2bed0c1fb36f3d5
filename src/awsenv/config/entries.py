"""The profiles that are roles or sources, for lists and completion: their values are not checked."""

from __future__ import annotations

from contextlib import suppress

from awsenv.config import limits, sources
from awsenv.config.hops import device_of
from awsenv.config.links import every
from awsenv.config.rails import rails
from awsenv.config.recursion import other_name_of
from awsenv.config.resolution import regions
from awsenv.errors import ConfigError, Origin, SourceError
from awsenv.model import Mfa, Rails, RoleRequest
from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Environ


@dataclass(frozen=True, slots=True)
class Entry:
    """A profile that is a role or a source of credentials. Its values are not checked."""

    name: str
    """Empty: a source that the environment describes."""
    role_arn: str | None
    """None: the profile is a source of credentials."""
    role: str | None
    """The name of the role, without its path; None as for `role_arn`, or if that is no ARN of a role."""
    account: str | None
    """The account of the role or the source; None: the files do not show it."""
    region: str | None
    """The region to export, as for `Chain`."""
    kind: str | None
    """The kind of source (see `sources.KINDS`); None: the profile is a role."""
    source: str | None
    """The source_profile or the credential_source of the role."""
    mfa_serial: str | None
    """The device whose code the chain needs; None: the chain needs no code."""
    origin: Origin
    rails: Rails
    """Its guard rails; none if one of them is wrong."""


def roles(profiles: Profiles, environ: Environ) -> tuple[Entry, ...]:
    """Return an entry for each profile that is a role or a source, in the order of the files. Never raises.

    The sources that the environment describes come last. A profile that calls awsenv for another that is a role has
    none: it gives other tools the same role again.
    """
    found = (
        (profile, links) for profile, links in every(profiles, environ) if other_name_of(profile, profiles) is None
    )
    entries = (_entry(profile, links, environ) for profile, links in found)
    return (*(each for each in entries if each.role_arn is not None or each.kind is not None), *_ambient(environ))


def _ambient(environ: Environ) -> Iterator[Entry]:
    region = next((region.value for region in regions((), environ)), None)
    for find in (sources.from_keys, sources.from_web_identity, sources.from_container):
        with suppress(SourceError):
            if (source := find(environ)) is not None and source.origin is not None:
                yield Entry("", None, None, None, region, source.kind, None, None, source.origin, Rails())


def _entry(profile: Profile, links: Links | None, environ: Environ) -> Entry:
    is_role = sources.is_role(profile)
    kind = None if is_role else sources.kind_of(profile)
    serial = profile.value("mfa_serial")
    if links is not None:
        has_none = sources.KINDS[links.source.kind].is_of_a_role
        serial = None if has_none else device_of(links, RoleRequest(profile.name)).serial
    arn = profile.settings.get("role_arn")
    role = None
    if arn is not None:
        with suppress(ConfigError):
            role = limits.role_arn(arn.value, arn.origin)
    account = None if kind is None else profile.value(sources.KINDS[kind].account)
    region = next(iter(regions((profile,) if links is None else links.profiles, environ)), None)
    own = Rails()
    with suppress(ConfigError):
        own = rails(profile.settings)
    return Entry(
        name=profile.name,
        role_arn=profile.value("role_arn") if is_role else None,
        role=role.name if role is not None and is_role else None,
        account=account or (Mfa(serial or "").account if role is None else role.account),
        region=None if region is None else region.value,
        kind=kind,
        source=(profile.value("source_profile") or profile.value("credential_source")) if is_role else None,
        mfa_serial=serial or None,
        origin=profile.origin,
        rails=own,
    )
