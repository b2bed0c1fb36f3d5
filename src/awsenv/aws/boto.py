"""A session of boto3 that has a role: its credentials are renewed, and its settings are those of the role's profile."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import boto3
import botocore.session
from boto3 import Session
from botocore.configprovider import ConfigChainFactory
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from awsenv import config, variables
from awsenv.config import settings
from awsenv.config.files import config_file, credentials_file
from awsenv.wording import epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from awsenv.model import Credentials

__all__ = ["Session", "default", "session", "set_default"]


def default() -> Session | None:
    """Return the session that `boto3.client` uses; None: it makes one when it is first called."""
    found: Session | None = boto3.DEFAULT_SESSION
    return found


def set_default(session: Session | None) -> None:
    """Let `boto3.client` use *session* from now on."""
    boto3.DEFAULT_SESSION = session


def session(
    environ: Mapping[str, str],
    renew: Callable[[], Credentials],
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Session:
    """Return a session that does what boto3 does in *environ*, the environment of a role, and renews its credentials.

    Args:
        environ: The environment.
        renew: Returns credentials that live for longer than those of *environ*.
        now: The clock.
    """
    return Session(botocore_session=_Session(environ, _Provider(environ, renew, now)))


class _Session(botocore.session.Session):  # type: ignore[misc] # botocore has no types
    """A session of botocore with an environment of its own: that of the process may have another role."""

    def __init__(self, environ: Mapping[str, str], credentials: _Provider) -> None:
        super().__init__()
        self._role_environ, self._role_profiles = environ, config.read(environ)
        chains, store = ConfigChainFactory(self, environ), self.get_component("config_store")
        for name, (key, variable, default, convert) in self.SESSION_VARIABLES.items():
            chain = chains.create_config_chain(name, variable, key, default, convert)
            store.set_config_provider(name, chain)
        self.set_config_variable("config_file", config_file(environ).path)
        self.set_config_variable("credentials_file", credentials_file(environ).path)
        # A profile may have settings that no variable can carry.
        if environ[variables.ROLE] in self.available_profiles:
            self.set_config_variable("profile", environ[variables.ROLE])
        # botocore would look for an endpoint in the environment of the process; `create_client` has it.
        self.set_config_variable("ignore_configured_endpoint_urls", "true")
        self.register_component("credential_provider", CredentialResolver([credentials]))

    def create_client(self, service_name: str, *args: Any, **options: Any) -> Any:
        """Return a client, with the endpoint of its service unless *options* name another one."""
        if options.get("endpoint_url") is None:
            service = self.get_service_model(service_name).service_id.lower().replace(" ", "_")
            profile = self._role_profiles.get(self.profile or "default")
            endpoint = settings.endpoint(service, profile, self._role_profiles, self._role_environ)
            options["endpoint_url"] = None if endpoint is None else endpoint.value
        return super().create_client(service_name, *args, **options)


class _Provider(CredentialProvider):  # type: ignore[misc] # botocore has no types
    """Gives a session its credentials: first those of the environment."""

    METHOD = CANONICAL_NAME = "awsenv"

    def __init__(
        self, environ: Mapping[str, str], renew: Callable[[], Credentials], now: Callable[[], datetime]
    ) -> None:
        super().__init__()
        self._environ, self._renew, self._now = environ, renew, now

    def load(self) -> RefreshableCredentials:
        """Return the credentials. Any thread may use them."""
        ends = epoch(self._environ.get(variables.EXPIRES_EPOCH, ""))
        return RefreshableCredentials(
            *(self._environ.get(name) for name in (*variables.KEY_PAIR, "AWS_SESSION_TOKEN")),
            expiry_time=None if ends is None else datetime.fromtimestamp(ends, timezone.utc),
            refresh_using=self._renewed,
            method=self.METHOD,
            time_fetcher=self._now,
            account_id=self._environ.get(variables.ACCOUNT),
        )

    def _renewed(self) -> dict[str, str | None]:
        made = self._renew()
        return {
            "access_key": made.access_key_id,
            "secret_key": made.secret_access_key,
            "token": made.session_token,
            "expiry_time": made.expires,
            "account_id": made.account,
        }
