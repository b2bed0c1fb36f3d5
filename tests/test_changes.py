"""A role is set in an environment, and removed without a trace."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import changes
from awsenv.model import Chain, Credentials, Source
from awsenv.variables import EXPORTED, FILE, REMOVED, SECRET, having

EXPIRATION = datetime(2026, 11, 23, 18, 0, 0, 500, tzinfo=timezone(timedelta(hours=1)))


def chain(role: str = "power-user", region: str | None = "eu-central-1") -> Chain:
    """Return a chain in which only the names matter."""
    return Chain(source=Source("static"), hops=(), role=role, label=role, region=region)


def credentials(suffix: str = "1", *, expiration: datetime | None = EXPIRATION) -> Credentials:
    """Return credentials that can be told apart by *suffix*."""
    return Credentials(f"ASIA{suffix}", f"secret{suffix}", f"token{suffix}", expiration, account="123456789012")


def put_on(environ: dict[str, str], role: str = "power-user", suffix: str = "1") -> dict[str, str]:
    """Return *environ* with a role."""
    return changes.change(chain(role), credentials(suffix), environ).applied_to(environ)


URL = "http://127.0.0.1:4321/credentials/1"
FIRST = {"AWSENV_PREVIOUS": "first"}
FILES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG")


def serve(environ: dict[str, str], role: str = "power-user", *, hides_config: bool = False) -> dict[str, str]:
    """Return *environ* with a role that an endpoint serves."""
    change = changes.served(chain(role), URL, "canary-token", environ, hides_config=hides_config)
    return change.applied_to(environ)


names = st.sampled_from([*having(EXPORTED), *having(REMOVED), *having(FILE), "PATH", "AWS_PAGER"])
texts = st.text(st.characters(exclude_characters="\0"), max_size=8) | st.sampled_from(["/dev/null", URL])
environs = st.dictionaries(names, texts)


def test_a_role_sets_these_variables() -> None:
    """A role exports its keys, their expiry, the region under both of its names, and the labels."""
    expected = {
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": "secret1",
        "AWS_SESSION_TOKEN": "token1",
        "AWS_CREDENTIAL_EXPIRATION": "2026-11-23T17:00:00Z",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_VAULT": "power-user",
        "AWSENV_ROLE": "power-user",
        "AWSENV_LABEL": "power-user",
        "AWSENV_ACCOUNT": "123456789012",
        "AWSENV_EXPIRES_EPOCH": "1795453200",
        "AWSENV_ACCESS_KEY_ID": "ASIA1",
    }

    assert expected == put_on({})


def test_variables_that_outrank_the_keys_are_removed() -> None:
    """A role unsets a profile, a stale security token and all other sources, and does not just empty them."""
    stale = dict.fromkeys(having(REMOVED), "stale")

    changed = put_on(stale)

    assert not set(having(REMOVED)) & set(changed)


@given(environs)
def test_the_whole_change_sets_the_role_anywhere(environ: dict[str, str]) -> None:
    """What sets a role again where it is active also sets it where nothing is, and makes the same change there."""
    active = put_on(environ, suffix="1")
    again = changes.change(chain(), credentials("1"), active)

    whole = changes.whole(again, active)

    assert {} == again.variables
    assert put_on({}, suffix="1").items() <= whole.variables.items()
    assert active == whole.applied_to(active)
    assert not {*having(FILE), "PATH", "AWS_PAGER"} & {*whole.variables}


@given(environs)
def test_off_restores_the_environment(environ: dict[str, str]) -> None:
    """The command `off` restores every variable, including empty ones."""
    changed = put_on(environ)

    assert environ == changes.restore(changed).applied_to(changed)


@given(environs)
def test_a_second_role_replaces_the_first(environ: dict[str, str]) -> None:
    """A second role leaves nothing of the first but its name, and keeps the variables that the first one saved."""
    second = put_on(put_on(environ, "first", "1"), "second", "2")

    assert put_on(environ, "second", "2") | FIRST == second


@pytest.mark.parametrize(
    ("roles", "previous"),
    [
        ("a", None),
        ("a a", None),
        ("a b", "a"),
        ("a b b", "a"),
        ("a b a", "b"),
        ("a b a b", "a"),
        ("a b c", "b"),
    ],
)
def test_a_role_knows_the_one_that_it_replaced(roles: str, previous: str | None) -> None:
    """AWSENV_PREVIOUS is the other role that was active last; a role that is assumed anew leaves it as it is."""
    environ: dict[str, str] = {}
    for role in roles.split():
        environ = put_on(environ, role)

    assert previous == environ.get("AWSENV_PREVIOUS")


@given(environs)
def test_the_keys_of_a_role_are_never_a_source(environ: dict[str, str]) -> None:
    """The original environment, in which sources are found, is the one before the role."""
    assert environ == changes.original(put_on(environ))


@given(environ=environs, hides_config=st.booleans())
def test_off_restores_the_environment_after_an_endpoint(environ: dict[str, str], *, hides_config: bool) -> None:
    """The command `off` restores every variable, including the files that a served role hides."""
    changed = serve(environ, "power-user", hides_config=hides_config)

    assert environ == changes.restore(changed).applied_to(changed)
    assert environ == changes.original(changed)


@given(environ=environs, hides_config=st.booleans())
def test_an_endpoint_replaces_keys(environ: dict[str, str], *, hides_config: bool) -> None:
    """A served role leaves nothing of the role before but its name, and keeps the variables that it saved."""
    second = serve(put_on(environ, "first"), "second", hides_config=hides_config)

    assert serve(environ, "second", hides_config=hides_config) | FIRST == second


@given(environ=environs, hides_config=st.booleans())
def test_keys_replace_an_endpoint(environ: dict[str, str], *, hides_config: bool) -> None:
    """A role with keys leaves nothing of the endpoint before, and restores the user's files."""
    second = put_on(serve(environ, "first", hides_config=hides_config), "second")

    assert put_on(environ, "second") | FIRST == second


