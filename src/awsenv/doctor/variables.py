"""Which variables of the environment override the files, or each other."""

from __future__ import annotations

import shlex
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from awsenv import changes
from awsenv.config.settings import is_url
from awsenv.doctor.model import Finding, fine, warning
from awsenv.errors import Origin
from awsenv.variables import (
    CONTAINER_URIS,
    DEMO,
    KEY_PAIR,
    MISLEADING,
    OPTION,
    PROFILE,
    REGION,
    ROLE,
    SAVED,
    TOKENS,
    having,
)
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "variables"

_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM")
_IGNORING = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
_WEB_IDENTITY = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
_PROXIES = ("all_proxy", "https_proxy")
_MEANT = "leave it, if it is meant to be the source"
_FORMS = tuple(
    f"{time}{zone}"
    for time in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S")
    for zone in ("%z", "")
)
"""What the tools that set an expiry write. Before 3.11 `fromisoformat` does not read all of them."""


def variables(
    environ: Environ, now: float, faults: tuple[Finding, ...] = (), profiles: tuple[str, ...] | None = None
) -> Iterator[Finding]:
    """Check the environment. What a role of awsenv has set itself is as it should be.

    Args:
        environ: The environment of the caller, as it is.
        now: Seconds since the epoch, UTC.
        faults: The findings on variables that *environ* is without.
        profiles: The names of the profiles; None: the files cannot be read.
    """
    role = changes.active(environ)
    # The saved values count only after the role: `unset` now would remove those of the role.
    before = changes.original({name: value for name, value in environ.items() if not name.startswith(SAVED)})
    found = [
        *faults,
        *_demo(environ),
        *([*_role(role, environ, now)] or _keys(before)),
        *_token(before),
        *_profile(before, profiles, has_role=role is not None),
        *_region(environ),
        *_sources(before),
        *_proxy(environ),
        *_expiry(before, now),
        *_import_path(environ),
    ]
    yield from found or [fine(CHECK, "nothing in the environment overrides the files")]


def _demo(environ: Environ) -> Iterator[Finding]:
    """Find what leads out of the demo, where no next step may lead either."""
    url, fact = environ.get(DEMO), "calls do not go to the local AWS of awsenv demo"
    if not url:
        return
    if _ignores_endpoints(environ):
        yield _to_unset((_IGNORING,), fact)
    elif environ.get(_ENDPOINTS[0]) != url:
        yield _warning(_ENDPOINTS[:1], fact, f"export {_ENDPOINTS[0]}={shlex.quote(printable(url))}")
    else:
        yield fine(CHECK, f"this is awsenv demo: calls go to its local AWS, {printable(url)}")


def _ignores_endpoints(environ: Environ) -> bool:
    return environ.get(_IGNORING, "").lower() == "true"


def _proxy(environ: Environ) -> Iterator[Finding]:
    """Find a proxy that botocore ignores: it finds one by the scheme of the request alone. curl and Go use it."""
    there = {name.lower(): name for name, value in environ.items() if name.lower() in _PROXIES and value}
    if "all_proxy" in there and "https_proxy" not in there:
        name = there["all_proxy"]
        fact = f"{name} is set, and botocore ignores it: calls of AWS go without a proxy"
        value = f'"${name}"' if is_url(environ[name]) else "http://HOST:PORT"
        yield _warning((name,), fact, f"export HTTPS_PROXY={value}", "leave it, if AWS is reached without a proxy")


def _warning(names: tuple[str, ...], fact: str, *hints: str) -> Finding:
    return warning(CHECK, fact, *hints, origins=map(Origin, names))


def _to_unset(names: tuple[str, ...], fact: str, *unless: str) -> Finding:
    return _warning(names, fact, f"unset {' '.join(names)}", *unless)


def _role(role: changes.ActiveRole | None, environ: Environ, now: float) -> Iterator[Finding]:
    if role is None:
        return
    hints = (f"awsenv {shlex.quote(printable(role.role))}", "awsenv off")
    if not role.has_its_keys:
        fact = f"the keys in this shell are not those of its role {quoted(role.role)}: they were changed after it"
        is_moved = role.is_served and KEY_PAIR[0] not in environ
        yield _warning((CONTAINER_URIS[1] if is_moved else KEY_PAIR[0],), fact, *hints)
    elif role.expires is not None and role.expires <= now:
        yield _warning((ROLE,), f"the role {quoted(role.role)} of this shell has expired", *hints)


def _keys(environ: Environ) -> Iterator[Finding]:
    there = _set(KEY_PAIR, environ)
    if there == KEY_PAIR:
        yield _to_unset(there, "an access key is set: without --profile, AWS tools prefer it to the files", _MEANT)
    elif there:
        (missing,) = {*KEY_PAIR} - {*there}
        # Measured on botocore 1.44.5.
        does = "the AWS CLI and boto3 fail" if there == KEY_PAIR[:1] else "AWS tools ignore it"
        fact = f"{there[0]} is set without {missing}: {does}"
        yield _to_unset(there, fact, f"set {missing} too")


