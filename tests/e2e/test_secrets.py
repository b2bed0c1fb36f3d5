"""awsenv writes no secret to a file or a command line: strace shows every write and every exec."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conftest import Until, World
    from e2e.conftest import Interactive, Terminal
    from spelling import Spelling

WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
COPIES = ("sendfile", "copy_file_range", "splice")
"""Calls whose data does not pass through the process: their target must not be a file."""
NAMES = ("symlink", "symlinkat", "rename", "renameat", "renameat2", "openat", "open", "creat", "mkdir", "mkdirat")
"""Calls that write their arguments into a folder."""

_CALL = re.compile(r"(\w+)\((.*)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_TARGET = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>")
_SHARED = re.compile("PROT_WRITE.*MAP_SHARED")


def _plain(spelled: str) -> bytes:
    return bytes.fromhex(spelled.replace("\\x", ""))


def _is_file(path: bytes) -> bool:
    """Return whether *path*, the target of a descriptor in strace, is a file: no socket, pipe or device."""
    return path.startswith(b"/") and (not path.startswith(b"/dev/") or path.startswith(b"/dev/shm/"))


@dataclass(frozen=True)
class Trace:
    """The strace output of a program and its descendants, one file for each process."""

    folder: Path

    @property
    def command(self) -> tuple[str, ...]:
        """The command line in front of a program to trace."""
        calls = ",".join((*WRITES, *COPIES, *NAMES, "execve", "execveat", "mmap"))
        # -xx: every byte in hexadecimal, so that no byte can be taken for the end of a string.
        options = f"-f -ff -qq -y -xx -s 10000000 --seccomp-bpf -e signal=none -e trace={calls}"
        return ("strace", *options.split(), "-o", str(self.folder / "trace"))

    def _calls(self) -> Iterator[tuple[str, str, str]]:
        for path in self.folder.iterdir():
            for line in path.read_text().splitlines():
                if match := _CALL.match(line):
                    yield path.name, match[1], match[2]

    def leaks(self, secrets: Mapping[str, str]) -> set[str]:
        """Return which of *secrets* are in a file, in a file name, or in a command line."""
        seen: defaultdict[tuple[str, str], bytes] = defaultdict(bytes)
        for process, call, arguments in self._calls():
            texts = [_plain(text) for text in _TEXT.findall(arguments)]
            if call in WRITES:
                (target, *_) = _targets(arguments)
                if _is_file(target):
                    # The writes are joined: a buffer may end in the middle of a secret.
                    seen[process, f"in {target.decode(errors='replace')}"] += b"".join(texts)
            elif call in NAMES or call.startswith("exec"):
                seen[process, f"in an argument of {call}"] += b"\0".join([*texts, b""])
        return {
            f"{name} {where}"
            for (_, where), content in seen.items()
            for name in secrets
            if _is_in(secrets[name], content)
        }

    def unseen(self) -> set[str]:
        """Return the calls that write to a file without showing the content. There should be none."""
        return {
            f"{call}({arguments})"
            for _, call, arguments in self._calls()
            if (call in COPIES and _is_file(_targets(arguments)[0 if call == "sendfile" else 1]))
            or (call == "mmap" and _SHARED.search(arguments) and any(map(_is_file, _targets(arguments))))
        }

    def programs(self) -> set[str]:
        """Return the names of the programs that were started."""
        return {
            _plain(_TEXT.findall(arguments)[0]).decode().rpartition("/")[2]
            for _, call, arguments in self._calls()
            if call == "execve" and arguments.endswith(" = 0")
        }


def _targets(arguments: str) -> list[bytes]:
    """Return the targets of the descriptors among *arguments*."""
    return [_plain(path) for path in _TARGET.findall(arguments)]


def _is_in(secret: str, content: bytes) -> bool:
    """Return whether *content* contains *secret*, or its longest run of letters and digits, which is never quoted."""
    if secret.isdigit():
        return re.search(rb"(?<!\d)%b(?!\d)" % secret.encode(), content) is not None
    longest = max(re.findall("[A-Za-z0-9]+", secret), key=len)
    return secret.encode() in content or (len(longest) >= 12 and longest.encode() in content)


def _files_with(secrets: Mapping[str, str], *folders: Path) -> set[str]:
    """Return which files below *folders* contain one of *secrets*."""
    return {
        f"{name} in {path}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        for name in secrets
        if _is_in(secrets[name], path.read_bytes())
    }


@pytest.fixture
def trace(tmp_path: Path, require: Callable[[str], str]) -> Trace:
    """Return an empty trace."""
    require("strace")
    folder = tmp_path / "trace"
    folder.mkdir()
    return Trace(folder)


@pytest.fixture
def secrets(world: World) -> dict[str, str]:
    """Return the secrets that the user has: the key and the external id."""
    text = (Path(world.environ["HOME"]) / ".aws" / "credentials").read_text()
    return {"the key": text.split()[-1], "the external id": world.external_id}


def _keys_of_role(shell: Terminal, name: str, command: str = "printenv") -> dict[str, str]:
    """Return the secret key and the session token that *command* shows on the terminal."""
    shown = shell.run(f"{command} AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN")
    found = re.search("\n([A-Za-z0-9+/]{40})\n([A-Za-z0-9+/=]{100,})\n", shown)
    assert found, shown
    return {f"the secret key of {name}": found[1], f"the token of {name}": found[2]}


def test_no_command_at_a_shell_leaves_a_secret_behind(
    world: World, shell: Spelling, interactive: Interactive, trace: Trace, secrets: dict[str, str], tmp_path: Path
) -> None:
    """The hook, eval, `exec`, a subshell, `off` and the shell's history write no secret anywhere."""
    home = Path(world.environ["HOME"])
    known = _files_with(secrets, home)
    terminal = interactive(hook=True, before=trace.command)

    terminal.send("awsenv power-user\r")
    terminal.see("MFA code for alice .*: ")
    secrets["the code"] = world.device.code()
    terminal.send(secrets["the code"] + "\r")
    terminal.prompt()
    secrets |= _keys_of_role(terminal, "the hook")
    terminal.run('eval "$(awsenv read-only)"')
    secrets |= _keys_of_role(terminal, "eval")
    secrets |= _keys_of_role(terminal, "exec", f"awsenv exec power-user {world.device.next_code()} -- printenv")
    terminal.run("awsenv exec read-only")
    secrets |= _keys_of_role(terminal, "the subshell")
    terminal.run("exit")
    terminal.run("awsenv status")
    terminal.run("awsenv off")
    terminal.run(shell.save_history)
    assert terminal.end() == 0

    assert len(set(secrets.values())) == 11
    assert {"awsenv", "printenv", shell.name} <= trace.programs()
    assert any("awsenv exec read-only" in path.read_text() for path in home.rglob("*history")), "the history is kept"
    assert (set(), set()) == (trace.leaks(secrets), trace.unseen())
    assert known == _files_with(secrets, home, tmp_path / "tmp", tmp_path / "folder")


