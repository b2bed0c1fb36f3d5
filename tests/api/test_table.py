"""The functions of the package against the command line: the same request gives the same role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import awsenv
from role_requests import ROLE_REQUESTS, Case, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World


@pytest.fixture(scope="module")
def world(shared_world: World) -> World:
    """Return the world with the roles of the table."""
    prepare(shared_world)
    return shared_world


@pytest.fixture(params=ROLE_REQUESTS, ids=lambda request: request.name)
def request_(request: pytest.FixtureRequest, world: World) -> Case:
    """Return each request of the table."""
    world.sandbox.clock.elapse(30)
    world.sandbox.clear_calls()
    case: Case = request.param
    return case.of(world)


def _environment(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.split("\0") if line)


def _sent(world: World) -> list[Mapping[str, str]]:
    """Return the parameters of each role that was assumed, without those of the code, and forget the calls.

    A command asks for its role with the code itself; in a process that may need many, the code opens an MFA session.
    """
    assumed = [call.parameters for call in world.sandbox.calls if call.action == "AssumeRole"]
    world.sandbox.clear_calls()
    return [{k: v for k, v in each.items() if k not in {"SerialNumber", "TokenCode"}} for each in assumed]


def test_an_agent_gives_the_same_credentials(
    world: World,
    request_: Case,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
) -> None:
    """With an agent, the commands and the functions return the very same keys, region, settings and labels."""
    how: dict[str, Any] = {"environ": world.environ, **request_.arguments}
    with agent_in(world.environ):
        made = awsenv.credentials(request_.role, code=lambda _: world.device.code(), **how)
        printed = world.run("credential-process", request_.role, *request_.words)
        ran = world.run("exec", request_.role, *request_.words, "--", "env", "-0")
        environment = awsenv.environment(request_.role, **how)
        session = awsenv.session(request_.role, **how)
        frozen = session.get_credentials().get_frozen_credentials()

    shown = json.loads(printed.stdout)
    assert (made.access_key_id, made.secret_access_key, made.session_token, made.expires, made.account) == tuple(
        shown.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId")
    )
    assert _environment(ran.stdout) == environment
    assert made.access_key_id == environment["AWS_ACCESS_KEY_ID"]
    assert (
        made.access_key_id,
        made.secret_access_key,
        made.session_token,
    ) == frozen[:3]
    assert environment["AWS_DEFAULT_REGION"] == session.region_name


def test_without_an_agent_the_same_is_sent(world: World, request_: Case) -> None:
    """Without an agent, AWS gets the same parameters, and the environment differs only in the keys."""
    how: dict[str, Any] = {"environ": world.environ, **request_.arguments}
    words = [world.device.code()] if request_.needs_code else []
    ran = world.run("exec", request_.role, *words, *request_.words, "--", "env", "-0")
    by_command = _sent(world)
    world.sandbox.clock.elapse(30)
    environment = awsenv.environment(request_.role, code=world.device.code(), **how)
    by_function = _sent(world)
    again = awsenv.credentials(request_.role, **how)

    assert by_command == by_function
    assert [] == _sent(world)
    assert again.access_key_id == environment["AWS_ACCESS_KEY_ID"]
    assert _without_keys(_environment(ran.stdout)) == _without_keys(environment)


def _without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    keys = ("ACCESS_KEY", "SESSION_TOKEN", "EXPIR")
    return {name: value for name, value in environ.items() if not any(key in name for key in keys)}
