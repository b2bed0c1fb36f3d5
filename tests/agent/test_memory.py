"""The agent's memory: what it holds, until when, by which clock, and how often it calls AWS."""

from __future__ import annotations

import gc
import math
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.agent.memory import (
    MAX_CODES,
    MAX_ROLES,
    MAX_SESSIONS,
    SPENT,
    Memory,
)
from awsenv.agent.plan import Plan
from awsenv.agent.term import MARGIN, MAX_SIZE, MAX_TITLE, Clock, Held
from awsenv.errors import AgentError, UnreachableError
from awsenv.model import AssumeRole, Chain, Credentials, GetSessionToken, Mfa, RoleArn, Source

if TYPE_CHECKING:
    from conftest import Until

HOUR = 3600
NOON = 1_800_000_000.0


@dataclass
class Times:
    """Two clocks that a test sets, and the true time, which AWS uses."""

    wall: float = NOON
    boot: float = 1000.0
    true: float = NOON

    @property
    def clock(self) -> Clock:
        """Return the clock that the memory reads."""
        return Clock(lambda: self.wall, lambda: self.boot)

    def pass_(self, seconds: float) -> None:
        """Advance all clocks, as time does even while the machine sleeps."""
        self.wall += seconds
        self.boot += seconds
        self.true += seconds


