"""How each shell that has a hook spells what the tests do: one row a shell.

Every shell has a `Row`, which the scenario reads. The three that are tested in depth fill a `Spelling`, too.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from awsenv.shells.base import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


NOW = 2_000_000_000
"""The time at which a test stops the clock of a hook, so that no test depends on its own duration."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """How a shell shows the commands that it runs."""

    on: str
    """The line that turns it on."""
    traps: Sequence[str]
    """Lines for a trap that prints `at: COMMAND` before each command, or appends that to the file `trapped`."""
    off: str
    """The line that turns off both."""
    look: str
    """Prints the options of the trace."""
    is_on: Callable[[str], bool]
    """Whether the output of `look` says that it is on."""
    sees_prompts: bool
    """Whether it shows what the shell runs before a prompt; otherwise only what the user types."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the scenario needs to know of a shell. `{}` stands for a name, a value, a path or a command."""

    name: str
    """What it runs as."""
    program: str = ""
    """The program to which that name is a link, where it is no program itself."""
    family: str = ""
    """The class in `awsenv.shells` whose hook it loads, where that is not called after the shell itself."""
    suffix: str = ""
    """How the file of that hook ends, where not with the name of the class."""
    completion_file: str = ""
    """The name of its completion, as packages install it, if it has one."""
    subshell_file: str = ""
    """The file that `awsenv exec` makes it read, if it needs one."""

    # How it starts.
    rc: str
    """Its rc file, below HOME."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The variables without which it does not read that file; `{}` stands for its path."""
    hook: str
    """The line of the rc file that loads the hook, as in the README."""
    bare: Sequence[str]
    """Options that keep it from reading rc files."""
    strict: Sequence[str]
    """Options for a script that ends at the first error, if it has them."""
    linters: Sequence[str]
    """Command lines that print nothing and succeed if the file after them is well formed."""
    volatile: Sequence[str] = ()
    """Variables that the shell exports anew for each command."""

    # Completion.
    completion: str = ""
    """The line of the rc file, before the hook, without which the shell completes nothing."""
    tab: str = ""
    """What completes a role; empty: the shell does not."""

    # Variables.
    export: str
    """Sets a variable of the environment."""

    # Commands.
    environment: Sequence[str] = ("venv", "--without-pip")
    """The module of Python that makes a virtual environment with a file for this shell, and its options."""
    activate: str
    """Activates a virtual environment by its folder of programs; empty: it has no file for this shell."""
    brings_back: bool = False
    """Whether `deactivate` brings back the variables that were removed since then."""
    evaluate: str
    """Evaluates the output of a command; empty: the shell evaluates nothing."""
    in_script: str
    """Makes a change with the function of the hook, in a script without a terminal."""
    then: str
    """Runs a second command if the first succeeds."""
    status: str
    """The status of the last command; empty: the shell has none."""

    # The prompt.
    prompt: str
    """A prompt of the user's own: `STATUS:COUNT> `, where COUNT tells one prompt from the next."""

    def __str__(self) -> str:
        """Return its name, for test reports."""
        return self.name

    @property
    def files(self) -> list[str]:
        """Its files in the folder of the hooks."""
        hook = f"awsenv.{self.suffix or self.family or self.name}"
        completion = f"completions/{self.completion_file}" if self.completion_file else ""
        return [hook, *filter(None, (self.subshell_file, completion))]


