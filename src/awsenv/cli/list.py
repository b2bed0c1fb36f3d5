"""`awsenv list [PATTERN]`: the roles of the AWS configuration, and the sources of credentials that they start from."""

from __future__ import annotations

from awsenv import cache, changes, config
from awsenv.cli import candidates, report
from awsenv.cli.action import Print, Table
from awsenv.cli.rows import HEAD, is_called, marks, matches, nothing, row, shown
from awsenv.config.files import missing
from awsenv.model import Note
from awsenv.wording import quoted, styled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from awsenv.cli.arguments import ListArguments
    from awsenv.cli.options import Caller
    from awsenv.cli.report import Shown
    from awsenv.config import Entry

_SOURCE = ("SOURCE", "ACCOUNT", "KIND", "MFA", "REGION", "PROTECTED")
_LEAST = (8, 12, 7, 3, 8, 9)
"""Cells that each of these keeps on a narrow terminal: half an account number is none."""
_WIDE = ("ARN", "SOURCE", "MFA DEVICE", "WHERE")
_MARGIN = 2
"""Cells before a row, for its marks."""


def run(caller: Caller, arguments: ListArguments) -> Print:
    """Return the profiles that are roles, and below them those that are sources of credentials.

    Raises:
        ConfigError: A file cannot be read.
    """
    environ = caller.original
    profiles = config.read(environ, caller.folder)
    if cache.folder(environ) is not None:
        candidates.refresh(environ, caller.folder, caller.now())
    there = config.roles(profiles, environ)
    found = [entry for entry in there if arguments.pattern is None or matches(entry, arguments.pattern)]
    role = changes.active(caller.environ)
    active = None if role is None else role.role
    notes: list[Shown] = [*missing(environ, caller.folder)]
    if arguments.as_json:
        return Print(_as_json(found, active), notes)
    if not there:
        return Print(notes=[nothing(profiles, environ)])
    if not found:
        fact = f"no profile, account or role matches {quoted(arguments.pattern or '')}"
        return Print(notes=[*notes, Note(fact, hints=("awsenv list shows all of them",))])
    roles, sources = ([entry for entry in found if (entry.kind is None) == is_role] for is_role in (True, False))
    blocks = ((HEAD, _WIDE, roles), (_SOURCE, _WIDE[2:], sources))
    columns = None if arguments.wide else caller.columns
    return Table("\n".join(_block(head, wide, each, active, columns) for head, wide, each in blocks if each), notes)


def _block(
    head: Sequence[str], wide: Sequence[str], entries: Sequence[Entry], active: str | None, columns: int | None
) -> str:
    """Return a table of *entries* below *head*, cut to *columns* (0: not cut); None: with the columns *wide*."""
    last = shown(entries)
    cells = [[*head[:last], *wide], *([text or "-" for text in (*row(each)[:last], *_wide(each))] for each in entries)]
    if columns is not None:
        cells = [each[:last] for each in cells]
    titles, *rows = report.aligned(cells, max(1, columns - _MARGIN) if columns else 0, _LEAST)
    lines = [" " * _MARGIN + report.GAP.join(titles)]
    for entry, (name, *others) in zip(entries, rows, strict=True):
        line = report.GAP.join([_painted(name, entry.rails.color), *others])
        lines.append(marks(entry, active)[len(titles) < last] + line)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _painted(cell: str, color: str) -> str:
    """Return *cell* with its text in *colour*. `Table` shows it only where the user wants colour."""
    text = cell.rstrip()
    return styled(text, color) + cell[len(text) :]


def _wide(entry: Entry) -> Sequence[str | None]:
    """Return the cells that `--wide` adds."""
    about_role = (entry.role_arn, entry.source) if entry.kind is None else ()
    return (*about_role, entry.mfa_serial, entry.origin.position)


def _as_json(entries: Sequence[Entry], active: str | None) -> str:
    """Return the roles and the sources, for programs. What is missing is null."""
    import json  # noqa: PLC0415 - for programs

    blocks: dict[str, list[dict[str, Any]]] = {"roles": [], "sources": []}
    for entry in entries:
        is_role = entry.kind is None
        about_role = {"role": entry.role, "arn": entry.role_arn, "source": entry.source}
        one = {
            "profile": entry.name or None,
            "active": is_called(entry, active),
            "account": entry.account,
            **(about_role if is_role else {"kind": entry.kind}),
            "region": entry.region,
            "mfa_serial": entry.mfa_serial,
            "protected": entry.rails.is_protected,
            "color": entry.rails.color or None,
            "required_account": entry.rails.account,
            "assistants": entry.rails.assistants or None,
            "from": report.origin_as_json(entry.origin),
        }
        blocks["roles" if is_role else "sources"].append(one)
    return json.dumps(blocks, indent=2) + "\n"
