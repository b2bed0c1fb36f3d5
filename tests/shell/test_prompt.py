"""The prompt at a real terminal: what it shows, in which colour, and what it leaves alone."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from spelling import NOW, SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spelling import Spelling

    Environ = Callable[..., dict[str, str]]
    Start = Callable[..., Any]

OWN_THEMES = {
    "bash": [r"PS1='$(awsenv_prompt_info) $?:\#> '"],
    "zsh": ["PROMPT='$(awsenv_prompt_info) %?:%i> '", "PROMPT='%?:%i> ' RPROMPT='$(awsenv_prompt_info)'"],
    "fish": [
        'function fish_prompt; echo -n -s (awsenv_prompt_info) " " $status : (count $prompts) "> "; end',
        (
            'function fish_prompt; echo -n -s $status : (count $prompts) "> "; end; '
            "function fish_right_prompt; awsenv_prompt_info; end"
        ),
    ],
}
"""Prompts that print the role themselves."""


def test_the_doctor_says_what_the_last_prompt_showed(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The hook tells the doctor whether it ran at the last prompt, and whether that showed the role.

    The line that loads the hook is the next step where it did not run.
    """
    window = terminal(shell, **active())
    assert "the prompt shows the role" in window.run("awsenv doctor | grep prompt")
    for says, line in shell.losses.items():
        window.run(line)
        assert says in window.run("awsenv doctor | grep prompt").replace("\n", ""), line
        if says == "did not run":
            window.run(shell.hook)
            assert "the prompt shows the role" in window.run("awsenv doctor | grep prompt")


@pytest.mark.parametrize(
    ("environ", "says"), [({}, "no role was active"), ({"AWSENV_DISABLE_PROMPT": "1"}, "leaves the prompt alone")]
)
def test_the_doctor_does_not_say_that_a_role_shows_where_none_does(
    shell: Spelling, environ: dict[str, str], says: str, terminal: Start
) -> None:
    """Without a role, or with a prompt that the hook leaves alone, nothing is claimed; nor without the hook."""
    window = terminal(shell, **environ)
    assert says in window.run("awsenv doctor | grep prompt")
    without = window.run(shlex.join(shell.command("awsenv doctor | grep hook")))
    assert "did not go through it" in without.replace("\n", "")


def test_the_doctor_tells_an_empty_prompt_from_one_that_expands_nothing(shell: Spelling, terminal: Start) -> None:
    """Each is a message of its own, which the hook establishes. fish has neither."""
    states = {
        "bash": (
            ("PS1=", "the prompt is empty", ":"),
            ("shopt -u promptvars", "promptvars is off", "shopt -s promptvars"),
        ),
        "zsh": (
            ("PS1=", "the prompt is empty", ":"),
            ("unsetopt prompt_percent", "prompt_percent is off", "setopt prompt_percent"),
        ),
    }
    window = terminal(shell)
    for before, says, after in states.get(shell.name, ()):
        shown = window.run(f"kept=$PS1; {before}; awsenv doctor | grep prompt; {after}; PS1=$kept")
        assert says in shown.replace("\n", ""), before


def test_the_doctor_is_not_misled_by_a_bash_that_counts_no_commands_before_a_prompt(terminal: Start) -> None:
    """There HISTCMD is 1 in bash 3.2, whatever the history holds."""
    window = terminal(SPELLINGS["bash"])
    window.run("unset HISTCMD; HISTCMD=1")
    assert "no role was active" in window.run("HISTCMD=9; awsenv doctor | grep prompt; HISTCMD=1")


def test_the_prompt_is_unchanged_without_a_role(shell: Spelling, terminal: Start) -> None:
    """The hook leaves the prompt alone while no role is active."""
    assert terminal(shell).line.startswith("0:")


def test_the_first_prompt_shows_an_inherited_role(shell: Spelling, terminal: Start, active: Environ) -> None:
    """A subshell shows the role of its parent from the first prompt on."""
    window = terminal(shell, **active())

    assert window.line.startswith("[power-user 59m] 0:")
    assert window.look() == ("default", False)


