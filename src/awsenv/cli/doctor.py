"""`awsenv doctor [ROLE] [CODE]`: what is wrong with the machine, the files and the role, the first cause first."""

from __future__ import annotations

import json
import os
import textwrap
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from awsenv import config, environment, mfa
from awsenv.agent import client
from awsenv.cli import conversation, fast_path, report
from awsenv.cli import options as role_options
from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import ShellOptions, shell_of
from awsenv.cli.options import AsJson, OptionalWord, RoleOptions, option
from awsenv.doctor import Finding, FromAgent, Inputs, Verdict, examine
from awsenv.errors import ExitCode, MfaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from awsenv.model import RoleRequest

_MARKS = {
    Verdict.FINE: ("✓", "32"),
    Verdict.WARNING: ("!", "33"),
    Verdict.WRONG: ("✗", "31"),
    Verdict.UNKNOWN: ("?", "2"),
}
"""How a verdict is shown, and the colour of it (ECMA-48, "Select Graphic Rendition")."""

_NARROWEST = 40
"""Columns that a sentence has at least, however narrow the terminal is."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments(RoleOptions):
    """It changes nothing and never asks for a code.

    Without a CODE, it tries a role that needs one only if an agent holds the MFA session. The exit status is 1 if
    something is wrong.
    """

    role: OptionalWord = None
    code: OptionalWord = None
    iam_profile: Annotated[
        str | None, option("PROFILE", "Profile that may read IAM; by default the source is asked.")
    ] = None
    as_json: AsJson = False


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return what is found, and the status 1 if anything is wrong.

    Raises:
        UsageError: The command line is wrong.
    """
    role = arguments.role
    inputs = Inputs(
        environ=caller.environ,
        program=caller.program,
        now=caller.now,
        folder=caller.folder,
        shell=shell_of(caller, ShellOptions(anywhere=True), "").name,
        request=None if role is None else _request(caller, role, arguments),
        iam_profile=arguments.iam_profile,
        ask_agent=None if role is None else _asking(caller, role, arguments),
    )
    findings = list(examine(inputs))
    is_wrong = any(finding.verdict is Verdict.WRONG for finding in findings)
    text = _as_json(role, findings) if arguments.as_json else _as_text(role, findings, caller)
    return Print(text, status=ExitCode.FAILED if is_wrong else ExitCode.DONE)


def _request(caller: Caller, role: str, arguments: Arguments) -> RoleRequest:
    base = environment.original(caller.environ)
    try:
        code = None if arguments.code is None else config.mfa_code(arguments.code)
    except MfaError:
        # The word is not shown: it may be a password.
        raise UsageError(
            "the word after the role is not an MFA code, which is six digits", hint="awsenv doctor [ROLE] [CODE]"
        ) from None
    request = role_options.request(role, code, arguments, base, caller.folder)
    if request.external_id == "-":
        request = replace(request, external_id=mfa.ask_secret("External id: "))
    return request


def _asking(caller: Caller, role: str, options: RoleOptions) -> Callable[[], FromAgent]:
    """Return what asks the agent for the role, as an SDK would."""

    def ask() -> FromAgent:
        args = ["credential-process", "--print", *_spelled(options), "--", role]
        request = fast_path.request(args, caller.environ)
        try:
            reply = conversation.Reply(client.ask(caller.environ, conversation.RUN, request.parts()))
        except (client.NoAgent, client.Trouble, ValueError):
            return FromAgent(given=False)
        if reply.kind == conversation.PRINT:
            ends = json.loads(reply.text).get("Expiration")
            return FromAgent(
                given=True, until=None if ends is None else datetime.fromisoformat(ends.replace("Z", "+00:00"))
            )
        failed = reply.kind == conversation.FAIL
        shown = reply.text if failed else reply.notes
        return FromAgent(given=False, reason=shown.removeprefix("awsenv: ").split("\n")[0] or None, failed=failed)

    return ask


