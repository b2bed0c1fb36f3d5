"""The roles used last: which are kept, and what a broken file yields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.cli import recent

if TYPE_CHECKING:
    from conftest import World


def test_what_was_used_can_be_switched_off(world: World) -> None:
    """With AWSENV_CACHE=0 no name of a role is kept."""
    world.run("exec", "read-only", "--", "true", AWSENV_CACHE="0")

    assert not Path(world.environ["HOME"], ".cache").exists()


def test_a_role_that_is_used_again_moves_to_the_front(tmp_path: Path) -> None:
    """The file has each role once, as it was used last, and at most fifty; the same one within a minute counts once."""
    environ = {"HOME": str(tmp_path)}
    for number in range(60):
        recent.note(environ, f"role-{number}", 100 * number)
    recent.note(environ, "role-30", 6000)
    recent.note(environ, "role-30", 6059)
    recent.note(environ, "a\nb", 7000)

    assert ["role-30", "role-59"] == recent.roles(environ)[:2]
    assert 50 == len(set(recent.roles(environ))) == len(recent.roles(environ))
    assert (tmp_path / ".cache/awsenv/recent").read_text().startswith("6000\trole-30\n")


@pytest.mark.parametrize(
    "text", ["", "x", "\0", "1", "1\ta\n2", "9" * 5000 + "\ta\n", "-1\ta\n", "²\ta\n", "1\t\x1b[m\n"]
)
def test_a_broken_file_is_as_none(text: str, tmp_path: Path) -> None:
    """Whatever is in the file, nothing but names comes out of it."""
    environ = {"HOME": str(tmp_path)}
    recent.note(environ, "a", 0)
    (tmp_path / ".cache/awsenv/recent").write_text(text)

    assert set(recent.roles(environ)) <= {"a"}
