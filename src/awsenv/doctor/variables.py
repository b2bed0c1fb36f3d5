"""What in the environment stands in front of the files, or of another variable."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from awsenv import environment
from awsenv.config.text import listed, quoted
from awsenv.doctor.finding import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsenv.model import Environ

CHECK = "variables"

_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OPTIONS = tuple(
    f"AWSENV_{name}"
    for name in (
        *("PROFILE", "EXTERNAL_ID", "MFA_SERIAL", "DURATION", "REGION", "SESSION_NAME", "SOURCE_IDENTITY"),
        *("TAG", "TRANSITIVE_TAG", "POLICY", "POLICY_ARN", "MIN_REMAINING"),
    )
)
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
    base = environment.original(environ)
    found = [*_of_role(environ, now), *(said for check in _CHECKS if (said := check(base)) is not None)]
    found += [said for said in (_expiry(base, now),) if said is not None]
    if not found:
        yield Finding(CHECK, Verdict.FINE, "nothing in the environment stands in front of the files")
    for said in found:
        yield Finding(CHECK, Verdict.WARNING, said.fact, ", ".join(said.names), said.hint)


def _of_role(environ: Environ, now: float) -> Iterator[_Said]:
    role = environment.active(environ)
    if role is None:
        return
    if not role.has_its_keys:
        fact = f"the keys in this shell are not those of its role {quoted(role.role)}: they were set after it"
        yield _Said(("AWS_ACCESS_KEY_ID",), fact, f"awsenv {role.role}, or awsenv off")
    elif role.expires is not None and role.expires <= now:
        fact = f"the role {quoted(role.role)} of this shell has expired"
        yield _Said(("AWSENV_ROLE",), fact, f"awsenv {role.role}, or awsenv off")


def _keys(environ: Environ) -> _Said | None:
    there = _set(_PAIR, environ)
    if len(there) == 1:
        (missing,) = set(_PAIR) - set(there)
        fact = f"{there[0]} is set without {missing}: every AWS tool stumbles over half a key"
        return _Said(there, fact, f"set {missing} too, or unset {there[0]}")
    if there:
        fact = "an access key is set: AWS tools prefer it to the profiles of the files"
        return _Said(there, fact, f"unset {' '.join(there)}, unless it is meant to be the source")
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


def _profile(environ: Environ) -> _Said | None:
    older, newer = environ.get("AWS_DEFAULT_PROFILE"), environ.get("AWS_PROFILE")
    if older is not None and newer is not None and older != newer:
        fact = f"the AWS CLI takes profile {quoted(older)}, and other tools {quoted(newer)}"
        return _Said(("AWS_DEFAULT_PROFILE", "AWS_PROFILE"), fact, "unset AWS_DEFAULT_PROFILE")
    empty = tuple(name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if environ.get(name) == "")
    if empty:
        return _Said(
            empty, f"{empty[0]} is empty: to the AWS CLI that is a profile without a name", f"unset {empty[0]}"
        )
    return None


def _region(environ: Environ) -> _Said | None:
    new, old = environ.get("AWS_REGION"), environ.get("AWS_DEFAULT_REGION")
    if new and old and new != old:
        fact = f"boto3 takes the region {quoted(old)}, and other SDKs {quoted(new)}"
        return _Said(("AWS_REGION", "AWS_DEFAULT_REGION"), fact, "set both to the same region, or unset one")
    return None


def _endpoint(environ: Environ) -> _Said | None:
    there = _set(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"), environ)
    if there:
        return _Said(
            there, "calls go to another endpoint than AWS's own", f"unset {' '.join(there)}, unless it is meant"
        )
    return None


def _other_sources(environ: Environ) -> _Said | None:
    there = _set(("AWS_WEB_IDENTITY_TOKEN_FILE", *_CONTAINER), environ)
    if there:
        are = "is" if len(there) == 1 else "are"
        fact = f"{listed(list(there))} {are} set: a source where no key and no profile comes before it"
        return _Said(there, fact, f"unset {' '.join(there)}, unless it is meant to be the source")
    return None


def _options(environ: Environ) -> _Said | None:
    there = _set(_OPTIONS, environ)
    if there:
        return _Said(there, "these act on every role, as their options would", f"unset {' '.join(there)}")
    return None


def _expiry(environ: Environ, now: float) -> _Said | None:
    text = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if not text:
        return None
    try:
        ends = datetime.fromisoformat(text.replace("Z", "+00:00"))
        has_ended = (ends if ends.tzinfo else ends.replace(tzinfo=timezone.utc)).timestamp() <= now
    except ValueError:
        fact = "AWS_CREDENTIAL_EXPIRATION is not a time: boto3 stumbles over it"
    else:
        if not has_ended:
            return None
        fact = "AWS_CREDENTIAL_EXPIRATION is past: boto3 takes the keys in the environment for expired"
    return _Said(("AWS_CREDENTIAL_EXPIRATION",), fact, "unset AWS_CREDENTIAL_EXPIRATION, or set new keys")


def _set(names: tuple[str, ...], environ: Environ) -> tuple[str, ...]:
    return tuple(name for name in names if environ.get(name))


_CHECKS: tuple[Callable[[Environ], _Said | None], ...] = (
    _keys,
    _token,
    _profile,
    _region,
    _endpoint,
    _other_sources,
    _options,
)
