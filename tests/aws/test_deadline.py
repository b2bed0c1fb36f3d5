"""The time of a call ends the connection and the attempts, too."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from botocore.awsrequest import AWSRequest

from awsenv.aws.http import Http, Late
from awsenv.aws.sts import Sts
from awsenv.errors import UnreachableError
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from aws.conftest import Home


def test_nothing_is_sent_after_the_time_is_over(home: Home) -> None:
    """A connection that comes about later, as after a name lookup that hangs, carries no request."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.socket() as filler:
        deaf.settimeout(30)
        address = deaf.getsockname()
        # Its queue is full with one: the next has to wait.
        filler.connect(address)
        http = Http(home.environ, bundle=None, connect=30, read=30, total=0.1, left=lambda: 0.1)
        with pytest.raises(Late, match=r"^could not be reached within 0\.1 seconds$") as caught:
            http.send(AWSRequest("POST", f"http://127.0.0.1:{address[1]}/", data="TokenCode=123456").prepare())
        first, _ = deaf.accept()
        with first, deaf.accept()[0] as late:
            assert b"" == late.recv(1)

    assert not caught.value.was_sent


def test_no_attempt_outlasts_the_call(home: Home) -> None:
    """Botocore repeats nothing when its pause might take the rest of the time."""
    home.sandbox.fail("GetCallerIdentity", Fault.UNAVAILABLE, times=9)
    with pytest.raises(UnreachableError, match=r"HTTP 503"):
        Sts(home.session(timeout=1)).identity(home.user)

    assert 1 == home.sent("GetCallerIdentity")
