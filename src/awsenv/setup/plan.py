"""The plan: what the request asks for, less what there is. Values and pure functions; only external ids are random.

Everything that stands in the way is found here, before anything is changed.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from awsenv.config import limits
from awsenv.errors import ConfigError
from awsenv.iam.conditions import as_list
from awsenv.iam.policy import statements
from awsenv.iam.trust import trust_policy
from awsenv.origin import Origin
from awsenv.setup.files import header
from awsenv.setup.request import KeyDestination
from awsenv.setup.state import USER_POLICY, missing_policies
from awsenv.setup.trust import differences, external_id_of
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from awsenv.config import Profile, Profiles
    from awsenv.iam.policy import Document
    from awsenv.setup.request import RoleSpec, SetupRequest
    from awsenv.setup.state import Key, State, User

HIDDEN = "..."
"""What the plan shows instead of an external id."""

_SECRET = frozenset({"sts:ExternalId", "external_id"})
_DOCUMENTS = {"AssumeRolePolicyDocument": "trust policy", "PolicyDocument": f"inline policy {USER_POLICY}"}
_EXTERNAL_ID_LENGTH = 32
_MOST_KEYS = 2
"""Access keys that AWS lets a user have."""

# What makes a profile a source of credentials. `role_arn` makes it a role.
_SOURCES = (
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)


@dataclass(frozen=True, slots=True)
class IamChange:
    """One call that changes IAM."""

    action: str
    """As botocore spells it: `create_role`."""
    parameters: Mapping[str, Any] = field(repr=False)
    """Policies are documents. External ids are in them."""
    in_role_account: bool = False


@dataclass(frozen=True, slots=True)
class CreateDevice:
    """Make a virtual MFA device, show its key, ask for two codes, and enable it for the user."""

    action: ClassVar[str] = "create_virtual_mfa_device"
    user: str
    serial: str


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Make an access key of the user, and keep it."""

    action: ClassVar[str] = "create_access_key"
    user: str
    user_arn: str


@dataclass(frozen=True, slots=True)
class WriteProfiles:
    """Write sections of the config file: missing ones as a whole, missing keys into existing ones."""

    action: ClassVar[str] = "write_profiles"
    sections: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Header without brackets -> key -> value. External ids are in it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do."""

    title: str
    """An imperative: `create the role power-user`."""
    operation: IamChange | CreateDevice | CreateKey | WriteProfiles


@dataclass(frozen=True, slots=True)
class Plan:
    """What is missing, in the order in which it is made. No task: the set-up is complete."""

    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()
    """What may surprise, as sentences without a full stop."""

    @property
    def actions(self) -> list[str]:
        """What it does, in order: `create_role`."""
        return [task.operation.action for task in self.tasks]


def user_policy(role_arns: Iterable[Any]) -> Document:
    """Return the policy that allows a user to assume exactly these roles of another account."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(role_arns)}
    return {"Version": "2012-10-17", "Statement": [statement]}


