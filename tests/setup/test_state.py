"""The existing parts of a set-up, as IAM reports them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pyotp import TOTP

from awsenv.aws.iam import Iam
from awsenv.aws.session import AwsSession
from awsenv.errors import ConfigError, RefusedError, UnreachableError
from awsenv.iam.trust import trust_policy
from awsenv.sandbox import Fault, Sandbox
from awsenv.setup import SetupRequest, parse_roles
from awsenv.setup.plan import user_policy
from awsenv.setup.state import Role, State, User, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.iam.policy import Document
    from awsenv.model import Credentials

NAME = "awsenv-alice"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return an account that has only an administrator."""
    with Sandbox() as sandbox:
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        yield sandbox


def iam(sandbox: Sandbox, signer: Credentials) -> Iam:
    """Return the IAM of the sandbox."""
    return Iam(AwsSession(None, sandbox.environ()), signer)


@pytest.fixture
def admin(sandbox: Sandbox) -> Iam:
    """Return IAM as the administrator."""
    return iam(sandbox, sandbox.admin)


def request(sandbox: Sandbox, *words: str) -> SetupRequest:
    """Return a request with these roles."""
    return SetupRequest(NAME, sandbox.account, sandbox.account, parse_roles(words))


def read_state(sandbox: Sandbox, admin: Iam, *words: str) -> State:
    """Read the state of a set-up with these roles."""
    return read(admin, admin, request(sandbox, *words))


def user_of(state: State) -> User:
    """Return the user, which exists."""
    assert state.user is not None
    return state.user


def actions(sandbox: Sandbox) -> list[str]:
    """Return the actions that were called."""
    return [call.action for call in sandbox.calls]


def test_an_empty_account_takes_few_calls(sandbox: Sandbox, admin: Iam) -> None:
    """There is one call for each missing thing, and one for each policy to attach."""
    assert State() == read_state(sandbox, admin)
    assert ["GetUser", "ListVirtualMFADevices", "GetRole", "GetRole", "GetPolicy", "GetPolicy"] == actions(sandbox)


def test_without_a_role_with_mfa_no_device_is_read(sandbox: Sandbox, admin: Iam) -> None:
    """An account may have thousands of devices."""
    read_state(sandbox, admin, "read-only:ReadOnlyAccess")
    assert "ListVirtualMFADevices" not in actions(sandbox)


def test_the_user_and_its_keys_are_read(sandbox: Sandbox, admin: Iam) -> None:
    """The state contains the user's ARN and keys, and whether each key was ever used."""
    key = sandbox.create_user(NAME)
    user = user_of(read_state(sandbox, admin))
    assert (key.arn, (), (), ()) == (user.arn, user.permissions, user.allowed, user.devices)
    assert [(key.access_key_id, True, False)] == [(each.key_id, each.active, each.used) for each in user.keys]


def test_used_and_deactivated_keys_are_told_apart(sandbox: Sandbox, admin: Iam) -> None:
    """A key counts as used even if AWS refused the call; a deactivated key counts as inactive."""
    key = sandbox.create_user(NAME)
    with pytest.raises(RefusedError):
        iam(sandbox, key).read("get_user")
    second = admin.change("create_access_key", UserName=NAME)["AccessKey"]["AccessKeyId"]
    admin.change("update_access_key", UserName=NAME, AccessKeyId=second, Status="Inactive")
    keys = {each.key_id: (each.active, each.used) for each in user_of(read_state(sandbox, admin)).keys}
    assert {key.access_key_id: (True, True), second: (False, False)} == keys
    assert "canary" not in repr(keys)


def test_what_gives_a_user_further_permissions_is_named(sandbox: Sandbox, admin: Iam) -> None:
    """These are policies, groups and a password."""
    sandbox.create_user(NAME, policies=["ReadOnlyAccess"])
    admin.change("create_login_profile", UserName=NAME, Password="canary-Passw0rd")
    admin.change("create_group", GroupName="admins")
    admin.change("add_user_to_group", GroupName="admins", UserName=NAME)
    policy = user_policy(["arn:aws:iam::210987654321:role/deploy"])
    for name in ("s3", "assume-roles"):
        admin.change("put_user_policy", UserName=NAME, PolicyName=name, PolicyDocument=json.dumps(policy))
    user = user_of(read_state(sandbox, admin))
    assert (
        "a console password",
        "the group 'admins'",
        "the policy 'ReadOnlyAccess'",
        "the policy 's3'",
    ) == user.permissions
    assert ("arn:aws:iam::210987654321:role/deploy",) == user.allowed


@pytest.mark.parametrize(
    "document",
    [
        user_policy(["*"]),
        user_policy(["arn:aws:iam::210987654321:role/*"]),
        user_policy(["arn:aws:iam::210987654321:user/bob"]),
        {"Version": "2012-10-17", "Statement": [*user_policy(["*"])["Statement"]] * 2},
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]},
    ],
)
def test_a_policy_assume_roles_of_other_origin_is_a_permission(
    sandbox: Sandbox, admin: Iam, document: Document
) -> None:
    """A policy `assume-roles` that allows more than roles by their names is a permission: setup did not write it."""
    sandbox.create_user(NAME)
    text = json.dumps(document)
    admin.change("put_user_policy", UserName=NAME, PolicyName="assume-roles", PolicyDocument=text)
    user = user_of(read_state(sandbox, admin))
    assert (("the policy 'assume-roles'",), ()) == (user.permissions, user.allowed)


