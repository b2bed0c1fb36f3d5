"""MFA devices, by their serial numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.iam.principal import Principal


def serials(devices: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the serial numbers in a response of ListMFADevices."""
    return tuple(str(device["SerialNumber"]) for device in devices if device.get("SerialNumber"))


def showing_codes(found: Iterable[str]) -> tuple[str, ...]:
    """Return the serial numbers of the devices that show codes, which FIDO keys and passkeys do not."""
    return tuple(serial for serial in found if ":u2f/" not in serial)


def own_serial(principal: Principal) -> str:
    """Return the serial number of the virtual device with the name of the user, once the default of the console."""
    return f"arn:{principal.partition}:iam::{principal.account}:mfa/{principal.name}"


def account(serial: str) -> str | None:
    """Return the account of a virtual device or FIDO key; None: the serial number of a hardware device has none."""
    return serial.split(":")[4] if serial.startswith("arn:") else None
