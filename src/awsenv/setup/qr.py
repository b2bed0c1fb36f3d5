"""The key of a new MFA device as a QR code that a terminal shows and a telephone reads."""

from __future__ import annotations

from itertools import zip_longest
from urllib.parse import quote

_ISSUER = "AWS"
_QUIET_ZONE = 2
"""Modules. The standard wants four; readers are content with two, and so the code fits on 24 lines."""

# Black on white whatever the colours of the terminal are: readers want dark on light, and themes leave the colours from
# 16 on alone.
_COLOURS, _RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_HALVES = {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}


def otpauth(user: str, account: str, seed: str) -> str:
    """Return the address that authenticator apps read out of a QR code (Key URI format).

    The label is USER@ACCOUNT, as in the codes of AWS's console; the issuer is short so that the code is small.

    Args:
        user: The name of the user.
        account: Twelve digits.
        seed: The key of the device in base32, as CreateVirtualMFADevice gives it.
    """
    return f"otpauth://totp/{_ISSUER}:{quote(user, safe='@')}@{account}?secret={seed.rstrip('=')}&issuer={_ISSUER}"


def draw(uri: str) -> str | None:
    """Return the lines of a QR code for a terminal with 256 colours; None where segno is not installed.

    Each character is two modules, one above the other. The lines have no line end after the last.
    """
    try:
        import segno  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    rows = [tuple(row) for row in segno.make(uri, error="l", micro=False).matrix_iter(border=_QUIET_ZONE)]
    # An odd last row gets light below it.
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=(0,) * len(rows[0]))
    return "\n".join(
        f"{_COLOURS}{''.join(_HALVES[halves] for halves in zip(*pair, strict=True))}{_RESET}" for pair in pairs
    )
