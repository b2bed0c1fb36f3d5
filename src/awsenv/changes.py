"""Set, read and remove a role in an environment.

    change(chain, credentials, environ)  for `use` and `exec`: set the role
    served(chain, url, token, environ)   for `exec --refresh`: set an endpoint that serves the keys
    new_keys(credentials, environ, …)    for `renew`: new keys of the same role
    for_command(environ)                 the environment that a command of `exec` gets
    restore(environ)                     for `off`: restore the environment from before the first role
    original(environ)                    the environment as if no role were active, for reading the sources
    whole(change, environ)               a change that sets a role, for a program with another environment
    active(environ)                      the active role, for `status` and the prompt

`variables` lists the variables of a role. A variable that a role changes is saved in `AWSENV_SAVED_<NAME>` if it was
set, even to an empty value. A second role keeps what the first one saved.
"""

from __future__ import annotations

import os

from awsenv import variables
from awsenv.model import AssumeRole, Change, Credentials
from awsenv.record import dataclass
from awsenv.variables import KEY_PAIR, VARIABLES, having
from awsenv.wording import epoch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from awsenv.model import Chain, Environ

_URL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_NO_FILE = os.devnull

_EXPORTED, _REMOVED, _FILES = having(variables.EXPORTED), having(variables.REMOVED), having(variables.FILE)
_KEYS = tuple(name for name in _EXPORTED if variables.KEY in VARIABLES[name])
_CHANGED = (*_EXPORTED, *_REMOVED, *_FILES)
_ORDER = {name: number for number, name in enumerate((*_CHANGED, *having(variables.SETTING), *having(variables.STATE)))}


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """The role that is active in an environment."""

    role: str
    account: str | None
    name: str | None
    """Its name at AWS; None: the keys are those of a source."""
    expires: int | None
    """Seconds since the epoch, UTC; None: the keys do not expire, or the variable holds no time."""
    narrowed: str | None
    """What it is narrowed to, for people; None: it is not."""
    has_its_keys: bool
    """Whether SDKs still get the keys of the role: the user may have exported others since."""
    is_served: bool = False
    """Whether an endpoint serves and renews the keys (`exec --refresh`)."""

    @property
    def is_final(self) -> bool:
        """Whether `--for` has set the end of the keys: `Narrowing` names that last."""
        return (self.narrowed or "").rpartition(", ")[2].startswith("for ")


def change(chain: Chain, credentials: Credentials, environ: Environ, lease: str | None = None) -> Change:
    """Return the change that sets the role in *environ*, in place of any active role.

    Args:
        chain: The role.
        credentials: The keys of the role.
        environ: The environment of the caller.
        lease: The name under which the agent holds the role, for `renew`; None: no agent holds it.
    """
    before = original(environ)
    exports = {**_keys(credentials, lease), **_labels(chain, credentials.account, before, environ)}
    return _difference(environ, _with_role(before, exports))


def new_keys(credentials: Credentials, environ: Environ, lease: str | None) -> Change:
    """Return the change that replaces only the keys of the active role.

    Args:
        credentials: The new keys.
        environ: The environment of the caller, with keys of that role.
        lease: As for `change`.
    """
    return _difference(environ, Change(_keys(credentials, lease)).applied_to(environ))


def served(
    chain: Chain, url: str, token: str, environ: Environ, *, account: str | None = None, hides_config: bool = False
) -> Change:
    """Return the change that sets a container credentials endpoint for the role in *environ*, without keys.

    It hides the files that outrank the endpoint: in botocore, keys in `[default]` of the credentials file and in the
    file of boto 2 (measured on 1.44.5).

    Args:
        chain: The role.
        url: The endpoint.
        token: The token that the endpoint requires.
        environ: The environment of the caller.
        account: The account of the role, if known.
        hides_config: Whether to hide the config file too (see `config.outranks_endpoint`).
    """
    before = original(environ)
    exports = {
        **dict.fromkeys(_KEYS),
        _URL: url,
        _TOKEN: token,
        **dict.fromkeys((name for name in _FILES if hides_config or name != "AWS_CONFIG_FILE"), _NO_FILE),
        **_labels(chain, account, before, environ),
        variables.REFRESH: url,
    }
    return _difference(environ, _with_role(before, exports, _FILES))


def for_command(environ: Environ) -> dict[str, str]:
    """Return *environ* for a command that runs with the role: without the secrets that are saved for `off`.

    Other saved variables remain, so that awsenv in the command finds the files and the profile of the user. The id of
    a saved key remains too: that source then fails, rather than being replaced by another one.
    """
    secrets = {variables.SAVED + name for name in having(variables.SECRET)}
    return {name: value for name, value in environ.items() if name not in secrets}


def restore(environ: Environ) -> Change:
    """Return the change that removes the role from *environ* and restores what it changed."""
    return _difference(environ, original(environ))


