"""What the hooks of the POSIX family and of tcsh show, and what they keep to themselves."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from awsenv import shells
from awsenv.model import Change
from spelling import ASH, DASH, KSH, MKSH, NOW, TCSH, YASH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spelling import Row

    Start = Callable[..., Any]

FAMILY = (ASH, DASH, KSH, MKSH, YASH)

CLOCKS = {
    "ash": f"unset EPOCHSECONDS; EPOCHSECONDS={NOW}",
    "ksh93": f"unset SECONDS; SECONDS=0; _awsenv_zero={NOW}",
    "mksh": f"_now={NOW}.5; PS1=${{PS1//EPOCHREALTIME/_now}}",
    "tcsh": "set tty = ../$HOME/clock",
}
"""The line that stops the clock of each hook that has one. That of tcsh is the time at which a file was read."""

STATES = (
    (7500, "[prod 2h05m] ", "default", False),
    (3600, "[prod 1h00m] ", "default", False),
    (3599, "[prod 59m] ", "default", False),
    (899, "[prod 14m] ", "brown", False),
    (299, "[prod 4m] ", "red", False),
    (59, "[prod 59s] ", "red", False),
    (1, "[prod 1s] ", "red", False),
    (0, "[prod expired] ", "red", True),
    (-90, "[prod expired] ", "red", True),
)
"""The seconds left, and what the prompt shows then."""


def rows(*each: Row) -> pytest.MarkDecorator:
    """Run a test for these shells."""
    return pytest.mark.parametrize("row", each, ids=str, indirect=True)


@pytest.fixture
def open_shell(row: Row, home: Path, open_terminal: Start, clean_environ: Mapping[str, str]) -> Start:
    """Return a function that opens the shell with lines before and after the one that loads the hook."""

    def start(*before: str, after: tuple[str, ...] = (), **environ: str) -> Any:
        (home / row.rc).write_text("\n".join((row.prompt, *before, row.hook, *after, "")))
        return open_terminal([row.name], {**clean_environ, "TERM": "xterm", **environ})

    return start


@pytest.fixture
def recorder(row: Row, home: Path) -> Callable[[str], str]:
    """Return a function that makes a program, which records its words, and returns the line that puts it in place."""

    def make(behaviour: str) -> str:
        path = home / "program"
        path.write_text(f"""#!/bin/sh\nprintf '<%s>' "$@" >>"$HOME/calls"\n{behaviour}\n""")
        path.chmod(0o755)
        return f"{'set ' if row is TCSH else ''}_AWSENV_BIN={path}"

    return make


@rows(ASH, KSH, MKSH, TCSH)
def test_the_prompt_counts_the_time_down(row: Row, open_shell: Start, home: Path) -> None:
    """The prompt shows hours, minutes, seconds and the end, in the colours of the other hooks."""
    (home / "clock").touch()
    os.utime(home / "clock", (NOW - 7, NOW))  # Linux rounds down to 8 seconds
    window = open_shell(after=(CLOCKS[row.name],), AWSENV_LABEL="prod")

    assert window.line.startswith("[prod] ")
    for seconds, shown, color, is_bold in STATES:
        window.run(row.export.format("AWSENV_EXPIRES_EPOCH", NOW + seconds))
        has_color = row is not MKSH
        assert (shown, (color, is_bold) if has_color else ("default", False)) == (
            window.line[: len(shown)],
            window.look(1),
        )
        # The clock of mksh is stopped in its prompt alone.
        assert row is MKSH or shown.strip() == window.run("awsenv_prompt_info").strip()


@rows(ASH, KSH, MKSH, TCSH)
def test_the_colour_of_the_profile(row: Row, open_shell: Start, home: Path) -> None:
    """The colour of the profile is on all the time, and gives way to nothing but the end."""
    (home / "clock").touch()
    os.utime(home / "clock", (NOW - 7, NOW))
    mark = "PS1=$'\\001\\r'$PS1" if row is MKSH else ""
    window = open_shell(mark, after=(CLOCKS[row.name],), AWSENV_LABEL="prod", AWSENV_COLOR="35")

    looks = [window.look(1)]
    for seconds in (7500, 45, -1):
        window.run(row.export.format("AWSENV_EXPIRES_EPOCH", NOW + seconds))
        looks.append(window.look(1))

    assert [*[("magenta", False)] * 3, ("red", True)] == looks


