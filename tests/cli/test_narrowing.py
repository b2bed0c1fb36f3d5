"""Narrowed roles: what AWS gets for each option, and what the credentials may then do."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from awsenv.config import read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from awsenv.sandbox import Call
    from conftest import World

LOGS, OTHER = "narrowed-logs", "narrowed-other"
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ONLY = {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:List*"], "Resource": "*"}
ON = {"Effect": "Deny", "Action": "*", "NotResource": [f"arn:aws:s3:::{LOGS}", f"arn:aws:s3:::{LOGS}/*"]}
READS = {"Effect": "Deny", "NotAction": [*read_only.ACTIONS], "Resource": "*"}
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Portal(BaseHTTPRequestHandler):
    """The portal of IAM Identity Center: it gives whoever asks the same credentials of a role."""

    keys: Mapping[str, Any]

    def do_GET(self) -> None:
        """Answer a request."""
        data = json.dumps({"roleCredentials": self.keys}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def served(
    shared_world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> Iterator[World]:
    """Return the world with an agent, two buckets, the role `deploy` without MFA, and `sso`, which gives the same."""
    world, sandbox = shared_world, shared_world.sandbox
    deploy = sandbox.create_role("deploy", sandbox.trust(world.user_arn), policies=["PowerUserAccess"])
    keys = boto3.client("sts", **connecting(world, world.environ)).assume_role(RoleArn=deploy, RoleSessionName="sso")
    s3 = boto3.client("s3", **connecting(world, world.environ, sandbox.admin))
    for bucket in (LOGS, OTHER):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket=bucket, Key="x", Body=b"text")
    given = keys["Credentials"]
    Portal.keys = {
        "accessKeyId": given["AccessKeyId"],
        "secretAccessKey": given["SecretAccessKey"],
        "sessionToken": given["SessionToken"],
        "expiration": int(given["Expiration"].timestamp() * 1000),
    }
    home = Path(world.environ["HOME"])
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(b"https://corp", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(
        json.dumps({"accessToken": "canary", "expiresAt": "2099-01-01T00:00:00Z", "startUrl": "https://corp"})
    )
    world.configure(
        f"\n[profile deploy]\nrole_arn = {deploy}\nsource_profile = default\n"
        f"[profile sso]\nsso_start_url = https://corp\nsso_region = eu-central-1\nsso_role_name = deploy\n"
        f"sso_account_id = {sandbox.account}\nregion = eu-central-1\n"
    )
    portal = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=portal.serve_forever, args=(0.01,), daemon=True).start()
    world.environ["AWS_ENDPOINT_URL_SSO"] = f"http://127.0.0.1:{portal.server_port}"
    with agent_in(world.environ):
        yield world
    portal.shutdown()
    portal.server_close()


@pytest.fixture(scope="module")
def held(served: World) -> World:
    """Return the world with an agent that holds `power-user` in full, and no MFA session."""
    assert 0 == served.run("credential-process", "power-user", served.device.code()).returncode
    return served


def connecting(world: World, environ: Mapping[str, str], keys: Any = None) -> dict[str, Any]:
    """Return how a client of boto3 connects to the local AWS, with these keys or those of the user."""
    if keys is None:
        lines = (Path(environ["HOME"]) / ".aws" / "credentials").read_text().splitlines()
        read = dict(line.split(" = ") for line in lines[1:])
        return {"endpoint_url": world.sandbox.url, "region_name": "eu-central-1", **read}
    return {
        "endpoint_url": world.sandbox.url,
        "region_name": "eu-central-1",
        "aws_access_key_id": keys.access_key_id,
        "aws_secret_access_key": keys.secret_access_key,
        "aws_session_token": keys.session_token,
    }


def narrowed(world: World, role: str, *options: str) -> tuple[dict[str, Any], list[Call]]:
    """Return how clients connect with a narrowed role, and the calls of STS for it."""
    world.sandbox.clear_calls()
    done = world.run("credential-process", role, *options)
    assert (0, "") == (done.returncode, done.stderr)
    printed = json.loads(done.stdout)
    keys = {
        "endpoint_url": world.sandbox.url,
        "region_name": "eu-central-1",
        "aws_access_key_id": printed["AccessKeyId"],
        "aws_secret_access_key": printed["SecretAccessKey"],
        "aws_session_token": printed["SessionToken"],
    }
    return keys, [call for call in world.sandbox.calls if call.service == "sts"]


def may(keys: dict[str, Any], what: str) -> bool:
    """Return whether AWS lets these keys do something."""
    s3, ec2 = boto3.client("s3", **keys), boto3.client("ec2", **keys)
    does: dict[str, Callable[[], object]] = {
        "read the logs": lambda: s3.get_object(Bucket=LOGS, Key="x"),
        "read the others": lambda: s3.get_object(Bucket=OTHER, Key="x"),
        "write": lambda: s3.put_object(Bucket=LOGS, Key="y", Body=b""),
        "list regions": ec2.describe_regions,
        "make keys": lambda: ec2.create_key_pair(KeyName="new", DryRun=False),
    }
    try:
        does[what]()
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "UnauthorizedOperation"}:
            raise
        return False
    return True


WAYS = {
    "deploy": ["AssumeRole"],
    "sso": ["GetScopedCredentials"],
    "power-user": ["GetScopedCredentials"],
}
"""The calls that narrow a role: one that is assumed without a code, one of SSO, and one that the agent holds."""

OPTIONS = [
    (("--read-only",), [READS], {"read the logs", "read the others", "list regions"}),
    (("--only", "s3:Get*,s3:List*"), [ONLY], {"read the logs", "read the others"}),
    (("--on", f"arn:aws:s3:::{LOGS},arn:aws:s3:::{LOGS}/*"), [ON], {"read the logs", "write"}),
    (
        ("--only=s3:Get*", "--only=s3:List*", f"--on=arn:aws:s3:::{LOGS}", f"--on=arn:aws:s3:::{LOGS}/*"),
        [ONLY, ON],
        {"read the logs"},
    ),
]
EVERYTHING = ("read the logs", "read the others", "write", "list regions", "make keys")


@pytest.mark.parametrize("role", WAYS)
@pytest.mark.parametrize(("options", "denied", "allowed"), OPTIONS, ids=["read-only", "only", "on", "both"])
def test_aws_gets_the_policy_and_enforces_it(
    held: World, role: str, options: tuple[str, ...], denied: list[Any], allowed: set[str]
) -> None:
    """Whatever gives the role, an action inside works and one outside is refused, and no code is asked for."""
    keys, calls = narrowed(held, role, *options)

    assert WAYS[role] == [call.action for call in calls]
    sent = calls[0].parameters
    if role == "deploy" and options == ("--read-only",):
        assert (MANAGED, None) == (sent["PolicyArns.member.1.arn"], sent.get("Policy"))
    else:
        assert {"Version": "2012-10-17", "Statement": [ALLOW, *denied]} == json.loads(sent["Policy"])
    assert allowed == {each for each in EVERYTHING if may(keys, each)}


def test_a_narrowed_role_never_serves_a_wider_request_nor_the_reverse(held: World) -> None:
    """Each has its own lease, which the agent hands out again."""
    wide, _ = narrowed(held, "deploy")
    first, made = narrowed(held, "deploy", "--only=s3:Put*")
    again, calls = narrowed(held, "deploy", "--only=s3:Put*")

    assert ["AssumeRole"] == [call.action for call in made]
    assert [] == calls
    assert first == again != wide == narrowed(held, "deploy")[0]
    assert ["GetScopedCredentials"] == [call.action for call in narrowed(held, "sso", "--only=s3:Put*")[1]]


def test_a_short_life_takes_a_second_call_and_is_not_renewed(held: World) -> None:
    """The role lives as shortly as AWS grants, and what is handed out ends after ten minutes."""
    held.sandbox.clear_calls()
    done = held.run("use", "deploy", "--for=10m", "--because=JIRA-12", "--shell=json", "--print")
    role, scoped = [call.parameters for call in held.sandbox.calls if call.service == "sts"]
    variables = json.loads(done.stdout)

    assert ("900", "600", "JIRA-12", None) == (
        role["DurationSeconds"],
        scoped["DurationSeconds"],
        scoped["ScopedSessionDescription"],
        scoped.get("Policy"),
    )
    assert "for 10m" == variables["AWSENV_NARROWED"]
    assert "AWSENV_RENEW" not in variables
    left = int(variables["AWSENV_EXPIRES_EPOCH"]) - held.sandbox.clock.now().timestamp()
    assert 0 < left <= 600


def test_no_life_is_longer_than_that_of_what_is_narrowed(held: World) -> None:
    """AWS refuses more than the rest of a session, so awsenv does not ask for it."""
    _, calls = narrowed(held, "sso", "--for=12h", "--read-only")

    assert ["GetScopedCredentials"] == [call.action for call in calls]
    assert "DurationSeconds" not in calls[0].parameters


def test_a_profile_is_narrowed_further_and_never_widened(held: World) -> None:
    """Its keys count beside the options and the variables."""
    arn = f"arn:aws:iam::{held.sandbox.account}:role/deploy"
    held.configure(
        f"[profile narrow]\nrole_arn = {arn}\nsource_profile = default\nawsenv_only = s3:Get*, ec2:Describe*\n"
    )
    keys, _ = narrowed(held, "narrow", "--only=s3:*,iam:*")
    wide, _ = narrowed(held, "narrow")

    assert {"read the logs", "read the others"} == {each for each in EVERYTHING if may(keys, each)}
    assert {"read the logs", "read the others", "list regions"} == {each for each in EVERYTHING if may(wide, each)}


def test_the_key_of_a_user_is_refused_before_anything_is_sent(held: World) -> None:
    """AWS narrows temporary credentials only."""
    held.sandbox.clear_calls()
    done = held.run("credential-process", "default", "--read-only")

    assert 3 == done.returncode
    assert "the access key of a user cannot be narrowed" in done.stderr
    assert () == held.sandbox.calls


def test_status_shows_what_the_role_is_narrowed_to(held: World) -> None:
    """So does what the agent holds."""
    done = held.run("exec", "deploy", "--read-only", "--only=s3:*", "--", held.program, "status")

    assert "\nNarrowed    read-only, only s3:*\n" in done.stdout
    assert "deploy (read-only, only s3:*) until" in held.run("status").stdout


@pytest.mark.parametrize(
    ("role", "way", "calls"),
    [
        ("deploy", "session_policy", ["sts:AssumeRole"]),
        ("sso", "scoped_credentials", ["sts:GetScopedCredentials"]),
        ("power-user", "scoped_credentials", ["sts:GetScopedCredentials"]),
    ],
)
def test_explain_shows_the_way_and_the_policy(held: World, role: str, way: str, calls: list[str]) -> None:
    """It sends nothing, and shows what would be sent."""
    held.sandbox.clear_calls()
    options = ("--only=s3:ListBucket", "--because=JIRA-77")
    policy = [ALLOW, {**ONLY, "NotAction": ["s3:ListBucket"]}]
    plan = json.loads(held.run("explain", "--json", role, *options).stdout)
    page = held.run("explain", role, *options).stdout

    assert () == held.sandbox.calls
    assert (way, policy) == (plan["narrowed"]["by"], json.loads(plan["narrowed"]["policy"])["Statement"])
    assert calls == [call["action"] for call in plan["calls"]]
    assert 'Policy    {"Version": "2012-10-17"' in page
    assert ("AWS does not get the reason" in page) == (role == "deploy")


def test_refresh_serves_narrowed_credentials(held: World) -> None:
    """The endpoint gives what the options allow; what is to end for good is refused."""
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    held.sandbox.clear_calls()
    argv = ["--", str(Path(held.program).with_name("python")), "-c", script]
    done = held.run("exec", "--refresh", "deploy", "--only=s3:Head*", *argv)
    refused = held.run("exec", "--refresh", "deploy", "--for=20m", "--", "true")

    assert ":assumed-role/deploy/" in done.stdout
    assert {"s3:Head*"} == {
        action
        for call in held.sandbox.calls
        if call.action == "AssumeRole"
        for action in json.loads(call.parameters["Policy"])["Statement"][1]["NotAction"]
    }
    assert (125, True) == (
        refused.returncode,
        "--refresh renews the credentials, and --for ends them" in refused.stderr,
    )


def test_the_doctor_tries_the_narrowed_role(held: World) -> None:
    """Whatever narrows it, and it names a variable that cannot be read."""
    fine = [held.run("doctor", role, "--only=s3:Get*", "--for=20m").returncode for role in ("deploy", "sso")]
    wrong = held.run("doctor", "deploy", AWSENV_ONLY="GetObject")

    assert ([0, 0], 1) == (fine, wrong.returncode)
    assert "'GetObject' is not an action" in wrong.stdout
    assert "unset AWSENV_ONLY" in wrong.stdout


def test_many_roles_are_narrowed_at_once(held: World) -> None:
    """The role that is held needs no code, either."""
    held.sandbox.clear_calls()
    argv = ["--only=ec2:Describe*", "--", "sh", "-c", "echo $AWSENV_NARROWED"]
    done = held.run("each", "deploy", "power-user", "sso", *argv)

    assert (0, 3) == (done.returncode, done.stdout.count("only ec2:Describe*"))
    assert ["AssumeRole", "GetScopedCredentials", "GetScopedCredentials"] == sorted(
        call.action for call in held.sandbox.calls
    )


def test_what_for_ends_is_said_not_to_be_renewed(held: World) -> None:
    """The reason is what was asked for, and not that no agent holds the role."""
    given = json.loads(held.run("deploy", "--only=s3:*", "--for=20m", "--shell=json", "--print").stdout)
    failed = held.run("renew", "--shell=json", "--print", **{name: text for name, text in given.items() if text})

    assert (8, "") == (failed.returncode, failed.stdout)
    assert "deploy is not renewed\n  because  it was narrowed to a fixed time: only s3:*, for 20m\n" in failed.stderr


def test_an_arn_that_reads_like_a_time_ends_nothing(held: World) -> None:
    """Without an agent that holds the role, renewing it fails for that reason."""
    variables = {"AWSENV_ROLE": "deploy", "AWSENV_NARROWED": "on arn:aws:s3:::look for me/*"}
    failed = held.run("renew", "--shell=json", "--print", **variables)

    assert "no role of the agent is active in this shell" in failed.stderr


def test_the_role_before_comes_back_no_wider(held: World) -> None:
    """`-` stands for the name of a role, and not for the options that narrowed it."""
    returning = ["-", "--shell=json", "--print"]
    narrow = json.loads(held.run("deploy", "--read-only", "--shell=json", "--print").stdout)
    left = json.loads(held.run("sso", "--shell=json", "--print", **{k: v for k, v in narrow.items() if v}).stdout)
    shell = {name: text for name, text in left.items() if text}

    wide, again = held.run(*returning, **shell), held.run(*returning, "--only=s3:*", **shell)
    by_name = held.run("deploy", *returning[1:], **shell)
    reason = held.run(*returning, "--because=JIRA-12", **shell)
    by_variable = held.run(*returning, **shell, AWSENV_FOR="20m")

    assert ("deploy", "read-only") == (shell["AWSENV_PREVIOUS"], shell["AWSENV_PREVIOUS_NARROWED"])
    assert [2, 0, 0, 2, 0] == [each.returncode for each in (wide, again, by_name, reason, by_variable)]
    assert "awsenv: deploy was narrowed: read-only\n" in wide.stderr


def test_no_console_session_outlasts_the_credentials(held: World) -> None:
    """AWS ends the session with them, unless it is told otherwise."""
    done = held.run("console", "deploy", "--for=20m", "--session-duration=8h", "--print")

    assert (2, True) == (done.returncode, "--session-duration would let the session outlast --for" in done.stderr)
    assert 0 == held.run("console", "deploy", "--only=s3:*", "--for=20m", "--print").returncode


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAction", "PackedPolicyTooLarge"])
def test_where_aws_refuses_to_narrow_what_is_held_the_role_is_assumed(held: World, code: str) -> None:
    """Here without a terminal, so the command ends with the question for a code."""
    from awsenv.sandbox.responses import ServiceError  # noqa: PLC0415 - it loads moto

    held.sandbox.fail("GetScopedCredentials", ServiceError(code, "not authorized", 403))
    done = held.run("credential-process", "power-user", f"--only=s3:{code}")

    assert 6 == done.returncode
    assert f"AWS refused to narrow power-user (only s3:{code}), which the agent holds" in done.stderr


def test_what_is_too_long_to_narrow_what_is_held_is_assumed(held: World) -> None:
    """The list of awsenv takes room in the policy of a call of its own; AWS's managed policy takes none."""
    arn = f"arn:aws:s3:::{'x' * 500}"
    done = held.run("explain", "power-user", "--read-only", f"--on={arn}", "--json")

    assert 0 == done.returncode, done.stderr
    assert ["sts:AssumeRole"] == [call["action"] for call in json.loads(done.stdout)["calls"]]