@dataclass(frozen=True, kw_only=True)
class Spelling(Row):
    """The syntax of a shell that is tested in depth."""

    # How it starts.
    at_prompts: Sequence[str]
    """Options for a script that draws prompts."""
    strict_at_terminal: str
    """The line that turns on as many options as possible that could end or disturb the shell at a terminal."""

    prints: str
    """The function of the hook that says whether the output for a command line is only shown."""
    refresh: str
    """The function of the hook that runs before each prompt."""
    clock: str
    """Defines a function `clock` that stops the clock of the hook at its argument."""

    # Variables.
    unset: str
    """Removes a variable."""
    assign: str
    """Sets a variable of the shell."""
    local: str
    """Sets a variable of the shell, read-only if the shell knows that."""
    lock: str
    """The line after which no change of AWS_ACCESS_KEY_ID and AWS_PROFILE is possible."""

    # Commands.
    source: str
    """Runs a file in this shell."""
    in_script_status: str
    """The status of the command in such a line."""
    count_lines: str
    """Prints the number of lines of a command, in a command substitution."""
    group: str
    """Runs a command line in this shell, with one redirection for all of it."""
    parenthesized: str
    """Runs a command line in a subshell; empty: there is no syntax for that."""
    define: str
    """Defines a function: its name and its body."""
    empty_if: str
    """The shortest `if`."""
    pipe_status: str
    """The statuses of the last pipe, with spaces between."""
    save_history: str
    """Writes the history at once."""
    trace: Trace
    forks: int
    """How many processes the hook forks to start one program."""

    # The prompt.
    new_prompt: str
    """Another one, `new STATUS:COUNT> `."""
    levelled_prompt: str
    """A prompt `<LEVEL.COUNT> `, where LEVEL is that of the shell, and what the history needs to be written."""
    blank_lines: Sequence[str]
    """Lines that make the prompt begin with blank lines, in each spelling."""
    expand_prompt: str
    """The line that makes the shell expand whatever the prompt contains, if it does not always."""
    five_prompts: str
    """Does five times what the shell does for a prompt."""
    show_role: str
    """Prints what the hook inserts into the prompt, and nothing else."""
    find_hook: str
    """Prints `none` if the hook does not run before a prompt."""

    # Names to which the user has given another meaning.
    shadows: Mapping[str, str]
    """Each way to make the name `$w` print `garbage`."""
    needed: Sequence[str]
    """Names that the user's own line `hook`, or the tests, cannot do without."""
    try_each: str
    """A script that gives each of $WORDS another meaning by $DEFINE, and prints those that disturb the file `hook`."""
    for_each: str
    """Runs the second `{}` for each name `$w` of the first."""
    frameworks: Mapping[str, str]
    """A function that each framework defines while it controls the prompt."""
    losses: Mapping[str, str]
    """Lines after which the next prompts do not show the role, by a word of what the doctor says then."""

    @property
    def stopped(self) -> str:
        """The line that stops the clock of the hook."""
        return f"{self.clock}; clock {NOW}"

    def load(self, hooks: Path) -> str:
        """Return the line that loads the hook from the folder *hooks*."""
        return self.source.format(shlex.quote(str(hooks / f"awsenv.{self.name}")))

    def command(self, script: str, *options: str) -> list[str]:
        """Return the command that runs *script* without an rc file."""
        return [self.name, *self.bare, *options, "-c", script]

    def furnish(self, home: Path, *, hook: bool = False) -> None:
        """Write the rc file: the prompt `<LEVEL.COUNT> `, and the line that loads the hook if *hook*."""
        rc = home / self.rc
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text(f"{self.levelled_prompt}\n{self.hook if hook else ''}\n")
        # Without this folder, the first fish in a home directory reads every manual page of the machine.
        (home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, kw_only=True)
class Posix(Spelling):
    """A shell of the POSIX family."""

    export: str = "export {}={}"
    assign: str = "{}={}"
    unset: str = "unset {}"
    local: str = "readonly {}={}"
    lock: str = "readonly AWS_ACCESS_KEY_ID=AKIAMINE"
    activate: str = ". {}/activate"
    evaluate: str = 'eval "$({})"'
    in_script: str = "{}"
    in_script_status: str = "$?"
    then: str = "{} && {}"
    count_lines: str = 'echo "$({})" | grep -c .'
    group: str = "{{ {}; }}"
    parenthesized: str = "({})"
    define: str = "{}() {{ {}; }}"
    empty_if: str = "if true; then :; fi"
    status: str = "$?"


