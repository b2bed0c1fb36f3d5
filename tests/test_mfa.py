"""MFA codes from a real terminal and from real commands."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

import awsenv
from awsenv.errors import CodeRejected, MfaError, Origin, ResponseLost, UsageError
from awsenv.mfa import Codes, ask_secret
from awsenv.model import Mfa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT = 60
"""Seconds after which a test gives up: no test waits for it."""

SERIAL = "arn:aws:iam::123456789012:mfa/alice"
DEVICE = Mfa(SERIAL)
NOWHERE = "/no/such/terminal"
PROMPT = "MFA code for alice (123456789012): "

ASK = f"""
from awsenv.errors import AwsenvError
from awsenv.errors import Origin
from awsenv.mfa import Codes
from awsenv.model import Mfa
try:
    print("code", Codes().next_code(Mfa({SERIAL!r})))
except AwsenvError as error:
    raise SystemExit(f"{{type(error).__name__}}: {{error.fact}}; {{error.hints[0]}}")
"""
SECRET = """
from awsenv.errors import Origin
from awsenv.mfa import ask_secret
print("secret", len(ask_secret("External id: ")))
"""


class Screen:
    """A terminal, from the side of its user."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)

    def type(self, text: str) -> None:
        """Type *text*."""
        os.write(self._master, text.encode())

    def resize(self, columns: int) -> None:
        """Let the terminal have *columns*."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def shown(self, until: str) -> str:
        """Wait for *until* to appear, and return the text of the terminal, including typed text."""
        data = ""
        while until not in data:
            assert select.select([self._master], [], [], TIMEOUT)[0], f"{until!r} is not in {data!r}"
            data = (data + os.read(self._master, 65536).decode()).replace("\r\n", "\n")
        return data

    def close(self) -> None:
        """Close the terminal."""
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def screen() -> Iterator[Screen]:
    """Return a terminal."""
    screen = Screen()
    yield screen
    screen.close()


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function that gives the command line of a script in an interpreter that finds awsenv."""

    def words(script: str) -> list[str]:
        path = tmp_path / "script.py"
        source = Path(awsenv.__file__).parents[1]
        path.write_text(f"import sys; sys.path.insert(0, {str(source)!r})\n{script}")
        return [sys.executable, "-I", str(path)]

    return words


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """Return an interactive bash with a prompt that nothing else prints."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PS1": "ready> ", "TERM": "dumb"}
    bash = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], env=environ, encoding="utf-8", timeout=TIMEOUT)
    bash.expect_exact("ready> ")
    yield bash
    bash.close(force=True)


# The terminal


def test_a_prompt_names_the_device(screen: Screen) -> None:
    """The prompt says which of several MFA devices the code is for."""
    screen.type("123456\n")
    assert Codes(terminal=screen.path).next_code(DEVICE) == "123456"
    assert screen.shown(PROMPT)


def test_a_hardware_device_is_named_once(screen: Screen) -> None:
    """The prompt for a hardware device shows only its serial number."""
    screen.type("123456\n")
    Codes(terminal=screen.path).next_code(Mfa("GAHT12345678"))
    assert screen.shown("MFA code for GAHT12345678: ")


@pytest.mark.parametrize("typed", [" 123456 ", "123 456", "\t123456"])
def test_spaces_in_a_code_are_ignored(screen: Screen, typed: str) -> None:
    """A typed code may have spaces, as authenticator apps show them."""
    screen.type(f"{typed}\n")
    assert Codes(terminal=screen.path).next_code(DEVICE) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345x"])
def test_other_text_is_followed_by_another_prompt(screen: Screen, typed: str) -> None:
    """Text that is not six digits is not sent to AWS, although botocore would send it."""
    screen.type(f"{typed}\n123456\n")
    assert Codes(terminal=screen.path).next_code(DEVICE) == "123456"
    assert screen.shown("an MFA code is six digits")


def test_a_used_code_is_followed_by_another_prompt(screen: Screen) -> None:
    """A code is not sent twice, because AWS accepts each code once."""
    codes = Codes(terminal=screen.path)
    assert codes.next_code(DEVICE, given="123456") == "123456"
    screen.type("123456\n654321\n")
    assert codes.next_code(DEVICE, after=CodeRejected("AWS rejected that MFA code")) == "654321"
    shown = screen.shown("that code has been used; wait for the next one\n")
    assert "AWS rejected that MFA code. Wait for the next one.\n" in shown


def test_a_message_is_wrapped_to_the_terminal(screen: Screen) -> None:
    """A message breaks between words."""
    screen.resize(40)
    codes = Codes(terminal=screen.path)
    screen.type("654321\n")
    codes.next_code(DEVICE, after=CodeRejected("AWS rejected that MFA code: it is wrong or already used"))

    lines = "AWS rejected that MFA code: it is wrong\nor already used. Wait for the next one.\n"
    assert lines in screen.shown(lines)


def test_two_devices_may_have_the_same_code(screen: Screen) -> None:
    """A code that one device has used is still accepted for another, which may show the same digits."""
    screen.type("123456\n123456\n")
    codes = Codes(terminal=screen.path)
    assert codes.next_code(DEVICE) == codes.next_code(Mfa("GAHT12345678")) == "123456"


def test_control_d_cancels(screen: Screen) -> None:
    """Control-D at the prompt raises an error that says `cancelled`."""
    screen.type("\x04")
    with pytest.raises(MfaError, match="cancelled"):
        Codes(terminal=screen.path).next_code(DEVICE)
    assert screen.shown(f"{PROMPT}\n")


def test_control_characters_of_a_name_are_escaped(screen: Screen) -> None:
    """The prompt escapes characters of a device's name that move the cursor or hide text."""
    screen.type("123456\n")
    Codes(terminal=screen.path).next_code(Mfa("mfa/\x1b[2Jalice\u202e"))
    assert "\x1b" not in screen.shown("alice\\u202e: ")


