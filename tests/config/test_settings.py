"""The settings of a profile that a command gets as variables, compared with botocore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.session
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigChainFactory, ConfiguredEndpointProvider
from hypothesis import given
from hypothesis import strategies as st

from awsenv import changes, config
from awsenv.config.settings import timeout
from awsenv.errors import UsageError
from awsenv.model import Credentials, RoleRequest
from awsenv.variables import SETTING, having

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from config.conftest import Home

ROLE = "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = default\n"
KEYS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
SERVICES = "[services local]\ns3 =\n  endpoint_url = http://localhost:4\nelastic_beanstalk =\n  endpoint_url = http://localhost:5\n"

VALUES = {
    "endpoint_url": ["http://localhost:1", "http://localhost:2"],
    "ca_bundle": ["/etc/one.pem", "two.pem"],
    "use_fips_endpoint": ["true", "false"],
    "use_dualstack_endpoint": ["true", "false"],
    "ignore_configured_endpoint_urls": ["true", "false"],
    "sts_regional_endpoints": ["legacy", "regional"],
    "retry_mode": ["legacy", "adaptive"],
    "max_attempts": ["2", "7"],
    "defaults_mode": ["standard", "mobile"],
    "account_id_endpoint_mode": ["required", "disabled"],
    "sdk_ua_app_id": ["one", "two"],
    "services": ["local"],
}

some_settings = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in VALUES.items()})
some_variables = st.fixed_dictionaries(
    {},
    optional={f"AWS_{key.upper()}": st.sampled_from(values) for key, values in VALUES.items() if key != "services"}
    | {"AWS_ENDPOINT_URL_S3": st.just("http://localhost:3")},
)  # fmt: skip


def of_botocore(environ: Mapping[str, str], full_config: dict[str, Any], profile: str) -> dict[str, Any]:
    """Return every setting of a profile as botocore reads it, and the endpoints of three services."""
    session = botocore.session.Session(profile=profile, include_builtin_handlers=False)
    session._config = full_config  # noqa: SLF001 - what botocore would read from the files of this process
    chains = ConfigChainFactory(session=session, environ=environ)
    found = {}
    for name, (key, variable, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        if name not in {"profile", "region", "config_file", "credentials_file"}:
            chain = chains.create_config_chain(
                instance_name=name,
                env_var_names=variable,
                config_property_names=key,
                default=default,
                conversion_func=convert,
            )
            found[name] = chain.provide()
    scoped = full_config["profiles"].get(profile, {})
    for service in ("sts", "s3", "elasticbeanstalk"):
        found[service] = ConfiguredEndpointProvider(full_config, scoped, service, environ).provide()
        if found["ignore_configured_endpoint_urls"]:
            found[service] = None
    return found


@pytest.mark.slow
@given(some_settings, some_variables)
def test_a_command_gets_the_settings_of_the_roles_profile(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str], environ: dict[str, str]
) -> None:
    """Botocore without the profile has the same settings as with it, including the caller's variables."""
    path = tmp_path_factory.getbasetemp() / "settings"
    path.write_text(KEYS + ROLE + "".join(f"{key} = {value}\n" for key, value in settings.items()) + SERVICES)
    shell = environ | {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    profiles = config.read(shell)

    chain = config.resolve(RoleRequest("a"), profiles, shell)
    changed = changes.change(chain, Credentials("ASIA1", "secret", "token"), shell).applied_to(shell)

    full = profiles.for_botocore()
    assert of_botocore(shell, full, "a") == of_botocore(changed, full, "default")
    assert environ.items() <= changed.items()
    assert shell == changes.restore(changed).applied_to(changed)


def test_every_setting_of_all_services_that_botocore_knows_has_its_variable() -> None:
    """The table of awsenv has every setting with a variable in the table of botocore."""
    others = {"region", "data_path", "tcp_keepalive"}
    of_sources = ("metadata_", "ec2_metadata_", "imds_", "csm_")
    known = {
        variable: key
        for name, (key, variable, *_) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
        if key and variable and name not in others and not name.startswith(of_sources)
    }

    assert set() == {variable for variable in known if variable not in having(SETTING)}
    assert {f"AWS_{key.upper()}" for key in known.values()} <= {*having(SETTING)}


def test_an_empty_variable_does_not_count(home: Home) -> None:
    """An empty variable is replaced, and `off` restores it."""
    text = f"{ROLE}ca_bundle = /etc/ca.pem\n"
    chain = home.resolve("a", text, KEYS, AWS_CA_BUNDLE="")

    changed = changes.change(chain, Credentials("A", "s"), {"AWS_CA_BUNDLE": ""}).applied_to({"AWS_CA_BUNDLE": ""})

    assert "/etc/ca.pem" == changed["AWS_CA_BUNDLE"]
    assert {"AWS_CA_BUNDLE": ""} == changes.original(changed)


def test_a_second_role_leaves_no_setting_of_the_first(home: Home) -> None:
    """The settings of the first role are removed; only its name stays, for `awsenv -`."""
    text = f"{ROLE}ca_bundle = /etc/ca.pem\n{ROLE.replace('profile a', 'profile b')}retry_mode = adaptive\n"
    first, second = (home.resolve(name, text, KEYS) for name in "ab")
    keys = Credentials("A", "s")
    shell = changes.change(first, keys, {}).applied_to({})

    alone = changes.change(second, keys, {}).applied_to({})
    assert alone | {"AWSENV_PREVIOUS": "a"} == changes.change(second, keys, shell).applied_to(shell)


@pytest.mark.parametrize("service", ["s3; touch /tmp/x", "s3 x", "s3$(id)", "S-3"])
def test_a_service_is_a_name(service: str, home: Home) -> None:
    """Only letters, digits and underscores make a variable."""
    chain = home.resolve("a", f"{ROLE}services = x\n[services x]\n{service} =\n  endpoint_url = http://x\n", KEYS)

    assert () == chain.settings


def test_the_default_profile_needs_no_variables(home: Home) -> None:
    """A command without a profile reads [default] by itself: variables would outrank other profiles."""
    text = "[default]\nendpoint_url = http://localhost:1\n"

    assert () == home.resolve("arn:aws:iam::123456789012:role/a", text, KEYS).settings


def test_a_hidden_config_file_is_read_for_the_command(home: Home) -> None:
    """The command gets the settings of [default], which those of the role's profile outrank."""
    text = f"[default]\nregion = eu-west-1\nretry_mode = legacy\nca_bundle = /d.pem\n{ROLE}retry_mode = adaptive\n"
    chain = home.resolve("a", text, KEYS)

    chain = config.without_config_file(chain, home.read(text, KEYS), {})

    assert {"AWS_RETRY_MODE": "adaptive", "AWS_CA_BUNDLE": "/d.pem"} == dict(chain.settings)
    assert "eu-west-1" == chain.region


def test_what_no_variable_carries_is_a_note(home: Home) -> None:
    """A note names each setting that a command misses, and the endpoint of [default] that it uses."""
    text = f"[default]\nendpoint_url = http://localhost:1\n{ROLE}s3 =\n  addressing_style = path\n"

    notes = [str(note) for note in home.resolve("a", text, KEYS).notes]

    assert [
        "~/.aws/config:6, [profile a], s3: commands do not get these s3 settings, because no variable can carry them",
        "~/.aws/config:2, [default], endpoint_url: commands use this endpoint with the role, and awsenv does not",
    ] == notes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, 20), ("", 20), ("1s", 1), ("30s", 30), ("2m", 120), ("90", 90), ("1h", 3600), (" 45s ", 45)],
)
def test_the_time_of_a_call(text: str | None, seconds: float) -> None:
    """AWSENV_TIMEOUT is a duration; without it, a call may take twenty seconds."""
    assert seconds == timeout({} if text is None else {"AWSENV_TIMEOUT": text})


@pytest.mark.parametrize("text", ["0", "0s", "61m", "soon", "-5s", "1.5s", "1e3", "\x1b[2J"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """The message has the value and the name of the variable, and an example."""
    with pytest.raises(UsageError, match="is not a duration of one second to one hour") as caught:
        timeout({"AWSENV_TIMEOUT": text})

    assert (("AWSENV_TIMEOUT",), False) == (tuple(map(str, caught.value.origins)), "\x1b" in caught.value.fact)
