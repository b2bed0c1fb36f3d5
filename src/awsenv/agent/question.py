"""What the user is shown before a role is handed out: what the kernel says of the process, and what that claims.

The role has its name at AWS: a program can bring a profile of its own, and call it what it likes.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from awsenv.config import sources
from awsenv.model import AssumeRole
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from awsenv.agent.peer import Peer, Process
    from awsenv.model import Chain

PARENTS = 6
"""How many parents are shown; the rest are counted."""

LONGEST = 300
"""Characters of a value that are shown."""

_SYSTEM = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/systemd/", "/lib/systemd/")
"""Folders of programs that only root can replace: what is in one of them is known by its name."""


def title(chain: Chain) -> str:
    """Return the role of a chain, as AWS knows it."""
    last = chain.last
    if not isinstance(last, AssumeRole):
        return _shown(sources.title(chain.source))
    within = f"in account {last.role.account}" if last.role.account else "in the account of its source"
    return _shown(f"role {last.role.path_and_name} {within}")


def rows(chain: Chain, peer: Peer) -> Iterator[tuple[str, str]]:
    """Yield what is known of a request: a name and a value each."""
    narrowed = "" if chain.narrowing is None else str(chain.narrowing)
    if narrowed:
        yield "narrowed", _shown(narrowed)
    process, *parents = peer.processes
    yield "program", _shown(f"{process.program or 'not shown'} (process {process.pid})")
    if parents:
        more = f", and {len(parents) - PARENTS} more" if len(parents) > PARENTS else ""
        yield "below", _shown(", ".join(map(_name, parents[:PARENTS])) + more)
    if peer.folder is not None:
        yield "folder", _shown(peer.folder)
    yield "terminal", short(peer.terminal) if peer.terminal else "none"


def claim(chain: Chain, words: Sequence[str]) -> str:
    """Return the command line that a program says it runs, and the assistant that it says it runs for."""
    after = "" if chain.assistant is None else f", for {chain.assistant.name}"
    return _shown(shlex.join(["awsenv", *words]) + after)


def short(terminal: str) -> str:
    """Return a terminal as `ps` and `who` show it: `pts/3`."""
    return printable(terminal.removeprefix("/dev/"))


def _name(process: Process) -> str:
    program = process.program or "not shown"
    folder = next((each for each in _SYSTEM if program.startswith(each)), "")
    return f"{program.removeprefix(folder)} ({process.pid})"


def _shown(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
