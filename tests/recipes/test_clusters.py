"""kubectl and psql, which get a token where they connect, and the servers that ask AWS whose it is."""

from __future__ import annotations

import base64
import json
import struct
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from cookbook import recipe
from moto.eks.models import eks_backends

from awsenv.sandbox.authority import Authority
from servers import serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from awsenv.sandbox import Sandbox
    from recipes.conftest import Reader

TIMEOUT = 180
"""Seconds after which a test gives up. No passing test waits this long."""

ROLE = "arn:aws:sts::123456789012:assumed-role/power-user/"

PODS = {"name": "pods", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["list"]}
ANSWERS = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    "/api/v1/namespaces/default/pods": {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []},
}
"""What a cluster without pods answers."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request that has the token of a role."""

    protocol_version = "HTTP/1.1"
    server: Cluster

    def do_GET(self) -> None:
        """Ask AWS whose token it is."""
        path = self.path.partition("?")[0]
        try:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            arn = self.server.sandbox.cluster_login(token, "my-cluster")
            if path.endswith("/pods"):
                self.server.readers.append(arn)
            self._answer(200 if path in ANSWERS else 404, ANSWERS.get(path, {}))
        except PermissionError:
            self._answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401})

    def _answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class Cluster(ThreadingHTTPServer):
    """The API of a cluster, which AWS knows by its address.

    Args:
        sandbox: The AWS of the cluster.
        authority: What its certificate is from.
    """

    def __init__(self, sandbox: Sandbox, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sandbox = sandbox
        self.readers: list[str] = []
        """Who has read the pods."""
        # Handshakes run in the thread of their connection.
        self.socket = authority.server().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


@pytest.fixture
def cluster(reader: Reader, tmp_path: Path) -> Iterator[Cluster]:
    """Return the cluster that the recipe names."""
    sandbox, authority = reader.world.sandbox, Authority(tmp_path)
    backend = eks_backends[sandbox.account]["eu-central-1"]
    with Cluster(sandbox, authority) as cluster:
        made = backend.create_cluster("my-cluster", f"arn:aws:iam::{sandbox.account}:role/cluster", {})
        made.endpoint = f"https://127.0.0.1:{cluster.server_port}"
        made.certificate_authority = {"data": base64.b64encode(authority.bundle.read_bytes()).decode()}
        thread = threading.Thread(target=cluster.serve_forever, args=(0.02,))
        thread.start()
        yield cluster
        cluster.shutdown()
        thread.join()
        backend.delete_cluster("my-cluster")


def test_kubectl_runs_awsenv(reader: Reader, cluster: Cluster, require: Callable[[str], str]) -> None:
    """The cluster gets the token of the role, whichever version the kubeconfig names; without an agent it gets none."""
    require("aws")
    require("kubectl")

    shown = reader.run(recipe("kubectl"))
    refused = reader.attempt("kubectl get pods", AWSENV_RUNTIME_DIR=str(reader.home / "none"))
    kubeconfig = reader.home / ".kube" / "config"
    kubeconfig.write_text(kubeconfig.read_text().replace("k8s.io/v1beta1", "k8s.io/v1"))
    reader.run("kubectl get pods")

    assert 'Context "arn:aws:eks:eu-central-1:123456789012:cluster/my-cluster" modified.' in shown
    assert [ROLE] * 2 == [arn[: len(ROLE)] for arn in cluster.readers]
    assert 1 == refused.returncode
    assert "no terminal" in refused.stderr


def test_awsenv_asks_for_a_code_on_the_terminal_of_kubectl(
    reader: Reader, cluster: Cluster, require: Callable[[str], str]
) -> None:
    """Without an agent kubectl hands its terminal to awsenv, and goes on with the token."""
    require("aws")
    reader.run(recipe("kubectl"))
    cluster.readers.clear()
    environ = {**reader.environ, "AWSENV_RUNTIME_DIR": str(reader.home / "none")}

    with closing(pexpect.spawn(require("kubectl"), ["get", "pods"], env=environ, timeout=TIMEOUT)) as terminal:
        terminal.expect("MFA code for alice.*: ")
        terminal.sendline(reader.code())
        terminal.expect("No resources found")
        terminal.expect(pexpect.EOF)

    assert [ROLE] == [arn[: len(ROLE)] for arn in cluster.readers]


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of PostgreSQL's protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


def test_psql_connects_with_a_token(reader: Reader, tmp_path: Path, require: Callable[[str], str]) -> None:
    """The database gets the token as the password, over a connection whose certificate is that of its name."""
    require("psql")
    host = "mydb.abcdefghijkl.eu-central-1.rds.amazonaws.com"
    authority = Authority(tmp_path)
    (reader.folder / "global-bundle.pem").write_bytes(authority.bundle.read_bytes())
    context = authority.server(host)
    logins: list[str] = []

    def serve(accepted: socket.socket) -> None:
        assert struct.pack("!II", 8, 80877103) == accepted.recv(8), "the request for TLS"
        accepted.sendall(b"S")
        with context.wrap_socket(accepted, server_side=True) as client:
            client.recv(65536)
            client.sendall(message(b"R", struct.pack("!I", 3)))
            password = client.recv(65536)[5:-1].decode()
            logins.append(reader.world.sandbox.database_login(password, f"{host}:5432", "app", "eu-central-1"))
            client.sendall(message(b"R", bytes(4)) + message(b"Z", b"I"))
            client.recv(65536)

    with serving(serve) as address:
        port = address.rpartition(":")[2]
        # It keeps the name, and so the check of the certificate.
        reader.run(recipe("psql"), PGHOSTADDR="127.0.0.1", PGPORT=port)

    assert [ROLE] == [arn[: len(ROLE)] for arn in logins]
