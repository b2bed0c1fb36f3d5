"""The next steps of messages, done as they stand: what each says to do, by a pattern of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from awsenv.errors import Origin

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Bench:
    """A home with two files, and the environment of its user."""

    home: Path
    environ: dict[str, str]
    program: str

    @property
    def config(self) -> Path:
        """The config file."""
        return self.home / ".aws" / "config"

    def write(self, text: str) -> None:
        """Append to the config file."""
        self.config.write_text(self.config.read_text() + text)

    def edit(self, origin: Origin, change: Callable[[str], str]) -> None:
        """Change the line at an origin."""
        path = self.home / origin.name.removeprefix("~/")
        lines = path.read_text().split("\n")
        lines[origin.line - 1] = change(lines[origin.line - 1])
        path.write_text("\n".join(lines))

    def shell(self, command: str) -> None:
        """Run a command in a shell with the hook's meaning of `awsenv`, and keep its environment."""
        define = 'awsenv() { case $1 in off) eval "$(command awsenv off)";; *) command awsenv "$@";; esac; }'
        script = f"{define}\n{{ {command}\n}} >&2 || exit\nenv -0"
        done = subprocess.run(["bash", "-c", script], env=self.environ, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, (command, done.stderr)
        own = ("_", "SHLVL", "PWD", "OLDPWD")
        pairs = (pair.partition("=") for pair in done.stdout.split("\0") if pair)
        self.environ = {name: value for name, _, value in pairs if name not in own}


B = TypeVar("B", bound=Bench)
Step = Callable[[B, Origin, "re.Match[str]"], object]
"""Does what a next step says, in a bench, about what is at an origin."""

STEPS: Mapping[str, Step[Bench]] = {
    "(unset|export|chmod|kill) .*": lambda bench, _, hint: bench.shell(hint[0]),
    r"write (\[.*\]|\w+ = .*)": lambda bench, origin, hint: bench.edit(origin, lambda _: hint[1]),
}
"""The steps of every message."""


def follow(steps: Mapping[str, Step[B]], hint: str, bench: B, origin: Origin) -> None:
    """Do what *hint* says: exactly one of *steps* has its pattern."""
    ((step, match),) = ((step, match) for pattern, step in steps.items() if (match := re.fullmatch(pattern, hint)))
    step(bench, origin, match)
