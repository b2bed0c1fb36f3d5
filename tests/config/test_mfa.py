"""The hop that uses an MFA device, and the device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.errors import ConfigError, MfaError, Origin
from awsenv.model import AssumeRole, GetSessionToken, Mfa, RoleRequest

if TYPE_CHECKING:
    from awsenv.model import Chain
    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
JANE = "arn:aws:iam::123456789012:mfa/jane"
PHONE = "arn:aws:iam::123456789012:mfa/phone"
TYPICAL = f"[default]\nregion = eu-west-1\n{KEYS}"
SSO = "sso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = r\n"


def role(name: str, source: str, *lines: str) -> str:
    """Return a profile that describes a role."""
    arn = f"role_arn = arn:aws:iam::123456789012:role/{name}"
    return "\n".join([f"[profile {name}]", arn, f"source_profile = {source}", *lines, ""])


def resolved(home: Home, requested: RoleRequest | str, *profiles: str) -> Chain:
    """Return the chain to a role whose source is `default`."""
    return home.resolve(requested, "".join([TYPICAL, *profiles]))


def devices(chain: Chain) -> list[Mfa | None]:
    """Return the device of each hop."""
    return [hop.mfa for hop in chain.hops]


def notes(chain: Chain) -> list[str]:
    """Return the notes of the hops, in order."""
    return [str(note) for hop in chain.hops if isinstance(hop, AssumeRole) for note in hop.notes]


@pytest.mark.parametrize(
    ("role_line", "source_line", "requested", "expected"),
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
    role_line: str, source_line: str, requested: str | None, expected: Mfa | None, home: Home
) -> None:
    """Users of aws-vault set mfa_serial in the source profile. If it is empty, the role needs no device."""
    request = RoleRequest("a", mfa_serial=requested)

    chain = home.resolve(request, f"{role('a', 'me', role_line)}[profile me]\n{source_line}\n", f"[me]\n{KEYS}")

    assert [expected] == devices(chain)
    assert [] == notes(chain)


def test_a_code_with_no_device_known_is_for_the_first_hop(home: Home) -> None:
    """The device is to be found later."""
    chain = home.resolve(RoleRequest("b", code="123456"), role("a", "me") + role("b", "a"), f"[me]\n{KEYS}")

    assert [Mfa(), None] == devices(chain)


@pytest.mark.parametrize("source", [KEYS, "credential_process = p\n"])
def test_the_device_of_a_later_hop_moves_to_the_first(source: str, home: Home) -> None:
    """Only a user has a device; where the source may be a user's key, the first hop presents it."""
    text = role("a", "me", "mfa_process = wrong") + role("b", "a", f"mfa_serial = {JANE}", "mfa_process = right")

    chain = home.resolve("b", f"{text}[profile me]\n{source}")

    assert [Mfa(JANE, "right"), None] == devices(chain)
    (note,) = notes(chain)
    assert "[profile b], mfa_serial: the MFA device is used for the first role instead" in note


def test_the_device_of_a_later_hop_is_dropped_where_the_first_has_one(home: Home) -> None:
    """Add a note, even if it is the same device: the later role may require MFA, which AWS never sees there."""
    text = role("a", "me", f"mfa_serial = {JANE}") + role("b", "a", f"mfa_serial = {PHONE}")

    chain = home.resolve("b", text, f"[me]\n{KEYS}")
    same = home.resolve("b", text.replace(PHONE, JANE), f"[me]\n{KEYS}")

    assert [Mfa(JANE), None] == devices(chain) == devices(same)
    assert 1 == len(notes(chain))
    assert (
        "[profile b], mfa_serial: the MFA device is not used; only the first role of a chain can be assumed"
        in notes(chain)[0]
    )
    assert 1 == len(notes(same))
    assert (
        "[profile b], mfa_serial: the MFA device is used for the first role only; only the first role" in notes(same)[0]
    )


@pytest.mark.parametrize("source", [SSO, f"web_identity_token_file = /t\nrole_arn = {JANE.replace('mfa', 'role')}\n"])
def test_a_source_that_is_a_role_has_no_device(source: str, home: Home) -> None:
    """Every device, and the code, is left out with a note."""
    text = role("a", "me", f"mfa_serial = {JANE}") + role("b", "a", f"mfa_serial = {PHONE}")

    chain = home.resolve(RoleRequest("b", code="123456"), f"{text}[profile me]\n{source}")

    assert [None, None] == devices(chain)
    assert [
        "~/.aws/config:4, [profile a], mfa_serial: the MFA device is not used",
        "the command line: the MFA code is not used",
        "~/.aws/config:8, [profile b], mfa_serial: the MFA device is not used",
    ] == [note.partition(";")[0] for note in notes(chain)]


def test_a_user_with_a_device_is_an_mfa_session(home: Home) -> None:
    """A profile that is no role is one call of GetSessionToken, or none."""
    with_device = home.resolve("me", f"[profile me]\nmfa_serial = {JANE}\nduration_seconds = 43200\n", f"[me]\n{KEYS}")
    with_code = home.resolve(RoleRequest("me", code="123456", duration=129600), "", f"[me]\n{KEYS}")
    with_neither = home.resolve("me", "", f"[me]\n{KEYS}")

    assert (GetSessionToken(Mfa(JANE), 43200),) == with_device.hops
    assert (GetSessionToken(Mfa(), 129600),) == with_code.hops
    assert () == with_neither.hops
    with pytest.raises(ConfigError, match="does not grant a session of 36h1s") as caught:
        home.resolve(RoleRequest("me", code="123456", duration=129601), "", f"[me]\n{KEYS}")
    assert ("ask for 15m to 36h",) == caught.value.hints


