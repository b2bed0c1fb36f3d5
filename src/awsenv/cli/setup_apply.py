"""Carry out the plan of `awsenv setup`, one task at a time.

Each change is sent once. After a failure, a task may be half done, or done with its response lost: a second run finds
what exists, and continues from there.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from awsenv import config, mfa
from awsenv.cli import process, report
from awsenv.cli.action import show
from awsenv.config import files as aws_files
from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError
from awsenv.model import Credentials, Note
from awsenv.setup import KeyDestination, SetupRequest, files, key_store, qr_code
from awsenv.setup.plan import WRITE_PROFILES
from awsenv.signals import delayed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.aws.iam import Iam
    from awsenv.config.files import File
    from awsenv.model import Environ
    from awsenv.setup.plan import Plan, Task

TIMEOUT = 60
"""Seconds to wait until IAM knows everywhere what was just created."""

ATTEMPTS = 3
"""How often to ask for two codes."""

_LONGEST_PAUSE = 8
_ALTERNATE, _BACK = "\x1b[?1049h\x1b[H", "\x1b[?1049l"
_DEVICE = "create_virtual_mfa_device"


class Applier:
    """Carries out the tasks of a plan, with what they need of this machine: the terminal, the two files, the clock.

    Args:
        admin: IAM as an administrator of the user's account.
        role_admin: IAM as an administrator of the account of the roles.
        request: What to create.
        environ: The environment of the caller, without a role. It names the two files.
        folder: The working directory of the caller; None: that of this process.
    """

    terminal: mfa.Terminal
    """Shows the plan and the QR code, and asks for codes. It is opened only for a plan that needs it."""

    def __init__(
        self, admin: Iam, role_admin: Iam, request: SetupRequest, environ: Environ, folder: str | None = None
    ) -> None:
        self.admin = admin
        self.role_admin = role_admin
        self.request = request
        self.environ = environ
        self._folder = folder
        self._waits = admin.session.waits
        self._shows_key = False

    def apply(self, plan: Plan, text: str, *, asks: bool) -> None:
        """Carry out *plan*, once the user has accepted it as *text* shows it. A key is never deleted without asking.

        Raises:
            AwsenvError: It is done up to a task, which is named on stderr. A new plan continues from there.
        """
        asks = asks or "delete_access_key" in plan.actions
        if asks or _DEVICE in plan.actions:
            self.terminal = _open_terminal()
        self._check_destinations(plan)
        if asks:
            if not os.isatty(2):
                self.terminal.draw(text)
            answer = self.terminal.ask("Apply this plan? [y/N] ")
            if answer is None or answer.lower() not in {"y", "yes"}:
                raise MfaError("nothing was changed: you did not accept the plan")
        for number, task in enumerate(plan.tasks, start=1):
            try:
                self.carry_out(task)
            except BaseException:
                self._clear_screen()
                self.note(f"setup stopped at step {number} of {len(plan.tasks)}; {_done_before(number)}")
                self.note("run awsenv setup again: it continues from what exists")
                raise
            self._clear_screen()
            process.tell(report.printable([f"done: {number}. {task.title}"]))

    def carry_out(self, task: Task) -> None:
        """Do *task*.

        Raises:
            AwsenvError: It is not done, or (`UnreachableError`) may be done. A new plan continues from there.
        """
        iam = self.role_admin if task.in_role_account else self.admin
        sent = {name: json.dumps(v) if isinstance(v, dict) else v for name, v in task.parameters.items()}
        if task.action == _DEVICE:
            self._enable_device(iam.change(task.action, **sent), task.parameters["VirtualMFADeviceName"])
        elif task.action == "create_access_key":
            self._settled(lambda: self._create_key(task.parameters["UserName"]))
        elif task.action == WRITE_PROFILES:
            self.write_profiles(task.parameters)
        elif task.action.startswith("delete_"):
            _delete(iam, task.action, sent)
        else:
            self._settled(lambda: iam.change(task.action, **sent))

    def show_device(self, serial: str, seed: str) -> None:
        """Show the key of a new MFA device on the alternate screen, which leaves no trace in the scrollback.

        Args:
            serial: The serial number of the device.
            seed: Its key in base32. It can never be seen again.
        """
        # Ctrl-Z would leave it there for anyone to see.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        self._shows_key = True
        _, _, _, _, account, name = serial.split(":", 5)
        user = name.removeprefix("mfa/")
        about = [seed, f"It is shown only once. The device is {user}, in account {account}."]
        drawing = qr_code.draw(qr_code.otpauth(user, account, seed))
        lines = qr_code.laid_out(drawing, about, *self.terminal.size())
        self.terminal.draw(_ALTERNATE + "\n".join(lines) + "\n")

    def ask_codes(self, after: AwsenvError | None) -> tuple[str, str]:
        """Return two consecutive codes of that device.

        Args:
            after: Why AWS rejected the codes before; None: these are the first.

        Raises:
            MfaError: The user cancelled.
        """
        if after is not None:
            self.terminal.show(f"{after.fact}.")
        first = self.terminal.ask_code("MFA code that the app shows now: ", ())
        second = first and self.terminal.ask_code("The next one, in up to 30 seconds: ", (first,))
        if first is None or second is None:
            raise MfaError(
                "cancelled: the MFA device is not enabled", hint="run awsenv setup again: it shows a new QR code"
            )
        return first, second

    def keep_key(self, key: Credentials) -> None:
        """Keep the new access key where the request says.

        Raises:
            ConfigError: It cannot be written there.
        """
        name = self.request.user
        pair = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}
        if self.request.key_destination is KeyDestination.FILE:
            self._add(aws_files.credentials_file, {name: pair}, private=True)
        elif self.request.key_destination is KeyDestination.KEYRING:
            with self._waits("the keyring"):
                line = key_store.store(f"{name}@{self.request.account}", key, self.environ)
            profiles = config.read(self.environ, self._folder)
            self.write_profiles({files.header(profiles, name): {"credential_process": line}})
        else:
            path = aws_files.credentials_file(self.environ, self._folder).name
            process.await_stdout()
            process.write(report.printable([f"[{name}]", *(f"{key} = {value}" for key, value in pair.items())]))
            process.succeed(f"awsenv: these lines belong in {path}; nothing else has the key")

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Add to the config file the sections that are missing, and the keys that existing ones lack.

        Raises:
            ConfigError: They cannot be written.
        """
        self._add(aws_files.config_file, sections)

    def note(self, text: str) -> None:
        """Show a note on stderr, at once."""
        show([Note(text)])

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def _check_destinations(self, plan: Plan) -> None:
        """Check that a key can be kept before it is created: AWS shows its secret once.

        Raises:
            ConfigError: A file cannot be written, or others can write it, too; or the keyring does not keep a secret.
            Failure: Nobody reads stdout, where the key is to be printed.
            UsageError: The extra `keyring` is not installed.
        """
        destination = self.request.key_destination if "create_access_key" in plan.actions else None
        finders = [aws_files.config_file]
        if destination is KeyDestination.FILE:
            finders.append(aws_files.credentials_file)
        for find in finders:
            file = find(self.environ, self._folder)
            files.check(file)
            if destination in {KeyDestination.FILE, KeyDestination.KEYRING}:
                # The file is to hold a key, or the command that prints one.
                for error in aws_files.exposed(file):
                    raise error
        if destination is KeyDestination.KEYRING:
            with self._waits("the keyring"):
                key_store.check(self.environ)
        if destination is KeyDestination.STDOUT:
            process.await_stdout()

    def _clear_screen(self) -> None:
        """Take the key of the device off the screen."""
        if self._shows_key:
            self.terminal.draw(_BACK)
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._shows_key = False

    def _enable_device(self, response: Mapping[str, Any], user: str) -> None:
        """Show the key of a new device, ask for two of its codes, and enable it for its user."""
        serial = response["VirtualMFADevice"]["SerialNumber"]
        self.show_device(serial, response["VirtualMFADevice"]["Base32StringSeed"].decode("ascii"))
        rejected: CodeRejected | None = None
        for _ in range(ATTEMPTS):
            first, second = self.ask_codes(rejected)
            codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
            request = {"UserName": user, "SerialNumber": serial, **codes}
            try:
                self._settled(lambda: self.admin.change("enable_mfa_device", **request))  # noqa: B023 - called here
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
            hint=("check the clock of the phone", "delete the entry in its app, and run awsenv setup again"),
        )

    def _create_key(self, user: str) -> None:
        """Create an access key and keep it; delete it if that fails: AWS shows its secret once.

        A signal is held until the block has ended; a second Ctrl-C ends it at once.
        """
        with delayed(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            try:
                key = self.admin.change("create_access_key", UserName=user)["AccessKey"]
            except RefusedError:
                raise
            except BaseException:
                self.note(f"AWS may have created an access key of the user {user} whose secret is lost")
                self.note("run awsenv setup again: it finds the key and deletes it")
                raise
            try:
                self.keep_key(Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
            except BaseException:
                self._delete_lost_key(user, key["AccessKeyId"])
                raise

    def _delete_lost_key(self, user: str, key_id: str) -> None:
        """Delete an access key whose secret could not be kept; or name it, and the command that deletes it."""
        request = {"UserName": user, "AccessKeyId": key_id}
        try:
            try:
                # IAM may not know the key everywhere yet.
                self._settled(lambda: self.admin.change("delete_access_key", **request))
            except UnreachableError:
                # The key may be gone, and only the response lost.
                _delete(self.admin, "delete_access_key", request)
        except BaseException as error:
            why = error if isinstance(error, AwsenvError) else "interrupted"
            state = "is" if isinstance(error, RefusedError) else "may be"
            self.note(f"the new access key {key_id} of the user {user} {state} active, and its secret is lost ({why})")
            self.note(f"delete it: aws iam delete-access-key --user-name {user} --access-key-id {key_id}")
            if not isinstance(error, AwsenvError):
                raise
        else:
            self.note(f"the new access key {key_id} could not be kept: it is deleted again")

    def _settled(self, change: Callable[[], object]) -> None:
        """Repeat a change until IAM knows everything in it. AWS did not do what it refused, so a repetition is safe."""
        waited, pause = 0, 1
        while True:
            try:
                change()
            except RefusedError as error:
                if not error.is_unsettled:
                    raise
                if waited >= TIMEOUT:
                    error.hints = ("IAM may not know yet what was just created: run awsenv setup again",)
                    raise
            else:
                return
            with self._waits("AWS IAM, which does not know yet what was created"):
                self.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE, max(TIMEOUT - waited, 1))

    def _add(
        self,
        find: Callable[[Environ, str | None], File],
        sections: Mapping[str, Mapping[str, str]],
        *,
        private: bool = False,
    ) -> None:
        files.add(lambda: find(self.environ, self._folder), sections, private=private)


def _open_terminal() -> mfa.Terminal:
    try:
        return mfa.Terminal()
    except OSError:
        raise MfaError(
            "nothing was changed: there is no terminal for the question and the QR code",
            hint=("run it in a terminal: --yes asks only for the codes", "--dry-run shows the plan without a terminal"),
        ) from None


def _done_before(number: int) -> str:
    if number > 2:  # noqa: PLR2004 - the plural
        return f"the {number - 1} steps before it are done and are kept"
    return "the step before it is done and is kept" if number > 1 else "nothing was changed before it"


def _delete(iam: Iam, action: str, parameters: Mapping[str, str]) -> None:
    """Delete what may be gone already."""
    try:
        iam.change(action, **parameters)
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise
