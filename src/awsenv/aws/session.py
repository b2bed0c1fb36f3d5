"""A botocore session that sees the configuration and the environment it is given, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigChainFactory
from botocore.credentials import CredentialResolver
from botocore.tokens import TokenProviderChain

from awsenv.aws.http import Http
from awsenv.aws.loader import loader
from awsenv.config.text import printable
from awsenv.errors import ConfigError
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.config import Profiles
    from awsenv.model import Environ


WITHOUT_REGION = "us-east-1"
"""What a request to the global endpoint of STS is signed for."""


TIMEOUT = 20.0
"""Seconds that a call may take with all its attempts. botocore's own limits make six minutes of silence."""


class AwsSession(botocore.session.Session):  # type: ignore[misc] # botocore has no types
    """A botocore session over the profiles as awsenv read them, that never looks for credentials by itself.

    What a profile says of endpoints, FIPS, retries and the like is botocore's business. What botocore would look up in
    the environment of the process alone is looked up here: endpoints, proxies, CA bundles. The process may be an agent
    that answers for another.

    Args:
        full_config: The configuration, in the shape of `Session.full_config`.
        environ: The environment of the caller.
        profile: The profile whose settings count; None: `[default]`. `AWS_PROFILE` is not looked at: a chain
            has been resolved already, and a name that does not exist would fail every call.
        region: Where clients are made for that name no region of their own; None: what the profile says.
        timeout: Seconds that a call may take. One that botocore repeats has a quarter of it for each attempt.
        folder: Where the relative path of a CA bundle begins; None: at the working directory of the process.
    """

    def __init__(
        self,
        full_config: Mapping[str, Any],
        environ: Environ,
        *,
        profile: str | None = None,
        region: str | None = None,
        timeout: float = TIMEOUT,
        folder: str | None = None,
    ) -> None:
        super().__init__()
        self.environ = environ
        self.timeout = timeout
        self.user_agent_extra = "awsenv"
        self._full_config = {"profiles": {}, **full_config}
        self.folder = folder
        self._look_up_in(environ)
        if profile is not None and profile in self._full_config["profiles"]:
            self.set_config_variable("profile", profile)
        if region is not None:
            self.set_config_variable("region", region)
        self._endpoints_ignored = bool(self.get_config_variable("ignore_configured_endpoint_urls"))
        # botocore looks them up in the environment of the process: configured_endpoint does it instead.
        self.set_config_variable("ignore_configured_endpoint_urls", value=True)
        self.register_component("data_loader", loader(self.get_config_variable("data_path")))
        # botocore's own chain ends at the machine's own role: here, only what is handed in signs a request.
        self.register_component("credential_provider", CredentialResolver([]))
        self.register_component("token_provider", TokenProviderChain([]))
        self.set_default_client_config(Config(read_timeout=timeout / 4))

    @property
    def full_config(self) -> dict[str, Any]:
        """The configuration, without reading the files again."""
        return self._full_config

    def create_client(self, service_name: str, **kwargs: Any) -> Any:
        """Create a client as botocore does, with what the configuration or the environment says of the way to AWS.

        Raises:
            ConfigError: `services` names a section that is not there.
        """
        endpoint = kwargs.pop("endpoint_url", None) or self.configured_endpoint(service_name)
        if endpoint is not None and kwargs.get("region_name") is None and self.get_config_variable("region") is None:
            # With an endpoint botocore insists on a region; without one it signs for this when there is none.
            kwargs["region_name"] = WITHOUT_REGION
        if kwargs.get("verify") is None:
            kwargs["verify"] = self._ca_bundle() or True
        client = super().create_client(service_name, endpoint_url=endpoint, **kwargs)
        http = self.http(client.meta.config.read_timeout)
        client.meta.events.register("before-call", http.begin)
        client.meta.events.register_last("before-send", http.send)
        return client

    def http(self, read: float | None = None) -> Http:
        """Return what sends the requests of one call. A read may take *read* seconds; None: as long as the call."""
        connect, total = self.timeout / 4, self.timeout
        return Http(self.environ, verify=self._ca_bundle() or True, connect=connect, read=read or total, total=total)

    def fetch(self, url: str) -> Any:
        """Return the answer to a GET of *url* that no key signs. Raises what botocore raises where there is none."""
        return self.http().send(AWSRequest("GET", url, headers={"User-Agent": self.user_agent()}).prepare())

    def _ca_bundle(self) -> str | None:
        """Return the CA bundle of the profile or the environment. An empty name is none (botocore 1.44 refuses it)."""
        bundle = self.get_config_variable("ca_bundle") or self.environ.get("REQUESTS_CA_BUNDLE") or None
        return bundle if bundle is None or self.folder is None else os.path.join(self.folder, bundle)  # noqa: PTH118 - as it is written

    def configured_endpoint(self, service_name: str) -> str | None:
        """Return the URL that the environment or the profile gives for a service.

        botocore's own reading looks in the environment of the process, not in the one at hand. The order is the
        one of the AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
        """
        if self._endpoints_ignored:
            return None
        name = service_name.replace("-", "_")
        scoped = self.get_scoped_config()
        return (
            self.environ.get(f"AWS_ENDPOINT_URL_{name.upper()}")
            or self.environ.get("AWS_ENDPOINT_URL")
            or self._services(scoped).get(name, {}).get("endpoint_url")
            or scoped.get("endpoint_url")
        )

    def _services(self, scoped: Mapping[str, Any]) -> Mapping[str, Any]:
        section = scoped.get("services")
        if section is None:
            return {}
        services: Mapping[str, Any] | None = self._full_config.get("services", {}).get(section)
        if services is None:
            raise ConfigError(
                f"there is no section [services {printable(section)}]",
                Origin(f"[profile {printable(self.get_config_variable('profile') or 'default')}], services"),
                hint="add the section, or remove the line services = from the profile",
            )
        return services

    def _look_up_in(self, environ: Environ) -> None:
        store = self.get_component("config_store")
        # CI systems set variables to nothing, which botocore would take for a retry mode or a number.
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


def home(environ: Environ) -> str:
    """Return the home directory as the AWS tools find it."""
    return environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - as botocore spells it


def open_session(
    profiles: Profiles | None,
    environ: Environ,
    *,
    profile: str | None = None,
    region: str | None = None,
    timeout: float = TIMEOUT,
) -> AwsSession:
    """Open the session that serves the calls of one chain. One for a chain: a second client of it costs 3 ms."""
    full_config = {} if profiles is None else profiles.for_botocore()
    folder = None if profiles is None else profiles.folder
    return AwsSession(full_config, environ, profile=profile, region=region, timeout=timeout, folder=folder)


def host_of(url: str) -> str:
    """Return the host of *url*, with its port if it has one, without a user's name and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or url
