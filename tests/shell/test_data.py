"""The prompt and Tab in the shells that get data, and no code: nushell, elvish and xonsh."""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells
from awsenv.cli import candidates
from awsenv.shells.json import Data
from spelling import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spelling import Row

    Start = Callable[..., Any]

PROGRAM = """#!/bin/sh
echo "$1 $AWSENV_SHELL" >>"$HOME/calls"
if [ "$1" = slow ]; then
  : >"$HOME/started"
  read -r _ <"$HOME/go"
fi
cat "$HOME/answer"
"""
"""A program that waits for the test if it is to be slow."""

CHANGES = {
    "nu": (
        "hide-env _awsenv",
        'let ours = $env.PROMPT_COMMAND; $env.PROMPT_COMMAND = {|| $"x (do $ours)" }',
        "$env.config = {show_banner: false, hooks: {pre_execution: [{|| $env.count.is += 1 }]}}",
    ),
    "elvish": (
        "var ours = $edit:prompt; set edit:prompt = { print 'x '; $ours }",
        "set edit:before-readline = [{ set count = (+ $count 1) }]",
    ),
    "xonsh": ("$PROMPT = 'x ' + $PROMPT", "del $PROMPT_TOKENS_FORMATTER"),
}
"""Lines of a user that put the prompt into another, and that replace or remove what the hook has set."""


EACH = pytest.mark.parametrize(
    "row", [ROWS[each.name] for each in shells.every() if isinstance(each, Data)], ids=str, indirect=True
)


@EACH
def test_a_prompt_renews_and_colours_a_role(
    row: Row, *, home: Path, clean_environ: dict[str, str], open_terminal: Start
) -> None:
    """A role is renewed once, has its colour, and obeys the variables that the hook names; Ctrl-Z stops no change."""
    hook = shells.find(row.name).hook(str(home / "program"))
    (home / row.files[0]).write_text(hook)
    (home / "program").write_text(PROGRAM)
    (home / "program").chmod(0o755)
    load = "eval (slurp < {})" if row.name == "elvish" else "source {}"
    (home / row.rc).write_text(f"{row.prompt}\n{load.format(shlex.quote(str(home / row.files[0])))}\n")

    def answer(seconds: int, **more: str) -> dict[str, str]:
        role = {"AWSENV_LABEL": "ci", "AWSENV_EXPIRES_EPOCH": str(int(time.time()) + seconds), **more}
        (home / "answer").write_text(json.dumps(role))
        return role

    def shows(time_left: str, colour: str = "") -> None:
        """Check the text of the role and its colour: by default that of the user's prompt."""
        assert re.match(rf"\[ci {time_left}\] (?!.*\[ci)", window.line), window.text
        end = window.line.index("]") + 1
        assert {(colour, False) if colour else window.look(end + 1)} == {window.look(column) for column in range(end)}

    def calls() -> list[str]:
        return [line.removesuffix(f" {row.name}") for line in (home / "calls").read_text().splitlines()]

    role = answer(200)
    answer(3000)
    window = open_terminal([row.name], clean_environ | role | {"AWSENV_RENEW": "0123abcd"})
    shows("(49|50)m")
    assert ["renew"] == calls()
    own = window.look(window.line.index("]") + 2)

    window.run(row.export.format("AWSENV_COLOR", "'red'"))
    shows("(49|50)m")

    # The prompt goes on with the role in it once, and the next command brings the hook back.
    for line in CHANGES[row.name]:
        window.run(line)
        shows("(49|50)m")
    window.run(row.export.format("AWSENV_COLOR", 35))
    shows("(49|50)m", "magenta")
    assert own == window.look(window.line.index("]") + 2)

    # A command that Ctrl-Z cannot stop: the shell would wait for its output for ever.
    answer(800, AWSENV_ROLE="slow", AWSENV_COLOR="")
    os.mkfifo(home / "go")
    window.child.send("awsenv slow\r")
    window.until((home / "started").exists, "program")
    window.child.send("\x1a")
    (home / "go").write_text("\n")
    window.wait()
    shows("13m", "brown")
    assert "slow" == window.run("printenv AWSENV_ROLE")

    # The variables that the first lines of the hook name.
    disabled, plain = re.findall(r"# (.+) leaves the prompt alone; (.+) leaves it without colour", hook)[0]
    window.run(plain)
    shows("13m")
    answer(3000)
    window.run(row.export.format("AWSENV_EXPIRES_EPOCH", 1))
    shows("(49|50)m")
    window.run(re.findall(r"at a prompt; (.+) leaves that to you", hook)[0])
    window.run(row.export.format("AWSENV_EXPIRES_EPOCH", 1))
    shows("expired")
    window.run(disabled)
    assert "[ci" not in window.line
    assert ["renew", "slow", "renew"] == calls()


