"""The time limit of a call, which covers the connection and all attempts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.connection import HttpRequest
from awsenv.aws.http import Deadline, Http, LateError
from awsenv.aws.request import Token
from awsenv.aws.session import AwsSession
from awsenv.aws.source import source_credentials
from awsenv.aws.sts import Sts
from awsenv.errors import AwsenvError, UnreachableError
from awsenv.model import GetSessionToken, Mfa, Source
from awsenv.sandbox import Fault
from servers import answering, page

if TYPE_CHECKING:
    from aws.conftest import Home

MODES = ("legacy", "standard")
"""The retry modes: botocore 1.41 uses the first unless it is told otherwise, 1.44 the second."""


MOST = 9
"""Attempts. In the mode `legacy`, the pause after one of them is longer than the rest of the time."""


def timed(home: Home, seconds: float) -> tuple[AwsSession, list[float]]:
    """Return a session whose calls may take so many seconds, and a list: each number in it lets as many pass."""
    session, passed = home.session(), list[float]()
    session.deadline = Deadline(seconds, now=lambda: time.monotonic() + sum(passed))
    return session, passed


def test_nothing_is_sent_after_the_time_is_over(home: Home) -> None:
    """A connection that does not open in time is closed, and the request is not sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.socket() as filler, socket.socket() as last:
        deaf.settimeout(30)
        address = deaf.getsockname()
        # Its queue is full with one: the next has to wait.
        filler.connect(address)
        http = Http(home.environ, bundle=None, deadline=Deadline(0.1))
        with pytest.raises(LateError) as caught:
            http.send(HttpRequest("POST", f"http://127.0.0.1:{address[1]}/", {}, b"TokenCode=123456"))
        deaf.accept()[0].close()
        last.connect(address)
        accepted, peer = deaf.accept()
        accepted.close()

        assert last.getsockname() == peer
    assert not caught.value.attempt.was_sent


STOPPED = """\
import sys
from awsenv.aws.connection import HttpRequest
from awsenv.aws.http import Deadline, Http
deadline = Deadline(3)
deadline.begin()
http = Http({}, bundle=None, deadline=deadline, is_sent_once=True)
print(http.send(HttpRequest("POST", sys.argv[1], {}, b"TokenCode=123456")).status)
"""


def test_a_response_that_came_while_the_client_was_stopped_counts() -> None:
    """After Ctrl-Z and `fg`, the response is read, to its last part, although the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        words = [sys.executable, "-c", STOPPED, f"http://127.0.0.1:{listening.getsockname()[1]}/"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as started:
            accepted = listening.accept()[0]
            with accepted:
                assert accepted.recv(65536)
                time.sleep(0.1)
                os.kill(started.pid, signal.SIGSTOP)
                accepted.sendall(page(bytes(100_000)))
                time.sleep(3.2)
                os.kill(started.pid, signal.SIGCONT)
                assert "200\n" == started.communicate()[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("with_code", [False, True])
def test_no_attempt_outlasts_the_call(home: Home, mode: str, *, with_code: bool) -> None:
    """Show the error response of AWS, not the time-out. A code is sent once."""
    home.environ.update(AWS_RETRY_MODE=mode, AWS_MAX_ATTEMPTS=str(MOST))
    token = Token(home.device.serial, home.device.code()) if with_code else None
    home.sandbox.fail("GetSessionToken", Fault.UNAVAILABLE, times=MOST)
    session, passed = timed(home, 30)
    with pytest.raises(UnreachableError, match=r"HTTP 503"):
        Sts(session, sleep=passed.append).call(GetSessionToken(Mfa(home.device.serial)), home.user, token)

    assert sum(passed) < 30
    assert 1 <= home.sent("GetSessionToken") <= (1 if with_code else MOST)


def test_a_pause_that_aws_asks_for_does_not_outlast_the_call(home: Home) -> None:
    """Do not try again if AWS asks for a pause longer than the rest of the time."""
    pauses = list[float]()
    sts = Sts(home.session(timeout=5), sleep=pauses.append)
    response = b"HTTP/1.1 503 Service Unavailable\r\nx-amz-retry-after: 5000\r\nContent-Length: 0\r\n\r\n"
    with answering(response) as host:
        home.environ["AWS_ENDPOINT_URL_STS"] = f"http://{host}"
        with pytest.raises(UnreachableError, match=r"HTTP 503"):
            sts.identity(home.user)

    assert [] == pauses


def test_an_error_response_counts_for_more_than_a_later_timeout(home: Home) -> None:
    """Show the error response to the first attempt, though the time ends during the second."""
    home.sandbox.fail("GetCallerIdentity", Fault.UNAVAILABLE)
    home.sandbox.fail("GetCallerIdentity", Fault.HANG, times=9)
    session, passed = timed(home, 30)

    def pause(_seconds: float) -> None:
        passed.append(session.deadline.left() - 0.5)

    with pytest.raises(UnreachableError, match=r"HTTP 503"):
        Sts(session, sleep=pause).identity(home.user)
    assert 1 == len(passed)


@pytest.mark.parametrize(
    ("source", "text", "beside"),
    [
        (Source("container"), "the credentials endpoint of the container", False),
        (Source("instance"), "the metadata service of EC2", False),
        (Source("sso", "p"), "AWS IAM Identity Center", False),
        (Source("login", "p"), "AWS Sign-In", False),
        (Source("process", "p"), "the credential_process of profile p", True),
    ],
)
def test_each_source_says_what_it_waits_for(home: Home, source: Source, text: str, *, beside: bool) -> None:
    """A program that runs meanwhile may write to the terminal."""
    profiles = home.configure("[profile p]\ncredential_process = false\nsso_start_url = x\nlogin_session = x\n")
    home.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:1/"
    home.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1/"
    waited: list[tuple[str, bool]] = []

    def waits(text: str, *, beside: bool = False) -> nullcontext[None]:
        waited.append((text, beside))
        return nullcontext()

    session = AwsSession(profiles, home.environ, profile="p", waits=waits, sleep=lambda _: None)
    with pytest.raises(AwsenvError):
        source_credentials(source, session)

    loads = [] if source.kind == "process" else [("the AWS SDK to load", False)]
    assert [*loads, (text, beside)] == waited


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 20),
        ({"AWSENV_TIMEOUT": "5s"}, 5),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "30", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2"}, 180),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "2"}, 20),
    ],
)
def test_the_time_of_a_call_follows_the_settings(home: Home, variables: dict[str, str], seconds: int) -> None:
    """Settings of AWS for the metadata service may allow more than any other call has."""
    home.environ.update({"AWS_EC2_METADATA_DISABLED": "true", **variables})
    left: dict[str, float] = {}

    def waits(text: str, *, beside: bool = False) -> nullcontext[None]:
        assert not beside
        left[text] = session.deadline.left()
        return nullcontext()

    session = AwsSession(None, home.environ, waits=waits)
    session.deadline = Deadline(session.timeout, now=lambda: 0.0)
    with pytest.raises(AwsenvError):
        source_credentials(Source("instance"), session)

    assert seconds == left["the metadata service of EC2"]
