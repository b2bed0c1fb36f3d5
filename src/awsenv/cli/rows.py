"""The profiles as `list` and the picker show them: a row for each role, and one for each source of credentials."""

from __future__ import annotations

from awsenv.config.sources import KINDS
from awsenv.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from awsenv.config import Entry, Profiles
    from awsenv.errors import AwsenvError
    from awsenv.model import Environ

HEAD = ("PROFILE", "ACCOUNT", "ROLE", "MFA", "REGION", "PROTECTED")
"""The titles of the columns of a role. The last is shown only where it marks a row."""

_NEXT = ("add [profile NAME] with role_arn and source_profile", "awsenv demo shows one")


def row(entry: Entry) -> tuple[str | None, ...]:
    """Return the row of a role or of a source, in the columns of HEAD; None: the files do not show it.

    A source has its kind in place of a role.
    """
    what = entry.role or entry.role_arn if entry.kind is None else KINDS[entry.kind].word
    protected = "✓" if entry.rails.is_protected else None
    return (entry.name, entry.account, what, entry.mfa_serial and "✓", entry.region, protected)


def shown(entries: Iterable[Entry]) -> int:
    """Return how many columns of HEAD are shown for *entries*."""
    return len(HEAD) - (not any(entry.rails.is_protected for entry in entries))


def marks(entry: Entry, role: str | None) -> tuple[str, str]:
    """Return what stands in the two cells before a row where PROTECTED fits, and where it does not.

    A star marks *role*, that of this shell; an exclamation mark stands for the column.
    """
    star = "*" if is_called(entry, role) else " "
    return f"{star} ", f"{star}{'!' if entry.rails.is_protected else ' '}"


def matches(entry: Entry, *patterns: str) -> bool:
    """Return whether one of *patterns* is a part of the name, the account or the role, or as a glob matches one.

    Without patterns, every entry matches.
    """
    from fnmatch import fnmatchcase  # noqa: PLC0415 - only with a PATTERN

    texts = [text.casefold() for text in (entry.name, entry.account, entry.role) if text]
    arn = (entry.role_arn or "").casefold()
    return not patterns or any(
        pattern in text or fnmatchcase(text, pattern)
        for pattern in map(str.casefold, patterns)
        for text in (*texts, *([arn] if ":" in pattern else []))
    )


def is_called(entry: Entry, role: str | None) -> bool:
    """Return whether *role*, as the user typed it, is this profile or its role."""
    return role is not None and role in {entry.name, entry.role_arn}


def nothing(profiles: Profiles, environ: Environ) -> AwsenvError:
    """Return the error of files without a role or a source, which `list` shows as a note."""
    from awsenv import config  # noqa: PLC0415 - where there is nothing

    fact = f"no profile in {profiles.where} has a role_arn, or credentials"
    return config.nothing(profiles, environ) or ConfigError(fact, hint=_NEXT)
