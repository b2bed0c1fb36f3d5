"""The rows of a local AWS that is far: TLS, and a round trip of some milliseconds. A relay counts the round trips."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from near import BARE, BOTO3, new_role, others
from table import Row, Target, bare
from world import EXTERNAL_ID, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World

COLD = Target(trips=3, ms=50)
"""Without a connection: TCP, TLS, the request."""
SOCKET = """\
import socket, ssl, sys
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
context = ssl.create_default_context(cafile=sys.argv[2])
with context.wrap_socket(socket.create_connection((url.hostname, url.port)), server_hostname=url.hostname) as opened:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    head = f"POST / HTTP/1.1\\r\\nHost: {url.netloc}\\r\\nContent-Type: application/x-www-form-urlencoded\\r\\n"
    opened.sendall(f"{head}Content-Length: {len(body)}\\r\\n\\r\\n".encode() + body)
    print(opened.recv(65536)[:8])
"""
"""A request without a signature, which AWS refuses: the least that Python and the local AWS take for a request."""
_NEAREST = 0.04
"""Seconds of a round trip."""
OPEN = Target(trips=1, ms=30)
"""The connection is open."""


def far_rows(world: World) -> list[Row]:
    """Return the rows."""
    environ, code = world.environ, world.new_code
    # Farther away, three round trips alone take more.
    ratio = Target(0.45 if world.round_trip <= _NEAREST else 0, BOTO3)
    exec_role, with_code = [world.awsenv, "exec", "read-only"], [world.awsenv, "exec", "power-user"]
    return [
        bare(world),
        Row("a socket of ssl, alone", _socket(world), environ, "HTTP/1.1", world=world),
        Row(BOTO3, [world.python, "-c", BARE, world.read_only], environ, "ASIA", world=world),
        Row("awsenv exec ROLE -- env", [*exec_role, "--", "env"], environ, "ASIA", (ratio, COLD), world),
        *others(world),
        Row("awsenv exec ROLE CODE", lambda: [*with_code, code(), "--", "env"], environ, "ASIA", (COLD,), world),
        *_first_use(world),
        *_typed(world),
    ]


def _socket(world: World) -> list[str]:
    """Return the command of a bare request."""
    return [world.python, "-I", "-c", SOCKET, world.environ["AWS_ENDPOINT_URL"], world.environ["AWS_CA_BUNDLE"]]


def _first_use(world: World) -> list[Row]:
    """Return the rows of the first use of a role while the agent has an MFA session."""
    environ = world.with_agent()
    run([world.awsenv, "login", world.new_code()], environ)

    def first() -> list[str]:
        return [*new_role(world.awsenv, "exec", "power-user"), "--", "env"]

    def with_a_call_before() -> None:
        run(first(), environ)

    def without_connection() -> None:
        world.sandbox.hang_up()
        # Until the agent sees it.
        time.sleep(world.round_trip)

    return [
        Row("first use, the agent has just called", first, environ, "ASIA", (OPEN,), world, with_a_call_before),
        Row("first use, no connection", first, environ, "ASIA", (COLD,), world, without_connection),
    ]


def _typed(world: World) -> list[Row]:
    """Return the rows that are measured from Enter after an MFA code until the command has ended."""
    path, environ, agent = world.programs.path, world.environ, world.with_agent("typed")
    run([world.awsenv, "login", world.new_code()], agent)
    boto3 = [world.python, "-c", BARE, world.power_user, world.serial, EXTERNAL_ID]
    awsenv = [world.awsenv, "exec", "power-user", "--", "env"]
    # Version 1 of the AWS CLI cannot print credentials, so this row makes a second call.
    aws = [path("aws", "aws"), "sts", "get-caller-identity", "--profile", "power-user"]
    awsume = [path("awsume", "awsumepy"), "power-user"]
    # The others cache credentials in files.
    return [
        Row("Enter: bare boto3", boto3, environ, "ASIA", world=world, prompt="MFA code"),
        Row("Enter: awsenv exec, agent", awsenv, agent, "ASIA", (OPEN,), world, _locked(world), "MFA code"),
        Row("Enter: awsenv exec, no agent", awsenv, environ, "ASIA", (OPEN,), world, prompt="MFA code"),
        Row(
            "Enter: aws sts get-caller-identity",
            aws,
            environ,
            "assumed-role/power-user",
            (),
            world,
            _without(world, ".aws/cli"),
            "MFA code",
        ),
        Row("Enter: awsume", awsume, environ, "ASIA", (), world, _without(world, ".awsume/cache"), "MFA token"),
    ]


def _locked(world: World) -> Callable[[], object]:
    """Return a function that drops the MFA session of the agent."""
    return lambda: run([world.awsenv, "lock"], world.with_agent("typed"))


def _without(world: World, cache: str) -> Callable[[], None]:
    """Return a function that removes the credentials cache of another program."""
    return lambda: shutil.rmtree(Path(world.environ["HOME"], cache), ignore_errors=True)
