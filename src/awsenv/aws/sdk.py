"""A botocore session over the profiles and the environment of the caller alone, for IAM and SSO."""

from __future__ import annotations

import os
from dataclasses import replace
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigChainFactory
from botocore.credentials import CredentialResolver
from botocore.loaders import Loader, create_loader
from botocore.tokens import TokenProviderChain

from awsenv.aws.connection import PROXY_TLS, TLS, HttpRequest, Unanswered
from awsenv.aws.http import LateError, TooLargeError
from awsenv.aws.proxy import ProxyError
from awsenv.aws.request import without_root
from awsenv.aws.session import AwsSession
from awsenv.config.ini import Setting, nested
from awsenv.config.settings import MOST, WITHOUT_REGION, unusable
from awsenv.wording import listed

if TYPE_CHECKING:
    from awsenv.aws.http import Deadline, Http
    from awsenv.errors import ConfigError
    from awsenv.model import Environ


class BotocoreHttp:
    """Sends the requests of botocore's clients and fetchers through `Http`.

    Args:
        http: Sends the requests.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def send(self, request: Any, **_of_botocore: Any) -> AWSResponse:
        """Return the response to a prepared request.

        Raises:
            ProxyError: The proxy did not pass the request on.
            LateError: The time of the call is over.
            TooLargeError: The response is larger than any response of AWS.
            BotoCoreError: There is no response, and botocore may send the request again.
        """
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        try:
            response = self._http.send(HttpRequest(request.method, request.url, headers, body))
        except (ProxyError, LateError, TooLargeError):
            raise
        except Unanswered as error:
            raise _repeatable(error) from None
        raw = SimpleNamespace(stream=lambda: [response.body])
        return AWSResponse(request.url, response.status, response.headers, raw)


def _repeatable(error: Unanswered) -> Exception:
    """Return the exception that botocore's own HTTP client would raise. After it, botocore may send again."""
    kind = exceptions.EndpointConnectionError
    if error.was_sent:
        is_silent = isinstance(error.error, TimeoutError)
        kind = exceptions.ReadTimeoutError if is_silent else exceptions.ConnectionClosedError
    elif error.stage == TLS:
        kind = exceptions.SSLError
    elif error.stage == PROXY_TLS:
        kind = exceptions.ProxyConnectionError
    url = error.attempt.url
    repeatable: Exception = kind(endpoint_url=url, proxy_url=url, error=error)
    return repeatable


class _Attempts:
    """The attempts of a client's calls.

    Args:
        deadline: The time of each call with all its attempts.
        client: The client.
    """

    _ASKED = 5
    """Seconds that botocore adds to its pause at most, if the response asks for a longer one."""

    def __init__(self, deadline: Deadline, client: Any) -> None:
        self._deadline = deadline
        self._client = client
        self._refusal: Exception | None = None

    def end(self, attempts: int, response: Any, caught_exception: Any, operation: Any, **_of_botocore: Any) -> None:
        """Raise the error of the call if its time may end before the next attempt.

        An error response counts for more than no response to a later attempt. Returning a value is not enough:
        botocore 1.41 would repeat the request at once, until the time is over.
        """
        if attempts == 1:
            self._refusal = None
        asked = 0
        if response is not None:
            http, parsed = response
            if http.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return
            kind = self._client.exceptions.from_code(parsed.get("Error", {}).get("Code"))
            self._refusal = kind(parsed, operation.name)
            asked = self._ASKED if "x-amz-retry-after" in http.headers else 0
        if not self._deadline.allows_after(attempts, asked):
            raise self._refusal or caught_exception


