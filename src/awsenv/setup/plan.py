"""The plan: what the request asks for and does not exist yet. Only external ids are random.

Every obstacle is found here, before anything is changed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from awsenv.config import limits, static_keys
from awsenv.config.sources import KEYS
from awsenv.errors import ConfigError, Origin
from awsenv.iam.trust import differences, external_id_of, trust_policy
from awsenv.setup import KeyDestination
from awsenv.setup.files import header
from awsenv.setup.state import USER_POLICY, User, missing_policies
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from awsenv.config import Profile, Profiles
    from awsenv.errors import Hint
    from awsenv.iam.policy import Document
    from awsenv.setup import RoleSpec, SetupRequest
    from awsenv.setup.state import Role, State

WRITE_PROFILES = "write_profiles"
"""The one action that is not IAM's. Its parameters are sections: header without brackets -> key -> value."""

_ANOTHER_USER = "name another user with --user"
_MOST_KEYS = 2
"""Access keys that AWS lets a user have."""

# What makes a profile a source of credentials. `role_arn` makes it a role.
_SOURCES = ("credential_source", *KEYS)
_KEPT = {"aws_access_key_id", "aws_secret_access_key", "credential_process"}
"""Where setup keeps the access key of the user."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do."""

    title: str
    """An imperative: `create the role power-user`."""
    action: str
    """`WRITE_PROFILES`, or an action of IAM as botocore spells it: `create_role`."""
    parameters: Mapping[str, Any] = field(repr=False)
    """Policies are documents. External ids are in them."""
    in_role_account: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is missing, in the order of its creation. Without a task, the set-up is complete."""

    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()
    """What may surprise, as sentences without a full stop."""

    @property
    def actions(self) -> list[str]:
        """The actions of its tasks, in order: `create_role`."""
        return [task.action for task in self.tasks]


def user_policy(role_arns: Iterable[Any]) -> Document:
    """Return the policy that allows a user to assume exactly these roles of another account."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(role_arns)}
    return {"Version": "2012-10-17", "Statement": [statement]}


