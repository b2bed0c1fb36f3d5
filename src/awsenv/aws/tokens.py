"""The AWS CLI's own cache of sign-ins: what `aws sso login` and `aws login` have written, refreshed as they do it.

AWS takes a refresh token once. A token that was refreshed and not saved would sign its owner out, of the AWS CLI too.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = timedelta(minutes=15)
"""What botocore refreshes: a token of IAM Identity Center with less left than this, and keys of `aws login` later."""

_UNSAVED: dict[Path, tuple[bytes, dict[str, Any]]] = {}
"""Entries that could not be saved, for the life of this process, each with the content of the file that it replaces."""


class Tokens:
    """The entries of a folder. Only an entry that exists is ever written, and only over the content that was read.

    It has what botocore asks of a cache: `in`, `[]` and `[] =`.
    """

    def __init__(self, folder: Path, until: ExitStack) -> None:
        self._folder = folder
        self._until = until
        self._is_locked = False
        self._read: dict[Path, bytes] = {}

    def __contains__(self, key: str) -> bool:
        """Tell whether there is an entry that can be read."""
        return self._load(key) is not None

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return an entry. One that will be refreshed is locked against other processes of awsenv, and read again.

        Raises:
            KeyError: There is none, or it cannot be read.
        """
        entry = self._load(key)
        if entry is not None and not self._is_locked and _is_ending(entry):
            self._until.enter_context(_lock(self._folder))
            self._is_locked = True
            entry = self._load(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def __setitem__(self, key: str, entry: dict[str, Any]) -> None:
        """Save an entry. Where that fails it is kept for the life of this process."""
        path = self._path(key)
        data = json.dumps(entry, default=_as_text)
        before = self._read.get(path)
        if before is None or before != _content(path):
            # Signed out, or in again, meanwhile: that counts, and not what it was refreshed from.
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
        return entry if isinstance(entry, dict) else None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_ending(entry: dict[str, Any]) -> bool:
    """Tell whether botocore may refresh an entry. The keys of `aws login` have an end of their own."""
    keys = entry.get("accessToken")
    text = keys.get("expiresAt") if isinstance(keys, dict) else entry.get("expiresAt")
    try:
        return bool(parse_timestamp(text) - datetime.now(timezone.utc) < WINDOW)
    except (ValueError, TypeError):
        return False


def _as_text(value: object) -> str:
    """Spell a time as the AWS CLI does."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise TypeError


def _replace(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner alone, as botocore's `JSONFileCache` does."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Lock a folder, where its file system can. The AWS CLI has no lock."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