def test_the_devices_of_the_user_are_read(sandbox: Sandbox, admin: Iam) -> None:
    """The state contains the user's devices, whatever their names; setup then lists no other devices."""
    sandbox.create_user(NAME)
    made = admin.change("create_virtual_mfa_device", VirtualMFADeviceName="phone")["VirtualMFADevice"]
    codes = TOTP(made["Base32StringSeed"].decode())
    now = int(sandbox.clock.now().timestamp())
    admin.change(
        "enable_mfa_device",
        UserName=NAME,
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1=codes.at(now),
        AuthenticationCode2=codes.at(now + 30),
    )
    state = read_state(sandbox, admin)
    assert (made["SerialNumber"],) == user_of(state).devices
    assert not state.has_lost_device
    assert "ListVirtualMFADevices" not in actions(sandbox)


def test_an_unassigned_device_of_the_name_is_found(sandbox: Sandbox, admin: Iam) -> None:
    """An unassigned device with the name of the user is left by a killed run."""
    admin.change("create_virtual_mfa_device", VirtualMFADeviceName=f"{NAME}-2")
    assert not read_state(sandbox, admin).has_lost_device
    admin.change("create_virtual_mfa_device", VirtualMFADeviceName=NAME)
    assert read_state(sandbox, admin).has_lost_device


def test_a_device_of_another_user_is_refused(sandbox: Sandbox, admin: Iam) -> None:
    """If another user has the device of that name, the error names that user."""
    bob = sandbox.create_user("bob")
    made = admin.change("create_virtual_mfa_device", VirtualMFADeviceName=NAME)["VirtualMFADevice"]
    codes = TOTP(made["Base32StringSeed"].decode())
    now = int(sandbox.clock.now().timestamp())
    admin.change(
        "enable_mfa_device",
        UserName="bob",
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1=codes.at(now),
        AuthenticationCode2=codes.at(now + 30),
    )
    with pytest.raises(ConfigError) as caught:
        read_state(sandbox, admin)
    assert f"the MFA device '{made['SerialNumber']}' belongs to {bob.arn}" == caught.value.fact
    assert "--user" in str(caught.value.hints)


def test_a_role_is_read_with_its_trust_policy(sandbox: Sandbox, admin: Iam) -> None:
    """The state contains the role's own ARN and trust policy, and its repr shows no external id."""
    user = sandbox.create_user(NAME)
    trust = trust_policy(str(user.arn), mfa=True, external_id="canary-external-id")
    arn = sandbox.create_role("read-only", trust, policies=["ReadOnlyAccess"], path="/team/")
    state = read_state(sandbox, admin)
    assert {"read-only": Role(arn, trust, frozenset({READ_ONLY}))} == state.roles
    assert "canary" not in repr(state)


def test_only_policies_to_attach_are_looked_up(sandbox: Sandbox, admin: Iam) -> None:
    """Setup does not look up a policy that the role already has."""
    user = sandbox.create_user(NAME)
    sandbox.create_role("read-only", trust_policy(str(user.arn), mfa=False), policies=["ReadOnlyAccess"])
    read_state(sandbox, admin, "read-only:ReadOnlyAccess")
    assert "GetPolicy" not in actions(sandbox)


def test_a_policy_that_does_not_exist_is_refused(sandbox: Sandbox, admin: Iam) -> None:
    """A mistyped name, such as `ReadonlyAccess`, is found before anything is created."""
    with pytest.raises(ConfigError) as caught:
        read_state(sandbox, admin, "power-user", "a:ReadonlyAccess,mfa")
    assert "arn:aws:iam::aws:policy/ReadonlyAccess" in caught.value.fact
    assert "ROLE 'a'" == caught.value.where
    assert caught.value.hints


def test_roles_are_read_in_their_own_account(sandbox: Sandbox, admin: Iam) -> None:
    """The user is read in the other account."""
    other = "444455556666"
    role_admin = sandbox.create_user("role-admin", policies=["AdministratorAccess"], account=other)
    user = sandbox.create_user(NAME)
    trust = trust_policy(str(user.arn), mfa=False)
    arn = sandbox.create_role("read-only", trust, account=other)
    sandbox.create_role("power-user", trust)
    state = read(admin, iam(sandbox, role_admin), SetupRequest(NAME, sandbox.account, other, parse_roles([])))
    assert user.arn == user_of(state).arn
    assert {"read-only": Role(arn, trust)} == state.roles


def test_a_caller_without_permission_is_refused(sandbox: Sandbox) -> None:
    """Without permission to read IAM, setup fails with the refusal of AWS."""
    poor = sandbox.create_user("poor")
    with pytest.raises(RefusedError) as caught:
        read_state(sandbox, iam(sandbox, poor))
    assert "AccessDenied" == caught.value.code


@pytest.mark.parametrize("action", ["GetUser", "GetAccessKeyLastUsed", "GetRole", "GetUserPolicy"])
@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.HTML, Fault.TRUNCATED])
def test_a_response_that_is_not_from_aws_is_refused(sandbox: Sandbox, admin: Iam, action: str, fault: Fault) -> None:
    """Setup would create what exists already."""
    user = sandbox.create_user(NAME)
    document = json.dumps(user_policy(["arn:aws:iam::210987654321:role/deploy"]))
    admin.change("put_user_policy", UserName=NAME, PolicyName="assume-roles", PolicyDocument=document)
    sandbox.create_role("read-only", trust_policy(str(user.arn), mfa=False))
    sandbox.fail(action, fault, times=9)
    with pytest.raises(UnreachableError) as caught:
        read_state(sandbox, admin)
    assert caught.value.hints
