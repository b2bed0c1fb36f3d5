"""`awsenv.session`: a session of boto3 with the role, the settings of its profile, and credentials that are renewed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import awsenv
from awsenv.aws import boto
from awsenv.errors import MfaError, RefusedError
from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World


def _caller(session: boto.Session) -> str:
    arn: str = session.client("sts").get_caller_identity()["Arn"]
    return arn


def test_a_client_has_the_role(world: World) -> None:
    """Clients and resources of the session act as the role, in its region, whatever the process has around them."""
    session = awsenv.session("power-user", code=world.device.code(), environ=world.environ)

    assert f"arn:aws:sts::{world.sandbox.account}:assumed-role/power-user/" in _caller(session)
    assert ("eu-central-1", "power-user") == (session.region_name, session.profile_name)
    session.client("s3", region_name="us-east-1").create_bucket(Bucket="awsenv-of-a-session")
    assert ["awsenv-of-a-session"] == [bucket.name for bucket in session.resource("s3").buckets.all()]
    assert "awsenv" == session.get_credentials().method


def test_the_settings_are_those_of_the_profile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile of the role counts, whole; a role that is active in the process and its settings do not."""
    world.configure(
        f"[profile local]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\nsource_profile = default\n"
        "region = eu-west-2\nretry_mode = adaptive\nmax_attempts = 7\nservices = mine\n"
        "s3 =\n  addressing_style = path\n"
        "[services mine]\ncloudwatch_logs =\n  endpoint_url = http://127.0.0.1:9/logs\n"
        f"sts =\n  endpoint_url = {world.sandbox.url}\n"
    )
    environ = {name: value for name, value in world.environ.items() if name != "AWS_ENDPOINT_URL"}
    for name, value in awsenv.environment("read-only", environ=world.environ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9/other")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    session = awsenv.session("local", environ=environ)
    logs, s3 = session.client("logs"), session.client("s3")

    assert ("http://127.0.0.1:9/logs", "eu-west-2") == (logs.meta.endpoint_url, logs.meta.region_name)
    assert ("adaptive", 7) == (logs.meta.config.retries["mode"], logs.meta.config.retries["total_max_attempts"])
    assert ("path", "https://s3.eu-west-2.amazonaws.com") == (
        s3.meta.config.s3["addressing_style"],
        s3.meta.endpoint_url,
    )
    assert "http://127.0.0.1:9/mine" == session.client("logs", endpoint_url="http://127.0.0.1:9/mine").meta.endpoint_url
    assert ":assumed-role/read-only/" in _caller(session)


def test_a_role_without_a_profile_has_the_settings_of_default(world: World) -> None:
    """What boto3 does in the environment of such a role, the session does."""
    config = f"[default]\nregion = eu-west-3\nendpoint_url = {world.sandbox.url}\nretry_mode = adaptive\n"
    environ = {name: value for name, value in world.environ.items() if name != "AWS_ENDPOINT_URL"}
    path = f"{world.environ['HOME']}/config"
    with open(path, "w") as file:  # noqa: PTH123 - a line
        file.write(config)
    session = awsenv.session(f"{world.sandbox.account}/read-only", environ=environ | {"AWS_CONFIG_FILE": path})

    assert ":assumed-role/read-only/" in _caller(session)
    assert ("eu-west-3", "default") == (session.region_name, session.profile_name)
    assert "adaptive" == session.client("sts").meta.config.retries["mode"]


def test_credentials_are_renewed(aging: World) -> None:
    """In its last fifteen minutes the agent renews the role by the MFA session, once for all threads."""
    how: dict[str, Any] = {"environ": aging.environ}
    environ = awsenv.environment("power-user", code=aging.device.code(), **how)
    session = boto.session(environ, partial(awsenv.credentials, "power-user", **how), aging.sandbox.clock.now)
    before = session.get_credentials().get_frozen_credentials()
    aging.sandbox.clock.elapse(44 * 60)
    assert before == session.get_credentials().get_frozen_credentials()
    aging.sandbox.clock.elapse(8 * 60)
    aging.sandbox.clear_calls()
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: session.get_credentials().get_frozen_credentials().access_key, range(8)))

    assert (1, ["AssumeRole"]) == (len(keys), aging.actions())
    assert before.access_key not in keys
    assert ":assumed-role/power-user/" in _caller(session)


