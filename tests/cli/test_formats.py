"""`--shell dotenv` and `--shell github`: where they go, and where they are refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Return the file that a runner makes for a step, with a line of the step in it."""
    file = tmp_path / "set_env"
    file.write_text("MINE=1\n")
    return file


@pytest.mark.parametrize("agent", [False, True])
def test_github_gets_the_role_in_its_file_and_masks_on_stdout(world: World, job: Path, *, agent: bool) -> None:
    """The lines follow those of the step, and the log gets nothing but the commands that mask the secrets."""
    if agent:
        assert 0 == world.run("login", world.device.code()).returncode

    answer = world.run("read-only", "--shell", "github", GITHUB_ENV=str(job))

    masks = answer.stdout.splitlines()
    assert (0, ["::add-mask::"] * 3) == (answer.returncode, [line[:12] for line in masks])
    lines = job.read_text().splitlines()
    assert ["MINE=1", "AWS_ACCESS_KEY_ID<<AWSENV", masks[0][12:], "AWSENV"] == lines[:4]
    assert {"AWS_SECRET_ACCESS_KEY<<AWSENV", masks[1][12:], "AWS_SESSION_TOKEN<<AWSENV"} <= {*lines}
    assert [] == [line for line in lines if line.startswith("AWSENV_")]


def test_github_outside_of_a_job_uses_no_code(world: World) -> None:
    """Without the file, awsenv says so before it sends anything."""
    answer = world.run("power-user", world.device.code(), "--shell", "github")

    assert (2, "", []) == (answer.returncode, answer.stdout, world.actions())
    assert answer.stderr.startswith("awsenv: GITHUB_ENV is not set, which names the file for the format github\n")


def test_github_makes_no_file(world: World, tmp_path: Path) -> None:
    """A file that is not there is an error: only a runner makes and deletes one."""
    answer = world.run("read-only", "--shell", "github", GITHUB_ENV=str(tmp_path / "none"))

    assert 1 == answer.returncode
    assert f"awsenv: cannot write {tmp_path}/none: No such file or directory\n" in answer.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr"])
def test_github_writes_no_keys_to_the_log(path: str, world: World) -> None:
    """A path that is no file of a runner, such as the log of the job itself, gets nothing."""
    answer = world.command([world.program, "read-only", "--shell", "github", "--print"], GITHUB_ENV=path)

    assert 1 == answer.returncode
    assert f"awsenv: cannot write {path}: it is not a regular file\n" in answer.stderr
    assert {"::add-mask::"} == {line[:12] for line in answer.stdout.splitlines()}


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("{} --print >/dev/null", "stdout is /dev/null"),
        ('x="$({})"', "bash reads stdout, as in $(...)"),
    ],
)
def test_github_gets_no_keys_that_nothing_masks(world: World, job: Path, line: str, because: str) -> None:
    """If the masks do not reach the log, the file does not get the keys either."""
    line = line.format(f"{world.program} read-only --shell github")
    answer = world.command(["bash", "-c", line], GITHUB_ENV=str(job))

    assert (1, "MINE=1\n") == (answer.returncode, job.read_text())
    assert answer.stderr.startswith("awsenv: nothing was added to the file of GITHUB_ENV: ")
    assert f"\n  because  {because}\n" in answer.stderr


def test_github_gets_the_keys_whose_masks_reach_the_log(world: World, job: Path) -> None:
    """The runner reads what another command of the step prints on."""
    line = f"{world.program} read-only --shell github | cat; echo done"
    answer = world.command(["bash", "-c", line], GITHUB_ENV=str(job))

    assert 3 == answer.stdout.count("::add-mask::")
    assert "AWS_SECRET_ACCESS_KEY" in job.read_text()


def test_github_begins_a_line(world: World, job: Path) -> None:
    """The last line of the step may have no end, and stays what it is."""
    job.write_text("MINE=1")

    assert 0 == world.run("read-only", "--shell", "github", GITHUB_ENV=str(job)).returncode
    assert ["MINE=1", "AWS_ACCESS_KEY_ID<<AWSENV"] == job.read_text().splitlines()[:2]


def test_a_profile_of_the_job_is_refused(world: World, job: Path) -> None:
    """AWS tools would prefer the profile to the keys, and the file cannot unset it."""
    answer = world.run("read-only", "--shell", "github", GITHUB_ENV=str(job), AWS_PROFILE="default")

    assert (2, "", "MINE=1\n") == (answer.returncode, answer.stdout, job.read_text())
    assert "awsenv: the format github cannot unset AWS_PROFILE\n" in answer.stderr


