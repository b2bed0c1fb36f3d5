"""Region, partition, names and options of a chain; properties of every request and file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.errors import AwsenvError, ConfigError, Origin, UsageError
from awsenv.model import AssumeRole, RoleRequest

if TYPE_CHECKING:
    from config.conftest import Home

ARN = "arn:aws:iam::123456789012:role/a"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
A = f"[profile a]\nrole_arn = {ARN}\nsource_profile = me\n"


@pytest.mark.parametrize(
    ("requested", "variables", "own", "source", "expected", "origin"),
    [
        ("us-east-1", {"AWS_REGION": "us-east-2"}, "us-west-1", "us-west-2", "us-east-1", "--region"),
        (None, {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "x"}, "us-west-1", "", "us-east-2", "AWS_REGION"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-2"}, "", "", "us-east-2", "AWS_DEFAULT_REGION"),
        (None, {}, "us-west-1", "us-west-2", "us-west-1", "~/.aws/config:4, [profile a], region"),
        (None, {}, "", "us-west-2", "us-west-2", "~/.aws/config:6, [profile me], region"),
        (None, {}, "", "", None, None),
    ],
)
def test_the_region_is_that_of_the_option_else_the_environment_else_the_files(
    *,
    requested: str | None,
    variables: dict[str, str],
    own: str,
    source: str,
    expected: str | None,
    origin: str | None,
    home: Home,
) -> None:
    """The environment outranks the files, as in every SDK."""
    text = f"{A}region = {own}\n[profile me]\nregion = {source}\n"

    chain = home.resolve(RoleRequest("a", region=requested), text, f"[me]\n{KEYS}", **variables)

    assert expected == chain.region
    assert origin == (str(chain.origins["region"]) if "region" in chain.origins else None)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("eu-new-9", "aws"),
        ("aws-global", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
    ],
)
def test_a_role_is_of_the_partition_of_the_region(region: str, partition: str, home: Home) -> None:
    """A role without an ARN is in that partition; an ARN of another partition is refused."""
    request = RoleRequest("123456789012/a", region=region, profile="me")
    (hop,) = home.resolve(request, "", f"[me]\n{KEYS}").hops
    other = "aws-cn" if partition == "aws" else "aws"

    assert isinstance(hop, AssumeRole)
    assert partition == hop.role.partition
    with pytest.raises(ConfigError, match=re.escape(f"{region} (--region) is in {partition}")) as caught:
        home.resolve(
            RoleRequest(f"arn:{other}:iam::123456789012:role/a", region=region, profile="me"), "", f"[me]\n{KEYS}"
        )
    assert not caught.value.origins


def test_without_a_region_the_partition_is_aws(home: Home) -> None:
    """STS without a region is sts.amazonaws.com."""
    with pytest.raises(ConfigError, match="without a region it is aws"):
        home.resolve(ARN.replace(":aws:", ":aws-cn:"), "", f"[default]\n{KEYS}")


@pytest.mark.parametrize(
    ("region", "meant"),
    [
        ("eucentral-1", "eu-central-1"),
        ("US-EAST-1", "us-east-1"),
        ("ue-west-2", "eu-west-2"),
        ("nowhere", "eu-central-1"),
    ],
)
def test_a_mistyped_region_leads_to_one_that_there_is(home: Home, region: str, meant: str) -> None:
    """The hint is the nearest of the regions, else an example."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", A, f"[me]\n{KEYS}", AWS_REGION=region)

    assert (f"such as {meant}",) == caught.value.hints


@pytest.mark.parametrize(
    "region", ["nope-1", "eu-central", "EU-CENTRAL-1", "eu-central-1 ", "eu-c\u00e9ntral-1", "a\nb", "$(x)"]
)
def test_a_region_of_no_partition_is_refused(region: str, home: Home) -> None:
    """To botocore it is a host name: sts.nope-1.amazonaws.com."""
    with pytest.raises(ConfigError, match="is not an AWS region") as caught:
        home.resolve("a", A, f"[me]\n{KEYS}", AWS_REGION=region)

    assert "AWS_REGION" == caught.value.where


