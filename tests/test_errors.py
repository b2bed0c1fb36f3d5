"""An error carries its next steps."""

from __future__ import annotations

from awsenv.errors import TYPED, ConfigError, Origin


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
