"""What goes wrong while the first credentials are fetched, in the terms of who gives them."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions

from awsenv.aws.translate import is_failing, read_answer, unreachable
from awsenv.config.text import printable
from awsenv.errors import AwsenvError, RefusedError, SourceError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Source

_GIVERS = {
    "sso": "AWS IAM Identity Center",
    "login": "AWS Sign-In",
    "web-identity": "AWS STS",
    "container": "the credentials endpoint of the container",
    "instance": "the metadata service of EC2",
}


_Facts = tuple[tuple[tuple[type[Exception], ...], str, str | None], ...]
"""What is raised, the fact, and the next step; None: renew the credentials."""

_ANYWHERE: _Facts = (
    (
        (exceptions.MissingDependencyException,),
        "to use the credentials of aws login, awsenv needs the package awscrt",
        'pipx inject awsenv-shell "botocore[crt]", or pip install "botocore[crt]"',
    ),
    (
        (exceptions.LoginInsufficientPermissions,),
        "the user has no permission to sign in with aws login",
        "allow the user signin:CreateOAuth2Token",
    ),
    (
        (exceptions.SSOError, exceptions.LoginError, exceptions.TokenRetrievalError),
        "you are not signed in to {giver}, or the session has expired",
        None,
    ),
    ((RuntimeError,), "{giver} gave credentials that have expired", None),
    (
        (exceptions.InvalidConfigError, exceptions.PartialCredentialsError),
        "the settings for {giver} are incomplete",
        "check the profile",
    ),
)
_OF_KIND: dict[str, _Facts] = {
    "web-identity": (((OSError,), "the web identity token file cannot be read", "check web_identity_token_file"),),
}


@contextmanager
def told(source: Source) -> Iterator[None]:
    """Raise what a provider of botocore raises as an error of awsenv.

    Raises:
        SourceError: There are no usable credentials.
        RefusedError: AWS does not give them.
        UnreachableError: Who gives them cannot be reached.
    """
    try:
        yield
    except AwsenvError as error:
        if not error.origins and source.origin is not None:
            error.origins = (source.origin,)
        raise
    except Exception as error:  # noqa: BLE001 - a bare AttributeError is how botocore takes a list for credentials
        # The cause may hold what a command printed: it is not passed on.
        raise _of_source(error, source) from None


def renewal(source: Source) -> str:
    """Return how a person gets new credentials from *source*."""
    profile = "" if source.profile is None else f" --profile {shlex.quote(printable(source.profile))}"
    return {
        "sso": f"aws sso login{profile}",
        "login": f"aws login{profile}",
        "environment": "set new ones, or unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to use a profile",
        "static": "replace the keys in the file; the keys of a user do not expire",
        "process": "run the credential_process by itself to see what it prints",
    }.get(source.kind, "try again")


def _of_source(error: Exception, source: Source) -> AwsenvError:
    if isinstance(error, exceptions.ClientError):
        return _answered(error, source)
    network = unreachable(error)
    if network is not None:
        network.origins = () if source.origin is None else (source.origin,)
        return network
    fact, hint = _fact(error, source)
    return SourceError(fact, source.origin, hint=hint or renewal(source))


def _fact(error: Exception, source: Source) -> tuple[str, str | None]:
    """Return what happened and, if it is not to renew the credentials, the next step."""
    giver = _GIVERS[source.kind]
    for kinds, fact, hint in (*_ANYWHERE, *_OF_KIND.get(source.kind, ())):
        if isinstance(error, kinds):
            return fact.format(giver=giver), hint
    return f"{giver} gave no credentials ({type(error).__name__})", None


def _answered(error: exceptions.ClientError, source: Source) -> AwsenvError:
    code, _message, status = read_answer(error)
    giver = _GIVERS[source.kind]
    if is_failing(code, status):
        return UnreachableError(f"{giver} is failing (HTTP {status})", source.origin, hint="try again")
    if "Expired" in code or code == "InvalidIdentityToken" or status == 401:  # noqa: PLR2004 - HTTP's "sign in"
        return SourceError(f"{giver} did not accept the token ({code})", source.origin, hint=renewal(source))
    hints = {
        "sso": "check sso_account_id and sso_role_name: the permission set must be assigned to you",
        "web-identity": "check role_arn and the trust policy of that role",
    }
    return RefusedError(
        f"{giver} refused to give credentials ({code})",
        source.origin,
        code=code,
        hint=hints.get(source.kind, renewal(source)),
    )