def new_external_id() -> str:
    """Return a new external id: 190 bits of letters and digits, which AWS takes and no shell or file alters."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_EXTERNAL_ID_LENGTH))


def described(plan: Plan) -> list[str]:
    """Return the lines that show a plan: each task, with its policy as JSON or its settings, without external ids."""
    lines: list[str] = []
    for number, task in enumerate(plan.tasks, start=1):
        lines.append(f"{number}. {task.title}")
        operation = task.operation
        if isinstance(operation, IamChange):
            for name in _DOCUMENTS.keys() & operation.parameters.keys():
                document = json.dumps(_masked(operation.parameters[name]), indent=2, ensure_ascii=False)
                lines += [f"   {_DOCUMENTS[name]}:", *_indented(document.splitlines())]
        elif isinstance(operation, WriteProfiles):
            for title, settings in _masked(operation.sections).items():
                lines += _indented([f"[{title}]", *(f"{key} = {value}" for key, value in settings.items())])
    return lines + [f"note: {note}" for note in plan.notes]


def draw_up(
    request: SetupRequest, state: State, profiles: Profiles, make_external_id: Callable[[], str] = new_external_id
) -> Plan:
    """Return the tasks that lead from *state* and *profiles* to *request*.

    Raises:
        ConfigError: Something that exists is in the way: it serves another purpose, or is set up otherwise. Nothing of
            others is overwritten.
    """
    planner = _Planner(request, state, profiles, make_external_id)
    planner.check_user()
    external_ids = {role.name: planner.external_id(role) for role in request.roles}
    key_tasks, key_notes = _key_tasks(request, state.user, profiles)
    tasks = (
        *planner.user_tasks(),
        *planner.device_tasks(),
        *planner.user_policy_tasks(),
        *(task for role in request.roles for task in planner.role_tasks(role, external_ids[role.name])),
        *key_tasks,
        *planner.profile_tasks(external_ids),
    )
    return Plan(tasks, (*planner.notes(), *key_notes))


def is_source(profiles: Profiles, name: str) -> bool:
    """Whether a profile names *name* as its source: then an earlier run has reached its end."""
    return any(profile.value("source_profile") == name for profile in profiles)


@dataclass(frozen=True, slots=True)
class _Planner:
    request: SetupRequest
    state: State
    profiles: Profiles
    make_external_id: Callable[[], str]

    def check_user(self) -> None:
        """Check that the user, if it exists, can only assume roles.

        Raises:
            ConfigError: It has permissions or a console password; or a role has its name, and so its profile.
        """
        request, user = self.request, self.state.user
        if any(role.name == request.user for role in request.roles):
            raise ConfigError(
                f"the user and a role are both named {quoted(request.user)}, and so would be their profiles",
                hint="name another user with --user",
            )
        if user is not None and (found := _permissions(user)):
            raise ConfigError(
                f"the user {quoted(request.user)} serves another purpose: it has {listed(found)}",
                hint="name another user with --user; one that only assumes roles needs none of these",
            )

    def user_tasks(self) -> Iterator[Task]:
        if self.state.user is None:
            name = self.request.user
            yield Task(f"create the user {name}, with no permissions", IamChange("create_user", {"UserName": name}))

    def user_policy_tasks(self) -> Iterator[Task]:
        """Allow the user to assume the roles of another account. What an earlier run allowed stays."""
        request, user = self.request, self.state.user
        if not request.crosses_accounts:
            return
        before = (_allowed_roles(user.policy) if user is not None and user.policy is not None else None) or []
        arns = [self._role_arn(role) for role in request.roles]
        if not set(arns) <= set(before):
            document = user_policy(dict.fromkeys((*before, *arns)))
            parameters = {"UserName": request.user, "PolicyName": USER_POLICY, "PolicyDocument": document}
            yield Task(
                f"allow the user {request.user} to assume the roles of account {request.role_account}",
                IamChange("put_user_policy", parameters),
            )

    def device_tasks(self) -> Iterator[Task]:
        request, device = self.request, self.state.device
        if not request.needs_mfa or (self.state.user is not None and self.state.user.devices):
            return
        if device is not None:
            if device.holder is not None:
                raise ConfigError(
                    f"the MFA device {quoted(request.device_serial)} belongs to {device.holder}",
                    hint="name another user with --user: its device has the same name",
                )
            yield Task(
                f"delete the virtual MFA device {request.user}: it belongs to no user, and its key is lost",
                IamChange("delete_virtual_mfa_device", {"SerialNumber": request.device_serial}),
            )
        yield Task(
            f"create the virtual MFA device {request.user}: setup shows its QR code and asks for two of its codes",
            CreateDevice(request.user, request.device_serial),
        )

    def role_tasks(self, role: RoleSpec, external_id: str | None) -> Iterator[Task]:
        request, existing = self.request, self.state.roles.get(role.name)
        principal = self.state.user.arn if self.state.user is not None else request.user_arn
        where = f" in account {request.role_account}" if request.crosses_accounts else ""
        if existing is None:
            trust = trust_policy(principal, mfa=role.mfa, external_id=external_id)
            parameters = {"RoleName": role.name, "AssumeRolePolicyDocument": trust}
            yield Task(
                f"create the role {role.name}{where}", IamChange("create_role", parameters, in_role_account=True)
            )
        else:
            _check_trust(role, existing.arn, differences(existing.trust, principal, role))
        for arn in missing_policies(request, role, existing):
            yield Task(
                f"attach the policy {_short(arn)} to the role {role.name}{where}",
                IamChange("attach_role_policy", {"RoleName": role.name, "PolicyArn": arn}, in_role_account=True),
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

    def profile_tasks(self, external_ids: Mapping[str, str | None]) -> Iterator[Task]:
        sections = {}
        for role in self.request.roles:
            profile = self.profiles.get(role.name)
            missing = _missing_settings(profile, self._settings(role, external_ids[role.name]))
            if missing:
                sections[header(self.profiles, role.name)] = missing
        if sections:
            yield Task(f"write to {self.profiles.config_name}", WriteProfiles(sections))

    def _settings(self, role: RoleSpec, external_id: str | None) -> dict[str, str]:
        settings = {
            "role_arn": self._role_arn(role),
            "source_profile": self.request.user,
            "mfa_serial": self._serial(role) if role.mfa else None,
            "external_id": external_id,
            "region": self.request.region,
        }
        return {key: value for key, value in settings.items() if value is not None}

    def _role_arn(self, role: RoleSpec) -> str:
        existing = self.state.roles.get(role.name)
        return existing.arn if existing is not None else self.request.role_arn(role)

    def _serial(self, role: RoleSpec) -> str:
        """Return the device of *role*: the one its profile names if the user has it, else that of the user's name."""
        own, profile = self.request.device_serial, self.profiles.get(role.name)
        devices = self.state.user.devices if self.state.user is not None else ()
        named = profile.value("mfa_serial") if profile is not None else None
        return next((serial for serial in (named, own, *devices) if serial is not None and serial in devices), own)

    def notes(self) -> Iterator[str]:
        for role in self.request.roles:
            existing = self.state.roles.get(role.name)
            if existing is None:
                if not role.mfa:
                    yield f"the role {role.name} asks for no MFA code: a stolen access key is enough to use it"
            elif more := sorted(existing.policies - set(role.policy_arns(self.request.partition))):
                yield f"the role {role.name} has policies beyond the request: {listed(list(map(_short, more)))}"


