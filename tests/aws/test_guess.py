"""The guess of the first host, compared with the host that is called in the end."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.aws import guess
from awsenv.aws.connection import Address
from awsenv.aws.proxy import proxy_to
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Sts
from awsenv.errors import AwsenvError
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ARN = "arn:aws:iam::123456789012:role/reader"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret"
PLAIN = f"[default]\n{KEYS}\n[profile a]\nrole_arn = {ARN}\nsource_profile = default\n"
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}

LINES = (
    f"role_arn = {ARN}",
    "role_arn: arn:aws-cn:iam::123456789012:role/reader",
    "source_profile = default",
    "source_profile=b",
    "source_profile = a",
    "credential_source = Environment",
    "region = eu-west-1",
    "Region:cn-north-1",
    "region = us-gov-west-1 ",
    "region =",
    "  region = us-east-2",
    "region = US-EAST-1",
    "endpoint_url = http://127.0.0.1:4566/path",
    "endpoint_url = https://STS.example",
    "endpoint_url =",
    "services = local",
    "use_fips_endpoint = true",
    "use_fips_endpoint = False",
    "use_dualstack_endpoint = true",
    "sts_regional_endpoints = legacy",
    "sts_regional_endpoints = regional",
    "ignore_configured_endpoint_urls = true",
    "defaults_mode = standard",
    "include_profile = b",
    KEYS,
    "web_identity_token_file = /token",
    "# region = eu-west-2",
    " ; region = eu-west-2",
    "",
    "s3 =\n  addressing_style = path",
    "sts =\n  endpoint_url = http://127.0.0.1:9/services",
    "no key",
    "= no key",
)
HEADERS = ("default", "profile a", "profile b", "profile default", "DEFAULT", "profile 'a'", "services local", "a", "b")
VARIABLES = (
    ("AWS_REGION", "ap-south-1"),
    ("AWS_REGION", ""),
    ("AWS_DEFAULT_REGION", "eu-north-1"),
    ("AWS_PROFILE", "a"),
    ("AWS_DEFAULT_PROFILE", "b"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:4567"),
    ("AWS_ENDPOINT_URL_STS", "https://sts.example:8443/x"),
    ("AWS_ENDPOINT_URL_STS", "https://user@sts.example"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
    ("AWS_STS_REGIONAL_ENDPOINTS", "legacy"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ("HTTPS_PROXY", "http://proxy.example:3128"),
    ("http_proxy", "http://proxy.example:3128"),
    ("ALL_PROXY", "socks5://proxy.example"),
    ("NO_PROXY", "amazonaws.com"),
)

ROLE = f"role_arn = {ARN}"

few: st.SearchStrategy[list[str]] = st.just([]) | st.lists(st.sampled_from(LINES), max_size=2)
regions = st.sampled_from([[], ["region = eu-west-1"], ["Region:ca-central-1 "], ["region ="]])
sections = st.fixed_dictionaries(
    {
        "default": st.sampled_from([[KEYS], [], [ROLE, "source_profile = b"]]),
        "profile a": st.sampled_from(
            ["source_profile = default", "source_profile=b", "credential_source = Environment"]
        )
        .map(lambda source: [ROLE, source])
        .flatmap(lambda lines: st.sampled_from([lines, lines, [KEYS]])),
        "profile b": st.sampled_from([[KEYS], [ROLE, "source_profile = default"], [ROLE, KEYS, "source_profile = b"]]),
    }
)


def written(found: dict[str, list[str]], more: list[list[str]], odd: list[tuple[str, list[str]]]) -> str:
    """Return a config file with the sections *found* plus *more* lines, followed by the sections *odd*."""
    plain = [(header, [*lines, *rest]) for (header, lines), rest in zip(found.items(), more, strict=False)]
    return "".join(f"[{header}]\n" + "".join(f"{line}\n" for line in lines) for header, lines in [*plain, *odd])


extra = st.tuples(regions, few).map(lambda both: [*both[0], *both[1]])
odd: st.SearchStrategy[list[tuple[str, list[str]]]] = st.just([]) | st.lists(
    st.tuples(st.sampled_from(HEADERS), few), max_size=1
)
texts = st.builds(written, sections, st.lists(extra, min_size=3, max_size=3), odd)
shared = st.sampled_from(["", f"[default]\n{KEYS}\n", "[a]\nregion = us-east-2\n"]) | st.builds(
    written, st.just({}), st.just([]), odd
)
environs = st.lists(st.sampled_from(VARIABLES), max_size=2).map(dict)


@contextmanager
def found(config_text: str, credentials_text: str, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield *environ* with a home folder that holds the two files."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, ".aws")
        folder.mkdir()
        (folder / "config").write_text(config_text)
        (folder / "credentials").write_text(credentials_text)
        yield {"HOME": home, **environ}


def called(role: str, environ: Mapping[str, str], profile: str | None, region: str | None) -> Address | None:
    """Return where the first call goes; None: through a proxy.

    Raises:
        AwsenvError: Nothing is called.
    """
    profiles = config.read(environ)
    chain = config.resolve(RoleRequest(role, profile=profile, region=region), profiles, environ)
    session = AwsSession(profiles, environ, profile=chain.settings_profile, region=chain.region)
    url = Sts(session).endpoint()
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    address = Address(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls=is_tls)
    return address if proxy_to(url, environ) is None else None


@hypothesis_settings(max_examples=200)
@given(
    texts,
    shared,
    environs,
    st.sampled_from(["a", "b", "default", ARN, "123456789012/reader"]),
    st.sampled_from([None, None, None, "b"]),
    st.sampled_from([None, None, "eu-central-1", "nowhere-1"]),
)
def test_a_guess_is_never_wrong(
    config_text: str,
    credentials_text: str,
    environ: dict[str, str],
    role: str,
    profile: str | None,
    region: str | None,
) -> None:
    """For any files, variables and options, there is no guess, or it is the host that is called."""
    with found(config_text, credentials_text, environ) as each:
        guessed = guess.address(role, each, profile=profile, region=region)
        if guessed is not None:
            try:
                actual = called(role, each, profile, region)
            except AwsenvError:
                return  # nothing is called, whose host could be another
            assert actual == guessed


@pytest.mark.parametrize(
    ("text", "environ", "role", "host"),
    [
        (PLAIN, {}, "a", "sts.amazonaws.com"),
        (PLAIN + "region = eu-west-1\n", {}, "a", "sts.eu-west-1.amazonaws.com"),
        (PLAIN.replace("[profile", "region: eu-west-2\n[profile"), {}, "a", "sts.eu-west-2.amazonaws.com"),
        (PLAIN + "region = eu-west-1\n", {"AWS_REGION": "us-west-2"}, "a", "sts.us-west-2.amazonaws.com"),
        (PLAIN, {"AWS_REGION": "eu-north-1"}, ARN, "sts.eu-north-1.amazonaws.com"),
        (PLAIN, {"AWS_DEFAULT_REGION": "eu-north-1"}, "123456789012/r", "sts.eu-north-1.amazonaws.com"),
        ("", {**ENV_KEYS, "AWS_REGION": "eu-north-1"}, ARN, "sts.eu-north-1.amazonaws.com"),
        (
            PLAIN.replace(":aws:", ":aws-us-gov:") + "region = us-gov-west-1\n",
            {},
            "a",
            "sts.us-gov-west-1.amazonaws.com",
        ),
        (PLAIN.replace(":aws:", ":aws-cn:") + "region = cn-north-1\n", {}, "a", "sts.cn-north-1.amazonaws.com.cn"),
        (PLAIN + "endpoint_url = https://sts.example\n", {}, "a", "sts.example"),
        (PLAIN, {"AWS_ENDPOINT_URL": "https://sts.example/x"}, "a", "sts.example"),
        (PLAIN + "[profile b]\nendpoint_url = https://sts.example\n", {}, "a", "sts.amazonaws.com"),
        (f"# café\r\n{PLAIN}".replace("\n", "\r\n"), {}, "a", "sts.amazonaws.com"),
        (PLAIN + f"[profile b]\nrole_arn = {ARN}\nsource_profile = a\n", {}, "b", "sts.amazonaws.com"),
        (PLAIN, {"HTTP_PROXY": "http://proxy.example", "NO_PROXY": "*"}, "a", "sts.amazonaws.com"),
    ],
)
def test_plain_settings_are_understood(text: str, environ: dict[str, str], role: str, host: str) -> None:
    """The settings that most users have lead to a correct guess."""
    with found(text, "", {"NO_PROXY": "x.example", **environ}) as each:
        guessed = guess.address(role, each, profile=None, region=None)

        assert Address(host, 443, is_tls=True) == guessed == called(role, each, None, None)


@pytest.mark.parametrize(
    ("text", "environ", "host"),
    [
        (PLAIN, {}, "sts.amazonaws.com"),
        (f"{PLAIN}region = eu-west-1\n", {"AWS_REGION": "us-west-2"}, "sts.us-west-2.amazonaws.com"),
        (f"{PLAIN}region = eu-west-1\n", {}, "sts.amazonaws.com"),
        (PLAIN.replace("[profile", "region = eu-west-2\n[profile"), {}, "sts.eu-west-2.amazonaws.com"),
        (f"{PLAIN}endpoint_url = https://sts.example\n", {}, None),
        (f"{PLAIN}use_fips_endpoint = true\n", {}, None),
    ],
)
def test_a_guess_before_the_role_is_picked(text: str, environ: dict[str, str], host: str | None) -> None:
    """The guess is the host of `[default]`, unless a profile has a host of its own."""
    with found(text, "", {"NO_PROXY": "x.example", **environ}) as each:
        guessed = guess.address(None, each, profile=None, region=None)

    assert (host and Address(host, 443, is_tls=True)) == guessed


def test_an_endpoint_on_this_machine_needs_no_proxy() -> None:
    """A URL on the loopback gives a guess even if a proxy is set."""
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "HTTP_PROXY": "http://proxy.example:3128"}
    with found(PLAIN, "", environ) as each:
        guessed = guess.address("a", each, profile=None, region=None)

        assert Address("127.0.0.1", 5000, is_tls=False) == guessed == called("a", each, None, None)


@pytest.mark.parametrize(
    ("text", "environ", "bundle"),
    [
        (PLAIN + "ca_bundle = /own.pem\n", {}, "/own.pem"),
        (PLAIN + "ca_bundle = /own.pem\n", {"AWS_CA_BUNDLE": "/aws.pem", "REQUESTS_CA_BUNDLE": "/r.pem"}, "/aws.pem"),
        (PLAIN, {"REQUESTS_CA_BUNDLE": "/requests.pem"}, "/requests.pem"),
        (PLAIN + "ca_bundle = ~/own.pem\n", {}, "~/own.pem"),
        (PLAIN, {"AWS_CA_BUNDLE": "~root/ca.pem"}, os.path.expanduser("~root/ca.pem")),  # noqa: PTH111 - as a user types it
    ],
)
def test_the_ca_bundle_is_part_of_the_guess(text: str, environ: dict[str, str], bundle: str) -> None:
    """The early connection uses the same CA bundle as the call."""
    with found(text, "", {"NO_PROXY": "x.example", **environ}) as each:
        guessed = guess.address("a", each, profile=None, region=None)

        bundle = bundle.replace("~", each["HOME"])
        assert Address("sts.amazonaws.com", 443, is_tls=True, bundle=bundle) == guessed


@pytest.mark.parametrize(
    ("text", "environ", "role"),
    [
        (PLAIN, {}, "default"),
        (PLAIN, {}, "unknown"),
        (PLAIN, {"AWSENV_ROLE": "a"}, "a"),
        (PLAIN, {"https_proxy": "http://proxy.example:3128"}, "a"),
        (PLAIN, {"AWS_USE_FIPS_ENDPOINT": "true"}, "a"),
        (PLAIN, {"AWS_ENDPOINT_URL": "https://ünïcode.example"}, "a"),
        (PLAIN, {"AWS_CONFIG_FILE": "$HOME/.aws/config"}, "a"),
        (PLAIN, {"AWS_DATA_PATH": "/data"}, "a"),
        (PLAIN + "services = local\n", {}, "a"),
        (PLAIN + "region = nowhere-1\n", {}, "a"),
        (PLAIN + "include_profile = b\n", {}, "a"),
        (f"[DEFAULT]\nendpoint_url = https://sts.example\n{PLAIN}", {}, "a"),
        (f"\ufeff{PLAIN}", {}, "a"),
    ],
)
def test_unclear_settings_lead_to_no_guess(text: str, environ: dict[str, str], role: str) -> None:
    """If a setting may change the host, there is no guess: nobody should see a connection by mistake."""
    with found(text, "", environ) as each:
        assert guess.address(role, each, profile=None, region=None) is None


def test_a_pipe_in_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    """A pipe can be read only once, so there is no guess."""
    os.mkfifo(tmp_path / "pipe")

    environ = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "pipe")}

    assert guess.address(ARN, environ, profile=None, region="eu-west-1") is None
