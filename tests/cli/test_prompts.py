"""What a client provides to its agent: MFA codes, secrets, and the output of a command."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.agent.memory import Memory
from awsenv.agent.term import Clock
from awsenv.aws.connection import Address
from awsenv.aws.connections import KEPT, Connections
from awsenv.cli.handler import Answers
from awsenv.cli.prompts import AGENT_PAUSE, Needed, Prompts
from awsenv.command import Failed
from awsenv.errors import CodeRejected, MfaError, Origin, ResponseLost
from awsenv.model import Mfa
from servers import Scripted, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Until

DEVICE = Mfa("arn:aws:iam::123456789012:mfa/alice")
NOWHERE = "/no/such/terminal"


@contextmanager
def typed(text: str, after: str = "") -> Iterator[str]:
    """Yield the path of a terminal; type *text* after it shows *after*, since turning echo off drops earlier input."""
    master, slave = os.openpty()

    def type_() -> None:
        shown = b""
        with suppress(OSError):  # the test has failed, and the terminal is gone
            while after.encode() not in shown:
                shown += os.read(master, 4096)
            os.write(master, text.encode())

    typist = threading.Thread(target=type_)
    typist.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(slave)
        typist.join()
        os.close(master)


@pytest.fixture
def memory() -> Memory:
    """Return the memory of an agent."""
    return Memory(Clock(lambda: 0.0, lambda: 0.0))


def login() -> str:
    """Return the command that opens the MFA session."""
    return "awsenv login --profile p"


def needed(call: Callable[[], object]) -> str:
    """Return the need that a call by an agent raises."""
    with pytest.raises(Needed) as caught:
        call()
    return caught.value.text


def test_the_connection_is_opened_again_while_the_user_types(until: Until) -> None:
    """If the server closes the idle connection, it is opened again before the code is sent."""
    pool, (master, slave) = Connections(), os.openpty()

    def open_again() -> int:
        replaced = pool.open_again()
        if replaced:
            os.write(master, b"123456\n")
        return replaced

    with Scripted([], [page()]) as server:
        host, _, port = server.host.partition(":")
        pool.open_early(Address(host, int(port), is_tls=False), 30)
        prompts = Prompts({}, os.ttyname(slave), open_again=open_again)
        code = prompts.code(DEVICE, given=None, after=None, login=login)
        until(lambda: server.connections == 2)
    os.close(master)
    os.close(slave)

    assert ("123456", []) == (code, server.requests)


def test_an_agent_opens_the_connection_again_while_the_user_types(memory: Memory) -> None:
    """The agent is asked after each pause, which is a little longer than the agent keeps a connection."""
    asked, (master, slave) = list[int](), os.openpty()

    def open_again() -> int:
        asked.append(1)
        if len(asked) == 2:
            os.write(master, b"123456\n")
        return 1

    need = needed(lambda: Answers("", memory).code(DEVICE, given=None, after=None, login=login))
    prompts = Prompts({}, os.ttyname(slave))
    prompts.answer(need, open_again, 0.01)
    os.close(master)
    os.close(slave)

    assert "123456" == Answers(prompts.answers, memory).code(DEVICE, given=None, after=None, login=login)
    assert KEPT < AGENT_PAUSE < KEPT + 2


def test_nothing_is_opened_again_after_the_answer() -> None:
    """A connection that is being opened again when the user answers is there before the code is sent."""
    opened, (master, slave) = list[int](), os.openpty()

    def open_again() -> int:
        os.write(master, b"123456\n")
        time.sleep(0.2)
        opened.append(1)
        return 1

    code = Prompts({}, os.ttyname(slave), open_again=open_again).code(DEVICE, given=None, after=None, login=login)
    seen = list(opened)
    os.close(master)
    os.close(slave)

    assert ("123456", [1]) == (code, seen)


def test_a_typed_code_reaches_the_agent(memory: Memory) -> None:
    """The client prompts at the terminal for the code that the agent lacks, and sends it."""
    with typed("123456\n") as terminal:
        prompts = Prompts({}, terminal)
        prompts.answer(needed(lambda: Answers("", memory).code(DEVICE, given=None, after=None, login=login)))

    answers = Answers(prompts.answers, memory)

    assert (True, 0) == (answers.has_code, answers.codes_before)
    assert "123456" == answers.code(DEVICE, given=None, after=None, login=login)


def test_a_rejected_code_is_followed_by_another(memory: Memory) -> None:
    """The client counts the codes that were sent, and accepts no code twice, whether given or typed."""
    rejected = CodeRejected("AWS rejected that MFA code", Origin("~/.aws/config", 3, "profile p", "mfa_serial"))
    with typed("000000\n111111\n111111\n222222\n") as terminal:
        prompts = Prompts({}, terminal)
        seen = []
        for _ in range(2):
            answers = Answers(prompts.answers, memory)
            code = answers.code(DEVICE, given="000000", after=None, login=login)
            seen.append((answers.codes_before, code))
            prompts.answer(needed(partial(answers.code, DEVICE, given="000000", after=rejected, login=login)))

    assert [(0, "000000"), (1, "111111")] == seen
    last = Answers(prompts.answers, memory)
    assert (2, "222222") == (last.codes_before, last.code(DEVICE, given="000000", after=None, login=login))


@pytest.mark.parametrize("kind", [CodeRejected, ResponseLost])
def test_without_a_terminal_the_error_is_raised(kind: type[CodeRejected | ResponseLost], memory: Memory) -> None:
    """If no other code can be typed, the client raises the error with its cause, its place and its hints."""
    after = kind("the fact", Origin("--mfa-serial"), because="the cause", hint=("one", "two"))
    answers = Answers("", memory)

    with pytest.raises(kind) as caught:
        Prompts({}, NOWHERE).answer(needed(lambda: answers.code(DEVICE, given="000000", after=after, login=login)))

    assert ("the fact", "the cause", ("one", "two"), after.origins) == (
        caught.value.fact,
        caught.value.because,
        caught.value.hints,
        caught.value.origins,
    )


def test_mfa_process_runs_in_the_client(tmp_path: Path, memory: Memory) -> None:
    """The client runs `mfa_process` in the environment of the caller, and accepts only six digits."""
    program = tmp_path / "code"
    program.write_text('#!/bin/sh\necho "$CODE"\n')
    program.chmod(0o700)
    device = Mfa(DEVICE.serial, str(program), {"mfa_process": Origin("~/.aws/config", 7, "profile p", "mfa_process")})
    need = needed(lambda: Answers("", memory).code(device, given=None, after=None, login=login))

    prompts = Prompts({"CODE": "654321", "PATH": os.defpath}, NOWHERE)
    prompts.answer(need)

    assert "654321" == Answers(prompts.answers, memory).code(device, given=None, after=None, login=login)
    with pytest.raises(MfaError, match="printed letters or signs instead of six digits") as caught:
        Prompts({"CODE": "no", "PATH": os.defpath}, NOWHERE).answer(need)
    assert "~/.aws/config:7, [profile p], mfa_process" == caught.value.where


def test_a_code_is_used_by_only_one_client(memory: Memory) -> None:
    """A second client with the same code needs another, unless the first client did not send it."""
    first, second = Answers("", memory), Answers("", memory)
    assert "123456" == first.code(DEVICE, given="123456", after=None, login=login)

    need = json.loads(needed(lambda: second.code(DEVICE, given="123456", after=None, login=login)))

    assert ("that MFA code has been used", "123456", 0) == (
        need["after"]["fact"],
        need["used"],
        need["codes_before"],
    )
    first.give_back(DEVICE, "123456")
    assert "123456" == second.code(DEVICE, given="123456", after=None, login=login)


def test_a_code_is_used_only_for_its_device(memory: Memory) -> None:
    """The agent needs another code if the MFA device in the files has changed since the code was typed."""
    other = Mfa("arn:aws:iam::123456789012:mfa/phone")
    with typed("123456\n") as terminal:
        prompts = Prompts({}, terminal)
        prompts.answer(needed(lambda: Answers("", memory).code(DEVICE, given=None, after=None, login=login)))

    need = json.loads(needed(lambda: Answers(prompts.answers, memory).code(other, given=None, after=None, login=login)))

    assert (other.serial, None) == (need["device"][0], need["used"])


def test_a_code_that_a_lost_agent_had_is_not_reused(memory: Memory) -> None:
    """The next agent needs another code; without a terminal, the error says that the code may have been used."""
    with typed("222222\n") as terminal:
        prompts = Prompts({}, terminal)
        prompts.lose()
        prompts.answer(
            needed(lambda: Answers(prompts.answers, memory).code(DEVICE, given="111111", after=None, login=login))
        )
    assert "222222" == Answers(prompts.answers, memory).code(DEVICE, given="111111", after=None, login=login)

    here = Prompts({}, NOWHERE)
    here.lose()
    with pytest.raises(ResponseLost, match="the MFA code may have been used"):
        here.code(DEVICE, given="111111", after=None, login=login)


def test_a_lost_agent_does_not_affect_the_first_code() -> None:
    """If no code was given, the prompt appears as usual."""
    with typed("333333\n") as terminal:
        prompts = Prompts({}, terminal)
        prompts.lose()
        assert "333333" == prompts.code(DEVICE, given=None, after=None, login=login)


def test_a_typed_secret_reaches_the_agent(memory: Memory) -> None:
    """The client prompts for the external id that the agent needs."""
    with typed("canary\n", after="External id: ") as terminal:
        prompts = Prompts({}, terminal)
        prompts.answer(needed(lambda: Answers("", memory).secret("External id: ")))

    assert "canary" == Answers(prompts.answers, memory).secret("External id: ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["printf", "\\377\\001"], b"\xff\x01"),
        (["printenv", "MINE"], b"yes\n"),
        (["printenv", "_AWSENV_WITHIN"], b"vault\n"),
    ],
)
def test_a_credential_process_runs_in_the_client(words: list[str], expected: bytes, memory: Memory) -> None:
    """The agent gets the status and the output of the process, whatever bytes they are."""
    prompts = Prompts({"MINE": "yes", "PATH": os.defpath}, NOWHERE)

    prompts.answer(needed(lambda: Answers("", memory).run(words, "vault")))

    assert expected == Answers(prompts.answers, memory).run(words, "vault")


@pytest.mark.parametrize("words", [["/no/such/program"], ["a\0b"], ["sh", "-c", "exit 3"]])
def test_a_credential_process_that_fails(words: list[str], memory: Memory) -> None:
    """Let the agent meet the same failure as a process that runs it itself."""
    prompts = Prompts({"PATH": os.defpath}, NOWHERE)
    prompts.answer(needed(lambda: Answers("", memory).run(words, "vault")))

    with pytest.raises(Failed) as here:
        prompts.run(words, "vault")
    with pytest.raises(Failed) as there:
        Answers(prompts.answers, memory).run(words, "vault")
    assert (here.value.predicate, here.value.hints) == (there.value.predicate, there.value.hints)


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["kind", "serial", "words", "x"]), inner),
        ).map(json.dumps),
        st.sampled_from(["code", "secret", "run", "answers", "_run", "lose"]).map(lambda kind: f'{{"kind": "{kind}"}}'),
    )
)
def test_a_malformed_need_is_refused(text: str) -> None:
    """The client neither prompts nor runs a command for a message that is not a valid need."""
    with pytest.raises(ValueError):  # noqa: PT011 - its text is what was sent
        Prompts({}, NOWHERE).answer(text)