def _permissions(user: User) -> list[str]:
    """Return what a user has that only assumes roles needs none of."""
    inline = [name for name in user.inline if name != USER_POLICY or _allowed_roles(user.policy) is None]
    return [
        *(["a console password"] if user.has_password else []),
        *(f"the group {quoted(name)}" for name in user.groups),
        *(f"the policy {quoted(name)}" for name in (*user.attached, *inline)),
    ]


def _allowed_roles(document: Document | None) -> list[str] | None:
    """Return the roles that the policy `assume-roles` allows; None: awsenv does not write such a policy."""
    found = statements([document or {}])
    if len(found) != 1 or set(found[0].elements) - {"Sid"} != {"Effect", "Action", "Resource"}:
        return None
    statement = found[0].elements
    actions = {str(action).lower() for action in as_list(statement["Action"])}
    arns = [str(arn) for arn in as_list(statement["Resource"])]
    exact = all(":role/" in arn and not set("*?$") & set(arn) for arn in arns)
    return arns if statement["Effect"] == "Allow" and actions == {"sts:assumerole"} and exact else None


def _key_tasks(request: SetupRequest, user: User | None, profiles: Profiles) -> tuple[list[Task], list[str]]:
    """Return the tasks that lead to an access key whose secret is kept here, and notes about the keys that stay.

    A key that was never used and is in no profile, while no profile names the user as its source either, most likely
    belongs to a run that was killed before it could keep the secret: it is deleted. Others may be on another machine.

    Raises:
        ConfigError: The source profile holds something else than an active key of the user, or the user has two keys
            that are used elsewhere: AWS allows no third.
    """
    keys = user.keys if user is not None else ()
    if _is_kept(request, keys, profiles):
        return [], []
    here = {profile.value("aws_access_key_id") for profile in profiles}
    finished = is_source(profiles, request.user)
    lost = [key for key in keys if not (key.used or key.key_id in here or finished)]
    others = [key for key in keys if key not in lost]
    if len(others) >= _MOST_KEYS:
        raise ConfigError(
            f"the user {quoted(request.user)} has two access keys, and neither is here; AWS allows no more",
            hint=f"copy one of them to [{request.user}] of {profiles.credentials_name}, or delete one: "
            f"aws iam list-access-keys --user-name {request.user} shows them",
        )
    destination = {
        KeyDestination.FILE: f"keep it under [{request.user}] in {profiles.credentials_name}",
        KeyDestination.KEYRING: f"keep it in the system keyring, where the profile {request.user} finds it",
        KeyDestination.STDOUT: "print it once, without keeping it",
    }[request.key_destination]
    tasks = [
        Task(
            f"delete {_named(key)}: it was never used and is not here; answer no if it is kept elsewhere",
            IamChange("delete_access_key", {"UserName": request.user, "AccessKeyId": key.key_id}),
        )
        for key in lost
    ]
    arn = user.arn if user is not None else request.user_arn
    tasks.append(
        Task(f"create an access key of the user {request.user}, and {destination}", CreateKey(request.user, arn))
    )
    return tasks, [
        f"{_named(key)} stays: {'another profile has it' if key.key_id in here else 'it may be in use elsewhere'}"
        for key in others
    ]


