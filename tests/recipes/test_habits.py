"""Roles in what people work with all day: folders, terminals, editors, assistants, tasks, containers, cron."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cookbook import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recipes.conftest import Reader

    Until = Callable[[Callable[[], object]], None]

WHO = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])\n'
POWER_USER = "arn:aws:sts::123456789012:assumed-role/power-user/"
REPORTER = '#!/bin/sh\necho "$AWSENV_ROLE_NAME" "$@"\n'
"""A program of the user, which says what role it has."""


@pytest.fixture
def profiled(reader: Reader) -> Reader:
    """Return the reader with a profile for each role."""
    reader.run(recipe("profiles"))
    return reader


def test_each_role_has_a_profile(profiled: Reader) -> None:
    """A second run adds nothing, and an SDK has the role by such a profile, with its region."""
    config = (profiled.home / ".aws" / "config").read_text()
    profiled.run(recipe("profiles"))

    assert config == (profiled.home / ".aws" / "config").read_text()
    made = sorted(re.findall(r"^\[profile (x-.*)\]$", config, re.MULTILINE))
    assert ["x-admin", "x-deploy", "x-power-user", "x-read-only"] == made
    assert profiled.run(f"{sys.executable} -c '{WHO}'", AWS_PROFILE="x-power-user").startswith(POWER_USER)


def test_an_editor_starts_a_program_with_a_profile(profiled: Reader) -> None:
    """The program that the editor starts has the role. VS Code itself is in no registry."""
    (app,) = json.loads(recipe("vscode"))["configurations"]
    profiled.write(app["program"], WHO)

    assert profiled.run(f"{sys.executable} {app['program']}", **app["env"]).startswith(POWER_USER)


def test_an_assistant_has_the_role_of_a_profile(profiled: Reader) -> None:
    """An SDK with the variables of the settings has the role, without a code."""
    environ = json.loads(recipe("claude-code"))["env"]

    assert profiled.run(f"{sys.executable} -c '{WHO}'", **environ).startswith(POWER_USER)


def entering(reader: Reader, envrc: str, shown: str) -> list[str]:
    """Return what `echo` *shown* prints in a folder with this `.envrc`, and then outside."""
    reader.write("project/.envrc", envrc)
    text = f"""
    unset DIRENV_DIR DIRENV_DIFF DIRENV_WATCHES DIRENV_FILE
    direnv allow project
    for folder in project ..; do
      cd "$folder"
      eval "$(direnv export bash)"
      echo "{shown}"
    done
    """
    return reader.run(text, AWS_PROFILE="own").splitlines()


def test_a_folder_has_a_profile(reader: Reader, require: Callable[[str], str]) -> None:
    """In the folder, the profile is that of `.envrc`, and outside the one from before."""
    require("direnv")
    assert ["x-power-user", "own"] == entering(reader, recipe("direnv"), "$AWS_PROFILE")


def test_a_folder_has_a_role(reader: Reader, require: Callable[[str], str]) -> None:
    """In the folder, the shell has the role, and outside the environment from before."""
    require("direnv")
    shown = entering(reader, recipe("direnv-role"), "${AWS_ACCESS_KEY_ID::4} $AWSENV_ROLE_NAME $AWS_PROFILE")

    assert ["ASIA power-user ", "  own"] == shown


@pytest.fixture
def multiplexed(reader: Reader, require: Callable[[str], str]) -> Iterator[Reader]:
    """Return the reader with a tmux that has no role; the servers of tmux and screen end with the test."""
    require("tmux")
    require("screen")
    # Not below tmp_path, which is too long for the path of a socket.
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder:
        environ = {"TMUX_TMPDIR": folder, "SCREENDIR": folder, "SHELL": require("bash")}
        reader = replace(reader, environ={**reader.environ, **environ})
        reader.run("tmux -f /dev/null new-session -d")
        yield reader
        reader.attempt("tmux kill-server; tmux -L power-user kill-server; screen -S power-user -X quit")


def test_a_window_of_tmux_and_screen_has_a_role(multiplexed: Reader, until: Until) -> None:
    """The window has the role, which the tmux around it has not; each window of a tmux or screen of its own has it."""
    window, tmux, screen = recipe("tmux").splitlines()
    multiplexed.run(window)
    pane = Path("/proc", multiplexed.run("tmux display-message -p '#{pane_pid}'").strip(), "environ")
    # The shell of tmux becomes awsenv, which becomes a shell.
    until(lambda: b"AWSENV_ROLE_NAME=power-user" in pane.read_bytes().split(b"\0"))
    assert 1 == multiplexed.attempt("tmux show-environment -g AWSENV_ROLE_NAME").returncode

    # Without a terminal, which these would take.
    multiplexed.run(tmux.replace("new-session", "-f /dev/null new-session -d", 1))
    shown = multiplexed.run("tmux -L power-user show-environment -g AWSENV_ROLE_NAME")
    assert "AWSENV_ROLE_NAME=power-user\n" == shown
    multiplexed.run(screen.replace("-S", "-c /dev/null -dmS", 1))
    said = multiplexed.folder / "said"
    ask = "screen -S power-user -X screen sh -c 'echo $AWSENV_ROLE_NAME >said.new && mv said.new said'"
    until(lambda: 0 == multiplexed.attempt(ask).returncode)
    until(said.exists)
    assert "power-user\n" == said.read_text()


def test_make_runs_a_line_with_a_role(reader: Reader, require: Callable[[str], str]) -> None:
    """The line has the role of the Makefile, or the one that is typed."""
    require("make")
    reader.write("deploy.sh", REPORTER)
    reader.write("Makefile", recipe("make"))

    assert ["power-user", "read-only"] == reader.run("make -s deploy; make -s deploy ROLE=read-only").split()


def test_npm_runs_a_script_with_a_role(reader: Reader, require: Callable[[str], str]) -> None:
    """The script has the role, and gets the words behind it."""
    require("npm")
    reader.write("package.json", recipe("npm"))
    reader.write("deploy.mjs", "console.log(process.env.AWSENV_ROLE_NAME, ...process.argv.slice(2));\n")

    shown = reader.run("npm run -s deploy -- --stage prod", npm_config_update_notifier="false")

    assert "power-user --stage prod\n" == shown


def test_a_dev_container_gets_the_role(
    reader: Reader, require: Callable[[str], str], node_package: Callable[[str], Path]
) -> None:
    """Its command line, which needs no container engine for this, hands on the keys of the role."""
    cli = node_package("@devcontainers/cli@0.89.0") / "devcontainer.js"
    reader.write(".devcontainer/devcontainer.json", recipe("devcontainer"))
    command = shlex.join([require("node"), str(cli), "read-configuration", "--workspace-folder", ".", "--docker-path"])

    shown = reader.run(f"awsenv exec power-user -- sh -c 'env; {command} true 2>/dev/null'").splitlines()

    handed_on = json.loads(shown.pop())["configuration"]["remoteEnv"]
    assert {line for line in shown if line.partition("=")[0] in handed_on} == {
        f"{name}={value}" for name, value in handed_on.items()
    }
    assert 4 == len(handed_on)


def test_cron_runs_a_job_with_a_role(reader: Reader) -> None:
    """The command, run as cron runs it, has the role. cron itself would take a minute, and a crontab of the user."""
    (command,) = re.findall(r"^(?:\S+ ){5} (.*)$", recipe("cron"), re.MULTILINE)
    (reader.home / "bin").mkdir()
    (reader.home / ".local" / "bin").mkdir(parents=True)
    (reader.home / "bin" / "report").symlink_to(reader.write("report", REPORTER))
    (reader.home / ".local" / "bin" / "awsenv").symlink_to(reader.world.program)
    kept = {name: value for name, value in reader.environ.items() if name.startswith(("AWS", "NO_PROXY"))}
    cron = {**kept, "HOME": str(reader.home), "LOGNAME": "alice", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}

    shown = reader.run(f"env -i {shlex.join(f'{name}={value}' for name, value in cron.items())} sh -c '{command}'")

    assert "%" not in command  # to cron, the end of the line
    assert "read-only\n" == shown
