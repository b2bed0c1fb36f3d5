"""Who is asked before a role is handed out, who may answer, and for how long a yes holds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from awsenv.agent import client
from awsenv.agent.approvals import ALL, GRACE, MAX_OF_SESSION, MAX_WAITING, NO, SAME, YES, Approvals
from awsenv.agent.attendance import MAX_LOGINS
from awsenv.agent.listener import MAX_CLIENTS
from awsenv.agent.peer import Peer, Process, own_namespace, state
from awsenv.agent.plan import Plan
from awsenv.errors import UsageError
from awsenv.model import AssumeRole, Chain, Rails, RoleArn, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from agent.conftest import Agents
    from awsenv.agent.waits import Waits
    from conftest import Until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS names only the number of a process")

DEVICE, OTHER = "session-of-alice", "session-of-a-stranger"
WAY = "by-no-proxy"
WORDS = ("exec", "dev", "--", "true")


@dataclass
class Boot:
    """A clock that a test sets."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture(scope="module")
def processes() -> Iterator[list[Process]]:
    """Return processes that live: their numbers are all that is looked at."""
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(4)]
    yield [_process(child.pid) for child in children]
    for child in children:
        child.kill()
        child.wait()


def _process(pid: int) -> Process:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - one of a system
        return Process(pid, int(file.read().rpartition(b") ")[2].split()[19]), "/usr/bin/sleep")


@dataclass(frozen=True)
class Cast:
    """Who takes part."""

    login: Peer
    """In the shell of the user, on a terminal of its own."""
    attendant: Peer
    asker: Peer
    """In another terminal, with a shell that leads its session."""
    stranger: Peer
    """In that terminal, too."""


@pytest.fixture
def cast(processes: list[Process]) -> Cast:
    """Return those who take part: the shells need not live."""
    shell, other = Process(2, 20, "/usr/bin/zsh"), Process(3, 30, "/usr/bin/bash")
    here = own_namespace()
    there = {"terminal": "/dev/pts/9", "session": 3, "namespaces": (here,)}
    return Cast(
        Peer((processes[0], shell), terminal="/dev/pts/3", session=2, namespaces=(here,)),
        Peer((processes[1], shell), terminal="/dev/pts/3", session=2, namespaces=(here,)),
        Peer((processes[2], other), folder="/home/alice", **there),  # type: ignore[arg-type] # see above
        Peer((processes[3], other), **there),  # type: ignore[arg-type] # see above
    )


@pytest.fixture
def boot() -> Boot:
    """Return the clock of the agent."""
    return Boot()


@pytest.fixture
def approvals(cast: Cast, boot: Boot) -> Approvals:
    """Return the approvals of an agent whose user has logged in with a code."""
    made = Approvals(boot)
    made.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=True, environ={})
    return made


def plan(name: str = "dev", confirm: int | None = None, session: str = DEVICE) -> Plan:
    """Return the plan of a role."""
    hop = AssumeRole(RoleArn("aws", "123456789012", name), "alice")
    chain = Chain(Source("static", "default"), (hop,), name, name, rails=Rails(confirm=confirm))
    return Plan(f"key of {name}", chain, lambda *_: pytest.fail("nothing is fetched"), session_key=session)


class Request(threading.Thread):
    """A request that may wait for an answer."""

    def __init__(self, approvals: Approvals, peer: Peer, about: Plan, *, renews: bool = False) -> None:
        super().__init__(daemon=True)
        self.approvals, self.peer, self.about, self.renews = approvals, peer, about, renews
        self.error: UsageError | None = None
        self.start()

    def run(self) -> None:
        """Make it."""
        try:
            self.approvals.check(self.peer, self.about, lambda *_, **__: nullcontext(), WORDS, renews=self.renews)
        except UsageError as error:
            self.error = error

    def outcome(self) -> str:
        """Return why it is refused; empty: it is not."""
        self.join(60)
        assert not self.is_alive()
        return "" if self.error is None else self.error.fact


