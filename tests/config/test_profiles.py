"""Parsed files are shared, and match the files."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.config import ini
from awsenv.errors import ConfigError, Origin

if TYPE_CHECKING:
    from config.conftest import Home

TEXT = "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n"
SECRET = "[default]\naws_secret_access_key = canary-forgotten\n"


def test_equal_files_are_parsed_once(home: Home) -> None:
    """All roles and folders share one copy."""
    home.write(TEXT, SECRET)

    one, other = (config.read(home.environ(), folder) for folder in ("/one", "/other"))

    assert one.config_sections is other.config_sections
    assert one.credentials_sections is other.credentials_sections
    assert ("/one", "/other") == (one.folder, other.folder)


def test_a_changed_file_is_read_again(home: Home) -> None:
    """New profiles have the new content; earlier ones keep the earlier content."""
    before = home.read(TEXT)
    after = home.read(TEXT.replace("west", "central"))

    regions = [profile and profile.value("region") for profile in (before.get("default"), after.get("default"))]

    assert ["eu-west-1", "eu-central-1"] == regions


def test_a_file_elsewhere_is_named_as_it_is(home: Home) -> None:
    """The origin names the right file even if two files have the same text."""
    home.write(TEXT)
    (home.path / "config").write_text(TEXT)

    origins = []
    for environ in (home.environ(), home.environ(AWS_CONFIG_FILE="~/config")):
        profile = config.read(environ).get("default")
        origins.append(None if profile is None else profile.origin.name)

    assert ["~/.aws/config", "~/config"] == origins


def test_a_wrong_file_is_an_error_each_time(home: Home) -> None:
    """Every read raises until the file is corrected."""
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"no \[section\]"):
            home.read("region = x\n")
    assert ("default",) == home.read(TEXT).names


def test_the_cache_can_be_emptied(home: Home) -> None:
    """Leave no secret in memory after the profiles are gone."""
    config.forget()  # other tests in this process fill it too
    home.read(TEXT, SECRET)
    held = [_secrets()]

    config.forget()
    held.append(_secrets())

    assert [["canary-forgotten"], []] == held


def _secrets() -> list[str]:
    gc.collect()
    sections = [each for each in gc.get_objects() if type(each) is ini.Section]
    values = [setting.value for section in sections for setting in section.settings.values()]
    return [text for text in values if text == "canary-forgotten"]


def test_botocore_gets_a_new_copy(home: Home) -> None:
    """Changes by botocore do not reach the next copy."""
    profiles = home.read(TEXT)
    given = profiles.for_botocore()["profiles"]["default"]
    given["region"] = "spoilt"
    given["s3"].clear()

    again = config.read(home.environ()).for_botocore()

    assert {"region": "eu-west-1", "s3": {"addressing_style": "path"}} == again["profiles"]["default"]


def test_threads_read_at_once(home: Home) -> None:
    """Each thread gets the content of its own files, even beyond the size of the cache."""
    environs = []
    for number in range(8):
        (home.path / str(number)).write_text(TEXT.replace("eu-west-1", f"region-{number}"))
        environs.append(home.environ(AWS_CONFIG_FILE=f"~/{number}"))

    def region(number: int) -> str | None:
        if number % 50 == 0:
            config.forget()
        profile = config.read(environs[number % 8], f"/{number}").get("default")
        return None if profile is None else profile.value("region")

    with ThreadPoolExecutor(8) as threads:
        regions = list(threads.map(region, range(400)))

    assert [f"region-{number % 8}" for number in range(400)] == regions


BASE = "[profile base]\nmfa_serial = arn:aws:iam::123456789012:mfa/jane\nregion = eu-west-1\naws_access_key_id = x\n"


@pytest.mark.parametrize("key", ["include_profile", "parent_profile"])
def test_an_included_profile_supplies_missing_settings(key: str, home: Home) -> None:
    """As in aws-vault, the profile's own settings win; access keys and settings of other tools are not included."""
    profiles = home.read(f"{BASE}output = json\n[profile a]\nregion = eu-west-3\n{key} = base\n")

    profile = profiles.get("a")

    assert profile is not None
    assert {
        "mfa_serial": "arn:aws:iam::123456789012:mfa/jane",
        "region": "eu-west-3",
        key: "base",
    } == {name: setting.value for name, setting in profile.settings.items()}
    assert "~/.aws/config:2, [profile base], mfa_serial" == str(profile.settings["mfa_serial"].origin)
    assert profiles.for_botocore()["profiles"]["a"]["mfa_serial"] == profile.value("mfa_serial")