@pytest.mark.parametrize("words", ["power --shell bash", "exec power -- env", "each power -- env"])
def test_commands_that_print_secrets_leave_none_behind(
    world: World, environ: dict[str, str], trace: Trace, secrets: dict[str, str], tmp_path: Path, words: str
) -> None:
    """The output of a credential_process and an mfa_process stays in memory."""
    home = Path(environ["HOME"])
    folder = home / ".aws"
    key_id = (folder / "credentials").read_text().split()[3]
    keys = {"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secrets["the key"]}
    (folder / "credentials").unlink()
    (folder / "key.json").write_text(json.dumps(keys))
    secrets["the code"] = world.device.code()
    (folder / "code").write_text(secrets["the code"])
    world.configure(
        f"[profile vault]\ncredential_process = cat {folder}/key.json\n"
        f"[profile power]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/power-user\nsource_profile = vault\n"
        f"region = eu-central-1\nexternal_id = {world.external_id}\nmfa_serial = {world.device.serial}\n"
        f"mfa_process = cat {folder}/code\n"
    )
    known = _files_with(secrets, home)

    answer = world.command([*trace.command, world.program, *words.split()], **environ)

    assert (0, "") == (answer.returncode, answer.stderr)
    printed = dict(re.findall("(AWS_S[A-Z_]+)='?([^'\n]+)", answer.stdout))
    secrets["the secret key"], secrets["the token"] = printed["AWS_SECRET_ACCESS_KEY"], printed["AWS_SESSION_TOKEN"]
    assert {"awsenv", "cat"} <= trace.programs()
    assert (set(), set()) == (trace.leaks(secrets), trace.unseen())
    assert known == _files_with(secrets, home, tmp_path / "tmp")


@pytest.mark.parametrize("words", ["explain power-user", "explain power-user --json", "doctor read-only --json"])
def test_explain_and_doctor_show_no_secret(
    world: World, environ: dict[str, str], trace: Trace, secrets: dict[str, str], words: str
) -> None:
    """`explain` and `doctor` neither print a secret nor leave one in a file or a command line."""
    home = Path(environ["HOME"])
    known = _files_with(secrets, home)

    answer = world.command([*trace.command, world.program, *words.split()], **environ)

    assert (0, "") == (answer.returncode, answer.stderr)
    assert not [name for name in secrets if secrets[name] in answer.stdout]
    assert (set(), set()) == (trace.leaks(secrets), trace.unseen())
    assert known == _files_with(secrets, home)


def test_opening_the_console_shows_no_secret(
    world: World, environ: dict[str, str], trace: Trace, secrets: dict[str, str], tmp_path: Path
) -> None:
    """`console --open` gives the browser an address without a secret, which redirects to the one that signs in."""
    browser = tmp_path / "browser"
    fetch = (
        "import sys, urllib.request as u\n"
        "class Stay(u.HTTPRedirectHandler):\n"
        "    def redirect_request(self, *given): return None\n"
        "try: u.build_opener(Stay).open(sys.argv[1])\n"
        "except OSError as error: print(error.headers['Location'], file=sys.stderr)\n"
    )
    browser.write_text(f"#!{sys.executable}\n{fetch}")
    browser.chmod(0o700)

    answer = world.command(
        [*trace.command, world.program, "console", "read-only", "--open"], **environ, BROWSER=f"{browser} %s"
    )

    led_to = re.search("SigninToken=([^&\n]+)", answer.stderr)
    assert led_to, answer.stderr
    secrets["the sign-in token"] = led_to[1]
    assert "browser" in trace.programs()
    assert (set(), set()) == (trace.leaks(secrets), trace.unseen())


def test_an_agent_leaves_no_secret_behind(
    world: World, environ: dict[str, str], trace: Trace, secrets: dict[str, str], tmp_path: Path
) -> None:
    """No secret is written to a file or a command line on its way into the agent, out of it, or to its endpoint."""
    home, runtime = Path(environ["HOME"]), Path(environ["AWSENV_RUNTIME_DIR"])
    secrets["the code"] = world.device.code()
    (home / "code").write_text(secrets["the code"])
    path = home / ".aws" / "config"
    path.write_text(path.read_text().replace("mfa_serial", f"mfa_process = cat {home}/code\nmfa_serial"))
    known = _files_with(secrets, home)
    fetch = (
        "import os, urllib.request as u; print(os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']);"
        "print(u.urlopen(u.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'],"
        "headers={'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']})).read().decode())"
    )
    program = tmp_path / "fetch"
    program.write_text(fetch)
    script = f"""
set -e
awsenv login >&2
eval "$(awsenv power-user --shell sh)"
printenv AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
awsenv credential-process read-only
awsenv token eks a-cluster read-only
awsenv token rds db:5432 alice read-only
awsenv exec --refresh read-only {sys.executable} {program}
awsenv renew --shell json
awsenv status >&2
AWSENV_RUNTIME_DIR={tmp_path} awsenv exec --refresh read-only --region us-west-2 {sys.executable} {program}
awsenv logout >&2
"""

    answer = world.command([*trace.command, "sh", "-c", script], **environ)

    assert answer.returncode == 0, answer.stderr
    found = {
        *re.findall(r"(?<![\w/+=-])[A-Za-z0-9/+]{40}(?![\w/+=-])", answer.stdout),
        *re.findall(r"(?<![\w/+=-])[A-Za-z0-9_-]{43}(?![\w/+=-])", answer.stdout),
        *re.findall("[A-Za-z0-9+/=]{100,}", answer.stdout),
    }
    assert len(found) >= 8, "two keys and their tokens, those of the private agent, and the tokens of two endpoints"
    secrets |= {f"secret {number}": secret for number, secret in enumerate(sorted(found))}
    assert (set(), set()) == (trace.leaks(secrets), trace.unseen())
    assert known == _files_with(secrets, home, tmp_path / "tmp", runtime)


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_agent_process_shows_no_secret(
    world: World,
    secrets: dict[str, str],
    until: Until,
    has_ended: Callable[[int], bool],
) -> None:
    """The agent has no secret in its command line or environment, which others may read, and dumps no core."""
    world.environ["AWS_SESSION_TOKEN_CANARY"] = secrets["a canary"] = "canary-of-the-environment"
    secrets["the code"] = world.device.code()
    login = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", world.program, "login", secrets["the code"]]
    assert world.command(login).returncode == 0
    printed = world.run("exec", "power-user", "--", "printenv", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN").stdout
    secrets |= zip(("the secret key", "the token"), printed.split(), strict=True)
    agent = world.agent()
    assert agent is not None
    process = Path(f"/proc/{agent}")
    limits, shown = (process / "limits").read_text(), (process / "cmdline").read_bytes()
    try:
        shown += (process / "environ").read_bytes()
    except PermissionError:
        assert os.geteuid() != 0, "only root may read it"
    assert process.stat().st_uid == 0, "its memory is not for the user's other processes"
    dumps = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    before = set(Path("/").glob("core*"))

    os.kill(agent, signal.SIGABRT)
    until(lambda: has_ended(agent))

    assert not [name for name in secrets if _is_in(secrets[name], shown)]
    assert re.search(r"Max core file size +0 +0 ", limits)
    # Its working directory is /. Before a core goes to a pipe, the kernel checks whether the process is dumpable.
    assert dumps.startswith("|") or before == set(Path("/").glob("core*"))
    assert set() == _files_with(secrets, Path(world.environ["AWSENV_RUNTIME_DIR"]))


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("sh", 'echo "$CANARY" >kept', "canary in {folder}/kept"),
        ("sh", 'echo "$CANARY" >kept; rm kept', "canary in {folder}/kept"),
        ("sh", 'exec 3>kept; printf "%s" canary-0123 >&3; printf "%s" 456789 >&3', "canary in {folder}/kept"),
        ("sh", '/bin/echo "$CANARY"', "canary in an argument of execve"),
        ("sh", 'ln -s "$CANARY" kept', "canary in an argument of symlink"),
        ("zsh", 'cat <<<"$CANARY"', "canary in {folder}/zsh"),
        ("fish", 'cat (echo "$CANARY" | psub -f)', "canary in {folder}/.psub"),
    ],
)
def test_a_shell_that_leaks_is_found(
    trace: Trace,
    environ: dict[str, str],
    require: Callable[[str], str],
    tmp_path: Path,
    shell: str,
    line: str,
    expected: str,
) -> None:
    """The trace finds the ways in which shells write secrets, which proves that the tests above can fail."""
    canary = "canary-0123456789"
    require(shell)

    subprocess.run(
        [*trace.command, shell, "-c", line],
        env=environ | {"CANARY": canary, "TMPPREFIX": f"{tmp_path}/zsh", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    leaks = trace.leaks({"canary": canary})
    assert any(leak.startswith(expected.format(folder=tmp_path)) for leak in leaks), leaks


def test_writes_with_hidden_content_are_found(trace: Trace, environ: dict[str, str], tmp_path: Path) -> None:
    """The trace reports a file that is written by the kernel or through memory."""
    program = (
        "import mmap, os; source = os.open('/bin/sh', os.O_RDONLY); target = os.open('kept', os.O_CREAT | os.O_RDWR);"
        "os.sendfile(target, source, 0, 9); os.copy_file_range(source, target, 9); mmap.mmap(target, 9)[0:1] = b'x'"
    )

    subprocess.run([*trace.command, sys.executable, "-c", program], env=environ, cwd=tmp_path, check=True)

    assert {"sendfile", "copy_file_range", "mmap"} == {call.partition("(")[0] for call in trace.unseen()}
