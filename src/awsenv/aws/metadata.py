"""Credentials of a container or an EC2 instance, over HTTP without a signature, and the reason if there are none."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import credentials as providers
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.utils import (
    ContainerMetadataFetcher,
    InstanceMetadataFetcher,
    parse_timestamp,
    resolve_imds_endpoint_mode,
)

from awsenv.aws.fields import kind_of, token_of, wrong_field
from awsenv.aws.http import unanswered
from awsenv.aws.network import no_response
from awsenv.aws.proxy import ending
from awsenv.aws.request import Request
from awsenv.aws.sdk import BotocoreHttp, SdkSession
from awsenv.config.ini import Setting
from awsenv.config.settings import is_url, unusable
from awsenv.errors import AGAIN, AwsenvError, ConfigError, Origin, SourceError
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from contextlib import ExitStack

    from awsenv.aws.session import AwsSession
    from awsenv.errors import Hint
    from awsenv.model import Source


_FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - the name of a variable


class _Recorder:
    """An HTTP client that remembers the last response: botocore's fetchers hide why they failed."""

    def __init__(self, http: BotocoreHttp) -> None:
        self._http = http
        self.token: AWSResponse | Exception | None = None
        """The response, or the exception, to the request for a token of the metadata service; None: no request."""
        self.last: AWSResponse | Exception | None = None
        """The response, or the exception, to the last request; None: no request."""
        self.path = ""
        """The path of the last request."""

    def send(self, request: Any) -> AWSResponse:
        """Send a request as `BotocoreHttp.send` does."""
        self.path = urlsplit(request.url).path
        try:
            self.last = self._http.send(request)
        except Exception as error:
            self.last = error
            raise
        finally:
            if request.method == "PUT":
                self.token = self.last
        return self.last


class Container:
    """The provider of the endpoint of a container."""

    def __init__(self, _source: Source, session: AwsSession, _until: ExitStack) -> None:
        seconds = ContainerMetadataFetcher.TIMEOUT_SECONDS
        self._recorder = _Recorder(BotocoreHttp(session.http(connect=seconds, read=seconds)))
        self._session = session
        self._environ = dict(session.environ)
        self._variable = _FULL if self._environ.get(_FULL) else _RELATIVE
        self._token = f"{_TOKEN}_FILE" if self._environ.get(f"{_TOKEN}_FILE") else _TOKEN

    def load(self) -> Any:
        """Return the credentials.

        Raises:
            AwsenvError: There are none.
        """
        name, token = self._token, self._environ.get(self._token, "")
        if name != _TOKEN:
            self._environ[name] = self._session.absolute(token)
            token = token_of(Setting(self._environ[name], Origin(name))).decode()
        if "\n" in token or "\r" in token:
            fact = f"the token of {name} has a line break, and no SDK sends it"
            raise SourceError(fact, Origin(name), hint="remove the line break")
        if not token.isascii():
            fact = f"the token of {name} has a character that no SDK sends"
            raise SourceError(fact, Origin(name), hint=f"correct {name}")
        if not self._environ.get(self._variable):
            fact = "no variable names the credentials endpoint of a container"
            raise SourceError(fact, hint="run awsenv in a container of ECS or EKS")
        uri = Setting(self._environ[self._variable], Origin(self._variable))
        if self._variable == _FULL and not is_url(uri.value):
            raise unusable(uri, "it must be a URL of http or https")
        fetcher = ContainerMetadataFetcher(self._recorder, sleep=self._pause)
        try:
            loaded = providers.ContainerProvider(environ=self._environ, fetcher=fetcher).load()
        except AwsenvError:
            raise
        except Exception as error:  # noqa: BLE001 - a bare KeyError is how botocore misses a field
            raise self._explained(uri) or error from None
        # botocore accepts any values.
        if fault := self._explained(uri):
            raise fault
        return loaded

    def _pause(self, seconds: float) -> None:
        """Pause before another attempt, if that may help."""
        last = self._recorder.last
        if not isinstance(last, AWSResponse) or last.status_code >= 500:  # noqa: PLR2004 - HTTP's server errors
            self._session.sleep(seconds)

    def _explained(self, uri: Setting) -> AwsenvError | None:
        """Return why the endpoint at *uri* gives no credentials; None: its response does not show it."""
        issuer, last = "the credentials endpoint of the container", self._recorder.last
        name, origin = uri.origin.name, uri.origin
        if last is None and name == _RELATIVE:
            fact = f"{name} is {quoted(uri.value)}: it must begin with /"
            return ConfigError(fact, origin, hint=f"correct {name}, which the container sets")
        if last is None:
            # Otherwise a token would go to any host in plain text.
            hint = "use https://, or http:// with the address of a loopback, ECS or EKS"
            return SourceError(f"{name} names a host that no SDK calls without TLS", origin, hint=hint)
        if isinstance(last, Exception):
            return no_response(last, Request(configured=origin))
        if last.status_code != HTTPStatus.OK:
            is_token = last.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            hint = f"check {self._token if is_token and self._environ.get(self._token) else name}"
            return SourceError(f"{issuer} answers with HTTP {last.status_code}", origin, hint=(hint, AGAIN))
        what = missing_in(last.content)
        return SourceError(f"{issuer} sent {what}", origin, hint=f"check {name}") if what else None


