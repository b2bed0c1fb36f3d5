"""The client of docker, which reads files and variables itself, and an engine that only notes what it is asked."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from cookbook import recipe

from awsenv.model import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recipes.conftest import Reader

NO_CONTAINER = 125
"""The status of `docker run` where the engine starts no container."""


class Handler(BaseHTTPRequestHandler):
    """Answers a ping and a sign-in, and starts no container."""

    protocol_version = "HTTP/1.1"
    server: Engine

    def do_POST(self) -> None:
        """Note what the client sends."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self._answer(200, {"Status": "Login Succeeded"}) if self.path.endswith("/auth") else self._answer(500, {})

    def do_HEAD(self) -> None:
        """Answer a ping."""
        self._answer(200, {})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (
            ("Api-Version", "1.41"),
            ("Content-Type", "application/json"),
            ("Content-Length", len(data)),
        ):
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def address_string(self) -> str:
        """Return the client, which has no address."""
        return "client"

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class Engine(socketserver.ThreadingUnixStreamServer):
    """The engine, at a socket."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.requests: list[dict[str, Any]] = []
        """What clients have asked for."""


@contextmanager
def running() -> Iterator[tuple[Engine, str]]:
    """Return the engine and its address."""
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder, Engine(f"{folder}/socket") as engine:
        thread = threading.Thread(target=engine.serve_forever, args=(0.02,))
        thread.start()
        yield engine, f"unix://{folder}/socket"
        engine.shutdown()
        thread.join()


@pytest.mark.parametrize("text", [recipe("docker"), recipe("docker-env-file")], ids=["names", "file"])
def test_a_container_gets_the_role(reader: Reader, text: str, require: Callable[[str], str]) -> None:
    """The client sends the keys to the engine, and the region."""
    require("docker")
    with running() as (engine, address):
        done = reader.attempt(text, DOCKER_HOST=address)

    assert NO_CONTAINER == done.returncode, done.stderr
    ((environ, command),) = (
        (dict(each.split("=", 1) for each in request["Env"]), request["Cmd"]) for request in engine.requests
    )
    assert ["sts", "get-caller-identity"] == command
    key = Credentials(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], session_token=environ["AWS_SESSION_TOKEN"]
    )
    sts = reader.world.client("sts", key)
    assert "assumed-role/power-user/" in sts.get_caller_identity()["Arn"]
    sts.close()
    assert "eu-central-1" == environ["AWS_REGION"]


def test_docker_signs_in_to_ecr(reader: Reader, require: Callable[[str], str]) -> None:
    """The password of ECR reaches the client of docker, which keeps it in a file."""
    require("docker")
    with running() as (engine, address):
        done = reader.run(recipe("ecr"), DOCKER_HOST=address)

    assert "Login Succeeded\n" == done
    registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    ((user, password, server),) = (
        (sent["username"], sent["password"], sent["serveraddress"]) for sent in engine.requests
    )
    assert ("AWS", registry) == (user, server)
    assert password
    assert ["assumed-role/power-user"] == [
        caller.rpartition("/")[0] for caller in reader.callers("GetAuthorizationToken")
    ]
    assert registry in json.loads((reader.home / ".docker" / "config.json").read_text())["auths"]