def test_without_a_terminal_there_is_a_next_step() -> None:
    """The error without a terminal names the device, and suggests the code as the second word."""
    with pytest.raises(MfaError, match=r"alice \(123456789012\)") as caught:
        Codes(terminal=NOWHERE).next_code(DEVICE)
    assert ("pass the code as the second word",) == caught.value.hints


@pytest.mark.parametrize("after", [CodeRejected("wrong"), ResponseLost("lost")])
def test_without_a_terminal_the_reason_is_the_error(after: CodeRejected | ResponseLost) -> None:
    """Without a terminal the rejected code or the lost response is raised, for its own exit code."""
    codes = Codes(terminal=NOWHERE)
    codes.next_code(DEVICE, given="123456")
    with pytest.raises(type(after), match=after.fact):
        codes.next_code(DEVICE, after=after)


def test_the_prompt_works_inside_a_command_substitution(
    shell: pexpect.spawn[str], python: Callable[[str], list[str]]
) -> None:
    """The prompt does not use standard output, and reads nothing from standard input."""
    command = " ".join(python(ASK))
    shell.sendline(f'got="$(echo piped | {{ {command}; cat; }})"; echo "<$got>"')
    shell.expect_exact(PROMPT)
    shell.sendline("123456")
    shell.expect_exact("<code 123456\r\npiped>")


@pytest.mark.parametrize(
    ("script", "prompt", "shown"),
    # The system sends the signal before it shows ^C.
    [(ASK, PROMPT, r"(\^C\r\n|\r\n\^C)"), (SECRET, "External id: ", r"\r\n")],
)
def test_control_c_is_an_interrupt(
    script: str, prompt: str, shown: str, shell: pexpect.spawn[str], python: Callable[[str], list[str]]
) -> None:
    """Control-C at a prompt raises KeyboardInterrupt, whose message begins a line."""
    shell.sendline(" ".join(python(script)))
    shell.expect_exact(prompt)
    shell.sendintr()
    shell.expect(f"{shown}Traceback")
    shell.expect_exact("KeyboardInterrupt")
    shell.expect_exact("ready> ")


@pytest.mark.parametrize("ask", [ASK, SECRET])
def test_a_signal_just_before_the_read_is_not_missed(ask: str, python: Callable[[str], list[str]]) -> None:
    """A signal that comes between a prompt and its read counts: one that another thread gets interrupts no read."""
    in_a_thread = "threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)).start()"
    words = python(f"import signal, threading\n{in_a_thread}\n{ask}")
    terminal = pexpect.spawn(words[0], words[1:], encoding="utf-8", timeout=TIMEOUT)

    terminal.expect_exact("KeyboardInterrupt")
    terminal.close()


