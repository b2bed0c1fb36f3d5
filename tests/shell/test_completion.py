"""Tab: what each shell offers and inserts, over a pty, and what that costs."""

from __future__ import annotations

import os
import re
import shlex
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.cli import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spelling import Spelling

    Start = Callable[..., Any]

BEFORE = {
    "bash": ("bind 'set bell-style none'; bind 'set completion-query-items 0'; bind 'set page-completions off'",),
    "zsh": ("autoload -Uz compinit; compinit -u -D; LISTMAX=9999",),
    "fish": (),
}
"""What stands before the hook in the rc file of a user."""
RECORD = {
    "bash": r"function awsenv { printf '%s\0' \"$@\" >>typed; }".replace(r"\"", '"'),
    "zsh": "awsenv() { print -rN -- $@ >>typed }",
    "fish": "function awsenv; string join0 -- $argv >>typed; end",
}
"""Lets `awsenv` append its arguments to a file."""
ROLE = "role_arn = arn:aws:iam::123456789012:role/Admin\nsource_profile = power-user\n"
LONG_AGO, NOW = 1_000_000_000, 2_000_000_000.0


@pytest.fixture
def write_profiles(home: Path, clean_environ: dict[str, str]) -> Start:
    """Return a function that writes a config file with a role for each name and, unless told not to, the cache."""
    times = count(LONG_AGO)

    def write(roles: Sequence[str], *, is_cached: bool = True) -> None:
        path = home / ".aws" / "config"
        path.write_text("".join(f"[profile {shlex.quote(role)}]\n{ROLE}" for role in roles))
        changed = next(times)
        for each in path.parent.iterdir():
            os.utime(each, (changed, changed))
        if is_cached:
            candidates.refresh(clean_environ, None, NOW)

    return write


@pytest.fixture
def open_window(shell: Spelling, terminal: Start) -> Start:
    """Return a function that opens a terminal with the hook in each shell."""
    return lambda *after, **environ: terminal(shell, *BEFORE[shell.name], after=after, **environ)


def complete(window: Any, typed: str, *expected: str) -> None:
    """Type *typed*, which has tabs in it, wait until the line is as *expected* and these are shown, and delete it."""
    line, *shown = expected
    prompt = window.line
    window.child.send(typed)
    window.until(
        lambda: window.line.removeprefix(prompt).rstrip() == line and all(each in window.text for each in shown),
        f"line {line!r} and {shown}",
    )
    window.child.send("\x05\x15")
    window.until(lambda: window.line == prompt, "empty line")
    window.clear_below()


def test_a_profile_among_any_number(open_window: Start, write_profiles: Start, home: Path) -> None:
    """The last of the profiles is found, by the program and in the cache; where there is none, nothing is."""
    window = open_window()
    for number in (0, 1, 80, 500, 5000):
        for is_cached in (False, True):
            (home / ".cache" / "awsenv" / candidates.NAMES).unlink(missing_ok=True)
            write_profiles([f"{each:04}-role" for each in range(number)], is_cached=is_cached)
            typed = f"awsenv {number - 1:04}" if number else "awsenv 0"
            complete(window, f"{typed}\t", f"{typed}-role" if number else typed)


