"""What happens before a command gets a role: the rule about assistants, and a question on the terminal of the caller.

The question is about roles that are protected, or that must be confirmed.
"""

from __future__ import annotations

from awsenv.config import sources
from awsenv.config.assistants import refuse
from awsenv.errors import UsageError
from awsenv.model import AssumeRole, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.guard import Guard
    from awsenv.agent.plan import Plan
    from awsenv.config import Profiles
    from awsenv.model import Chain


def check_assistant(chain: Chain, guard: Guard | None, plan: Callable[[], Plan]) -> None:
    """Check that a role is for the assistant that asks, if one does; else let *guard* note it.

    Raises:
        UsageError: It is not.
    """
    try:
        refuse(chain)
    except UsageError as error:
        if guard is not None:
            guard.refuse(plan(), error)
        raise


def question(
    chain: Chain, profiles: Profiles, text: str | None, *, is_confirmed: bool, here: bool = True
) -> Question | None:
    """Return what to ask before a command gets a role; None: nothing.

    Args:
        chain: That of the role.
        profiles: The profiles of the two files.
        text: The yes-or-no question for a protected role; None: the user types the name of the role.
        is_confirmed: Whether `--yes` has confirmed a protected role.
        here: Whether to ask about a role that must be confirmed: no agent does it.
    """
    rails, last, name, what = chain.rails, chain.last, chain.role, sources.title(chain.source)
    is_protected = rails.is_protected and not is_confirmed
    if not is_protected and (rails.confirm is None or not here):
        return None
    account = sources.account_of(chain, profiles)
    if isinstance(last, AssumeRole):
        what, account = f"role {last.role.name}", last.role.account or account
        name = chain.role if last.profile is not None else last.role.name
    within = "" if account is None else f" in account {account}"
    if is_protected:
        origin = rails.origins.get("is_protected")
        return Question(f"{name} is protected: {what}{within}", name, text, rails.color, origin)
    fact, origin = f"{name} must be confirmed: {what}{within}", rails.origins.get("confirm")
    return Question(fact, name, text or "Assume it?", rails.color, origin, takes_yes=False)
