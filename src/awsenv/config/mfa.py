"""Which hop uses an MFA device, and which device.

Only the first hop can: the credentials of AssumeRole carry no MFA (IAM guide, "Configuring MFA-protected API access"),
and AWS accepts a code once. botocore prompts again for each `mfa_serial` of a chain, and the second call fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.config import limits
from awsenv.config.profiles import Setting
from awsenv.model import MAX_CHAINED_DURATION, AssumeRole, GetSessionToken, Mfa, Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from awsenv.config.links import Link, Links
    from awsenv.config.profiles import Profile
    from awsenv.model import Chain, Hop, RoleRequest

_ONLY_FIRST = (
    "only the first role of a chain can be assumed with an MFA code; a later role never meets a condition on MFA"
)
_ROLES_HAVE_NONE = "the source credentials are those of a role, which has no MFA device"


def device_of(links: Links, request: RoleRequest) -> Mfa:
    """Return the device of a chain, not checked yet: the one rule, for a role, a login and a list of roles.

    It is the requested one, else that of the first role's profile, else that of the source profile (where users of
    aws-vault keep it), else that of a later role if the source may be the access key of a user. An empty `mfa_serial`
    means that the role needs no device.
    """
    nearest = (*(link.profile for link in links.roles[:1]), links.source_profile)
    owners = tuple(profile for profile in nearest if profile is not None)
    if request.mfa_serial is not None:
        return device(Setting(request.mfa_serial, request.origin("mfa_serial")), owners)
    own = next((each.settings["mfa_serial"] for each in owners if "mfa_serial" in each.settings), None)
    if own is None and links.found.may_be_long_term:
        for link in links.roles[1:]:
            if link.profile is not None and link.profile.value("mfa_serial"):
                return device(link.mfa_serial, (link.profile, *owners))
    return device(own, owners)


def device(serial: Setting | None, owners: Iterable[Profile]) -> Mfa:
    """Return a device, with the command that the first of *owners* sets for its codes. Nothing is checked."""
    process = next((each.settings["mfa_process"] for each in owners if each.value("mfa_process")), None)
    settings = {"mfa_serial": serial, "mfa_process": process}
    return Mfa(
        "" if serial is None else serial.value,
        None if process is None else process.value,
        {name: setting.origin for name, setting in settings.items() if setting is not None and setting.value},
    )


def with_mfa(hops: tuple[AssumeRole, ...], links: Links, request: RoleRequest) -> tuple[AssumeRole, ...]:
    """Return *hops* with the MFA device on the first, and a note for each configured device that is not used.

    Raises:
        ConfigError: The device shows no codes.
    """
    device = device_of(links, request)
    used: Mfa | None
    if links.found.is_of_a_role:
        given = [device.origins["mfa_serial"]] if device.serial else []
        given += [request.origin("code")] if request.code else []
        unused = tuple(Note(f"not used; {_ROLES_HAVE_NONE}", origin) for origin in given)
        first, used = replace(hops[0], notes=(*hops[0].notes, *unused)), None
    else:
        used = _checked(device, request)
        first = replace(hops[0], mfa=used)
    later = zip(hops[1:], links.roles[1:], strict=True)
    return (first, *(replace(hop, notes=(*hop.notes, *_of_later(link, used))) for hop, link in later))


def _of_later(link: Link, used: Mfa | None) -> Iterator[Note]:
    """Yield a note on the device of a later role, which may require MFA."""
    own = link.mfa_serial
    if own is None or not own.value:
        return
    how = "not used"
    if used is not None and own.value == used.serial:
        how = f"used for the first role {'instead' if own.origin == used.origins['mfa_serial'] else 'only'}"
    yield Note(f"{how}; {_ONLY_FIRST}", own.origin)


def session_hops(device: Mfa, source: Profile | None, request: RoleRequest) -> tuple[GetSessionToken, ...]:
    """Return the hop that opens the MFA session of a user; none without a device and a code.

    Args:
        device: The device, as `device_of` returns it.
        source: The profile that holds the access key; None: the environment holds it.
        request: The request.

    Raises:
        ConfigError: AWS does not grant that duration, or the device shows no codes.
    """
    mfa = _checked(device, request)
    if mfa is None:
        return ()
    duration, origins = None, {}
    setting = None if source is None else source.settings.get("duration_seconds")
    if request.duration is not None:
        duration, origins["duration"] = request.duration, request.origin("duration")
    elif setting is not None:
        duration, origins["duration"] = limits.duration(setting.value, setting.origin), setting.origin
    if duration is not None:
        limits.in_range(duration, limits.MAX_SESSION_DURATION, origins["duration"])
    return (GetSessionToken(mfa, duration, origins=origins),)


def _checked(device: Mfa, request: RoleRequest) -> Mfa | None:
    """Return the device; None: the request has neither a device nor a code.

    Raises:
        ConfigError: The device shows no codes, or `mfa_process` is not one printable line.
    """
    if device.serial:
        limits.mfa_serial(device.serial, device.origins["mfa_serial"])
    elif request.code is None:
        return None
    if device.process is not None and not device.process.isprintable():
        fact, hint = "mfa_process holds a line break or a control character", "write the whole command on one line"
        raise limits.refused(fact, device.process, device.origins["mfa_process"], hint)
    return device


def through_session(chain: Chain, *, held: bool = False) -> Chain | None:
    """Return the same chain through an MFA session, which needs no code while the session lasts.

    The duration of a profile is cut to an hour, with a note.

    Args:
        chain: A result of `resolve`.
        held: Whether an MFA session of this source is held, of any device. Then a role without a configured device also
            uses it, because the role may still require MFA.

    Returns:
        The chain, unchanged if its first hop needs no MFA or is that session. None if a code is needed anyway: an
        option or a variable sets more than an hour, which AWS grants only with a code, or for an MFA session of
        another duration; or the device is not known.
    """
    first = chain.hops[0] if chain.hops else None
    if first is None:
        return chain
    is_known = held or (first.mfa is not None and first.mfa.serial)
    if isinstance(first, GetSessionToken):
        return chain if is_known and not _was_typed(first) else None
    is_long = first.duration is not None and first.duration > MAX_CHAINED_DURATION
    if first.mfa is None and (is_long or not held):
        return chain
    if not is_known or (is_long and _was_typed(first)):
        return None
    role = replace(first, mfa=None)
    if is_long:
        fact = (
            f"{first.duration} seconds cut to {MAX_CHAINED_DURATION}, "
            "the most that AWS grants a role through an MFA session; awsenv renews it"
        )
        note = Note(fact, first.origins["duration"])
        role = replace(role, duration=MAX_CHAINED_DURATION, notes=(*role.notes, note))
    return replace(chain, hops=(GetSessionToken(first.mfa or Mfa()), role, *chain.hops[1:]))


def _was_typed(hop: Hop) -> bool:
    """Return whether an option or a variable set the duration. Only an origin in a file has a line."""
    origin = hop.origins.get("duration")
    return origin is not None and origin.line is None