LINES = {
    # A command, and what it takes.
    "awsenv stat\t": "awsenv status",
    "awsenv help cred\t": "awsenv help credential-process",
    "awsenv init fi\t": "awsenv init fish",
    "awsenv init star\t": "awsenv init starship",
    "awsenv completion zs\t": "awsenv completion zsh",
    "awsenv lis\t": "awsenv list",
    # A role where there may be one, with options before it or not.
    "awsenv ad\t": "awsenv admin",
    "awsenv use ad\t": "awsenv use admin",
    "awsenv exec -q ad\t": "awsenv exec -q admin",
    "awsenv --duration 1h ad\t": "awsenv --duration 1h admin",
    "awsenv --duration=1h ad\t": "awsenv --duration=1h admin",
    "awsenv admin ad\t": "awsenv admin ad",
    "awsenv off ad\t": "awsenv off ad",
    # What follows depends on the first word.
    "awsenv token e\t": "awsenv token eks",
    "awsenv token eks ad\t": "awsenv token eks ad",
    "awsenv token --region x eks eks ad\t": "awsenv token --region x eks eks admin",
    "awsenv token rds db:5432 ad\t": "awsenv token rds db:5432 ad",
    "awsenv token rds db:5432 rds ad\t": "awsenv token rds db:5432 rds admin",
    # Any number of words.
    "awsenv profiles x y --as p- ad\t": "awsenv profiles x y --as p- admin",
    "awsenv each x y ad\t": "awsenv each x y admin",
    "awsenv each x y -- greet wo\t": "awsenv each x y -- greet world",
    # Options of the command, and their values.
    "awsenv --external\t": "awsenv --external-id",
    "awsenv console --ope\t": "awsenv console --open",
    "awsenv off --zz\t": "awsenv off --zz",
    "awsenv use --shell fi\t": "awsenv use --shell fish",
    "awsenv use --shell=fi\t": "awsenv use --shell=fish",
    "awsenv --profile ad\t": "awsenv --profile admin",
    "awsenv --profile=ad\t": "awsenv --profile=admin",
    "awsenv --region eu-central-1\t": "awsenv --region eu-central-1",
    "awsenv --region ap-southeast-7\t": "awsenv --region ap-southeast-7",
    "awsenv exec --duration 30\t": "awsenv exec --duration 30m",
    "awsenv --policy fi\t": "awsenv --policy file://",
    "awsenv --policy file://pol\t": "awsenv --policy file://policy.json",
    # Behind the role, a command with its own completion.
    "awsenv exec admin \t": "awsenv exec admin --",
    "awsenv exec admin -- gree\t": "awsenv exec admin -- greet",
    "awsenv exec admin gree\t": "awsenv exec admin greet",
    "awsenv exec admin -- greet wo\t": "awsenv exec admin -- greet world",
    "awsenv exec admin 123456 greet wo\t": "awsenv exec admin 123456 greet world",
    "awsenv exec --region x admin -- greet wo\t": "awsenv exec --region x admin -- greet world",
    "awsenv demo -- greet wo\t": "awsenv demo -- greet world",
    "awsenv exec admin -- cat pol\t": "awsenv exec admin -- cat policy.json",
    # Names that a shell has to quote.
    "awsenv two\t": r"awsenv two\ words",
    "awsenv 'two\t": "awsenv 'two words'",
    'awsenv "two\t': 'awsenv "two words"',
    "awsenv two\\ w\t": r"awsenv two\ words",
    "awsenv --profile=two\t": r"awsenv --profile=two\ words",
    "awsenv 日\t": "awsenv 日本",
    "awsenv a@b\t": "awsenv a@b:c=d",
    "awsenv a@b:c\t": "awsenv a@b:c=d",
    "awsenv a@b:c=\t": "awsenv a@b:c=d",
}
"""What is typed, and the line after it."""
GREET = {
    "bash": "greet() { :; }; complete -W world greet",
    "zsh": "greet() { }; _greet() { compadd world }; compdef _greet greet",
    "fish": "function greet; end; complete -c greet -f -a world",
}
"""Defines a command and its completion."""


def test_each_word_is_completed(shell: Spelling, open_window: Start, write_profiles: Start, home: Path) -> None:
    """Commands, roles, options and their values, and the command that follows, in each place where they may stand."""
    write_profiles(["admin", "two words", "日本", "a@b:c=d"])
    (home / "policy.json").touch()
    window = open_window(GREET[shell.name], shell.strict_at_terminal)

    for typed, expected in LINES.items():
        complete(window, typed, expected)


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_a_menu_says_what_a_role_is(
    name: str, terminal: Start, shells: Mapping[str, Spelling], write_profiles: Start
) -> None:
    """Where the shell shows descriptions, a role has its account and name, however many roles there are."""
    window = terminal(shells[name], *BEFORE[name])
    for number in (2, 60):
        write_profiles([f"ad{each % 10}-{each}" for each in range(number)])
        complete(window, "awsenv ad\t", "awsenv ad", "123456789012 Admin")


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_a_menu_sends_no_control_characters(
    name: str, terminal: Start, shells: Mapping[str, Spelling], write_profiles: Start, home: Path
) -> None:
    """Whatever another program has written into the cache, the terminal gets it in a visible form."""
    write_profiles(["admin", "adviser"])
    path = home / ".cache" / "awsenv" / candidates.NAMES
    path.write_text(path.read_text().replace("\tadviser\t", "\tadviser\t\x1b]0;canary\x07"))
    window = terminal(shells[name], *BEFORE[name])

    complete(window, "awsenv ad\t", "awsenv ad", "adviser", "123456789012 Admin")
    assert b"\x1b]0;canary" not in window.transcript


HOSTILE = (
    *(
        "two words",
        "it's",
        '"',
        "日本語",
        "$(touch pwned)",
        "`touch pwned`",
        "$HOME",
        "~",
        "#",
        "a&b;c|d",
        "!!",
        "*?{x}",
    ),
    *("!", "a!b", "^", "%", "a=b", "@x", ":", "+-", "<x>", "(", "'\"'", "e\u0301", "x" * 50),
)
DRAWN = ["".join(Random(seed).choices(" $`'\"!&~*?(){}<>|;#=@:,.ab日é", k=6)) for seed in range(30)]  # noqa: S311 - no key


