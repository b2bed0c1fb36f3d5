"""Real prompt frameworks beside the hook, and our segments in them, as docs/prompts.md describes."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from spelling import Spelling

    Start = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A prompt framework that can be installed from Debian, npm or PyPI."""

    runs_in: str
    name: str
    load: str
    """The line of the rc file that loads it. `{}` is where it is."""
    prompt: str
    """The characters of which its prompt ends with one."""
    package: str = ""
    """Its package of npm."""
    program: str = ""
    """A program that comes with it, if it is no package of npm."""
    after: str = ""
    """The line after it and the hook."""
    shows: str = r"\[power-user 5\dm\]"
    """What its prompt shows of the role."""
    expired: str = r"\[power-user expired\]"


STARSHIP = r"\[power-user 5\dm\d+s\]"

FRAMEWORKS = [
    *(
        Framework(
            runs_in=shell,
            name="starship",
            program="starship",
            load=line,
            prompt="\u276f",
            shows=STARSHIP,
        )
        for shell, line in (
            ("bash", 'eval "$(starship init bash)"'),
            ("zsh", 'eval "$(starship init zsh)"'),
            ("fish", "starship init fish | source"),
        )
    ),
    *(
        Framework(
            runs_in=shell,
            name="liquidprompt",
            program="liquidprompt_activate",
            load=". /usr/share/liquidprompt/liquidprompt",
            prompt="#$%",
            shows=r"\[power-user\]",
            expired=r"\[power-user\]",
        )
        for shell in ("bash", "zsh")
    ),
    Framework(
        runs_in="bash",
        name="liquidprompt without its own part",
        program="liquidprompt_activate",
        load="LP_ENABLE_AWS_PROFILE=0; . /usr/share/liquidprompt/liquidprompt",
        prompt="#$%",
    ),
    Framework(
        runs_in="zsh",
        name="pure",
        load="fpath+=({}); autoload -U promptinit; promptinit; prompt pure",
        package="pure-prompt@1.28.3",
        prompt="\u276f",
    ),
    Framework(
        runs_in="zsh",
        name="spaceship",
        # Its other sections look for a dozen programs before each prompt, which takes four seconds of the processor.
        load=(
            "SPACESHIP_PROMPT_ASYNC=false SPACESHIP_AWS_SYMBOL=; SPACESHIP_PROMPT_ORDER=(dir aws exit_code char); "
            "source {}/spaceship.zsh"
        ),
        package="spaceship-prompt@4.22.5",
        after="spaceship add --before aws awsenv; spaceship remove aws",
        prompt="\u279c",
        shows=r"using power-user 5\dm",
        expired="using power-user expired",
    ),
]


@pytest.fixture
def framework(
    request: pytest.FixtureRequest, require: Start, node_package: Callable[[str], Path]
) -> tuple[Framework, str]:
    """Return a framework, and the line that loads it."""
    framework: Framework = request.param
    require(framework.runs_in)
    if framework.package:
        return framework, framework.load.format(node_package(framework.package))
    require(framework.program)
    return framework, framework.load


@pytest.mark.parametrize("hook", ["first", "last"])
@pytest.mark.parametrize("framework", FRAMEWORKS, indirect=True, ids=lambda each: f"{each.name}-{each.runs_in}")
def test_a_real_framework_shows_the_role_once(
    framework: tuple[Framework, str],
    hook: str,
    *,
    open_terminal: Start,
    write_rc: Start,
    clean_environ: Mapping[str, str],
    hooks: Path,
) -> None:
    """The role stands once, with its time left where the framework can show it, until it is off; so does the demo."""
    real, load = framework
    shell = SPELLINGS[real.runs_in]
    write_rc(shell, *([shell.hook, load] if hook == "first" else [load, shell.hook]), real.after)
    expires = int(time.time()) + 3599
    role = {
        "AWSENV_ROLE": "power-user",
        "AWSENV_LABEL": "power-user",
        "AWSENV_DEMO": "http://127.0.0.1:1",
        "AWSENV_EXPIRES_EPOCH": str(expires),
        "AWS_CREDENTIAL_EXPIRATION": rfc3339(expires),
        "AWS_VAULT": "power-user",
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "STARSHIP_CONFIG": str(hooks / "prompts/starship.toml"),
    }
    window = open_terminal([shell.name], {**clean_environ, **role}, ours=False)

    shown = window.after("true", real.prompt)
    assert 1 == len(re.findall(real.shows, shown)), shown
    assert (1, 1) == (shown.count("power-user"), shown.count("(demo)")), shown
    shown = window.after(shell.unset.format("AWSENV_DEMO"), real.prompt)
    assert (1, 0) == (shown.count("power-user"), shown.count("(demo)")), shown
    window.after(shell.export.format("AWSENV_EXPIRES_EPOCH", 1_000_000_000), real.prompt)
    shown = window.after(shell.export.format("AWS_CREDENTIAL_EXPIRATION", rfc3339(1_000_000_000)), real.prompt)
    assert 1 == len(re.findall(real.expired, shown)), shown
    assert 1 == shown.count("power-user"), shown
    shown = window.after(shell.evaluate.format("awsenv off"), real.prompt)
    assert 0 == shown.count("power-user"), shown


