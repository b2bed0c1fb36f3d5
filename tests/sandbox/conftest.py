"""A sandbox, and plain boto3 clients that use neither awsenv nor the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from awsenv.model import Credentials
from awsenv.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Client(Protocol):
    """Make a client of a service with some credentials."""

    def __call__(self, service: str, credentials: Credentials, **config: Any) -> Any:
        """Return the client."""


class Refusal(Protocol):
    """Make a call that the sandbox must refuse."""

    def __call__(self, call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
        """Return the code and the text of the error."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running sandbox, five seconds after the MFA code changed, so that no test crosses the next change."""
    with Sandbox() as sandbox:
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        yield sandbox


@pytest.fixture(scope="session")
def boto() -> boto3.Session:
    """Return a boto3 session that reads no file and no profile of the user who runs the tests."""
    nothing = (None, None, os.devnull, None)
    variables = {"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing}
    return boto3.Session(botocore_session=Session(session_vars=variables))


@pytest.fixture
def client(sandbox: Sandbox, boto: boto3.Session) -> Client:
    """Return a factory for clients that send each request once, without checking parameters first."""

    def make(service: str, credentials: Credentials, **config: Any) -> Any:
        settings: dict[str, Any] = {
            "retries": {"total_max_attempts": 1},
            "proxies": {},
            "parameter_validation": False,
            # The first call of EC2 imports it, which takes half a minute on a busy machine.
            "read_timeout": 180,
        }
        return boto.client(
            service,
            region_name="us-east-1",
            endpoint_url=sandbox.url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=Config(**(settings | config)),
        )

    return make


@pytest.fixture(scope="session")
def refusal() -> Refusal:
    """Return a function that makes a call that the sandbox must refuse."""

    def refuse(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return refuse


@pytest.fixture(scope="session")
def credentials_of() -> Callable[[Any], Credentials]:
    """Return a function that reads the credentials in a response of STS."""

    def read(response: Any) -> Credentials:
        given = response["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"])

    return read


@pytest.fixture
def alice(sandbox: Sandbox) -> Credentials:
    """Return the key of a user without policies."""
    return sandbox.create_user("alice")


@pytest.fixture
def role(sandbox: Sandbox, alice: Credentials) -> str:
    """Return the ARN of a role with PowerUserAccess that trusts alice by name, for up to two hours."""
    trust = sandbox.trust(str(alice.arn))
    return sandbox.create_role("power-user", trust, policies=["PowerUserAccess"], max_session_duration=7200)


@pytest.fixture
def assumed(client: Client, alice: Credentials, role: str, credentials_of: Callable[[Any], Credentials]) -> Credentials:
    """Return credentials of that role, assumed by alice."""
    return credentials_of(client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session"))
