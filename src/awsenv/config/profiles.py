"""The profiles of the config file and the credentials file, with the origin of every value."""

from __future__ import annotations

import shlex
from functools import cached_property, lru_cache

from awsenv.config import files, ini, rails
from awsenv.record import dataclass
from awsenv.wording import listed, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from awsenv.config.ini import Setting
    from awsenv.errors import Origin
    from awsenv.model import RoleArn

INCLUDES = ("include_profile", "parent_profile")
"""aws-vault's keys for a profile to take settings from; the second is the older name."""
_INCLUDED = frozenset(
    {
        "credential_process",
        "duration_seconds",
        "external_id",
        "mfa_process",
        "mfa_serial",
        "region",
        "role_arn",
        "role_session_name",
        "session_tags",
        "source_identity",
        "source_profile",
        "sso_account_id",
        "sso_region",
        "sso_role_name",
        "sso_session",
        "sso_start_url",
        "sts_regional_endpoints",
        "transitive_session_tags",
        "web_identity_token_file",
    }
)
"""The settings that it takes (aws-vault 7, `vault/config.go`, `populateFromConfigFile`), beside the guard rails."""
KINDS = {"profile": "profiles", "sso-session": "sso_sessions", "services": "services"}
"""What the sections with a name are called in `for_botocore`, by the prefix of their headers."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile with its settings in both files. If both set a key, the credentials file wins, as in botocore.

    For users of aws-vault, a setting in neither file comes from the profile that `include_profile` names.
    """

    name: str
    settings: Mapping[str, Setting]
    origin: Origin
    """Its section, in the config file if both files have one."""
    shared_file: str
    """The credentials file, as origins name it."""

    def value(self, key: str) -> str | None:
        """Return the value of *key*, or None."""
        setting = self.settings.get(key)
        return None if setting is None else setting.value

    def is_shared(self, key: str) -> bool:
        """Return whether *key* is set in the credentials file."""
        setting = self.settings.get(key)
        return setting is not None and setting.origin.name == self.shared_file


