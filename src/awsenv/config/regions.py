"""Which partition a region belongs to, after botocore's own table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv.config.limits import remedy, why
from awsenv.config.text import quoted
from awsenv.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.origin import Origin

WITHOUT_REGION = "aws"
"""With no region at all STS is sts.amazonaws.com, which knows the partition `aws` only."""


def partition(region: str, origin: Origin) -> str:
    """Return the partition of *region*, which need not be one that botocore has heard of: its pattern decides.

    Raises:
        ConfigError: No partition has regions of this pattern.
    """
    for name, known, pattern in _table():
        if region in known or re.fullmatch(pattern, region, re.ASCII):
            return name
    raise ConfigError(
        f"{quoted(region)} is not an AWS region{why(region)}",
        origin,
        hint=remedy(region) or "such as eu-central-1",
    )


def is_listed(region: str) -> bool:
    """Tell whether botocore has heard of *region*. It may be newer than botocore."""
    return any(region in known for _, known, _ in _table())


def _table() -> Iterator[tuple[str, list[str], str]]:
    """Read the table from where botocore is installed: to import botocore's loader for it would take 100 ms."""
    import json  # noqa: PLC0415 - only where a region is known, and most of the time botocore follows
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
