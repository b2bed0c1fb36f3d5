"""What one Tab costs among 500 profiles: run it by hand, `python tests/bench/tab.py`. It prints a table and is no test.

A shell times its own completion, many times: the median is what is printed. Bash and fish call it in a loop; zsh
completes at a terminal alone, so there a key is pressed each time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

from awsenv.cli import names

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parents[2] / "shell" / "completions"
PROFILES, ROUNDS = 500, 51
ROLE = "role_arn = arn:aws:iam::123456789012:role/Administrator\nsource_profile = default\nregion = eu-central-1\n"
LINES = ("awsenv 0042", "awsenv ", "awsenv --reg")
"""A name, any name, and an option."""
BUDGET = {"bash": 10, "fish": 2, "zsh": 2}
"""Milliseconds, for a name."""

BASH = r"""
source {file}
micros() {{ now=${{EPOCHREALTIME/[.,]/}}; }}
COMP_LINE={line!r} COMP_POINT={point}
for ((i = 0; i < {rounds}; i++)); do
  micros; a=$now; _awsenv_complete awsenv "${{COMP_LINE##* }}" ''; micros; echo $((now - a))
done"""
FISH = """
source {file}
complete -C {line!r} >/dev/null
for i in (seq {rounds})
    set -l a (date +%s%N); set -l b (date +%s%N); complete -C {line!r} >/dev/null; set -l c (date +%s%N)
    math -s0 "($c - 2 * $b + $a) / 1000"
end"""
ZSH = """PS1='> '; autoload -Uz compinit; compinit -u -D; LISTMAX=9999; zmodload zsh/datetime; source {file}
timed() {{ float a=$EPOCHREALTIME; _awsenv; print $((1e6 * (EPOCHREALTIME - a))) >>{out}; zle send-break }}
compdef timed awsenv; echo rea''dy"""


def microseconds(shell: str, line: str, environ: Mapping[str, str]) -> list[float]:
    """Return what each of some Tabs behind *line* takes in *shell*."""
    file = FOLDER / {"bash": "awsenv.bash", "zsh": "_awsenv", "fish": "awsenv.fish"}[shell]
    if shell == "zsh":
        out = Path(environ["HOME"], "times")
        out.write_text("")
        child = pexpect.spawn("zsh", ["-f", "-i"], env=dict(environ), encoding="utf-8", dimensions=(50, 100))
        child.delaybeforesend = None
        child.sendline(ZSH.format(file=file, out=out))
        child.expect("ready\r")
        for number in range(1, ROUNDS + 1):
            child.send(f"{line}\t")
            while out.read_text().count("\n") < number:
                child.expect([".+", pexpect.TIMEOUT], timeout=0.01)
        child.close(force=True)
        return [float(each) for each in out.read_text().split()]
    script = {"bash": BASH, "fish": FISH}[shell].format(file=file, line=line, point=len(line), rounds=ROUNDS)
    bare = {"bash": ["--norc", "--noprofile"], "fish": ["--no-config"]}[shell]
    done = subprocess.run([shell, *bare, "-c", script], env=environ, capture_output=True, check=True, text=True)
    return [float(each) for each in done.stdout.split()]


def main() -> None:
    """Print a row for each shell and line."""
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        Path(home, ".aws").mkdir()
        roles = (f"[profile {number:04}-production-administrator]\n{ROLE}" for number in range(PROFILES))
        Path(home, ".aws", "config").write_text("".join(roles), encoding="utf-8")
        os.utime(Path(home, ".aws", "config"), (1e9, 1e9))
        names.refresh(environ, None, 2e9)
        sys.stdout.write("shell  line            ms   budget   (median of one Tab)\n")
        for shell, budget in BUDGET.items():
            for line in LINES:
                cost = statistics.median(microseconds(shell, line, environ)) / 1000
                sys.stdout.write(f"{shell:5}  {line:12}  {cost:5.1f}  {budget:6}\n")


if __name__ == "__main__":
    main()
