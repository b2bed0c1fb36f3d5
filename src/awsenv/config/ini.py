"""A parser with the rules of `configparser`, as botocore uses it, which also records the line of every section and key.

`configparser` itself takes half as long to load as Python takes to start. The tests compare the two. Some of the rules
are surprising:

- `:` separates a key from its value as `=` does; keys are lower-cased.
- `#` or `;` begins a comment only at the beginning of a line. After a value it is part of the value.
- A line that is indented deeper than its key continues the value; the line end is part of it.
- Settings of `[DEFAULT]` apply to every section.
"""

from __future__ import annotations

import re

from awsenv.errors import ConfigError, Origin
from awsenv.record import dataclass, field
from awsenv.wording import printable, quoted

EVERYWHERE = "DEFAULT"
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
    reader = _Reader(name)
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        reader.read(number, line)
    if reader.error is not None:
        raise reader.error
    everywhere = reader.settings(EVERYWHERE)
    sections = {
        header: Section(Origin(name, number, printable(header)), {**everywhere, **reader.settings(header)})
        for header, number in reader.headers.items()
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


class _Reader:
    """Reads the file *name* line by line."""

    def __init__(self, name: str) -> None:
        self.headers: dict[str, int] = {}
        """The sections, with the lines of their headers."""
        self.error: ConfigError | None = None
        """The error of the first line that is not `key = value`. That of a repeated section or key comes before it."""
        self._name = name
        self._keys: dict[str, dict[str, tuple[int, list[str]]]] = {EVERYWHERE: {}}
        """The keys of each section, each with its line and the lines of its value."""
        self._header: str | None = None
        self._value: list[str] | None = None
        """The lines of the last value; None: no value can be continued."""
        self._indent = 0

    def settings(self, header: str) -> dict[str, Setting]:
        """Return the settings of a section, without those of `[DEFAULT]`."""
        section, name = printable(header), self._name
        return {
            key: Setting("\n".join(lines).rstrip(), Origin(name, number, section, printable(key)))
            for key, (number, lines) in self._keys[header].items()
        }

    def read(self, number: int, line: str) -> None:
        """Read the next line.

        Raises:
            ConfigError: There is no section above it, or its section or key appears twice.
        """
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        if content.startswith(("#", ";")):
            return
        if not content or (self._value is not None and indent > self._indent):
            if self._value is not None:
                self._value.append(content)
            return
        self._indent = indent
        end = content.rfind("]")
        if content[0] == "[" and end > 1:
            self._begin(number, content[1:end])
        elif self._header is None:
            raise self._refused(number, content)
        else:
            self._add(number, content, self._header)

    def _begin(self, number: int, header: str) -> None:
        if header in self.headers:
            raise ConfigError(
                f"section [{printable(header)}] appears twice, in lines {self.headers[header]} and {number}",
                Origin(self._name, number),
                hint="move what the first lacks to it, and remove the second",
            )
        if header != EVERYWHERE:
            self.headers[header], self._keys[header] = number, {}
        self._header, self._value = header, None

    def _add(self, number: int, content: str, header: str) -> None:
        ends = [at for at in map(content.find, "=:") if at >= 0]
        key = content[: min(ends)].rstrip().lower() if ends else ""
        if not key and self.error is None:
            self.error = self._refused(number, content)
        if not ends:
            return
        keys = self._keys[header]
        if key in keys:
            raise ConfigError(
                f"key {quoted(key)} appears twice in this section, in lines {keys[key][0]} and {number}",
                Origin(self._name, number, printable(header)),
                hint="remove one of the two",
            )
        lines = [content[min(ends) + 1 :].strip()]
        keys[key] = number, lines
        self._value = lines if key else None

    def _refused(self, number: int, content: str) -> ConfigError:
        """Return the error of a line that is neither a header nor `key = value`."""
        if content[0] == "[":
            return _unclosed(content, Origin(self._name, number))
        if self._header is None:
            return ConfigError(
                "there is no [section] above this line",
                Origin(self._name, number),
                hint="write a header such as [default] above it",
            )
        return ConfigError(
            "this line is neither [section] nor `key = value`",
            Origin(self._name, number, printable(self._header)),
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
