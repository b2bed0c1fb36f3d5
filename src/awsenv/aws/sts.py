"""The Security Token Service: roles, MFA sessions, and the principal of a key."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore import xform_name
from botocore.config import Config

from awsenv.aws.network import may_be_repeated
from awsenv.aws.request import IDENTITY, request
from awsenv.aws.sdk import SdkSession
from awsenv.aws.translate import connect, translated
from awsenv.errors import UnreachableError
from awsenv.iam.principal import Principal
from awsenv.model import Credentials, GetSessionToken, Source
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.aws.denial import Denial
    from awsenv.aws.request import Request, Token
    from awsenv.aws.session import AwsSession
    from awsenv.errors import Hint
    from awsenv.model import Hop

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


@dataclass(frozen=True)
class Sts:
    """STS, called with different credentials for each hop."""

    session: AwsSession
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""

    @cached_property
    def sdk(self) -> SdkSession:
        """What makes the clients."""
        return SdkSession(self.session)

    def call(
        self,
        hop: Hop,
        signer: Credentials,
        token: Token | None = None,
        denied_hint: Callable[[Denial | None], Hint | None] = lambda _denial: None,
    ) -> Credentials:
        """Return the credentials of a hop: those of its role, or the MFA session of the signer.

        Args:
            hop: The hop; its role has an account.
            signer: The credentials that sign the request.
            token: The MFA code, for a hop with a device.
            denied_hint: Returns the next step after an AccessDenied, of which AWS has said as much.

        Raises:
            CodeRejected: AWS rejected the code; the next one may be accepted.
            ResponseLost: There is no response, and the code may be used up.
            UnreachableError: The response is about another role, or its keys have expired.
            AwsenvError: Anything else.
        """
        sent = replace(request(hop), denied_hint=denied_hint)
        if isinstance(hop, GetSessionToken):
            made = self._living(self._send(sent, signer, _credentials, token))
            return replace(made, account=signer.account, source=Source("session"))
        made = self._send(sent, signer, _of_role, token)
        assumed = f"arn:{hop.role.partition}:sts::{hop.role.account}:assumed-role/{hop.role.name}/"
        if _role(str(made.arn)) != _role(assumed):
            raise UnreachableError(f"STS answered a request for {hop.role} with {printable(str(made.arn))}", hint=_HINT)
        return replace(self._living(made), account=hop.role.account)

    def identity(self, signer: Credentials) -> Principal:
        """Return the principal of *signer*. This call needs no permission (STS API, GetCallerIdentity).

        Raises:
            SourceError: AWS does not know the key.
            UnreachableError: There is no response.
        """
        return self._send(IDENTITY, signer, partial(_principal, has_token=signer.session_token is not None))

    def check(self) -> None:
        """Check that a request can be sent, without sending one.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        self.session.http().check(self.endpoint())

    def endpoint(self) -> str:
        """Return the URL that requests go to, without sending one.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        return connect(self.sdk, IDENTITY, Credentials("none", "none"))[1].endpoint

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
        self, request: Request, signer: Credentials, read: Callable[[dict[str, Any]], T], token: Token | None = None
    ) -> T:
        """Send a request: with a code once, without one as often as botocore repeats it.

        A code is accepted once (RFC 6238, 5.2): with one, only a request that never left this machine is repeated.
        """
        config, times = None, 1
        if token is not None:
            config, times = Config(retries={"total_max_attempts": 1}), SENDS
        client, request = connect(self.sdk, request.with_code(token), signer, config)
        send = getattr(client, xform_name(request.action.partition(":")[2]))
        with translated(request), self.session.call(f"AWS {request.where}"):
            while True:
                try:
                    return read(send(**request.parameters))
                except Exception as error:
                    times -= 1
                    if not times or not may_be_repeated(error) or self.session.deadline.left() <= PAUSE:
                        raise
                self.sleep(PAUSE)


class Clock:
    """The difference to AWS's clock, from the date of its last response.

    Args:
        sdk: Its calls of STS are watched, including those that fail with a response.
        now: This computer's clock: seconds since the epoch, UTC.
    """

    def __init__(self, sdk: SdkSession, now: Callable[[], float]) -> None:
        self.ahead: float | None = None
        """Seconds that AWS's clock is ahead of this computer's; None: no response had a date."""
        self._now = now
        sdk.register("response-received.sts", self._read)

    def _read(self, response_dict: Any, **_of_botocore: Any) -> None:
        headers = {} if response_dict is None else response_dict["headers"]
        if "age" in headers:
            # The response comes from a cache: its date is old.
            return
        try:
            theirs = parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return
        self.ahead = theirs - self._now()


def _role(arn: str) -> list[str]:
    """Return the account and the role of an assumed-role ARN. The names of roles are not case-sensitive."""
    account, _, name = arn.partition(":assumed-role/")
    return [account, name.partition("/")[0].lower()]


def _credentials(answer: dict[str, Any]) -> Credentials:
    """Return the credentials of a response with all four fields: botocore takes an empty result for a success."""
    fields = answer["Credentials"]
    return Credentials(
        access_key_id=_text(fields, "AccessKeyId"),
        secret_access_key=_text(fields, "SecretAccessKey"),
        session_token=_text(fields, "SessionToken"),
        expiration=fields["Expiration"].astimezone(timezone.utc),
    )


def _of_role(answer: dict[str, Any]) -> Credentials:
    return replace(_credentials(answer), arn=_text(answer["AssumedRoleUser"], "Arn"))


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
