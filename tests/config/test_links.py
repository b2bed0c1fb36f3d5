"""ROLE, and the chain from its source to it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import InvalidConfigError, PartialCredentialsError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.errors import ConfigError, Origin, SourceError
from awsenv.model import AssumeRole, RoleRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.conftest import Home

ARN = "arn:aws:iam::123456789012:role/"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"
ME = f"[me]\n{KEYS}"
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-env"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": f"{ARN}web"}
ECS = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}


def role(name: str, source: str, *lines: str) -> str:
    """Return a profile that describes the role of the same name."""
    return "\n".join([f"[profile {name}]", f"role_arn = {ARN}{name}", f"source_profile = {source}", *lines, ""])


@pytest.mark.parametrize(
    ("word", "arn", "label"),
    [
        (f"{ARN}power-user", f"{ARN}power-user", "power-user@123456789012"),
        (f"{ARN}team/ops/power-user", f"{ARN}team/ops/power-user", "power-user@123456789012"),
        ("111122223333/read-only", "arn:aws:iam::111122223333:role/read-only", "read-only@111122223333"),
        ("111122223333/a/b=c", "arn:aws:iam::111122223333:role/a/b=c", "b=c@111122223333"),
        ("power-user", "arn:aws:iam:::role/power-user", "power-user"),
        ("-rf", "arn:aws:iam:::role/-rf", "-rf"),
    ],
)
def test_a_role_is_typed_as_an_arn_or_with_its_account_or_by_its_name(
    word: str, arn: str, label: str, home: Home
) -> None:
    """It needs no profile. A bare name is a role in the account of the source."""
    chain = home.resolve(word, "", f"[default]\n{KEYS}")

    (hop,) = chain.hops
    assert isinstance(hop, AssumeRole)
    assert (arn, None, label, word) == (str(hop.role), hop.profile, chain.label, chain.role)


def test_a_list_looks_for_no_similar_name(tmp_path: Path) -> None:
    """A list shows no errors: it does not search hundreds of names for what a missing source profile may mean."""
    (tmp_path / "config").write_text("".join(role(f"role-{each}", f"gone-{each}") for each in range(300)))
    script = (
        "import os, sys; from awsenv import config; names = config.roles(config.read(os.environ), os.environ); "
        "print(len(names), 'difflib' in sys.modules)"
    )
    environ = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)

    assert ("300 False\n", "") == (done.stdout, done.stderr)


def test_a_list_of_twice_as_many_roles_takes_twice_as_long(home: Home) -> None:
    """Misspelt headers are searched once, however many sources lack credentials."""

    def lines(count: int) -> int:
        profiles = home.read("[default]\n" + "".join(role(f"role-{each}", "default") for each in range(count)))
        run = 0

        def trace(*_: object) -> Any:
            nonlocal run
            run += 1
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            assert count == len(config.roles(profiles, home.environ()))
        finally:
            sys.settrace(before)
        return run

    assert lines(200) < 2.2 * lines(100)


def test_a_profile_wins_over_a_role_of_its_name(home: Home) -> None:
    """A profile outranks a role even if its name is an ARN."""
    chain = home.resolve(f"{ARN}x", f"[profile {ARN}x]\nrole_arn = {ARN}other\nsource_profile = me\n", ME)

    assert isinstance(chain.hops[0], AssumeRole)
    assert ("other", f"{ARN}x") == (chain.hops[0].role.name, chain.hops[0].profile)
    assert "other@123456789012" == chain.label


@pytest.mark.parametrize(
    ("word", "fact"),
    [
        ("", "'' is not a profile, and not a valid role name"),
        ("$(rm -rf ~)", "'$(rm -rf ~)' is not a profile, and not a valid role name"),
        ("a`b`;'\"", "is not a profile, and not a valid role name"),
        ("a\x1b[31m", "'a\\x1b[31m' is not a profile"),
        ("a\nb", "is not a profile"),
        ("r" * 65, "is not a profile"),
        ("ro\u0142e", "is not a profile"),
        ("12345678901/x", "'12345678901' is not an account ID: it has 11 digits instead of 12"),
        ("team/x", "'team/x' is not a profile"),
        ("123456789012/", "is not a profile"),
        ("123456789012//x", "is not a profile"),
        ("arn:aws:iam::12345678901:role/x", "is not the ARN of a role: its account has 11 digits instead of 12"),
        ("arn:aws:iam::123456789012:user/x", "is not the ARN of a role"),
        ("arn:aws:iam::123456789012:role/", "is not the ARN of a role"),
        ("arn:aws:iam::123456789012:role//x", "is not the ARN of a role"),
        (f"{ARN}x\n", "is not the ARN of a role"),
        (f"{ARN}\uff58", "is not the ARN of a role"),
    ],
)
def test_an_invalid_role_is_refused_as_data(word: str, fact: str, home: Home) -> None:
    """The message escapes hostile text, and no source is resolved."""
    with pytest.raises(ConfigError) as caught:
        home.resolve(word)

    assert fact in caught.value.fact
    assert caught.value.fact.isprintable()
    assert not caught.value.origins


def test_the_arn_of_a_session_is_not_the_arn_of_a_role(home: Home) -> None:
    """Users paste the output of GetCallerIdentity."""
    session = "arn:aws:sts::123456789012:assumed-role/dev/jane"
    with pytest.raises(ConfigError) as caught:
        home.resolve(session)

    assert f"'{session}' is not the ARN of a role: it is the ARN of a session" == caught.value.fact
    assert (f"its role may be {ARN}dev",) == caught.value.hints


@pytest.mark.parametrize(
    ("config_text", "credentials_text", "where", "fact", "hint"),
    [
        (
            f"\n[power-user]\nrole_arn = {ARN}x\n",
            "",
            "~/.aws/config:2",
            "the AWS CLI and awsenv ignore [power-user]: it does not begin with profile",
            "write [profile power-user]",
        ),
        (
            "[Profile power-user]\n",
            "",
            "~/.aws/config:1",
            "the AWS CLI and awsenv ignore [Profile power-user]: no section begins with 'Profile'",
            "write [profile power-user]",
        ),
        (
            "[[profile power-user]]\n",
            "",
            "~/.aws/config:1",
            "the AWS CLI and awsenv ignore [[profile power-user]]",
            "write [profile power-user]",
        ),
        (
            "",
            "[profile power-user]\n",
            "~/.aws/credentials:1",
            "in the credentials file [profile power-user] is a profile named 'profile power-user'",
            "write [power-user]",
        ),
    ],
)
def test_a_misspelt_section_is_an_error_before_any_request(
    config_text: str, credentials_text: str, where: str, fact: str, hint: str, home: Home
) -> None:
    """With or without keys, the name would be another role in AWS."""
    for variables in ({}, ENV_KEYS):
        with pytest.raises(ConfigError) as caught:
            home.resolve("power-user", config_text, credentials_text, **variables)
        assert (where, fact, (hint,)) == (caught.value.where, caught.value.fact, caught.value.hints)


def test_a_profile_with_a_similar_name_does_not_hide_the_role(home: Home) -> None:
    """A role and a profile may differ in a letter, and `[plugins]` is a section of the AWS CLI."""
    text = "[profile Power-User]\nregion = eu-west-1\n[plugins]\nx = y\n"

    assert "power-user" == home.resolve("power-user", text, f"[default]\n{KEYS}").label


@pytest.mark.parametrize(("value", "hint"), [('"me"', "remove the quotes"), ("mee", "write source_profile = me")])
def test_the_hint_corrects_a_missing_source_profile(value: str, hint: str, home: Home) -> None:
    """Quotes are part of the name."""
    with pytest.raises(ConfigError, match="there is no profile") as caught:
        home.resolve("a", role("a", value), ME)

    assert (hint,) == caught.value.hints


def test_a_profile_that_is_neither_role_nor_source_is_an_error(home: Home) -> None:
    """It is not a role of that name: the user means the profile."""
    with pytest.raises(SourceError, match="profile 'dev' holds no credentials") as caught:
        home.resolve("dev", "[profile dev]\nregion = eu-west-1\n", "", **ENV_KEYS)

    assert "~/.aws/config:1, [profile dev]" == caught.value.where


@pytest.mark.parametrize(
    ("config_text", "variables", "kind", "profile"),
    [
        (role("default", "me"), {**ENV_KEYS, **WEB, **ECS}, "environment", None),
        (role("default", "me"), {**WEB, **ECS}, "static", "me"),
        ("[default]\ncredential_process = p\n", {**WEB, **ECS}, "web-identity", None),
        ("[default]\ncredential_process = p\n", ECS, "process", "default"),
        ("[default]\nregion = eu-west-1\n", ECS, "container", None),
        ("", ECS, "container", None),
        ("[default]\ncredential_process = p\n", {"AWS_PROFILE": "me"}, "static", "me"),
        (
            "[default]\ncredential_process = p\n",
            {"AWS_PROFILE": "me", "AWS_DEFAULT_PROFILE": "default"},
            "process",
            "default",
        ),
        ("", {"AWS_PROFILE": "me", **ENV_KEYS}, "environment", None),
        ("", {"AWS_PROFILE": "me", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "static", "me"),
        ("", {"AWS_PROFILE": "me", "AWS_WEB_IDENTITY_TOKEN_FILE": ""}, "static", "me"),
    ],
)
def test_the_environment_selects_the_source_in_the_order_of_botocore(
    config_text: str, variables: dict[str, str], kind: str, profile: str | None, home: Home
) -> None:
    """Keys; the selected profile as a role; web identity; the selected profile as a source; the container."""
    source = home.resolve(f"{ARN}x", config_text, ME, **variables).source

    assert (kind, profile) == (source.kind, source.profile)


def test_the_requested_profile_outranks_the_environment(home: Home) -> None:
    """`--profile` comes first."""
    request = RoleRequest(f"{ARN}x", profile="me")

    assert "me" == home.resolve(request, "", ME, **ENV_KEYS, **WEB, AWS_PROFILE="gone").source.profile


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
@pytest.mark.parametrize("keys", [{}, ENV_KEYS])
def test_a_variable_with_an_unknown_profile_is_an_error_as_in_botocore(
    variable: str, keys: dict[str, str], home: Home
) -> None:
    """With or without keys, botocore raises ProfileNotFound."""
    with pytest.raises(ConfigError, match="there is no profile 'gone'") as gone:
        home.resolve("x", "", ME, **{variable: "gone"}, **keys)

    assert variable == gone.value.where


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_an_empty_profile_variable_names_no_profile(variable: str, home: Home) -> None:
    """[default] or the other variable counts: CI systems set empty variables."""
    other = "AWS_PROFILE" if variable == "AWS_DEFAULT_PROFILE" else "AWS_DEFAULT_PROFILE"

    chains = [
        home.resolve("x", f"[default]\n{KEYS}", ME, **{variable: ""}),
        home.resolve("x", f"[default]\n{KEYS}", ME, **{variable: "", other: "me"}),
    ]

    assert ["default", "me"] == [chain.source.profile for chain in chains]


def test_a_profile_of_the_environment_without_a_source_never_falls_through(home: Home) -> None:
    """Neither the container nor the role of the machine replaces it."""
    with pytest.raises(SourceError, match="profile 'empty' holds no credentials"):
        home.resolve(f"{ARN}x", "[profile empty]\nregion = eu-west-1\n", "", AWS_PROFILE="empty", **ECS)


@pytest.mark.parametrize(
    "variables",
    [{"AWS_ACCESS_KEY_ID": "canary"}, {"AWS_SECRET_ACCESS_KEY": "canary"}, {"AWS_WEB_IDENTITY_TOKEN_FILE": "canary"}],
)
def test_half_of_what_the_environment_needs_is_an_error(variables: dict[str, str], home: Home) -> None:
    """The message names the missing half, and shows neither."""
    with pytest.raises(SourceError) as caught:
        home.resolve(f"{ARN}x", "", ME, **variables)

    assert [caught.value.where] == list(variables)
    assert "canary" not in f"{caught.value.fact}{caught.value.hints}"


def test_without_any_credentials_the_hint_says_what_gives_some(home: Home) -> None:
    """The text is the same whatever is asked for."""
    for word in ("power-user", f"{ARN}x", "123456789012/x"):
        with pytest.raises(SourceError) as caught:
            config.resolve(RoleRequest(word), config.read(home.environ()), home.environ())

        fact = "there are no AWS credentials in ~/.aws/config (missing) or ~/.aws/credentials (missing), and none"
        assert f"{fact} in the environment" == caught.value.fact
        assert ("aws configure sso", "aws configure") == caught.value.hints


@pytest.mark.parametrize("path", ["/etc/passwd", "/no/such/folder", ""])
def test_a_home_that_is_no_folder_is_the_cause(path: str) -> None:
    """Of files that cannot be there, the message names the variable that leads there."""
    environ = {"HOME": path}
    with pytest.raises(SourceError) as caught:
        config.resolve(RoleRequest("power-user"), config.read(environ), environ)

    assert f"{path or 'the empty path'} is not a folder" == caught.value.because
    assert ([Origin("HOME")], ("set HOME to your home folder",)) == ([*caught.value.origins], caught.value.hints)


@pytest.mark.parametrize(
    ("word", "fact"),
    [
        (
            "deploy",
            "there is no profile 'deploy' in ~/.aws/config or ~/.aws/credentials, and no default profile",
        ),
        (f"{ARN}x", "there is no default profile"),
    ],
)
def test_without_a_default_the_hint_names_a_source(home: Home, word: str, fact: str) -> None:
    """A typed role has no source of its own: `--profile` names one of those that there are."""
    with pytest.raises(SourceError) as caught:
        home.resolve(word, f"[profile 'o k']\n{KEYS}")

    assert f"{fact} to assume role {word!r} with" == caught.value.fact
    assert ("name a source: --profile 'o k'", "awsenv list shows the profiles") == caught.value.hints


def test_a_chain_begins_at_its_source(home: Home) -> None:
    """Any depth; the hops are in the order of the calls."""
    chain = home.resolve("c", role("c", "b") + role("b", "a") + role("a", "me"), ME)

    assert ["a", "b", "c"] == [hop.profile for hop in chain.hops if isinstance(hop, AssumeRole)]
    assert ("me", "c") == (chain.source.profile, chain.settings_profile)


def test_the_requested_profile_replaces_the_source_profile(home: Home) -> None:
    """Only for the requested role, even if its own source is wrong."""
    other = f"[other]\n{KEYS}"
    for lines in ("source_profile = gone\n", "credential_source = Environment\n", ""):
        chain = home.resolve(RoleRequest("a", profile="other"), f"[profile a]\nrole_arn = {ARN}a\n{lines}", other)
        assert "other" == chain.source.profile


def test_in_a_source_profile_a_key_outranks_a_role(home: Home) -> None:
    """As in botocore, a profile with both is a role if it is requested, and a key if it is a source."""
    both = role("both", "both", KEYS)

    assert 1 == len(home.resolve("both", both).hops)
    assert ["b"] == [
        hop.profile for hop in home.resolve("b", both + role("b", "both")).hops if isinstance(hop, AssumeRole)
    ]


@pytest.mark.parametrize(
    ("config_text", "circle"),
    [
        (role("a", "a"), "a → a"),
        (role("a", "b") + role("b", "a"), "a → b → a"),
        (role("a", "b") + role("b", "c") + role("c", "b"), "b → c → b"),
        (role("a", "b", KEYS) + role("b", "a"), "a → b → a"),
        (role("a", "b") + role("b", "b"), "b → b"),
    ],
)
def test_a_loop_is_named(config_text: str, circle: str, home: Home) -> None:
    """The message names the profiles of the loop only."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", config_text)

    assert f"source_profile leads back to itself: {circle}" == caught.value.fact
    assert "source_profile" in (caught.value.where or "")


