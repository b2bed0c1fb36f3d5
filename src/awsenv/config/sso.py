"""Whether a profile says all that a sign-in with IAM Identity Center needs."""

from __future__ import annotations

from awsenv.config import limits
from awsenv.config.headers import misspelt
from awsenv.distance import nearest
from awsenv.errors import ConfigError
from awsenv.wording import listed, printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.errors import Hint


def check_sso(profile: Profile, profiles: Profiles) -> None:
    """Refuse what botocore's SSOProvider refuses, and name the place.

    Raises:
        ConfigError: The profile, or the section that it names, lacks something, or they contradict each other.
    """
    settings = dict(profile.settings)
    name = settings.get("sso_session")
    if name is not None:
        session = profiles.sso_session(name.value)
        if session is None:
            fact = f"there is no section [sso-session {printable(name.value)}]"
            fact = fact if name.value else f"sso_session of profile {quoted(profile.name)} is empty"
            raise limits.refused(fact, name.value, name.origin, _session_meant(name.value, profile, profiles))
        for key, setting in session.items():
            mine = settings.setdefault(key, setting)
            if mine.value != setting.value:
                raise ConfigError(
                    f"{printable(key)} differs between the profile and its sso-session",
                    mine.origin,
                    setting.origin,
                    hint="remove it from the profile",
                )
    needed = ("sso_account_id", "sso_role_name", "sso_start_url", "sso_region")
    missing = [key for key in needed if key not in settings]
    if missing:
        raise ConfigError(
            f"profile {quoted(profile.name)} signs in with SSO, but lacks {listed(missing)}",
            profile.origin,
            hint="add it: aws configure sso",
        )


def _session_meant(name: str, profile: Profile, profiles: Profiles) -> Hint:
    """Return the next steps for an sso_session that names no section: another name, the header, or a new section."""
    header = misspelt(name, profiles, "sso-session")
    if header is not None:
        return f"{header.hints[0]} in {header.where}"
    names = [other for prefix, other in profiles.meanings.values() if prefix == "sso-session"]
    add = "add the section: aws configure sso-session"
    if name:
        close = nearest(name, names)
        return "correct the name" if close is None else f"write sso_session = {printable(close)}", add
    first = f"write sso_session = {printable(listed(names, 'or'))}" if names else add
    return first, "remove it" if "sso_start_url" in profile.settings else "aws configure sso"
