"""A role is set in an environment, and removed without a trace."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from awsenv import environment
from awsenv.model import Chain, Credentials, Source
from awsenv.variables import EXPORTED, FILE, REMOVED, SECRET, having

EXPIRATION = datetime(2026, 11, 23, 18, 0, 0, 500, tzinfo=timezone(timedelta(hours=1)))


def chain(role: str = "power-user", region: str | None = "eu-central-1") -> Chain:
    """Return a chain of which only the names matter here."""
    return Chain(source=Source("static"), hops=(), role=role, label=role, region=region)


def credentials(suffix: str = "1", *, expiration: datetime | None = EXPIRATION) -> Credentials:
    """Return credentials that can be told apart by *suffix*."""
    return Credentials(f"ASIA{suffix}", f"secret{suffix}", f"token{suffix}", expiration, account="123456789012")


def put_on(environ: dict[str, str], role: str = "power-user", suffix: str = "1") -> dict[str, str]:
    """Return *environ* with a role."""
    return environment.change(chain(role), credentials(suffix), environ).applied_to(environ)


URL = "http://127.0.0.1:4321/credentials/1"
FILES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG")


def serve(environ: dict[str, str], role: str = "power-user", *, hides_config: bool = False) -> dict[str, str]:
    """Return *environ* with a role that an endpoint serves."""
    change = environment.served(chain(role), URL, "canary-token", environ, hides_config=hides_config)
    return change.applied_to(environ)


names = st.sampled_from([*having(EXPORTED), *having(REMOVED), *having(FILE), "PATH", "AWS_PAGER"])
texts = st.text(st.characters(exclude_characters="\0"), max_size=8) | st.sampled_from(["/dev/null", URL])
environs = st.dictionaries(names, texts)


def test_a_role_is_these_variables() -> None:
    """Export the keys, when they end, the region under both its names, and the labels."""
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


def test_what_would_outrank_the_keys_is_removed() -> None:
    """Unset a profile, a stale security token and every other source of credentials; never blank them."""
    stale = dict.fromkeys(having(REMOVED), "stale")

    changed = put_on(stale)

    assert not set(having(REMOVED)) & set(changed)


@given(environs)
def test_off_restores_what_was_there_before(environ: dict[str, str]) -> None:
    """Restore every variable, including empty ones."""
    changed = put_on(environ)

    assert environ == environment.restore(changed).applied_to(changed)


@given(environs)
def test_a_second_role_replaces_the_first(environ: dict[str, str]) -> None:
    """Leave nothing of the first role, and keep what was saved before it."""
    second = put_on(put_on(environ, "first", "1"), "second", "2")

    assert put_on(environ, "second", "2") == second


@given(environs)
def test_our_own_keys_are_never_a_source(environ: dict[str, str]) -> None:
    """Look for sources in the environment as it was before the first role."""
    assert environ == environment.original(put_on(environ))


@given(environ=environs, hides_config=st.booleans())
def test_off_restores_what_was_there_before_an_endpoint(environ: dict[str, str], *, hides_config: bool) -> None:
    """Restore every variable, including the files, even those that were hidden already."""
    changed = serve(environ, "power-user", hides_config=hides_config)

    assert environ == environment.restore(changed).applied_to(changed)
    assert environ == environment.original(changed)


@given(environ=environs, hides_config=st.booleans())
def test_an_endpoint_after_keys_leaves_nothing_of_them(environ: dict[str, str], *, hides_config: bool) -> None:
    """Leave nothing of the keys, and keep what was saved before them."""
    second = serve(put_on(environ, "first"), "second", hides_config=hides_config)

    assert serve(environ, "second", hides_config=hides_config) == second


@given(environ=environs, hides_config=st.booleans())
def test_keys_after_an_endpoint_leave_nothing_of_it(environ: dict[str, str], *, hides_config: bool) -> None:
    """Leave nothing of the endpoint, and restore the user's files."""
    second = put_on(serve(environ, "first", hides_config=hides_config), "second")

    assert put_on(environ, "second") == second


@given(environ=environs, hides_config=st.booleans())
def test_an_endpoint_takes_the_place_of_another(environ: dict[str, str], *, hides_config: bool) -> None:
    """A file that the first one hid and the second one does not is there again."""
    assert serve(environ, "second") == serve(serve(environ, "first", hides_config=hides_config), "second")


