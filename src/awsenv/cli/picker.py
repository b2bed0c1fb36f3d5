"""The picker: on a terminal, the user picks the role that a command line leaves out.

It draws on /dev/tty, since stdout is for what a shell evaluates, and runs before anything else: an agent gets the
request with the role in it. Where fzf is installed, that shows the list.
"""

from __future__ import annotations

import os
import sys
import termios
from contextlib import suppress
from threading import Thread

from awsenv.cli import commands, process
from awsenv.cli.screen import CLOSED, REDRAW, SUSPEND, Screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from awsenv.cli.menu import Choice, Menu

    Offered = tuple[list[str], list[Choice], Sequence[str]]
    """The names of the profiles to pick from, how the picker shows each, and the titles of its columns."""

VARIABLE = "AWSENV_PICKER"
"""Which picker there is: one of KINDS, by default FZF where it is installed."""
FZF, BUILTIN, NONE = KINDS = ("fzf", "builtin", "none")

_TERMINAL = "/dev/tty"


def with_role(args: list[str], begin: Callable[[], object] = bool) -> list[str] | None:
    """Return the command line *args*, which lacks a role, with the one that the user picks; None: the user left.

    It stays as it is where there is no terminal to ask at, and where the output would go astray. Else *begin* is called
    before the user sees the list.

    Raises:
        ConfigError: The files cannot be read, or there is nothing in them to pick.
        UsageError: AWSENV_PICKER is not one of KINDS.
    """
    environ = process.environ()
    words = args or [commands.DEFAULT]
    if not is_on(environ) or not _is_read(words):
        return args
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return args
    try:
        begin()
        role = _picked(environ, terminal)
    except termios.error:
        return args
    except OSError:
        return None  # the terminal is gone
    finally:
        os.close(terminal)
    process.end_silence()
    if role is None:
        return None
    name, *rest = commands.named(words)
    return [name, role, *rest]


def is_on(environ: Mapping[str, str]) -> bool:
    """Return whether the user of *environ* has a picker, and a terminal that can draw it.

    Raises:
        UsageError: AWSENV_PICKER is not one of KINDS.
    """
    kind = environ.get(VARIABLE) or BUILTIN
    if kind not in KINDS:
        from awsenv.errors import Origin, UsageError  # noqa: PLC0415 - where something is wrong

        raise UsageError(f"there is no picker {kind!r}", Origin(VARIABLE), hint=f"export {VARIABLE}={BUILTIN}")
    return kind != NONE and environ.get("TERM") not in {None, "", "dumb"}


def _is_read(words: list[str]) -> bool:
    """Return whether the output of the command line *words* goes where it should, or the command does not mind."""
    command = commands.called(words)
    if not command.prints_secrets or {"--print", "--open"}.intersection(words):
        return True
    shows_keys = command.is_evaluated and process.stdout_is_terminal()
    return not shows_keys and not process.stdout_goes_astray()


def _picked(environ: Mapping[str, str], terminal: int) -> str | None:
    kind = environ.get(VARIABLE)
    path = None if kind == BUILTIN else _find_fzf(environ)
    reading = None
    if path is not None:
        reading = _Reading(environ)
        role, reason = _ask_fzf(path, reading, environ=environ, terminal=terminal)
        if reason is None:
            return role
        _tell(f"fzf {reason}, so awsenv shows its own list")
    elif kind == FZF:
        _tell("fzf is not on the PATH, so awsenv shows its own list")
    screen = Screen(terminal)
    with screen:
        return _ask(screen, reading or _Reading(environ))


def _tell(fact: str) -> None:
    from awsenv.cli import action  # noqa: PLC0415 - where fzf does not work
    from awsenv.model import Note  # noqa: PLC0415 - the same

    action.show([Note(fact, hints=(f"export {VARIABLE}={BUILTIN}",))])