@pytest.mark.parametrize(
    ("seconds", "text", "look"),
    [
        (12 * 3600, "[power-user 12h00m] ", ("default", False)),
        (3600 + 5 * 60, "[power-user 1h05m] ", ("default", False)),
        (15 * 60, "[power-user 15m] ", ("default", False)),
        (14 * 60, "[power-user 14m] ", ("brown", False)),
        (5 * 60, "[power-user 5m] ", ("brown", False)),
        (4 * 60, "[power-user 4m] ", ("red", False)),
        (1 * 60, "[power-user 1m] ", ("red", False)),
        (59, "[power-user 59s] ", ("red", False)),
        (1, "[power-user 1s] ", ("red", False)),
        (0, "[power-user expired] ", ("red", True)),
        (-31, "[power-user expired] ", ("red", True)),
        (-99999, "[power-user expired] ", ("red", True)),
    ],
)
def test_the_time_left_and_its_colour(
    shell: Spelling, *, seconds: int, text: str, look: tuple[str, bool], terminal: Start, active: Environ
) -> None:
    """The time left turns yellow below 15 minutes, red below 5, and bold at its end; the rest keeps its colour."""
    window = terminal(shell, **active(seconds))

    assert text == window.line[: len(text)]
    assert look == window.look()
    assert window.look(len(text)) == ("default", False)


@pytest.mark.parametrize(
    ("color", "seconds", "look"),
    [
        ("31", 3600, ("red", False)),
        ("92", 60, ("brightgreen", False)),
        ("38;5;208", 10, ("ff8700", False)),
        ("38;2;255;8;0", 3600, ("ff0800", False)),
        ("32", 0, ("red", True)),
    ],
)
def test_the_color_of_a_profile(
    shell: Spelling, *, color: str, seconds: int, look: tuple[str, bool], terminal: Start, active: Environ
) -> None:
    """The role has the colour of its profile whatever time is left; the end of the role stays bold red."""
    window = terminal(shell, **active(seconds), AWSENV_COLOR=color)
    shown = window.line.index("] ") + 1

    assert {look} == {window.look(column) for column in range(shown)}
    assert window.look(shown) == ("default", False)


def test_a_role_without_expiry_has_the_color_of_its_profile(shell: Spelling, terminal: Start) -> None:
    """The colour needs no time left."""
    assert terminal(shell, AWSENV_LABEL="ci", AWSENV_ROLE="ci", AWSENV_COLOR="34").look() == ("blue", False)


@pytest.mark.parametrize(
    "color", ["", "red", "31m\x1b]0;title\x07", "$(touch spilt)", "a[$(touch spilt)]", "%n", "1" * 17]
)
def test_an_invalid_color_is_neither_shown_nor_run(shell: Spelling, color: str, terminal: Start, home: Path) -> None:
    """Only digits and semicolons reach the terminal."""
    window = terminal(shell, shell.expand_prompt, AWSENV_LABEL="ci", AWSENV_ROLE="ci", AWSENV_COLOR=color)

    assert window.line.startswith("[ci] 0:")
    assert window.look() == ("default", False)
    assert b"title" not in window.transcript
    assert not (home / "spilt").exists()


def test_the_time_left_follows_the_real_clock(shell: Spelling, terminal: Start) -> None:
    """The prompt computes the time left from the time of day."""
    ends = str(int(time.time()) + 10 * 3600)

    window = terminal(shell, AWSENV_ROLE="power-user", AWSENV_LABEL="power-user", AWSENV_EXPIRES_EPOCH=ends)

    assert window.line.startswith(("[power-user 9h", "[power-user 10h00m]"))


