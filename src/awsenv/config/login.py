"""The chain of `awsenv login`: a source and its MFA session.

The credentials of GetSessionToken carry MFA, and so meet a role's condition on MFA (IAM guide, "Configuring
MFA-protected API access").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config import limits, listing, mfa, sources
from awsenv.config.links import source_links, source_name
from awsenv.config.resolution import chain_of, region_of
from awsenv.errors import ConfigError
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile, Profiles, Setting
    from awsenv.config.sources import Found
    from awsenv.model import Chain, Environ, GetSessionToken, RoleRequest


def resolve_login(request: RoleRequest, profiles: Profiles, environ: Environ) -> Chain:
    """Return the chain of `awsenv login`: a source, and the MFA session of its user if the user has a device.

    The device is the requested one, else that of the named role, else that of the source profile, else the one device
    that the roles of this source name. With a code but no device, the sender finds the device.

    Args:
        request: `profile` or `role` names the source, or a role with that source; without either, the environment
            selects the source. `code`, `mfa_serial`, `duration` and `region` count too.
        profiles: The profiles of the two files.
        environ: The original environment of the caller.

    Raises:
        ConfigError: There is no such profile, the roles name several devices, the code or the device is for temporary
            credentials, or AWS would refuse a value.
        SourceError: There are no source credentials.
        MfaError: The code is not six digits.
    """
    if request.code is not None:
        limits.mfa_code(request.code)
    if request.duration is not None:
        limits.in_range(request.duration, limits.MAX_SESSION_DURATION, request.origin("duration"))
    links = source_links(request, profiles, environ)
    source = links.source_profile
    own = (source,) if source is not None else links.profiles[-1:]
    hop, naming = _session(links, request, profiles)
    region = region_of(request, (*own, *naming), environ)
    named = source_name(request)
    return chain_of(
        links._replace(profiles=own),
        () if hop is None else (hop,),
        region,
        links.found.source.profile or "environment",
        {} if named is None else {"role": named.origin},
    )


def _session(
    links: Links, request: RoleRequest, profiles: Profiles
) -> tuple[GetSessionToken | None, tuple[Profile, ...]]:
    """Return the hop that opens the session, and the role profiles that named the device."""
    if not links.found.may_be_long_term:
        _refuse_mfa(links.found, request)
        return None, ()
    naming = list(links.profiles[:1]) if links.roles else []
    serial = mfa.first_serial(links, request)
    if request.mfa_serial is None and naming:
        serial = listing.device_of(listing.source_profiles(naming[0], profiles)) or serial
    if serial is None or not serial.value:
        serial, naming = _of_the_roles(links.found, profiles)
    owners = [each for each in (*naming, links.source_profile) if each is not None]
    device, origins = mfa.device(serial, owners, request)
    if device is None:
        return None, ()
    return mfa.session_hop(device, origins, links.source_profile, request), tuple(naming)


def _of_the_roles(found: Found, profiles: Profiles) -> tuple[Setting | None, list[Profile]]:
    """Return the device that the roles of this source name, and the profiles of these roles.

    Raises:
        ConfigError: The roles name several devices.
    """
    naming: dict[str, list[tuple[Setting, Profile]]] = {}
    for name in profiles.names:
        profile = profiles.get(name)
        if profile is None or not sources.is_role(profile):
            continue
        line = listing.source_profiles(profile, profiles)
        device = listing.device_of(line)
        if device is not None and device.value and _begins_with(found, line):
            naming.setdefault(device.value, []).append((device, profile))
    if len(naming) > 1:
        raise ConfigError(
            f"the roles of {_words(found)} name {len(naming)} MFA devices: {listed([quoted(each) for each in naming])}",
            *(each[0][0].origin for each in naming.values()),
            hint="choose the one to log in with: --mfa-serial",
        )
    (only,) = naming.values() or ([],)
    return only[0][0] if only else None, [profile for _, profile in only]


def _begins_with(found: Found, line: list[Profile]) -> bool:
    """Tell whether a result of `listing.source_profiles` ends at the source *found*."""
    last = line[-1]
    if not sources.is_role(last) or (len(line) > 1 and sources.has_static_keys(last)):
        return last.name == found.source.profile
    return found.source.kind == "environment" and last.value("credential_source") == "Environment"


def _refuse_mfa(found: Found, request: RoleRequest) -> None:
    """Refuse a code or the option of a device for temporary credentials.

    A variable is no error: it is set for every role.
    """
    for field in ("code", "mfa_serial"):
        origin = request.origin(field)
        if getattr(request, field) is not None and (field == "code" or origin.name.startswith("-")):
            raise ConfigError(
                f"the credentials of {_words(found)} are temporary: AWS opens no MFA session with them",
                origin,
                hint="leave it out, or use --profile to name a source with the access key of a user",
            )


def _words(found: Found) -> str:
    name = found.source.profile
    return "the environment" if name is None else f"profile {quoted(name)}"
