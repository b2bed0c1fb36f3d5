"""The keys that the agent holds credentials under: equal where AWS gives the same, different wherever it may not.

An id is a digest. It names an entry in memory, is computed anew by each process, and tells nothing of what went in.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from awsenv.config.settings import endpoint
from awsenv.config.sources import access_key
from awsenv.variables import having

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.config.profiles import Profile, Profiles, Setting
    from awsenv.model import Chain, Environ, Source

_FOR_MESSAGES = frozenset({"notes", "origins", "origin"})
"""Fields that are for messages only."""


def source_id(source: Source, profiles: Profiles, environ: Environ) -> str:
    """Return the id of the first credentials of a chain.

    Args:
        source: Where they come from: its kind, its profile with all that is set in it, its SSO session.
        profiles: What the files say.
        environ: The environment of the caller without what awsenv itself has put there; what counts of it is what this
            kind of source reads.
    """
    profile = None if source.profile is None else profiles.get(source.profile)
    session = None if profile is None else profile.value("sso_session")
    names = () if source.kind == "web-identity" and profile is not None else having(source.kind)
    return _digest(
        "source",
        _facts(source),
        _of(profile),
        None if session is None else _pairs(profiles.sso_session(session)),
        _variables(names, environ),
        profiles.folder if _begins_here(source, profile, environ) else None,
    )


def session_id(chain: Chain, serial: str | None, profiles: Profiles, environ: Environ) -> str:
    """Return the id of the MFA session of a chain's source: the same for every role of that source and device.

    An access key is the same source wherever it stands, and whatever else its profile says.

    Args:
        chain: The chain of a login, or of a role.
        serial: The device; None: whichever it is.
        profiles: What the files say.
        environ: As for `source_id`; what chooses the endpoint of STS counts as well, here and in the profile that
            serves the calls of the chain.
    """
    keys = _keys(chain.source, profiles, environ)
    source = source_id(chain.source, profiles, environ) if keys is None else ("keys", *keys)
    return _digest(
        "session", source, serial, endpoint("sts", profiles.get(chain.settings_profile or "default"), profiles, environ)
    )


def role_id(chain: Chain, profiles: Profiles, environ: Environ) -> str:
    """Return the id of what stands at the end of a chain.

    Everything that AWS gets goes in, and everything that decides which AWS it is: the source, every field of a hop, the
    region, the settings of the profile that serves the calls, and every variable of AWS. What the role is called does
    not.
    """
    serving = profiles.get(chain.settings_profile or "default")
    services = None if serving is None else serving.value("services")
    return _digest(
        "role",
        source_id(chain.source, profiles, environ),
        _facts(chain.hops),
        chain.region,
        _of(serving),
        None if services is None else _pairs(profiles.services(services)),
        _variables((name for name in environ if name.startswith("AWS_")), environ),
    )


def _digest(*parts: Any) -> str:
    """Digest strings, numbers, None and tuples of them, whose representations differ wherever they do."""
    from hashlib import blake2b  # noqa: PLC0415 - it loads OpenSSL, and only an agent needs a key

    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _keys(source: Source, profiles: Profiles, environ: Environ) -> tuple[str | None, ...] | None:
    """Return the access key that *source* is, with its secret and its token; None where it is something else."""
    key = access_key(source, profiles, environ)
    return None if key is None else (key.access_key_id, key.secret_access_key, key.session_token)


def _facts(value: Any) -> Any:
    """Return what a value of `model` says, secrets included, as tuples; a repr would leave them out."""
    if is_dataclass(value):
        known = (
            (each.name, _facts(getattr(value, each.name))) for each in fields(value) if each.name not in _FOR_MESSAGES
        )
        return (type(value).__name__, *known)
    return tuple(map(_facts, value)) if isinstance(value, tuple) else value


def _of(profile: Profile | None) -> Any:
    """Return all that is set in *profile*, and in which of the files: that decides about the kind of a source."""
    if profile is None:
        return None
    return _pairs(profile.settings), tuple(sorted(key for key in profile.settings if profile.is_shared(key)))


def _pairs(settings: Mapping[str, Setting] | None) -> Any:
    return None if settings is None else tuple(sorted((key, setting.value) for key, setting in settings.items()))


def _variables(names: Iterable[str], environ: Environ) -> Any:
    return tuple((name, environ[name]) for name in sorted(names) if name in environ)


def _begins_here(source: Source, profile: Profile | None, environ: Environ) -> bool:
    """Tell whether the source is another one in another folder: a command or a file with a relative path."""
    if source.kind == "process":
        command = (profile and profile.value("credential_process")) or ""
        first = command.split()[:1]
        return "./" in command or any("/" in word and not word.startswith("/") for word in first)
    if source.kind == "web-identity":
        name = "web_identity_token_file"
        path = profile.value(name) if profile is not None else environ.get(f"AWS_{name.upper()}")
        return not (path or "/").startswith("/")
    return False
