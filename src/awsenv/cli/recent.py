"""The roles used last, which the picker shows first: names and times in the file `recent` of the cache folder."""

from __future__ import annotations

import os

from awsenv import cache
from awsenv.wording import epoch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 50
"""How many roles are kept."""
_WHILE = 60
"""Seconds within which the same role, as in a loop, counts once."""


def note(environ: Mapping[str, str], role: str, now: float) -> None:
    """Note that *role* is used. Where the folder cannot be written, nothing is noted.

    Args:
        environ: The environment of the caller.
        role: The role, as typed.
        now: Seconds since the epoch, UTC.
    """
    path = _path(environ)
    if path is None or not role.isprintable():
        return
    before = _read(path)
    if before[:1] and before[0][1] == role and 0 <= now - before[0][0] < _WHILE:
        return
    kept = [(int(now), role), *(each for each in before if each[1] != role)][:_MOST]
    cache.write(path, "".join(f"{when}\t{name}\n" for when, name in kept))


def roles(environ: Mapping[str, str]) -> list[str]:
    """Return the roles that the user of *environ* has used, the last one first."""
    path = _path(environ)
    return [] if path is None else [name for _, name in _read(path)]


def _path(environ: Mapping[str, str]) -> str | None:
    folder = cache.folder(environ)
    return None if folder is None else os.path.join(folder, "recent")


def _read(path: str) -> list[tuple[int, str]]:
    """Return the times and names in the file; a line that is no such pair does not count."""
    pairs = (line.partition("\t") for line in (cache.read(path) or "").split("\n"))
    times = ((epoch(text), name) for text, _, name in pairs)
    return [(when, name) for when, name in times if when is not None and name and name.isprintable()]
