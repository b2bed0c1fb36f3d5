"""An INI file as botocore reads it, with the line of every section and key.

botocore reads with `configparser.RawConfigParser`, which forgets where things stand. This reader gives the same
answer for every text that botocore takes (a property test compares the two) and names file and line for every text
that it does not take. The rules that surprise, all of `configparser`:

- `:` divides a key from its value as well as `=`; keys are lower-cased.
- A `#` or `;` begins a comment only at the beginning of a line: what stands after a value belongs to the value.
- A line that is indented deeper than the key above it continues that value, with a line end between.
- What `[DEFAULT]` says counts in every section.
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
    """What a key is set to, and where."""

    text: str
    line: int
    section: str
    """`DEFAULT` where the value comes from there."""

    def __repr__(self) -> str:
        """Leave the text out: it may be a secret."""
        return f"Value(…, line={self.line})"


@dataclass(frozen=True, slots=True)
class Section:
    """A section and its values, those of `[DEFAULT]` included."""

    line: int
    values: dict[str, Value]


def parse(text: str, name: str) -> dict[str, Section]:
    """Return the sections of *text* by their header, in the order of the file.

    Args:
        text: The content of the file.
        name: The file, as messages name it.

    Raises:
        ConfigError: botocore would not take the text; the place says which line.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        reader.take(number, line)
    return reader.sections()


def nested(text: str) -> dict[str, str]:
    """Return the keys that stand indented below a key without a value of its own, such as `s3 =`.

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
    """The state while a file is read line by line."""

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
                hint="merge the two sections: until then the AWS CLI refuses the whole file, too",
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
                hint="remove one of the two: until then the AWS CLI refuses the whole file, too",
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
    """Return the error of a header that does not end."""
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
