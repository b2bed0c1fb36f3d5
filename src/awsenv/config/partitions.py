"""The partitions of AWS and their regions, from botocore's `partitions.json`."""

from __future__ import annotations

import os
from functools import cache

from awsenv.config.limits import matches, refused
from awsenv.distance import nearest
from awsenv.record import dataclass, field
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.errors import Origin

WITHOUT_REGION = "aws"
"""The partition without a region: STS is then sts.amazonaws.com, which knows only this one."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of AWS."""

    name: str
    pattern: str
    """A regular expression for the names of its regions, in ASCII."""
    suffix: str
    """The end of its host names."""
    dual_stack_suffix: str
    regions: Mapping[str, str] = field(default_factory=dict)
    """Its regions, with their locations."""


AWS = Partition("aws", r"(us|eu|ap|sa|ca|me|af|il|mx)\-\w+\-\d+", "amazonaws.com", "api.aws")
"""The partition of most regions, so that the file seldom has to be read. Its regions are left out."""


def partition(region: str, origin: Origin) -> str:
    """Return the partition of *region*. A region that botocore does not list is matched by its pattern.

    Raises:
        ConfigError: No partition has regions of this pattern.
    """
    found = partition_with(region)
    if found is None:
        meant = nearest_region(region)
        raise refused(f"{quoted(region)} is not an AWS region", region, origin, f"such as {meant or 'eu-central-1'}")
    return found.name


def partition_with(region: str) -> Partition | None:
    """Return the partition that lists *region*, or whose pattern it matches; None: there is none."""
    if matches(AWS.pattern, region):
        return AWS
    return next((each for each in _table() if region in each.regions or matches(each.pattern, region)), None)


def nearest_region(region: str) -> str | None:
    """Return the region that *region*, a typo, is most likely meant for; None: it is near none."""
    return nearest(region, (known for each in _table() for known in each.regions))


def is_listed(region: str) -> bool:
    """Return whether botocore lists *region*. A newer region may be missing."""
    return any(region in each.regions for each in _table())


def listed() -> dict[str, str]:
    """Return the regions that botocore lists, with their locations, except those of US intelligence agencies."""
    public = (each.regions for each in _table() if "-iso" not in each.name)
    listed = {region: text for known in public for region, text in known.items()}
    return {region: text for region, text in listed.items() if not region.endswith("-global")}


@cache
def _table() -> tuple[Partition, ...]:
    """Read the partitions from botocore's file. Importing its loader would take 100 ms."""
    import json  # noqa: PLC0415 - only for a region outside the partition aws
    from importlib.util import find_spec  # noqa: PLC0415 - the same

    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ImportError(name="botocore")
    path = os.path.join(os.path.dirname(spec.origin), "data", "partitions.json")  # noqa: PTH118, PTH120 - pathlib costs an import
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the same
            table = json.load(file)
    except OSError as error:
        raise ImportError(name="botocore") from error
    return tuple(
        Partition(
            entry["id"],
            entry["regionRegex"].removeprefix("^").removesuffix("$"),
            entry["outputs"]["dnsSuffix"],
            entry["outputs"]["dualStackDnsSuffix"],
            {region: about["description"] for region, about in entry["regions"].items()},
        )
        for entry in table["partitions"]
    )
