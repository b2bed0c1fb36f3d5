"""The errors of a command line, for a program that has called a function: options are its arguments there."""

from __future__ import annotations

import re
import shlex

from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import declared
from awsenv.cli.options import FIELDS
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.errors import AwsenvError

ARGUMENTS = {f"--{name.replace('_', '-')}": FIELDS.get(name, name) for name in declared(RoleOptions)}
"""The arguments, by their options."""

_OPTION = re.compile(rf"({'|'.join(sorted(ARGUMENTS, reverse=True))})\b(?:[ =](?=[A-Z]{{2}}|file:))?")
_TAG = re.compile(r"--tag ([^ =]+)=VALUE")
_CALL = re.compile(r"awsenv (?:credential-process|exec) (?:--print )?(.*)")
"""The line of the command that the function stands for."""
_INSISTS = " treats it as a role"


def tell(error: AwsenvError) -> None:
    """Let the origins and the next steps of *error* name arguments."""
    is_of_profile = any(origin.name == "--profile" for origin in error.origins)
    vars(error)["hints"] = tuple(_hint(hint, is_of_profile=is_of_profile) for hint in error.hints)
    error.origins = tuple(replace(each, name=ARGUMENTS.get(each.name, each.name)) for each in error.origins)


def _hint(hint: str, *, is_of_profile: bool) -> str:
    if (call := _CALL.fullmatch(hint)) is not None:
        if call[1].endswith(_INSISTS):
            return repr(call[1].removesuffix(_INSISTS)) + _INSISTS
        role, *options = shlex.split(call[1])
        profile = next((each.partition("=")[2] for each in options if each.startswith("--profile=")), "")
        if role == "ROLE":
            return "pass a profile, an ARN or ACCOUNT/ROLE"
        return f"pass profile={profile!r}" if is_of_profile else f"pass {role!r}"
    hint = re.sub(r"^awsenv list( shows)?", lambda found: "awsenv.roles()" + (" returns" if found[1] else ""), hint)
    if hint.startswith("awsenv "):
        return f"in a shell: {hint}"
    hint = _TAG.sub(r'tags={"\1": VALUE}', hint).replace(" as the second word", " in code=")
    return _OPTION.sub(lambda found: ARGUMENTS[found[1]] + ("=" if found[0] != found[1] else ""), hint)
