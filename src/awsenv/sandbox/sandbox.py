"""The sandbox as a whole: start it, fill it, point clients at it, look at what they did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from awsenv.iam.trust import ASSUME_ROLE, SET_SOURCE_IDENTITY, TAG_SESSION, trust_policy
from awsenv.model import Credentials
from awsenv.sandbox.clock import Clock
from awsenv.sandbox.directory import Directory, managed_policy_arn
from awsenv.sandbox.gate import Call, Gate
from awsenv.sandbox.server import HOST, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from awsenv.sandbox.faults import Fault
    from awsenv.sandbox.mfa import MfaDevice


REGION = "us-east-1"


class Sandbox:
    """A local AWS that refuses what AWS refuses. It runs while it is used as a context manager.

    Several may run in one process: each has an account of its own. As at AWS, the name of a bucket is taken for all.

    Args:
        account: Twelve digits; None: a random account.

    Raises:
        ValueError: Another sandbox of this process has the account.
    """

    def __init__(self, account: str | None = None) -> None:
        self.clock = Clock()
        self._directory = Directory(account)
        self._gate = Gate(self._directory, self.clock)
        self.admin = self.create_user("sandbox-admin", policies=["AdministratorAccess"])
        """An administrator of the account, for setting up with plain clients."""
        self._server = Server(self._gate, self.clock)

    def __enter__(self) -> Self:
        """Return itself: it listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and forget everything."""
        self.close()

    def close(self) -> None:
        """Stop, and forget everything."""
        self._gate.closing.set()
        self._server.stop()
        self._directory.close()

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`."""
        return self._server.url

    @property
    def account(self) -> str:
        """The account, twelve digits."""
        return self._directory.account

    @property
    def calls(self) -> tuple[Call, ...]:
        """What was called so far, in the order in which it ended."""
        return tuple(self._gate.calls)

    def clear_calls(self) -> None:
        """Forget what was called so far."""
        self._gate.calls.clear()

    def environ(self) -> dict[str, str]:
        """Return the variables that point AWS clients of any language at the sandbox. None is secret."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }

    def create_user(self, name: str, *, policies: Iterable[str] = (), account: str | None = None) -> Credentials:
        """Make an IAM user with an access key, and with no permission but what *policies* give.

        Args:
            name: Of the user.
            policies: Names of AWS managed policies, or ARNs of policies.
            account: Of the user; None: the sandbox's own.

        Returns:
            The key, with the user's account and ARN.
        """
        account = account or self.account
        backend = self._directory.backend(account)
        user = backend.create_user(REGION, name)
        user.id = self._directory.new_id("AIDA", account)  # moto's own is not of AWS's form
        for policy in policies:
            backend.attach_user_policy(_policy_arn(policy), name)
        key = backend.create_access_key(name)
        return Credentials(key.access_key_id, key.secret_access_key, account=account, arn=user.arn)

    def create_mfa_device(self, user: str, *, account: str | None = None) -> MfaDevice:
        """Give *user* an MFA device, named as the user is."""
        return self._gate.devices.create(account or self.account, user)

    def create_role(
        self,
        name: str,
        trust: Mapping[str, Any],
        *,
        policies: Iterable[str] = (),
        max_session_duration: int = 3600,
        account: str | None = None,
        path: str = "/",
    ) -> str:
        """Make a role.

        Args:
            name: Of the role.
            trust: Its trust policy, such as `trust()` makes.
            policies: Names of AWS managed policies, or ARNs of policies.
            max_session_duration: Seconds.
            account: Of the role; None: the sandbox's own.
            path: Begins and ends with a slash.

        Returns:
            The ARN.
        """
        backend = self._directory.backend(account or self.account)
        role = backend.create_role(
            role_name=name,
            assume_role_policy_document=json.dumps(trust),
            path=path,
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration=str(max_session_duration),
        )
        for policy in policies:
            backend.attach_role_policy(_policy_arn(policy), name)
        return str(role.arn)

    @staticmethod
    def trust(
        *principals: str, external_id: str | None = None, mfa: bool = False, mfa_max_age: int | None = None
    ) -> dict[str, Any]:
        """Return a trust policy.

        Args:
            principals: ARNs of users or roles, or account ids.
            external_id: What the caller must send as its external id.
            mfa: Whether the caller must have given an MFA code.
            mfa_max_age: How many seconds ago at most.
        """
        return trust_policy(
            list(principals),
            mfa=mfa,
            external_id=external_id,
            mfa_max_age=mfa_max_age,
            actions=[ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY],
        )

    def fail(self, action: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next *times* calls of *action* (as the log names it) fail."""
        self._gate.faults.add(action, fault, times)

    def faults_left(self, action: str) -> int:
        """Return how many calls of *action* will still fail: one less as soon as a request has come."""
        return self._gate.faults.left(action)


def _policy_arn(policy: str) -> str:
    return policy if policy.startswith("arn:") else managed_policy_arn(policy)
