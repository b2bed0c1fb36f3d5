"""The signer equals botocore's, byte for byte."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import quote

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from awsenv.aws.signature import host, presigned, signed
from awsenv.model import Credentials

LETTERS = "aZ09-._~ %+&=/?:;@!$'()*,日本é🔑\t"
SECRET = "wJalr/canary+Secret/日本"
KEY = Credentials("AKIA", SECRET)
NAMES = ["Content-Type", "X-Amz-Target", "x-k8s-aws-id", "User-Agent", "X-Amz-Content-Extra", "Accept", "Expect"]
HOSTS = [
    "sts.amazonaws.com",
    "STS.eu-central-1.Amazonaws.com",
    "localhost:4566",
    "sts.test:443",
    "sts.test:80",
    "user:pass@sts.test:8443",
    "[::1]",
    "[fe80::1]:4566",
    "10.0.0.1:0080",
]
PATHS = [
    "",
    "/",
    "/a/b",
    "//a//b/",
    "/a/./b/../c",
    "/..",
    "/../a/",
    "/a/..",
    "/日本",
    "/a%20b",
    "/a b~*",
    "/a;b=c",
    "/.",
]


class Random(random.Random):
    """Random parts of requests, the same in every run."""

    def text(self, least: int = 0, most: int = 12) -> str:
        """Return a text of characters that a request may have."""
        return "".join(self.choices(LETTERS, k=self.randint(least, most)))

    def url(self) -> str:
        """Return a URL, whose query may be quoted or raw, lack values and repeat keys."""
        url = f"{self.choice(['https', 'http'])}://{self.choice(HOSTS)}{self.choice(PATHS)}"
        names = [self.choice(["Action", "a", "A", self.text()]) for _ in range(self.randint(0, 4))]
        pairs = (self.choice([f"{quote(name)}={quote(self.text())}", f"{name}=", name]) for name in names)
        query = "&".join(pairs).replace("\t", "")
        return self.choice([f"{url}?{query}", f"{url}?{query}#end"]) if names else url

    def headers(self) -> dict[str, str]:
        """Return headers in mixed case."""
        names = self.sample(NAMES, k=self.randint(0, 4))
        return {self.choice([name, name.lower(), name.upper()]): self.text() for name in names}

    def signing(self) -> Signing:
        """Return credentials, with or without a session token, a service and a region."""
        signer = Credentials("AKIA" + self.text(0, 4), SECRET + self.text(), self.choice([None, self.text(1, 40)]))
        service = self.choice(["sts", "rds-db", "kafka-cluster", self.text(1)])
        return Signing(signer, service, self.choice(["us-east-1", "eu-central-1", "cn-north-1", self.text(1)]))


class Signing(NamedTuple):
    """The credentials, the service and the region of a signature."""

    signer: Credentials
    service: str
    region: str

    @property
    def of_botocore(self) -> tuple[BotocoreCredentials, str, str]:
        """The same as arguments of botocore's signers."""
        signer = self.signer
        credentials = BotocoreCredentials(signer.access_key_id, signer.secret_access_key, signer.session_token)
        return credentials, self.service, self.region


def _seconds(stamp: str) -> float:
    """Parse the time at which botocore has signed: the caller cannot set it."""
    return datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()


def test_headers_equal_botocores() -> None:
    """Sign 20,000 random requests as botocore does."""
    some = Random(14)
    for _ in range(20_000):
        method, url, headers, body = (
            some.choice(["POST", "GET", "put"]),
            some.url(),
            some.headers(),
            some.text().encode(),
        )
        signing = some.signing()
        request = AWSRequest(method, url, headers, body)
        SigV4Auth(*signing.of_botocore).add_auth(request)
        now = _seconds(request.context["timestamp"])
        sent = signed(method, url, headers, body, **signing._asdict(), now=now)
        assert {"Host": host(url), **dict(request.headers.items())} == sent, (method, url, headers, body)


def test_presigned_urls_equal_botocores() -> None:
    """Sign 2,000 random URLs as botocore does."""
    some = Random(14)
    for _ in range(2_000):
        url, headers, lifetime, signing = some.url(), some.headers(), some.randint(1, 604_800), some.signing()
        request = AWSRequest("GET", url, headers)
        SigV4QueryAuth(*signing.of_botocore, lifetime).add_auth(request)
        now = _seconds(request.context["timestamp"])
        link = presigned(url, headers, **signing._asdict(), now=now, lifetime=lifetime)
        assert request.url == link, (url, headers)


@given(st.floats(0, 4e9))
def test_the_time_is_that_of_the_caller(now: float) -> None:
    """Sign for the given second, in UTC."""
    stamp = f"{datetime.fromtimestamp(int(now), timezone.utc):%Y%m%dT%H%M%SZ}"
    sent = signed("POST", "https://sts.test/", {}, b"", signer=KEY, service="sts", region="us-east-1", now=now)
    assert stamp == sent["X-Amz-Date"]
    assert f"Credential=AKIA/{stamp[:8]}/us-east-1/sts/aws4_request" in sent["Authorization"]


def test_what_a_proxy_may_change_is_not_signed() -> None:
    """Leave out every header that botocore leaves out."""
    headers = dict.fromkeys(SIGNED_HEADERS_BLACKLIST, "x")
    sent = signed("POST", "https://sts.test/", headers, b"", signer=KEY, service="sts", region="us-east-1", now=0)
    assert "SignedHeaders=host;x-amz-date," in sent["Authorization"]


def test_a_stray_byte_in_a_secret_is_signed() -> None:
    """Sign with a key that is not UTF-8, so that no exception shows it. AWS refuses it."""
    broken = Credentials("AKIA", "\udcff", "\udcff")
    sent = signed("POST", "https://sts.test/", {}, b"", signer=broken, service="sts", region="us-east-1", now=0)
    assert "Signature=" in sent["Authorization"]
