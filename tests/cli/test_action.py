"""What an agent sends its client: it arrives as it was sent, or it is refused whole."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.agent.client import pack
from awsenv.cli.action import Exec, Fail, Local, Need, Open, Print, Report, StartAgent, packed, unpacked
from awsenv.cli.report import described
from awsenv.errors import Origin, RefusedError
from awsenv.model import Note

NAMES = st.text(st.characters(blacklist_characters="=\0", blacklist_categories=["Cs"]), min_size=1)
VALUES = st.binary().map(os.fsdecode)
ENVIRON = st.dictionaries(NAMES, VALUES)
NONE = pack([])


@given(st.lists(VALUES, min_size=1), ENVIRON, ENVIRON)
def test_a_command_gets_its_environment(argv: list[str], before: dict[str, str], after: dict[str, str]) -> None:
    """Make of the environment of the client the one that the agent means."""
    action = unpacked(packed(Exec(argv, after), before), before)

    assert (Exec, argv, after) == (type(action), action.argv, action.environ)


@given(st.sampled_from([Print, Open, Need, Local]), VALUES, st.integers(0, 255), st.text())
def test_a_text_arrives_as_it_was_sent(
    kind: type[Print | Open | Need | Local], text: str, status: int, success: str
) -> None:
    """Keep every byte, the exit status, and what tells of success."""
    action = unpacked(packed(kind(text, status=status, success=success), {}), {})

    assert (kind, text, status, []) == (type(action), action.text, action.status, list(action.notes))
    assert success.encode(errors="backslashreplace").decode() == action.success


@given(st.text(), st.text(), st.lists(st.text(), max_size=2), st.lists(st.text(), max_size=2))
def test_notes_and_errors_are_shown_as_they_would_be_where_they_were_made(
    fact: str, because: str, names: list[str], hints: list[str]
) -> None:
    """Send the fact, the cause, the origins and the next steps, whatever characters they hold."""
    note = Note(fact, Origin(fact), tuple(hints))
    error = RefusedError(fact, *map(Origin, names), code="", because=because, hint=tuple(hints))

    action = unpacked(packed(Fail(notes=[note, error], status=5), {}), {})

    assert (Fail, 5) == (type(action), action.status)
    assert [described(note), described(error)] == list(map(described, action.notes))


def test_what_only_the_client_can_do_is_left_to_it() -> None:
    """Start no agent for a client that has one: its process runs the command."""
    assert Local is type(unpacked(packed(StartAgent(1.0), {}), {}))


_KINDS = [each.kind for each in (Print, Report, Exec, Open, Fail, Need, Local)]


@given(st.lists(st.binary() | st.sampled_from([*_KINDS, b"1", NONE, pack([b"1"]), pack([NONE])])))
def test_a_reply_is_read_whole_or_refused(reply: list[bytes]) -> None:
    """Raise nothing but ValueError, before anything is shown or done."""
    with suppress(ValueError):
        assert unpacked(reply, {}).kind in _KINDS


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [b"print"],
        [b"print", b"0", b"", b"", NONE, NONE],
        [b"print", b"0", b"", b"", NONE, NONE, NONE, NONE],
        [b"print", b"x", b"", b"", NONE, NONE, NONE],
        [b"print", b"0", b"", b"", pack([b"not a note"]), NONE, NONE],
        [b"print", b"0", b"", b"", pack([NONE]), NONE, NONE],
        [b"exec", b"0", b"", b"", NONE, NONE, NONE],
        [b"fail", b"1", b"", b"", NONE, NONE, NONE],
        [b"", b"0", b"", b"", NONE, NONE, NONE],
        [b"nonsense", b"0", b"", b"", NONE, NONE, NONE],
    ],
)
def test_what_is_no_reply(reply: list[bytes]) -> None:
    """Refuse what has too few parts, or too many, and what nothing can be done for."""
    with pytest.raises(ValueError):  # noqa: PT011 - nobody reads its text
        unpacked(reply, {})
