"""A `credential_process` that calls awsenv: for a role, or without end for its own profile."""

from __future__ import annotations

import shlex

from awsenv.config.sources import KINDS, is_role, kind_of
from awsenv.errors import ConfigError
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.model import Environ, Source

_WITHIN = "_AWSENV_WITHIN"
"""The profiles whose `credential_process` is running, one a line; set for that process and its children."""

FLAGS = frozenset({"--yes", "--quiet", "--print", "--read-only", "--help", "--"})
"""What begins with two hyphens in a command line of `credential-process`, and has no value."""


def words(profile: Profile) -> list[str]:
    """Return the words of the `credential_process` of *profile*; none if it has none, or lacks a quote."""
    command = profile.value("credential_process")
    try:
        return shlex.split(command) if command else []
    except ValueError:
        return []


def asked_for(profile: Profile) -> str | None:
    """Return the role that the `credential_process` of *profile* calls awsenv for; None: it does something else."""
    program, *rest = words(profile) or [""]
    if program.rpartition("/")[2] != "awsenv" or rest[:1] != ["credential-process"]:
        return None
    left = iter(rest[1:])
    for word in left:
        if not word.startswith("-"):
            return word
        if word.startswith("--") and "=" not in word and word not in FLAGS:
            next(left, None)
    return None


def other_name_of(profile: Profile, profiles: Profiles) -> Profile | None:
    """Return the role that *profile* gives to other tools, by calling awsenv for it; None: it is no such profile."""
    role = None if is_role(profile) or kind_of(profile) != "process" else profiles.get(asked_for(profile) or "")
    return role if role is not None and is_role(role) else None


def entered(profile: str, environ: Environ) -> dict[str, str]:
    """Return the environment for the `credential_process` of *profile*."""
    return {**environ, _WITHIN: "\n".join([*_running(environ), printable(profile)])}


def check_source(source: Source, profiles: Profiles, environ: Environ) -> None:
    """Refuse a command, such as a `credential_process`, that calls awsenv for the same profile, which would never end.

    Raises:
        ConfigError: The source is such a command.
    """
    profile = None if source.profile is None else profiles.get(source.profile)
    command = KINDS[source.kind].command
    if not command or profile is None or printable(profile.name) not in _running(environ):
        return
    raise ConfigError(
        f"the {command} of profile {quoted(profile.name)} calls awsenv for the same profile again",
        profile.settings[command].origin,
        hint=(
            "name another profile in it, one that holds credentials or a role",
            "name the source of a role that has no profile: --profile",
        ),
    )


def _running(environ: Environ) -> list[str]:
    return environ[_WITHIN].split("\n") if environ.get(_WITHIN) else []