BASH = Posix(
    name="bash",
    rc=".bashrc",
    hook='eval "$(awsenv init bash)"',
    bare=("--norc", "--noprofile"),
    strict=("-e", "-u", "-o", "pipefail"),
    at_prompts=(),
    strict_at_terminal="set -euo pipefail -o noclobber",
    completion_file="awsenv.bash",
    tab="\t",
    subshell_file="subshell/bashrc",
    linters=("bash -n", "shellcheck -o all", "shfmt -i 2 -d"),
    prints="_awsenv_prints",
    refresh="_awsenv_prompt",
    clock="clock() { _awsenv_now=$1; }",
    source=". {}",
    pipe_status='"${PIPESTATUS[*]}"',
    save_history="history -a",
    trace=Trace(
        on="set -xvT",
        traps=(
            "set -T; trap 'echo \"at: $BASH_COMMAND\"' DEBUG",
            "set -T; trap 'echo \"at: $BASH_COMMAND\" >>trapped' DEBUG",
        ),
        off="trap - DEBUG; set +xvT",
        look="echo $-",
        is_on=lambda options: {*"xvT"} <= {*options},
        sees_prompts=True,
    ),
    forks=1,
    prompt=r"PS1='$?:\#> '",
    new_prompt=r"PS1='new $?:\#> '",
    levelled_prompt="PROMPT_COMMAND='((++_n))'\nPS1='<$SHLVL.$_n> '",
    blank_lines=(r"""PS1='\n'"$PS1" """, """PS1='\n'"$PS1" """, r"""PS1='\n\n'"$PS1" """),
    expand_prompt="",
    five_prompts="PS1=x; for i in 1 2 3 4 5; do _awsenv_prompt; done",
    show_role='PS1=x; _awsenv_prompt; printf "%s" "$_awsenv_ps1"',
    find_hook='echo "${PROMPT_COMMAND-none}"',
    frameworks={"starship": "starship_precmd", "oh-my-posh": "_omp_hook", "liquidprompt": "__lp_set_prompt"},
    shadows={
        "function": 'builtin eval "function $w { /bin/echo garbage; }"',
        "alias": 'builtin alias -- "$w=/bin/echo garbage"',
    },
    needed=("builtin", "eval"),
    try_each=r"""
    shopt -s expand_aliases; hook=$(cat hook)
    for w in $WORDS; do
    (
    eval "$DEFINE" 2>/dev/null
    'builtin' 'eval' "$hook"
    'awsenv' role
    PS1='\r$ '
    _awsenv_prompt
    'builtin' '[' "$AWSENV_LABEL:$AWS_SECRET_ACCESS_KEY:$AWS_VAULT:$PS1:${_awsenv_ps1%% *}" = \
        'ci:ü::\r${_awsenv_ps1-}$ :[ci' ]
    ) >out 2>&1 || 'builtin' 'echo' "$w: failed"
    ! 'builtin' '[' -s out ] || 'builtin' 'echo' "$w: $(/bin/cat out)"
    done""",
    for_each="for w in {}; do {}; done >/dev/null 2>&1",
    losses={
        "did not run": "unset PROMPT_COMMAND",
        "read-only": r"again() { :; }; PS1='$?:\#> '; readonly PS1",
    },
)

