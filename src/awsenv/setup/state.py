"""What exists in IAM of a set-up, read in as few calls as possible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awsenv.errors import ConfigError, Origin, RefusedError
from awsenv.iam.policy import as_list, statements
from awsenv.iam.principal import serials, showing_codes
from awsenv.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from awsenv.aws.iam import Iam
    from awsenv.iam.policy import Document
    from awsenv.setup import RoleSpec, SetupRequest

USER_POLICY = "assume-roles"
"""The name of the one inline policy that the user may have."""


@dataclass(frozen=True, slots=True)
class Key:
    """An access key of the user."""

    key_id: str
    active: bool
    used: bool
    """Whether it was ever used, as far as IAM knows, which learns of that with a delay."""
    created: datetime

    def __str__(self) -> str:
        """Return its name in messages."""
        return f"the access key {self.key_id} of {self.created:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class User:
    """The user, which exists."""

    arn: str
    permissions: tuple[str, ...] = ()
    """What it has beyond the policy `assume-roles`, as phrases: a user that only assumes roles needs none of them."""
    allowed: tuple[str, ...] = ()
    """The ARNs of the roles that its inline policy `assume-roles` allows."""
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
class State:
    """What exists."""

    user: User | None = None
    has_lost_device: bool = False
    """Whether a virtual MFA device has the user's name and belongs to nobody."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By the names in the request."""


def read(admin: Iam, role_admin: Iam, request: SetupRequest) -> State:
    """Return what exists of *request*.

    Args:
        admin: May read IAM in the user's account.
        role_admin: May read IAM in the account of the roles.
        request: What to look for.

    Raises:
        ConfigError: A policy for a role does not exist, or another user has the MFA device.
        AwsenvError: IAM refuses, or does not respond.
    """
    user = _user(admin, request.user)
    needs_device = request.needs_mfa and (user is None or not user.devices)
    has_lost_device = needs_device and _has_lost_device(admin, request.device_serial)
    found = ((role, _role(role_admin, role.name)) for role in request.roles)
    roles = {role.name: existing for role, existing in found if existing is not None}
    _check_policies(role_admin, request, roles)
    return State(user, has_lost_device, roles)


def missing_policies(request: SetupRequest, role: RoleSpec, existing: Role | None) -> tuple[str, ...]:
    """Return the ARNs of the managed policies that *role* lacks."""
    attached = existing.policies if existing is not None else frozenset()
    return tuple(arn for arn in role.policy_arns(request.partition) if arn not in attached)


def _user(admin: Iam, name: str) -> User | None:
    response = _if_exists(admin, "get_user", UserName=name)
    if response is None:
        return None
    arn = response["User"]["Arn"]
    inline = admin.read_all("list_user_policies", "PolicyNames", UserName=name)
    attached = admin.read_all("list_attached_user_policies", "AttachedPolicies", UserName=name)
    groups = admin.read_all("list_groups_for_user", "Groups", UserName=name)
    has_password = _if_exists(admin, "get_login_profile", UserName=name) is not None
    keys = admin.read_all("list_access_keys", "AccessKeyMetadata", UserName=name)
    devices = serials(admin.read_all("list_mfa_devices", "MFADevices", UserName=name))
    allowed = None
    if USER_POLICY in inline:
        response = admin.read("get_user_policy", UserName=name, PolicyName=USER_POLICY)
        allowed = _allowed_roles(response["PolicyDocument"])
    return User(
        arn,
        permissions=(
            *(("a console password",) if has_password else ()),
            *(f"the group {quoted(group['GroupName'])}" for group in groups),
            *(f"the policy {quoted(policy['PolicyName'])}" for policy in attached),
            *(f"the policy {quoted(policy)}" for policy in inline if policy != USER_POLICY or allowed is None),
        ),
        allowed=allowed or (),
        keys=tuple(_key(admin, key) for key in keys),
        devices=showing_codes(devices),
    )


def _allowed_roles(document: Document) -> tuple[str, ...] | None:
    """Return the roles that the policy `assume-roles` allows; None: setup does not write such a policy."""
    found = statements([document])
    if len(found) != 1 or set(found[0].elements) - {"Sid"} != {"Effect", "Action", "Resource"}:
        return None
    statement = found[0].elements
    actions = {str(action).lower() for action in as_list(statement["Action"])}
    arns = tuple(str(arn) for arn in as_list(statement["Resource"]))
    are_roles = all(":role/" in arn and not set("*?$") & set(arn) for arn in arns)
    return arns if statement["Effect"] == "Allow" and actions == {"sts:assumerole"} and are_roles else None


def _key(admin: Iam, listed: dict[str, Any]) -> Key:
    key_id = listed["AccessKeyId"]
    response = admin.read("get_access_key_last_used", AccessKeyId=key_id)
    return Key(
        key_id,
        active=listed.get("Status") == "Active",
        # Without a date it was never used, at least not since April 2015 (IAM API, AccessKeyLastUsed).
        used="LastUsedDate" in response["AccessKeyLastUsed"],
        created=listed["CreateDate"],
    )


def _has_lost_device(admin: Iam, serial: str) -> bool:
    for device in admin.read_all("list_virtual_mfa_devices", "VirtualMFADevices"):
        if device["SerialNumber"] == serial:
            if holder := device.get("User", {}).get("Arn"):
                raise ConfigError(
                    f"the MFA device {quoted(serial)} belongs to {holder}",
                    hint="name another user with --user: its device has the same name",
                )
            return True
    return False


def _role(role_admin: Iam, name: str) -> Role | None:
    response = _if_exists(role_admin, "get_role", RoleName=name)
    if response is None:
        return None
    arn, trust = response["Role"]["Arn"], response["Role"]["AssumeRolePolicyDocument"]
    attached = role_admin.read_all("list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return Role(arn, trust, frozenset(policy["PolicyArn"] for policy in attached))


def _check_policies(role_admin: Iam, request: SetupRequest, roles: Mapping[str, Role]) -> None:
    """Look up each policy to attach: a mistyped name must not stop setup halfway."""
    missing = {arn: role for role in request.roles for arn in missing_policies(request, role, roles.get(role.name))}
    for arn, role in missing.items():
        if _if_exists(role_admin, "get_policy", PolicyArn=arn) is None:
            raise ConfigError(
                f"there is no policy {quoted(arn)}",
                Origin(f"ROLE {quoted(role.name)}"),
                hint="correct its name: aws iam list-policies shows those there are",
            )


def _if_exists(iam: Iam, action: str, **parameters: str) -> dict[str, Any] | None:
    try:
        return iam.read(action, **parameters)
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
