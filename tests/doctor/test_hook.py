"""What the doctor reads in the startup files of bash, zsh and fish."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.hook import hook

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
LINES = {
    "bash": 'eval "$(awsenv init bash)"',
    "zsh": 'eval "$(awsenv init zsh)"',
    "fish": "awsenv init fish | source",
}
SHELLS = pytest.mark.parametrize("shell", list(MAIN))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with an awsenv in its `bin`."""
    folder = tmp_path / "home"
    install(folder / "bin" / "awsenv")
    return folder


def install(path: Path) -> None:
    """Make *path* a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def write(home: Path, name: str, text: str) -> None:
    """Write a file below *home*."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(home: Path, shell: str | None, check: str = "hook", more: Mapping[str, str] | None = None) -> list[Finding]:
    """Return the findings of one check."""
    environ = {"HOME": str(home), "PATH": str(home / "bin"), **(more or {})}
    findings = list(hook(environ, shell, str(home / "bin" / "awsenv")))
    assert all(each.verdict is not Verdict.WRONG for each in findings)
    assert all(each.hint for each in findings if each.verdict is Verdict.WARNING)
    return [each for each in findings if each.check == check]


def prompt(home: Path, shell: str, more: Mapping[str, str] | None = None) -> list[str]:
    """Return what is said of the prompt."""
    return [each.fact for each in found(home, shell, "prompt", more)]


@SHELLS
def test_the_line_of_the_readme_is_found_with_its_file_and_number(home: Path, shell: str) -> None:
    """The line is fine wherever it stands, with a comment after it."""
    write(home, MAIN[shell], f"# mine\n\n{LINES[shell]}    # ~/.bashrc: bash 3.2 and later\n")

    assert [Finding("hook", Verdict.FINE, f"~/{MAIN[shell]} loads it", f"~/{MAIN[shell]}:3")] == found(home, shell)


@SHELLS
def test_a_file_without_the_line_is_a_warning_with_the_line_to_add(home: Path, shell: str) -> None:
    """The hint names the file and the line."""
    write(home, MAIN[shell], "alias ll='ls -l'\n")

    (finding,) = found(home, shell)

    assert Verdict.WARNING is finding.verdict
    assert f"~/{MAIN[shell]}" == finding.place
    assert (
        f"add as the last line of ~/{MAIN[shell]}, unless a file that it reads has it: {LINES[shell]}" == finding.hint
    )


@SHELLS
def test_a_missing_file_is_as_one_without_the_line(home: Path, shell: str) -> None:
    """A new account has no startup files."""
    (finding,) = found(home, shell)

    assert (Verdict.WARNING, f"~/{MAIN[shell]}") == (finding.verdict, finding.place)
    assert [] == prompt(home, shell)


@SHELLS
@pytest.mark.parametrize("mark", ["# ", "#", "   # ", "true # "])
def test_a_line_that_is_commented_out_is_none(home: Path, shell: str, mark: str) -> None:
    """A comment loads nothing."""
    write(home, MAIN[shell], f"{mark}{LINES[shell]}\n")

    assert [Verdict.WARNING] == [each.verdict for each in found(home, shell)]


@pytest.mark.parametrize(
    "line",
    [
        'eval "$(~/.local/bin/awsenv init bash)"',
        'eval "$("$HOME/my tools/awsenv" init bash)"',
        "eval -- `awsenv init bash`",
        'command -v awsenv >/dev/null && eval "$(awsenv init bash)"',
        'eval "$(awsenv init "$(basename "$SHELL")")"',
        'eval "$(awsenv init /bin/bash)"',
        "source <(awsenv init bash)",
        ". /opt/awsenv/shell/awsenv.bash",
        "\\eval \"$(awsenv init bash)\" '# no comment'",
    ],
)
def test_people_write_the_line_in_many_ways(home: Path, line: str) -> None:
    """Each of these loads the hook."""
    write(home, ".bashrc", f"{line}\n")

    assert [Verdict.FINE] == [each.verdict for each in found(home, "bash")]


@pytest.mark.parametrize("line", ["alias a=awsenv", "awsenv init-db bash", "myawsenv init bash", "awsenv list"])
def test_other_lines_that_name_awsenv_do_not_load_it(home: Path, line: str) -> None:
    """Only `awsenv init` does."""
    write(home, ".bashrc", f"{line}\n")

    assert [Verdict.WARNING] == [each.verdict for each in found(home, "bash")]


def test_the_return_of_shells_that_are_not_interactive_is_fine(home: Path) -> None:
    """Debian's own ~/.bashrc begins so."""
    write(home, ".bashrc", f"case $- in\n  *i*) ;;\n  *) return;;\nesac\n{LINES['bash']}\n")

    assert [("~/.bashrc:5", Verdict.FINE)] == [(each.place, each.verdict) for each in found(home, "bash")]


