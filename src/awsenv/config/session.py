"""MFA once a day: the session that `awsenv login` opens, and the chain that goes by way of it.

A session of GetSessionToken that was opened with a code carries MFA, and so satisfies a role's condition on it (IAM
guide, "Configuring MFA-protected API access"). What is assumed with it counts as chained: one hour at most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.config import limits, listing, mfa, names, regions, resolution, route, sources
from awsenv.config.text import listed, quoted
from awsenv.errors import ConfigError
from awsenv.model import MAX_CHAINED_DURATION, Chain, GetSessionToken, Mfa, Note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.config.profiles import Profile, Profiles, Setting
    from awsenv.config.sources import Found
    from awsenv.model import AssumeRole, Environ, Hop, RoleRequest
    from awsenv.origin import Origin


def through_session(chain: Chain, *, held: bool = False) -> Chain | None:
    """Return the same chain by way of an MFA session, for which no code is needed while the session lasts.

    A profile that asks for more than an hour gets an hour, and a note.

    Args:
        chain: The chain as it was resolved.
        held: Whether a session of this source is at hand, of whichever device. Then it also serves a role for which
            no device is configured, and which may want MFA nonetheless.

    Returns:
        The chain: unchanged where its first hop is made without MFA, or is that session. None where a code is needed
        all the same: an option or a variable asks for more than an hour, which AWS grants only to a code; it asks for
        a session of another duration; or the device is not known.
    """
    first = chain.hops[0] if chain.hops else None
    if isinstance(first, GetSessionToken):
        needs_code = _was_typed(first) or (first.mfa.serial is None and not held)
        return None if needs_code else chain
    if first is None or (first.mfa is None and (not held or _is_long(first))):
        return chain
    if (first.mfa is None or first.mfa.serial is None) and not held:
        return None
    if _is_long(first) and _was_typed(first):
        return None
    session = GetSessionToken(first.mfa or Mfa(None), origins=_of_the_device(first.origins))
    return replace(chain, hops=(session, _within_an_hour(first), *chain.hops[1:]))


def _was_typed(hop: Hop) -> bool:
    """Tell whether an option or a variable set the duration. Only what stands in a file has a line."""
    asked = hop.origins.get("duration")
    return asked is not None and asked.line is None


def _is_long(hop: AssumeRole) -> bool:
    return hop.duration is not None and hop.duration > MAX_CHAINED_DURATION


def _of_the_device(origins: Mapping[str, Origin]) -> dict[str, Origin]:
    return {field: origin for field, origin in origins.items() if field in {"mfa_serial", "mfa_process"}}


def _within_an_hour(hop: AssumeRole) -> AssumeRole:
    """Return *hop* without MFA, and for as long as AWS grants it to a session."""
    device = _of_the_device(hop.origins)
    hop = replace(hop, mfa=None, origins={field: each for field, each in hop.origins.items() if field not in device})
    if not _is_long(hop):
        return hop
    note = Note(
        f"{hop.duration} seconds cut to {MAX_CHAINED_DURATION}, "
        "the most that AWS grants a role by way of an MFA session; awsenv renews it",
        hop.origins["duration"],
    )
    return replace(hop, duration=MAX_CHAINED_DURATION, notes=(*hop.notes, note))


def resolve_login(request: RoleRequest, profiles: Profiles, environ: Environ) -> Chain:
    """Return what `awsenv login` does: a source, and the MFA session of its user, if it is one with MFA.

    The device is the one that was asked for, else that of the role that was named, or of the source profile, else the
    one that all roles of this source name. With a code and no device anywhere it is left to be found.

    Args:
        request: `profile`, or `role`, names the source, or a role whose source is meant; neither: the source is the
            one of a role that is typed. `code`, `mfa_serial`, `duration` and `region` count besides.
        profiles: What the files say.
        environ: The environment of the caller without what awsenv itself has put there.

    Raises:
        ConfigError: No such profile, several devices and none chosen, a code for credentials that open no session,
            or a value that AWS would refuse.
        SourceError: There are no credentials to begin with.
        MfaError: The code is not six digits.
    """
    if request.code is not None:
        limits.mfa_code(request.code)
    if request.duration is not None:
        limits.in_range(request.duration, limits.MAX_SESSION_DURATION, request.origin("duration"))
    way = route.find_source(request, profiles, environ)
    source = way.source_profile
    own = [source] if source is not None else list(way.profiles[-1:])
    hop, naming = _session(way, request, profiles)
    hops = () if hop is None else (hop,)
    region = resolution.region_of(request, (*own, *naming), environ)
    partition = regions.WITHOUT_REGION if region is None else regions.partition(*region)
    resolution.check_partition(way._replace(steps=()), hops, partition, region)
    name = way.found.source.profile or "environment"
    asked = route.source_name(request)
    return Chain(
        source=way.found.source,
        hops=hops,
        role=name,
        label=names.label(name),
        region=None if region is None else region[0],
        settings_profile=own[0].name if own else None,
        origins={
            **({} if asked is None else {"role": asked.origin}),
            **({} if region is None else {"region": region[1]}),
        },
    )


def _session(
    way: route.Route, request: RoleRequest, profiles: Profiles
) -> tuple[GetSessionToken | None, tuple[Profile, ...]]:
    """Return the hop that opens the session, and the role profiles that named the device."""
    if not way.found.may_be_long_term:
        _refuse_mfa(way.found, request)
        return None, ()
    naming = list(way.profiles[:1]) if way.steps else []
    serial = mfa.first_serial(way, request)
    if request.mfa_serial is None and naming:
        serial = listing.device_of(listing.way_of(naming[0], profiles)) or serial
    if serial is None or not serial.value:
        serial, naming = _of_the_roles(way.found, profiles)
    owners = [each for each in (*naming, way.source_profile) if each is not None]
    device, origins = mfa.device(serial, owners, request)
    if device is None:
        return None, ()
    return mfa.session_hop(device, origins, way.source_profile, request), tuple(naming)


def _of_the_roles(found: Found, profiles: Profiles) -> tuple[Setting | None, list[Profile]]:
    """Return the device that the roles of this source name, and the profiles of these roles.

    Raises:
        ConfigError: They name several.
    """
    naming: dict[str, list[tuple[Setting, Profile]]] = {}
    for name in profiles.names:
        profile = profiles.get(name)
        if profile is None or not sources.is_role(profile):
            continue
        way = listing.way_of(profile, profiles)
        device = listing.device_of(way)
        if device is not None and device.value and _begins_with(found, way):
            naming.setdefault(device.value, []).append((device, profile))
    if len(naming) > 1:
        raise ConfigError(
            f"the roles of {_words(found)} name {len(naming)} MFA devices: {listed([quoted(each) for each in naming])}",
            *(each[0][0].origin for each in naming.values()),
            hint="choose the one to log in with: --mfa-serial",
        )
    (only,) = naming.values() or ([],)
    return only[0][0] if only else None, [profile for _, profile in only]


def _begins_with(found: Found, way: list[Profile]) -> bool:
    """Tell whether a way of `listing.way_of` leads to the source *found*."""
    last = way[-1]
    if not sources.is_role(last) or (len(way) > 1 and sources.has_static_keys(last)):
        return last.name == found.source.profile
    return found.source.kind == "environment" and last.value("credential_source") == "Environment"


def _refuse_mfa(found: Found, request: RoleRequest) -> None:
    """Refuse a code, or a device that was typed, for credentials that are not a user's own key.

    A variable may stay: it speaks of whichever role comes next.
    """
    for field in ("code", "mfa_serial"):
        origin = request.origin(field)
        if getattr(request, field) is not None and (field == "code" or origin.name.startswith("-")):
            raise ConfigError(
                f"the credentials of {_words(found)} are temporary: AWS opens no MFA session with them",
                origin,
                hint="leave it out, or name a source that holds the access key of a user with --profile",
            )


def _words(found: Found) -> str:
    name = found.source.profile
    return "the environment" if name is None else f"profile {quoted(name)}"