def test_a_completed_name_evaluates_to_itself(
    shell: Spelling, open_window: Start, write_profiles: Start, home: Path
) -> None:
    """Whatever a name is made of, the word that Tab makes of it means that name and nothing else, in any quotes."""
    roles = [" ".join(f"r{number:02}{name}".split(" ")).strip() for number, name in enumerate((*HOSTILE, *DRAWN))]
    if shell.name == "fish":
        # Behind one of these fish neither closes the quote nor adds a space.
        roles = [role.rstrip("/=@:.,-") for role in roles]
    write_profiles(roles)
    window = open_window(RECORD[shell.name])
    # A double quote does not protect from history expansion.
    quotes = {role: ("", "'", "" if "!" in role else '"')[number % 3] for number, role in enumerate(roles)}
    queue = list(roles)
    while queue:
        # No shell offers a second role, but the value of an option each time.
        window.child.send("awsenv ")
        for role in queue[:6]:
            window.child.send(f"--profile {quotes[role]}{role[:3]}\t ")
        window.run("")
        window.clear()
        del queue[:6]

    typed = (home / "typed").read_text().split("\0")
    assert roles == [word for word in typed if word not in {"--profile", ""}]
    assert not (home / "pwned").exists()


@pytest.mark.parametrize("typed", ["~nobody-el", "{nobody-el"])
def test_what_is_typed_without_quotes_keeps_its_meaning(
    typed: str, *, shell: Spelling, open_window: Start, write_profiles: Start
) -> None:
    """Bash quotes what was typed; zsh and fish do not, and so offer no name that would mean a folder or a list."""
    write_profiles([f"{typed}se"])
    window = open_window()

    complete(window, f"awsenv {typed}\t", rf"awsenv \{typed}se" if shell.name == "bash" else f"awsenv {typed}")
    complete(window, f"awsenv '{typed}\t", f"awsenv '{typed}se'")


def test_no_process_while_the_names_are_fresh(
    shell: Spelling, open_terminal: Start, write_rc: Start, write_profiles: Start, require: Start, tmp_path: Path
) -> None:
    """A Tab among five hundred profiles starts no process, and asks no program."""
    write_profiles([f"{each:04}-role" for each in range(500)])
    write_rc(shell, *BEFORE[shell.name], shell.hook)
    trace = tmp_path / "trace"
    calls = "trace=clone,clone3,fork,vfork,execve"
    window = open_terminal([require("strace"), "-f", "--seccomp-bpf", "-o", str(trace), "-e", calls, shell.name])
    # Shells load what they need for any completion.
    complete(window, "awsenv stat\t", "awsenv status")
    before = trace.read_text()

    complete(window, "awsenv 0042\t", "awsenv 0042-role")
    complete(window, "awsenv --profile 0043\t", "awsenv --profile 0043-role")

    added = trace.read_text().removeprefix(before).splitlines()
    # The end of a thread, which needs no call, may come late.
    assert [] == [line for line in added if "(" in line and "CLONE_THREAD" not in line]


def test_stale_names_are_written_in_the_background(
    open_window: Start, write_profiles: Start, home: Path, until: Start
) -> None:
    """The Tab offers what the cache has, and says nothing; the next one offers what the files have."""
    window = open_window()
    write_profiles(["one"])
    path = home / ".cache" / "awsenv" / candidates.NAMES
    write_profiles(["once", "other"], is_cached=False)

    complete(window, "awsenv on\t", "awsenv one")
    until(lambda: "role\tother\t" in path.read_text())
    complete(window, "awsenv on\t", "awsenv once")
    assert "" == window.run("true")


def test_without_a_cache_the_files_are_read(
    shell: Spelling, open_window: Start, write_profiles: Start, home: Path
) -> None:
    """`AWSENV_CACHE=0` makes no folder, and starts nothing; roles are completed all the same."""
    write_profiles(["one", "two words", "it's"], is_cached=False)
    (home / ".aws" / "credentials").write_text("[shared]\naws_access_key_id = x\n")
    window = open_window(AWSENV_CACHE="0")

    complete(window, "awsenv on\t", "awsenv one")
    complete(window, "awsenv it\t", r"awsenv it\'s")
    complete(window, "awsenv shar\t", "awsenv shared")
    complete(window, "awsenv 'two w\t", "awsenv 'two words'")
    assert not (home / ".cache" / "awsenv").exists()
    assert shell.name


