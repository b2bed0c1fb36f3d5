"""What the templates have in common, in whatever language: names, and what a person is told above them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from awsenv.setup.roles import EXTERNAL_ID, KNOWN, MFA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from awsenv.setup.plan import Wanted
    from awsenv.setup.roles import WantedRole

EXTERNAL_ID_OF = "External id of the role {}: 2 to 1224 letters, digits and _+=,.@:/-"


def identifiers(names: Iterable[str], spell: Callable[[str], str]) -> dict[str, str]:
    """Return for each name an identifier of the template's language: spelled, and numbered where two would be alike."""
    taken: dict[str, str] = {}
    for name in names:
        first = spelled = spell(name)
        number = 1
        while spelled in taken.values():
            number += 1
            spelled = f"{first}{number}"
        taken[name] = spelled
    return taken


def introduction(wanted: Wanted, template_format: str, how: Iterable[str]) -> list[str]:
    """Return the comment above a template, without the marks that make it one.

    Args:
        wanted: What the template makes.
        template_format: As `--format` has it.
        how: How it is applied.
    """
    words = [
        *(_word(role) for role in wanted.roles),
        *("--user", wanted.user, "--profile", "ADMINISTRATOR"),
        *(("--role-profile", "ADMINISTRATOR_OF_THE_ROLES") if wanted.crosses_accounts else ()),
    ]
    return [
        f"Made by awsenv setup --format {template_format}: a user who can do nothing but assume these roles.",
        "",
        *how,
        "",
        "Not in here, for they would be kept wherever its state is: the user's access key and MFA device. These, and",
        "the profiles in ~/.aws/config, are made afterwards; what this has made is found and left as it is:",
        "",
        f"  awsenv setup {shlex.join(words)}",
    ]


def how_external_ids(wanted: Wanted) -> list[str]:
    """Return how a person comes by the external ids, if there are any."""
    if not any(role.external_id for role in wanted.roles):
        return []
    return ["Make up an external id for each role that wants one: openssl rand -hex 16"]


def _word(role: WantedRole) -> str:
    if KNOWN.get(role.name) == role:
        return role.name
    items = [*role.policies, *([MFA] if role.mfa else []), *([EXTERNAL_ID] if role.external_id else [])]
    return f"{role.name}:{','.join(items)}"