def new_external_id() -> str:
    """Return a new external id: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def draw_up(
    request: SetupRequest, state: State, profiles: Profiles, make_external_id: Callable[[], str] = new_external_id
) -> Plan:
    """Return the tasks that lead from *state* and *profiles* to *request*.

    Raises:
        ConfigError: Something exists that serves another purpose, or is set up differently. It is never overwritten.
    """
    planner = _Planner(request, state, profiles, make_external_id)
    planner.check_user()
    external_ids = {role.name: planner.external_id(role) for role in request.roles}
    tasks = (
        *planner.user_tasks(),
        *planner.device_tasks(),
        *planner.user_policy_tasks(),
        *(task for role in request.roles for task in planner.role_tasks(role, external_ids[role.name])),
        *planner.key_tasks(),
        *planner.profile_tasks(external_ids),
    )
    return Plan(tasks, tuple(planner.notes))


def is_source(profiles: Profiles, name: str) -> bool:
    """Return whether a profile names *name* as its source: then an earlier run has written all profiles."""
    return name in _values(profiles, "source_profile")


class _Planner:
    def __init__(
        self, request: SetupRequest, state: State, profiles: Profiles, make_external_id: Callable[[], str]
    ) -> None:
        self.request = request
        self.state = state
        self.profiles = profiles
        self.make_external_id = make_external_id
        self.user = state.user or User(request.user_arn)
        self.notes: list[str] = []

    def check_user(self) -> None:
        """Check that the user, if it exists, can only assume roles.

        Raises:
            ConfigError: It has permissions or a console password; or a role has its name, and so its profile.
        """
        name = self.request.user
        if any(role.name == name for role in self.request.roles):
            raise ConfigError(
                f"the user and a role are both named {quoted(name)}, and so would be their profiles",
                hint=_ANOTHER_USER,
            )
        if self.user.permissions:
            raise ConfigError(
                f"the user {quoted(name)} serves another purpose: it has {listed(list(self.user.permissions))}",
                hint=f"{_ANOTHER_USER}: one that only assumes roles needs none of these",
            )

    def user_tasks(self) -> Iterator[Task]:
        if self.state.user is None:
            name = self.request.user
            yield Task(f"create the user {name}, with no permissions", "create_user", {"UserName": name})

    def device_tasks(self) -> Iterator[Task]:
        name = self.request.user
        if self.request.needs_mfa and not self.user.devices:
            if self.state.has_lost_device:
                yield Task(
                    f"delete the virtual MFA device {name}: it belongs to no user, and its key is lost",
                    "delete_virtual_mfa_device",
                    {"SerialNumber": self.request.device_serial},
                )
            yield Task(
                f"create the virtual MFA device {name}: setup shows its QR code and asks for two of its codes",
                "create_virtual_mfa_device",
                {"VirtualMFADeviceName": name},
            )

    def user_policy_tasks(self) -> Iterator[Task]:
        """Allow the user to assume the roles of another account. What an earlier run allowed stays."""
        request, allowed = self.request, self.user.allowed
        arns = [self._role_arn(role) for role in request.roles]
        if request.crosses_accounts and not set(arns) <= set(allowed):
            document = user_policy(dict.fromkeys((*allowed, *arns)))
            yield Task(
                f"allow the user {request.user} to assume the roles of account {request.role_account}",
                "put_user_policy",
                {"UserName": request.user, "PolicyName": USER_POLICY, "PolicyDocument": document},
            )

    def role_tasks(self, role: RoleSpec, external_id: str | None) -> Iterator[Task]:
        request, existing = self.request, self.state.roles.get(role.name)
        where = f" in account {request.role_account}" if request.crosses_accounts else ""
        if existing is None:
            if not role.mfa:
                self.notes.append(f"the role {role.name} demands no MFA code: a stolen access key is enough to use it")
            document = trust_policy(self.user.arn, mfa=role.mfa, external_id=external_id)
            parameters = {"RoleName": role.name, "AssumeRolePolicyDocument": document}
            yield Task(f"create the role {role.name}{where}", "create_role", parameters, in_role_account=True)
        else:
            _check_trust(role, existing, self.user.arn)
            if more := sorted(existing.policies - set(role.policy_arns(request.partition))):
                self.notes.append(
                    f"the role {role.name} has policies beyond the request: {listed(list(map(_short, more)))}"
                )
        for arn in missing_policies(request, role, existing):
            yield Task(
                f"attach the policy {_short(arn)} to the role {role.name}{where}",
                "attach_role_policy",
                {"RoleName": role.name, "PolicyArn": arn},
                in_role_account=True,
            )

    def external_id(self, role: RoleSpec) -> str | None:
        """Return the external id of *role*: its trust policy's, else its profile's, else a new one."""
        if not role.external_id:
            return None
        existing, profile = self.state.roles.get(role.name), self.profiles.get(role.name)
        if existing is not None:
            return external_id_of(existing.trust)
        setting = profile.settings.get("external_id") if profile is not None else None
        return self.make_external_id() if setting is None else limits.external_id(setting.value, setting.origin)

    def key_tasks(self) -> Iterator[Task]:
        """Lead to an access key whose secret is kept here.

        A key that was never used and is in no profile, while no profile names the user as its source either, most
        likely belongs to a run that was killed before it could keep the secret: it is deleted. Others may be on another
        machine.

        Raises:
            ConfigError: The user has two keys that are used elsewhere: AWS allows no third. Or the source profile holds
                something else than an active key of the user.
        """
        request, keys = self.request, self.user.keys
        if self._has_key():
            return
        here = _values(self.profiles, "aws_access_key_id")
        finished = is_source(self.profiles, request.user)
        lost = [key for key in keys if not (key.used or key.key_id in here or finished)]
        others = [key for key in keys if key not in lost]
        if len(others) >= _MOST_KEYS:
            raise ConfigError(
                f"the user {quoted(request.user)} has two access keys, and neither is here; AWS allows no more",
                hint=(
                    f"copy one of them to [{request.user}] of {self.profiles.credentials_name}",
                    f"delete one: aws iam list-access-keys --user-name {request.user} shows them",
                ),
            )
        for key in others:
            reason = "another profile has it" if key.key_id in here else "it may be in use elsewhere"
            self.notes.append(f"{key} stays: {reason}")
        for key in lost:
            yield Task(
                f"delete {key}: it was never used and is not here; answer no if it is kept elsewhere",
                "delete_access_key",
                {"UserName": request.user, "AccessKeyId": key.key_id},
            )
        destination = {
            KeyDestination.FILE: f"keep it under [{request.user}] in {self.profiles.credentials_name}",
            KeyDestination.KEYRING: f"keep it in the system keyring, where the profile {request.user} finds it",
            KeyDestination.STDOUT: "print it once, without keeping it",
        }[request.key_destination]
        title = f"create an access key of the user {request.user}, and {destination}"
        yield Task(title, "create_access_key", {"UserName": request.user})

    def profile_tasks(self, external_ids: Mapping[str, str | None]) -> Iterator[Task]:
        sections = {}
        for role in self.request.roles:
            settings = {
                "role_arn": self._role_arn(role),
                "source_profile": self.request.user,
                "mfa_serial": self._serial(role) if role.mfa else None,
                "external_id": external_ids[role.name],
                "region": self.request.region,
            }
            known = {key: value for key, value in settings.items() if value is not None}
            if missing := _missing_settings(self.profiles.get(role.name), known):
                sections[header(self.profiles, role.name)] = missing
        if sections:
            yield Task(f"write to {self.profiles.config_name}", WRITE_PROFILES, sections)

    def _role_arn(self, role: RoleSpec) -> str:
        existing = self.state.roles.get(role.name)
        return existing.arn if existing is not None else self.request.role_arn(role)

    def _serial(self, role: RoleSpec) -> str:
        """Return the device of *role*: the one its profile names if the user has it, else that of the user's name."""
        own, profile, devices = self.request.device_serial, self.profiles.get(role.name), self.user.devices
        named = profile.value("mfa_serial") if profile is not None else None
        return next((serial for serial in (named, own, *devices) if serial is not None and serial in devices), own)

    def _has_key(self) -> bool:
        """Return whether a key of the user is where the source profile finds it, or was printed.

        Raises:
            ConfigError: The source profile holds something else than an active key of the user.
            SourceError: It holds half a key.
        """
        request, source = self.request, self.profiles.get(self.request.user)
        is_active = any(key.active for key in self.user.keys)
        if source is not None:
            for key in ("role_arn", *_SOURCES):
                if key not in _KEPT and source.value(key) is not None:
                    fact = f"does not hold the access key of a user: it has {key}"
                    raise _conflict(source, key, fact, f"{_ANOTHER_USER}: its profile has the same name")
            if (pair := static_keys(source)) is not None:
                self._check_key(pair.access_key_id, source)
                return True
            if source.value("credential_process") is not None:
                if is_active:
                    return True
                fact = f"gets its access key from a command, but the user {quoted(request.user)} has no active one"
                hint = "remove the line, and run awsenv setup again: it creates a key"
                raise _conflict(source, "credential_process", fact, hint)
        # The profiles are written last: they show that the key was printed, and not lost.
        return request.key_destination is KeyDestination.STDOUT and is_source(self.profiles, request.user) and is_active

    def _check_key(self, key_id: str, source: Profile) -> None:
        user = self.request.user
        is_active = next((key.active for key in self.user.keys if key.key_id == key_id), None)
        if is_active is None:
            fact = f"has the access key {key_id}, which does not belong to the user {quoted(user)}"
            hints = f"{_ANOTHER_USER}: its profile has the same name", "remove the key from the profile"
            raise _conflict(source, "aws_access_key_id", fact, hints)
        if not is_active:
            fact = f"has the access key {key_id} of the user {quoted(user)}, which is deactivated"
            command = f"aws iam update-access-key --status Active --user-name {user} --access-key-id {key_id}"
            raise _conflict(source, "aws_access_key_id", fact, f"activate it: {command}")