@given(environ=environs, hides_config=st.booleans())
def test_an_endpoint_replaces_another(environ: dict[str, str], *, hides_config: bool) -> None:
    """A file that the first served role hides, and the second does not, is restored."""
    second = serve(serve(environ, "first", hides_config=hides_config), "second")

    assert serve(environ, "second") | FIRST == second


def test_a_served_role_sets_these_variables() -> None:
    """A served role exports its endpoint and no key, and hides the credentials file, and the config file on request."""
    expected = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": URL,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary-token",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "BOTO_CONFIG": "/dev/null",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_VAULT": "power-user",
        "AWSENV_ROLE": "power-user",
        "AWSENV_LABEL": "power-user",
        "AWSENV_REFRESH": URL,
    }

    assert expected == serve({})
    assert expected | dict.fromkeys(FILES, "/dev/null") == serve({}, hides_config=True)


def test_variables_that_outrank_the_endpoint_are_removed() -> None:
    """A served role unsets keys and all other sources, hides the credentials files, and keeps the config file."""
    stale = dict.fromkeys([*having(EXPORTED), *having(REMOVED), *FILES], "stale")

    changed = serve(stale)

    endpoint = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
    assert endpoint == {*having(EXPORTED)[:4], *having(REMOVED)} & set(changed)
    assert ("/dev/null", "stale", "/dev/null") == tuple(changed[name] for name in FILES)


def test_a_served_role_corrects_the_account_id() -> None:
    """A served role sets an existing AWS_ACCOUNT_ID to its account, or unsets it if the account is unknown."""
    environ = {"AWS_ACCOUNT_ID": "999999999999"}

    change = changes.served(chain(), URL, "t", environ, account="123456789012")

    assert {"123456789012"} == {change.variables[name] for name in ("AWS_ACCOUNT_ID", "AWSENV_ACCOUNT")}
    assert "AWS_ACCOUNT_ID" not in serve(environ)