def _spelled(options: RoleOptions) -> Iterator[str]:
    """Return *options* as they are typed."""
    for each_option in fields(RoleOptions):
        value = getattr(options, each_option.name)
        for each in value if isinstance(value, list) else [value]:
            if each:
                yield f"--{each_option.name.replace('_', '-')}={each}"


def _as_json(role: str | None, findings: Sequence[Finding]) -> str:
    """Return the findings, for programs. A name that is missing is null."""
    shown = [
        {"check": each.check, "fact": each.fact, "place": _joined(each.origins), "hint": _joined(each.hints)}
        | {"verdict": each.verdict.value}
        for each in findings
    ]
    is_wrong = any(each.verdict is Verdict.WRONG for each in findings)
    return json.dumps({"role": role, "wrong": is_wrong, "findings": shown}, indent=2, ensure_ascii=False) + "\n"


def _joined(values: Iterable[object]) -> str | None:
    return "; ".join(map(str, values)) or None


def _as_text(role: str | None, findings: Sequence[Finding], caller: Caller) -> str:
    """Return a line a check, those that are not fine with the place and the next step, and the one line to remember."""
    paint = _painter(caller)
    columns = max(len(finding.check) for finding in findings)
    room = _columns(caller) - columns - 4
    lines: list[str] = []
    for finding in findings:
        mark, colour = _MARKS[finding.verdict]
        first, *rest = _told(finding, room)
        lines.append(f"{paint(mark, colour)} {_inert(f'{finding.check:<{columns}}  {first}')}")
        lines += [f"{' ' * (columns + 4)}{_inert(line)}" for line in rest]
    summary, colour = _summary(role, findings)
    return "\n".join([*lines, "", paint(_inert(summary), colour)]) + "\n"


def _told(finding: Finding, room: int) -> Iterator[str]:
    """Return the lines of a finding: the fact; where it is, and what to do, unless it is fine."""
    yield from _wrapped(finding.fact, room, "")
    if finding.verdict is Verdict.FINE:
        return
    if finding.origins and finding.verdict is not Verdict.UNKNOWN:
        yield from _wrapped("; ".join(map(str, finding.origins)), room, "in:  ")
    for title, hint in zip(("try: ", "or:  "), finding.hints, strict=False):
        yield from _wrapped(hint, room, title)


def _wrapped(text: str, room: int, title: str) -> list[str]:
    if room <= 0:
        return [title + text]
    # What is to be copied stays whole.
    wrapped = textwrap.wrap(
        _inert(text),
        max(room, _NARROWEST),
        initial_indent=title,
        subsequent_indent=" " * len(title),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [title]


def _summary(role: str | None, findings: Sequence[Finding]) -> tuple[str, str]:
    """Return the one line to remember, and its colour."""
    wrong = [finding for finding in findings if finding.verdict is Verdict.WRONG]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        what = "no role can be assumed yet" if role is None else f"{role} does not work"
        return f"{what}: {wrong[0].check}: {wrong[0].fact}{more}", "31;1"
    warnings = sum(finding.verdict is Verdict.WARNING for finding in findings)
    and_warnings = "" if not warnings else ", with 1 warning" if warnings == 1 else f", with {warnings} warnings"
    if role is None:
        return f"nothing is wrong here{and_warnings}; awsenv doctor ROLE checks a role", "32;1"
    tried = [finding for finding in findings if finding.check == "role"]
    if tried and tried[-1].verdict is Verdict.FINE:
        return f"{role} works{and_warnings}", "32;1"
    return f"nothing seems wrong with {role}{and_warnings}, but it was not tried", "1"


def _painter(caller: Caller) -> Callable[[str, str], str]:
    environ = caller.environ
    if not caller.prints_to_terminal or environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb":
        return lambda text, _colour: text
    return lambda text, colour: f"\x1b[{colour}m{text}\x1b[m"


def _columns(caller: Caller) -> int:
    """Return how wide the terminal is; 0: there is none, and nothing is to be wrapped."""
    if not caller.prints_to_terminal:
        return 0
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _inert(text: str) -> str:
    return report.printable([text])[:-1]