@contextmanager
def answered(approvals: Approvals, cast: Cast, answer: str) -> Iterator[list[dict[str, Any]]]:
    """Answer each question inside the context, and yield the list of them."""
    questions: list[dict[str, Any]] = []
    is_over = threading.Event()

    def attend() -> None:
        while not is_over.is_set():
            if found := approvals.attend(cast.attendant, poll=0.05):
                questions.append(found)
                approvals.attend(cast.attendant, found["number"], answer)

    approvals.attend(cast.attendant, poll=0)
    thread = threading.Thread(target=attend)
    thread.start()
    try:
        yield questions
    finally:
        is_over.set()
        thread.join(60)


def test_what_nobody_asked_to_confirm_is_not_asked(cast: Cast) -> None:
    """Neither a login nor a profile says so."""
    assert "" == Request(Approvals(), cast.asker, plan()).outcome()


def test_nobody_attends_is_a_no_at_once(approvals: Approvals, cast: Cast) -> None:
    """The message names the next step, whether the shell of the login lives or not."""
    request = Request(approvals, cast.asker, plan())
    assert "dev must be confirmed, and nobody is there to answer" == request.outcome()
    assert request.error is not None
    assert ("awsenv login --confirm, then awsenv approve in the same shell",) == request.error.hints
    assert "and nobody who can do that is logged in" in Request(Approvals(), cast.asker, plan(confirm=0)).outcome()


@pytest.mark.parametrize(("answer", "outcome"), [(YES, ""), (NO, "nothing was done: dev was not confirmed")])
def test_the_answer_of_the_attendant_counts(approvals: Approvals, cast: Cast, answer: str, outcome: str) -> None:
    """It sees what the kernel says, the role as AWS knows it, and apart, what the process says."""
    with answered(approvals, cast, answer) as questions:
        assert outcome == Request(approvals, cast.asker, plan()).outcome()
    (question,) = questions
    assert "role dev in account 123456789012" == question["title"]
    assert "awsenv exec dev -- true" == question["claim"]
    assert {
        "program": f"/usr/bin/sleep (process {cast.asker.process.pid})",
        "below": "bash (3)",
        "folder": "/home/alice",
        "terminal": "pts/9",
    } == dict(question["rows"]) | {"program": question["rows"][0][1]}


def test_a_yes_holds_for_the_terminal_for_a_while(approvals: Approvals, cast: Cast, boot: Boot) -> None:
    """It serves that role alone, and not a process of another session."""
    elsewhere = replace(cast.stranger, session=cast.stranger.process.pid, terminal="/dev/pts/10")
    with answered(approvals, cast, YES) as questions:
        for peer in (cast.asker, cast.stranger, elsewhere):
            assert "" == Request(approvals, peer, plan()).outcome()
        assert "" == Request(approvals, cast.asker, plan("prod")).outcome()
        assert 3 == len(questions)
        boot.now += GRACE
        fresh = replace(cast.stranger, processes=(cast.login.process, *cast.stranger.processes[1:]))
        assert "" == Request(approvals, fresh, plan()).outcome()
        assert 4 == len(questions)


def test_always_asks_every_process_once(approvals: Approvals, cast: Cast, boot: Boot) -> None:
    """The process that has the keys asks again without a question, for as long as it may have them."""
    with answered(approvals, cast, YES) as questions:
        for peer in (cast.asker, cast.asker, cast.stranger):
            assert "" == Request(approvals, peer, plan(confirm=0)).outcome()
        assert 2 == len(questions)
        boot.now += SAME
        assert "" == Request(approvals, cast.asker, plan(confirm=0)).outcome()
        assert 3 == len(questions)


