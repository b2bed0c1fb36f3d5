"""Access keys: the long-term keys of IAM, and the temporary ones that STS issues."""

from __future__ import annotations

import base64
import hmac
import math
import secrets
import string
from datetime import timedelta
from typing import TYPE_CHECKING

from awsenv.model import Credentials
from awsenv.record import replace
from awsenv.sandbox.directory import Caller, Directory, Key
from awsenv.sandbox.responses import AuthenticationError, Failure

if TYPE_CHECKING:
    from datetime import datetime

TOKEN = 632
"""Bytes of a session token, to which policies add. Clients must not rely on its size."""

_START = "IQoJb3JpZ2luX2Vj"
"""AWS's tokens begin like this."""


class Keys:
    """All access keys of a sandbox."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._sessions: dict[str, Key] = {}

    def issue(self, caller: Caller, seconds: int) -> Credentials:
        """Return new temporary credentials for *caller*, valid for *seconds*."""
        return self.issue_until(caller, self._directory.clock.now() + timedelta(seconds=seconds))

    def issue_until(self, caller: Caller, ends: datetime, *, size: int = TOKEN) -> Credentials:
        """Return new temporary credentials for *caller*, with a session token of *size* bytes.

        They are valid until *ends*, in whole seconds.
        """
        access_key_id = self._directory.new_id("ASIA", caller.account)
        secret = "".join(secrets.choice(string.ascii_letters + string.digits + "+/") for _ in range(40))
        token = _START + base64.b64encode(secrets.token_bytes(3 * math.ceil((size - len(_START)) / 4))).decode()
        expiration = ends.replace(microsecond=0)
        self._sessions[access_key_id] = Key(secret, replace(caller, ends=expiration), token, expiration)
        return Credentials(access_key_id, secret, token, expiration, caller.account, caller.arn)

    def find(self, access_key_id: str, token: str | None) -> Key:
        """Return a key that is valid now.

        Raises:
            AuthenticationError: It is unknown, inactive or expired, or the session token belongs to another key.
        """
        key = self._sessions.get(access_key_id) or self._directory.find_key(access_key_id)
        if key is None or not self._directory.knows(key.caller):
            raise AuthenticationError(Failure.UNKNOWN_KEY)
        if not hmac.compare_digest((key.token or "").encode(), (token or "").encode()):
            raise AuthenticationError(Failure.WRONG_TOKEN)
        if key.expiration is not None and key.expiration <= self._directory.clock.now():
            raise AuthenticationError(Failure.EXPIRED_TOKEN)
        return key
