"""A role is put on an environment, and taken off without a trace."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from awsenv import environment
from awsenv.model import Chain, Credentials, Source

EXPIRATION = datetime(2026, 11, 23, 18, 0, 0, 500, tzinfo=timezone(timedelta(hours=1)))


def chain(role: str = "power-user", region: str | None = "eu-central-1") -> Chain:
    """Return a chain of which only the names matter here."""
    return Chain(source=Source("static"), hops=(), role=role, label=role, region=region)


def credentials(suffix: str = "1", *, expiration: datetime | None = EXPIRATION) -> Credentials:
    """Return credentials that can be told apart by *suffix*."""
    return Credentials(f"ASIA{suffix}", f"secret{suffix}", f"token{suffix}", expiration, account="123456789012")


def put_on(environ: dict[str, str], role: str = "power-user", suffix: str = "1") -> dict[str, str]:
    """Return *environ* with a role put on."""
    return environment.change(chain(role), credentials(suffix), environ).applied_to(environ)


names = st.sampled_from([*environment.EXPORTED, *environment.REMOVED, "PATH", "AWS_PAGER"])
environs = st.dictionaries(names, st.text(st.characters(exclude_characters="\0"), max_size=8))


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
    stale = dict.fromkeys(environment.REMOVED, "stale")

    changed = put_on(stale)

    assert not set(environment.REMOVED) & set(changed)


@given(environs)
def test_off_restores_what_was_there_before(environ: dict[str, str]) -> None:
    """Bring back every variable, the empty ones too, by whether it was set."""
    changed = put_on(environ)

    assert environ == environment.restore(changed).applied_to(changed)


@given(environs)
def test_a_second_role_is_put_on_as_if_it_were_the_first(environ: dict[str, str]) -> None:
    """Leave nothing of the first role, and keep what was saved before it."""
    second = put_on(put_on(environ, "first", "1"), "second", "2")

    assert put_on(environ, "second", "2") == second


@given(environs)
def test_our_own_keys_are_never_a_source(environ: dict[str, str]) -> None:
    """Look for sources in the environment as it was before the first role."""
    assert environ == environment.original(put_on(environ))


def test_a_profile_that_is_chosen_later_is_the_persons_own() -> None:
    """Keep what was set since, where the role had unset it."""
    changed = put_on({"AWS_PROFILE": "before"}) | {"AWS_PROFILE": "since"}

    assert {"AWS_PROFILE": "since"} == environment.restore(changed).applied_to(changed)


def test_another_key_that_is_exported_later_is_the_persons_own() -> None:
    """Neither forget it at the next role, nor delete it with `off`."""
    theirs = {"AWS_ACCESS_KEY_ID": "AKIA9", "AWS_SECRET_ACCESS_KEY": "theirs"}
    changed = put_on({"AWS_REGION": "us-east-1"}) | theirs

    restored = environment.restore(changed).applied_to(changed)

    assert theirs.items() <= restored.items()
    assert restored["AWS_REGION"] == "us-east-1"
    assert environment.original(put_on(changed)).items() >= theirs.items()


def test_what_a_role_is_can_be_said_again() -> None:
    """Put the role on an environment that rc files have changed since: set what it sets, unset what outranks it."""
    role = put_on({"AWS_PROFILE": "before"})

    spoilt = role | {"AWS_PROFILE": "of the rc file", "AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SECURITY_TOKEN": "x"}

    assert role == environment.spelled_out(role).applied_to(spoilt)


def test_saved_variables_without_a_role_restore_nothing() -> None:
    """Take no notice of what is saved where no role is active: it would be somebody else's."""
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
    """Tell what `use` has put there."""
    role = environment.active(put_on({}))

    assert role is not None
    assert ("power-user", "123456789012", 1795453200) == (role.role, role.account, role.expires)


def test_an_expiry_that_is_no_number_is_none() -> None:
    """Evaluate nothing that is not plain digits: arithmetic in a shell would."""
    for text in ("1+a[$(id)]", "-1", "9" * 12, "9" * 5000, "٣"):
        role = environment.active({"AWSENV_ROLE": "x", "AWSENV_EXPIRES_EPOCH": text})

        assert role is not None
        assert role.expires is None


def test_no_role_is_active_without_our_variable() -> None:
    """Take keys that came from elsewhere for what they are."""
    assert environment.active({"AWS_ACCESS_KEY_ID": "AKIA1"}) is None


def test_no_secret_is_in_a_repr() -> None:
    """Show no key when a value is logged or stands in an assertion."""
    change = environment.change(chain(), credentials(), {})
    role = environment.active(put_on({}))

    assert not [text for text in (repr(change), repr(role), repr(credentials())) if "secret1" in text]
