"""The prompt at a real terminal: what it shows, in which colour, and what it leaves alone."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Environ = Callable[..., dict[str, str]]
    Start = Callable[..., Any]

# A function that each framework has while it owns the prompt.
FRAMEWORKS = {
    "bash": {"starship": "starship_precmd", "oh-my-posh": "_omp_hook"},
    "zsh": {
        "starship": "prompt_starship_precmd",
        "oh-my-posh": "_omp_precmd",
        "powerlevel10k": "p10k",
        "spaceship": "spaceship",
    },
    "fish": {"tide": "tide"},
}


@pytest.mark.parametrize(
    ("environ", "says"),
    [({}, "the hook shows the role and its time left"), ({"AWSENV_DISABLE_PROMPT": "1"}, "leaves the prompt alone")],
)
def test_the_doctor_says_what_the_hook_shows(shell: Any, environ: dict[str, str], says: str, terminal: Start) -> None:
    """Ask the hook, which knows, and no startup file."""
    assert says in terminal(shell, **environ).run("awsenv doctor | grep prompt")


def test_no_role_no_text(shell: Any, terminal: Start) -> None:
    """Leave the prompt as it is while no role is active."""
    assert terminal(shell).line.startswith("0:")


def test_the_first_prompt_shows_the_role_that_was_inherited(shell: Any, terminal: Start, active: Environ) -> None:
    """Show in a subshell what the shell above has set, from the first prompt on."""
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
def test_time_left_and_its_colour(
    shell: Any, *, seconds: int, text: str, look: tuple[str, bool], terminal: Start, active: Environ
) -> None:
    """Say how long, and turn yellow below 15 minutes, red below 5, bold at the end; what follows is as it was."""
    window = terminal(shell, **active(seconds))

    assert text == window.line[: len(text)]
    assert look == window.look()
    assert window.look(len(text)) == ("default", False)


def test_the_time_left_is_that_of_the_real_clock(shell: Any, terminal: Start) -> None:
    """Read the time of day without a process."""
    ends = str(int(time.time()) + 10 * 3600)

    window = terminal(shell, AWSENV_ROLE="power-user", AWSENV_LABEL="power-user", AWSENV_EXPIRES_EPOCH=ends)

    assert window.line.startswith(("[power-user 9h", "[power-user 10h00m]"))


@pytest.mark.parametrize("quiet", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_with_no_color_or_a_dumb_terminal(
    shell: Any, quiet: dict[str, str], run: Start, active: Environ, hooks: Path
) -> None:
    """Print the bare text with NO_COLOR, and at a terminal that knows no colour."""
    show = {
        "bash": '. {}; {}; PS1=x; _awsenv_prompt; printf "%s" "$_awsenv_ps1"',
        "zsh": 'source {}; {}; PROMPT=; _awsenv_prompt; print -n -- "$psvar[61]$psvar[62]$psvar[63] "',
        "fish": "source {}; {}; __awsenv_refresh; echo -n $__awsenv_text",
    }[shell.name]
    if shell.name == "fish":
        shell = type(shell)(**{**vars(shell), "strict": ["--no-config", "--private", "-i", "-c"]})

    answer = run(shell, show.format(hooks / f"awsenv.{shell.name}", shell.stopped), **active(60), **quiet)

    assert "[power-user 1m] " == answer.stdout


def test_an_empty_no_color_means_colour(shell: Any, terminal: Start, active: Environ) -> None:
    """Follow no-color.org: present *and not empty*."""
    assert terminal(shell, **active(60), NO_COLOR="").look() == ("red", False)


def test_the_prompt_can_be_turned_off(shell: Any, terminal: Start, active: Environ) -> None:
    """Show nothing while AWSENV_DISABLE_PROMPT is set, from one prompt to the next, and still tell a theme."""
    window = terminal(shell, **active())
    window.run(shell.export.format("AWSENV_DISABLE_PROMPT", "1"))

    assert window.line.startswith("0:")
    assert "[power-user 59m]" == window.run("awsenv_prompt_info")


def test_a_role_without_expiry_has_no_time(shell: Any, terminal: Start) -> None:
    """Show the label alone when the keys are long-lived."""
    assert terminal(shell, AWSENV_LABEL="ci", AWSENV_ROLE="ci").line.startswith("[ci] 0:")


@pytest.mark.parametrize(
    "expires", ["", "soon", "-5", "08", "1e9", " 99", "9" * 40, "a[$(touch spilt)]", "1+x[$(touch spilt)]", "٣"]
)
def test_an_expiry_that_is_no_number_is_not_shown_and_not_run(
    shell: Any, expires: str, terminal: Start, home: Path
) -> None:
    """Let nothing but digits into arithmetic, which runs what it is given."""
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
def test_a_hostile_label_is_inert(shell: Any, label: str, shown: str, terminal: Start, home: Path) -> None:
    """Show of a label what a label may have, even where a prompt is expanded again: nothing is run or coloured."""
    before = ("setopt prompt_subst",) if shell.name == "zsh" else ()

    window = terminal(shell, *before, AWSENV_LABEL=label, AWSENV_ROLE="x")

    assert window.line.startswith(f"[{shown}] 0:")
    assert window.look(1) == ("default", False)
    assert not (home / "spilt").exists()


def test_the_status_of_the_last_command_is_kept(shell: Any, terminal: Start, active: Environ) -> None:
    """Hand `$?` on to the user's own prompt, and `$?` and the statuses of a pipe to the next command."""
    window = terminal(shell, **active())

    window.run("sh -c 'exit 7'")
    assert window.line.startswith("[power-user 59m] 7:")
    assert "7" == window.run(f"echo {shell.status}")
    window.run("sh -c 'exit 3' | true | sh -c 'exit 4'")
    assert window.line.startswith("[power-user 59m] 4:")
    assert "3 0 4" == window.run(f"echo {shell.pipe_status}")


