"""The modules that a command loads: the user waits for each import, perhaps at every prompt."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv import shells

if TYPE_CHECKING:
    from conftest import World


def _loaded(world: World, *words: str) -> set[str]:
    """Return the top-level packages that Python loads with *words*."""
    done = world.command([sys.executable, "-X", "importtime", *words])
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, re.MULTILINE))


@pytest.mark.parametrize("words", ["off --shell sh", "status", "list", "use --help", "--help"])
def test_a_command_that_does_not_call_aws_loads_no_sdk(world: World, words: str) -> None:
    """Such a command loads neither botocore nor Typer nor `dataclasses`, and nothing that they load."""
    assert set() == _loaded(world, "-m", "awsenv", *words.split()) & {
        "boto3",
        "botocore",
        "urllib3",
        "typer",
        "pydantic",
        "rich",
        "dataclasses",
        "inspect",
        "subprocess",
        "shutil",
        "termios",
        "urllib",
    }


def test_assuming_a_role_loads_no_sdk(world: World) -> None:
    """Assuming a role loads neither an SDK nor Typer."""
    loaded = _loaded(world, "-m", "awsenv", "--region", "eu-west-1", "read-only", "--shell", "sh")

    assert set() == loaded & {"boto3", "botocore", "urllib3", "http.client", "email", "typer", "pydantic", "rich"}


MOST = {
    "read-only --shell sh": 130,
    "exec read-only -- true": 130,
    "credential-process read-only": 135,
    "token eks a-cluster read-only": 140,
    "list": 100,
    "status": 90,
}
"""Modules beyond those of Python's own start that a command may load; some fifteen more than Python 3.11 loads."""


@pytest.mark.parametrize("words", MOST)
def test_a_command_without_an_agent_loads_few_modules(world: World, words: str) -> None:
    """Each module costs some tenths of a millisecond, so a command stays below a number of them."""
    loaded = _modules(world, "-m", "awsenv", *words.split()) - _modules(world, "-m", "keyword")

    assert len(loaded) <= MOST[words], sorted(loaded)


@pytest.mark.parametrize("words", ["off --shell sh", "status", "list"])
def test_a_command_that_does_not_call_aws_loads_nothing_that_does(world: World, words: str) -> None:
    """Such a command loads no module of `awsenv.aws` or `awsenv.iam`, even without an agent."""
    loaded = _modules(world, "-m", "awsenv", *words.split())

    assert set() == {each for each in loaded if each.startswith(("awsenv.aws.", "awsenv.iam."))}


HEAVY = {
    "configparser",
    "dataclasses",
    "inspect",
    "json",
    "pathlib",
    "signal",
    "typing",
    "xml.etree",
    "awsenv.aws.denial",
    "awsenv.cli.picker",
}
"""Modules of which each takes a tenth of Python's own start or more, with what it loads."""


def test_assuming_a_role_loads_no_module_that_is_heavier_than_its_use(world: World) -> None:
    """Before the first request, no module is loaded for a line or two of it."""
    loaded = _modules(world, "-c", "import awsenv.cli.main, awsenv.cli.exec, awsenv.aws.chain, awsenv.provider")

    assert set() == loaded & HEAVY


def test_the_agent_loads_no_sdk(world: World) -> None:
    """An idle agent is small: it has loaded neither botocore nor Typer."""
    loaded = _loaded(world, "-c", "from awsenv.cli import agent\nagent.load()")

    assert ({"ssl"}, set()) == (loaded & {"ssl"}, loaded & {"boto3", "botocore", "typer", "pydantic", "rich"})


@pytest.mark.parametrize("shell", [shell.name for shell in shells.hooked()])
def test_init_loads_almost_nothing(world: World, shell: str) -> None:
    """`init` loads only a few modules in addition to those of Python's own start."""
    start = _loaded(world, "-m", "keyword")

    assert {"awsenv", "__future__", "resource"} == _loaded(world, "-m", "awsenv", "init", shell) - start


def test_a_tab_that_waits_for_the_names_loads_no_command_line(world: World) -> None:
    """Where the cache has no names, Tab waits for the program, which does without Typer and botocore."""
    loaded = _loaded(world, "-m", "awsenv", "completion", "--refresh")

    assert set() == loaded & {"typer", "botocore", "pydantic", "rich"}


FAST_PATH = {
    "__future__",
    "_socket",
    "resource",
    "awsenv",
    "awsenv.agent",
    "awsenv.agent.harden",
    "awsenv.agent.client",
    "awsenv.agent.runtime_directory",
    "awsenv.cli",
    "awsenv.cli.commands",
    "awsenv.cli.action",
    "awsenv.cli.process",
    "awsenv.cli.conversation",
    "awsenv.variables",
}
"""The modules that the fast path loads in addition to those of Python's own start."""


