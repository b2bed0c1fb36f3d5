"""How a role is put into an environment, read back and taken out again.

    change(chain, credentials, environ)  what `use` and `exec` do to an environment
    served(chain, url, token, environ)   what `exec --refresh` does: where to get keys, in place of keys
    renewal(credentials, environ, …)     what `renew` does: new keys of the same role
    for_command(environ)                 the part of it that a command of `exec` gets
    restore(environ)                     what `off` does: back to what was there before the first role
    original(environ)                    the environment as if no role were active: where sources are looked for
    active(environ)                      the active role, for `status` and for the prompt

Which variables a role consists of stands in `variables`. Each that a role changes is kept in `AWSENV_SAVED_<NAME>` if
it was *set*, empty or not. A second role keeps what the first one saved.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING

from awsenv import variables
from awsenv.model import Change, Credentials
from awsenv.variables import VARIABLES, having

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.model import Chain, Environ

_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_URL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_NO_FILE = os.devnull
_LONGEST_EPOCH = 11

_EXPORTED, _REMOVED, _FILES = having(variables.EXPORTED), having(variables.REMOVED), having(variables.FILE)
_KEYS = tuple(name for name in _EXPORTED if variables.KEY in VARIABLES[name])
_CHANGED = (*_EXPORTED, *_REMOVED, *_FILES)
_ORDER = {name: number for number, name in enumerate((*_CHANGED, *having(variables.SETTING), *having(variables.STATE)))}


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """What an environment says about the role that is active in it."""

    role: str
    account: str | None
    expires: int | None
    """Seconds since the epoch, UTC; None: the keys do not expire, or the variable does not hold a time."""
    has_its_keys: bool
    """Whether the SDKs still get the role's keys here: the user may have exported others since."""
    is_served: bool = False
    """Whether an endpoint serves and renews the keys (`exec --refresh`)."""


def change(chain: Chain, credentials: Credentials, environ: Environ, renewal: str | None = None) -> Change:
    """Return the change that puts the role into *environ*, whatever role is active there now.

    Args:
        chain: The role.
        credentials: Its keys.
        environ: The environment of the caller, as it is.
        renewal: By which the agent knows the role, so that the shell can ask for new keys; None: no agent holds it.
    """
    before = original(environ)
    exports = {**_keys(credentials, renewal), **_labels(chain, credentials.account, before)}
    return _difference(environ, _put_on(before, exports))


def renewal(credentials: Credentials, environ: Environ, renewal: str | None) -> Change:
    """Return the change that replaces the keys of the role that is active in *environ*, and nothing else.

    Args:
        credentials: The new keys.
        environ: The environment of the caller, which has keys of that role.
        renewal: As for `change`.
    """
    keys = _keys(credentials, renewal)
    return Change({name: value for name, value in keys.items() if environ.get(name) != value})


def served(
    chain: Chain, url: str, token: str, environ: Environ, *, account: str | None = None, hides_config: bool = False
) -> Change:
    """Return the change that puts the role into *environ* by way of a container credentials endpoint, without keys.

    It hides the files that would win over the endpoint: for botocore keys in `[default]` of the credentials file, and
    in the file of boto 2 (measured on 1.44.5).

    Args:
        chain: The role.
        url: The endpoint.
        token: The token that the endpoint expects.
        environ: The environment of the caller, as it is.
        account: The account of the role, if it is known.
        hides_config: Whether the config file outranks the endpoint, too (see `config.outranks_endpoint`).
    """
    before = original(environ)
    exports = {
        **dict.fromkeys(_KEYS),
        _URL: url,
        _TOKEN: token,
        **dict.fromkeys((name for name in _FILES if hides_config or name != "AWS_CONFIG_FILE"), _NO_FILE),
        **_labels(chain, account, before),
        variables.REFRESH: url,
    }
    return _difference(environ, _put_on(before, exports, _FILES))


def for_command(environ: Environ) -> dict[str, str]:
    """Return *environ* for a command that runs with the role: without the secrets that are kept for `off`.

    What is kept besides stays, so that awsenv within the command finds the files and the profile of the user. Of a key
    the id stays: a source that the command asks for fails instead of being another one.
    """
    secrets = {variables.SAVED + name for name in having(variables.SECRET)}
    return {name: value for name, value in environ.items() if name not in secrets}


def restore(environ: Environ) -> Change:
    """Return the change that takes the role out of *environ*."""
    return _difference(environ, original(environ))


def original(environ: Environ) -> dict[str, str]:
    """Return *environ* as it was before a role was put into it.

    What the user has set since stays: a variable that a role removes, another key, another file.
    """
    before = {
        name: value
        for name, value in environ.items()
        if not name.startswith(variables.SAVED) and not _is(name, variables.STATE)
    }
    if variables.ROLE not in environ:
        return before
    for name in _set_by_role(environ):
        before.pop(name, None)
    # No part of the key from before the role goes with a key that the user has set since.
    has_other_key = any(name in before for name in _KEY_PAIR)
    for name in (*_CHANGED, *_settings(environ)):
        saved = environ.get(variables.SAVED + name)
        if saved is not None and name not in before and not (has_other_key and _is(name, variables.KEY)):
            before[name] = saved
    return before


