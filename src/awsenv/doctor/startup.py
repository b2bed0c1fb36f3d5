"""What the startup files of an interactive shell say. They are read, and nothing in them is ever run."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.config.text import printable
from awsenv.origin import Origin
from awsenv.shells.base import home as home_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

_MOST_BYTES = 1 << 20
_MOST_FILES = 200
"""How many of them are read."""

_COMMENT = re.compile(r"(?:^|\s)#")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is no comment."""

    file: str
    """As a person would type it: `~/.bashrc`."""
    number: int
    """Counted from one."""
    text: str = field(repr=False)
    """Without the comment at its end. Never shown: people keep keys in these files."""

    @property
    def place(self) -> str:
        """Where it is: `~/.bashrc:12`."""
        return str(Origin(self.file, self.number))


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is there and could not be read."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Startup:
    """The startup files of a shell, in the order in which it reads them."""

    main: str
    """The file that the hook belongs into."""
    files: tuple[str, ...] = ()
    """Those that are there."""
    lines: tuple[Line, ...] = field(default=(), repr=False)
    unread: tuple[Unread, ...] = ()


def startup(environ: Environ, shell: str) -> Startup:
    """Read the startup files of *shell*, which has a hook."""
    main, paths = shells.find(shell).startup(environ)
    return _read(main, paths[-_MOST_FILES:], environ)


def p10k(environ: Environ) -> Startup:
    """Read the configuration of powerlevel10k, which `p10k configure` writes."""
    zshrc, _ = shells.find("zsh").startup(environ)
    path = environ.get("POWERLEVEL9K_CONFIG_FILE") or str(Path(zshrc).with_name(".p10k.zsh"))
    return _read(path, [path], environ)


def _read(main: str, paths: list[str], environ: Environ) -> Startup:
    files: list[str] = []
    lines: list[Line] = []
    unread: list[Unread] = []
    for path in paths:
        name = _typed(path, environ)
        try:
            text = _text(path)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            files.append(name)
            unread.append(Unread(name, printable(why)))
            continue
        if text is not None:
            files.append(name)
            lines += _lines(name, text)
    return Startup(_typed(main, environ), tuple(files), tuple(lines), tuple(unread))


def _text(path: str) -> str | None:
    """Return what stands in the file; None: there is none.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file, or too long for one that a person writes.
    """
    try:
        # A FIFO would wait for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a file")
        content = os.read(descriptor, _MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MOST_BYTES:
        raise ValueError("longer than 1 MiB")
    return content.decode(errors="replace")


def _typed(path: str, environ: Environ) -> str:
    home = home_of(environ).rstrip("/")
    return printable(f"~{path[len(home) :]}" if home and path.startswith(f"{home}/") else path)


def _lines(name: str, text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        code = _without_comment(line).strip()
        if code:
            yield Line(name, number, code)


def _without_comment(line: str) -> str:
    for mark in _COMMENT.finditer(line):
        before = line[: mark.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return before
    return line
