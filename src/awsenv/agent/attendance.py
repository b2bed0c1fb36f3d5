"""Who may answer the questions of an agent, and who attends: by the processes and terminals that the kernel names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from awsenv.agent import askpass
from awsenv.agent.peer import own_namespace, state
from awsenv.agent.question import short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from awsenv.agent.peer import Peer, Process

MAX_LOGINS = 100
"""Logins that are remembered at most."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who may answer for the roles of an MFA session."""

    shell: Process | None
    """The parent of the process that logged in; None: the system does not say."""
    terminal: str | None
    confirms: bool
    """Whether every role must be confirmed."""
    askpass: Mapping[str, str]
    """The environment of the program of SSH_ASKPASS; empty: there is none."""
    with_code: bool
    """Whether AWS has accepted an MFA code for it."""
    way: str
    """Equal for logins that reach AWS through the same proxies and CA bundles. Behind others may be a stranger, who
    accepts any code."""

    @property
    def place(self) -> str:
        """The terminal in which `awsenv approve` may attend, as `ps` shows it; empty: the shell has ended."""
        return short(self.terminal) if self.terminal and self.shell and state(self.shell) else ""

    def is_of(self, peer: Peer) -> bool:
        """Return whether the parent of a process is the shell that did this login, on the same terminal.

        A process in another user namespace, such as a sealed one, may have that parent, but must not answer.
        """
        if peer.namespace != own_namespace():
            return False
        if self.shell is None or self.terminal is None or len(peer.processes) < 2:  # noqa: PLR2004 - and its parent
            return False
        return (identity(peer.processes[1]), peer.terminal) == (identity(self.shell), self.terminal)


@dataclass(frozen=True, slots=True)
class State:
    """Whether roles are confirmed, and who attends."""

    every_role: bool
    """Whether every role must be confirmed, and not only those whose profile says so."""
    attended: tuple[str, ...]
    """The terminals in which `awsenv approve` attends."""
    program: str | None
    """The program that asks where nobody attends."""
    terminals: tuple[str, ...]
    """The terminals in which it may attend."""

    @property
    def next_step(self) -> str:
        """What to do where nobody attends."""
        if self.terminals:
            return f"awsenv approve in {self.terminals[0]}"
        return how_to_begin(is_every_role=self.every_role)


class Attendance:
    """The logins of one agent, and who attends. One thread uses it at a time."""

    def __init__(self) -> None:
        self._logins: dict[str, Login] = {}
        self._attendants: dict[str, Peer] = {}
        self.opening = 0
        """How many logins with `--confirm` are under way."""

    @property
    def confirms(self) -> bool:
        """Whether every role must be confirmed."""
        return self.opening > 0 or any(login.confirms for login in self._logins.values())

    def is_strange(self, session_key: str, way: str) -> bool:
        """Return whether the session has a login with `--confirm`, and this one reaches AWS by another way."""
        before = self._logins.get(session_key)
        return before is not None and before.confirms and before.way != way

    def note(
        self, peer: Peer, session_key: str, way: str, *, with_code: bool, confirms: bool, environ: Mapping[str, str]
    ) -> None:
        """Note who has logged in. A login without a code, or by another way, takes over nothing from another.

        The arguments are those of `Approvals.note_login`.
        """
        parent = peer.processes[1] if len(peer.processes) > 1 else None
        login = Login(parent, peer.terminal, confirms, askpass.chosen(environ), with_code, way)
        before = self._logins.get(session_key)
        if self.is_strange(session_key, way) or (before is None and not self._has_room(login)):
            return
        if before is not None and not with_code:
            is_left = not before.with_code and before.shell is not None and state(before.shell) is None
            login = replace(login if is_left else before, confirms=before.confirms or confirms)
        self._logins[session_key] = login

    def _has_room(self, login: Login) -> bool:
        """Return whether another login can be noted. One with `--confirm` takes the place of the oldest without."""
        if len(self._logins) < MAX_LOGINS:
            return True
        gone = next((key for key, each in self._logins.items() if login.confirms and not each.confirms), None)
        if gone is not None:
            del self._logins[gone]
            self._attendants.pop(gone, None)
        return gone is not None

    def login(self, session_key: str) -> Login | None:
        """Return the login of an MFA session; for a role without one, any login, if all come from the same shell."""
        found = self._logins.get(session_key)
        if found is not None:
            return found
        logins = list(self._logins.values())
        # If they do not, one may be of a program that logged in with a key of its own.
        is_one = all(_asks(each) == _asks(logins[0]) for each in logins)
        return logins[0] if logins and is_one else None

    def attend(self, peer: Peer) -> dict[str, Any]:
        """Let a process attend from now on. Return an empty dictionary, or why it may not, and the next step."""
        keys = [key for key, login in self._logins.items() if login.is_of(peer)]
        if not keys:
            places = ", ".join(self.state().terminals)
            hint = f"awsenv approve, in that shell: {places}" if places else how_to_begin(is_every_role=self.confirms)
            if any(login.place and login.terminal == peer.terminal for login in self._logins.values()):
                hint = "awsenv approve, in that shell itself: not below it, and not in the background"
            return {"refused": "awsenv approve runs only in the shell that ran awsenv login", "hint": hint}
        for key in keys:
            other = self._attendants.get(key)
            if other is not None and identity(other.process) != identity(peer.process) and _attends(other):
                return {"refused": f"awsenv approve already runs, as process {other.process.pid}", "hint": ""}
        self._attendants.update(dict.fromkeys(keys, peer))
        return {}

    def attendant(self, login: Login, asker: Peer) -> Peer | None:
        """Return who attends and may answer for the roles of *login* that *asker* requests; None: nobody."""
        attendants = self._attendants.values()
        return next((each for each in attendants if _attends(each) and may_answer(each, login, asker)), None)

    def state(self) -> State:
        """Return whether roles are confirmed, and who attends."""
        logins = list(self._logins.values())
        attended = (short(peer.terminal) for peer in self._attendants.values() if peer.terminal and _attends(peer))
        return State(
            self.confirms,
            tuple(dict.fromkeys(attended)),
            next((login.askpass["SSH_ASKPASS"] for login in logins if login.askpass), None),
            tuple(dict.fromkeys(login.place for login in logins if login.place)),
        )


def how_to_begin(*, is_every_role: bool) -> str:
    """Return the next step where no shell that lives may attend. A login without `--confirm` would turn that off."""
    return f"awsenv login{' --confirm' if is_every_role else ''}, then awsenv approve in the same shell"


def _asks(login: Login) -> object:
    """Return what two logins have in common if the same person is asked about their roles."""
    return login.shell and identity(login.shell), login.terminal, login.askpass


def may_answer(attendant: Peer, login: Login, asker: Peer) -> bool:
    """Return whether a process may answer for another: one of the shell of *login*, neither below nor above it."""
    above, below = map(identity, asker.processes), map(identity, attendant.processes)
    is_kin = identity(asker.process) in below or identity(attendant.process) in above
    return login.is_of(attendant) and not is_kin


def identity(process: Process) -> tuple[int, int]:
    """Return what tells a process from all others, whatever it executes now."""
    return process.pid, process.started


def _attends(peer: Peer) -> bool:
    """Return whether a process lives, and has not been stopped with Ctrl-Z."""
    return state(peer.process) not in {None, "T", "t"}
