"""What in the environment stands in front of the files, or of another variable."""

from __future__ import annotations

import shlex
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from awsenv import environment
from awsenv.doctor.finding import Finding, Verdict
from awsenv.variables import OPTION, SAVED, having
from awsenv.wording import listed, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "variables"

_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_FORMS = tuple(
    f"{time}{zone}"
    for time in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S")
    for zone in ("%z", "")
)
"""What the tools that set an expiry write. Before 3.11 `fromisoformat` does not read all of them."""

_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


class _Said(NamedTuple):
    names: tuple[str, ...]
    fact: str
    hint: str


def variables(environ: Environ, now: float) -> Iterator[Finding]:
    """Yield what is to be said of the environment. What a role of awsenv has set itself is as it should be.

    Args:
        environ: The environment of the caller, as it is.
        now: Seconds since the epoch, UTC.
    """
    role = environment.active(environ)
    # What is kept for after the role is not set now: to unset it would take the role's own away.
    theirs = environment.original({name: value for name, value in environ.items() if not name.startswith(SAVED)})
    said = [_role(role, environ, now) or _keys(theirs), _token(theirs), _profile(role, theirs), _region(environ)]
    said += [check(theirs) for check in (_endpoint, _web_identity, _container, _options)]
    found = [each for each in (*said, _expiry(theirs, now)) if each is not None]
    if not found:
        yield Finding(CHECK, Verdict.FINE, "nothing in the environment stands in front of the files")
    for each in found:
        yield Finding(CHECK, Verdict.WARNING, each.fact, ", ".join(each.names), each.hint)


def _role(role: environment.ActiveRole | None, environ: Environ, now: float) -> _Said | None:
    if role is None:
        return None
    hint = f"awsenv {shlex.quote(printable(role.role))}, or awsenv off"
    if not role.has_its_keys:
        fact = f"the keys in this shell are not those of its role {quoted(role.role)}: they were changed after it"
        is_moved = role.is_served and "AWS_ACCESS_KEY_ID" not in environ
        return _Said((_CONTAINER[1] if is_moved else "AWS_ACCESS_KEY_ID",), fact, hint)
    if role.expires is not None and role.expires <= now:
        return _Said(("AWSENV_ROLE",), f"the role {quoted(role.role)} of this shell has expired", hint)
    return None


def _keys(environ: Environ) -> _Said | None:
    there = _set(_PAIR, environ)
    if there == _PAIR:
        fact = "an access key is set: AWS tools that are called without --profile prefer it to the files"
        return _Said(there, fact, f"unset {' '.join(there)}, unless it is meant to be the source")
    if there:
        (missing,) = set(_PAIR) - set(there)
        # Measured on botocore 1.44.5.
        does = "the AWS CLI and boto3 fail" if there == _PAIR[:1] else "AWS tools pass over it"
        return _Said(there, f"{there[0]} is set without {missing}: {does}", f"set {missing} too, or unset {there[0]}")
    return None


def _token(environ: Environ) -> _Said | None:
    old, new = environ.get("AWS_SECURITY_TOKEN"), environ.get("AWS_SESSION_TOKEN")
    if old and old != new:
        fact = "AWS_SECURITY_TOKEN is set: the AWS CLI and boto3 prefer it to AWS_SESSION_TOKEN"
        return _Said(("AWS_SECURITY_TOKEN",), fact, "unset AWS_SECURITY_TOKEN")
    if new and not _set(_PAIR, environ):
        fact = "AWS_SESSION_TOKEN is set without a key that it could belong to"
        return _Said(("AWS_SESSION_TOKEN",), fact, "unset AWS_SESSION_TOKEN")
    return None


def _profile(role: environment.ActiveRole | None, environ: Environ) -> _Said | None:
    there = tuple(name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if name in environ)
    if role is not None and there:
        fact = f"{listed(list(there))} {_were(there)} set after the role: some tools prefer it to the role's keys"
        return _Said(there, fact, f"unset {' '.join(there)}")
    older, newer = environ.get("AWS_DEFAULT_PROFILE"), environ.get("AWS_PROFILE")
    if older is not None and newer is not None and older != newer:
        fact = f"the AWS CLI takes profile {quoted(older)}, and other tools {quoted(newer)}"
        return _Said(("AWS_DEFAULT_PROFILE", "AWS_PROFILE"), fact, "unset AWS_DEFAULT_PROFILE")
    if there and not environ[there[0]]:
        fact = f"{listed(list(there))} {_are(there)} empty: to the AWS CLI that is a profile without a name"
        return _Said(there, fact, f"unset {' '.join(there)}")
    return None


def _region(environ: Environ) -> _Said | None:
    new, old = environ.get("AWS_REGION"), environ.get("AWS_DEFAULT_REGION")
    if new and old and new != old:
        fact = f"boto3 takes the region {quoted(old)}, and other SDKs {quoted(new)}"
        return _Said(("AWS_REGION", "AWS_DEFAULT_REGION"), fact, "set both to the same region, or unset one")
    return None


def _endpoint(environ: Environ) -> _Said | None:
    there = _set(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"), environ)
    if there and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        hint = f"unset {' '.join(there)}, unless it is meant"
        return _Said(there, "calls go to another endpoint than AWS's own", hint)
    return None


def _web_identity(environ: Environ) -> _Said | None:
    there = _set(("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"), environ)
    if "AWS_WEB_IDENTITY_TOKEN_FILE" not in there:
        return None
    does = "is set: the AWS CLI and boto3 prefer it to a key in the files"
    if "AWS_ROLE_ARN" not in there:
        does = "is set without AWS_ROLE_ARN: the AWS CLI and boto3 fail where they come to it"
    hint = f"unset {' '.join(there)}, unless it is meant to be the source"
    return _Said(there, f"AWS_WEB_IDENTITY_TOKEN_FILE {does}", hint)


def _container(environ: Environ) -> _Said | None:
    there = _set(_CONTAINER, environ)
    if there:
        fact = f"{listed(list(there))} {_are(there)} set: asked for keys where neither a variable nor a file has one"
        return _Said(there, fact, f"unset {' '.join(there)}, unless it is meant to be the source")
    return None


def _options(environ: Environ) -> _Said | None:
    there = _set(having(OPTION), environ)
    if there:
        return _Said(there, "these act on every role, as their options would", f"unset {' '.join(there)}")
    return None


def _expiry(environ: Environ, now: float) -> _Said | None:
    name = "AWS_CREDENTIAL_EXPIRATION"
    text = environ.get(name)
    if not text:
        return None
    ends = _time(text)
    if ends is None:
        is_so = "is no time of ISO 8601: boto3 may fail over a key beside it"
    elif ends.tzinfo is None:
        # A TypeError, measured on botocore 1.44.5.
        is_so = "has no time zone: boto3 fails over a key beside it"
    elif ends.timestamp() <= now:
        is_so = "is past: prompts show it, and boto3 takes a key beside it for expired"
    else:
        return None
    return _Said((name,), f"{name} {is_so}", f"unset {name}, or set new keys")


def _time(text: str) -> datetime | None:
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - that it has no zone is what is looked for
    return None


def _set(names: tuple[str, ...], environ: Environ) -> tuple[str, ...]:
    return tuple(name for name in names if environ.get(name))


def _are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _were(names: tuple[str, ...]) -> str:
    return "was" if len(names) == 1 else "were"
