"""The AWS CLI's cache of sign-ins, which awsenv writes as the AWS CLI does.

AWS accepts a refresh token once, and one that is refreshed and not saved signs the user out, of the AWS CLI too.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from botocore.utils import parse_timestamp

from awsenv.config.files import copy_of, locked

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

WINDOW = timedelta(minutes=15)
"""botocore refreshes a token of IAM Identity Center with less left than this, and the keys of `aws login` later."""

_UNSAVED: dict[Path, tuple[bytes, dict[str, Any]]] = {}
"""Entries that could not be saved, each with the content of the file that it replaces. They live with the process."""


class Tokens:
    """The entries of a folder. Only an entry that exists is written, and only over the content that was read.

    botocore uses it as a cache, by `in`, `[]` and `[] =`.

    Args:
        folder: Holds a file for each entry.
        until: Releases the lock of the folder.
    """

    def __init__(self, folder: Path, until: ExitStack) -> None:
        self._folder = folder
        self._until = until
        self._is_locked = False
        self._read: dict[Path, bytes] = {}

    def __contains__(self, key: str) -> bool:
        """Return whether there is an entry that can be read."""
        return self._load(key) is not None

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return an entry. One that will be refreshed is locked against other awsenv processes, and read again.

        Raises:
            KeyError: There is none, or it cannot be read.
        """
        entry = self._load(key)
        if entry is not None and not self._is_locked and _is_ending(entry):
            # The AWS CLI has no lock.
            with suppress(OSError):
                self._until.enter_context(locked(self._folder))
            self._is_locked = True
            entry = self._load(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def __setitem__(self, key: str, entry: dict[str, Any]) -> None:
        """Save an entry. If that fails, keep it for the life of this process."""
        path = self._path(key)
        data = json.dumps(entry, default=_as_text)
        before = self._read.get(path)
        if before is None or before != _content(path):
            # The user signed out, or in again, meanwhile.
            return
        try:
            _replace(path, data.encode())
        except OSError:
            _UNSAVED[path] = before, json.loads(data)
        else:
            self._read[path] = data.encode()
            _UNSAVED.pop(path, None)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _load(self, key: str) -> dict[str, Any] | None:
        path = self._path(key)
        content = _content(path)
        if content is None:
            return None
        self._read[path] = content
        before, unsaved = _UNSAVED.get(path, (None, None))
        if before == content:
            return unsaved
        try:
            entry = json.loads(content)
        except ValueError:
            return None
        return entry if isinstance(entry, dict) and _is_readable(entry) else None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_readable(entry: dict[str, Any]) -> bool:
    """Return whether botocore can read the token of an entry and its end, if they are there."""
    try:
        _end(entry)
    except (ValueError, TypeError):
        return False
    return isinstance(entry.get("accessToken", ""), str | dict)


def _is_ending(entry: dict[str, Any]) -> bool:
    """Return whether botocore may refresh an entry."""
    end = _end(entry)
    return end is not None and end - datetime.now(timezone.utc) < WINDOW


def _end(entry: dict[str, Any]) -> datetime | None:
    """Return when the token ends. The keys of `aws login` expire by a field of their own."""
    keys = entry.get("accessToken")
    text = keys.get("expiresAt") if isinstance(keys, dict) else entry.get("expiresAt")
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError
    end: datetime = parse_timestamp(text)
    return end.astimezone(timezone.utc)


def _as_text(value: object) -> str:
    """Spell a time as the AWS CLI does."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise TypeError


def _replace(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner alone, as botocore's `JSONFileCache` does."""
    with copy_of(path) as copy:
        copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
        os.replace(copy.name, path)  # noqa: PTH105 - a name from mkstemp
