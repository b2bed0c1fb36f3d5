"""Why AWS may have refused a role. To a missing role and to a missing permission it answers AccessDenied alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.arns import is_bare_name
from awsenv.config.sources import OF_A_ROLE
from awsenv.config.text import quoted
from awsenv.model import AssumeRole, GetSessionToken

if TYPE_CHECKING:
    from awsenv.model import Chain


def hint(chain: Chain, index: int, account: str, where: str) -> str:
    """Return what to check after an AccessDenied from an AssumeRole.

    Args:
        chain: The chain.
        index: Which of its hops was refused.
        account: The account of the role.
        where: The files that a profile was looked for in, as a message names them.
    """
    hop = chain.hops[index]
    if not isinstance(hop, AssumeRole):
        return "check the permissions of the user"
    if is_typed_name(chain, index):
        return f"{quoted(chain.role)} is not a profile in {where}, and was taken for a role of account {account}"
    checks = (
        "check that the role exists and that its trust policy names you",
        _external_id(hop),
        _mfa(chain, index),
    )
    return "; ".join(check for check in checks if check)


def is_typed_name(chain: Chain, index: int) -> bool:
    """Tell whether a hop's role was typed as a bare name, which may have been meant for a profile."""
    hop = chain.hops[index] if chain.hops else None
    return isinstance(hop, AssumeRole) and hop.profile is None and is_bare_name(chain.role)


def _external_id(hop: AssumeRole) -> str:
    if hop.external_id is None:
        return "if it requires an external id, set external_id or --external-id"
    origin = hop.origins.get("external_id")
    return "the external id may be wrong" + (f" ({origin})" if origin is not None else "")


def _mfa(chain: Chain, index: int) -> str:
    hop, before = chain.hops[index], chain.hops[:index]
    if hop.mfa is not None:
        return ""
    if any(isinstance(earlier, AssumeRole) for earlier in before) or chain.source.kind in OF_A_ROLE:
        return "a role that requires MFA cannot be reached through another role"
    if any(isinstance(earlier, GetSessionToken) for earlier in before):
        return "its trust policy may require a more recent MFA code than that of the session"
    return "if it requires MFA, set mfa_serial or pass a code as the second word"
