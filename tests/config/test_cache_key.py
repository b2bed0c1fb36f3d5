"""The cache keys under which the agent holds credentials."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import config
from awsenv.config import files
from awsenv.config.sources import KINDS
from awsenv.errors import Origin
from awsenv.model import (
    AssumeRole,
    Chain,
    GetScopedCredentials,
    GetSessionToken,
    Mfa,
    Note,
    RoleArn,
    RoleRequest,
    Source,
)

if TYPE_CHECKING:
    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
JANE = "arn:aws:iam::123456789012:mfa/jane"
PHONE = "arn:aws:iam::123456789012:mfa/phone"
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-env"}

texts = st.text(max_size=4)
maybe = st.none() | texts
seconds = st.none() | st.integers(900, 902)
pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
words = st.lists(texts, max_size=2).map(tuple)
devices = st.builds(
    Mfa, serial=texts, process=maybe, origins=st.sampled_from([{}, {"mfa_serial": Origin("~/.aws/config", 1)}])
)
roles = st.builds(
    AssumeRole,
    role=st.builds(RoleArn, partition=texts, account=maybe, path_and_name=texts),
    session_name=texts,
    external_id=maybe,
    mfa=st.none() | devices,
    duration=seconds,
    source_identity=maybe,
    tags=pairs,
    transitive_tags=words,
    policy=maybe,
    policy_arns=words,
    profile=maybe,
)
sessions = st.builds(GetSessionToken, mfa=devices, duration=seconds)
chains = st.builds(
    Chain,
    source=st.builds(Source, kind=st.sampled_from(["static", "environment", "instance"]), profile=maybe),
    hops=st.lists(roles | sessions, min_size=1, max_size=3).map(tuple),
    role=texts,
    label=texts,
    region=maybe,
    settings_profile=maybe,
    scoped=st.none() | st.builds(GetScopedCredentials, policy=maybe, duration=seconds, description=maybe),
)
NOTHING = config.Profiles(files.File("c", "c", None), files.File("s", "s", None))


def of(chain: Chain, **environ: str) -> str:
    """Return the cache key of a role with empty files."""
    return config.role_key(chain, NOTHING, environ)


def resolved(home: Home, role: str, config_text: str, credentials_text: str = "", **variables: str) -> str:
    """Return the cache key of a role that the files describe."""
    profiles = home.read(config_text, credentials_text)
    environ = home.environ(**variables)
    return config.role_key(config.resolve(RoleRequest(role), profiles, environ), profiles, environ)


@given(chains, chains)
def test_two_chains_share_a_cache_key_only_if_aws_gets_the_same_requests(one: Chain, other: Chain) -> None:
    """The source, the hops, the region and what narrows the role count. The name in the request does not."""
    same = (one.source, one.hops, one.region, one.scoped) == (other.source, other.hops, other.region, other.scoped)

    assert same == (of(one) == of(other))


@given(chains, st.data())
def test_every_field_of_every_hop_changes_the_cache_key(chain: Chain, data: st.DataObject) -> None:
    """The external id and the MFA device count too; notes and origins do not."""
    number = data.draw(st.integers(0, len(chain.hops) - 1))
    hop = chain.hops[number]
    other = data.draw(roles if isinstance(hop, AssumeRole) else sessions)
    for field in fields(hop):
        value: Any = getattr(other, field.name)
        changed = replace(hop, **{field.name: value})
        moved = replace(chain, hops=(*chain.hops[:number], changed, *chain.hops[number + 1 :]))
        assert (of(chain) == of(moved)) == (getattr(hop, field.name) == value), field.name
    noted = replace(hop, notes=(Note("note"),), origins={"role": Origin("x")})
    assert of(chain) == of(replace(chain, hops=(*chain.hops[:number], noted, *chain.hops[number + 1 :])))


@given(chains, chains)
def test_narrowed_credentials_serve_no_wider_request(one: Chain, other: Chain) -> None:
    """What the call that narrows them sends changes the cache key, and where its values come from does not."""
    narrowed = replace(one, scoped=other.scoped)
    moved = None if other.scoped is None else replace(other.scoped, origins={"policy": Origin("x")})

    assert (of(one) == of(narrowed)) == (one.scoped == other.scoped)
    assert of(narrowed) == of(replace(narrowed, scoped=moved, wide=one))


@given(chains, st.sampled_from(["AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT", "AWS_NEW"]), texts)
def test_every_variable_of_aws_counts(chain: Chain, name: str, value: str) -> None:
    """Set, unset and empty differ; other variables do not count."""
    assert of(chain) != of(chain, **{name: value})
    assert (value == "x") == (of(chain, **{name: "x"}) == of(chain, **{name: value}))
    assert of(chain) == of(chain, HOME="/h", PATH=value)


@given(chains)
def test_a_cache_key_is_hexadecimal(chain: Chain) -> None:
    """It holds no secret, and is the same on every run."""
    ids = (
        of(chain),
        config.source_key(chain.source, NOTHING, {}),
        config.mfa_session_key(chain, JANE, NOTHING, {}),
    )

    assert [(32, set())] * 3 == [(len(each), set(each) - set("0123456789abcdef")) for each in ids]
    assert 3 == len(set(ids))
    assert ids[0] == of(replace(chain, source=replace(chain.source, origin=Origin("x"))))


def test_another_process_computes_the_same_cache_key() -> None:
    """The seed of Python's hashes does not matter."""
    code = """
from awsenv import config
from awsenv.config import files
from awsenv.model import Chain, Source
nothing = config.Profiles(files.File("c", "c", None), files.File("s", "s", None))
print(config.role_key(Chain(Source("static", "a"), (), "x", "x", "r"), nothing, {"AWS_B": "1", "AWS_A": "2"}), end="")
"""
    path = ":".join(each for each in sys.path if each)
    ids = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert {of(Chain(Source("static", "a"), (), "y", "y", "r"), AWS_A="2", AWS_B="1")} == ids


