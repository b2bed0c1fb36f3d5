"""The exceptions of botocore as the errors of awsenv.

The text of an exception is never passed on: `ResponseParserError` holds the body of the response, parameter
validation the parameters, `CredentialRetrievalError` the output of a command.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore import exceptions
from botocore.parsers import ResponseParserError

from awsenv.aws.connection import Unanswered
from awsenv.aws.network import no_response, not_of_aws
from awsenv.aws.query import ErrorResponse, error_response
from awsenv.aws.refusal import refusal_of
from awsenv.aws.sdk import refused_setting
from awsenv.errors import AwsenvError, ConfigError, Hint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.config import Config

    from awsenv.aws.request import Request
    from awsenv.aws.sdk import SdkSession
    from awsenv.model import Credentials

UNREADABLE = (
    Unanswered,
    exceptions.BotoCoreError,
    exceptions.ClientError,
    ResponseParserError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)
"""What botocore raises for settings and responses that it cannot read: a bare KeyError for HTML, an AttributeError for
a list. Any other exception is a fault of ours or of Python, such as a lack of memory."""

Step = Hint | Callable[[], Hint]
Facts = tuple[tuple[tuple[type[Exception], ...], str, Step], ...]
"""Rows of what is raised, the fact, the next step or what finds it."""

_SETTINGS: Facts = (
    (
        (exceptions.ParamValidationError,),
        "AWS does not accept a value of the request",
        "check the settings of the role",
    ),
    (
        (exceptions.InvalidRegionError, exceptions.BaseEndpointResolverError, exceptions.EndpointProviderError),
        "the service has no endpoint in this region, or none with these settings",
        ("choose another region with --region", "remove use_fips_endpoint and use_dualstack_endpoint"),
    ),
)
"""Settings that make calls impossible."""


@contextmanager
def translated(request: Request) -> Iterator[None]:
    """Turn an exception of a request into an error of awsenv. A bug stays what it is.

    Raises:
        AwsenvError: Any but those of the command line and of `exec`.
    """
    try:
        yield
    except AwsenvError:
        raise
    except UNREADABLE as error:
        # The cause may hold a secret: it is not passed on.
        raise translate(error, request) from None


def connect(
    sdk: SdkSession, request: Request, signer: Credentials, config: Config | None = None
) -> tuple[Any, Request]:
    """Return a client whose requests *signer* signs, and *request* with its endpoint and its signer.

    Raises:
        ConfigError: A setting makes requests impossible.
    """
    try:
        service = request.action.partition(":")[0]
        client = sdk.create_client(
            service,
            aws_access_key_id=signer.access_key_id,
            aws_secret_access_key=signer.secret_access_key,
            aws_session_token=signer.session_token,
            config=config,
        )
        setting, url = sdk.session.endpoint_setting(service), sdk.url_of(client)
        configured = None if setting is None else setting.origin
        return client, replace(request, endpoint=url, configured=configured, signer=signer)
    except AwsenvError:
        raise
    except (RuntimeError, *UNREADABLE) as error:
        # Nothing has been sent. The signer of awscrt raises a RuntimeError for an empty region.
        raise refused_setting(sdk) or _of_settings(error) from None


def _of_settings(error: Exception) -> ConfigError:
    """Return the error of settings that make requests impossible."""
    unknown = f"the AWS SDK makes no request with these settings ({type(error).__name__})", "awsenv doctor"
    fact, hint = first_of(_SETTINGS, error) or unknown
    return ConfigError(fact, hint=hint)


def translate(error: Exception, request: Request) -> AwsenvError:
    """Return the error of awsenv for *error*, raised by *request*."""
    if isinstance(error, exceptions.ClientError):
        return refusal_of(error_response_of(error), request)
    if first_of(_SETTINGS, error) is not None:
        return _of_settings(error)
    return no_response(error, request) or not_of_aws(request)


def error_response_of(error: exceptions.ClientError) -> ErrorResponse:
    """Return the error response that botocore has read."""
    found = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return error_response(str(found.get("Code", "")), str(found.get("Message") or ""), status)


def first_of(facts: Facts, error: object) -> tuple[str, Step] | None:
    """Return the fact and the next step of the first row that *error* matches; None: it matches no row."""
    return next(((fact, hint) for kinds, fact, hint in facts if isinstance(error, kinds)), None)
