"""What is specific to fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.model import Change
from awsenv.shells.base import folder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

FISH = shells.find("fish")


def test_a_subshell_loads_the_hook_after_its_own_files() -> None:
    """The subshell loads the hook from our folder unless config.fish has already loaded it."""
    argv, _ = FISH.subshell("fish", {}, Change({}), "awsenv")

    assert ["fish", "--init-command"] == argv[:2]
    assert (
        f"builtin functions -q __awsenv_refresh; or builtin source '{folder()}/awsenv.fish'" == argv[2].splitlines()[0]
    )


def test_a_universal_variable_is_not_erased(evaluate: Run) -> None:
    """A change that would erase a universal variable in every session is refused."""
    done = evaluate(
        FISH,
        "fish",
        FISH.render(Change({"AWSENV_TEST_A": "new", "AWSENV_TEST_GONE": None})),
        before="set -Ux AWSENV_TEST_GONE mine",
        after=" && echo reached; echo $AWSENV_TEST_A $AWSENV_TEST_GONE",
        environ={},
    )

    assert b"mine\n" == done.stdout
    assert done.stderr.startswith(b"awsenv: nothing was changed: AWSENV_TEST_GONE is a universal variable")


def test_the_startup_files_are_conf_d_and_then_config_fish(tmp_path: Path) -> None:
    """The files are found through XDG_CONFIG_HOME, and the hook belongs in config.fish, which is the last."""
    folder_of_snippets = tmp_path / "fish/conf.d"
    folder_of_snippets.mkdir(parents=True)
    for name in ("b.fish", "a.fish", "c.txt"):
        (folder_of_snippets / name).touch()
    main = f"{tmp_path}/fish/config.fish"

    assert (main, [f"{folder_of_snippets}/a.fish", f"{folder_of_snippets}/b.fish", main]) == FISH.startup(
        {"HOME": "/home/a", "XDG_CONFIG_HOME": str(tmp_path)}
    )
    assert ("/home/a/.config/fish/config.fish", ["/home/a/.config/fish/config.fish"]) == FISH.startup(
        {"HOME": "/home/a"}
    )
