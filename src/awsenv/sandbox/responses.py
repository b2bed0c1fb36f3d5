"""Responses of the sandbox, with errors in the words of each family of AWS services."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from enum import Enum, auto, unique
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@unique
class Family(Enum):
    """A group of services with one protocol."""

    QUERY = auto()
    """IAM, STS and others that respond in XML."""
    EC2 = auto()
    S3 = auto()
    JSON = auto()


@unique
class Failure(Enum):
    """Why the sandbox cannot tell who sent a request. Each family has its own words for it."""

    MISSING = auto()
    INCOMPLETE = auto()
    UNKNOWN_KEY = auto()
    WRONG_TOKEN = auto()
    WRONG_SIGNATURE = auto()
    WRONG_TIME = auto()
    EXPIRED_LINK = auto()
    EXPIRED_TOKEN = auto()
    WRONG_PAYLOAD = auto()


class ServiceError(Exception):
    """An AWS error, as a client sees it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class AuthenticationError(Exception):
    """The sandbox cannot tell who sent a request.

    Args:
        failure: Why.
        detail: What AWS adds in the families that say more than the bare fact.
    """

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


_DIFFERS = "The request signature we calculated does not match the signature you provided."
_MISMATCH = (
    f"{_DIFFERS} Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_S3_MISMATCH = f"{_DIFFERS} Check your key and signing method."
_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_S3_UNKNOWN = "The AWS Access Key Id you provided does not exist in our records."
_S3_SKEWED = "The difference between the request time and the current time is too large."
_S3_PAYLOAD = "The provided 'x-amz-content-sha256' header does not match what was computed."
_EC2_INVALID = (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
_EC2_EXPIRED = (400, "RequestExpired", "Request has expired.")

_SPELLINGS: dict[Family, dict[Failure, tuple[int, str, str]]] = {
    Family.QUERY: {
        **dict.fromkeys(Failure, (403, "SignatureDoesNotMatch", "")),
        Failure.MISSING: (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        Failure.INCOMPLETE: (400, "IncompleteSignature", ""),
        Failure.UNKNOWN_KEY: (403, "InvalidClientTokenId", _INVALID),
        Failure.WRONG_TOKEN: (403, "InvalidClientTokenId", _INVALID),
        Failure.EXPIRED_TOKEN: (403, "ExpiredToken", _EXPIRED),
    },
    Family.EC2: {
        **dict.fromkeys(Failure, _EC2_INVALID),
        Failure.MISSING: (400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId"),
        Failure.INCOMPLETE: (400, "IncompleteSignature", ""),
        Failure.EXPIRED_LINK: _EC2_EXPIRED,
        Failure.EXPIRED_TOKEN: _EC2_EXPIRED,
    },
    Family.S3: {
        Failure.MISSING: (403, "AccessDenied", "Access Denied"),
        Failure.INCOMPLETE: (400, "AuthorizationHeaderMalformed", ""),
        Failure.UNKNOWN_KEY: (403, "InvalidAccessKeyId", _S3_UNKNOWN),
        Failure.WRONG_TOKEN: (400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
        Failure.WRONG_SIGNATURE: (403, "SignatureDoesNotMatch", _S3_MISMATCH),
        Failure.WRONG_TIME: (403, "RequestTimeTooSkewed", _S3_SKEWED),
        Failure.EXPIRED_LINK: (403, "AccessDenied", "Request has expired"),
        Failure.EXPIRED_TOKEN: (400, "ExpiredToken", "The provided token has expired."),
        Failure.WRONG_PAYLOAD: (400, "XAmzContentSHA256Mismatch", _S3_PAYLOAD),
    },
    Family.JSON: {
        **dict.fromkeys(Failure, (400, "InvalidSignatureException", "")),
        Failure.MISSING: (400, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        Failure.INCOMPLETE: (400, "IncompleteSignatureException", ""),
        Failure.UNKNOWN_KEY: (400, "UnrecognizedClientException", _INVALID),
        Failure.WRONG_TOKEN: (400, "UnrecognizedClientException", _INVALID),
        Failure.EXPIRED_TOKEN: (400, "ExpiredTokenException", _EXPIRED),
    },
}
"""The HTTP status, the code and the message. An empty message: the detail of the error, else that signatures differ."""


def render(error: ServiceError | AuthenticationError, family: Family) -> Response:
    """Return the response for *error*, as the services of *family* word it."""
    if isinstance(error, AuthenticationError):
        status, code, message = _SPELLINGS[family][error.failure]
        error = ServiceError(code, message or error.detail or _MISMATCH, status)
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if family is Family.JSON:
        body = json.dumps({"__type": error.code, "message": error.message})
        headers["x-amzn-ErrorType"] = error.code
        return Response(body, error.status, headers, content_type="application/x-amz-json-1.1")
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if family is Family.EC2:
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif family is Family.S3:
        body = f"<Error>{inner}<RequestId>{request_id}</RequestId><HostId>sandbox</HostId></Error>"
    else:
        kind = "Receiver" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
        body = (
            f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>{kind}</Type>{inner}</Error>'
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', error.status, headers, content_type="text/xml")


def error_code(response: Response) -> str | None:
    """Return the code of an error as the client's SDK reads it; None: a success, or an error without a body."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return None
    found = re.search(r'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"', response.get_data(as_text=True))
    return found and (found[1] or found[2])


def result(action: str, values: Mapping[str, Any]) -> Response:
    """Return the response for a successful *action*, in the XML of the query protocol."""
    request_id = str(uuid.uuid4())
    body = (
        f'<{action}Response xmlns="{STS_NAMESPACE}"><{action}Result>{_xml(values)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Response(body, headers={"x-amzn-RequestId": request_id}, content_type="text/xml")


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items())
    return escape(str(value))
