"""Carry out a plan, one task at a time.

Each change is sent once. After a failure a task may be half done, or done with its answer lost: a second run finds what
there is, and goes on from there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError
from awsenv.model import Credentials
from awsenv.setup.plan import CreateDevice, CreateKey, IamChange, WriteProfiles
from awsenv.setup.state import part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from awsenv.aws.iam import Iam
    from awsenv.setup.plan import Task

PATIENCE = 60
"""Seconds that IAM gets to know everywhere what was just made."""

ATTEMPTS = 3
"""How often two codes are asked for."""

_LONGEST_PAUSE = 8
# IAM is eventually consistent: a new user may not be a principal yet, a new role not there to attach to
# (IAM guide, "Troubleshoot IAM: changes that I make are not always immediately visible").
_UNSETTLED = frozenset({"NoSuchEntity", "EntityTemporarilyUnmodifiable", "ConcurrentModification"})


class Tools(Protocol):
    """What the tasks need beside IAM: the terminal, the files, the clock."""

    @property
    def admin(self) -> Iam:
        """IAM as an administrator of the user's account."""

    @property
    def role_admin(self) -> Iam:
        """IAM as an administrator of the account of the roles."""

    def show_device(self, user: str, account: str, seed: str) -> None:
        """Show the key of a new MFA device (base32), as a QR code and as text. It can never be seen again."""

    def ask_codes(self, serial: str, after: AwsenvError | None) -> tuple[str, str]:
        """Return two consecutive codes, six digits each.

        Args:
            serial: Of the device.
            after: Why AWS did not take the codes before; None: these are the first.

        Raises:
            MfaError: There is no terminal, or the user cancelled.
        """

    def keep_key(self, credentials: Credentials) -> None:
        """Keep the new access key where the request says; `arn` and `account` are the user's."""

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Add to the config file the sections that are missing, and the keys that existing ones lack."""

    def note(self, text: str) -> None:
        """Show a note at once."""

    def held_signals(self) -> AbstractContextManager[None]:
        """Hold Ctrl-C and signals that ask to end until the block has ended."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


def carry_out(task: Task, tools: Tools) -> None:
    """Do *task*.

    Raises:
        AwsenvError: It was not done, or (`UnreachableError`) nobody knows. A new plan goes on from there.
    """
    match task.operation:
        case IamChange(action, parameters, in_role_account):
            iam = tools.role_admin if in_role_account else tools.admin
            sent = {name: json.dumps(v) if isinstance(v, dict) else v for name, v in parameters.items()}
            if action.startswith("delete_"):
                _delete(iam, action, sent)
            else:
                _settled(lambda: _change(iam, action, **sent), tools.sleep)
        case CreateDevice() as device:
            _create_device(device, tools)
        case CreateKey() as key:
            _settled(lambda: _create_key(key, tools), tools.sleep)
        case WriteProfiles(sections):
            tools.write_profiles(sections)


def _create_device(device: CreateDevice, tools: Tools) -> None:
    answer = _change(tools.admin, "create_virtual_mfa_device", VirtualMFADeviceName=device.user)
    seed = part(answer, "VirtualMFADevice", "Base32StringSeed")
    tools.show_device(device.user, device.serial.split(":")[4], seed.decode("ascii"))
    rejected: CodeRejected | None = None
    for _ in range(ATTEMPTS):
        rejected = _enable(device, tools.ask_codes(device.serial, rejected), tools)
        if rejected is None:
            return
    raise MfaError(
        f"AWS rejected the codes {ATTEMPTS} times: the device is not enabled",
        hint="check the clock of the phone, delete the entry in its app, and run awsenv setup again for a new QR code",
    )


def _enable(device: CreateDevice, codes: tuple[str, str], tools: Tools) -> CodeRejected | None:
    """Enable the device for its user; return the reason if AWS does not take the codes."""
    first, second = codes
    request = {"SerialNumber": device.serial, "AuthenticationCode1": first, "AuthenticationCode2": second}
    try:
        _settled(lambda: _change(tools.admin, "enable_mfa_device", UserName=device.user, **request), tools.sleep)
    except RefusedError as error:
        if error.code != "InvalidAuthenticationCode":
            raise
        return CodeRejected(
            "AWS does not take these two codes",
            hint="give the code that the app shows now, and then the next one",
        )
    return None


def _create_key(key: CreateKey, tools: Tools) -> dict[str, Any]:
    """Make an access key and keep it; delete it if that fails: AWS shows its secret once."""
    with tools.held_signals():
        try:
            answer = _change(tools.admin, "create_access_key", UserName=key.user)
            key_id, secret = (part(answer, "AccessKey", name) for name in ("AccessKeyId", "SecretAccessKey"))
        except RefusedError:
            raise
        except BaseException:
            tools.note(f"AWS may have made an access key of the user {key.user} whose secret is lost")
            tools.note("awsenv setup, run again, finds it and deletes it")
            raise
        try:
            tools.keep_key(Credentials(key_id, secret, account=key.user_arn.split(":")[4], arn=key.user_arn))
        except BaseException:
            _delete_lost_key(key.user, key_id, tools)
            raise
    return answer


def _delete_lost_key(user: str, key_id: str, tools: Tools) -> None:
    """Delete an access key whose secret could not be kept; or name it, and the command that deletes it."""
    request = {"UserName": user, "AccessKeyId": key_id}
    try:
        # IAM may not know the key everywhere yet. Deleting it twice does no harm, so botocore may ask again.
        answer = _settled(lambda: tools.admin.read("delete_access_key", **request), tools.sleep)
        part(answer, "ResponseMetadata", "RequestId")
    except BaseException as error:
        why = error.fact if isinstance(error, AwsenvError) else "interrupted"
        tools.note(f"the new access key {key_id} of the user {user} is active, and its secret is lost ({why})")
        tools.note(f"delete it: aws iam delete-access-key --user-name {user} --access-key-id {key_id}")
        if not isinstance(error, AwsenvError):
            raise
    else:
        tools.note(f"the new access key {key_id} could not be kept: it is deleted again")


def _change(iam: Iam, action: str, **parameters: str) -> dict[str, Any]:
    """Ask for a change, once, and check that AWS answered.

    If an action returns nothing, botocore takes everything with status 200 for success (measured on 1.44.5).
    """
    answer = iam.change(action, **parameters)
    part(answer, "ResponseMetadata", "RequestId")
    return answer


def _delete(iam: Iam, action: str, parameters: Mapping[str, str]) -> None:
    """Delete what may be gone already."""
    try:
        _change(iam, action, **parameters)
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise


def _settled(change: Callable[[], dict[str, Any]], sleep: Callable[[float], None]) -> dict[str, Any]:
    """Ask for a change until IAM knows what it is about. AWS did not do what it refused, so asking again is safe."""
    waited, pause = 0, 1
    while True:
        try:
            return change()
        except RefusedError as error:
            if not _is_unsettled(error):
                raise
            if waited >= PATIENCE:
                raise RefusedError(
                    error.fact, code=error.code, hint="IAM may not know yet what was just made: run awsenv setup again"
                ) from None
        sleep(pause)
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE, max(PATIENCE - waited, 1))


def _is_unsettled(error: RefusedError) -> bool:
    # Other malformed policies stay malformed; "Invalid principal in policy" passes.
    return error.code in _UNSETTLED or (error.code == "MalformedPolicyDocument" and "principal" in error.fact)