def _differences(role: RoleSpec, existing: Role, user_arn: str) -> list[str]:
    return differences(existing.trust, user_arn, mfa=role.mfa, external_id=role.external_id)


def _check_trust(role: RoleSpec, existing: Role, user_arn: str) -> None:
    """Check the trust policy of a role that exists.

    Raises:
        ConfigError: It differs. The next step names the role as it is, where a ROLE of setup can.
    """
    found = _differences(role, existing, user_arn)
    if found:
        others = (replace(role, mfa=mfa, external_id=known) for mfa, known in product((True, False), repeat=2))
        as_it_is = [str(other) for other in others if not _differences(other, existing, user_arn)]
        another = replace(role, name=f"my-{role.name}")
        raise ConfigError(
            f"the role {quoted(role.name)} exists with another trust policy",
            Origin(existing.arn),
            because="; ".join(found),
            hint=(f"use it as it is, with the ROLE {as_it_is[0]}", f"create another, with the ROLE {another}")
            if as_it_is
            else (
                f"create another role, with the ROLE {another}",
                "change the trust policy yourself: awsenv never overwrites one",
            ),
        )


def _missing_settings(profile: Profile | None, settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return those of *settings* that a role's profile lacks. Its region may be another.

    Raises:
        ConfigError: The profile has another value, or its own credentials.
    """
    if profile is None:
        return settings
    rename = ("rename the profile", "give the role another name")
    for key in _SOURCES:
        if profile.value(key) is not None:
            raise _conflict(profile, key, f"has its own credentials: it has {key}", rename)
    for key, value in settings.items():
        if key != "region" and profile.value(key) not in {None, value}:
            # No message shows an external id.
            other = "that of the role" if key == "external_id" else value
            remove = f"remove the line, and run awsenv setup again: it writes {key}"
            hint = remove if key in {"external_id", "mfa_serial"} else rename
            raise _conflict(profile, key, f"exists, and its {key} is not {other}", hint)
    return {key: value for key, value in settings.items() if profile.value(key) is None}


def _conflict(profile: Profile, key: str, fact: str, hint: Hint) -> ConfigError:
    """Return the error for a profile whose *key* is in the way."""
    return ConfigError(f"the profile {quoted(profile.name)} {fact}", profile.settings[key].origin, hint=hint)


def _values(profiles: Profiles, key: str) -> set[str | None]:
    """Return the values of *key* in all profiles."""
    return {profile.value(key) for profile in profiles}


def _short(policy_arn: str) -> str:
    """Return the name of a policy of AWS, and the ARN of any other."""
    return policy_arn.rpartition("/")[2] if ":iam::aws:" in policy_arn else policy_arn
