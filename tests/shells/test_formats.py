"""The formats that programs read: each value arrives byte for byte at a real reader, or is refused."""

from __future__ import annotations

import io
import json
import random
import subprocess
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import dotenv
import pytest

from awsenv import shells
from awsenv.errors import Origin, UsageError
from awsenv.model import Change
from awsenv.shells.base import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[[str], Mapping[str, str]]

VALUES = 20_000
SPECIAL = [
    *"'\"`\\$#=:,;!?*~^&|<>(){}[] \t\n\r\v\f", "${HOME}", "$HOME", "$(id)", " #", "\\n", "''", '""', "export ",
    "AWSENV", "\nAWSENV\n", "<<", "%0A", "::", "\r\n", "\x85", "\xa0", "\u2028", "\u200b", "\ufeff", "\x1b]0;x\x07",
    "\udcff", "e\u0301", "é", "日本", "🚒", "\u2019", "a", "Z", "0", "9", "+", "/", "@", ".", "-", "_", "%",
]  # fmt: skip
PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]
ROLE = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary/secret+one", "AWS_SESSION_TOKEN": "t==%"}


def _hostile() -> list[str]:
    """Return values of special characters, and of those that keys, ARNs and times are made of."""
    dice = random.Random(10)  # noqa: S311 - the same values each time
    alphabets = (SPECIAL, PRINTABLE, SPECIAL + PRINTABLE, [*"ABCxyz019/+=_.:@,-%"])
    return ["".join(dice.choices(dice.choice(alphabets), k=dice.randrange(12))) for _ in range(VALUES)]


@cache
def _held(name: str) -> dict[str, str]:
    """Return the values that the format *name* does not refuse, by a name for each."""
    held = {}
    for number, value in enumerate(_hostile()):
        with suppress(UsageError):
            shells.find(name).render(Change({f"AWS_{number}": value}))
            held[f"AWS_{number}"] = value
    return held


def _python(text: str) -> Mapping[str, str]:
    # In parts: it takes the square of the time for twice the lines.
    lines = text.splitlines(keepends=True)
    parts = ("".join(lines[at : at + 50]) for at in range(0, len(lines), 50))
    return {
        name: value or "" for part in parts for name, value in dotenv.dotenv_values(stream=io.StringIO(part)).items()
    }


def _node(text: str) -> Mapping[str, str]:
    code = "process.stdout.write(JSON.stringify(require('util').parseEnv(require('fs').readFileSync(0, 'utf8'))))"
    done = subprocess.run(["node", "-e", code], input=text.encode(), capture_output=True, check=True)
    read: dict[str, str] = json.loads(done.stdout)
    return read


def _sh(text: str) -> Mapping[str, str]:
    """Read it as a script that sources it does."""
    script = "set -a; . /dev/stdin; set +a; export -p"
    done = subprocess.run(["dash", "-c", script], input=text.encode(), env={}, capture_output=True, check=True)
    lines = (line.removeprefix("export ") for line in done.stdout.decode().splitlines())
    pairs = (line.partition("=") for line in lines if line.startswith("AWS_"))
    return {name: value[1:-1] for name, _, value in pairs}


def _docker(text: str) -> Mapping[str, str]:
    """Read it by the rules of docker's package `kvfile`: of old versions, and of new ones, which remove quotes."""
    found = {}
    for line in text.split("\n"):
        stripped = line.lstrip()
        if stripped and not stripped.startswith("#"):
            name, _, value = stripped.partition("=")
            assert not set(name) & set(" \t")
            assert value[:1] not in {"'", '"'}
            found[name] = value
    return found


@pytest.mark.parametrize("read", [_python, _node, _sh, _docker], ids=["python", "node", "sh", "docker"])
def test_every_reader_of_dotenv_reads_the_same(read: Read, require: Callable[[str], str]) -> None:
    """Of 20,000 values, every reader reads each as it is, unless it is refused."""
    require("node")
    held = _held("dotenv")

    assert held == read(shells.find("dotenv").render(Change(held)))
    assert VALUES / 5 < len(held) < VALUES


def _runner(text: str) -> Mapping[str, str]:
    """Read it by GitHub's documentation: "Setting an environment variable" and "Multiline strings"."""
    found, lines = {}, iter(text.split("\n"))
    for line in filter(None, lines):
        name, _, delimiter = line.partition("<<")
        assert "=" not in name
        value: list[str] = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        found[name] = "\n".join(value)
    return found


def test_the_runner_of_github_reads_each_value() -> None:
    """Of 20,000 values, all that are UTF-8 arrive in the job, whatever lines they have."""
    held = _held("github")

    assert held == _runner(shells.find("github").render(Change(held)))
    assert [value for value in _hostile() if "\udcff" not in value] == [*held.values()]


def test_json_holds_each_value() -> None:
    """JSON holds 20,000 values, and null for a variable that is to be unset."""
    values: dict[str, str | None] = {f"AWS_{number}": value for number, value in enumerate(_hostile())}
    change = Change(values | {"AWS_PROFILE": None})

    assert dict(change.variables) == json.loads(shells.find("json").render(change))


@pytest.mark.parametrize("name", ["dotenv", "github"])
def test_a_file_holds_what_aws_tools_read(name: str) -> None:
    """What awsenv keeps for itself, and secrets from before the role, reach no container and no job."""
    saved = {"AWSENV_SAVED_AWS_SECRET_ACCESS_KEY": "canary/of-before", "AWSENV_LABEL": "deploy", "AWSENV_RENEW": None}

    assert shells.find(name).render(Change(ROLE)) == shells.find(name).render(Change({**ROLE, **saved}))


def test_secrets_are_masked() -> None:
    """There is a command for each secret and for the id of the key, with `%` as the runner spells it."""
    github = shells.find("github")
    assert isinstance(github, Format)

    assert ["::add-mask::ASIAEXAMPLE", "::add-mask::canary/secret+one", "::add-mask::t==%25"] == github.masks(
        Change({**ROLE, "AWS_REGION": "eu-west-1", "AWSENV_LABEL": "deploy"})
    ).splitlines()


@pytest.mark.parametrize(("name", "unset"), [("github", "AWS_PROFILE"), ("dotenv", "AWS_ACCESS_KEY_ID")])
def test_what_a_file_cannot_unset_is_refused(name: str, unset: str) -> None:
    """A profile that outranks the keys of a job, or the keys themselves at `off`, would stay."""
    with pytest.raises(UsageError, match=f"the format {name} cannot unset {unset}"):
        shells.find(name).render(Change({"AWS_REGION": "eu-west-1", unset: None}))


def test_a_refusal_names_the_variable() -> None:
    """The error names the variable and what cannot be written, and never the value, which may be a secret."""
    with pytest.raises(UsageError) as caught:
        shells.find("dotenv").render(Change({"AWS_CA_BUNDLE": "canary of mine"}))

    assert (Origin("AWS_CA_BUNDLE"),) == caught.value.origins
    assert "the format dotenv cannot hold the value of AWS_CA_BUNDLE" == caught.value.fact
    assert "readers of dotenv disagree about ' '" == caught.value.because


def test_a_container_lacks_what_a_role_removes() -> None:
    """The profile of the caller is not in the container, so dotenv leaves it out."""
    change = Change({"AWS_REGION": "eu-west-1", "AWS_PROFILE": None})

    assert "AWS_REGION=eu-west-1\n" == shells.find("dotenv").render(change)