@pytest.mark.parametrize("source", [SSO, f"{KEYS}aws_session_token = t\n", "credential_process = p\n"])
def test_a_code_for_a_source_that_cannot_use_it_is_an_error(source: str, home: Home) -> None:
    """GetSessionToken takes a user's own key only."""
    text = f"[profile me]\nmfa_serial = {JANE}\n{source}"

    assert () == home.resolve("me", text).hops
    with pytest.raises(ConfigError, match="cannot use an MFA code"):
        home.resolve(RoleRequest("me", code="123456"), text)


@pytest.mark.parametrize("text", ["123456", " 123 456 ", "123456\r\n", "123\u00a0456", "\t1 2 3 4 5 6"])
def test_a_code_is_accepted_as_pasted(text: str) -> None:
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
def test_a_code_is_six_ascii_digits(text: str) -> None:
    """Anything else is refused, and not shown."""
    with pytest.raises(MfaError) as caught:
        config.mfa_code(text)

    assert "an MFA code is six digits" == caught.value.fact


def test_a_session_takes_the_code_of_the_first_role(home: Home) -> None:
    """GetSessionToken has the device, and the role does not; the rest of the chain is the same."""
    chain = resolved(home, "b", role("a", "default", f"mfa_serial = {JANE}", "mfa_process = p"), role("b", "a"))
    first, second = chain.hops
    assert isinstance(first, AssumeRole)

    through = config.through_session(chain)

    assert replace(chain, hops=(GetSessionToken(Mfa(JANE, "p")), replace(first, mfa=None), second)) == through
    session = through.hops[0]
    assert session.mfa is not None
    assert ("~/.aws/config:8, [profile a], mfa_serial", "~/.aws/config:9, [profile a], mfa_process") == tuple(
        str(session.mfa.origins[field]) for field in ("mfa_serial", "mfa_process")
    )
    assert {"role", "session_name"} == set(through.hops[1].origins)


def test_no_session_serves_a_source_or_a_long_role_without_mfa(home: Home) -> None:
    """AWS grants a role more than an hour only without a session, and a source is exported as it is."""
    for word in ("a", "default"):
        chain = resolved(home, word, role("a", "default", "duration_seconds = 7200"))

        assert config.through_session(chain) is None


def test_a_device_that_is_not_known_names_no_session(home: Home) -> None:
    """A code was given, and the device is still to be found."""
    assert config.through_session(resolved(home, RoleRequest("a", "123456"), role("a", "default"))) is None


def test_a_session_that_is_held_serves_a_role_without_a_device(home: Home) -> None:
    """The role may still require MFA."""
    for request in (RoleRequest("a"), RoleRequest("arn:aws:iam::123456789012:role/x")):
        through = config.through_session(resolved(home, request, role("a", "default")))

        assert through is not None
        assert [Mfa(), None] == [hop.mfa for hop in through.hops]


def test_a_profile_that_asks_for_more_than_an_hour_is_cut_with_a_note(home: Home) -> None:
    """AWS grants no more through a session (role chaining)."""
    lines = (f"mfa_serial = {JANE}", "duration_seconds = 14400")

    through = config.through_session(resolved(home, "a", role("a", "default", *lines)))

    assert through is not None
    assert [None, 3600] == [getattr(hop, "duration", None) for hop in through.hops]
    (note,) = through.notes
    assert "~/.aws/config:9, [profile a], duration_seconds: 4h cut to 1h" == str(note).rpartition(", the")[0]
    assert note.fact.endswith("the most that AWS grants a role through an MFA session; awsenv renews it")


@pytest.mark.parametrize(("seconds", "granted"), [(900, [900]), (3600, [3600]), (3601, []), (43200, [])])
@pytest.mark.parametrize("origin", ["--duration", "AWSENV_DURATION"])
def test_a_requested_duration_of_more_than_an_hour_needs_a_code(
    seconds: int, granted: list[int], origin: str, home: Home
) -> None:
    """AssumeRole with a code grants what the role allows."""
    request = RoleRequest("a", duration=seconds, origins={"duration": Origin(origin)})

    through = config.through_session(resolved(home, request, role("a", "default", f"mfa_serial = {JANE}")))

    assert granted == ([] if through is None else [getattr(through.hops[1], "duration", None)])


def test_the_hour_of_a_later_role_is_cut_already(home: Home) -> None:
    """A role behind another role lasts an hour at most anyway."""
    first = role("a", "default", f"mfa_serial = {JANE}", "duration_seconds = 900")

    through = config.through_session(resolved(home, "b", first, role("b", "a", "duration_seconds = 7200")))

    assert through is not None
    assert [None, 900, 3600] == [getattr(hop, "duration", None) for hop in through.hops]
    assert ["role chaining" in note.fact for note in through.notes] == [True]


def test_a_source_with_mfa_is_its_session(home: Home) -> None:
    """The held session is used, unless the request sets another duration."""
    source = f"{TYPICAL}mfa_serial = {JANE}\nduration_seconds = 7200\n"
    chain = home.resolve("default", source)

    assert chain is config.through_session(chain)
    assert config.through_session(home.resolve(RoleRequest("default", duration=900), source)) is None
    assert config.through_session(home.resolve(RoleRequest("default", "123456"), TYPICAL)) is None