@pytest.mark.parametrize("quiet", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_with_no_color_or_a_dumb_terminal(
    shell: Spelling, quiet: dict[str, str], run: Start, active: Environ, hooks: Path
) -> None:
    """The prompt contains no colour codes with NO_COLOR, or at a dumb terminal."""
    drawing = replace(shell, strict=(*shell.strict, *shell.at_prompts))

    answer = run(drawing, f"{shell.load(hooks)}; {shell.stopped}; {shell.show_role}", **active(60), **quiet)

    assert "[power-user 1m] " == answer.stdout


def test_an_empty_no_color_means_colour(shell: Spelling, terminal: Start, active: Environ) -> None:
    """An empty NO_COLOR does not turn colours off, as no-color.org defines it."""
    assert terminal(shell, **active(60), NO_COLOR="").look() == ("red", False)


def test_the_prompt_can_be_turned_off(shell: Spelling, terminal: Start, active: Environ) -> None:
    """AWSENV_DISABLE_PROMPT hides the role from the next prompt on; `awsenv_prompt_info` still prints it."""
    window = terminal(shell, **active())
    window.run(shell.export.format("AWSENV_DISABLE_PROMPT", "1"))

    assert window.line.startswith("0:")
    assert "[power-user 59m]" == window.run("awsenv_prompt_info")


def test_a_role_without_expiry_shows_no_time(shell: Spelling, terminal: Start) -> None:
    """The prompt shows the label alone if the keys do not expire."""
    assert terminal(shell, AWSENV_LABEL="ci", AWSENV_ROLE="ci").line.startswith("[ci] 0:")


@pytest.mark.parametrize(
    "expires", ["", "soon", "-5", "08", "1e9", " 99", "9" * 40, "a[$(touch spilt)]", "1+x[$(touch spilt)]", "٣"]
)
def test_an_invalid_expiry_is_neither_shown_nor_run(shell: Spelling, expires: str, terminal: Start, home: Path) -> None:
    """Only digits reach shell arithmetic, which would run commands in other values."""
    window = terminal(shell, AWSENV_LABEL="ci", AWSENV_EXPIRES_EPOCH=expires)

    assert window.line.startswith("[ci] 0:")
    assert not (home / "spilt").exists()


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("$(touch spilt)", "touchspilt"),
        ("`touch spilt`", "touchspilt"),
        ("${HOME}", "HOME"),
        ("100%n%F{red}", "100nFred"),
        ("a\x1b]0;title\x07b", "a0titleb"),
        ("a\\w\\u\\$b", "awub"),
        ("a\u2019'\"; touch spilt", "atouchspilt"),
        ("dev+x=y,z@w/v_1.2-3", "dev+x=y,z@w/v_1.2-3"),
    ],
)
def test_a_hostile_label_is_inert(shell: Spelling, label: str, shown: str, terminal: Start, home: Path) -> None:
    """The prompt shows only harmless characters of a label, so that no part of it is run or changes a colour."""
    window = terminal(shell, shell.expand_prompt, AWSENV_LABEL=label, AWSENV_ROLE="x")

    assert window.line.startswith(f"[{shown}] 0:")
    assert window.look(1) == ("default", False)
    assert not (home / "spilt").exists()


