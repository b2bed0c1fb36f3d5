"""MFA devices: which codes are right now, and which were used."""

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
"""Seconds that one code is the current one (RFC 6238)."""

_WRONG_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
# The two blanks are AWS's own.
_WRONG_DEVICE = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)


@dataclass(frozen=True)
class MfaDevice:
    """A virtual MFA device, as the app on a telephone has it."""

    serial: str
    _seed: str = field(repr=False)
    _clock: Clock = field(repr=False)

    def code(self) -> str:
        """Return the code of this moment."""
        return TOTP(self._seed).at(self._clock.now())

    def next_code(self) -> str:
        """Return the code of the next step, which the service takes already: clocks differ."""
        return TOTP(self._seed).at(self._clock.now() + timedelta(seconds=STEP))


class Devices:
    """Decides about codes. A code is accepted once (RFC 6238, 5.2), in its own step and one to either side."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._used: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()

    def create(self, account: str, user: str) -> MfaDevice:
        """Give *user* a device of the user's own name, enabled."""
        backend = self._directory.backend(account)
        virtual = backend.create_virtual_mfa_device(user, "/")
        device = MfaDevice(virtual.serial_number, virtual.base32_string_seed, self._clock)
        backend.enable_mfa_device(user, device.serial, device.code(), device.next_code())
        return device

    def validate(self, caller: Caller, serial: str, code: str) -> None:
        """Take *code*, which is then used.

        Raises:
            ServiceError: The device is not the user's, or the code is wrong or was used before.
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
        """Take two codes of steps that follow each other: with them a device is enabled.

        Raises:
            ServiceError: They are not the ones of now, or not two in a row.
        """
        with self._lock:
            # A person reads the first, waits for the second, and then types it.
            for begin in range(self._step() - 2, self._step() + 1):
                steps = {begin, begin + 1}
                codes = self._code(device, begin), self._code(device, begin + 1)
                if codes == (first, second) and not steps & self._used[serial]:
                    self._used[serial] |= steps
                    return
        raise ServiceError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)

    def forget(self, serial: str) -> None:
        """Forget the codes of a device that was deleted: one that is made anew has another seed."""
        self._used.pop(serial, None)

    def unused_code(self, account: str, user: str) -> str | None:
        """Return a code that will be taken now: of this step, else of the next, else of the last.

        None: the user has no device, or all three were used.
        """
        backend = self._directory.backend(account)
        holder = backend.users.get(user)
        for serial in holder.mfa_devices if holder else ():
            device = backend.virtual_mfa_devices.get(serial)
            for step in self._open_steps(serial) if device else ():
                return self._code(device, step)
        return None

    def _open_steps(self, serial: str) -> list[int]:
        now = self._step()
        return [step for step in (now, now + 1, now - 1) if step not in self._used[serial]]

    def _step(self) -> int:
        return int(self._clock.now().timestamp()) // STEP

    @staticmethod
    def _code(device: Any, step: int) -> str:
        return TOTP(device.base32_string_seed).generate_otp(step)
