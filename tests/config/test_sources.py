"""The source that a profile holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.config import sources
from awsenv.errors import AwsenvError, ConfigError, SourceError
from awsenv.model import Credentials, Source

if TYPE_CHECKING:
    from config.conftest import Home

ID, SECRET = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", "aws_secret_access_key = canary-secret\n"
KEYS = ID + SECRET
ARN = "arn:aws:iam::123456789012:role/web"
SSO = "sso_account_id = 123456789012\nsso_role_name = dev\n"
LEGACY = f"{SSO}sso_start_url = https://x\nsso_region = eu-west-1\n"


@pytest.mark.parametrize(
    ("config_lines", "credentials_lines", "kind"),
    [
        (KEYS, "", "static"),
        ("", KEYS, "static"),
        ("credential_process = p\n", "", "process"),
        (LEGACY, "", "sso"),
        ("login_session = s\n", "", "login"),
        (f"web_identity_token_file = /t\nrole_arn = {ARN}\n", "", "web-identity"),
        (f"web_identity_token_file = /t\nrole_arn = {ARN}\n{LEGACY}", KEYS, "web-identity"),
        (f"{LEGACY}login_session = s\n", KEYS, "sso"),
        ("login_session = s\ncredential_process = p\n", KEYS, "static"),
        (f"login_session = s\ncredential_process = p\n{KEYS}", "", "login"),
        (f"credential_process = p\n{KEYS}", "", "process"),
    ],
)
def test_the_kind_of_a_source_is_decided_in_the_order_of_botocore(
    config_lines: str, credentials_lines: str, kind: str, home: Home
) -> None:
    """Web identity, SSO, the credentials file, login, process, the config file."""
    chain = home.resolve("a", f"[profile a]\n{config_lines}", f"[a]\n{credentials_lines}")

    assert (kind, "a", ()) == (chain.source.kind, chain.source.profile, chain.hops)


@pytest.mark.parametrize(
    ("config_lines", "credentials_lines", "fact"),
    [
        (ID, "", "profile 'a' holds half an access key: aws_secret_access_key is missing or empty"),
        (SECRET, "", "profile 'a' holds half an access key: aws_access_key_id is missing or empty"),
        (
            "",
            f"{ID}aws_secret_access_key =\n",
            "profile 'a' holds half an access key: aws_secret_access_key is missing or empty",
        ),
        (
            "",
            f"aws_access_key_id =\n{SECRET}",
            "profile 'a' holds half an access key: aws_access_key_id is missing or empty",
        ),
        (SECRET, ID, "the access key of profile 'a' is split between two files"),
        ("sso_session = s\n", "", "profile 'a' holds no credentials and does not say where to get them"),
        ("region = eu-west-1\n", "", "profile 'a' holds no credentials and does not say where to get them"),
    ],
)
def test_a_profile_without_a_whole_source_is_an_error(
    config_lines: str, credentials_lines: str, fact: str, home: Home
) -> None:
    """No other source replaces it, and the message shows no key."""
    with pytest.raises(SourceError) as caught:
        home.resolve("a", f"[profile a]\n{config_lines}", f"[a]\n{credentials_lines}")

    assert fact == caught.value.fact
    assert (
        "canary"
        not in f"{caught.value.fact}{caught.value.where}{caught.value.hints}{caught.value.fact}{caught.value.because}"
    )


@pytest.mark.parametrize(
    ("config_text", "credentials_text", "because", "hint"),
    [
        (
            "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\n  source_profile = default\n",
            "",
            "its line source_profile is indented, and belongs to the value of role_arn",
            "begin the line with source_profile",
        ),
        (
            "[profile a]\nrole_arn = x\n\tregion = x\n\tCredential_Source: Environment\n",
            "",
            "its line credential_source is indented, and belongs to the value of role_arn",
            "begin the line with credential_source",
        ),
        (
            "",
            "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n aws_secret_access_key = canary\n",
            "its line aws_secret_access_key is indented, and belongs to the value of aws_access_key_id",
            "begin the line with aws_secret_access_key",
        ),
        (
            "[profile a]\nregion = eu-west-1\n",
            "[profile a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n",
            "in the credentials file [profile a] is a profile named 'profile a'",
            "write [a]",
        ),
        (
            "[profile a]\nregion = eu-west-1\n",
            "[[a]]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n",
            "in the credentials file [[a]] is a profile named '[a]'",
            "write [a]",
        ),
    ],
)
def test_what_a_profile_lacks_is_there_and_not_read(
    config_text: str, credentials_text: str, because: str, hint: str, home: Home
) -> None:
    """The cause is how the file is written, and the next step mends that."""
    with pytest.raises(AwsenvError) as caught:
        home.resolve("a", config_text, credentials_text)
    assert (because, (hint,)) == (caught.value.because, caught.value.hints)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "sections", "hints"),
    [
        (f"sso_session =\n{SSO}", "[sso-session s]\n", ("write sso_session = s", "aws configure sso")),
        (
            f"sso_session =\n{SSO}",
            "[sso-session s]\n[sso-session 't']\n",
            ("write sso_session = s or t", "aws configure sso"),
        ),
        (f"sso_session =\n{SSO}", "", ("add the section: aws configure sso-session", "aws configure sso")),
        (f"{LEGACY}sso_session =\n", "", ("add the section: aws configure sso-session", "remove it")),
        (f"sso_session = s\n{SSO}", "[sso_session s]\n", ("write [sso-session s] in ~/.aws/config:5",)),
        (f"sso_session = s t\n{SSO}", "[sso-session s t]\n", ('write [sso-session "s t"] in ~/.aws/config:5',)),
        ("sso_session =\n", "", ("add sso_account_id and sso_role_name", "aws configure sso")),
    ],
)
def test_what_an_sso_session_lacks_is_the_next_step(
    lines: str, sections: str, hints: tuple[str, ...], home: Home
) -> None:
    """An empty name, or one of a section whose header is wrong, leads to a line that works."""
    with pytest.raises(AwsenvError) as caught:
        home.resolve("a", f"[profile a]\n{lines}{sections}")
    assert hints == caught.value.hints


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        (f"sso_session = gone\n{SSO}", "there is no section [sso-session gone]"),
        (
            f"sso_session = s\n{SSO}sso_region = eu-west-2\n",
            "sso_region differs between the profile and its sso-session",
        ),
        (
            "sso_account_id = 1\n",
            "profile 'a' signs in with SSO, but lacks sso_role_name, sso_start_url and sso_region",
        ),
        ("web_identity_token_file = /t\n", "profile 'a' has a web_identity_token_file, but no role_arn"),
        ("web_identity_token_file = /t\nrole_arn = x\n", "'x' is not the ARN of a role"),
        ("credential_process =\n", "credential_process of profile 'a' is empty"),
        ("login_session =\n", "login_session of profile 'a' is empty"),
        (f"{LEGACY}sso_session =\n", "sso_session of profile 'a' is empty"),
    ],
)
def test_an_incomplete_description_of_a_source_is_an_error(lines: str, fact: str, home: Home) -> None:
    """The error names the place, before any request."""
    session = "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://x\n"
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", f"[profile a]\n{lines}{session}")

    assert fact == caught.value.fact
    assert "[profile a]" in (caught.value.where or "")


def test_an_sso_session_completes_its_profile(home: Home) -> None:
    """The session supplies the settings that the profile lacks."""
    session = "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://x\n"

    assert "sso" == home.resolve("a", f"[profile a]\nsso_session = s\n{SSO}{session}").source.kind


def test_the_parts_of_a_key_come_from_one_file(home: Home) -> None:
    """A token in the config file is not combined with a key in the credentials file."""
    profiles = home.read(
        f"[profile a]\n{KEYS}aws_session_token = old\n", "[a]\naws_access_key_id = B\naws_secret_access_key = b\n"
    )
    profile = profiles.get("a")

    assert profile is not None
    assert Credentials("B", "b") == config.static_keys(profile)


def test_a_token_of_the_old_name_comes_first(home: Home) -> None:
    """As in botocore."""
    profile = home.read("", f"[a]\n{KEYS}aws_session_token = new\naws_security_token = old\n").get("a")

    assert profile is not None
    keys = config.static_keys(profile)
    assert keys is not None
    assert "old" == keys.session_token
    assert "canary" not in repr(keys)
    assert "canary" not in repr(profile)


def test_a_profile_without_a_key_is_not_an_error(home: Home) -> None:
    """Such a profile has no static keys."""
    profile = home.read("[default]\nregion = x\n").get("default")

    assert profile is not None
    assert config.static_keys(profile) is None


def test_every_error_has_a_hint(home: Home) -> None:
    """No error is without a hint."""
    for lines in (ID, "sso_session = s\n", "source_profile = b\n", "region = x\n"):
        with pytest.raises(AwsenvError) as caught:
            home.resolve("a", f"[profile a]\n{lines}")
        assert caught.value.hints


def test_a_profile_without_a_source_gets_a_hint_at_every_kind(home: Home) -> None:
    """The hint names the first key of each kind that a profile holds."""
    with pytest.raises(SourceError) as caught:
        home.resolve("a", "[profile a]\nregion = eu-west-1\n")

    assert caught.value.hints[0] == (
        "add web_identity_token_file, sso_session, aws_access_key_id, login_session or credential_process"
    )


LONG_TERM = {
    "web-identity": False,
    "sso": False,
    "static": True,
    "login": False,
    "process": True,
    "environment": True,
    "container": False,
    "instance": False,
    "session": False,
}


@pytest.mark.parametrize("kind", sources.KINDS)
def test_only_some_kinds_may_be_the_access_key_of_a_user(kind: str) -> None:
    """Only with such a source does `awsenv login` open an MFA session. A token always means temporary credentials."""
    kinds = (sources.may_be_long_term(Source(kind)), sources.may_be_long_term(Source(kind, has_token=True)))

    assert (LONG_TERM[kind], False) == kinds


@pytest.mark.parametrize(
    ("source", "title"),
    [
        (Source("static", "default"), "the access key of profile default"),
        # A header of the credentials file that was written as for the config file.
        (Source("static", "profile terraform"), "the access key of profile 'profile terraform'"),
        (Source("environment"), "the access key of the environment"),
        (Source("process", "default"), "credential_process of profile default"),
        (Source("instance", "default"), "the role of this EC2 instance"),
    ],
)
def test_the_title_of_a_source(source: Source, title: str) -> None:
    """It names the kind, and the profile where there is one."""
    assert title == sources.title(source)
