"""The roles that `awsenv setup` is asked for, as a person types them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.config.text import listed, quoted
from awsenv.errors import UsageError
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

MFA = "mfa"
EXTERNAL_ID = "external-id"

_NAME = r"[\w+=,.@-]{1,64}"
_POLICY_NAME = r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,128}"
_POLICY_ARN = rf"arn:[a-z-]+:iam::(?:[0-9]{{12}}|aws):policy/{_POLICY_NAME}"
_FORM = f"NAME:POLICY[,POLICY…][,{MFA}][,{EXTERNAL_ID}]"

# Their ARNs have a path that nobody knows by heart (IAM guide, "AWS managed policies for job functions").
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


@dataclass(frozen=True, slots=True)
class WantedRole:
    """A role to make. Its profile has the same name."""

    name: str
    policies: tuple[str, ...]
    """ARNs, or names of AWS managed policies, with their path if they have one."""
    mfa: bool = False
    """Whether its trust policy demands an MFA code."""
    external_id: bool = False
    """Whether its trust policy demands an external id."""

    def policy_arns(self, partition: str) -> tuple[str, ...]:
        """Return the ARNs of its policies in *partition*."""
        return tuple(policy_arn(policy, partition) for policy in self.policies)


KNOWN = {
    role.name: role
    for role in (
        WantedRole("power-user", ("PowerUserAccess",), mfa=True, external_id=True),
        WantedRole("read-only", ("ReadOnlyAccess",), mfa=True),
    )
}
"""The roles that need no more than their name."""


_USER = Origin("--user")


def policy_arn(policy: str, partition: str) -> str:
    """Return the ARN of a managed policy that is given as one, or by the name that AWS gave it.

    `ViewOnlyAccess` and the others for job functions are found without their path.
    """
    if policy.startswith("arn:"):
        return policy
    path = "job-function/" if policy in _JOB_FUNCTIONS else ""
    return f"arn:{partition}:iam::aws:policy/{path}{policy}"


def parse(words: Iterable[str]) -> tuple[WantedRole, ...]:
    """Return the roles that *words* mean; without a word, `power-user` and `read-only`.

    A word is one of these two, or `NAME:ITEM[,ITEM…]`: an ITEM is a policy, `mfa` or `external-id`.

    Raises:
        UsageError: A word is neither, or a role is named twice.
    """
    roles = tuple(map(_role, words)) or tuple(KNOWN.values())
    seen: set[str] = set()
    for role in roles:
        # To IAM, `Deploy` and `deploy` are the same name.
        if role.name.lower() in seen:
            raise UsageError(f"the role {quoted(role.name)} is named twice", Origin("ROLE"), hint="name each role once")
        seen.add(role.name.lower())
    return roles


def user_name(text: str, origin: Origin = _USER) -> str:
    """Return the name of a user, which is the name of a profile, too.

    Args:
        text: The name.
        origin: Where it was given.

    Raises:
        UsageError: IAM takes no such name, or its profile would be that of every AWS tool.
    """
    if not _matches(_NAME, text) or text == "default":
        raise UsageError(
            f"{quoted(text)} cannot be the name of the user",
            origin,
            hint="1 to 64 letters, digits and _+=,.@-, and not 'default': its profile has the same name",
        )
    return text


def _role(word: str) -> WantedRole:
    name, colon, rest = word.partition(":")
    if not colon:
        if word in KNOWN:
            return KNOWN[word]
        raise UsageError(
            f"what may the role {quoted(word)} do? only {listed(list(KNOWN))} need no more than their name",
            Origin("ROLE"),
            hint=f"write {_FORM}, such as deploy:PowerUserAccess,{MFA}",
        )
    if not _matches(_NAME, name):
        raise UsageError(
            f"{quoted(name)} cannot be the name of a role",
            Origin("ROLE"),
            hint=f"write {_FORM}: 1 to 64 letters, digits and _+=,.@- before the colon",
        )
    if name == "default":
        raise UsageError(
            "a role cannot be named 'default' here: its profile would be that of every AWS tool",
            Origin("ROLE"),
            hint="give the role another name",
        )
    return _described(name, rest.split(","))


def _described(name: str, items: list[str]) -> WantedRole:
    policies = tuple(dict.fromkeys(item for item in items if item not in {MFA, EXTERNAL_ID}))
    for policy in policies:
        if not _matches(_POLICY_ARN if policy.startswith("arn:") else _POLICY_NAME, policy):
            raise UsageError(
                f"{quoted(policy)} is not a policy",
                Origin(f"ROLE {quoted(name)}"),
                hint=f"give the name of an AWS managed policy, such as ReadOnlyAccess, an ARN, {MFA} or {EXTERNAL_ID}",
            )
    if not policies:
        raise UsageError(
            f"the role {quoted(name)} has no policy: it could do nothing",
            Origin(f"ROLE {quoted(name)}"),
            hint=f"name one: {_FORM}",
        )
    return WantedRole(name, policies, mfa=MFA in items, external_id=EXTERNAL_ID in items)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None
