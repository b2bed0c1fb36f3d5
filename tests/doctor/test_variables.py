"""What stands in the environment in front of the files."""

from __future__ import annotations

import pytest

from awsenv.doctor.finding import Verdict
from awsenv.doctor.variables import variables

NOW = 1_700_000_000
KEY = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
ROLE = {
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
    "AWS_SESSION_TOKEN": "canary-token",
    "AWS_REGION": "eu-central-1",
    "AWSENV_ROLE": "power-user",
    "AWSENV_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWSENV_EXPIRES_EPOCH": str(NOW + 60),
}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": "/home/alice", "AWS_PROFILE": "power-user"},
        {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"},
        {"AWSENV_DISABLE_PROMPT": "1", "AWSENV_AUTO_REFRESH": "0"},
        ROLE,
    ],
)
def test_nothing_to_say(environ: dict[str, str]) -> None:
    """A profile, one region, settings of the hook, and what a role of awsenv has set are as they should be."""
    (finding,) = variables(environ, NOW)
    assert (Verdict.FINE, None, None) == (finding.verdict, finding.place, finding.hint)


@pytest.mark.parametrize(
    ("environ", "place", "fact", "hint"),
    [
        (
            KEY,
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
            "prefer it to the profiles",
            "unset AWS_ACCESS_KEY_ID AWS_SEC",
        ),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, "AWS_ACCESS_KEY_ID", "without AWS_SECRET_ACCESS_KEY", "set AWS_SECRET"),
        (
            {"AWS_SECURITY_TOKEN": "canary"},
            "AWS_SECURITY_TOKEN",
            "prefer it to AWS_SESSION_TOKEN",
            "unset AWS_SECURITY",
        ),
        ({"AWS_SESSION_TOKEN": "canary"}, "AWS_SESSION_TOKEN", "without a key", "unset AWS_SESSION_TOKEN"),
        (
            {"AWS_DEFAULT_PROFILE": "a", "AWS_PROFILE": "b"},
            "AWS_DEFAULT_PROFILE, AWS_PROFILE",
            "takes profile 'a', and other tools 'b'",
            "unset AWS_DEFAULT_PROFILE",
        ),
        ({"AWS_PROFILE": ""}, "AWS_PROFILE", "AWS_PROFILE is empty", "unset AWS_PROFILE"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"},
            "AWS_REGION, AWS_DEFAULT_REGION",
            "boto3 takes the region 'us-east-1'",
            "the same region",
        ),
        (
            {"AWS_ENDPOINT_URL_STS": "http://canary@localhost"},
            "AWS_ENDPOINT_URL_STS",
            "another endpoint",
            "unset AWS_ENDPOINT_URL_STS",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://canary"},
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "a source where no key",
            "unset AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            {"AWSENV_EXTERNAL_ID": "canary", "AWSENV_DURATION": "2h"},
            "AWSENV_EXTERNAL_ID, AWSENV_DURATION",
            "act on every role",
            "unset AWSENV_EXTERNAL_ID AWSENV_DURATION",
        ),
        (
            {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
            "AWS_CREDENTIAL_EXPIRATION",
            "is past",
            "unset AWS_CREDENTIAL_EXPIRATION",
        ),
        ({"AWS_CREDENTIAL_EXPIRATION": "soon"}, "AWS_CREDENTIAL_EXPIRATION", "not a time", "unset AWS_CREDENTIAL_EXP"),
        (ROLE | {"AWSENV_EXPIRES_EPOCH": str(NOW)}, "AWSENV_ROLE", "has expired", "awsenv power-user"),
        (ROLE | {"AWSENV_ACCESS_KEY_ID": "ASIAOTHER"}, "AWS_ACCESS_KEY_ID", "were set after it", "awsenv off"),
    ],
)
def test_what_stands_in_front(environ: dict[str, str], place: str, fact: str, hint: str) -> None:
    """Say which variable it is, what it does and what to do; never what it holds where that may be a secret."""
    finding, *_ = variables(environ, NOW)

    assert (Verdict.WARNING, place) == (finding.verdict, finding.place)
    assert fact in finding.fact
    assert hint in (finding.hint or "")
    assert not [each for each in variables(environ, NOW) if "canary" in repr(each)]


def test_several_at_once() -> None:
    """Tell of each thing once, in a fixed order."""
    environ = KEY | {"AWS_SECURITY_TOKEN": "x", "AWS_ENDPOINT_URL": "http://localhost"}
    assert ["AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_ENDPOINT_URL"] == [
        finding.place for finding in variables(environ, NOW)
    ]
