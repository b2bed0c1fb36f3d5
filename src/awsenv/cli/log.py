"""`awsenv log`: who got which role from the agent, how it was narrowed, and who was refused."""

from __future__ import annotations

import json
import os
import sys
import time

from awsenv.agent import client
from awsenv.cli import conversation, process, report
from awsenv.cli.action import Print, Table
from awsenv.errors import ExitCode
from awsenv.model import Note
from awsenv.wording import instant, styled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from awsenv.cli.arguments import LogArguments
    from awsenv.cli.options import Caller

    Page = dict[str, Any]
    """What `awsenv.agent.log.Log.read` returns."""

PARENTS = 4
"""Parents of a program that are shown."""

_LONGEST = 7 * 86_400.0
"""Seconds that `--follow` waits for news in one request: longer than most agents live."""

_BOLD, _DIM, _RED = "1", "2", "31;1"


def run(caller: Caller, arguments: LogArguments) -> Print:
    """Show what the agent has handed out and refused; with `--follow`, go on until Ctrl-C, or until it ends.

    Raises:
        Trouble: It does not answer.
    """
    is_first = True
    try:
        for page in _pages(caller, follows=arguments.follow):
            if is_first and not arguments.as_json:
                process.tell("".join(map(report.described, _notes(page))))
            lines = (_as_json(each) if arguments.as_json else _shown(each, caller) for each in page["entries"])
            Table("".join(lines)).carry_out([])
            is_first = False
    except (client.NoAgent, client.Dead, client.Lost) as trouble:
        if not is_first:
            return Print(notes=[Note("the agent has ended, and its log with it")])
        if isinstance(trouble, client.Lost):
            raise
        # One that runs elsewhere has a log, too.
        return Print(notes=[trouble], status=ExitCode.AGENT if trouble.because else 0)
    except KeyboardInterrupt:
        if not arguments.follow:
            raise
        if caller.columns:
            # The terminal shows ^C there.
            Table("\n").carry_out([])
    return Print()


def _pages(caller: Caller, *, follows: bool) -> Iterator[Page]:
    """Yield what the log holds, the oldest first, and then what is new."""
    number, is_all = 0, False
    while follows or not is_all:
        parts = [str(number).encode()]
        if is_all:
            reply = client.ask(caller.environ, client.WATCH, parts, timeout=_LONGEST, longest=_LONGEST)
        else:
            with caller.provider.waits("the agent"):
                reply = client.ask(caller.environ, conversation.LOG, parts)
        page: Page = json.loads(reply[0])
        yield page
        number, is_all = page["number"], page["is_all"]


def _notes(page: Page) -> Iterator[Note]:
    since = instant(page["since"])
    if page["dropped"]:
        yield Note(f"the log is complete since {since}; older entries are gone")
    elif not page["entries"]:
        yield Note(f"the agent has neither handed out nor refused a role since it started, {since}")


def _shown(entry: dict[str, Any], caller: Caller) -> str:
    """Return the lines of an entry: when and what, who, how often and how narrowed, or why not."""
    refused, role = entry["refused"], entry["role"]
    mark, name = "refused " if refused else "", role or f"awsenv {entry['command']}"
    when = report.in_local_time(instant(entry["last"]), caller.now())
    ends = "" if entry["until"] is None else f", until {instant(entry['until'])}"
    lines = [
        f"{when}  {mark}{name}{_known(entry)}{ends}",
        f"  {entry['command']} by {_who(entry)}{_where(entry, caller)}",
        f"  {'; '.join(_more(entry))}",
        f"  {refused or ''}",
    ]
    local = (report.in_local_time(line, caller.now()) for line in lines if line.strip())
    first, *others = (part for line in local for part in _wrapped(line, caller.columns))
    plain = f"{when}  {mark}{name}"
    if first.startswith(plain):
        first = f"{when}  {styled(mark, _RED)}{styled(name, entry['color'] or _BOLD)}{first.removeprefix(plain)}"
    return "".join(f"{line}\n" for line in (first, *(styled(line, _DIM) for line in others)))


def _wrapped(line: str, columns: int) -> list[str]:
    if not columns:
        return [line]
    import textwrap  # noqa: PLC0415 - only on a terminal

    return textwrap.wrap(line, columns, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _known(entry: dict[str, Any]) -> str:
    """Return the account and the name of a role at AWS, in brackets: a profile can have any name."""
    name = (entry["arn"] or "").rpartition("/")[2]
    known = ", ".join(filter(None, [entry["account"], "" if name == entry["role"] else name]))
    return f" ({known})" if known else ""


def _who(entry: dict[str, Any]) -> str:
    """Return the names of the program that has asked and of its parents: `terraform < zsh < tmux`.

    The first is nearly always the Python that runs awsenv, and is left out then.
    """
    programs = [entry["program"], *entry["parents"]]
    if len(programs) > 1 and entry["command"] != "python" and programs[0] == os.path.realpath(sys.executable):
        del programs[0]
    if not any(programs):
        return f"process {entry['process']}"
    names = [(each or "?").rpartition("/")[2] for each in programs[: PARENTS + 1]]
    return " < ".join([*names, *(["…"] if len(programs) > len(names) or entry["more_parents"] else [])])


def _where(entry: dict[str, Any], caller: Caller) -> str:
    folder, terminal, home = entry["folder"], entry["terminal"], caller.environ.get("HOME")
    if home and folder and (folder == home or folder.startswith(f"{home}/")):
        folder = f"~{folder.removeprefix(home)}"
    on = f" on {terminal.removeprefix('/dev/')}" if terminal else ""
    return (f" in {folder}" if folder else "") + on


def _more(entry: dict[str, Any]) -> Iterator[str]:
    if entry["count"] > 1:
        yield f"{entry['count']} times since {instant(entry['first'])}"
    if entry["narrowed"]:
        yield f"narrowed: {entry['narrowed']}"
    if entry["because"]:
        yield f"because {entry['because']}"
    if entry["assistant"]:
        yield f"asked by {entry['assistant']}"


def _as_json(entry: dict[str, Any]) -> str:
    """Return the line of an entry for programs."""
    times = {name: _utc(entry[name]) for name in ("first", "last", "until")}
    return json.dumps({**times, **{name: value for name, value in entry.items() if name not in times}}) + "\n"


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
