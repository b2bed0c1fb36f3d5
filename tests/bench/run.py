"""Compares the time that awsenv takes with that of other programs. Run it by hand: `python tests/bench/run.py`.

It prints tables and is not a test. Each program is installed into a venv of its own, on the same Python and with
bytecode. Each call is a process against one local AWS, directly or through a relay that makes it far. The calls take
turns, and a ratio compares two calls of the same round.
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
from many import show_many  # noqa: E402 - the same
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
    "held": ("Roles held by the agent", held_rows),
}
FAR = {"far-40": 0.04, "far-150": 0.15}
"""By table, the seconds of a round trip."""
AGENT, EACH, PROMPT = "agent", "each", "prompt"
TABLES = (*NEAR, *FAR, AGENT, EACH, PROMPT)


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description="Compare the time that awsenv takes with that of other programs.")
    parser.add_argument("--rounds", type=int, default=25, help="measured rounds (%(default)s)")
    parser.add_argument("--table", default="", help=f"only the tables that begin with this: {', '.join(TABLES)}")
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
            elif name == EACH:
                show_many(near)
            else:
                say("\nThe prompt")
                subprocess.run([sys.executable, str(HERE / "prompt.py")], check=True)
        say(", ".join(programs.versions()))


def _table(title: str, rows: list[Row], rounds: int) -> None:
    show(title, rows, measure(rows, rounds))


if __name__ == "__main__":
    main()
