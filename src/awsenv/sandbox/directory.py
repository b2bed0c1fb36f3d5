"""IAM as moto keeps it: users and their keys, roles, policies and MFA devices; and the callers.

What a client creates through the IAM API is visible here at once, and the reverse. moto keeps all accounts of a
process in one place, so no two sandboxes of a process share an account.
"""

from __future__ import annotations

import json
import secrets
import threading
from typing import TYPE_CHECKING, Any

from moto.core.base_backend import BackendDict
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.iam.utils import generate_access_key_id_from_account_id

from awsenv.iam.policy import Policies
from awsenv.iam.principal import ROLE, USER, Principal
from awsenv.record import dataclass, field
from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from datetime import datetime

    from awsenv.iam.policy import Document
    from awsenv.sandbox.clock import Clock

PARTITION = "aws"

_TAKEN: set[str] = set()
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Caller(Principal):
    """A principal that calls, and the properties of its session."""

    mfa_at: datetime | None = None
    """When an MFA code opened the session. Never set for a role: its credentials carry no MFA."""
    session_policies: tuple[Document, ...] = ()
    scopes: tuple[Document, ...] = ()
    """The policies of sts:GetScopedCredentials, the first first."""
    ends: datetime | None = None
    """When the session ends; None: the key is that of a user."""
    transitive: frozenset[str] = frozenset()
    """The keys of the tags that the next role inherits, in lower case."""
    chained: bool = False
    """Whether the role was assumed with temporary credentials."""

    @property
    def user(self) -> str | None:
        """The name of the user; None: a role calls."""
        return self.name if self.kind == USER else None


@dataclass(frozen=True, slots=True)
class Key:
    """A key that the sandbox knows."""

    secret: str = field(repr=False)
    caller: Caller
    token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


class Directory:
    """The accounts of one sandbox with their IAM, and the clock that all of them go by."""

    def __init__(self, clock: Clock, account: str | None = None) -> None:
        self.clock = clock
        self._accounts: set[str] = set()
        self.account = account or f"{secrets.randbelow(9 * 10**11) + 10**11}"
        self.backend(self.account)

    def backend(self, account: str) -> Any:
        """Return moto's IAM for *account*, which is created if need be.

        Raises:
            ValueError: Another sandbox of this process has the account.
        """
        with _LOCK:
            backend = iam_backends[account][PARTITION]
            if account not in self._accounts:
                if account in _TAKEN:
                    raise ValueError(f"account {account} belongs to another sandbox of this process")
                _TAKEN.add(account)
                self._accounts.add(account)
        return backend

    def close(self) -> None:
        """Delete the accounts, in every service that moto has loaded."""
        with _LOCK:
            for backends in list(BackendDict._instances):  # type: ignore[misc]  # noqa: SLF001 - moto has no public list
                for account in self._accounts & set(backends):
                    if backends.service_name == "s3":
                        backends[account].reset()  # moto keeps bucket names and files elsewhere
                    del backends[account]
            _TAKEN.difference_update(self._accounts)
            self._accounts.clear()

    @staticmethod
    def new_id(prefix: str, account: str) -> str:
        """Return a new id in AWS's form, with a prefix such as `ASIA` (temporary key) or `AIDA` (user)."""
        return str(generate_access_key_id_from_account_id(account, prefix=prefix, total_length=20))

    def find_key(self, access_key_id: str) -> Key | None:
        """Return a long-term key; None: there is none, or it is inactive."""
        for account in tuple(self._accounts):
            backend = self.backend(account)
            key = backend.access_keys.get(access_key_id)
            user = None if key is None else backend.users.get(key.user_name)
            if user is not None and key.status == "Active":
                return Key(key.secret_access_key, Caller(user.arn, user_id=user.id))
        return None

    def knows(self, caller: Caller) -> bool:
        """Return whether the user or role of *caller* still exists; a new one of the same name does not count."""
        found = self._holder(caller)
        return found is not None and found.id == str(caller.user_id).partition(":")[0]

    def role(self, arn: str) -> Any | None:
        """Return moto's role with the ARN *arn*; None: there is no such role or account."""
        roles = (role for account in tuple(self._accounts) for role in list(self.backend(account).get_roles()))
        return next((role for role in roles if role.arn == arn), None)

    def has_principal(self, name: str) -> bool:
        """Return whether *name*, from a trust policy, names an account, user or role that exists."""
        users = (user.arn for account in tuple(self._accounts) for user in list(self.backend(account).users.values()))
        roots = (f"arn:{PARTITION}:iam::{account}:root" for account in self._accounts)
        return name in {*self._accounts, *roots, *users} or self.role(name) is not None

    def forget_principal(self, arn: str) -> None:
        """Replace the ARN of a deleted user in trust policies with an id, as AWS does."""
        gone = self.new_id("AIDA", arn.split(":")[4])
        for account in tuple(self._accounts):
            for role in list(self.backend(account).get_roles()):
                role.assume_role_policy_document = role.assume_role_policy_document.replace(f'"{arn}"', f'"{gone}"')

    def policies(self, caller: Caller) -> Policies:
        """Return the policies of the user and its groups, or of the role, with their limits."""
        backend = self.backend(caller.account)
        found = self._holder(caller)
        groups = backend.get_groups_for_user(caller.user) if found is not None and caller.user is not None else []
        holders = [*([] if found is None else [found]), *groups]
        inline = [json.loads(text) for holder in holders for text in holder.policies.values()]
        managed = [_document(policy) for holder in holders for policy in holder.managed_policies.values()]
        boundary = getattr(found, "permissions_boundary_arn", None)
        return Policies(
            (*inline, *managed),
            None if boundary is None else _document(backend.managed_policies[boundary]),
            caller.session_policies,
            caller.scopes,
        )

    def _holder(self, caller: Caller) -> Any | None:
        """Return moto's user or role for *caller*; None: it was deleted."""
        if caller.kind == ROLE:
            return self.role(caller.principal_arn)
        return self.backend(caller.account).users.get(caller.name)

    def add_managed(self, account: str, arn: str) -> None:
        """Let *account* know the managed policy *arn*, if it is one of AWS's.

        moto has the text of all of them, and takes half a second to read it, unless a client needs one.
        """
        backend, name = self.backend(account), arn.rpartition("/")[2]
        begin = aws_managed_policies_data.find(f'\n "{name}":{{')
        if begin < 0:
            return
        data, _ = json.JSONDecoder().raw_decode(aws_managed_policies_data, aws_managed_policies_data.index("{", begin))
        policy = AWSManagedPolicy.from_data(name, account, backend.region_name, data)
        with _LOCK:
            if policy.arn == arn and arn not in backend.managed_policies:
                backend.aws_managed_policies.append(policy)
                backend.managed_policies[arn] = policy

    def managed_policy(self, account: str, arn: str) -> Document:
        """Return a managed policy by its ARN.

        Raises:
            ServiceError: There is none.
        """
        self.add_managed(account, arn)
        policy = self.backend(account).managed_policies.get(arn)
        if policy is None:
            raise ServiceError("InvalidParameterValue", f"PolicyArns contains an ARN that does not exist: {arn}")
        return _document(policy)


def _document(policy: Any) -> Document:
    document: Document = json.loads(next(version.document for version in policy.versions if version.is_default))
    return document
