"""An error carries its next steps."""

from __future__ import annotations

import pickle

from awsenv.errors import TYPED, AwsenvError, ConfigError, MfaError, Origin, RefusedError


def test_a_hint_is_computed_when_it_is_read() -> None:
    """The function that computes the hints is called when they are first read, and only once."""
    calls: list[str] = []

    def find() -> tuple[str, ...]:
        calls.append("found")
        return "one", "two"

    error = ConfigError("no such profile", hint=find)
    assert [] == calls
    assert (("one", "two"), ("one", "two"), ["found"]) == (error.hints, error.hints, calls)


def test_the_command_line_is_no_origin() -> None:
    """The user has just typed it: only an option, a variable or a place in a file is named."""
    option = Origin("--region")

    assert ((), "") == (ConfigError("no such region", TYPED).origins, ConfigError("no such region", TYPED).where)
    assert (option,) == ConfigError("no such region", TYPED, option, None).origins


def test_an_error_reaches_another_process() -> None:
    """A pool of processes raises in the parent what its worker has raised: the same error, with its next steps."""
    for error in (
        RefusedError("AWS refused", Origin("here", 3), code="AccessDenied", because="it said so", hint="ask"),
        MfaError("a code is needed", hint=lambda: ("one", "two")),
    ):
        made: AwsenvError = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        assert (type(error), str(error), error.hints, error.origins) == (
            type(made),
            str(made),
            made.hints,
            made.origins,
        )
        assert (error.fact, error.because, getattr(error, "code", "")) == (
            made.fact,
            made.because,
            getattr(made, "code", ""),
        )
