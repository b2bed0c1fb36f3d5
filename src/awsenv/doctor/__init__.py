"""What is wrong with the machine, the files and a role, in the order in which things fail.

Only what makes the role fail is `WRONG`; everything else that is found is a `WARNING`. What depends on something that
is wrong is left out or `UNKNOWN`, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.doctor.agent import agent
from awsenv.doctor.files import files
from awsenv.doctor.hook import hook
from awsenv.doctor.model import Finding, FromAgent, Inputs, Verdict
from awsenv.doctor.plan import plan
from awsenv.doctor.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "FromAgent", "Inputs", "Verdict", "examine"]


def examine(inputs: Inputs) -> Iterator[Finding]:
    """Examine *inputs*. The only MFA code that is used is the one of the request; a dead agent's socket is removed.

    Yields:
        What each check finds, in the order in which things fail.
    """
    files_are_wrong = False
    for finding in files(inputs.environ, inputs.folder):
        files_are_wrong |= finding.verdict is Verdict.WRONG
        yield finding
    yield from variables(inputs.environ, inputs.now())
    yield from hook(inputs.environ, inputs.shell, inputs.program)
    found = list(agent(inputs.environ))
    is_well = all(finding.verdict is Verdict.FINE for finding in found)
    if not is_well:
        yield from found
    planned = yield from plan(inputs, files_are_wrong=files_are_wrong)
    if planned is not None:
        from awsenv.doctor import role  # noqa: PLC0415 - 110 ms of botocore, which the checks above do without

        yield from role.examine(planned, inputs)
    if is_well:
        yield from found