def test_a_policy_that_aws_does_not_take_costs_no_code(held: World) -> None:
    """sts:AssumeRole would refuse it, too."""
    from awsenv.sandbox.responses import ServiceError  # noqa: PLC0415 - it loads moto

    held.sandbox.fail("GetScopedCredentials", ServiceError("MalformedPolicyDocument", "Syntax errors in policy."))
    done = held.run("credential-process", "power-user", "--only=s3:Put*")

    assert 5 == done.returncode
    assert "correct --only" in done.stderr


def test_a_narrowed_role_is_renewed_as_long_as_what_it_was_made_of(aging: World) -> None:
    """It ends with the role that is held; an MFA session then gives it again, narrowed as before."""
    aging.run("credential-process", "power-user", aging.device.code())
    shown = aging.run("use", "power-user", "--only=ec2:Describe*", "--shell=json", "--print")
    variables = {name: value for name, value in json.loads(shown.stdout).items() if value is not None}
    renew = ["renew", "--shell=json", "--print"]

    aging.sandbox.clock.elapse(50 * 60)
    early = aging.run(*renew, **variables)
    aging.sandbox.clock.elapse(15 * 60)
    late = aging.run(*renew, **variables)
    aging.run("login", aging.device.code())
    aging.sandbox.clear_calls()
    again = aging.run(*renew, **variables)

    assert (0, 8, 0) == (early.returncode, late.returncode, again.returncode)
    assert "the agent no longer holds power-user, which was narrowed" in late.stderr
    (call,) = aging.sandbox.calls
    assert ["ec2:Describe*"] == json.loads(call.parameters["Policy"])["Statement"][1]["NotAction"]
