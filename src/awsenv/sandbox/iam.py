"""IAM: what AWS demands of a call and moto does not, and what AWS does besides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from moto.iam.models import AccessKeyLastUsed

from awsenv.iam.conditions import as_list
from awsenv.iam.trust import principals
from awsenv.sandbox.answers import Answer, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Caller, Directory
    from awsenv.sandbox.mfa import Devices
    from awsenv.sandbox.operation import Operation

_WITH_TRUST = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}


class Iam:
    """Comes before moto's IAM, and after it."""

    def __init__(self, directory: Directory, devices: Devices, clock: Clock) -> None:
        self._directory = directory
        self._devices = devices
        self._clock = clock

    def before(self, operation: Operation, form: Mapping[str, str], account: str) -> None:
        """Refuse what AWS would.

        Args:
            operation: The operation, of any service.
            form: Its parameters, secrets and all.
            account: The caller's.

        Raises:
            ServiceError: AWS would refuse.
        """
        if operation.service != "iam":
            return
        if operation.action in _WITH_TRUST:
            self._check_principals(form.get(_WITH_TRUST[operation.action], ""))
        if operation.action == "EnableMFADevice":
            self._enable(form, account)
        if operation.action == "DeleteVirtualMFADevice":
            self._check_unassigned(form.get("SerialNumber", ""), account)

    def after(self, operation: Operation, form: Mapping[str, str], account: str, answer: Answer) -> Answer:
        """Do what AWS does besides, and return the answer as AWS words it."""
        if operation.service != "iam" or answer.status >= 400:  # noqa: PLR2004 - HTTP's own limit
            return answer
        if operation.action == "CreateUser":
            return self._with_user_id(form["UserName"], account, answer)
        if operation.action == "DeleteUser":
            self._directory.forget_principal(f"arn:aws:iam::{account}:user/{form['UserName']}")
        if operation.action == "DeleteVirtualMFADevice":
            self._devices.forget(form["SerialNumber"])
        return answer

    def used(self, access_key_id: str, caller: Caller, operation: Operation) -> None:
        """Note when a user's key was last used, and for what, as GetAccessKeyLastUsed reports it."""
        key = self._directory.backend(caller.account).access_keys.get(access_key_id)
        if key is not None:
            key.last_used = AccessKeyLastUsed(self._clock.now(), operation.service, "us-east-1")

    def _check_principals(self, document: str) -> None:
        for name in _principals(document):
            if name != "*" and not self._directory.has_principal(name):
                raise ServiceError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"')

    def _enable(self, form: Mapping[str, str], account: str) -> None:
        """Take the two codes. Both are used then, as any code is that was accepted (RFC 6238, 5.2)."""
        serial = form.get("SerialNumber", "")
        device = self._directory.backend(account).virtual_mfa_devices.get(serial)
        if device is None:
            raise ServiceError("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.", 404)
        if device.enable_date is not None:
            raise ServiceError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)
        codes = form.get("AuthenticationCode1", ""), form.get("AuthenticationCode2", "")
        self._devices.take_two(device, serial, *codes)

    def _check_unassigned(self, serial: str, account: str) -> None:
        device = self._directory.backend(account).virtual_mfa_devices.get(serial)
        if device is not None and device.enable_date is not None:
            raise ServiceError("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)

    def _with_user_id(self, name: str, account: str, answer: Answer) -> Answer:
        # moto's own is not of AWS's form.
        user = self._directory.backend(account).users[name]
        before, user.id = user.id, self._directory.new_id("AIDA", account)
        return Answer(
            answer.status, answer.body.replace(before.encode(), user.id.encode()), answer.content_type, answer.headers
        )


def _principals(document: str) -> list[str]:
    """Return the principals of AWS that a trust policy names; none if it is not a policy, which moto refuses."""
    try:
        found = as_list(json.loads(document).get("Statement"))
        return [name for statement in found for name in principals(statement.get("Principal", {}))]
    except (ValueError, AttributeError):
        return []