def test_after_control_z_the_prompt_is_shown_again(
    shell: pexpect.spawn[str], python: Callable[[str], list[str]]
) -> None:
    """The prompt appears again when its suspended process continues."""
    shell.sendline(" ".join(python(ASK)))
    shell.expect_exact(PROMPT)
    shell.sendcontrol("z")
    shell.expect("Stopped")
    shell.expect_exact("ready> ")
    shell.sendline("fg")
    shell.expect_exact(PROMPT)
    shell.sendline("123456")
    shell.expect_exact("code 123456")


def test_standard_input_is_never_read(python: Callable[[str], list[str]]) -> None:
    """Without a terminal the code is not read from standard input, which belongs to the command of the role."""
    finished = subprocess.run(
        python(ASK), input="123456\n", capture_output=True, text=True, check=False, start_new_session=True
    )
    assert finished.stdout == ""
    assert finished.stderr.startswith("MfaError: an MFA code of alice")


@given(st.text(st.characters(exclude_characters="\n\r\x00\x03\x04\x11\x12\x13\x0f\x15\x16\x17\x1a\x1c\x7f\x08")))
def test_any_text_yields_six_digits(typed: str) -> None:
    """Whatever line is typed first, the code is the digits of that line or those of the next."""
    screen = Screen()
    try:
        screen.type(f"{typed[:200]}\n765432\n")
        code = Codes(terminal=screen.path).next_code(DEVICE)
        assert code == "765432" or code == "".join(typed.split())
    finally:
        screen.close()


# A secret


def test_a_secret_is_not_shown(shell: pexpect.spawn[str], python: Callable[[str], list[str]]) -> None:
    """The prompt for a secret turns the echo off, and on again afterwards."""
    shell.sendline(f"{' '.join(python(SECRET))}; stty -a | grep -o '[-]*echo '")
    shell.expect_exact("External id: ")
    shell.sendline("canary")
    shell.expect_exact("secret 6")
    assert "canary" not in str(shell.before)
    shell.expect(r"\r\necho ")


def test_control_c_restores_the_echo(shell: pexpect.spawn[str], python: Callable[[str], list[str]]) -> None:
    """Control-C at the prompt for a secret leaves the terminal with its echo on."""
    shell.sendline(" ".join(python(SECRET)))
    shell.expect_exact("External id: ")
    shell.sendintr()
    shell.expect_exact("ready> ")
    shell.sendline("stty -a | grep -o '[-]*echo '")
    shell.expect(r"\r\necho ")


def test_after_control_z_a_secret_is_still_not_shown(
    shell: pexpect.spawn[str], python: Callable[[str], list[str]]
) -> None:
    """A continued prompt turns the echo off again, because the shell has turned it on meanwhile."""
    shell.sendline(" ".join(python(SECRET)))
    shell.expect_exact("External id: ")
    shell.sendcontrol("z")
    shell.expect_exact("ready> ")
    shell.sendline("fg")
    shell.expect_exact("External id: ")
    shell.sendline("canary")
    shell.expect_exact("secret 6")
    assert "canary" not in str(shell.before)


def test_a_secret_without_a_terminal_is_an_error() -> None:
    """A secret is not read from standard input."""
    with pytest.raises(UsageError, match="no terminal"):
        ask_secret("External id: ", terminal=NOWHERE)


# A command


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str], Mfa]:
    """Return a device whose code a shell script prints."""

    def device(script: str) -> Mfa:
        path = tmp_path / "codes"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        return Mfa(SERIAL, str(path), {"mfa_process": Origin("config", 3, "profile x", "mfa_process")})

    return device


def test_a_command_prints_the_code(command: Callable[[str], Mfa]) -> None:
    """Spaces and the line end in the output of the command are ignored."""
    assert Codes(terminal=NOWHERE).next_code(command("echo ' 123 456'")) == "123456"


def test_the_given_code_is_used_first(command: Callable[[str], Mfa]) -> None:
    """The given code is used once, and after that the output of the command."""
    codes, device = Codes(terminal=NOWHERE), command("echo 222222")
    assert [codes.next_code(device, given="111111") for _ in range(2)] == ["111111", "222222"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("sleep 60", "mfa_process did not end within 0.1 seconds"),
        ("yes canary", "mfa_process printed more than 1024 KiB"),
    ],
)
def test_a_command_that_does_not_end_is_stopped(words: str, says: str) -> None:
    """A command is stopped after its time or a mebibyte of output, with an error that names its origin."""
    seconds = 0.1 if words.startswith("sleep") else 60.0

    with pytest.raises(MfaError, match=says) as caught:
        Codes(terminal=NOWHERE, seconds=seconds).next_code(Mfa(SERIAL, words, {"mfa_process": Origin("config", 3)}))

    assert ("config:3", False) == (caught.value.where, "canary" in str(caught.value))


