"""Which hop presents the MFA device, and which device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.errors import ConfigError, MfaError
from awsenv.model import AssumeRole, GetSessionToken, Mfa, RoleRequest

if TYPE_CHECKING:
    from awsenv.model import Chain
    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
JANE = "arn:aws:iam::123456789012:mfa/jane"
PHONE = "arn:aws:iam::123456789012:mfa/phone"
SSO = "sso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = r\n"


def role(name: str, source: str, *lines: str) -> str:
    """Return a profile that describes a role."""
    arn = f"role_arn = arn:aws:iam::123456789012:role/{name}"
    return "\n".join([f"[profile {name}]", arn, f"source_profile = {source}", *lines, ""])


def devices(chain: Chain) -> list[Mfa | None]:
    """Return the device of each hop."""
    return [hop.mfa for hop in chain.hops]


def notes(chain: Chain) -> list[str]:
    """Return the notes of the hops, in order."""
    return [str(note) for hop in chain.hops if isinstance(hop, AssumeRole) for note in hop.notes]


@pytest.mark.parametrize(
    ("role_line", "source_line", "asked", "expected"),
    [
        (f"mfa_serial = {JANE}", "", None, Mfa(JANE)),
        ("", f"mfa_serial = {JANE}", None, Mfa(JANE)),
        (f"mfa_serial = {JANE}", f"mfa_serial = {PHONE}", None, Mfa(JANE)),
        (f"mfa_serial = {JANE}", f"mfa_serial = {JANE}", PHONE, Mfa(PHONE)),
        ("mfa_serial =", f"mfa_serial = {JANE}", None, None),
        ("", "", None, None),
        (f"mfa_serial = {JANE}\nmfa_process = p 1", "mfa_process = p 2", None, Mfa(JANE, "p 1")),
        (f"mfa_serial = {JANE}", "mfa_process = p 2", None, Mfa(JANE, "p 2")),
        ("mfa_process = p 1", "", None, None),
        ("mfa_serial = GAHT12345678", "", None, Mfa("GAHT12345678")),
    ],
)
def test_the_device_is_that_of_the_option_else_of_the_role_else_of_its_source(
    role_line: str, source_line: str, asked: str | None, expected: Mfa | None, home: Home
) -> None:
    """Users of aws-vault keep mfa_serial in the source profile. An empty mfa_serial says: none for this role."""
    request = RoleRequest("a", mfa_serial=asked)

    chain = home.resolve(request, f"{role('a', 'me', role_line)}[profile me]\n{source_line}\n", f"[me]\n{KEYS}")

    assert [expected] == devices(chain)
    assert [] == notes(chain)


def test_a_code_with_no_device_known_is_for_the_first_hop(home: Home) -> None:
    """The device is to be found later."""
    chain = home.resolve(RoleRequest("b", code="123456"), role("a", "me") + role("b", "a"), f"[me]\n{KEYS}")

    assert [Mfa(None), None] == devices(chain)


@pytest.mark.parametrize("source", [KEYS, "credential_process = p\n"])
def test_the_device_of_a_later_hop_moves_to_the_first(source: str, home: Home) -> None:
    """Only a user has a device; where the source may be a user's key, the first hop presents it."""
    text = role("a", "me", "mfa_process = wrong") + role("b", "a", f"mfa_serial = {JANE}", "mfa_process = right")

    chain = home.resolve("b", f"{text}[profile me]\n{source}")

    assert [Mfa(JANE, "right"), None] == devices(chain)
    (note,) = notes(chain)
    assert "[profile b], mfa_serial: used for the first role instead" in note


def test_the_device_of_a_later_hop_is_dropped_where_the_first_has_one(home: Home) -> None:
    """With a note, also where it is the same: the later role may be one that wants MFA, which it never gets."""
    text = role("a", "me", f"mfa_serial = {JANE}") + role("b", "a", f"mfa_serial = {PHONE}")

    chain = home.resolve("b", text, f"[me]\n{KEYS}")
    same = home.resolve("b", text.replace(PHONE, JANE), f"[me]\n{KEYS}")

    assert [Mfa(JANE), None] == devices(chain) == devices(same)
    assert 1 == len(notes(chain))
    assert "[profile b], mfa_serial: not used; only the first role of a chain can be assumed" in notes(chain)[0]
    assert 1 == len(notes(same))
    assert "[profile b], mfa_serial: used for the first role only; only the first role" in notes(same)[0]


@pytest.mark.parametrize("source", [SSO, f"web_identity_token_file = /t\nrole_arn = {JANE.replace('mfa', 'role')}\n"])
def test_a_source_that_is_a_role_has_no_device(source: str, home: Home) -> None:
    """Every device, and the code, is left out with a note."""
    text = role("a", "me", f"mfa_serial = {JANE}") + role("b", "a", f"mfa_serial = {PHONE}")

    chain = home.resolve(RoleRequest("b", code="123456"), f"{text}[profile me]\n{source}")

    assert [None, None] == devices(chain)
    assert ["[profile a], mfa_serial", "the command line", "[profile b], mfa_serial"] == [
        note.partition(": not used;")[0].removeprefix("~/.aws/config:4, ").removeprefix("~/.aws/config:8, ")
        for note in notes(chain)
    ]


def test_a_user_with_a_device_is_an_mfa_session(home: Home) -> None:
    """A profile that is no role is one call of GetSessionToken, or none."""
    with_device = home.resolve("me", f"[profile me]\nmfa_serial = {JANE}\nduration_seconds = 43200\n", f"[me]\n{KEYS}")
    with_code = home.resolve(RoleRequest("me", code="123456", duration=129600), "", f"[me]\n{KEYS}")
    with_neither = home.resolve("me", "", f"[me]\n{KEYS}")

    assert (GetSessionToken(Mfa(JANE), 43200),) == with_device.hops
    assert (GetSessionToken(Mfa(None), 129600),) == with_code.hops
    assert () == with_neither.hops
    with pytest.raises(ConfigError, match="does not grant a session of 129601 seconds") as caught:
        home.resolve(RoleRequest("me", code="123456", duration=129601), "", f"[me]\n{KEYS}")
    assert "ask for 900 to 129600 seconds" == caught.value.hint


@pytest.mark.parametrize("source", [SSO, f"{KEYS}aws_session_token = t\n", "credential_process = p\n"])
def test_a_code_for_a_source_that_has_no_use_for_it_is_an_error(source: str, home: Home) -> None:
    """GetSessionToken takes a user's own key only."""
    text = f"[profile me]\nmfa_serial = {JANE}\n{source}"

    assert () == home.resolve("me", text).hops
    with pytest.raises(ConfigError, match="cannot use an MFA code"):
        home.resolve(RoleRequest("me", code="123456"), text)


@pytest.mark.parametrize("text", ["123456", " 123 456 ", "123456\r\n", "123\u00a0456", "\t1 2 3 4 5 6"])
def test_a_code_is_taken_as_it_is_pasted(text: str) -> None:
    """Blanks of any kind are left out."""
    assert "123456" == config.mfa_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "123-456",
        "12345\x00",
    ],
)
def test_a_code_is_six_ascii_digits(text: str, home: Home) -> None:
    """Anything else is refused, and not shown."""
    with pytest.raises(MfaError) as caught:
        config.mfa_code(text)
    with pytest.raises(MfaError):
        home.resolve(RoleRequest("me", code=text), "", f"[me]\n{KEYS}")

    assert "an MFA code is six digits" == caught.value.fact