@rows(DASH, YASH)
@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC0", "03:33"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "05:33"),
        ("IST-5:30", "09:03"),
        ("NST3:30NDT,M3.2.0,M11.1.0", "01:03"),
        ("LINT-14", "17:33"),
        ("XXX12", "15:33"),
    ],
)
def test_a_prompt_without_a_clock_shows_when_the_role_ends(zone: str, shown: str, open_shell: Start) -> None:
    """The time is that of the user's zone at the end of the role, whose summer time may be another than now."""
    window = open_shell(AWSENV_LABEL="prod", AWSENV_EXPIRES_EPOCH=str(NOW), TZ=zone)

    assert window.line.startswith(f"[prod until {shown}] ")
    assert f"[prod until {shown}]" == window.run("awsenv_prompt_info")


@rows(*FAMILY, TCSH)
def test_a_hostile_variable_runs_nothing(row: Row, open_shell: Start, home: Path) -> None:
    """Neither a label nor an end that the user has set by hand is more than text."""
    sprung = "touch sprung"
    hostile = {"AWSENV_LABEL": f"$({sprung})`{sprung}`\n\"'\x1b]0;title\x07", "AWSENV_COLOR": "31m\n\x1b]0;title\x07"}
    window = open_shell(**hostile, AWSENV_EXPIRES_EPOCH=f"{{ {sprung} }}")

    window.run(row.export.format("AWSENV_EXPIRES_EPOCH", f"'1+a[$({sprung})]'"))
    window.run(row.export.format("AWSENV_EXPIRES_EPOCH", "08"))

    assert (False, False) == ((home / "sprung").exists(), b"title" in window.transcript)
    assert window.line.startswith("[")


@rows(*FAMILY, TCSH)
def test_a_trace_shows_no_secret(row: Row, open_shell: Start) -> None:
    """A trace under strict options, or a trap on DEBUG, shows no key, and stays on."""
    on, off = ("set echo verbose", "unset echo verbose") if row is TCSH else ("set -uCxv", "set +uCxv")
    if row is KSH:  # alone in its family it tells a trap what it runs
        on, off = f"""{on}; trap 'echo "at: ${{.sh.command}}"' DEBUG""", f"{off}; trap - DEBUG"
    window = open_shell()

    window.run(on)
    window.run("awsenv power-user")
    window.run("true vis''ible")
    assert window.line.startswith("[power-user] ")
    window.run(off)
    window.clear()

    assert (False, True) == (b"canary" in window.transcript, window.transcript.count(b"true visible") >= 1)
    assert "canary/secret+one" == window.run("env printenv AWS_SECRET_ACCESS_KEY")


@rows(*FAMILY, TCSH)
def test_ctrl_c_leaves_a_trace_and_a_trap_on(row: Row, open_shell: Start, recorder: Callable[[str], str]) -> None:
    """If Ctrl-C ends the program, the trace and the trap on INT that the user has set are on at the next prompt."""
    on, look = ("set echo", "echo is $?echo") if row is TCSH else ("set -x", 'case $- in *x*) echo "is 1" ;; esac')
    window = open_shell(after=(recorder("echo asking >&2; exec sleep 60"),))

    def interrupt() -> None:
        window.clear()
        window.child.send("awsenv role\r")
        window.until(lambda: any(line.startswith("asking") for line in window.screen.display), "question")
        window.child.send("\x03")
        window.wait()

    window.run(on)
    interrupt()
    assert "is 1" in window.run(look).splitlines()
    if row is not TCSH:  # only its scripts have such traps
        window.run("trap 'echo caught' INT")
        interrupt()
        assert "is 1" in window.run(look).splitlines()
        assert "trap -- 'echo caught' INT" in window.run("trap").splitlines()


@rows(*FAMILY, TCSH)
def test_the_program_gets_each_word_as_it_is(
    row: Row, open_shell: Start, recorder: Callable[[str], str], home: Path
) -> None:
    """No quote, pattern or substitution in a word is evaluated once more."""
    words = ["it's", "a  b", ";touch sprung", "*", "$HOME", "`touch sprung`", 'a"b']
    lines = 'one\n"two'
    prompt = "set prompt = 'two\\\n'\"$prompt:q\"" if row is TCSH else ":"
    window = open_shell(prompt, after=(recorder(""),), TEXT=lines)

    typed = ["'" + word.replace("'", "'\\''") + "'" for word in words]
    window.run(" ".join(["awsenv", *typed, '"$TEXT:q"' if row is TCSH else '"$TEXT"']))

    assert "".join(f"<{word}>" for word in [*words, lines]) == (home / "calls").read_text()
    assert not (home / "sprung").exists()


