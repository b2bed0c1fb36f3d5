"""The table of variables: each variable in all code that reads the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import changes, variables
from awsenv.model import Chain, Credentials, Source
from awsenv.variables import ENDPOINT, EXPORTED, FILE, KEY, REMOVED, STATE, VARIABLES, having

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHAIN = Chain(source=Source("static"), hops=(), role="power-user", label="power-user", region="eu-central-1")
CREDENTIALS = Credentials("ASIA1", "secret1", "token1", account="123456789012")


def use(environ: dict[str, str]) -> dict[str, str]:
    """Return *environ* with the role in it."""
    return changes.change(CHAIN, CREDENTIALS, environ).applied_to(environ)


def serve(environ: dict[str, str]) -> dict[str, str]:
    """Return *environ* with a role that an endpoint serves, and every file hidden."""
    change = changes.served(CHAIN, "http://127.0.0.1:1/1", "token", environ, hides_config=True)
    return change.applied_to(environ)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_role_changes_the_variables_of_the_table(name: str, samples: Mapping[str, str]) -> None:
    """A role replaces or unsets the variables that the table says, saves them for `off`, and keeps all others."""
    changed = use({name: samples[name]})

    marks = VARIABLES[name]
    if REMOVED in marks:
        assert name not in changed
    if {REMOVED, EXPORTED} & {*marks}:
        assert samples[name] == changed["AWSENV_SAVED_" + name]
        assert samples[name] != changed.get(name)
    elif STATE not in marks:
        assert samples[name] == changed[name]


@pytest.mark.parametrize("name", VARIABLES)
def test_an_endpoint_changes_the_variables_of_the_table(name: str, samples: Mapping[str, str]) -> None:
    """A served role replaces or unsets every variable that outranks its endpoint, and saves the value."""
    changed = serve({name: samples[name]})

    if {KEY, ENDPOINT, REMOVED, FILE} & {*VARIABLES[name]}:
        assert samples[name] != changed.get(name)
        assert samples[name] == changed["AWSENV_SAVED_" + name]


@pytest.mark.parametrize("name", [name for name in VARIABLES if STATE not in VARIABLES[name]])
@pytest.mark.parametrize("put_in", [use, serve])
@pytest.mark.parametrize("value", ["sample", ""])
def test_off_restores_every_variable(
    name: str, put_in: Callable[[dict[str, str]], dict[str, str]], value: str, samples: Mapping[str, str]
) -> None:
    """The value of each variable is restored, even an empty one."""
    before = {name: value and samples[name]}
    changed = put_in(before)

    assert before == changes.restore(changed).applied_to(changed)


@pytest.mark.parametrize("name", VARIABLES)
def test_the_agent_gets_every_variable(name: str, samples: Mapping[str, str]) -> None:
    """The variables that are sent to the agent include each one of the table."""
    assert {name: samples[name]} == variables.relevant({name: samples[name]})


def test_the_variables_of_a_connection() -> None:
    """The time limit, the proxies in any case and the CA bundle count, but not what a role depends on."""
    connecting = {"AWSENV_TIMEOUT": "2", "https_proxy": "x", "NO_PROXY": "x", "REQUESTS_CA_BUNDLE": "x"}

    assert connecting.items() == variables.connecting({**connecting, "AWS_REGION": "x", "HOME": "x", "PATH": "x"})


def test_the_agent_gets_endpoints_and_proxies() -> None:
    """The agent gets variables that no table can list, a service's endpoint or a proxy in any case, and no others."""
    needed = {"AWS_ENDPOINT_URL_S3": "x", "_AWSENV_WITHIN": "x", "https_proxy": "x", "Http_Proxy": "x", "NO_PROXY": "x"}

    assert needed == variables.relevant({**needed, "PATH": "x", "DATABASE_PASSWORD": "canary"})


@pytest.mark.parametrize("written", ["$XDG_CONFIG_HOME/aws", "${XDG_CONFIG_HOME}/aws"])
@pytest.mark.parametrize("name", having(FILE))
def test_the_agent_gets_the_variables_in_a_path(name: str, written: str) -> None:
    """The agent gets the variables that the path of a file refers to, and only these."""
    environ = {name: written, "XDG_CONFIG_HOME": "/c"}

    assert environ == variables.relevant({**environ, "CONFIG_HOME": "/other", "PATH": "/bin"})
