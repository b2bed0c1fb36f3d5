"""What a client and its agent send each other: whatever comes, it is read whole or refused."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import conversation, process
from awsenv.cli.conversation import Reply, Request, program, request
from awsenv.variables import relevant

NAMES = st.text(st.characters(blacklist_characters="=\0", blacklist_categories=["Cs"]), min_size=1)
VALUES = st.binary().map(os.fsdecode)
ENVIRON = st.dictionaries(NAMES, VALUES)


@given(args=st.lists(VALUES), environ=ENVIRON, answers=VALUES, started=st.booleans(), whole=st.booleans())
def test_a_request_arrives_as_it_was_sent(
    args: list[str], environ: dict[str, str], answers: str, *, started: bool, whole: bool
) -> None:
    """Keep every word, variable and byte."""
    # Of what this prints nothing is a secret, so where it goes does not matter.
    args = ["status", *args]
    read = Request([os.fsencode(answers), *request(args, environ, started=started, whole=whole)])

    assert (answers, args, started) == (read.answers, read.args, read.started)
    assert (environ if whole else relevant(environ)) == read.environ
    assert (process.program(), process.folder(), os.getpid()) == (read.program, read.folder, read.pid)
    assert (process.stdout_is_terminal(), False) == (read.to_terminal, read.astray)


@given(st.lists(st.text(), min_size=1), ENVIRON, ENVIRON)
def test_a_program_gets_its_environment(argv: list[str], before: dict[str, str], after: dict[str, str]) -> None:
    """Make of the environment of the client the one that the agent has in mind."""
    texts = ["", *program(argv, before, after)]

    reply = Reply([conversation.EXEC, *map(os.fsencode, texts)])

    assert (argv, after) == (reply.words, reply.environment(before))


@given(st.lists(st.binary() | st.sampled_from([b"print", b"exec", b"open", b"fail", b"need", b"local", b"1", b"2"])))
def test_a_reply_is_read_whole_or_refused(parts: list[bytes]) -> None:
    """Raise nothing but ValueError, before anything is shown or done."""
    with suppress(ValueError):
        reply = Reply(parts)
        assert reply.kind in {b"print", b"exec", b"open", b"fail", b"need", b"local"}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"", b""],
        [b"print"],
        [b"print", b""],
        [b"print", b"", b"a", b"b"],
        [b"fail", b"", b"x", b""],
        [b"exec", b"", b"2", b"a"],
        [b"exec", b"", b"0"],
        [b"local", b"", b"x"],
    ],
)
def test_what_is_no_reply(parts: list[bytes]) -> None:
    """Refuse what has too few parts, or too many."""
    with pytest.raises(ValueError):  # noqa: PT011 - nobody reads its text
        Reply(parts)
