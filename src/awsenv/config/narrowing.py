"""What a role is narrowed to: reads and checks the values, and joins those of a profile with those of the command line.

Both count: an action is allowed if both allow it. So a command line narrows a profile further, and never widens it.
"""

from __future__ import annotations

from awsenv import duration
from awsenv.config import limits
from awsenv.duration import exact
from awsenv.errors import ConfigError, Origin
from awsenv.model import Narrowing
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

SHORTEST = 60
"""Seconds. AWS would grant a single one, which ends before a command can use it."""

_LONGEST_REASON = 256
_ACTION = r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+"
_ARN = r"arn:[a-z*?-]+:[a-z0-9*?-]+:[a-z0-9*?-]*:[a-z0-9*?-]*:[\x20-\xff]+"


def read_only(value: Any, origin: Origin) -> bool:
    """Return whether the role is to be read-only: the flag of a command line, or `true` or `false`.

    Raises:
        ConfigError: It is another text.
    """
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ConfigError(f"{quoted(str(value))} is not true or false", origin, hint=f"write {_set(origin, 'true')}")
    return text == "true"


def actions(texts: str | Iterable[str], origin: Origin) -> tuple[tuple[str, ...], ...]:
    """Return patterns of actions. Each text holds one, or several with commas.

    Raises:
        ConfigError: AWS would refuse one of them.
    """
    return (_patterns(texts, origin, _ACTION, "an action", "write it as s3:GetObject, or s3:Get*"),)


def resources(texts: str | Iterable[str], origin: Origin) -> tuple[tuple[str, ...], ...]:
    """Return patterns of ARNs, as `actions` returns those of actions.

    Raises:
        ConfigError: AWS would refuse one of them.
    """
    return (_patterns(texts, origin, _ARN, "the ARN of a resource", "write it as arn:aws:s3:::BUCKET/*"),)


def seconds(text: str, origin: Origin) -> int:
    """Return how many seconds the credentials may live.

    Raises:
        ConfigError: It is no duration, or too short or too long.
    """
    try:
        number = duration.parse(text)
    except ValueError:
        fact = f"{quoted(text)} is not a duration"
        raise limits.refused(fact, text, origin, "write it as 1h, 90m or 3600 (seconds)") from None
    if not SHORTEST <= number <= limits.MAX_SESSION_DURATION:
        most = exact(limits.MAX_SESSION_DURATION)
        fact = f"a role cannot be narrowed to {exact(number)}"
        raise ConfigError(fact, origin, hint=f"ask for {exact(SHORTEST)} to {most}")
    return number


def because(text: str, origin: Origin) -> str:
    """Return the text if AWS accepts it as the description of a session.

    Raises:
        ConfigError: AWS would refuse it.
    """
    if not 1 < len(text) <= _LONGEST_REASON or not limits.matches(r"[\t\n\r\x20-\x7e\xa1-\xff]+", text):
        hint = f"give 2 to {_LONGEST_REASON} characters of Latin-1"
        raise ConfigError("AWS does not accept this text as a description", origin, hint=hint)
    return text


CHECKS: Mapping[str, Callable[[Any, Origin], Any]] = {
    "read_only": read_only,
    "actions": actions,
    "resources": resources,
    "seconds": seconds,
    "because": because,
}
"""What reads and checks each field of a narrowing."""


def narrowing(given: Mapping[str, tuple[Any, Origin]]) -> Narrowing | None:
    """Return the narrowing of these values by field, each with its origin; None: they narrow nothing.

    Raises:
        ConfigError: AWS would refuse one of them.
    """
    values = {field: CHECKS[field](value, origin) for field, (value, origin) in given.items()}
    made = Narrowing(**values, origins={field: origin for field, (_, origin) in given.items()})
    return None if made == Narrowing() else made


def joined(first: Narrowing, second: Narrowing) -> Narrowing:
    """Return what is left if both count. Equal lists of patterns count once."""
    lives = [each.seconds for each in (second, first) if each.seconds is not None]
    origins = {**first.origins, **second.origins}
    if lives and min(lives) == first.seconds:
        origins["seconds"] = first.origins.get("seconds", origins.get("seconds", Origin("")))
    return Narrowing(
        read_only=first.read_only or second.read_only,
        actions=tuple(dict.fromkeys(first.actions + second.actions)),
        resources=tuple(dict.fromkeys(first.resources + second.resources)),
        seconds=min(lives, default=None),
        because=second.because or first.because,
        origins=origins,
    )


def _patterns(texts: str | Iterable[str], origin: Origin, pattern: str, what: str, hint: str) -> tuple[str, ...]:
    found = [part.strip() for text in ([texts] if isinstance(texts, str) else texts) for part in text.split(",")]
    rest = ",".join(filter(None, found))
    for each in found:
        if not rest:
            raise ConfigError(f"{origin.setter} is empty", origin, hint=(hint, _without(origin)))
        if not each:
            given = texts if isinstance(texts, str) else ",".join(texts)
            raise ConfigError(f"{quoted(given)} has a comma too many", origin, hint=f"write it as {rest}")
        if each in {"*", "*:*"}:
            raise ConfigError(f"{quoted(each)} narrows nothing", origin, hint=_without(origin))
        if not limits.matches(pattern, each):
            raise limits.refused(f"{quoted(each)} is not {what}", each, origin, hint)
    return tuple(dict.fromkeys(found))


def _without(origin: Origin) -> str:
    setter = origin.setter
    return f"remove {setter}" if origin.key else f"leave {setter} out" if setter.startswith("-") else f"unset {setter}"


def _set(origin: Origin, value: str) -> str:
    return f"{origin.setter} = {value}" if origin.key is not None else f"{origin.setter}={value}"
