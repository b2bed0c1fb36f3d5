"""Which variables a role is: the one list of names, and how it is put on, read back and taken off again.

    change(chain, credentials, environ)  what `use` and `exec` do to an environment
    served(chain, url, token, environ)   what `exec --refresh` does: where to get keys from, in place of keys
    renewal(credentials, environ, …)     what `renew` does: other keys of the same role
    restore(environ)                     what `off` does: back to what was there before the first `use`
    original(environ)                    the environment as if no role were active: what sources are looked for in
    active(environ)                      the role that is active, for `status` and for the prompt

Before the first `use` each variable that is about to change is kept in `AWSENV_SAVED_<NAME>`, by whether it *is set*
and not by whether it is empty. A second `use` keeps what the first one saved.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING

from awsenv.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.model import Chain, Credentials, Environ

ROLE = "AWSENV_ROLE"
LABEL = "AWSENV_LABEL"
ACCOUNT = "AWSENV_ACCOUNT"
EXPIRES_EPOCH = "AWSENV_EXPIRES_EPOCH"
KEY_ID = "AWSENV_ACCESS_KEY_ID"
RENEW = "AWSENV_RENEW"
REFRESH = "AWSENV_REFRESH"
OURS = (ROLE, LABEL, ACCOUNT, EXPIRES_EPOCH, KEY_ID, RENEW, REFRESH)
"""For the prompt and for `status`. `AWSENV_ACCESS_KEY_ID` says which key in the environment is ours, and
`AWSENV_REFRESH` which endpoint: a person may have exported another since, which is theirs. `AWSENV_RENEW` is by what
the agent knows the role."""

EXPORTED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    # RFC 3339 with a zone: boto3 raises a TypeError at a time without one.
    "AWS_CREDENTIAL_EXPIRATION",
    # Both: boto3 reads the second, the other SDKs the first.
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    # The one display name that most prompts read and no SDK does.
    "AWS_VAULT",
    # An input of the SDKs (account-based endpoints): corrected where it is set, not added where it is not.
    "AWS_ACCOUNT_ID",
)
"""What a role sets."""

REMOVED = (
    # The JavaScript SDK ignores keys beside a profile (aws-sdk-js-v3#2549); botocore fails on a profile that is "".
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    # botocore prefers it to AWS_SESSION_TOKEN.
    "AWS_SECURITY_TOKEN",
    # Starship reads it where AWS_CREDENTIAL_EXPIRATION is not set.
    "AWS_SESSION_EXPIRATION",
    # Other sources of credentials, which would be asked when ours have expired.
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    # It outranks keys for one service (botocore, `AWS_BEARER_TOKEN_<SERVICE>`).
    "AWS_BEARER_TOKEN_BEDROCK",
    # Other tools' labels, which starship and powerlevel10k would show in place of ours.
    "AWSU_PROFILE",
    "AWSUME_PROFILE",
    "AWSUME_EXPIRATION",
    "AWS_SSO_PROFILE",
)
"""What a role removes. Unset, never blanked."""

FILES = (
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    # The file of boto 2, which botocore reads still.
    "BOTO_CONFIG",
)
"""What can hold credentials that outrank an endpoint: `exec --refresh` points it at no file."""

_KEYS = EXPORTED[:4]
_OF_A_KEY = (*_KEYS, "AWS_SECURITY_TOKEN")
_URL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_NO_FILE = os.devnull
_LONGEST_EPOCH = 11
_SAVED = "AWSENV_SAVED_"
_TOUCHED = (*EXPORTED, *REMOVED, *FILES)
_ORDER = (*_TOUCHED, *OURS, *(_SAVED + name for name in _TOUCHED))


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """What the environment says of the role that is active in it."""

    role: str
    account: str | None
    expires: int | None
    """Seconds since the epoch, UTC; None: the keys do not expire, or the variable holds something else than a time."""
    has_its_keys: bool
    """Whether what the SDKs take their keys from is still what the role has put there."""
    is_served: bool = False
    """Whether the keys come from an endpoint, which renews them (`exec --refresh`)."""


def change(chain: Chain, credentials: Credentials, environ: Environ, renewal: str | None = None) -> Change:
    """Return what makes *environ* that of the role, whatever role is active in it now.

    Args:
        chain: The role.
        credentials: Its keys.
        environ: The environment of the caller, as it is.
        renewal: By what the agent knows the role, so that the shell can ask for new keys; None: no agent does.
    """
    before = original(environ)
    exports = {**_keys(credentials, renewal), **_labels(chain, credentials.account, before)}
    return _difference(environ, _put_on(before, exports, (*EXPORTED, *REMOVED)))


def renewal(credentials: Credentials, environ: Environ, renewal: str | None) -> Change:
    """Return what puts other keys of the role that is active in *environ* in place of those there.

    The region, a profile, the labels: what the person has set since the role was put on stays.

    Args:
        credentials: The keys.
        environ: The environment of the caller, which has keys of that role.
        renewal: As for `change`.
    """
    keys = _keys(credentials, renewal)
    return Change({name: keys[name] for name in _ORDER if name in keys and environ.get(name) != keys[name]})


def served(
    chain: Chain, url: str, token: str, environ: Environ, *, account: str | None = None, hidden: Iterable[str] = ()
) -> Change:
    """Return what makes *environ* that of the role by way of a container credentials endpoint, without keys.

    The files of the person are hidden where they would win over the endpoint: keys in `[default]` of the credentials
    file do in botocore (measured on 1.44.5), so that file always is.

    Args:
        chain: The role.
        url: The endpoint.
        token: What the endpoint wants to be shown.
        environ: The environment of the caller, as it is.
        account: The account of the role, if it is known.
        hidden: Those of `FILES` that outrank the endpoint besides (see `config.outranking`).
    """
    before = original(environ)
    exports = {
        **dict.fromkeys(_KEYS),
        _URL: url,
        _TOKEN: token,
        **dict.fromkeys((FILES[0], *hidden), _NO_FILE),
        **_labels(chain, account, before),
        REFRESH: url,
    }
    return _difference(environ, _put_on(before, exports, _TOUCHED))


def restore(environ: Environ) -> Change:
    """Return what takes the role off *environ* again."""
    return _difference(environ, original(environ))


def original(environ: Environ) -> dict[str, str]:
    """Return *environ* as it was before a role was put on.

    What the person has set since stays theirs: a variable that a role removes, another key, another file.
    """
    before = {name: value for name, value in environ.items() if not name.startswith(_SAVED) and name not in OURS}
    if ROLE not in environ:
        return before
    for name in _set_by_role(environ):
        before.pop(name, None)
    # A key of theirs goes with no part of the one that was there before.
    theirs = any(name in before for name in _KEYS[:2])
    for name in _TOUCHED:
        saved = environ.get(_SAVED + name)
        if saved is not None and name not in before and not (theirs and name in _OF_A_KEY):
            before[name] = saved
    return before


def active(environ: Environ) -> ActiveRole | None:
    """Return the role that is active in *environ*; None where there is none."""
    role = environ.get(ROLE)
    if role is None:
        return None
    expires = environ.get(EXPIRES_EPOCH, "")
    is_time = expires.isascii() and expires.isdigit() and len(expires) <= _LONGEST_EPOCH
    return ActiveRole(
        role=role,
        account=environ.get(ACCOUNT),
        expires=int(expires) if is_time else None,
        has_its_keys=_has_our_endpoint(environ) if REFRESH in environ else _has_our_key(environ),
        is_served=REFRESH in environ,
    )


def spelled_out(environ: Environ) -> Change:
    """Return all that *environ* says of a role, set or unset: what puts it on whatever environment comes about."""
    outranking = (*_KEYS, *REMOVED)
    return Change({name: environ.get(name) for name in _ORDER if name in environ or name in outranking})


def _has_our_key(environ: Environ) -> bool:
    return environ.get("AWS_ACCESS_KEY_ID") == environ.get(KEY_ID)


def _has_our_endpoint(environ: Environ) -> bool:
    # A key in the environment outranks every endpoint.
    return environ.get(_URL) == environ.get(REFRESH) and "AWS_ACCESS_KEY_ID" not in environ


def _set_by_role(environ: Environ) -> Iterable[str]:
    """Yield the variables whose values are the role's, as far as the person has not set others since."""
    yield from (name for name in EXPORTED if name not in _KEYS)
    if REFRESH not in environ:
        if _has_our_key(environ):
            yield from _KEYS
        return
    if environ.get(_URL) == environ[REFRESH]:
        yield from (_URL, _TOKEN)
    yield from (name for name in FILES if environ.get(name) == _NO_FILE)


