"""What the hook reports, what stands in startup files where no hook does, and what is found of the agent."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import __version__, shells
from awsenv.agent import client, runtime_directory
from awsenv.cli.use import SHOWN
from awsenv.doctor.installation import LOADED, agent, hook
from awsenv.doctor.model import Finding, Verdict
from awsenv.errors import Origin
from awsenv.shells.base import SHARED, folder
from awsenv.variables import PROMPT
from spelling import BASH, SPELLINGS, ZSH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conftest import World

SHELLS = pytest.mark.parametrize("shell", SPELLINGS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with an awsenv in its `bin`."""
    folder = tmp_path / "home"
    install(folder / "bin" / "awsenv")
    return folder


def install(path: Path) -> None:
    """Make *path* a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def write(home: Path, name: str, text: str) -> None:
    """Write a file below *home*."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(home: Path, shell: str | None, more: Mapping[str, str] | None = None) -> list[Finding]:
    """Return the findings."""
    environ = {"HOME": str(home), "PATH": str(home / "bin"), **(more or {})}
    findings = list(hook(environ, shell, str(home / "bin" / "awsenv")))
    assert all(each.verdict is not Verdict.WRONG for each in findings)
    assert all(each.hints for each in findings if each.verdict is Verdict.WARNING)
    return findings


@SHELLS
def test_a_loaded_hook_and_its_prompt(home: Path, shell: str) -> None:
    """The doctor believes the hook, and reads no startup file."""
    findings = found(home, None, {LOADED: shell, PROMPT: "awsenv"})

    assert [("hook", f"it is loaded in this {shell}"), ("prompt", "the prompt shows the role and when it ends")] == [
        (each.check, each.fact) for each in findings
    ]


@SHELLS
def test_a_hook_that_did_not_run_can_be_loaded_again(home: Path, shell: str) -> None:
    """The next steps are the line that loads it, and the file that it belongs in."""
    _, finding = found(home, None, {LOADED: shell, PROMPT: "stopped"})

    spelling = SPELLINGS[shell]
    hints = (spelling.hook, f"keep the line that loads the hook the last of ~/{spelling.rc}")
    assert (Verdict.WARNING, hints) == (finding.verdict, finding.hints)


@pytest.mark.parametrize("state", ["", "gone"])
def test_a_state_that_is_not_known_is_no_finding(home: Path, state: str) -> None:
    """A hook of another version may report what this doctor does not know."""
    assert ["hook"] == [each.check for each in found(home, None, {LOADED: "bash", PROMPT: state})]


def test_each_state_that_a_hook_reports_is_known(home: Path) -> None:
    """The doctor has a fact for each, and `use`, which is silent where the prompt shows the role, knows no others."""
    reported = {
        state
        for file in Path(folder()).glob("awsenv.*")
        for state in re.findall(r"_AWSENV_PROMPT=([a-z][a-z0-9_-]*)", file.read_text())
    }

    for state in reported | SHOWN:
        assert ["hook", "prompt"] == [each.check for each in found(home, None, {LOADED: "bash", PROMPT: state})], state
    assert {"awsenv", "starship", "theme", "frozen"} <= reported


def test_the_shell_that_the_hook_names_wins(home: Path) -> None:
    """In a bash started from zsh, the hook of bash counts."""
    assert ["it is loaded in this bash"] == [each.fact for each in found(home, "zsh", {LOADED: "bash"})]


@SHELLS
def test_without_the_hook_the_line_that_loads_it_is_found(home: Path, shell: str) -> None:
    """Without the hook, as in a script, the doctor finds the line that loads it."""
    write(home, SPELLINGS[shell].rc, f"# mine\n\n{SPELLINGS[shell].hook}    # the hook\n")
    rc = SPELLINGS[shell].rc
    fact = f"~/{rc} loads it, but this call did not go through it: whether this shell has it is not known"
    hints = ("type awsenv doctor at a prompt",)

    assert [Finding("hook", Verdict.UNKNOWN, fact, (Origin(f"~/{rc}", 3),), hints)] == found(home, shell)


