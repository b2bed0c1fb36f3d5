"""The files that must be hidden from a command so that an endpoint serves it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import changes, config
from awsenv.config.sources import KEYS as KEYS_OF_SOURCES
from awsenv.model import Chain, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.conftest import Home

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"


@pytest.mark.parametrize(
    "lines",
    [
        KEYS,
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = y\n",
        "sso_region = eu-west-1\n",
        *(f"{key} = x\n" for key in KEYS_OF_SOURCES),
    ],
)
@pytest.mark.parametrize("header", ["default", "profile default"])
def test_a_default_profile_that_describes_credentials_is_hidden(header: str, lines: str, home: Home) -> None:
    """It outranks an endpoint in every SDK, under each of its names."""
    assert config.outranks_endpoint(home.read(f"[{header}]\n{lines}"))


def test_settings_and_other_profiles_are_not_hidden(home: Home) -> None:
    """A command needs the region, and may name another profile."""
    text = f"[default]\nregion = eu-west-1\n[profile a]\n{KEYS}[sso-session default]\nsso_region = x\n"

    assert not config.outranks_endpoint(home.read(text, f"[default]\n{KEYS}"))


def test_keys_in_both_files_are_seen(home: Home) -> None:
    """Keys in the config file count even if the credentials file is hidden."""
    profiles = home.read(f"[default]\n{KEYS}", f"[default]\n{KEYS}")

    assert config.outranks_endpoint(profiles)


CHILD = "from botocore.session import Session; print(Session().get_credentials().access_key, end='')"


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Return the URL of a container credentials endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown = self.headers["authorization"] == "canary-token"
            body = {
                "AccessKeyId": "ASIASERVED",
                "SecretAccessKey": "canary-served",
                "Token": "t",
                "Expiration": "2100-01-01T00:00:00Z",
            }
            self.send_response(200 if shown else 403)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode() if shown else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/credentials/1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("config_text", "boto_text"),
    [
        ("", ""),
        (f"[default]\n{KEYS}", ""),
        (f"[profile default]\n{KEYS}", ""),
        (f"[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = a\n[profile a]\n{KEYS}", ""),
        ("[default]\ncredential_process = echo {}\n", ""),
        ("[default]\nregion = eu-west-1\n", f"[Credentials]\n{KEYS}"),
    ],
)
def test_a_command_takes_its_keys_from_the_endpoint(
    config_text: str, boto_text: str, endpoint: str, home: Home
) -> None:
    """A real SDK ignores keys of the user in files and variables, and a named profile."""
    profiles = home.read(config_text, f"[default]\n{KEYS}[me]\n{KEYS}")
    Path(home.path, ".boto").write_text(boto_text)
    mine = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "me"}
    environ = home.environ(PYTHONPATH=":".join(each for each in sys.path if each), **mine)
    chain = Chain(Source("static"), (), "role", "role")

    hides_config = config.outranks_endpoint(profiles)
    change = changes.served(chain, endpoint, "canary-token", environ, hides_config=hides_config)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=change.applied_to(environ), capture_output=True, text=True, check=True
    )

    assert "ASIASERVED" == done.stdout