def test_a_role_that_is_served_is_these_variables() -> None:
    """Export the endpoint and no key; hide the credentials file, and the config file on request."""
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


def test_nothing_that_outranks_the_endpoint_is_left() -> None:
    """Unset keys and all other sources, and leave other files as they are."""
    stale = dict.fromkeys([*having(EXPORTED), *having(REMOVED), *FILES], "stale")

    changed = serve(stale)

    endpoint = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
    assert endpoint == {*having(EXPORTED)[:4], *having(REMOVED)} & set(changed)
    assert ("/dev/null", "stale", "/dev/null") == tuple(changed[name] for name in FILES)


def test_an_account_id_is_that_of_the_role_that_is_served() -> None:
    """Correct AWS_ACCOUNT_ID where it is set and the account is known; remove it where it is not known."""
    environ = {"AWS_ACCOUNT_ID": "999999999999"}

    change = environment.served(chain(), URL, "t", environ, account="123456789012")

    assert {"123456789012"} == {change.variables[name] for name in ("AWS_ACCOUNT_ID", "AWSENV_ACCOUNT")}
    assert "AWS_ACCOUNT_ID" not in serve(environ)


def test_a_role_that_is_served_has_its_keys_and_no_end() -> None:
    """It has them while its endpoint is set and no key outranks it."""
    role = serve({"AWS_ACCESS_KEY_ID": "AKIAMINE"})

    def active(environ: dict[str, str]) -> tuple[int | None, bool, bool]:
        found = environment.active(environ)
        assert found is not None
        return found.expires, found.has_its_keys, found.is_served

    assert (None, True, True) == active(role)
    assert (None, False, True) == active(role | {"AWS_ACCESS_KEY_ID": "AKIA9"})
    assert (None, False, True) == active(role | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x"})
    assert (1795453200, True, False) == active(put_on({}))


def test_what_the_user_sets_after_an_endpoint_remains() -> None:
    """`off` keeps their key, file or endpoint, and never combines the key with the one before."""
    before = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", *FILES], "before")
    since = {
        "AWS_ACCESS_KEY_ID": "AKIA9",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_CONFIG_FILE": "theirs",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "theirs",
    }

    expected = since | {"AWS_SHARED_CREDENTIALS_FILE": "before", "BOTO_CONFIG": "before"}
    assert expected == environment.original(serve(before, hides_config=True) | since)


def test_a_role_names_its_lease_in_the_agent() -> None:
    """Set AWSENV_RENEW to the lease, and remove that of another role."""
    renewed = environment.change(chain(), credentials(), {}, lease="abc").applied_to({})

    assert "abc" == renewed["AWSENV_RENEW"]
    assert put_on({}) == put_on(renewed)
    assert serve({}) == serve(renewed)
    assert {} == environment.original(renewed)


def test_new_keys_replace_those_of_the_same_role() -> None:
    """Change the keys, their expiry and the lease, and only what differs."""
    role = environment.change(chain(), credentials(), {}, lease="abc").applied_to({})
    later = credentials("2", expiration=EXPIRATION + timedelta(hours=1))

    expected = {
        "AWS_ACCESS_KEY_ID": "ASIA2",
        "AWS_SECRET_ACCESS_KEY": "secret2",
        "AWS_SESSION_TOKEN": "token2",
        "AWS_CREDENTIAL_EXPIRATION": "2026-11-23T18:00:00Z",
        "AWSENV_ACCESS_KEY_ID": "ASIA2",
        "AWSENV_EXPIRES_EPOCH": "1795456800",
    }
    assert expected == dict(environment.new_keys(later, role, "abc").variables)
    assert expected | {"AWSENV_RENEW": "def"} == dict(environment.new_keys(later, role, "def").variables)
    assert {} == environment.new_keys(credentials(), role, "abc").variables


@given(environs, environs)
def test_new_keys_leave_what_is_set_since(before: dict[str, str], since: dict[str, str]) -> None:
    """Keep what the user has set since; `off` restores the same as without the renewal."""
    kept = {name: value for name, value in since.items() if name not in having(EXPORTED)[:4]}
    shell = put_on(before) | kept

    renewed = environment.new_keys(credentials("2"), shell, "abc").applied_to(shell)

    keys = {*having(EXPORTED)[:4], "AWSENV_ACCESS_KEY_ID", "AWSENV_EXPIRES_EPOCH", "AWSENV_RENEW"}
    assert {**shell, **{name: renewed[name] for name in keys}} == renewed
    assert ("ASIA2", "secret2", "token2") == tuple(renewed[name] for name in having(EXPORTED)[:3])
    assert environment.original(shell) == environment.original(renewed)


def test_a_role_that_is_served_can_be_set_again() -> None:
    """Put the endpoint on an environment that rc files have changed since."""
    role = serve({"AWS_ACCESS_KEY_ID": "AKIAMINE"})
    spoilt = role | {"AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SHARED_CREDENTIALS_FILE": "rc"}

    assert role == environment.spelled_out(role).applied_to(spoilt)


def test_a_profile_that_is_set_later_remains() -> None:
    """Keep what was set since, where the role had unset it."""
    changed = put_on({"AWS_PROFILE": "before"}) | {"AWS_PROFILE": "since"}

    assert {"AWS_PROFILE": "since"} == environment.restore(changed).applied_to(changed)


def test_another_key_that_is_exported_later_remains() -> None:
    """Neither forget it at the next role, nor delete it with `off`."""
    theirs = {"AWS_ACCESS_KEY_ID": "AKIA9", "AWS_SECRET_ACCESS_KEY": "theirs"}
    changed = put_on({"AWS_REGION": "us-east-1"}) | theirs

    restored = environment.restore(changed).applied_to(changed)

    assert theirs.items() <= restored.items()
    assert restored["AWS_REGION"] == "us-east-1"
    assert environment.original(put_on(changed)).items() >= theirs.items()


def test_a_role_can_be_set_again() -> None:
    """Put the role on an environment that rc files have changed since: set what it sets, unset what outranks it."""
    role = put_on({"AWS_PROFILE": "before"})

    spoilt = role | {"AWS_PROFILE": "of the rc file", "AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SECURITY_TOKEN": "x"}

    assert role == environment.spelled_out(role).applied_to(spoilt)


@given(environ=environs, hides_config=st.booleans())
def test_a_command_gets_the_role_and_no_saved_secret(environ: dict[str, str], *, hides_config: bool) -> None:
    """Keep all but secrets, so that awsenv in the command finds the same files and profile."""
    for changed in (put_on(environ), serve(environ, "power-user", hides_config=hides_config)):
        handed_down = environment.for_command(changed)

        assert not [name for name in having(SECRET) if f"AWSENV_SAVED_{name}" in handed_down]
        assert environment.active(changed) == environment.active(handed_down)
        secret = {*having(SECRET)}
        assert {name: value for name, value in environ.items() if name not in secret} == {
            name: value for name, value in environment.original(handed_down).items() if name not in secret
        }


def test_saved_variables_without_a_role_restore_nothing() -> None:
    """Ignore saved variables if no role is active."""
    assert {} == environment.original({"AWSENV_SAVED_AWS_PROFILE": "stale"})


def test_a_change_names_only_what_differs() -> None:
    """Unset nothing that is not set."""
    change = environment.change(chain(region=None), credentials(expiration=None), {"AWS_PROFILE": "mine"})

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


def test_an_account_id_is_corrected_and_not_added() -> None:
    """Set AWS_ACCOUNT_ID, an input of the SDKs, only where it is set already."""
    changed = put_on({"AWS_ACCOUNT_ID": "999999999999"})

    assert changed["AWS_ACCOUNT_ID"] == "123456789012"


def test_the_active_role_is_read_back() -> None:
    """Return what `use` has set."""
    role = environment.active(put_on({}))

    assert role is not None
    assert ("power-user", "123456789012", 1795453200) == (role.role, role.account, role.expires)


def test_an_expiry_that_is_not_a_number_is_ignored() -> None:
    """Evaluate nothing that is not plain digits: arithmetic in a shell would."""
    for text in ("1+a[$(id)]", "-1", "9" * 12, "9" * 5000, "٣"):
        role = environment.active({"AWSENV_ROLE": "x", "AWSENV_EXPIRES_EPOCH": text})

        assert role is not None
        assert role.expires is None


def test_no_role_is_active_without_our_variable() -> None:
    """Keys from elsewhere are not a role."""
    assert environment.active({"AWS_ACCESS_KEY_ID": "AKIA1"}) is None


def test_no_secret_is_in_a_repr() -> None:
    """Show no key in a log or an assertion."""
    change = environment.change(chain(), credentials(), {})
    role = environment.active(put_on({}))

    assert not [text for text in (repr(change), repr(role), repr(credentials())) if "secret1" in text]
