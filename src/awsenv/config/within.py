"""A `credential_process` that asks awsenv for its own profile again: found before it runs without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.text import printable, quoted
from awsenv.errors import ConfigError

if TYPE_CHECKING:
    from awsenv.config.profiles import Profiles
    from awsenv.model import Environ, Source

VARIABLE = "_AWSENV_WITHIN"
"""The profiles whose process is running, one a line: it is set for that process, and for all that it runs."""


def entered(profile: str, environ: Environ) -> dict[str, str]:
    """Return the environment of the process of *profile*."""
    return {**environ, VARIABLE: "\n".join([*_running(environ), printable(profile)])}


def check_source(source: Source, profiles: Profiles, environ: Environ) -> None:
    """Refuse a source whose process is running already, and waits for what it would print itself.

    Raises:
        ConfigError: It is one.
    """
    profile = None if source.profile is None else profiles.get(source.profile)
    if source.kind != "process" or profile is None or printable(profile.name) not in _running(environ):
        return
    raise ConfigError(
        f"the credential_process of profile {quoted(profile.name)} asks awsenv for the same profile again",
        profile.settings["credential_process"].origin,
        hint="let it ask for another profile, one that holds credentials or a role",
    )


def _running(environ: Environ) -> list[str]:
    return environ[VARIABLE].split("\n") if environ.get(VARIABLE) else []