@SHELLS
def test_twice_is_a_warning_with_both_lines(home: Path, shell: str) -> None:
    """The last is the one to keep."""
    write(home, MAIN[shell], f"{LINES[shell]}\n\n{LINES[shell]}\n")

    (finding,) = found(home, shell)

    assert Verdict.WARNING is finding.verdict
    assert f"it is loaded 2 times: ~/{MAIN[shell]}:1 and ~/{MAIN[shell]}:3" == finding.fact


def test_the_hook_of_another_shell_is_a_warning(home: Path) -> None:
    """A line that was copied from a bash does not serve zsh."""
    write(home, ".zshrc", f"{LINES['bash']}\n")

    (finding,) = found(home, "zsh")

    assert "the hook that is loaded is that of bash, and this is zsh" == finding.fact
    assert ("~/.zshrc:1", f"write {LINES['zsh']}") == (finding.place, finding.hint)


@pytest.mark.parametrize(
    ("shell", "line", "name"),
    [
        ("bash", 'eval "$(starship init bash)"', "starship"),
        ("bash", 'eval "$(oh-my-posh init bash --config ~/x.json)"', "oh-my-posh"),
        ("zsh", 'eval "$(starship init zsh)"', "starship"),
        ("zsh", "source ~/powerlevel10k/powerlevel10k.zsh-theme", "powerlevel10k"),
        ("zsh", "zinit light romkatv/powerlevel10k", "powerlevel10k"),
        ("zsh", "source ~/.zsh/spaceship/spaceship.zsh", "spaceship"),
    ],
)
def test_a_hook_before_a_prompt_framework_is_a_warning_with_both_lines(
    home: Path, shell: str, line: str, name: str
) -> None:
    """The cure is to move it to the end, and then all is fine."""
    write(home, MAIN[shell], f"{LINES[shell]}\n{line}\n")

    (finding,) = found(home, shell)

    assert Verdict.WARNING is finding.verdict
    assert f"it is loaded before {name} (~/{MAIN[shell]}:2), which sets the prompt up anew" == finding.fact
    assert (f"~/{MAIN[shell]}:1", f"move it to the end of ~/{MAIN[shell]}") == (finding.place, finding.hint)
    write(home, MAIN[shell], f"{line}\n{LINES[shell]}\n")
    assert [Verdict.FINE] == [each.verdict for each in found(home, shell)]


@pytest.mark.parametrize(
    "line",
    [
        'eval "$(zoxide init zsh)"',
        'eval "$(direnv hook zsh)"',
        "[[ ! -f ~/.p10k.zsh ]] || source ~/.p10k.zsh",
        '# eval "$(starship init zsh)"',
    ],
)
def test_what_sets_up_no_prompt_may_stand_after_the_hook(home: Path, line: str) -> None:
    """`p10k configure` appends the third: it only reads settings."""
    write(home, ".zshrc", f"{LINES['zsh']}\n{line}\n")

    assert [Verdict.FINE] == [each.verdict for each in found(home, "zsh")]


def test_in_fish_the_order_does_not_matter(home: Path) -> None:
    """conf.d comes before config.fish, and is a place for the hook all the same."""
    write(home, ".config/fish/conf.d/awsenv.fish", f"{LINES['fish']}\n")
    write(home, ".config/fish/config.fish", "starship init fish | source\n")

    assert [("~/.config/fish/conf.d/awsenv.fish:1", Verdict.FINE)] == [
        (each.place, each.verdict) for each in found(home, "fish")
    ]
    assert ["starship shows AWS_VAULT"] == prompt(home, "fish")


@pytest.mark.parametrize(
    ("shell", "variable", "name"), [("zsh", "ZDOTDIR", ".zshrc"), ("fish", "XDG_CONFIG_HOME", "fish/config.fish")]
)
def test_the_files_are_where_the_variables_say(
    home: Path, tmp_path: Path, shell: str, variable: str, name: str
) -> None:
    """A path outside of the home is written in full."""
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, name, f"{LINES[shell]}\n")

    (finding,) = found(home, shell, more={variable: str(elsewhere)})

    assert (Verdict.FINE, f"{elsewhere}/{name}:1") == (finding.verdict, finding.place)


def test_a_line_that_only_login_shells_of_bash_read_is_a_warning(home: Path) -> None:
    """The shells inside a terminal of Linux are none."""
    write(home, ".bash_profile", f"{LINES['bash']}\n")

    (finding,) = found(home, "bash")

    assert "only login shells read ~/.bash_profile" == finding.fact
    assert "~/.bash_profile:1" == finding.place