def _is_kept(request: SetupRequest, keys: tuple[Key, ...], profiles: Profiles) -> bool:
    """Tell whether a key of the user is where the source profile finds it, or was printed."""
    source = profiles.get(request.user)
    active = any(key.active for key in keys)
    if source is not None:
        _check_source(source)
        if source.value("aws_access_key_id") is not None:
            _check_key(request.user, source, keys)
            return True
        if source.value("credential_process") is not None and not active:
            raise ConfigError(
                f"the profile {quoted(source.name)} gets its access key from a command, "
                f"but the user {quoted(request.user)} has no active one",
                source.settings["credential_process"].origin,
                hint="remove the line, and run awsenv setup again: it makes a key",
            )
        if active and source.value("credential_process") is not None:
            return True
    # The profiles are written last: they show that the key was printed, and not lost.
    return request.key_destination is KeyDestination.STDOUT and is_source(profiles, request.user) and active


def _check_source(source: Profile) -> None:
    """Check that a profile holds a user's access key, or nothing that gets in its way."""
    for key in ("role_arn", *_SOURCES):
        if source.value(key) is not None and key not in {"aws_access_key_id", "credential_process"}:
            raise ConfigError(
                f"the profile {quoted(source.name)} does not hold the access key of a user: it has {key}",
                source.settings[key].origin,
                hint="name another user with --user: its profile has the same name",
            )
    halves = [key for key in ("aws_access_key_id", "aws_secret_access_key") if source.value(key) is not None]
    if len(halves) == 1:
        raise ConfigError(
            f"the profile {quoted(source.name)} holds half an access key: {halves[0]} alone",
            source.settings[halves[0]].origin,
            hint="add the other half, or remove this one",
        )


def _check_key(user: str, source: Profile, keys: tuple[Key, ...]) -> None:
    setting = source.settings["aws_access_key_id"]
    key = next((key for key in keys if key.key_id == setting.value), None)
    if key is None:
        raise ConfigError(
            f"the access key {setting.value} of the profile {quoted(source.name)} does not belong to the user "
            f"{quoted(user)}",
            setting.origin,
            hint="name another user with --user: its profile has the same name; or remove the key from the profile",
        )
    if not key.active:
        raise ConfigError(
            f"the access key {key.key_id} of the user {quoted(user)} is deactivated",
            setting.origin,
            hint="activate it: aws iam update-access-key --status Active "
            f"--user-name {user} --access-key-id {key.key_id}",
        )


def _missing_settings(profile: Profile | None, settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return those of *settings* that a role's profile lacks. It may have a region of its own.

    Raises:
        ConfigError: The profile has another value, or credentials of its own.
    """
    if profile is None:
        return settings
    for key in _SOURCES:
        if profile.value(key) is not None:
            raise ConfigError(
                f"the profile {quoted(profile.name)} has its own credentials: it has {key}",
                profile.settings[key].origin,
                hint="rename the profile, or give the role another name",
            )
    for key, value in settings.items():
        if key != "region" and profile.value(key) not in {None, value}:
            # No message shows an external id.
            what = f"{key} is not that of the role" if key == "external_id" else f"{key} is not {value}"
            raise ConfigError(
                f"the profile {quoted(profile.name)} exists, and its {what}",
                profile.settings[key].origin,
                hint=f"remove the line, and run awsenv setup again: it writes {key}"
                if key in {"external_id", "mfa_serial"}
                else "rename the profile, or give the role another name",
            )
    return {key: value for key, value in settings.items() if profile.value(key) is None}


def _check_trust(role: RoleSpec, arn: str, found: list[str]) -> None:
    if found:
        items = [role.policies[0], *(["mfa"] if role.mfa else []), *(["external-id"] if role.external_id else [])]
        raise ConfigError(
            f"the role {quoted(role.name)} exists with another trust policy: {'; '.join(found)}",
            Origin(arn),
            hint=f"ask for a role of another name, such as my-{role.name}:{','.join(items)}, "
            "or change the trust policy yourself: awsenv never overwrites one",
        )


def _named(key: Key) -> str:
    return f"the access key {key.key_id} of {key.created:%Y-%m-%d}"


def _short(policy_arn: str) -> str:
    """Return the name of a policy of AWS, and the ARN of any other."""
    return policy_arn.rpartition("/")[2] if ":iam::aws:" in policy_arn else policy_arn


def _masked(value: Any) -> Any:
    """Return *value* without the external ids in it."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if key in _SECRET else _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"     {line}" for line in lines]
