"""What a prompt costs: run it by hand on Linux, `python tests/bench/prompt.py [KUBE_PS1]`. It prints a table.

Each shell draws prompts at a terminal: without the hook, with it, and with a role. The numbers are the processor time
of the shell, which depends little on what else the machine does, and what the hook adds to it. Beside them stand
starship, if it is on the PATH, and kube-ps1, if the argument names its file: they start processes, whose time counts.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spelling import Row

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "shell"), str(TESTS)]

ROUNDS = 12
PROMPTS = 10
"""Prompts a round. What processes a shell has started is counted in hundredths of a second."""

_TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")

Terminal = Any
"""A terminal of tests/shell/conftest.py."""


def processor_time(pid: int, *, children: bool) -> float:
    """Return the microseconds that a process has run, with what it has started if *children*."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    own = sum(int(thread.read_text().split()[0]) for thread in threads) / 1000
    if children:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own += (int(fields[13]) + int(fields[14])) * _TICK
    return own


@contextmanager
def opened(row: Row, *lines: str, role: bool = False) -> Iterator[Terminal]:
    """Open a terminal with the shell *row*, with these lines in its startup file."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if row.program:
            (home / row.name).symlink_to(shutil.which(row.program) or row.program)
            path = f"{name}{os.pathsep}{path}"
        rc = home / row.rc
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text("\n".join((row.prompt, *lines, "")))
        (home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
        environ = {"HOME": name, "PATH": path, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environ |= {key: value.format(rc) for key, value in row.environ.items()}
        if role:
            environ |= {"AWSENV_LABEL": "power-user", "AWSENV_ROLE": "power-user", "AWS_VAULT": "power-user"}
            environ |= {"AWSENV_EXPIRES_EPOCH": str(int(time.time()) + 3000), "AWS_ACCESS_KEY_ID": "example"}
        child = pexpect.spawn(row.name, env=environ, cwd=name, dimensions=(50, 80), timeout=60)
        child.delaybeforesend = None
        terminal = import_module("conftest").Terminal(child)
        terminal.wait()
        yield terminal
        child.close(force=True)


def prompt_times(*terminals: Terminal, children: bool = False) -> list[float]:
    """Return the microseconds of one prompt in each of these terminals, which take turns: the least of the rounds."""
    rounds: list[list[float]] = [[] for _ in terminals]
    for number in range(ROUNDS):
        for terminal, times in zip(terminals, rounds, strict=True):
            before = processor_time(terminal.child.pid, children=children)
            for prompt in range(PROMPTS):
                terminal.run(f"echo {number} {prompt}")
            times.append((processor_time(terminal.child.pid, children=children) - before) / PROMPTS)
    return [min(times) for times in rounds]


def main(kube_ps1: str | None = None) -> None:
    """Print a row for each shell, and for each prompt tool in bash."""
    sys.stdout.write("| shell | a prompt | + hook, no role | + role |   (microseconds of the processor)\n")
    shells = import_module("spelling").ROWS
    for row in shells.values():
        if shutil.which(row.program or row.name) is None:
            sys.stdout.write(f"| {row.name} | is not installed |\n")
            continue
        with opened(row) as bare, opened(row, row.hook) as idle, opened(row, row.hook, role=True) as active:
            times = prompt_times(bare, idle, active)
        sys.stdout.write(f"| {row.name} | {times[0]:.0f} | {times[1] - times[0]:.0f} | {times[2] - times[0]:.0f} |\n")
        sys.stdout.flush()
    peers = {"kube-ps1": f"source {kube_ps1}; PS1='$(kube_ps1) '$PS1"} if kube_ps1 else {}
    if shutil.which("starship"):
        # Its prompt ends as that of the tests does.
        load = """eval "$(starship init bash)"; PROMPT_COMMAND+="; PS1+='0:\\#> '\""""
        config = TESTS.parent / "shell/prompts/starship.toml"
        peers["starship"] = f"export STARSHIP_CONFIG={config}; {load}"
        only = """printf 'format = "$aws"\\n' >~/aws.toml; export STARSHIP_CONFIG=~/aws.toml"""
        peers["starship, its module aws alone"] = f"{only}; {load}"
    bash = shells["bash"]
    for name, line in peers.items():
        with opened(bash) as bare, opened(bash, line, role=True) as active:
            times = prompt_times(bare, active, children=True)
        sys.stdout.write(f"| {name} (bash) | {times[0]:.0f} | | {times[1] - times[0]:.0f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
