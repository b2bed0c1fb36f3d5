"""What a person may have meant by a name that is no profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.text import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.profiles import Profiles


def did_you_mean(word: str, profiles: Profiles) -> str | None:
    """Return what to do about *word*, which is no profile; None: nothing in the files is like it.

    A section that was meant to be this profile, and that botocore does not read as one, comes first; else the profile
    whose name is closest.
    """
    misspelt = next(_misspelt(word, profiles), None)
    if misspelt is not None:
        return misspelt
    import difflib  # noqa: PLC0415 - 8 ms, only where something is wrong already

    by_lower = {name.lower(): name for name in profiles.names}
    close = difflib.get_close_matches(word.strip("'\"").lower(), by_lower, n=1, cutoff=0.7)
    return f"did you mean profile {quoted(by_lower[close[0]])}?" if close else None


def _misspelt(word: str, profiles: Profiles) -> Iterator[str]:
    wanted = _plain(word)
    for header, section in profiles.credentials_sections.items():
        if _plain(header) == ["profile", *wanted]:
            yield (
                f"{profiles.credentials_name}:{section.line}: [{printable(header)}] in the credentials file is a "
                f"profile named {quoted(header)}: write [{printable(word)}] there"
            )
    for header, section in profiles.config_sections.items():
        place = f"{profiles.config_name}:{section.line}: [{printable(header)}] is no profile"
        if header == word:
            yield f"{place}: in the config file write [profile {printable(word)}]"
        elif wanted and _plain(header) == ["profile", *wanted]:
            name = profiles.named_by(header)
            if name is not None:
                yield f"did you mean profile {quoted(name)}?"
            elif not header.startswith("profile"):
                yield f"{place}: write `profile` in small letters, at the very beginning"
            else:
                yield f"{place}: put the name in double quotes"


def _plain(text: str) -> list[str]:
    return text.replace('"', "").replace("'", "").lower().split()
