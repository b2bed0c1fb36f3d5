"""Roles in the AWS CLI, in SDKs, and in whatever reads profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cookbook import recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recipes.conftest import Reader

SDK = "@aws-sdk/client-sts@3.1173.0"
"""The version of e2e/test_refresh_clients.py, which is installed once for both."""

# What the Ruby SDK does by itself from version 3.182; Debian 12 has 3.168.
RUBY = 'require "aws-sdk-core"\nAws.config.update(endpoint: ENV.fetch("AWS_ENDPOINT_URL"))\n'

ROLE = "arn:aws:sts::123456789012:assumed-role/power-user/"


class Sdk(NamedTuple):
    """An SDK: the recipe, the command that runs a file, and how the recipe names the profile."""

    text: str
    command: str
    profile: str
    default: str = ""
    """What stands there if the SDK looks for itself."""


SDKS = {
    "boto3": Sdk(recipe("boto3"), "python", 'profile_name="tools"'),
    "javascript": Sdk(recipe("javascript"), "node --no-warnings", '{ profile: "tools" }', "{}"),
    "ruby": Sdk(recipe("ruby"), "ruby -r./endpoint", 'profile: "tools"'),
}


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest, reader: Reader, require: Callable[[str], str]) -> str:
    """Return each SDK in turn. The current folder has its recipe, and `program`, which is that without a profile."""
    name: str = request.param
    sdk = SDKS[name]
    require(sdk.command.partition(" ")[0])
    if name == "javascript":
        node_package: Callable[[str], Path] = request.getfixturevalue("node_package")
        (reader.folder / "node_modules").symlink_to(node_package(SDK).parents[1])
    if name == "ruby":
        reader.write("endpoint.rb", RUBY)
        if not os.environ.get("CI") and reader.attempt("ruby -raws-sdk-core -e 0").returncode:
            pytest.skip("the gem aws-sdk-core is not installed")  # on a user's machine: CI fails later
    assert sdk.profile in sdk.text
    for file, text in (("recipe", sdk.text), ("program", sdk.text.replace(sdk.profile, sdk.default))):
        # Node tells a module by this ending; the others need none.
        reader.write(f"{file}.mjs", text)
        reader.write(file, f"#!/bin/sh\nexec {sdk.command} ./{file}.mjs\n")
    reader.configure(recipe("profile"))
    return name


def test_an_sdk_has_the_role(reader: Reader, sdk: str) -> None:
    """In the environment, at the endpoint, by the profile of the environment, and by the one that the code names."""
    with_keys, with_refresh, with_profile = recipe("sdk").splitlines()

    for line in (with_keys, with_profile, "./recipe"):
        assert reader.run(line).startswith(ROLE)

    renewed = reader.attempt(with_refresh)
    # The page says so of an old one.
    assert (sdk != "ruby") == renewed.stdout.startswith(ROLE)


def test_python_needs_no_profile(reader: Reader) -> None:
    """The functions of awsenv give a session of boto3 that has the role."""
    reader.write("who.py", recipe("python"))

    assert reader.run("python who.py").startswith(ROLE)


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("version", ["aws", "aws-v2"])
def test_the_aws_cli_has_the_role(reader: Reader, version: str, require: Callable[[str], str]) -> None:
    """Each line calls AWS as the role, and the AWS CLI keeps no keys."""
    reader.link("aws", require(version))
    reader.configure(recipe("profile"))
    reader.write("site/index.html", "page")

    shown = reader.run(recipe("aws"))

    assert 2 == shown.count(" my-bucket\n")
    assert "upload: site/index.html to s3://my-bucket/index.html" in shown
    for action in ("ListAllMyBuckets", "PutObject"):
        assert {"assumed-role/power-user"} == {caller.rpartition("/")[0] for caller in reader.callers(action)}
    assert [] == kept(reader)


@pytest.mark.usefixtures("s3")
def test_the_aws_cli_alone_keeps_keys(reader: Reader, require: Callable[[str], str]) -> None:
    """It assumes the role of a profile itself, and writes the keys to the folder that the page names."""
    require("aws")

    reader.run("aws s3 ls --profile read-only", AWS_DEFAULT_REGION="eu-central-1")

    assert 1 == len(kept(reader))


def kept(reader: Reader) -> list[Path]:
    """Return the files in which the AWS CLI keeps keys; another file there says how often it is used."""
    return [*(reader.home / ".aws" / "cli" / "cache").glob("*.json")]
