"""`awsenv token`: what kubectl and the clients of databases read, as the AWS CLI makes it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import urllib.request
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from awsenv.aws import presigned
from awsenv.aws.session import AwsSession
from awsenv.aws.settings import client_settings
from awsenv.model import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from conftest import World

DATABASE = "db.abc.eu-west-1.rds.amazonaws.com:5432"
GLOBAL = "writer.global-abc.global.rds.amazonaws.com:5432"
OF_AWS = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
"""Calls go to AWS: nothing is sent to make a token with a user's own key."""
API, INFO = "client.authentication.k8s.io/", "KUBERNETES_EXEC_INFO"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/canary", "token+/=")


@pytest.fixture(scope="module")
def keys_world(shared_world: World) -> World:
    """Return the world with a profile that has temporary keys."""
    shared_world.configure(
        f"\n[profile keys]\naws_access_key_id = {KEYS.access_key_id}\n"
        f"aws_secret_access_key = {KEYS.secret_access_key}\naws_session_token = {KEYS.session_token}\n"
    )
    return shared_world


def url_of(token: str) -> str:
    """Return the URL in a token of EKS."""
    text = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def fixed(url: str) -> tuple[str, list[tuple[str, str]]]:
    """Return *url* without what depends on the time: its host, and the parameters of its query."""
    host, _, query = url.partition("?")
    timeless = re.sub(r"X-Amz-(Date|Signature)=[^&]*|(?<=%2F)\d{8}(?=%2F)", "", query)
    return host, sorted(parse_qsl(timeless, keep_blank_values=True))


