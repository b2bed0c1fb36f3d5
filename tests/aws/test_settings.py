"""The settings of a client of STS equal botocore's, for every region, file and environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore
import pytest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.retries.standard import DEFAULT_MAX_ATTEMPTS
from botocore.session import Session
from botocore.useragent import UserAgentString
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsenv.aws.request import IDENTITY
from awsenv.aws.sdk import SdkSession
from awsenv.aws.session import AwsSession
from awsenv.aws.settings import ClientSettings, client_settings, user_agent
from awsenv.aws.translate import connect
from awsenv.config.files import File
from awsenv.config.partitions import AWS, partition, partition_with
from awsenv.config.profiles import Profiles
from awsenv.errors import ConfigError, Origin
from awsenv.model import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATA = Path(botocore.__file__).with_name("data")
PARTITIONS = json.loads((DATA / "partitions.json").read_bytes())["partitions"]
REGIONS = [region for entry in PARTITIONS for region in entry["regions"]]
ODD_REGIONS = [None, "eu-nope-9", "nope-1", "local", "fips-us-east-1", "us-gov-west-1-fips", "EU-CENTRAL-1", "us-a_b-1"]
SIGNER = Credentials("AKIAIOSFODNN7EXAMPLE", "canary-secret")
LEGACY_ATTEMPTS = json.loads((DATA / "_retry.json").read_bytes())["retry"]["__default__"]["max_attempts"]


class Stopped(Exception):  # noqa: N818 - its name says what happened
    """The request is complete, and is not sent."""


def sent_by(client: Any) -> tuple[str, str]:
    """Return the URL and the signing region of a client of botocore."""
    sent: list[Any] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stopped

    client.meta.events.register_first("before-send", stop)
    with suppress(Stopped):
        client.get_caller_identity()
    scope = sent[0].headers["Authorization"].decode().partition(",")[0].split("/")
    # The name and the password of a URL are sent to nobody.
    url = sent[0].url.replace("me:pw@", "")
    return (url[:-1] if urlsplit(url).path == "/" else url), scope[2]


def of_botocore(session: AwsSession, sdk: SdkSession | None = None) -> tuple[str, str, int, str]:
    """Return the URL, the region, the attempts and the retry mode of botocore's own client."""
    client, _ = connect(sdk or SdkSession(session), IDENTITY, SIGNER)
    retries = client.meta.config.retries
    is_set = session.setting("retry_mode", "AWS_RETRY_MODE") is not None
    # Older releases of botocore, as 1.41, take `legacy` where nothing is set.
    mode = retries["mode"] if is_set else "standard"
    most = LEGACY_ATTEMPTS if mode == "legacy" else DEFAULT_MAX_ATTEMPTS
    return (*sent_by(client), retries.get("total_max_attempts", most), mode)


def ours(session: AwsSession) -> tuple[str, str, int, str]:
    """Return the same for awsenv."""
    found = client_settings(session)
    return found.url, found.signing_region, found.attempts, found.retry_mode


def result(ask: Any, session: AwsSession) -> object:
    """Return the result of *ask*, or the text and the origin of its error."""
    try:
        return ask(session)
    except ConfigError as error:
        return error.fact, error.where, error.hints


def profiles(text: str) -> Profiles:
    """Return the profiles of a config file."""
    return Profiles(File("~/.aws/config", "config", text), File("~/.aws/credentials", "credentials", None))


@pytest.mark.slow
@pytest.mark.parametrize("dual_stack", ["false", "true"])
@pytest.mark.parametrize("fips", ["false", "TRUE"])
@pytest.mark.parametrize("mode", ["legacy", "regional"])
def test_the_endpoint_of_every_region_is_that_of_botocore(mode: str, fips: str, dual_stack: str) -> None:
    """Send to the same URL with the same signing region, or refuse the same settings."""
    environ = {
        "AWS_USE_FIPS_ENDPOINT": fips,
        "AWS_USE_DUALSTACK_ENDPOINT": dual_stack,
        "AWS_STS_REGIONAL_ENDPOINTS": mode,
    }
    sdk = SdkSession(AwsSession(None, environ))
    for region in REGIONS + ODD_REGIONS:
        session = AwsSession(None, environ, region=region)
        sdk.set_config_variable("region", region)
        assert result(partial(of_botocore, sdk=sdk), session) == result(ours, session), region


