"""The cache of sign-ins: an entry is replaced as a whole, and only by what follows from it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path


def test_an_entry_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Make no file for a user who is not signed in."""
    with ExitStack() as until:
        tokens = Tokens(tmp_path, until)
        with pytest.raises(KeyError):
            tokens["a"]
        tokens["a"] = {"accessToken": "canary"}

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("now", [None, '{"accessToken": "newer"}'])
def test_an_entry_that_has_changed_is_left_alone(tmp_path: Path, now: str | None) -> None:
    """Undo neither a sign-out nor another sign-in."""
    path = tmp_path / "a.json"
    path.write_text('{"accessToken": "old"}')
    with ExitStack() as until:
        tokens = Tokens(tmp_path, until)
        assert "old" == tokens["a"]["accessToken"]
        path.unlink() if now is None else path.write_text(now)
        tokens["a"] = {"accessToken": "refreshed"}

    assert now == (path.read_text() if path.exists() else None)


@pytest.mark.parametrize("content", ["", "canary", "[]", '"canary"', "\xff"])
def test_other_content_is_no_entry(tmp_path: Path, content: str) -> None:
    """Ignore a file that holds something else."""
    (tmp_path / "a.json").write_text(content, encoding="latin-1")
    with ExitStack() as until:
        assert "a" not in Tokens(tmp_path, until)


def test_an_entry_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Keep its name, and make it readable by its owner alone."""
    path = tmp_path / "a.json"
    path.write_text('{"accessToken": "old"}')
    path.chmod(0o644)
    with ExitStack() as until:
        tokens = Tokens(tmp_path, until)
        assert "a" in tokens
        tokens["a"] = {"accessToken": "refreshed"}

    assert ([path], 0o600) == (list(tmp_path.iterdir()), path.stat().st_mode & 0o777)
    assert {"accessToken": "refreshed"} == json.loads(path.read_text())
