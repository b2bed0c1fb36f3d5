"""What the log of an agent keeps, and what it does not."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from awsenv.agent.client import REPLY_CAP
from awsenv.agent.guard import Guard
from awsenv.agent.log import LONGEST, MAX_BYTES, MAX_ENTRIES, PAGE, PARENTS, Log, Recording
from awsenv.agent.peer import Peer, Process, own_namespace
from awsenv.agent.plan import Lease, Plan
from awsenv.agent.seals import Seals
from awsenv.errors import RefusedError, UnreachableError
from awsenv.model import (
    Assistant,
    AssumeRole,
    Chain,
    Credentials,
    GetScopedCredentials,
    Mfa,
    Narrowing,
    Rails,
    RoleArn,
    Source,
    unseen,
)

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS names only the number of a process")

START = datetime(2026, 11, 27, 8, tzinfo=timezone.utc).timestamp()
CANARY = "canary"
PEER = Peer(
    (Process(40, 1, "/usr/bin/python3"), Process(30, 1, "/usr/bin/terraform"), Process(20, 1, None)),
    folder="/home/alice/infra",
    terminal="/dev/pts/3",
    session=20,
    namespaces=(own_namespace(),),
)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = START

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def plan(name: str = "dev", narrowing: Narrowing | None = None) -> Plan:
    """Return the plan of a role, with a canary in every field that must not be shown."""
    hop = AssumeRole(
        RoleArn("aws", "123456789012", name),
        f"{CANARY}-session",
        Mfa(f"arn:aws:iam::123456789012:mfa/{CANARY}", process=f"{CANARY}-process"),
        external_id=f"{CANARY}-external-id",
        policy=f'{{"{CANARY}": 1}}',
        tags=(("key", f"{CANARY}-tag"),),
    )
    chain = Chain(
        Source("static", "default"),
        (hop,),
        name,
        name,
        settings=(("AWS_CA_BUNDLE", f"/{CANARY}"),),
        rails=Rails(color="31"),
        narrowing=narrowing,
        scoped=GetScopedCredentials(policy=CANARY, description=CANARY),
        assistant=Assistant("claude-code", "CLAUDECODE"),
    )
    environ = {"AWS_SECRET_ACCESS_KEY": f"{CANARY}-key"}
    return Plan(f"{CANARY}-key of {name}", chain, lambda *_: pytest.fail(str(environ)), session_key=CANARY)


def credentials(until: float) -> Credentials:
    """Return the credentials of a role."""
    ends = datetime.fromtimestamp(until, timezone.utc)
    return Credentials(
        "ASIACANARYEXAMPLE", f"{CANARY}-secret", f"{CANARY}-token", ends, "123456789012", f"arn:{CANARY}"
    )


def hand_out(log: Log, about: Plan, *, peer: Peer = PEER, command: str = "exec", until: float = START + 3600) -> None:
    """Hand out a role through the guard of an agent."""
    guard = Guard(peer, unseen, (Recording(log, command),), Seals())
    guard.hand_out(about, lambda: Lease("id", about.chain, credentials(until)))


def refuse(log: Log, about: Plan, fact: str = "AWS refused to let alice assume role dev") -> None:
    """Let the guard refuse a role."""

    def fetch() -> Lease:
        raise RefusedError(fact, code="AccessDenied", because=f"{CANARY}, as AWS said", hint=CANARY)

    with pytest.raises(RefusedError):
        Guard(PEER, unseen, (Recording(log, "use"),), Seals()).hand_out(about, fetch)


def entries(log: Log) -> list[dict[str, Any]]:
    """Return all entries, page by page, as a client gets them."""
    number, found = 0, []
    while True:
        page = log.read(number)
        assert len(json.dumps(page, ensure_ascii=False).encode()) < REPLY_CAP
        found += page["entries"]
        number = page["number"]
        if page["is_all"]:
            return found


def test_an_entry_says_who_got_what_until_when_and_why() -> None:
    """It has what the kernel says, what the role was narrowed to, and no secret."""
    log = Log(Clock())
    hand_out(log, plan(narrowing=Narrowing(read_only=True, seconds=600, because="JIRA-12")))

    (entry,) = entries(log)
    assert {
        "command": "exec",
        "role": "dev",
        "account": "123456789012",
        "arn": "arn:aws:iam::123456789012:role/dev",
        "color": "31",
        "narrowed": "read-only, for 10m",
        "because": "JIRA-12",
        "assistant": "claude-code",
        "folder": "/home/alice/infra",
        "terminal": "/dev/pts/3",
        "refused": None,
        "program": "/usr/bin/python3",
        "process": 40,
        "parents": ["/usr/bin/terraform", None],
        "more_parents": 0,
        "first": START,
        "last": START,
        "until": START + 3600,
        "count": 1,
    } == entry


def test_a_refusal_has_its_fact_alone() -> None:
    """What AWS said may name anything."""
    log = Log(Clock())
    refuse(log, plan())
    (entry,) = entries(log)
    assert ("use", "AWS refused to let alice assume role dev", None) == (
        entry["command"],
        entry["refused"],
        entry["until"],
    )
    assert CANARY not in str(entry)


def test_what_does_not_reach_aws_is_not_refused() -> None:
    """Nobody has decided anything."""

    def fetch() -> Lease:
        raise UnreachableError("AWS STS could not be reached")

    log = Log(Clock())
    with pytest.raises(UnreachableError):
        Guard(PEER, unseen, (Recording(log, "use"),), Seals()).hand_out(plan(), fetch)
    assert [] == entries(log)


def test_what_differs_in_time_and_numbers_alone_is_one_entry() -> None:
    """It counts, and has the last time, end and process; anything else makes another."""
    clock = Clock()
    log = Log(clock)
    for minute in range(5):
        clock.now = START + 60 * minute
        again = replace(PEER, processes=(Process(100 + minute, minute, "/usr/bin/python3"), *PEER.processes[1:]))
        hand_out(log, plan(), peer=again, until=clock.now + 900)
        hand_out(log, plan(), peer=replace(again, folder="/home/bob"))
    hand_out(log, plan("prod"))
    hand_out(log, plan(), command="credential-process")
    hand_out(log, plan(narrowing=Narrowing(read_only=True)))
    refuse(log, plan())

    first, *others = entries(log)
    assert (5, START, clock.now, clock.now + 900, 104) == tuple(
        first[name] for name in ("count", "first", "last", "until", "process")
    )
    assert [5, 1, 1, 1, 1] == [each["count"] for each in others]


def test_a_follower_gets_what_comes_after_a_number() -> None:
    """A repetition is news, too, and the agent is told of each."""
    log, told = Log(Clock()), []
    log.on_news = lambda: told.append(1)
    hand_out(log, plan())
    hand_out(log, plan("prod"))
    page = log.read()
    assert [] == log.read(page["number"])["entries"]
    hand_out(log, plan())
    (news,) = log.read(page["number"])["entries"]
    assert ("dev", 2, 3) == (news["role"], news["count"], len(told))


def test_a_day_of_use_is_bounded_and_complete_for_its_window() -> None:
    """50,000 requests: most are repeated all day, each tenth is another, and long. No canary, and no gap."""
    clock = Clock()
    log, single = Log(clock), {}
    plans = [plan(f"role-{number}") for number in range(40)]
    for number in range(50_000):
        clock.now = START + number * 86_400 / 50_000
        folder = f"/home/alice/{number % 3}"
        if number % 10 == 0:
            folder = f"/home/alice/{number}/{'é' * (number % 400)}"
            single[str(number)] = clock.now
        processes = (Process(number, number, "/usr/bin/python3"), *PEER.processes[1:])
        hand_out(log, plans[number % 40], peer=replace(PEER, processes=processes, folder=folder))

    found, since = entries(log), log.read()["since"]
    texts = [text for each in found for text in (*each.values(), *each["parents"]) if isinstance(text, str)]
    assert len(found) <= MAX_ENTRIES
    assert sum(len(text.encode()) for text in texts) <= MAX_BYTES
    assert max(map(len, texts)) <= LONGEST
    assert CANARY not in json.dumps(found).lower()
    assert START < since < clock.now
    assert 45_000 == sum(each["count"] for each in found if each["count"] > 1)
    assert [number for number, at in single.items() if at > since] == [
        each["folder"].split("/")[3] for each in found if each["count"] == 1
    ]
    assert log.read()["dropped"] == sum(at <= since for at in single.values())


def test_the_longest_texts_of_a_program_are_cut() -> None:
    """A page of them is a reply; what is no text is spelled out."""
    log = Log(Clock())
    long = "\U0001f600" * 5000
    parents = tuple(Process(number, 1, f"/{number}{long}") for number in range(3 * PARENTS))
    for number in range(PAGE + 1):
        peer = replace(PEER, processes=parents, folder=f"\udcff\x1b[31m{number}{long}")
        hand_out(log, plan(narrowing=Narrowing(because=long)), peer=peer)
    refuse(log, plan(), fact=long)

    first, *_, last = entries(log)
    assert first["folder"].startswith(r"\udcff\x1b[31m")
    assert {LONGEST} == set(map(len, (first["folder"], first["because"], *first["parents"])))
    assert (PARENTS, 2 * PARENTS - 1, 2 * LONGEST) == (
        len(first["parents"]),
        first["more_parents"],
        len(last["refused"]),
    )
