"""Adds to the two files of the AWS tools, and changes nothing else in them.

Other tools and people write these files, too: comments, order, line ends and odd spelling stay as they are, byte for
byte. To add to a file, read it, call `with_settings`, and `write` at once: what others write in between is lost.
"""

from __future__ import annotations

import io
import os
import shlex
import stat
import tempfile
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.config import ini
from awsenv.config.text import listed, printable
from awsenv.errors import ConfigError
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from awsenv.config import Profiles

_EVERYWHERE = "DEFAULT"
_OWNER_ONLY = 0o600


def header(profiles: Profiles, profile: str) -> str:
    """Return the header that *profile* has in the config file, or shall get there, without its brackets.

    `[profile  "a b"]` is found as it is spelled: a second section of the same name would hide the first.
    """
    titles = (title for title in profiles.config_sections if profiles.named_by(title) == profile)
    return next(titles, profile if profile == "default" else f"profile {shlex.quote(profile)}")


def with_settings(text: str, sections: Mapping[str, Mapping[str, str]], name: str) -> str:
    """Return *text* with the sections and the keys that it lacks.

    A section that is there gets the missing keys below its header; the others follow at the end. A key that is there
    with the same value stays as it is written. What `[DEFAULT]` says is overridden, where it says something else.

    Args:
        text: The content of the file, with its own line ends.
        sections: Header without brackets → key in lower case → value.
        name: The file, as messages name it.

    Raises:
        ConfigError: A key is there with another value; or botocore would refuse the file, or could not read back what
            was to be written. No message shows a value.
    """
    before = ini.parse(text, name)
    lines = list(io.StringIO(text, newline=""))
    end = next((line[len(line.rstrip("\r\n")) :] for line in lines[:1]), "") or "\n"
    # From the bottom up: so the lines that are still to be found keep their numbers.
    for title in sorted(sections.keys() & before.keys(), key=lambda title: -before[title].line):
        missing = _missing(title, before[title], sections[title], name)
        if missing:
            _insert(lines, before[title].line, missing, end)
    for title in (title for title in sections if title not in before):
        if lines:
            lines[-1] = _ended(lines[-1], end)
            lines += [end] if lines[-1].strip() else []
        lines += [line + end for line in (f"[{title}]", *_assignments(sections[title]))]
    whole = "".join(lines)
    _check(whole, before, sections, name)
    return whole


def write(path: str, text: str, *, private: bool, name: str | None = None) -> None:
    """Replace the content of a file, or make the file, in one step: who reads it sees the old or the new.

    A link stays a link: what it points to is replaced. Nobody else can read a new file, nor what is written before it
    takes its place; a file that is there keeps its mode and, where the system lets it, its owner.

    Args:
        path: The file; its folder is made if it is missing.
        text: The whole content, with its own line ends.
        private: The file holds a secret key: whatever its mode was, only its owner can read the new one.
        name: The file, as messages name it; None: its path.

    Raises:
        ConfigError: It cannot be written, or is no regular file. What was there is untouched.
    """
    with _target(path, name) as (target, there):
        _replace(target, text.encode(), there, private=private)


def check(path: str, name: str | None = None) -> None:
    """See that a file can be written, before something is made that has to go there. Its folder is made.

    Args:
        path: The file.
        name: The file, as messages name it; None: its path.

    Raises:
        ConfigError: It cannot be written, or is no regular file.
    """
    with _target(path, name) as (target, _):
        descriptor, temporary = _temporary(target)
        os.close(descriptor)
        os.unlink(temporary)  # noqa: PTH108 - a name from mkstemp


@contextmanager
def _target(path: str, name: str | None) -> Iterator[tuple[Path, os.stat_result | None]]:
    """Yield what is to be replaced, a link followed, and its status; raise what goes wrong as a ConfigError."""
    shown = printable(path) if name is None else name
    target = Path(os.path.realpath(path))
    try:
        there = _status(target)
        if there is None or stat.S_ISREG(there.st_mode):
            yield target, there
            return
        # botocore takes it for no file. To replace /dev/null would break the machine.
        reason = "it is no regular file"
    except OSError as error:
        reason = (os.strerror(error.errno) if error.errno else "error").lower()
    raise ConfigError(
        f"cannot write {shown}: {reason}",
        Origin(shown),
        hint="mend that, or name another file in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE",
    )


def _missing(title: str, section: ini.Section, wanted: Mapping[str, str], name: str) -> dict[str, str]:
    missing = {}
    for key, value in wanted.items():
        there = section.values.get(key)
        if there is None or (there.section != title and there.text != value):
            missing[key] = value
        elif there.text != value:
            raise ConfigError(
                f"{key} is set to something else already",
                Origin(name, there.line, printable(title), key),
                hint=f"remove this line, or the section [{printable(title)}], or choose another name",
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
    """Refuse what would not be read back as it was meant, such as a value with a line end in it."""
    after = ini.parse(whole, name)
    values = (item for section in after.values() for item in section.values.items())
    everywhere = {key: value.text for key, value in values if value.section == _EVERYWHERE}
    meant = {
        title: {**(_texts(before[title]) if title in before else everywhere), **sections.get(title, {})}
        for title in (*before, *sections)
    }
    if {title: _texts(section) for title, section in after.items()} != meant:
        raise ConfigError(
            "the new settings cannot be written so that they read as they should",
            Origin(name),
            hint=f"write {listed([f'[{printable(title)}]' for title in sections])} by hand",
        )


def _texts(section: ini.Section) -> dict[str, str]:
    return {key: value.text for key, value in section.values.items()}


def _status(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


def _replace(path: Path, data: bytes, there: os.stat_result | None, *, private: bool) -> None:
    descriptor, temporary = _temporary(path)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            if there is not None:
                with suppress(PermissionError):
                    os.fchown(descriptor, there.st_uid, there.st_gid)
                os.fchmod(descriptor, _OWNER_ONLY if private else stat.S_IMODE(there.st_mode))
            os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - a name from mkstemp
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108 - the same
        raise
    _settle(path.parent)


def _temporary(path: Path) -> tuple[int, str]:
    """Open a new file beside *path*."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp lets nobody but the owner in.
    return tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)


def _settle(folder: Path) -> None:
    """See that the new name outlives a loss of power. Not every file system can: what is written stays written."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