def _modules(world: World, *words: str) -> set[str]:
    """Return the modules that Python loads with *words*, by their whole names."""
    done = world.command([sys.executable, "-X", "importtime", *words])
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time: .*\| +([\w.]+)", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("read-only --shell sh", set()),
        ("power-user --shell sh", set()),
        ("credential-process read-only", set()),
        ("token eks a-cluster read-only", set()),
        ("token rds db.abc.eu-west-1.rds.amazonaws.com:5432 alice read-only", set()),
        ("list", set()),
        # They have a note: no role is active.
        ("off --shell sh", {"awsenv.cli.report", "awsenv.wording"}),
        ("status", {"awsenv.cli.report", "awsenv.wording"}),
    ],
)
def test_the_fast_path_loads_almost_nothing(world: World, words: str, more: set[str]) -> None:
    """A command that an agent answers loads only the few modules that send the request."""
    assert world.run("login", world.device.code()).returncode == 0
    start = _modules(world, "-m", "keyword")

    assert FAST_PATH | more == _modules(world, "-m", "awsenv", *words.split()) - start


def test_the_picker_draws_before_much_is_loaded(world: World) -> None:
    """The first line of the list waits for no module of the configuration, and for nothing that is as large."""
    loaded = _modules(world, "-c", "import awsenv.cli.picker, awsenv.cli.menu")

    heavy = {"typer", "botocore", "awsenv.config", "awsenv.errors", "dataclasses", "typing", "subprocess", "json"}
    assert set() == loaded & heavy


def test_a_connection_is_on_its_way_before_much_is_loaded(world: World) -> None:
    """TCP starts before the modules of TLS load, and before those that read the files."""
    loaded = _modules(world, "-c", "import awsenv.cli.early")

    heavy = {"ssl", "socket", "http.client", "re", "enum", "dataclasses", "typing", "configparser", "threading"}
    assert set() == loaded & (heavy | {"typer", "botocore", "awsenv.config", "awsenv.errors"})


def test_the_version_loads_almost_nothing(world: World) -> None:
    """`--version` loads nothing beyond the entry point."""
    start = _modules(world, "-m", "keyword")

    assert _modules(world, "-c", "import awsenv.__main__") >= _modules(world, "-m", "awsenv", "--version") - start


@pytest.mark.parametrize("words", ["use --help", "doctor --help", "--help"])
def test_a_help_page_loads_only_what_it_needs(world: World, words: str) -> None:
    """Help loads the declarations of words and options and `textwrap`, and no command."""
    start = _modules(world, "-m", "keyword") | _modules(world, "-c", "import textwrap, awsenv.__main__")

    loaded = _modules(world, "-m", "awsenv", *words.split())

    own = {"awsenv.cli.arguments", "awsenv.cli.declarations", "awsenv.cli.pages", "awsenv.shells"}
    assert own == loaded - start


def test_exec_through_an_agent_loads_almost_nothing(world: World) -> None:
    """With an agent, `exec` adds to the fast path only the modules that replace the process."""
    assert world.run("login", world.device.code()).returncode == 0
    start = _modules(world, "-m", "keyword")

    loaded = _modules(world, "-m", "awsenv", "exec", "power-user", "--", "true")

    assert FAST_PATH | {"awsenv.launch", "errno"} == loaded - start


def test_a_command_without_an_agent_loads_no_agent(world: World) -> None:
    """If no agent runs, assuming a role loads no module that only an agent needs."""
    loaded = _modules(world, "-m", "awsenv", "read-only", "--shell", "sh")

    assert set() == loaded & {f"awsenv.agent.{name}" for name in ("server", "endpoint", "start")}


def test_a_connection_is_opened_before_much_is_loaded(world: World) -> None:
    """Opening a connection loads little; without TLS, it does not load `ssl`."""
    loaded = _modules(world, "-c", "import awsenv.aws.connections") - _modules(world, "-c", "pass")

    own = {
        "awsenv",
        "awsenv.aws",
        "awsenv.record",
        *(f"awsenv.aws.{name}" for name in ("connection", "connections", "response", "tcp")),
    }
    assert own | {"__future__", "_socket"} == loaded - {"itertools", "math", "select"}


def test_requests_need_no_sdk(world: World) -> None:
    """Sending a request and explaining its failure need neither botocore nor `http.client` nor `ssl`."""
    loaded = _loaded(world, "-c", "import awsenv.aws.http, awsenv.aws.network")

    assert set() == loaded & {"botocore", "urllib3", "typer", "http", "email", "ssl", "socket", "dataclasses"}