def _offered(environ: Mapping[str, str]) -> Offered:
    """Return the profiles to pick from, those used last first.

    A name that begins with a hyphen is not among them: no command line can have it as a role.

    Raises:
        ConfigError: The files cannot be read, or there is nothing in them to pick.
    """
    from awsenv import changes, config  # noqa: PLC0415 - the first lines are drawn before
    from awsenv.cli import recent, rows  # noqa: PLC0415 - the same
    from awsenv.cli.menu import Choice  # noqa: PLC0415 - the same

    base = changes.original(environ)
    profiles = config.read(base)
    entries = [each for each in config.roles(profiles, base) if each.name and not each.name.startswith("-")]
    if not entries:
        raise rows.nothing(profiles, base)
    used = {name: number for number, name in enumerate(recent.roles(environ))}
    entries.sort(
        key=lambda each: (used.get(each.name, used.get(each.role_arn or "", len(used))), each.kind is not None)
    )
    active = changes.active(environ)
    role = None if active is None else active.role
    shown = rows.shown(entries)
    is_colored = process.shows_color(environ)
    choices = [
        Choice(
            rows.row(each)[:shown],
            marks=rows.marks(each, role),
            color=each.rails.color if is_colored else "",
        )
        for each in entries
    ]
    return [each.name for each in entries], choices, rows.HEAD[:shown]


