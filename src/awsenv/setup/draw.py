"""Draws up the plan: what is wanted, less what is there. Pure but for the external ids that it makes up.

Everything that stands in the way is found here, before anything is changed.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.config import limits
from awsenv.config.text import listed, quoted
from awsenv.errors import ConfigError
from awsenv.iam.trust import trust_policy
from awsenv.origin import Origin
from awsenv.setup import keys, user
from awsenv.setup.local import missing_settings
from awsenv.setup.plan import (
    HIDDEN,
    AttachPolicy,
    CreateDevice,
    CreateRole,
    DeleteDevice,
    Plan,
    Step,
    WriteProfiles,
)
from awsenv.setup.state import missing_policies
from awsenv.setup.trust import differences, external_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from awsenv.setup.local import Local
    from awsenv.setup.plan import Wanted
    from awsenv.setup.roles import WantedRole
    from awsenv.setup.state import State

_EXTERNAL_ID_LENGTH = 32


def new_external_id() -> str:
    """Return a new external id: 190 bits of letters and digits, which AWS takes and no shell or file alters."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_EXTERNAL_ID_LENGTH))


def draw_up(wanted: Wanted, state: State, local: Local, make_external_id: Callable[[], str] = new_external_id) -> Plan:
    """Return the steps that are left from *state* and *local* to *wanted*.

    Raises:
        ConfigError: Something that is there is in the way: it belongs to others, or says otherwise. Nothing of others
            is overwritten.
    """
    drawing = _Drawing(wanted, state, local, make_external_id)
    user.check(wanted, state)
    external_ids = {role.name: drawing.external_id(role) for role in wanted.roles}
    key_steps, key_notes = keys.steps(wanted, state.user, local)
    steps = (
        *user.steps(wanted, state),
        *drawing.device_steps(),
        *user.policy_steps(wanted, state),
        *(step for role in wanted.roles for step in drawing.role_steps(role, external_ids[role.name])),
        *key_steps,
        *drawing.profile_steps(external_ids),
    )
    return Plan(steps, (*drawing.notes(), *key_notes))


@dataclass(frozen=True, slots=True)
class _Drawing:
    wanted: Wanted
    state: State
    local: Local
    make_external_id: Callable[[], str]

    def device_steps(self) -> Iterator[Step]:
        wanted, device = self.wanted, self.state.device
        if not wanted.wants_mfa or (self.state.user is not None and self.state.user.devices):
            return
        if device is not None:
            if device.holder is not None:
                raise ConfigError(
                    f"the MFA device {quoted(wanted.device_serial)} belongs to {device.holder}",
                    hint="name another user with --user: its device has the same name",
                )
            yield Step(
                f"delete the virtual MFA device {wanted.user}: nobody has it, and its key is lost",
                DeleteDevice(wanted.device_serial),
            )
        yield Step(
            f"create the virtual MFA device {wanted.user}: its QR code is shown, and two of its codes are asked for",
            CreateDevice(wanted.user, wanted.device_serial),
        )

    def role_steps(self, role: WantedRole, external_id: str | None) -> Iterator[Step]:
        wanted, there = self.wanted, self.state.roles.get(role.name)
        principal = self.state.user.arn if self.state.user is not None else wanted.user_arn
        where = f" in account {wanted.role_account}" if wanted.crosses_accounts else ""
        if there is None:
            shown = trust_policy(principal, mfa=role.mfa, external_id=None if external_id is None else HIDDEN)
            trust = trust_policy(principal, mfa=role.mfa, external_id=external_id)
            yield Step(f"create the role {role.name}{where}", CreateRole(role.name, trust), {"trust policy": shown})
        else:
            _check_trust(role, there.arn, differences(there.trust, principal, role))
        for arn in missing_policies(wanted, role, there):
            yield Step(f"attach the policy {_short(arn)} to the role {role.name}{where}", AttachPolicy(role.name, arn))

    def external_id(self, role: WantedRole) -> str | None:
        """Return the external id of *role*: its trust policy's, else its profile's, else a new one."""
        there, profile = self.state.roles.get(role.name), self.local.roles.get(role.name)
        if not role.external_id:
            return None
        if there is not None:
            return external_id_of(there.trust)
        setting = profile.settings.get("external_id") if profile is not None else None
        return self.make_external_id() if setting is None else limits.external_id(setting.value, setting.origin)

    def profile_steps(self, external_ids: Mapping[str, str | None]) -> Iterator[Step]:
        sections = {}
        for role in self.wanted.roles:
            profile = self.local.roles.get(role.name)
            missing = missing_settings(profile, self._settings(role, external_ids[role.name]))
            if missing:
                sections[self.local.headers[role.name]] = missing
        if sections:
            shown = {
                name: {key: HIDDEN if key == "external_id" else value for key, value in settings.items()}
                for name, settings in sections.items()
            }
            yield Step(f"write to {self.local.config_name}", WriteProfiles(sections), settings=shown)

    def _settings(self, role: WantedRole, external_id: str | None) -> dict[str, str]:
        there = self.state.roles.get(role.name)
        settings = {
            "role_arn": there.arn if there is not None else self.wanted.role_arn(role),
            "source_profile": self.wanted.source_profile,
            "mfa_serial": self._serial(role) if role.mfa else None,
            "external_id": external_id,
            "region": self.wanted.region,
        }
        return {key: value for key, value in settings.items() if value is not None}

    def _serial(self, role: WantedRole) -> str:
        """Return the device of *role*: the one its profile names if the user has it, else that of the user's name."""
        wanted, profile = self.wanted, self.local.roles.get(role.name)
        devices = self.state.user.devices if self.state.user is not None else ()
        named = profile.value("mfa_serial") if profile is not None else None
        preferred = [serial for serial in (named, wanted.device_serial, *devices) if serial in devices]
        return preferred[0] if preferred else wanted.device_serial

    def notes(self) -> Iterator[str]:
        for role in self.wanted.roles:
            there = self.state.roles.get(role.name)
            if there is None:
                if not role.mfa:
                    yield f"the role {role.name} asks for no MFA code: a stolen access key is enough to use it"
                continue
            more = sorted(there.policies - set(role.policy_arns(self.wanted.partition)))
            if more:
                yield f"the role {role.name} has more policies than were asked for: {listed(list(map(_short, more)))}"


def _short(policy_arn: str) -> str:
    """Return the name of a policy of AWS, and the ARN of any other."""
    return policy_arn.rpartition("/")[2] if ":iam::aws:" in policy_arn else policy_arn


def _check_trust(role: WantedRole, arn: str, said: list[str]) -> None:
    if said:
        words = [*(["mfa"] if role.mfa else []), *(["external-id"] if role.external_id else [])]
        raise ConfigError(
            f"the role {quoted(role.name)} is there already, with another trust policy: {'; '.join(said)}",
            Origin(arn),
            hint=f"ask for a role of another name, such as {','.join([f'my-{role.name}:{role.policies[0]}', *words])}, "
            "or change the trust policy by hand: awsenv never overwrites one",
        )
