"""Where the first credentials and the codes come from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from cookbook import recipe

from servers import answering, page

if TYPE_CHECKING:
    from recipes.conftest import Reader


def test_a_profile_of_sso_is_the_source_of_a_role(reader: Reader) -> None:
    """After `aws sso login`, whose token is a file, the role is assumed as the SSO role."""
    sandbox = reader.world.sandbox
    arn = sandbox.create_role("Developer", sandbox.trust(sandbox.account), policies=["PowerUserAccess"])
    sts = reader.world.client("sts")
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="alice")["Credentials"]
    sts.close()
    sandbox.clear_calls()
    credentials = {
        "accessKeyId": keys["AccessKeyId"],
        "secretAccessKey": keys["SecretAccessKey"],
        "sessionToken": keys["SessionToken"],
        "expiration": int(keys["Expiration"].timestamp() * 1000),
    }
    token = {"accessToken": "canary", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-central-1"}
    cache = reader.home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(b"work").hexdigest()  # noqa: S324 - the name that the AWS CLI gives it
    (cache / f"{name}.json").write_text(json.dumps(token))
    reader.configure(recipe("sso"))

    with answering(page(json.dumps({"roleCredentials": credentials}).encode())) as host:
        shown = reader.run('eval "$(awsenv deploy)" && awsenv status --verify', AWS_ENDPOINT_URL_SSO=f"http://{host}")

    assert "assumed-role/deploy/" in shown
    assert ["assumed-role/Developer/alice"] == reader.callers("AssumeRole")


def test_a_program_gives_the_code(reader: Reader) -> None:
    """A program stands in for the YubiKey and prints the codes of the device named `aws`."""
    world = reader.world
    reader.configure(recipe("mfa-process"))
    reader.write("ykman", f'#!/bin/sh\n[ "$*" = "oath accounts code -s aws" ] && echo {reader.code()}\n')
    path = f"{reader.folder}:{reader.environ['PATH']}"

    reader.run("awsenv exec deploy -- true", PATH=path, AWSENV_RUNTIME_DIR=f"{reader.folder}/none")

    (call,) = (call for call in world.sandbox.calls if call.action == "AssumeRole")
    assert world.device.serial == call.parameters["SerialNumber"]
