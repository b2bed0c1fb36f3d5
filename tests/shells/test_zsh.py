"""What is zsh's own."""

from __future__ import annotations

import pytest

from awsenv import shells
from awsenv.model import Change
from awsenv.shells.base import folder

ZSH = shells.find("zsh")


@pytest.mark.parametrize(("environ", "expected"), [({}, None), ({"ZDOTDIR": "/dot"}, "/dot"), ({"ZDOTDIR": ""}, "")])
def test_it_is_led_to_our_folder(environ: dict[str, str], expected: str | None) -> None:
    """Keep what ZDOTDIR was, by whether it was set."""
    argv, after = ZSH.subshell("/usr/bin/zsh", environ, Change({}), "awsenv")

    assert ["/usr/bin/zsh"] == argv
    assert f"{folder()}/subshell" == after["ZDOTDIR"]
    assert expected == after.get("_AWSENV_ZDOTDIR")


def test_its_files_are_where_zdotdir_leads() -> None:
    """Look there for .zshrc, and at home without it."""
    assert ("/dot/.zshrc", ["/dot/.zshrc"]) == ZSH.startup({"HOME": "/home/a", "ZDOTDIR": "/dot"})
    assert ("/home/a/.zshrc", ["/home/a/.zshrc"]) == ZSH.startup({"HOME": "/home/a", "ZDOTDIR": ""})