ZSH = Posix(
    name="zsh",
    rc=".zshrc",
    hook='eval "$(awsenv init zsh)"',
    bare=("--no-globalrcs", "--no-rcs"),
    strict=("-e", "-u", "-o", "pipefail"),
    at_prompts=(),
    strict_at_terminal="setopt err_exit no_unset pipe_fail no_clobber warn_create_global",
    completion_file="_awsenv",
    completion="autoload -Uz compinit; compinit -u -D",
    tab="\t",
    subshell_file="subshell/.zshenv",
    linters=("zsh -f -n",),
    prints="_awsenv_prints",
    refresh="_awsenv_prompt",
    # Without the module, the hook gets the time from a prompt expansion.
    clock="zmodload -u zsh/datetime; clock() { typeset -g _awsenv_seconds=$1; }",
    source="source {}",
    pipe_status='"$pipestatus[*]"',
    save_history="fc -A",
    trace=Trace(
        on="setopt xtrace verbose",
        traps=(
            "trap 'print -r \"at: $ZSH_DEBUG_CMD\" >>trapped' DEBUG",
            'TRAPDEBUG() { print -r "at: $ZSH_DEBUG_CMD" >>trapped; }',
        ),
        off="trap - DEBUG; unsetopt xtrace verbose",
        look="setopt",
        is_on=lambda options: {"xtrace", "verbose"} <= {*options.split()},
        sees_prompts=True,
    ),
    forks=1,
    # With the default HISTSIZE, zsh counts each line that differs from the previous one.
    prompt="PROMPT='%?:%i> '; unsetopt prompt_cr prompt_sp",
    new_prompt="PROMPT='new %?:%i> '",
    levelled_prompt=(
        "setopt prompt_subst no_prompt_sp\nprecmd() { ((++_n)) }\nPROMPT='<$SHLVL.$_n> '\n"
        "HISTFILE=~/.zsh_history SAVEHIST=99"
    ),
    blank_lines=(r"PROMPT=$'\n\n'$PROMPT",),
    expand_prompt="setopt prompt_subst",
    five_prompts="PROMPT=x; for i in 1 2 3 4 5; do _awsenv_prompt; done",
    show_role='PROMPT=x; _awsenv_prompt; print -n -- "$psvar[61]$psvar[62]$psvar[63] "',
    find_hook='echo "${precmd_functions-none}"',
    frameworks={
        "starship": "prompt_starship_precmd",
        "oh-my-posh": "_omp_precmd",
        "powerlevel10k": "p10k",
        "spaceship": "spaceship",
        "liquidprompt": "__lp_set_prompt",
    },
    shadows={
        "function": 'builtin eval "function $w { /bin/echo garbage; }"',
        "alias": 'builtin alias -- "$w=/bin/echo garbage"',
        "global alias": 'builtin alias -g -- "$w=/bin/echo garbage"',
        "suffix alias": 'builtin alias -s -- "$w=/bin/echo garbage"',
    },
    needed=("builtin", "emulate", "eval", "init", "printf", "zsh"),  # the line editor of Debian calls two of them
    try_each=r"""
    hook=$(<hook)
    for w in ${=WORDS}; do
    (
    'builtin' 'eval' "$DEFINE" 2>/dev/null
    'builtin' 'eval' "$hook"
    'awsenv' role
    PROMPT=$'\r$ '
    _awsenv_prompt
    'builtin' '[' "$AWSENV_LABEL:$AWS_SECRET_ACCESS_KEY:$AWS_VAULT:${PROMPT[1,7]}:${psvar[61]%% *}" = \
        $'ci:ü::\r%(61V.:[ci' ]
    ) >out 2>&1 || 'builtin' 'echo' "$w: failed"
    ! 'builtin' '[' -s out ] || 'builtin' 'echo' "$w: $(/bin/cat out)"
    done""",
    for_each="for w in {}; do {}; done >/dev/null 2>&1",
    losses={
        "did not run": "precmd_functions=()",
        "read-only": "again() { }; PROMPT='%?:%i> '; readonly PROMPT",
    },
)