@SHELLS
def test_a_file_without_the_line_is_a_warning_with_the_command_that_adds_it(home: Path, shell: str) -> None:
    """The finding names the file and the command that adds the line, whether the file exists or not."""
    hint = f"awsenv init --line {shell} >> ~/{SPELLINGS[shell].rc}"
    (missing,) = found(home, shell)
    write(home, SPELLINGS[shell].rc, "alias ll='ls -l'\n")
    (without,) = found(home, shell)

    assert (Verdict.WARNING, (Origin(f"~/{SPELLINGS[shell].rc}"),), (hint,)) == (
        without.verdict,
        without.origins,
        without.hints,
    )
    assert without == missing


@pytest.mark.parametrize(
    "line",
    [
        'eval "$(~/.local/bin/awsenv init bash)"',
        'eval "$("$HOME/my tools/awsenv" init bash)"',
        "eval -- `awsenv init bash`",
        'command -v awsenv >/dev/null && eval "$(awsenv init bash)"',
        "source <(awsenv init bash)",
    ],
)
def test_every_spelling_of_the_line_is_found(home: Path, line: str) -> None:
    """Every spelling of the line that loads the hook is found."""
    write(home, ".bashrc", f"{line}\n")

    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, "bash")]


@SHELLS
def test_the_line_that_starts_no_process_is_found(home: Path, shell: str) -> None:
    """The doctor finds the line that `init` recommends where the hook is installed as a file."""
    _share(home, shell)
    line = shells.find(shell).load_from(f"{home}/bin/awsenv", {"HOME": str(home)})
    write(home, SPELLINGS[shell].rc, f"{line}\n")

    assert f"~/share/awsenv/awsenv.{shell}" in line
    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, shell, {"PATH": ""})]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (". ~/share/awsenv/awsenv.bash", ""),
        ('[ ! -r "$HOME/share/awsenv/awsenv.bash" ] || source "${HOME}/share/awsenv/awsenv.bash"; true', ""),
        ('source "$(brew --prefix)/share/awsenv/awsenv.bash"', ""),
        (". ~/gone/share/awsenv/awsenv.bash", "the file that this line loads is not there"),
        (". ~/old/share/awsenv/awsenv.bash", "this line loads the hook of another awsenv"),
        ("# . ~/share/awsenv/awsenv.bash", "~/.bashrc does not load it, so awsenv ROLE cannot change the shell"),
        ("it's . ~/share/awsenv/awsenv.bash", "~/.bashrc does not load it, so awsenv ROLE cannot change the shell"),
    ],
)
def test_the_file_that_a_line_loads_is_looked_at(home: Path, line: str, fact: str) -> None:
    """A file that is missing, or that is not the hook of this awsenv, is a warning."""
    _share(home, "bash")
    write(home, "old/share/awsenv/awsenv.bash", "# an older hook\n")
    write(home, ".bashrc", f"{line}\n")

    (finding,) = found(home, "bash")

    unseen = "~/.bashrc loads it, but this call did not go through it: whether this shell has it is not known"
    assert (fact or unseen) == finding.fact


def _share(home: Path, shell: str) -> None:
    """Install the hook of *shell* with the program of *home*."""
    name = shells.find(shell).file_name
    write(home, f"{SHARED}/{name}", (Path(folder()) / name).read_text())


@pytest.mark.parametrize(
    "line",
    [
        *("alias a=awsenv", "awsenv init-db bash", "myawsenv init bash", "awsenv list"),
        *(f"# {BASH.hook}", "true # awsenv init bash"),
    ],
)
def test_other_lines_that_name_awsenv_do_not_load_it(home: Path, line: str) -> None:
    """Comments and other commands of awsenv do not load the hook."""
    write(home, ".bashrc", f"{line}\n")

    assert [Verdict.WARNING] == [each.verdict for each in found(home, "bash")]


@pytest.mark.parametrize(
    ("shell", "variable", "name"), [("zsh", "ZDOTDIR", ".zshrc"), ("fish", "XDG_CONFIG_HOME", "fish/config.fish")]
)
def test_the_files_are_where_the_variables_say(
    home: Path, tmp_path: Path, shell: str, variable: str, name: str
) -> None:
    """A path outside of the home folder is shown in full."""
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, name, f"{SPELLINGS[shell].hook}\n")

    (finding,) = found(home, shell, {variable: str(elsewhere)})

    assert (Verdict.UNKNOWN, (Origin(f"{elsewhere}/{name}", 1),)) == (finding.verdict, finding.origins)


