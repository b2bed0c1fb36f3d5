"""The log: what was called, by whom, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Call:
    """One request that reached the sandbox."""

    action: str
    """As IAM names it: `AssumeRole`, `DescribeRegions`, `ListBucket`."""
    service: str
    parameters: Mapping[str, str]
    """As they were sent, flat; the value of a secret one (code, external id, password) is `(hidden)`."""
    caller: str | None
    """The ARN; None: the request was not known to come from anyone, or a fault came first."""
    status: int | None
    """HTTP's; None: the connection was closed without an answer."""
    error: str | None
    """AWS's error code; None: it went well, or the client could not know one."""
    time: datetime