@rows(TCSH)
@pytest.mark.parametrize("left", [299, 59, 0, -9999])
def test_tcsh_renews_a_role_in_its_last_five_minutes(
    left: int, open_shell: Start, recorder: Callable[[str], str], home: Path
) -> None:
    """It does so once and silently, and the same prompt shows the new time."""
    answer = shells.find("tcsh").render(Change({"AWSENV_EXPIRES_EPOCH": str(NOW + 3570), "AWS_VAULT": "it's new"}))
    (home / "answer").write_text(answer)
    (home / "clock").touch()
    os.utime(home / "clock", (NOW - 7, NOW))
    role = {"AWSENV_LABEL": "prod", "AWSENV_RENEW": "0123abcd", "AWSENV_EXPIRES_EPOCH": str(NOW + left)}

    window = open_shell(after=(CLOCKS["tcsh"], recorder("cat; echo noise >&2; cat ~/answer")), **role)

    assert window.line.startswith("[prod 59m] 0:1> ")
    assert "it's new" == window.run("printenv AWS_VAULT")
    assert ("<renew>", False) == ((home / "calls").read_text(), b"noise" in window.transcript)


@rows(TCSH)
def test_tcsh_tries_to_renew_once_a_minute(open_shell: Start, recorder: Callable[[str], str], home: Path) -> None:
    """Where that fails, or a wrong clock says that the new end has passed, it waits for the next minute, or a login."""
    (home / "clock").touch()
    os.utime(home / "clock", (NOW - 7, NOW))
    role = {"AWSENV_LABEL": "prod", "AWSENV_RENEW": "0123abcd", "AWSENV_EXPIRES_EPOCH": str(NOW + 300)}
    fails = "echo noise >&2; echo 'if (1) setenv AWSENV_EXPIRES_EPOCH 1700000000;'; exit 8"
    program = recorder(f'[ "$1" = login ] || {{ {fails}; }}')
    window = open_shell(after=(CLOCKS["tcsh"], program), **role)

    calls = []
    for line in (
        "true",
        f"setenv AWSENV_EXPIRES_EPOCH {NOW + 130}; setenv AWSENV_AUTO_REFRESH 0",
        "unsetenv AWSENV_AUTO_REFRESH",
        "true",
        f"setenv AWSENV_EXPIRES_EPOCH {NOW + 70}; setenv AWSENV_RENEW ''",
        "setenv AWSENV_RENEW x",
        "true",
        "awsenv login",
        "true",
    ):
        window.run(line)
        calls.append((home / "calls").read_text().count("<renew>") if (home / "calls").exists() else 0)

    assert ([0, 0, 1, 1, 1, 2, 2, 3, 3], False) == (calls, b"noise" in window.transcript)


@rows(*FAMILY, TCSH)
def test_the_function_leaves_a_substitution_to_its_eval(row: Row, open_shell: Start) -> None:
    """At a prompt where `awsenv` is the function, eval gets the change, and fails if awsenv does."""
    window = open_shell()

    window.run(row.evaluate.format("awsenv power-user"))
    assert window.line.startswith("[power-user] ")
    assert "" == window.run("awsenv temporary >/dev/null")
    assert window.line.startswith("[temporary")
    assert "reached" not in window.run(row.then.format(row.evaluate.format("awsenv nobody"), "echo rea''ched"))
    assert window.line.startswith("[temporary")


@rows(*FAMILY)
def test_the_doctor_learns_what_the_last_prompt_showed(open_shell: Start) -> None:
    """The hook says whether the prompt shows the role, or what keeps it from doing so."""
    window = open_shell()
    look = "(_awsenv_report doctor; env printenv _AWSENV_PROMPT)"

    seen = [window.run(look), window.run("_n=0; PS1='$?:$((_n = _n + 90))> '; " + look)]
    seen += [
        window.run("AWSENV_DISABLE_PROMPT=1; " + look),
        window.run("AWSENV_DISABLE_PROMPT=; readonly PS1; " + look),
    ]

    # A line wider than the screen goes on in the next row.
    assert ["awsenv", "replaced", "disabled", "frozen"] == [shown.splitlines()[-1] for shown in seen]


ALIASES = {
    "sh": "set unset export return shift trap exec printf command test false date",
    "tcsh": "@ env exit printenv printf setenv sh test unsetenv",
}
"""Builtins and programs that a hook uses, which the user may have aliases of. tcsh cannot quote a builtin."""

ODDITIES = {
    "sh": (("IFS=_e1", *(f"{name}() {{ echo garbage; }}" for name in ("cd", "date", "false", "printf", "test"))), ()),
    "tcsh": (("set noglob noclobber nonomatch",), ("alias precmd 'set kept'", "set histchars = '%#'")),
}
"""Lines before and after the hook that change what its words mean: functions, too."""


@rows(*FAMILY, TCSH)
def test_aliases_functions_and_options_disturb_nothing(row: Row, open_shell: Start) -> None:
    """The user may have an alias for each command that the hook uses, fields that end anywhere, and odd options."""
    family = row.family or row.name
    equals = " " if row is TCSH else "="
    before, after = ODDITIES[family]
    aliases = (f"alias {word}{equals}'echo garbage'" for word in ALIASES[family].split())
    window = open_shell(*before, *aliases, after=after)

    assert "" == window.run("awsenv power-user")
    assert window.line.startswith("[power-user] ")
    assert row is not TCSH or "1" == window.run("echo $?kept")
    assert "" == window.run("awsenv off")
    assert not window.line.startswith("[")