def test_an_included_profile_may_include_another(home: Home) -> None:
    """All included profiles count, a loop ends, and an unknown profile is ignored."""
    text = f"{BASE}include_profile = a\n[profile a]\nexternal_id = e\ninclude_profile = base\n[profile b]\n"

    both = home.read(f"{text}include_profile = a\n").get("b")
    none = home.read(f"{text}include_profile = gone\n").get("b")

    assert both is not None
    assert none is not None
    assert ("e", "eu-west-1") == (both.value("external_id"), both.value("region"))
    assert {"include_profile"} == {*none.settings}


def test_a_role_uses_the_device_of_the_profile_that_it_includes(home: Home) -> None:
    """This is usual for aws-vault; without the device, AWS denies the role."""
    role = "[profile a]\ninclude_profile = base\nsource_profile = me\nrole_arn = arn:aws:iam::123456789012:role/a\n"
    keys = "[me]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"

    chain = home.resolve("a", BASE + role, keys)

    assert "arn:aws:iam::123456789012:mfa/jane" == (chain.hops[0].mfa and chain.hops[0].mfa.serial)
    assert "eu-west-1" == chain.region


@pytest.mark.parametrize("key", ["include_profile", "parent_profile"])
def test_an_included_profile_that_does_not_exist_is_named(key: str, home: Home) -> None:
    """It adds nothing, as in aws-vault; a note says so, and so does the error for a missing source."""
    keys = "[me]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
    role = f"[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\n{key} = bsae\n"
    fact = f"{key} names profile 'bsae', which does not exist"

    (note,) = home.resolve("a", f"{BASE}{role}source_profile = me\n", keys).notes
    assert (fact, f"~/.aws/config:7, [profile a], {key}") == (note.fact, str(note.origin))

    with pytest.raises(ConfigError) as caught:
        home.resolve("a", BASE + role, keys)
    assert fact == caught.value.because
    assert ["role_arn", key] == [origin.key for origin in caught.value.origins]


@pytest.mark.parametrize(
    ("config_text", "credentials_text", "word", "hint"),
    [
        ("[profile power-user]\n", "", "power-usr", "write source_profile = power-user"),
        ("[profile Prod]\n", "", "prod", "write source_profile = Prod"),
        ("[profile 'a b']\n", "", "'a b'", "write source_profile = a b"),
        ("[profile a]\n", "", "profile a", "write source_profile = a"),
        ("[Profile x]\n", "", "x", "write [profile x] in ~/.aws/config:1"),
        ("\n[ profile x]\n", "", "x", "write [profile x] in ~/.aws/config:2"),
        ("[[profile x]]\n", "", "x", "write [profile x] in ~/.aws/config:1"),
        ("[x]\n", "", "x", "write [profile x] in ~/.aws/config:1"),
        ("[profile a b]\n", "", "a b", 'write [profile "a b"] in ~/.aws/config:1'),
        ("[profile o'x]\n", "", "o'x", 'write [profile "o\'x"] in ~/.aws/config:1'),
        ("", "[profile x]\n", "x", "write [x] in ~/.aws/credentials:1"),
        ("", "[[x]]\n", "x", "write [x] in ~/.aws/credentials:1"),
        ("[profile a]\n", "", "zzz", None),
        ("", "", "", None),
    ],
)
def test_an_unknown_name_is_explained(
    config_text: str, credentials_text: str, word: str, hint: str | None, home: Home
) -> None:
    """A misspelt section comes first, then the closest name."""
    origin = Origin("~/.aws/config", 3, "profile r", "source_profile")

    assert hint == config.did_you_mean(word, home.read(config_text, credentials_text), origin)
