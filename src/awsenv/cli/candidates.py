"""The names that completion offers: the file `names-1` in the cache folder, which a shell reads without a process.

A line is a kind, a value and a description with a tab between them, and ends with a newline. A value or a description
holds no control character, and no value begins with `-`. There is no secret: only names, accounts, regions, and whether
a code or a confirmation is needed. The kinds stand in this order:

    role    NAME     ACCOUNT ROLE mfa REGION protected    a profile that is a role
    source  NAME     ACCOUNT KIND mfa REGION              a profile that is a source of credentials
    region  NAME     LOCATION
    file    VARIABLE PATH MARK                  twice: for AWS_CONFIG_FILE, then AWS_SHARED_CREDENTIALS_FILE

Roles and sources are in the order of the files. `file` has a tab between its four words, and stands at the end: what
lacks it was cut off. VARIABLE is the value of the variable when the names were written; where it was not set,
`$HOME/.aws/config` or `$HOME/.aws/credentials`. Where a variable has another value, the names are those of other files.
PATH is where VARIABLE led, and MARK the name of an empty file beside the names with the same time of last change as
PATH. The names are stale if the two do not have the same time, or are not both missing.

A comparison of times is all that bash can do without a process. The times are compared for equality, not only for
order: a file may be replaced by an older one. A file that has just been written gets no mark yet: a second edit within
the same second would go unnoticed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from awsenv import cache, config
from awsenv.config import files, limits, partitions
from awsenv.config.sources import KINDS
from awsenv.record import dataclass
from awsenv.variables import home
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.config import Entry
    from awsenv.model import Environ

NAMES = "names-1"
"""The file in the cache folder. Whatever changes its lines changes its name, so that a shell sees what it can read."""
FILES = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
"""The variables that name the two files, and what these are called below ~/.aws."""
_NO_MARK = "none"
_SETTLED = 2.0
"""Seconds after which an edit changes the time of a file: some file systems, and bash 3.2, count whole seconds."""


@dataclass(frozen=True, slots=True)
class _Input:
    """One of the files that the names are made from."""

    variable: str
    path: str
    mark: str
    """The name of a file that does not exist where this one does not, or has just changed."""
    changed: int | None
    """Its time of last change in nanoseconds; None: it does not exist."""


def refresh(environ: Environ, folder: str | None, now: float) -> str:
    """Return the text of the file with the names of *environ*, and write it unless the cache has it.

    Args:
        environ: The original environment of the caller.
        folder: Its working directory.
        now: Seconds since the epoch.

    Raises:
        ConfigError: A file cannot be read.
    """
    # First: an edit while the files are read makes the names stale.
    inputs = [_inspect(variable, name, environ, now) for variable, name in FILES.items()]
    foot = "".join(f"file\t{each.variable}\t{each.path}\t{each.mark}\n" for each in inputs)
    there = cache.folder(environ)
    # Where a relative path leads depends on the working directory, which may be another at the next Tab.
    if not all(each.path.startswith("/") and (each.variable + each.path).isprintable() for each in inputs):
        there, foot = None, ""
    if there is not None and all(_has_mark(there, each) for each in inputs):
        cached = cache.read(f"{there}/{NAMES}") or ""
        if cached.endswith(foot):
            return cached
    # Neither the region of this shell nor the keys in its environment are those of another.
    entries = config.roles(config.read(environ, folder), {"HOME": home(environ)})
    names = "".join(f"{kind}\t{value}\t{text}\n" for kind, value, text in _lines(entries)) + foot
    if there is not None:
        for each in inputs:
            if each.mark != _NO_MARK and each.changed is not None:
                cache.write(f"{there}/{each.mark}", "", each.changed)
        if cache.write(f"{there}/{NAMES}", names):
            _remove_old(there, {NAMES, *(each.mark for each in inputs)})
    return names


def _inspect(variable: str, name: str, environ: Environ, now: float) -> _Input:
    written = environ.get(variable, f"{home(environ)}/.aws/{name}")
    path = files.expanded(written, environ)
    try:
        changed = os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        changed = None
    is_new = changed is not None and 0 <= now - changed / 1e9 < _SETTLED
    return _Input(written, path, _NO_MARK if is_new else f"{name}-{changed or 0}", changed)


def _has_mark(there: str, file: _Input) -> bool:
    """Return whether the mark is as old as the file, or both are missing."""
    try:
        return os.stat(f"{there}/{file.mark}").st_mtime_ns == file.changed
    except OSError:
        return file.changed is None


def _remove_old(there: str, kept: set[str]) -> None:
    for name in os.listdir(there):
        if name not in kept and re.fullmatch(r"(?:names|config|credentials)-\d+", name):
            with suppress(OSError):
                os.unlink(f"{there}/{name}")


def _lines(entries: tuple[Entry, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield the kind, the value and the description of each name that can be typed."""
    for entry in entries:
        if entry.name and entry.name.isprintable() and not entry.name.startswith("-"):
            yield ("role" if entry.kind is None else "source"), entry.name, _description(entry)
    for region, location in partitions.listed().items():
        yield "region", region, location


def _description(entry: Entry) -> str:
    """Return what a role or a source is; a value that is not what its key is for might be a secret."""
    account = entry.account if limits.matches(r"\d{12}", entry.account or "") else None
    region = entry.region if limits.matches(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}", entry.region or "") else None
    word = entry.role if entry.kind is None else KINDS[entry.kind].word
    marks = ("mfa" if entry.mfa_serial else None, region, "protected" if entry.rails.is_protected else None)
    return printable(" ".join(filter(None, (account, word, *marks))))
