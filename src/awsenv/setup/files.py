"""Adds settings to the two files of the AWS tools, and changes nothing else in them.

Users and other tools write these files too: comments, order, line ends and odd spelling stay as they are, byte for
byte. `add` reads a file, adds to it and replaces it, one awsenv at a time.
"""

from __future__ import annotations

import io
import os
import shlex
import stat
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.config import ini
from awsenv.config.files import copy_of, locked, prefix_of_copies
from awsenv.errors import ConfigError, Origin
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from awsenv.config import Profiles
    from awsenv.config.files import File

ATTEMPTS = 5
"""How often `add` starts again because another program changed the file."""

_MARGIN = 8192
"""Bytes: more than setup adds to a file."""

_OWNER_ONLY = 0o600


def header(profiles: Profiles, profile: str) -> str:
    """Return the header that *profile* has in the config file, or will get there, without its brackets.

    `[profile  "a b"]` is returned as the file spells it: a second section of the same name would hide the first.
    """
    titles = (title for title in profiles.config_sections if profiles.meanings.get(title) == ("profile", profile))
    return next(titles, profile if profile == "default" else f"profile {shlex.quote(profile)}")


def with_settings(text: str, sections: Mapping[str, Mapping[str, str]], name: str) -> str:
    """Return *text* with the sections and the keys that it lacks.

    An existing section gets the missing keys below its header; new sections follow at the end. A key that exists with
    the same value stays as it is written. A different value in `[DEFAULT]` is overridden.

    Args:
        text: The content of the file, with its own line ends.
        sections: Header without brackets → key in lower case → value.
        name: The file, as messages name it.

    Raises:
        ConfigError: A key has another value; or botocore would refuse the file, or would read back something else. No
            message shows a value.
    """
    before = ini.parse(text, name)
    lines = list(io.StringIO(text, newline=""))
    end = next((line[len(line.rstrip("\r\n")) :] for line in lines[:1]), "") or "\n"
    # From the bottom up: so the lines that are still to be found keep their numbers.
    for title in sorted(sections.keys() & before.keys(), key=lambda title: -before[title].origin.line):
        missing = _missing(title, before[title], sections[title])
        if missing:
            _insert(lines, before[title].origin.line, missing, end)
    for title in (title for title in sections if title not in before):
        if lines:
            lines[-1] = _ended(lines[-1], end)
            lines += [end] if lines[-1].strip() else []
        lines += [line + end for line in (f"[{title}]", *_assignments(sections[title]))]
    whole = "".join(lines)
    _check(whole, before, sections, name)
    return whole


def add(find: Callable[[], File], sections: Mapping[str, Mapping[str, str]], *, private: bool = False) -> None:
    """Add settings to a file, or create it, in one step: readers see the old content or the new. See `with_settings`.

    A link stays a link: its target is replaced. Nobody else can read a new file or a temporary copy. An existing file
    keeps its mode and, where the system allows it, its owner.

    Args:
        find: Reads the file, which others may change at the same time.
        sections: Header without brackets → key in lower case → value.
        private: The file holds a secret key: only its owner can read it afterwards, whatever its mode was.

    Raises:
        ConfigError: The settings cannot be added, or other programs change the file all the time. The file
            is unchanged.
    """
    file = find()
    for _ in range(ATTEMPTS):
        with _target(file) as (target, there):
            # Read again: now no other awsenv writes.
            file = find()
            text = with_settings(file.text or "", sections, file.name)
            if _replace(target, text.encode(), there, private=private):
                return
    raise ConfigError(
        f"another program keeps changing {file.name}",
        Origin(file.name),
        hint="run awsenv setup again after that program has ended",
    )


def check(file: File) -> None:
    """Check that a file can be written, before AWS creates a key for it. Its folder is created.

    Raises:
        ConfigError: The file cannot be written, or is not a regular file; or the disk has no room for it.
    """
    with _target(file) as (target, there), copy_of(target) as trial:
        trial.write(bytes((there.st_size if there is not None else 0) + _MARGIN))
        trial.flush()
        os.fsync(trial.fileno())


def remove_leftovers(file: File) -> list[str]:
    """Remove the temporary copies of a file that a killed run left beside it, and return their paths.

    They hold what the file was to hold: secrets. A copy that cannot be removed is left out.
    """
    target = Path(os.path.realpath(file.path))
    if not target.parent.is_dir():
        return []
    with locked(target.parent):
        return _remove_leftovers(target)


