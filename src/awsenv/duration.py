"""Durations and times, as users type them and as messages show them."""

from __future__ import annotations

import re

from awsenv import wording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_TYPED = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_LONG = 48
"""Hours from which days are shown."""


def parse(text: str) -> int:
    """Return the seconds in `12h`, `1h30m`, `90m`, `3600s` or `3600`.

    Raises:
        ValueError: The text is not a duration.
    """
    trimmed = text.strip().lower()
    match = _TYPED.fullmatch(trimmed + "s" if trimmed.isdigit() else trimmed)
    if match is None or not any(match.groups()):
        raise ValueError(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def exact(seconds: int) -> str:
    """Return a duration as `parse` reads it: `1h`, `1h30m`, `50s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{amount}{unit}" for amount, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if amount) or "0s"


def short(seconds: float) -> str:
    """Return a duration to its two largest units: `3d04h`, `1h05m`, `59m`, `45s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= _LONG:
        return f"{hours // 24}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m" if minutes else f"{rest}s"


def rounded(seconds: float) -> str:
    """Return the size of a difference as `short` does, rounded to minutes if it is a minute or more."""
    size = abs(seconds)
    return short(60 * round(size / 60) if size >= 60 else size)  # noqa: PLR2004 - a minute


def left(seconds: float) -> str:
    """Return the time left as the prompt shows it: `1h05m`, `59m`, `45s`, `expired`."""
    return short(seconds) if int(seconds) > 0 else "expired"


def until(ends: datetime | None, now: float) -> str:
    """Return when credentials end, and in how long; empty if they do not."""
    if ends is None:
        return ""
    return f" until {wording.instant(ends.timestamp())} ({rounded(ends.timestamp() - now)})"
