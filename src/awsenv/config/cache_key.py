"""Cache keys, under which the agent holds credentials: equal only where AWS would return the same credentials.

A cache key is a digest, which reveals nothing of its input.
"""

from __future__ import annotations

from collections.abc import Mapping

from awsenv.config.settings import endpoint
from awsenv.config.sources import KINDS, access_key
from awsenv.record import fields, is_dataclass
from awsenv.variables import having

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Chain, Environ, Source

_FOR_MESSAGES = frozenset({"notes", "origins", "origin"})
"""Fields that are for messages only."""


def source_key(source: Source, profiles: Profiles, environ: Environ) -> str:
    """Return the cache key of the credentials that a chain begins with.

    Args:
        source: Where they come from. Its kind, all settings of its profile and its SSO session count.
        profiles: The profiles of the two files.
        environ: The original environment of the caller. The variables that this kind of source reads count.
    """
    profile = None if source.profile is None else profiles.get(source.profile)
    return _digest(
        "source",
        source,
        access_key(source, profiles, environ),
        profile,
        profile and profiles.sso_session(profile.value("sso_session") or ""),
        _variables(having(source.kind), environ),
        profiles.folder if _begins_here(source, profile, environ) else None,
    )


def mfa_session_key(chain: Chain, serial: str, profiles: Profiles, environ: Environ) -> str:
    """Return the cache key of the MFA session of a chain's source, which all roles of that source and device share.

    The same access key is the same source, in whichever file or variable it is set.

    Args:
        chain: The chain of a login, or of a role.
        serial: The device; empty: any device.
        profiles: The profiles of the two files.
        environ: As for `source_key`. The endpoint of STS, which the chain's profile can also set, counts too.
    """
    own = access_key(chain.source, profiles, environ) or source_key(chain.source, profiles, environ)
    serving = profiles.get(chain.settings_profile or "default")
    url = endpoint("sts", serving, profiles, environ)
    return _digest("session", own, serial, None if url is None else url.value)


def way_key(chain: Chain, profiles: Profiles, environ: Environ) -> str:
    """Return the digest of what, besides the endpoint, decides who answers in the name of AWS: proxies and CA bundles.

    The arguments are those of `role_key`.
    """
    serving = profiles.get(chain.settings_profile or "default")
    bundles = _variables(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), environ)
    bundles["ca_bundle"] = (serving and serving.value("ca_bundle")) or ""
    begins_here = any(path and not path.startswith(("/", "~")) for path in bundles.values())
    proxies = _variables((name for name in environ if name.lower().endswith("_proxy")), environ)
    return _digest("way", bundles, proxies, profiles.folder if begins_here else None)


def role_key(chain: Chain, profiles: Profiles, environ: Environ) -> str:
    """Return the cache key of the credentials that a chain ends with.

    All that is sent to AWS counts, and all that selects an endpoint: the source, every field of a hop and of what
    narrows its credentials, the region, the settings of the chain's profile, and every AWS variable. The name in the
    request does not count.
    """
    serving = profiles.get(chain.settings_profile or "default")
    return _digest(
        "role",
        source_key(chain.source, profiles, environ),
        chain.hops,
        chain.scoped,
        chain.region,
        serving,
        serving and profiles.services(serving.value("services") or ""),
        _variables((name for name in environ if name.startswith("AWS_")), environ),
    )


def _digest(*parts: Any) -> str:
    from hashlib import blake2b  # noqa: PLC0415 - it loads OpenSSL, and only an agent needs a key

    return blake2b(repr(_facts(parts)).encode(), digest_size=16).hexdigest()


def _facts(value: Any) -> Any:
    """Return a value as tuples, whose representation is unambiguous. They hold secrets, which a repr leaves out."""
    if is_dataclass(value):
        known = (each.name for each in fields(value) if each.name not in _FOR_MESSAGES)
        return (type(value).__name__, *((name, _facts(getattr(value, name))) for name in known))
    if isinstance(value, Mapping):
        return tuple(sorted((key, _facts(each)) for key, each in value.items()))
    return tuple(map(_facts, value)) if isinstance(value, tuple) else value


def _variables(names: Iterable[str], environ: Environ) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}


def _begins_here(source: Source, profile: Profile | None, environ: Environ) -> bool:
    """Return whether the source depends on the working directory: a command or a file with a relative path."""
    kind = KINDS[source.kind]
    command = (profile and profile.value(kind.command)) or ""
    file = (profile and profile.value(kind.file)) or environ.get(f"AWS_{kind.file.upper()}")
    relative = (word for word in command.split()[:1] if "/" in word and not word.startswith("/"))
    return "./" in command or any(relative) or not (file or "/").startswith("/")
