"""One scenario for every shell that has a hook: what differs from shell to shell stands in its row of `spelling`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.cli import candidates
from spelling import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spelling import Row

    Start = Callable[..., Any]

CHANGING = {"_", "PWD", "OLDPWD", "SHLVL"}
"""Variables that a shell may set by itself."""

ROLE = r"\[temporary( [^]]+)?\] "
"""What the prompt shows of the role. A shell without a clock shows when the role ends."""

ODD = 'it\'s a "日本"'
"""The name of a profile that each shell has to quote."""

KEYS = "env printenv AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN"
"""A child that reads the variables of the role."""


@pytest.fixture
def run_script(row: Row, home: Path, clean_environ: dict[str, str]) -> Start:
    """Return a function that runs a script without a terminal, under the strictest options of the shell."""

    def run(*lines: str) -> tuple[int, str, str]:
        script = home / "script"
        script.write_text("\n".join((*lines, "")))
        argv = [row.name, *row.bare, *row.strict, str(script)]
        done = subprocess.run(
            argv, env=clean_environ, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def environment(row: Row, home: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that reads the environment that `dump` of the same name wrote."""

    def read(name: str) -> dict[str, str]:
        pairs = (line.split("=", 1) for line in (home / name).read_text().split("\0") if line)
        return {key: value for key, value in pairs if key not in CHANGING | {*row.volatile}}

    return read


def dump(name: str) -> str:
    """Return a line for any shell that writes its environment to the file *name*."""
    return f"sh -c 'env -0 >{name}'"


def test_in_a_script(row: Row, run_script: Start, environment: Callable[[str], dict[str, str]]) -> None:
    """The hook loads twice in silence under the strictest options; a child gets the role, and `off` restores."""
    done = run_script(
        *(row.export.format("AWS_PROFILE", "'mine'"), dump("before"), row.hook, row.hook),
        *(row.in_script.format("awsenv temporary"), dump("during")),
        *(row.in_script.format("awsenv off"), dump("after")),
    )

    assert (0, "", "") == done
    before, during = environment("before"), environment("during")
    assert ("ASIAIOSFODNN7EXAMPLE", "temporary") == (during["AWS_ACCESS_KEY_ID"], during["AWSENV_ROLE"])
    assert {("AWS_PROFILE", "mine")} == before.items() - during.items()
    assert before == environment("after")


@pytest.mark.parametrize(
    ("row", "form"),
    [(row, form) for row in ROWS.values() for form in ("in_script", "evaluate") if getattr(row, form)],
    ids=str,
    indirect=["row"],
)
def test_a_role_that_fails_stops_a_script(row: Row, form: str, *, run_script: Start, home: Path) -> None:
    """A role that cannot be assumed stops what follows it, with the hook and without."""
    hook = row.hook if form == "in_script" else ""
    use: str = getattr(row, form).format("awsenv nobody")

    status, shown, error = run_script(hook, row.then.format(use, "touch deployed"))

    assert "" == shown
    assert error.startswith("awsenv: ")
    assert (True, False) == (status != 0, (home / "deployed").exists())