def test_what_a_command_starts_has_its_role(approvals: Approvals, cast: Cast) -> None:
    """It has the keys in its environment; of any other role it is asked."""
    below = replace(cast.stranger, processes=(cast.stranger.process, *cast.asker.processes), session=0, terminal=None)
    with answered(approvals, cast, YES) as questions:
        assert "" == Request(approvals, cast.asker, plan(confirm=0)).outcome()
        assert "" == Request(approvals, below, plan(confirm=0)).outcome()
        assert 1 == len(questions)
        assert "" == Request(approvals, below, plan("prod", 0)).outcome()
        assert 2 == len(questions)
    with answered(approvals, cast, ALL):
        assert "" == Request(approvals, cast.asker, plan("other", 0)).outcome()
    with answered(approvals, cast, NO):
        assert "nothing was done" in Request(approvals, below, plan("third", 0)).outcome()


def test_one_answer_serves_a_process_that_needs_many_roles(approvals: Approvals, cast: Cast) -> None:
    """`each` is asked about its first role, and for the next all can be said."""
    with answered(approvals, cast, ALL) as questions:
        for number in range(20):
            assert "" == Request(approvals, cast.asker, plan(f"role-{number}", 0)).outcome()
    assert [False, True] == [question["repeats"] for question in questions]


def test_a_renewal_is_never_asked_about(approvals: Approvals, cast: Cast, boot: Boot) -> None:
    """It is granted to the session that has got the role, whenever that was, and refused to any other."""
    with answered(approvals, cast, YES) as questions:
        assert "a renewal in another terminal" in Request(approvals, cast.asker, plan(), renews=True).outcome()
        assert "" == Request(approvals, cast.asker, plan(confirm=0)).outcome()
        boot.now += 10 * GRACE
        assert "" == Request(approvals, cast.stranger, plan(confirm=0), renews=True).outcome()
        approvals.forget()
        assert "a renewal in another terminal" in Request(approvals, cast.stranger, plan(), renews=True).outcome()
    assert 1 == len(questions)


def test_without_an_answer_in_time_it_is_no(approvals: Approvals, cast: Cast, boot: Boot, until: Until) -> None:
    """Whoever waits is told so; an answer that comes later is too late."""
    approvals.attend(cast.attendant, poll=0)
    request = Request(approvals, cast.asker, plan())
    until(lambda: approvals.attend(cast.attendant, poll=0))
    question = approvals.attend(cast.attendant, poll=0)
    boot.now += 61
    assert "dev must be confirmed, and there was no answer within 60 seconds" == request.outcome()
    assert {"over": True} == approvals.attend(cast.attendant, question["number"], YES)


def test_what_is_no_longer_asked_for_is_withdrawn(approvals: Approvals, cast: Cast) -> None:
    """A process that has ended gets nothing, and its question disappears."""
    with subprocess.Popen(["sleep", "600"]) as child:
        asker = replace(cast.asker, processes=(_process(child.pid), *cast.asker.processes[1:]))
        approvals.attend(cast.attendant, poll=0)
        request = Request(approvals, asker, plan())
        assert approvals.attend(cast.attendant, poll=60)
        child.kill()
    assert "the program that asked for it has ended" in request.outcome()
    assert {} == approvals.attend(cast.attendant, poll=0)


def test_lock_answers_what_waits_with_no(approvals: Approvals, cast: Cast) -> None:
    """And forgets every yes."""
    approvals.attend(cast.attendant, poll=0)
    request = Request(approvals, cast.asker, plan())
    assert approvals.attend(cast.attendant, poll=60)
    approvals.forget()
    assert "nothing was done" in request.outcome()


def test_only_the_shell_and_terminal_of_the_login_attend(approvals: Approvals, cast: Cast) -> None:
    """Another terminal, another parent, one of the same number, and what is sealed do not."""
    mine, shell = cast.attendant, cast.attendant.processes[1]
    for peer in (
        replace(mine, terminal="/dev/pts/4"),
        replace(mine, terminal=None),
        replace(mine, processes=(mine.process, Process(99, 1, None), shell)),
        replace(mine, processes=(mine.process, replace(shell, started=21))),
        replace(mine, processes=(mine.process,)),
        replace(mine, namespaces=(1,)),
        replace(mine, namespaces=()),
        cast.asker,
    ):
        assert (
            "awsenv approve runs only in the shell that ran awsenv login" in approvals.attend(peer, poll=0)["refused"]
        )
    assert {} == approvals.attend(mine, poll=0)
    assert f"as process {mine.process.pid}" in approvals.attend(cast.login, poll=0)["refused"]


