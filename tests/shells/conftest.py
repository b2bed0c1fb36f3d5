"""The programs that the shells of awsenv run as, and how each evaluates code."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.shells.base import Posix
from awsenv.shells.json import Data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from awsenv.shells.base import Shell

RESTRICTED = {"rbash", "rzsh"}
"""Restricted shells, which forbid redirections and so cannot evaluate a change."""

PROGRAMS = [
    (shell, name)
    for shell in shells.every()
    if shell.evaluate and not isinstance(shell, Data)
    for name in (shell.name, *shell.also)
    if name == shell.name or (shutil.which(name) and name not in RESTRICTED)
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for each installed shell if it takes *shell* and *name*; with *posix*, for those of that family.

    With *distinct*, a program with several names counts once.
    """
    rows = PROGRAMS
    if "posix" in metafunc.fixturenames:
        rows = [row for row in PROGRAMS if isinstance(row[0], Posix)]
        metafunc.parametrize(("posix", "name"), rows, ids=[name for _, name in rows])
    elif "distinct" in metafunc.fixturenames:
        files = {os.path.realpath(shutil.which(name) or name): (shell, name) for shell, name in rows}
        metafunc.parametrize(("distinct", "name"), files.values(), ids=[name for _, name in files.values()])
    elif {"shell", "name"} <= {*metafunc.fixturenames}:
        metafunc.parametrize(("shell", "name"), rows, ids=[name for _, name in rows])


@pytest.fixture
def programs() -> Sequence[tuple[Shell, str]]:
    """Return every shell that evaluates code, by each name that is installed."""
    return PROGRAMS


@pytest.fixture
def evaluate(tmp_path: Path, require: Callable[[str], str]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Return a function that makes a shell evaluate code as its users do, between two parts of a script."""

    def run(
        shell: Shell, name: str, code: str, *, before: str = "", after: str = "", environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "code").write_text(code, encoding="ascii")
        words = [require(name), *(["ash"] if name == "busybox" else [])]
        script = "\n".join([before, shell.evaluate.format("cat code") + after])
        return subprocess.run(
            [*words, "-c", script],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | dict(environ),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    return run
