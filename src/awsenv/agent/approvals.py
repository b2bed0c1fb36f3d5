"""The roles that an agent hands out only after a yes: who is asked, who may answer, and for how long a yes holds.

**What asks.** After `awsenv login --confirm`, every role; else those whose profile has `awsenv_confirm`. Only another
login for the same MFA session turns the first off: without the option, with an MFA code, and through the same proxies
and CA bundles. As long as one session asks, every role asks. `lock` changes nothing.

**Who may answer.** `awsenv approve`, if the kernel says that its parent is the shell that did the login for that MFA
session, on the same terminal; else the program of SSH_ASKPASS, in the environment of that login. One attends at a time.
A process cannot answer for itself, nor for one that it started, nor for one that started it. Where nobody attends, the
answer is no, at once.

**How long.** For an hour, a yes holds for the process that asked and for what it starts: they have the keys anyway. For
a shorter time, as with sudo, it also holds for other processes of the same terminal session or, without a terminal, of
the same parent. It holds for that one role, narrowed as it was. A restart and `lock` forget it. Nobody is asked about a
renewal at a prompt: a terminal session that has got the role gets it again, and any other is refused.

**What remains.** A program that is started in the very shell that did the login may attend, and answer for a process
that it has started and disowned. So can whatever types into that terminal: a multiplexer, the terminal's remote
control, a tracer of the shell. And a yes serves all processes of a terminal session.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.agent import askpass, question
from awsenv.agent.attendance import Attendance, how_to_begin, identity, may_answer
from awsenv.agent.peer import state
from awsenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from awsenv.agent.attendance import Login, State
    from awsenv.agent.peer import Peer
    from awsenv.agent.plan import Lease, Plan
    from awsenv.errors import AwsenvError
    from awsenv.model import Chain, Waits

SECONDS = 60.0
"""Seconds after which a question is answered with no."""

GRACE = 900
"""Seconds for which a yes holds for a terminal session, where a profile does not say less: as for sudo(8)."""

SAME = 3600.0
"""Seconds for which a yes holds for the process that asked: it has the keys for about as long anyway."""

MAX_WAITING = 64
"""Questions that wait at most: fewer than the clients that an agent serves at once, so that it serves others."""

MAX_OF_SESSION = 48
"""The same, of one terminal session."""

MAX_GIVEN = 1000
"""Answers that are remembered; the oldest goes first."""

POLL = 20.0
"""Seconds that `awsenv approve` waits for a question in one request."""

TICK = 0.5
"""Seconds between two looks at the clock, and at whether the asker and the attendant still live."""

YES, ALL, NO = "yes", "all", "no"


@dataclass(eq=False)
class _Question:
    """A request that waits for an answer."""

    number: int
    peer: Peer
    plan: Plan
    words: Sequence[str]
    login: Login
    ends: float
    answer: str | None = None


class Approvals:
    """The questions of one agent. Any number of threads may use it at once.

    Args:
        clock: Returns seconds; it counts sleep, and is never set.
        seconds: After how many of them an answer is no.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._changed = threading.Condition()
        self._attendance = Attendance()
        self._waiting: list[_Question] = []
        self._given: dict[tuple[object, str | None], float] = {}
        self._number = 0

    def check_login(self, session_key: str, way: str) -> None:
        """Check that a login may take the place of another. The arguments are those of `note_login`.

        Raises:
            UsageError: What accepts its code may be a stranger.
        """
        with self._changed:
            if self._attendance.is_strange(session_key, way):
                raise UsageError(
                    "the login with --confirm reaches AWS through another proxy or CA bundle",
                    hint="awsenv logout, then awsenv login",
                )

    def note_login(
        self, peer: Peer, session_key: str, way: str, *, with_code: bool, confirms: bool, environ: Mapping[str, str]
    ) -> None:
        """Note who has logged in, and may answer from now on. A login without a code takes over nothing from another.

        Args:
            peer: The process that has logged in.
            session_key: Of the MFA session.
            way: As `awsenv.config.way_key` returns it.
            with_code: Whether AWS has accepted an MFA code.
            confirms: Whether every role must be confirmed.
            environ: The environment of the process, for the program of SSH_ASKPASS.
        """
        with self._changed:
            self._attendance.note(peer, session_key, way, with_code=with_code, confirms=confirms, environ=environ)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Ask for every role inside the context: the agent holds the MFA session before its login is noted."""
        with self._changed:
            self._attendance.opening += 1
        try:
            yield
        finally:
            with self._changed:
                self._attendance.opening -= 1

    def seconds(self, chain: Chain) -> int | None:
        """Return how many seconds a yes holds for the role of *chain*; None: it needs none."""
        own = chain.rails.confirm
        with self._changed:
            if not self._attendance.confirms:
                return own
        return GRACE if own is None else min(own, GRACE)

    def check(self, peer: Peer, plan: Plan, waits: Waits, words: Sequence[str], *, renews: bool) -> None:
        """Check that a process may have a role: ask, unless a yes holds.

        Args:
            peer: The process.
            plan: Of the role.
            waits: Shows what it waits for.
            words: The command line that it has sent.
            renews: Whether the request only renews the role of a shell.

        Raises:
            UsageError: The answer is no, or there is none.
        """
        grace = self.seconds(plan.chain)
        if grace is None:
            return
        with self._changed:
            if self._holds(peer, plan, grace, renews=renews):
                return
            asked = self._begun(peer, plan, words, renews=renews)
        try:
            with waits(self._whom(asked), beside=True):
                while not self._is_over(asked, grace):
                    pass
        finally:
            with self._changed:
                self._waiting.remove(asked)
                self._changed.notify_all()

    def attend(self, peer: Peer, number: int = 0, answer: str = "", *, poll: float = POLL) -> dict[str, Any]:
        """Return the next question that *peer* may answer; an empty dictionary: there was none for a while.

        Args:
            peer: The process that attends.
            number: The number of the question that it has shown; 0: it wants the next question.
            answer: YES, ALL or NO; empty: it asks whether the question still waits.
            poll: Seconds to wait for a question.
        """
        ends = time.monotonic() + poll
        with self._changed:
            if refusal := self._attendance.attend(peer):
                return refusal
            self._changed.notify_all()
            if number:
                return self._answered(peer, number, answer)
            while True:
                for each in self._waiting:
                    if each.answer is None and may_answer(peer, each.login, each.peer):
                        return self._described(each)
                if time.monotonic() >= ends or state(peer.process) is None:
                    return {}
                self._changed.wait(TICK)

    def forget(self) -> None:
        """Forget every yes, and answer what waits with no."""
        with self._changed:
            self._given.clear()
            for each in self._waiting:
                each.answer = NO
            self._changed.notify_all()

    def state(self) -> State:
        """Return whether roles are confirmed, and who attends."""
        with self._changed:
            return self._attendance.state()

    # What follows is called with the lock held, unless it says otherwise.

    def _holds(self, peer: Peer, plan: Plan, grace: float, *, renews: bool = False) -> bool:
        now, me, tree = self._clock(), identity(peer.process), _tree(peer)
        since = self._given.get((tree, plan.key))
        if tree is not None and since is not None and (renews or now - since < grace):
            return True
        same = SAME if peer.process.started else self._seconds
        scopes = [(identity(process), plan.key) for process in peer.processes]
        return any(now - self._given.get(scope, -SAME) < same for scope in [*scopes, (me, None)])

    def _begun(self, peer: Peer, plan: Plan, words: Sequence[str], *, renews: bool) -> _Question:
        """Return the question about a role, which waits from now on.

        Raises:
            UsageError: It cannot be asked.
        """
        login = self._attendance.login(plan.session_key)
        if renews:
            raise _refused(plan, "and a renewal in another terminal asks nobody", f"awsenv {plan.chain.role}")
        if login is None:
            raise _refused(plan, "and nobody who can do that is logged in", "awsenv login")
        of_session = sum(each.peer.session == peer.session for each in self._waiting)
        if len(self._waiting) >= MAX_WAITING or of_session >= MAX_OF_SESSION:
            raise _refused(plan, "and too many requests wait for that already", "the same command later")
        self._number += 1
        asked = _Question(self._number, peer, plan, words, login, self._clock() + self._seconds)
        self._check_attended(asked)
        self._waiting.append(asked)
        self._changed.notify_all()
        return asked

    def _is_over(self, asked: _Question, grace: float) -> bool:
        """Wait for a moment, and return whether the answer is yes. Called without the lock.

        Raises:
            UsageError: It is no.
        """
        with self._changed:
            if asked.answer in {YES, ALL} or self._holds(asked.peer, asked.plan, grace):
                return True
            if asked.answer == NO:
                raise UsageError(f"nothing was done: {asked.plan.title} was not confirmed")
            if self._clock() >= asked.ends:
                raise _refused(asked.plan, f"and there was no answer within {self._seconds:g} seconds")
            if state(asked.peer.process) is None:
                raise _refused(asked.plan, "and the program that asked for it has ended")
            self._check_attended(asked)
            if self._attendant(asked) is not None or self._is_behind(asked):
                self._changed.wait(TICK)
                return False
        text = "\n".join(self._text(asked))
        if askpass.ask(text, asked.login.askpass, lambda: self._is_open(asked)):
            self._answer(asked, YES)
        elif self._is_open(asked):
            self._answer(asked, NO)
        return False

    def _is_open(self, asked: _Question) -> bool:
        """Return whether the program may go on to ask. Called without the lock."""
        with self._changed:
            is_asked = asked.answer is None and self._clock() < asked.ends and self._attendant(asked) is None
        return is_asked and state(asked.peer.process) is not None

    def _is_behind(self, asked: _Question) -> bool:
        """Return whether another question comes first: a program asks one thing at a time."""
        return next(each for each in self._waiting if each.answer is None) is not asked

    def _answer(self, asked: _Question, answer: str) -> None:
        with self._changed:
            if asked.answer is not None:
                return
            asked.answer = answer
            if answer in {YES, ALL}:
                me, key = identity(asked.peer.process), asked.plan.key
                scopes = [(me, None if answer == ALL else key), (_tree(asked.peer), key)]
                for scope in scopes:
                    self._given.pop(scope, None)
                    self._given[scope] = self._clock()
                while len(self._given) > MAX_GIVEN:
                    del self._given[next(iter(self._given))]
            self._changed.notify_all()

    def _answered(self, peer: Peer, number: int, answer: str) -> dict[str, Any]:
        asked = next((each for each in self._waiting if each.number == number and each.answer is None), None)
        if asked is None or not may_answer(peer, asked.login, asked.peer):
            return {"over": True}
        if answer in {YES, ALL, NO}:
            self._answer(asked, answer if answer != ALL or self._repeats(asked) else YES)
        return {"over": False}

    def _repeats(self, asked: _Question) -> bool:
        """Return whether the same process asks for other roles, too, or has got one by a yes."""
        me = identity(asked.peer.process)
        others = (each for each in self._waiting if each is not asked)
        return any(identity(each.peer.process) == me for each in others) or any(me == scope for scope, _ in self._given)

    def _attendant(self, asked: _Question) -> Peer | None:
        return self._attendance.attendant(asked.login, asked.peer)

    def _check_attended(self, asked: _Question) -> None:
        login = asked.login
        if self._attendant(asked) is None and not login.askpass:
            where = f"awsenv approve, in the shell of awsenv login: {login.place}"
            where = where if login.place else how_to_begin(is_every_role=login.confirms)
            raise _refused(asked.plan, "and nobody is there to answer", where)

    def _whom(self, asked: _Question) -> str:
        """Return what the process waits for. Called without the lock."""
        with self._changed:
            found = self._attendant(asked)
        if found is not None:
            return f"awsenv approve in {question.short(found.terminal or '')}"
        return f"your answer to {asked.login.askpass.get('SSH_ASKPASS', 'awsenv approve').rpartition('/')[2]}"

    def _described(self, asked: _Question) -> dict[str, Any]:
        return {
            "number": asked.number,
            "title": question.title(asked.plan.chain),
            "rows": list(question.rows(asked.plan.chain, asked.peer)),
            "claim": question.claim(asked.plan.chain, asked.words),
            "repeats": self._repeats(asked),
            "behind": sum(each.answer is None for each in self._waiting) - 1,
        }

    def _text(self, asked: _Question) -> Sequence[str]:
        """Return the question of a program. Called without the lock."""
        rows = [f"{name}: {value}" for name, value in question.rows(asked.plan.chain, asked.peer)]
        claim = f"It says: {question.claim(asked.plan.chain, asked.words)}"
        return [f"Hand out {question.title(asked.plan.chain)}?", "", *rows, "", claim]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The rule, for one request."""

    approvals: Approvals
    peer: Peer
    words: tuple[str, ...]
    """The command line, without secrets. Its first word is no mere claim: it is the command that the agent runs."""

    def check(self, peer: Peer, plan: Plan, waits: Waits) -> None:
        """Ask, unless a yes holds. Raises as `Approvals.check` does."""
        self.approvals.check(peer, plan, waits, self.words, renews=self.words[:1] == ("renew",))

    def granted(self, peer: Peer, plan: Plan, lease: Lease) -> None:
        """Do nothing: the yes was noted before."""

    def refused(self, peer: Peer, plan: Plan, error: AwsenvError) -> None:
        """Do nothing."""

    def note_login(
        self, session_key: str, way: str, *, with_code: bool, confirms: bool, environ: Mapping[str, str]
    ) -> None:
        """Note that this request has logged in, as `Approvals.note_login` does."""
        self.approvals.note_login(self.peer, session_key, way, with_code=with_code, confirms=confirms, environ=environ)

    def seconds(self, chain: Chain) -> int | None:
        """Return how many seconds a yes holds for the role of *chain*; None: it needs none."""
        return self.approvals.seconds(chain)

    def state(self) -> State:
        """Return whether roles are confirmed, and who attends."""
        return self.approvals.state()


def _refused(plan: Plan, reason: str, hint: str = "") -> UsageError:
    return UsageError(
        f"{plan.title} must be confirmed, {reason}", plan.chain.rails.origins.get("confirm"), hint=hint or None
    )


def _tree(peer: Peer) -> object:
    """Return what a process shares with others of its terminal session or of its parent; None: it shares nothing."""
    leader = next((each for each in peer.processes if each.pid == peer.session), None)
    if leader is None or not leader.started:
        return None  # an orphan has the parent of all orphans
    above = (
        leader if peer.terminal is not None else peer.processes[1 if identity(leader) != identity(peer.process) else 0]
    )
    return above.pid, above.started, peer.terminal, peer.session