@pytest.mark.parametrize(
    ("line", "requested"),
    [
        ("mfa_serial = arn:aws-cn:iam::123456789012:mfa/jane", RoleRequest("a")),
        ("", RoleRequest("a", policy_arns=("arn:aws-cn:iam::aws:policy/X",))),
        (
            "[profile web]\nrole_arn = arn:aws-cn:iam::123456789012:role/x\nweb_identity_token_file = /t",
            RoleRequest("web"),
        ),
    ],
)
def test_the_other_arns_are_of_the_same_partition(line: str, requested: RoleRequest, home: Home) -> None:
    """The MFA device and the session policies too."""
    with pytest.raises(ConfigError, match="is in another partition than the region"):
        home.resolve(requested, f"{A}{line}\n", f"[me]\n{KEYS}")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LOGNAME": "jane", "USER": "x"}, "jane"),
        ({"LOGNAME": "", "USER": "joe"}, "joe"),
        ({"USER": "", "USERNAME": "jill"}, "jill"),
        ({"USER": "Jane Doe"}, "Jane-Doe"),
        ({"USER": "j\u00e4ne\x1b"}, "j-ne-"),
        ({"USER": "x"}, "x-awsenv"),
        ({"USER": "u" * 65}, "u" * 64),
        ({"USER": "\u5c71\u7530"}, "awsenv"),
        ({"USER": ""}, "awsenv"),
        ({"AWS_ROLE_SESSION_NAME": "ci@build=7"}, "ci@build=7"),
    ],
)
def test_the_session_name_is_the_name_of_the_user_made_legal(
    variables: dict[str, str], expected: str, home: Home
) -> None:
    """CloudTrail shows the name."""
    (hop,) = home.resolve("a", A, f"[me]\n{KEYS}", **variables).hops

    assert isinstance(hop, AssumeRole)
    assert expected == hop.session_name


@pytest.mark.parametrize(
    ("variables", "user", "expected"),
    [
        ({"USER": ""}, "jane", "jane"),
        ({"USER": "joe"}, "jane", "joe"),
        ({"USER": ""}, "u 1", "u-1"),
        ({"USER": ""}, "", "awsenv"),
    ],
)
def test_without_a_variable_the_session_is_named_after_the_account_of_the_system(
    variables: dict[str, str], user: str, expected: str, home: Home
) -> None:
    """Cron and containers set neither LOGNAME nor USER."""
    (hop,) = home.resolve(RoleRequest("a", user=user), A, f"[me]\n{KEYS}", **variables).hops

    assert isinstance(hop, AssumeRole)
    assert expected == hop.session_name