def test_what_comes_after_in_prompt_command_sees_the_status(shells: Any, terminal: Start, active: Environ) -> None:
    """Leave `$?` alone for the prompt commands that others add, with a role and without."""
    window = terminal(shells["bash"], after=['PROMPT_COMMAND="$PROMPT_COMMAND; seen=\\$?"'], **active())

    window.run("sh -c 'exit 7'")
    assert "7" == window.run("echo $seen")
    window.run("unset AWSENV_LABEL")
    window.run("sh -c 'exit 8'")
    assert "8" == window.run("echo $seen")


def test_a_prompt_of_fish_sees_every_status(shells: Any, require: Any, terminal: Start, active: Environ) -> None:
    """Let fish's own prompt see the statuses of a pipe, though ours comes before it."""
    require("fish")
    own = 'function fish_prompt; set -l p $pipestatus; echo -n "$status <$p> :"(count $prompts)"> "; end'
    window = terminal(shells["fish"], own, **active())

    window.run("false | true | sh -c 'exit 5'")

    assert window.line.startswith("[power-user 59m] 0 <1 0 5> ") or window.line.startswith(
        "[power-user 59m] 5 <1 0 5> "
    )


def test_a_long_line_wraps_where_it_should(shell: Any, terminal: Start, active: Environ) -> None:
    """Count the width of the prompt without its colours, so that editing a long line does not garble it."""
    window = terminal(shell, **active(60))
    text = "echo " + "x" * 90
    prompt = window.line

    window.child.send(text)
    window.until(lambda: window.text.count("x") == 90, "long line")
    window.child.send("\x01" + "\x05")  # to its begin, and to its end
    window.child.send("y")
    window.until(lambda: "y" in window.screen.display[window.screen.cursor.y], "last letter")

    shown = "".join(window.screen.display[window.screen.cursor.y - 1 : window.screen.cursor.y + 1])
    assert prompt + text + "y" == shown.rstrip()
    assert (len(prompt + text) + 1) % 80 == window.screen.cursor.x


@pytest.mark.parametrize("start", ["\\n", "\n", "\\n\\n"])
def test_a_prompt_of_two_lines_has_the_role_in_the_second(start: str, shells: Any, terminal: Start) -> None:
    """Put the role behind the blank line that many prompts begin with."""
    window = terminal(shells["bash"], f"PS1='{start}'\"$PS1\"")
    window.run("export AWSENV_LABEL=ci")

    assert window.line.startswith("[ci] 0:")


def test_a_blank_first_line_in_zsh_and_fish(shells: Any, require: Any, terminal: Start) -> None:
    """Do the same for the blank line of the other shells."""
    for name, own in {
        "zsh": "PROMPT=$'\\n\\n'$PROMPT",
        "fish": "functions -c fish_prompt inner; function fish_prompt; echo; inner; end",
    }.items():
        require(name)
        window = terminal(shells[name], own, AWSENV_LABEL="ci")
        assert window.line.startswith("[ci] 0:"), name


@pytest.mark.parametrize(
    ("name", "framework"), [(name, framework) for name, known in FRAMEWORKS.items() for framework in known]
)
def test_nothing_is_inserted_where_a_framework_owns_the_prompt(
    name: str, framework: str, *, shells: Any, require: Any, terminal: Start, active: Environ
) -> None:
    """Leave alone the prompts that show AWS_VAULT themselves, loaded before the hook or after it."""
    require(name)
    function = FRAMEWORKS[name][framework]
    define = f"function {function}; end" if name == "fish" else f"{function}() {{ :; }}"

    assert terminal(shells[name], define, **active()).line.startswith("0:")
    window = terminal(shells[name], after=[define], **active())
    assert window.line.startswith("0:")
    assert f" {framework} shows " in window.run("awsenv doctor | grep prompt")


@pytest.mark.parametrize("word", ["starship prompt", "_omp_get_prompt primary", "_tide_2_line_prompt"])
def test_fish_prompts_of_frameworks_are_known_by_their_calls(
    word: str, shells: Any, require: Any, terminal: Start, active: Environ
) -> None:
    """Know starship, oh-my-posh and tide by the body of fish_prompt: they define no other function at once."""
    require("fish")
    own = f'function fish_prompt; true {word}; echo -n "0:"(count $prompts)"> "; end'

    assert terminal(shells["fish"], own, **active()).line.startswith("0:")


