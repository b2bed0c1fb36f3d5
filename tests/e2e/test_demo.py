"""`awsenv demo`: a local AWS for as long as it runs, and nothing of the person's own touched."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from e2e.conftest import Spelling, Terminal

CTRL_C = "\x03"


@pytest.fixture
def own(environ: dict[str, str]) -> Callable[[], dict[Path, tuple[bytes, int]]]:
    """Return what tells the bytes and the times of the person's own AWS files."""
    folder = Path(environ["HOME"]) / ".aws"
    return lambda: {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture
def left(environ: dict[str, str]) -> Callable[[], list[Path]]:
    """Return what tells the temporary files that are there."""
    return lambda: list(Path(environ["TMPDIR"]).iterdir())


def test_a_code_is_one_line(world: World) -> None:
    """Give fish, which makes a word of each line, one word."""
    answer = world.run("demo", "--", "mfa-code")

    assert re.fullmatch("[0-9]{6}\n", answer.stdout)


def test_a_command_runs_beside_a_local_aws(
    world: World, environ: dict[str, str], own: Callable[[], object], left: Callable[[], object]
) -> None:
    """Hand down the status of the command; leave the person's own AWS alone, in the files and in the environment."""
    before = own()
    script = 'eval "$(awsenv power-user "$(mfa-code)")" && awsenv status --verify; awsenv list; exit 42'

    answer = world.run("demo", "--", "bash", "-c", script, **environ | {"AWS_PROFILE": "mine"})

    assert (42, "") == (answer.returncode, answer.stderr)
    assert ":assumed-role/power-user/" in answer.stdout
    assert world.sandbox.account not in answer.stdout
    assert re.search("(?m)^read-only ", answer.stdout)
    assert world.actions() == []
    assert (before, []) == (own(), left())


def test_a_demo_shell_is_toured_and_gone(
    shell: Spelling,
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    own: Callable[[], object],
    left: Callable[[], object],
    require: Callable[[str], str],
) -> None:
    """Show the tour, let a person type what it says, with the role in the prompt, and leave nothing behind."""
    before = own()
    shell.furnish(Path(environ["HOME"]))
    demo = terminal(["awsenv", "demo"], environ | {"SHELL": require(shell.name)}, status=shell.status)

    tour = demo.prompt()
    typed = re.search('(awsenv login "\\$\\(mfa-code\\)") .*(awsenv power-user) ', tour, re.DOTALL)
    assert typed, tour
    for line in typed.groups():
        demo.run(line)
    assert "[power-user " in demo.run("awsenv status")
    assert ":assumed-role/power-user/" in demo.run("awsenv status --verify")
    demo.send("sh -c 'echo rea\"\"dy; exec sleep 60'\r")
    demo.see("ready")
    demo.send(CTRL_C)
    demo.prompt()
    demo.run("awsenv off")
    assert "[power-user " not in demo.run("true")

    assert demo.end("exit 3") == 3
    assert (before, []) == (own(), left())


@pytest.mark.parametrize("folder", ["tmp", "long" * 30])
def test_the_agent_of_a_demo_is_its_own_and_ends_with_it(
    world: World,
    environ: dict[str, str],
    folder: str,
    tmp_path: Path,
    until: Callable[[Callable[[], object]], None],
    has_ended: Callable[[int], bool],
) -> None:
    """Log in there, whatever TMPDIR is, and find the person's own agent as it was."""
    assert world.run("login", world.device.code()).returncode == 0
    (tmp_path / folder).mkdir(exist_ok=True)
    show = (
        "import os, time; from awsenv.agent import client, protocol;"
        "print(protocol.peer(client.connect(os.environ['AWSENV_RUNTIME_DIR'], time.monotonic() + 60))[1])"
    )
    script = f'awsenv login "$(mfa-code)" && awsenv exec power-user -- true && {sys.executable} -c "{show}"'

    answer = world.run("demo", "--", "sh", "-c", script, **environ | {"TMPDIR": str(tmp_path / folder)})

    assert (0, "") == (answer.returncode, answer.stderr)
    session, agent = answer.stdout.splitlines()
    assert session.startswith("MFA session of alice ")
    until(lambda: has_ended(int(agent)))
    assert int(agent) != world.agent()
    assert world.run("exec", "power-user", "--", "true").stderr == ""
    assert list((tmp_path / folder).iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("what", ["command", "shell"])
def test_a_signal_ends_the_demo_and_all_in_it(
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    own: Callable[[], object],
    left: Callable[[], object],
    require: Callable[[str], str],
    what: str,
    number: signal.Signals,
) -> None:
    """Leave no process at the terminal and no temporary folder."""
    before = own()
    command = ["--", "sh", "-c", "echo ready; sleep 60; true"] if what == "command" else []
    demo = terminal(["awsenv", "demo", *command], environ | {"SHELL": require("bash"), "PS1": "ready "})
    demo.see("ready" if command else "[$#] ")

    demo.process.send_signal(number)

    assert demo.gone() == 130
    assert (before, []) == (own(), left())


def test_ctrl_c_is_the_commands(
    environ: dict[str, str], terminal: Callable[..., Terminal], left: Callable[[], object], reporter: list[str]
) -> None:
    """Let the command decide what Ctrl-C means, and end when it does."""
    demo = terminal(["awsenv", "demo", "--", *reporter], environ)
    demo.see("ready")

    demo.send(CTRL_C)

    assert demo.gone() == 7
    assert "bye" in demo.transcript
    assert left() == []


def test_a_command_that_is_asked_to_end_may_clean_up(
    program: str, environ: dict[str, str], left: Callable[[], object], reporter: list[str]
) -> None:
    """Hand SIGTERM on, and wait for the command."""
    with subprocess.Popen([program, "demo", "--", *reporter], env=environ, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == b"ready\n"
        demo.terminate()

        assert demo.stdout.read() == b"bye\n"
    assert demo.returncode == 130
    assert left() == []


def test_a_demo_that_must_end_while_its_command_starts_ends_the_command(
    program: str,
    environ: dict[str, str],
    until: Callable[[Callable[[], object]], None],
    has_ended: Callable[[int], bool],
) -> None:
    """Leave no command running when the signal comes as soon as it can: from the command's own first act."""
    command = [program, "demo", "--", "sh", "-c", "echo $$; kill -TERM $PPID; exec sleep 600"]

    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True) as demo:
        assert demo.stdout is not None
        pid = int(demo.stdout.readline())

    assert 130 == demo.returncode
    until(lambda: has_ended(pid))


def test_a_terminal_that_is_gone_ends_the_demo(
    environ: dict[str, str],
    terminal: Callable[..., Terminal],
    left: Callable[[], object],
    require: Callable[[str], str],
) -> None:
    """Clean up when the window is closed."""
    demo = terminal(["awsenv", "demo"], environ | {"SHELL": require("bash")})
    demo.see("[$#] ")

    demo.hang_up()

    demo.process.wait(60)
    assert left() == []


def _runtime_distributions(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Return the distribution *name* and all that it needs, without any extra."""
    if name not in found:
        found[name] = distribution(name)
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                _runtime_distributions(requirement.name, found)
    return found


def test_without_the_extra_the_demo_says_what_to_install(environ: dict[str, str], tmp_path: Path) -> None:
    """Name the command that installs it, in an environment that holds what a plain install brings and no more."""
    folder = tmp_path / "plain"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for found in _runtime_distributions("awsenv-shell", {}).values():
        for top in {path.parts[0] for path in found.files or () if path.parts[0] not in {"..", "__pycache__"}}:
            if not (packages / top).exists():
                (packages / top).symlink_to(str(found.locate_file(top)))

    answer = subprocess.run(
        [folder / "bin" / "python", "-m", "awsenv", "demo"], env=environ, capture_output=True, text=True, check=False
    )

    assert (2, "") == (answer.returncode, answer.stdout)
    assert re.fullmatch(
        r"awsenv: the demo needs the package '\w+', which is not installed\n"
        r"  try      pip install 'awsenv-shell\[demo\]'\n",
        answer.stderr,
    )
