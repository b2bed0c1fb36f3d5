"""The session: it sees the profiles and the environment that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv.aws.sts import Sts, caller
from awsenv.errors import ConfigError

if TYPE_CHECKING:
    from aws.conftest import Person

ENDPOINTS = """
[profile both]
services = mine
endpoint_url = http://profile.test

[profile one]
endpoint_url = http://profile.test

[profile lost]
services = nowhere

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
    person: Person, profile: str | None, variables: dict[str, str], expected: str | None
) -> None:
    """A variable of the service, the variable of all, the services section, the profile."""
    del person.environ["AWS_ENDPOINT_URL"]
    person.environ.update(variables)
    session = person.session(person.configure(ENDPOINTS), profile)
    assert expected == session.configured_endpoint("sts")


def test_an_endpoint_needs_no_region(person: Person) -> None:
    """A region may be known to nobody, as it may without an endpoint."""
    client = person.session().create_client("sts")

    assert ("us-east-1", person.sandbox.url) == (client.meta.region_name, client.meta.endpoint_url)


def test_a_services_section_that_is_not_there_is_named(person: Person) -> None:
    """The name is wrong, not the network."""
    del person.environ["AWS_ENDPOINT_URL"]
    session = person.session(person.configure(ENDPOINTS), "lost")
    with pytest.raises(ConfigError, match=r"\[services nowhere\]"):
        session.create_client("sts")


def test_the_environment_of_the_process_is_not_looked_at(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its endpoint, nor its profile, which does not exist, nor its keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    assert caller(person.user, person.environ).arn == person.user.arn


def test_a_profile_that_does_not_exist_breaks_nothing(person: Person) -> None:
    """The chain has been resolved: AWS_PROFILE has had its say."""
    person.environ["AWS_PROFILE"] = "does-not-exist"
    assert caller(person.user, person.environ).account == person.user.account


def test_the_loopback_is_never_reached_through_a_proxy(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at the proxy, and the call is answered."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert caller(person.user, person.environ).arn == person.user.arn


def test_there_is_no_credential_chain(person: Person) -> None:
    """A client that is handed no key finds none, not the one of the files."""
    profiles = person.configure("[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
    assert person.session(profiles).get_credentials() is None


def test_a_second_client_shares_the_session(person: Person) -> None:
    """Hop after hop with other keys costs no second reading of botocore's data."""
    sts = Sts(person.session())
    person.sandbox.create_user("bob")
    assert sts.session.get_component("data_loader") is sts.session.get_component("data_loader")
