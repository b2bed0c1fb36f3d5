"""What the AWS calls of a command share: the settings of a profile, the environment of the caller, the time limit."""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager

from awsenv.aws.connections import Connections
from awsenv.aws.http import Deadline, Http
from awsenv.config.ini import Setting
from awsenv.config.profiles import NO_PROFILES
from awsenv.config.settings import endpoint, has_host_of_sdk, is_url, refused_services, unusable
from awsenv.config.settings import timeout as call_timeout
from awsenv.errors import Origin
from awsenv.model import unseen
from awsenv.record import replace
from awsenv.variables import with_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsenv.config import Profiles
    from awsenv.model import Environ, Waits


class AwsSession:
    """What the calls of a chain share.

    Args:
        profiles: What the files say; None: nothing. A relative path of a CA bundle starts at their folder.
        environ: The environment of the caller.
        profile: The profile whose settings apply; None: `[default]`. `AWS_PROFILE` is ignored: the chain has been
            resolved, and a name that does not exist would fail every call.
        region: The region of clients that name none; None: the region of the profile.
        timeout: Seconds that a call may take with all its attempts; None: as the environment says. botocore's own
            limits add up to six minutes.
        waits: Shows what the command waits for.
        sleep: Pauses between two attempts.
        connections: The connection pool; None: a new one.
    """

    def __init__(
        self,
        profiles: Profiles | None,
        environ: Environ,
        *,
        profile: str | None = None,
        region: str | None = None,
        timeout: float | None = None,
        waits: Waits = unseen,
        sleep: Callable[[float], None] = time.sleep,
        connections: Connections | None = None,
    ) -> None:
        self.connections = connections or Connections()
        self.environ = environ
        self.profiles = profiles or NO_PROFILES
        own = None if profile is None else self.profiles.get(profile)
        self.profile = None if own is None else profile
        self._profile = own or self.profiles.get("default")
        self.region = region
        self.timeout = call_timeout(environ) if timeout is None else timeout
        is_set = timeout is None and environ.get("AWSENV_TIMEOUT")
        self.deadline = Deadline(self.timeout, Origin("AWSENV_TIMEOUT") if is_set else None)
        self.waits = waits
        self.sleep = sleep

    @contextmanager
    def call(self, what: str, seconds: float = 0) -> Iterator[None]:
        """Begin a call: its time starts, and the user sees what the command waits for.

        Args:
            what: The service, for the user.
            seconds: The time limit that a setting of AWS allows, if it is longer than the usual one.
        """
        self.deadline.begin(seconds)
        with self.waits(what):
            yield

    def http(self, *, connect: float = math.inf, read: float = math.inf, is_sent_once: bool = False) -> Http:
        """Return an HTTP client. The arguments are those of `Http`."""
        return Http(
            self.environ,
            bundle=self._ca_bundle(),
            deadline=self.deadline,
            connect=connect,
            read=read,
            is_sent_once=is_sent_once,
            connections=self.connections,
        )

    def _ca_bundle(self) -> Setting | None:
        """Return the CA bundle of the profile or the environment. An empty name is none; botocore 1.44 refuses it."""
        bundle = self.setting("ca_bundle", "AWS_CA_BUNDLE")
        name = "REQUESTS_CA_BUNDLE"
        if not (bundle and bundle.value):
            bundle = Setting(self.environ[name], Origin(name)) if self.environ.get(name) else None
        if bundle is None:
            return None
        return replace(bundle, value=self.absolute(with_home(bundle.value, self.environ)))

    def absolute(self, path: str) -> str:
        """Resolve *path* from the folder of the caller: the agent has another current folder."""
        return os.path.join(self.profiles.folder or "", path)  # noqa: PTH118 - Path() drops "./"

    def setting(self, key: str | None, variable: str | None) -> Setting | None:
        """Return the setting of a variable or, failing that, of a key of the profile; None: neither is set."""
        if variable is not None and self.environ.get(variable):
            return Setting(self.environ[variable], Origin(variable))
        return None if self._profile is None or key is None else self._profile.settings.get(key)

    def endpoint_setting(self, service_name: str) -> Setting | None:
        """Return the endpoint URL that the environment or the profile sets for a service; None: neither does.

        Raises:
            ConfigError: It is not a URL, or what `services` names does not exist or has another form.
        """
        asked = service_name.replace("-", "_"), self._profile, self.profiles, self.environ
        if (refused := refused_services(*asked)) is not None:
            raise refused
        url = endpoint(*asked)
        if url is not None and not is_url(url.value):
            raise unusable(url, "it must be a URL of http or https")
        if url is not None and not has_host_of_sdk(url.value):
            raise unusable(url, "its host name is not valid for the AWS SDK")
        return url