def test_a_session_name_that_is_given_is_refused_and_not_altered(home: Home) -> None:
    """A script or a trust policy may rely on it."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", A, f"[me]\n{KEYS}", AWS_ROLE_SESSION_NAME="my build")

    assert "AWS_ROLE_SESSION_NAME" == caught.value.where


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("prod", "prod"),
        ("\u751f\u4ea7", "a@123456789012"),
        ("\u6d4b\u8bd5", "a@123456789012"),
        ("a b", "a@123456789012"),
    ],
)
def test_a_profile_whose_name_a_prompt_cannot_show_is_labelled_by_its_role(name: str, label: str, home: Home) -> None:
    """Production and test must not look the same."""
    text = f'[profile "{name}"]\nrole_arn = {ARN}\nsource_profile = me\n'

    assert label == home.resolve(name, text, f"[me]\n{KEYS}").label


def test_a_source_whose_name_a_prompt_cannot_show_keeps_what_can_be_shown(home: Home) -> None:
    """It has no role that could name it."""
    assert "x--" == home.resolve("x\u751f\u4ea7", f'[profile "x\u751f\u4ea7"]\n{KEYS}').label


@given(st.text())
def test_every_user_name_makes_a_legal_session_name(name: str) -> None:
    """Any name of the system is made legal."""
    no_files = config.read({"AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""})
    environ = {"USER": name, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b"}

    (hop,) = config.resolve(RoleRequest(ARN), no_files, environ).hops

    assert isinstance(hop, AssumeRole)
    assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", hop.session_name)


@pytest.mark.parametrize(
    "changes",
    [{"external_id": "canary"}, {"profile": "x"}, {"tags": (("a", "b"),)}, {"duration": 900}, {"policy": "{}"}],
)
def test_an_option_without_effect_is_an_error_and_a_variable_is_not(changes: dict[str, Any], home: Home) -> None:
    """A variable may be set for another role."""
    (field,) = changes
    variable = {field: Origin(f"AWSENV_{field.upper()}")}

    with pytest.raises(UsageError, match="does not apply to profile 'me', which is not a role"):
        home.resolve(RoleRequest("me", **changes), "", f"[me]\n{KEYS}")
    assert () == home.resolve(RoleRequest("me", **changes, origins=variable), "", f"[me]\n{KEYS}").hops


def test_the_same_input_gives_the_same_chain(home: Home) -> None:
    """Resolution is pure."""
    profiles = home.read(A, f"[me]\n{KEYS}")

    first, second = (config.resolve(RoleRequest("a"), profiles, home.environ()) for _ in range(2))

    assert first == second
    assert "canary" not in repr(first)


SECRETS = ["canary-external-id", "canary/secret+key"]


def mostly(good: Any, *bad: Any) -> st.SearchStrategy[Any]:
    """Return *good* most of the time: otherwise few requests would be resolved."""
    return st.sampled_from([*[good] * (6 * len(bad)), *bad])


def some(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return some of *values*, few of them most of the time."""
    keys = st.lists(st.sampled_from(sorted(values)), unique=True, max_size=3)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: values[key] for key in chosen}))


NAMES = st.sampled_from([*"abc" * 4, "default", "x\x1by", "o'x"])
KEY = {
    "aws_access_key_id": mostly("AKIAIOSFODNN7EXAMPLE", ""),
    "aws_secret_access_key": mostly(SECRETS[1], ""),
}
BASES: list[dict[str, st.SearchStrategy[str]]] = [
    {"role_arn": mostly(ARN, f"{ARN} # c", "arn:aws-cn:iam::123456789012:role/x", "", "x"), "source_profile": NAMES},
    {"role_arn": st.just(ARN), "credential_source": mostly("Ec2InstanceMetadata", "Environment", "EcsContainer", "x")},
    {"role_arn": st.just(ARN), "web_identity_token_file": mostly("/t", "")},
    KEY,
    {**KEY, "aws_session_token": st.just(SECRETS[1])},
    {"credential_process": mostly("p", "")},
    {"sso_session": mostly("s", "gone"), "sso_account_id": st.just("1"), "sso_role_name": st.just("r")},
    {"login_session": st.just("s")},
    {},
]
EXTRAS: dict[str, st.SearchStrategy[Any]] = {
    "role_arn": st.just(ARN),
    "source_profile": NAMES,
    **KEY,
    "external_id": mostly(SECRETS[0], f"{SECRETS[0]} !", f"{SECRETS[0]}\n  more", ""),
    "mfa_serial": mostly("arn:aws:iam::123456789012:mfa/j", "", "GAHT12345678", "x:u2f/key-123"),
    "mfa_process": mostly("p", "", "a\n b"),
    "duration_seconds": mostly("900", "7200", "0", "x", "", "\u0663"),
    "role_session_name": mostly("jane", "j d", ""),
    "session_tags": mostly("a=b", "a", "", "a=1,A=2"),
    "region": mostly("eu-west-1", "cn-north-1", "nope", "", "\x1b"),
}
BODIES = st.builds(
    lambda base, extras: {**extras, **base}, st.sampled_from(BASES).flatmap(st.fixed_dictionaries), some(EXTRAS)
)
FILES = st.fixed_dictionaries(
    dict.fromkeys("abc", BODIES), optional=dict.fromkeys(["default", "x\x1by", '"o\'x"'], BODIES)
)
REQUESTS = st.builds(
    lambda role, values: RoleRequest(role, **values),
    st.one_of(NAMES, NAMES, NAMES, st.sampled_from([ARN, "123456789012/x"]), st.text(max_size=20)),
    some(
        {
            "code": mostly("123456", "12345"),
            "profile": NAMES,
            "external_id": mostly(SECRETS[0], f"{SECRETS[0]} "),
            "mfa_serial": mostly("arn:aws:iam::123456789012:mfa/j", "x"),
            "duration": mostly(900, 0, 7200, 99999),
            "region": mostly("eu-west-1", "cn-north-1", "x"),
            "session_name": mostly("jane", "\u00e9"),
            "tags": mostly((("a", "b"),), (("", ""),)),
            "policy": mostly("{}", "{"),
        }
    ),
)
VARIABLES = some(
    {
        "AWS_ACCESS_KEY_ID": mostly("AKIAIOSFODNN7EXAMPLE", ""),
        "AWS_SECRET_ACCESS_KEY": mostly(SECRETS[1], ""),
        "AWS_SESSION_TOKEN": st.just(SECRETS[1]),
        "AWS_PROFILE": NAMES,
        "AWS_WEB_IDENTITY_TOKEN_FILE": st.just("/t"),
        "AWS_ROLE_ARN": st.just(ARN),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": st.just("http://127.0.0.1/"),
        "AWS_REGION": mostly("eu-west-1", "", "cn-north-1"),
        "USER": st.text(max_size=5),
    }
)