@SHELLS
def test_a_file_that_cannot_be_read_is_unknown(home: Path, shell: str) -> None:
    """If a startup file is a directory, the result is unknown."""
    (home / SPELLINGS[shell].rc).mkdir(parents=True)

    (finding,) = found(home, shell)

    assert (Verdict.UNKNOWN, (Origin(f"~/{SPELLINGS[shell].rc}"),)) == (finding.verdict, finding.origins)


def test_a_fifo_is_not_opened(home: Path) -> None:
    """The doctor does not open a FIFO, which would wait for a writer."""
    os.mkfifo(home / ".zshrc")

    assert [Verdict.WARNING] == [each.verdict for each in found(home, "zsh")]


def test_a_file_of_any_bytes_is_read(home: Path) -> None:
    """A startup file need not be UTF-8."""
    (home / ".zshrc").write_bytes(b"PS1=\xff\xfe\x00\r\n" + ZSH.hook.encode() + b"\r\n")

    assert [(Origin("~/.zshrc", 2),)] == [each.origins for each in found(home, "zsh")]


def test_nothing_of_a_line_but_its_origin_is_shown(home: Path) -> None:
    """No finding holds text of a startup file, which may hold a key."""
    write(home, ".zshrc", f"export TOKEN=canary; {ZSH.hook}\n")

    assert "canary" not in repr(found(home, "zsh"))


def test_another_awsenv_first_on_path_is_a_warning(home: Path, tmp_path: Path) -> None:
    """Another awsenv earlier on PATH is a warning that names both."""
    install(tmp_path / "venv" / "awsenv")
    more = {"PATH": f"{tmp_path}/none:{tmp_path}/venv:{home}/bin", LOADED: "zsh"}

    finding, hooked = found(home, "zsh", more)

    assert (Verdict.WARNING, Verdict.FINE) == (finding.verdict, hooked.verdict)
    assert f"the first awsenv on PATH is {tmp_path}/venv/awsenv, and this one is {home}/bin/awsenv" == finding.fact


def test_a_link_to_the_program_that_runs_is_the_same_program(home: Path, tmp_path: Path) -> None:
    """A link such as those of pipx and uv is not another awsenv."""
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "awsenv").symlink_to(home / "bin" / "awsenv")

    assert [Verdict.FINE] == [each.verdict for each in found(home, "zsh", {"PATH": f"{tmp_path}/links", LOADED: "zsh"})]


def test_a_line_that_does_not_find_awsenv_is_a_warning(home: Path) -> None:
    """A line that needs PATH is a warning without it; one with a full path is not."""
    write(home, ".zshrc", f"{ZSH.hook}\n")
    (finding,) = found(home, "zsh", {"PATH": "/nowhere"})
    assert "awsenv is not on PATH, where this line looks for it" == finding.fact

    write(home, ".zshrc", f'eval "$({home}/bin/awsenv init zsh)"\n')
    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, "zsh", {"PATH": "/nowhere"})]


@pytest.mark.parametrize(
    ("shell", "use"),
    [("rc", 'eval "$(awsenv ROLE)", or '), ("pwsh", "")],
)
def test_a_shell_without_a_hook_is_fine(home: Path, shell: str, use: str) -> None:
    """For a shell without a hook, the finding says what to use there."""
    (finding,) = hook({"HOME": str(home), "PATH": ""}, shell, "/bin/awsenv")

    assert Verdict.FINE is finding.verdict
    assert f"there is none for {shell}: use {use}awsenv exec ROLE" == finding.fact


def test_without_a_calling_shell_the_login_shell_counts(home: Path) -> None:
    """If no shell is known, the result is unknown."""
    write(home, ".zshrc", f"{ZSH.hook}\n")

    assert [(Origin("~/.zshrc", 1),)] == [each.origins for each in found(home, None, {"SHELL": "/usr/bin/zsh"})]
    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, None)]


def test_no_agent(world: World) -> None:
    """If none runs, the chain of the role decides what is said."""
    assert agent(world.environ) is None