def test_a_renewal_that_fails_raises_our_error(aging: World) -> None:
    """A call of AWS raises the error of the request: a role that is refused, and a code that is needed again."""
    how: dict[str, Any] = {"environ": aging.environ}
    environ = awsenv.environment("read-only", **how)
    session = boto.session(environ, partial(awsenv.credentials, "read-only", **how), aging.sandbox.clock.now)
    client = session.client("sts")
    aging.sandbox.clock.elapse(61 * 60)
    aging.sandbox.fail("AssumeRole", ServiceError("AccessDenied", "not authorized", 403))
    with pytest.raises(RefusedError) as refused:
        client.get_caller_identity()
    assert "AccessDenied" == refused.value.code
    assert ":assumed-role/read-only/" in client.get_caller_identity()["Arn"]


def test_a_code_serves_once(world: World) -> None:
    """When the MFA session is gone, a code that was passed is not sent again, and a function is asked again."""
    session = awsenv.session("power-user", code=world.device.code(), environ=world.environ)
    asked: list[str] = []

    def code(question: str) -> str:
        asked.append(question)
        return world.device.code()

    world.sandbox.clock.elapse(30)
    other = awsenv.session("power-user", code=code, confirm=lambda _: True, environ=world.environ)
    awsenv.forget()
    world.sandbox.clock.elapse(30)
    world.sandbox.clear_calls()
    with pytest.raises(MfaError, match="an MFA code of alice"):
        _renew(session)
    assert ([], []) == (asked, world.actions())
    _renew(other)
    assert (1, ["GetSessionToken", "AssumeRole"]) == (len(asked), world.actions())


@pytest.mark.parametrize("has_agent", [True, False], ids=["agent", "no agent"])
def test_files_are_found_from_another_folder(
    world: World,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    has_agent: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    """A service may leave the folder that it was started in: its sessions are renewed from the same files."""
    allowed = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}'
    (tmp_path / "policy.json").write_text(allowed)
    (tmp_path / "config").write_text((Path(world.environ["HOME"]) / ".aws" / "config").read_text())
    monkeypatch.chdir(tmp_path)
    with agent_in(world.environ) if has_agent else nullcontext():
        environ = {**world.environ, "AWS_CONFIG_FILE": "config"}
        session = awsenv.session("read-only", policy="file://policy.json", environ=environ)
        monkeypatch.chdir("/")
        world.sandbox.clear_calls()
        awsenv.forget()
        _renew(session)

    # The agent knows the request again, and holds its role.
    sent = [call.parameters["Policy"] for call in world.sandbox.calls if call.action == "AssumeRole"]
    assert ([] if has_agent else [allowed]) == sent


def test_an_agent_that_starts_later_takes_no_session_away(
    world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """What the process holds renews its sessions, even those of a protected role, where an agent lacks a code."""
    world.configure(
        f"awsenv_protected = true\n[profile mine]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/power-user\n"
        f"source_profile = default\nmfa_serial = {world.device.serial}\nexternal_id = {world.external_id}\n"
        "awsenv_protected = true\n"
    )
    how: dict[str, Any] = {"confirm": lambda _: True, "environ": world.environ}
    session = awsenv.session("mine", code=world.device.code(), **how)
    with agent_in(world.environ):
        _renew(session)
        awsenv.credentials("mine", **how)
        assert ["GetSessionToken", "AssumeRole"] == world.actions()
        awsenv.forget()
        with pytest.raises(MfaError):
            awsenv.credentials("mine", **how)


def _renew(session: boto.Session) -> None:
    """Renew the credentials as botocore does when they end."""
    session.get_credentials()._refresh_using()  # noqa: SLF001 - no hour passes in a test


def test_keys_that_never_end_are_not_renewed(world: World) -> None:
    """A source is a role like another: its keys have no end."""
    session = awsenv.session("default", environ=world.environ)

    assert world.user_arn == _caller(session)
    assert session.get_credentials().token is None
