"""MFA devices: the codes that are valid now, and those already used."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyotp import TOTP

from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Caller, Directory

STEP = 30
"""How long each code is current, in seconds (RFC 6238)."""

_WRONG_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
# AWS sends two blanks here.
_WRONG_DEVICE = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)


@dataclass(frozen=True)
class MfaDevice:
    """A virtual MFA device, as in an authenticator app."""

    serial: str
    _seed: str = field(repr=False)
    _clock: Clock = field(repr=False)

    def code(self) -> str:
        """Return the current code."""
        return TOTP(self._seed).at(self._clock.now())

    def next_code(self) -> str:
        """Return the next code, which the service already accepts because clocks differ."""
        return TOTP(self._seed).at(self._clock.now() + timedelta(seconds=STEP))


class Devices:
    """Checks codes. Each is valid once (RFC 6238, 5.2), while it is current and for one step before and after."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._used: dict[str, set[int]] = defaultdict(set)
        self._handed_out: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()

    def create(self, account: str, user: str) -> MfaDevice:
        """Create and enable a device with the name of *user*."""
        backend = self._directory.backend(account)
        virtual = backend.create_virtual_mfa_device(user, "/")
        device = MfaDevice(virtual.serial_number, virtual.base32_string_seed, self._directory.clock)
        backend.enable_mfa_device(user, device.serial, device.code(), device.next_code())
        return device

    def validate(self, caller: Caller, serial: str, code: str) -> None:
        """Check *code* and mark it as used.

        Raises:
            ServiceError: The device belongs to someone else, or the code is wrong or was used before.
        """
        backend = self._directory.backend(caller.account)
        device = backend.virtual_mfa_devices.get(serial)
        holder = None if caller.user is None else backend.users.get(caller.user)
        if device is None or holder is None or serial not in holder.mfa_devices:
            raise ServiceError("AccessDenied", _WRONG_DEVICE, 403)
        with self._lock:
            step = next((step for step in self._open_steps(serial) if self._code(device, step) == code), None)
            if step is None:
                raise ServiceError("AccessDenied", _WRONG_CODE, 403)
            self._used[serial].add(step)

    def take_two(self, device: Any, serial: str, first: str, second: str) -> None:
        """Check two consecutive codes, which enable a device, and mark them as used.

        Raises:
            ServiceError: They are not current, not consecutive, or were used before.
        """
        with self._lock:
            # The first may be older: the user waits for the second, and then types it.
            for begin in range(self._step() - 2, self._step() + 1):
                steps = {begin, begin + 1}
                codes = self._code(device, begin), self._code(device, begin + 1)
                if codes == (first, second) and not steps & self._used[serial]:
                    self._used[serial] |= steps
                    return
        raise ServiceError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)

    def forget(self, serial: str) -> None:
        """Forget the used codes of a deleted device: a new one with the same serial number has another seed."""
        self._used.pop(serial, None)
        self._handed_out.pop(serial, None)

    def of(self, account: str) -> dict[str, Any]:
        """Return moto's virtual devices of *account* by name, in the order of their creation, enabled or not."""
        devices = self._directory.backend(account).virtual_mfa_devices.values()
        return {device.serial_number.partition(":mfa/")[2]: device for device in devices}

    def hand_out(self, device: Any) -> str | None:
        """Return the current code of *device*, or the next one; None: both were used, or handed out before.

        The previous code is none to hand out: it may end before it is typed.
        """
        serial = device.serial_number
        with self._lock:
            now = self._step()
            for step in (now, now + 1):
                if step not in self._used[serial] | self._handed_out[serial]:
                    self._handed_out[serial].add(step)
                    return self._code(device, step)
        return None

    def seconds_to_next(self) -> int:
        """Return how long the current code lasts."""
        return STEP - int(self._directory.clock.now().timestamp()) % STEP

    def _open_steps(self, serial: str) -> list[int]:
        now = self._step()
        return [step for step in (now, now + 1, now - 1) if step not in self._used[serial]]

    def _step(self) -> int:
        return int(self._directory.clock.now().timestamp()) // STEP

    @staticmethod
    def _code(device: Any, step: int) -> str:
        return TOTP(device.base32_string_seed).generate_otp(step)