def written(file: dict[str, dict[str, str]]) -> str:
    """Return a config file."""
    sections = (
        f"[{name if name == 'default' else f'profile {name}'}]\n" + "".join(f"{k} = {v}\n" for k, v in body.items())
        for name, body in file.items()
    )
    return "".join(sections) + "[sso-session s]\nsso_start_url = u\nsso_region = r\n"


@pytest.mark.slow
@settings(max_examples=200)
@given(request=REQUESTS, file=FILES, variables=VARIABLES)
def test_any_request_is_resolved_or_refused_without_a_secret(
    request: RoleRequest,
    file: dict[str, dict[str, str]],
    variables: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing but AwsenvError is raised; no message and no repr holds a secret or a control character."""
    path = tmp_path_factory.getbasetemp() / "generated"
    path.write_text(written(file))
    profiles = config.read({"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": ""})
    try:
        chain = config.resolve(request, profiles, variables)
    except AwsenvError as error:
        shown = [text for text in (error.fact, error.where, error.because, *error.hints) if text is not None]
    else:
        shown = [repr(chain), *map(str, chain.notes)]
        assert re.fullmatch(r"[A-Za-z0-9_.@+=,/-]*", chain.label)
        assert all(hop.mfa is None for hop in chain.hops[1:])

    entries = config.roles(profiles, variables)
    assert set(entries) == {entry for entry in entries if entry.role_arn is not None or entry.kind is not None}
    assert not [text for text in shown for secret in SECRETS if secret in text]
    assert not [text for text in shown if not text.isprintable()]


JANE = "arn:aws:iam::123456789012:mfa/jane"
LISTED = f"""[default]
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
    entries = config.roles(home.read(LISTED, f"[me]\n{KEYS}[other]\n{KEYS}"), home.environ())

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
    """The listing and the chain have the same device, also behind a later role with an empty mfa_serial."""
    text = (
        f"{LISTED}[profile d]\nrole_arn = arn:aws:iam::123456789012:role/d\nsource_profile = own\nmfa_serial = {JANE}\n"
        "[profile own]\nrole_arn = arn:aws:iam::123456789012:role/own\nsource_profile = other\n"
        f"[profile e]\nrole_arn = arn:aws:iam::123456789012:role/e\nsource_profile = f\nmfa_serial = {JANE}\n"
        "[profile f]\nrole_arn = arn:aws:iam::123456789012:role/f\nsource_profile = own\nmfa_serial =\n"
    )
    profiles = home.read(text, f"[me]\n{KEYS}[other]\n{KEYS}")
    for entry in config.roles(profiles, home.environ()):
        try:
            chain = config.resolve(RoleRequest(entry.name), profiles, home.environ())
        except AwsenvError:
            continue
        device = chain.hops[0].mfa if chain.hops else None
        assert entry.mfa_serial == (device.serial if device else None), entry.name