class _Reading(Thread):
    """The profiles of *environ*, which are read while the user types: of 5,000 that takes half a second.

    Nothing waits for this thread if the user leaves.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self._environ = environ
        self.end, self._writes = os.pipe()
        """Can be read when the thread is done, which closes the other end."""
        self._offered: Offered | Exception = OSError()
        self.start()

    def run(self) -> None:
        """Read them."""
        try:
            self._offered = _offered(self._environ)
        except Exception as error:  # noqa: BLE001 - `offered` raises it
            self._offered = error
        finally:
            os.close(self._writes)

    def offered(self) -> Offered:
        """Return what the thread has read, now that it is done.

        Raises:
            ConfigError: As of `_offered`.
        """
        if isinstance(self._offered, Exception):
            raise self._offered
        return self._offered


def _ask(screen: Screen, reading: _Reading) -> str | None:
    """Let the user pick on *screen*, which shows what is typed before the profiles are read."""
    from awsenv.cli.menu import Menu  # noqa: PLC0415 - where fzf does not ask

    menu = Menu()
    names: list[str] = []
    early: list[str] = []
    is_read = False
    while True:
        screen.draw(*menu.lines(*screen.size()))
        typed = screen.read(*[] if is_read else [reading.end])
        if not is_read and not typed:
            names, choices, head = reading.offered()
            menu, typed, is_read = Menu(head, choices), early, True
        for key in typed:
            if key in _TAKES and menu.taken is not None:
                return names[menu.taken]
            if key in _LEAVES:
                return None
            if key == SUSPEND:
                # As the only job of a shell. Inside $(...), the shell would wait for the output for ever.
                if os.getpgrp() == os.getpid():
                    screen.suspend()
            elif key != REDRAW:
                _press(menu, key)
                early += [] if is_read else [key]


_TAKES = ("\r", "\n")
_LEAVES = ("\x1b", "\x03", "\x04", "\x07", "\x1c", CLOSED)
"""Esc, Ctrl-C, Ctrl-D, Ctrl-G, Ctrl-\\."""
_MOVES = {
    **dict.fromkeys(("\x1b[A", "\x1bOA", "\x10"), -1),
    **dict.fromkeys(("\x1b[B", "\x1bOB", "\x0e"), 1),
}
"""Arrows, as terminals send them in each of two modes, Ctrl-P and Ctrl-N."""
_PAGES = {"\x1b[5~": -1, "\x1b[6~": 1}
_HOME = ("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~")
_END = ("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~")
_ERASES = {**dict.fromkeys(("\x7f", "\x08"), 1), "\x15": sys.maxsize, "\x17": None}
"""Backspace as terminals send it, Ctrl-U and Ctrl-W."""


def _press(menu: Menu, key: str) -> None:
    if key in _MOVES:
        menu.move(_MOVES[key])
    elif key in _PAGES:
        menu.move(_PAGES[key] * menu.page)
    elif key in _HOME:
        menu.move(-sys.maxsize)
    elif key in _END:
        menu.move(sys.maxsize)
    elif key in _ERASES:
        menu.erase(_ERASES[key])
    elif key[:1] >= " " and key != "\x7f":
        menu.type(key)


def _find_fzf(environ: Mapping[str, str]) -> str | None:
    """Return the path of fzf; a relative entry of the PATH does not count."""
    for folder in os.get_exec_path(environ):
        path = os.path.join(folder, "fzf")
        if os.path.isabs(path) and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


_NO_MATCH, _LEFT = 1, 130
"""Exit statuses of fzf (its manual, "EXIT STATUS")."""

_FZF = (
    *("--delimiter=\t", "--with-nth=2..", "--nth=..", "--header-lines=1", "--prompt=role> "),
    # What the user's own options may turn on, in FZF_DEFAULT_OPTS or a file: they are for lists of other things.
    *("--no-read0", "--no-print0", "--no-print-query", "--no-multi", "--no-select-1", "--no-preview", "--no-expect"),
    # The key comes first in the output. That of `--filter`, which nothing turns off, has none.
    "--expect=enter",
    # Inside $(...), the shell would wait for ever for a program that is stopped.
    "--bind=ctrl-z:ignore",
)


def _ask_fzf(
    path: str, reading: _Reading, *, environ: Mapping[str, str], terminal: int
) -> tuple[str | None, str | None]:
    """Let the user pick with fzf.

    Returns:
        The role, None if the user left; and, where fzf does not work, what it did.

    Raises:
        ConfigError: As of `_offered`.
    """
    import select  # noqa: PLC0415 - where fzf asks
    import subprocess  # noqa: PLC0415 - the same

    from awsenv import changes, variables  # noqa: PLC0415 - the same

    secrets = {*variables.having(variables.SECRET), "FZF_DEFAULT_COMMAND"}
    own = {name: value for name, value in changes.for_command(environ).items() if name not in secrets}
    before = termios.tcgetattr(terminal)
    try:
        fzf = subprocess.Popen([path, *_FZF], env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal)
    except OSError as error:
        return None, f"cannot be started ({error.strerror})"
    roles: dict[str, str] = {}
    try:
        # The user may leave before the profiles are read.
        ready, _, _ = select.select([fzf.stdout, reading.end], [], [])  # type: ignore[type-var] # stdout is a pipe
        if fzf.stdout not in ready:
            roles = _lines(*reading.offered())
        printed, _ = fzf.communicate(process.encoded("".join(f"{line}\n" for line in roles)))
    except BaseException:
        # It restores the terminal.
        fzf.terminate()
        fzf.wait()
        raise
    if fzf.returncode in {_NO_MATCH, _LEFT}:
        return None, None
    key, _, line = printed.decode(errors="replace").removesuffix("\n").partition("\n")
    if key not in roles and roles.get(line):
        return roles[line], None
    with suppress(termios.error):
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    return None, f"ended with status {fzf.returncode}" if fzf.returncode else "gave no answer"


def _lines(names: Sequence[str], choices: Sequence[Choice], head: Sequence[str]) -> dict[str, str]:
    """Return the lines of the list for fzf, each with the name of its role; the first one has the titles, and none."""
    from awsenv.cli import report  # noqa: PLC0415 - where fzf asks

    table = report.table([["", *head], *([each.marks[True], *each.texts] for each in choices)]).splitlines()
    # The number, which fzf does not show, makes each line another.
    named = enumerate(zip(table, ["", *names], strict=True))
    return {f"{number}\t{line}": name for number, (line, name) in named}
