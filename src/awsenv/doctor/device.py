"""Whether the MFA device exists, and belongs to the user who assumes the role."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.trust import placed
from awsenv.errors import AwsenvError
from awsenv.iam.device import account, serials, showing_codes
from awsenv.iam.principal import USER
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from awsenv.doctor.iam import Readers
    from awsenv.iam.principal import Principal
    from awsenv.model import Chain

CHECK = "MFA device"

Devices = tuple[str, ...] | None
"""The serial numbers of a user's devices; None: nobody here may read them."""


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
        return Finding(CHECK, Verdict.FINE, "none is configured, and no code is asked for")
    place, who = placed(chain.hops[0], "mfa_serial"), principal.title
    if principal.kind != USER:
        fact = f"{who} is not a user, and has no MFA device"
        return Finding(CHECK, Verdict.WRONG, fact, place, "remove mfa_serial, or name the profile of a user: --profile")
    if mfa.serial is None:
        return Finding(CHECK, Verdict.FINE, f"none is configured: that of {who} is looked up")
    return _of_user(mfa.serial, place, principal, owned, code_works=code_works)


def _of_user(serial: str, place: str | None, principal: Principal, owned: Devices, *, code_works: bool) -> Finding:
    shown, who, owner = printable(serial), principal.title, account(serial) or principal.account
    if owner != principal.account:
        fact = f"it is of account {owner}, and {who} is of account {principal.account}"
        return Finding(CHECK, Verdict.WRONG, fact, place, _choice(owned, principal))
    if owned is None and code_works:
        return Finding(CHECK, Verdict.FINE, f"{shown}, and AWS accepts its codes", place)
    if owned is None:
        return Finding(CHECK, Verdict.UNKNOWN, f"{shown}; {who} is not allowed to list its devices", place)
    if serial in owned:
        return Finding(CHECK, Verdict.FINE, f"{shown}, of {who}", place)
    return Finding(CHECK, Verdict.WRONG, f"{who} has no MFA device {shown}", place, _choice(owned, principal))


def _choice(owned: Devices, principal: Principal) -> str:
    if owned is None:
        return f"set mfa_serial to a device of {principal.title}: aws iam list-mfa-devices shows them"
    if usable := showing_codes(owned):
        return f"set mfa_serial = {listed(list(map(printable, usable)))}"
    if owned:
        return f"{principal.title} has FIDO keys alone, which show no codes: awsenv setup adds a device that does"
    return f"{principal.title} has no MFA device: awsenv setup adds one"
