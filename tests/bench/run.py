"""What awsenv costs beside what one would use in its place: run it by hand, `python tests/bench/run.py`.

It prints tables and is no test. Each program is installed cleanly, with bytecode, into a venv of its own on the same
Python; each call is a process of its own against one local AWS, which is near, or far behind a relay. The calls take
turns, and a ratio is that of two calls of the same round.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from far import far_rows  # noqa: E402 - it needs the path
from near import code_rows, held_rows, printing_rows, role_rows, start_rows  # noqa: E402
from resident import show_agent  # noqa: E402
from table import measure, say, show  # noqa: E402
from world import Programs, furnished  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from table import Row
    from world import World

NEAR: dict[str, tuple[str, Callable[[World], list[Row]]]] = {
    "role": ("A role without MFA", role_rows),
    "code": ("A role with an MFA code and an external id", code_rows),
    "printing": ("No call of AWS", printing_rows),
    "start": ("The start of a shell", start_rows),
    "held": ("Answered by the agent", held_rows),
}
FAR = {"far-40": 0.04, "far-150": 0.15}
"""Seconds of a round trip."""
AGENT, PROMPT = "agent", "prompt"
TABLES = (*NEAR, *FAR, AGENT, PROMPT)


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description="What awsenv costs beside what one would use in its place.")
    parser.add_argument("--rounds", type=int, default=25, help="rounds that count (%(default)s)")
    parser.add_argument("--table", default="", help=f"only the tables that begin so: {', '.join(TABLES)}")
    parser.add_argument("--programs", type=Path, help="a folder that keeps the other programs for the next run")
    options = parser.parse_args()
    chosen = [name for name in TABLES if name.startswith(options.table)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awsenv-bench-")))
        programs = Programs((options.programs or folder / "programs").absolute())
        near = stack.enter_context(furnished(programs, folder / "near"))
        far = stack.enter_context(furnished(programs, folder / "far", tls=True))
        say(f"Python {sys.version.split()[0]}; {options.rounds} rounds")
        for name in chosen:
            if name in NEAR:
                title, rows_of = NEAR[name]
                _table(title, rows_of(near), options.rounds)
            elif name in FAR:
                with far.at(FAR[name]) as world:
                    title = f"TLS, a round trip of {FAR[name] * 1000:g} ms"
                    _table(title, far_rows(world), options.rounds)
            elif name == AGENT:
                show_agent(near)
            else:
                say("\nThe prompt")
                subprocess.run([sys.executable, str(HERE / "prompt.py")], check=True)
        say(", ".join(programs.versions()))


def _table(title: str, rows: list[Row], rounds: int) -> None:
    show(title, rows, measure(rows, rounds))


if __name__ == "__main__":
    main()
