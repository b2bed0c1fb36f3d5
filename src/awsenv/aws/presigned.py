"""Tokens for EKS and RDS. A token is a request to AWS, signed in advance: its recipient asks AWS who signed it.

They equal those of `aws eks get-token` and `aws rds generate-db-auth-token`. Nothing is sent to make one.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from urllib.parse import urlencode, urlsplit

from awsenv.aws.signature import presigned
from awsenv.config.partitions import partition_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.aws.settings import ClientSettings
    from awsenv.model import Credentials

ACCEPTED = 15 * 60
"""Seconds for which a token is accepted. STS accepts that of EKS for as long, whatever its URL says
(kubernetes-sigs/aws-iam-authenticator, `pkg/token/token.go`)."""

CLUSTER = "x-k8s-aws-id"
"""The header that names the cluster of a token of EKS."""

LONGEST = 4 * 1024
"""Characters of a token that every cluster accepts (the same, `maxTokenLenBytes`; later versions may accept more)."""

EKS_PREFIX = "k8s-aws-v1."
_EKS_SECONDS = 60
"""What the URL says, as that of the AWS CLI."""


def eks(client: ClientSettings, signer: Credentials, cluster: str, now: float) -> str:
    """Return a token for an EKS cluster: the URL of a call of GetCallerIdentity.

    Args:
        client: How STS is called.
        signer: The credentials.
        cluster: The name of the cluster.
        now: Seconds since the epoch, by AWS's clock.
    """
    split = urlsplit(client.url)
    query = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    url = presigned(
        split._replace(path=split.path or "/", query=query).geturl(),
        {CLUSTER: cluster},
        signer=signer,
        service="sts",
        region=client.signing_region,
        now=now,
        lifetime=_EKS_SECONDS,
    )
    return EKS_PREFIX + urlsafe_b64encode(url.encode()).decode().rstrip("=")


def rds(signer: Credentials, address: str, user: str, region: str, now: float) -> str:
    """Return a token for an RDS database: the URL of a connection, without its scheme.

    Args:
        signer: The credentials.
        address: `HOST:PORT`. HOST is the endpoint of the database or of its proxy.
        user: The user of the database.
        region: The region of the database.
        now: Seconds since the epoch, by AWS's clock.
    """
    scheme = "https://"
    query = urlencode({"Action": "connect", "DBUser": user})
    url = f"{scheme}{address}/?{query}"
    signed = presigned(url, {}, signer=signer, service="rds-db", region=region, now=now, lifetime=ACCEPTED)
    return signed.removeprefix(scheme)


def region_of(host: str) -> str | None:
    """Return the region of the database or the proxy with the endpoint *host*; None: the name does not say.

    It is before `rds`, in China after it. Elsewhere than in a region is the endpoint of a global database.
    """
    labels = host.lower().split(".")
    for number, label in enumerate(labels):
        if label != "rds":
            continue
        before, after = labels[:number], labels[number + 1 :]
        for region, suffix in ((before[-1:], after), (after[:1], after[1:])):
            partition = partition_with("".join(region))
            # The name of the database and that of its account are in front.
            if partition is not None and partition.suffix == ".".join(suffix) and len(before) > len(region):
                return "".join(region)
    return None