@pytest.mark.parametrize("row", [ROWS["elvish"]], ids=str, indirect=True)
def test_the_role_stands_before_what_the_prompt_prints(
    row: Row, clean_environ: dict[str, str], open_terminal: Start
) -> None:
    """What a prompt of elvish puts and what it prints arrive at the same time; the role is the first of all."""
    window = open_terminal([row.name], clean_environ | {"AWSENV_LABEL": "ci"})

    found = window.run("has-value [(range 999 | each {|_| eq [($edit:prompt)][1] ' ' })] $false")

    assert "▶ $false" == found


LINES = {
    "awsenv stat": "awsenv status",
    "awsenv exec temp": "awsenv exec temporary",
    "awsenv --duration 1h temp": "awsenv --duration 1h temporary",
    "awsenv --region ca-w": "awsenv --region ca-west-1",
    "awsenv off --shell fi": "awsenv off --shell fish",
    "awsenv init tm": "awsenv init tmux",
    "awsenv token e": "awsenv token eks",
    "awsenv token eks blue temp": "awsenv token eks blue temporary",
    "awsenv token rds db:5432 bob temp": "awsenv token rds db:5432 bob temporary",
    "awsenv profiles a b temp": "awsenv profiles a b temporary",
    "awsenv exec temporary -- cat answ": "awsenv exec temporary -- cat answer.json",
    "awsenv use --external": "awsenv use --external-id",
    "awsenv exec temporary -- printen": "awsenv exec temporary -- printenv",
}
"""What is typed, and the line after Tab. nushell asks no completer for the last two (docs/prompts.md)."""


@EACH
def test_tab_offers_the_names_of_the_files_in_use(
    row: Row, *, home: Path, clean_environ: dict[str, str], open_terminal: Start, until: Start
) -> None:
    """Stale names are offered while they are written again; those of other files, or without a cache, are read."""
    config, cache = home / ".aws/config", home / ".cache/awsenv" / candidates.NAMES
    for file in (home / ".aws").iterdir():
        os.utime(file, (0, 0))
    candidates.refresh(clean_environ, None, time.time())
    (home / "other").write_text("[profile unusual]\naws_access_key_id = x\n")
    window = open_terminal([row.name])
    prompt = window.line.partition(":")[0]

    def complete(typed: str, line: str) -> None:
        window.child.send(f"{typed}\t")
        window.until(lambda: window.line.rstrip().endswith(line), f"line {line!r}")
        window.child.send("\x15")
        window.until(lambda: re.fullmatch(rf"{prompt}:\d+>", window.line.rstrip()), "empty line")

    config.write_text(config.read_text().replace("temporary", "temporal"))
    os.utime(config, (1, 1))
    complete("awsenv exec tempor", "awsenv exec temporary")
    until(lambda: "\ttemporal\t" in cache.read_text())
    complete("awsenv exec tempor", "awsenv exec temporal")

    for variable in candidates.FILES:
        window.run(row.export.format(variable, "'~/other'"))
        complete("awsenv exec unus", "awsenv exec unusual")

    window.run(row.export.format("AWSENV_CACHE", "'0'"))
    (home / "other").write_text("[profile uncached]\naws_access_key_id = x\n")
    complete("awsenv exec unca", "awsenv exec uncached")
    assert "uncached" not in cache.read_text()


@EACH
def test_a_line_is_edited_behind_the_role(
    row: Row, *, home: Path, clean_environ: dict[str, str], open_terminal: Start
) -> None:
    """Tab completes each word where it may stand, and an edit at the start of a long line leaves the rest whole."""
    # The names of files that have just changed are not kept.
    for file in (home / ".aws").iterdir():
        os.utime(file, (0, 0))
    candidates.refresh(clean_environ, None, time.time())
    window = open_terminal([row.name], {**clean_environ, "AWSENV_LABEL": "ci", "AWSENV_COLOR": "35"})
    prompt = window.line.rstrip()
    assert prompt.startswith("[ci] ")

    for typed, expected in list(LINES.items())[: -2 if row.name == "nu" else None]:
        window.child.send(f"{typed}\t")
        window.until(lambda line=expected: window.line.rstrip().endswith(line), f"line {expected!r}")
        window.child.send("\x15")
        window.until(lambda: window.line.rstrip() == prompt, "empty line")

    # Colours have no width; else the line would wrap where the shell does not expect it.
    window.child.send(f"{'y' * 100}\x1b[HX")
    whole = re.compile(re.escape(prompt) + r" X(\s*y){100}$")
    window.until(lambda: whole.search(window.text), "edited line")