@given(before=st.integers(0, 6), around=st.integers(1, 6))
def test_every_loop_is_named_from_beginning_to_beginning(
    before: int, around: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The length of the loop and of the path to it do not matter."""
    names = [f"p{number}" for number in range(before + around)]
    sources = [*names[1:], names[before]]
    path = tmp_path_factory.getbasetemp() / "config"
    path.write_text("".join(role(name, source) for name, source in zip(names, sources, strict=True)))
    profiles = config.read({"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": ""})

    with pytest.raises(ConfigError) as caught:
        config.resolve(RoleRequest("p0"), profiles, {})

    assert " → ".join([*names[before:], names[before]]) == caught.value.fact.partition(": ")[2]


def test_a_chain_has_a_maximum_length(home: Home) -> None:
    """Twenty roles are accepted, fifty are refused."""
    text = "".join(role(f"p{number}", f"p{number + 1}") for number in range(50)) + f"[profile p50]\n{KEYS}"

    with pytest.raises(ConfigError, match="the chain of source_profile from 'p0' has more than 20 roles"):
        home.resolve("p0", text)
    assert 20 == len(home.resolve("p30", text).hops)


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        ("", "profile 'a' has a role_arn, but neither source_profile nor credential_source"),
        (
            "source_profile = me\ncredential_source = Environment\n",
            "profile 'a' has both source_profile and credential_source",
        ),
        ("source_profile = gone\n", "there is no profile 'gone' in ~/.aws/config or ~/.aws/credentials"),
        ("source_profile =\n", "source_profile is empty"),
        ("credential_source = environment\n", "'environment' is not a credential_source"),
    ],
)
def test_a_role_has_exactly_one_source(lines: str, fact: str, home: Home) -> None:
    """Any other number is an error that names the keys."""
    with pytest.raises(ConfigError) as caught:
        home.resolve("a", f"[profile a]\nrole_arn = {ARN}a\n{lines}", ME, **ENV_KEYS)

    assert fact == caught.value.fact
    assert "[profile a]" in (caught.value.where or "")


@pytest.mark.parametrize(
    ("name", "variables", "kind"),
    [
        ("Environment", ENV_KEYS, "environment"),
        ("EcsContainer", ECS, "container"),
        ("Ec2InstanceMetadata", {}, "instance"),
    ],
)
def test_a_credential_source_names_its_source(name: str, variables: dict[str, str], kind: str, home: Home) -> None:
    """Each of the three is accepted."""
    text = f"[profile a]\nrole_arn = {ARN}a\ncredential_source = {name}\n"

    source = home.resolve("a", text, **variables).source

    assert kind == source.kind
    assert source.origin is not None


@pytest.mark.parametrize("name", ["Environment", "EcsContainer"])
def test_a_missing_credential_source_is_an_error(name: str, home: Home) -> None:
    """It names the variable."""
    with pytest.raises(SourceError, match=r"AWS_\w+ is not set"):
        home.resolve("a", f"[profile a]\nrole_arn = {ARN}a\ncredential_source = {name}\n", ME)


def test_the_settings_come_from_the_profile_that_the_environment_selects(home: Home) -> None:
    """Keys of the environment are used with the CA bundle and the region of the profile, as in botocore."""
    text = "[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-3\n"

    chains = home.resolve("x", text, **ENV_KEYS), home.resolve("x", text, **ENV_KEYS, AWS_PROFILE="p")

    assert [("default", "eu-west-1"), ("p", "eu-west-3")] == [(c.settings_profile, c.region) for c in chains]
    assert Origin("AWS_ACCESS_KEY_ID") == chains[0].source.origin


SHAPES = st.dictionaries(
    st.sampled_from("abcd"),
    st.fixed_dictionaries({"role": st.booleans(), "source": st.sampled_from([None, *"abcde"]), "keys": st.booleans()}),
    min_size=1,
)


def session_of(path: Path, name: str | None) -> Session:
    """Return botocore's session of the profile *name* in a config file."""
    # The handlers are those of requests, and most of what a session costs.
    return Session(
        profile=name,
        include_builtin_handlers=False,
        session_vars={
            "config_file": (None, None, str(path), None),
            "credentials_file": (None, None, str(path.with_name("none")), None),
        },
    )


def is_taken_by_botocore(path: Path, name: str) -> bool:
    """Return whether botocore would go on to call AssumeRole for the role profile *name*."""
    session = session_of(path, name)
    try:
        return bool(session.get_credentials().method == "assume-role")
    except (InvalidConfigError, PartialCredentialsError):
        return False


@pytest.mark.slow
@settings(max_examples=150)
@given(shapes=SHAPES)
def test_the_same_chains_are_accepted_as_by_botocore(
    shapes: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Generated profiles have the same sources, loops and precedence of keys and roles."""
    path = tmp_path_factory.getbasetemp() / "config"
    path.write_text(
        "".join(
            f"[profile {name}]\n"
            + (f"role_arn = {ARN}{name}\n" if shape["role"] else "")
            + (f"source_profile = {shape['source']}\n" if shape["source"] else "")
            + (KEYS if shape["keys"] else "")
            for name, shape in shapes.items()
        )
    )
    profiles = config.read({"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": ""})
    for name in [name for name, shape in shapes.items() if shape["role"]]:
        try:
            taken = config.resolve(RoleRequest(name), profiles, {}).hops != ()
        except (ConfigError, SourceError):
            taken = False
        assert is_taken_by_botocore(path, name) is taken


def typed_by_botocore(path: Path, name: str | None) -> tuple[list[str], str] | None:
    """Return the roles that botocore assumes for the profile *name*, in order, and the key that it begins with.

    None: it finds no credentials, or refuses the configuration.
    """
    session = session_of(path, name)
    try:
        credentials = session.get_credentials()
    except (InvalidConfigError, PartialCredentialsError):
        return None
    roles: list[str] = []
    while credentials is not None and credentials.method == "assume-role":
        fetcher = credentials._refresh_using.__self__  # noqa: SLF001 - botocore says nowhere else whom it asks
        roles.insert(0, fetcher._role_arn)  # noqa: SLF001
        credentials = fetcher._source_credentials  # noqa: SLF001
    return None if credentials is None else (roles, credentials.access_key)


@pytest.fixture(scope="module")
def no_machine() -> Iterator[None]:
    """Keep botocore from requesting the role of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.mark.slow
@settings(max_examples=500)
@given(shapes=SHAPES, selected=st.sampled_from([None, *"abc"]), by_option=st.booleans())
@pytest.mark.usefixtures("no_machine")
def test_a_typed_role_is_assumed_with_what_botocore_finds_in_the_selected_profile(
    shapes: dict[str, dict[str, Any]],
    selected: str | None,
    tmp_path_factory: pytest.TempPathFactory,
    *,
    by_option: bool,
) -> None:
    """Generated profiles lead through the same roles, from the same key."""
    path = tmp_path_factory.getbasetemp() / "typed"
    shapes = {"default" if name == "d" else name: shape for name, shape in shapes.items()}
    path.write_text(
        "".join(
            f"[{'' if name == 'default' else 'profile '}{name}]\n"
            + (f"role_arn = {ARN}{name}\n" if shape["role"] else "")
            + (
                f"source_profile = {'default' if shape['source'] == 'd' else shape['source']}\n"
                if shape["source"]
                else ""
            )
            + (f"aws_access_key_id = {name}\naws_secret_access_key = canary-secret\n" if shape["keys"] else "")
            for name, shape in shapes.items()
        )
    )
    environ = {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": ""}
    request = RoleRequest(f"{ARN}x", profile=selected if by_option else None)
    if selected is not None and not by_option:
        environ["AWS_PROFILE"] = selected
    profiles = config.read(environ)
    try:
        chain = config.resolve(request, profiles, environ)
    except (ConfigError, SourceError):
        actual = None
    else:
        *roles, last = chain.hops
        actual = [str(getattr(hop, "role", None)) for hop in roles], chain.source.profile
        assert f"{ARN}x" == str(getattr(last, "role", None))

    expected = typed_by_botocore(path, selected) if selected is None or selected in shapes else None
    assert expected == actual
