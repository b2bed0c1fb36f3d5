"""JSON, for programs: an object with null for a variable that is to be unset. No shell evaluates it."""

from __future__ import annotations

import json

from awsenv.shells.base import Format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change


class Json(Format):
    """JSON."""

    name = "json"

    def quote(self, value: str) -> str:
        """Return a string in ASCII. A byte that is not UTF-8 is a lone surrogate, as Python has it (PEP 383)."""
        return json.dumps(value)

    def render(self, change: Change) -> str:
        """Return one object."""
        return json.dumps(dict(change.variables), indent=2) + "\n"


SHELL = Json()