def test_no_shell_is_involved(tmp_path: Path) -> None:
    """The command line of mfa_process is not interpreted by a shell."""
    device = Mfa(SERIAL, f"echo 123456 ';' touch {tmp_path}/made", {"mfa_process": Origin("config", 3)})
    with pytest.raises(MfaError, match="printed 4 words instead of six digits: no shell runs it, so ; is an argument"):
        Codes(terminal=NOWHERE).next_code(device)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("/does/not/exist canary", "cannot be run: command not found: /does/not/exist"),
        ("PIN=canary oathtool", "begins with the assignment PIN="),
        ("sh -c 'echo canary; echo canary >&2; exit 3'", "failed with status 3"),
        ("sh -c 'kill $$'", "was ended by SIGTERM"),
        ("sh -c 'echo canary'", "printed letters or signs instead of six digits"),
        ("echo 1234567", "printed 7 digits instead of six digits"),
        ("echo your code is 123456", "printed 4 words instead of six digits"),
        ("true", "printed nothing instead of six digits"),
        ("sh 'canary", "an unclosed quote"),
        (" ", "is empty"),
    ],
)
def test_a_failed_command_is_reported_by_its_origin(words: str, says: str) -> None:
    """The error for a failed command names its origin, but shows no output, which may be a seed."""
    device = Mfa(SERIAL, words, {"mfa_process": Origin("config", 3, "profile x", "mfa_process")})
    with pytest.raises(MfaError) as caught:
        Codes(terminal=NOWHERE).next_code(device)
    assert says in caught.value.fact
    assert caught.value.origins == tuple(device.origins.values())
    assert "canary" not in f"{caught.value.fact}{caught.value.hints}{caught.value!r}"


def test_a_repeated_code_is_waited_out(command: Callable[[str], Mfa], screen: Screen, tmp_path: Path) -> None:
    """If a command repeats a code, awsenv waits for the next step of 30 seconds, and says so on the terminal."""
    count = tmp_path / "count"
    device = command(f"echo x >> {count}; test $(wc -l < {count}) -gt 2 && echo 222222 || echo 111111")
    waited: list[float] = []
    codes = Codes(terminal=screen.path, now=lambda: 1_000_000_000.0 + 12, sleep=waited.append)
    assert codes.next_code(device) == "111111"
    assert codes.next_code(device) == "222222"
    assert waited == [8.0]
    assert screen.shown("waiting 8 s for the next one")


def test_a_command_that_repeats_its_code_fails(command: Callable[[str], Mfa]) -> None:
    """A command that still prints the used code at the third try is an error: the clock is not the reason."""
    waited: list[float] = []
    codes, device = Codes(terminal=NOWHERE, now=lambda: 0.0, sleep=waited.append), command("echo 111111")
    codes.next_code(device)
    with pytest.raises(MfaError, match="has been used"):
        codes.next_code(device)
    assert waited == [30.0, 30.0]


def test_a_command_can_use_the_terminal(command: Callable[[str], Mfa], screen: Screen) -> None:
    """A command can prompt for a touch on standard error, and read a PIN from standard input."""
    screen.type("1234\n")
    device = command("printf 'touch the key: ' >&2; read pin; echo 99$pin")
    assert Codes(terminal=screen.path).next_code(device) == "991234"
    assert screen.shown("touch the key: ")


def test_a_command_without_a_terminal_reads_nothing(command: Callable[[str], Mfa]) -> None:
    """Standard input is left to the command for which the role is assumed."""
    assert Codes(terminal=NOWHERE).next_code(command("cat; echo 123456")) == "123456"


def test_a_command_runs_in_the_environment_of_the_caller(command: Callable[[str], Mfa]) -> None:
    """A command gets the variables of the caller, with the PATH by which it finds programs."""
    codes = Codes(environ={"PATH": os.environ["PATH"], "CODE": "424242"}, terminal=NOWHERE)
    assert codes.next_code(command("echo $CODE")) == "424242"
