"""What is wrong with the machine, the files and a role, in the order in which things fail.

Only what makes the role fail is `WRONG`; whatever else is found is a `WARNING`. What hangs on something that is wrong
is not guessed: it is left out, or `UNKNOWN`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.doctor.agent import agent
from awsenv.doctor.files import files
from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.hook import hook
from awsenv.doctor.inputs import FromAgent, Inputs
from awsenv.doctor.plan import plan
from awsenv.doctor.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Finding", "FromAgent", "Inputs", "Verdict", "examine"]


def examine(inputs: Inputs) -> Iterator[Finding]:
    """Examine *inputs*. No MFA code is spent but the one that was given; of an agent that has died the socket goes.

    Yields:
        What each check has found, in the order in which things fail.
    """
    files_are_wrong = False
    for finding in files(inputs.environ, inputs.folder):
        files_are_wrong |= finding.verdict is Verdict.WRONG
        yield finding
    # What keeps the role from being had shows further down, where it does.
    yield from _at_most_warnings(variables(inputs.environ, inputs.now()))
    yield from _at_most_warnings(hook(inputs.environ, inputs.shell, inputs.program))
    found = list(_at_most_warnings(agent(inputs.environ)))
    is_well = all(finding.verdict is Verdict.FINE for finding in found)
    if not is_well:
        yield from found
    way = yield from plan(inputs, files_are_wrong=files_are_wrong)
    if way is not None:
        from awsenv.doctor import role  # noqa: PLC0415 - 110 ms of botocore, which the checks above do without

        yield from role.examine(way, inputs)
    if is_well:
        yield from found


def _at_most_warnings(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield replace(finding, verdict=Verdict.WARNING) if finding.verdict is Verdict.WRONG else finding
