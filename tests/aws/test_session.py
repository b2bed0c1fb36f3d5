"""The session: it uses the profiles and the environment of the caller; its endpoints are those of botocore."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from awsenv import config
from awsenv.aws.proxy import proxies, proxy_to
from awsenv.aws.sdk import SERVICES, LeanLoader, SdkSession, loader
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Sts
from awsenv.errors import ConfigError, Origin, UnreachableError
from awsenv.variables import SETTING, having

if TYPE_CHECKING:
    from aws.conftest import Home, Proxy

ENDPOINTS = """
[profile both]
services = mine
endpoint_url = http://profile.test

[profile one]
endpoint_url = http://profile.test

[profile off]
endpoint_url = http://profile.test
ignore_configured_endpoint_urls = true

[services mine]
sts =
  endpoint_url = http://services.test
"""


@pytest.mark.parametrize(
    ("profile", "variables", "expected"),
    [
        ("both", {"AWS_ENDPOINT_URL_STS": "http://s.test", "AWS_ENDPOINT_URL": "http://g.test"}, "http://s.test"),
        ("both", {"AWS_ENDPOINT_URL": "http://g.test"}, "http://g.test"),
        ("both", {}, "http://services.test"),
        ("one", {}, "http://profile.test"),
        ("off", {}, None),
        ("one", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://g.test"}, None),
        (None, {}, None),
    ],
)
def test_the_endpoint_is_the_nearest_one(
    home: Home, profile: str | None, variables: dict[str, str], expected: str | None
) -> None:
    """Prefer the variable of the service, then the general variable, the services section, the profile."""
    del home.environ["AWS_ENDPOINT_URL"]
    home.environ.update(variables)
    session = home.session(home.configure(ENDPOINTS), profile)
    setting = session.endpoint_setting("sts")
    assert expected == (None if setting is None else setting.value)


COMMENT = "put the comment on a line of its own: here it is a part of the value"
URL = "it must be a URL of http or https"
REFUSED = "the AWS SDK does not accept it"
NUMBER = "it must be a whole number"


@pytest.mark.parametrize(
    ("line", "fact", "hint"),
    [
        ("region =", f"region is empty: {REFUSED}", "correct region, or remove it"),
        ("region = eu central 1", f"region is 'eu central 1': {REFUSED}", "correct region, or remove it"),
        ("region = eu-central-1 # Frankfurt", f"region is 'eu-central-1 # Frankfurt': {REFUSED}", COMMENT),
        ("max_attempts = many", f"max_attempts is 'many': {NUMBER}", "correct max_attempts, or remove it"),
        ("max_attempts =", f"max_attempts is empty: {NUMBER}", "correct max_attempts, or remove it"),
        ("max_attempts = 0", "max_attempts is '0': it must be 1 or more", "correct max_attempts, or remove it"),
        ("max_attempts = 3 ; enough", f"max_attempts is '3 ; enough': {NUMBER}", COMMENT),
        (
            "retry_mode = eager",
            "retry_mode is 'eager': it must be legacy, standard or adaptive",
            "correct retry_mode, or remove it",
        ),
        (
            "defaults_mode = bold",
            "defaults_mode is 'bold': it must be legacy, auto, standard, in-region, cross-region or mobile",
            "correct defaults_mode, or remove it",
        ),
        (
            "sts_regional_endpoints = everywhere",
            f"sts_regional_endpoints is 'everywhere': {REFUSED}",
            "correct sts_regional_endpoints, or remove it",
        ),
        ("account_id_endpoint_mode = maybe", f"account_id_endpoint_mode is 'maybe': {REFUSED}", "correct"),
        ("request_checksum_calculation = never", f"request_checksum_calculation is 'never': {REFUSED}", "correct"),
        ("api_versions = 1", f"api_versions is '1': {REFUSED}", "correct api_versions, or remove it"),
        ("endpoint_url = foo", f"endpoint_url is 'foo': {URL}", "correct endpoint_url, or remove it"),
        ("endpoint_url = ftp://aws.test", f"endpoint_url is 'ftp://aws.test': {URL}", "correct endpoint_url"),
        ("endpoint_url = https://:443", f"endpoint_url is 'https://:443': {URL}", "correct endpoint_url"),
        ("endpoint_url = http://a:b", f"endpoint_url is 'http://a:b': {URL}", "correct endpoint_url"),
        (
            "endpoint_url = http://me:canary@127.0.0.1:1 # mine",
            f"endpoint_url is 'http://…@127.0.0.1:1 # mine': {URL}",
            COMMENT,
        ),
        ("ca_bundle = /no/such", "ca_bundle is '/no/such': it cannot be read (No such file or directory)", "correct"),
        ("ca_bundle = /etc/passwd", "ca_bundle is '/etc/passwd': it holds no certificate in PEM", "correct ca_bundle"),
        ("ca_bundle = /", "ca_bundle is '/': it cannot be read (Is a directory)", "correct ca_bundle, or remove it"),
    ],
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_setting_that_makes_requests_impossible(
    home: Home, line: str, fact: str, hint: str, *, by_variable: bool
) -> None:
    """Name the setting, its value and its place, in the profile as in the environment; nothing is sent."""
    home.environ["AWS_ENDPOINT_URL"] = home.sandbox.url.replace("http:", "https:")
    key, _, value = map(str.strip, line.partition("="))
    variable = {"region": "AWS_DEFAULT_REGION"}.get(key, f"AWS_{key.upper()}")
    place = f"~/config:3, [profile p], {key}"
    if by_variable and (not value or key == "api_versions"):
        return  # an empty variable is none, and there is no variable for the other
    if key == "endpoint_url":
        del home.environ["AWS_ENDPOINT_URL"]
    if by_variable:
        home.environ[variable] = value
        line, place, hint = "", variable, COMMENT if hint == COMMENT else f"unset {variable}"
    session = home.session(home.configure(f"[profile p]\n\n{line}\n"), "p")

    with pytest.raises(ConfigError) as caught:
        Sts(session).identity(home.user)

    assert fact.replace(f"{key} is", f"{variable if by_variable else key} is", 1) == caught.value.fact
    assert (place, True) == (caught.value.where, caught.value.hints[0].startswith(hint))
    assert ((), 1) == (home.sandbox.calls, len(caught.value.hints))


def test_a_comment_behind_an_endpoint_of_a_service(home: Home) -> None:
    """Name the section of the services."""
    del home.environ["AWS_ENDPOINT_URL"]
    url = "http://127.0.0.1:1 # mine"
    text = f"[profile p]\nservices = mine\n[services mine]\nsts =\n  endpoint_url = {url}\n"
    with pytest.raises(ConfigError) as caught:
        Sts(home.session(home.configure(text), "p")).identity(home.user)

    assert (f"endpoint_url is '{url}': {URL}", (COMMENT,)) == (caught.value.fact, caught.value.hints)
    assert "~/config:4, [services mine], sts, endpoint_url" == caught.value.where


@pytest.mark.parametrize(
    ("value", "shown", "hint"),
    [
        ("odd", "'odd'", "correct addressing_style, or remove it"),
        ("Path", "'Path'", "correct addressing_style, or remove it"),
        ("", "empty", "correct addressing_style, or remove it"),
        ("path # old", "'path # old'", COMMENT),
    ],
)
def test_a_nested_setting_that_makes_requests_impossible(home: Home, value: str, shown: str, hint: str) -> None:
    """A setting of S3 that botocore refuses is refused for STS, too."""
    text = f"[profile p]\ns3 =\n  max_queue_size = 10\n  addressing_style = {value}\n"
    with pytest.raises(ConfigError) as caught:
        Sts(home.session(home.configure(text), "p")).identity(home.user)

    assert f"addressing_style is {shown}: it must be auto, virtual or path" == caught.value.fact
    assert ("~/config:2, [profile p], s3, addressing_style", (hint,)) == (caught.value.where, caught.value.hints)


def test_two_wrong_settings(home: Home) -> None:
    """Name one that is wrong alone, and after its repair the other."""
    lines = ["retry_mode = eager\n", "max_attempts = many\n"]
    names = []
    while lines:
        with pytest.raises(ConfigError) as caught:
            Sts(home.session(home.configure("[profile p]\n" + "".join(lines)), "p")).identity(home.user)
        (origin,) = caught.value.origins
        names.append(origin.key)
        lines = [line for line in lines if not line.startswith(str(origin.key))]

    assert {"retry_mode", "max_attempts"} == set(names)
    assert home.principal(home.user).arn == home.user.arn


def test_an_endpoint_needs_no_region(home: Home) -> None:
    """Sign for the default region where none is set, with an endpoint as without one."""
    client = SdkSession(home.session()).create_client("sts")

    assert ("us-east-1", home.sandbox.url) == (client.meta.region_name, client.meta.endpoint_url)


NOWHERE = "there is no section [services nowhere]"
BELOW = "the URL must be below it, as an indented line endpoint_url = URL"


@pytest.mark.parametrize(
    ("lines", "fact", "place"),
    [
        ("services = nowhere\n", NOWHERE, "~/config:2, [profile p], services"),
        ("endpoint_url = http://a.test\nservices = nowhere\n", NOWHERE, "~/config:3, [profile p], services"),
        (
            "services = s\n[services s]\nsts = http://a.test\n",
            f"sts is 'http://a.test': {BELOW}",
            "~/config:4, [services s], sts",
        ),
        ("services = s\n[services s]\nsts =\n", f"sts is empty: {BELOW}", "~/config:4, [services s], sts"),
        (
            "endpoint_url = http://a.test\n  /b\n",
            f"endpoint_url is 'http://a.test…': {URL}",
            "~/config:2, [profile p], endpoint_url",
        ),
        (
            "endpoint_url =\n  sts = http://a.test\n",
            f"endpoint_url is '…': {URL}",
            "~/config:2, [profile p], endpoint_url",
        ),
    ],
)
def test_an_endpoint_in_a_wrong_form_is_an_error(home: Home, lines: str, fact: str, place: str) -> None:
    """Nothing is sent to another host instead, unless a setting says to ignore endpoints in files."""
    del home.environ["AWS_ENDPOINT_URL"]
    profiles = home.configure(f"[profile p]\n{lines}")
    with pytest.raises(ConfigError) as caught:
        home.session(profiles, "p").endpoint_setting("sts")
    assert (fact, place) == (caught.value.fact, caught.value.where)
    home.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    assert home.session(profiles, "p").endpoint_setting("sts") is None


@pytest.mark.parametrize(
    ("lines", "variables"),
    [
        ("services = s\n[services s]\niam = http://a.test\n", {}),
        ("services = s\n[services s]\nsts = http://a.test\n", {"AWS_ENDPOINT_URL": "http://b.test"}),
        ("services = nowhere\n", {"AWS_ENDPOINT_URL_STS": "http://b.test"}),
    ],
)
def test_an_unused_services_section_breaks_nothing(home: Home, lines: str, variables: dict[str, str]) -> None:
    """The section is read only for the called service, and only if no variable outranks it."""
    del home.environ["AWS_ENDPOINT_URL"]
    home.environ.update(variables)
    found = home.session(home.configure(f"[profile p]\n{lines}"), "p").endpoint_setting("sts")
    assert list(variables.values()) == ([] if found is None else [found.value])


def test_the_environment_of_the_process_is_ignored(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore its endpoint, its profile, which does not exist, and its keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    assert home.principal(home.user).arn == home.user.arn


def test_a_profile_that_does_not_exist_breaks_nothing(home: Home) -> None:
    """Ignore AWS_PROFILE, since the chain has been resolved."""
    home.environ["AWS_PROFILE"] = "does-not-exist"
    assert home.principal(home.user).account == home.user.account


@pytest.mark.parametrize("name", having(SETTING))
def test_an_empty_variable_is_none(home: Home, name: str) -> None:
    """Ignore it, as CI systems set empty variables: botocore refuses an empty retry mode and an empty number."""
    home.environ[name] = ""
    home.environ.setdefault("AWS_ENDPOINT_URL_STS", home.sandbox.url)

    assert home.principal(home.user).arn == home.user.arn


def test_the_loopback_is_never_reached_through_a_proxy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Succeed though nothing listens at the proxy."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        home.environ[name] = "http://127.0.0.1:1"
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        home.environ.pop(name, None)
    assert home.principal(home.user).arn == home.user.arn


def test_the_proxy_of_the_environment_is_used(home: Home, proxy: Proxy) -> None:
    """Reach AWS through it: there is no host of that name."""
    home.environ.update({"AWS_ENDPOINT_URL": "http://sts.example.test", "HTTP_PROXY": proxy.url})

    assert home.principal(home.user).arn == home.user.arn
    assert proxy.urls == ["http://sts.example.test/"]


@pytest.mark.parametrize(
    ("name", "proxy", "kind"),
    [
        ("HTTP_PROXY", "socks5://127.0.0.1:1080", "SOCKS"),
        ("http_proxy", "socks5h://user:canary@localhost:1080", "SOCKS"),
        ("Http_Proxy", "socks4://127.0.0.1:1080", "SOCKS"),
        ("HTTP_PROXY", "SOCKS4A://127.0.0.1:1080", "SOCKS"),
        ("HTTP_PROXY", "socks://127.0.0.1:1080", "SOCKS"),
        ("HTTP_PROXY", "quic://127.0.0.1:1080", "QUIC"),
    ],
)
def test_a_proxy_that_is_not_one_for_http_is_refused(home: Home, name: str, proxy: str, kind: str) -> None:
    """Name the variable, and not its value: botocore would look for a host named `socks5`."""
    home.environ.update({"AWS_ENDPOINT_URL": "http://sts.example.test", name: proxy})

    with pytest.raises(ConfigError) as caught:
        home.principal(home.user)

    expected = f"botocore cannot use the {kind} proxy that {name} names"
    assert (expected, (Origin(name),)) == (caught.value.fact, caught.value.origins)
    assert "canary" not in "".join(caught.value.hints)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "quic://127.0.0.1:1"])
@pytest.mark.parametrize("variables", [{"no_proxy": "example.test"}, {"AWS_ENDPOINT_URL": ""}])
def test_a_proxy_that_is_not_needed_is_not_refused(home: Home, proxy: str, variables: dict[str, str]) -> None:
    """Ignore it for a host of NO_PROXY and for the loopback; ALL_PROXY is no proxy of botocore."""
    url = home.environ.pop("AWS_ENDPOINT_URL", "") or home.sandbox.url
    home.environ.update({"AWS_ENDPOINT_URL": "http://sts.example.test", "HTTP_PROXY": proxy, "ALL_PROXY": proxy})
    home.environ.update(variables)
    if "no_proxy" in variables:
        with pytest.raises(UnreachableError, match=re.escape("sts.example.test cannot be reached")):
            home.principal(home.user)
    else:
        home.environ["AWS_ENDPOINT_URL"] = url
        assert home.principal(home.user).arn == home.user.arn


def test_the_proxy_of_the_process_is_not_used(home: Home, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore it: the agent may have been started from another shell."""
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    home.environ["AWS_ENDPOINT_URL"] = "http://sts.example.test"

    with pytest.raises(UnreachableError, match="cannot be reached"):
        home.principal(home.user)
    assert proxy.urls == []


