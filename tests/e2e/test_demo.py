"""`awsenv demo`: a local AWS while it runs, and the user's own files untouched."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from awsenv.cli.demo import AwsCli

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Until, World
    from e2e.conftest import Terminal
    from spelling import Spelling

CTRL_C = "\x03"


@pytest.fixture
def own(environ: dict[str, str]) -> Callable[[], dict[Path, tuple[bytes, int]]]:
    """Return a function that reads the contents and times of the user's own AWS files."""
    folder = Path(environ["HOME"]) / ".aws"
    return lambda: {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture
def left(environ: dict[str, str]) -> Callable[[], list[Path]]:
    """Return a function that lists the temporary files."""
    return lambda: list(Path(environ["TMPDIR"]).iterdir())


def test_mfa_code_prints_one_line(world: World) -> None:
    """`mfa-code` prints one line, so that fish takes it for one word."""
    result = world.run("demo", "--", "mfa-code")

    assert re.fullmatch("[0-9]{6}\n", result.stdout)


def test_a_command_runs_beside_a_local_aws(
    world: World, environ: dict[str, str], own: Callable[[], object], left: Callable[[], object]
) -> None:
    """The demo returns the status of the command, and uses neither the files nor the environment of the user."""
    before = own()
    script = 'eval "$(awsenv power-user "$(mfa-code)")" && awsenv status --verify; awsenv list; exit 42'

    result = world.run("demo", "--", "bash", "-c", script, **environ | {"AWS_PROFILE": "mine"})

    assert (42, "") == (result.returncode, result.stderr)
    assert ":assumed-role/power-user/" in result.stdout
    assert world.sandbox.account not in result.stdout
    assert re.search("(?m)^  read-only ", result.stdout)
    assert world.actions() == []
    assert (before, []) == (own(), left())


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_the_commands_of_the_tour_work(
    shell: Spelling,
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    own: Callable[[], object],
    left: Callable[[], object],
    require: Callable[[str], str],
) -> None:
    """The commands of the tour work, the prompt shows the role, and the demo leaves nothing behind."""
    before = own()
    shell.furnish(Path(environ["HOME"]))
    demo = terminal(["awsenv", "demo"], environ | {"SHELL": require(shell.name)}, status=shell.status)

    tour = demo.prompt()
    assert ["mfa-code", "awsenv power-user"] == re.findall(r"^  (\S.*?)   ", tour, re.MULTILINE)[:2]
    (code,) = re.findall("[0-9]{6}", demo.run("mfa-code").partition("mfa-code")[2])
    demo.send("awsenv power-user\r")
    demo.see("MFA code")
    demo.send(f"{code}\r")
    assert "(demo)" in demo.prompt()
    assert "[power-user " in demo.run("awsenv status")
    assert ":assumed-role/power-user/" in demo.run("awsenv status --verify")
    demo.send("sh -c 'echo rea\"\"dy; exec sleep 60'\r")
    demo.see("ready")
    demo.send(CTRL_C)
    demo.prompt()
    demo.run("awsenv off")
    assert "[power-user " not in demo.run("true")
    assert "(demo)" in demo.run('awsenv login "$(mfa-code)"')
    assert "(demo)" in demo.run("awsenv exec read-only")
    demo.run("exit")

    assert demo.end("exit 3") == 3
    assert (before, []) == (own(), left())


EVERYTHING = """
set -eo pipefail
eval "$(awsenv init bash)"
eval "$(awsenv power-user "$(mfa-code)")"
aws sts get-caller-identity
awsenv off
awsenv login "$(mfa-code)"
awsenv power-user
awsenv status
awsenv off
awsenv exec power-user -- true
awsenv exec --refresh power-user -- aws ec2 describe-regions
echo '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}' >"$HOME/s3.json"
awsenv exec power-user --policy file://~/s3.json -- true
awsenv console power-user --print
awsenv credential-process power-user --print
awsenv token eks a-cluster power-user --print
awsenv list
awsenv list --json power
awsenv explain power-user
awsenv doctor
awsenv doctor power-user
awsenv doctor power-user --iam-profile admin
awsenv setup --profile admin
awsenv setup --profile admin --dry-run
awsenv setup --profile admin deploy:PowerUserAccess,mfa audit:SecurityAudit,mfa,external-id --dry-run
awsenv setup --user bob deploy:PowerUserAccess,mfa --dry-run
awsenv lock
awsenv logout
echo "nothing of it failed"
"""


def test_every_command_of_the_readme_works_in_the_demo(world: World, require: Callable[[str], str]) -> None:
    """No command fails, none speaks of an AWS other than that of the demo, and `doctor` warns of nothing."""
    require("aws")

    result = world.command([world.program, "demo", "--", "bash", "-c", EVERYTHING])

    assert (0, "nothing of it failed") == (result.returncode, result.stdout.splitlines()[-1]), result
    assert "Nothing to do: everything exists." in result.stdout
    assert "nothing is wrong; awsenv doctor ROLE checks a role" in result.stdout
    assert "power-user works\n" in result.stdout
    assert "unset" not in result.stdout.replace("Unsets", "")
    assert "this is awsenv demo" in result.stdout


def test_a_new_device_has_codes_and_setup_comes_to_its_end(
    environ: dict[str, str], terminal: Callable[..., Terminal], require: Callable[[str], str]
) -> None:
    """`setup` draws a QR code in the demo, and `mfa-code` knows the codes of the new device in any terminal."""
    demo = terminal(["awsenv", "demo"], environ | {"TERM": "xterm-256color", "SHELL": require("bash")})
    program, device = demo.see(r"  (/\S+/mfa-code) (\w+)").groups()
    demo.see(r"\(demo\) ")
    demo.send(f"awsenv setup --user {device} deploy:PowerUserAccess,mfa look:SecurityAudit\r")
    demo.see(r"Apply this plan\? \[y/N\] ")
    demo.send("y\r")
    demo.see("\N{UPPER HALF BLOCK}")
    for question in ("shows now: ", "30 seconds: "):
        demo.see(question)
        code = subprocess.run([program, device], capture_output=True, text=True, check=True).stdout
        demo.send(code.strip() + "\r")
    demo.see("Done\\.")
    # A role with a code would wait half a minute for the third one.
    demo.send("awsenv exec look -- awsenv status --verify\r")
    demo.see(":assumed-role/look/")


@pytest.mark.parametrize(
    ("version", "leaves"),
    [
        ("aws-cli/2.12.7 Python/3.11.4 Linux/6.1", True),
        ("aws-cli/2.0.0 Python/3.7.3 Linux/5.4", True),
        ("aws-cli/1.28.9 Python/3.8.10 Linux/5.4", True),
        ("aws-cli/1.0.0", True),
        ("aws-cli/2.13.0 Python/3.11.4 Linux/6.1", False),
        ("aws-cli/1.29.0 Python/3.8.10 Linux/5.4", False),
        ("aws-cli/1.46.3 Python/3.11.7 Linux/6.18", False),
        ("aws-cli/3.0.0", False),
        ("aws: command of another kind", False),
        ("", False),
    ],
)
def test_an_aws_cli_that_would_leave_the_demo_is_warned_of(
    environ: dict[str, str], tmp_path: Path, until: Until, version: str, *, leaves: bool
) -> None:
    """An AWS CLI that does not know AWS_ENDPOINT_URL is named with its version before the demo begins."""
    folder = tmp_path / "aws"
    folder.mkdir()
    (folder / "aws").write_text(f"#!/bin/sh\necho '{version}' >&2\n: >{folder}/shown\n")
    (folder / "aws").chmod(0o700)

    with AwsCli(environ | {"PATH": f"{folder}:/bin:/usr/bin"}) as aws_cli:
        until((folder / "shown").exists)
        facts = [note.fact for note in aws_cli.notes()]
    name = version.partition(" ")[0]
    fact = f"the AWS CLI here, {name}, ignores AWS_ENDPOINT_URL: its calls leave the demo for AWS"
    assert ([fact] if leaves else []) == facts


@pytest.mark.parametrize("folder", ["tmp", "long" * 30])
def test_the_demo_has_its_own_agent(
    world: World,
    environ: dict[str, str],
    folder: str,
    tmp_path: Path,
    until: Until,
    has_ended: Callable[[int], bool],
) -> None:
    """A login in the demo works with any TMPDIR and leaves the user's agent alone; its agent ends with the demo."""
    assert world.run("login", world.device.code()).returncode == 0
    (tmp_path / folder).mkdir(exist_ok=True)
    show = (
        "import os; from awsenv.agent import client;"
        "print(client.peer(client.connect(os.environ['AWSENV_RUNTIME_DIR'], 60))[1])"
    )
    script = f'awsenv login "$(mfa-code)" && awsenv exec power-user -- true && {sys.executable} -c "{show}"'

    result = world.run("demo", "--", "sh", "-c", script, **environ | {"TMPDIR": str(tmp_path / folder)})

    assert (0, "") == (result.returncode, result.stderr)
    session, agent = result.stdout.splitlines()
    assert session.startswith("MFA session of awsenv-demo ")
    until(lambda: has_ended(int(agent)))
    assert int(agent) != world.agent()
    assert world.run("exec", "power-user", "--", "true").stderr == ""
    assert list((tmp_path / folder).iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("what", ["command", "shell"])
def test_a_signal_ends_the_demo_and_its_processes(
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    own: Callable[[], object],
    left: Callable[[], object],
    require: Callable[[str], str],
    what: str,
    number: signal.Signals,
) -> None:
    """A signal leaves no process at the terminal and no temporary folder."""
    before = own()
    command = ["--", "sh", "-c", "echo ready; sleep 60; true"] if what == "command" else []
    demo = terminal(["awsenv", "demo", *command], environ | {"SHELL": require("bash"), "PS1": "ready "})
    demo.see("ready" if command else "[$#] ")

    demo.process.send_signal(number)

    assert demo.gone() == 130
    assert (before, []) == (own(), left())


def test_the_command_gets_ctrl_c(
    environ: dict[str, str], terminal: Callable[..., Terminal], left: Callable[[], object], reporter: list[str]
) -> None:
    """The command handles Ctrl-C, and the demo ends with the command."""
    demo = terminal(["awsenv", "demo", "--", *reporter], environ)
    demo.see("ready")

    demo.send(CTRL_C)

    assert demo.gone() == 7
    assert "bye" in demo.transcript
    assert left() == []


def test_the_command_can_clean_up_on_sigterm(
    program: str, environ: dict[str, str], left: Callable[[], object], reporter: list[str]
) -> None:
    """The demo forwards SIGTERM, and waits for the command."""
    with subprocess.Popen([program, "demo", "--", *reporter], env=environ, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == b"ready\n"
        demo.terminate()

        assert demo.stdout.read() == b"bye\n"
    assert demo.returncode == 130
    assert left() == []


def test_a_signal_while_the_command_starts_ends_the_command(
    program: str,
    environ: dict[str, str],
    until: Until,
    has_ended: Callable[[int], bool],
) -> None:
    """A signal that the command sends as its first act leaves no command running."""
    command = [program, "demo", "--", "sh", "-c", "echo $$; kill -TERM $PPID; exec sleep 600"]

    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True) as demo:
        assert demo.stdout is not None
        pid = int(demo.stdout.readline())

    assert 130 == demo.returncode
    until(lambda: has_ended(pid))


def test_a_closed_terminal_ends_the_demo(
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    left: Callable[[], object],
    require: Callable[[str], str],
) -> None:
    """The demo cleans up when its terminal closes."""
    demo = terminal(["awsenv", "demo"], environ | {"SHELL": require("bash")})
    demo.see("[$#] ")

    demo.hang_up()

    demo.process.wait(60)
    assert left() == []


def _runtime_distributions(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Return the distribution *name* and its dependencies, without extras."""
    if name not in found:
        found[name] = distribution(name)
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                _runtime_distributions(requirement.name, found)
    return found


def test_without_the_extra_the_demo_names_the_command_that_installs_it(environ: dict[str, str], tmp_path: Path) -> None:
    """An install without extras suggests the command that installs the extra."""
    folder = tmp_path / "plain"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for found in _runtime_distributions("awsenv-shell", {}).values():
        for top in {path.parts[0] for path in found.files or () if path.parts[0] not in {"..", "__pycache__"}}:
            if not (packages / top).exists():
                (packages / top).symlink_to(str(found.locate_file(top)))

    result = subprocess.run(
        [folder / "bin" / "python", "-m", "awsenv", "demo"], env=environ, capture_output=True, text=True, check=False
    )

    assert (2, "") == (result.returncode, result.stdout)
    assert re.fullmatch(
        r"awsenv: the demo needs the package moto, which is not installed\n"
        rf"  try      uv pip install --python {re.escape(str(folder))}/bin/python .*\[demo\].*\n",
        result.stderr,
    )
