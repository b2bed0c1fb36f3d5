"""The Security Token Service: roles, MFA sessions, and the principal of a key.

Nothing else sends its requests. botocore is not used: its client takes longer to load than the call takes.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import cached_property, partial

from awsenv.aws import query, settings, signature
from awsenv.aws.attempts import Attempts
from awsenv.aws.clock import Clock
from awsenv.aws.connection import HttpRequest, Unanswered
from awsenv.aws.fields import instant
from awsenv.aws.http import LateError, TooLargeError
from awsenv.aws.network import may_be_repeated, no_response, not_of_aws
from awsenv.aws.proxy import ProxyError
from awsenv.aws.request import IDENTITY, NOBODY, Request, form, request
from awsenv.errors import SourceError, UnreachableError
from awsenv.iam.principal import Principal
from awsenv.model import Credentials, GetSessionToken, Source
from awsenv.record import replace
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from awsenv.aws.denial import Denial
    from awsenv.aws.query import ErrorResponse
    from awsenv.aws.request import Token
    from awsenv.aws.response import Response
    from awsenv.aws.session import AwsSession
    from awsenv.aws.settings import ClientSettings
    from awsenv.errors import AwsenvError, Hint
    from awsenv.model import GetScopedCredentials, Hop

    T = TypeVar("T")

SENDS = 3
"""How often a request with a code is tried, as long as no byte of it is sent."""

PAUSE = 1.0
"""Seconds between these attempts."""

_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_NO_SUCCESS = 300
"""The first HTTP status that is not a success. Redirects are not followed."""

_HINT = "check endpoint_url, AWS_ENDPOINT_URL and the proxy: AWS never sends this response"


_IN_FLIGHT = 10.0
"""Seconds that a request takes at most, as a rule, and by which two clocks may differ."""


class Sts:
    """STS, called with different credentials for each hop.

    Args:
        session: What the calls share.
        sleep: Pauses between two attempts.
        clock: The clock that requests are signed by; None: this computer's.
    """

    def __init__(
        self, session: AwsSession, sleep: Callable[[float], None] = time.sleep, clock: Clock | None = None
    ) -> None:
        self.session = session
        self.clock = clock or Clock()
        self._sleep = sleep

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
            denied_hint: Returns the next step after an AccessDenied with this reason of AWS.

        Raises:
            CodeRejected: AWS rejected the code; the next one may be accepted.
            ResponseLost: There is no response, and the code may be used up.
            UnreachableError: The response is about another role, or its keys have expired.
            AwsenvError: Anything else.
        """
        sent = replace(request(hop), denied_hint=denied_hint)
        if isinstance(hop, GetSessionToken):
            credentials = self._unexpired(self._send(sent, signer, _credentials, token))
            return replace(credentials, account=signer.account, source=Source("session"))
        credentials = self._send(sent, signer, _of_role, token)
        assumed = f"arn:{hop.role.partition}:sts::{hop.role.account}:assumed-role/{hop.role.name}/"
        if _role(str(credentials.arn)) != _role(assumed):
            raise UnreachableError(f"STS returned {printable(str(credentials.arn))} instead of {hop.role}", hint=_HINT)
        return replace(self._unexpired(credentials), account=hop.role.account)

    def narrow(
        self,
        call: GetScopedCredentials,
        signer: Credentials,
        denied_hint: Callable[[Denial | None], Hint | None] = lambda _denial: None,
    ) -> Credentials:
        """Return the credentials of *signer* narrowed: they end with those at the latest.

        Args:
            call: What narrows them.
            signer: Temporary credentials.
            denied_hint: As for `call`.

        Raises:
            SourceError: They are those of a user.
            AwsenvError: Anything else.
        """
        if signer.session_token is None:
            fact = "AWS narrows temporary credentials only, and these are the access key of a user"
            raise SourceError(fact, *call.origins.values(), hint="narrow a role, or an MFA session: --mfa-serial ARN")
        if signer.expiration is not None and call.duration is not None:
            rest = signer.expiration.timestamp() - self.clock.aws()
            if rest - _IN_FLIGHT < call.duration:  # AWS refuses more than what is left
                call = replace(call, duration=None)
        if call.duration is None and call.policy is None:
            return signer
        sent = replace(request(call), denied_hint=denied_hint)
        narrowed = self._unexpired(self._send(sent, signer, _credentials, client=self._regional))
        return replace(narrowed, account=signer.account, arn=signer.arn, source=signer.source)

    def identity(self, signer: Credentials) -> Principal:
        """Return the principal of *signer*. The call needs no permission (STS API, GetCallerIdentity).

        Raises:
            SourceError: AWS does not know the key.
            UnreachableError: There is no response.
        """
        return self._send(IDENTITY, signer, partial(_principal, has_token=signer.session_token is not None))

    def web_identity(
        self, parameters: Mapping[str, Any], refused: Callable[[ErrorResponse], AwsenvError]
    ) -> Credentials:
        """Return the credentials of a role for the token of an identity provider. The call is not signed.

        Args:
            parameters: The parameters of AssumeRoleWithWebIdentity.
            refused: Returns the error for an error response.

        Raises:
            UnreachableError: There is no response.
            AwsenvError: What *refused* returns.
        """
        sent = Request("sts:AssumeRoleWithWebIdentity", parameters)
        credentials = self._unexpired(self._send(sent, NOBODY, _of_role, refused=refused))
        return replace(credentials, account=_role(str(credentials.arn))[0].rpartition(":")[2] or None)

    def prepare(self) -> None:
        """Check that a request can be sent, and open a connection for it, without sending anything.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        http, url = self.session.http(), self.endpoint()
        http.check(url)
        http.open_early(url)

    def endpoint(self, *, is_regional: bool = False) -> str:
        """Return the URL that requests go to, without sending one.

        Args:
            is_regional: Whether the global endpoint does not serve them.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        return (self._regional if is_regional else self._client).url

    @cached_property
    def _client(self) -> ClientSettings:
        return settings.client_settings(self.session)

    @cached_property
    def _regional(self) -> ClientSettings:
        """The settings for what the global endpoint does not serve (API reference of STS, GetScopedCredentials)."""
        return settings.client_settings(self.session, is_regional=True)

    def _unexpired(self, credentials: Credentials) -> Credentials:
        """Return *credentials* if they have not expired.

        Raises:
            UnreachableError: They have expired. AWS grants no credentials for less than 15 minutes.
        """
        now = datetime.fromtimestamp(self.clock.aws(), timezone.utc)
        if credentials.expiration is not None and credentials.expiration <= now:
            ended = f"{credentials.expiration:%Y-%m-%d %H:%M:%S}"
            raise UnreachableError(
                f"STS returned credentials that expired at {ended} UTC, and it is {now:%Y-%m-%d %H:%M:%S} UTC",
                hint=_HINT,
            )
        return credentials

    def _send(
        self,
        request: Request,
        signer: Credentials,
        read: Callable[[dict[str, Any]], T],
        token: Token | None = None,
        *,
        refused: Callable[[ErrorResponse], AwsenvError] | None = None,
        client: ClientSettings | None = None,
    ) -> T:
        """Send a request until there is a response, and return what *read* makes of its result.

        AWS accepts a code once (RFC 6238, 5.2), so a request with a code is repeated only if no byte of it was sent.
        """
        client = client or self._client
        request = replace(request.with_code(token), endpoint=client.url, configured=client.configured, signer=signer)
        action = request.action.partition(":")[2]
        attempts = Attempts(client.attempts, client.retry_mode, self.session.deadline)
        with self.session.call(f"AWS {request.where}"):
            response = self._response(request, client, attempts, refused)
            try:
                return read(query.result(response, action))
            except (LookupError, TypeError, ValueError):
                # The cause may hold a secret: it is not passed on.
                raise not_of_aws(request) from None

    def _response(
        self,
        request: Request,
        client: ClientSettings,
        attempts: Attempts,
        refused: Callable[[ErrorResponse], AwsenvError] | None,
    ) -> Response:
        """Return the successful response to a request, after as many attempts as are allowed.

        Raises:
            AwsenvError: There is none. An error response counts for more than no response to a later attempt.
        """
        http = self.session.http(
            connect=client.connect_timeout, read=client.read_timeout, is_sent_once=request.serial is not None
        )
        refusal: AwsenvError | None = None
        is_new = False
        while True:
            attempts.made += 1
            try:
                response = http.send(self._http_request(request, client), is_new=is_new)
            except Unanswered as error:
                pause = self._pause_without(error, request, attempts)
                if pause is None:
                    # The cause may hold a secret: it is not passed on.
                    raise refusal or no_response(error, request) or not_of_aws(request) from None
            else:
                self.clock.read(response.headers)
                if response.status < _NO_SUCCESS:
                    return response
                from awsenv.aws.refusal import refusal_of  # noqa: PLC0415 - only where AWS refuses

                found = query.error_in(response)
                refusal = refusal_of(found, request) if refused is None else refused(found)
                pause = None if request.serial is not None else self._pause_after(found, response, attempts)
                if pause is None:
                    raise refusal
            # If the network has lost one of the kept connections, it has lost all, perhaps without a sign.
            is_new = True
            self._sleep(pause)

    def _http_request(self, request: Request, client: ClientSettings) -> HttpRequest:
        """Return the HTTP request, signed for now."""
        body = form(request.action.partition(":")[2], request.parameters)
        headers = {"Content-Type": _FORM, "User-Agent": client.user_agent}
        if request.signer is not NOBODY:
            headers = signature.signed(
                "POST",
                client.url,
                headers,
                body,
                signer=request.signer,
                service="sts",
                region=client.signing_region,
                now=self.clock.aws(),
            )
        return HttpRequest("POST", client.url, headers, body)

    def _pause_without(self, error: Unanswered, request: Request, attempts: Attempts) -> float | None:
        """Return the seconds until the next attempt after one without a response; None: there is none."""
        if error.was_kept and request.serial is None:
            # The peer closed the connection before it saw the request.
            attempts.made -= 1
            return 0.0
        if request.serial is None:
            return None if _is_final(error) else attempts.pause_without_response()
        is_allowed = attempts.made < SENDS and self.session.deadline.left() > PAUSE
        return PAUSE if is_allowed and may_be_repeated(error) else None

    def _pause_after(self, found: ErrorResponse, response: Response, attempts: Attempts) -> float | None:
        """Return the seconds until the next attempt after an error response; None: there is none."""
        from awsenv.aws.refusal import is_of_time  # noqa: PLC0415 - the same

        if is_of_time(found) and self.clock.correct():
            return 0.0
        return attempts.pause_after_error(found.code, found.status, response.headers)