def test_without_a_home_nothing_is_shown(shell: Spelling, open_window: Start) -> None:
    """Where `HOME` is unset, the strictest options find no fault, and commands are completed."""
    window = open_window(shell.strict_at_terminal)
    # Without HOME the program would write to the cache of the user who runs the tests.
    typed = "set -e HOME; set _AWSENV_BIN false" if shell.name == "fish" else "unset HOME; _AWSENV_BIN=false"
    window.run(typed)

    complete(window, "awsenv zz\t", "awsenv zz")
    complete(window, "awsenv stat\t", "awsenv status")
    assert "HOME" not in window.text.replace(typed, "")


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_another_file_has_other_names(
    variable: str, *, shell: Spelling, open_window: Start, write_profiles: Start, home: Path
) -> None:
    """Once its variable names another file, a shell is not offered what it has read of the usual one."""
    write_profiles(["usual"])
    header = "[profile unusual]" if variable == "AWS_CONFIG_FILE" else "[unusual]"
    (home / "other").write_text(f"{header}\naws_access_key_id = x\n")
    window = open_window()

    complete(window, "awsenv usu\t", "awsenv usual")
    window.run(shell.export.format(variable, "'~/other'"))
    complete(window, "awsenv unu\t", "awsenv unusual")


def test_names_that_were_cut_off_are_written_again(
    shell: Spelling, open_window: Start, write_profiles: Start, home: Path
) -> None:
    """A cache without its end, as after a power cut, is none."""
    write_profiles(["one", "other"])
    path = home / ".cache" / "awsenv" / candidates.NAMES
    whole = path.read_text()
    path.write_text(whole[: whole.index("role\tother")])
    window = open_window()

    complete(window, "awsenv oth\t", "awsenv other")
    assert whole == path.read_text()
    assert shell.name


def test_the_completion_works_without_the_hook(
    shell: Spelling, open_terminal: Start, write_rc: Start, write_profiles: Start, program: str
) -> None:
    """What `awsenv completion` prints is enough; it also completes the path of the program, as the shell does."""
    write_profiles(["admin"])
    write_rc(shell, *BEFORE[shell.name], shell.evaluate.format(f"awsenv completion {shell.name}"))
    window = open_terminal([shell.name])

    complete(window, "awsenv adm\t", "awsenv admin")
    complete(window, f"{program} adm\t", f"{program} admin")


def test_compinit_may_run_after_the_hook(
    shells: Mapping[str, Spelling], terminal: Start, write_profiles: Start
) -> None:
    """In zsh the completion is there although what all completion needs was loaded later, and loaded again."""
    write_profiles(["admin"])
    window = terminal(shells["zsh"], after=BEFORE["zsh"])

    complete(window, "awsenv adm\t", "awsenv admin")
    window.run("compinit -u -D")
    complete(window, "awsenv adm\t", "awsenv admin")


@pytest.mark.parametrize("kind", ["function", "alias"])
def test_any_word_may_have_another_meaning(
    kind: str, shells: Mapping[str, Spelling], hooks: Path, write_profiles: Start, run: Start
) -> None:
    """In bash, no function and no alias of the user changes what is offered, or gets to run."""
    write_profiles(["admin", "it's"])
    bash = shells["bash"]
    code = re.sub(r"^\s*#.*$", "", (hooks / f"completions/{bash.completion_file}").read_text(), flags=re.MULTILINE)
    words = {*re.findall(r"(?<![\w$%{-])[A-Za-z_][\w-]*|\[\[?|:", code)} - {"builtin", "eval"}
    defined = "\n".join(
        f"w={shlex.quote(word)}; {bash.shadows[kind]}" for word in sorted(words) if not word.startswith("_awsenv")
    )
    tries = (
        "COMP_LINE={0!r} COMP_POINT={1}; _awsenv_complete awsenv {2!r} ''; "
        "'builtin' 'printf' '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    script = (
        "'builtin' 'shopt' '-s' 'expand_aliases' 2>/dev/null",
        defined,
        f"_awsenv_folder={shlex.quote(str(hooks))}",
        f"'builtin' 'source' {shlex.quote(str(hooks / 'completions' / bash.completion_file))}",
        *(tries.format(line, len(line), line.split()[-1]) for line in ("awsenv adm", "awsenv it", "awsenv exec --reg")),
    )

    answer = run(bash, "\n".join(script))

    assert (["admin", r"it\'s", "--region"], "") == (answer.stdout.split("\n")[:-1], answer.stderr)


def test_bash_completion_completes_the_command(
    shells: Mapping[str, Spelling], terminal: Start, write_profiles: Start
) -> None:
    """Where bash-completion is loaded, it completes the command behind `--`, and awsenv behind `sudo`."""
    script = Path("/usr/share/bash-completion/bash_completion")
    if not script.exists() and not os.environ.get("CI"):
        pytest.skip("bash-completion is not installed")  # on a user's machine: CI fails below
    write_profiles(["admin", "a@b:c=d"])
    window = terminal(shells["bash"], *BEFORE["bash"], f". {script}")

    complete(window, "awsenv exec a@b\t", "awsenv exec a@b:c=d")
    complete(
        window,
        "awsenv exec --profile=a@b:c=d admin -- tar --create --fil\t",
        "awsenv exec --profile=a@b:c=d admin -- tar --create --file",
    )
    complete(window, "sudo awsenv adm\t", "sudo awsenv admin")