BASE = f"""
[default]
{KEYS}
[profile a]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = default
services = local
[services local]
sts =
  endpoint_url = http://127.0.0.1:1
[profile other]
region = eu-west-1
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("canary-secret", "canary-secre7"),
        ("[default]\n", "[default]\nca_bundle = /b\n"),
        ("services = local", "services = local\nendpoint_url = http://x.test"),
        ("127.0.0.1:1", "127.0.0.1:2"),
        ("services = local", "ca_bundle = /b\nservices = local"),
    ],
)
def test_the_settings_of_the_source_and_of_the_role_count(old: str, new: str, home: Home) -> None:
    """The settings of the chain's profile, and its services, select the endpoint."""
    assert resolved(home, "a", BASE) != resolved(home, "a", BASE.replace(old, new))


def test_other_profiles_and_comments_do_not_count(home: Home) -> None:
    """Unrelated changes to the files do not change a cache key."""
    more = f"# a comment\n{BASE}output = json\n[profile new]\n{KEYS}"

    assert resolved(home, "a", BASE) == resolved(home, "a", more)


def test_the_file_of_a_key_counts(home: Home) -> None:
    """The file decides the kind of the source, and which token belongs to a key."""

    def source(config_text: str, credentials_text: str) -> str:
        chain = home.resolve("default", config_text, credentials_text)
        return config.source_key(replace(chain.source, origin=None), config.read(home.environ()), home.environ())

    for line in ("credential_process = vault\n", "aws_session_token = t\n"):
        assert source(f"[default]\n{KEYS}{line}", "") != source(f"[default]\n{line}", f"[default]\n{KEYS}")


