"""What a client sends its agent."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import conversation, process
from awsenv.cli.conversation import Request, request
from awsenv.variables import relevant

NAMES = st.text(st.characters(blacklist_characters="=\0", blacklist_categories=["Cs"]), min_size=1)
VALUES = st.binary().map(os.fsdecode)
ENVIRON = st.dictionaries(NAMES, VALUES)


@given(args=st.lists(VALUES), environ=ENVIRON, answers=VALUES, started=st.booleans(), whole=st.booleans())
def test_a_request_arrives_as_it_was_sent(
    args: list[str], environ: dict[str, str], answers: str, *, started: bool, whole: bool
) -> None:
    """The agent reads every word, variable and byte as the client sent it."""
    # `status` prints no secret, so it does not matter where its output goes.
    args = ["status", *args]
    read = Request([os.fsencode(answers), *request(args, environ, started=started, whole=whole)])

    assert (answers, args, started) == (read.answers, read.args, read.started)
    assert (environ if whole else relevant(environ)) == read.environ
    assert (process.program(), process.folder(), os.getpid()) == (read.program, read.folder, read.pid)
    assert (process.stdout_is_terminal(), process.terminal_width(1), "") == (
        read.to_terminal,
        read.columns,
        read.astray,
    )


@pytest.mark.parametrize(("text", "seconds"), [("", 90), ("20s", 90), ("2m", 540), ("4s", 90), ("soon", 90)])
def test_a_client_waits_as_long_as_the_calls_of_the_agent_may_take(text: str, seconds: float) -> None:
    """AWSENV_TIMEOUT is about the agent's calls, too; of a wrong value the agent complains."""
    assert seconds == conversation.longest({"AWSENV_TIMEOUT": text})
