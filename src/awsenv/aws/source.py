"""The first credentials of a chain: those that a profile or the environment describes.

botocore's own providers fetch them, one by one and from the one place that the chain names: its chain of providers
would go on to the machine's own role. Of what they refresh nothing is written to disk: botocore would save the
tokens of SSO and the keys of `aws login` (measured on botocore 1.44.5).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import credentials as providers
from botocore.tokens import SSOTokenProvider
from botocore.utils import InstanceMetadataFetcher, resolve_imds_endpoint_mode

from awsenv import environment
from awsenv.aws.session import home
from awsenv.aws.source_errors import renewal, told
from awsenv.config.sources import static_keys
from awsenv.config.within import entered
from awsenv.errors import SourceError
from awsenv.model import Credentials
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.aws.session import AwsSession
    from awsenv.config import Profiles
    from awsenv.model import Environ, Source

TERMINAL = "/dev/tty"


class Overlay:
    """A cache of JSON files that is read and never written: what is saved is kept in memory.

    It has what botocore asks of a cache: `in`, `[]` and `[] =`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Any] = {}

    def __contains__(self, key: str) -> bool:
        """Tell whether there is an entry that can be read."""
        return self._read(key) is not None

    def __getitem__(self, key: str) -> Any:
        """Return an entry.

        Raises:
            KeyError: There is none, or it cannot be read.
        """
        entry = self._read(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def __setitem__(self, key: str, entry: Any) -> None:
        """Keep an entry in memory: it hides the file's."""
        self._kept[key] = entry

    def _read(self, key: str) -> Any:
        if key in self._kept:
            return self._kept[key]
        try:
            return json.loads((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None


def source_credentials(source: Source, session: AwsSession, profiles: Profiles, environ: Environ) -> Credentials:
    """Return the credentials of *source*.

    Args:
        source: Where they come from.
        session: For the calls that some sources make: its endpoints, its CA bundle.
        profiles: What the files say.
        environ: The environment of the caller, without the variables of a role that awsenv has set.

    Raises:
        SourceError: There are none, or they have expired.
        ConfigError: The description of the source is wrong.
        RefusedError: AWS does not give them.
        UnreachableError: Who gives them cannot be reached.
    """
    if source.kind == "static":
        return _static(source, profiles)
    if source.kind == "environment":
        return _from_environment(source, environ)
    with told(source):
        loaded = _PROVIDERS[source.kind](source, session, environ).load()
        if loaded is None:
            raise SourceError(
                "this source has no credentials",
                source.origin,
                hint=renewal(source),
            )
        frozen = loaded.get_frozen_credentials()
        # botocore has no public name for it. None: the credentials are long-lived.
        expiration: datetime | None = getattr(loaded, "_expiry_time", None)
        return Credentials(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token,
            expiration=None if expiration is None else expiration.astimezone(timezone.utc),
            account=getattr(frozen, "account_id", None),
        )


def _static(source: Source, profiles: Profiles) -> Credentials:
    profile = profiles.get(source.profile or "default")
    keys = None if profile is None else static_keys(profile)
    if profile is None or keys is None:
        raise SourceError(
            "the profile holds no access key",
            source.origin,
            hint="set aws_access_key_id and aws_secret_access_key: aws configure",
        )
    return Credentials(
        access_key_id=_key_id(keys.access_key_id, source),
        secret_access_key=keys.secret_access_key,
        session_token=keys.session_token,
        account=_account(profile.value("aws_account_id")),
    )


def _from_environment(source: Source, environ: Environ) -> Credentials:
    key = environment.access_key(environ)
    if key is None:
        raise SourceError(
            "the environment holds no access key",
            Origin("AWS_ACCESS_KEY_ID"),
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    _key_id(key.access_key_id, source)
    return key


def _key_id(text: str, source: Source) -> str:
    """Return an access key id that is one: AWS's answer to another shows it, and it may be the secret key.

    Raises:
        SourceError: It is none. The message does not show it.
    """
    if re.fullmatch(r"\w{16,128}", text, re.ASCII):
        return text
    raise SourceError(
        "the access key id is not one: it may be that the secret key is in its place",
        source.origin,
        hint="an access key id has 20 letters and digits and begins with AKIA or ASIA",
    )


def _account(text: str | None) -> str | None:
    """Return an account id that is one: what is not is left to AWS to tell."""
    return text if text is not None and re.fullmatch("[0-9]{12}", text) else None


def _process(source: Source, session: AwsSession, environ: Environ) -> Any:
    own = environ if source.profile is None else entered(source.profile, environ)
    return providers.ProcessProvider(
        source.profile, lambda: session.full_config, popen=partial(_Command, environ=own, folder=session.folder)
    )


class _Command(subprocess.Popen[bytes]):
    """A `credential_process` that can talk to the person: botocore would swallow the request for a touch or a PIN."""

    def __init__(self, words: list[str], *, environ: Environ, folder: str | None, **_of_botocore: Any) -> None:
        try:
            terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            # Standard input belongs to the command that the role is for.
            super().__init__(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environ, cwd=folder)
            return
        try:
            super().__init__(words, stdin=terminal, stdout=subprocess.PIPE, env=environ, cwd=folder)
        finally:
            os.close(terminal)

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002 - Popen's name
        """Return what it printed. What it complained of went to the person."""
        return super().communicate(input, timeout)[0], b""


def _sso(source: Source, session: AwsSession, environ: Environ) -> Any:
    tokens = Overlay(Path(home(environ), ".aws", "sso", "cache"))
    return providers.SSOProvider(
        load_config=lambda: session.full_config,
        client_creator=session.create_client,
        profile_name=source.profile,
        cache={},
        token_cache=tokens,
        token_provider=SSOTokenProvider(session, cache=tokens, profile_name=source.profile),
    )


def _login(source: Source, session: AwsSession, environ: Environ) -> Any:
    folder = environ.get("AWS_LOGIN_CACHE_DIRECTORY")
    return providers.LoginProvider(
        load_config=lambda: session.full_config,
        client_creator=session.create_client,
        profile_name=source.profile,
        token_cache=Overlay(_expanded(folder, environ) if folder else Path(home(environ), ".aws", "login", "cache")),
    )


def _expanded(path: str, environ: Environ) -> Path:
    return Path(home(environ), path[2:]) if path.startswith("~/") else Path(path)


def _web_identity(source: Source, session: AwsSession, environ: Environ) -> Any:
    if source.profile is None:
        # botocore would read the variables of the process: these are the ones of the caller.
        name = "the environment"
        settings = {
            "web_identity_token_file": environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
            "role_arn": environ.get("AWS_ROLE_ARN"),
            "role_session_name": environ.get("AWS_ROLE_SESSION_NAME"),
        }
    else:
        name = source.profile
        settings = session.full_config["profiles"][name]
    file = settings["web_identity_token_file"]
    if file and session.folder is not None:
        settings = {**settings, "web_identity_token_file": os.path.join(session.folder, file)}  # noqa: PTH118 - text
    return providers.AssumeRoleWithWebIdentityProvider(
        load_config=lambda: {"profiles": {name: settings}},
        client_creator=session.create_client,
        profile_name=name,
        cache={},
        disable_env_vars=True,
    )


def _container(_source: Source, _session: AwsSession, environ: Environ) -> Any:
    return providers.ContainerProvider(environ=environ)


def _instance(_source: Source, session: AwsSession, environ: Environ) -> Any:
    setting = session.get_config_variable
    return providers.InstanceMetadataProvider(
        InstanceMetadataFetcher(
            timeout=setting("metadata_service_timeout"),
            num_attempts=setting("metadata_service_num_attempts"),
            env=dict(environ),
            user_agent=session.user_agent(),
            config={
                "ec2_metadata_service_endpoint": setting("ec2_metadata_service_endpoint"),
                "ec2_metadata_service_endpoint_mode": resolve_imds_endpoint_mode(session),
                "ec2_metadata_v1_disabled": setting("ec2_metadata_v1_disabled"),
            },
        )
    )


_PROVIDERS: Mapping[str, Callable[[Source, AwsSession, Environ], Any]] = {
    "process": _process,
    "sso": _sso,
    "login": _login,
    "web-identity": _web_identity,
    "container": _container,
    "instance": _instance,
}