@dataclass
class Aws:
    """An AWS that returns numbered keys, which are valid for an hour of the true time, or fails."""

    times: Times
    duration: float | None = HOUR
    failure: Exception | None = None
    calls: int = 0
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Answer at once, unless a test clears `may_answer`."""
        self.may_answer.set()

    def fetch(self, chain: Chain, session: Credentials | None) -> Credentials:  # noqa: ARG002 - as `Plan.fetch`
        """Return new keys, or raise the failure, as soon as `may_answer` is set."""
        self.calls += 1
        number = self.calls
        assert self.may_answer.wait(60)
        if self.failure is not None:
            raise self.failure
        return self.keys(str(number))

    def keys(self, name: str) -> Credentials:
        """Return keys that are issued now."""
        ends = None if self.duration is None else datetime.fromtimestamp(self.times.true + self.duration, timezone.utc)
        return Credentials(name, f"canary-secret-{name}", f"canary-token-{name}", ends)


def chain(name: str = "role", duration: int | None = None) -> Chain:
    """Return a chain of one hop."""
    hop = AssumeRole(RoleArn("aws", "123456789012", name), "session", external_id="canary-external", duration=duration)
    return Chain(Source("static", "default"), (hop,), name, name)


@pytest.fixture
def times() -> Times:
    """Return clocks that agree."""
    return Times()


@pytest.fixture
def aws(times: Times) -> Aws:
    """Return an AWS that answers."""
    return Aws(times)


@pytest.fixture
def memory(times: Times) -> Memory:
    """Return a memory that holds nothing."""
    return Memory(times.clock)


def plan_of(aws: Aws, key: str = "key") -> Plan:
    """Return a plan that gets a role from *aws*."""
    return Plan(key, chain(f"label of {key}"), aws.fetch)


@pytest.fixture
def plan(aws: Aws) -> Plan:
    """Return a plan that gets the role."""
    return plan_of(aws)


def key_id(memory: Memory, plan: Plan, **more: float) -> str:
    """Lease the role, and return its access key id."""
    return memory.lease(plan, **more).credentials.access_key_id


def left(memory: Memory, times: Times) -> float:
    """Return how many seconds the role in memory has left."""
    (held,) = (held for held in memory.held() if held.kind == "role")
    assert held.ends is not None
    return held.ends.timestamp() - times.wall


def test_aws_is_called_once(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """A second lease returns the held credentials with the same id and expiry, without a call to AWS."""
    first = memory.lease(plan)
    times.pass_(600)
    second = memory.lease(plan)
    assert (1, first.id, first.credentials) == (aws.calls, second.id, second.credentials)
    assert HOUR - 600 == left(memory, times)


def test_each_cache_key_has_its_own_role(memory: Memory, aws: Aws) -> None:
    """Each cache key has its own role, with an id of 16 bytes."""
    one, two = memory.lease(plan_of(aws, "one")), memory.lease(plan_of(aws, "two"))
    assert ("1", "2") == (one.credentials.access_key_id, two.credentials.access_key_id)
    assert one.id != two.id
    assert len(bytes.fromhex(one.id)) == 16


@pytest.mark.parametrize(
    ("duration", "passed", "expected"),
    [
        (HOUR, HOUR - 901, "1"),
        (HOUR, HOUR - 900, "2"),
        (900, 449, "1"),
        (900, 450, "2"),
    ],
)
def test_a_lease_renews_a_role_before_its_end(
    memory: Memory, times: Times, duration: int, passed: float, expected: str
) -> None:
    """A lease renews a role with a quarter of an hour left, or half of its life if that is shorter."""
    aws = Aws(times, duration)
    plan = Plan("key", chain(duration=duration), aws.fetch)
    memory.lease(plan)
    times.pass_(passed)
    assert expected == key_id(memory, plan)


def test_min_remaining_renews_a_role(memory: Memory, plan: Plan, times: Times) -> None:
    """A lease that requires more time than the role has left renews it; one that does not returns it."""
    memory.lease(plan)
    times.pass_(600)
    assert "1" == key_id(memory, plan, min_remaining=2999)
    assert "2" == key_id(memory, plan, min_remaining=3000)
    assert "2" == key_id(memory, plan)


def test_min_remaining_beyond_the_duration(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """Leases that require more time than AWS gives call AWS at most once a minute."""
    assert ["1"] * 50 == [key_id(memory, plan, min_remaining=HOUR) for _ in range(50)]
    times.pass_(60)
    assert "2" == key_id(memory, plan, min_remaining=HOUR)
    assert 2 == aws.calls


def waiting(threads: list[threading.Thread]) -> int:
    """Return how many of *threads* wait for a request that another thread has made."""
    frames = sys._current_frames()  # noqa: SLF001 - the only way to see what a thread waits for
    found = 0
    for thread in threads:
        frame, names = frames.get(thread.ident or 0), set()
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        found += {"lease", "join"} <= names and "_run" not in names
    return found


def test_a_lease_with_a_timeout_does_not_wait_for_aws(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """While AWS hangs, a lease with a time-out returns the role if it is valid, and raises an error if it is not."""
    role = memory.lease(plan)
    times.pass_(HOUR - 200)
    aws.may_answer.clear()
    assert "1" == memory.lease(memory.plan(role.id), timeout=0.01).credentials.access_key_id
    times.pass_(200)
    with pytest.raises(AgentError, match="AWS has not given label of key yet"):
        memory.lease(memory.plan(role.id), timeout=0.01)
    aws.may_answer.set()
    assert "2" == memory.lease(memory.plan(role.id)).credentials.access_key_id
    assert 2 == aws.calls


@pytest.mark.parametrize("fails", [False, True])
def test_fifty_threads_make_one_call(memory: Memory, plan: Plan, aws: Aws, until: Until, *, fails: bool) -> None:
    """Simultaneous leases share one call to AWS, and its keys or its error; an error is not kept."""
    aws.failure = UnreachableError("AWS is away") if fails else None
    aws.may_answer.clear()
    got: list[str] = []

    def ask() -> None:
        try:
            got.append(key_id(memory, plan))
        except UnreachableError as error:
            got.append(error.fact)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    until(lambda: waiting(threads) == 50)
    aws.may_answer.set()
    for thread in threads:
        thread.join(60)
    assert (1, ["AWS is away" if fails else "1"] * 50) == (aws.calls, got)

    aws.failure = None
    assert ("2" if fails else "1") == key_id(memory, plan)


def test_a_call_with_other_limits_is_not_shared(memory: Memory, plan: Plan, aws: Aws, until: Until) -> None:
    """Who has other limits, or another proxy, does not wait for a call under way, and gets no error of it."""
    aws.may_answer.clear()
    own = Aws(aws.times, failure=UnreachableError("nothing within 2 seconds"))
    other = replace(plan, fetch=own.fetch, connecting=frozenset({("AWSENV_TIMEOUT", "2")}))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.lease, plan)
        until(lambda: aws.calls == 1)
        with pytest.raises(UnreachableError, match="within 2 seconds"):
            memory.lease(other)
        assert not slow.done()
        aws.may_answer.set()
        assert "1" == slow.result().credentials.access_key_id
    assert ("1", 1) == (key_id(memory, other), own.calls)


def test_another_role_does_not_wait(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """A slow call for one role does not delay the lease of another."""
    aws.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.lease, plan)
        assert "1" == key_id(memory, plan_of(Aws(times), "other"))
        assert not slow.done()
        aws.may_answer.set()


@pytest.mark.parametrize(("left", "is_served"), [(61, True), (60, False), (0, False)])
def test_a_role_that_cannot_be_renewed_is_still_leased(
    memory: Memory, plan: Plan, aws: Aws, times: Times, left: float, *, is_served: bool
) -> None:
    """If a renewal fails, a lease returns the held role as long as it has more than a minute left."""
    memory.lease(plan)
    aws.failure = UnreachableError("AWS is away")
    times.pass_(HOUR - left)
    if is_served:
        assert "1" == key_id(memory, plan)
    else:
        with pytest.raises(UnreachableError):
            memory.lease(plan)


def test_min_remaining_of_a_role_that_cannot_be_renewed(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """If a renewal fails, a lease that requires more time than the held role has left raises the error."""
    memory.lease(plan)
    aws.failure = UnreachableError("AWS is away")
    times.pass_(HOUR - 600)
    assert "1" == key_id(memory, plan, min_remaining=599)
    with pytest.raises(UnreachableError):
        memory.lease(plan, min_remaining=600)


def test_a_failed_renewal_is_tried_again_later(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """After a failed renewal, leases return the held role at once, and AWS is called again 30 seconds later."""
    memory.lease(plan)
    aws.failure = UnreachableError("AWS is away")
    times.pass_(HOUR - 600)
    assert ["1"] * 9 == [key_id(memory, plan) for _ in range(9)]
    assert 2 == aws.calls
    times.pass_(30)
    aws.failure = None
    assert "3" == key_id(memory, plan)


def test_errors_hold_no_frames(memory: Memory, plan: Plan, aws: Aws) -> None:
    """An error is raised without the frames of the call to AWS, which hold keys."""
    aws.failure = UnreachableError("AWS is away")
    with pytest.raises(UnreachableError) as raised:
        memory.lease(plan)
    assert "fetch" not in [entry.name for entry in raised.traceback]


def test_an_error_is_not_kept(memory: Memory) -> None:
    """The memory keeps no reference to an error, whose frames hold codes and keys."""
    errors = []

    def fetch(_: Chain, __: Credentials | None) -> Credentials:
        error = UnreachableError("AWS is away")
        errors.append(weakref.ref(error))
        raise error

    with suppress(UnreachableError):
        memory.lease(Plan("key", chain(), fetch))
    gc.collect()

    assert [None] == [error() for error in errors]


def test_any_exception_ends_a_request(memory: Memory, aws: Aws) -> None:
    """Any exception, even SystemExit, ends a request for a role, and the next lease calls AWS."""

    def fetch(_: Chain, __: Credentials | None) -> Credentials:
        raise SystemExit

    with pytest.raises(SystemExit):
        memory.lease(Plan("key", chain(), fetch))
    assert "1" == key_id(memory, plan_of(aws))


def test_kept_credentials_are_leased(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """Credentials from a client are leased without a call to AWS, and renewed by the plan."""
    kept = memory.keep(plan, aws.keys("kept"))
    role = memory.lease(plan)
    assert (0, "kept", kept.id) == (aws.calls, role.credentials.access_key_id, role.id)
    times.pass_(HOUR)
    assert "1" == memory.lease(memory.plan(kept.id)).credentials.access_key_id


def test_the_latest_credentials_are_held(memory: Memory, plan: Plan, aws: Aws, until: Until) -> None:
    """Of credentials from a client and from a simultaneous call to AWS, the memory holds the later ones."""
    aws.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.lease, plan)
        until(lambda: aws.calls == 1)
        kept = memory.keep(plan, aws.keys("kept"))
        assert "kept" == key_id(memory, plan)
        aws.may_answer.set()
        assert kept.id == slow.result(60).id
    assert "1" == key_id(memory, plan)


def test_expired_credentials_are_not_kept(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """Expired credentials from a client are refused, with an error that names the clock."""
    old = aws.keys("old")
    times.pass_(HOUR)
    with pytest.raises(AgentError, match="by the clock of this machine"):
        memory.keep(plan, old)
    assert () == memory.held()


def test_a_clock_that_is_far_ahead_is_an_error(memory: Memory, plan: Plan, times: Times) -> None:
    """If new credentials have already expired by the wall clock, the error names that clock."""
    times.wall += 2 * HOUR
    with pytest.raises(AgentError, match="by the clock of this machine"):
        memory.lease(plan)


def test_the_next_expiration_is_known(memory: Memory, aws: Aws, times: Times) -> None:
    """`drop_expired` returns the seconds until the next expiration, by the clock that is ahead."""
    assert math.inf == memory.drop_expired()
    memory.lease(plan_of(aws))
    memory.keep_session("session", aws.keys("session"), "of alice", duration=HOUR / 2)
    assert HOUR / 2 - MARGIN == memory.drop_expired()
    times.pass_(HOUR / 2)
    assert HOUR / 2 - MARGIN == memory.drop_expired()
    times.wall += 600
    assert HOUR / 2 - 600 - MARGIN == memory.drop_expired()
    times.pass_(memory.drop_expired())
    assert (math.inf, ()) == (memory.drop_expired(), memory.held())


def test_a_role_that_expires_at_once_is_returned_and_not_held(aws: Aws, times: Times) -> None:
    """All who wait for a role get it, even if it expires too soon to be held."""
    aws.duration = MARGIN - 1
    hasty = Memory(times.clock, lambda: hasty.drop_expired())  # noqa: PLW0108 - it is made here
    assert ("1", ()) == (key_id(hasty, plan_of(aws)), hasty.held())


def test_a_change_is_reported(aws: Aws, times: Times) -> None:
    """`on_change` is called after each call of AWS, and when something new is held."""
    changes: list[str] = []
    memory = Memory(times.clock, lambda: changes.append("change"))
    memory.lease(plan_of(aws))
    memory.lease(plan_of(aws))
    assert 1 == len(changes)
    aws.failure = UnreachableError("AWS is away")
    with pytest.raises(UnreachableError):
        memory.lease(plan_of(aws, "other"))
    assert 2 == len(changes)
    memory.keep(plan_of(aws), aws.keys("kept"))
    memory.keep_session("session", aws.keys("session"), "of alice")
    assert 4 == len(changes)


def test_a_renewed_role_keeps_its_id(memory: Memory, plan: Plan, times: Times) -> None:
    """A role can be renewed by its id any number of times, even after it has expired."""
    role_id = memory.lease(plan).id
    for number in range(2, 6):
        times.pass_(2 * HOUR)
        memory.drop_expired()
        renewed = memory.lease(memory.plan(role_id))
        assert (str(number), role_id) == (renewed.credentials.access_key_id, renewed.id)
    assert "5" == memory.lease(memory.plan(role_id)).credentials.access_key_id
    times.pass_(61)
    assert "6" == memory.lease(memory.plan(role_id), min_remaining=HOUR - 61).credentials.access_key_id


def test_an_unknown_id_is_refused(memory: Memory) -> None:
    """An unknown id raises KeyError when it is renewed or served."""
    for ask in (memory.plan, memory.served):
        with pytest.raises(KeyError):
            ask("0" * 32)


def join_new(before: list[threading.Thread]) -> None:
    """Wait for the end of every thread that is not in *before*."""
    for thread in threading.enumerate():
        if thread not in before:
            thread.join(60)


@pytest.mark.parametrize(("duration", "early"), [(HOUR, HOUR - 1200), (900, 450)])
def test_a_served_role_is_renewed_in_the_background(memory: Memory, times: Times, duration: int, early: float) -> None:
    """A role is served at once and renewed by one call in the background, before SDKs insist on new keys."""
    aws = Aws(times, duration)
    role_id = memory.lease(Plan("key", chain(duration=duration), aws.fetch)).id
    before = threading.enumerate()

    def served() -> str:
        return memory.served(role_id).credentials.access_key_id

    times.pass_(early)
    assert ("1", 1) == (served(), aws.calls)
    times.pass_(1)
    aws.may_answer.clear()
    assert ["1"] * 9 == [served() for _ in range(9)]
    aws.may_answer.set()
    join_new(before)
    assert ("2", 2) == (served(), aws.calls)


def test_a_short_lived_role_is_served_without_a_call_each(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """If AWS gives only roles that are about to expire, it is not called for each request of an SDK."""
    times.wall += HOUR - 600
    role_id = memory.lease(plan).id
    before = threading.enumerate()
    for _ in range(120):
        memory.served(role_id)
        join_new(before)
        times.pass_(1)
    assert 2 == aws.calls


def test_a_role_is_served_while_aws_is_away(memory: Memory, plan: Plan, aws: Aws, times: Times) -> None:
    """While AWS is away, a role is served until its last minute, and AWS is called every 30 seconds."""
    role_id = memory.lease(plan).id
    aws.failure = UnreachableError("AWS is away")
    before = threading.enumerate()
    times.pass_(HOUR - 661)
    for _ in range(60):
        assert "1" == memory.served(role_id).credentials.access_key_id
        join_new(before)
        times.pass_(10)
    assert 1 + 20 == aws.calls
    times.pass_(1)
    with pytest.raises(UnreachableError):
        memory.served(role_id)
    aws.failure = None
    assert "23" == memory.served(role_id).credentials.access_key_id


@pytest.mark.parametrize(
    ("wall", "boot"),
    [
        pytest.param(HOUR, HOUR, id="time passes, or the machine sleeps"),
        pytest.param(HOUR, 0, id="the wall clock is put forward"),
        pytest.param(0, HOUR, id="the wall clock is put back while time passes"),
        pytest.param(-10 * HOUR, HOUR, id="it is put back by more"),
    ],
)
def test_either_clock_expires_credentials(
    memory: Memory, plan: Plan, aws: Aws, times: Times, wall: float, boot: float
) -> None:
    """Credentials that have expired by either clock are not listed or returned, even if the clock is set back."""
    memory.keep_session("session", aws.keys("session"), "of default", duration=HOUR)
    memory.lease(plan)
    times.wall += wall
    times.boot += boot
    assert () == memory.held()
    assert memory.session("session") is None
    times.wall, times.boot = NOON, 1000.0
    assert memory.session("session") is None
    assert "2" == key_id(memory, plan)


@pytest.mark.parametrize("behind", [600, 10 * HOUR])
def test_a_clock_that_is_behind_extends_no_credentials(
    memory: Memory, plan: Plan, aws: Aws, times: Times, behind: float
) -> None:
    """If the wall clock is behind, credentials are held no longer than the duration that was requested."""
    times.wall -= behind
    memory.lease(plan)
    memory.keep_session("session", aws.keys("session"), "of default", duration=HOUR)
    assert HOUR == left(memory, times)
    times.pass_(HOUR - 60)
    assert ("2", None) == (key_id(memory, plan), memory.session("session"))


def test_a_clock_that_is_set_back_changes_no_lifetime(memory: Memory, plan: Plan, times: Times) -> None:
    """If the wall clock is set back, a held role keeps the lifetime that it has by the boot clock."""
    memory.lease(plan)
    times.wall -= 5 * HOUR
    times.pass_(600)
    assert ("1", HOUR - 600) == (key_id(memory, plan), left(memory, times))


def test_credentials_without_an_expiry_are_read_every_hour(memory: Memory, times: Times) -> None:
    """Credentials without an expiry are listed without one, and their source is read again after an hour."""
    aws = Aws(times, duration=None)
    plan = Plan("key", Chain(Source("static", "default"), (), "default", "default"), aws.fetch)
    assert "1" == key_id(memory, plan)
    assert (Held("role", "default", None),) == memory.held()
    times.pass_(HOUR)
    assert "2" == key_id(memory, plan)


def test_credentials_of_a_source_are_renewed_after_half_their_life(memory: Memory, times: Times) -> None:
    """If a source without hops gives credentials for three minutes, they are renewed after half of them."""
    aws = Aws(times, duration=180)
    plan = Plan("key", Chain(Source("instance"), (), "env", "env"), aws.fetch)
    assert "1" == key_id(memory, plan)
    times.pass_(89)
    assert "1" == key_id(memory, plan)
    times.pass_(1)
    assert "2" == key_id(memory, plan)


def test_an_mfa_session_is_held_until_its_last_minute(memory: Memory, aws: Aws, times: Times) -> None:
    """An MFA session is held until a minute before its end, and the next login replaces it."""
    aws.duration = 12 * HOUR
    memory.keep_session("a", aws.keys("one"), "of a")
    times.pass_(HOUR)
    memory.keep_session("a", aws.keys("two"), "of a")
    assert memory.session("b") is None
    times.pass_(12 * HOUR - 61)
    held = memory.session("a")
    assert "two" == (held and held.access_key_id)
    times.pass_(1)
    assert memory.session("a") is None


def test_the_agent_is_needed_until_its_mfa_sessions_end(memory: Memory, aws: Aws, times: Times) -> None:
    """The agent is needed until the end of its longest MFA session, even if the session is dropped."""
    assert 0 == memory.until()
    memory.keep_session("a", aws.keys("long"), "a")
    aws.duration = 900
    memory.keep_session("b", aws.keys("short"), "b")
    memory.drop()
    assert times.boot + HOUR == memory.until()


def test_held_credentials_are_listed(memory: Memory, aws: Aws, times: Times) -> None:
    """The list of held credentials has the kind, the title and the expiry of each, and no secret."""
    memory.keep_session("a", aws.keys("session"), "mfa of alice")
    memory.lease(plan_of(aws, "one"))
    times.pass_(60)
    memory.lease(plan_of(aws, "two"))
    ends = datetime.fromtimestamp(NOON + HOUR, timezone.utc)
    later = datetime.fromtimestamp(NOON + HOUR + 60, timezone.utc)
    assert (
        Held("session", "mfa of alice", ends),
        Held("role", "label of one", ends),
        Held("role", "label of two", later),
    ) == memory.held()


def test_no_secret_is_shown(memory: Memory, plan: Plan) -> None:
    """The representations of plans, leases and held credentials contain no secret."""
    assert "canary" not in repr((plan, memory.lease(plan), memory.held()))


def test_a_drop_forgets_everything(memory: Memory, plan: Plan, aws: Aws) -> None:
    """After a drop the memory holds nothing, and a dropped role cannot be renewed by its id."""
    memory.keep_session("a", aws.keys("session"), "a")
    old = memory.lease(plan)
    memory.drop()
    assert ((), None) == (memory.held(), memory.session("a"))
    with pytest.raises(KeyError):
        memory.lease(memory.plan(old.id))
    new = memory.lease(plan)
    assert "2" == new.credentials.access_key_id
    assert old.id != new.id


def test_credentials_that_arrive_after_a_drop_are_not_held(memory: Memory, plan: Plan, aws: Aws, until: Until) -> None:
    """Credentials that arrive after a drop are returned to the caller that requested them, but not held."""
    aws.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.lease, plan)
        until(lambda: aws.calls == 1)
        memory.drop()
        aws.may_answer.set()
        assert "1" == slow.result(60).credentials.access_key_id
    assert () == memory.held()


def test_a_dropped_role_is_not_leased_if_a_renewal_fails(
    memory: Memory, plan: Plan, aws: Aws, times: Times, until: Until
) -> None:
    """If a renewal fails after a drop, the lease raises the error and does not return the dropped role."""
    memory.lease(plan)
    times.pass_(HOUR - 600)
    aws.failure = UnreachableError("AWS is away")
    aws.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(memory.lease, plan)
        until(lambda: aws.calls == 2)
        memory.drop()
        aws.may_answer.set()
        with pytest.raises(UnreachableError):
            slow.result(60)


def test_the_number_of_roles_is_limited(memory: Memory, aws: Aws) -> None:
    """When the memory is full, the role that was not requested for the longest time is dropped."""
    first, second = memory.lease(plan_of(aws, "0")), memory.lease(plan_of(aws, "1"))
    for number in range(2, MAX_ROLES):
        memory.lease(plan_of(aws, str(number)))
    memory.lease(memory.plan(first.id))
    memory.lease(plan_of(aws, "one more"))
    assert MAX_ROLES == len(memory.held())
    assert first.credentials == memory.lease(memory.plan(first.id)).credentials
    with pytest.raises(KeyError):
        memory.lease(memory.plan(second.id))


def test_the_number_of_mfa_sessions_is_limited(memory: Memory, aws: Aws) -> None:
    """When there are too many MFA sessions, the oldest is dropped; a long title is cut."""
    for number in range(MAX_SESSIONS + 1):
        memory.keep_session(str(number), aws.keys(str(number)), "x" * 200_000)

    assert (None, True) == (memory.session("0"), memory.session("1") is not None)
    held = memory.held()
    assert (MAX_SESSIONS, {MAX_TITLE}) == (len(held), {len(each.title) for each in held})


@pytest.mark.parametrize("field", ["access_key_id", "secret_access_key", "session_token"])
def test_oversized_credentials_are_not_held(memory: Memory, plan: Plan, aws: Aws, field: str) -> None:
    """Credentials that are too large for an environment variable are refused."""
    large = aws.keys("large")
    object.__setattr__(large, field, "x" * MAX_SIZE)

    for keep in (lambda: memory.keep(plan, large), lambda: memory.keep_session("a", large, "a")):
        with pytest.raises(AgentError, match="are larger than"):
            keep()
    assert () == memory.held()


def test_a_code_is_spent_once(memory: Memory, times: Times) -> None:
    """The memory accepts each code of a device once, unless it is given back or is too old for AWS."""
    serial = "arn:aws:iam::123456789012:mfa/alice"
    assert [True, False] == [memory.spend(serial, "123456") for _ in range(2)]
    assert memory.spend("another", "123456")
    memory.drop()
    assert not memory.spend(serial, "123456")
    memory.give_back(serial, "123456")
    assert memory.spend(serial, "123456")
    times.pass_(SPENT)
    assert memory.spend(serial, "123456")


def test_the_oldest_codes_are_forgotten_first(memory: Memory) -> None:
    """The memory remembers a limited number of used codes, and forgets the oldest first."""
    assert all(memory.spend("serial", f"{number:06}") for number in range(MAX_CODES + 1))
    assert [True, False] == [memory.spend("serial", code) for code in ("000000", f"{MAX_CODES:06}")]


@pytest.mark.parametrize(
    ("left", "min_remaining", "needs_caller", "expected"),
    [
        (HOUR, 0, False, True),
        (901, 0, False, True),
        (900, 0, False, False),
        (900, 0, True, True),
        (900, 900, True, False),
        (900, 899, True, True),
    ],
)
def test_a_held_lease_needs_no_call(
    memory: Memory,
    aws: Aws,
    left: int,
    min_remaining: int,
    *,
    needs_caller: bool,
    expected: bool,
) -> None:
    """A held lease is returned without a call to AWS, with whether it can be used before any renewal."""
    plan = Plan("key", chain(), aws.fetch, needs_caller=needs_caller)
    assert (None, False) == memory.held_lease(plan)
    kept = memory.keep(plan, aws.keys("kept"))
    aws.times.pass_(HOUR - left)

    assert (kept, expected) == memory.held_lease(plan, min_remaining=min_remaining)

    aws.times.pass_(left - 60)
    assert (None, False) == memory.held_lease(plan)
    assert 0 == aws.calls


def plans(aws: Aws) -> tuple[Plan, Plan]:
    """Return a plan that uses an MFA session, and one for the same role that takes a code."""
    device = GetSessionToken(Mfa("arn:aws:iam::123456789012:mfa/alice"))
    through = Chain(Source("static", "default"), (device, *chain().hops), "role", "role")
    return (
        Plan("key", chain(), aws.fetch, through, "session", needs_caller=True),
        Plan("key", chain(), aws.fetch, session_key="session", needs_caller=True),
    )


def test_an_mfa_session_renews_a_role_by_code(memory: Memory, aws: Aws, times: Times) -> None:
    """An MFA session renews a role that came by a code; the id stays, and the lease has the new chain."""
    by_session, by_code = plans(aws)
    kept = memory.keep(by_code, aws.keys("kept"))
    memory.keep_session("session", aws.keys("session"), "of alice", duration=12 * HOUR)
    before = memory.lease(by_session)
    times.pass_(HOUR - 600)

    after = memory.lease(by_session)

    assert (kept.id, kept.id, "kept", "1") == (
        before.id,
        after.id,
        before.credentials.access_key_id,
        after.credentials.access_key_id,
    )
    assert (by_session.chain, by_session.through) == (before.chain, after.chain)
    assert 1 == len([held for held in memory.held() if held.kind == "role"])


def test_who_looks_at_a_role_does_not_decide_how_it_is_renewed(memory: Memory, aws: Aws) -> None:
    """A stranger's plan may lead by a proxy of its own, which would read the keys."""
    by_session, _ = plans(aws)
    theirs = replace(by_session, connecting=frozenset({("HTTPS_PROXY", "http://theirs")}))
    memory.keep_session("session", aws.keys("session"), "of alice", duration=12 * HOUR)
    role_id = memory.lease(by_session).id

    assert memory.held_lease(theirs)[1]
    assert by_session == memory.plan(role_id)
    assert memory.held_lease(theirs, hands_out=True)[1]
    assert theirs == memory.plan(role_id)


