"""Setup leads from an empty account to roles that can be assumed, however often it is interrupted."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pyotp import TOTP

from awsenv import config
from awsenv.aws.iam import Iam
from awsenv.aws.session import AwsSession
from awsenv.cli.setup_apply import ATTEMPTS, TIMEOUT, Applier
from awsenv.errors import AwsenvError, CodeRejected, ConfigError, Interrupted, MfaError, RefusedError, UnreachableError
from awsenv.iam.trust import trust_policy
from awsenv.sandbox import Fault, Sandbox
from awsenv.setup import KeyDestination, SetupRequest, parse_roles
from awsenv.setup.files import header
from awsenv.setup.plan import Plan, Task, draw_up, user_policy
from awsenv.setup.state import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from awsenv.iam.policy import Document
    from awsenv.model import Credentials, Environ

NAME = "awsenv-alice"
STEP = timedelta(seconds=30)


def create_user(name: str) -> Task:
    """Return the task that creates a user."""
    return Task("", "create_user", {"UserName": name})


def create_key(name: str) -> Task:
    """Return the task that creates an access key."""
    return Task("", "create_access_key", {"UserName": name})


def create_role(name: str, trust: Document) -> Task:
    """Return the task that creates a role."""
    return Task("", "create_role", {"RoleName": name, "AssumeRolePolicyDocument": trust}, in_role_account=True)


class Desk(Applier):
    """A user at a machine: an administrator's keys, the two files, an authenticator app in place of the terminal."""

    def __init__(self, sandbox: Sandbox, role_admin: Iam, request: SetupRequest, environ: Environ) -> None:
        super().__init__(Iam(role_admin.session, sandbox.admin), role_admin, request, environ)
        self.sandbox = sandbox
        self.breaks: str | None = None
        """The method that stops setup when it is next called."""
        self.wrong = 0
        """How many times the typed codes are wrong."""
        self.seeds: list[str] = []
        self.rejections: list[AwsenvError | None] = []
        self.notes: list[str] = []
        self.slept: list[float] = []
        self.on_sleep: Callable[[], object] = bool

    def show_device(self, serial: str, seed: str) -> None:
        """Scan the QR code."""
        assert f"arn:aws:iam::{self.sandbox.account}:mfa/{NAME}" == serial
        self.seeds.append(seed)
        self._break("show_device")

    def ask_codes(self, after: AwsenvError | None) -> tuple[str, str]:
        """Type the code that the app shows, and the next one."""
        self._break("ask_codes")
        self.rejections.append(after)
        if self.wrong:
            self.wrong -= 1
            return "000000", "000000"
        return self.code(), self.code(1)

    def keep_key(self, key: Credentials) -> None:
        """Keep the key, unless the test breaks this method."""
        self._break("keep_key")
        super().keep_key(key)

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Write the profiles, unless the test breaks this method."""
        self._break("write_profiles")
        super().write_profiles(sections)

    def note(self, text: str) -> None:
        """Record the note."""
        self.notes.append(text)

    def sleep(self, seconds: float) -> None:
        """Record the time instead of waiting."""
        self.slept.append(seconds)
        self.on_sleep()

    def code(self, ahead: int = 0) -> str:
        """Return the code that the app shows, or will show."""
        return TOTP(self.seeds[-1]).at(self.sandbox.clock.now() + ahead * STEP)

    def plan(self, request: SetupRequest) -> Plan:
        """Draw up the plan for what is missing."""
        return draw_up(request, read(self.admin, self.role_admin, request), config.read(self.environ))

    def run(self, request: SetupRequest) -> Plan:
        """Draw up the plan for what is missing, and carry it out."""
        self.request = request
        plan = self.plan(request)
        for task in plan.tasks:
            self.carry_out(task)
        return plan

    def assume(self, role: str) -> str:
        """Assume a role as its profile says, with an unused code, and return the ARN of the assumed role."""
        self.sandbox.clock.elapse(60)
        profile = config.read(self.environ).get(role)
        assert profile is not None
        sent = {"RoleArn": "role_arn", "SerialNumber": "mfa_serial", "ExternalId": "external_id"}
        request = {name: value for name, key in sent.items() if (value := profile.value(key)) is not None}
        if "SerialNumber" in request:
            request["TokenCode"] = self.code()
        answer = self.client("sts").assume_role(RoleSessionName="test", **request)
        return str(answer["AssumedRoleUser"]["Arn"])

    def client(self, service: str) -> Any:
        """Return a boto3 client with the key of the source profile, independent of awsenv."""
        source = config.read(self.environ).get(NAME)
        assert source is not None
        return boto3.client(
            service,
            endpoint_url=self.sandbox.url,
            region_name="us-east-1",
            aws_access_key_id=source.value("aws_access_key_id"),
            aws_secret_access_key=source.value("aws_secret_access_key"),
        )

    def keys(self) -> list[str]:
        """Return the access keys that the user has."""
        return [
            key["AccessKeyId"] for key in self.admin.read_all("list_access_keys", "AccessKeyMetadata", UserName=NAME)
        ]

    def _break(self, tool: str) -> None:
        if self.breaks == tool:
            self.breaks = None
            raise Interrupted("Ctrl-C")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a user with an empty account, and with another account for the roles."""
    with Sandbox() as sandbox:
        # No test crosses the end of a code's thirty seconds.
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        environ = {
            **sandbox.environ(),
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        other = f"{secrets.randbelow(9 * 10**11) + 10**11}"
        role_admin = sandbox.create_user("role-admin", policies=["AdministratorAccess"], account=other)
        request = SetupRequest(NAME, sandbox.account, other, parse_roles([]))
        yield Desk(sandbox, Iam(AwsSession(None, environ), role_admin), request, environ)


@pytest.fixture
def single(desk: Desk) -> SetupRequest:
    """Return the request without a ROLE, in one account."""
    account = desk.sandbox.account
    desk.role_admin = desk.admin
    return SetupRequest(NAME, account, account, parse_roles([]), region="eu-central-1")


@pytest.fixture
def across(desk: Desk) -> SetupRequest:
    """Return the same request with the roles in another account."""
    return desk.request


def test_setup_creates_roles_in_an_empty_account(desk: Desk, single: SetupRequest) -> None:
    """Both roles can be assumed, one with a code of the new MFA device, and the user may do nothing else."""
    plan = desk.run(single)
    assert desk.assume("power-user").endswith(":assumed-role/power-user/test")
    assert desk.assume("read-only").endswith(":assumed-role/read-only/test")
    assert 8 == len(plan.tasks)
    for call in (desk.client("iam").list_users, desk.client("s3").list_buckets):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    assert not desk.slept


def test_a_role_with_mfa_and_an_external_id_needs_both(desk: Desk, single: SetupRequest) -> None:
    """AWS refuses the role without a code, and without the external id."""
    desk.run(single)
    desk.sandbox.clock.elapse(60)
    profile = config.read(desk.environ).get("power-user")
    assert profile is not None
    sent = {"RoleArn": profile.value("role_arn"), "RoleSessionName": "test"}
    mfa = {"SerialNumber": profile.value("mfa_serial"), "TokenCode": desk.code()}
    for given in ({"ExternalId": profile.value("external_id")}, mfa, {**mfa, "ExternalId": "guess"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            desk.client("sts").assume_role(**sent, **given)


def test_a_second_run_changes_nothing(desk: Desk, single: SetupRequest) -> None:
    """A second run only reads, and changes neither AWS nor the files."""
    desk.run(single)
    before = {name: Path(desk.environ[name]).read_bytes() for name in desk.environ if name.endswith("_FILE")}
    desk.sandbox.clear_calls()
    assert Plan(()) == desk.run(single)
    assert all(call.action.startswith(("Get", "List")) for call in desk.sandbox.calls)
    assert before == {name: Path(desk.environ[name]).read_bytes() for name in before}


def test_a_second_run_adds_a_role(desk: Desk, single: SetupRequest) -> None:
    """A second run keeps the user, the device and the key."""
    desk.run(single)
    plan = desk.run(replace(single, roles=parse_roles(["power-user", "deploy:PowerUserAccess,mfa"])))
    assert ["create_role", "attach_role_policy", "write_profiles"] == plan.actions
    assert desk.assume("deploy").endswith(":assumed-role/deploy/test")
    assert desk.assume("power-user").endswith(":assumed-role/power-user/test")


def test_roles_can_be_in_another_account(desk: Desk, across: SetupRequest) -> None:
    """The user's policy allows the roles there, and is extended if a role is added."""
    desk.run(across)
    for role in ("power-user", "read-only"):
        assert desk.assume(role) == f"arn:aws:sts::{across.role_account}:assumed-role/{role}/test"
    assert Plan(()) == desk.run(across)
    more = replace(across, roles=parse_roles(["deploy:ReadOnlyAccess"]))
    assert ["put_user_policy", "create_role", "attach_role_policy", "write_profiles"] == desk.run(more).actions
    assert desk.assume("deploy").endswith("/deploy/test")
    assert desk.assume("read-only").endswith("/read-only/test")
    assert Plan(()) == desk.run(across)


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        *product(
            [
                "CreateUser",
                "CreateVirtualMFADevice",
                "EnableMFADevice",
                "PutUserPolicy",
                "CreateRole",
                "AttachRolePolicy",
                "CreateAccessKey",
            ],
            [Fault.DROP, Fault.DROP_AFTER],
        ),
        # Half of a response is a lost one; only this one holds a secret.
        ("CreateAccessKey", Fault.TRUNCATED),
        # If an action has no output, botocore accepts any page as the response.
        *product(["EnableMFADevice", "AttachRolePolicy", "PutUserPolicy"], [Fault.HTML]),
    ],
)
def test_a_second_run_completes_a_lost_change(desk: Desk, across: SetupRequest, action: str, fault: Fault) -> None:
    """Setup sends each change once; a second run creates nothing twice, whether AWS received the lost one or not."""
    desk.sandbox.fail(action, fault)
    with pytest.raises(UnreachableError) as caught:
        desk.run(across)
    assert 1 == sum(call.action == action for call in desk.sandbox.calls)
    assert "Secret" not in str(caught.value)
    assert desk.run(across).tasks
    assert Plan(()) == desk.run(across)
    assert 1 == len(desk.keys())
    for role in ("power-user", "read-only"):
        assert desk.assume(role).endswith(f"/{role}/test")


@pytest.mark.parametrize("tool", ["show_device", "ask_codes", "keep_key", "write_profiles"])
def test_a_second_run_completes_an_interrupted_one(desk: Desk, single: SetupRequest, tool: str) -> None:
    """After Ctrl-C at any prompt or write, a second run uses the existing parts or creates them again."""
    desk.breaks = tool
    with pytest.raises(Interrupted):
        desk.run(single)
    assert desk.run(single).tasks
    assert Plan(()) == desk.run(single)
    assert 1 == len(desk.keys())
    assert desk.assume("power-user").endswith("/power-user/test")


def test_a_key_that_cannot_be_kept_is_deleted_at_once(desk: Desk, single: SetupRequest) -> None:
    """Setup deletes a key whose secret it cannot keep, and a note names that key."""
    desk.breaks = "keep_key"
    with pytest.raises(Interrupted):
        desk.run(single)
    assert [] == desk.keys()
    (note,) = desk.notes
    assert re.fullmatch(r"the new access key AKIA\w+ could not be kept: it is deleted again", note)


def test_a_key_that_iam_does_not_know_yet_is_deleted_later(desk: Desk) -> None:
    """The deletion is repeated, since IAM may answer NoSuchEntity for a key that it has just created."""
    desk.carry_out(create_user(NAME))
    desk.breaks = "keep_key"
    desk.sandbox.fail("DeleteAccessKey", Fault.NOT_KNOWN_YET, times=2)
    with pytest.raises(Interrupted):
        desk.carry_out(create_key(NAME))
    assert [1, 2] == desk.slept
    assert [] == desk.keys()


def test_a_key_that_can_be_neither_kept_nor_deleted_is_named(desk: Desk, single: SetupRequest) -> None:
    """If setup can neither keep nor delete a key, it shows the command for that; the next run deletes the key."""
    desk.breaks = "keep_key"
    desk.sandbox.fail("DeleteAccessKey", Fault.DROP, times=9)
    with pytest.raises(Interrupted):
        desk.run(single)
    (key,) = desk.keys()
    start = f"the new access key {key} of the user {NAME} may be active, and its secret is lost ("
    assert desk.notes[0].startswith(start)
    assert f"delete it: aws iam delete-access-key --user-name {NAME} --access-key-id {key}" == desk.notes[1]
    assert {"delete_access_key", "create_access_key"} < set(desk.plan(single).actions)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.TRUNCATED, Fault.HTML])