def _token(environ: Environ) -> Iterator[Finding]:
    there = _set(TOKENS, environ)
    if there == TOKENS and environ[there[0]] == environ[there[1]]:
        there = there[1:]
    if there[:1] == TOKENS[:1]:
        yield _to_unset(there[:1], f"{there[0]} is set: the AWS CLI and boto3 prefer it to {TOKENS[1]}")
    elif there and not _set(KEY_PAIR, environ):
        yield _to_unset(there, f"{there[0]} is set without the access key that it belongs to")


def _profile(environ: Environ, profiles: tuple[str, ...] | None, *, has_role: bool) -> Iterator[Finding]:
    there = tuple(name for name in having(PROFILE) if name in environ)
    values = [environ[name] for name in there]
    if has_role and there:
        yield _to_unset(there, "a profile was set after the role: some tools prefer it to the role's keys")
    elif len({*values}) > 1:
        newer, older = map(quoted, values)
        fact = f"the AWS CLI takes profile {older}, and other tools {newer}"
        yield _warning(there, fact, f"unset {there[1]}")
    elif values[:1] == [""]:
        yield _to_unset(there, "the name of the profile is empty, and the AWS CLI looks for a profile of that name")
    elif there and profiles is not None and values[0] not in profiles:
        yield _to_unset(
            there, f"there is no profile {quoted(values[0])}: without --profile, the AWS CLI and boto3 fail"
        )


def _region(environ: Environ) -> Iterator[Finding]:
    newer, older = map(environ.get, having(REGION))
    if newer and older and newer != older:
        fact = f"boto3 takes the region {quoted(older)}, and other SDKs {quoted(newer)}"
        yield _warning(having(REGION), fact, *(f"unset {name}" for name in reversed(having(REGION))))


def _sources(environ: Environ) -> Iterator[Finding]:
    """Find other endpoints, other sources than the files, and options that are set for every role."""
    endpoints = _set(_ENDPOINTS[1:] if environ.get(DEMO) else _ENDPOINTS, environ)
    if endpoints and not _ignores_endpoints(environ):
        yield _to_unset(endpoints, "calls go to an endpoint other than AWS's own", "leave it, if this is intended")
    web_identity = _set(_WEB_IDENTITY, environ)
    if web_identity == _WEB_IDENTITY:
        fact = "a web identity token is set: the AWS CLI and boto3 prefer it to a key in the files"
        yield _to_unset(web_identity, fact, _MEANT)
    elif web_identity == _WEB_IDENTITY[1:]:
        fact = "a web identity token is set without AWS_ROLE_ARN: the AWS CLI and boto3 fail if they need it"
        yield _to_unset(web_identity, fact, _MEANT)
    if container := _set(CONTAINER_URIS, environ):
        fact = "AWS tools get keys from the endpoint of a container if no variable or file has any"
        yield _to_unset(container, fact, _MEANT)
    if options := _set(having(OPTION), environ):
        yield _to_unset(options, "these variables apply to every role, like the options of the same names")


def _expiry(environ: Environ, now: float) -> Iterator[Finding]:
    name = "AWS_CREDENTIAL_EXPIRATION"
    text = environ.get(name)
    ends = _time(text or "")
    if text and ends is None:
        fault = "is not a time of ISO 8601: boto3 may reject the key beside it"
    elif ends is not None and ends.tzinfo is None:
        # A TypeError, measured on botocore 1.44.5.
        fault = "has no time zone: boto3 fails with a key beside it"
    elif ends is not None and ends.timestamp() <= now:
        fault = "is past: prompts show it, and boto3 takes a key beside it for expired"
    else:
        return
    yield _warning((name,), f"{name} {fault}", f"unset {name}", "set new keys")


def _import_path(environ: Environ) -> Iterator[Finding]:
    """Find the entries that stand for the current folder: Python reads an empty one so."""
    for name in MISLEADING:
        entries = environ.get(name, "").split(":")
        absolute = [entry for entry in entries if entry.startswith("/")]
        if entries not in (absolute, [""]):
            fact = f"{name} has an empty or relative entry: Python programs run code from the current folder"
            hint = f"export {name}={shlex.quote(printable(':'.join(absolute)))}" if absolute else f"unset {name}"
            yield _warning((name,), fact, hint)


def _time(text: str) -> datetime | None:
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - a time without a zone is what the caller looks for
    return None


def _set(names: tuple[str, ...], environ: Environ) -> tuple[str, ...]:
    return tuple(name for name in names if environ.get(name))
