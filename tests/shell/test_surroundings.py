"""The hook beside prompts that are rebuilt or move the cursor, read-only names, traps and options of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from spelling import Spelling

    Environ = Callable[..., dict[str, str]]
    Start = Callable[..., Any]

MOVING = {
    "bash": [
        rf"PS1='{before}$?:\#> '"
        for before in (
            *(r"\[\e[G\]", r"\r", r"\[\r\]", r"\[\e[2K\]\r\[\e[32m\]", r"\[\033[2K\]", r"\[\e[31m\]\[\e[1G\]"),
            *(r"\[\e]0;\u@\h: \w\a\]\[\e[G\]", r"\[\e[31m\e[G\]", r"\e[G", r"\n\[\e[K\]", r"\[\e7\e[60G12:00\e8\]"),
        )
    ]
    + [r"PS1=$'\e[2K\r$?:\\#> '", r"PS1=$'\n\e[G$?:\\#> '"],
    "zsh": [
        rf"PROMPT=$'{before}%?:%i> '"
        for before in (
            *(r"%{\e[G%}", r"\r", r"%{\r%}", r"%{\e[2K%}\r%F{green}", r"%F{red}%B\r", r"%{\e]0;title\a%}%{\e[1G%}"),
            *(r"%{\e[31m\e[G%}", r"\e[G", r"\n%{\e[K%}", r"%{\e7\e[60G12:00\e8%}", r"%f%k%{\e[0G%}"),
        )
    ]
    + ["RPROMPT='right'"],
    "fish": [
        rf"function fish_prompt; set -l s $status; printf '{before}'; echo -n -s $s : (count $prompts) '> '; end"
        for before in (
            *(r"\e[G", r"\r", r"\e[2K\r\e[32m", r"\e[31m\e[1G", r"\e]0;title\a\e[G", r"\n\e[G", r"\e[32m\e[0K"),
            r"\e[?25h\r",
        )
    ]
    + ["function fish_right_prompt; echo right; end"],
}
"""Lines that make a prompt begin with codes which move the cursor or erase, where it would hide what stands before."""

REBUILT = {
    "bash": [
        "PROMPT_COMMAND+='; build'",
        'PROMPT_COMMAND="build; $PROMPT_COMMAND"',
        "PROMPT_COMMAND=\"${PROMPT_COMMAND%build}\"$'\\nbuild'",
        "PROMPT_COMMAND=($'true\\ntrue' \"${PROMPT_COMMAND[@]}\" build)",
        "PROMPT_COMMAND+=('true; build' :)",
        "PROMPT_COMMAND+=(build __bp_interactive_mode); __bp_interactive_mode() { :; }",
        "PROMPT_COMMAND=build; awsenv power-user",
        "unset PROMPT_COMMAND; PROMPT_COMMAND=(build); awsenv power-user",
        "set -u; PROMPT_COMMAND=(: \"${PROMPT_COMMAND[@]}\" build); unset 'PROMPT_COMMAND[0]'",
    ],
    "zsh": [
        "precmd_functions+=(build)",
        "precmd_functions=(_awsenv_prompt build build)",
        "precmd_functions=(${(Oa)precmd_functions} build)",
        "precmd() { build }",
        "precmd_functions=(build); awsenv power-user",
    ],
}
"""Lines after which the function `build` sets the prompt anew before each prompt, after the hook."""


@pytest.mark.parametrize("shell", MOVING, indirect=True)
def test_the_role_follows_what_moves_the_cursor(shell: Spelling, terminal: Start) -> None:
    """The role stands once, and visibly, in prompts that begin with a movement of the cursor, a colour or a title."""
    window = terminal(shell, AWSENV_LABEL="ci")

    for line in MOVING[shell.name]:
        window.run(line)
        window.run("true")

        assert window.line.startswith("[ci] 0:"), line
        assert 1 == window.line.count("[ci]"), line


@pytest.mark.parametrize("shell", REBUILT, indirect=True)
def test_the_role_is_in_a_prompt_that_is_rebuilt(shell: Spelling, terminal: Start) -> None:
    """The hook runs last before a prompt, whatever has been added after it, and also where it was removed."""
    window = terminal(shell, shell.define.format("build", shell.new_prompt), AWSENV_LABEL="power-user")

    for line in REBUILT[shell.name]:
        window.run(line)
        window.run("sh -c 'exit 7'")

        assert window.line.startswith("[power-user] new 7:"), line
        assert 1 == window.line.count("[power-user]"), line
    assert b"syntax error" not in window.transcript


BASH_PREEXEC = r"""
__bp_install() {{
  local keep=${{PROMPT_COMMAND[*]}}
  unset PROMPT_COMMAND
  PROMPT_COMMAND=$'__bp_precmd_invoke_cmd\n'"${{keep//"$__bp_install_string"/:}}"$'\n__bp_interactive_mode'
  __bp_precmd_invoke_cmd
}}
__bp_precmd_invoke_cmd() {{ local s=$? f; for f in "${{precmd_functions[@]}}"; do __bp_set $s; "$f"; done; }}
__bp_set() {{ return "$1"; }}
__bp_interactive_mode() {{ :; }}
__bp_install_string=$'__bp_trap_string="$(trap -p DEBUG)"\ntrap - DEBUG\n__bp_install'
precmd_functions+=(build)
{}
"""

FRAMEWORKS = {
    "bash": {
        "bash-preexec": BASH_PREEXEC.format(
            r"PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}$__bp_install_string"
        ),
        "bash-it": BASH_PREEXEC.format('PROMPT_COMMAND+=("$__bp_install_string")'),
        "starship": """
            before=$PROMPT_COMMAND
            starship_precmd() { eval "$before"; build; }
            PROMPT_COMMAND=starship_precmd
        """,
        "oh-my-posh": '_omp_hook() { build; }\nPROMPT_COMMAND=("${PROMPT_COMMAND[@]}" _omp_hook)',
        "liquidprompt": """
            LP_ENABLE_AWS_PROFILE=1
            before=$PROMPT_COMMAND
            __lp_set_prompt() { build; eval "$before"; }
            PROMPT_COMMAND=__lp_set_prompt
        """,
    },
    "zsh": {
        "oh-my-zsh": """
            alias -g H='| head' L='| less' NE='2>/dev/null' NUL='>/dev/null 2>&1' P='2>&1 | cat'
            alias -s html=less log=less
            build
        """,
        "powerlevel10k": """
            p10k() { }
            _p9k_precmd() {
              build
              [[ $precmd_functions[-1] == _p9k_precmd ]] ||
                precmd_functions=(${(@)precmd_functions:#_p9k_precmd} _p9k_precmd)
            }
            precmd_functions+=(_p9k_precmd)
        """,
        "spaceship": "spaceship() { }\nspaceship_precmd() { build }\nprecmd_functions+=(spaceship_precmd)",
        "pure": "prompt_pure_precmd() { build }\nprecmd_functions+=(prompt_pure_precmd)",
        "liquidprompt": """
            LP_ENABLE_AWS_PROFILE=1
            __lp_set_prompt() { build }
            precmd_functions=(__lp_set_prompt $precmd_functions)
        """,
        "starship": "starship_precmd() { }\nprecmd_functions+=(starship_precmd)\nsetopt prompt_subst\nbuild",
        "oh-my-posh": "_omp_precmd() { build }\nprecmd_functions+=(_omp_precmd)",
    },
    "fish": {
        "tide": "function tide; end\nbuild",
        "starship": "function starship; end\nbuild '\\e[J' starship",
        "oh-my-posh": "build '\\e[0J\\r' _omp_get_prompt",
        "pure": "set -g pure_enable_aws_profile true\nbuild '\\r\\e[K' _pure_prompt_first_line",
    },
}
"""A file for each framework that does what the real one does to the prompt, with a function `build` that sets it."""

BUILD = {
    "bash": r"""build() { PS1="\n${SHOWN:+<$AWS_VAULT> }"'$?:\#> '; }""",
    "zsh": r"""build() { PROMPT=$'\n'"${SHOWN:+<$AWS_VAULT> }%?:%i> " }""",
    "fish": """
        function build
            eval "function fish_prompt
                set -l s \\$status
                true $argv[2]
                printf '$argv[1]'
                echo -n -s '<'\\$AWS_VAULT'> ' \\$s : (count \\$prompts) '> '
            end"
        end""",
}
"""Defines `build`. A framework that shows the role itself does so in angle brackets."""


@pytest.mark.parametrize("hook", ["first", "last"])
@pytest.mark.parametrize(
    ("shell", "framework"), [(shell, name) for shell, files in FRAMEWORKS.items() for name in files], indirect=["shell"]
)
def test_each_framework_shows_the_role_and_the_demo_once(
    framework: str, hook: str, *, shell: Spelling, terminal: Start, active: Environ
) -> None:
    """The role and the demo show exactly once, whichever is loaded first, and the demo no longer than it lasts."""
    file = f"{BUILD[shell.name]}\n{FRAMEWORKS[shell.name][framework]}"
    shows_role = framework not in {"bash-preexec", "bash-it", "oh-my-zsh"} and (shell.name, framework) != (
        "zsh",
        "pure",
    )
    demo = {**active(), "AWS_VAULT": "power-user", "AWSENV_DEMO": "http://127.0.0.1:1"}
    window = terminal(
        shell,
        *([file] if hook == "last" else []),
        after=[file] if hook == "first" else [],
        **demo,
        **({"SHOWN": "1"} if shows_role else {}),
    )

    # bash-preexec installs itself at the first prompt.
    assert not framework.startswith("bash-") or window.line.startswith("(demo) [power-user 59m] 0:")
    for line, status in (("true", "0"), ("sh -c 'exit 7'", "7")):
        shown = f"{window.run(line)}\n{window.line}"
        assert (1, 1) == (shown.count("(demo)"), shown.count("power-user")), shown
        assert f" {status}:" in window.line
    window.run(shell.unset.format("AWSENV_DEMO"))
    shown = f"{window.run('true')}\n{window.line}"
    assert (0, 1) == (shown.count("(demo)"), shown.count("power-user")), shown
    assert shows_role == window.line.startswith("<power-user> 0:")


NAMES = "text=1 color=1 left=1 name=1 word=1 line=1 i=1 flags=1 rest=1 bold=1 reply=1"
UNSEEN = "power-user, whose keys never expire"


@pytest.mark.parametrize(
    ("shell", "line", "success"),
    [
        ("bash", f"readonly {NAMES} IFS REPLY", ""),
        ("bash", "readonly PS1", UNSEEN),
        ("bash", "readonly PROMPT_COMMAND=true", UNSEEN),
        ("zsh", f"readonly {NAMES} IFS path status", ""),
        ("zsh", "readonly PROMPT", UNSEEN),
        ("zsh", "precmd_functions=(true); readonly precmd_functions psvar", UNSEEN),
        ("fish", "".join(f"set -gx {name} 1; " for name in ("text", "color", "left", "lines", "name", "prompt")), ""),
    ],
    indirect=["shell"],
)
def test_names_of_the_user_may_be_read_only(shell: Spelling, line: str, success: str, *, terminal: Start) -> None:
    """Read-only variables cause no error at any prompt; a line says what the prompt then cannot show."""
    window = terminal(shell, line)

    assert success == window.run("awsenv power-user")
    assert "canary/secret+one" == window.run("echo $AWS_SECRET_ACCESS_KEY")
    assert window.line.startswith("0:" if success else "[power-user] 0:")
    assert b"read-only" not in window.transcript
    assert b"readonly variable" not in window.transcript


@pytest.mark.parametrize(
    ("shell", "trap"),
    [
        ("bash", "trap 'echo trapped' ERR"),
        ("bash", "set -E; trap 'echo trapped' ERR"),
        ("zsh", "trap 'echo trapped' ZERR"),
        ("zsh", "TRAPZERR() { echo trapped }"),
    ],
    indirect=["shell"],
)
def test_a_trap_on_errors_runs_once(shell: Spelling, trap: str, *, terminal: Start, active: Environ) -> None:
    """A command that fails runs the trap once, and the hook not at all, with a role and without one."""
    window = terminal(shell, trap, "PROMPT_COMMAND='true'", **active())

    assert "trapped" == window.run("sh -c 'exit 7'")
    assert window.line.startswith("[power-user 59m] 7:")
    window.run("unset AWSENV_LABEL")
    assert "trapped" == window.run("sh -c 'exit 7'")
    assert "trapped" not in window.run("true")


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        ("bash", [f"IFS={ifs}" for ifs in ("_", "/", "", "a", "'['", "0123", "'\"'", "$'\\n'", "=")]),
        (
            "bash",
            [
                f"set -o {name}"
                for name in (
                    "nounset",
                    "pipefail",
                    "noclobber",
                    "noglob",
                    "errtrace",
                    "functrace",
                    "allexport",
                    "keyword",
                    "posix",
                )
            ],
        ),
        ("bash", ["shopt -s nullglob failglob extglob nocasematch dotglob", "shopt -u extquote sourcepath"]),
        ("zsh", [f"IFS={ifs}" for ifs in ("_", "/", "''", "a", "'['", "0123", "=")]),
        (
            "zsh",
            [
                f"setopt {name}"
                for name in (
                    *("ksh_arrays", "sh_word_split", "warn_create_global", "no_nomatch", "extended_glob", "null_glob"),
                    *(
                        "no_unset",
                        "pipe_fail",
                        "no_clobber",
                        "rc_quotes",
                        "csh_junkie_quotes",
                        "ksh_glob",
                        "glob_subst",
                    ),
                    *("no_short_loops", "magic_equal_subst", "rc_expand_param", "posix_builtins", "no_multi_func_def"),
                )
            ],
        ),
        (
            "zsh",
            [
                f"setopt {name}"
                for name in (
                    "all_export",
                    "octal_zeroes",
                    "err_return",
                    "ksh_typeset",
                    "warn_nested_var",
                    "force_float",
                )
            ],
        ),
        ("fish", ["set -g IFS _", "set -g IFS", "set -gx TERM xterm"]),
    ],
    indirect=["shell"],
)
def test_any_option_may_be_set(shell: Spelling, lines: list[str], *, terminal: Start) -> None:
    """The hook works under each option and each IFS, and keeps the last word of the last command."""
    window = terminal(shell)
    window.run("awsenv power-user")

    for line in lines:
        window.run(line)
        window.run("sh -c 'exit 7'")
        assert window.line.startswith("[power-user] 7:"), line
    assert "" == window.run("awsenv off")
    assert "" == window.run("awsenv power-user")
    assert window.line.startswith("[power-user] 0:")
    if shell.name != "fish":
        window.run(": some words")
        assert "words" == window.run("echo $_")
    assert b"not found" not in window.transcript


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_the_hook_loads_under_any_option(shell: Spelling, terminal: Start) -> None:
    """Options that change how zsh reads code are set before the line that loads the hook."""
    options = "setopt rc_quotes csh_junkie_quotes csh_junkie_loops ksh_arrays sh_word_split null_glob posix_aliases"
    window = terminal(
        shell, options, "alias -g -- --help='--help 2>&1 | cat' -h='-h 2>&1 | cat'", "alias -g L='| less'"
    )

    assert "" == window.run("awsenv power-user")
    assert window.line.startswith("[power-user] 0:")
