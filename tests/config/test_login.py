"""The chain of `awsenv login`: a source, and its MFA session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.errors import ConfigError, Origin, SourceError
from awsenv.model import Chain, GetSessionToken, Mfa, RoleRequest, Source

if TYPE_CHECKING:
    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-env"}
JANE = "arn:aws:iam::123456789012:mfa/jane"
PHONE = "arn:aws:iam::123456789012:mfa/phone"
GOV = "arn:aws-us-gov:iam::123456789012:mfa/jane"
SSO = "sso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = r\n"
TYPICAL = f"[default]\nregion = eu-west-1\n{KEYS}"


def role(name: str, source: str, *lines: str) -> str:
    """Return a profile that describes a role."""
    arn = f"role_arn = arn:aws:iam::123456789012:role/{name}"
    return "\n".join([f"[profile {name}]", arn, f"source_profile = {source}", *lines, ""])


def login(home: Home, request: RoleRequest, *profiles: str, **variables: str) -> Chain:
    """Return what `awsenv login` does."""
    return config.resolve_login(request, home.read("".join(profiles)), home.environ(**variables))


def opened(chain: Chain) -> GetSessionToken:
    """Return the one hop of a login."""
    (hop,) = chain.hops
    assert isinstance(hop, GetSessionToken)
    return hop


def test_the_device_is_found_in_the_roles(home: Home) -> None:
    """The typical file has mfa_serial in the role profiles alone."""
    roles = (role("a", "default", f"mfa_serial = {JANE}"), role("b", "default"), role("c", "a", f"mfa_serial = {JANE}"))

    chain = login(home, RoleRequest(""), TYPICAL, *roles)

    assert Source("static", "default", chain.source.origin) == chain.source
    assert ("default", "default", "eu-west-1", "default") == (
        chain.role,
        chain.label,
        chain.region,
        chain.settings_profile,
    )
    assert GetSessionToken(Mfa(JANE)) == opened(chain)
    assert "~/.aws/config:8, [profile a], mfa_serial" == str(opened(chain).mfa.origins["mfa_serial"])


@pytest.mark.parametrize(
    ("request_", "source_line", "expected"),
    [
        (RoleRequest("", mfa_serial=PHONE), f"mfa_serial = {JANE}", PHONE),
        (RoleRequest(""), f"mfa_serial = {JANE}", JANE),
        (RoleRequest("", "123456"), "mfa_serial = GAHT12345678", "GAHT12345678"),
        (RoleRequest("phone"), f"mfa_serial = {JANE}", PHONE),
        (RoleRequest("behind"), "", JANE),
        (RoleRequest("", profile="phone"), "", PHONE),
    ],
)
def test_the_device_is_that_of_the_option_else_of_the_named_role_else_of_the_source(
    request_: RoleRequest, source_line: str, expected: str, home: Home
) -> None:
    """The nearest device is used. A named role stands for its source."""
    roles = (
        role("phone", "default", f"mfa_serial = {PHONE}"),
        role("plain", "default"),
        role("behind", "plain", f"mfa_serial = {JANE}"),
    )

    chain = login(home, request_, f"{TYPICAL}{source_line}\n", *roles)

    assert ("default", expected) == (chain.role, opened(chain).mfa.serial)


def test_several_devices_are_an_error(home: Home) -> None:
    """Name them, and the option."""
    roles = (role("a", "default", f"mfa_serial = {JANE}"), role("b", "default", f"mfa_serial = {PHONE}"))

    with pytest.raises(ConfigError) as caught:
        login(home, RoleRequest("", "123456"), TYPICAL, *roles)

    assert f"the roles of profile 'default' name 2 MFA devices: {JANE!r} and {PHONE!r}" == caught.value.fact
    assert "[profile a], mfa_serial; ~/.aws/config:12, [profile b], mfa_serial" in str(caught.value.where)
    assert "--mfa-serial" in str(caught.value.hints)


def test_the_roles_of_another_source_do_not_count(home: Home) -> None:
    """Roles of another profile, of the environment, of the machine or of no source are ignored."""
    others = (
        role("a", "other", f"mfa_serial = {PHONE}"),
        f"[profile other]\n{KEYS}",
        role("b", "nowhere", f"mfa_serial = {PHONE}"),
        role("c", "c", f"mfa_serial = {PHONE}"),
        role("d", "", f"mfa_serial = {PHONE}").replace("source_profile = ", "credential_source = Environment"),
    )

    assert () == login(home, RoleRequest(""), TYPICAL, *others).hops
    assert PHONE == opened(login(home, RoleRequest("other"), TYPICAL, *others)).mfa.serial
    ambient = login(home, RoleRequest(""), TYPICAL, *others, **ENV_KEYS)
    assert ("environment", PHONE, "default") == (ambient.role, opened(ambient).mfa.serial, ambient.settings_profile)


def test_a_source_that_is_a_role_too_is_found(home: Home) -> None:
    """A profile with keys and a role_arn is the source of itself."""
    both = f"{role('both', 'both', f'mfa_serial = {JANE}')}{KEYS}"

    chain = login(home, RoleRequest("both"), both)

    assert ("static", "both", JANE) == (chain.source.kind, chain.role, opened(chain).mfa.serial)


def test_a_code_without_a_device_leaves_the_device_open(home: Home) -> None:
    """The sender finds the device after it has the code."""
    assert Mfa() == opened(login(home, RoleRequest("", "123456"), TYPICAL, role("a", "default"))).mfa


def test_a_source_without_mfa_logs_in_without_a_session(home: Home) -> None:
    """An empty mfa_serial names no device."""
    for line in ("", "mfa_serial ="):
        assert () == login(home, RoleRequest(""), f"{TYPICAL}{line}\n", role("a", "default", "mfa_serial =")).hops


def test_the_command_that_prints_codes_is_that_of_the_device(home: Home) -> None:
    """Of the role that names the device, else of the source."""
    named = role("a", "default", f"mfa_serial = {JANE}", "mfa_process = of-role")
    plain = role("a", "default", f"mfa_serial = {JANE}")
    source = f"{TYPICAL}mfa_process = of-source\n"

    assert ["of-role", "of-source"] == [
        opened(login(home, RoleRequest(""), source, profile)).mfa.process for profile in (named, plain)
    ]


@pytest.mark.parametrize(
    ("requested", "line", "expected"),
    [
        (None, "", None),
        (None, "duration_seconds = 7200", 7200),
        (129600, "duration_seconds = 7200", 129600),
        (900, "", 900),
    ],
)
def test_the_duration_is_that_of_the_option_else_of_the_source(
    requested: int | None, line: str, expected: int | None, home: Home
) -> None:
    """What a role asks for does not count."""
    named = role("a", "default", f"mfa_serial = {JANE}", "duration_seconds = 43200")

    assert expected == opened(login(home, RoleRequest("", duration=requested), f"{TYPICAL}{line}\n", named)).duration


@pytest.mark.parametrize("seconds", [899, 129601])
@pytest.mark.parametrize("device", [f"mfa_serial = {JANE}", ""])
def test_a_duration_that_aws_does_not_grant_is_refused(seconds: int, device: str, home: Home) -> None:
    """From 15 minutes to 36 hours; also where no session is opened."""
    with pytest.raises(ConfigError, match="AWS does not grant") as caught:
        login(home, RoleRequest("", duration=seconds), TYPICAL, device)

    assert ("--duration", ("ask for 15m to 36h",)) == (caught.value.where, caught.value.hints)


@pytest.mark.parametrize(
    ("profile", "variables"),
    [
        (f"[default]\n{SSO}", {}),
        ("[default]\nlogin_session = x\n", {}),
        (f"[default]\n{KEYS}aws_session_token = t\n", {}),
        ("[default]\nweb_identity_token_file = /t\nrole_arn = arn:aws:iam::123456789012:role/x\n", {}),
        ("[default]\n", {**ENV_KEYS, "AWS_SESSION_TOKEN": "t"}),
        ("[default]\n", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}),
    ],
)
def test_temporary_credentials_open_no_session(profile: str, variables: dict[str, str], home: Home) -> None:
    """A code or a device option is refused; a device from a variable is ignored."""
    for request, where in (
        (RoleRequest("", "123456"), ""),
        (RoleRequest("", mfa_serial=JANE, origins={"mfa_serial": Origin("--mfa-serial")}), "--mfa-serial"),
    ):
        with pytest.raises(ConfigError, match="are temporary") as caught:
            login(home, request, profile, **variables)
        instead = f"leave {where or 'the code'} out"
        if "AWS_SESSION_TOKEN" in variables:
            instead = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
        assert (where, instead) == (caught.value.where, caught.value.hints[0])

    for request in (
        RoleRequest(""),
        RoleRequest("", mfa_serial=JANE, origins={"mfa_serial": Origin("AWSENV_MFA_SERIAL")}),
    ):
        assert () == login(home, request, profile, role("a", "default", f"mfa_serial = {JANE}"), **variables).hops


def test_a_command_that_prints_keys_may_print_those_of_a_user(home: Home) -> None:
    """What a credential_process prints is known only when it has run."""
    profiles = ("[default]\ncredential_process = vault\n", role("a", "default", f"mfa_serial = {JANE}"))

    assert JANE == opened(login(home, RoleRequest(""), *profiles)).mfa.serial


def test_the_environment_selects_the_source(home: Home) -> None:
    """As for a role that is typed: its keys, the profile that it names, be it a role, else default."""
    profiles = (TYPICAL, f"[profile me]\n{KEYS}", role("a", "me", f"mfa_serial = {JANE}"))

    assert ["environment", "me", "me", "default"] == [
        login(home, RoleRequest(""), *profiles, **variables).role
        for variables in (ENV_KEYS, {"AWS_PROFILE": "me"}, {"AWS_PROFILE": "a"}, {})
    ]


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (f"[profile me]\n{KEYS}" + role("a", "me", f"mfa_serial = {JANE}") + role("b", "a"), "me"),
        (f"[profile me]\n{KEYS}" + role("a", "me") + f"[profile admin]\n{KEYS}", "me"),
        (f"[profile me]\n{KEYS}[profile region]\nregion = eu-west-1\n", "me"),
    ],
)
def test_without_a_default_the_only_source_is_taken(home: Home, files: str, source: str) -> None:
    """As `awsenv setup` leaves it: every role has the same source, or there is only one."""
    assert source == login(home, RoleRequest(""), files).source.profile


@pytest.mark.parametrize(
    ("files", "word", "command"),
    [
        (f"[default]\n{KEYS}" + role("a", "default"), "a", "awsenv login"),
        (
            f"[default]\n{KEYS}[profile me]\n{KEYS}" + role("a", "me") + role("b", "default"),
            "a",
            "awsenv login --profile a",
        ),
        (f"[profile me]\n{KEYS}" + role("a", "me"), "a", "awsenv login"),
        (
            f"[profile 'o k']\n{KEYS}[profile me]\n{KEYS}" + role("a", "me") + role("o", "o k"),
            "o",
            "awsenv login --profile o",
        ),
        (f"[default]\n{KEYS}", "123456789012/x", "awsenv login"),
    ],
)
def test_the_login_of_a_role_is_a_whole_command(home: Home, files: str, word: str, command: str) -> None:
    """It opens the session of the source of the role, whichever source a login without a profile would take."""
    environ = home.environ()
    profiles = home.read(files, "")
    chain = config.resolve(RoleRequest(word), profiles, environ)

    assert command == config.login_command(chain, profiles, environ)
    name = command.partition(" --profile ")[2]
    assert chain.source == config.resolve_login(RoleRequest(name), profiles, environ).source


@pytest.mark.parametrize(
    ("profile", "source"), [("x-a", "default"), ("x-b", "default"), ("x-c", "x-c"), ("x-d", "x-d")]
)
def test_a_profile_that_calls_awsenv_stands_for_its_role(home: Home, profile: str, source: str) -> None:
    """Where AWS_PROFILE names one, as direnv may, the session is that of the source of the role."""
    calls = "credential_process = awsenv credential-process"
    files = (
        f"[default]\n{KEYS}mfa_serial = {JANE}\n",
        *(f"[profile x-{name}]\n{calls} --yes {name}\n" for name in "abc"),
        f"[profile x-d]\n{calls} 123456789012/d\n",
        *(role(name, source) for name, source in (("a", "default"), ("b", "x-a"), ("c", "x-c"))),
    )

    chain = login(home, RoleRequest(""), *files, AWS_PROFILE=profile)

    assert (source, source == "default") == (chain.source.profile, GetSessionToken(Mfa(JANE)) in chain.hops)
    assert chain == login(home, RoleRequest(""), *files, AWS_PROFILE=source)


def test_of_several_sources_none_is_taken(home: Home) -> None:
    """The next steps are whole commands."""
    files = f"[profile me]\n{KEYS}[profile 'o k']\n{KEYS}" + role("a", "me") + role("b", "o k")
    with pytest.raises(SourceError, match="several profiles could log in") as caught:
        login(home, RoleRequest(""), files)

    assert ("awsenv login --profile me", "awsenv login --profile 'o k'") == caught.value.hints


def test_the_region_is_that_of_the_source_else_of_the_device(home: Home) -> None:
    """It selects the partition."""
    gov = role("a", "me", f"mfa_serial = {GOV}", "region = us-gov-west-1").replace("arn:aws:iam", "arn:aws-us-gov:iam")
    source = f"[profile me]\n{KEYS}"

    assert "us-gov-west-1" == login(home, RoleRequest("me"), source, gov).region
    assert "us-gov-east-1" == login(home, RoleRequest("me", region="us-gov-east-1"), source, gov).region
    with pytest.raises(ConfigError, match="another partition"):
        login(home, RoleRequest("me"), f"{source}region = eu-west-1\n", gov)


def test_an_invalid_source_is_named(home: Home) -> None:
    """The error names an unknown profile, an empty profile, or no source at all."""
    with pytest.raises(ConfigError, match="there is no profile 'defautl'") as caught:
        login(home, RoleRequest("", profile="defautl", origins={"profile": Origin("AWSENV_PROFILE")}), TYPICAL)
    assert ("AWSENV_PROFILE", ("export AWSENV_PROFILE=default",)) == (caught.value.where, caught.value.hints)
    with pytest.raises(SourceError, match="there are no AWS credentials"):
        login(home, RoleRequest(""))
    with pytest.raises(SourceError, match="holds no credentials"):
        login(home, RoleRequest("x"), "[profile x]\nregion = eu-west-1\n")
