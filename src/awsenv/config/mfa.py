"""Which hop uses an MFA device, and which device.

Only the first hop can: the credentials of AssumeRole carry no MFA (IAM guide, "Configuring MFA-protected API access"),
and AWS accepts a code once. botocore asks again for each `mfa_serial` of a chain, and the second call fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.config import limits
from awsenv.config.profiles import Setting
from awsenv.errors import ConfigError
from awsenv.model import MAX_CHAINED_DURATION, AssumeRole, GetSessionToken, Mfa, Note
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.config.links import Links
    from awsenv.config.profiles import Profile
    from awsenv.model import Chain, Hop, RoleRequest
    from awsenv.origin import Origin

_ONLY_FIRST = (
    "only the first role of a chain can be assumed with an MFA code; a later role never meets a condition on MFA"
)
_ROLES_HAVE_NONE = "the source credentials are those of a role, which has no MFA device"


def with_mfa(hops: tuple[AssumeRole, ...], links: Links, request: RoleRequest) -> tuple[AssumeRole, ...]:
    """Return *hops* with the MFA device on the first, and a note for each configured device that is not used.

    The device is the requested one, else that of the first role's profile, else that of the source profile
    (where users of aws-vault keep it), else that of a later hop if the source may be the access key of a user. An empty
    `mfa_serial` means that the role needs no device.

    Raises:
        ConfigError: The device shows no codes.
    """
    first, *rest = hops
    later = [_own(role.profile) for role in links.roles[1:]]
    serial = first_serial(links, request)
    if links.found.is_of_a_role:
        used = None
        first = _without(first, serial, request)
    else:
        first, used = _presenting(first, serial, later, links, request)
    moved = first.origins.get("mfa_serial")
    return (first, *(_without_device(hop, setting, used, moved) for hop, setting in zip(rest, later, strict=True)))


def session_token(links: Links, request: RoleRequest) -> tuple[GetSessionToken, ...]:
    """Return the hop of a profile that is not a role: the MFA session of its user, if the user has a device.

    Raises:
        ConfigError: The request has a code, but the profile does not hold the access key of a user.
    """
    found, profile = links.found, links.profiles[0]
    if found.source.kind != "static" or found.has_token:
        if request.code is None:
            return ()
        raise ConfigError(
            f"profile {quoted(profile.name)} cannot use an MFA code: it is not a role, and has no access key of a user",
            request.origin("code"),
            hint="leave the code out",
        )
    mfa, origins = device(first_serial(links, request), [profile], request)
    return () if mfa is None else (session_hop(mfa, origins, profile, request),)


def session_hop(
    mfa: Mfa, origins: Mapping[str, Origin], profile: Profile | None, request: RoleRequest
) -> GetSessionToken:
    """Return the hop that opens the MFA session of the user whose key *profile* holds.

    Args:
        mfa: The device.
        origins: Where its settings come from.
        profile: The source; None: the environment holds the key.
        request: The request.

    Raises:
        ConfigError: AWS does not grant that duration.
    """
    duration, origins = None, dict(origins)
    setting = None if profile is None else profile.settings.get("duration_seconds")
    if request.duration is not None:
        origins["duration"] = request.origin("duration")
        duration = request.duration
    elif setting is not None:
        origins["duration"] = setting.origin
        duration = limits.duration(setting.value, setting.origin)
    if duration is not None:
        limits.in_range(duration, limits.MAX_SESSION_DURATION, origins["duration"])
    return GetSessionToken(mfa, duration, origins=origins)


def _own(profile: Profile | None) -> Setting | None:
    return None if profile is None else profile.settings.get("mfa_serial")


def first_serial(links: Links, request: RoleRequest) -> Setting | None:
    """Return the requested device, else that of the first role's profile, else that of the source profile."""
    if request.mfa_serial is not None:
        return Setting(request.mfa_serial, request.origin("mfa_serial"))
    own = _own(links.roles[0].profile) if links.roles else None
    return own or _own(links.source_profile)