def test_the_status_of_the_last_command_is_kept(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The user's prompt sees `$?`, and the next command sees `$?` and the statuses of the pipe."""
    window = terminal(shell, **active())

    window.run("sh -c 'exit 7'")
    assert window.line.startswith("[power-user 59m] 7:")
    assert "7" == window.run(f"echo {shell.status}")
    window.run("sh -c 'exit 3' | true | sh -c 'exit 4'")
    assert window.line.startswith("[power-user 59m] 4:")
    assert "3 0 4" == window.run(f"echo {shell.pipe_status}")


def test_later_prompt_commands_see_the_status(shells: Mapping[str, Spelling], terminal: Start, active: Environ) -> None:
    """Prompt commands after the hook see the `$?` of the last command, with a role and without, added early or late."""
    window = terminal(shells["bash"], after=['PROMPT_COMMAND="$PROMPT_COMMAND; seen=\\$?"'], **active())

    window.run("sh -c 'exit 7'")
    assert "7" == window.run("echo $seen")
    window.run("unset AWSENV_LABEL")
    window.run("sh -c 'exit 8'")
    assert "8" == window.run("echo $seen")
    window.run("PROMPT_COMMAND=\"${PROMPT_COMMAND##*$'\\n'}; late=\\$?\"")
    window.run("sh -c 'exit 9'")
    assert "9" == window.run("echo $late")
    window.run("PROMPT_COMMAND+=('later=$?')")
    window.run("sh -c 'exit 10'")
    assert "10" == window.run("echo $later")


def test_the_fish_prompt_sees_every_status(
    shells: Mapping[str, Spelling], require: Any, terminal: Start, active: Environ
) -> None:
    """The user's fish_prompt sees the statuses of a pipe, although the hook runs first."""
    require("fish")
    own = 'function fish_prompt; set -l p $pipestatus; echo -n "$status <$p> :"(count $prompts)"> "; end'
    window = terminal(shells["fish"], own, **active())

    window.run("false | true | sh -c 'exit 5'")

    assert window.line.startswith("[power-user 59m] 0 <1 0 5> ") or window.line.startswith(
        "[power-user 59m] 5 <1 0 5> "
    )


@pytest.mark.parametrize(
    "colour", [{}, {"AWSENV_COLOR": "38;2;255;128;0"}, {"NO_COLOR": "1"}], ids=["red", "own", "none"]
)
def test_a_long_line_wraps_correctly(colour: dict[str, str], shell: Spelling, terminal: Start, active: Environ) -> None:
    """The shell computes the width of the prompt without its colours, so that a long line can be edited."""
    window = terminal(shell, **active(60), **colour)
    text = "echo " + "x" * 90
    prompt = window.line

    window.child.send(text)
    window.until(lambda: window.text.count("x") == 90, "long line")
    window.child.send("\x01" + "\x05")  # to its beginning, and to its end
    window.child.send("y")
    window.until(lambda: "y" in window.screen.display[window.screen.cursor.y], "last letter")

    shown = "".join(window.screen.display[window.screen.cursor.y - 1 : window.screen.cursor.y + 1])
    assert prompt + text + "y" == shown.rstrip()
    assert (len(prompt + text) + 1) % 80 == window.screen.cursor.x


@pytest.mark.parametrize(
    ("shell", "own"),
    [(spelling.name, line) for spelling in SPELLINGS.values() for line in spelling.blank_lines],
    indirect=["shell"],
)
def test_the_role_follows_leading_blank_lines(own: str, *, shell: Spelling, terminal: Start) -> None:
    """The role follows the blank lines with which many prompts begin, from the first prompt on and later."""
    window = terminal(shell, own, AWSENV_LABEL="ci")
    assert window.line.startswith("[ci] 0:")

    window.run(shell.unset.format("AWSENV_LABEL"))
    assert window.line.startswith("0:")
    window.run(shell.export.format("AWSENV_LABEL", "ci"))
    assert window.line.startswith("[ci] 0:")


@pytest.mark.parametrize(
    ("shell", "framework"),
    [(spelling.name, framework) for spelling in SPELLINGS.values() for framework in spelling.frameworks],
    indirect=["shell"],
)
def test_the_prompt_of_a_framework_is_left_alone(
    framework: str, *, shell: Spelling, terminal: Start, active: Environ
) -> None:
    """The hook leaves alone the prompt of a framework that shows the role itself, loaded before or after the hook."""
    define = shell.define.format(shell.frameworks[framework], "true")

    assert terminal(shell, define, **active(), LP_ENABLE_AWS_PROFILE="1").line.startswith("0:")
    window = terminal(shell, after=[define], **active(), LP_ENABLE_AWS_PROFILE="1")
    assert window.line.startswith("0:")
    assert f" {framework} shows " in window.run("awsenv doctor | grep prompt")


@pytest.mark.parametrize(
    ("shell", "framework"),
    [(spelling.name, framework) for spelling in SPELLINGS.values() for framework in spelling.frameworks],
    indirect=["shell"],
)
def test_the_demo_is_named_above_the_prompt_of_a_framework(
    framework: str, *, shell: Spelling, terminal: Start, active: Environ
) -> None:
    """A framework does not show that a role is of the demo: a line above its prompt does, also after a rebuild."""
    define = shell.define.format(shell.frameworks[framework], "true")
    demo = {**active(), "LP_ENABLE_AWS_PROFILE": "1", "AWSENV_DEMO": "http://127.0.0.1:1"}
    window = terminal(shell, define, **demo)

    assert ["(demo)", window.line.rstrip()] == window.text.splitlines()[-2:]
    assert window.line.startswith("0:")
    window.run(shell.new_prompt)
    assert "(demo)" == window.run("true")
    assert window.line.startswith("new 0:")


@pytest.mark.parametrize(
    "word",
    [
        "starship prompt",
        "_omp_get_prompt primary",
        "_tide_2_line_prompt",
        "_pure_prompt",
        "__bobthefish_prompt_aws_vault_profile",
    ],
)
def test_fish_frameworks_are_recognized_by_their_prompt(
    word: str, shells: Mapping[str, Spelling], require: Any, terminal: Start, active: Environ
) -> None:
    """The hook recognizes starship, oh-my-posh, tide, pure and bobthefish by the body of fish_prompt."""
    require("fish")
    own = f'function fish_prompt; true {word}; echo -n "0:"(count $prompts)"> "; end'

    shows = {"pure_enable_aws_profile": "true", "theme_display_aws_vault_profile": "yes"}
    assert terminal(shells["fish"], own, **active(), **shows).line.startswith("0:")


def test_a_prompt_that_prints_the_role_shows_it_once(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The hook inserts nothing into a prompt that calls awsenv_prompt_info, at the left or at the right."""
    window = terminal(shell, shell.expand_prompt, **active())
    for line in OWN_THEMES[shell.name]:
        window.run(line)
        window.run("true")

        assert 1 == window.screen.display[window.screen.cursor.y].count("[power-user 59m]"), line
    assert " the prompt shows the role: it calls awsenv_prompt_info" in window.run("awsenv doctor | grep prompt")


def test_bobthefish_shows_the_role_only_if_it_is_asked_to(
    shells: Mapping[str, Spelling], require: Any, terminal: Start, active: Environ
) -> None:
    """The hook shows the role beside a bobthefish that does not."""
    require("fish")
    own = 'function fish_prompt; true __bobthefish_prompt_dir; echo -n "0:"(count $prompts)"> "; end'

    assert terminal(shells["fish"], own, **active()).line.startswith("[power-user 59m] 0:")


def test_inherited_framework_variables_have_no_effect(shell: Spelling, terminal: Start, active: Environ) -> None:
    """A shell below one with starship shows the role: it inherits starship's variables, but not its prompt."""
    window = terminal(shell, **active(), STARSHIP_SHELL="bash", POSH_SHELL="zsh", STARSHIP_SESSION_KEY="1")

    assert window.line.startswith("[power-user 59m] 0:")


def test_the_demo_is_in_the_prompt(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The prompt says that this is the demo, with a role and without, also after the user has replaced it."""
    window = terminal(shell, AWSENV_DEMO="http://127.0.0.1:1")
    assert window.line.startswith("(demo) 0:")

    window.run(shell.new_prompt)
    window.run("true")
    assert window.line.startswith("(demo) new 0:")
    for name, value in active().items():
        window.run(shell.export.format(name, value))
    assert window.line.startswith("(demo) [power-user")


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "shopt -u promptvars"),
        ("zsh", "setopt prompt_subst no_prompt_percent; PROMPT='0:$((++n))> '"),
    ],
    indirect=["shell"],
)
def test_a_prompt_that_expands_nothing_is_left_alone(line: str, *, shell: Spelling, terminal: Start) -> None:
    """Where a reference to the text would show as it is, the prompt contains none, in the demo either."""
    window = terminal(shell, line, AWSENV_LABEL="ci", AWSENV_DEMO="http://127.0.0.1:1")
    window.run("true")

    assert window.line.startswith(("0:", "$?:"))


def test_the_time_left_is_right_at_every_second(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The text changes when a minute turns, with each of the last seconds, and when the clock is set back."""
    window = terminal(shell, **active(130))

    for passed, text in (
        *((9, "2m"), (10, "2m"), (11, "1m"), (70, "1m"), (71, "59s"), (72, "58s"), (72, "58s"), (129, "1s")),
        *((130, "expired"), (131, "expired"), (9999, "expired"), (129, "1s"), (71, "59s"), (70, "1m"), (10, "2m")),
        *((-3470, "1h00m"), (-3471, "1h00m"), (-3469, "59m"), (131, "expired"), (0, "2m")),
    ):
        window.run(f"clock {NOW + passed}")
        assert window.line.startswith(f"[power-user {text}] 0:"), passed
        window.run("true")
        assert window.line.startswith(f"[power-user {text}] 0:"), passed


def test_the_prompt_follows_every_change(shell: Spelling, terminal: Start, active: Environ) -> None:
    """The next prompt shows each change of the role, of the prompt and of what decides how the role shows."""
    window = terminal(shell, **active())
    export, unset = shell.export.format, shell.unset.format
    source = shell.source.format(f"~/{shell.rc}")

    for line, shown in (
        (export("AWSENV_LABEL", "other"), "[other 59m] 0:"),
        (export("AWSENV_EXPIRES_EPOCH", NOW + 7200), "[other 2h00m] 0:"),
        (export("AWSENV_DEMO", "x"), "(demo) [other 2h00m] 0:"),
        (unset("AWSENV_LABEL"), "(demo) 0:"),
        (export("AWSENV_LABEL", "other"), "(demo) [other 2h00m] 0:"),
        (unset("AWSENV_DEMO"), "[other 2h00m] 0:"),
        (export("AWSENV_DISABLE_PROMPT", "1"), "0:"),
        (shell.new_prompt, "new 0:"),
        (unset("AWSENV_DISABLE_PROMPT"), "[other 2h00m] new 0:"),
        (shell.prompt, "[other 2h00m] 0:"),
        (source, "[other 2h00m] 0:"),
        (f"{source}; {source}", "[other 2h00m] 0:"),
        (unset("AWSENV_EXPIRES_EPOCH"), "[other] 0:"),
        (f"PS1=\r{shell.prompt}", "[other] 0:"),
        (unset("AWSENV_LABEL"), "0:"),
        (export("AWSENV_LABEL", "third"), "[third] 0:"),
    ):
        window.run(line)
        window.run("true")
        assert window.line.startswith(shown), line

    window.run(export("AWSENV_EXPIRES_EPOCH", NOW + 60))
    for line, color in (
        ("true", "red"),
        (export("NO_COLOR", "1"), "default"),
        (unset("NO_COLOR"), "red"),
        (export("TERM", "dumb"), "default"),
        (export("TERM", "xterm"), "red"),
    ):
        window.run(line)
        assert (color, False) == window.look(), line


def test_a_replaced_prompt_shows_the_role(shell: Spelling, terminal: Start) -> None:
    """The hook inserts the role again into a prompt that the user has replaced."""
    window = terminal(shell, AWSENV_LABEL="ci")

    window.run(shell.new_prompt)
    window.run("true")

    assert window.line.startswith("[ci] new 0:")


def test_the_hook_has_a_clock_in_an_old_bash(run: Start, shells: Mapping[str, Spelling], hooks: Path) -> None:
    """A bash without EPOCHSECONDS computes the time from SECONDS."""
    script = f""". {hooks}/awsenv.bash
        _awsenv_zero=$(( $(date +%s) - SECONDS )); _awsenv_now='_awsenv_zero + SECONDS'; unset EPOCHSECONDS
        awsenv_prompt_info"""

    answer = run(shells["bash"], script, AWSENV_LABEL="ci", AWSENV_EXPIRES_EPOCH=str(int(time.time()) + 630))

    assert "[ci 10m]\n" == answer.stdout


def test_zsh_has_a_clock_without_its_module(
    run: Start, shells: Mapping[str, Spelling], require: Any, hooks: Path
) -> None:
    """Without zsh/datetime, the hook gets the time from a prompt expansion."""
    require("zsh")
    script = f"source {hooks}/awsenv.zsh; zmodload -u zsh/datetime; awsenv_prompt_info"

    answer = run(shells["zsh"], script, AWSENV_LABEL="ci", AWSENV_EXPIRES_EPOCH=str(int(time.time()) + 630))

    assert ("[ci 10m]\n", "") == (answer.stdout, answer.stderr)


@pytest.mark.parametrize("seconds", [3600 * 2, 600, -100])
def test_a_prompt_starts_no_process(
    shell: Spelling,
    seconds: int,
    *,
    require: Any,
    clean_environ: dict[str, str],
    active: Environ,
    hooks: Path,
    tmp_path: Path,
) -> None:
    """A prompt forks no process and executes no program, whatever it shows."""
    script = f"{shell.load(hooks)}; {shell.five_prompts}"
    argv = shell.command(script, *shell.strict, *shell.at_prompts)
    trace = tmp_path / "trace"
    environ = clean_environ | active(seconds) | {"_AWSENV_BIN": "/bin/true"}

    subprocess.run(
        [require("strace"), "-f", "-o", trace, "-e", "trace=clone,clone3,fork,vfork,execve", *argv],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )

    calls = [line for line in trace.read_text().splitlines() if "(" in line and "CLONE_THREAD" not in line]
    # The only call starts the shell itself.
    assert ["execve"] == [line.split()[1].partition("(")[0] for line in calls]


def test_the_hook_adds_little_to_a_trace_of_bash(
    shells: Mapping[str, Spelling], terminal: Start, active: Environ
) -> None:
    """At each prompt the hook adds only a few lines to the output of `set -x`, which stays on; without a role, none."""
    window = terminal(shells["bash"], **active(14 * 60))
    window.run("set -x")

    for _ in range(2):
        lines = window.run("(exit 3)").splitlines()

        assert "+ exit 3" in lines
        assert 6 >= len([line for line in lines if line.startswith("++ ")])
        assert window.line.startswith("[power-user 14m] 3:")
    window.run("unset AWSENV_LABEL")
    window.run("true")
    assert "+ true" == window.run("true")
    assert window.line.startswith("0:")