class SdkSession(botocore.session.Session):  # type: ignore[misc] # botocore has no types
    """A botocore session over the files that awsenv has read. It never searches for credentials.

    botocore reads the settings of a profile for FIPS, retries and the like. `AwsSession` looks up endpoints, proxies
    and CA bundles, since botocore would look in the environment of this process, which may be the agent.

    Args:
        session: The profiles, the environment of the caller, and the time limit of a call.
    """

    def __init__(self, session: AwsSession) -> None:
        super().__init__()
        self.session = session
        """What the calls of a command share."""
        self.user_agent_extra = "awsenv"
        self._full_config = session.profiles.for_botocore()
        self._look_up_in(session.environ)
        if session.profile is not None:
            self.set_config_variable("profile", session.profile)
        if session.region is not None:
            self.set_config_variable("region", session.region)
        # botocore would look them up in the environment of this process: `create_client` passes them.
        self.set_config_variable("ignore_configured_endpoint_urls", value=True)
        path = self.get_config_variable("data_path")
        if isinstance(path, dict):
            setting = session.setting("data_path", None)
            assert setting is not None  # noqa: S101 - only a file has nested settings
            raise unusable(setting, "it must be a list of folders")
        self.register_component("data_loader", loader(path))
        # botocore's own chain would end at the role of the machine. Here only a given key signs a request.
        self.register_component("credential_provider", CredentialResolver([]))
        self.register_component("token_provider", TokenProviderChain([]))
        # botocore's default is too short for a long AWSENV_TIMEOUT.
        self.set_default_client_config(Config(read_timeout=MOST))

    @property
    def full_config(self) -> dict[str, Any]:
        """The configuration, from the files that awsenv has read."""
        return self._full_config

    def create_client(self, service_name: str, **kwargs: Any) -> Any:
        """Create a client as botocore does, with the endpoint of the profile or the environment.

        Raises:
            ConfigError: A setting makes requests impossible.
        """
        setting = self.session.endpoint_setting(service_name)
        url = kwargs.pop("endpoint_url", None) or (None if setting is None else setting.value)
        if url is not None and kwargs.get("region_name") is None and self.get_config_variable("region") is None:
            # botocore requires a region beside an endpoint; without an endpoint, this is its default.
            kwargs["region_name"] = WITHOUT_REGION
        # The HTTP client below has the CA bundle.
        kwargs["verify"] = True
        try:
            client = super().create_client(service_name, endpoint_url=url, **kwargs)
        except Exception as error:  # noqa: BLE001 - botocore raises exceptions of many kinds here
            # Nothing was sent: the cause is a setting, or a bug of awsenv.
            raise refused_setting(self) or error from None
        limits = client.meta.config
        is_sent_once = (limits.retries or {}).get("total_max_attempts") == 1
        http = self.session.http(connect=limits.connect_timeout, read=limits.read_timeout, is_sent_once=is_sent_once)
        client.meta.events.register_last("before-send", BotocoreHttp(http).send)
        service = client.meta.service_model.service_id.hyphenize()
        attempts = _Attempts(self.session.deadline, client)
        client.meta.events.register_first(f"needs-retry.{service}", attempts.end)
        return client

    def url_of(self, client: Any) -> str:
        """Return the URL that a client of STS or IAM sends requests to, without a user name and password.

        `client.meta.endpoint_url` can differ: for GovCloud with FIPS it names a host that does not exist.
        """
        operation = {"sts": "get_caller_identity", "iam": "get_user"}[client.meta.service_model.service_name]
        url: str = client.generate_presigned_url(operation)
        return without_root(url.partition("?")[0])

    def _look_up_in(self, environ: Environ) -> None:
        store = self.get_component("config_store")
        # CI systems set variables to an empty text, which botocore would read as a retry mode or a number.
        chains = ConfigChainFactory(session=self, environ={name: value for name, value in environ.items() if value})
        for name, (key, variables, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
            chain = chains.create_config_chain(
                instance_name=name,
                env_var_names=variables if name != "profile" else None,
                config_property_names=key,
                default=default,
                conversion_func=convert,
            )
            store.set_config_provider(name, chain)


def refused_setting(sdk: SdkSession) -> ConfigError | None:
    """Return the setting for which botocore creates no client, as an error; None: it accepts each by itself."""
    for name, (key, variable, _default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        found = sdk.session.setting(key, variable) if isinstance(key, str) else None
        if found is None or (name == "region" and found.value != sdk.get_config_variable(name)):
            continue
        try:
            value = found.value if convert is None else convert(found.value)
        except ValueError:
            return unusable(found, "it must be a whole number")
        alone = SdkSession(AwsSession(None, {}, region=WITHOUT_REGION))
        alone.set_config_variable(name, value)
        try:
            botocore.session.Session.create_client(alone, "sts")
        except Exception as error:  # noqa: BLE001 - the same: a ValueError for a region
            # The text of the exception is never shown, only the allowed values that it carries.
            allowed = getattr(error, "kwargs", {}).get("valid_modes") or ""
            words = allowed.split(", ") if isinstance(allowed, str) else list(allowed)
            least = getattr(error, "kwargs", {}).get("min_value")
            if least is not None:
                return unusable(found, f"it must be {least} or more")
            return unusable(found, f"it must be {listed(words, 'or')}" if allowed else "the AWS SDK does not accept it")
    return _refused_s3(sdk.session)


def _refused_s3(session: AwsSession) -> ConfigError | None:
    """Return the nested setting of S3 for which botocore creates no client at all; None: it accepts them."""
    found = session.setting("s3", None)
    style = nested(found.value).get("addressing_style") if found and found.value.startswith("\n") else None
    try:
        Config(s3={"addressing_style": style})
    except exceptions.InvalidS3AddressingStyleError:
        assert found is not None  # noqa: S101 - without a style there is no error
        origin = replace(found.origin, key="s3, addressing_style")
        return unusable(Setting(str(style), origin), "it must be auto, virtual or path")
    return None


SERVICES = ("sts", "iam", "sso", "sso-oidc", "signin")
"""The services that awsenv calls."""


class LeanLoader(Loader):  # type: ignore[misc] # botocore has no types
    """Loads botocore's own data for the services that awsenv calls, and no more.

    For its first client, botocore reads `endpoints.json`, 1.2 MB, and searches the folders of all its 400 services
    twice: 70 ms with botocore 1.44.5. The endpoints of these services follow from their own rules and from
    `partitions.json`.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return the services that awsenv calls, without a search."""
        return list(SERVICES)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return data and its path as botocore does, but make the endpoints from the partitions."""
        if name != "endpoints":
            data: tuple[Any, str] = super().load_data_with_path(name)
            return data
        partitions, path = super().load_data_with_path("partitions")
        return {"version": 3, "partitions": [_endpoints(entry) for entry in partitions["partitions"]]}, path


_LEAN = LeanLoader()
"""Shared by all sessions, so that an agent reads each file once."""


def loader(data_path: str | None) -> Loader:
    """Return a loader: botocore's own if the user has added data.

    Args:
        data_path: `data_path`, or `AWS_DATA_PATH`.
    """
    if data_path is not None or os.path.isdir(Loader.CUSTOMER_DATA_PATH):  # noqa: PTH112 - it is a string
        return create_loader(data_path)
    return _LEAN


_HOST = "{service}.{region}.{dnsSuffix}"


def _endpoints(partition: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of `endpoints.json` for a partition. botocore takes the host names from its rules instead."""
    outputs, everywhere = partition["outputs"], f"{partition['id']}-global"
    plain, dual = outputs["dnsSuffix"], outputs["dualStackDnsSuffix"]
    variants = (["fips"], plain), (["dualstack"], dual), (["dualstack", "fips"], dual)
    # The region that requests without a region are signed for.
    endpoint = {"credentialScope": {"region": outputs["implicitGlobalRegion"]}}
    without_region = {"partitionEndpoint": everywhere, "endpoints": {everywhere: endpoint}}
    # Only the first partition has an STS without a region.
    sts = {"sts": without_region} if partition["id"] == "aws" else {}
    return {
        "partition": partition["id"],
        "dnsSuffix": plain,
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "defaults": {
            "hostname": _HOST,
            "protocols": ["https"],
            "signatureVersions": ["v4"],
            "variants": [{"tags": tags, "hostname": _HOST, "dnsSuffix": suffix} for tags, suffix in variants],
        },
        "services": {"iam": {**without_region, "isRegionalized": False}, **sts},
    }
