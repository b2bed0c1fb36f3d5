"""Carry out a plan, one task at a time.

Each change is sent once. After a failure, a task may be half done, or done with its response lost: a second run finds
what exists, and continues from there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError
from awsenv.model import Credentials
from awsenv.setup.plan import WRITE_PROFILES
from awsenv.setup.state import part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from awsenv.aws.iam import Iam
    from awsenv.setup.plan import Task

TIMEOUT = 60
"""Seconds to wait until IAM knows everywhere what was just created."""

ATTEMPTS = 3
"""How often to ask for two codes."""

_LONGEST_PAUSE = 8
# IAM is eventually consistent: a new user may not be a principal yet, a new role not there to attach to
# (IAM guide, "Troubleshoot IAM: changes that I make are not always immediately visible").
_UNSETTLED = frozenset({"NoSuchEntity", "EntityTemporarilyUnmodifiable", "ConcurrentModification"})


class Tools(Protocol):
    """What the tasks need: IAM, the terminal, the files, the clock."""

    @property
    def admin(self) -> Iam:
        """IAM as an administrator of the user's account."""

    @property
    def role_admin(self) -> Iam:
        """IAM as an administrator of the account of the roles."""

    def show_device(self, serial: str, seed: str) -> None:
        """Show the key of a new MFA device (base32), as a QR code and as text. It can never be seen again."""

    def ask_codes(self, after: AwsenvError | None) -> tuple[str, str]:
        """Return two consecutive codes of that device.

        Args:
            after: Why AWS rejected the codes before; None: these are the first.

        Raises:
            MfaError: There is no terminal, or the user cancelled.
        """

    def keep_key(self, key: Credentials) -> None:
        """Keep the new access key where the request says."""

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Add to the config file the sections that are missing, and the keys that existing ones lack."""

    def note(self, text: str) -> None:
        """Show a note at once."""

    def held_signals(self) -> AbstractContextManager[object]:
        """Hold Ctrl-C and signals to terminate until the block has ended."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


def carry_out(task: Task, tools: Tools) -> None:
    """Do *task*.

    Raises:
        AwsenvError: It is not done, or (`UnreachableError`) may be done. A new plan continues from there.
    """
    iam = tools.role_admin if task.in_role_account else tools.admin
    sent = {name: json.dumps(v) if isinstance(v, dict) else v for name, v in task.parameters.items()}
    match task.action:
        case "create_virtual_mfa_device" as action:
            _enable_device(_change(iam, action, **sent), task.parameters["VirtualMFADeviceName"], tools)
        case "create_access_key":
            _settled(lambda: _create_key(task.parameters["UserName"], tools), tools.sleep)
        case action if action == WRITE_PROFILES:
            tools.write_profiles(task.parameters)
        case action if action.startswith("delete_"):
            _delete(iam, action, sent)
        case action:
            _settled(lambda: _change(iam, action, **sent), tools.sleep)


def _enable_device(response: Mapping[str, Any], user: str, tools: Tools) -> None:
    """Show the key of a new device, ask for two of its codes, and enable it for its user."""
    serial, seed = (part(response, "VirtualMFADevice", name) for name in ("SerialNumber", "Base32StringSeed"))
    tools.show_device(serial, seed.decode("ascii"))
    rejected: CodeRejected | None = None
    for _ in range(ATTEMPTS):
        first, second = tools.ask_codes(rejected)
        codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
        request = {"UserName": user, "SerialNumber": serial, **codes}
        try:
            _settled(lambda: _change(tools.admin, "enable_mfa_device", **request), tools.sleep)  # noqa: B023 - called here
        except RefusedError as error:
            if error.code != "InvalidAuthenticationCode":
                raise
            rejected = CodeRejected(
                "AWS rejected these two codes", hint="enter the code that the app shows now, and then the next one"
            )
        else:
            return
    raise MfaError(
        f"AWS rejected the codes {ATTEMPTS} times: the device is not enabled",
        hint="check the clock of the phone, delete the entry in its app, and run awsenv setup again for a new QR code",
    )


def _create_key(user: str, tools: Tools) -> dict[str, Any]:
    """Create an access key and keep it; delete it if that fails: AWS shows its secret once."""
    with tools.held_signals():
        try:
            response = _change(tools.admin, "create_access_key", UserName=user)
            key_id, secret = (part(response, "AccessKey", name) for name in ("AccessKeyId", "SecretAccessKey"))
        except RefusedError:
            raise
        except BaseException:
            tools.note(f"AWS may have created an access key of the user {user} whose secret is lost")
            tools.note("run awsenv setup again: it finds the key and deletes it")
            raise
        try:
            tools.keep_key(Credentials(key_id, secret))
        except BaseException:
            _delete_lost_key(user, key_id, tools)
            raise
    return response


def _delete_lost_key(user: str, key_id: str, tools: Tools) -> None:
    """Delete an access key whose secret could not be kept; or name it, and the command that deletes it."""
    request = {"UserName": user, "AccessKeyId": key_id}
    try:
        try:
            # IAM may not know the key everywhere yet.
            _settled(lambda: _change(tools.admin, "delete_access_key", **request), tools.sleep)
        except UnreachableError:
            # The key may be gone, and only the response lost.
            _delete(tools.admin, "delete_access_key", request)
    except BaseException as error:
        why = error if isinstance(error, AwsenvError) else "interrupted"
        state = "is" if isinstance(error, RefusedError) else "may be"
        tools.note(f"the new access key {key_id} of the user {user} {state} active, and its secret is lost ({why})")
        tools.note(f"delete it: aws iam delete-access-key --user-name {user} --access-key-id {key_id}")
        if not isinstance(error, AwsenvError):
            raise
    else:
        tools.note(f"the new access key {key_id} could not be kept: it is deleted again")


def _change(iam: Iam, action: str, **parameters: str) -> dict[str, Any]:
    """Send a change, once, and check that AWS responded.

    If an action returns nothing, botocore takes everything with status 200 for success (measured on 1.44.5).
    """
    response = iam.change(action, **parameters)
    part(response, "ResponseMetadata", "RequestId")
    return response


def _delete(iam: Iam, action: str, parameters: Mapping[str, str]) -> None:
    """Delete what may be gone already."""
    try:
        _change(iam, action, **parameters)
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise


def _settled(change: Callable[[], dict[str, Any]], sleep: Callable[[float], None]) -> None:
    """Repeat a change until IAM knows everything in it. AWS did not do what it refused, so a repetition is safe."""
    waited, pause = 0, 1
    while True:
        try:
            change()
        except RefusedError as error:
            if not _is_unsettled(error):
                raise
            if waited >= TIMEOUT:
                raise RefusedError(
                    error.fact,
                    because=error.because,
                    code=error.code,
                    hint="IAM may not know yet what was just created: run awsenv setup again",
                ) from None
        else:
            return
        sleep(pause)
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE, max(TIMEOUT - waited, 1))


def _is_unsettled(error: RefusedError) -> bool:
    # Other malformed policies stay malformed; "Invalid principal in policy" passes.
    return error.code in _UNSETTLED or (error.code == "MalformedPolicyDocument" and "principal" in str(error))
