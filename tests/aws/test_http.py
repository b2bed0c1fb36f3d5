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
    from aws.conftest import Home, Unending

pytestmark = pytest.mark.slow

FACT = r"{host} (did not send a complete response within 2 seconds|sent more than 1024 KiB)"


@pytest.fixture(autouse=True)
def endless(home: Home, unending: Unending) -> str:
    """Send every request to a server whose responses do not end, and return the expected message."""
    home.environ.update(
        AWS_ENDPOINT_URL=unending.url,
        AWS_EC2_METADATA_DISABLED="false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=unending.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{unending.url}/keys",
    )
    for name in [name for name in home.environ if name.startswith("AWS_ENDPOINT_URL_")]:
        del home.environ[name]
    return FACT.format(host=urlsplit(unending.url).netloc)


def test_of_sts(home: Home, endless: str) -> None:
    """Name the host and the limit."""
    with pytest.raises(UnreachableError, match=f"^STS at {endless}$") as caught:
        Sts(home.session(timeout=2)).identity(home.user)

    assert "check AWS_ENDPOINT_URL" == caught.value.hints[0]


def test_the_connection_ends(home: Home, unending: Unending) -> None:
    """Close the connection at the end of the time, though its bytes go on."""
    with pytest.raises(UnreachableError):
        Sts(home.session(timeout=2)).identity(home.user)

    assert unending.disconnected.wait(30)


def test_of_sts_with_a_code(home: Home, endless: str) -> None:
    """Say that the code may be used up."""
    hop = GetSessionToken(Mfa(home.device.serial))
    with pytest.raises(ResponseLost, match=f"^STS at {endless}, and the MFA code may have been used$"):
        Sts(home.session(timeout=2)).call(hop, home.user, Token(home.device.serial, "123456"))


def test_of_a_role(home: Home, endless: str) -> None:
    """Limit AssumeRole, which botocore repeats."""
    hop = AssumeRole(RoleArn("aws", "123456789012", "r"), "me")
    with pytest.raises(UnreachableError, match=endless):
        Sts(home.session(timeout=2)).call(hop, home.user)


def test_of_iam(home: Home, endless: str) -> None:
    """Limit IAM."""
    with pytest.raises(UnreachableError, match=f"^IAM at {endless}$"):
        Iam(home.session(timeout=2), home.user).read("get_user")


def test_of_sign_in(home: Home, endless: str) -> None:
    """Limit the sign-in to the console."""
    with pytest.raises(UnreachableError, match=endless):
        login_url(home.session(timeout=2), home.user, "aws", None)


def test_of_sso(home: Home, endless: str) -> None:
    """Limit IAM Identity Center."""
    profiles = home.configure(
        "[profile p]\nsso_start_url = https://old\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = Reader\n"
    )
    folder = Path(home.environ["HOME"], ".aws", "sso", "cache")
    folder.mkdir(parents=True)
    ends = datetime.now(timezone.utc) + timedelta(hours=8)
    token = {"accessToken": "canary", "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    (folder / f"{sha1(b'https://old').hexdigest()}.json").write_text(json.dumps(token))  # noqa: S324 - AWS's name

    with pytest.raises(UnreachableError, match=f"^{endless}$"):
        source_credentials(Source("sso", "p"), home.session(profiles, "p", 2))


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_of_metadata(home: Home, endless: str, kind: str) -> None:
    """Limit the endpoints of a container and of EC2."""
    home.configure("")
    with pytest.raises(UnreachableError, match=f"^{endless}$"):
        source_credentials(Source(kind), home.session(timeout=2))