def test_a_profile_that_does_not_read_the_bashrc_is_a_warning(home: Path) -> None:
    """The shells of macOS's terminals are login shells; the cure makes it fine."""
    write(home, ".bashrc", f"{LINES['bash']}\n")
    write(home, ".bash_profile", "export EDITOR=vi\n")
    write(home, ".profile", ". ~/.bashrc  # which bash does not read beside the other\n")

    (finding,) = found(home, "bash")

    assert "login shells do not load it: they read ~/.bash_profile, and not ~/.bashrc" == finding.fact
    write(home, ".bash_profile", "export EDITOR=vi\n. ~/.bashrc\n")
    assert [Verdict.FINE] == [each.verdict for each in found(home, "bash")]


def test_a_line_in_both_files_of_bash_is_fine(home: Path) -> None:
    """Each kind of shell loads it."""
    write(home, ".bashrc", f"{LINES['bash']}\n")
    write(home, ".bash_profile", f"{LINES['bash']}\n")

    assert [Verdict.FINE] == [each.verdict for each in found(home, "bash")]


@SHELLS
def test_a_file_that_cannot_be_read_is_unknown(home: Path, shell: str) -> None:
    """A directory has no line, and nothing is guessed."""
    (home / MAIN[shell]).mkdir(parents=True)

    (finding,) = found(home, shell)

    assert (Verdict.UNKNOWN, f"~/{MAIN[shell]}") == (finding.verdict, finding.place)


def test_a_fifo_is_unknown_and_nobody_waits_for_it(home: Path) -> None:
    """Opening it as a file would wait for a writer."""
    os.mkfifo(home / ".zshrc")

    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, "zsh")]


def test_a_file_that_nobody_has_written_by_hand_is_unknown(home: Path) -> None:
    """The doctor reads one MiB at most."""
    write(home, ".zshrc", "#" * (1 << 20) + "\n")

    assert ["~/.zshrc could not be read: longer than 1 MiB"] == [each.fact for each in found(home, "zsh")]


def test_a_file_of_any_bytes_is_read(home: Path) -> None:
    """Prompts are full of private glyphs in old encodings."""
    (home / ".zshrc").write_bytes(b"PS1=\xff\xfe\x00\r\n" + LINES["zsh"].encode() + b"\r\n")

    assert ["~/.zshrc:2"] == [each.place for each in found(home, "zsh")]


def test_nothing_of_a_line_but_its_place_is_shown(home: Path) -> None:
    """People keep keys in these files."""
    write(home, ".zshrc", f"export TOKEN=canary; {LINES['zsh']}\nTOKEN=canary starship init zsh\n{LINES['bash']}\n")

    findings = [*found(home, "zsh"), *found(home, "zsh", "prompt"), *found(home, "bash")]

    assert "canary" not in repr(findings)


def test_another_awsenv_first_on_path_is_a_warning(home: Path, tmp_path: Path) -> None:
    """A project's venv has put itself in front."""
    install(tmp_path / "venv" / "awsenv")
    write(home, ".zshrc", f"{LINES['zsh']}\n")

    finding, hooked = found(home, "zsh", more={"PATH": f"{tmp_path}/none:{tmp_path}/venv:{home}/bin"})

    assert (Verdict.WARNING, Verdict.FINE) == (finding.verdict, hooked.verdict)
    assert (
        f"the first awsenv on PATH is {tmp_path}/venv/awsenv, and the one that runs is {home}/bin/awsenv"
        == finding.fact
    )


def test_a_link_to_the_program_that_runs_is_the_same_program(home: Path, tmp_path: Path) -> None:
    """So do pipx and uv install it."""
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "awsenv").symlink_to(home / "bin" / "awsenv")
    write(home, ".zshrc", f"{LINES['zsh']}\n")

    assert [Verdict.FINE] == [each.verdict for each in found(home, "zsh", more={"PATH": f"{tmp_path}/links"})]


def test_a_line_that_does_not_find_awsenv_is_a_warning(home: Path) -> None:
    """One with the whole path does."""
    write(home, ".zshrc", f"{LINES['zsh']}\n")
    (finding,) = found(home, "zsh", more={"PATH": "/nowhere"})
    assert "awsenv is not on PATH, where this line looks for it" == finding.fact

    write(home, ".zshrc", f'eval "$({home}/bin/awsenv init zsh)"\n')
    assert [Verdict.FINE] == [each.verdict for each in found(home, "zsh", more={"PATH": "/nowhere"})]


