"""How findings are made."""

from __future__ import annotations

import pytest

from awsenv.doctor.model import Finding, Inputs, Verdict, fine, of_error, unknown, warning, wrong
from awsenv.errors import TYPED, ConfigError, Origin

ORIGIN = Origin("~/.aws/config", 2, "default", "region")


@pytest.mark.parametrize(
    ("make", "verdict"),
    [(fine, Verdict.FINE), (warning, Verdict.WARNING), (wrong, Verdict.WRONG), (unknown, Verdict.UNKNOWN)],
)
def test_each_verdict_has_a_function(make: type[Finding], verdict: Verdict) -> None:
    """It takes the check, the fact and the next steps."""
    assert Finding("region", verdict, "one", hints=("two", "three")) == make("region", "one", "two", "three")  # type: ignore[arg-type] # a function


def test_the_command_line_is_no_origin() -> None:
    """The user has just typed it."""
    assert () == wrong("role", "one", "two", origins=[TYPED]).origins


def test_the_environment_is_not_in_a_repr() -> None:
    """It holds secrets."""
    assert "canary" not in repr(Inputs({"AWS_SECRET_ACCESS_KEY": "canary"}, "/bin/awsenv", lambda: 0))


def test_a_finding_leaves_out_origins_that_are_none() -> None:
    """A value without an origin adds none to the finding."""
    found = wrong("region", "one", "two", "three", origins=[None, ORIGIN])
    assert Finding("region", Verdict.WRONG, "one", (ORIGIN,), ("two", "three")) == found


def test_an_error_is_a_finding_with_its_origins_and_its_hint() -> None:
    """A finding takes over the fact, the origins and the next step of an error."""
    assert warning("region", "one", "two", origins=[ORIGIN]) == of_error(
        "region", ConfigError("one", ORIGIN, hint="two"), Verdict.WARNING
    )