def test_dotenv_goes_into_a_pipe(world: World) -> None:
    """As for `docker run --env-file <(awsenv use ROLE --shell dotenv)`."""
    answer = world.command(["bash", "-c", f"cat <({world.program} use read-only --shell dotenv)"])

    names = [line.partition("=")[0] for line in answer.stdout.splitlines()]
    assert ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] == names[:3]
    assert {"AWS"} == {name.partition("_")[0] for name in names}


@pytest.mark.parametrize("name", ["dotenv", "github"])
def test_no_format_goes_into_a_file_or_to_a_terminal(name: str, world: World, job: Path) -> None:
    """As for the other forms, unless `--print` says so."""
    line = f"{world.program} use read-only --shell {name}"
    into = world.command(["sh", "-c", f"{line} >{job}.out"], GITHUB_ENV=str(job))
    child = pexpect.spawn(
        "sh", ["-c", line], env=world.environ | {"GITHUB_ENV": str(job)}, encoding="utf-8", timeout=60
    )
    child.expect(pexpect.EOF)

    assert "the output, which may hold keys, would have gone to a file" in into.stderr
    assert "nothing was done: the keys would have been shown on the terminal" in " ".join(child.before.split())
    assert "MINE=1\n" == job.read_text()


@pytest.mark.parametrize("name", ["json", "dotenv", "github"])
@pytest.mark.parametrize("variable", ["bash", "json"])
def test_a_failure_prints_no_code_of_a_shell(name: str, variable: str, world: World) -> None:
    """What reads a format gets nothing if awsenv fails, whatever AWSENV_SHELL names."""
    answer = world.run("use", "no-such-role", f"--shell={name}", AWSENV_SHELL=variable)

    assert "" == answer.stdout
    assert 0 != answer.returncode


def test_a_failure_prints_the_code_of_the_shell_that_the_option_names(world: World) -> None:
    """The option beats AWSENV_SHELL in a failure, too: an eval of nothing would succeed."""
    answer = world.run("use", "no-such-role", "--shell", "bash", AWSENV_SHELL="json")

    assert "'/usr/bin/env' 'false';\n" == answer.stdout


def _active(world: World) -> dict[str, str]:
    """Return the variables of a shell in which read-only is active."""
    done = world.run("use", "read-only", "--shell", "json", "--print")
    return {name: value for name, value in json.loads(done.stdout).items() if value is not None}


def _dotenv(text: str) -> dict[str, str]:
    """Return the variables of the lines NAME=VALUE."""
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize("agent", [False, True])
def test_a_format_has_the_whole_role_where_the_caller_has_it(world: World, job: Path, *, agent: bool) -> None:
    """A container, a later step and a program may lack what the caller has: keys, regions and labels of the role."""
    if agent:
        assert 0 == world.run("login", world.device.code()).returncode
    active = _active(world)
    of_aws = {name for name in active if name.startswith("AWS_")}
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VAULT"} <= of_aws

    dotenv = world.run("use", "read-only", "--shell", "dotenv", **active)
    github = world.run("use", "read-only", "--shell", "github", **active, GITHUB_ENV=str(job))
    whole = world.run("use", "read-only", "--shell", "json", "--print", **active)

    assert (0, of_aws) == (dotenv.returncode, set(_dotenv(dotenv.stdout)))
    assert (0, of_aws) == (github.returncode, set(re.findall("^(AWS_.*)<<", job.read_text(), re.MULTILINE)))
    assert {*active} == {*json.loads(whole.stdout)}


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_format_has_the_region_that_the_caller_has(world: World, region: str) -> None:
    """Both regions are in the file, whichever of them the caller exports."""
    expected = {name: _active(world)[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}

    done = world.run("use", "read-only", "--shell", "dotenv", **{region: expected[region]})

    assert expected == {name: value for name, value in _dotenv(done.stdout).items() if name in expected}


def test_a_shell_gets_what_changes(world: World) -> None:
    """A shell has its own environment: the role that is active there already changes nothing."""
    assert 0 == world.run("login", world.device.code()).returncode
    active = _active(world)

    assert "" == world.run("use", "read-only", "--shell", "bash", "--print", **active).stdout
