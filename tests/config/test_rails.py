"""The guard rails of a profile: what they may say, who inherits them, and that a misspelled one is loud."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import config
from awsenv.config.differences import differences
from awsenv.config.files import File
from awsenv.config.ini import Setting
from awsenv.config.rails import KEYS, color, rails, spelled
from awsenv.errors import ConfigError, Origin
from awsenv.model import Narrowing, Rails, RoleRequest

if TYPE_CHECKING:
    from config.conftest import Home

HERE = Origin("~/.aws/config", 3, "profile prod", "awsenv_color")
SOURCE = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = default\n"
PROD = f"{SOURCE}[profile prod]\n{ROLE}"
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def shown(sgr: str) -> str:
    """Return the colour of a letter on a terminal after these SGR parameters."""
    screen = pyte.Screen(4, 1)
    pyte.Stream(screen).feed(f"\x1b[{sgr}mX")
    foreground: str = screen.buffer[0][0].fg
    return foreground


@given(st.sampled_from(NAMES), st.sampled_from(["", "bright-", "BRIGHT_"]))
def test_a_name_is_the_color_that_terminals_call_so(name: str, prefix: str) -> None:
    """Every name gives its colour; only pyte calls yellow brown, as the first terminals did."""
    expected = {"yellow": "brown"}.get(name, name)

    assert shown(color(prefix + name, HERE)) == (f"bright{expected}" if prefix else expected)


@given(st.integers(0, 255))
def test_a_number_is_a_color_of_the_palette(number: int) -> None:
    """A number gives the colour of that number in the palette of 256."""
    assert shown(f"38;5;{number}") == shown(color(str(number), HERE))


@given(st.text("0123456789abcdefABCDEF", min_size=6, max_size=6))
def test_six_digits_are_red_green_and_blue(digits: str) -> None:
    """A colour of six hexadecimal digits is shown as it is."""
    assert digits.lower() == shown(color(f"#{digits}", HERE))


@given(st.text("0123456789abcdef", min_size=3, max_size=3))
def test_three_digits_count_twice_each(digits: str) -> None:
    """As in CSS, `#rgb` is `#rrggbb`."""
    assert color("#" + "".join(2 * digit for digit in digits), HERE) == color(f"#{digits}", HERE)


@given(st.sampled_from(NAMES) | st.integers(0, 255).map(str) | st.integers(0, 2**24 - 1).map("#{:06x}".format))
def test_a_color_can_be_spelled_again(text: str) -> None:
    """What `explain` shows of a colour is what the file says, in lower case."""
    assert text == spelled(color(text, HERE))


hostile = st.text() | st.sampled_from(
    [
        "$(touch x)",
        "`x`",
        "\x1b[31m",
        "31m",
        "31",
        "38;5;1",
        "256",
        "-1",
        "007",
        "٣",
        "#12345",
        "#ggg",
        "#1234567",
        "red;",
        "true\u2028",
        "TRUE\x00",
        "\uff54rue",
        "1",
        "\n  awsenv_protected = true",
        "x\n  AWSENV_COLOR\x1b[2J = red",
        "123456789012\n",
        "\u0661" * 12,
        "1" * 5000,
    ]
)


@given(st.sampled_from([*KEYS, "region", "awsenv_\x1b[2J", "awsenv_protected\u200b"]), hostile)
def test_any_other_text_is_refused_or_harmless(key: str, text: str) -> None:
    """Nothing but what the keys may hold leaves the parser, and an error shows no control characters."""
    shows = ""
    try:
        found = rails({key: Setting(text, Origin("~/.aws/config", 3, "profile prod", key))})
    except ConfigError as error:
        found, shows = Rails(), "".join([error.fact, *error.hints])

    assert re.fullmatch("[0-9;]{0,16}", found.color, re.ASCII)
    assert re.fullmatch("([0-9]{12})?", found.account or "", re.ASCII)
    assert not found.is_protected or (key, text.lower()) == ("awsenv_protected", "true")
    assert shows.isprintable()


@pytest.mark.parametrize(
    ("line", "fact", "hint"),
    [
        ("awsenv_color = rde", "'rde' is not a colour", "write awsenv_color = red"),
        (
            "awsenv_assistants = readonly",
            "'readonly' is not read-only, confirm or refuse",
            "write awsenv_assistants = read-only",
        ),
        (
            "awsenv_assistants = deny",
            "'deny' is not read-only, confirm or refuse",
            "write awsenv_assistants = read-only",
        ),
        ("awsenv_color = gren", "'gren' is not a colour", "write awsenv_color = green"),
        ("awsenv_color =", "awsenv_color is empty", "write awsenv_color = red, 208 or #ff8700"),
        ("awsenv_protected = yes", "'yes' is not true or false", "write awsenv_protected = true"),
        ("awsenv_protected = off", "'off' is not true or false", "write awsenv_protected = false"),
        (
            "awsenv_protected = true # for all",
            "'true # for all' is not true or false",
            "put the comment on a line of its own: here it is a part of the value",
        ),
        (
            "awsenv_account = 1234-5678-9012",
            "'1234-5678-9012' is not an account ID",
            "write awsenv_account = 123456789012",
        ),
        (
            "awsenv_account = prod",
            "'prod' is not an account ID",
            "write the twelve digits of the account in awsenv_account",
        ),
        ("awsenv_protcted = true", "awsenv does not know the key awsenv_protcted", "write awsenv_protected = true"),
        ("awsenv_colour = red", "awsenv does not know the key awsenv_colour", "write awsenv_color = red"),
        ("awsenv-protected = true", "awsenv does not know the key awsenv-protected", "write awsenv_protected = true"),
        (
            "AWSENV_ACOUNT = 123456789012",
            "awsenv does not know the key awsenv_acount",
            "write awsenv_account = 123456789012",
        ),
        (
            "aswenv_account = 123456789012",
            "awsenv does not know the key aswenv_account",
            "write awsenv_account = 123456789012",
        ),
        (
            "awsenv_mfa = no",
            "awsenv does not know the key awsenv_mfa",
            f"awsenv knows {', '.join(KEYS[:-1])} and awsenv_for",
        ),
    ],
)
@pytest.mark.parametrize("where", ["own", "included", "credentials", "source"])
def test_a_wrong_guard_rail_is_an_error(home: Home, line: str, fact: str, hint: str, where: str) -> None:
    """A wrong value or key stops the role, with its file and line, wherever the profile has it from."""
    texts = {
        "own": (f"{PROD}{line}\n", "", "~/.aws/config:7"),
        "included": (f"{PROD}include_profile = family\n[profile family]\n{line}\n", "", "~/.aws/config:9"),
        "credentials": (PROD, f"[prod]\n{line}\n", "~/.aws/credentials:2"),
        "source": (PROD.replace("[profile", f"{line}\n[profile"), "", "~/.aws/config:4"),
    }
    config_text, credentials_text, position = texts[where]

    with pytest.raises(ConfigError) as raised:
        home.resolve("prod", config_text, credentials_text)

    assert fact == raised.value.fact
    assert hint == raised.value.hints[0]
    assert [position] == [origin.position for origin in raised.value.origins]


@pytest.mark.parametrize(
    ("config_text", "credentials_text", "fact", "position"),
    [
        (f"{PROD}[prod]\nawsenv_protected = true\n", "", "guards nothing: [prod] is not a profile", "~/.aws/config:8"),
        (
            f"{PROD}[sso-session prod]\nawsenv_account = 1\n",
            "",
            "guards nothing: [sso-session prod] is not a profile",
            "~/.aws/config:8",
        ),
        (
            PROD.replace("profile prod", 'profile "a b"'),
            "[profile a b]\nawsenv_color = red\n",
            "[profile a b] is not a profile",
            "~/.aws/credentials:2",
        ),
        (PROD, "[profile prod]\nawsenv_color = red\n", "[profile prod] is not a profile", "~/.aws/credentials:2"),
        (
            f"{PROD}s3 =\n  a = b\n  awsenv_protcted = true\n",
            "",
            "is indented, and so belongs to the value of s3",
            ":7",
        ),
    ],
)
def test_a_guard_rail_in_the_wrong_place_is_an_error(
    home: Home, config_text: str, credentials_text: str, fact: str, position: str
) -> None:
    """A guard rail that the profile does not get stops its role: it would guard nothing."""
    with pytest.raises(ConfigError) as raised:
        home.resolve("a b" if '"a b"' in config_text else "prod", config_text, credentials_text)

    assert fact in raised.value.fact
    assert position in raised.value.where
    assert raised.value.hints


@pytest.mark.parametrize("header", ["other", "old prod", "sso-session other"])
def test_a_guard_rail_of_another_profile_in_the_wrong_place_stops_no_role(home: Home, header: str) -> None:
    """Only the doctor tells about it."""
    assert Rails() == home.resolve("prod", f"{PROD}[{header}]\nawsenv_protected = true\n").rails


def test_what_is_set_for_every_section_is_in_no_wrong_place(home: Home) -> None:
    """Botocore adds `[DEFAULT]` to each section, an SSO session of the same name too."""
    text = f"[DEFAULT]\nawsenv_protected = true\n{PROD}[sso-session prod]\nsso_region = eu-west-1\n"

    assert home.resolve("prod", text).rails.is_protected


values = st.fixed_dictionaries(
    {},
    optional={
        "awsenv_color": st.sampled_from(NAMES),
        "awsenv_protected": st.sampled_from(["true", "false", "True"]),
        "awsenv_account": st.just("123456789012"),
        "awsenv_assistants": st.sampled_from(["read-only", "confirm", "refuse"]),
        "awsenv_read_only": st.just("true"),
        "awsenv_confirm": st.sampled_from(["always", "15m"]),
        "awsenv_only": st.sampled_from(["s3:*", "ec2:*"]),
        "awsenv_on": st.sampled_from(["arn:aws:s3:::x", "arn:aws:s3:::*"]),
        "awsenv_for": st.sampled_from(["10m", "1h"]),
    },
)
FIELDS = {
    "awsenv_color": "color",
    "awsenv_protected": "is_protected",
    "awsenv_confirm": "confirm",
    "awsenv_account": "account",
    "awsenv_assistants": "assistants",
    "awsenv_read_only": "read_only",
    "awsenv_only": "actions",
    "awsenv_on": "resources",
    "awsenv_for": "seconds",
}


@given(st.lists(st.tuples(values, values), min_size=1, max_size=4))
def test_the_nearest_profile_of_a_family_counts(layers: list[tuple[dict[str, str], dict[str, str]]]) -> None:
    """Each key has the value of the first profile that sets it along `include_profile`; credentials beat config."""
    sections: dict[str, list[str]] = {"config": [SOURCE], "credentials": []}
    for number, (plain, secret) in enumerate(layers):
        include = [f"include_profile = p{number + 1}"] if number + 1 < len(layers) else []
        own = [ROLE] if number == 0 else []
        sections["config"] += [
            f"[profile p{number}]",
            *own,
            *include,
            *(f"{key} = {text}" for key, text in plain.items()),
        ]
        sections["credentials"] += [f"[p{number}]", *(f"{key} = {text}" for key, text in secret.items())]
    config_text, credentials_text = ("\n".join(lines) for lines in sections.values())
    expected: dict[str, str] = {}
    for plain, secret in layers:
        expected = {**plain, **secret, **expected}

    profiles = config.Profiles(
        File("~/.aws/config", "", config_text),
        File("~/.aws/credentials", "", credentials_text),
    )
    found = config.resolve(RoleRequest("p0"), profiles, {"USER": "jane"}).rails

    narrowing = found.narrowing or Narrowing()
    assert {FIELDS[key] for key in expected} == {*found.origins, *narrowing.origins}
    assert narrowing == Narrowing(
        read_only="awsenv_read_only" in expected,
        actions=((expected["awsenv_only"],),) if "awsenv_only" in expected else (),
        resources=((expected["awsenv_on"],),) if "awsenv_on" in expected else (),
        seconds={"10m": 600, "1h": 3600}.get(expected.get("awsenv_for", "")),
    )
    assert replace(found, narrowing=None) == Rails(
        color(expected["awsenv_color"], HERE) if "awsenv_color" in expected else "",
        is_protected=expected.get("awsenv_protected", "false").lower() == "true",
        confirm={"always": 0, "15m": 900}.get(expected.get("awsenv_confirm", "")),
        account=expected.get("awsenv_account"),
        assistants=expected.get("awsenv_assistants", ""),
    )


def test_the_default_profile_guards_itself_alone(home: Home) -> None:
    """`[default]` is a profile like any other: what it sets concerns no role that only takes its keys from there."""
    text = PROD.replace("[profile", "awsenv_protected = true\n[profile")

    assert not home.resolve("prod", text).rails.is_protected
    assert home.resolve("default", text).rails.is_protected


@pytest.mark.parametrize("typed", ["arn:aws:iam::123456789012:role/admin", "123456789012/Admin", "admin", "ADMIN"])
@pytest.mark.parametrize(
    "text",
    [
        f"{PROD}awsenv_protected = true\n",
        f"{SOURCE}[profile other]\nawsenv_color = red\n{ROLE}[profile prod]\nawsenv_protected = true\n{ROLE}",
        f"{SOURCE}[profile other]\n{ROLE}[profile prod]\ninclude_profile = other\nawsenv_protected = true\n",
    ],
    ids=["one", "second", "includes"],
)
def test_a_typed_role_has_the_guard_rails_of_its_profile(home: Home, typed: str, text: str) -> None:
    """Nobody leaves the guard rails by typing the role, in any case, instead of its protected profile."""
    assert home.resolve(typed, text).rails.is_protected


@pytest.mark.parametrize("typed", ["123456789012/other", "other", f"{'2' * 12}/admin", "123456789012/team/admin"])
def test_another_typed_role_has_no_guard_rails(home: Home, typed: str) -> None:
    """A role with another name, path or account is another role."""
    assert Rails() == home.resolve(typed, f"{PROD}awsenv_protected = true\n").rails


@pytest.mark.parametrize(("account", "is_protected"), [("123456789012", True), ("210987654321", False)])
def test_a_bare_name_is_a_role_in_the_account_of_the_source(home: Home, account: str, *, is_protected: bool) -> None:
    """Where the files show the account of the source, a role of the same name in another account is another role."""
    sso = f"sso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = {account}\n"
    text = f"{PROD}awsenv_protected = true\n[profile sso]\n{sso}sso_role_name = x\n"

    assert is_protected == home.resolve(RoleRequest("admin", profile="sso"), text).rails.is_protected


def test_a_bare_name_must_be_in_the_account_of_the_guarded_source(home: Home) -> None:
    """The account that `awsenv_account` demands of the source is that of the role; that of a namesake is not."""
    source = SOURCE + "awsenv_account = 210987654321\n"
    text = f"[profile prod]\n{ROLE}awsenv_account = 123456789012\nawsenv_color = red\n"
    found = home.resolve("admin", source + text).rails

    assert ("210987654321", "31") == (found.account, found.color)
    assert {"account": "default", "color": "profile prod"} == {
        name: origin.section for name, origin in found.origins.items()
    }
    assert home.resolve("admin", SOURCE + text).rails.account is None


def test_a_typed_role_whose_profile_demands_another_account_is_refused(home: Home) -> None:
    """The ARN in place of its profile is no way around `awsenv_account`."""
    with pytest.raises(ConfigError, match="in account 123456789012, and must be in 210987654321"):
        home.resolve("123456789012/admin", f"{PROD}awsenv_account = 210987654321\n")


@pytest.mark.parametrize(
    "text", ["include_profile = famly\n", "include_profile = more\n[profile more]\ninclude_profile = famly\n"]
)
def test_a_lost_family_is_an_error_only_where_there_are_guard_rails(home: Home, text: str) -> None:
    """A typo in `include_profile` loses the guard rails; a file of aws-vault, which has none, works as there."""
    with pytest.raises(ConfigError) as raised:
        home.resolve("prod", f"{PROD}{text}[profile family]\nawsenv_protected = true\n")

    fact = "include_profile names profile 'famly', which does not exist, and so brings no guard rails"
    assert (fact, ("write include_profile = family",)) == (raised.value.fact, raised.value.hints)
    assert Rails() == home.resolve("prod", f"{PROD}{text}[profile family]\nregion = eu-west-1\n").rails


def test_every_guard_rail_is_inherited() -> None:
    """No key is left out of what a profile includes."""
    assert set(KEYS) == set(FIELDS)


OTHER = "210987654321"
DEPLOY = f"[profile deploy]\nrole_arn = arn:aws:iam::{OTHER}:role/deploy\nsource_profile = prod\n"
SSO = "sso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\nsso_role_name = x\n"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"{PROD}awsenv_account = {OTHER}\n", "correct role_arn"),
        (f"{PROD}include_profile = f\n[profile f]\nawsenv_account = {OTHER}\n", "correct role_arn"),
        (
            f"[profile prod]\n{SSO}sso_account_id = 123456789012\nawsenv_account = {OTHER}\n",
            "correct sso_account_id",
        ),
        (f"{PROD}awsenv_account = {OTHER}\n{DEPLOY}", "correct role_arn"),
    ],
    ids=["own", "included", "sso", "intermediate"],
)
def test_a_role_in_another_account_is_refused_by_the_files(home: Home, text: str, hint: str) -> None:
    """Where the files name the account of a profile, nothing needs to be sent to refuse it."""
    with pytest.raises(ConfigError, match=f"in account 123456789012, and must be in {OTHER}") as raised:
        home.resolve("deploy" if DEPLOY in text else "prod", text)

    assert hint == raised.value.hints[0]
    assert "awsenv_account" == raised.value.origins[1].key


def test_other_tools_read_a_family_alike() -> None:
    """Neither `#` in a colour nor an inclusion of guard rails alone is a difference between AWS tools."""
    family = "[profile family]\nawsenv_color = #ff8700\nawsenv_protected = true\n"
    including = "[profile prod]\nregion = eu-west-1\ninclude_profile = family\n"

    assert [] == list(differences(family + including, "~/.aws/config", "config"))
    (found,) = differences(f"{family}region = us-east-1\n{including}", "~/.aws/config", "config")
    assert "include_profile takes settings from another profile" in found.fact
