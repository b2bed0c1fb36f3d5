"""The ROLE of the command line, the ARNs of IAM, and the partition of a region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv.config.limits import refused
from awsenv.errors import ConfigError
from awsenv.model import RoleArn
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.origin import Origin

_ACCOUNT = r"[0-9]{12}"
_NAME = r"[\w+=,.@-]{1,64}"
_PATH_AND_NAME = rf"(?:[!-.0-~][!-~]{{0,509}}/)?{_NAME}"
_ARN = rf"arn:(?P<partition>[a-z]+(?:-[a-z]+)*):iam::(?P<account>{_ACCOUNT}):role/(?P<rest>{_PATH_AND_NAME})"
_SESSION = rf"arn:([a-z-]+):sts::({_ACCOUNT}):assumed-role/({_NAME})/.*"


def is_bare_name(word: str) -> bool:
    """Tell whether *word* can be the name of a role, as IAM names roles."""
    return re.fullmatch(_NAME, word, re.ASCII) is not None


def role(word: str, partition: str, origin: Origin) -> RoleArn:
    """Return the role that *word* names: an ARN, `ACCOUNT/ROLE` with or without a path, or the name of a role.

    Args:
        word: The ROLE of the command line.
        partition: The partition of a role that is not given as an ARN.
        origin: Where the word comes from.

    Raises:
        ConfigError: The word has none of these forms.
    """
    if word.startswith("arn:"):
        return role_arn(word, origin)
    if is_bare_name(word):
        return RoleArn(partition, None, word)
    account, slash, rest = word.partition("/")
    if slash and re.fullmatch(_ACCOUNT, account) and re.fullmatch(_PATH_AND_NAME, rest, re.ASCII):
        return RoleArn(partition, account, rest)
    if slash and re.fullmatch("[0-9]+", account) and len(account) != 12:  # noqa: PLR2004 - AWS's number
        raise ConfigError(
            f"{quoted(account)} is not an account ID: it has {len(account)} digits instead of 12",
            origin,
            hint="give ACCOUNT/ROLE with the twelve digits: aws sts get-caller-identity shows your own",
        )
    raise ConfigError(
        f"{quoted(word)} is not a profile, and not a valid role name",
        origin,
        hint="give a profile, a role's ARN, ACCOUNT/ROLE, or the name of a role",
    )


def role_arn(text: str, origin: Origin) -> RoleArn:
    """Return the role that an ARN names.

    Raises:
        ConfigError: The text is not the ARN of a role. If it is the ARN of a session, the hint says so.
    """
    match = re.fullmatch(_ARN, text, re.ASCII)
    if match is not None:
        return RoleArn(match["partition"], match["account"], match["rest"])
    session = re.fullmatch(_SESSION, text, re.ASCII)
    account = re.match(r"arn:[a-z-]+:iam::([0-9]*):role/", text)
    hint = "such as arn:aws:iam::123456789012:role/NAME"
    reason = ""
    if session is not None:
        partition, number, name = session.groups()
        hint = f"this is the ARN of a session; its role may be arn:{partition}:iam::{number}:role/{name}"
    elif account is not None and not re.fullmatch(_ACCOUNT, account[1]):
        reason = f": its account has {len(account[1])} digits instead of 12"
    raise refused(f"{quoted(text)} is not the ARN of a role{reason}", text, origin, hint)


def partition_of(arn: str) -> str | None:
    """Return the partition of an ARN; None for anything else, such as the serial number of a device."""
    return arn.split(":", 2)[1] if arn.startswith("arn:") else None


WITHOUT_REGION = "aws"
"""With no region at all STS is sts.amazonaws.com, which knows the partition `aws` only."""


def partition(region: str, origin: Origin) -> str:
    """Return the partition of *region*. A region that botocore does not list is matched by its pattern.

    Raises:
        ConfigError: No partition has regions of this pattern.
    """
    for name, known, pattern in _table():
        if region in known or re.fullmatch(pattern, region, re.ASCII):
            return name
    raise refused(f"{quoted(region)} is not an AWS region", region, origin, "such as eu-central-1")


def is_listed(region: str) -> bool:
    """Tell whether botocore lists *region*, which may be newer than botocore."""
    return any(region in known for _, known, _ in _table())


def _table() -> Iterator[tuple[str, list[str], str]]:
    """Read the table of partitions from the files of botocore: importing its loader would take 100 ms."""
    import json  # noqa: PLC0415 - only if a region is set, and botocore usually follows
    from importlib.util import find_spec  # noqa: PLC0415 - the same
    from pathlib import Path  # noqa: PLC0415 - the same

    spec = find_spec("botocore")
    for folder in (spec and spec.submodule_search_locations) or ():
        table = json.loads(Path(folder, "data", "partitions.json").read_bytes())
        for entry in table["partitions"]:
            yield (
                entry["id"],
                list(entry["regions"]),
                entry["regionRegex"].removeprefix("^").removesuffix("$"),
            )