@pytest.mark.parametrize("kin", ["itself", "below", "above"])
def test_who_asks_does_not_answer(approvals: Approvals, cast: Cast, kin: str) -> None:
    """Neither itself, nor a process below or above it: where nobody else attends, nobody does."""
    mine = cast.attendant
    asker = {
        "itself": mine,
        "below": replace(mine, processes=(cast.asker.process, *mine.processes)),
        "above": replace(mine, processes=mine.processes[1:]),
    }[kin]
    assert {} == approvals.attend(mine, poll=0)
    assert "nobody is there to answer" in Request(approvals, asker, plan()).outcome()


def test_a_login_of_somebody_else_changes_nothing(approvals: Approvals, cast: Cast) -> None:
    """A program opens a session of its own, with a device of its own: it can neither answer nor turn anything off."""
    theirs = cast.stranger
    approvals.note_login(theirs, OTHER, WAY, with_code=True, confirms=False, environ={})
    approvals.note_login(theirs, DEVICE, WAY, with_code=False, confirms=False, environ={})

    assert approvals.state().every_role
    helper = replace(theirs, processes=(cast.login.process, *theirs.processes[1:]))
    assert {} == approvals.attend(helper, poll=0)
    assert "nobody is there to answer" in Request(approvals, cast.asker, plan()).outcome()
    assert (
        "nobody who can do that is logged in" in Request(approvals, cast.asker, plan(session="of no login")).outcome()
    )
    approvals.note_login(theirs, DEVICE, "by-their-proxy", with_code=True, confirms=False, environ={})
    with pytest.raises(UsageError, match="another proxy or CA bundle"):
        approvals.check_login(DEVICE, "by-their-proxy")
    approvals.check_login(DEVICE, WAY)
    assert approvals.state().every_role


def test_a_login_before_changes_nothing(cast: Cast) -> None:
    """A program that has logged in first, by a proxy of its own, answers nothing for a login that asks for a yes."""
    approvals = Approvals()
    for session in (OTHER, DEVICE):
        approvals.note_login(cast.stranger, session, "by-their-proxy", with_code=True, confirms=False, environ={})
    approvals.check_login(DEVICE, WAY)
    approvals.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=True, environ={})
    with answered(approvals, cast, YES) as questions:
        assert "nobody who can do that is logged in" in Request(approvals, cast.asker, plan(session="other")).outcome()
        assert "" == Request(approvals, cast.asker, plan()).outcome()
    assert 1 == len(questions)


def test_a_login_that_asks_finds_room(cast: Cast) -> None:
    """Though a program has logged in as often as the agent remembers, with keys of its own."""
    approvals = Approvals()
    for number in range(MAX_LOGINS):
        approvals.note_login(cast.stranger, f"own-{number}", WAY, with_code=False, confirms=False, environ={})
    approvals.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=True, environ={})
    assert approvals.state().every_role
    with answered(approvals, cast, YES) as questions:
        assert "" == Request(approvals, cast.asker, plan()).outcome()
    assert 1 == len(questions)


def test_a_session_is_confirmed_before_its_login_is_noted(cast: Cast) -> None:
    """No request slips in between, and a login that fails leaves nothing behind."""
    approvals = Approvals()
    with approvals.opening():
        assert "and nobody who can do that is logged in" in Request(approvals, cast.asker, plan()).outcome()
    assert "" == Request(approvals, cast.asker, plan()).outcome()


