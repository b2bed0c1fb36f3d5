"""Lines of a file that AWS tools read differently.

The AWS CLI and boto3 use botocore, and awsenv reads as they do. The other SDKs follow the specification of AWS, whose
cases smithy-rs publishes (`profile-parser-tests.json`). Terraform uses the Go SDK, which is laxer than the
specification about names and colons, and removes quotes (aws-sdk-go-v2, `internal/ini`). Duplicate sections and keys
are not differences: botocore refuses the whole file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from awsenv.config.files import File
from awsenv.config.ini import EVERYWHERE
from awsenv.config.profiles import INCLUDES, Profiles
from awsenv.errors import ConfigError, Origin
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.config.ini import Section, Setting

_NAME = re.compile(r"[A-Za-z0-9_\-/.%@:+]+")
_COMMENT = re.compile(r"[ \t][#;]")
_LONGEST_KEY = 39
"""A secret access key has 40 characters: no message shows a key of that length."""


_Difference = tuple[int, str, str]
"""The line, the fact and the next step. It shows no value."""


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
    found = [*_everywhere(sections)]
    named = {} if kind == "credentials" else {profiles.named_by(header): header for header in sections}
    for header, section in sections.items():
        theirs = _specified(header, kind)
        ours = profiles.named_by(header) if kind == "config" else header
        if ours is None and theirs is not None and theirs in named:
            found.extend(_of_twins(header, section.origin.line, named[theirs]))
        else:
            found.extend(_of_header(header, section.origin.line, ours, theirs))
        for key, setting in section.settings.items():
            if setting.origin.section != EVERYWHERE:
                found.extend(_of_key(key, setting, lines[setting.origin.line - 1]))
    for number, fact, hint in sorted(found):
        yield ConfigError(fact, Origin(name, number), hint=hint)


def _specified(header: str, kind: Literal["config", "credentials"]) -> str | None:
    """Return the profile that a header names by the specification, or None."""
    words = header.split("]", maxsplit=1)[0].split()
    if kind == "config" and words != ["default"]:
        if len(words) < 2 or words[0] != "profile":  # noqa: PLR2004 - the prefix and the name
            return None
        words = words[1:]
    return words[0] if len(words) == 1 and _NAME.fullmatch(words[0]) else None


def _of_header(header: str, line: int, ours: str | None, theirs: str | None) -> Iterator[_Difference]:
    shown = f"[{printable(header)}]"
    if ours == theirs:
        return
    if ours is None:
        title = "[default]" if theirs == "default" else f"[profile {theirs}]"
        fact = f"{shown} is a profile for Terraform and other AWS SDKs, but not for the AWS CLI"
        yield line, fact, f"write {title}"
    elif theirs is not None:
        fact = f"{shown} is profile {quoted(ours)} for the AWS CLI, and {quoted(theirs)} for other AWS SDKs"
        yield line, fact, f"write [{theirs}]"
    elif ours.startswith("profile "):
        name = printable(ours.removeprefix("profile ").strip())
        fact = f"{shown} is a profile named {quoted(ours)} for the AWS CLI, and is ignored by other AWS SDKs"
        yield line, fact, f"write [{name}]: in the credentials file there is no prefix"
    else:
        fact = f"{shown} works in the AWS CLI, but not in every other AWS SDK"
        yield line, fact, "name the profile with letters, digits and - _ / . % @ : + only"


def _of_twins(header: str, line: int, counts: str) -> Iterator[_Difference]:
    """Compare two headers of one profile. botocore reads the later; others prefer `[profile default]`."""
    if header != "default":
        both = f"[{printable(header)}] and [{printable(counts)}]"
        fact = f"{both} are one profile: the AWS CLI reads the latter alone, other AWS SDKs do not"
        yield line, fact, "merge the two sections"


def _of_key(key: str, setting: Setting, line: str) -> Iterator[_Difference]:
    shown, number = _shown(key), setting.origin.line
    if key in INCLUDES:
        fact = f"{key} takes settings from another profile: awsenv and aws-vault read it, the AWS CLI does not"
        yield number, fact, "repeat the settings here, if the AWS CLI or an SDK uses this profile"
    before, _, after = line.partition("=")
    if line[:1].isspace():
        fact = f"{shown} is indented: it works in the AWS CLI, not in Terraform and other AWS SDKs"
        yield number, fact, "begin the line with the key"
    if ":" in before:
        fact = f"a colon separates {shown} from its value: it works in the AWS CLI, but not in every other AWS SDK"
        yield number, fact, "write = instead of the colon"
        after = line.partition(":")[2]
    elif not _NAME.fullmatch(key):
        fact = "the key of this line works in the AWS CLI, but not in every other AWS SDK"
        yield number, fact, "name it with letters, digits and - _ only, or begin the line with #"
    if _COMMENT.search(after):
        fact = f"the comment after the value of {shown} is part of the value for the AWS CLI, but not for Terraform"
        yield number, fact, "put the comment on its own line"
    if len(after.strip()) > 2 and after.strip()[0] in "'\"" and after.strip()[0] == after.strip()[-1]:  # noqa: PLR2004
        fact = f"the quotes are part of the value of {shown} for the AWS CLI, but not for Terraform"
        yield number, fact, "remove the quotes"
    if setting.value.startswith("\n") and any(each.lstrip().startswith("=") for each in setting.value.splitlines()):
        fact = f"a line below {shown} has no key: the AWS CLI accepts it, other AWS SDKs refuse the file"
        yield number, fact, "write `key = value` on that line, or remove it"


def _everywhere(sections: Mapping[str, Section]) -> Iterator[_Difference]:
    """Find the settings of `[DEFAULT]`, which only configparser applies to every section."""
    leaked = {
        key: setting for section in sections.values() for key, setting in section.settings.items()
        if setting.origin.section == EVERYWHERE
    }  # fmt: skip
    for key, setting in leaked.items():
        fact = f"{_shown(key)} of [DEFAULT] applies to every section for the AWS CLI, and to none for other AWS SDKs"
        yield setting.origin.line, fact, "move it to [default], or to the profiles that need it"


def _shown(key: str) -> str:
    return key if _NAME.fullmatch(key) and len(key) <= _LONGEST_KEY else "a key"
