"""Sources whose credentials a provider of botocore fetches: IAM Identity Center, `aws login`, a container, EC2.

Only the provider for the kind of source in the chain is asked. botocore's own chain of providers would go on to the
role of the machine.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore import credentials as providers
from botocore import exceptions
from botocore.parsers import ResponseParserError
from botocore.tokens import SSOTokenProvider

from awsenv import installation
from awsenv.aws.http import unanswered
from awsenv.aws.metadata import Container, Instance
from awsenv.aws.network import NOT_OF_AWS, no_response
from awsenv.aws.refusal import withheld
from awsenv.aws.request import Request, host_of
from awsenv.aws.sdk import SERVICES, SdkSession, refused_setting
from awsenv.aws.tokens import Tokens
from awsenv.aws.translate import UNREADABLE, Facts, error_response_of, first_of
from awsenv.config.files import expanded
from awsenv.config.sources import how_to_renew
from awsenv.errors import AGAIN, PORTAL, AwsenvError, SourceError, UnreachableError
from awsenv.model import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.aws.session import AwsSession
    from awsenv.errors import Hint
    from awsenv.model import Source

_FACTS: Facts = (
    (
        (exceptions.MissingDependencyException,),
        "to use the credentials of aws login, awsenv needs the package awscrt",
        lambda: installation.this().with_package("botocore[crt]"),
    ),
    (
        (exceptions.LoginInsufficientPermissions,),
        "the user has no permission to sign in with aws login",
        "allow the user signin:CreateOAuth2Token",
    ),
    (
        (exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError, exceptions.LoginRefreshRequired),
        "your session of {issuer} has ended",
        "",
    ),
    ((exceptions.SSOError, exceptions.LoginError), "you are not signed in to {issuer}", ""),
    ((RuntimeError,), "{issuer} returned credentials that have expired", ""),
    (
        (exceptions.InvalidConfigError, exceptions.PartialCredentialsError),
        "the settings for {issuer} are incomplete",
        "check the profile",
    ),
    ((exceptions.InvalidRegionError,), "sso_region is not the name of a region", "correct sso_region"),
)
"""An empty next step stands for renewing the credentials."""


def fetched(source: Source, session: AwsSession) -> Credentials:
    """Return the credentials of *source*.

    Raises:
        AwsenvError: There are none, they have expired, or the service that issues them cannot be reached.
    """
    issuer = _ISSUERS[source.kind]
    try:
        with session.call(issuer.title, _seconds(source, session)), ExitStack() as until:
            return _loaded(issuer.provider(source, session, until).load(), source)
    except (AwsenvError, RuntimeError, *UNREADABLE) as error:
        if isinstance(error, AwsenvError):
            raise
        # The cause may hold what a command printed: it is not passed on.
        raise _unanswered(error, session) or _of_source(error, source) from None


def _seconds(source: Source, session: AwsSession) -> float:
    """Return the seconds that settings of AWS allow for all requests of a source; 0: no setting does."""
    if source.kind != "instance":
        return 0
    sdk = SdkSession(session)
    try:
        attempts = int(sdk.get_config_variable("metadata_service_num_attempts"))
        seconds = float(sdk.get_config_variable("metadata_service_timeout"))
    except ValueError as error:
        raise refused_setting(sdk) or error from None
    # There are three requests: for a token, the name of the role and its keys. (1, 1) are botocore's defaults.
    return 0 if (attempts, seconds) == (1, 1) else 3 * attempts * seconds


def _loaded(loaded: Any, source: Source) -> Credentials:
    if loaded is None:
        raise SourceError("this source has no credentials", hint=how_to_renew(source))
    frozen = loaded.get_frozen_credentials()
    # botocore has no public name for it. Long-lived credentials have none.
    expiration: datetime | None = getattr(loaded, "_expiry_time", None)
    return Credentials(
        access_key_id=frozen.access_key,
        secret_access_key=frozen.secret_key,
        session_token=frozen.token,
        expiration=None if expiration is None else expiration.astimezone(timezone.utc),
        account=getattr(frozen, "account_id", None),
        source=source,
    )


def _sso(source: Source, session: AwsSession, until: ExitStack) -> Any:
    sdk, tokens = SdkSession(session), Tokens(Path(expanded("~/.aws/sso/cache", session.environ)), until)
    return providers.SSOProvider(
        load_config=lambda: sdk.full_config,
        client_creator=sdk.create_client,
        profile_name=source.profile,
        cache={},
        token_cache=tokens,
        token_provider=SSOTokenProvider(sdk, cache=tokens, profile_name=source.profile),
    )


def _login(source: Source, session: AwsSession, until: ExitStack) -> Any:
    sdk = SdkSession(session)
    folder = session.environ.get("AWS_LOGIN_CACHE_DIRECTORY") or "~/.aws/login/cache"
    return providers.LoginProvider(
        load_config=lambda: sdk.full_config,
        client_creator=sdk.create_client,
        profile_name=source.profile,
        token_cache=Tokens(Path(session.absolute(expanded(folder, session.environ))), until),
    )


class _Issuer(NamedTuple):
    """The issuer of the credentials of a kind of source."""

    title: str
    """Its name in messages."""
    provider: Callable[[Source, AwsSession, ExitStack], Any]
    """Returns the provider of botocore that fetches them."""
    refused: Hint | None = None
    """The next step after a refusal; None: to renew the credentials."""
    is_aws: bool = True
    """Whether it is a service of AWS, and not an endpoint on this machine."""


_ISSUERS: Mapping[str, _Issuer] = {
    "sso": _Issuer(
        "AWS IAM Identity Center",
        _sso,
        refused=("check sso_account_id and sso_role_name", "check that the permission set is assigned to you"),
    ),
    "login": _Issuer("AWS Sign-In", _login),
    "container": _Issuer("the credentials endpoint of the container", Container, is_aws=False),
    "instance": _Issuer("the metadata service of EC2", Instance, is_aws=False),
}


def _unanswered(error: Exception, session: AwsSession) -> AwsenvError | None:
    """Return why a service of AWS sent no response; None: it sent one."""
    missing = unanswered(error)
    host = None if missing is None else host_of(missing.attempt.url)
    settings = filter(None, map(session.endpoint_setting, SERVICES))
    configured = (setting.origin for setting in settings if host_of(setting.value) == host)
    return no_response(error, Request(configured=next(configured, None)))


def _of_source(error: Exception, source: Source) -> AwsenvError:
    """Return the error of awsenv for what a provider of botocore raises."""
    of, renew = _ISSUERS[source.kind], how_to_renew(source)
    issuer = of.title
    if not isinstance(error, exceptions.ClientError):
        found = first_of(_FACTS, error)
        if found is None and of.is_aws and isinstance(error, (ResponseParserError, LookupError, TypeError)):
            return UnreachableError(f"{issuer} {NOT_OF_AWS}", hint=(PORTAL, AGAIN))
        fact, hint = found or (f"{issuer} returned no credentials ({type(error).__name__})", renew)
        return SourceError(fact.format(issuer=issuer), hint=hint or renew)
    return withheld(error_response_of(error), issuer, renew=renew, refused=of.refused or renew)