@pytest.mark.parametrize("listed", ["example.test", ".test", "other.test, sts.example.test", "*"])
def test_no_proxy_is_respected(home: Home, proxy: Proxy, listed: str) -> None:
    """Accept hosts and domains."""
    home.environ.update({"AWS_ENDPOINT_URL": "http://sts.example.test", "HTTP_PROXY": proxy.url, "no_proxy": listed})

    with pytest.raises(UnreachableError, match=r"sts\.example\.test cannot be reached"):
        home.principal(home.user)
    assert proxy.urls == []


@pytest.mark.parametrize(
    ("listed", "used"),
    [
        ("", True),
        ("example.test", True),
        ("sts.eu-west-1.amazonaws.com", False),
        ("amazonaws.com", False),
        (".eu-central-1.amazonaws.com", True),
    ],
)
def test_an_endpoint_that_botocore_chooses_counts_as_well(home: Home, listed: str, *, used: bool) -> None:
    """Decide by the host of the request, which only botocore knows."""
    environ = home.environ | {"https_proxy": "http://127.0.0.1:1", "no_proxy": listed}

    assert used == (proxy_to("https://sts.eu-west-1.amazonaws.com/", environ) is not None)


NAMES = st.sampled_from(
    ["http_proxy", "HTTP_PROXY", "Http_Proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"]
)


