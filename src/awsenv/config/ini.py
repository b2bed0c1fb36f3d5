"""An INI parser that reads as botocore does, and records the line of every section and key.

botocore uses `configparser.RawConfigParser`, which does not record lines. This parser returns the same result for every
text that botocore accepts (a property test compares the two), and names the file and the line in every text that
botocore refuses. Some rules of `configparser` surprise:

- `:` separates a key from its value as `=` does; keys are lower-cased.
- `#` or `;` begins a comment only at the beginning of a line. After a value it is part of the value.
- A line that is indented deeper than its key continues the value; the line end is part of it.
- Settings of `[DEFAULT]` apply to every section.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from awsenv.errors import ConfigError
from awsenv.origin import Origin
from awsenv.wording import printable, quoted

_EVERYWHERE = "DEFAULT"


class Value(NamedTuple):
    """The value of a key, and its place."""

    text: str
    line: int
    section: str
    """The section that sets it, which may be `DEFAULT`."""

    def __repr__(self) -> str:
        """Omit the text, which may be a secret."""
        return f"Value(…, line={self.line})"


@dataclass(frozen=True, slots=True)
class Section:
    """A section and its values, including those of `[DEFAULT]`."""

    line: int
    values: dict[str, Value]


def parse(text: str, name: str) -> dict[str, Section]:
    """Return the sections of *text* by header, in the order of the file.

    Args:
        text: The content of the file.
        name: The file, as messages name it.

    Raises:
        ConfigError: botocore would refuse the text. The origin names the line.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        reader.take(number, line)
    return reader.sections()


def nested(text: str) -> dict[str, str]:
    """Return the keys that are nested below a key such as `s3 =`.

    Raises:
        ValueError: A line is not `key = value`.
    """
    pairs = (line.split("=", 1) for line in text.splitlines() if line.strip())
    return {key.strip(): value.strip() for key, value in pairs}


@dataclass(slots=True)
class _Key:
    line: int
    parts: list[str]


@dataclass(slots=True)
class _Open:
    line: int
    keys: dict[str, _Key] = field(default_factory=dict)


class _Reader:
    """The state of the parser between two lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: dict[str, _Open] = {}
        self._section = ""
        self._keys: dict[str, _Key] | None = None
        self._parts: list[str] | None = None
        self._indent = 0

    def take(self, number: int, line: str) -> None:
        content = line.strip()
        if not content:
            if self._parts is not None:
                self._parts.append("")
        elif content[0] not in "#;":
            indent = len(line) - len(line.lstrip())
            if self._parts is not None and indent > self._indent:
                self._parts.append(content)
            else:
                self._indent = indent
                self._begin(number, content)

    def _begin(self, number: int, content: str) -> None:
        end = content.rfind("]")
        if content[0] == "[" and end > 1:
            self._header(number, content[1:end])
        elif self._keys is None:
            if content[0] == "[":
                raise _unclosed(content, Origin(self._name, number))
            raise ConfigError(
                "there is no [section] above this line",
                Origin(self._name, number),
                hint="write a header such as [default] or [profile NAME] above it",
            )
        else:
            self._option(self._keys, number, content)

    def _header(self, number: int, header: str) -> None:
        known = self._found.get(header)
        if known is not None and header != _EVERYWHERE:
            raise ConfigError(
                f"section [{printable(header)}] appears twice, in lines {known.line} and {number}",
                Origin(self._name, number),
                hint="merge the two sections; until then, the AWS CLI refuses the whole file too",
            )
        section = known or self._found.setdefault(header, _Open(number))
        self._section, self._keys, self._parts = header, section.keys, None

    def _option(self, keys: dict[str, _Key], number: int, content: str) -> None:
        before, divider, after = content.partition("=")
        if ":" in before:
            before, divider, after = content.partition(":")
        key = before.rstrip().lower()
        if not divider or not key:
            if content[0] == "[":
                raise _unclosed(content, Origin(self._name, number))
            raise ConfigError(
                "this line is neither [section] nor `key = value`",
                Origin(self._name, number, printable(self._section)),
                hint="correct the line, or begin it with #",
            )
        if key in keys:
            raise ConfigError(
                f"key {quoted(key)} appears twice in this section, in lines {keys[key].line} and {number}",
                Origin(self._name, number, printable(self._section)),
                hint="remove one of the two; until then, the AWS CLI refuses the whole file too",
            )
        self._parts = [after.strip()]
        keys[key] = _Key(number, self._parts)

    def sections(self) -> dict[str, Section]:
        everywhere = _values(_EVERYWHERE, self._found.pop(_EVERYWHERE, None))
        result = {}
        for header, found in self._found.items():
            values = {**everywhere, **_values(header, found)} if everywhere else _values(header, found)
            for key, value in values.items():
                if value.text.startswith("\n"):
                    self._check_nested(key, value)
            result[header] = Section(found.line, values)
        return result

    def _check_nested(self, key: str, value: Value) -> None:
        try:
            nested(value.text)
        except ValueError:
            raise ConfigError(
                "an indented line below this key is not `key = value`",
                Origin(self._name, value.line, printable(value.section), printable(key)),
                hint="put the value on the line of the key, or write `key = value` below it",
            ) from None


def _unclosed(content: str, origin: Origin) -> ConfigError:
    """Return the error for a header without a name or a closing bracket."""
    title = re.split(r"\s[#;]|\]", content[1:])[0].strip() or "profile NAME"
    return ConfigError(
        "the section has no name" if "]" in content else "the closing ] is missing",
        origin,
        hint=f"write [{printable(title[:80])}]",
    )


def _values(header: str, found: _Open | None) -> dict[str, Value]:
    if found is None:
        return {}
    return {key: Value("\n".join(item.parts).rstrip(), item.line, header) for key, item in found.keys.items()}