def test_at_a_terminal(
    row: Row, *, home: Path, open_terminal: Start, environment: Callable[[str], dict[str, str]]
) -> None:
    """The prompt shows the role, its time and the last status, beside a virtual environment and in a subshell."""

    def shows(pattern: str, status: int = 0) -> None:
        shown = f"{pattern}{status if row.status else ''}:"
        assert re.match(shown, window.line), f"{shown} does not match\n{window.text}"

    rc = home / row.rc
    rc.write_text(rc.read_text() + row.export.format("AWS_PROFILE", "'mine'") + "\n")
    window = open_terminal([row.name])
    shows("")
    window.run(dump("before"))

    # A role, its child, the last status, and a role that fails.
    assert "" == window.run("awsenv temporary")
    shows(ROLE)
    assert "ASIAIOSFODNN7EXAMPLE\ncanary/token+two" == window.run(KEYS)
    window.run("sh -c 'exit 7'")
    shows(ROLE, 7)
    window.run(row.then.format("awsenv nobody", "touch deployed"))
    assert not (home / "deployed").exists()
    assert "ASIAIOSFODNN7EXAMPLE\ncanary/token+two" == window.run(KEYS)
    shows(ROLE)

    # The colour of a profile, of each kind. mksh would take its codes for text, unless PS1 says what they begin with.
    for color, look in (("31", "red"), ("94", "brightblue"), ("38;5;208", "ff8700"), ("38;2;1;2;3", "010203")):
        window.run(row.export.format("AWSENV_COLOR", f"'{color}'"))
        assert (look if row.name != "mksh" else "default", False) == window.look()

    # A subshell has another role, whatever its startup file sets.
    window.enter("awsenv exec power-user")
    shows(r"\[power-user\] ")
    assert "AKIAIOSFODNN7EXAMPLE" == window.run("sh -c 'echo $AWS_ACCESS_KEY_ID $AWS_PROFILE'")
    window.enter("exit")
    assert "ASIAIOSFODNN7EXAMPLE\ncanary/token+two" == window.run(KEYS)

    assert "" == window.run("awsenv off")
    shows("")
    window.run(dump("after"))
    assert environment("before") == environment("after")

    # A virtual environment saves and restores the prompt: with the role in it, and without.
    if row.activate:
        subprocess.run([sys.executable, "-m", *row.environment, home / "venv"], check=True)
        activate = row.activate.format("venv/bin")
        window.run("awsenv temporary")
        window.run(activate)
        shows(rf"(\(venv\) {ROLE}|{ROLE}\(venv\) )")
        window.run("awsenv off")
        shows(r"\(venv\) ")
        window.enter("deactivate")
        shows(ROLE if row.brings_back else "")
        window.run("awsenv off")
        window.run(activate)
        window.run("awsenv temporary")
        assert 1 == window.line.count("[temporary")
        window.enter("deactivate")
        shows(ROLE)
        window.run("awsenv off")
        shows("")
        window.run(dump("after"))
        # That of Python exports the prompt.
        assert environment("before") == {k: v for k, v in environment("after").items() if k != "PS1"}


def test_a_role_is_picked_and_the_one_before_is_back(
    row: Row, open_terminal: Start, clean_environ: dict[str, str]
) -> None:
    """`awsenv` alone lets the user pick, or leave without a change; `awsenv -` leads back, and back again."""
    clean_environ["AWSENV_PICKER"] = "builtin"
    window = open_terminal([row.name])

    def pick(keys: str) -> None:
        window.child.send("awsenv\r")
        window.until(lambda: re.search(r"role> +2/2", window.text), "list")
        window.child.send(keys)
        window.wait()

    pick("temp\r")
    assert re.match(ROLE, window.line)
    pick("power\x1b")
    assert re.match(ROLE, window.line)
    assert "role>" not in window.text
    window.run("awsenv power-user")
    for role in ("temporary", "power-user"):
        window.run("awsenv -")
        assert role == window.run("printenv AWSENV_ROLE")


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.tab], ids=str, indirect=True)
def test_tab_quotes_a_role(row: Row, *, home: Path, clean_environ: dict[str, str], open_terminal: Start) -> None:
    """Tab completes the name of a role with spaces, quotes and characters of Japan, and Enter uses it."""
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile {shlex.quote(ODD)}]\ncredential_process = cat {home}/answer.json\n")
    # Users who sign in with SSO have no such file.
    (home / ".aws/credentials").unlink()
    # The names of files that have just changed are not kept.
    for file in (home / ".aws").iterdir():
        os.utime(file, (0, 0))
    candidates.refresh(clean_environ, None, time.time())
    window = open_terminal([row.name])

    window.child.send(f"awsenv it{row.tab}")
    window.until(lambda: "日本" in window.line, "completed role")
    window.child.send("\r")
    window.wait()

    assert ODD == window.run("printenv AWSENV_ROLE")