def test_a_deletion_whose_response_is_lost_is_repeated(desk: Desk, fault: Fault) -> None:
    """After a lost response setup deletes the key again, and does not report a deleted key as active."""
    desk.carry_out(create_user(NAME))
    desk.breaks = "keep_key"
    desk.sandbox.fail("DeleteAccessKey", fault)
    with pytest.raises(Interrupted):
        desk.carry_out(create_key(NAME))
    assert ([], []) == (desk.keys(), desk.slept)
    (note,) = desk.notes
    assert note.endswith(" could not be kept: it is deleted again")


def test_a_key_is_reported_as_active_if_aws_refuses_its_deletion(desk: Desk) -> None:
    """If AWS refuses the deletion of a key, setup reports that the key is active."""
    desk.carry_out(create_user(NAME))
    desk.breaks = "keep_key"
    deny = {"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    desk.admin.change("put_user_policy", UserName="sandbox-admin", PolicyName="no-deletion", PolicyDocument=policy)
    with pytest.raises(Interrupted):
        desk.carry_out(create_key(NAME))
    (key,) = desk.keys()
    assert desk.notes[0].startswith(f"the new access key {key} of the user {NAME} is active, and its secret is lost (")


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.TRUNCATED, Fault.EMPTY])
def test_a_key_whose_response_is_lost_is_noted(desk: Desk, fault: Fault) -> None:
    """If the response to CreateAccessKey is lost, a note says that AWS may have created a key."""
    desk.carry_out(create_user(NAME))
    desk.sandbox.fail("CreateAccessKey", fault)
    with pytest.raises(UnreachableError):
        desk.carry_out(create_key(NAME))
    assert [
        f"AWS may have created an access key of the user {NAME} whose secret is lost",
        "run awsenv setup again: it finds the key and deletes it",
    ] == desk.notes


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER])
def test_a_lost_deletion_is_repeated_by_a_third_run(desk: Desk, single: SetupRequest, fault: Fault) -> None:
    """A third run completes what the second could not."""
    desk.breaks = "ask_codes"
    with pytest.raises(Interrupted):
        desk.run(single)
    desk.sandbox.fail("DeleteVirtualMFADevice", fault)
    with pytest.raises(UnreachableError):
        desk.run(single)
    desk.run(single)
    assert Plan(()) == desk.run(single)
    assert 1 == len(desk.keys())
    assert desk.assume("power-user").endswith("/power-user/test")


