"""What the prompt hooks cost: run it by hand, `python tests/bench/prompt.py`. It prints a table and is no test.

Each shell runs its own hook in a loop, with the loop's own cost taken off, and in several rounds: the median of the
rounds is what is printed. A fork would show as a thousand microseconds.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOOKS = Path(__file__).resolve().parents[2] / "shell"
ROUNDS = 101


@dataclass(frozen=True)
class Loop:
    """A loop of prompts in one shell."""

    argv: Sequence[str]
    """Runs the script in the next argument without an rc file."""
    role: str
    """Makes a role active that ends at {expires}."""
    script: str
    """Prints the microseconds of one prompt, a line for each round. {role} makes a role active, or does not."""
    prompts: int
    """Prompts a round: a few milliseconds, so that most rounds are not interrupted on a busy machine."""
    budget: int
    """Microseconds a prompt, with a role active."""


LOOPS = {
    "bash": Loop(
        argv=["bash", "--norc", "--noprofile", "-c"],
        role="export AWSENV_LABEL=power-user AWSENV_EXPIRES_EPOCH={expires} AWSENV_RENEW=1",
        script=r"""
        {role}; set +m; source {hook}; PS1='\u@\h \w \$ '
        idle() {{ return $?; }}
        micros() {{ now=${{EPOCHREALTIME/[.,]/}}; }}
        for ((round = 0; round < {rounds}; round++)); do
          micros; a=$now; for ((i = 0; i < {prompts}; i++)); do idle; done
          micros; b=$now; for ((i = 0; i < {prompts}; i++)); do _awsenv_prompt; done
          micros; echo $(((now - b - (b - a)) * 1000 / {prompts}))
        done""",
        prompts=200,
        budget=25,
    ),
    "zsh": Loop(
        argv=["zsh", "-f", "-c"],
        role="export AWSENV_LABEL=power-user AWSENV_EXPIRES_EPOCH={expires} AWSENV_RENEW=1",
        script=r"""
        {role}; zmodload zsh/datetime; source {hook}; PROMPT='%n@%m %~ %# '
        idle() {{ return $?; }}
        typeset -F a b c
        for ((round = 0; round < {rounds}; round++)); do
          a=$EPOCHREALTIME; for ((i = 0; i < {prompts}; i++)); do idle; done
          b=$EPOCHREALTIME; for ((i = 0; i < {prompts}; i++)); do _awsenv_prompt; done
          c=$EPOCHREALTIME; printf '%d\n' $(((c - b - (b - a)) * 1e9 / {prompts}))
        done""",
        prompts=200,
        budget=25,
    ),
    "fish": Loop(
        argv=["fish", "--no-config", "--interactive", "-c"],
        role="set -gx AWSENV_LABEL power-user; set -gx AWSENV_EXPIRES_EPOCH {expires}; set -gx AWSENV_RENEW 1",
        script=r"""
        {role}; source {hook}
        function fish_prompt; echo -n '$ '; end
        function before; set -l shown (fish_prompt); end
        function after; __awsenv_refresh; set -l shown (fish_prompt); end
        set -l numbers (seq {prompts})
        for round in (seq {rounds})
            functions -e fish_prompt; function fish_prompt; echo -n '$ '; end
            set -l a (date +%s%N); for i in $numbers; before; end
            set -l b (date +%s%N); set -e __awsenv_drawn; for i in $numbers; after; end
            set -l c (date +%s%N); math -s0 "($c - 2 * $b + $a)" / {prompts}
        end""",
        prompts=50,
        budget=300,
    ),
}


def nanoseconds(shell: str, *, active: bool) -> float:
    """Return the median cost of one prompt in *shell*, in nanoseconds."""
    loop = LOOPS[shell]
    role = loop.role.format(expires=int(time.time()) + 600) if active else "true"
    script = loop.script.format(role=role, hook=HOOKS / f"awsenv.{shell}", rounds=ROUNDS, prompts=loop.prompts)
    answer = subprocess.run([*loop.argv, script], capture_output=True, check=True, text=True, stdin=subprocess.DEVNULL)
    return statistics.median(float(line) for line in answer.stdout.split())


def main() -> None:
    """Print a row for each shell that has a hook."""
    sys.stdout.write("shell   no role   role active   budget   (microseconds a prompt, median)\n")
    for shell in sorted(path.suffix[1:] for path in HOOKS.glob("awsenv.*")):
        if shutil.which(shell) is None:
            sys.stdout.write(f"{shell:5}   is not installed\n")
            continue
        idle, active = (nanoseconds(shell, active=active) / 1000 for active in (False, True))
        sys.stdout.write(f"{shell:5}  {idle:8.1f}  {active:12.1f}  {LOOPS[shell].budget:7}\n")


if __name__ == "__main__":
    main()