def _presenting(
    hop: AssumeRole, serial: Setting | None, later: list[Setting | None], links: Links, request: RoleRequest
) -> tuple[AssumeRole, str | None]:
    """Return the first hop with its device, and the serial of the device."""
    profiles = [links.roles[0].profile, links.source_profile]
    if serial is None and links.found.may_be_long_term:
        moved = next(((n, s) for n, s in enumerate(later, start=1) if s is not None and s.value), None)
        if moved is not None:
            number, serial = moved
            profiles.insert(0, links.roles[number].profile)
            hop = _noted(hop, Note(f"used for the first role instead; {_ONLY_FIRST}", serial.origin))
    mfa, origins = device(serial, [profile for profile in profiles if profile is not None], request)
    return replace(hop, mfa=mfa, origins={**hop.origins, **origins}), None if mfa is None else mfa.serial


def device(
    serial: Setting | None, profiles: list[Profile], request: RoleRequest
) -> tuple[Mfa | None, dict[str, Origin]]:
    """Return the device and the origins of its settings; None: the request has neither a device nor a code.

    Args:
        serial: The device, if one is configured.
        profiles: Where to look for `mfa_process`, in this order.
        request: The request.

    Raises:
        ConfigError: The device shows no codes, or `mfa_process` is not one printable line.
    """
    if serial is not None and serial.value:
        checked, origins = limits.mfa_serial(serial.value, serial.origin), {"mfa_serial": serial.origin}
    elif request.code is not None:
        checked, origins = None, {}
    else:
        return None, {}
    process = next((p.settings["mfa_process"] for p in profiles if p.value("mfa_process")), None)
    if process is None:
        return Mfa(checked), origins
    if not process.value.isprintable():
        fact = "mfa_process holds a line break or a control character"
        raise limits.refused(fact, process.value, process.origin, "write the whole command on one line")
    return Mfa(checked, process.value), {**origins, "mfa_process": process.origin}


def _without(hop: AssumeRole, serial: Setting | None, request: RoleRequest) -> AssumeRole:
    unused = [] if serial is None or not serial.value else [serial.origin]
    if request.code is not None:
        unused.append(request.origin("code"))
    return _noted(hop, *(Note(f"not used; {_ROLES_HAVE_NONE}", origin) for origin in unused))


def _noted(hop: AssumeRole, *notes: Note) -> AssumeRole:
    return replace(hop, notes=(*hop.notes, *notes))


def _without_device(hop: AssumeRole, setting: Setting | None, used: str | None, moved: Origin | None) -> AssumeRole:
    """Add a note that the device of a later hop is not used there: its role may require MFA."""
    if setting is None or not setting.value or setting.origin == moved:
        return hop
    how = "used for the first role only" if setting.value == used else "not used"
    return _noted(hop, Note(f"{how}; {_ONLY_FIRST}", setting.origin))


def through_session(chain: Chain, *, held: bool = False) -> Chain | None:
    """Return the same chain through an MFA session, which needs no code while the session lasts.

    A profile that asks for more than an hour gets an hour, and a note.

    Args:
        chain: A result of `resolve`.
        held: Whether an MFA session of this source is held, of any device. Then a role without a configured device also
            uses it, because the role may still require MFA.

    Returns:
        The chain, unchanged if its first hop needs no MFA or is that session. None if a code is needed anyway: an
        option or a variable asks for more than an hour, which AWS grants only with a code, or for an MFA session of
        another duration; or the device is not known.
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
    """Tell whether an option or a variable set the duration. Only an origin in a file has a line."""
    origin = hop.origins.get("duration")
    return origin is not None and origin.line is None


def _is_long(hop: AssumeRole) -> bool:
    return hop.duration is not None and hop.duration > MAX_CHAINED_DURATION


def _of_the_device(origins: Mapping[str, Origin]) -> dict[str, Origin]:
    return {field: origin for field, origin in origins.items() if field in {"mfa_serial", "mfa_process"}}


def _within_an_hour(hop: AssumeRole) -> AssumeRole:
    """Return *hop* without MFA, with the longest duration that AWS grants through an MFA session."""
    device = _of_the_device(hop.origins)
    hop = replace(hop, mfa=None, origins={field: each for field, each in hop.origins.items() if field not in device})
    if not _is_long(hop):
        return hop
    note = Note(
        f"{hop.duration} seconds cut to {MAX_CHAINED_DURATION}, "
        "the most that AWS grants a role through an MFA session; awsenv renews it",
        hop.origins["duration"],
    )
    return replace(hop, duration=MAX_CHAINED_DURATION, notes=(*hop.notes, note))
