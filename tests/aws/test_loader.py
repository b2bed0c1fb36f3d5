"""The lean loader: botocore calls what it would have called with all of its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from awsenv.aws.loader import SERVICES, LeanLoader, loader
from awsenv.aws.session import open_session

OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "sts": ("get_caller_identity", {}),
    "iam": ("list_mfa_devices", {}),
    "sso": ("get_role_credentials", {"roleName": "r", "accountId": "1" * 12, "accessToken": "t"}),
    "sso-oidc": ("create_token", {"clientId": "a", "clientSecret": "b", "grantType": "c"}),
    "signin": ("create_o_auth2_token", {"tokenInput": {"clientId": "a", "grantType": "refresh_token"}}),
}
PARTITIONS = json.loads(Path(botocore.__file__).with_name("data").joinpath("partitions.json").read_bytes())
REGIONS = [None, "eu-nope-9", *(region for entry in PARTITIONS["partitions"] for region in entry["regions"])]


class Stopped(Exception):  # noqa: N818 - what happened
    """The request is ready, and is not sent."""


def request_of(session: Session, service: str, region: str | None, **settings: bool) -> tuple[str, str] | None:
    """Return the URL and the scope of the signature; None: botocore makes no request of it."""
    sent: list[Any] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stopped

    try:
        client = session.create_client(
            service,
            region_name=region,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="canary-secret",
            config=Config(**settings),
        )
        client.meta.events.register("before-send", stop)
        operation, parameters = OPERATIONS[service]
        getattr(client, operation)(**parameters)
    except (BotoCoreError, Stopped):
        if not sent:
            return None
    authorization = sent[0].headers.get("Authorization", b"").decode()
    return sent[0].url, "/".join(authorization.partition(",")[0].split("/")[2:])


@pytest.mark.parametrize("fips", [False, True], ids=["plain", "fips"])
@pytest.mark.parametrize("service", SERVICES)
def test_the_endpoint_is_the_one_of_botocore(
    service: str, *, fips: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every region of every partition: the same URL, signed for the same region."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stock, ours = Session(), open_session(None, {"HOME": str(tmp_path)})
    settings = {"use_fips_endpoint": fips, "use_dualstack_endpoint": False}
    expected = {region: request_of(stock, service, region, **settings) for region in REGIONS}
    actual = {region: request_of(ours, service, region, **settings) for region in REGIONS}
    assert expected == actual


def test_with_dual_stack_it_is_so_wherever_botocore_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses two partitions that its own rules know; nowhere do the two disagree."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stock, ours = Session(), open_session(None, {"HOME": str(tmp_path)})
    for region in REGIONS:
        expected = request_of(stock, "sts", region, use_dualstack_endpoint=True)
        assert expected in {None, request_of(ours, "sts", region, use_dualstack_endpoint=True)}


def test_the_legacy_endpoint_of_sts(tmp_path: Path) -> None:
    """A person who has asked for the one global endpoint gets it."""
    session = open_session(None, {"HOME": str(tmp_path), "AWS_STS_REGIONAL_ENDPOINTS": "legacy"})
    assert request_of(session, "sts", "eu-west-1") == ("https://sts.amazonaws.com/", "us-east-1/sts/aws4_request")


def test_a_person_with_data_of_their_own_has_the_loader_of_botocore(tmp_path: Path) -> None:
    """A data path may hold other endpoints."""
    assert not isinstance(loader(str(tmp_path)), LeanLoader)
