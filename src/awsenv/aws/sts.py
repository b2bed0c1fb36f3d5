"""The Security Token Service: roles, MFA sessions, and the principal of a key."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore import xform_name
from botocore.config import Config

from awsenv.aws.request import IDENTITY, Request, Token, request
from awsenv.aws.session import TIMEOUT, AwsSession, open_session
from awsenv.aws.translate import Call, connect, translated, was_not_sent
from awsenv.errors import UnreachableError
from awsenv.iam.principal import Principal
from awsenv.model import Credentials
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.config import Profiles
    from awsenv.model import AssumeRole, Environ, GetSessionToken

__all__ = ["Sts", "Token", "caller"]

T = TypeVar("T")

SENDS = 3
"""How often a request with a code is tried, if it does not leave this machine."""

PAUSE = 1.0
"""Seconds between these tries."""

ACCEPTED = 15 * 60
"""Seconds: AWS refuses a request signed with a larger difference (IAM guide, "Signature Version 4")."""

NOTABLE = 4 * 60
"""Seconds: AWS's own SDKs correct a larger difference."""

_HINT = "check endpoint_url, AWS_ENDPOINT_URL and the proxy: AWS never sends this response"


@dataclass(frozen=True, slots=True)
class Sts:
    """STS, called with different credentials for each hop."""

    session: AwsSession
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""

    def assume_role(self, hop: AssumeRole, call: Call, signer: Credentials, token: Token | None) -> Credentials:
        """Assume the role of *hop*.

        Args:
            hop: The hop; its role has an account.
            call: What its errors need to know.
            signer: The credentials that sign the request.
            token: The MFA code, for a hop with a device.

        Raises:
            CodeRejected: AWS rejected the code; the next one may be accepted.
            ResponseLost: There is no response, and the code may be used up.
            UnreachableError: The response is about another role, or its keys have expired.
            AwsenvError: Anything else.
        """
        made, arn = self._send(
            request(hop if token is not None else replace(hop, mfa=None)),
            lambda answer: (_credentials(answer), _text(answer["AssumedRoleUser"], "Arn")),
            call=call,
            signer=signer,
            token=token,
        )
        if _role(arn) != _role(f"arn:{hop.role.partition}:sts::{hop.role.account}:assumed-role/{hop.role.name}/"):
            raise UnreachableError(f"STS answered a request for {hop.role} with {printable(arn)}", hint=_HINT)
        return replace(self._living(made), account=hop.role.account, arn=arn)

    def get_session_token(self, hop: GetSessionToken, call: Call, signer: Credentials, token: Token) -> Credentials:
        """Return the MFA session of a user's key and a code. Raises as `assume_role` does."""
        return self._living(self._send(request(hop), _credentials, call=call, signer=signer, token=token))

    def identity(self, call: Call, signer: Credentials) -> Principal:
        """Return the principal of *signer*. This call needs no permission (STS API, GetCallerIdentity).

        Raises:
            SourceError: AWS does not know the key.
            UnreachableError: There is no response.
        """
        return self._send(
            IDENTITY,
            lambda answer: _principal(answer, has_token=signer.session_token is not None),
            call=call,
            signer=signer,
            token=None,
        )

    def endpoint(self) -> str:
        """Return the URL that requests go to, without sending one.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        return connect(self.session, "sts", Credentials("none", "none"), Call(IDENTITY.action))[1].endpoint

    def _living(self, made: Credentials) -> Credentials:
        """Return *made* if it has not expired.

        Raises:
            UnreachableError: It has expired. AWS grants no credentials for less than 15 minutes.
        """
        now = datetime.fromtimestamp(self.now(), timezone.utc)
        if made.expiration is not None and made.expiration <= now:
            ended = f"{made.expiration:%Y-%m-%d %H:%M:%S}"
            raise UnreachableError(
                f"STS returned credentials that expired at {ended} UTC, and it is {now:%Y-%m-%d %H:%M:%S} UTC",
                hint=_HINT,
            )
        return made

    def _send(
        self,
        request: Request,
        read: Callable[[dict[str, Any]], T],
        *,
        call: Call,
        signer: Credentials,
        token: Token | None,
    ) -> T:
        """Send a request: with a code once, without one as often as botocore repeats it."""
        config = None
        if token is not None:
            request = request.signed_in_with(token)
            config = Config(read_timeout=self.session.timeout, retries={"total_max_attempts": 1})
        call = replace(call, operation=request.action, secrets=request.secrets)
        client, call = connect(self.session, "sts", signer, call, config)
        send = getattr(client, xform_name(request.action.partition(":")[2]))
        with translated(call if token is None else replace(call, serial=token.serial)):
            return read(self._repeated(send, request.parameters, SENDS if token is not None else 1))

    def _repeated(
        self, send: Callable[..., dict[str, Any]], parameters: Mapping[str, Any], times: int
    ) -> dict[str, Any]:
        """Send, and repeat only what never left this machine: a code is accepted once (RFC 6238, 5.2)."""
        sent = 1
        while True:
            try:
                return send(**parameters)
            except Exception as error:
                if sent >= times or not was_not_sent(error):
                    raise
            sent += 1
            self.sleep(PAUSE)


class Clock:
    """The difference to AWS's clock, from the date of its last response.

    Args:
        session: Its calls of STS are watched, including those that fail with a response.
        now: This computer's clock: seconds since the epoch, UTC.
    """

    def __init__(self, session: AwsSession, now: Callable[[], float]) -> None:
        self.ahead: float | None = None
        """Seconds that AWS's clock is ahead of this computer's; None: no response had a date."""
        self._now = now
        session.register("after-call.sts", self._read)

    def _read(self, http_response: Any, **_of_botocore: Any) -> None:
        headers = http_response.headers
        if "age" in headers:
            # The response comes from a cache: its date is old.
            return
        try:
            theirs = parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return
        self.ahead = theirs - self._now()


def caller(
    credentials: Credentials,
    environ: Environ,
    profiles: Profiles | None = None,
    *,
    region: str | None = None,
    profile: str | None = None,
    timeout: float = TIMEOUT,
) -> Principal:
    """Return the principal that *credentials* belong to.

    Args:
        credentials: Any credentials, such as those of the environment.
        environ: The environment of the caller.
        profiles: Set the endpoint, the CA bundle and the like; None: only the environment sets them.
        region: The region to call; None: botocore chooses.
        profile: The profile whose settings apply.
        timeout: Seconds that the call may take.

    Raises:
        SourceError: AWS does not accept the key.
        UnreachableError: There is no response.
    """
    session = open_session(profiles, environ, profile=profile, region=region, timeout=timeout)
    return Sts(session).identity(Call(), credentials)


def _role(arn: str) -> list[str]:
    """Return the account and the role of an assumed-role ARN. The names of roles are not case-sensitive."""
    account, _, name = arn.partition(":assumed-role/")
    return [account, name.partition("/")[0].lower()]


def _credentials(answer: dict[str, Any]) -> Credentials:
    """Return the credentials of a response with all four fields: botocore takes an empty result for a success."""
    fields = answer["Credentials"]
    expiration = fields["Expiration"]
    if not isinstance(expiration, datetime):
        raise TypeError
    return Credentials(
        access_key_id=_text(fields, "AccessKeyId"),
        secret_access_key=_text(fields, "SecretAccessKey"),
        session_token=_text(fields, "SessionToken"),
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
