"""Signature Version 4 on the side of the service: read a signature, compute the expected one, compare.

botocore's signer makes the canonical request, so that the sandbox accepts exactly what AWS's SDKs send.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from awsenv.sandbox.responses import AuthenticationError, Failure

if TYPE_CHECKING:
    from awsenv.sandbox.request import Request

SKEW = timedelta(minutes=15)
"""How far the time of a signature may differ from that of the service (AWS General Reference, SigV4)."""

LONGEST = 7 * 86400
"""Seconds for which a presigned link can be valid (S3 API, "Authenticating Requests: Using Query Parameters")."""

_STAMP = "%Y%m%dT%H%M%SZ"
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SCOPE = re.compile(r"([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Signature:
    """The signature of a request, not yet checked."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    time: datetime
    """The time of signing."""
    session_token: str | None
    lifetime: timedelta | None
    """How long a presigned link is valid; None: the signature is in the header."""


def parse(request: Request) -> Signature:
    """Read the signature from the Authorization header, or from the query of a presigned link.

    Raises:
        AuthenticationError: The request has none, or a part of it is missing.
    """
    if "authorization" in request.headers:
        return _parse_header(request)
    if "X-Amz-Signature" in request.query:
        return _parse_query(request)
    raise AuthenticationError(Failure.MISSING)


def service_of(request: Request) -> str | None:
    """Return the service that a request is signed for; None: it has no complete signature."""
    try:
        return parse(request).service
    except AuthenticationError:
        return None


def _parse_header(request: Request) -> Signature:
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    fields = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", rest))
    stamp = request.headers.get("x-amz-date") or ""
    problems = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if name not in fields
    ]
    if not stamp:
        problems.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if problems or algorithm != _ALGORITHM:
        problems.append(f"(Hashed with SHA-256) Authorization={algorithm}")
        raise _incomplete(" ".join(problems))
    return _signature(fields, stamp, request.headers.get("x-amz-security-token"), None)


def _parse_query(request: Request) -> Signature:
    query = request.query
    fields = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    lifetime = query.get("X-Amz-Expires", "0")
    if query.get("X-Amz-Algorithm") != _ALGORITHM:
        raise _incomplete("Query-string authentication requires the X-Amz-* parameters")
    if not re.fullmatch("[0-9]{1,6}", lifetime) or int(lifetime) > LONGEST:
        raise _incomplete(f"X-Amz-Expires must be a number of at most {LONGEST} seconds")
    token = query.get("X-Amz-Security-Token")
    return _signature(fields, query.get("X-Amz-Date", ""), token, timedelta(seconds=int(lifetime)))


def _signature(fields: dict[str, str], stamp: str, token: str | None, lifetime: timedelta | None) -> Signature:
    scope = _SCOPE.fullmatch(fields["Credential"])
    if scope is None:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{fields['Credential']}'"
        )
    # strptime alone takes a single digit, and digits of any script.
    is_complete = re.fullmatch("[0-9]{8}T[0-9]{6}Z", stamp)
    try:
        time = datetime.strptime(stamp if is_complete else "", _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        raise _incomplete(
            f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org"
        ) from None
    key_id, date, region, service = scope.groups()
    headers = tuple(fields["SignedHeaders"].lower().split(";"))
    return Signature(key_id, date, region, service, headers, fields["Signature"], time, token, lifetime)


def _incomplete(detail: str) -> AuthenticationError:
    return AuthenticationError(Failure.INCOMPLETE, detail)


def check_time(signature: Signature, now: datetime) -> None:
    """Refuse a signature from too long ago, or from the future.

    Raises:
        AuthenticationError: It is more than 15 minutes off, or the presigned link has expired.
    """
    if signature.time > now + SKEW:
        raise AuthenticationError(
            Failure.WRONG_TIME,
            f"Signature not yet current: {signature.time:{_STAMP}} is still later than {now + SKEW:{_STAMP}} "
            f"({now:{_STAMP}} + 15 min.)",
        )
    # STS accepts a link for 15 minutes, whatever it says (kubernetes-sigs/aws-iam-authenticator, `pkg/token/token.go`).
    of_link = None if signature.service == "sts" else signature.lifetime
    lifetime = SKEW if of_link is None else of_link
    if now > signature.time + lifetime:
        detail = f"Signature expired: {signature.time:{_STAMP}} is now earlier than {now - lifetime:{_STAMP}}"
        if of_link is not None:
            raise AuthenticationError(Failure.EXPIRED_LINK, detail)
        raise AuthenticationError(Failure.WRONG_TIME, f"{detail} ({now:{_STAMP}} - 15 min.)")


def check(signature: Signature, request: Request, secret: str) -> None:
    """Refuse a request that was not signed with *secret*, or that changed after it was signed.

    In a body that a client sends to S3 in signed chunks (STREAMING-…), the chunks are not checked.

    Raises:
        AuthenticationError: The signature, or the hash of the body, is wrong.
    """
    if "host" not in signature.signed_headers or signature.date != f"{signature.time:%Y%m%d}":
        raise AuthenticationError(Failure.WRONG_SIGNATURE)
    if not hmac.compare_digest(_expected(signature, request, secret).encode(), signature.value.encode()):
        raise AuthenticationError(Failure.WRONG_SIGNATURE)
    announced = request.headers.get("x-amz-content-sha256", _UNSIGNED)
    s3_streams = signature.service == "s3" and announced.startswith("STREAMING-")
    if announced != _UNSIGNED and not s3_streams and announced != sha256(request.body).hexdigest():
        raise AuthenticationError(Failure.WRONG_PAYLOAD)


class _Verifier(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, with the headers that the client signed and the payload hash that it used."""

    signed: tuple[str, ...] = ()
    presigned_payload: str | None = None

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self.signed:
            headers[name] = request.headers.get(name, "")
        return headers

    def payload(self, request: AWSRequest) -> str:
        return self.presigned_payload or str(super().payload(request))


class _S3Verifier(_Verifier, S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """A verifier for S3, which does not normalise paths."""


def _expected(signature: Signature, request: Request, secret: str) -> str:
    verifier_class: Any = _S3Verifier if signature.service == "s3" else _Verifier
    credentials = Credentials(signature.access_key_id, secret)
    verifier = verifier_class(credentials, signature.service, signature.region)
    verifier.signed = signature.signed_headers
    target = request.target
    if signature.lifetime is not None:
        target = re.sub(r"([?&])X-Amz-Signature=[^&]*&?", r"\1", target).rstrip("?&")
        verifier.presigned_payload = _UNSIGNED if signature.service == "s3" else None
    elif signature.service == "s3" and "x-amz-content-sha256" not in request.headers:
        raise AuthenticationError(Failure.WRONG_SIGNATURE)
    copy = AWSRequest(
        method=request.method,
        url=f"http://host{target}",  # the signature covers the header, not this host
        data=request.body,
        headers=dict(request.headers),
    )
    copy.context["timestamp"] = f"{signature.time:{_STAMP}}"
    return str(verifier.signature(verifier.string_to_sign(copy, verifier.canonical_request(copy)), copy))