VALUES: dict[str, list[str]] = {
    "region": ["eu-central-1", "us-gov-west-1", "cn-north-1", "nope-1", "local", "aws-global", "a b", "", "\n a = b"],
    "retry_mode": ["legacy", "standard", "adaptive", "Standard", "eager", ""],
    "max_attempts": ["1", "7", " 3", "0", "-1", "many", "1_0", "٣", ""],
    "defaults_mode": ["legacy", "standard", "in-region", "Mobile", "bold", ""],
    "sts_regional_endpoints": ["legacy", "regional", "Legacy", ""],
    "use_fips_endpoint": ["true", "True", "1", "", "\n a = true"],
    "use_dualstack_endpoint": ["true", "false", "\n a = true"],
    "endpoint_url": [
        "http://127.0.0.1:4566/",
        "https://me:pw@STS.test/a/b/",
        "http://[::1]:1",
        "ftp://x",
        "http://a_b",
    ],
    "ignore_configured_endpoint_urls": ["true", "false"],
    "account_id_endpoint_mode": ["disabled", "Required", "maybe"],
    "request_checksum_calculation": ["when_required", "WHEN_SUPPORTED", "never"],
    "request_min_compression_size_bytes": ["1", "0", "x"],
    # With sigv4a first, botocore signs with Signature Version 4A if it has awscrt; STS accepts both.
    "auth_scheme_preference": ["sigv4", "sigv4, sigv4a", ""],
    "sigv4a_signing_region_set": ["*", ""],
    "tcp_keepalive": ["true", ""],
    "parameter_validation": ["false", "odd"],
    "sdk_ua_app_id": ["mine", "é\n"],
    "s3": ["\n addressing_style = path", "\n addressing_style = odd", "\n use_accelerate_endpoint = true", "odd"],
    "api_versions": ["1", "\n sts = 2011-06-15"],
    "metadata_service_timeout": ["x"],
}
OF_FILE = {"region": "AWS_DEFAULT_REGION", "tcp_keepalive": "BOTOCORE_TCP_KEEPALIVE"}


