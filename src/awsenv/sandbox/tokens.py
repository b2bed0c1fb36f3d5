"""Tokens of EKS and RDS: each is the URL of a request, and its signature says who made it.

EKS checks what kubernetes-sigs/aws-iam-authenticator checks (`pkg/token/token.go`), except that it accepts only the
endpoints of STS, over HTTPS. How a database checks a token is not documented; it accepts what the RDS guide, "IAM
database authentication", lets a client make.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from awsenv.sandbox import signature
from awsenv.sandbox.operation import Operation
from awsenv.sandbox.request import Request
from awsenv.sandbox.responses import Family, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection

CONNECT = Operation("rds-db", "connect", Family.QUERY, {}, "*")
"""What a token of a database asks for."""

_PREFIX = "k8s-aws-v1."
_LONGEST = 4 * 1024
"""Characters of a token for a cluster."""
_HEADER = "x-k8s-aws-id"

_SIGNED = ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders")
_OPTIONAL = {"x-amz-security-token"}


def for_cluster(token: str, cluster: str, endpoint: str) -> Request:
    """Return the request to STS that a token for a cluster stands for.

    Args:
        token: The token.
        cluster: The name of the cluster that gets it.
        endpoint: The endpoint of STS.

    Raises:
        ServiceError: The cluster does not accept the token.
        AuthenticationError: The token has no complete signature.
    """
    if len(token) > _LONGEST or not token.startswith(_PREFIX) or "=" in token:
        raise _refused("it is not a token")
    text = token.removeprefix(_PREFIX)
    try:
        url = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True).decode()
    except ValueError:
        raise _refused("it is not base64") from None
    split = urlsplit(url)
    if f"{split.scheme}://{split.netloc}" != endpoint or split.path != "/":
        raise _refused("it is for another host or path")
    _check_query(split.query, {"action", "version"}, "GetCallerIdentity")
    request = Request("GET", f"/?{split.query}", {"host": split.netloc, _HEADER: cluster}, b"")
    signed = signature.parse(request)
    if _HEADER not in signed.signed_headers or signed.lifetime is None or signed.lifetime > signature.SKEW:
        raise _refused("its signature leaves out the cluster, or lasts too long")
    return request


def for_database(token: str, address: str, user: str, region: str) -> Request:
    """Return the request that a token for a database stands for.

    Args:
        token: The token.
        address: `HOST:PORT` of the database that gets it.
        user: The user who connects.
        region: The region of the database.

    Raises:
        ServiceError: The database does not accept the token.
        AuthenticationError: The token has no complete signature.
    """
    beginning, _, query = token.partition("/?")
    if beginning != address:
        raise _refused("it is for another database")
    _check_query(query, {"action", "dbuser"}, "connect")
    request = Request("GET", f"/?{query}", {"host": address}, b"")
    signed = signature.parse(request)
    if request.query.get("DBUser") != user:
        raise _refused("it is for another user")
    if (signed.service, signed.region) != (CONNECT.service, region):
        raise _refused("it is for another service or region")
    if signed.lifetime is None or signed.lifetime > signature.SKEW:
        raise _refused("it lasts too long")
    return request


def _check_query(query: str, own: Collection[str], action: str) -> None:
    """Refuse parameters that are missing, repeated or unknown, and another action."""
    pairs = [(name.lower(), value) for name, value in parse_qsl(query, keep_blank_values=True)]
    names, known = [name for name, _ in pairs], {*own, *(f"x-amz-{name}" for name in _SIGNED)}
    if len(set(names)) < len(names) or not known - _OPTIONAL <= set(names) <= known:
        raise _refused("its parameters are others")
    if ("action", action) not in pairs:
        raise _refused("it is for another action")


def _refused(reason: str) -> ServiceError:
    return ServiceError("Unauthorized", f"the token is refused: {reason}", 401)
