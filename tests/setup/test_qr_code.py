"""The QR code of `awsenv setup`: a phone reads exactly what is drawn on the terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awsenv.setup.qr_code import draw, laid_out, otpauth

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = "QWERTYUIOPASDFGHJKLZXCVBNM234567" * 2
USERS = st.text(st.sampled_from("abcXYZ019_+=,.@-"), min_size=1, max_size=64)


@pytest.mark.parametrize("theme", ["dark", "light"])
@given(user=USERS, seed=st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), min_size=64, max_size=64))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_qr_code_is_readable(user: str, seed: str, theme: str, decode: Callable[..., str]) -> None:
    """A QR code of any user and key is readable on a dark and a light terminal, with text around it."""
    uri = otpauth(user, "123456789012", seed)
    drawn = draw(uri)

    assert drawn is not None
    assert uri == decode(f"Scan it:\n{drawn}\nor type {seed}\n", theme)


@given(user=USERS)
def test_an_app_gets_the_key_the_user_and_the_account(user: str) -> None:
    """An app finds the key, the user and the account, whatever characters the user's name has."""
    uri = otpauth(user, "123456789012", SEED)
    parsed = pyotp.parse_uri(uri)

    assert (SEED, f"{user}@123456789012", "AWS") == (parsed.secret, parsed.name, parsed.issuer)
    assert f"/AWS:{user}@123456789012" == unquote(urlsplit(uri).path)
    assert {"secret": [SEED], "issuer": ["AWS"]} == parse_qs(urlsplit(uri).query)


def test_the_uri_follows_the_key_uri_format() -> None:
    """The URI leaves out the padding of the key, as the format demands."""
    assert "otpauth://totp/AWS:jane%2Bx@acme@123456789012?secret=ABCDEFGH&issuer=AWS" == otpauth(
        "jane+x@acme", "123456789012", "ABCDEFGH===="
    )


def test_the_qr_code_of_a_usual_name_fits_24_lines() -> None:
    """The QR code fits the smallest common terminal, and each line resets its colours."""
    drawn = draw(otpauth("awsenv-jane.doe", "123456789012", SEED))

    assert drawn is not None
    lines = drawn.split("\n")
    assert 23 == len(lines)
    assert all(line.startswith("\x1b[38;5;16;48;5;231m") and line.endswith("\x1b[0m") for line in lines)


@pytest.mark.parametrize(
    ("columns", "rows", "is_drawn", "is_beside"),
    [
        (80, 24, True, True),
        (200, 30, True, True),
        (200, 50, True, False),
        (46, 40, True, False),
        (40, 50, False, False),
        (60, 22, False, False),
        (46, 24, False, False),
    ],
)
def test_the_qr_code_fits_the_window(columns: int, rows: int, *, is_drawn: bool, is_beside: bool) -> None:
    """The text is below the whole code, or beside it; a code that does not fit is not drawn at all."""
    uri = otpauth("awsenv-alice", "123456789012", SEED)
    drawing = draw(uri)
    assert drawing is not None

    lines = laid_out(drawing, [SEED, "of the user awsenv-alice"], columns, rows)

    code = [line for line in lines if "\x1b[" in line]
    assert (len(drawing.split("\n")) if is_drawn else 0) == len(code)
    assert is_beside == any(line.split("\x1b[0m")[1].strip() for line in code)
    assert len(lines) <= rows
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in code]
    assert all(len(line) <= columns for line in plain)


def test_without_segno_there_is_no_qr_code() -> None:
    """Without segno, which is optional, nothing is drawn, and the key is shown as text."""
    code = "import sys; sys.modules['segno'] = None; from awsenv.setup.qr_code import draw; print(draw('otpauth://x'))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "None\n" == ended.stdout
