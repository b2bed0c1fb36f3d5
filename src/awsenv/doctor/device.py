"""Whether the MFA device is there, and that of the user who asks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from awsenv.config.text import listed, printable
from awsenv.doctor.finding import Finding, Verdict
from awsenv.errors import AwsenvError

if TYPE_CHECKING:
    from awsenv.aws.iam import Iam
    from awsenv.doctor.iam import Readers
    from awsenv.doctor.principal import Principal
    from awsenv.model import Chain

CHECK = "MFA device"

_FIDO = ":u2f/"


class Devices(NamedTuple):
    """What a user has; `None`: nobody here may ask."""

    serials: tuple[str, ...] | None

    @property
    def showing_codes(self) -> tuple[str, ...]:
        """Those that STS can use."""
        return tuple(serial for serial in self.serials or () if _FIDO not in serial)


def devices(readers: Readers, principal: Principal) -> Devices:
    """Return the devices of a user."""
    for iam in readers.of(principal.account) if principal.kind == "user" else ():
        with suppress(AwsenvError):
            return Devices(_serials(iam, principal.name))
    return Devices(None)


def device(chain: Chain, principal: Principal, owned: Devices) -> Finding:
    """Say whether the device of *chain* is one of *principal*."""
    mfa = chain.hops[0].mfa if chain.hops else None
    if mfa is None:
        return Finding(CHECK, Verdict.FINE, "none is configured, and no code is asked for")
    origin = chain.hops[0].origins.get("mfa_serial")
    place = None if origin is None else str(origin)
    if principal.kind != "user":
        fact = f"{principal.title} is no user, and has no MFA device"
        return Finding(CHECK, Verdict.WRONG, fact, place, "remove mfa_serial, or name the profile of a user: --profile")
    if mfa.serial is None:
        return Finding(CHECK, Verdict.FINE, f"none is configured: the one of {principal.title} is looked up")
    return _of_user(mfa.serial, place, principal, owned)


def _of_user(serial: str, place: str | None, principal: Principal, owned: Devices) -> Finding:
    who = principal.title
    account = serial.split(":")[4] if serial.startswith("arn:") else principal.account
    choice = _choice(owned, principal)
    if account != principal.account:
        fact = f"it is of account {account}, and {who} is of account {principal.account}"
        return Finding(CHECK, Verdict.WRONG, fact, place, choice)
    if owned.serials is None:
        fact = f"{printable(serial)}; whether it is that of {who} may not be read"
        return Finding(CHECK, Verdict.UNKNOWN, fact, place)
    if serial in owned.serials:
        return Finding(CHECK, Verdict.FINE, f"{printable(serial)}, of {who}", place)
    return Finding(CHECK, Verdict.WRONG, f"{who} has no MFA device {printable(serial)}", place, choice)


def _choice(owned: Devices, principal: Principal) -> str:
    if owned.showing_codes:
        return f"set mfa_serial = {listed(list(map(printable, owned.showing_codes)))}"
    if owned.serials:
        return f"{principal.title} has FIDO keys alone, which show no codes: awsenv setup adds a device that does"
    if owned.serials is not None:
        return f"{principal.title} has no MFA device at all: awsenv setup adds one"
    return f"set mfa_serial to a device of {principal.title}: aws iam list-mfa-devices shows them"


def _serials(iam: Iam, user: str) -> tuple[str, ...]:
    return tuple(str(each["SerialNumber"]) for each in iam.read_all("list_mfa_devices", "MFADevices", UserName=user))
