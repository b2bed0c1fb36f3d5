"""Who calls, and the keys that say so."""

from __future__ import annotations

import base64
import hmac
import secrets
import string
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum, auto, unique
from typing import TYPE_CHECKING

from awsenv.model import Credentials
from awsenv.sandbox.answers import AuthenticationError, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Directory


@unique
class Kind(Enum):
    """What stands behind a key."""

    USER = auto()
    """The long-term key of an IAM user."""
    SESSION = auto()
    """What GetSessionToken gave to an IAM user."""
    ROLE = auto()
    """What AssumeRole gave."""


@dataclass(frozen=True)
class Caller:
    """Who calls."""

    kind: Kind
    account: str
    name: str
    """Of the user or the role, without its path."""
    arn: str
    """As GetCallerIdentity says it."""
    principal_arn: str
    """The ARN of the user or the role itself, which is what policies name."""
    user_id: str
    mfa_at: datetime | None = None
    """When the session was opened with an MFA code. Never set for a role: its credentials carry no MFA."""
    session_policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    """The keys of the tags that go on to the next role, in lower case."""
    source_identity: str | None = None
    chained: bool = False
    """Whether the role was assumed with temporary credentials."""

    @property
    def temporary(self) -> bool:
        """Whether the credentials came from STS."""
        return self.kind is not Kind.USER


@dataclass(frozen=True)
class Key:
    """A key that the sandbox knows."""

    secret: str = field(repr=False)
    caller: Caller
    token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


class Keys:
    """All the keys there are: the long-term ones of IAM, and those that STS gave out."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._sessions: dict[str, Key] = {}

    def issue(self, caller: Caller, seconds: int) -> Credentials:
        """Make temporary credentials for *caller*."""
        access_key_id = self._directory.new_id("ASIA", caller.account)
        secret = "".join(secrets.choice(string.ascii_letters + string.digits + "+/") for _ in range(40))
        # AWS's tokens begin so, and no client may rely on their length.
        token = "IQoJb3JpZ2luX2Vj" + base64.b64encode(secrets.token_bytes(460)).decode()
        expiration = (self._clock.now() + timedelta(seconds=seconds)).replace(microsecond=0)
        self._sessions[access_key_id] = Key(secret, caller, token, expiration)
        return Credentials(access_key_id, secret, token, expiration, caller.account, caller.arn)

    def find(self, access_key_id: str, token: str | None) -> Key:
        """Return a key that is good now.

        Raises:
            AuthenticationError: It is unknown, inactive or expired, or the session token is not its own.
        """
        key = self._sessions.get(access_key_id) or self._directory.find_key(access_key_id)
        if key is None or not self._directory.knows(key.caller):
            raise AuthenticationError(Failure.UNKNOWN_KEY)
        if not hmac.compare_digest((key.token or "").encode(), (token or "").encode()):
            raise AuthenticationError(Failure.WRONG_TOKEN)
        if key.expiration is not None and key.expiration <= self._clock.now():
            raise AuthenticationError(Failure.EXPIRED_TOKEN)
        return key


def with_session(user: Caller, mfa_at: datetime | None) -> Caller:
    """Return what GetSessionToken makes of *user*."""
    return replace(user, kind=Kind.SESSION, mfa_at=mfa_at)