def test_a_login_with_a_code_turns_it_off(approvals: Approvals, cast: Cast) -> None:
    """For the device that the code is of; without a code it stays."""
    approvals.note_login(cast.login, DEVICE, WAY, with_code=False, confirms=False, environ={})
    assert approvals.state().every_role
    approvals.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=False, environ={})
    assert not approvals.state().every_role
    assert "" == Request(approvals, cast.asker, plan()).outcome()


def test_a_thousand_requests_leave_room(approvals: Approvals, cast: Cast, agents: Agents) -> None:
    """Some wait, the rest are refused at once, and the agent serves everything else, and asks for others, meanwhile."""

    def reply(verb: bytes, _parts: list[bytes], waits: Waits, _peer: Peer) -> list[bytes]:
        peer = replace(cast.stranger, session=0) if verb == b"other" else cast.asker
        if verb != b"fast":
            approvals.check(peer, plan(verb.decode()), waits, WORDS, renews=False)
        return [verb]

    approvals.attend(cast.attendant, poll=0)
    with agents.serving(reply), ExitStack() as stack:
        waiting = [stack.enter_context(agents.connect()) for _ in range(MAX_OF_SESSION)]
        for number, connection in enumerate(waiting):
            client.send(connection, [client.VERSION, b"role-%d" % number], time.monotonic() + 60)
        for connection in waiting:
            # Until a sign of life says that somebody is asked.
            while client.receive(connection, time.monotonic() + 60)[0] == client.BUSY:
                pass
        for number in range(1000 - MAX_OF_SESSION):
            with agents.connect() as connection, pytest.raises(client.Lost, match="UsageError"):
                client.ask(connection, b"more-%d" % number, [])
        assert [b"fast"] == agents.ask(b"fast")
        with answered(approvals, cast, YES):
            assert [b"other"] == agents.ask(b"other")
            assert [b"role-0"] == agents.ask(b"role-0")
    assert MAX_OF_SESSION < MAX_WAITING < MAX_CLIENTS


@pytest.mark.parametrize(("status", "outcome"), [(0, ""), (1, "nothing was done: dev was not confirmed")])
def test_a_program_asks_where_nobody_attends(cast: Cast, tmp_path: Path, status: int, outcome: str) -> None:
    """It gets the question and its own variables alone."""
    program = tmp_path / "ask"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >{tmp_path}/asked\nenv >{tmp_path}/environ\nexit {status}\n')
    program.chmod(0o700)
    approvals = Approvals()
    environ = {"SSH_ASKPASS": str(program), "DISPLAY": ":1", "AWS_SECRET_ACCESS_KEY": "canary", "PATH": "/usr/bin:/bin"}
    approvals.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=True, environ=environ)

    assert outcome == Request(approvals, cast.asker, plan()).outcome()
    asked = (tmp_path / "asked").read_text()
    assert "Hand out role dev in account 123456789012?\n" in asked
    assert "\n\nIt says: awsenv exec dev -- true\n" in asked
    names = {line.partition("=")[0] for line in (tmp_path / "environ").read_text().splitlines()}
    assert {"SSH_ASKPASS", "SSH_ASKPASS_PROMPT", "DISPLAY", "PATH"} == names - {"PWD", "_", "SHLVL", "OLDPWD"}


def test_a_program_is_ended_when_the_time_is_over(cast: Cast, tmp_path: Path, boot: Boot, until: Until) -> None:
    """No dialog stays behind, though a script has started it."""
    program = tmp_path / "ask"
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! >{tmp_path}/new\nmv {tmp_path}/new {tmp_path}/pid\nwait\n")
    program.chmod(0o700)
    approvals = Approvals(boot)
    environ = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force", "PATH": "/usr/bin:/bin"}
    approvals.note_login(cast.login, DEVICE, WAY, with_code=True, confirms=True, environ=environ)
    request = Request(approvals, cast.asker, plan())
    until((tmp_path / "pid").exists)
    found = _process(int((tmp_path / "pid").read_text()))
    boot.now += 61

    assert "no answer within 60 seconds" in request.outcome()
    until(lambda: state(found) is None)