def test_a_session_of_sso_counts(home: Home) -> None:
    """Another start URL belongs to another user."""
    profile = "[profile s]\nsso_session = x\nsso_account_id = 1\nsso_role_name = r\n[sso-session x]\n"

    def source(section: str) -> str:
        return config.source_key(Source("sso", "s"), home.read(profile + section), home.environ())

    assert source("sso_start_url = a\nsso_region = r\n") != source("sso_start_url = b\nsso_region = r\n")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("environment", "AWS_ACCESS_KEY_ID"),
        ("environment", "AWS_SECURITY_TOKEN"),
        ("container", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ("container", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ("web-identity", "AWS_ROLE_ARN"),
        ("web-identity", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("instance", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        ("sso", "HOME"),
        ("process", "HOME"),
        ("login", "AWS_LOGIN_CACHE_DIRECTORY"),
    ],
)
def test_a_source_of_the_environment_is_its_variables(kind: str, name: str) -> None:
    """Only the variables that this kind reads count."""

    def source(**environ: str) -> str:
        return config.source_key(Source(kind), NOTHING, environ)

    assert source() != source(**{name: "/a"}) != source(**{name: "/b"})
    assert source(**{name: "/a"}) == source(**{name: "/a"}, AWS_PAGER="less", AWS_ENDPOINT_URL="x")
    assert config.source_key(Source("static"), NOTHING, {name: "/a"}) == config.source_key(
        Source("static"), NOTHING, {}
    )


PATHS = [
    ("process", "credential_process = ./vault x", True),
    ("process", "credential_process = bin/vault x", True),
    ("process", "credential_process = python3 ../vault.py", True),
    ("process", "credential_process = vault get /a/b", False),
    ("process", "credential_process = /opt/vault get", False),
    ("web-identity", "web_identity_token_file = token", True),
    ("web-identity", "web_identity_token_file = /token", False),
    ("static", "ca_bundle = ./x", False),
    ("sso", "sso_session = ./x", False),
    ("login", "login_session = ./x", False),
]


@pytest.mark.parametrize(("kind", "line", "is_relative"), PATHS)
def test_a_relative_path_is_another_source_in_each_folder(
    kind: str, line: str, *, is_relative: bool, home: Home
) -> None:
    """The same words name another file or command there. Other sources do not depend on the folder."""
    home.write(f"[profile p]\n{line}\n")

    def source(folder: str) -> str:
        return config.source_key(Source(kind, "p"), config.read(home.environ(), folder), home.environ())

    assert is_relative == (source("/one") != source("/other"))


def test_every_kind_that_a_profile_holds_has_a_row_on_its_paths() -> None:
    """A relative path that does not count would give one folder the credentials of another."""
    assert {name for name, kind in KINDS.items() if kind.keys} == {kind for kind, _, _ in PATHS}


@pytest.mark.parametrize(("path", "is_relative"), [("token", True), ("/token", False)])
@pytest.mark.parametrize(
    ("kind", "profile", "variable"),
    [
        ("web-identity", None, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("container", None, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        ("login", "p", "AWS_LOGIN_CACHE_DIRECTORY"),
    ],
)
def test_a_relative_path_in_a_variable_counts_too(
    kind: str, profile: str | None, variable: str, path: str, *, is_relative: bool, home: Home
) -> None:
    """A relative path in a variable names another file, and so another source, in each folder."""
    home.write("[profile p]\nlogin_session = x\n")
    environ = home.environ(**{variable: path})

    def source(folder: str) -> str:
        return config.source_key(Source(kind, profile), config.read(environ, folder), environ)

    assert is_relative == (source("/one") != source("/other"))


def test_all_roles_of_a_source_and_device_share_a_session(home: Home) -> None:
    """A login and two of its roles share it; another device, key or endpoint does not."""
    role = "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\nmfa_serial = "
    text = (
        f"[default]\n{KEYS}[profile a]\n{role}{JANE}\nregion = eu-west-1\n[profile b]\nexternal_id = x1\n{role}{JANE}\n"
    )
    profiles, environ = home.read(text), home.environ()
    chains = [config.resolve(RoleRequest(each), profiles, environ) for each in ("a", "b")]
    chains.append(config.resolve_login(RoleRequest(""), profiles, environ))
    by_key = config.resolve(RoleRequest("arn:aws:iam::123456789012:role/x"), profiles, home.environ(**ENV_KEYS))

    (id_,) = {config.mfa_session_key(chain, JANE, profiles, environ | {"AWS_PROFILE": "x"}) for chain in chains}

    others = {
        config.mfa_session_key(chains[0], PHONE, profiles, environ),
        config.mfa_session_key(chains[0], "", profiles, environ),
        config.mfa_session_key(by_key, JANE, profiles, home.environ(**ENV_KEYS)),
        config.mfa_session_key(chains[0], JANE, home.read(text.replace("canary", "another")), environ),
        config.mfa_session_key(chains[0], JANE, profiles, environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
        config.mfa_session_key(chains[0], JANE, profiles, environ | {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:2"}),
    }
    assert 7 == len({id_, *others})


def of_session(home: Home, role: str, config_text: str, credentials_text: str = "", **variables: str) -> str:
    """Return the cache key of the MFA session of a role in the files."""
    profiles, environ = home.read(config_text, credentials_text), home.environ(**variables)
    return config.mfa_session_key(config.resolve(RoleRequest(role), profiles, environ), JANE, profiles, environ)


ROLE = "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n"


def test_a_session_belongs_to_an_access_key(home: Home) -> None:
    """Other settings of the profile, another profile, file or variable do not change it."""
    others = [
        (f"[default]\noutput = json\nregion = eu-west-1\n{KEYS}[profile a]\n{ROLE}", ""),
        (f"[profile a]\n{ROLE}", f"[default]\n{KEYS}"),
        (f"[profile twin]\n{KEYS}[profile a]\n{ROLE.replace('default', 'twin')}", ""),
        (f"[profile a]\n{ROLE.replace('source_profile = default', 'credential_source = Environment')}", ""),
    ]
    same = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}

    ids = {of_session(home, "a", *texts, **same) for texts in others}

    assert {of_session(home, "a", f"[default]\n{KEYS}[profile a]\n{ROLE}")} == ids


@pytest.mark.parametrize("line", ["aws_session_token = t", "aws_security_token = t"])
def test_a_token_is_part_of_an_access_key(line: str, home: Home) -> None:
    """The same key without a token has another cache key."""
    text = f"[default]\n{KEYS}[profile a]\n{ROLE}"

    assert of_session(home, "a", text) != of_session(home, "a", text.replace("[profile a]", f"{line}\n[profile a]"))


OWN = "endpoint_url = http://127.0.0.1:1\n"
SERVICES = "services = local\n[services local]\nsts =\n  endpoint_url = http://127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("lines", "variables", "is_elsewhere"),
    [
        (OWN, {}, True),
        (SERVICES, {}, True),
        (SERVICES.replace("sts", "s3"), {}, False),
        ("services = gone\n", {}, False),
        (f"ignore_configured_endpoint_urls = true\n{OWN}", {}, False),
        (OWN, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}, False),
        (f"ignore_configured_endpoint_urls = true\n{OWN}", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, True),
        (OWN, {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}, False),
        (SERVICES, {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:2"}, False),
        (OWN, {"AWS_ENDPOINT_URL_STS": ""}, True),
    ],
)
def test_a_role_with_another_endpoint_has_another_session(
    lines: str, variables: dict[str, str], *, is_elsewhere: bool, home: Home
) -> None:
    """The session of one endpoint is never sent to another, whichever setting wins."""
    text = f"[default]\n{KEYS}[profile a]\n{ROLE}"

    sessions = {of_session(home, "a", each, **variables) for each in (text, text + lines)}

    assert is_elsewhere == (len(sessions) == 2)


def test_one_endpoint_has_one_session(home: Home) -> None:
    """The setting that names the endpoint does not matter."""
    text = f"[default]\n{KEYS}[profile a]\n{ROLE}"
    ids = {of_session(home, "a", text + lines) for lines in (OWN, SERVICES)}

    assert {of_session(home, "a", text, AWS_ENDPOINT_URL="http://127.0.0.1:1")} == ids