@given(st.dictionaries(NAMES, st.sampled_from(["", "http://a", "http://b"])))
def test_an_environment_names_the_proxies_that_python_finds_in_it(environ: dict[str, str]) -> None:
    """Read them as urllib reads the environment of a process."""
    with pytest.MonkeyPatch.context() as process:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            process.delenv(name)
        for name, value in environ.items():
            process.setenv(name, value)
        expected = getproxies()

    assert expected == (proxies(environ) or {})


@pytest.mark.parametrize("setting", ["REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "profile", "relative", "home"])
def test_the_ca_bundle_is_that_of_the_environment_or_of_the_profile(
    home: Home, tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Ignore that of the process; a relative path begins at the folder of the caller, and `~` is their home."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("HOME", "/nowhere")
    home.environ["AWS_ENDPOINT_URL"] = f"https://127.0.0.1:{tls_port}"
    profiles = home.configure(f"[default]\nca_bundle = {certificate}\n" if setting == "profile" else "")
    if setting == "relative":
        profiles = config.read(home.environ, str(certificate.parent))
        home.environ["AWS_CA_BUNDLE"] = certificate.name
    elif setting == "home":
        home.environ.update(HOME=str(certificate.parent), AWS_CA_BUNDLE=f"~/{certificate.name}")
    elif setting != "profile":
        home.environ[setting] = str(certificate)

    # The server sends nothing that AWS would send.
    with pytest.raises(UnreachableError, match=r"is failing \(HTTP 501\)"):
        home.principal(home.user, profiles)


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", ""])
def test_no_ca_bundle_does_not_mean_no_verification(home: Home, tls_port: int, name: str) -> None:
    """Verify the certificate where the name is empty."""
    home.environ["AWS_ENDPOINT_URL"] = f"https://127.0.0.1:{tls_port}"
    home.environ[name or "UNRELATED"] = ""

    with pytest.raises(UnreachableError, match="cannot be verified"):
        home.principal(home.user)


def test_there_is_no_credential_chain(home: Home) -> None:
    """Find no key, not even that of the files."""
    profiles = home.configure("[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
    assert SdkSession(home.session(profiles)).get_credentials() is None


def test_a_second_client_shares_the_session(home: Home) -> None:
    """Read botocore's data once for all hops."""
    sdk = SdkSession(home.session())
    assert sdk.get_component("data_loader") is SdkSession(home.session()).get_component("data_loader")


OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "sts": ("get_caller_identity", {}),
    "iam": ("list_mfa_devices", {}),
    "sso": ("get_role_credentials", {"roleName": "r", "accountId": "1" * 12, "accessToken": "t"}),
    "sso-oidc": ("create_token", {"clientId": "a", "clientSecret": "b", "grantType": "c"}),
    "signin": ("create_o_auth2_token", {"tokenInput": {"clientId": "a", "grantType": "refresh_token"}}),
}
PARTITIONS = json.loads(Path(botocore.__file__).with_name("data").joinpath("partitions.json").read_bytes())
REGIONS = [None, "eu-nope-9", *(region for entry in PARTITIONS["partitions"] for region in entry["regions"])]


class Stopped(Exception):  # noqa: N818 - its name says what happened
    """The request is complete, and is not sent."""


def request_of(session: Session, service: str, region: str | None, **settings: bool) -> tuple[str, str] | None:
    """Return the URL and the scope of the signature; None: botocore makes no request of it."""
    sent: list[Any] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stopped

    try:
        client = session.create_client(
            service,
            region_name=region,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="canary-secret",
            config=Config(**settings),
        )
        client.meta.events.register("before-send", stop)
        operation, parameters = OPERATIONS[service]
        getattr(client, operation)(**parameters)
    except (BotoCoreError, Stopped):
        if not sent:
            return None
    authorization = sent[0].headers.get("Authorization", b"").decode()
    return sent[0].url, "/".join(authorization.partition(",")[0].split("/")[2:])


@pytest.mark.slow
@pytest.mark.parametrize("fips", [False, True], ids=["plain", "fips"])
@pytest.mark.parametrize("service", SERVICES)
def test_the_endpoint_is_the_one_of_botocore(
    service: str, *, fips: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Use the same URL, signed for the same region, in every region of every partition."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stock, ours = Session(), SdkSession(AwsSession(None, {"HOME": str(tmp_path)}))
    settings = {"use_fips_endpoint": fips, "use_dualstack_endpoint": False}
    expected = {region: request_of(stock, service, region, **settings) for region in REGIONS}
    actual = {region: request_of(ours, service, region, **settings) for region in REGIONS}
    assert expected == actual


@pytest.mark.slow
def test_the_dual_stack_endpoint_is_the_one_of_botocore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the same URL wherever botocore has one: it refuses two partitions that its own rules know."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stock, ours = Session(), SdkSession(AwsSession(None, {"HOME": str(tmp_path)}))
    for region in REGIONS:
        expected = request_of(stock, "sts", region, use_dualstack_endpoint=True)
        assert expected in {None, request_of(ours, "sts", region, use_dualstack_endpoint=True)}


def test_the_legacy_endpoint_of_sts(tmp_path: Path) -> None:
    """Use the global endpoint if the environment sets it."""
    session = SdkSession(AwsSession(None, {"HOME": str(tmp_path), "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}))
    assert request_of(session, "sts", "eu-west-1") == ("https://sts.amazonaws.com/", "us-east-1/sts/aws4_request")


def test_with_data_of_the_user_the_loader_is_that_of_botocore(tmp_path: Path) -> None:
    """Let botocore load them: a data path may hold other endpoints."""
    assert not isinstance(loader(str(tmp_path)), LeanLoader)