@rows(*FAMILY)
def test_a_read_only_variable_stops_the_change(open_shell: Start) -> None:
    """If one variable is read-only no variable changes, and a read-only prompt disturbs nobody."""
    window = open_shell("readonly PS1", after=("readonly AWS_ACCESS_KEY_ID=AKIAMINE",))

    shown = window.run("awsenv power-user || echo kept")

    assert "awsenv: nothing was changed: a variable" in shown
    assert shown.endswith("kept")
    assert "" == window.run('echo "$AWSENV_LABEL$AWS_SECRET_ACCESS_KEY"')


@rows(ASH, KSH, TCSH, YASH)
def test_a_line_wraps_where_the_screen_ends(row: Row, open_shell: Start) -> None:
    """Colours have no width: an edit at the start of a line longer than the screen leaves the rest whole."""
    emacs = "bindkey -e" if row is TCSH else "set -o emacs"
    window = open_shell(emacs, AWSENV_LABEL="prod", AWSENV_COLOR="35")

    window.child.send(f" {'y' * 100}\x01X")
    window.until(lambda: f"> X {'y' * 100}" in "".join(window.screen.display), "edited line")


@rows(MKSH)
def test_mksh_shows_colours_behind_the_users_own_mark(open_shell: Start) -> None:
    """In mksh codes have no width in a prompt that begins with a mark and a carriage return, and only there."""
    window = open_shell("PS1=$'\\001\\r\\001\\e[32m\\001'$PS1", AWSENV_LABEL="prod", AWSENV_COLOR="35")

    assert window.line.startswith("[prod] 0:")
    assert ("magenta", "green") == (window.look(1)[0], window.look(8)[0])


@rows(*FAMILY, TCSH)
def test_the_subshell_of_exec_has_its_role_whatever_the_startup_file_sets(
    row: Row, home: Path, program: str, clean_environ: Mapping[str, str], open_terminal: Start
) -> None:
    """The role precedes keys that the file exports; ENV is the user's, and no variable of awsenv itself remains."""
    others = {"AWS_PROFILE": "other", "AWS_ACCESS_KEY_ID": "AKIAFROMRC", "AWS_SESSION_TOKEN": "from-rc"}
    exports = (row.export.format(name, value) for name, value in others.items())
    # Of tcsh only the startup files of the user can load the hook.
    (home / row.rc).write_text("\n".join((row.prompt, *exports, row.hook if row is TCSH else "", "")))

    window = open_terminal([program, "exec", "power-user"], {**clean_environ, "TERM": "xterm"})

    assert window.line.startswith("[power-user] ")
    assert "AKIAIOSFODNN7EXAMPLE" == window.run("env printenv AWS_ACCESS_KEY_ID")
    window.run("env >all")
    variables = dict(line.partition("=")[::2] for line in (home / "all").read_text().splitlines())
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & {*variables}
    assert not [name for name in variables if name.startswith("_AWSENV")]
    assert clean_environ.get("ENV") == variables.get("ENV")


@rows(*FAMILY, TCSH)
def test_a_prompt_with_a_role_starts_no_process(
    row: Row, home: Path, require: Start, clean_environ: Mapping[str, str], open_terminal: Start
) -> None:
    """Between one prompt and the next the shell forks nothing, and does not read the hook again."""
    (home / "clock").touch()
    clock = CLOCKS["tcsh"] if row is TCSH else ""  # it would read the hook once a minute
    (home / row.rc).write_text(f"{row.prompt}\n{row.hook}\n{clock}\n")
    trace = [require("strace"), "-f", "-o", "traced", "-e", "trace=clone,clone3,execve,fork,openat,vfork"]
    role = {"AWSENV_LABEL": "prod", "AWSENV_EXPIRES_EPOCH": str(NOW)}

    window = open_terminal([*trace, row.name], {**clean_environ, **role, "TERM": "xterm"})
    for line in ("/bin/true", *[":"] * 5, "/bin/true"):
        window.run(line)
    assert window.line.startswith("[prod")
    # strace writes the rest of the trace at the end.
    window.child.sendline("exit")
    window.child.expect(pexpect.EOF)

    _, between, _ = (home / "traced").read_text().split('execve("/bin/true"')
    assert 1 == len(re.findall(r"(?:clone3?|v?fork)\(", between))  # for the second command
    assert f"awsenv.{row.family or row.name}" not in between