def test_a_name_of_a_framework_in_the_environment_means_nothing(shell: Any, terminal: Start, active: Environ) -> None:
    """Show the role in a shell below one that has starship: its variables are inherited, its prompt is not."""
    window = terminal(shell, **active(), STARSHIP_SHELL="bash", POSH_SHELL="zsh", STARSHIP_SESSION_KEY="1")

    assert window.line.startswith("[power-user 59m] 0:")


def test_a_virtual_environment_comes_and_goes_in_between(shell: Any, terminal: Start, home: Path) -> None:
    """Show the role that is active and no other, though venv puts back the prompt that it found."""
    subprocess.run([shutil.which("python3") or "python3", "-m", "venv", "--without-pip", home / "venv"], check=True)
    suffix = ".fish" if shell.name == "fish" else ""
    activate = f"source venv/bin/activate{suffix}"
    window = terminal(shell)

    window.run(shell.export.format("AWSENV_LABEL", "one"))
    assert window.line.startswith("[one] 0:")
    window.run(activate)
    assert window.line.startswith("(venv) [one] 0:")
    window.run(shell.unset.format("AWSENV_LABEL"))
    assert window.line.startswith("(venv) 0:")
    window.run("deactivate")
    assert window.line.startswith("0:")

    window.run(activate)
    window.run(shell.export.format("AWSENV_LABEL", "two"))
    assert window.line.count("[two] ") == 1
    window.run("deactivate")
    window.run("true")
    assert window.line.startswith("[two] 0:")
    window.run(shell.unset.format("AWSENV_LABEL"))
    assert window.line.startswith("0:")


def test_a_prompt_that_is_rebuilt_gets_the_role_again(shell: Any, terminal: Start) -> None:
    """Insert the role again into a prompt that was replaced."""
    window = terminal(shell, AWSENV_LABEL="ci")
    again = {
        "bash": r"PS1='new $?:\#> '",
        "zsh": "PROMPT='new %?:%i> '",
        "fish": 'function fish_prompt; echo -n -s "new " $status : (count $prompts) "> "; end',
    }[shell.name]

    window.run(again)
    window.run("true")

    assert window.line.startswith("[ci] new 0:")


def test_the_clock_of_an_old_bash(run: Start, shells: Any, hooks: Path) -> None:
    """Tell the time from SECONDS, as bash does before it has EPOCHSECONDS."""
    script = f""". {hooks}/awsenv.bash
        _awsenv_zero=$(( $(date +%s) - SECONDS )); _awsenv_now='_awsenv_zero + SECONDS'; unset EPOCHSECONDS
        awsenv_prompt_info"""

    answer = run(shells["bash"], script, AWSENV_LABEL="ci", AWSENV_EXPIRES_EPOCH=str(int(time.time()) + 630))

    assert "[ci 10m]\n" == answer.stdout


def test_zsh_has_a_clock_without_its_module(run: Start, shells: Any, require: Any, hooks: Path) -> None:
    """Ask the prompt for the time where zsh/datetime is missing."""
    require("zsh")
    script = f"source {hooks}/awsenv.zsh; zmodload -u zsh/datetime; awsenv_prompt_info"

    answer = run(shells["zsh"], script, AWSENV_LABEL="ci", AWSENV_EXPIRES_EPOCH=str(int(time.time()) + 630))

    assert ("[ci 10m]\n", "") == (answer.stdout, answer.stderr)


PROMPTS = {
    "bash": ". {}; PS1=x; : mark; for i in 1 2 3 4 5; do _awsenv_prompt; done",
    "zsh": "source {}; PROMPT=x; for i in 1 2 3 4 5; do _awsenv_prompt; done",
    "fish": "source {}; function fish_prompt; echo x; end; for i in 1 2 3 4 5; __awsenv_refresh; fish_prompt; end",
}


@pytest.mark.parametrize("seconds", [3600 * 2, 600, -100])
def test_a_prompt_costs_no_process(
    shell: Any,
    seconds: int,
    *,
    require: Any,
    clean_environ: dict[str, str],
    active: Environ,
    hooks: Path,
    tmp_path: Path,
) -> None:
    """Fork nothing and execute nothing for a prompt, whatever it shows."""
    script = PROMPTS[shell.name].format(hooks / f"awsenv.{shell}")
    argv = [shell.name, *shell.strict[:-1], *(["-i"] if shell.name == "fish" else []), "-c", script]
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
    # The start of the shell itself.
    assert ["execve"] == [line.split()[1].partition("(")[0] for line in calls]


def test_a_trace_of_bash_is_of_what_the_user_runs(shells: Any, terminal: Start, active: Environ) -> None:
    """Add no more than a few lines to `set -x` at each prompt, and leave it on."""
    window = terminal(shells["bash"], **active(14 * 60))
    window.run("set -x")

    for _ in range(2):
        lines = window.run("(exit 3)").splitlines()

        assert "+ exit 3" in lines
        assert 6 >= len([line for line in lines if line.startswith("++ ")])
        assert window.line.startswith("[power-user 14m] 3:")
