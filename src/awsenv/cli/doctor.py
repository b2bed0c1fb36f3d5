"""`awsenv doctor [ROLE] [CODE]`: what is wrong with the machine, the files and the role, the first cause first.

It runs in the process of the client, and asks the agent only for the role.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv import changes, config, duration, shells
from awsenv.agent import client
from awsenv.cli import conversation, process, report, typos
from awsenv.cli.action import Print, unpacked
from awsenv.cli.arguments import DoctorArguments, RoleOptions, ShellOptions
from awsenv.cli.options import Caller, min_remaining, resolve, role_request
from awsenv.cli.prompts import Needed
from awsenv.cli.use import shell_of
from awsenv.doctor import Finding, Inputs, Verdict, examine
from awsenv.doctor.model import of_error
from awsenv.errors import AwsenvError, ConfigError, ExitCode, UsageError
from awsenv.wording import styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from awsenv.model import Note, RoleRequest

_WIDTH, _WIDTH_OF_ROLE = len("MFA device"), len("identity policy")
"""The longest name of a check, without and with a role: each finding is printed before the next one is known."""

_MARKS = {
    Verdict.FINE: ("✓", "32"),
    Verdict.WARNING: ("!", "33"),
    Verdict.WRONG: ("✗", "31"),
    Verdict.UNKNOWN: ("?", "2"),
}
"""How a verdict is shown, and the colour of it (ECMA-48, "Select Graphic Rendition")."""


def run(caller: Caller, arguments: DoctorArguments) -> Print:
    """Print what is found as it is found; return the rest, and the status 1 if anything is wrong.

    In the agent, return what it provides for the role.

    Raises:
        UsageError: The command line is wrong.
    """
    role = arguments.role
    if caller.provider.is_agent and role is not None:
        return Print(json.dumps(_replied(caller, role, arguments)))
    if role is not None:
        # What is wrong with the files is a finding.
        with suppress(ConfigError):
            profiles = config.read(environ := changes.original(caller.environ), caller.folder)
            typos.check_role(caller.args, role, profiles, environ)
            typos.check_profile(caller.args, arguments.profile, profiles)
    inputs = _inputs(caller, arguments)
    findings = []
    for finding in _found(inputs):
        findings.append(finding)
        if not arguments.as_json:
            _show(_as_text(role, finding, caller), caller)
    is_wrong = any(finding.verdict is Verdict.WRONG for finding in findings)
    text = ""
    if arguments.as_json:
        text = report.in_local_time(_as_json(role, findings, is_wrong=is_wrong), caller.now())
    else:
        summary, color = _summary(role, findings)
        _show(f"\n{_painted(report.printable([summary])[:-1], color, caller)}\n", caller)
    return Print(text, status=ExitCode.FAILED if is_wrong else ExitCode.DONE)


def _show(text: str, caller: Caller) -> None:
    process.write(process.encoded(report.in_local_time(text, caller.now())), is_read=True)


def _inputs(caller: Caller, arguments: DoctorArguments) -> Inputs:
    """Return what to look at.

    Raises:
        UsageError: The command line is wrong.
    """
    caller, request, faults = _readable(caller, arguments)
    return Inputs(
        environ=caller.environ,
        program=caller.program,
        now=caller.now,
        folder=caller.folder,
        shell=_shell(caller),
        request=request,
        faults=faults,
        iam_profile=arguments.iam_profile,
        ask_agent=lambda: _ask_agent(caller),
        waits=caller.provider.waits,
    )


def _readable(caller: Caller, arguments: DoctorArguments) -> tuple[Caller, RoleRequest, tuple[Finding, ...]]:
    """Return *caller* without the variables that no command can read, the request, and a finding for each of these."""
    faults: list[Finding] = []
    while True:
        try:
            config.timeout(caller.environ)
            min_remaining(arguments, caller.environ)
            return caller, role_request(caller, arguments.role or "", arguments.code, arguments), tuple(faults)
        except UsageError as error:  # noqa: PERF203 - each variable for itself
            name = next((origin.name for origin in error.origins if origin.name in caller.environ), None)
            if name is None:
                raise
            caller = replace(
                caller, environ={other: caller.environ[other] for other in caller.environ if other != name}
            )
            faults.append(replace(of_error("variables", error), hints=(f"unset {name}", *error.hints)[:2]))


def _shell(caller: Caller) -> str | None:
    """Return the name of the calling shell, which may be one that awsenv cannot change; None: not known."""
    with suppress(UsageError):
        return shell_of(caller, ShellOptions(anywhere=True), "").name
    callers = (name for _, name in process.callers_of(caller.pid or os.getpid()))
    return next((name for name in callers if name in shells.FOREIGN), None)


def _found(inputs: Inputs) -> Iterator[Finding]:
    """Yield each finding when it is known."""
    findings = examine(inputs)
    while True:
        with inputs.waits("the next check"):
            finding = next(findings, None)
        if finding is None:
            return
        yield finding


def _ask_agent(caller: Caller) -> Finding | None:
    """Return what the agent says to a request for the role of this command line; None: there is no reply."""
    request = conversation.request(list(caller.args), caller.environ)
    try:
        reply = client.ask(caller.environ, conversation.PART, [b"", *request])
        verdict, fact, *hints = json.loads(unpacked(reply, caller.environ).text)
        return Finding("role", Verdict(verdict), fact, hints=tuple(hints))
    except (client.Trouble, ValueError):
        return None


def _replied(caller: Caller, role: str, options: RoleOptions) -> list[str]:
    """Request the role in the agent, without the user; return the verdict, the fact and the next steps.

    The verdict is unknown if a code is needed.
    """
    notes: list[Note] = []
    try:
        resolved = resolve(caller, role, None, options)
        lease = replace(caller.provider, note=notes.extend).lease(replace(resolved, is_confirmed=True))
    except Needed:
        return [Verdict.UNKNOWN.value, notes[0].fact if notes else ""]
    except AwsenvError as error:
        return [Verdict.WRONG.value, f"the agent cannot get the role: {error}", *error.hints]
    end = duration.until(lease.credentials.expiration, caller.now())
    return [Verdict.FINE.value, f"the agent provides {lease.chain.label}{end}"]


def _as_json(role: str | None, findings: Sequence[Finding], *, is_wrong: bool) -> str:
    """Return the findings, for programs. What is missing is null."""
    shown = [
        {
            "check": each.check,
            "fact": each.fact,
            "because": each.because,
            "place": _joined(each.origins),
            "hint": _joined(each.hints),
            "verdict": each.verdict.value,
        }
        for each in findings
    ]
    return json.dumps({"role": role, "wrong": is_wrong, "findings": shown}, indent=2, ensure_ascii=False) + "\n"


def _joined(values: Iterable[object]) -> str | None:
    return "; ".join(map(str, values)) or None


def _as_text(role: str | None, finding: Finding, caller: Caller) -> str:
    """Return a finding as a line, and below it, if it is not fine, where it is and what to do."""
    columns = process.terminal_width(1) if caller.prints_to_terminal else 0
    mark, color = _MARKS[finding.verdict]
    # What is fine needs no action, and what is unknown has no origin that is at fault.
    origins = () if finding.verdict in {Verdict.FINE, Verdict.UNKNOWN} else finding.origins
    fact = f"{mark} {finding.check:<{_WIDTH if role is None else _WIDTH_OF_ROLE}}  {finding.fact}"
    shown = report.message(fact, finding.because, origins, finding.hints)
    shown = report.wrapped(shown, columns) if columns else shown
    shown = report.painted(shown, is_error=False) if _shows_color(caller) else shown
    return _painted(mark, color, caller) + shown.removeprefix(mark)


def _summary(role: str | None, findings: Sequence[Finding]) -> tuple[str, str]:
    """Return the line to remember, and its colour."""
    wrong = [finding for finding in findings if finding.verdict is Verdict.WRONG]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        what = "no role can be assumed yet" if role is None else f"{role} does not work"
        return f"{what}: {wrong[0].check}: {wrong[0].fact}{more}", "31;1"
    number = sum(finding.verdict is Verdict.WARNING for finding in findings)
    warnings = f"{number} warning{'' if number == 1 else 's'}"
    tried = [finding.verdict for finding in findings if finding.check == "role"]
    if role is not None and tried[-1:] == [Verdict.FINE]:
        return f"{role} works{f', with {warnings}' if number else ''}", "32;1"
    found = f"nothing is wrong, but there {'is' if number == 1 else 'are'} {warnings}" if number else "nothing is wrong"
    if role is None:
        return f"{found}; awsenv doctor ROLE checks a role", "32;1"
    return f"{found}; {role} was not tried", "1"


def _painted(text: str, color: str, caller: Caller) -> str:
    """Return *text* as the terminal that shows it has it: wrapped, and in colour."""
    text = report.wrapped(text, caller.columns)[:-1] if caller.columns else text
    return styled(text, color) if _shows_color(caller) else text


def _shows_color(caller: Caller) -> bool:
    return caller.prints_to_terminal and process.shows_color(caller.environ)
