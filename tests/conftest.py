"""What every test may use: the program as it is installed, a clean environment, the shells, a local AWS."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

# A shell takes as long as the machine lets it; and what is found once shall be found again.
settings.register_profile("awsenv", deadline=None, derandomize=True)
settings.load_profile("awsenv")


@pytest.fixture(scope="session")
def program() -> str:
    """Return the path of the installed `awsenv`."""
    path = Path(sys.executable).with_name("awsenv")
    assert path.exists(), f"{path} is missing: install the project first, as the README says"
    return str(path)


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Return the path of a program; without it the test is skipped on a person's machine and fails in CI."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None and os.environ.get("CI"):
            pytest.fail(f"{name} is not installed")
        if path is None:
            pytest.skip(f"{name} is not installed")  # on a person's machine only: CI fails above
        return path

    return find


@pytest.fixture
def clean_environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with an empty home and nothing of AWS in it."""
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
