"""What is specific to tcsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.errors import ConfigError
from awsenv.model import Change

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

TCSH = shells.find("tcsh")


def test_a_line_feed_is_refused() -> None:
    """A value that tcsh cannot hold refuses the whole change; the error names its variable."""
    with pytest.raises(ConfigError, match="tcsh cannot hold a value with a line feed") as caught:
        TCSH.render(Change({"AWS_VAULT": "x", "AWS_PROFILE": "a\nb"}))

    assert (["AWS_PROFILE"], ("awsenv exec ROLE -- COMMAND",)) == (
        [origin.name for origin in caught.value.origins],
        caught.value.hints,
    )


@pytest.mark.parametrize("histchars", ["%#", "'a", ""])
def test_the_history_changes_no_value(histchars: str, evaluate: Run) -> None:
    """Whatever character refers to the history, even that of a quote, a value arrives."""
    value = "a!b %c #d 'e ^f"

    done = evaluate(
        TCSH,
        "tcsh",
        TCSH.render(Change({"A": value})),
        before=f'set histchars="{histchars}"',
        after="\nprintenv A",
        environ={},
    )

    assert (f"{value}\n".encode(), b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["setenv", "unsetenv", "set", "unset", "printf"])
def test_no_alias_changes_a_change(name: str, evaluate: Run) -> None:
    """The user may have an alias for a builtin that the change uses."""
    code = TCSH.render(Change({"A": "x y", "B": None}))

    done = evaluate(TCSH, "tcsh", code, before=f"alias {name} printenv nothing", after="\nenv -0", environ={"B": "1"})

    assert (True, False) == (b"\0A=x y\0" in done.stdout, b"\0B=" in done.stdout)


def test_the_startup_file_is_the_one_that_tcsh_reads(tmp_path: Path) -> None:
    """Tcsh reads ~/.cshrc only where there is no ~/.tcshrc; to make that one would hide the other."""
    environ = {"HOME": str(tmp_path)}
    login = f"{tmp_path}/.login"

    assert (f"{tmp_path}/.tcshrc", [f"{tmp_path}/.tcshrc", login]) == TCSH.startup(environ)
    (tmp_path / ".cshrc").touch()
    assert (f"{tmp_path}/.cshrc", [f"{tmp_path}/.cshrc", login]) == TCSH.startup(environ)
    (tmp_path / ".tcshrc").touch()
    assert (f"{tmp_path}/.tcshrc", [f"{tmp_path}/.tcshrc", login]) == TCSH.startup(environ)


def test_the_role_is_named_as_a_subshell_starts() -> None:
    """Only the startup files of the user can load the hook, so it is not sure that the prompt shows the role."""
    assert not TCSH.shows_role
    assert shells.find("sh").shows_role
