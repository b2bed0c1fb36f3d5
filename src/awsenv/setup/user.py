"""The user who may do nothing but assume roles: whether the one that is there is such a one, and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.text import listed, quoted
from awsenv.errors import ConfigError
from awsenv.iam.conditions import as_list
from awsenv.iam.policy import statements
from awsenv.setup.plan import USER_POLICY, CreateUser, PutUserPolicy, Step, user_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.setup.plan import Document, Wanted
    from awsenv.setup.state import State, User


def check(wanted: Wanted, state: State) -> None:
    """Check that the user, if there is one, can be nothing else than one who assumes roles.

    Raises:
        ConfigError: It has permissions or a console password; or a role has its name, and so its profile.
    """
    if any(role.name == wanted.source_profile for role in wanted.roles):
        raise ConfigError(
            f"the user and a role are both named {quoted(wanted.source_profile)}: both would be the same profile",
            hint="name another user with --user",
        )
    used = _uses(state.user) if state.user is not None else []
    if used:
        raise ConfigError(
            f"the user {quoted(wanted.user)} is there for something else: it has {listed(used)}",
            hint="name another user with --user; one that only assumes roles needs none of it",
        )


def steps(wanted: Wanted, state: State) -> Iterator[Step]:
    """Make the user if it is not there."""
    if state.user is None:
        yield Step(f"create the user {wanted.user}, with no permissions", CreateUser(wanted.user))


def policy_steps(wanted: Wanted, state: State) -> Iterator[Step]:
    """Allow the user to assume the roles, where they are in another account: that AWS demands of both accounts.

    What an earlier run allowed stays.
    """
    if not wanted.crosses_accounts:
        return
    there = _allowed(state.user.policy) if state.user is not None and state.user.policy is not None else []
    roles = state.roles
    arns = [roles[role.name].arn if role.name in roles else wanted.role_arn(role) for role in wanted.roles]
    document = user_policy(dict.fromkeys((*(there or []), *arns)))
    if not set(arns) <= set(there or []):
        yield Step(
            f"allow the user {wanted.user} to assume the roles of account {wanted.role_account}",
            PutUserPolicy(wanted.user, document),
            {f"inline policy {USER_POLICY}": document},
        )


def _uses(user: User) -> list[str]:
    """Return what a user has who does something else than assume roles."""
    inline = [name for name in user.inline if name != USER_POLICY or _allowed(user.policy) is None]
    return [
        *(["a console password"] if user.has_password else []),
        *(f"the group {quoted(name)}" for name in user.groups),
        *(f"the policy {quoted(name)}" for name in (*user.attached, *inline)),
    ]


def _allowed(document: Document | None) -> list[str] | None:
    """Return the roles that the policy `assume-roles` allows; None: it says something else than awsenv writes."""
    found = statements([document or {}])
    if len(found) != 1 or set(found[0].elements) - {"Sid"} != {"Effect", "Action", "Resource"}:
        return None
    statement = found[0].elements
    actions = {str(action).lower() for action in as_list(statement["Action"])}
    arns = [str(arn) for arn in as_list(statement["Resource"])]
    exact = all(":role/" in arn and not set("*?$") & set(arn) for arn in arns)
    return arns if statement["Effect"] == "Allow" and actions == {"sts:assumerole"} and exact else None
