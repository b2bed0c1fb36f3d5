"""The role session name, which CloudTrail shows, and the label, which the prompt shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from awsenv.config import limits
from awsenv.origin import Origin
from awsenv.variables import USER, having

if TYPE_CHECKING:
    from awsenv.model import Environ

_LONGEST = 64


def default_session_name(environ: Environ, user: str | None) -> tuple[str, Origin]:
    """Return the role session name where none is configured, and where it comes from.

    That is `AWS_ROLE_SESSION_NAME`, else the name of the user made legal: that of the environment, else *user*, which
    cron and containers leave as the only one; else `awsenv`.

    Raises:
        ConfigError: `AWS_ROLE_SESSION_NAME` is not one that AWS takes: what is given is refused, not altered.
    """
    given = environ.get("AWS_ROLE_SESSION_NAME")
    if given:
        origin = Origin("AWS_ROLE_SESSION_NAME")
        return limits.session_name(given, origin), origin
    names = [(environ.get(variable), variable) for variable in having(USER)] + [(user, "the password database")]
    for text, place in names:
        name = legal_session_name(text or "")
        if name is not None:
            return name, Origin(place)
    return "awsenv", Origin("the default of awsenv")


def legal_session_name(text: str) -> str | None:
    """Return *text* as a role session name, which is 2 to 64 of `[A-Za-z0-9_+=,.@-]`; None: nothing is left of it."""
    name = re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[:_LONGEST]
    if not any(letter.isalnum() for letter in name):
        return None
    return name if len(name) > 1 else f"{name}-awsenv"


def label(text: str) -> str:
    """Return *text* with all but `[A-Za-z0-9_.@+=,/-]` replaced, so that it is inert wherever a prompt shows it."""
    return re.sub(r"[^A-Za-z0-9_.@+=,/-]", "-", text)
