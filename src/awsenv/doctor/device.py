"""Whether the MFA device exists, and belongs to the user who assumes the role."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv.doctor.model import fine, unknown, wrong
from awsenv.errors import AwsenvError
from awsenv.iam.device import account, serials, showing_codes
from awsenv.iam.principal import USER
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from awsenv.doctor.model import Finding
    from awsenv.doctor.source import Readers
    from awsenv.iam.principal import Principal
    from awsenv.model import Chain
    from awsenv.origin import Origin

CHECK = "MFA device"

Devices = tuple[str, ...] | None
"""The serial numbers of a user's devices; None: nobody here is allowed to list them."""


def read(readers: Readers, principal: Principal) -> Devices:
    """Return the devices of a user."""
    for iam in readers.of(principal.account) if principal.kind == USER else ():
        with suppress(AwsenvError):
            return serials(iam.read_all("list_mfa_devices", "MFADevices", UserName=principal.name))
    return None


def finding(chain: Chain, principal: Principal, owned: Devices, *, code_works: bool = False) -> Finding:
    """Say whether the device of *chain* is one of *principal*.

    Args:
        chain: The chain.
        principal: The owner of its source credentials.
        owned: The principal's devices.
        code_works: Whether AWS has accepted a code of the device.
    """
    mfa = chain.hops[0].mfa if chain.hops else None
    if mfa is None:
        return fine(CHECK, "none is configured, so no code is needed")
    origin, who = chain.hops[0].origins.get("mfa_serial"), principal.title
    if principal.kind != USER:
        hints = ("remove mfa_serial", "name the profile of a user: --profile")
        return wrong(CHECK, f"{who} is not a user, and has no MFA device", *hints, origins=[origin])
    if mfa.serial is None:
        return fine(CHECK, f"none is configured: awsenv looks up that of {who}")
    return _of_user(mfa.serial, origin, principal, owned, code_works=code_works)


def _of_user(serial: str, origin: Origin | None, principal: Principal, owned: Devices, *, code_works: bool) -> Finding:
    shown, who, owner = printable(serial), principal.title, account(serial) or principal.account
    if owner != principal.account:
        fact = f"it belongs to account {owner}, and {who} to account {principal.account}"
        return wrong(CHECK, fact, _choice(owned, principal), origins=[origin])
    if owned is None and code_works:
        return fine(CHECK, f"{shown}, and AWS accepts its codes", origins=[origin])
    if owned is None:
        return unknown(CHECK, f"{shown}; {who} is not allowed to list its devices", origins=[origin])
    if serial in owned:
        return fine(CHECK, f"{shown}, of {who}", origins=[origin])
    return wrong(CHECK, f"{who} has no MFA device {shown}", _choice(owned, principal), origins=[origin])


def _choice(owned: Devices, principal: Principal) -> str:
    if owned is None:
        return f"set mfa_serial to a device of {principal.title}: aws iam list-mfa-devices shows them"
    if usable := showing_codes(owned):
        return f"set mfa_serial = {listed(list(map(printable, usable)))}"
    if owned:
        return f"{principal.title} has only FIDO keys, which show no codes: awsenv setup adds a device that does"
    return f"{principal.title} has no MFA device: awsenv setup adds one"
