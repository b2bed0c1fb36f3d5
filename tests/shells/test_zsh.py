"""What is specific to zsh."""

from __future__ import annotations

import pytest

from awsenv import shells
from awsenv.model import Change
from awsenv.shells.base import folder

ZSH = shells.find("zsh")


@pytest.mark.parametrize(("environ", "expected"), [({}, None), ({"ZDOTDIR": "/dot"}, "/dot"), ({"ZDOTDIR": ""}, "")])
def test_a_subshell_reads_our_folder(environ: dict[str, str], expected: str | None) -> None:
    """ZDOTDIR is our folder, and another variable keeps the old value if there was one."""
    argv, after = ZSH.subshell("/usr/bin/zsh", environ, Change({}), "awsenv")

    assert ["/usr/bin/zsh"] == argv
    assert f"{folder()}/subshell" == after["ZDOTDIR"]
    assert expected == after.get("_AWSENV_ZDOTDIR")


def test_the_startup_file_is_in_zdotdir() -> None:
    """The startup file is .zshrc in ZDOTDIR, or in the home directory if ZDOTDIR is empty."""
    assert ("/dot/.zshrc", ["/dot/.zshrc"]) == ZSH.startup({"HOME": "/home/a", "ZDOTDIR": "/dot"})
    assert ("/home/a/.zshrc", ["/home/a/.zshrc"]) == ZSH.startup({"HOME": "/home/a", "ZDOTDIR": ""})