def test_a_role_by_mfa_session_does_not_replace_one_by_code(memory: Memory, aws: Aws, times: Times) -> None:
    """A role by an MFA session does not satisfy a request for one by a code; a role by a code satisfies both."""
    by_session, by_code = plans(aws)
    memory.keep_session("session", aws.keys("session"), "of alice", duration=12 * HOUR)
    role_id = memory.lease(by_session).id

    assert ((None, False), True) == (memory.held_lease(by_code), memory.held_lease(by_session)[1])
    kept = memory.keep(by_code, aws.keys("kept"))
    assert [(kept, True)] * 2 == [memory.held_lease(plan) for plan in (by_code, by_session)]
    times.pass_(HOUR - 600)
    renewed = memory.lease(memory.plan(role_id))
    assert (role_id, "2") == (renewed.id, renewed.credentials.access_key_id)


def test_session_token_hop_has_its_own_default(memory: Memory, times: Times) -> None:
    """A chain that ends in GetSessionToken has a default duration of twelve hours."""
    aws = Aws(times, duration=12 * HOUR)
    hop = GetSessionToken(Mfa("arn:aws:iam::123456789012:mfa/alice"))
    plan = Plan("key", Chain(Source("static", "default"), (hop,), "default", "default"), aws.fetch)
    memory.lease(plan)
    assert 12 * HOUR == left(memory, times)