def missing_in(body: bytes) -> str | None:
    """Return what is wrong with a JSON object of temporary credentials; None: nothing."""
    try:
        fields = json.loads(body)
    except ValueError:
        return "text that is not JSON"
    if not isinstance(fields, dict):
        return f"{kind_of(fields)} instead of an object"
    if fault := wrong_field(fields, ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")):
        return fault
    try:
        parse_timestamp(fields["Expiration"])
    except ValueError:
        return "an Expiration that is not a time"
    return None


_ROLES = "/security-credentials/"
_OPTIONS = "aws ec2 modify-instance-metadata-options --instance-id ID"
_HOPS = "for a container on one, set --http-put-response-hop-limit 2"


def _set(session: AwsSession, key: str) -> Setting:
    """Return the setting of a key of the metadata service that is known to be set."""
    found = session.setting(key, f"AWS_{key.upper()}")
    assert found is not None  # noqa: S101 - the default is never refused
    return found


class Instance:
    """The provider of the role of an EC2 instance."""

    def __init__(self, _source: Source, session: AwsSession, _until: ExitStack) -> None:
        sdk = SdkSession(session)
        setting = sdk.get_config_variable
        self._is_disabled = session.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        for key in ("metadata_service_num_attempts", "metadata_service_timeout"):
            if setting(key) < 1:
                raise unusable(_set(session, key), "it must be 1 or more")
        endpoint = session.setting("ec2_metadata_service_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT")
        self._endpoint = None if endpoint is None else endpoint.origin
        try:
            self._fetcher = InstanceMetadataFetcher(
                num_attempts=setting("metadata_service_num_attempts"),
                env=dict(session.environ),
                user_agent=sdk.user_agent(),
                config={
                    "ec2_metadata_service_endpoint": setting("ec2_metadata_service_endpoint"),
                    "ec2_metadata_service_endpoint_mode": resolve_imds_endpoint_mode(sdk),
                    "ec2_metadata_v1_disabled": setting("ec2_metadata_v1_disabled"),
                },
            )
            seconds = setting("metadata_service_timeout")
            self._recorder = _Recorder(BotocoreHttp(session.http(connect=seconds, read=seconds)))
        except exceptions.InvalidIMDSEndpointError:
            raise unusable(_set(session, "ec2_metadata_service_endpoint"), "it must be a URL") from None
        except exceptions.InvalidIMDSEndpointModeError:
            raise unusable(_set(session, "ec2_metadata_service_endpoint_mode"), "it must be ipv4 or ipv6") from None
        # There is no public way to pass an HTTP client.
        self._fetcher._session = self._recorder  # noqa: SLF001 - see above

    def load(self) -> Any:
        """Return the credentials.

        Raises:
            AwsenvError: There are none.
        """
        try:
            loaded = providers.InstanceMetadataProvider(self._fetcher).load()
        except exceptions.MetadataRetrievalError:
            loaded = None
        if loaded is None:
            fact, hint = self._reason()
            raise SourceError(fact, hint=hint)
        return loaded

    def _reason(self) -> tuple[str, Hint]:
        """Return why the metadata service gave no credentials, and the next step."""
        service, last, role = (
            "the metadata service of EC2",
            self._recorder.last,
            self._recorder.path.partition(_ROLES)[2],
        )
        none = "this EC2 instance has no role", "aws ec2 associate-iam-instance-profile attaches one"
        status, body = (last.status_code, last.content) if isinstance(last, AWSResponse) else (0, b"")
        token = self._recorder.token
        has_token = isinstance(token, AWSResponse) and token.status_code == HTTPStatus.OK
        if self._is_disabled:
            return f"{service} is disabled by AWS_EC2_METADATA_DISABLED", "unset AWS_EC2_METADATA_DISABLED"
        if not status or (status == HTTPStatus.UNAUTHORIZED and not has_token):
            does = "demands a token, and gives none"
            if isinstance(last, Exception):
                missing = unanswered(last)
                does = (ending(missing.error) if missing and missing.was_sent else None) or "does not answer"
            here = "check that this is an EC2 instance"
            hint = (here, _HOPS) if self._endpoint is None else (f"check {self._endpoint.setter}", here)
            return f"{service} {does}", hint
        if not role and (status == HTTPStatus.NOT_FOUND or (status == HTTPStatus.OK and not body)):
            return none
        if status == HTTPStatus.FORBIDDEN:
            return f"{service} is turned off (HTTP 403)", f"{_OPTIONS} --http-endpoint enabled"
        what = f"HTTP {status}"
        if status == HTTPStatus.OK:
            what = missing_in(body) or "something else"
        if not re.fullmatch(r"[\w+=,.@-]+", role, re.ASCII):
            what = "something else" if role else what
            return f"{service} sent {what} instead of the name of a role", AGAIN
        fact = f"{service} sent {what} instead of the keys of role {printable(role)}"
        return fact, ("check that the role trusts ec2.amazonaws.com", AGAIN)
