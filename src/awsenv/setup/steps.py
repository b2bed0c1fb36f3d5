"""Carries out the steps of a plan, one at a time.

Each change is sent once. After a failure the step may be half done, or done with its answer lost: what is there then is
what a second run finds, and it goes on from there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError
from awsenv.model import Credentials
from awsenv.setup.answers import part
from awsenv.setup.plan import (
    USER_POLICY,
    AttachPolicy,
    CreateDevice,
    CreateKey,
    CreateRole,
    CreateUser,
    DeleteDevice,
    DeleteKey,
    PutUserPolicy,
    WriteProfiles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from awsenv.aws.iam import Iam
    from awsenv.setup.plan import Step

PATIENCE = 60
"""Seconds that IAM is given to know everywhere what was just made."""

ATTEMPTS = 3
"""How often two codes are asked for."""

_LONGEST_PAUSE = 8
# IAM is eventually consistent: a user who was just made may be no principal yet, a role not be there to attach to
# (IAM guide, "Troubleshoot IAM: changes that I make are not always immediately visible").
_UNSETTLED = frozenset({"NoSuchEntity", "EntityTemporarilyUnmodifiable", "ConcurrentModification"})


class Tools(Protocol):
    """What the steps need of the world: whoever runs a plan gives it. All that touches files and the terminal."""

    @property
    def admin(self) -> Iam:
        """IAM as an administrator of the user's account."""

    @property
    def role_admin(self) -> Iam:
        """IAM as an administrator of the roles' account."""

    def show_device(self, user: str, account: str, seed: str) -> None:
        """Show the key of a new MFA device (base32), as a QR code and as text. It is never to be seen again."""

    def ask_codes(self, serial: str, after: AwsenvError | None) -> tuple[str, str]:
        """Return two codes that follow one another, six digits each.

        Args:
            serial: Of the device.
            after: Why the codes before were not taken; None: these are the first.

        Raises:
            MfaError: There is nobody to ask, or they cancelled.
        """

    def keep_key(self, credentials: Credentials) -> None:
        """Keep the new access key where it was asked to go; `arn` and `account` are the user's."""

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Add to the config file the sections that are missing, and the keys that are missing in those there are."""

    def note(self, text: str) -> None:
        """Show a note at once."""

    def held_signals(self) -> AbstractContextManager[None]:
        """Hold Ctrl-C and signals that ask to end until the block has ended."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


def carry_out(step: Step, tools: Tools) -> None:
    """Do what *step* says.

    Raises:
        AwsenvError: It was not done, or (`UnreachableError`) nobody knows. The whole plan can be drawn up anew.
    """
    match step.action:
        case CreateUser(user):
            _change(tools.admin, "create_user", UserName=user)
        case DeleteDevice(serial):
            _gone(lambda: _change(tools.admin, "delete_virtual_mfa_device", SerialNumber=serial))
        case CreateDevice() as device:
            _create_device(device, tools)
        case PutUserPolicy(user, document):
            policy = {"PolicyName": USER_POLICY, "PolicyDocument": json.dumps(document)}
            _settled(lambda: _change(tools.admin, "put_user_policy", UserName=user, **policy), tools.sleep)
        case CreateRole(role, trust):
            policy = {"AssumeRolePolicyDocument": json.dumps(trust)}
            _settled(lambda: _change(tools.role_admin, "create_role", RoleName=role, **policy), tools.sleep)
        case AttachPolicy(role, arn):
            _settled(lambda: _change(tools.role_admin, "attach_role_policy", RoleName=role, PolicyArn=arn), tools.sleep)
        case DeleteKey(user, key_id):
            _gone(lambda: _change(tools.admin, "delete_access_key", UserName=user, AccessKeyId=key_id))
        case CreateKey() as key:
            _settled(lambda: _create_key(key, tools), tools.sleep)
        case WriteProfiles(sections):
            tools.write_profiles(sections)


def _create_device(device: CreateDevice, tools: Tools) -> None:
    answer = _change(tools.admin, "create_virtual_mfa_device", VirtualMFADeviceName=device.user)
    seed = part(answer, "VirtualMFADevice", "Base32StringSeed")
    account = device.serial.split(":")[4]
    tools.show_device(device.user, account, seed.decode("ascii"))
    rejected: CodeRejected | None = None
    for _ in range(ATTEMPTS):
        rejected = _enable(device, tools.ask_codes(device.serial, rejected), tools)
        if rejected is None:
            return
    raise MfaError(
        f"AWS rejected the codes {ATTEMPTS} times: the device is not enabled",
        hint="check that the clock of the telephone is right, delete the entry in its app, "
        "and run awsenv setup again: it shows a new QR code",
    )


def _enable(device: CreateDevice, codes: tuple[str, str], tools: Tools) -> CodeRejected | None:
    """Give the device to its user; return why AWS does not take the codes, if it does not."""
    first, second = codes
    request = {"SerialNumber": device.serial, "AuthenticationCode1": first, "AuthenticationCode2": second}
    try:
        _settled(lambda: _change(tools.admin, "enable_mfa_device", UserName=device.user, **request), tools.sleep)
    except RefusedError as error:
        if error.code != "InvalidAuthenticationCode":
            raise
        return CodeRejected(
            "AWS does not take these two codes",
            hint="give the code that the app shows now, and then the one that follows it",
        )
    return None


def _create_key(key: CreateKey, tools: Tools) -> dict[str, Any]:
    """Make an access key and keep it; delete it if that fails: AWS tells its secret once."""
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
        # IAM may not know the key everywhere yet. To delete it twice does no harm, so botocore may ask again.
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
    """Ask for a change, once, and see that it was AWS that answered.

    Where an action answers with nothing, botocore takes whatever has the status 200 for done (measured on 1.44.5).
    """
    answer = iam.change(action, **parameters)
    part(answer, "ResponseMetadata", "RequestId")
    return answer


def _gone(delete: Callable[[], Any]) -> None:
    """Delete what may have gone meanwhile."""
    try:
        delete()
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise


def _settled(change: Callable[[], dict[str, Any]], sleep: Callable[[float], None]) -> dict[str, Any]:
    """Ask for a change until IAM knows what it is about. What was refused was not done: to ask again is safe."""
    waited, pause = 0, 1
    while True:
        try:
            return change()
        except RefusedError as error:
            if not _is_unsettled(error):
                raise
            if waited >= PATIENCE:
                raise RefusedError(
                    error.fact, code=error.code, hint="AWS may not know yet what was just made: run awsenv setup again"
                ) from None
        sleep(pause)
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE, max(PATIENCE - waited, 1))


def _is_unsettled(error: RefusedError) -> bool:
    # The other malformed policies stay so: "Invalid principal in policy" is the one that goes by.
    return error.code in _UNSETTLED or (error.code == "MalformedPolicyDocument" and "principal" in error.fact)