class Profiles:
    """The profiles of the two files. Immutable, and shared between threads."""

    def __init__(self, config: files.File, credentials: files.File) -> None:
        """Parse the two files.

        Raises:
            ConfigError: botocore would refuse one of the files. The origin names the line.
        """
        self.folder: str | None = None
        """Where relative paths in settings start; None: at the working directory of the process."""
        self.config_name = config.name
        """The config file, as origins name it."""
        self.credentials_name = credentials.name
        """The credentials file, as origins name it."""
        self.files = [_named(config), _named(credentials)]
        """The two files for a message, which also says if one does not exist."""
        self.is_without_config = config.text is None
        """Whether the config file does not exist."""
        self.config_sections: Mapping[str, ini.Section] = ini.parse(config.text or "", config.name)
        """All sections of the config file by header, including those that are not profiles."""
        self.credentials_sections: Mapping[str, ini.Section] = ini.parse(credentials.text or "", credentials.name)
        """The sections of the credentials file by header, which is the name of the profile."""
        self._headers, self._others = _by_kind(self.config_sections)

    @property
    def where(self) -> str:
        """The two files for a message on what neither of them has."""
        return listed(self.files, "or")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the profiles, in the order of the files."""
        return tuple({**self._headers["profiles"], **dict.fromkeys(self.credentials_sections, "")})

    def __iter__(self) -> Iterator[Profile]:
        """Yield the profiles, in the order of the files."""
        return (profile for name in self.names if (profile := self.get(name)) is not None)

    @cached_property
    def meanings(self) -> Mapping[str, tuple[str, str]]:
        """The prefix and the name of each section with a name, by its header: `sso-session`, `my-sso`.

        The prefix of `[default]` is `profile`. A section is not among them if botocore reads another one of its name.
        """
        kinds = ((prefix, self._headers[kind]) for prefix, kind in KINDS.items())
        return {header: (prefix, name) for prefix, headers in kinds for name, header in headers.items()}

    @cached_property
    def unread(self) -> Mapping[str, ini.Section]:
        """The sections of the config file that have no entry in `meanings`, by header."""
        return {header: section for header, section in self.config_sections.items() if header not in self.meanings}

    def get(self, name: str, seen: tuple[str, ...] = ()) -> Profile | None:
        """Return the profile, or None. *seen* names the profiles that include it."""
        header = self._headers["profiles"].get(name)
        sections = [] if header is None else [self.config_sections[header]]
        sections += [self.credentials_sections[name]] if name in self.credentials_sections else []
        if not sections:
            return None
        settings = {key: setting for section in sections for key, setting in section.settings.items()}
        included = self._included(settings, (*seen, name))
        return Profile(name, {**included, **settings}, sections[0].origin, self.credentials_name)

    def describing(self, role: RoleArn) -> Iterator[Profile]:
        """Yield the profiles whose `role_arn` is *role*; without an account, that of its name in any account.

        Case does not count: IAM has no two roles whose names differ by case alone.
        """
        own = str(role).lower().split(":")
        for profile in self:
            arn = (profile.value("role_arn") or "").lower().split(":")
            if arn == own or (role.account is None and arn[:4] + arn[5:] == own[:4] + own[5:]):
                yield profile

    @cached_property
    def strays(self) -> Mapping[str, ini.Section]:
        """The sections of the config file that are no profile, by header."""
        others = self.config_sections.keys() - self._headers["profiles"].values()
        return {header: self.config_sections[header] for header in sorted(others)}

    def _included(self, settings: Mapping[str, Setting], seen: tuple[str, ...]) -> dict[str, Setting]:
        """Return the included settings. As in aws-vault, an unknown profile adds nothing."""
        name = next((settings[key].value for key in INCLUDES if key in settings), None)
        other = None if name is None or name in seen else self.get(name, seen)
        if other is None:
            return {}
        return {key: setting for key, setting in other.settings.items() if key in _INCLUDED or rails.is_meant(key)}

    def lost(self, profile: Profile) -> tuple[str, Setting] | None:
        """Return the fact that *profile*, or one that it includes, includes one that does not exist, and the setting.

        None: all of them exist.
        """
        including: Profile | None = profile
        seen: set[str] = set()
        while including is not None and including.name not in seen:
            seen.add(including.name)
            key = next((key for key in INCLUDES if key in including.settings), None)
            if key is None:
                break
            setting = including.settings[key]
            including = self.get(setting.value)
            if including is None:
                return f"{key} names profile {quoted(setting.value)}, which does not exist", setting
        return None

    def sso_session(self, name: str) -> Mapping[str, Setting] | None:
        """Return the settings of `[sso-session NAME]` in the config file, or None."""
        header = self._headers["sso_sessions"].get(name)
        return None if header is None else self.config_sections[header].settings

    def services(self, name: str) -> Mapping[str, Setting] | None:
        """Return the settings of `[services NAME]` in the config file, or None."""
        header = self._headers["services"].get(name)
        return None if header is None else self.config_sections[header].settings

    def config_keys(self, name: str) -> frozenset[str]:
        """Return the keys that the config file sets for a profile, under `[NAME]` and `[profile NAME]`.

        Tools differ in which of `[default]` and `[profile default]` they read.
        """
        own = ([name], ["profile", name])
        sections = (section for header, section in self.config_sections.items() if _words(header) in own)
        return frozenset(key for section in sections for key in section.settings)

    def for_botocore(self) -> dict[str, Any]:
        """Return a new copy of botocore's `Session.full_config`.

        With it, botocore's providers do not read the files again.
        """
        full: dict[str, Any] = {header: _plain(self.config_sections[header].settings) for header in self._others}
        for kind, headers in self._headers.items():
            full[kind] = {name: _plain(self.config_sections[header].settings) for name, header in headers.items()}
        return {**full, "profiles": {profile.name: _plain(profile.settings) for profile in self}}


def read(environ: Mapping[str, str], folder: str | None = None) -> Profiles:
    """Read the two files that botocore would read in *environ*.

    Args:
        environ: The environment of the caller.
        folder: The working directory of the caller, where relative paths start; None: that of the process.

    Raises:
        ConfigError: A file exists but cannot be read, or botocore would refuse it.
    """
    parsed = _parsed(files.config_file(environ, folder), files.credentials_file(environ, folder))
    profiles = Profiles.__new__(Profiles)
    vars(profiles).update(vars(parsed), folder=folder)
    return profiles


# An agent holds the profiles of each of its roles: of 1,500 profiles that would be 2.7 MB and 13 ms for each.
_parsed = lru_cache(maxsize=4)(Profiles)


def forget() -> None:
    """Empty the cache of parsed files. Existing `Profiles` keep their sections."""
    _parsed.cache_clear()


def _named(file: files.File) -> str:
    lacks = "" if file.text is not None else " (not a regular file)" if file.is_taken else " (missing)"
    return (file.name or "the empty path") + lacks


def _by_kind(sections: Mapping[str, ini.Section]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Sort headers into name → header for each kind, and the rest; botocore's `build_profile_map`."""
    kinds: dict[str, dict[str, str]] = {kind: {} for kind in KINDS.values()}
    others = []
    for header in sections:
        for prefix, kind in KINDS.items():
            if header.startswith(prefix):
                words = _words(header)
                if len(words) == 2:  # noqa: PLR2004 - the prefix and the name
                    kinds[kind][words[1]] = header
                break
        else:
            if header == "default":
                kinds["profiles"][header] = header
            else:
                others.append(header)
    return kinds, tuple(others)


def _words(header: str) -> list[str]:
    """Split like `shlex.split`, and without its 20 µs a header."""
    if not any(mark in header for mark in "'\"\\"):
        return [word for word in header.replace("\t", " ").split(" ") if word]
    try:
        return shlex.split(header)
    except ValueError:
        return []


def _plain(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {
        key: ini.nested(setting.value) if setting.value.startswith("\n") else setting.value
        for key, setting in settings.items()
    }


NO_PROFILES = Profiles(files.File("", "", None), files.File("", "", None))
"""The profiles of two empty files."""
