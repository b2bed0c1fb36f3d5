"""Settings of a profile that every AWS tool also reads from a variable: endpoints, FIPS, retries and the like.

awsenv calls STS with the settings of the role's profile. A command that runs with the role selects no profile, so
awsenv passes the settings on as variables.
"""

from __future__ import annotations

import re
from contextlib import suppress

from awsenv import duration
from awsenv.config import ini, sources
from awsenv.config.headers import did_you_mean
from awsenv.config.ini import Setting
from awsenv.errors import ConfigError, Origin, UsageError
from awsenv.model import Note
from awsenv.record import replace
from awsenv.variables import SERVICE_ENDPOINT, SETTING, having
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Chain, Environ

_ENDPOINT = "AWS_ENDPOINT_URL"
_DEFAULT = "default"
_LONGEST_HOST = 255
_NESTED = ("s3", "s3api", "cloudwatch")
"""Keys with nested settings for one service."""


WITHOUT_REGION = "us-east-1"
"""The region that a request to the global endpoint of STS is signed for."""

TIMEOUT, MOST = 20.0, 3600
"""Seconds that a call of AWS may take in all, where `AWSENV_TIMEOUT` does not say; and the most that it may say."""


def timeout(environ: Environ) -> float:
    """Return how many seconds a call of AWS may take, with all its attempts.

    Raises:
        UsageError: `AWSENV_TIMEOUT` is not a duration of a second to an hour.
    """
    text = environ.get("AWSENV_TIMEOUT")
    if not text:
        return TIMEOUT
    with suppress(ValueError):
        if 1 <= (seconds := duration.parse(text)) <= MOST:
            return seconds
    fact = f"{quoted(text)} is not a duration of one second to one hour"
    raise UsageError(fact, Origin("AWSENV_TIMEOUT"), hint=("unset AWSENV_TIMEOUT", "export AWSENV_TIMEOUT=30s"))


def endpoint(service: str, profile: Profile | None, profiles: Profiles, environ: Environ) -> Setting | None:
    """Return the URL that the environment or *profile* sets for a service; None: the default endpoint of AWS.

    The order is that of the AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
    """
    if _is_ignored(profile, environ):
        return None
    own = {} if profile is None else dict(_endpoints(profile, profiles, environ))
    names = _names(service)
    variables = [Setting(environ[name], Origin(name)) for name in names if environ.get(name)]
    return next(iter([*variables, *(own[name] for name in names if name in own)]), None)


def refused_services(service: str, profile: Profile | None, profiles: Profiles, environ: Environ) -> ConfigError | None:
    """Return why `services` of *profile* cannot be used for a service; None: it can, or it does not count."""
    setting = None if profile is None else profile.settings.get("services")
    if setting is None or _is_ignored(profile, environ) or any(map(environ.get, _names(service))):
        return None
    section = profiles.services(setting.value)
    if section is None:
        return ConfigError(
            f"there is no section [services {printable(setting.value)}]",
            setting.origin,
            hint=("add the section", "remove the line services = from the profile"),
        )
    own = section.get(service)
    if own is None or own.value.startswith("\n"):
        return None
    return unusable(own, "the URL must be below it, as an indented line endpoint_url = URL")


def _names(service: str) -> tuple[str, str]:
    """Return the variables that set the endpoint of a service, the most specific first."""
    return SERVICE_ENDPOINT + service.upper(), _ENDPOINT


def is_url(text: str) -> bool:
    """Return whether *text* is a URL of HTTP, with a host."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - few settings are URLs

    try:
        parts = urlsplit(text)
        # A stray byte of a variable, which cannot be signed; an empty label, or one of more than 63 characters.
        f"{parts.path}{parts.query}".encode()
        host = (parts.hostname or "").rstrip(".").encode("idna")
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0 and text.split() == [text]
    except ValueError:
        return False


_HOST = r"(?:(?!-)[A-Za-z\d-]{1,63}(?<!-)\.)*(?!-)[A-Za-z\d-]{1,63}(?<!-)\.?"


def has_host_of_sdk(url: str) -> bool:
    """Return whether botocore sends requests to the host of *url*: a name without `_`, or an address.

    The rules are those of `is_valid_endpoint_url` and `is_valid_ipv6_endpoint_url` of `botocore.utils`.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415 - few settings are URLs

    host = urlsplit(url).hostname or ""
    if ":" not in host:
        return len(host) <= _LONGEST_HOST and re.fullmatch(_HOST, host, re.ASCII) is not None
    from ipaddress import IPv6Address  # noqa: PLC0415 - the same

    with suppress(ValueError):
        return bool(IPv6Address(host))
    return False


def without_password(url: str) -> str:
    """Return *url* without what stands before the `@` of its host."""
    return re.sub(r"(^|//)[^/\s]*@", r"\1…@", url)