def detach(desk: Desk) -> None:
    """Detach the policy from a role."""
    policy = "arn:aws:iam::aws:policy/PowerUserAccess"
    desk.admin.change("detach_role_policy", RoleName="power-user", PolicyArn=policy)


def delete_role(desk: Desk) -> None:
    """Delete a role."""
    detach(desk)
    desk.admin.change("delete_role", RoleName="power-user")


def deactivate(desk: Desk) -> None:
    """Take the device from the user, as after the loss of a phone."""
    serial = f"arn:aws:iam::{desk.sandbox.account}:mfa/{NAME}"
    desk.admin.change("deactivate_mfa_device", UserName=NAME, SerialNumber=serial)


def lose_key(desk: Desk) -> None:
    """Delete the key in IAM and its section in the file."""
    desk.admin.change("delete_access_key", UserName=NAME, AccessKeyId=desk.keys()[0])
    Path(desk.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text("")


def forget_external_id(desk: Desk) -> None:
    """Delete the external id from a profile."""
    path = Path(desk.environ["AWS_CONFIG_FILE"])
    path.write_text(
        "".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("external_id"))
    )


def lose_both_files(desk: Desk) -> None:
    """Delete both files, as if on another machine."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        Path(desk.environ[name]).unlink()


@pytest.mark.parametrize(
    ("take_away", "actions"),
    [
        (detach, ["attach_role_policy"]),
        (delete_role, ["create_role", "attach_role_policy"]),
        (deactivate, ["delete_virtual_mfa_device", "create_virtual_mfa_device"]),
        (lose_key, ["create_access_key"]),
        (forget_external_id, ["write_profiles"]),
        (lose_both_files, ["delete_access_key", "create_access_key", "write_profiles"]),
    ],
)
def test_a_second_run_creates_what_is_missing(
    desk: Desk, single: SetupRequest, take_away: Callable[[Desk], None], actions: list[str]
) -> None:
    """It creates nothing else."""
    desk.run(single)
    take_away(desk)
    assert actions == desk.run(single).actions
    assert Plan(()) == desk.run(single)
    for role in ("power-user", "read-only"):
        assert desk.assume(role).endswith(f"/{role}/test")


def test_a_role_whose_user_was_deleted_is_refused(desk: Desk, single: SetupRequest) -> None:
    """Setup refuses a role that trusts a deleted user before it creates another user of that name."""
    desk.run(single)
    deactivate(desk)
    desk.admin.change("delete_access_key", UserName=NAME, AccessKeyId=desk.keys()[0])
    desk.admin.change("delete_user", UserName=NAME)
    desk.sandbox.clear_calls()
    Path(desk.environ["AWS_SHARED_CREDENTIALS_FILE"]).unlink()
    with pytest.raises(ConfigError, match="left of a deleted user"):
        desk.run(single)
    assert all(call.action.startswith(("Get", "List")) for call in desk.sandbox.calls)


def test_a_lost_key_is_deleted_and_a_used_one_stays(desk: Desk, single: SetupRequest) -> None:
    """Setup deletes a lost key that was never used, and keeps a used one, on which another machine may depend."""
    desk.run(single)
    first = desk.keys()
    assert desk.assume("read-only")
    Path(desk.environ["AWS_SHARED_CREDENTIALS_FILE"]).unlink()
    plan = desk.run(single)
    assert ["create_access_key"] == plan.actions
    assert f"the access key {first[0]}" in plan.notes[0]
    assert set(first) < set(desk.keys())
    # The second key has not been used: its secret is lost with the files.
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        Path(desk.environ[name]).unlink()
    assert ["delete_access_key", "create_access_key"] == desk.run(single).actions[:2]
    assert 2 == len(desk.keys())
    assert set(first) < set(desk.keys())


def test_a_key_that_is_printed_is_printed_once(
    desk: Desk, single: SetupRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    """Setup creates another key only if the first run ended before it printed one."""
    printed = replace(single, key_destination=KeyDestination.STDOUT)
    desk.sandbox.fail("CreateAccessKey", Fault.DROP_AFTER)
    with pytest.raises(UnreachableError):
        desk.run(printed)
    assert {"delete_access_key", "create_access_key"} < set(desk.run(printed).actions)
    assert f"[{NAME}]\naws_access_key_id = {desk.keys()[0]}\naws_secret_access_key = " in capfd.readouterr().out
    assert not Path(desk.environ["AWS_SHARED_CREDENTIALS_FILE"]).exists()
    assert (Plan(()), "") == (desk.run(printed), capfd.readouterr().out)


def test_wrong_codes_are_entered_again(desk: Desk, single: SetupRequest) -> None:
    """The prompt says each time why AWS rejected the codes."""
    desk.wrong = ATTEMPTS - 1
    desk.run(single)
    assert [type(None), CodeRejected, CodeRejected] == [type(after) for after in desk.rejections]
    assert Plan(()) == desk.run(single)


def test_setup_fails_after_three_wrong_attempts(desk: Desk, single: SetupRequest) -> None:
    """The next run replaces the MFA device, since the key of the old one cannot be shown again."""
    desk.wrong = ATTEMPTS
    with pytest.raises(MfaError) as caught:
        desk.run(single)
    assert not isinstance(caught.value, CodeRejected)
    assert "awsenv setup again" in str(caught.value.hints)
    assert ["delete_virtual_mfa_device", "create_virtual_mfa_device"] == desk.run(single).actions[:2]
    assert 2 == len(set(desk.seeds))
    assert desk.assume("power-user").endswith("/power-user/test")


def test_setup_waits_until_iam_knows_a_user(desk: Desk, single: SetupRequest) -> None:
    """AWS answers CreateRole with MalformedPolicyDocument until it knows the new user everywhere."""
    trust = trust_policy(single.user_arn, mfa=False)
    desk.on_sleep = lambda: desk.admin.change("create_user", UserName=NAME) if len(desk.slept) == 3 else None
    desk.carry_out(create_role("deploy", trust))
    assert [1, 2, 4] == desk.slept
    assert "deploy" == desk.admin.read("get_role", RoleName="deploy")["Role"]["RoleName"]


def test_setup_waits_a_minute_for_a_user(desk: Desk, single: SetupRequest) -> None:
    """After that, the error is AWS's last one."""
    with pytest.raises(RefusedError) as caught:
        desk.carry_out(create_role("deploy", trust_policy(single.user_arn, mfa=False)))
    assert "MalformedPolicyDocument" == caught.value.code
    assert "awsenv setup again" in str(caught.value.hints)
    assert TIMEOUT == sum(desk.slept)