@st.composite
def settings_of_a_caller(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """Return a config file and an environment: a few settings, each in one or in both."""
    lines, environ = [], {}
    for key in draw(st.sets(st.sampled_from(list(VALUES)), max_size=4)):
        value = draw(st.sampled_from(VALUES[key]))
        if draw(st.booleans()):
            lines.append(f"{key} = {value}".replace("é\n", "é"))
        if "\n" not in value and key != "api_versions" and draw(st.booleans()):
            environ[OF_FILE.get(key, f"AWS_{key.upper()}")] = draw(st.sampled_from(VALUES[key])).replace("\n", " ")
    return "\n".join(["[profile p]", *lines, ""]), environ


@settings(max_examples=100)
@given(settings_of_a_caller(), st.sampled_from([None, "eu-west-1", "us-iso-east-1"]))
@example(("[profile p]\nregion = 1\nendpoint_url = http://x.test\n", {}), None)
@example(("[profile p]\nregion = x-\nendpoint_url = http://x.test\n", {}), None)
@example(("[profile p]\nregion = eu-west-1\nendpoint_url = http://x.test/a//\n", {}), None)
@example(("[profile p]\nregion = aws-global\nendpoint_url = http://x.test/a/\n", {}), None)
def test_the_settings_of_any_caller_are_those_of_botocore(
    caller: tuple[str, dict[str, str]], region: str | None
) -> None:
    """Send to the same URL as often, or refuse the same value with the same message."""
    text, environ = caller
    session = AwsSession(profiles(text), environ, profile="p", region=region)
    assert result(of_botocore, session) == result(ours, session)


SUITE = json.loads((Path(__file__).parent / "data" / "profile-tests.json").read_bytes())["testSuites"][0]
CASES = [case for case in SUITE["endpointUrlTests"] if case["client_config"] == "default"]


def _section(header: str, keys: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{header}]"
    for key, value in keys.items():
        yield f"{key} = {value}" if isinstance(value, str) else f"{key} ="
        yield from (f"  {name} = {text}" for name, text in (() if isinstance(value, str) else value.items()))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_configured_endpoint_is_that_of_the_conformance_cases(case: Mapping[str, Any]) -> None:
    """Pass the endpoint cases of botocore, with STS in place of their service."""
    service = case["service"]
    suite = json.loads(json.dumps(SUITE).replace(service, "sts").replace(service.upper(), "STS"))
    name = case["profile"].replace(service, "sts")
    profile = suite["profiles"][name]
    sections = [_section(f"profile {name}", profile)]
    if "services" in profile:
        sections.append(_section(f"services {profile['services']}", suite["services"][profile["services"]]))
    text = "\n".join(line for section in sections for line in section)
    environ = suite["environments"][case["environment"].replace(service, "sts")]

    found = client_settings(AwsSession(profiles(text), environ, profile=name))

    assert case["output"]["endpointUrl"].replace(service, "sts") == found.url


OTHERS = {
    key
    for key, *_ in BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
    # What verifies a certificate is judged where one is.
    if isinstance(key, str) and key not in {*VALUES, "ca_bundle"}
}


@pytest.mark.parametrize("value", ["odd", "", "\n a = b"])
@pytest.mark.parametrize("key", sorted(OTHERS))
def test_no_other_setting_has_an_effect(key: str, value: str) -> None:
    """Agree with botocore about every other key, including the keys of later releases."""
    session = AwsSession(profiles(f"[profile p]\n{key} = {value}\n"), {}, profile="p", region="eu-central-1")
    assert result(of_botocore, session) == result(ours, session)


PLAIN = """
import sys
from awsenv.aws.session import AwsSession
from awsenv.aws.settings import client_settings
for environ in {environs}:
    client_settings(AwsSession(None, environ))
print("botocore" in sys.modules, "json" in sys.modules)
"""


def test_usual_settings_need_no_botocore() -> None:
    """Usual settings load neither botocore nor, in the partition `aws`, its partitions."""
    usual = {
        "AWS_RETRY_MODE": "adaptive",
        "AWS_MAX_ATTEMPTS": "7",
        "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_SDK_UA_APP_ID": "mine",
    }
    environs = [{}, *({"AWS_DEFAULT_REGION": "eu-central-1", name: value} for name, value in usual.items())]
    elsewhere = [{"AWS_DEFAULT_REGION": region, "AWS_USE_FIPS_ENDPOINT": "true"} for region in ("us-gov-west-1",)]
    loaded = [
        subprocess.check_output([sys.executable, "-I", "-c", PLAIN.format(environs=given)], text=True)
        for given in (environs, elsewhere)
    ]
    assert ["False False\n", "False True\n"] == loaded


@pytest.mark.parametrize("mode", ["legacy", "standard", "in-region", "cross-region", "mobile"])
def test_the_time_to_connect_is_that_of_botocore(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connect time-out of each defaults mode equals botocore's."""
    monkeypatch.setenv("AWS_DEFAULTS_MODE", mode)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    client = Session().create_client("sts", region_name="eu-central-1")
    assert (
        client.meta.config.connect_timeout
        == client_settings(AwsSession(None, {"AWS_DEFAULTS_MODE": mode})).connect_timeout
    )


def test_auto_is_standard() -> None:
    """The defaults mode `auto` does not ask the metadata service."""
    auto, standard = (client_settings(AwsSession(None, {"AWS_DEFAULTS_MODE": mode})) for mode in ("auto", "standard"))
    assert standard == auto


def test_the_origin_of_the_endpoint() -> None:
    """The origin is the key in the file; an endpoint of AWS has none."""
    text = "[profile p]\nregion = eu-central-1\nendpoint_url = http://me:canary@127.0.0.1:1/\n"
    found = client_settings(AwsSession(profiles(text), {}, profile="p"))
    assert ("http://127.0.0.1:1", "eu-central-1") == (found.url, found.signing_region)
    assert Origin("~/.aws/config", 3, "profile p", "endpoint_url") == found.configured
    assert client_settings(AwsSession(None, {})).configured is None


@pytest.mark.parametrize(
    ("region", "environ", "expected"),
    [
        (None, {}, "us-east-1"),
        ("aws-global", {}, "us-east-1"),
        ("eu-west-1", {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "eu-west-1"),
        ("eu-west-1", {"AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"}, "eu-west-1"),
        (None, {"AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com/"}, "us-east-1"),
        ("eu-west-1", {"AWS_ENDPOINT_URL": "https://sts.amazonaws.com", "AWS_USE_FIPS_ENDPOINT": "true"}, "eu-west-1"),
    ],
)
def test_what_the_global_endpoint_does_not_serve_goes_to_a_region(
    region: str | None, environ: dict[str, str], expected: str
) -> None:
    """The request is signed for the region of its host, whatever leads to the global endpoint."""
    session = AwsSession(None, environ, region=region)
    name = "sts-fips" if "AWS_USE_FIPS_ENDPOINT" in environ else "sts"
    found = client_settings(session, is_regional=True)

    assert "https://sts.amazonaws.com" == client_settings(session).url
    assert (f"https://{name}.{expected}.amazonaws.com", expected, None) == (
        found.url,
        found.signing_region,
        found.configured,
    )


@pytest.mark.parametrize(
    "environ", [{}, {"AWS_ENDPOINT_URL": "https://sts.test"}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}]
)
def test_what_serves_all_of_sts_serves_every_call(environ: dict[str, str]) -> None:
    """No other endpoint is replaced, and no other setting."""
    session = AwsSession(None, environ, region="eu-west-1")
    assert client_settings(session) == client_settings(session, is_regional=True)


def test_models_of_the_user_are_read(tmp_path: Path) -> None:
    """Endpoints from models of the user are left to botocore."""
    rules = {"version": "1.0", "parameters": {}, "rules": [{"conditions": [], "type": "endpoint", "endpoint": {}}]}
    rules["rules"][0]["endpoint"] = {"url": "https://sts.models.test", "properties": {}, "headers": {}}  # type: ignore[index]
    folder = tmp_path / "sts" / "2011-06-15"
    folder.mkdir(parents=True)
    (folder / "endpoint-rule-set-1.json").write_text(json.dumps(rules))
    found = client_settings(AwsSession(None, {"AWS_DATA_PATH": str(tmp_path)}, region="eu-central-1"))
    assert "https://sts.models.test" == found.url


def test_the_partition_aws_equals_botocores() -> None:
    """The built-in pattern and suffixes equal those in botocore's file."""
    first = PARTITIONS[0]
    outputs = first["outputs"]
    assert (first["id"], first["regionRegex"]) == (AWS.name, f"^{AWS.pattern}$")
    assert (outputs["dnsSuffix"], outputs["dualStackDnsSuffix"]) == (AWS.suffix, AWS.dual_stack_suffix)


@pytest.mark.parametrize(("entry", "region"), [(entry, region) for entry in PARTITIONS for region in entry["regions"]])
def test_a_region_is_of_the_partition_that_lists_it(entry: Mapping[str, Any], region: str) -> None:
    """Find the partition of every region that botocore lists."""
    found = partition_with(region)
    assert found is not None
    assert (entry["id"], entry["outputs"]["dnsSuffix"]) == (found.name, found.suffix)
    assert entry["id"] == partition(region, Origin("AWS_DEFAULT_REGION"))


@given(st.text())
def test_the_user_agent_is_one_line_of_ascii(app_id: str) -> None:
    """Any application id is escaped as botocore does it."""
    sent = user_agent(app_id, "standard")
    theirs = UserAgentString.from_environment().with_client_config(Config(user_agent_appid=app_id)).to_string()
    assert re.findall(r" app/.*$", theirs) == re.findall(r" app/.*$", sent)
    assert re.fullmatch(r"awsenv/[0-9.]+ ua/2\.1 os/\S+( md/\S+)? md/arch#\S+ lang/python#[0-9.]+ [!-~ ]+", sent)


def test_the_defaults() -> None:
    """Without settings, send three times to the global endpoint."""
    found = client_settings(AwsSession(None, {}))
    expected = ClientSettings(
        "https://sts.amazonaws.com", None, "us-east-1", 3, "standard", 60, user_agent(None, "standard")
    )
    assert expected == found
