"""Durations, as users type them and as messages show them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import duration


@given(st.integers(0, 9_999_999))
def test_an_exact_duration_can_be_typed(seconds: int) -> None:
    """The parser reads every duration back from its exact spelling."""
    assert seconds == duration.parse(duration.exact(seconds))


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    """The parser adds up hours, minutes and seconds."""
    assert hours * 3600 + minutes * 60 + seconds == duration.parse(f"{hours}h{minutes}m{seconds}s")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "expired"),
        (0.9, "expired"),
        (59, "59s"),
        (60, "1m"),
        (3599.9, "59m"),
        (3600, "1h00m"),
        (43199, "11h59m"),
        (172_800, "2d00h"),
        (273_600, "3d04h"),
    ],
)
def test_the_time_left_is_rounded_down(seconds: float, expected: str) -> None:
    """The time left has at most two units, is never more than the true time, and is `expired` at the end."""
    assert expected == duration.left(seconds)


@pytest.mark.parametrize(("seconds", "expected"), [(29.4, "29s"), (-89, "1m"), (7199.6, "2h00m"), (-3600.2, "1h00m")])
def test_a_difference_is_rounded(seconds: float, expected: str) -> None:
    """A difference is shown rounded, and without its sign."""
    assert expected == duration.rounded(seconds)


def test_the_end_is_an_instant_and_a_duration() -> None:
    """The end of credentials is shown as an instant, whose local time `cli.report` spells, and as a duration."""
    ends = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc)
    assert " until {@1767270600} (30m)" == duration.until(ends, ends.timestamp() - 1800)
    assert "" == duration.until(None, 0)
