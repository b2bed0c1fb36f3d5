"""What the two files hold of a set-up, and what they lack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from awsenv.config.text import quoted
from awsenv.errors import ConfigError
from awsenv.setup.files import header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.config import Profile, Profiles
    from awsenv.setup.plan import Wanted

# What makes a profile a source of credentials by itself. `role_arn` makes it a role.
_SOURCES = (
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)


@dataclass(frozen=True, slots=True)
class Local:
    """What the two files hold of a set-up."""

    config_name: str = "~/.aws/config"
    """The config file, as messages name it."""
    credentials_name: str = "~/.aws/credentials"
    source: Profile | None = None
    """The source profile."""
    roles: Mapping[str, Profile] = field(default_factory=dict)
    """The profiles that have the names of the roles, as far as they are there."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The name of a role → the header of its profile in the config file, there or to be."""
    key_ids: frozenset[str] = frozenset()
    """Every access key of every profile."""
    source_is_named: bool = False
    """Whether a profile takes its credentials from the source profile: then an earlier run has come to its end."""


def local(profiles: Profiles, wanted: Wanted) -> Local:
    """Return what *profiles* hold of *wanted*."""
    everything = [profile for name in profiles.names if (profile := profiles.get(name)) is not None]
    by_name = {profile.name: profile for profile in everything}
    return Local(
        config_name=profiles.config_name,
        credentials_name=profiles.credentials_name,
        source=by_name.get(wanted.source_profile),
        roles={role.name: by_name[role.name] for role in wanted.roles if role.name in by_name},
        headers={role.name: header(profiles, role.name) for role in wanted.roles},
        key_ids=frozenset(key for profile in everything if (key := profile.value("aws_access_key_id"))),
        source_is_named=any(profile.value("source_profile") == wanted.source_profile for profile in everything),
    )


def check_source(source: Profile) -> None:
    """Check that the source profile is one that holds a user's access key, or that can be made one.

    Raises:
        ConfigError: It gets its credentials in another way, or holds half a key.
    """
    for key in ("role_arn", *_SOURCES):
        if source.value(key) is not None and key not in {"aws_access_key_id", "credential_process"}:
            raise ConfigError(
                f"the profile {quoted(source.name)} does not hold the access key of a user: it has {key}",
                source.settings[key].origin,
                hint="name another user with --user: its profile has the same name",
            )
    pair = ("aws_access_key_id", "aws_secret_access_key")
    there = [key for key in pair if source.value(key) is not None]
    if len(there) == 1:
        raise ConfigError(
            f"the profile {quoted(source.name)} holds half an access key: {there[0]} alone",
            source.settings[there[0]].origin,
            hint="add the other half, or remove this one",
        )


def missing_settings(profile: Profile | None, settings: Mapping[str, str]) -> dict[str, str]:
    """Return those of *settings* that a role's profile lacks.

    Raises:
        ConfigError: The profile says otherwise, and would have to be changed. A region of its own it may have.
    """
    if profile is None:
        return dict(settings)
    for key in _SOURCES:
        if profile.value(key) is not None:
            raise ConfigError(
                f"the profile {quoted(profile.name)} has credentials of its own: it has {key}",
                profile.settings[key].origin,
                hint="rename the profile, or give the role another name",
            )
    for key, wanted in settings.items():
        there = profile.value(key)
        if key != "region" and there is not None and there != wanted:
            # Neither of two external ids is for the eyes.
            what = f"{key} is another than that of the role" if key == "external_id" else f"{key} is not {wanted}"
            raise ConfigError(
                f"the profile {quoted(profile.name)} is there already, and its {what}",
                profile.settings[key].origin,
                hint=f"remove the line, and run awsenv setup again to have it written: {key}"
                if key in {"external_id", "mfa_serial"}
                else "rename the profile, or give the role another name",
            )
    return {key: wanted for key, wanted in settings.items() if profile.value(key) is None}
