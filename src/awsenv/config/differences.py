"""Lines of a file that AWS tools read differently.

The AWS CLI and boto3 use botocore, and awsenv reads as they do. The other SDKs follow the specification of AWS, whose
cases smithy-rs publishes (`profile-parser-tests.json`). Terraform uses the Go SDK, which is laxer than the
specification about names and colons, and removes quotes (aws-sdk-go-v2, `internal/ini`). Duplicate sections and keys
are not differences: botocore refuses the whole file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from awsenv.config import rails
from awsenv.config.files import File
from awsenv.config.headers import mended
from awsenv.config.ini import EVERYWHERE
from awsenv.config.profiles import INCLUDES, KINDS, Profiles
from awsenv.errors import ConfigError, Origin
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.config.ini import Section, Setting
    from awsenv.config.profiles import Profile

_NAME = re.compile(r"[A-Za-z0-9_\-/.%@:+]+")
_COMMENT = re.compile(r"\s[#;]")
_LONGEST_KEY = 39
"""A secret access key has 40 characters: no message shows a key of that length."""

_NOUNS = {"profile": "a profile", "sso-session": "an SSO session", "services": "a services section"}
_VALUE = "write a value in the place of the comment"
_RENAME = "rename it: letters, digits and - _ / . % @ : + only"

_Difference = tuple[int, str, str]
"""The line, the fact and the next step. It shows no value."""

_Meaning = tuple[str, str]
"""The prefix and the name of a section: `sso-session`, `my-sso`. The prefix of `[default]` is `profile`."""


def differences(text: str, name: str, kind: Literal["config", "credentials"]) -> Iterator[ConfigError]:
    """Find the lines of *text* that botocore and the other AWS SDKs read differently.

    Args:
        text: The content of the file.
        name: The file, as messages name it.
        kind: Which of the two files it is.

    Yields:
        The differences as errors, in the order of the lines. They show no value.

    Raises:
        ConfigError: botocore would refuse the whole file.
    """
    file, none = File(name, name, text), File("", "", None)
    profiles = Profiles(file, none) if kind == "config" else Profiles(none, file)
    sections = profiles.config_sections if kind == "config" else profiles.credentials_sections
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = list(_of_lines(text, lines))
    headers = [_Header(title, each, lines[each.origin.line - 1], profiles, kind) for title, each in sections.items()]
    counting = {header.ours: header.title for header in headers}
    for header in headers:
        found.extend(_of_header(header, counting, sections))
        for key, setting in sections[header.title].settings.items():
            if setting.origin.section != EVERYWHERE:
                found.extend(_of_key(key, setting, lines[setting.origin.line - 1], profiles))
    for number, fact, hint in sorted(found):
        yield ConfigError(fact, Origin(name, number), hint=hint)


@dataclass(frozen=True)
class _Header:
    """A header, and what it means to both."""

    title: str
    section: Section
    line: str
    profiles: Profiles
    kind: Literal["config", "credentials"]

    @property
    def ours(self) -> _Meaning | None:
        """What botocore reads there; None: nothing that has a name, or another section of the same name counts."""
        if self.kind == "credentials":
            return "profile", self.title
        return self.profiles.meanings.get(self.title)

    @property
    def text(self) -> str:
        """The line without the comment, where the specification sees one."""
        return re.split("[#;]", self.line, maxsplit=1)[0].strip(" \t")

    @property
    def theirs(self) -> _Meaning | None:
        """What the specification reads there; None: nothing."""
        text = self.text
        words = re.split("[ \t]+", text[1:-1].strip(" \t"))
        if self.kind == "credentials" or words == ["default"]:
            words.insert(0, "profile")
        prefix, name, *more = *words, ""
        is_valid = more == [""] and prefix in KINDS and text.endswith("]") and _NAME.fullmatch(name)
        return (prefix, name) if is_valid else None


def _of_header(
    header: _Header, counting: Mapping[_Meaning | None, str], sections: Mapping[str, Section]
) -> Iterator[_Difference]:
    """Compare what both read under a header.

    Args:
        header: The header.
        counting: The headers that count for botocore, by what they mean.
        sections: All sections of the file.
    """
    line, shown, ours, theirs = header.section.origin.line, f"[{printable(header.title)}]", header.ours, header.theirs
    after = header.line.strip().removeprefix(f"[{header.title}]").strip()
    if header.line[:1].isspace():
        yield line, f"{shown} is indented: {_ONLY_CLI}", "begin the line with the ["
    if after and after[0] not in "#;":
        yield line, f"text follows the ] of {shown}: {_ONLY_CLI}", "remove what follows the ]"
    elif not header.text.endswith("]"):
        yield line, f"a comment begins inside {shown} for other AWS SDKs, and they refuse the file", _RENAME
    elif ours == theirs or (header.title == "default" and theirs in counting):
        # Of [profile default] and a [default] before it, all read the first alone.
        pass
    elif ours is None and theirs is not None and theirs in counting:
        other = counting[theirs]
        both = f"{shown} and [{printable(other)}]"
        fact = f"{both} are one profile: the AWS CLI reads the latter alone, other AWS SDKs do not"
        gone, stays = (other, header.title) if header.title == _title(theirs) else (header.title, other)
        yield line, fact, mended(gone, stays, sections)
    elif header.kind == "credentials" or theirs is not None or _title(ours) not in {*sections} - {header.title}:
        # Otherwise there is another section of this name, which only other SDKs read: it has its finding.
        yield line, *_of_name(header, shown, sections)


_ONLY_CLI = "it works in the AWS CLI, but not in every other AWS SDK"


def _of_name(header: _Header, shown: str, sections: Mapping[str, Section]) -> tuple[str, str]:
    """Return the fact and the next step for a header that only one reads, or both by other names."""
    ours, theirs = header.ours, header.theirs
    prefix, name = theirs or ours or ("profile", "")
    title = _title((prefix, name))
    if header.kind == "credentials":
        title = name = name.removeprefix("profile ").strip(" \t\"'")
    hint = mended(header.title, title, sections) if _NAME.fullmatch(name) else _RENAME
    if ours is None:
        return f"{shown} is {_NOUNS[prefix]} for Terraform and other AWS SDKs, but not for the AWS CLI", hint
    if theirs is not None:
        named = f"{prefix} {quoted(ours[1])}"
        return f"{shown} is {named} for the AWS CLI, and {quoted(theirs[1])} for other AWS SDKs", hint
    if header.kind == "credentials" and ours[1] != name:
        return f"{shown} is a profile named {quoted(ours[1])} for the AWS CLI, and is ignored by other AWS SDKs", hint
    return f"{shown} works in the AWS CLI, but not in every other AWS SDK", hint


def _title(meaning: _Meaning | None) -> str:
    """Return the header that all read alike."""
    return "default" if meaning == ("profile", "default") else " ".join(meaning or ())


def _of_lines(text: str, lines: list[str]) -> Iterator[_Difference]:
    """Compare what both take for white space, line ends and comments."""
    if lone := re.search(r"\r(?!\n)", text):
        number = len(re.findall(r"\r\n|\r|\n", text[: lone.start()])) + 1
        yield number, f"the line ends with a carriage return: {_ONLY_CLI}", "save the file with the line ends of Unix"
    for number, line in enumerate(lines, start=1):
        if line.strip().startswith(f"[{EVERYWHERE}]"):
            fact = f"[{EVERYWHERE}] applies to every section for the AWS CLI, and to none for other AWS SDKs"
            yield number, fact, "move its settings to the profiles that need them, and remove it"
        bare, value = line.strip(" \t"), re.split("[=:]", line, maxsplit=1)[-1].strip(" \t")
        if line[:1].isspace() and line.strip()[:1] in ("#", ";"):
            fact = "this comment is indented: the AWS CLI ignores it, other AWS SDKs add it to the value above"
            yield number, fact, f"begin the line with the {line.strip()[0]}"
        elif bare[:1] not in ("#", ";") and (bare != bare.strip() or value != value.strip() or _odd(line)):
            fact = "an invisible character other than a space is in this line: the AWS CLI removes it, others do not"
            yield number, fact, "retype the line with ordinary spaces"


def _odd(line: str) -> re.Match[str] | None:
    """Return a white space that only botocore knows, in a header or beside a key."""
    return re.search(r"[^\S \t]", line if line.strip()[:1] == "[" else re.split("[=:]", line, maxsplit=1)[0])


def _of_key(key: str, setting: Setting, line: str, profiles: Profiles) -> Iterator[_Difference]:
    shown, number = _shown(key), setting.origin.line
    if key in INCLUDES and not _holds_rails_alone(profiles.get(setting.value)):
        fact = f"{key} takes settings from another profile: awsenv and aws-vault read it, the AWS CLI does not"
        yield number, fact, "repeat the settings here, if the AWS CLI or an SDK uses this profile"
    before, _, after = line.partition("=")
    if line[:1].isspace():
        fact = f"{shown} is indented: it works in the AWS CLI, not in Terraform and other AWS SDKs"
        yield number, fact, "begin the line with the key"
    if ":" in before:
        yield number, f"a colon separates {shown} from its value: {_ONLY_CLI}", "write = instead of the colon"
        after = line.partition(":")[2]
    elif not _NAME.fullmatch(key):
        yield number, f"the key of this line has a character that is not allowed: {_ONLY_CLI}", _RENAME
    if _COMMENT.search(after) and key not in rails.KEYS:
        fact = f"the comment after the value of {shown} is part of the value for the AWS CLI, but not for Terraform"
        # Without a value, the lines that continue it would be nested keys.
        is_continued = "\n" in setting.value and not _COMMENT.split(after)[0].strip()
        yield number, fact, _VALUE if is_continued else "put the comment on its own line"
    if len(after.strip()) > 2 and after.strip()[0] in "'\"" and after.strip()[0] == after.strip()[-1]:  # noqa: PLR2004
        fact = f"the quotes are part of the value of {shown} for the AWS CLI, but not for Terraform"
        yield number, fact, "remove the quotes"
    if setting.value.startswith("\n"):
        if any(
            not re.match("[^=]+=", re.split(_COMMENT, each.strip())[0]) for each in setting.value.split("\n") if each
        ):
            fact = f"a line below {shown} has no key: the AWS CLI accepts it, other AWS SDKs refuse the file"
            yield number, fact, "write `key = value` on that line, or remove it"
    elif "\n\n" in setting.value:
        fact = f"there is a blank line in the value of {shown}: the AWS CLI keeps it, other AWS SDKs do not"
        yield number, fact, "remove the blank line"


def _holds_rails_alone(profile: Profile | None) -> bool:
    """Return whether *profile* sets nothing that a tool other than awsenv reads."""
    return profile is not None and all(key in rails.KEYS or key in INCLUDES for key in profile.settings)


def _shown(key: str) -> str:
    return key if _NAME.fullmatch(key) and len(key) <= _LONGEST_KEY else "a key"
