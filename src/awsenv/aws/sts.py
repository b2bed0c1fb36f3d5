"""The Security Token Service: roles, sessions, and who a key belongs to."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.config import Config

from awsenv.aws.session import TIMEOUT, AwsSession, open_session
from awsenv.aws.translate import Call, translated, was_not_sent
from awsenv.iam.principal import Principal
from awsenv.model import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.config import Profiles
    from awsenv.model import AssumeRole, Environ, GetSessionToken

T = TypeVar("T")

SENDS = 3
"""How often a request with a code is tried while it does not leave this machine."""

PAUSE = 1.0
"""Seconds between these tries."""


class Token(NamedTuple):
    """An MFA code with its device, as a request carries them."""

    serial: str
    code: str

    def __repr__(self) -> str:
        """Leave the code out."""
        return f"Token({self.serial!r}, …)"


@dataclass(frozen=True, slots=True)
class Sts:
    """STS, asked with different credentials one after the other."""

    session: AwsSession
    sleep: Callable[[float], None] = time.sleep

    def assume_role(self, hop: AssumeRole, call: Call, signer: Credentials, token: Token | None) -> Credentials:
        """Assume the role of *hop*.

        Args:
            hop: What to ask for; its role has an account.
            call: What errors are told with.
            signer: The credentials that sign the request.
            token: The MFA code, where the hop is made with one.

        Raises:
            CodeRejected: AWS did not take the code; another may do.
            ResponseLost: The code may be used up and no answer came.
            AwsenvError: Whatever else went wrong.
        """
        account = hop.role.account
        return self._send(
            "assume_role",
            _role_parameters(hop),
            lambda answer: replace(_credentials(answer), account=account, arn=_text(answer["AssumedRoleUser"], "Arn")),
            call=call,
            signer=signer,
            token=token,
        )

    def get_session_token(self, hop: GetSessionToken, call: Call, signer: Credentials, token: Token) -> Credentials:
        """Turn a user's key and an MFA code into a session. Raises as `assume_role` does."""
        parameters = {} if hop.duration is None else {"DurationSeconds": hop.duration}
        return self._send("get_session_token", parameters, _credentials, call=call, signer=signer, token=token)

    def identity(self, call: Call, signer: Credentials) -> Principal:
        """Return who *signer* is. AWS lets everybody ask (IAM guide, GetCallerIdentity).

        Raises:
            SourceError: AWS does not take the key.
            UnreachableError: There is no answer.
        """
        return self._send(
            "get_caller_identity",
            {},
            lambda answer: _principal(answer, has_token=signer.session_token is not None),
            call=call,
            signer=signer,
            token=None,
        )

    def _send(
        self,
        method: str,
        parameters: dict[str, Any],
        read: Callable[[dict[str, Any]], T],
        *,
        call: Call,
        signer: Credentials,
        token: Token | None,
    ) -> T:
        """Send a request: with a code once, without one as often as botocore deems right."""
        call = replace(call, operation=f"sts:{''.join(map(str.capitalize, method.split('_')))}")
        if token is not None:
            parameters = {**parameters, "SerialNumber": token.serial, "TokenCode": token.code}
        with translated(call):
            client = self._client(signer, once=token is not None)
        call = replace(
            call,
            endpoint=client.meta.endpoint_url,
            key_id=signer.access_key_id,
            serial=None if token is None else token.serial,
            with_code=token is not None,
            secrets=_secrets(parameters, signer),
        )
        with translated(call):
            return read(self._repeated(getattr(client, method), parameters, SENDS if token is not None else 1))

    def _repeated(self, send: Callable[..., dict[str, Any]], parameters: dict[str, Any], times: int) -> dict[str, Any]:
        """Send, and send again only what has not left this machine: a code in it counts once (RFC 6238, 5.2)."""
        sent = 1
        while True:
            try:
                return send(**parameters)
            except Exception as error:
                if sent >= times or not was_not_sent(error):
                    raise
            sent += 1
            self.sleep(PAUSE)

    def _client(self, signer: Credentials, *, once: bool) -> Any:
        config = Config()
        if once:
            config = Config(read_timeout=self.session.timeout, retries={"total_max_attempts": 1})
        return self.session.create_client(
            "sts",
            aws_access_key_id=signer.access_key_id,
            aws_secret_access_key=signer.secret_access_key,
            aws_session_token=signer.session_token,
            config=config,
        )


def caller(
    credentials: Credentials,
    environ: Environ,
    profiles: Profiles | None = None,
    *,
    region: str | None = None,
    profile: str | None = None,
    timeout: float = TIMEOUT,
) -> Principal:
    """Ask AWS who *credentials* belong to.

    Args:
        credentials: Any credentials, such as those of the environment.
        environ: The environment of the caller.
        profiles: For the endpoint, the CA bundle and the like; None: the environment alone tells them.
        region: Where to ask; None: botocore's choice.
        profile: The profile whose settings count.
        timeout: Seconds that the call may take.

    Raises:
        SourceError: AWS does not take the key.
        UnreachableError: There is no answer.
    """
    session = open_session(profiles, environ, profile=profile, region=region, timeout=timeout)
    return Sts(session).identity(Call(), credentials)


def _role_parameters(hop: AssumeRole) -> dict[str, Any]:
    optional = {
        "ExternalId": hop.external_id,
        "DurationSeconds": hop.duration,
        "SourceIdentity": hop.source_identity,
        "Policy": hop.policy,
        "Tags": [{"Key": key, "Value": value} for key, value in hop.tags] or None,
        "TransitiveTagKeys": list(hop.transitive_tags) or None,
        "PolicyArns": [{"arn": arn} for arn in hop.policy_arns] or None,
    }
    return {
        "RoleArn": str(hop.role),
        "RoleSessionName": hop.session_name,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _secrets(parameters: dict[str, Any], signer: Credentials) -> tuple[str, ...]:
    known = (
        parameters.get("ExternalId"),
        parameters.get("TokenCode"),
        signer.secret_access_key,
        signer.session_token,
    )
    return tuple(secret for secret in known if secret)


def _credentials(answer: dict[str, Any]) -> Credentials:
    """Return the credentials of an answer, all four of them there: botocore takes an empty result for a success."""
    given = answer["Credentials"]
    expiration = given["Expiration"]
    if not isinstance(expiration, datetime):
        raise TypeError
    return Credentials(
        access_key_id=_text(given, "AccessKeyId"),
        secret_access_key=_text(given, "SecretAccessKey"),
        session_token=_text(given, "SessionToken"),
        expiration=expiration.astimezone(timezone.utc),
    )


def _principal(answer: dict[str, Any], *, has_token: bool) -> Principal:
    arn = _text(answer, "Arn")
    if arn.count(":") < 5:  # noqa: PLR2004 - an ARN has six parts
        raise KeyError("Arn")
    return Principal(arn, user_id=answer.get("UserId"), has_token=has_token)


def _text(answer: dict[str, Any], field: str) -> str:
    value = answer[field]
    if not isinstance(value, str) or not value:
        raise KeyError(field)
    return value
