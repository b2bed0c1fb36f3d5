"""The sandbox as a whole: start it, fill it, point clients at it, read what they called."""

from __future__ import annotations

import json
import tempfile
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awsenv.iam.trust import ASSUME_ROLE, SET_SOURCE_IDENTITY, TAG_SESSION, trust_policy
from awsenv.model import Credentials
from awsenv.sandbox.authority import Authority
from awsenv.sandbox.clock import Clock
from awsenv.sandbox.directory import PARTITION, Directory
from awsenv.sandbox.gate import CODE_PATH, Call, Gate
from awsenv.sandbox.responses import AuthenticationError, ServiceError
from awsenv.sandbox.server import HOST, IDLE, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from awsenv.sandbox.directory import Caller
    from awsenv.sandbox.faults import Fault
    from awsenv.sandbox.mfa import MfaDevice


REGION = "us-east-1"


class Sandbox(AbstractContextManager["Sandbox"]):
    """A local AWS that refuses what AWS refuses. It listens from its creation until it is closed.

    Several can run in one process, each with its own account. As at AWS, bucket names are unique across accounts.

    Args:
        account: Twelve digits; None: a random account.
        redirects: Whether a sign-in leads to the console of AWS, which does not know it; else to a page.
        tls: Whether it serves HTTPS, with a CA of its own, or plain HTTP.
        idle: Seconds after which it closes an idle connection.

    Raises:
        ValueError: Another sandbox of this process has the account.
    """

    def __init__(
        self, account: str | None = None, *, redirects: bool = True, tls: bool = False, idle: float = IDLE
    ) -> None:
        self.clock = Clock()
        self._directory = Directory(self.clock, account)
        self._gate = Gate(self._directory, redirects=redirects)
        self.admin = self.create_user("sandbox-admin", policies=["AdministratorAccess"])
        """The key of an administrator of the account, to set it up with plain clients."""
        self._folder = tempfile.TemporaryDirectory(prefix="awsenv-sandbox-")
        authority = Authority(Path(self._folder.name)) if tls else None
        self._ca = {} if authority is None else {"AWS_CA_BUNDLE": str(authority.bundle)}
        context = None if authority is None else authority.server()
        self._server = Server(self._gate, self.clock, context, idle)

    def __exit__(self, *error: object) -> None:
        """Stop, and forget everything."""
        self.close()

    def close(self) -> None:
        """Stop, and forget everything."""
        self._gate.closing.set()
        self._server.stop()
        self._directory.close()
        self._folder.cleanup()

    def hang_up(self) -> None:
        """Close every connection, as AWS does with one that is idle."""
        self._server.hang_up()

    @property
    def url(self) -> str:
        """The URL: `http://127.0.0.1:PORT`, or `https`."""
        return self._server.url

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._server.port

    @property
    def mfa_codes(self) -> str:
        """Where MFA codes are: the name of a device follows."""
        return self.url + CODE_PATH

    @property
    def account(self) -> str:
        """The account, twelve digits."""
        return self._directory.account

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls so far, in the order in which they ended."""
        return tuple(self._gate.calls)

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self._gate.calls.clear()

    def environ(self) -> dict[str, str]:
        """Return the variables that point AWS clients in any language at the sandbox. None of them is secret."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            **self._ca,
        }

    def create_user(self, name: str, *, policies: Iterable[str] = (), account: str | None = None) -> Credentials:
        """Create an IAM user with an access key.

        Args:
            name: The name of the user.
            policies: Names of AWS managed policies, or ARNs of policies.
            account: The account of the user; None: that of the sandbox.

        Returns:
            The key, with the account and the ARN of the user.
        """
        account = account or self.account
        backend = self._directory.backend(account)
        user = backend.create_user(REGION, name)
        user.id = self._directory.new_id("AIDA", account)  # the ids that moto makes lack the form of AWS's
        for policy in policies:
            backend.attach_user_policy(self._policy_arn(policy, account), name)
        key = backend.create_access_key(name)
        return Credentials(key.access_key_id, key.secret_access_key, account=account, arn=user.arn)

    def create_mfa_device(self, user: str, *, account: str | None = None) -> MfaDevice:
        """Create and enable an MFA device with the name of *user*."""
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
        """Create a role.

        Args:
            name: The name of the role.
            trust: Its trust policy, for example from `trust()`.
            policies: Names of AWS managed policies, or ARNs of policies.
            max_session_duration: The longest session, in seconds.
            account: The account of the role; None: that of the sandbox.
            path: The path, which begins and ends with a slash.

        Returns:
            The ARN.
        """
        account = account or self.account
        backend = self._directory.backend(account)
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
            backend.attach_role_policy(self._policy_arn(policy, account), name)
        return str(role.arn)

    @staticmethod
    def trust(
        *principals: str, external_id: str | None = None, mfa: bool = False, mfa_max_age: int | None = None
    ) -> dict[str, Any]:
        """Return a trust policy.

        Args:
            principals: ARNs of users or roles, or account ids.
            external_id: The external id that the caller must send; None: any or none.
            mfa: Whether the caller needs an MFA code.
            mfa_max_age: The maximum age of the MFA code, in seconds; None: no limit.
        """
        return trust_policy(
            list(principals),
            mfa=mfa,
            external_id=external_id,
            mfa_max_age=mfa_max_age,
            actions=[ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY],
        )

    def cluster_login(self, token: str, cluster: str) -> str:
        """Return the ARN of the caller who presents *token* to the EKS cluster *cluster*.

        Raises:
            PermissionError: The cluster refuses the token.
        """
        return self._login(partial(self._gate.of_cluster, token, cluster, self.url))

    def database_login(self, token: str, address: str, user: str, region: str = REGION) -> str:
        """Return the ARN of the caller who connects as *user* to the RDS database at *address* (`HOST:PORT`).

        Raises:
            PermissionError: The database refuses the token.
        """
        return self._login(partial(self._gate.of_database, token, address, user, region))

    @staticmethod
    def _login(identify: Callable[[], Caller]) -> str:
        try:
            return identify().arn
        except AuthenticationError as error:
            raise PermissionError(error.failure.name) from None
        except ServiceError as error:
            raise PermissionError(error.message) from None

    def fail(self, action: str, fault: Fault | ServiceError, *, times: int = 1) -> None:
        """Make the next *times* calls of *action* (named as in `calls`) fail, or be refused with an error of AWS."""
        self._gate.faults.add(action, fault, times)

    def throttle(self, action: str, rate: float | None) -> None:
        """Throttle the calls of *action* beyond *rate* in a second (by the clock of the machine); None: no longer.

        As for AWS, as many may come at once.
        """
        self._gate.faults.limit(action, rate)

    def faults_left(self, action: str) -> int:
        """Return how many calls of *action* are still to fail: one less as soon as a request arrives."""
        return self._gate.faults.left(action)

    def _policy_arn(self, policy: str, account: str) -> str:
        arn = policy if policy.startswith("arn:") else f"arn:{PARTITION}:iam::aws:policy/{policy}"
        self._directory.add_managed(account, arn)
        return arn