def _is_final(error: Unanswered) -> bool:
    """Return whether another attempt would fail alike. botocore tries again after a wrong certificate, too."""
    if isinstance(error, (LateError, TooLargeError, ProxyError)):
        return True
    from ssl import SSLCertVerificationError  # noqa: PLC0415 - large, and seldom needed

    return isinstance(error.error, SSLCertVerificationError)


def _role(arn: str) -> list[str]:
    """Return the account and the role of an assumed-role ARN. Role names are not case-sensitive."""
    account, _, name = arn.partition(":assumed-role/")
    return [account, name.partition("/")[0].lower()]


def _credentials(result: dict[str, Any]) -> Credentials:
    """Return the credentials in a result. All four fields must be there: botocore accepts an empty result."""
    fields = result["Credentials"]
    return Credentials(
        access_key_id=_text(fields, "AccessKeyId"),
        secret_access_key=_text(fields, "SecretAccessKey"),
        session_token=_text(fields, "SessionToken"),
        expiration=instant(fields["Expiration"]),
    )


def _of_role(result: dict[str, Any]) -> Credentials:
    return replace(_credentials(result), arn=_text(result["AssumedRoleUser"], "Arn"))


def _principal(result: dict[str, Any], *, has_token: bool) -> Principal:
    arn = _text(result, "Arn")
    if arn.count(":") < 5:  # noqa: PLR2004 - an ARN has six parts
        raise KeyError("Arn")
    return Principal(arn, user_id=result.get("UserId"), has_token=has_token)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise KeyError(name)
    return value
