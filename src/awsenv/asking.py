"""The question on the terminal of the caller before a command gets a role: a protected one, or one to be confirmed."""

from __future__ import annotations

from awsenv.config import sources
from awsenv.model import AssumeRole, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.config import Profiles
    from awsenv.model import Chain


def question(
    chain: Chain, profiles: Profiles, text: str | None, *, is_confirmed: bool, here: bool = True
) -> Question | None:
    """Return what to ask before a command gets a role; None: nothing.

    Args:
        chain: That of the role.
        profiles: The profiles of the two files.
        text: The yes-or-no question for a protected role; None: the user types the name of the role.
        is_confirmed: Whether `--yes` has confirmed a protected role.
        here: Whether no agent asks for what is to be confirmed.
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
    fact, origin = f"{name} asks to be confirmed: {what}{within}", rails.origins.get("confirm")
    return Question(fact, name, text or "Assume it?", rails.color, origin, takes_yes=False)