def unusable(setting: Setting, why: str) -> ConfigError:
    """Return the error of a setting that makes requests impossible.

    Args:
        setting: The setting. Its value is not a secret, but for the password of a URL.
        why: What it is not: `it must be a URL`.
    """
    origin, value = setting.origin, without_password(setting.value)
    name = origin.setter
    fact = f"{name} is {quoted(value) if value else 'empty'}: {why}"
    hint = f"unset {name}" if origin.key is None else f"correct {name}, or remove it"
    if re.search(r"\s[#;]", value):
        hint = "put the comment on a line of its own: here it is a part of the value"
    return ConfigError(fact, origin, hint=hint)


def with_settings(chain: Chain, profiles: Profiles, environ: Environ) -> Chain:
    """Return *chain* with the settings of its profile as variables, and notes on what is lost."""
    profile = profiles.get(chain.settings_profile or _DEFAULT)
    # A command without a profile reads [default].
    if profile is None or profile.name == _DEFAULT:
        return chain
    chain = _with(chain, profile, profiles, environ)
    return replace(chain, setting_notes=tuple(_notes(profile, profiles, environ)))


def without_config_file(chain: Chain, profiles: Profiles, environ: Environ) -> Chain:
    """Return *chain* with the settings of `[default]` as variables, for a command that cannot read the config file."""
    profile = profiles.get(_DEFAULT)
    if profile is None:
        return chain
    region = profile.settings.get("region")
    if chain.region is None and region is not None:
        chain = replace(chain, region=region.value, origins={**chain.origins, "region": region.origin})
    return _with(chain, profile, profiles, environ)


def _with(chain: Chain, profile: Profile, profiles: Profiles, environ: Environ) -> Chain:
    """Return *chain* with those settings of *profile* that neither *chain* nor *environ* sets."""
    have = {name for name, _ in chain.settings}
    found = {
        name: setting for name, setting in _settings(profile, profiles, environ)
        if name not in have and not environ.get(name)
    }  # fmt: skip
    return replace(
        chain,
        settings=(*chain.settings, *((name, setting.value) for name, setting in found.items())),
        origins={**chain.origins, **{name: setting.origin for name, setting in found.items()}},
    )


def _settings(profile: Profile, profiles: Profiles, environ: Environ) -> Iterator[tuple[str, Setting]]:
    for name in having(SETTING):
        setting = profile.settings.get(name.removeprefix("AWS_").lower())
        if name != _ENDPOINT and setting is not None and _is_plain(setting):
            yield name, setting
    # A variable for all services outranks the files.
    if not environ.get(_ENDPOINT):
        found = _endpoints(profile, profiles, environ)
        yield from ((name, setting) for name, setting in found if _is_plain(setting))


def _endpoints(profile: Profile, profiles: Profiles, environ: Environ) -> Iterator[tuple[str, Setting]]:
    """Yield the endpoints of *profile* by the names of their variables, unless a setting says to ignore them."""
    if _is_ignored(profile, environ):
        return
    own = profile.settings.get("endpoint_url")
    if own is not None and own.value:
        yield _ENDPOINT, own
    for service, setting in (profiles.services(profile.value("services") or "") or {}).items():
        url = ini.nested(setting.value).get("endpoint_url") if setting.value.startswith("\n") else None
        if url and re.fullmatch("[a-z0-9_]+", service):
            origin = replace(setting.origin, key=f"{service}, endpoint_url")
            yield SERVICE_ENDPOINT + service.upper(), Setting(url, origin)


def _is_ignored(profile: Profile | None, environ: Environ) -> bool:
    name = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
    own = None if profile is None else profile.value(name.removeprefix("AWS_").lower())
    return (environ.get(name) or own or "").lower() == "true"


def _is_plain(setting: Setting) -> bool:
    return bool(setting.value) and setting.value.isprintable()


def _notes(profile: Profile, profiles: Profiles, environ: Environ) -> Iterator[Note]:
    if (lost := profiles.lost(profile)) is not None:
        fact, setting = lost
        yield Note(fact, setting.origin, hints=(did_you_mean(setting.value, profiles, setting.origin) or "remove it",))
    for key, setting in profile.settings.items():
        if key in _NESTED and setting.value.startswith("\n"):
            yield Note(f"commands do not get these {key} settings, because no variable can carry them", setting.origin)
    default = profiles.get(_DEFAULT)
    if endpoint("", profile, profiles, environ) is None and default is not None:
        for _, setting in _endpoints(default, profiles, environ):
            yield Note("commands use this endpoint with the role, and awsenv does not", setting.origin)


def outranks_endpoint(profiles: Profiles) -> bool:
    """Return whether an SDK would take credentials from the config file instead of a container credentials endpoint.

    In every SDK the profile outranks the endpoint; the profile is `[default]` if none is named.
    """
    keys = profiles.config_keys("default")
    describing = {*sources.KEYS, "credential_source", "role_arn"}
    return any(key in describing or key.startswith("sso_") for key in keys)
