"""AWS's clock, read from the answers that come anyway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.session import open_session
from awsenv.aws.sts import Clock, Sts
from awsenv.aws.translate import Call
from awsenv.errors import SourceError
from awsenv.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a local AWS whose clock can be put forward."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("ahead", [-200, 0, 600])
def test_the_difference_is_that_of_the_answer(sandbox: Sandbox, ahead: int) -> None:
    """To the second, which is what the header has, and the time that an answer takes."""
    session = open_session(None, sandbox.environ())
    clock = Clock(session, time.time)
    sandbox.clock.advance(ahead)
    assert clock.ahead is None
    Sts(session).identity(Call(), sandbox.admin)
    assert clock.ahead is not None
    assert abs(clock.ahead - ahead) < 60


def test_a_refusal_tells_it_too(sandbox: Sandbox) -> None:
    """The request is refused since the clocks are apart: then it is wanted most."""
    session = open_session(None, sandbox.environ())
    clock = Clock(session, time.time)
    sandbox.clock.advance(7200)
    with pytest.raises(SourceError):
        Sts(session).identity(Call(), sandbox.admin)
    assert clock.ahead is not None
    assert abs(clock.ahead - 7200) < 60


def test_no_answer_tells_nothing(sandbox: Sandbox) -> None:
    """It is not known then, and not taken for right."""
    session = open_session(None, sandbox.environ())
    clock = Clock(session, time.time)
    sandbox.fail("GetCallerIdentity", Fault.DROP, times=9)
    with pytest.raises(Exception, match="connection"):
        Sts(session).identity(Call(), sandbox.admin)
    assert clock.ahead is None