def test_setup_waits_until_iam_knows_a_role(desk: Desk, single: SetupRequest) -> None:
    """A policy is attached to a role that was created a moment ago."""
    desk.carry_out(create_user(NAME))
    trust = trust_policy(single.user_arn, mfa=False)
    desk.on_sleep = lambda: desk.carry_out(create_role("deploy", trust))
    policy = {"RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    desk.carry_out(Task("", "attach_role_policy", policy, in_role_account=True))
    assert [1] == desk.slept


def test_setup_does_not_wait_for_a_malformed_policy(desk: Desk, single: SetupRequest) -> None:
    """It would stay malformed."""
    desk.carry_out(create_user(single.user))
    policy = {"UserName": NAME, "PolicyName": "assume-roles", "PolicyDocument": user_policy(["no ARN"])}
    with pytest.raises(RefusedError) as caught:
        desk.carry_out(Task("", "put_user_policy", policy))
    assert "MalformedPolicyDocument" == caught.value.code
    assert not desk.slept


def test_aws_refuses_a_third_key(desk: Desk) -> None:
    """If the user already has two keys, setup reports the refusal of AWS and does not retry."""
    desk.carry_out(create_user(NAME))
    for _ in range(2):
        desk.admin.change("create_access_key", UserName=NAME)
    with pytest.raises(RefusedError) as caught:
        desk.carry_out(create_key(NAME))
    assert "LimitExceeded" == caught.value.code
    assert not desk.slept


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("delete_access_key", {"UserName": NAME, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        ("delete_virtual_mfa_device", {"SerialNumber": "arn:aws:iam::123456789012:mfa/x"}),
    ],
)
def test_a_deletion_of_what_is_gone_succeeds(desk: Desk, action: str, parameters: dict[str, str]) -> None:
    """Somebody else may have deleted it."""
    desk.carry_out(create_user(NAME))
    desk.carry_out(Task("", action, parameters))
    assert not desk.slept


def test_a_response_without_a_key_is_not_from_aws(desk: Desk) -> None:
    """A captive portal may answer anything, with status 200."""
    desk.carry_out(create_user(NAME))
    desk.sandbox.fail("CreateAccessKey", Fault.EMPTY)
    with pytest.raises(UnreachableError, match="sent a response that is not from AWS"):
        desk.carry_out(create_key(NAME))
    assert not os.path.exists(desk.environ["AWS_SHARED_CREDENTIALS_FILE"])  # noqa: PTH110 - in one look


def test_setup_writes_the_files_that_awsenv_reads(desk: Desk, single: SetupRequest) -> None:
    """The key is in the credentials file, which only its owner can read, and the rest is in the config file."""
    desk.run(single)
    profiles = config.read(desk.environ)
    assert ("power-user", "read-only", NAME) == profiles.names
    assert "profile power-user" == header(profiles, "power-user")
    assert 0o600 == Path(desk.environ["AWS_SHARED_CREDENTIALS_FILE"]).stat().st_mode & 0o777