@contextmanager
def _target(file: File) -> Iterator[tuple[Path, os.stat_result | None]]:
    """Yield the file to replace, links followed, and its status, while no other awsenv writes in its folder.

    Raises:
        ConfigError: For every OSError; or it is not a regular file.
    """
    target = Path(os.path.realpath(file.path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(target.parent):
            there = _status(target)
            if there is None or stat.S_ISREG(there.st_mode):
                yield target, there
                return
        # botocore ignores it. Replacing /dev/null would break the machine.
        reason = "it is not a regular file"
    except OSError as error:
        reason = (os.strerror(error.errno) if error.errno else "error").lower()
    raise ConfigError(
        f"cannot write {file.name}: {reason}",
        Origin(file.name),
        hint=("correct that", "name another file: AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE"),
    )


def _missing(title: str, section: ini.Section, settings: Mapping[str, str]) -> dict[str, str]:
    missing = {}
    for key, value in settings.items():
        there = section.settings.get(key)
        if there is None or (there.origin.section == ini.EVERYWHERE and there.value != value):
            missing[key] = value
        elif there.value != value:
            raise ConfigError(
                f"{key} is set to something else already",
                there.origin,
                hint=(f"remove this line, or the section [{printable(title)}]", "choose another name"),
            )
    return missing


def _assignments(settings: Mapping[str, str]) -> list[str]:
    return [f"{key} = {value}" for key, value in settings.items()]


def _ended(line: str, end: str) -> str:
    return line if line.endswith(("\n", "\r")) else line + end


def _insert(lines: list[str], number: int, settings: Mapping[str, str], end: str) -> None:
    """Put *settings* below the header in line *number*, counted from one.

    They are indented like what follows: a line that is indented deeper than the key above it continues that key.
    """
    following = _content(islice(lines, number, None))
    indent = following[: len(following) - len(following.lstrip())]
    lines[number - 1] = _ended(lines[number - 1], end)
    lines[number:number] = [f"{indent}{line}{end}" for line in _assignments(settings)]


def _content(lines: Iterable[str]) -> str:
    """Return the first line that is neither empty nor a comment."""
    return next((line for line in lines if line.strip() and line.strip()[0] not in "#;"), "")


def _check(whole: str, before: Mapping[str, ini.Section], sections: Mapping[str, Mapping[str, str]], name: str) -> None:
    """Refuse what would be read back differently, such as a value with a line end in it."""
    after = ini.parse(whole, name)
    settings = (item for section in after.values() for item in section.settings.items())
    everywhere = {key: setting.value for key, setting in settings if setting.origin.section == ini.EVERYWHERE}
    meant = {
        title: {**(_texts(before[title]) if title in before else everywhere), **sections.get(title, {})}
        for title in (*before, *sections)
    }
    if {title: _texts(section) for title, section in after.items()} != meant:
        raise ConfigError(
            "the new settings would not read as they were written",
            Origin(name),
            hint=f"write {listed([f'[{printable(title)}]' for title in sections])} by hand",
        )


def _texts(section: ini.Section) -> dict[str, str]:
    return {key: setting.value for key, setting in section.settings.items()}


def _status(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


def _replace(path: Path, data: bytes, there: os.stat_result | None, *, private: bool) -> bool:
    """Replace a file; return False, and change nothing, if it is not the one any more that *there* describes."""
    _remove_leftovers(path)
    with copy_of(path) as copy:
        copy.write(data)
        copy.flush()
        if there is not None:
            with suppress(PermissionError):
                os.fchown(copy.fileno(), there.st_uid, there.st_gid)
            os.fchmod(copy.fileno(), _OWNER_ONLY if private else stat.S_IMODE(there.st_mode))
        os.fsync(copy.fileno())
        if _version(_status(path)) != _version(there):
            return False
        os.replace(copy.name, path)  # noqa: PTH105 - a name from mkstemp
    _settle(path.parent)
    return True


def _version(status: os.stat_result | None) -> tuple[int, int, int] | None:
    """Return what changes when a file is written or replaced."""
    return None if status is None else (status.st_ino, status.st_size, status.st_mtime_ns)


def _remove_leftovers(path: Path) -> list[str]:
    removed = []
    for copy in path.parent.iterdir():
        # It fails on a file system that became read-only.
        with suppress(OSError):
            if copy.name.startswith(prefix_of_copies(path)):
                copy.unlink()
                removed.append(str(copy))
    return removed


def _settle(folder: Path) -> None:
    """Make the new name survive a loss of power, on file systems that can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
