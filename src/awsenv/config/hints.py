"""What a person may have meant by a name that is not that of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awsenv.config.text import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config.profiles import Profiles


class Misspelt(NamedTuple):
    """A section that was meant to be a profile, and that botocore does not read as that profile."""

    place: str
    """The file and the line."""
    fact: str
    hint: str


def misspelt(word: str, profiles: Profiles) -> Misspelt | None:
    """Return the section that was meant to be the profile *word*, or None."""
    return next(_misspelt(word, profiles), None)


def did_you_mean(word: str, profiles: Profiles) -> str | None:
    """Return what to do about *word*, which is not a profile; None: nothing in the files is like it.

    A section that was meant to be this profile comes first; else the profile whose name is closest.
    """
    section = misspelt(word, profiles)
    if section is not None:
        return f"{section.place}: {section.fact}: {section.hint}"
    import difflib  # noqa: PLC0415 - 8 ms, only where something is wrong already

    by_plain = {" ".join(_plain(name)): name for name in profiles.names}
    wanted = " ".join(_plain(word.removeprefix("profile ")))
    close = difflib.get_close_matches(wanted, by_plain, n=1, cutoff=0.7)
    return f"did you mean profile {quoted(by_plain[close[0]])}?" if close else None


def _misspelt(word: str, profiles: Profiles) -> Iterator[Misspelt]:
    wanted = _plain(word)
    if not wanted:
        return
    meant = (wanted, ["profile", *wanted])
    for header, section in profiles.credentials_sections.items():
        plain = _plain(header)
        if plain == meant[1] or (plain == wanted and header.startswith("[")):
            place = f"{profiles.credentials_name}:{section.line}"
            fact = f"in the credentials file [{printable(header)}] is a profile named {quoted(header)}"
            yield Misspelt(place, fact, f"write [{printable(word)}]")
    for header, section in profiles.config_sections.items():
        if _plain(header) in meant and profiles.named_by(header) is None:
            place = f"{profiles.config_name}:{section.line}"
            yield Misspelt(place, f"[{printable(header)}] is not a profile", f"write [profile {_name(word)}]")


def _name(word: str) -> str:
    """Return a name as it stands in a header."""
    bare = printable(word.strip("'\""))
    return bare if bare and not any(mark in bare for mark in " '\"\\") else f'"{bare}"'


def _plain(text: str) -> list[str]:
    return text.translate(_NOISE).lower().split()


_NOISE = str.maketrans("", "", "[]'\"")
