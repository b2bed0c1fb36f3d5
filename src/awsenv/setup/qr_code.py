"""The key of a new MFA device as a QR code, for a terminal."""

from __future__ import annotations

import re
import textwrap
from itertools import zip_longest
from urllib.parse import quote

from awsenv import installation

_ISSUER = "AWS"
_QUIET_ZONE = 2
"""Modules. The standard demands four; readers are content with two, so that the code fits on 24 lines."""

# Black on white whatever the colours of the terminal: readers need dark on light, and themes leave the colours from 16
# on alone.
_COLOURS, _RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_HALVES = {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_GAP = "  "
_ROWS_BELOW = 8
"""What follows a QR code: the text, and two questions that may be repeated."""


def otpauth(user: str, account: str, seed: str) -> str:
    """Return the address that authenticator apps read out of a QR code (Key URI format).

    The label is USER@ACCOUNT, as in the codes of AWS's console; the issuer is short so that the code is small.

    Args:
        user: The name of the user.
        account: Twelve digits.
        seed: The key of the device in base32, as in the response of CreateVirtualMFADevice.
    """
    return f"otpauth://totp/{_ISSUER}:{quote(user, safe='@')}@{account}?secret={seed.rstrip('=')}&issuer={_ISSUER}"


def draw(uri: str) -> str | None:
    """Return the lines of a QR code for a terminal with 256 colours; None if segno is not installed.

    Each character is two modules, one above the other. There is no line end after the last line.
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


def laid_out(drawing: str | None, about: list[str], columns: int, rows: int) -> list[str]:
    """Return the lines that show a QR code, with the text below or beside it; the text alone if the code does not fit.

    Half a code is worse than none, and so is one whose first lines have scrolled away at the first question.
    """
    if drawing is None:
        command = installation.this().with_extra("setup")
        return [f"Type this key into an authenticator app. For a QR code, first run: {command}", *about]
    lines = drawing.split("\n")
    with_code = ["Scan this with an authenticator app, or type its key there:", *about]
    width = len(_ESCAPE.sub("", lines[0]))
    if columns >= width and rows >= len(lines) + _ROWS_BELOW:
        return [*lines, *with_code]
    room = columns - width - len(_GAP)
    text = (
        [part for line in with_code for part in textwrap.wrap(line, room)] if room >= len("authenticator app") else []
    )
    if rows > len(lines) >= len(text) > 0:
        return [line + _GAP + part for line, part in zip_longest(lines, text, fillvalue="")]
    return ["Type this key into an authenticator app (a larger terminal shows a QR code of it):", *about]
