"""Create a user that can only assume roles, its MFA device, its access key, its roles, and the profiles for them.

This module describes a request. The others read what exists, plan what is missing, and create it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING

from awsenv.distance import nearest
from awsenv.errors import TYPED, Origin, UsageError
from awsenv.wording import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

MFA = "mfa"
EXTERNAL_ID = "external-id"

_NAME = r"[\w+=,.@-]{1,64}"
_POLICY_NAME = r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,128}"
_POLICY_ARN = rf"arn:[a-z-]+:iam::(?:[0-9]{{12}}|aws):policy/{_POLICY_NAME}"
_FORM = f"NAME:POLICY[,POLICY...][,{MFA}][,{EXTERNAL_ID}]"

# Their ARNs have a path (IAM guide, "AWS managed policies for job functions").
_JOB_FUNCTIONS = frozenset(
    {
        "Billing",
        "DataScientist",
        "DatabaseAdministrator",
        "NetworkAdministrator",
        "SupportUser",
        "SystemAdministrator",
        "ViewOnlyAccess",
    }
)


@unique
class KeyDestination(Enum):
    """Where the user's access key goes."""

    FILE = "file"
    """To the credentials file."""
    KEYRING = "keyring"
    """To the system keyring; the profile reads it back with `credential_process`."""
    STDOUT = "stdout"
    """To stdout, once; awsenv keeps no copy."""


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """A role to create. Its profile has the same name."""

    name: str
    policies: tuple[str, ...]
    """ARNs, or names of AWS managed policies, with their path if they have one."""
    mfa: bool = False
    """Whether its trust policy demands an MFA code."""
    external_id: bool = False
    """Whether its trust policy demands an external id."""

    def __str__(self) -> str:
        """Return the word that names it on the command line."""
        if KNOWN.get(self.name) == self:
            return self.name
        items = (*self.policies, *[MFA] * self.mfa, *[EXTERNAL_ID] * self.external_id)
        return f"{self.name}:{','.join(items)}"

    def policy_arns(self, partition: str) -> tuple[str, ...]:
        """Return the ARNs of its policies in *partition*.

        `ViewOnlyAccess` and the others for job functions are found without their path.
        """
        return tuple(
            policy
            if policy.startswith("arn:")
            else f"arn:{partition}:iam::aws:policy/{'job-function/' if policy in _JOB_FUNCTIONS else ''}{policy}"
            for policy in self.policies
        )


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """The user and the roles to create."""

    user: str
    """The name of the user, of its virtual MFA device and of the profile that holds its access key."""
    account: str
    """The account of the user, twelve digits."""
    role_account: str
    """The account of the roles."""
    roles: tuple[RoleSpec, ...]
    partition: str = "aws"
    region: str | None = None
    """The region in the profiles of the roles; None: none."""
    key_destination: KeyDestination = KeyDestination.FILE

    @property
    def user_arn(self) -> str:
        """The ARN of the user, if setup creates it: an existing one may have a path."""
        return f"arn:{self.partition}:iam::{self.account}:user/{self.user}"

    @property
    def device_serial(self) -> str:
        """The serial number of the virtual MFA device that setup creates."""
        return f"arn:{self.partition}:iam::{self.account}:mfa/{self.user}"

    @property
    def crosses_accounts(self) -> bool:
        """Whether the roles are in another account. Then AWS demands that the user's account allows them, too."""
        return self.account != self.role_account

    @property
    def needs_mfa(self) -> bool:
        """Whether a role demands an MFA code."""
        return any(role.mfa for role in self.roles)

    def role_arn(self, role: RoleSpec) -> str:
        """Return the ARN of *role*, if setup creates it: an existing one may have a path."""
        return f"arn:{self.partition}:iam::{self.role_account}:role/{role.name}"


KNOWN = {
    role.name: role
    for role in (
        RoleSpec("power-user", ("PowerUserAccess",), mfa=True, external_id=True),
        RoleSpec("read-only", ("ReadOnlyAccess",), mfa=True),
    )
}
"""The roles that need only their name."""


def parse_roles(words: Iterable[str]) -> tuple[RoleSpec, ...]:
    """Return the roles that *words* name; without a word, `power-user` and `read-only`.

    A word is one of these two, or `NAME:ITEM[,ITEM...]`: an ITEM is a policy, `mfa` or `external-id`.

    Raises:
        UsageError: A word is neither, or names a role twice.
    """
    roles = tuple(map(_role, words)) or tuple(KNOWN.values())
    seen: set[str] = set()
    for role in roles:
        # To IAM, `Deploy` and `deploy` are the same name.
        if role.name.lower() in seen:
            raise UsageError(f"the role {quoted(role.name)} is named twice", hint="give each ROLE once")
        seen.add(role.name.lower())
    return roles


def checked_name(text: str, owner: str, origin: Origin) -> str:
    """Return *text* as the name of a user or role, and of its profile.

    Args:
        text: The name.
        owner: `the user` or `a role`.
        origin: Where the name comes from.

    Raises:
        UsageError: IAM takes no such name, or its profile would be the default one of every AWS tool.
    """
    if not _matches(_NAME, text) or text == "default":
        raise UsageError(
            f"{quoted(text)} cannot be the name of {owner}",
            origin,
            because="its profile has the same name, and [default] is that of every tool" if text == "default" else None,
            hint="use 1 to 64 letters, digits and _+=,.@-",
        )
    return text


def _role(word: str) -> RoleSpec:
    name, colon, rest = word.partition(":")
    if not colon:
        if word in KNOWN:
            return KNOWN[word]
        meant = nearest(word, KNOWN)
        form = f"write {_FORM}, such as deploy:PowerUserAccess,{MFA}"
        raise UsageError(
            f"no policy given for the role {quoted(word)}; only {listed(list(KNOWN))} need none",
            hint=form if meant is None else (f"awsenv setup {meant}", form),
        )
    checked_name(name, "a role", TYPED)
    items = rest.split(",")
    policies = tuple(dict.fromkeys(item for item in items if item not in {MFA, EXTERNAL_ID}))
    origin = Origin(f"ROLE {quoted(name)}")
    for policy in policies:
        if (meant := nearest(policy, (MFA, EXTERNAL_ID))) is not None:
            raise UsageError(f"{quoted(policy)} is not a policy", origin, hint=f"write {meant}")
        if not _matches(_POLICY_ARN if policy.startswith("arn:") else _POLICY_NAME, policy):
            raise UsageError(
                f"{quoted(policy)} is not a policy",
                origin,
                hint=f"give the name of an AWS managed policy, such as ReadOnlyAccess, an ARN, {MFA} or {EXTERNAL_ID}",
            )
    if not policies:
        raise UsageError(f"the role {quoted(name)} has no policy: it could do nothing", origin, hint=f"write {_FORM}")
    return RoleSpec(name, policies, mfa=MFA in items, external_id=EXTERNAL_ID in items)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None