def active(environ: Environ) -> ActiveRole | None:
    """Return the role that is active in *environ*, or None."""
    role = environ.get(variables.ROLE)
    if role is None:
        return None
    expires = environ.get(variables.EXPIRES_EPOCH, "")
    is_time = expires.isascii() and expires.isdigit() and len(expires) <= _LONGEST_EPOCH
    is_served = variables.REFRESH in environ
    return ActiveRole(
        role=role,
        account=environ.get(variables.ACCOUNT),
        expires=int(expires) if is_time else None,
        has_its_keys=_has_our_endpoint(environ) if is_served else _has_our_key(environ),
        is_served=is_served,
    )


def access_key(environ: Environ) -> Credentials | None:
    """Return the access key that the AWS CLI and boto3 find in *environ*, or None. Half a key is none."""
    key_id, secret = (environ.get(name) for name in _KEY_PAIR)
    return Credentials(key_id, secret, variables.session_token(environ)) if key_id and secret else None


def spelled_out(environ: Environ) -> Change:
    """Return all that *environ* says about a role, set or unset: it puts the role into whatever environment."""
    names = (*_CHANGED, *_settings(environ), *having(variables.STATE))
    saved = (name for name in environ if name.startswith(variables.SAVED))
    outranking = (*_KEYS, *_REMOVED)
    return Change({name: environ.get(name) for name in (*names, *saved) if name in environ or name in outranking})


def _is(name: str, mark: str) -> bool:
    return mark in VARIABLES.get(name, ())


def _has_our_key(environ: Environ) -> bool:
    return environ.get("AWS_ACCESS_KEY_ID") == environ.get(variables.KEY_ID)


def _has_our_endpoint(environ: Environ) -> bool:
    # A key in the environment outranks every endpoint.
    return environ.get(_URL) == environ.get(variables.REFRESH) and "AWS_ACCESS_KEY_ID" not in environ


def _set_by_role(environ: Environ) -> Iterable[str]:
    """Yield the variables whose values are the role's, as far as the user has not set others since."""
    yield from (name for name in _EXPORTED if name not in _KEYS)
    yield from _settings(environ)
    if variables.REFRESH not in environ:
        if _has_our_key(environ):
            yield from _KEYS
        return
    if environ.get(_URL) == environ[variables.REFRESH]:
        yield from (_URL, _TOKEN)
    yield from (name for name in _FILES if environ.get(name) == _NO_FILE)


def _settings(environ: Environ) -> list[str]:
    """Return the settings that the role has set."""
    return [name for name in environ.get(variables.SETTINGS, "").split() if _is_setting(name)]


def _is_setting(name: str) -> bool:
    return _is(name, variables.SETTING) or name.startswith(variables.SERVICE_ENDPOINT)


def _keys(credentials: Credentials, renewal: str | None) -> dict[str, str | None]:
    expires = credentials.expiration and credentials.expiration.astimezone(timezone.utc)
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": None if expires is None else expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        variables.KEY_ID: credentials.access_key_id,
        variables.EXPIRES_EPOCH: None if expires is None else str(int(expires.timestamp())),
        variables.RENEW: renewal,
    }


def _labels(chain: Chain, account: str | None, before: Environ) -> dict[str, str | None]:
    regions = {name: chain.region or before.get(name) for name in having(variables.REGION)}
    return {
        **regions,
        "AWS_VAULT": chain.label,
        "AWS_ACCOUNT_ID": account if "AWS_ACCOUNT_ID" in before else None,
        variables.ROLE: chain.role,
        variables.LABEL: chain.label,
        variables.ACCOUNT: account,
        **dict(chain.settings),
        variables.SETTINGS: " ".join(name for name, _ in chain.settings) or None,
    }


def _put_on(before: Environ, exports: Mapping[str, str | None], files: Iterable[str] = ()) -> dict[str, str]:
    """Return *before* with the variables of a role, and with what was set of those and of *files* saved."""
    saved = [name for name in (*_EXPORTED, *_REMOVED, *files, *exports) if name in before]
    after: dict[str, str | None] = {name: value for name, value in before.items() if not _is(name, variables.REMOVED)}
    after |= {variables.SAVED + name: before[name] for name in saved}
    after |= exports
    return {name: value for name, value in after.items() if value is not None}


def _difference(before: Environ, after: Environ) -> Change:
    names = (name for name in {**before, **after} if before.get(name) != after.get(name))
    return Change({name: after.get(name) for name in sorted(names, key=_position)})


def _position(name: str) -> tuple[bool, int, str]:
    """Return where a variable stands among those that are printed: what is kept for `off` comes last."""
    kept = name.startswith(variables.SAVED)
    return kept, _ORDER.get(name.removeprefix(variables.SAVED), len(_ORDER)), name
