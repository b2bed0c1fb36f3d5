"""Signature Version 4: signed headers and presigned URLs of requests to AWS, without botocore.

They equal those of botocore's `SigV4Auth` and `SigV4QueryAuth` (IAM guide, "AWS Signature Version 4 for API requests")
for every service but S3, which has its own rules for paths and bodies.
"""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from urllib.parse import parse_qs, quote, urlencode, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.model import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"

_PORTS = {"http": 80, "https": 443}
"""The default ports, which a Host header leaves out."""

_UNSIGNED = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that a proxy may change (botocore `auth.py`, `SIGNED_HEADERS_BLACKLIST`)."""


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    signer: Credentials,
    service: str,
    region: str,
    now: float,
) -> dict[str, str]:
    """Return *headers* with the headers that sign the request, and `Host`.

    Args:
        method: The method: `POST`.
        url: The URL, with its query, as it is sent.
        headers: The headers without a date and a host. No two names may differ by case alone.
        body: The body.
        signer: The credentials.
        service: The name that the service signs for: `sts`.
        region: The region that the request is signed for.
        now: Seconds since the epoch, by AWS's clock.
    """
    stamp = _stamp(now)
    scope = _scope(stamp, region, service)
    sent = {"Host": host(url), **headers, "X-Amz-Date": stamp}
    if signer.session_token:
        sent["X-Amz-Security-Token"] = signer.session_token
    covered = _covered(sent)
    signature = _signature(_canonical(method, url, covered, body), stamp, scope, signer)
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={'/'.join((signer.access_key_id, *scope))}, "
        f"SignedHeaders={';'.join(covered)}, Signature={signature}"
    )
    return sent


def presigned(
    url: str,
    headers: Mapping[str, str],
    *,
    signer: Credentials,
    service: str,
    region: str,
    now: float,
    lifetime: int,
    method: str = "GET",
) -> str:
    """Return *url* with a signature in its query. Anyone who has it can send the request until it expires.

    Args:
        url: The URL with the parameters of the request. Of a repeated parameter, only the first counts.
        headers: The headers that must be sent with the URL, besides `Host`.
        signer: The credentials.
        service: The name that the service signs for: `sts`, `rds-db`.
        region: The region that the request is signed for.
        now: Seconds since the epoch, by AWS's clock.
        lifetime: Seconds until it expires.
        method: The method.
    """
    stamp = _stamp(now)
    scope = _scope(stamp, region, service)
    covered = _covered({"Host": host(url), **headers})
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    added = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": "/".join((signer.access_key_id, *scope)),
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(lifetime),
        "X-Amz-SignedHeaders": ";".join(covered),
    }
    if signer.session_token:
        added["X-Amz-Security-Token"] = signer.session_token
    pairs = [*query.items(), *added.items()]
    url = split._replace(query=urlencode(pairs, safe="-._~", quote_via=quote)).geturl()
    signature = _signature(_canonical(method, url, covered, b""), stamp, scope, signer)
    return f"{url}&X-Amz-Signature={signature}"


def host(url: str) -> str:
    """Return the `Host` header of a request to *url*: in lower case, without a user name and the default port."""
    split = urlsplit(url)
    name = split.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return name if split.port in {None, _PORTS.get(split.scheme)} else f"{name}:{split.port}"


def _stamp(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def _covered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a signature covers, sorted and with white space collapsed."""
    trimmed = ((name.lower(), " ".join(value.split())) for name, value in headers.items())
    return {name: value for name, value in sorted(trimmed) if name not in _UNSIGNED}


def _canonical(method: str, url: str, covered: Mapping[str, str], body: bytes) -> str:
    """Return the canonical request."""
    split = urlsplit(url)
    pairs = sorted(pair.partition("=")[::2] for pair in split.query.split("&")) if split.query else ()
    return "\n".join(
        [
            method.upper(),
            quote(_normal(split.path), safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{value}" for name, value in covered.items()),
            "",
            ";".join(covered),
            sha256(body).hexdigest(),
        ]
    )


def _normal(path: str) -> str:
    """Return *path* without dot segments (RFC 3986, 5.2.4) and, as AWS requires, without empty ones."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _scope(stamp: str, region: str, service: str) -> tuple[str, ...]:
    return stamp[:8], region, service, "aws4_request"


def _signature(canonical: str, stamp: str, scope: tuple[str, ...], signer: Credentials) -> str:
    text = "\n".join([ALGORITHM, stamp, "/".join(scope), sha256(_encoded(canonical)).hexdigest()])
    key = _encoded(f"AWS4{signer.secret_access_key}")
    for part in (*scope, text):
        key = hmac.digest(key, _encoded(part), "sha256")
    return key.hex()


def _encoded(text: str) -> bytes:
    """Return *text* in UTF-8. It accepts stray bytes of a variable: an exception would show the text, a secret."""
    return text.encode(errors="surrogatepass")