def instant(text: str) -> float:
    """Return the seconds since the epoch of a time in ISO 8601."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def seconds(url: str) -> float:
    """Return when *url* was signed."""
    stamp = dict(parse_qsl(url.partition("?")[2]))["X-Amz-Date"]
    return datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()


@pytest.mark.parametrize(
    ("region", "environ"),
    [
        ("eu-central-1", {}),
        ("cn-north-1", OF_AWS | {INFO: json.dumps({"apiVersion": f"{API}v1", "spec": {"interactive": True}})}),
        (
            "us-gov-west-1",
            OF_AWS | {INFO: json.dumps({"apiVersion": f"{API}v1alpha1"}), "AWS_USE_FIPS_ENDPOINT": "true"},
        ),
        ("us-east-1", OF_AWS | {INFO: "{", "AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    ],
)
def test_a_token_of_eks_equals_that_of_the_aws_cli(
    region: str, environ: dict[str, str], keys_world: World, require: Callable[[str], str]
) -> None:
    """The document and the URL equal those of `aws eks get-token`, and so does the signature of the same second."""
    environ = keys_world.environ | environ
    own = keys_world.run("token", "eks", "a-cluster", "keys", "--region", region, **environ)
    words = [require("aws"), "eks", "get-token", "--cluster-name", "a-cluster", "--profile", "keys", "--region", region]
    others = keys_world.command(words, **environ)

    assert (0, 0) == (own.returncode, others.returncode), own.stderr + others.stderr
    ours, theirs = json.loads(own.stdout), json.loads(others.stdout)
    urls = [url_of(each["status"].pop("token")) for each in (ours, theirs)]
    ends = [str(each["status"].pop("expirationTimestamp")) for each in (ours, theirs)]
    assert theirs == ours
    assert fixed(urls[1]) == fixed(urls[0])
    # The AWS CLI looks at the clock twice.
    assert 14 * 60 == instant(ends[0]) - seconds(urls[0])
    assert instant(ends[1]) - seconds(urls[1]) >= 14 * 60
    client = client_settings(AwsSession(None, environ, region=region))
    again = url_of(presigned.eks(client, KEYS, "a-cluster", seconds(urls[1])))
    assert sorted(urls[1].split("&")) == sorted(again.split("&"))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "db.abc.eu-west-1.rds.amazonaws.com"),
        ("cn-north-1", "db.abc.rds.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_token_of_rds_equals_that_of_the_aws_cli(
    region: str, host: str, keys_world: World, require: Callable[[str], str]
) -> None:
    """With the region that the host names, the token equals that of `aws rds generate-db-auth-token`."""
    role_region = () if region == "eu-west-1" else ("--region", region)
    own = keys_world.run("token", "rds", f"{host}:3306", "bob ü", "keys", *role_region)
    words = ["rds", "generate-db-auth-token", "--hostname", host, "--port", "3306", "--username", "bob ü"]
    others = keys_world.command([require("aws"), *words, "--profile", "keys", "--region", region])

    assert (0, "", 0) == (own.returncode, own.stderr, others.returncode), others.stderr
    theirs = others.stdout.strip()
    assert fixed(theirs) == fixed(own.stdout.strip())
    again = presigned.rds(KEYS, f"{host}:3306", "bob ü", region, seconds(theirs))
    assert sorted(theirs.split("&")) == sorted(again.split("&"))


@pytest.mark.parametrize("agent", [False, True])
def test_the_version_is_the_one_that_kubectl_asks_for(
    shared_world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]], *, agent: bool
) -> None:
    """It is v1beta1 if kubectl says nothing or what no client says; a note tells of that, and of the old v1alpha1."""
    named = {version: json.dumps({"apiVersion": API + version}) for version in ("v1", "v1beta1", "v1alpha1", "v2")}
    infos = ["", *named.values(), "{", "[]", "{}", '{"apiVersion": 1}']
    with agent_in(shared_world.environ) if agent else nullcontext():
        done = [shared_world.run("token", "eks", "blue", "read-only", **{INFO: info}) for info in infos]

    versions = ["v1beta1", "v1", "v1beta1", "v1alpha1", *["v1beta1"] * 5]
    assert [API + version for version in versions] == [json.loads(each.stdout)["apiVersion"] for each in done]
    assert [True] * 3 == [not each.stderr for each in done[:3]]
    assert all("KUBERNETES_EXEC_INFO\n" in each.stderr for each in done[3:]), done


def test_a_cluster_accepts_the_token(shared_world: World) -> None:
    """STS answers who made the token, if the cluster that presents it is the one that it names."""
    token = json.loads(shared_world.run("token", "eks", "blue", "read-only").stdout)["status"]["token"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    sent = urllib.request.Request(url_of(token), headers={"x-k8s-aws-id": "blue"})  # noqa: S310 - loopback HTTP
    with opener.open(sent, timeout=60) as response:
        body = response.read().decode()

    role = f"arn:aws:sts::{shared_world.sandbox.account}:assumed-role/read-only/"
    assert role in body
    assert shared_world.sandbox.cluster_login(token, "blue").startswith(role)
    with pytest.raises(PermissionError):
        shared_world.sandbox.cluster_login(token, "green")


def test_a_database_accepts_the_token(world: World) -> None:
    """A database in the region that its host names accepts the token of a role that may connect."""
    answer = world.run("token", "rds", DATABASE, "bob", "power-user", world.device.code())

    arn = world.sandbox.database_login(answer.stdout.strip(), DATABASE, "bob", "eu-west-1")

    assert arn.startswith(f"arn:aws:sts::{world.sandbox.account}:assumed-role/power-user/")


def test_the_agent_signs_with_the_role_that_it_holds(world: World) -> None:
    """With an MFA session, tokens need no code and no call; `-` is the role before."""
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("power-user", "--shell", "sh").returncode
    world.sandbox.clear_calls()

    done = [
        world.run("token", "eks", "blue", "power-user"),
        world.run("token", "rds", DATABASE, "bob", "-", AWSENV_PREVIOUS="power-user"),
    ]

    assert [(0, "")] * 2 == [(each.returncode, each.stderr) for each in done]
    assert [] == world.actions()


def test_a_token_ends_with_its_keys(aging: World) -> None:
    """The end that kubectl sees is not later than that of the keys, where the agent hands out the rest of a role."""
    words = ("token", "eks", "blue", "power-user")
    assert 0 == aging.run(*words, aging.device.code()).returncode
    aging.sandbox.clock.elapse(50 * 60)

    end = json.loads(aging.run(*words).stdout)["status"]["expirationTimestamp"]

    of_keys = json.loads(aging.run("credential-process", "power-user").stdout)["Expiration"]
    assert instant(of_keys) == instant(end)


@pytest.mark.parametrize(
    ("words", "environ", "region"),
    [
        (("rds", DATABASE), {"AWS_REGION": "us-west-2"}, "eu-west-1"),
        (("rds", DATABASE), {"AWSENV_REGION": "us-west-2"}, "eu-west-1"),
        (("rds", DATABASE, "--region", "eu-west-1"), {}, "eu-west-1"),
        (("rds", GLOBAL), {}, "eu-central-1"),
        (("rds", GLOBAL), {"AWSENV_REGION": "us-west-2"}, "us-west-2"),
        (("rds", GLOBAL, "--region", "us-west-2"), {}, "us-west-2"),
    ],
)
def test_the_region_is_that_of_the_database(
    words: tuple[str, ...], environ: dict[str, str], region: str, shared_world: World
) -> None:
    """The host names it; for a global endpoint it is that of the option, of the variable or of the role."""
    service, address, *options = words
    answer = shared_world.run("token", service, address, "bob", "default", *options, **environ)

    assert (0, "") == (answer.returncode, answer.stderr)
    assert f"%2F{region}%2Frds-db%2Faws4_request" in answer.stdout


@pytest.mark.parametrize(
    ("line", "fact", "step"),
    [
        ("", "which service?", "awsenv token eks CLUSTER ROLE [CODE] | rds HOST:PORT USER ROLE [CODE]"),
        ("123456 eks", "which service?", "awsenv token eks CLUSTER ROLE [CODE]\n"),
        ("s3 bucket role", "there is no service 's3'", "awsenv token eks CLUSTER ROLE [CODE] | rds HOST"),
        ("eks", "which cluster?", "awsenv token eks CLUSTER ROLE [CODE]\n"),
        ("eks blue", "which role?", "awsenv token eks CLUSTER ROLE [CODE]\n"),
        ("rds", "which address?", "awsenv token rds HOST:PORT USER ROLE [CODE]\n"),
        ("rds db:5432", "which user?", "awsenv token rds HOST:PORT USER ROLE [CODE]\n"),
        ("rds db:5432 bob", "which role?", "awsenv token rds HOST:PORT USER ROLE [CODE]\n"),
        ("rds db:5432 bob read-only 123456 more", "unexpected argument after the code: more", "awsenv token rds HOST"),
        ("rds db:5432 bob read-only 12345", "the word after the role is not an MFA code", "awsenv token rds HOST:PORT"),
        ("eks blue 123456", "an MFA code stands in place of the role", "awsenv token eks CLUSTER ROLE [CODE]\n"),
        ("eks blue read-onyl", "there is no profile 'read-onyl'", "awsenv token eks blue read-only\n"),
        ("eks arn:aws:eks:eu-west-1:1:cluster/blue r", "is not the name of a cluster", "the name alone: blue\n"),
        (
            "eks bl.ue read-only",
            "'bl.ue' is not the name of a cluster",
            "awsenv exec read-only -- aws eks list-clusters",
        ),
        ("rds db bob read-only", "'db' has no port", "such as db:5432"),
        ("rds db:0 bob read-only", "'db:0' is not HOST:PORT", "such as mydb."),
        ("rds db:70000 bob read-only", "'db:70000' is not HOST:PORT", "such as mydb."),
        ("rds [::1]:5432 bob read-only", "'[::1]:5432' is not HOST:PORT", "such as mydb."),
        ("rds postgres://db:5432 bob read-only", "'postgres://db:5432' is not HOST:PORT", "such as mydb."),
        (
            f"rds {DATABASE} bob read-only --region us-west-2",
            "and accepts no token for us-west-2",
            "leave --region out",
        ),
        ("rds db.abc.rds.cn-north-1.amazonaws.com.cn:1 bob read-only", "accepts no token of read-only", "awsenv list"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_sent(line: str, fact: str, step: str, shared_world: World) -> None:
    """The error names the fact and the next step, and nothing is printed to stdout."""
    shared_world.sandbox.clear_calls()

    answer = shared_world.run("token", *line.split())

    assert (2, "", []) == (answer.returncode, answer.stdout, shared_world.actions())
    assert fact in answer.stderr
    assert f"  try      {step}" in answer.stderr


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "db.example.com"])
def test_a_host_that_is_no_endpoint_has_a_note(shared_world: World, host: str) -> None:
    """The database would take the token for a wrong password, at the end of a tunnel as behind an alias."""
    answer = shared_world.run("token", "rds", f"{host}:5432", "bob", "default")

    assert 0 == answer.returncode
    assert answer.stdout.startswith(f"{host}:5432/?")
    assert f"a token for its endpoint only, and {host} is not the name of one" in " ".join(answer.stderr.split())


def test_an_empty_user_is_refused(shared_world: World) -> None:
    """An empty variable in place of the user makes no token."""
    answer = shared_world.run("token", "rds", "db:5432", "", "read-only")

    assert (2, "") == (answer.returncode, answer.stdout)
    assert "the user of the database is empty" in answer.stderr


def test_without_a_region_there_is_no_token_of_rds(shared_world: World, tmp_path: Path) -> None:
    """If neither the host nor anything else names a region, the error says what to type."""
    (tmp_path / "config").write_text("")

    answer = shared_world.run("token", "rds", "db:5432", "bob", "default", AWS_CONFIG_FILE=f"{tmp_path}/config")

    assert (2, "") == (answer.returncode, answer.stdout)
    assert "the region of db is not known\n  try      name it: --region REGION" in answer.stderr


def test_a_role_that_is_denied_says_why(shared_world: World) -> None:
    """A refusal of AWS is reported as everywhere."""
    answer = shared_world.run("token", "eks", "blue", f"{shared_world.sandbox.account}/no-such-role")

    assert (5, "") == (answer.returncode, answer.stdout)
    assert "AWS refused" in answer.stderr


def test_a_token_that_clusters_may_refuse_has_a_note(shared_world: World, tmp_path: Path) -> None:
    """The authenticator of EKS says only Unauthorized to a token of more than 4,096 characters."""
    config = tmp_path / "config"
    notes = []
    for length in (2600, 2700):
        key = f"[profile long]\naws_access_key_id = A\naws_secret_access_key = b\naws_session_token = {'x' * length}\n"
        config.write_text(f"{key}region = eu-central-1\n")
        answer = shared_world.run("token", "eks", "blue", "long", AWS_CONFIG_FILE=str(config), **OF_AWS)
        token = json.loads(answer.stdout)["status"]["token"]
        notes.append((len(token) > 4096, f"the token has {len(token)} characters" in answer.stderr))

    assert [(False, False), (True, True)] == notes


def test_a_token_for_another_endpoint_has_a_note(keys_world: World) -> None:
    """The authenticator of EKS knows the endpoints of AWS, and no interface endpoint of a VPC."""
    hosts = ("vpce-1.sts.eu-central-1.vpce.amazonaws.com", "sts.eu-central-1.amazonaws.com")
    done = [
        keys_world.run(
            "token", "eks", "blue", "keys", AWS_ENDPOINT_URL_STS=f"https://{host}", AWS_REGION="eu-central-1"
        )
        for host in hosts
    ]

    assert hosts == tuple(url_of(json.loads(each.stdout)["status"]["token"])[8:].split("/")[0] for each in done)
    assert f"{hosts[0]} is another one" in " ".join(done[0].stderr.split())
    assert "in       AWS_ENDPOINT_URL_STS" in done[0].stderr
    assert "" == done[1].stderr


def test_a_token_goes_to_no_terminal_and_no_file(shared_world: World, tmp_path: Path) -> None:
    """Without --print, the error has the line for kubectl and for a database client: what was typed but the secrets."""
    master, slave = os.openpty()
    shown = subprocess.run(
        [shared_world.program, "token", "eks", "2024", "-", "123456"],
        env={**shared_world.environ, "AWSENV_PREVIOUS": "read-only"},
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        check=False,
    )
    os.close(slave)
    os.close(master)
    options = ["--profile=default", "--external-id", "canary"]
    with (tmp_path / "kept").open("w") as file:
        kept = subprocess.run(
            [shared_world.program, "token", "rds", DATABASE, "bob", "read-only", *options],
            env=shared_world.environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert [2, 2] == [shown.returncode, kept.returncode]
    assert "" == (tmp_path / "kept").read_text()
    assert "the token would have been shown on the terminal\n" in shown.stderr
    assert "in the kubeconfig, as an exec plugin: awsenv token eks 2024 read-only\n" in shown.stderr
    assert "the token would have gone to a file\n" in kept.stderr
    line = f"awsenv token rds {DATABASE} bob read-only --profile=default --external-id -"
    assert f'TOKEN="$({line})" && PGPASSWORD="$TOKEN" psql\n' in kept.stderr
