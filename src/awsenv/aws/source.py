"""The first credentials of a chain: those that a profile or the environment describes.

One provider of botocore fetches them, for the kind of source that the chain names: botocore's chain of providers would
go on to the machine's own role.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore import credentials as providers
from botocore import exceptions
from botocore.parsers import ResponseParserError
from botocore.tokens import SSOTokenProvider
from botocore.utils import parse_timestamp

from awsenv import command, installation
from awsenv.aws.denial import read
from awsenv.aws.http import unanswered
from awsenv.aws.metadata import Container, Instance, kind_of, token_of, wrong_field
from awsenv.aws.network import PORTAL, no_response
from awsenv.aws.refusal import UNKNOWN, failing, message_of_aws
from awsenv.aws.request import Request, host_of, steps
from awsenv.aws.sdk import SERVICES, SdkSession, refused_setting
from awsenv.aws.tokens import Tokens
from awsenv.aws.translate import UNREADABLE, Facts, answer_of, first_of
from awsenv.config.files import expanded
from awsenv.config.ini import Setting
from awsenv.config.recursion import entered
from awsenv.config.sources import KINDS, access_key, account, how_to_renew, title
from awsenv.errors import AGAIN, AwsenvError, Origin, RefusedError, SourceError, UnreachableError
from awsenv.model import Credentials
from awsenv.variables import WEB_IDENTITY, having

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from awsenv.aws.session import AwsSession
    from awsenv.errors import Hint
    from awsenv.model import Source

    Run = Callable[[Sequence[str], str], bytes]

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
"""Where the next step is empty, it is to renew the credentials."""


def source_credentials(source: Source, session: AwsSession, *, run: Run | None = None) -> Credentials:
    """Return the credentials of *source*.

    Args:
        source: Where they come from.
        session: What the files and the environment say, and the calls that some sources make. The environment is that
            of the caller, without the variables of a role that awsenv has set.
        run: Runs the words of a `credential_process`, of a profile; None: they run here.

    Raises:
        SourceError: There are none, or they have expired.
        ConfigError: The description of the source is wrong.
        RefusedError: AWS refuses them.
        UnreachableError: The service that issues them cannot be reached.
    """
    if KINDS[source.kind].is_key:
        return _access_key(source, session)
    if source.kind == "process":
        return _process(source, session, run)
    try:
        with session.call(_ISSUERS[source.kind].title, _seconds(source, session)), ExitStack() as until:
            return _loaded(_ISSUERS[source.kind].provider(source, session, until).load(), source)
    except (AwsenvError, RuntimeError, *UNREADABLE) as error:
        ours = error if isinstance(error, AwsenvError) else _unanswered(error, session) or _of_source(error, source)
        ours.origins = ours.origins or tuple(filter(None, [source.origin]))
        # The cause may hold what a command printed: it is not passed on.
        raise ours from None


def _seconds(source: Source, session: AwsSession) -> float:
    """Return the seconds that settings of AWS allow for all requests of a source; 0: nothing is set."""
    if source.kind != "instance":
        return 0
    sdk = SdkSession(session)
    try:
        attempts = int(sdk.get_config_variable("metadata_service_num_attempts"))
        seconds = float(sdk.get_config_variable("metadata_service_timeout"))
    except ValueError as error:
        raise refused_setting(sdk) or error from None
    # Three requests: for a token, the name of the role and its keys. These numbers are botocore's defaults.
    return 0 if (attempts, seconds) == (1, 1) else 3 * attempts * seconds


def _loaded(loaded: Any, source: Source) -> Credentials:
    if loaded is None:
        raise SourceError("this source has no credentials", hint=how_to_renew(source))
    frozen = loaded.get_frozen_credentials()
    # botocore has no public name for it. None: the credentials are long-lived.
    expiration: datetime | None = getattr(loaded, "_expiry_time", None)
    return Credentials(
        access_key_id=frozen.access_key,
        secret_access_key=frozen.secret_key,
        session_token=frozen.token,
        expiration=None if expiration is None else expiration.astimezone(timezone.utc),
        account=getattr(frozen, "account_id", None),
        source=source,
    )


def _access_key(source: Source, session: AwsSession) -> Credentials:
    """Return the access key of a file or of the environment.

    An access key id that may hold a secret is refused, since AWS would show it in its answer. Emulators take any short
    word. A secret key has 40 characters, a session token more; a line break or a space means that the next line of the
    file was taken for a part of the value.

    Raises:
        SourceError: There is none, or its id looks like a secret. The message does not show it.
    """
    key = access_key(source, session.profiles, session.environ)
    if key is None:
        raise SourceError(f"{title(source)} is missing", source.origin, hint=how_to_renew(source))
    if not re.fullmatch("[!-~]{1,128}", key.access_key_id) or re.fullmatch("[A-Za-z0-9/+=]{40,}", key.access_key_id):
        raise SourceError(
            "the access key id looks like a secret",
            source.origin,
            hint="check that the id, such as AKIAIOSFODNN7EXAMPLE, is not the secret",
        )
    return replace(key, account=account(source, session.profiles), source=source)


def _process(source: Source, session: AwsSession, run: Run | None) -> Credentials:
    profile = session.profiles.for_botocore()["profiles"].get(source.profile, {})

    def run_words(words: Sequence[str]) -> bytes:
        name = str(source.profile)
        if run is not None:
            return run(words, name)
        with session.waits(f"the credential_process of profile {name}", beside=True):
            return command.run(words, environ=entered(name, session.environ), folder=session.profiles.folder)

    line, origin = profile.get("credential_process", ""), source.origin
    configured = session.profiles.get(source.profile or "default")
    if configured is not None and "credential_process" in configured.settings:
        origin = configured.settings["credential_process"].origin
    printed = command.output("credential_process", line, run_words, SourceError, origin)
    try:
        return _printed(source, printed, profile.get("aws_account_id"))
    except ValueError as error:
        because, hint = command.why("credential_process", line)
        fact = f"credential_process printed {error}"
        raise SourceError(fact, origin, because=because, hint=hint or how_to_renew(source)) from None


def _printed(source: Source, output: bytes, account: str | None) -> Credentials:
    """Read the output (AWS CLI user guide, "Sourcing credentials with an external process").

    Raises:
        ValueError: It is something else, which the text names. It shows no value.
    """
    try:
        answer = json.loads(output)
    except ValueError:
        raise ValueError("something that is not JSON" if output.strip() else "nothing") from None
    if not isinstance(answer, dict):
        raise ValueError(f"JSON, but {kind_of(answer)} instead of an object")  # noqa: TRY004 - one kind of error
    version = answer.get("Version")
    if type(version) is not int or version != 1:
        shown = f"Version {version}" if type(version) is int else f"a Version that is {kind_of(version)}"
        raise ValueError(f"{'no Version' if version is None else shown}: it must be the number 1")
    if fault := wrong_field(answer, ("AccessKeyId", "SecretAccessKey"), ("SessionToken", "AccountId")):
        raise ValueError(fault)
    expiration, given = None, answer.get("Expiration")
    if given is not None:
        try:
            # To botocore, true is a second after 1970.
            expiration = parse_timestamp(str(given) if given is True else given).astimezone(timezone.utc)
        except (ValueError, TypeError, OverflowError):
            what = "an empty Expiration" if given == "" else f"an Expiration that is {kind_of(given)}, and not a time"
            raise ValueError(f"{what}: leave it out if the keys do not expire") from None
        if expiration <= datetime.now(timezone.utc):
            raise ValueError(f"keys that expired at {expiration:%Y-%m-%d %H:%M:%S} UTC")
    return Credentials(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer.get("SessionToken"),
        expiration,
        answer.get("AccountId") or account,
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


def _web_identity(source: Source, session: AwsSession, _until: ExitStack) -> Any:
    sdk = SdkSession(session)
    if source.profile is None:
        # botocore would read the variables of the process: these are the ones of the caller.
        name = "the environment"
        settings = {each.removeprefix("AWS_").lower(): session.environ.get(each) for each in having(WEB_IDENTITY)}
    else:
        name = source.profile
        settings = sdk.full_config["profiles"][name]
    path = settings["web_identity_token_file"]
    if path:
        path = session.absolute(path)
        profile = None if source.profile is None else session.profiles.get(source.profile)
        origin = Origin("AWS_WEB_IDENTITY_TOKEN_FILE")
        token_of(Setting(path, origin if profile is None else profile.settings["web_identity_token_file"].origin))
    return providers.AssumeRoleWithWebIdentityProvider(
        load_config=lambda: {"profiles": {name: {**settings, "web_identity_token_file": path}}},
        client_creator=sdk.create_client,
        profile_name=name,
        cache={},
        disable_env_vars=True,
    )


class _Issuer(NamedTuple):
    """What issues the credentials of a kind of source."""

    title: str
    """Its name in messages."""
    provider: Callable[[Source, AwsSession, ExitStack], Any]
    """Returns the provider of botocore that fetches them."""
    refused: Hint | None = None
    """The next step after a refusal; None: to renew the credentials."""
    is_aws: bool = True
    """Whether it is a service of AWS; else it is an endpoint on this machine."""


_ISSUERS: Mapping[str, _Issuer] = {
    "sso": _Issuer(
        "AWS IAM Identity Center",
        _sso,
        refused=("check sso_account_id and sso_role_name", "check that the permission set is assigned to you"),
    ),
    "login": _Issuer("AWS Sign-In", _login),
    "web-identity": _Issuer(
        "AWS STS",
        _web_identity,
        refused="check role_arn and the trust policy of that role",
    ),
    "container": _Issuer("the credentials endpoint of the container", Container, is_aws=False),
    "instance": _Issuer("the metadata service of EC2", Instance, is_aws=False),
}
"""Those that botocore calls; awsenv reads an access key and runs a `credential_process` itself."""


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
            return _not_of_aws(issuer)
        fact, hint = found or (f"{issuer} returned no credentials ({type(error).__name__})", renew)
        return SourceError(fact.format(issuer=issuer), hint=hint or renew)
    return _of_answer(error, source)


def _of_answer(error: exceptions.ClientError, source: Source) -> AwsenvError:
    """Return the error of awsenv for an error response of a service of AWS."""
    of, renew = _ISSUERS[source.kind], how_to_renew(source)
    issuer, (code, message, status) = of.title, answer_of(error)
    text = message_of_aws(message)
    because = None if text is None else f"AWS said: {text.rstrip('.')}"
    if does := failing(code, status):
        return UnreachableError(f"{issuer} {does}", hint=AGAIN)
    if code == UNKNOWN or (code.isdigit() and message.startswith("<")):
        return _not_of_aws(issuer, f" (HTTP {status})")
    if "IDPCommunication" in code:
        return UnreachableError(f"{issuer} cannot reach the identity provider ({code})", because=because, hint=AGAIN)
    has_expired = "Expired" in code or status == HTTPStatus.UNAUTHORIZED
    if has_expired or code == "InvalidIdentityToken":
        fact, step = f"{issuer} did not accept the token ({code})", renew if has_expired else of.refused
        return SourceError(fact, because=because, hint=step)
    denial = read(text or "")
    hint = of.refused or renew
    if denial is not None and denial.because is not None:
        because, hint = denial.because, steps(denial)
    return RefusedError(f"{issuer} refused to give credentials ({code})", code=code, because=because, hint=hint)


def _not_of_aws(issuer: str, status: str = "") -> UnreachableError:
    return UnreachableError(f"{issuer} sent a response that is not from AWS{status}", hint=(PORTAL, AGAIN))
