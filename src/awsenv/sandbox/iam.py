"""IAM: the checks and the effects of AWS that moto lacks."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto.iam.models import AccessKeyLastUsed

from awsenv.iam.policy import as_list
from awsenv.iam.trust import principals
from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

    from awsenv.sandbox.directory import Caller, Directory
    from awsenv.sandbox.mfa import Devices
    from awsenv.sandbox.operation import Operation

_TRUST = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
"""The parameter with a trust policy, by action."""


class Iam:
    """What runs before and after moto's IAM."""

    def __init__(self, directory: Directory, devices: Devices) -> None:
        self._directory = directory
        self._devices = devices

    def before(self, operation: Operation, form: Mapping[str, str], account: str) -> None:
        """Refuse what AWS would refuse.

        Args:
            operation: The operation, of any service.
            form: Its parameters, secrets included.
            account: The account of the caller.

        Raises:
            ServiceError: AWS would refuse.
        """
        if operation.service != "iam":
            return
        self._directory.add_managed(account, form.get("PolicyArn", form.get("PermissionsBoundary", "")))
        for name in _principals(form.get(_TRUST.get(operation.action, ""), "")):
            if name != "*" and not self._directory.has_principal(name):
                raise ServiceError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"')
        device = self._directory.backend(account).virtual_mfa_devices.get(form.get("SerialNumber", ""))
        if operation.action == "EnableMFADevice":
            self._enable(device, form)
        if operation.action == "DeleteVirtualMFADevice" and device is not None and device.enable_date is not None:
            raise ServiceError("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)

    def after(self, operation: Operation, form: Mapping[str, str], account: str, response: Response) -> None:
        """Add the effects of AWS that moto lacks, and change *response* to what AWS would send."""
        if operation.service != "iam" or response.status_code >= HTTPStatus.BAD_REQUEST:
            return
        if operation.action == "CreateUser":
            self._renew_user_id(form["UserName"], account, response)
        if operation.action == "DeleteUser":
            self._directory.forget_principal(f"arn:aws:iam::{account}:user/{form['UserName']}")
        if operation.action == "DeleteVirtualMFADevice":
            self._devices.forget(form["SerialNumber"])

    def used(self, access_key_id: str, caller: Caller, operation: Operation) -> None:
        """Record when a user's key was last used, and for what, for GetAccessKeyLastUsed."""
        key = self._directory.backend(caller.account).access_keys.get(access_key_id)
        if key is not None:
            key.last_used = AccessKeyLastUsed(self._directory.clock.now(), operation.service, "us-east-1")

    def _enable(self, device: Any | None, form: Mapping[str, str]) -> None:
        """Check and spend the two codes: no accepted code works again (RFC 6238, 5.2)."""
        serial = form.get("SerialNumber", "")
        if device is None:
            raise ServiceError("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.", 404)
        if device.enable_date is not None:
            raise ServiceError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)
        codes = form.get("AuthenticationCode1", ""), form.get("AuthenticationCode2", "")
        self._devices.take_two(device, serial, *codes)

    def _renew_user_id(self, name: str, account: str, response: Response) -> None:
        # The ids that moto makes lack the form of AWS's.
        user = self._directory.backend(account).users[name]
        before, user.id = user.id, self._directory.new_id("AIDA", account)
        response.set_data(response.get_data().replace(before.encode(), user.id.encode()))


def _principals(document: str) -> list[str]:
    """Return the AWS principals that a trust policy names; none if it is no policy, which moto refuses."""
    try:
        found = as_list(json.loads(document).get("Statement"))
        return [name for statement in found for name in principals(statement.get("Principal", {}))]
    except (ValueError, AttributeError):
        return []
