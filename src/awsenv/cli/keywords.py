"""The errors of a command line in the words of Python: an option is the keyword argument of a function."""

from __future__ import annotations

import re

from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import options
from awsenv.cli.options import FIELDS
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.errors import AwsenvError

ARGUMENTS = {spelled: FIELDS.get(each.name, each.name) for spelled, each in options(RoleOptions).items()}
"""The keyword arguments, by their options."""

_OPTION = re.compile(rf"({'|'.join(sorted(ARGUMENTS, reverse=True))})\b(?:[ =](?=[A-Z]{{2}}|file:))?")
_TAG = re.compile(r"--tag ([^ =]+)=VALUE")
_LIST = re.compile(r"^awsenv list( shows)?")


def tell(error: AwsenvError) -> None:
    """Let the origins and the next steps of *error* name keyword arguments."""
    vars(error)["hints"] = tuple(map(_spelled, error.hints))
    error.origins = tuple(replace(each, name=ARGUMENTS.get(each.name, each.name)) for each in error.origins)


def _spelled(hint: str) -> str:
    """Return a next step as a reader of Python takes it: what a shell takes is left as it is, and said to be one's."""
    hint = _LIST.sub(lambda found: "awsenv.roles()" + (" returns" if found[1] else ""), hint)
    if hint.startswith("awsenv "):
        return f"in a shell: {hint}"
    hint = _TAG.sub(r'tags={"\1": VALUE}', hint).replace(" as the second word", " in code=")
    return _OPTION.sub(lambda found: ARGUMENTS[found[1]] + ("=" if found[0] != found[1] else ""), hint)