@pytest.mark.parametrize("shell", ["sh", "dash"])
def test_a_shell_for_which_there_is_no_hook_is_fine(home: Path, shell: str) -> None:
    """Its prompt is nobody's business either."""
    (finding,) = hook({"HOME": str(home), "PATH": ""}, shell, "/bin/awsenv")

    assert Verdict.FINE is finding.verdict
    assert f'there is none for {shell}: eval "$(awsenv ROLE)" does without' == finding.fact


def test_without_the_name_of_the_shell_the_variables_name_it(home: Path) -> None:
    """The hook's own is worth more than the login shell; with neither it is not known."""
    write(home, ".zshrc", f"{LINES['zsh']}\n")
    write(home, ".bashrc", f"{LINES['bash']}\n")

    assert ["~/.zshrc:1"] == [each.place for each in found(home, None, more={"SHELL": "/usr/bin/zsh"})]
    more = {"SHELL": "/usr/bin/zsh", "AWSENV_SHELL": "bash"}
    assert ["~/.bashrc:1"] == [each.place for each in found(home, None, more=more)]
    assert [Verdict.UNKNOWN] == [each.verdict for each in found(home, None)]


def test_a_hook_that_says_it_is_loaded_is_not_missing(home: Path) -> None:
    """The line stands in a file that the startup file reads."""
    write(home, ".bashrc", ". ~/.aliases\n")

    assert [(Verdict.FINE, "it is loaded, and not by ~/.bashrc")] == [
        (each.verdict, each.fact) for each in found(home, "bash", more={"AWSENV_SHELL": "bash"})
    ]


@SHELLS
def test_without_a_framework_the_hook_shows_the_role(home: Path, shell: str) -> None:
    """Unless it is told to leave the prompt alone."""
    write(home, MAIN[shell], f"{LINES[shell]}\n")

    assert ["the hook shows the role and its time left"] == prompt(home, shell)
    (finding,) = found(home, shell, "prompt", {"AWSENV_DISABLE_PROMPT": "1"})
    assert (Verdict.FINE, "AWSENV_DISABLE_PROMPT") == (finding.verdict, finding.place)


def test_tide_is_found_by_its_file(home: Path) -> None:
    """It is installed without a line in config.fish."""
    write(home, ".config/fish/config.fish", f"{LINES['fish']}\n")
    write(home, ".config/fish/conf.d/_tide_init.fish", "")

    (fact,) = prompt(home, "fish")

    assert fact.startswith("tide shows no role by itself: awsenv_prompt_info ")


@pytest.mark.parametrize(("variable", "name"), [("STARSHIP_SHELL", "starship"), ("POSH_SHELL", "oh-my-posh")])
def test_a_variable_names_the_framework_of_its_own_shell_only(home: Path, variable: str, name: str) -> None:
    """It is exported, and a bash that zsh has started inherits it."""
    write(home, ".bashrc", f"{LINES['bash']}\n")

    assert prompt(home, "bash", {variable: "bash"})[0].startswith(f"{name} shows AWS_VAULT")
    assert ["the hook shows the role and its time left"] == prompt(home, "bash", {variable: "zsh"})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("  typeset -g POWERLEVEL9K_AWS_SHOW_ON_COMMAND='aws|cdk'\n", "only while certain commands are typed; always"),
        ("  # typeset -g POWERLEVEL9K_AWS_SHOW_ON_COMMAND='aws|cdk'\n", ""),
        ("  typeset -g POWERLEVEL9K_AWS_SHOW_ON_COMMAND='aws'\nunset POWERLEVEL9K_AWS_SHOW_ON_COMMAND\n", ""),
        ("  typeset -g POWERLEVEL9K_AWS_SHOW_ON_COMMAND=\n", ""),
        (None, ", by the settings that it comes with only while"),
    ],
)
def test_the_settings_of_powerlevel10k_decide_when_it_shows_the_role(
    home: Path, settings: str | None, expected: str
) -> None:
    """Its stock settings show it only beside the commands that need it."""
    write(home, ".zshrc", f"source ~/p/powerlevel10k.zsh-theme\nsource ~/.p10k.zsh\n{LINES['zsh']}\n")
    if settings is not None:
        write(home, ".p10k.zsh", settings)

    (fact,) = prompt(home, "zsh")

    assert fact.startswith("powerlevel10k shows AWS_VAULT")
    assert expected in fact
    assert bool(expected) == (fact != "powerlevel10k shows AWS_VAULT")


def test_the_last_framework_that_is_loaded_owns_the_prompt(home: Path) -> None:
    """What oh-my-zsh names as its theme may be overridden further down."""
    write(home, ".zshrc", f'ZSH_THEME=spaceship\neval "$(starship init zsh)"\n{LINES["zsh"]}\n')

    assert ["starship shows AWS_VAULT"] == prompt(home, "zsh")
