"""What is wrong with the machine, the files and a role, in the order in which things fail.

Only what makes the role fail is `WRONG`; everything else that is found is a `WARNING`. What depends on something that
is wrong is left out or `UNKNOWN`, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv import changes
from awsenv.config import login_command
from awsenv.doctor.files import CHAIN, chain, files
from awsenv.doctor.installation import agent, hook
from awsenv.doctor.model import Finding, Inputs, Verdict, fine, unknown
from awsenv.doctor.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "Inputs", "Verdict", "examine"]


def examine(inputs: Inputs) -> Iterator[Finding]:
    """Examine *inputs*. The only MFA code that is used is the one of the request; a dead agent's socket is removed.

    Yields:
        What each check finds, in the order in which things fail.
    """
    environ = changes.original(inputs.environ)
    profiles = yield from files(environ, inputs.folder)
    names = None if profiles is None else profiles.names
    yield from variables(inputs.environ, inputs.now(), inputs.faults, names)
    yield from hook(inputs.environ, inputs.shell, inputs.program)
    of_agent, login = agent(inputs.environ), "awsenv login"
    if of_agent is not None and of_agent.verdict is not Verdict.FINE:
        yield of_agent
    if profiles is None:
        yield unknown(CHAIN, "not checked: the files cannot be read")
    elif (resolved := (yield from chain(inputs.request, profiles, environ))) is not None:
        from awsenv.doctor.role import role  # noqa: PLC0415 - 110 ms of botocore, which the checks above do without

        yield from role(resolved, inputs)
        login = login_command(resolved.chain, profiles, environ)
    if of_agent is None:
        yield fine("agent", f"not running; {login} starts one, so that one code a day is enough")
    elif of_agent.verdict is Verdict.FINE:
        yield of_agent