MOVES = st.one_of(
    st.tuples(st.just("pass"), st.integers(0, 3 * HOUR)),
    st.tuples(st.just("wall"), st.integers(-5 * HOUR, 5 * HOUR)),
    st.tuples(st.sampled_from(["role", "failing role", "renewed", "served", "failing served"]), st.integers(0, HOUR)),
    st.tuples(st.sampled_from(["keep", "keep session", "session", "drop expired", "drop", "held"]), st.just(0)),
)


class Rehearsal:
    """Does moves, and checks all credentials that the memory returns."""

    def __init__(self) -> None:
        self.times = Times()
        self.aws = Aws(self.times)
        self.memory = Memory(self.times.clock)
        self.plan = plan_of(self.aws)
        self.role_id = ""
        self.given = 0
        self.before = threading.enumerate()

    def do(self, move: str, number: int) -> None:
        """Do one move."""
        self.aws.failure = UnreachableError("AWS is away") if move.startswith("failing") else None
        if move == "pass":
            self.times.pass_(number)
        elif move == "wall":
            self.times.wall += number
        elif move.startswith("keep"):
            self.keep(move)
        elif move == "session":
            self.look(self.memory.session("session"))
        elif move in {"drop expired", "drop", "held"}:
            (self.memory.drop if move == "drop" else self.memory.drop_expired)()
            assert all(held.ends is None or held.ends.timestamp() > self.times.wall for held in self.memory.held())
        else:
            self.ask(move.removeprefix("failing "), number)

    def keep(self, move: str) -> None:
        """Give the memory new keys of the role or of the MFA session."""
        self.given += 1
        keys = self.aws.keys(f"kept {self.given}")
        with suppress(AgentError):
            if move == "keep":
                self.role_id = self.memory.keep(self.plan, keys).id
            else:
                self.memory.keep_session("session", keys, "of default", duration=HOUR)

    def ask(self, how: str, min_remaining: int) -> None:
        """Request the role, as *how* says."""
        with suppress(AgentError, UnreachableError, KeyError):
            if how == "role":
                role = self.memory.lease(self.plan, min_remaining=min_remaining)
                self.role_id = role.id
            elif how == "renewed":
                role = self.memory.lease(self.memory.plan(self.role_id), min_remaining=min_remaining)
            else:
                role = self.memory.served(self.role_id)
            self.look(role.credentials)
        join_new(self.before)

    def look(self, credentials: Credentials | None) -> None:
        """Check that *credentials* have not expired, by the wall clock and by the true time."""
        if credentials is None:
            return
        assert credentials.expiration is not None
        ends = credentials.expiration.timestamp()
        assert self.times.wall < ends, "by the wall clock"
        assert self.times.true < ends, "by the clock of AWS, which the boot clock stands for"


@given(st.lists(MOVES, max_size=30))
def test_expired_credentials_are_never_returned(moves: list[tuple[str, int]]) -> None:
    """The memory never returns expired credentials, whatever the wall clock shows and AWS does."""
    rehearsal = Rehearsal()
    for move, number in moves:
        rehearsal.do(move, number)


@given(st.lists(st.integers(-2 * HOUR, 2 * HOUR), max_size=10), st.lists(st.integers(-HOUR, HOUR), max_size=10))
def test_an_expired_mfa_session_is_never_held_again(walls: list[int], boots: list[int]) -> None:
    """An MFA session that has expired by a clock stays expired, however the clocks are set."""
    times = Times()
    memory, aws = Memory(times.clock), Aws(times)
    memory.keep_session("session", aws.keys("session"), "of default", duration=HOUR)
    has_ended = False
    for wall, boot in zip(walls, boots, strict=False):
        times.wall += wall
        times.boot += boot
        held = memory.session("session") is not None
        has_ended = has_ended or not held
        assert not (held and has_ended)
        assert held <= (times.wall < NOON + HOUR and times.boot < 1000 + HOUR)
