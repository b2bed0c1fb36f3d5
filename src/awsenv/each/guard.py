"""End process groups if this process is killed: nothing else would.

A shell waits beside it, and reads from a pipe which groups there are. At the end of the pipe it ends those that are
left. It has no secret, and no part in anything else.
"""

from __future__ import annotations

import os
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

_SCRIPT = """\
groups=' '
while read -r sign group; do
  case $sign in
  +) groups="$groups$group " ;;
  -) groups="${groups%% "$group "*} ${groups#* "$group "}" ;;
  esac
done
[ "$groups" = ' ' ] && exit
for number in TERM KILL; do
  for group in $groups; do kill -s $number -- "-$group"; done
  sleep 1
done
"""


class Guard:
    """The process groups to end with this process."""

    def __init__(self) -> None:
        self._pipe = -1
        self._pid = -1

    def __enter__(self) -> Self:
        """Begin."""
        reads, self._pipe = os.pipe()
        places: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, reads, 0)]
        places += [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
        # In a session of its own, it is ended neither by Ctrl-C nor by the end of a terminal.
        path = {"PATH": os.defpath}
        self._pid = os.posix_spawn("/bin/sh", ["sh", "-c", _SCRIPT], path, file_actions=places, setsid=True)
        os.close(reads)
        return self

    def __exit__(self, *_: object) -> None:
        """Let the shell end."""
        os.close(self._pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def add(self, group: int) -> None:
        """Note a group that is to end with this process."""
        self._send(b"+", group)

    def remove(self, group: int) -> None:
        """Note that a group has ended."""
        self._send(b"-", group)

    def _send(self, sign: bytes, group: int) -> None:
        with suppress(OSError):  # somebody has killed it: the commands go on
            os.write(self._pipe, b"%s %d\n" % (sign, group))