def _keys(credentials: Credentials, renewal: str | None) -> dict[str, str | None]:
    expires = credentials.expiration and credentials.expiration.astimezone(timezone.utc)
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": None if expires is None else expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        KEY_ID: credentials.access_key_id,
        EXPIRES_EPOCH: None if expires is None else str(int(expires.timestamp())),
        RENEW: renewal,
    }


def _labels(chain: Chain, account: str | None, before: Environ) -> dict[str, str | None]:
    region = chain.region
    return {
        "AWS_REGION": before.get("AWS_REGION") if region is None else region,
        "AWS_DEFAULT_REGION": before.get("AWS_DEFAULT_REGION") if region is None else region,
        "AWS_VAULT": chain.label,
        "AWS_ACCOUNT_ID": account if "AWS_ACCOUNT_ID" in before else None,
        ROLE: chain.role,
        LABEL: chain.label,
        ACCOUNT: account,
    }


def _put_on(before: Environ, exports: Mapping[str, str | None], kept: Iterable[str]) -> dict[str, str]:
    """Return *before* with the variables of a role, and with what was there before of those *kept*."""
    after: dict[str, str | None] = {name: value for name, value in before.items() if name not in REMOVED}
    after |= {_SAVED + name: before[name] for name in kept if name in before}
    after |= exports
    return {name: value for name, value in after.items() if value is not None}


def _difference(before: Environ, after: Environ) -> Change:
    return Change({name: after.get(name) for name in _ORDER if before.get(name) != after.get(name)})