def test_a_served_role_has_its_keys_and_no_expiry() -> None:
    """A served role has no expiry, and has its keys while its endpoint is set and no key outranks it."""
    role = serve({"AWS_ACCESS_KEY_ID": "AKIAMINE"})

    def active(environ: dict[str, str]) -> tuple[int | None, bool, bool]:
        found = changes.active(environ)
        assert found is not None
        return found.expires, found.has_its_keys, found.is_served

    assert (None, True, True) == active(role)
    assert (None, False, True) == active(role | {"AWS_ACCESS_KEY_ID": "AKIA9"})
    assert (None, False, True) == active(role | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x"})
    assert (1795453200, True, False) == active(put_on({}))


def test_variables_set_after_an_endpoint_remain() -> None:
    """The command `off` keeps a key, file or endpoint that the user has set since, and mixes no older token in."""
    before = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", *FILES], "before")
    since = {
        "AWS_ACCESS_KEY_ID": "AKIA9",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_CONFIG_FILE": "theirs",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "theirs",
    }

    expected = since | {"AWS_SHARED_CREDENTIALS_FILE": "before", "BOTO_CONFIG": "before"}
    assert expected == changes.original(serve(before, hides_config=True) | since)


def test_a_role_names_its_lease_in_the_agent() -> None:
    """A role sets AWSENV_RENEW to its lease; a role without a lease unsets it."""
    renewed = changes.change(chain(), credentials(), {}, lease="abc").applied_to({})

    assert "abc" == renewed["AWSENV_RENEW"]
    assert put_on({}) == put_on(renewed)
    assert serve({}) == serve(renewed)
    assert {} == changes.original(renewed)


def test_new_keys_replace_those_of_the_same_role() -> None:
    """A renewal changes the keys, their expiry and the lease, but only the values that differ."""
    role = changes.change(chain(), credentials(), {}, lease="abc").applied_to({})
    later = credentials("2", expiration=EXPIRATION + timedelta(hours=1))

    expected = {
        "AWS_ACCESS_KEY_ID": "ASIA2",
        "AWS_SECRET_ACCESS_KEY": "secret2",
        "AWS_SESSION_TOKEN": "token2",
        "AWS_CREDENTIAL_EXPIRATION": "2026-11-23T18:00:00Z",
        "AWSENV_ACCESS_KEY_ID": "ASIA2",
        "AWSENV_EXPIRES_EPOCH": "1795456800",
    }
    assert expected == dict(changes.new_keys(later, role, "abc").variables)
    assert expected | {"AWSENV_RENEW": "def"} == dict(changes.new_keys(later, role, "def").variables)
    assert {} == changes.new_keys(credentials(), role, "abc").variables


@given(environs, environs)
def test_new_keys_keep_variables_set_since(before: dict[str, str], since: dict[str, str]) -> None:
    """A renewal keeps the variables that the user has set since, and `off` still restores the same environment."""
    kept = {name: value for name, value in since.items() if name not in having(EXPORTED)[:4]}
    shell = put_on(before) | kept

    renewed = changes.new_keys(credentials("2"), shell, "abc").applied_to(shell)

    keys = {*having(EXPORTED)[:4], "AWSENV_ACCESS_KEY_ID", "AWSENV_EXPIRES_EPOCH", "AWSENV_RENEW"}
    assert {**shell, **{name: renewed[name] for name in keys}} == renewed
    assert ("ASIA2", "secret2", "token2") == tuple(renewed[name] for name in having(EXPORTED)[:3])
    assert changes.original(shell) == changes.original(renewed)


def test_a_served_role_can_be_set_again() -> None:
    """The variables of a served role can be set again after rc files have changed them."""
    role = serve({"AWS_ACCESS_KEY_ID": "AKIAMINE"})
    spoilt = role | {"AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SHARED_CREDENTIALS_FILE": "rc"}

    assert role == changes.spelled_out(role).applied_to(spoilt)


def test_a_profile_that_is_set_later_remains() -> None:
    """The command `off` keeps a profile that the user has set since the role unset it."""
    changed = put_on({"AWS_PROFILE": "before"}) | {"AWS_PROFILE": "since"}

    assert {"AWS_PROFILE": "since"} == changes.restore(changed).applied_to(changed)


def test_another_key_that_is_exported_later_remains() -> None:
    """Neither the next role nor `off` loses a key that the user has exported since."""
    theirs = {"AWS_ACCESS_KEY_ID": "AKIA9", "AWS_SECRET_ACCESS_KEY": "theirs"}
    changed = put_on({"AWS_REGION": "us-east-1"}) | theirs

    restored = changes.restore(changed).applied_to(changed)

    assert theirs.items() <= restored.items()
    assert restored["AWS_REGION"] == "us-east-1"
    assert changes.original(put_on(changed)).items() >= theirs.items()


def test_a_role_can_be_set_again() -> None:
    """A role can be set again after rc files have changed its variables, or have set some that outrank it."""
    role = put_on({"AWS_PROFILE": "before"})

    spoilt = role | {"AWS_PROFILE": "of the rc file", "AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SECURITY_TOKEN": "x"}

    assert role == changes.spelled_out(role).applied_to(spoilt)


@given(environ=environs, hides_config=st.booleans())
def test_a_command_gets_the_role_and_no_saved_secret(environ: dict[str, str], *, hides_config: bool) -> None:
    """A command gets all saved variables but secrets, so that awsenv in it finds the same files and profile."""
    for changed in (put_on(environ), serve(environ, "power-user", hides_config=hides_config)):
        handed_down = changes.for_command(changed)

        assert not [name for name in having(SECRET) if f"AWSENV_SAVED_{name}" in handed_down]
        assert changes.active(changed) == changes.active(handed_down)
        secret = {*having(SECRET)}
        assert {name: value for name, value in environ.items() if name not in secret} == {
            name: value for name, value in changes.original(handed_down).items() if name not in secret
        }


def test_saved_variables_without_a_role_restore_nothing() -> None:
    """Saved variables are ignored if no role is active."""
    assert {} == changes.original({"AWSENV_SAVED_AWS_PROFILE": "stale"})


def test_a_change_names_only_variables_that_differ() -> None:
    """A change does not unset variables that are not set."""
    change = changes.change(chain(region=None), credentials(expiration=None), {"AWS_PROFILE": "mine"})

    expected = {
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": "secret1",
        "AWS_SESSION_TOKEN": "token1",
        "AWS_VAULT": "power-user",
        "AWS_PROFILE": None,
        "AWSENV_ROLE": "power-user",
        "AWSENV_LABEL": "power-user",
        "AWSENV_ACCOUNT": "123456789012",
        "AWSENV_ACCESS_KEY_ID": "ASIA1",
        "AWSENV_SAVED_AWS_PROFILE": "mine",
    }
    assert expected == dict(change.variables)


def test_an_account_id_is_corrected() -> None:
    """A role changes AWS_ACCOUNT_ID, which is an input of the SDKs, if it is set."""
    changed = put_on({"AWS_ACCOUNT_ID": "999999999999"})

    assert changed["AWS_ACCOUNT_ID"] == "123456789012"


def test_the_active_role_is_read_back() -> None:
    """The active role has the name, account and expiry that `use` has set."""
    role = changes.active(put_on({}))

    assert role is not None
    assert ("power-user", "123456789012", 1795453200) == (role.role, role.account, role.expires)


def test_an_expiry_that_is_not_a_number_is_ignored() -> None:
    """An expiry that is too long or has other characters than digits is ignored: a shell would evaluate it."""
    for text in ("1+a[$(id)]", "-1", "9" * 12, "9" * 5000, "٣"):
        role = changes.active({"AWSENV_ROLE": "x", "AWSENV_EXPIRES_EPOCH": text})

        assert role is not None
        assert role.expires is None


def test_no_role_is_active_without_awsenv_role() -> None:
    """Keys from elsewhere do not count as a role."""
    assert changes.active({"AWS_ACCESS_KEY_ID": "AKIA1"}) is None


def test_no_secret_is_in_a_repr() -> None:
    """The representations of changes, active roles and credentials contain no secret key."""
    change = changes.change(chain(), credentials(), {})
    role = changes.active(put_on({}))

    assert not [text for text in (repr(change), repr(role), repr(credentials())) if "secret1" in text]
