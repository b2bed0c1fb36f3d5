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


def test_a_command_runs_in_many_accounts(reader: Reader) -> None:
    """Each line of the recipe, with programs that show what they get; `jq` and `awsenv` are real."""
    world = reader.world
    for name in ("prod-1", "prod-2", "prod-legacy"):
        arn = world.sandbox.create_role(name, world.sandbox.trust(world.user_arn, mfa=True))
        about = f"role_arn = {arn}\nsource_profile = default\nmfa_serial = {world.device.serial}\n"
        reader.configure(f"[profile {name}]\n{about}region = eu-central-1\n")
    reader.write("accounts.txt", "prod-1\n# tomorrow: prod-2\n")
    shown = '#!/bin/sh\necho "$AWSENV_ROLE $AWS_REGION $*"\n'
    for path in ("aws", "audit.sh", "deploy.sh"):
        reader.write(path, shown)
    reader.write("aws", f'{shown}[ "$1" != iam ]\n')
    path = f"{reader.folder}:{reader.environ['PATH']}"
    text = recipe("many").replace("123456 ", f"{reader.code()} ", 1).replace("123456789012", world.sandbox.account)

    buckets, audited, regions, failed, deployed = (
        [" ".join(line.split()) for line in reader.attempt(line, PATH=path).stdout.splitlines()]
        for line in text.splitlines()
    )

    every = ("prod-1", "prod-2", "prod-legacy")
    assert [f"{name} | {name} eu-central-1 s3 ls" for name in every] == sorted(buckets)
    assert [f"{name} | {name} eu-central-1" for name in every[:2]] == sorted(audited)
    assert {f"prod-1 {one} | prod-1 {one} ec2 describe-vpcs" for one in ("eu-west-1", "us-east-1")} <= set(regions)
    assert ["prod-1"] == failed
    account = world.sandbox.account
    assert [f"{name} | {name} eu-central-1 {name} {account} eu-central-1" for name in every] == deployed
