"""The parser of botocore, `configparser`, which also records the line of every section and key.

Some of its rules surprise:

- `:` separates a key from its value as `=` does; keys are lower-cased.
- `#` or `;` begins a comment only at the beginning of a line. After a value it is part of the value.
- A line that is indented deeper than its key continues the value; the line end is part of it.
- Settings of `[DEFAULT]` apply to every section.
"""

from __future__ import annotations

import configparser
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from awsenv.errors import ConfigError, Origin
from awsenv.record import dataclass, field
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


EVERYWHERE = configparser.DEFAULTSECT
"""The section whose settings apply to every section."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a key, and its origin. The section of the origin may be `EVERYWHERE`."""

    value: str = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True)
class Section:
    """A section and its settings, including those of `[DEFAULT]`."""

    origin: Origin
    """Its header."""
    settings: dict[str, Setting]


def parse(text: str, name: str) -> dict[str, Section]:
    """Return the sections of *text* by header, in the order of the file.

    Args:
        text: The content of the file.
        name: The file, as messages name it.

    Raises:
        ConfigError: botocore would refuse the text. The origin names the line.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parser = _Parser()
    try:
        parser.read_file(parser.counted(lines))
    except configparser.Error as error:
        raise _refused(error, parser, lines, name) from None
    sections = {
        header: Section(Origin(name, line, printable(header)), parser.merged(header, name))
        for header, line in parser.headers.items()
    }
    for section in sections.values():
        for setting in section.settings.values():
            _check_nested(setting)
    return sections


def nested(text: str) -> dict[str, str]:
    """Return the keys that are nested below a key such as `s3 =`.

    Raises:
        ValueError: A line is not `key = value`.
    """
    pairs = (line.split("=", 1) for line in text.splitlines() if line.strip())
    return {key.strip(): value.strip() for key, value in pairs}


class _Lined(dict[str, Any]):
    """A dictionary that records at which line of the file each key is added."""

    def __init__(self, parser: _Parser) -> None:
        super().__init__()
        self._parser = parser
        self.lines: dict[str, int] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        self.lines.setdefault(key, self._parser.line)
        super().__setitem__(key, value)


class _Parser(configparser.RawConfigParser):
    """The parser keeps its sections, and the keys of each section, in dictionaries of a class that it is given."""

    _sections: _Lined
    _defaults: _Lined

    def __init__(self) -> None:
        self.line = 0
        super().__init__(dict_type=partial(_Lined, self))  # type: ignore[call-overload] # any callable serves

    def counted(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield *lines*, while `line` has the number of the last one."""
        for self.line, line in enumerate(lines, start=1):
            yield line

    @property
    def headers(self) -> dict[str, int]:
        """The headers, and their lines."""
        return self._sections.lines

    def own(self, header: str) -> _Lined:
        """Return the keys of a section without those of `[DEFAULT]`."""
        keys: _Lined = self._defaults if header == EVERYWHERE else self._sections[header]
        return keys

    def merged(self, header: str, name: str) -> dict[str, Setting]:
        """Return the settings of a section of the file *name*, with those of `[DEFAULT]`."""
        return {
            key: Setting(text, Origin(name, keys.lines[key], section, printable(key)))
            for section, keys in ((EVERYWHERE, self._defaults), (printable(header), self.own(header)))
            for key, text in keys.items()
        }


def _refused(error: configparser.Error, parser: _Parser, lines: list[str], name: str) -> ConfigError:
    """Return the error for a text that botocore refuses."""
    number = parser.line
    if isinstance(error, configparser.DuplicateSectionError):
        return ConfigError(
            f"section [{printable(error.section)}] appears twice, "
            f"in lines {parser.headers[error.section]} and {number}",
            Origin(name, number),
            hint="move what the first lacks to it, and remove the second",
        )
    if isinstance(error, configparser.DuplicateOptionError):
        first = parser.own(error.section).lines[error.option]
        return ConfigError(
            f"key {quoted(error.option)} appears twice in this section, in lines {first} and {number}",
            Origin(name, number, printable(error.section)),
            hint="remove one of the two",
        )
    if isinstance(error, configparser.ParsingError) and not isinstance(error, configparser.MissingSectionHeaderError):
        number = error.errors[0][0]
    content = lines[number - 1].strip()
    if content[0] == "[":
        return _unclosed(content, Origin(name, number))
    headers = filter(None, map(parser.SECTCRE.match, map(str.strip, reversed(lines[:number]))))
    above = next(headers, None)
    if above is None:
        return ConfigError(
            "there is no [section] above this line",
            Origin(name, number),
            hint="write a header such as [default] above it",
        )
    return ConfigError(
        "this line is neither [section] nor `key = value`",
        Origin(name, number, printable(above["header"])),
        hint=("correct the line", "begin it with #"),
    )


def _check_nested(setting: Setting) -> None:
    """Refuse what botocore refuses below a key without a value on its own line."""
    try:
        if setting.value.startswith("\n"):
            nested(setting.value)
    except ValueError:
        raise ConfigError(
            "an indented line below this key is not `key = value`",
            setting.origin,
            hint=("put the value on the line of the key", "write `key = value` below it"),
        ) from None


def _unclosed(content: str, origin: Origin) -> ConfigError:
    """Return the error for a header without a name or a closing bracket."""
    title = re.split(r"\s[#;]|\]", content[1:])[0].strip() or "default"
    return ConfigError(
        "the section has no name" if "]" in content else "the closing ] is missing",
        origin,
        hint=f"write [{printable(title[:80])}]",
    )
