"""Roles in a terminal and in scripts."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from cookbook import recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recipes.conftest import Reader

REPORTER = '#!/bin/sh\necho "$0 $AWSENV_ACCOUNT/$AWSENV_ROLE_NAME"\n'
"""A program of the user, which says what role it has."""

BROWSER = f"""\
#!{sys.executable}
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

address = urlsplit(sys.argv[1])
connection = HTTPConnection(address.netloc)
connection.request("GET", address.path)
Path("location").write_text(connection.getresponse().headers["location"])
"""


def test_a_script_ends_with_its_own_status(reader: Reader) -> None:
    """The status is that of the script, which has the role."""
    reader.write("deploy.sh", f"{REPORTER}exit 7\n")

    done = reader.attempt(recipe("script"))

    assert (7, "./deploy.sh 123456789012/power-user\n") == (done.returncode, done.stdout)


def test_a_role_needs_no_profile_and_can_be_narrowed(reader: Reader) -> None:
    """A role is named by account and name or by ARN; a policy, tags and a source identity arrive at AWS."""
    sandbox = reader.world.sandbox
    for name, path in (("audit", "/"), ("release", "/team/")):
        sandbox.create_role(name, sandbox.trust(reader.world.user_arn), path=path)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    reader.write("read-only.json", json.dumps(policy))
    reader.write("look", REPORTER)
    reader.write("deploy", REPORTER)

    shown = reader.run(recipe("other-account"))

    assert ["./look 123456789012/admin", "./deploy 123456789012/admin"] == shown.splitlines()[-2:]
    calls = [call.parameters for call in sandbox.calls if call.action == "AssumeRole"]
    assert [f"arn:aws:iam::123456789012:role/{name}" for name in ("audit", "team/release", "admin", "admin")] == [
        call["RoleArn"] for call in calls
    ]
    assert policy == json.loads(calls[2]["Policy"])
    assert ("team", "core", "alice") == (
        calls[3]["Tags.member.1.Key"],
        calls[3]["Tags.member.1.Value"],
        calls[3]["SourceIdentity"],
    )


def test_the_console_opens_at_a_service(reader: Reader) -> None:
    """The browser gets a URL that signs in and leads to the service."""
    browser = reader.write("browser", BROWSER)

    reader.run(recipe("console"), BROWSER=str(browser))

    assert re.search(r"Action=login.*%2Fs3", (reader.folder / "location").read_text())


def test_a_package_installs_the_completions(reader: Reader, tmp_path: Path, require: Callable[[str], str]) -> None:
    """Each file is the completion of its shell, which can read it. Only the folder is another one."""
    share = tmp_path / "share"
    text = recipe("completion").replace("/usr/share", str(share))
    folders = re.findall(rf"> ({share}\S*)/", text)

    reader.run(f"mkdir -p {' '.join(folders)}\n{text}")

    for shell, name in (("bash", "awsenv"), ("zsh", "_awsenv"), ("fish", "awsenv.fish")):
        (path,) = share.rglob(name)
        reader.run(f"{require(shell)} -n {path}")
        assert "awsenv" in path.read_text()
