"""What an agent has handed out, and what it has refused: to whom, when, and for how long.

It is in the memory of the agent alone, is bounded, and holds no secret. The kernel says who has asked (`peer.py`). Of a
command line, only the name of the command of awsenv is kept.

Requests that differ only in time and in the numbers of processes, such as those of an SDK that calls
`credential-process` again and again, are one entry with a count.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from awsenv.errors import UnreachableError
from awsenv.model import AssumeRole, Credentials
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from awsenv.agent.peer import Peer
    from awsenv.agent.plan import Lease, Plan
    from awsenv.errors import AwsenvError
    from awsenv.model import Chain, Waits

MAX_ENTRIES = 2000
"""Entries that are kept. The one whose last request is the oldest goes first."""

MAX_BYTES = 1_000_000
"""Bytes of all their texts."""

LONGEST = 200
"""Characters that are kept of a text; twice as many of why a role was refused."""

PARENTS = 8
"""Parents of a process that are kept."""

PAGE = 100
"""Entries of one reply: few enough for the largest reply, even if all have the longest texts."""


class Asked(NamedTuple):
    """A request. Two that differ only in time and in the numbers of processes are equal."""

    command: str
    """The command of awsenv; `python`: a program, by the functions of the package."""
    role: str | None = None
    """The label of the role; None: the request was refused before it was read."""
    account: str | None = None
    arn: str | None = None
    color: str | None = None
    narrowed: str | None = None
    because: str | None = None
    assistant: str | None = None
    folder: str | None = None
    terminal: str | None = None
    programs: tuple[str | None, ...] = ()
    """The paths of the program that has asked, of its parent, and so on; None: the system does not say."""
    more_parents: int = 0
    """How many parents there are above these."""
    refused: str | None = None
    """Why the role was refused; None: it was handed out."""


@dataclass(slots=True)
class _Entry:
    """What has happened, once or many times."""

    asked: Asked
    number: int
    """Higher than that of all that happened before."""
    pid: int
    first: float
    last: float
    until: float | None
    count: int = 1


class Log:
    """The log of one agent. Any number of threads may use it at once.

    Args:
        now: Returns the seconds since the epoch, UTC.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._entries: dict[Asked, _Entry] = {}
        self._bytes = 0
        self._number = 0
        self._dropped = 0
        self._since = now()
        self.on_news: Callable[[], object] = bool
        """Called in any thread after a request was noted."""

    def note(self, asked: Asked, pid: int, until: float | None = None) -> None:
        """Note that a request was granted or refused.

        Args:
            asked: The request.
            pid: The process that has asked.
            until: When the credentials end, since the epoch, UTC; None: they do not, or it was refused.
        """
        with self._lock:
            now, self._number = self._now(), self._number + 1
            entry = self._entries.pop(asked, None)
            if entry is None:
                entry = _Entry(asked, self._number, pid, now, now, until)
                self._bytes += _size(asked)
            else:
                entry.number, entry.pid, entry.last, entry.until = self._number, pid, now, until
                entry.count += 1
            # The dictionary has the order of the last requests.
            self._entries[asked] = entry
            while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
                gone = self._entries.pop(next(iter(self._entries)))
                self._bytes -= _size(gone.asked)
                self._dropped += 1
                self._since = gone.last
        self.on_news()

    def read(self, after: int = 0) -> dict[str, Any]:
        """Return the entries whose number is higher than *after*, in their order, as many as a reply may have.

        `number` is the highest of their numbers, and `is_all` says whether there are no more. The log is complete for
        the time after `since`; `dropped` older entries are gone.
        """
        with self._lock:
            found = []
            for entry in reversed(self._entries.values()):
                if entry.number <= after:
                    break
                found.append(entry)
            page = found[-PAGE:][::-1]
            return {
                "number": page[-1].number if page else after,
                "is_all": len(page) == len(found),
                "since": self._since,
                "dropped": self._dropped,
                "entries": [_described(entry) for entry in page],
            }


@dataclass(frozen=True, slots=True)
class Recording:
    """The rule of `awsenv.agent.guard` that keeps the log, for one request."""

    log: Log
    command: str
    """The command of awsenv: it decides what is done."""

    def check(self, peer: Peer, plan: Plan, waits: Waits) -> None:
        """Do nothing."""

    def granted(self, peer: Peer, plan: Plan, lease: Lease) -> None:
        """Note that a process gets the role."""
        self.served(peer, plan)(lease.credentials)

    def refused(self, peer: Peer, plan: Plan, error: AwsenvError) -> None:
        """Note that it does not get the role, and why."""
        self.served(peer, plan)(error)

    def refused_all(self, peer: Peer, fact: str) -> None:
        """Note that a process is refused, whatever role it has asked for."""
        self.log.note(_asked(self.command, peer)._replace(refused=_cut(fact, 2 * LONGEST)), peer.process.pid)

    def served(self, peer: Peer, plan: Plan) -> Callable[[Credentials | AwsenvError], None]:
        """Return a function that notes that a process has got the credentials of a role once more, or why it has not.

        If AWS cannot be reached, that is no refusal. The function keeps nothing of the plan, which may hold secrets.
        """
        asked, log, pid = _with_role(_asked(self.command, peer), plan.chain), self.log, peer.process.pid

        def note(outcome: Credentials | AwsenvError) -> None:
            if isinstance(outcome, Credentials):
                ends = outcome.expiration
                log.note(_of_account(asked, outcome), pid, None if ends is None else ends.timestamp())
            elif not isinstance(outcome, UnreachableError):
                log.note(asked._replace(refused=_cut(outcome.fact, 2 * LONGEST)), pid)

        return note


def _asked(command: str, peer: Peer) -> Asked:
    kept = peer.processes[: PARENTS + 1]
    return Asked(
        command,
        folder=_cut(peer.folder),
        terminal=_cut(peer.terminal),
        programs=tuple(_cut(process.program) for process in kept),
        more_parents=len(peer.processes) - len(kept),
    )


def _with_role(asked: Asked, chain: Chain) -> Asked:
    last, narrowing, color = chain.last, chain.narrowing, chain.rails.color
    arn = last.role if isinstance(last, AssumeRole) else None
    return asked._replace(
        role=_cut(chain.label),
        account=None if arn is None else _cut(arn.account),
        arn=None if arn is None or arn.account is None else _cut(str(arn)),
        color=_cut(color) or None,
        narrowed=None if narrowing is None else _cut(str(narrowing)) or None,
        because=None if narrowing is None else _cut(narrowing.because),
        assistant=None if chain.assistant is None else _cut(chain.assistant.name),
    )


def _of_account(asked: Asked, credentials: Credentials) -> Asked:
    """Return *asked* with what only the response of AWS says about the role."""
    return asked._replace(account=asked.account or _cut(credentials.account), arn=asked.arn or _cut(credentials.arn))


def _cut(text: str | None, longest: int = LONGEST) -> str | None:
    if text is None:
        return None
    text = printable(text[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _size(asked: Asked) -> int:
    texts = (*asked.programs, *(each for each in asked if isinstance(each, str)))
    return sum(len(text.encode()) for text in texts if text)


def _described(entry: _Entry) -> dict[str, Any]:
    """Return an entry as JSON has it: times are seconds since the epoch."""
    about = entry.asked._asdict()
    programs, more = about.pop("programs"), about.pop("more_parents")
    return {
        **about,
        "program": next(iter(programs), None),
        "process": entry.pid,
        "parents": list(programs[1:]),
        "more_parents": more,
        "first": entry.first,
        "last": entry.last,
        "until": entry.until,
        "count": entry.count,
    }
