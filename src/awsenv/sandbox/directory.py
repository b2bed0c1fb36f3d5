"""IAM as moto keeps it: users and their keys, roles, policies, MFA devices.

Whatever is made through the IAM API is seen here at once, and the other way round. moto keeps all accounts of a
process in one place, so each sandbox takes accounts that no other sandbox of the process has.
"""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any

from moto.core.base_backend import BackendDict
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.iam.utils import generate_access_key_id_from_account_id

from awsenv.sandbox.answers import ServiceError
from awsenv.sandbox.identity import Caller, Key, Kind

PARTITION = "aws"

Policy = dict[str, Any]
"""A policy document."""

_TAKEN: set[str] = set()
_LOCK = threading.Lock()

_ALL = "*"
# As AWS has them, ReadOnlyAccess cut down to the services that the sandbox serves.
_MANAGED: dict[str, list[Policy]] = {
    "AdministratorAccess": [{"Effect": "Allow", "Action": _ALL, "Resource": _ALL}],
    "PowerUserAccess": [
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": _ALL},
        {
            "Effect": "Allow",
            "Action": [
                "account:GetAccountInformation",
                "account:ListRegions",
                "iam:CreateServiceLinkedRole",
                "iam:DeleteServiceLinkedRole",
                "iam:ListRoles",
                "organizations:DescribeOrganization",
            ],
            "Resource": _ALL,
        },
    ],
    "ReadOnlyAccess": [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGet*",
                "dynamodb:Describe*",
                "dynamodb:Get*",
                "dynamodb:List*",
                "dynamodb:Query",
                "dynamodb:Scan",
                "ec2:Describe*",
                "ec2:Get*",
                "ec2:List*",
                "ec2:Search*",
                "iam:Generate*",
                "iam:Get*",
                "iam:List*",
                "iam:Simulate*",
                "s3:DescribeJob",
                "s3:Get*",
                "s3:List*",
                "sts:GetAccessKeyInfo",
                "sts:GetCallerIdentity",
                "sts:GetSessionToken",
            ],
            "Resource": _ALL,
        }
    ],
}


def managed_policy_arn(name: str) -> str:
    """Return the ARN of an AWS managed policy."""
    return f"arn:{PARTITION}:iam::aws:policy/{name}"


class Directory:
    """The IAM of the accounts of one sandbox."""

    def __init__(self, account: str | None = None) -> None:
        self._accounts: set[str] = set()
        self.account = account or f"{secrets.randbelow(9 * 10**11) + 10**11}"
        self.backend(self.account)

    def backend(self, account: str) -> Any:
        """Return moto's IAM of *account*, and make the account if there is none.

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
                _add_managed_policies(backend)
        return backend

    def close(self) -> None:
        """Forget the accounts, in every service that moto has loaded."""
        with _LOCK:
            for backends in list(BackendDict._instances):  # type: ignore[misc]  # noqa: SLF001 - moto names no other way to all
                for account in self._accounts & set(backends):
                    if backends.service_name == "s3":
                        backends[account].reset()  # the names of buckets and their files are kept elsewhere
                    del backends[account]
            _TAKEN.difference_update(self._accounts)
            self._accounts.clear()

    @staticmethod
    def new_id(prefix: str, account: str) -> str:
        """Return a new id of AWS's form: `ASIA` begins a temporary key, `AIDA` a user."""
        return str(generate_access_key_id_from_account_id(account, prefix=prefix, total_length=20))

    def find_key(self, access_key_id: str) -> Key | None:
        """Return a long-term key; None if there is none, or if it is inactive."""
        for account in tuple(self._accounts):
            backend = self.backend(account)
            key = backend.access_keys.get(access_key_id)
            if key is not None and key.user_name in backend.users:
                if key.status != "Active":
                    return None
                return Key(key.secret_access_key, self.user(account, key.user_name))
        return None

    def user(self, account: str, name: str) -> Caller:
        """Return the user *name* as a caller."""
        user = self.backend(account).get_user(name)
        return Caller(Kind.USER, account, name, user.arn, user.arn, user.id)

    def knows(self, caller: Caller) -> bool:
        """Whether the user or the role behind *caller* is still there; one made anew is another."""
        if caller.kind is not Kind.ROLE:
            user = self.backend(caller.account).users.get(caller.name)
            return user is not None and user.id == caller.user_id
        role = self.role(caller.principal_arn)
        return role is not None and role.id == caller.user_id.partition(":")[0]

    def role(self, arn: str) -> Any | None:
        """Return moto's role of that ARN; None if there is no such role, or no such account."""
        account = arn.split(":")[4]
        if account not in self._accounts:
            return None
        return next((role for role in list(self.backend(account).get_roles()) if role.arn == arn), None)

    def has_principal(self, name: str) -> bool:
        """Whether *name*, as a trust policy has it, is that of an account, a user or a role that is there."""
        parts = name.split(":")
        account = parts[4] if len(parts) > 5 else name  # noqa: PLR2004 - an ARN has six parts
        if account not in self._accounts:
            return False
        if name in (account, f"arn:{PARTITION}:iam::{account}:root"):
            return True
        return self.role(name) is not None or any(
            user.arn == name for user in list(self.backend(account).users.values())
        )

    def forget_principal(self, arn: str) -> None:
        """Let the trust policies that name a user who was deleted name an id instead, as AWS does.

        A user of the same name who is made anew is another.
        """
        gone = self.new_id("AIDA", arn.split(":")[4])
        for account in tuple(self._accounts):
            for role in list(self.backend(account).get_roles()):
                role.assume_role_policy_document = role.assume_role_policy_document.replace(f'"{arn}"', f'"{gone}"')

    def identity_policies(self, caller: Caller) -> list[Policy]:
        """Return what is attached to the user, its groups, or the role: inline and managed."""
        backend = self.backend(caller.account)
        if caller.kind is Kind.ROLE:
            role = self.role(caller.principal_arn)
            holders = [] if role is None else [role]
        elif caller.name in backend.users:
            holders = [backend.users[caller.name], *backend.get_groups_for_user(caller.name)]
        else:
            holders = []
        documents = [text for holder in holders for text in holder.policies.values()]
        managed = [policy for holder in holders for policy in holder.managed_policies.values()]
        return [json.loads(text) for text in (*documents, *map(_document, managed))]

    def managed_policy(self, account: str, arn: str) -> Policy:
        """Return a managed policy by its ARN.

        Raises:
            ServiceError: There is none.
        """
        policy = self.backend(account).managed_policies.get(arn)
        if policy is None:
            raise ServiceError("InvalidParameterValue", f"PolicyArns contains an ARN that does not exist: {arn}")
        document: Policy = json.loads(_document(policy))
        return document


def _document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _add_managed_policies(backend: Any) -> None:
    for name, statements in _MANAGED.items():
        policy = AWSManagedPolicy(  # type: ignore[abstract]  # what is missing is CloudFormation's
            name,
            account_id=backend.account_id,
            region=backend.region_name,
            document=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
        backend.aws_managed_policies.append(policy)
        backend.managed_policies[policy.arn] = policy
