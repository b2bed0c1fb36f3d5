"""What a prompt costs: run it by hand on Linux, `python tests/bench/prompt.py [KUBE_PS1]`. It prints a table.

Each shell draws prompts at a terminal: without the hook, with it, and with a role. The numbers are the processor time
of the shell, which depends little on what else the machine does, and what the hook adds to it. Beside them stand
starship, if it is on the PATH, and kube-ps1, if the argument names its file: they start processes, whose time counts.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

if TYPE_CHECKING:
    from spelling import Row

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "shell"), str(TESTS)]

ROUNDS = 5
PROMPTS = 40
"""Prompts a round: the clock of what processes a shell has started ticks a hundred times a second."""

_TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")


def processor_time(pid: int, *, children: bool) -> float:
    """Return the microseconds that a process has run, with what it has started if *children*."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    own = sum(int(thread.read_text().split()[0]) for thread in threads) / 1000
    if children:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own += (int(fields[13]) + int(fields[14])) * _TICK
    return own


def prompt_time(row: Row, *lines: str, role: bool = False, children: bool = False) -> float:
    """Return the microseconds of one prompt of the shell *row*, with these lines in its startup file."""
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
        rounds = []
        for number in range(ROUNDS):
            before = processor_time(child.pid, children=children)
            for prompt in range(PROMPTS):
                terminal.run(f"echo {number} {prompt}")
            rounds.append((processor_time(child.pid, children=children) - before) / PROMPTS)
        child.close(force=True)
    # Of the first round, a part is spent on what happens once.
    return statistics.median(rounds[1:])


def main(kube_ps1: str | None = None) -> None:
    """Print a row for each shell, and for each prompt tool in bash."""
    sys.stdout.write("| shell | a prompt | + hook, no role | + role |   (microseconds of the processor, median)\n")
    shells = import_module("spelling").ROWS
    for row in shells.values():
        if shutil.which(row.program or row.name) is None:
            sys.stdout.write(f"| {row.name} | is not installed |\n")
            continue
        bare = prompt_time(row)
        idle, active = (prompt_time(row, row.hook, role=role) for role in (False, True))
        sys.stdout.write(f"| {row.name} | {bare:.0f} | {idle - bare:.0f} | {active - bare:.0f} |\n")
        sys.stdout.flush()
    bash = shells["bash"]
    bare = prompt_time(bash, children=True)
    config = TESTS.parent / "shell/prompts/starship.toml"
    peers = {"kube-ps1": f"source {kube_ps1}; PS1='$(kube_ps1) '$PS1"} if kube_ps1 else {}
    if shutil.which("starship"):
        # Its prompt ends as ours does.
        show = "PROMPT_COMMAND+=\"; PS1+='0:\\#> '\""
        peers["starship"] = f'export STARSHIP_CONFIG={config}; eval "$(starship init bash)"; {show}'
        only = "printf 'format = \"$aws\"\\n' >~/aws.toml; export STARSHIP_CONFIG=~/aws.toml"
        peers["starship, its module aws alone"] = f'{only}; eval "$(starship init bash)"; {show}'
    for name, line in peers.items():
        cost = prompt_time(bash, line, role=True, children=True) - bare
        sys.stdout.write(f"| {name} (bash) | {bare:.0f} | | {cost:.0f} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
