"""Which variables a role is: the one list of names, and how it is put on, read back and taken off again.

    change(chain, credentials, environ)  what `use` and `exec` do to an environment
    restore(environ)                     what `off` does: back to what was there before the first `use`
    original(environ)                    the environment as if no role were active: what sources are looked for in
    active(environ)                      the role that is active, for `status` and for the prompt

Before the first `use` each variable that is about to change is kept in `AWSENV_SAVED_<NAME>`, by whether it *is set*
and not by whether it is empty. A second `use` keeps what the first one saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING

from awsenv.model import Change

if TYPE_CHECKING:
    from awsenv.model import Chain, Credentials, Environ

ROLE = "AWSENV_ROLE"
LABEL = "AWSENV_LABEL"
ACCOUNT = "AWSENV_ACCOUNT"
EXPIRES_EPOCH = "AWSENV_EXPIRES_EPOCH"
KEY_ID = "AWSENV_ACCESS_KEY_ID"
OURS = (ROLE, LABEL, ACCOUNT, EXPIRES_EPOCH, KEY_ID)
"""For the prompt and for `status`. `AWSENV_ACCESS_KEY_ID` says which key in the environment is ours: a person may have
exported another since, which is theirs."""

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

_KEYS = EXPORTED[:4]
_LONGEST_EPOCH = 11
_SAVED = "AWSENV_SAVED_"
_ORDER = (*EXPORTED, *REMOVED, *OURS, *(_SAVED + name for name in (*EXPORTED, *REMOVED)))


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """What the environment says of the role that is active in it."""

    role: str
    account: str | None
    expires: int | None
    """Seconds since the epoch, UTC; None: the keys do not expire, or the variable holds something else than a time."""
    has_its_keys: bool
    """Whether the key in the environment is still the one that the role was given."""


def change(chain: Chain, credentials: Credentials, environ: Environ) -> Change:
    """Return what makes *environ* that of the role, whatever role is active in it now."""
    before = original(environ)
    after = {name: value for name, value in before.items() if name not in REMOVED}
    after |= {_SAVED + name: before[name] for name in (*EXPORTED, *REMOVED) if name in before}
    for name, value in _exports(chain, credentials, before).items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    return _difference(environ, after)


def restore(environ: Environ) -> Change:
    """Return what takes the role off *environ* again."""
    return _difference(environ, original(environ))


def original(environ: Environ) -> dict[str, str]:
    """Return *environ* as it was before a role was put on.

    What the person has set since stays theirs: a variable that a role removes, and another key.
    """
    before = {name: value for name, value in environ.items() if not name.startswith(_SAVED) and name not in OURS}
    if ROLE not in environ:
        return before
    ours = EXPORTED if _has_our_key(environ) else [name for name in EXPORTED if name not in _KEYS]
    for name in (*ours, *REMOVED):
        if name in ours:
            before.pop(name, None)
        if name not in before and (saved := environ.get(_SAVED + name)) is not None:
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
        has_its_keys=_has_our_key(environ),
    )


def spelled_out(environ: Environ) -> Change:
    """Return all that *environ* says of a role, set or unset: what puts it on whatever environment comes about."""
    outranking = (*_KEYS, *REMOVED)
    return Change({name: environ.get(name) for name in _ORDER if name in environ or name in outranking})


def _has_our_key(environ: Environ) -> bool:
    return environ.get("AWS_ACCESS_KEY_ID") == environ.get(KEY_ID)


def _exports(chain: Chain, credentials: Credentials, before: Environ) -> dict[str, str | None]:
    expires = credentials.expiration and credentials.expiration.astimezone(timezone.utc)
    region = chain.region
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": None if expires is None else expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "AWS_REGION": before.get("AWS_REGION") if region is None else region,
        "AWS_DEFAULT_REGION": before.get("AWS_DEFAULT_REGION") if region is None else region,
        "AWS_VAULT": chain.label,
        "AWS_ACCOUNT_ID": credentials.account if "AWS_ACCOUNT_ID" in before else None,
        ROLE: chain.role,
        LABEL: chain.label,
        ACCOUNT: credentials.account,
        KEY_ID: credentials.access_key_id,
        EXPIRES_EPOCH: None if expires is None else str(int(expires.timestamp())),
    }


def _difference(before: Environ, after: Environ) -> Change:
    return Change({name: after.get(name) for name in _ORDER if before.get(name) != after.get(name)})