def of_agent(environ: Mapping[str, str]) -> Finding:
    """Return the finding on an agent that runs or that cannot."""
    finding = agent(environ)
    assert finding is not None
    return finding


def test_an_agent_that_runs(world: World) -> None:
    """The finding names the runtime directory."""
    assert world.run("login", world.device.code()).returncode == 0
    finding = of_agent(world.environ)
    assert (Verdict.FINE, f"running, in {world.environ[runtime_directory.VARIABLE]}") == (
        finding.verdict,
        finding.fact,
    )


def test_a_dead_agent_is_a_warning(world: World, until: Callable[[Callable[[], object]], None]) -> None:
    """The next step starts another agent."""
    assert world.run("login", world.device.code()).returncode == 0
    pid = world.agent()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # Its first thread may have ended while another still holds the socket.
    until(lambda: world.agent() is None)
    finding = of_agent(world.environ)
    assert (Verdict.WARNING, ("awsenv login starts it again",)) == (finding.verdict, finding.hints)
    assert "the agent has died, and with it what it held" == finding.fact


def test_a_folder_that_is_open_to_others_is_a_warning(world: World) -> None:
    """The finding names a runtime directory that others can open."""
    folder = Path(world.environ[runtime_directory.VARIABLE])
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    finding = of_agent(world.environ)
    assert (
        Finding("agent", Verdict.WARNING, finding.fact, (Origin(str(folder)),), runtime_directory.ELSEWHERE) == finding
    )


def test_what_is_not_a_socket_is_a_warning(world: World) -> None:
    """The finding names a file that stands where the socket should be."""
    path = Path(world.environ[runtime_directory.VARIABLE], runtime_directory.SOCKET)
    path.parent.mkdir(mode=0o700)
    path.touch()
    finding = of_agent(world.environ)
    assert Finding("agent", Verdict.WARNING, finding.fact, (Origin(str(path)),), runtime_directory.ELSEWHERE) == finding


@pytest.mark.parametrize(
    "environ", [{"HOME": ""}, {runtime_directory.VARIABLE: "relative"}, {runtime_directory.VARIABLE: f"/{'x' * 120}"}]
)
def test_no_usable_runtime_directory_is_a_warning(environ: dict[str, str]) -> None:
    """Without a usable runtime directory no agent can run, which is a warning."""
    finding = of_agent(environ)
    assert Verdict.WARNING is finding.verdict
    assert runtime_directory.VARIABLE in finding.hints[-1]


def test_a_stuck_agent_is_a_warning(world: World) -> None:
    """The next steps end an agent that does not reply."""
    assert world.run("login", world.device.code()).returncode == 0
    pid = world.agent()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    finding = of_agent(world.environ)
    origins = (Origin(world.environ[runtime_directory.VARIABLE]),)
    hints = (f"kill -9 {pid}",)
    assert Finding("agent", Verdict.WARNING, f"the agent (process {pid}) is stuck", origins, hints) == finding


def test_an_agent_of_another_version_is_a_warning(world: World) -> None:
    """The finding names both versions, and the command that replaces the agent."""

    def run() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(len(ping), socket.MSG_WAITALL)
            connection.sendall(client.pack([b"version", b"0.0.9"]))

    ping = client.pack([client.VERSION, b"ping"])
    folder = Path(world.environ[runtime_directory.VARIABLE])
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / runtime_directory.SOCKET))
        listening.listen()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        finding = of_agent(world.environ)
        thread.join()
    assert Verdict.WARNING is finding.verdict
    assert f"the agent is of awsenv 0.0.9, this is {__version__}" == finding.fact
    assert ("awsenv login replaces it",) == finding.hints


def test_the_hook_that_nushell_reads_by_itself_is_found(home: Path) -> None:
    """The line of `init` writes the hook to a folder from which nushell loads it, and config.nu needs no line."""
    write(home, ".local/share/nushell/vendor/autoload/awsenv.nu", shells.find("nu").hook("/bin/awsenv"))

    assert [Verdict.UNKNOWN] == [each.verdict for each in hook({"HOME": str(home), "PATH": ""}, "nu", "/bin/awsenv")]