def original(environ: Environ) -> dict[str, str]:
    """Return *environ* as it was before the first role.

    What the user has set since remains: a variable that a role removes, another key, another file.
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
    # A key that the user has set since is not mixed with parts of the saved key.
    has_other_key = any(name in before for name in KEY_PAIR)
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
    is_served = variables.REFRESH in environ
    return ActiveRole(
        role=role,
        account=environ.get(variables.ACCOUNT),
        name=environ.get(variables.ROLE_NAME),
        expires=epoch(environ.get(variables.EXPIRES_EPOCH, "")),
        narrowed=environ.get(variables.NARROWED) or None,
        has_its_keys=_has_our_endpoint(environ) if is_served else _has_our_key(environ),
        is_served=is_served,
    )


def access_key(environ: Environ) -> Credentials | None:
    """Return the access key that the AWS CLI and boto3 find in *environ*; None also for half a key."""
    key_id, secret = (environ.get(name) for name in KEY_PAIR)
    return Credentials(key_id, secret, variables.session_token(environ)) if key_id and secret else None


def spelled_out(environ: Environ) -> Change:
    """Return the active role as a change that sets it in any other environment."""
    names = (*_CHANGED, *_settings(environ), *having(variables.STATE))
    saved = (name for name in environ if name.startswith(variables.SAVED))
    outranking = (*_KEYS, *_REMOVED)
    return Change({name: environ.get(name) for name in (*names, *saved) if name in environ or name in outranking})


def whole(change: Change, environ: Environ) -> Change:
    """Return *change*, which sets a role in *environ*, plus the variables of the role that *environ* already has."""
    role = spelled_out(change.applied_to(environ)).variables
    # A role of `use` never sets the variables of files: they are the user's own.
    values = {name: value for name, value in role.items() if value is not None and not _is(name, variables.FILE)}
    return Change({**values, **change.variables})


def _is(name: str, mark: str) -> bool:
    return mark in VARIABLES.get(name, ())


def _has_our_key(environ: Environ) -> bool:
    return environ.get("AWS_ACCESS_KEY_ID") == environ.get(variables.KEY_ID)


def _has_our_endpoint(environ: Environ) -> bool:
    # A key in the environment outranks every endpoint.
    return environ.get(_URL) == environ.get(variables.REFRESH) and "AWS_ACCESS_KEY_ID" not in environ


def _set_by_role(environ: Environ) -> Iterable[str]:
    """Yield the variables whose values are still those of the role."""
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
    names = environ.get(variables.SETTINGS, "").split()
    return [name for name in names if _is(name, variables.SETTING) or name.startswith(variables.SERVICE_ENDPOINT)]


def _keys(credentials: Credentials, lease: str | None) -> dict[str, str | None]:
    ends = credentials.expiration
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": credentials.expires,
        variables.KEY_ID: credentials.access_key_id,
        variables.EXPIRES_EPOCH: None if ends is None else str(int(ends.timestamp())),
        variables.RENEW: lease,
    }


def _labels(chain: Chain, account: str | None, before: Environ, environ: Environ) -> dict[str, str | None]:
    last = chain.last
    regions = {name: chain.region or before.get(name) for name in having(variables.REGION)}
    return {
        **regions,
        "AWS_VAULT": chain.label,
        "AWS_ACCOUNT_ID": account if "AWS_ACCOUNT_ID" in before else None,
        variables.ROLE: chain.role,
        **_previous(chain.role, environ),
        variables.LABEL: chain.label,
        variables.ACCOUNT: account,
        variables.COLOR: chain.rails.color or None,
        variables.NARROWED: None if chain.narrowing is None else str(chain.narrowing) or None,
        variables.ROLE_NAME: last.role.name if isinstance(last, AssumeRole) else None,
        **dict(chain.settings),
        variables.SETTINGS: " ".join(name for name, _ in chain.settings) or None,
    }


def _previous(role: str, environ: Environ) -> dict[str, str | None]:
    """Return the role before *role*, as `cd -` knows a folder: one that is assumed anew does not replace itself."""
    is_anew = environ.get(variables.ROLE) == role
    return {
        variables.PREVIOUS: environ.get(variables.PREVIOUS if is_anew else variables.ROLE),
        variables.PREVIOUS_NARROWED: environ.get(variables.PREVIOUS_NARROWED if is_anew else variables.NARROWED),
    }


def _with_role(before: Environ, exports: Mapping[str, str | None], files: Iterable[str] = ()) -> dict[str, str]:
    """Return *before* with the variables of a role; those that it changes, and *files*, are saved."""
    saved = {
        variables.SAVED + name: before[name] for name in (*_EXPORTED, *_REMOVED, *files, *exports) if name in before
    }
    return Change({**dict.fromkeys(_REMOVED), **saved, **exports}).applied_to(before)


def _difference(before: Environ, after: Environ) -> Change:
    names = (name for name in {**before, **after} if before.get(name) != after.get(name))
    return Change({name: after.get(name) for name in sorted(names, key=_position)})


def _position(name: str) -> tuple[bool, int, str]:
    """Return the sort key of a printed variable: saved variables come last."""
    kept = name.startswith(variables.SAVED)
    return kept, _ORDER.get(name.removeprefix(variables.SAVED), len(_ORDER)), name
