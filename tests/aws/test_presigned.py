"""Tokens equal those that botocore's own signers make."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner
from hypothesis import given, settings
from hypothesis import strategies as st

from awsenv.aws import presigned
from awsenv.aws.settings import ClientSettings
from awsenv.model import Credentials

KEYS = st.builds(Credentials, st.just("ASIA"), st.text(min_size=1), st.none() | st.text(min_size=1))
REGIONS = st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"])
EVENTS = HierarchicalEmitter()
NAMES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", fullmatch=True)


def signer(keys: Credentials, service: str, region: str) -> Any:
    """Return botocore's signer of requests to a service."""
    own = BotocoreCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    return RequestSigner(ServiceId(service), region, service, "v4", own, EVENTS)


def request(url: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return a GET as botocore's signer takes it."""
    return {"method": "GET", "url": url, "body": {}, "headers": headers, "context": {}}


def seconds(url: str) -> float:
    """Return when *url* was signed: botocore takes no other time than now."""
    stamp = parse_qs(url.partition("?")[2])["X-Amz-Date"][0]
    return datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()


def parts(url: str) -> list[str]:
    """Return the parts of *url* in any order: with awscrt, botocore orders them differently and signs them alike."""
    return sorted(url.replace("?", "&", 1).split("&"))


@settings(max_examples=50)
@given(KEYS, REGIONS, NAMES)
def test_a_token_of_eks_equals_botocores(keys: Credentials, region: str, cluster: str) -> None:
    """For any key and cluster, the token has the URL that AWS's guides make with `generate_presigned_url`."""
    host = f"https://sts.{region}.amazonaws.com"
    sent = request(f"{host}/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": cluster})
    url = signer(keys, "sts", region).generate_presigned_url(sent, region_name=region, expires_in=60, operation_name="")

    token = presigned.eks(ClientSettings(host, None, region, 1, "standard", 1, ""), keys, cluster, seconds(url))

    assert token.startswith("k8s-aws-v1.")
    assert parts(url) == parts(base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode())


@settings(max_examples=50)
@given(KEYS, REGIONS, NAMES, st.integers(1, 65_535), st.text(min_size=1))
def test_a_token_of_rds_equals_botocores(keys: Credentials, region: str, host: str, port: int, user: str) -> None:
    """For any key, database and user, the token is that of botocore's `generate_db_auth_token`."""
    query = urlencode({"Action": "connect", "DBUser": user})
    url = signer(keys, "rds-db", region).generate_presigned_url(
        request(f"https://{host}:{port}/?{query}", {}), region_name=region, expires_in=900, operation_name="connect"
    )

    token = presigned.rds(keys, f"{host}:{port}", user, region, seconds(url))

    assert parts(url) == parts(f"https://{token}")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("mydb.123456789012.us-east-1.rds.amazonaws.com", "us-east-1"),
        ("MyDB.Abc.EU-West-1.RDS.amazonaws.com", "eu-west-1"),
        ("mydb.cluster-ro-abc.ap-southeast-2.rds.amazonaws.com", "ap-southeast-2"),
        ("name.endpoint.proxy-abc.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"),
        ("rds.abc.eu-central-1.rds.amazonaws.com", "eu-central-1"),
        ("mydb.abc.rds.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ("mydb.cluster-abc.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"),
        ("mydb.abc.eu-central-1.rds.amazonaws.com.cn", None),
        ("writer.global-abc.global.rds.amazonaws.com", None),
        ("rds.us-east-1.amazonaws.com", None),
        ("mydb.abc.us-east-1.rds.example.com", None),
        ("db.example.com", None),
        ("rds", None),
        ("localhost", None),
        ("10.0.0.1", None),
    ],
)
def test_an_endpoint_names_its_region(host: str, region: str | None) -> None:
    """The endpoints of instances, clusters and proxies name their region; other hosts name none."""
    assert region == presigned.region_of(host)
