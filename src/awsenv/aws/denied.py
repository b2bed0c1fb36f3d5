"""Why AWS may have refused a role. It answers AccessDenied to a missing role and to a missing permission alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.config.arns import is_bare_name
from awsenv.config.text import quoted
from awsenv.model import AssumeRole, GetSessionToken

if TYPE_CHECKING:
    from awsenv.model import Chain

_ROLE_SOURCES = frozenset({"sso", "web-identity", "container", "instance"})


def hint(chain: Chain, index: int, account: str) -> str:
    """Return what to check after an AccessDenied from an AssumeRole.

    Args:
        chain: The chain.
        index: Which of its hops was refused.
        account: The account of the role.
    """
    hop = chain.hops[index]
    if not isinstance(hop, AssumeRole):
        return "check what the user may do"
    checks = [
        _existence(chain, hop, account),
        _external_id(hop),
        _mfa(chain, index),
    ]
    return "; ".join(check for check in checks if check)


def _existence(chain: Chain, hop: AssumeRole, account: str) -> str:
    if hop.profile is None and is_bare_name(chain.role):
        return f"{quoted(chain.role)} is no profile: it was taken for a role of account {account}"
    return "check that the role exists and that its trust policy names you"


def _external_id(hop: AssumeRole) -> str:
    if hop.external_id is None:
        return "if it asks for an external id, set external_id or --external-id"
    origin = hop.origins.get("external_id")
    return "the external id may be wrong" + (f" ({origin})" if origin is not None else "")


def _mfa(chain: Chain, index: int) -> str:
    hop, before = chain.hops[index], chain.hops[:index]
    if hop.mfa is not None:
        return ""
    if any(isinstance(earlier, AssumeRole) for earlier in before) or chain.source.kind in _ROLE_SOURCES:
        return "a role that asks for MFA cannot be reached through another role"
    if any(isinstance(earlier, GetSessionToken) for earlier in before):
        return "its trust policy may ask for a fresher MFA code than that of the session"
    return "if it asks for MFA, set mfa_serial or pass a code as the second word"
