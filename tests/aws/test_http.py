"""Every response is limited in time and in size, whatever service sends it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from awsenv.aws.iam import Iam
from awsenv.aws.request import Token
from awsenv.aws.signin import login_url
from awsenv.aws.source import source_credentials
from awsenv.aws.sts import Sts
from awsenv.errors import ResponseLost, UnreachableError
from awsenv.model import AssumeRole, GetSessionToken, Mfa, RoleArn, Source

if TYPE_CHECKING:
    from aws.conftest import Person, Unending

FACT = r"{host} (did not send a complete response within 2 seconds|sent more than 1024 KiB)"


@pytest.fixture(autouse=True)
def endless(person: Person, unending: Unending) -> str:
    """Send every request to a server whose responses do not end, and return the expected message."""
    person.environ.update(
        AWS_ENDPOINT_URL=unending.url,
        AWS_EC2_METADATA_DISABLED="false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=unending.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{unending.url}/keys",
    )
    for name in [name for name in person.environ if name.startswith("AWS_ENDPOINT_URL_")]:
        del person.environ[name]
    return FACT.format(host=urlsplit(unending.url).netloc)


def test_of_sts(person: Person, endless: str) -> None:
    """Name the host and the limit."""
    with pytest.raises(UnreachableError, match=f"^STS at {endless}$") as caught:
        Sts(person.session(timeout=2)).identity(person.user)

    assert "try again" in str(caught.value.hints)


def test_the_connection_ends(person: Person, unending: Unending) -> None:
    """Close the connection at the end of the time, though its bytes go on."""
    with pytest.raises(UnreachableError):
        Sts(person.session(timeout=2)).identity(person.user)

    assert unending.disconnected.wait(30)


def test_of_sts_with_a_code(person: Person, endless: str) -> None:
    """Say that the code may be used up."""
    hop = GetSessionToken(Mfa(person.device.serial))
    with pytest.raises(ResponseLost, match=f"^STS at {endless}, and the MFA code may have been used$"):
        Sts(person.session(timeout=2)).call(hop, person.user, Token(person.device.serial, "123456"))


def test_of_a_role(person: Person, endless: str) -> None:
    """Limit AssumeRole, which botocore repeats."""
    hop = AssumeRole(RoleArn("aws", "123456789012", "r"), "me")
    with pytest.raises(UnreachableError, match=endless):
        Sts(person.session(timeout=2)).call(hop, person.user)


def test_of_iam(person: Person, endless: str) -> None:
    """Limit IAM."""
    with pytest.raises(UnreachableError, match=f"^IAM at {endless}$"):
        Iam(person.session(timeout=2), person.user).read("get_user")


def test_of_sign_in(person: Person, endless: str) -> None:
    """Limit the sign-in to the console."""
    with pytest.raises(UnreachableError, match=endless):
        login_url(person.session(timeout=2), person.user, "aws", None)


def test_of_sso(person: Person, endless: str) -> None:
    """Limit IAM Identity Center."""
    profiles = person.configure(
        "[profile p]\nsso_start_url = https://old\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = Reader\n"
    )
    folder = Path(person.environ["HOME"], ".aws", "sso", "cache")
    folder.mkdir(parents=True)
    ends = datetime.now(timezone.utc) + timedelta(hours=8)
    token = {"accessToken": "canary", "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    (folder / f"{sha1(b'https://old').hexdigest()}.json").write_text(json.dumps(token))  # noqa: S324 - AWS's name

    with pytest.raises(UnreachableError, match=f"^{endless}$"):
        source_credentials(Source("sso", "p"), person.session(profiles, "p", 2), profiles, person.environ)


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_of_metadata(person: Person, endless: str, kind: str) -> None:
    """Limit the endpoints of a container and of EC2."""
    profiles = person.configure("")
    with pytest.raises(UnreachableError, match=f"^{endless}$"):
        source_credentials(Source(kind), person.session(timeout=2), profiles, person.environ)