FISH = Spelling(
    name="fish",
    rc=".config/fish/config.fish",
    hook="awsenv init fish | source",
    bare=("--no-config", "--private"),
    strict=(),
    at_prompts=("-i",),
    strict_at_terminal="set -g fish_features qmark-noglob",
    completion_file="awsenv.fish",
    tab="\t",
    linters=("fish --no-config -n", "fish_indent --check"),
    prints="__awsenv_prints",
    refresh="__awsenv_refresh",
    clock="function clock; set -g now $argv; end; function __awsenv_age; echo $now; end; "
    "function __awsenv_clock; echo 0; echo $now; end",
    export="set -gx {} {}",
    assign="set -g {} {}",
    unset="set -e {}",
    local="set -g {} {}",
    # A change would erase the universal variable in every session.
    lock="set -U AWS_PROFILE everywhere",
    source="source {}",
    activate="source {}/activate.fish",
    evaluate="{} | source",
    # Outside a terminal the hook of fish prints the change, and a script pipes it to `source`.
    in_script="{} | source",
    in_script_status="$pipestatus[1]",
    then="{} && {}",
    count_lines="count ({})",
    group="begin; {}; end",
    parenthesized="",
    define="function {}; {}; end",
    empty_if="if true; end",
    status="$status",
    pipe_status='"$pipestatus"',
    save_history="history save",
    trace=Trace(
        on="set -g fish_trace 1",
        traps=(),
        off="set -g fish_trace",
        look="echo $fish_trace",
        is_on=lambda options: options == "1\n",
        # Only fish 4 traces an event, and only with fish_trace=all.
        sees_prompts=False,
    ),
    # The hook starts it through `sh`, which waits for it.
    forks=2,
    prompt=(
        "function count_prompts --on-event fish_prompt; set -g prompts $prompts x; end\n"
        'function fish_prompt; echo -n -s $status : (count $prompts) "> "; end\n'
        "set -g fish_greeting; set -g fish_autosuggestion_enabled 0; function fish_title; end"
    ),
    new_prompt='function fish_prompt; echo -n -s "new " $status : (count $prompts) "> "; end',
    levelled_prompt=(
        "set -g _n 0\nset -g fish_greeting\n"
        'function _count --on-event fish_prompt; set -g _n (math "$_n + 1"); end\n'
        'function fish_prompt; printf "<%s.%s> " $SHLVL $_n; end'
    ),
    blank_lines=("functions -c fish_prompt inner; function fish_prompt; echo; inner; end",),
    expand_prompt="",
    five_prompts="function fish_prompt; echo x; end; for i in 1 2 3 4 5; __awsenv_refresh; fish_prompt; end",
    show_role="__awsenv_refresh; echo -n $__awsenv_text",
    find_hook="functions -q __awsenv_refresh; or echo none",
    frameworks={"tide": "tide"},
    shadows={"function": 'string match -qr "^[a-zA-Z_]" -- $w; and eval "function $w; builtin echo garbage; end"'},
    needed=(
        # Its own startup, and the prompt of the tests, use these.
        *("complete", "contains", "count", "echo", "fish_prompt", "fish_right_prompt", "functions", "printf"),
        *("source", "true"),
        # It refuses functions of these names.
        *("and", "begin", "builtin", "case", "command", "else", "end", "eval", "exec", "for", "function", "if"),
        *("not", "or", "read", "return", "set", "status", "string", "switch", "test", "time", "while"),
    ),
    try_each=r"""
    set hook (cat hook | string collect)
    for w in (string split -- ' ' $WORDS)
    begin
    eval $DEFINE 2>/dev/null
    eval $hook
    awsenv role
    function fish_prompt; builtin printf '\r$ '; end
    set -e __awsenv_drawn
    __awsenv_refresh
    string match -qr -- '^ci:ü::\r\[ci [^ ]+\] \$ $' \
        "$AWSENV_LABEL:$AWS_SECRET_ACCESS_KEY:$AWS_VAULT:"(fish_prompt)
    or builtin echo "$w: failed"
    end >out 2>&1
    test -s out; and builtin echo "$w: "(/bin/cat out)
    builtin functions -e -- $w
    set -e AWSENV_LABEL AWS_SECRET_ACCESS_KEY AWSENV_EXPIRES_EPOCH
    set -gx AWS_VAULT x
    end""",
    for_each="for w in {}; {}; end",
    losses={
        "did not run": "functions -e __awsenv_refresh",
        "set the prompt after": (
            "function again --on-event fish_prompt; "
            'function fish_prompt; echo -n -s $status : (count $prompts) "> "; end; end'
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class Sh(Row):
    """A shell of the POSIX family that runs the hook of `sh`."""

    family: str = "sh"
    subshell_file: str = "subshell/env.sh"
    hook: str = 'eval "$(awsenv init sh)"'
    bare: Sequence[str] = ()
    strict: Sequence[str] = ("-e", "-u", "-C")
    linters: Sequence[str] = ("shellcheck -o all", "shfmt -i 2 -d")
    export: str = "export {}={}"
    activate: str = ". {}/activate"
    evaluate: str = 'eval "$({})"'
    # Outside a terminal the program prints the change: the hook cannot tell a script from a command substitution.
    in_script: str = 'eval "$({})"'
    then: str = "{} && {}"
    status: str = "$?"
    prompt: str = "_n=0; PS1='$?:$((_n = _n + 1))> '"


DASH = Sh(name="dash", rc=".shinit", environ={"ENV": "{}"})
ASH = Sh(name="ash", program="busybox", rc=".shinit", environ={"ENV": "{}"})
MKSH = Sh(name="mksh", rc=".mkshrc")
KSH = Sh(name="ksh93", rc=".kshrc", volatile=("A__z",))
YASH = Sh(name="yash", rc=".yashrc")

NU = Row(
    name="nu",
    completion_file="awsenv.table",
    tab="\t",
    rc=".config/nushell/config.nu",
    # The line of the README writes a file that is read in the next shell.
    hook=f"source '{folder()}/awsenv.nu'",
    bare=("--no-config-file",),
    strict=(),
    linters=("nu --no-config-file",),
    volatile=("CMD_DURATION_MS", "LAST_EXIT_CODE"),
    export="$env.{} = {}",
    environment=("virtualenv", "--no-seed", "--activators=nushell"),
    activate="overlay use {}/activate.nu",
    brings_back=True,
    evaluate="{} | from json | load-env",
    in_script="{}",
    then="{}; {}",
    status="$env.LAST_EXIT_CODE",
    # It draws the prompt once more if the terminal does not say where the cursor is, so it is the commands that count.
    prompt=(
        "$env.config.show_banner = false\n"
        "$env.count = {is: 1}\n"
        "$env.config.hooks.pre_execution = [{|| $env.count.is += 1 }]\n"
        '$env.PROMPT_COMMAND = {|| $"($env.LAST_EXIT_CODE):($env.count.is)" }\n'
        "$env.PROMPT_COMMAND_RIGHT = ''\n"
        "$env.PROMPT_INDICATOR = '> '"
    ),
)

ELVISH = Row(
    name="elvish",
    suffix="elv",
    completion_file="awsenv.table",
    # The first Enter takes what is offered.
    tab="\t\r",
    rc=".config/elvish/rc.elv",
    hook="eval (awsenv init elvish | slurp)",
    bare=("-norc",),
    strict=(),
    subshell_file="subshell/rc.elv",
    linters=("elvish -compileonly",),
    export="set-env {} {}",
    activate="",
    evaluate=(
        "{} | from-json | each {{|c| keys $c | each {{|n| "
        "if $c[$n] {{ set-env $n $c[$n] }} else {{ unset-env $n }} }} }}"
    ),
    # What `eval` defines reaches a prompt, and no script.
    in_script=(
        "{{ fn awsenv {{|@words| eval &on-end={{|hook| $hook[awsenv~] $@words }} "
        "(e:awsenv init elvish | slurp) }}; {} }}"
    ),
    then="{}; {}",
    status="",
    prompt=(
        "var count = 0\n"
        "set edit:before-readline = [{ set count = (+ $count 1) }]\n"
        "set edit:prompt = { print :$count'> ' }\n"
        "set edit:rprompt = { }"
    ),
)

XONSH = Row(
    name="xonsh",
    suffix="xsh",
    completion_file="awsenv.table",
    tab="\t",
    rc=".config/xonsh/rc.xsh",
    hook="exec($(awsenv init xonsh))",
    bare=("--no-rc",),
    strict=("-DXONSH_SUBPROC_CMD_RAISE_ERROR=1",),
    subshell_file="subshell/rc.xsh",
    linters=("xonsh check --quiet", "xonsh format --check --quiet"),
    volatile=("LAST_RETURN_CODE", "XONSH_CAPTURE_ALWAYS"),
    export="${} = {}",
    activate="",
    evaluate=(
        "for k, v in __import__('json').loads($({})).items(): "
        "_ = ${{...}}.pop(k, 0) if v is None else ${{...}}.update({{k: v}})"
    ),
    in_script="{}",
    then="{} && {}",
    status="{last_return_code}",
    prompt=(
        "count = 0\n"
        "@events.on_pre_prompt_format\n"
        "def count_prompts(**_):\n"
        "    global count\n"
        "    count += 1\n"
        '$PROMPT_FIELDS["count"] = lambda: str(count)\n'
        '$PROMPT = "{last_return_code}:{count}> "'
    ),
)

TCSH = Row(
    name="tcsh",
    rc=".tcshrc",
    hook='eval "`awsenv init tcsh`"',
    bare=("-f",),
    strict=("-e",),
    # Its option -n still matches the patterns in what it does not run.
    linters=(),
    export="setenv {} {}",
    activate="source {}/activate.csh",
    evaluate='eval "`{}`"',
    # Outside a terminal the program prints the change, as in the shells of `Sh`.
    in_script='eval "`{}`"',
    then="{} && {}",
    status="$status",
    prompt='set prompt = "%?:%h> "',
)

SPELLINGS = {spelling.name: spelling for spelling in (BASH, ZSH, FISH)}
"""The shells that are tested in depth, by name."""

_ALL = (ASH, BASH, DASH, ELVISH, FISH, KSH, MKSH, NU, TCSH, XONSH, YASH, ZSH)
ROWS: Mapping[str, Row] = {row.name: row for row in _ALL}
"""Every shell that has a hook, by name."""
