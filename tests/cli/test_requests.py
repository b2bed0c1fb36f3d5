"""Tests of the requests of one process: with an agent and without, in threads, while AWS is throttling."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from awsenv.cli import conversation
from awsenv.cli.requests import Requests, Sender
from awsenv.errors import ConfigError, MfaError, RefusedError
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from awsenv.cli.report import Shown
    from conftest import World


@pytest.fixture(params=["agent", "no agent"])
def requests(
    request: pytest.FixtureRequest,
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
) -> Iterator[Requests]:
    """Return the requests of this process, in the environment of the user."""
    environ = world.environ
    with agent_in(environ) if request.param == "agent" else nullcontext():
        yield Requests()


def _sender(world: World, note: Callable[[Iterable[Shown]], object] = bool) -> Sender:
    return Sender(world.environ, lambda: conversation.new_prompts([], world.environ), note)


def _roles(world: World, number: int, *lines: str) -> list[str]:
    """Add profiles of roles that take a code, and return their names."""
    names = [f"role-{each}" for each in range(number)]
    for name in names:
        arn = world.sandbox.create_role(name, world.sandbox.trust(world.user_arn, mfa=True))
        about = (f"role_arn = {arn}", "source_profile = default", f"mfa_serial = {world.device.serial}", *lines)
        world.configure("\n".join((f"[profile {name}]", *about, "")))
    return names


def test_one_code_serves_every_role(world: World, requests: Requests) -> None:
    """However many threads request roles, the code is asked for once, and opens the session that they all come by."""
    names = _roles(world, 8, f"mfa_process = echo {world.device.code()}")
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda name: requests.credentials([name], _sender(world)), names))
    assert 8 == len({each.access_key_id for each in made})
    assert {world.sandbox.account} == {each.account for each in made}
    assert all(each.expiration is not None and each.expiration.tzinfo is not None for each in made)
    calls = [(call.action, call.status) for call in world.sandbox.calls]
    assert [("GetSessionToken", 200)] + [("AssumeRole", 200)] * 8 == calls


def test_a_role_is_held(world: World, requests: Requests) -> None:
    """A role that was requested before comes from memory."""
    first, again = (requests.credentials(["read-only"], _sender(world)) for _ in range(2))
    assert first == again
    assert 1 == len(world.sandbox.calls)


def test_nothing_is_held_after_it_is_forgotten(world: World) -> None:
    """Without an agent the process holds the roles itself, until it forgets them."""
    requests = Requests()
    requests.forget()
    first = requests.credentials(["read-only"], _sender(world))
    requests.forget()
    assert first != requests.credentials(["read-only"], _sender(world))


def test_a_request_waits_while_aws_is_throttling(world: World, requests: Requests) -> None:
    """More refusals than the attempts of one call do not lose a role."""
    world.sandbox.fail("AssumeRole", Fault.THROTTLING, times=4)
    assert requests.credentials(["read-only"], _sender(world)).account == world.sandbox.account
    assert 5 == len(world.sandbox.calls)


def test_an_error_arrives_as_what_it_is(world: World, requests: Requests) -> None:
    """The kind of an error, its code, its place and its next steps are those of the command line."""
    with pytest.raises(ConfigError) as unknown:
        requests.credentials(["--profile", "nobody", "read-only"], _sender(world))
    shown = world.run("credential-process", "--print", "--profile", "nobody", "read-only").stderr
    assert unknown.value.fact in shown
    with pytest.raises(MfaError) as missing:
        requests.credentials(["power-user"], _sender(world))
    assert missing.value.hints
    world.configure(
        f"[profile other]\nrole_arn = {world.user_arn.replace('user/alice', 'role/none')}\nsource_profile = default\n"
    )
    with pytest.raises(RefusedError) as refused:
        requests.credentials(["other"], _sender(world))
    assert "AccessDenied" == refused.value.code


def test_notes_are_shown(world: World) -> None:
    """A note on a role reaches whoever made the request."""
    notes: list[str] = []
    sender = _sender(world, lambda shown: notes.extend(each.fact for each in shown))
    reader = f"arn:aws:iam::{world.sandbox.account}:role/read-only"
    arn = world.sandbox.create_role("long", world.sandbox.trust(reader))
    world.configure(f"[profile long]\nrole_arn = {arn}\nsource_profile = read-only\nduration_seconds = 7200\n")
    Requests().credentials(["long"], sender)
    assert notes
