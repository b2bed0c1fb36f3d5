"""sts:GetScopedCredentials: what AWS refuses, and the next step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.chain import narrowed
from awsenv.errors import Origin, RefusedError
from awsenv.model import AssumeRole, Chain, Credentials, GetScopedCredentials, RoleArn, Source
from awsenv.record import replace
from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws.conftest import Home

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]})
ORIGINS = {"policy": Origin("--only"), "duration": Origin("--for"), "description": Origin("--because")}
SESSION = "arn:aws:sts::123456789012:assumed-role/role/session"
DENIED = f"User: {SESSION} is not authorized to perform: sts:GetScopedCredentials on resource: {SESSION}"
WIDER = "leave out what narrows the role"
ASK = "ask an administrator of account 123456789012"


@pytest.fixture
def wide(home: Home) -> Credentials:
    """Return the credentials of a role."""
    home.sandbox.create_role("role", home.sandbox.trust(str(home.user.arn)))
    hop = AssumeRole(RoleArn("aws", home.user.account, "role"), "session", duration=900)
    return replace(home.sts().call(hop, home.user), source=Source("sso", "dev", Origin("~/.aws/config", 3)))


@pytest.fixture
def narrow(home: Home) -> Callable[[GetScopedCredentials, Credentials], Credentials]:
    """Return a function that narrows credentials, as the last call of a chain does."""

    def call(scoped: GetScopedCredentials, credentials: Credentials) -> Credentials:
        chain = Chain(Source("sso", "dev"), (), "role", "role", scoped=scoped)
        return narrowed(chain, credentials, home.configure(""), home.environ)

    return call


CALL = GetScopedCredentials(policy=POLICY, duration=60, description="JIRA-12", origins=ORIGINS)


@pytest.mark.parametrize(
    ("code", "message", "fact", "where", "hints"),
    [
        ("MalformedPolicyDocument", "Syntax errors in policy.", "", "--only", ("correct --only",)),
        ("PackedPolicyTooLarge", "The token is too large.", "", "--only", ("shorten --only",)),
        (
            "InsufficientSessionLifetime",
            "The requested DurationSeconds is too long.",
            "",
            "--for",
            ("ask for no more than is left of the credentials: --for",),
        ),
        (
            "InvalidSubjectCredentials",
            "The session is not valid.",
            "",
            "~/.aws/config:3",
            ("aws sso login --profile dev",),
        ),
        (
            "InvalidAction",
            "Could not find operation GetScopedCredentials for version 2011-06-15",
            "STS at {host} does not know sts:GetScopedCredentials",
            "AWS_ENDPOINT_URL",
            ("check AWS_ENDPOINT_URL", "leave out --only, --for and --because"),
        ),
        (
            "AccessDenied",
            "No.",
            "",
            "",
            (
                "begin with wider credentials: AWS narrows three times at most",
                "ask an administrator to allow sts:GetScopedCredentials",
            ),
        ),
        (
            "AccessDenied",
            DENIED,
            "AWS refused to let role role call sts:GetScopedCredentials",
            "",
            (f"{ASK} to allow sts:GetScopedCredentials", WIDER),
        ),
        (
            "AccessDenied",
            f"{DENIED} with an explicit deny in a service control policy",
            "AWS refused to let role role call sts:GetScopedCredentials",
            "",
            ("ask the administrator of the AWS organization to change that policy", WIDER),
        ),
    ],
)
def test_a_refusal_names_what_was_asked_for_and_the_next_step(
    home: Home,
    wide: Credentials,
    narrow: Callable[[GetScopedCredentials, Credentials], Credentials],
    code: str,
    message: str,
    fact: str,
    where: str,
    hints: tuple[str, ...],
) -> None:
    """The option is named that made the part of the call which AWS refuses."""
    home.sandbox.fail("GetScopedCredentials", ServiceError(code, message))
    with pytest.raises(RefusedError) as caught:
        narrow(CALL, wide)

    host = home.sandbox.url.removeprefix("http://")
    error = caught.value
    assert (fact.format(host=host) or f"AWS refused sts:GetScopedCredentials ({code})") == error.fact
    assert (code, where, hints) == (error.code, error.where, error.hints[: len(hints)])


def test_aws_narrows_three_times(
    wide: Credentials, narrow: Callable[[GetScopedCredentials, Credentials], Credentials]
) -> None:
    """What narrows once more is refused, and a shorter time is no further policy."""
    credentials = wide
    for _ in range(3):
        credentials = narrow(replace(CALL, duration=None), credentials)
    short = narrow(replace(CALL, policy=None), credentials)
    with pytest.raises(RefusedError) as caught:
        narrow(CALL, credentials)

    assert (wide.account, wide.arn) == (short.account, short.arn)
    assert "begin with wider credentials: AWS narrows three times at most" == caught.value.hints[0]


def test_credentials_without_an_end_are_asked_about(
    wide: Credentials, narrow: Callable[[GetScopedCredentials, Credentials], Credentials]
) -> None:
    """Where the source does not say when they end, AWS does."""
    with pytest.raises(RefusedError) as caught:
        narrow(replace(CALL, duration=7200), replace(wide, expiration=None))

    assert ("InsufficientSessionLifetime", "--for") == (caught.value.code, caught.value.where)
    assert narrow(replace(CALL, duration=7200), wide).expiration == wide.expiration
