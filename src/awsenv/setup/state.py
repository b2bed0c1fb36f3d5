"""What exists of a set-up in IAM, asked in as few calls as it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awsenv.errors import ConfigError, RefusedError, UnreachableError
from awsenv.iam.device import serials, showing_codes
from awsenv.origin import Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from awsenv.aws.iam import Iam
    from awsenv.iam.policy import Document
    from awsenv.setup.request import RoleSpec, SetupRequest

USER_POLICY = "assume-roles"
"""The name of the one inline policy that the user may have."""


@dataclass(frozen=True, slots=True)
class Key:
    """An access key of the user."""

    key_id: str
    active: bool
    used: bool
    """Whether it was ever used, as far as IAM knows: it learns of that with a delay."""
    created: datetime


@dataclass(frozen=True, slots=True)
class User:
    """The user, which exists."""

    arn: str
    has_password: bool = False
    groups: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    """The names of its inline policies."""
    attached: tuple[str, ...] = ()
    """The names of its managed policies."""
    policy: Document | None = None
    """Its inline policy `assume-roles`."""
    keys: tuple[Key, ...] = ()
    devices: tuple[str, ...] = ()
    """The serial numbers of its enabled MFA devices that show codes."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role that exists."""

    arn: str
    trust: Document = field(repr=False)
    policies: frozenset[str] = frozenset()
    """The ARNs of its managed policies."""


@dataclass(frozen=True, slots=True)
class Device:
    """A virtual MFA device with the user's name that is not the user's."""

    holder: str | None
    """The ARN of its user; None: it has none."""


@dataclass(frozen=True, slots=True)
class State:
    """What exists."""

    user: User | None = None
    device: Device | None = None
    """Only looked for if a role demands MFA and the user has no device."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By the names in the request."""


def look(admin: Iam, role_admin: Iam, request: SetupRequest) -> State:
    """Return what exists of *request*.

    Args:
        admin: May read IAM in the user's account.
        role_admin: May read IAM in the account of the roles.
        request: What setup is asked for.

    Raises:
        ConfigError: A policy that a role is to have does not exist.
        AwsenvError: IAM refuses, or does not answer.
    """
    user = _user(admin, request.user)
    has_device = user is not None and user.devices
    device = _device(admin, request.device_serial) if request.needs_mfa and not has_device else None
    found = ((role, _role(role_admin, role.name)) for role in request.roles)
    roles = {role.name: existing for role, existing in found if existing is not None}
    _check_policies(role_admin, request, roles)
    return State(user, device, roles)


def missing_policies(request: SetupRequest, role: RoleSpec, existing: Role | None) -> tuple[str, ...]:
    """Return the ARNs of the managed policies that *role* lacks."""
    attached = existing.policies if existing is not None else frozenset()
    return tuple(arn for arn in role.policy_arns(request.partition) if arn not in attached)


def part(answer: Any, *path: str) -> Any:
    """Return what stands in *answer* below the names of *path*.

    Raises:
        UnreachableError: It is missing: something else than AWS answered with a 200, such as a captive portal.
    """
    for name in path:
        if not isinstance(answer, dict) or answer.get(name) is None:
            raise UnreachableError(
                f"unexpected answer from IAM: it lacks {path[-1]}",
                hint="try again; check that no sign-in page of the network is in the way",
            )
        answer = answer[name]
    return answer


def _user(admin: Iam, name: str) -> User | None:
    answer = _if_exists(admin, "get_user", UserName=name)
    if answer is None:
        return None
    arn = part(answer, "User", "Arn")
    inline = tuple(admin.read_all("list_user_policies", "PolicyNames", UserName=name))
    attached = admin.read_all("list_attached_user_policies", "AttachedPolicies", UserName=name)
    groups = admin.read_all("list_groups_for_user", "Groups", UserName=name)
    keys = admin.read_all("list_access_keys", "AccessKeyMetadata", UserName=name)
    devices = serials(admin.read_all("list_mfa_devices", "MFADevices", UserName=name))
    return User(
        arn=arn,
        has_password=_if_exists(admin, "get_login_profile", UserName=name) is not None,
        groups=tuple(part(group, "GroupName") for group in groups),
        inline=inline,
        attached=tuple(part(policy, "PolicyName") for policy in attached),
        policy=_user_policy(admin, name) if USER_POLICY in inline else None,
        keys=tuple(_key(admin, key) for key in keys),
        devices=showing_codes(devices),
    )


def _user_policy(admin: Iam, name: str) -> Document:
    document: Document = part(admin.read("get_user_policy", UserName=name, PolicyName=USER_POLICY), "PolicyDocument")
    return document


def _key(admin: Iam, listed: dict[str, Any]) -> Key:
    key_id = part(listed, "AccessKeyId")
    used = admin.read("get_access_key_last_used", AccessKeyId=key_id)
    return Key(
        key_id,
        active=listed.get("Status") == "Active",
        # Without a date it was never used, at least not since April 2015 (IAM API, AccessKeyLastUsed).
        used="LastUsedDate" in part(used, "AccessKeyLastUsed"),
        created=part(listed, "CreateDate"),
    )


def _device(admin: Iam, serial: str) -> Device | None:
    for device in admin.read_all("list_virtual_mfa_devices", "VirtualMFADevices"):
        if part(device, "SerialNumber") == serial:
            return Device(device.get("User", {}).get("Arn"))
    return None


def _role(role_admin: Iam, name: str) -> Role | None:
    answer = _if_exists(role_admin, "get_role", RoleName=name)
    if answer is None:
        return None
    arn, trust = part(answer, "Role", "Arn"), part(answer, "Role", "AssumeRolePolicyDocument")
    attached = role_admin.read_all("list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return Role(arn, trust, frozenset(part(policy, "PolicyArn") for policy in attached))


def _check_policies(role_admin: Iam, request: SetupRequest, roles: Mapping[str, Role]) -> None:
    """Ask for each policy to attach: a typing error must not stop setup halfway."""
    missing = {arn: role for role in request.roles for arn in missing_policies(request, role, roles.get(role.name))}
    for arn, role in missing.items():
        if _if_exists(role_admin, "get_policy", PolicyArn=arn) is None:
            raise ConfigError(
                f"there is no policy {quoted(arn)}",
                Origin(f"ROLE {quoted(role.name)}"),
                hint="correct its name; aws iam list-policies --scope AWS shows the ones of AWS",
            )


def _if_exists(iam: Iam, action: str, **parameters: str) -> dict[str, Any] | None:
    try:
        return iam.read(action, **parameters)
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
