"""The entries of `awsenv list`, and the hint for an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.errors import AwsenvError
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
JANE = "arn:aws:iam::123456789012:mfa/jane"
WRONG_FILE = "in the credentials file [profile x] is a profile named 'profile x': write [x]"
TEXT = f"""[default]
region = eu-west-1
[profile me]
mfa_serial = {JANE}
[profile a]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = me
[profile b]
role_arn = broken
source_profile = a
[profile c]
role_arn = arn:aws:iam::123456789012:role/c
credential_source = Ec2InstanceMetadata
mfa_serial = {JANE}
[profile plain]
role_arn = arn:aws:iam::123456789012:role/plain
source_profile = me
mfa_serial =
[profile round]
role_arn = x
source_profile = round
[profile sso]
sso_account_id = 1
"""


def test_roles_and_sources_are_listed_in_the_order_of_the_files(home: Home) -> None:
    """Broken profiles are listed too; profiles that are neither are not."""
    entries = config.roles(home.read(TEXT, f"[me]\n{KEYS}[other]\n{KEYS}"), home.environ())

    assert [
        ("me", None, "static", None, JANE),
        ("a", "arn:aws:iam::123456789012:role/a", None, "me", JANE),
        ("b", "broken", None, "a", JANE),
        ("c", "arn:aws:iam::123456789012:role/c", None, "Ec2InstanceMetadata", None),
        ("plain", "arn:aws:iam::123456789012:role/plain", None, "me", None),
        ("round", "x", None, "round", None),
        ("sso", None, "sso", None, None),
        ("other", None, "static", None, None),
    ] == [(e.name, e.role_arn, e.kind, e.source, e.mfa_serial) for e in entries]
    assert "~/.aws/config:5, [profile a]" == str(entries[1].origin)


def test_the_device_that_is_listed_is_the_one_that_is_used(home: Home) -> None:
    """The listing and the chain have the same device."""
    text = (
        f"{TEXT}[profile d]\nrole_arn = arn:aws:iam::123456789012:role/d\nsource_profile = own\nmfa_serial = {JANE}\n"
        "[profile own]\nrole_arn = arn:aws:iam::123456789012:role/own\nsource_profile = other\n"
    )
    profiles = home.read(text, f"[me]\n{KEYS}[other]\n{KEYS}")
    for entry in config.roles(profiles, home.environ()):
        try:
            chain = config.resolve(RoleRequest(entry.name), profiles, home.environ())
        except AwsenvError:
            continue
        device = chain.hops[0].mfa if chain.hops else None
        assert entry.mfa_serial == (device.serial if device else None), entry.name


@pytest.mark.parametrize(
    ("config_text", "credentials_text", "word", "hint"),
    [
        ("[profile power-user]\n", "", "power-usr", "did you mean profile 'power-user'?"),
        ("[profile Prod]\n", "", "prod", "did you mean profile 'Prod'?"),
        ("[profile 'a b']\n", "", "'a b'", "did you mean profile 'a b'?"),
        ("[profile a]\n", "", "profile a", "did you mean profile 'a'?"),
        ("[Profile x]\n", "", "x", "~/.aws/config:1: [Profile x] is not a profile: write [profile x]"),
        ("\n[ profile x]\n", "", "x", "~/.aws/config:2: [ profile x] is not a profile: write [profile x]"),
        ("[[profile x]]\n", "", "x", "~/.aws/config:1: [[profile x]] is not a profile: write [profile x]"),
        ("[x]\n", "", "x", "~/.aws/config:1: [x] is not a profile: write [profile x]"),
        ("[profile a b]\n", "", "a b", '~/.aws/config:1: [profile a b] is not a profile: write [profile "a b"]'),
        ("[profile o'x]\n", "", "o'x", "~/.aws/config:1: [profile o'x] is not a profile: write [profile \"o'x\"]"),
        ("", "[profile x]\n", "x", f"~/.aws/credentials:1: {WRONG_FILE}"),
        ("", "[[x]]\n", "x", f"~/.aws/credentials:1: {WRONG_FILE.replace('profile x', '[x]')}"),
        ("[profile a]\n", "", "zzz", None),
        ("", "", "", None),
    ],
)
def test_an_unknown_name_is_explained(
    config_text: str, credentials_text: str, word: str, hint: str | None, home: Home
) -> None:
    """A misspelt section comes first, then the closest name."""
    assert hint == config.did_you_mean(word, home.read(config_text, credentials_text))


def test_the_error_holds_the_explanation(home: Home) -> None:
    """It is the hint."""
    with pytest.raises(AwsenvError) as caught:
        home.resolve("my role", "[profile my-role]\n")

    assert ("did you mean profile 'my-role'?",) == caught.value.hints
