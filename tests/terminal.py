"""What a terminal shows of a program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pexpect

if TYPE_CHECKING:
    from typing import Any

_WAITS = re.compile(r"\rawsenv: waiting for [^\r\n]*\x1b\[K\r\x1b\[K|awsenv: waiting for [^\r\n]*\r\n")
"""The line of `awsenv.cli.waiting` with what removes it, or as a terminal without control sequences shows it."""


def settled(shown: str) -> str:
    """Return *shown* without what awsenv has waited for: on a busy machine even a start takes more than a second."""
    return _WAITS.sub("", shown)


def shown_by(child: pexpect.spawn[Any]) -> str:
    """Return what *child* shows until it ends, without what awsenv has waited for."""
    child.expect(pexpect.EOF)
    return settled(child.before)