def test_the_document_says_what_the_tests_do() -> None:
    """docs/prompts.md has the lines that are tested here, and each segment that `awsenv init` prints."""
    text = (Path(__file__).parents[2] / "docs/prompts.md").read_text(encoding="utf-8")

    assert [] == [each.after for each in FRAMEWORKS if each.after not in text]
    assert "`LP_ENABLE_AWS_PROFILE=0`" in text
    assert {"oh-my-posh", "starship", "tide", "tmux"} == set(re.findall("^awsenv init ([a-z-]+)", text, re.MULTILINE))


def rfc3339(epoch: int) -> str:
    """Return a time as AWS_CREDENTIAL_EXPIRATION has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


P10K = r"""
p10k() {{
  local -A given
  shift
  while (($#)); do
    if [[ $1 == -e ]]; then given[$1]=yes; else given[$1]=$2; shift; fi
    shift
  done
  [[ -z ${{given[-c]-x}} || -n ${{(e)given[-c]-x}} ]] || return 0
  local text=$given[-t]
  [[ -z ${{given[-e]-}} ]] || text=${{(e)text}}
  print -r -- "$given[-s] $given[-f]: ${{(%)text}}"
}}
setopt prompt_subst
{segment}
"""
"""Does what powerlevel10k does with the arguments of `p10k segment`: `p10k help segment`."""

TIDE = r"""
function _tide_print_item
    set -l v tide_$argv[1]_color
    printf '%s: %s' $$v (string replace -a \e E -- $argv[2..])
end
source $HOOKS/prompts/tide.fish
_tide_item_awsenv
"""
"""Does what tide does with its items, in a fish without the hook, too."""

OH_MY_POSH = r"""
printf '{{"version": 3, "blocks": [{{"type": "prompt", "alignment": "left", "segments": [%s]}}]}}' \
  "$(cat $HOOKS/prompts/oh-my-posh.json)" >theme.json
oh-my-posh print primary --config theme.json --shell fish
"""

SEGMENTS = {
    "oh-my-posh": ("bash", OH_MY_POSH, ""),
    "powerlevel10k": ("zsh", P10K, 'eval "$(awsenv init zsh)"; prompt_awsenv'),
    "powerlevel10k, hook from its file": ("zsh", P10K, "source $HOOKS/awsenv.zsh; prompt_awsenv"),
    "powerlevel10k, before the hook": ("zsh", P10K, "source $HOOKS/awsenv.zsh; instant_prompt_awsenv"),
    "tide": ("fish", TIDE, ""),
}


@pytest.fixture
def tmux(
    require: Start, home: Path, clean_environ: dict[str, str], tmp_path: Path, hooks: Path
) -> Iterator[Callable[..., str]]:
    """Return a function that runs a command of a tmux of our own, which reads our file."""
    argv = [require("tmux"), "-S", str(tmp_path / "tmux"), "-f", str(hooks / "prompts/tmux.conf")]

    def tmux(*words: str) -> str:
        return subprocess.check_output([*argv, *words], env={**clean_environ, "TERM": "xterm"}, cwd=home, text=True)

    yield tmux
    tmux("kill-server")


def test_tmux_shows_the_role_of_the_active_pane(shell: Spelling, write_rc: Start, tmux: Callable[..., str]) -> None:
    """The status line follows the role of the pane, and after a nested shell shows the role of the outer one again."""
    write_rc(shell, shell.hook)
    tmux("new-session", "-d", "-x", "200", shell.name)

    def status(*lines: str) -> str:
        for line in (*lines, "tmux wait-for -S done"):
            tmux("send-keys", "-l", f"{line}\r")
        tmux("wait-for", "done")
        return tmux("display-message", "-p", "#{T:status-right}")

    role = [
        shell.export.format("AWSENV_LABEL", "power-user"),
        shell.export.format("AWSENV_EXPIRES_EPOCH", int(time.time()) + 3650),
    ]
    assert "power-user" not in status("true")
    assert re.search(r"\[power-user 1h0[01]m\]", status(*role))
    assert re.search(
        r"#\[fg=colour208\]\[power-user expired\]",
        status(shell.export.format("AWSENV_COLOR", "'38;5;208'"), shell.export.format("AWSENV_EXPIRES_EPOCH", 99)),
    )
    assert "power-user" not in status(shell.name, shell.unset.format("AWSENV_LABEL"))
    assert "power-user" in status("exit")
    assert "power-user" not in status(shell.unset.format("AWSENV_LABEL"))


@pytest.fixture(params=SEGMENTS)
def draw(request: pytest.FixtureRequest, require: Start, run: Start, hooks: Path) -> Callable[..., str]:
    """Return a function that draws a segment of ours as its framework does, with variables of a role."""
    shell, script, segment = SEGMENTS[request.param]
    require(request.param if shell == "bash" else shell)

    def draw(**environ: str) -> str:
        done: subprocess.CompletedProcess[str] = run(
            SPELLINGS[shell], script.format(segment=segment), HOOKS=str(hooks), **environ
        )
        assert ("", 0) == (done.stderr, done.returncode)
        return done.stdout.strip()

    return draw


@pytest.mark.parametrize(
    ("left", "time_left"),
    [
        (-5, " expired"),
        (0, " expired"),
        (55, r" [45]\ds"),
        (65, " 1m|5[0-9]s"),
        (3599, " 59m"),
        (3665, " 1h0[01]m"),
        (3600 * 30 + 330, " 30h0[45]m"),
        (None, ""),
    ],
)
def test_a_segment_shows_the_time_left(left: int | None, time_left: str, draw: Callable[..., str]) -> None:
    """The segment of a framework shows the label and how much time is left, before the hook is loaded, too."""
    end = {} if left is None else {"AWSENV_EXPIRES_EPOCH": str(int(time.time()) + left)}

    drawn = draw(AWSENV_LABEL="power-user", **end)

    assert re.fullmatch(rf".*power-user({time_left})(\].*)?", drawn), drawn


def test_a_segment_has_the_colour_of_the_role(draw: Callable[..., str], request: pytest.FixtureRequest) -> None:
    """The segment has the colour that the user has given the role, unless the role has ended: that is red."""
    end = int(time.time())
    instant = "before the hook" in request.node.callspec.id

    active = draw(AWSENV_LABEL="ci", AWSENV_COLOR="38;5;99", AWSENV_EXPIRES_EPOCH=str(end + 3600))
    expired = draw(AWSENV_LABEL="ci", AWSENV_COLOR="38;5;99", AWSENV_EXPIRES_EPOCH=str(end - 9))

    # powerlevel10k expands the text, but not the colour.
    assert ("208" if instant else "99") in active.partition("ci")[0]
    assert re.search(r"red|31m|;1m", expired.partition("ci")[0]), expired


def test_a_segment_shows_nothing_without_a_role(draw: Callable[..., str]) -> None:
    """A segment is not there while no role is active."""
    assert "" == draw()
    assert "" == draw(AWSENV_LABEL="")


def test_a_segment_is_inert(draw: Callable[..., str], home: Path) -> None:
    """Nothing in the variables runs, changes a colour or reaches shell arithmetic."""
    touch = "$(touch ran)`touch ran`"

    drawn = draw(
        AWSENV_LABEL=f"x{touch}%F{{red}}\x1b[31m\\y", AWSENV_EXPIRES_EPOCH=f"a[{touch}]", AWSENV_COLOR=f"1m{touch}"
    )

    assert "xtouchrantouchranFred31my" in drawn
    assert not (home / "ran").exists()
