"""Which variables of the environment override the files, or each other."""

from __future__ import annotations

import shlex
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from awsenv import environment
from awsenv.doctor.model import Finding, fine, warning
from awsenv.origin import Origin
from awsenv.variables import ENDPOINT, OPTION, PROFILE, REGION, ROLE, SAVED, TOKENS, having, session_token
from awsenv.wording import listed, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "variables"

_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM")
_WEB_IDENTITY = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
_CONTAINER = tuple(name for name in having(ENDPOINT) if name.endswith("_URI"))
_FORMS = tuple(
    f"{time}{zone}"
    for time in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S")
    for zone in ("%z", "")
)
"""What the tools that set an expiry write. Before 3.11 `fromisoformat` does not read all of them."""


def variables(environ: Environ, now: float) -> Iterator[Finding]:
    """Check the environment. What a role of awsenv has set itself is as it should be.

    Args:
        environ: The environment of the caller, as it is.
        now: Seconds since the epoch, UTC.
    """
    role = environment.active(environ)
    # What is saved for after the role is not set now: to unset it would take the role's own away.
    theirs = environment.original({name: value for name, value in environ.items() if not name.startswith(SAVED)})
    found = [
        _role(role, environ, now) or _keys(theirs),
        _token(theirs),
        _profile(role, theirs),
        _region(environ),
        *(check(theirs) for check in (_endpoint, _web_identity, _container, _options)),
        _expiry(theirs, now),
        _import_path(environ),
    ]
    if any(found):
        yield from filter(None, found)
    else:
        yield fine(CHECK, "nothing in the environment overrides the files")


def _warning(names: tuple[str, ...], fact: str, *hints: str) -> Finding:
    return warning(CHECK, fact, *hints, origins=map(Origin, names))


def _source(names: tuple[str, ...], fact: str) -> Finding:
    return _warning(names, fact, f"unset {' '.join(names)}, unless it is meant to be the source")


def _role(role: environment.ActiveRole | None, environ: Environ, now: float) -> Finding | None:
    if role is None:
        return None
    hints = (f"awsenv {shlex.quote(printable(role.role))}", "awsenv off")
    if not role.has_its_keys:
        fact = f"the keys in this shell are not those of its role {quoted(role.role)}: they were changed after it"
        is_moved = role.is_served and _PAIR[0] not in environ
        return _warning((_CONTAINER[1] if is_moved else _PAIR[0],), fact, *hints)
    if role.expires is not None and role.expires <= now:
        return _warning((ROLE,), f"the role {quoted(role.role)} of this shell has expired", *hints)
    return None


def _keys(environ: Environ) -> Finding | None:
    there = _set(_PAIR, environ)
    if there == _PAIR:
        return _source(there, "an access key is set: without --profile, AWS tools prefer it to the files")
    if there:
        (missing,) = set(_PAIR) - set(there)
        # Measured on botocore 1.44.5.
        does = "the AWS CLI and boto3 fail" if there == _PAIR[:1] else "AWS tools ignore it"
        return _warning(
            there, f"{there[0]} is set without {missing}: {does}", f"set {missing} too, or unset {there[0]}"
        )
    return None


def _token(environ: Environ) -> Finding | None:
    there = _set(TOKENS, environ)
    if there == TOKENS and environ[there[0]] == environ[there[1]]:
        there = there[1:]
    if there[:1] == TOKENS[:1]:
        fact = f"{there[0]} is set: the AWS CLI and boto3 prefer it to {TOKENS[1]}"
    elif session_token(environ) and not _set(_PAIR, environ):
        fact = f"{there[0]} is set without the access key that it belongs to"
    else:
        return None
    return _warning(there[:1], fact, f"unset {there[0]}")


def _profile(role: environment.ActiveRole | None, environ: Environ) -> Finding | None:
    there = tuple(name for name in having(PROFILE) if name in environ)
    hint = f"unset {' '.join(there)}"
    if role is not None and there:
        fact = f"{listed(list(there))} {_were(there)} set after the role: some tools prefer it to the role's keys"
        return _warning(there, fact, hint)
    newer, older = map(environ.get, having(PROFILE))
    if older is not None and newer is not None and older != newer:
        fact = f"the AWS CLI takes profile {quoted(older)}, and other tools {quoted(newer)}"
        return _warning(there, fact, f"unset {having(PROFILE)[1]}")
    if there and not environ[there[0]]:
        fact = f"{listed(list(there))} {_are(there)} empty: the AWS CLI looks for a profile without a name"
        return _warning(there, fact, hint)
    return None


def _region(environ: Environ) -> Finding | None:
    newer, older = map(environ.get, having(REGION))
    if newer and older and newer != older:
        fact = f"boto3 takes the region {quoted(older)}, and other SDKs {quoted(newer)}"
        return _warning(having(REGION), fact, "set both to the same region, or unset one")
    return None


def _endpoint(environ: Environ) -> Finding | None:
    there = _set(_ENDPOINTS, environ)
    if there and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        return _warning(
            there, "calls go to another endpoint than AWS's own", f"unset {' '.join(there)}, unless it is meant"
        )
    return None


def _web_identity(environ: Environ) -> Finding | None:
    there = _set(_WEB_IDENTITY, environ)
    if _WEB_IDENTITY[1] not in there:
        return None
    does = "is set: the AWS CLI and boto3 prefer it to a key in the files"
    if there != _WEB_IDENTITY:
        does = "is set without AWS_ROLE_ARN: the AWS CLI and boto3 fail if they need it"
    return _source(there, f"{_WEB_IDENTITY[1]} {does}")


def _container(environ: Environ) -> Finding | None:
    there = _set(_CONTAINER, environ)
    if there:
        fact = f"{listed(list(there))} {_are(there)} set: AWS tools ask it for keys if no variable or file has one"
        return _source(there, fact)
    return None


def _options(environ: Environ) -> Finding | None:
    there = _set(having(OPTION), environ)
    if there:
        return _warning(there, "these act on every role, as their options would", f"unset {' '.join(there)}")
    return None


def _expiry(environ: Environ, now: float) -> Finding | None:
    name = "AWS_CREDENTIAL_EXPIRATION"
    text = environ.get(name)
    if not text:
        return None
    ends = _time(text)
    if ends is None:
        fault = "is not a time of ISO 8601: boto3 may reject the key beside it"
    elif ends.tzinfo is None:
        # A TypeError, measured on botocore 1.44.5.
        fault = "has no time zone: boto3 fails with a key beside it"
    elif ends.timestamp() <= now:
        fault = "is past: prompts show it, and boto3 takes a key beside it for expired"
    else:
        return None
    return _warning((name,), f"{name} {fault}", f"unset {name}, or set new keys")


def _import_path(environ: Environ) -> Finding | None:
    """Check for entries that stand for the current folder: Python reads an empty one so."""
    name = "PYTHONPATH"
    entries = environ.get(name, "").split(":")
    absolute = [entry for entry in entries if entry.startswith("/")]
    if entries in (absolute, [""]):
        return None
    fact = f"{name} has an empty or relative entry: Python programs run code from whatever folder you are in"
    hint = f"export {name}={shlex.quote(printable(':'.join(absolute)))}" if absolute else f"unset {name}"
    return _warning((name,), fact, hint)


def _time(text: str) -> datetime | None:
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - a time without a zone is what the caller looks for
    return None


def _set(names: tuple[str, ...], environ: Environ) -> tuple[str, ...]:
    return tuple(name for name in names if environ.get(name))


def _are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _were(names: tuple[str, ...]) -> str:
    return "was" if len(names) == 1 else "were"
