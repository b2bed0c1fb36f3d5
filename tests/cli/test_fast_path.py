"""The fast path: with an agent, a command behaves byte for byte as it does without one."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, NamedTuple

import pytest

from awsenv import shells
from awsenv.agent import client
from awsenv.cli import conversation
from awsenv.cli.action import Local
from awsenv.cli.commands import COMMANDS
from awsenv.cli.process import FAILURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import World

SESSION = "43230"
"""Seconds, so that the minutes left are the same in two successive runs of `status`."""

_ONCE = """\
import sys
from awsenv.cli import main, process
sys.argv = sys.argv[1:]
process.end_like_ctrl_c()
process.leave(main.run(sys.argv[1:]))
"""


class Shown(NamedTuple):
    """The result of a command line."""

    status: int
    out: bytes
    err: bytes


@dataclass(frozen=True)
class Paths:
    """A user's world with an agent, in which a command line runs with or without the agent."""

    world: World
    folder: Path

    def environ(self, *, active: bool = False) -> dict[str, str]:
        """Return the user's environment; with a role of the agent in it if *active*."""
        shell, browser = self.folder / "bash", self.folder / "browser"
        if not shell.exists():
            shell.write_text(f"#!/bin/sh\n{_SHOW}\n")
            browser.write_text(_BROWSER)
            shell.chmod(0o700)
            browser.chmod(0o700)
        # The variables that a role saves may contain any bytes.
        environ = self.world.environ | {
            "SHELL": str(shell),
            "BROWSER": str(browser),
            "AWS_VAULT": "caf\udce9",
            "ODD": " a\nb='\udcff ",
        }
        if not active:
            return environ
        change = self.world.run("read-only", "--shell", "json", **environ).stdout
        return {name: value for name, value in {**environ, **json.loads(change)}.items() if value is not None}

    def active(self) -> dict[str, str]:
        """Return the environment with an expired role that no agent knows, so that either path changes it."""
        environ = self.environ(active=True)
        del environ["AWSENV_RENEW"]
        keys = ("AWS_ACCESS_KEY_ID", "AWSENV_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        ended = {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z", "AWSENV_EXPIRES_EPOCH": "1577836800"}
        return environ | dict.fromkeys(keys, "ASIAOLD") | ended

    def words(self, line: str) -> list[str]:
        """Return the words of *line*, with the names of this world in them."""
        account, key = self.world.sandbox.account, self.folder
        return shlex.split(line.format(account=account, folder=key, show=f"sh -c {shlex.quote(_SHOW)}"))

    def fast(self, words: list[str], environ: Mapping[str, str]) -> Shown:
        """Run the program."""
        done = subprocess.run(
            [self.world.program, *words],
            env=environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        return Shown(done.returncode, done.stdout, done.stderr)

    def forked(self, words: list[str], environ: Mapping[str, str], *, asks_agent: bool = True) -> Shown:
        """Run what is loaded already: most of what a failure takes is the start of a program that is loaded whole."""
        argv = [self.world.program, *words]
        done = self.world.preloaded.run(argv, environ, str(self.folder), asks_agent=asks_agent)
        return Shown(done.returncode, done.stdout, done.stderr)

    def both(self, words: list[str], environ: Mapping[str, str], *, starts: bool = True) -> tuple[Shown, Shown]:
        """Run the ordinary path, as __main__ takes it where no agent runs, and then the program."""
        both = self.forked(words, environ, asks_agent=False), (self.fast if starts else self.forked)(words, environ)
        expected, actual = (shown._replace(out=comparable(shown.out)) for shown in both)
        return expected, actual

    @property
    def programs(self) -> tuple[list[str], list[str]]:
        """The words that run the ordinary path, and the program."""
        return [sys.executable, "-c", _ONCE, self.world.program], [self.world.program]

    def at_a_terminal(self, argv: list[str]) -> Shown:
        """Run *argv* with a terminal for its input and its output."""
        master, slave = os.openpty()
        done = subprocess.run(
            argv, env=self.world.environ, stdin=slave, stdout=slave, stderr=PIPE, check=False, start_new_session=True
        )
        os.write(slave, b"<end>")
        shown = b""
        while not shown.endswith(b"<end>"):
            shown += os.read(master, 65536)
        os.close(slave)
        os.close(master)
        return Shown(done.returncode, shown, done.stderr)

    def runs_in_agent(self, words: list[str], environ: Mapping[str, str]) -> bool:
        """Return whether the agent answers *words* instead of leaving them to the client."""
        request = conversation.request(words, environ)
        return client.ask(self.world.environ, conversation.RUN, [b"", *request])[0] != Local.kind


@pytest.fixture
def paths(world: World, tmp_path: Path) -> Paths:
    """Return both paths after a login that has used the MFA code, so that the ordinary path has none."""
    return logged_in(world, tmp_path)


@pytest.fixture(scope="module")
def shared(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Return both paths, for tests to which it does not matter what the agent holds."""
    return logged_in(shared_world, tmp_path_factory.mktemp("shared"))


def logged_in(world: World, parent: Path) -> Paths:
    """Return both paths in *world*, after a login with a code."""
    folder = parent / "folder"
    folder.mkdir()
    (folder / "policy.json").write_text(_POLICY)
    assert world.run("login", world.device.code(), "--duration", SESSION).returncode == 0
    return Paths(world, folder)


_POLICY = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'
_BROWSER = f"""\
#!{sys.executable}
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit
address = urlsplit(sys.argv[1])
connection = HTTPConnection(address.netloc)
connection.request("GET", address.path)
print(connection.getresponse().headers["location"], flush=True)
"""
_SHOW = r"""env -0; pwd; printf '%s\0' "$@" """

_ROLE_OPTIONS = (
    "--region us-west-2",
    "--region=us-west-2",
    "--tag a=b --tag 'c d=e=f' --transitive-tag a",
    "--session-name me --source-identity you",
    "--duration 15m",
    "--min-remaining 20m",
    "--external-id surplus",
    "--policy file://policy.json --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess",
    "--read-only --only 's3:Get*,s3:List*' --on 'arn:aws:s3:::logs/*' --because JIRA-12",
)

ANSWERED = {
    "use": [
        "use read-only",
        *(f"read-only --shell {shell}" for shell in shells.names()),
        *(f"use read-only --shell=sh {options}" for options in _ROLE_OPTIONS),
        "--region us-west-2 read-only --shell sh",
        "read-only --print",
        "arn:aws:iam::{account}:role/read-only --shell sh",
        "{account}/read-only --shell sh",
    ],
    "exec": [
        "exec read-only -- {show} sh a 'b c' '' --region x -- '$(id)' '*'",
        "exec read-only {show} sh --help",
        *(f"exec {options} read-only {{show}} sh --tag" for options in _ROLE_OPTIONS),
        "exec read-only --region us-west-2 --tag a=b -- {show}",
        "exec read-only",
        "exec read-only --",
        "exec read-only --refresh -- {show}",
        "exec --refresh --region us-west-2 read-only -- {show}",
        "exec read-only -- no-such-command",
        "exec read-only -- {folder}",
        "exec read-only -- ''",
        "exec read-only -- sh -c 'echo $0 >&2; exit 3'",
        "exec read-only -- sh -c 'kill -TERM $$'",
    ],
    "off": ["off", *(f"off --shell {shell}" for shell in shells.names()), "off --print"],
    "list": ["list"],
    "console": [
        "console read-only",
        "console read-only --service s3 --print",
        "console read-only --session-duration 8h",
        "console --session-duration=900 read-only --region us-west-2",
        *(f"console {options} read-only" for options in _ROLE_OPTIONS),
        "console read-only --open",
    ],
    "credential-process": [
        "credential-process read-only",
        "credential-process read-only --print",
        *(f"credential-process {options} read-only" for options in _ROLE_OPTIONS),
    ],
    "token": [
        "token eks a-cluster read-only",
        "token eks a-cluster read-only --print --region cn-north-1",
        "token rds db.abc.eu-west-1.rds.amazonaws.com:5432 alice read-only",
        "token --region us-west-2 rds db:5432 alice read-only",
    ],
}
"""Command lines that the agent answers, by command."""

FAILING = {
    "": ["", "''", "--help", "-h", "help", "help use", "help nonsense", "--version", "--bogus", "-- read-only"],
    "use": [
        "use",
        "use --help",
        "read-only -h",
        "no-such-role --shell sh",
        "read-onli --shell json",
        "'' --shell sh",
        "power-user --shell sh",
        "power-user 000000 --shell sh --external-id wrong",
        "read-only 12345",
        "123456",
        "read-only 123456 more",
        "read-only --bogus",
        "read-only --mfa 123456",
        "read-only --shell tcsh",
        "read-only --region",
        "read-only --region nowhere",
        "read-only --tag a",
        "read-only --duration soon",
        "read-only --duration 13h",
        "read-only --min-remaining often",
        "read-only --external-id -",
        "read-only --policy file://nowhere",
        "read-only --only GetObject",
        "read-only --for soon",
        "read-only --profile nowhere",
        "\x1b[31m",
    ],
    "exec": [
        "exec",
        "exec --",
        "exec --help",
        "exec --bogus read-only",
        "exec read-only --bogus",
        "exec read-only 12345 -- true",
        "exec no-such-role -- true",
        "exec power-user -- true",
        "exec --refresh default -- true",
        "exec --refresh --for 10m read-only -- true",
        "exec --read-only default -- true",
    ],
    "each": ["each", "each --help", "each read-only", "each read-only -- echo {account}", "each nothing-* -- true"],
    "off": ["off --help", "off now", "off --shell tcsh"],
    "status": ["status --help", "status now"],
    "list": ["list --help", "list all of", "list --bogus"],
    "console": [
        "console",
        "console --help",
        "console no-such-role",
        "console power-user",
        "console power-user --open",
        "console power-user --session-duration 8h",
        "console read-only --session-duration soon",
        "console read-only --session-duration 1m",
        "console read-only --service ../x",
        "console read-only 12345",
        "console default",
    ],
    "explain": [
        "explain",
        "explain --help",
        "explain read-only more",
        "explain read-only --duration soon",
    ],
    "credential-process": ["credential-process", "credential-process -h", "credential-process nowhere"],
    "token": [
        "token",
        "token -h",
        "token s3",
        "token eks",
        "token eks a-cluster",
        "token eks a_b/c read-only",
        "token eks a-cluster power-user",
        "token eks a-cluster nowhere",
        "token rds db:5432 alice",
        "token rds db alice read-only",
        "token rds db.abc.eu-west-1.rds.amazonaws.com:5432 alice read-only --region us-west-2",
    ],
    "renew": ["renew --help", "renew now", "renew --shell tcsh"],
    "login": [
        "login --help",
        "login 12",
        "login 123456 7",
        "login --profile nowhere",
        "login --duration soon",
        "login --duration 1m",
        "login",
    ],
    "logout": ["logout --help", "logout now"],
    "approve": ["approve --help", "approve now"],
    "log": ["log --help", "log now"],
    "lock": ["lock --help", "lock now"],
    "setup": ["setup --help", "setup --bogus"],
    "doctor": ["doctor --help", "doctor --bogus"],
    "profiles": ["profiles", "profiles --help", "profiles --as", "profiles --as x- read", "profiles --as x- nothing"],
    "init": ["init", "init --help", "init tcsh", "init bash zsh", *(f"init {shell.name}" for shell in shells.hooked())],
    "completion": ["completion", "completion --help", "completion nowhere"],
    "demo": ["demo --help", "demo --bogus"],
}
"""Command lines that fail, ask the user for something, or that the agent does not answer."""

_OF_ONE_CALL = re.compile(
    rb"((?:AWS_CONTAINER_[A-Z_]+|AWSENV_REFRESH|SigninToken)=)[^\0\n]+"
    rb"|((?:AWS_ACCESS_KEY_ID|AWSENV_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_CREDENTIAL_EXPIRATION"
    rb"|AWSENV_EXPIRES_EPOCH|AccessKeyId|SecretAccessKey|SessionToken|Expiration|expirationTimestamp"
    rb"|token)(?:=|\": \"| )'?)[^'\"\0\n; )]+"
    rb"|X-Amz-(?:(?:Date|Security-Token|Signature)=[^&\n]+|Credential=[^%]+)"
)
"""Values that differ from call to call: an endpoint, a token, credentials and their expiration."""

_OF_AN_AGENT = re.compile(
    rb',\n  "AWSENV_RENEW": (?:null|"\w+")| &&\n(?:\'builtin\' )?\'export\' \'AWSENV_RENEW=\w+\''
    rb"|if \(1\) setenv AWSENV_RENEW '\w+';\n|set -gx AWSENV_RENEW '\w+';\n| 'AWSENV_RENEW='(?=[ )])|AWSENV_RENEW=\w+\0"
)
"""The id by which a shell asks its agent for the same role again."""


def comparable(out: bytes) -> bytes:
    """Return *out* without the values that an agent adds or that differ from call to call."""
    return _OF_ONE_CALL.sub(rb"\1\2", _OF_AN_AGENT.sub(b"", out))


def test_the_tables_cover_every_command() -> None:
    """Every command has its rows in the tables of command lines."""
    assert set(COMMANDS) == {name for name in (*ANSWERED, *FAILING) if name}


@pytest.mark.parametrize("command", ANSWERED)
def test_the_agent_does_what_the_ordinary_path_does(shared: Paths, command: str) -> None:
    """Output, errors, programs and status are the same on both paths, whether a role is active or not."""
    active, first = shared.active(), ANSWERED[command][0]
    for line, environ in ((first, shared.environ()), *((line, active) for line in ANSWERED[command])):
        words = shared.words(line)

        expected, actual = shared.both(words, environ, starts=line == first)

        assert expected == actual, line
        assert shared.runs_in_agent(words, environ), line


def test_every_variable_has_the_same_effect_on_both_paths(shared: Paths, samples: Mapping[str, str]) -> None:
    """Both paths print the same change, whichever known variable is set, and the same restoration of all of them."""
    runs = [("read-only --shell json", {name: value}) for name, value in samples.items()]

    for line, variables in (*runs, ("off --shell json", samples)):
        expected, actual = shared.both(shared.words(line), {**shared.environ(), **variables}, starts=False)

        assert expected == actual, variables


@pytest.mark.parametrize("command", FAILING)
def test_failures_are_the_same_on_both_paths(shared: Paths, command: str) -> None:
    """Both paths report a mistake, or a missing MFA code, in the same way."""
    assert shared.world.run("lock").returncode == 0
    environs = shared.environ(), shared.active()
    for number, line in enumerate(FAILING[command]):
        words = shared.words(line)

        expected, actual = shared.both(words, environs[number % 2], starts=not number)

        assert expected == actual, line


@pytest.mark.parametrize(
    ("to", "lines"),
    [
        (">kept", ("read-only --shell sh", "credential-process read-only", "token eks c read-only", "list")),
        (">kept", ("exec read-only pwd",)),
        ("| cat", ("read-only --shell sh", "credential-process read-only", "list")),
        *((to, ("read-only --shell sh", "list")) for to in (">/dev/null", ">/dev/full", ">&-")),
        *((to, ("read-only --shell sh", "exec read-only pwd")) for to in ("2>&-", "<&-")),
    ],
)
def test_both_paths_heed_where_the_output_goes(shared: Paths, to: str, lines: tuple[str, ...]) -> None:
    """Both paths treat a file, a pipe, a full disk and a closed descriptor in the same way."""
    for words in lines:
        expected, actual = (
            subprocess.run(
                ["bash", "-c", f': >kept; {shlex.join(program)} {words} {to}; echo "${{PIPESTATUS[@]}}"; cat kept'],
                env=shared.environ(),
                cwd=shared.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                check=False,
            )
            for program in shared.programs
        )

        assert (comparable(expected.stdout), expected.stderr) == (comparable(actual.stdout), actual.stderr), words


def test_a_terminal_is_recognised(shared: Paths) -> None:
    """Output to a terminal is treated in the same way with and without an agent."""
    for words in ("read-only", "credential-process read-only", "token eks c read-only", "off --print", "list"):
        expected, actual = (shared.at_a_terminal([*program, *words.split()]) for program in shared.programs)

        assert expected == actual, words


@pytest.mark.parametrize("environ", [{}, {"LC_ALL": "C"}, {"LC_CTYPE": "C.UTF-8"}, {"LANG": "de_DE.UTF-8"}], ids=str)
def test_a_command_inherits_the_users_environment(shared: Paths, environ: dict[str, str]) -> None:
    """In any locale, a command gets the same environment with and without an agent."""
    environ = {name: value for name, value in shared.environ().items() if name != "LANG"} | environ

    expected, actual = (
        comparable(subprocess.check_output([*program, "exec", "read-only", "--", "env", "-0"], env=environ))
        for program in shared.programs
    )

    assert sorted(expected.split(b"\0")) == sorted(actual.split(b"\0"))


def test_relative_paths_refer_to_the_callers_folder(paths: Paths) -> None:
    """The agent resolves a relative path against the caller's working directory, not against its own."""
    home = Path(paths.world.environ["HOME"])
    (home / ".aws" / "config").rename(paths.folder / "config")
    environ = paths.environ() | {"AWS_CONFIG_FILE": "config"}
    words = ["exec", "read-only", "pwd"]

    expected, actual = paths.both(words, environ)

    assert (expected, Shown(0, f"{paths.folder}\n".encode(), b"")) == (actual, actual)
    assert paths.runs_in_agent(words, environ)


def test_a_command_runs_in_a_deleted_folder(shared: Paths) -> None:
    """The agent answers a client even if its working directory no longer exists."""
    line = f"mkdir gone && cd gone && rmdir ../gone && exec {shared.world.program} exec read-only -- echo reached"

    done = subprocess.run(
        ["sh", "-c", line], env=shared.environ(), cwd=shared.folder, capture_output=True, text=True, check=False
    )

    assert (0, "reached\n", "") == (done.returncode, done.stdout, done.stderr)


def test_the_agent_holds_a_role_that_needed_a_code(paths: Paths) -> None:
    """The agent asks for no second code for a role that it holds."""
    paths.world.run("lock")
    paths.world.sandbox.clock.elapse(30)
    words = ["power-user", "--shell", "json"]

    expected = paths.fast([*words, paths.world.device.code()], paths.environ())

    assert (0, expected) == (expected.status, paths.fast(words, paths.environ()))


def test_the_role_before_needs_no_second_code(paths: Paths) -> None:
    """Where the agent holds it, `awsenv -` returns to a role that needed a code without another one."""
    shell = paths.environ() | {"AWSENV_ROLE": "read-only", "AWSENV_PREVIOUS": "power-user"}
    words = ["-", "--shell", "json"]

    expected, actual = paths.both(words, shell)
    change = json.loads(paths.fast(words, shell).out)

    assert (6, b"") == (expected.status, expected.out)
    assert (0, "power-user", "read-only") == (actual.status, change["AWSENV_ROLE"], change["AWSENV_PREVIOUS"])
    assert paths.runs_in_agent(words, shell)


@pytest.mark.parametrize("line", ["use - --shell sh", "exec - -- {show}", "console -", "explain -"])
def test_every_command_about_a_role_knows_the_role_before(shared: Paths, line: str) -> None:
    """`-` is the role before for `use`, `exec`, `console` and `explain`."""
    shell = shared.environ() | {"AWSENV_ROLE": "default", "AWSENV_PREVIOUS": "read-only"}
    named = shared.words(line.replace(" - ", " read-only ").removesuffix(" -") + " read-only" * line.endswith(" -"))

    expected, actual = shared.fast(named, shell), shared.fast(shared.words(line), shell)

    assert (0, comparable(expected.out)) == (actual.status, comparable(actual.out))


@pytest.mark.parametrize("line", ["-", "exec - -- true", "console -", "explain -"])
def test_the_role_before_is_no_typo(shared: Paths, line: str) -> None:
    """`-` stands for a role that the user has had, even for a bare name that is close to a profile."""
    shell = shared.environ() | {"AWSENV_ROLE": "default", "AWSENV_PREVIOUS": "read-onyl"}

    failed = shared.fast(shared.words(line), shell)

    assert b"there is no command or profile" not in failed.err
    assert b"there is no profile" not in failed.err
    assert b"read-onyl" in failed.err + failed.out


def test_status_adds_what_the_agent_holds(paths: Paths) -> None:
    """The output of the ordinary path comes first, followed by the credentials in the agent's memory."""
    for environ in (paths.environ(), paths.active()):
        expected, actual = paths.both(["status"], environ)
        alone, beside = ([line.split() for line in shown.out.splitlines()] for shown in (expected, actual))

        assert (expected.status, expected.err) == (actual.status, actual.err)
        assert alone == beside[: len(alone)]
        assert b"MFA session" in actual.out


def test_renew_prints_what_use_prints(paths: Paths) -> None:
    """`renew` replaces outdated keys in the shell with those that the agent holds now."""
    environ = paths.environ(active=True)
    paths.world.run("use", "read-only", "--min-remaining", "59m", "--shell", "json")
    stale = environ | {"AWS_ACCESS_KEY_ID": "ASIAOLD", "AWSENV_ACCESS_KEY_ID": "ASIAOLD", "AWS_SESSION_TOKEN": "old"}

    expected = paths.fast(["read-only", "--shell", "fish"], stale)
    actual = paths.fast(["renew", "--shell", "fish"], stale)

    assert expected == actual
    assert {"AWS_ACCESS_KEY_ID", "AWSENV_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"} <= set(actual.out.decode().split())


def with_the_role(paths: Paths) -> dict[str, str]:
    """Return the environment of a shell with outdated keys of a role that the agent holds."""
    stale = ("AWS_ACCESS_KEY_ID", "AWSENV_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    printed: dict[str, str] = json.loads(paths.fast(["read-only", "--shell", "json"], paths.environ()).out)
    return paths.environ() | printed | dict.fromkeys(stale, "ASIAOLD")


def test_renew_leaves_what_the_user_has_set_since(paths: Paths) -> None:
    """`renew` changes the keys, but neither the region nor the profile that the user set after the role."""
    shell = with_the_role(paths) | {"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2", "AWS_PROFILE": "x"}

    done = paths.fast(["renew", "--shell", "nu"], shell)

    keys = {"AWS_ACCESS_KEY_ID", "AWSENV_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert (0, keys, b"") == (done.status, set(json.loads(done.out)), done.err)


@pytest.mark.parametrize("key_id", ["AKIAMINE", None])
def test_renew_does_not_replace_a_key_of_the_user(key_id: str | None, paths: Paths) -> None:
    """`renew` fails in a shell whose keys were set or unset after the role, and changes nothing."""
    shell = with_the_role(paths) | {"AWS_ACCESS_KEY_ID": key_id or ""}
    if key_id is None:
        del shell["AWS_ACCESS_KEY_ID"]

    done = paths.fast(["renew", "--shell", "sh"], shell)

    assert (8, FAILURE.encode()) == (done.status, done.out)
    assert done.err == (
        b"awsenv: the keys in this shell are not those of the role: they were set after it\n"
        b"  try      awsenv read-only puts the role on again\n"
    )


def test_an_environment_that_is_too_large_causes_one_note(shared: Paths) -> None:
    """If a request is too large for the agent, the command runs without the agent and prints one note."""
    environ = shared.environ() | {f"AWSENV_SAVED_{n}": "x" * 100_000 for n in range(3)}

    done = shared.fast(["exec", "read-only", "--", "echo", "reached"], environ)

    assert (0, b"reached\n") == (done.status, done.out)
    assert re.fullmatch(rb"awsenv: the agent cannot be talked to: a message of \d+ bytes, .*\n", done.err)
