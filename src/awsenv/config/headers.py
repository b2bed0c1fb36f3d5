"""Names of sections that are read as nothing or under another name, and what their authors mean."""

from __future__ import annotations

import re
import shlex

from awsenv.config.ini import EVERYWHERE
from awsenv.config.profiles import KINDS
from awsenv.config.rails import is_meant
from awsenv.distance import nearest
from awsenv.errors import ConfigError
from awsenv.record import dataclass, replace
from awsenv.wording import printable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.config.ini import Section
    from awsenv.config.profiles import Profile, Profiles
    from awsenv.errors import Origin

_OTHERS = ("plugins", "preview")
"""Sections of the AWS CLI."""

_AROUND = "[]'\" \t"
"""What does not belong to a name at its ends."""


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A section with a wrong header."""

    prefix: str
    """What it is meant to be: `profile`, `sso-session` or `services`."""
    name: str
    """The name that it is meant to have."""
    error: ConfigError


def all_misspelt(profiles: Profiles) -> Iterator[Misspelt]:
    """Find the sections that botocore does not read, or under a name that nobody types."""
    for header, section in profiles.unread.items():
        if header not in _OTHERS:
            yield _ignored(header, section, profiles)
    for header, section in profiles.credentials_sections.items():
        name = _bare(header)
        if name and name != header:
            fact = f"in the credentials file [{printable(header)}] is a profile named {quoted(header)}"
            yield Misspelt("profile", name, _error(section, fact, name, profiles.credentials_sections))


def misspelt(word: str, profiles: Profiles, prefix: str = "profile") -> ConfigError | None:
    """Return the error of the misspelt section that *word* names; None: there is none. Case does not matter."""
    name = " ".join(word.translate(_NOISE).lower().split()).removeprefix("profile ")
    found = (each for each in all_misspelt(profiles) if name and each.prefix == prefix)
    return next((each.error for each in found if each.name.translate(_NOISE).lower() == name), None)


def misplaced_rails(profiles: Profiles, profile: str | None = None) -> Iterator[ConfigError]:
    """Find the guard rails in sections that are no profile, and so guard nothing.

    Args:
        profiles: The profiles of the two files.
        profile: The profile that they are meant for; None: any name that no profile has.
    """
    for header, section, prefix, name in _strays(profiles):
        if name == profile or (profile is None and header in profiles.meanings and profiles.get(name) is None):
            for key, setting in section.settings.items():
                if is_meant(key) and setting.origin.section != EVERYWHERE:
                    fact = f"{printable(key)} guards nothing: [{printable(header)}] is not a profile"
                    where = "a profile" if profile is None else f"[{prefix}{printable(name)}]"
                    yield ConfigError(fact, setting.origin, hint=f"move {printable(key)} to {where}")


def lost_rails(profiles: Profiles, profile: Profile) -> Iterator[ConfigError]:
    """Yield the error of a profile that includes one that does not exist: it may have lost its guard rails.

    It has lost none if there are none in the files, as in those of aws-vault.
    """
    lost = profiles.lost(profile)
    sections = (*profiles.config_sections.values(), *profiles.credentials_sections.values())
    if lost is not None and any(is_meant(key) for section in sections for key in section.settings):
        fact, setting = lost
        hint = did_you_mean(setting.value, profiles, setting.origin) or "remove it"
        yield ConfigError(f"{fact}, and so brings no guard rails", setting.origin, hint=hint)


def _strays(profiles: Profiles) -> Iterator[tuple[str, Section, str, str]]:
    """Yield the sections that are no profile: the header, the section, the prefix of a profile there, and the name."""
    for header, section in profiles.strays.items():
        known = profiles.meanings.get(header)
        yield header, section, "profile ", _ignored(header, section, profiles).name if known is None else known[1]
    for header, section in profiles.credentials_sections.items():
        name = _bare(header)
        if name != header:
            yield header, section, "", name


def _bare(header: str) -> str:
    """Return the name that a header of the credentials file is meant to have."""
    return re.sub("^profiles?[ \t]+", "", header.strip(_AROUND), flags=re.IGNORECASE).strip(_AROUND)


_NOISE = str.maketrans("", "", "[]'\"")


def _ignored(header: str, section: Section, profiles: Profiles) -> Misspelt:
    kind, *rest = re.split(r"\s+", header.strip(_AROUND), maxsplit=1)
    prefix, name = kind.lower(), "".join(rest).strip(_AROUND)
    reason = f": no section begins with {quoted(kind)}"
    if prefix not in KINDS:
        prefix = (nearest(kind, KINDS) if name else None) or ""
    if not prefix:
        prefix, name, reason = "profile", header.strip(_AROUND), ": it does not begin with profile"
    elif kind in KINDS:
        reason = ": a name with spaces needs quotes" if " " in name and not re.search("['\"\\\\]", header) else ""
        reason = reason if name else ": it has no name"
    if re.search(r"[^\S \t]", header):
        reason = ": it has an invisible character that is not a space"
    if prefix == "profile" and name.lower() == "default":
        name, reason = "default", ": it must be in lower case"
    counts = next((other for other, meaning in profiles.meanings.items() if meaning == (prefix, name)), None)
    if counts is not None:
        reason = f", and read [{printable(counts)}]"
    title = "default" if (prefix, name) == ("profile", "default") else f"{prefix} {_spelt(name) or 'NAME'}"
    fact = f"the AWS CLI and awsenv ignore [{printable(header)}]{reason}"
    return Misspelt(prefix, name, _error(section, fact, counts or title, profiles.config_sections))


def _error(section: Section, fact: str, title: str, sections: Mapping[str, Section]) -> ConfigError:
    hint = mended(str(section.origin.section), title, sections)
    return ConfigError(fact, replace(section.origin, section=None), hint=hint)


def _spelt(name: str) -> str:
    """Return a name as a header spells it."""
    return f'"{printable(name)}"' if any(mark in name for mark in " '\"\\") else printable(name)


def mended(header: str, title: str, sections: Mapping[str, Section]) -> str:
    """Return the next step for a header that should be [title]. A file with the same header twice is unreadable."""
    if title in sections:
        return f"move what [{printable(title)}] lacks to it, and remove [{printable(header)}]"
    return f"write [{printable(title)}]"


def did_you_mean(word: str, profiles: Profiles, origin: Origin) -> str | None:
    """Return the next step for *word*, which *origin* sets and which is not a profile; None: nothing is similar.

    It mends the header of a misspelt section of this profile, or else names the profile with the closest name.
    """
    error = misspelt(word, profiles)
    if error is not None:
        return f"{error.hints[0]} in {error.where}"
    close = nearest(word.removeprefix("profile "), profiles.names)
    if close is None:
        return None
    if origin.key is not None:
        return f"write {origin.key} = {printable(close)}"
    name = shlex.quote(printable(close))
    return f"{origin.name} {name}" if origin.name.startswith("-") else f"export {origin.name}={name}"
