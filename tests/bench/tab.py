"""What one Tab costs among 500 profiles: run it by hand, `python tests/bench/tab.py`. It prints a table and is no test.

It is the time of the processor that a shell takes for many Tabs, without what it takes for the first: on a busy machine
a clock would show what the others do. Bash and fish call the completion in a loop; zsh completes at a terminal alone,
so there a key is pressed each time. `bare` is a command with a fixed list of as many names: its time is that of the
shell itself.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

from awsenv import shells
from awsenv.cli import candidates

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parents[2] / "shell"
PROFILES, ROUNDS = 500, 41
ROLE = "role_arn = arn:aws:iam::123456789012:role/Administrator\nsource_profile = default\nregion = eu-central-1\n"
LINES = ("awsenv 0042", "bare 0042", "awsenv ", "bare ", "awsenv --reg")
"""A name, any name, and an option."""
NAMES = [f"{number:04}-production-administrator" for number in range(PROFILES)]
SHELLS = ("bash", "fish", "zsh")

BASH = r"""
_awsenv_folder={folder}; source {file}; COMP_LINE={line!r} COMP_POINT={point}
bare() {{ builtin compgen -W '{names}' -- "$2"; }}; awsenv() {{ _awsenv_complete "$@"; }}
for ((i = 0; i < {rounds}; i++)); do {command} {command} "${{COMP_LINE##* }}" ''; done"""
FISH = """
set -g _awsenv_folder {folder}; source {file}; complete -c bare -f -a '{names}'; complete -C {line!r} >/dev/null
set -l numbers (string repeat -n {rounds} x\\n | string split -n \\n)
for number in $numbers; complete -C {line!r} >/dev/null; end"""
ZSH = """PS1='> '; autoload -Uz compinit; compinit -u -D; setopt no_auto_list no_auto_menu
_awsenv_folder={folder}; source {file}
bare=({names}); bare=("${{(@)bare/%/:123456789012 Administrator eu-central-1}}")
counted() {{ if [[ $words[1] == bare ]]; then _describe -t roles role bare; else _awsenv; fi; echo >>{out} }}
compdef counted awsenv bare; echo rea''dy"""


def seconds(shell: str, line: str, environ: Mapping[str, str], rounds: int) -> float:
    """Return the seconds of the processor that *shell* takes for *rounds* Tabs behind *line*."""
    file = FOLDER / "completions" / shells.find(shell).completion_file
    before = _processor()
    if shell == "zsh":
        out = Path(environ["HOME"], "tabs")
        out.write_text("")
        child = pexpect.spawn("zsh", ["-f", "-i"], env=dict(environ), encoding="utf-8", dimensions=(50, 100))
        child.delaybeforesend = None
        rc = Path(environ["HOME"], "rc")
        rc.write_text(ZSH.format(folder=FOLDER, file=file, out=out, names=" ".join(NAMES)))
        child.sendline(f"source {rc}")
        child.expect("ready\r")
        for number in range(1, rounds + 1):
            child.send(f"{line}\t")
            while out.read_text().count("\n") < number:
                child.expect([".+", pexpect.TIMEOUT], timeout=0.05)
            child.send("\x15")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        child.close()
    else:
        values = {
            "folder": FOLDER,
            "file": file,
            "line": line,
            "point": len(line),
            "rounds": rounds,
            "names": " ".join(NAMES),
        }
        script = {"bash": BASH, "fish": FISH}[shell].format(command=line.split(maxsplit=1)[0], **values)
        bare = {"bash": ["--norc", "--noprofile"], "fish": ["--no-config"]}[shell]
        subprocess.run([shell, *bare, "-c", script], env=environ, stdout=subprocess.DEVNULL, check=True)
    return _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a row for each shell and line."""
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        Path(home, ".aws").mkdir()
        roles = (f"[profile {name}]\n{ROLE}" for name in NAMES)
        Path(home, ".aws", "config").write_text("".join(roles), encoding="utf-8")
        os.utime(Path(home, ".aws", "config"), (1e9, 1e9))
        candidates.refresh(environ, None, 2e9)
        before = _processor()
        for _ in range(ROUNDS):
            subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
        python = (_processor() - before) / ROUNDS
        sys.stdout.write(f"python -I -c pass takes {1000 * python:.1f} ms\n")
        sys.stdout.write("shell  line            ms   of python   (of the processor, for one Tab)\n")
        for shell in SHELLS:
            for line in LINES:
                most, none = (seconds(shell, line, environ, rounds) for rounds in (ROUNDS, 1))
                cost = (most - none) / (ROUNDS - 1)
                sys.stdout.write(f"{shell:5}  {line:12}  {1000 * cost:5.1f}  {cost / python:10.2f}\n")


if __name__ == "__main__":
    main()
