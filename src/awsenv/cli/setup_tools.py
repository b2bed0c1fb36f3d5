"""What `awsenv setup` needs of this machine: the terminal, the two files, the clock."""

from __future__ import annotations

import re
import signal
import textwrap
import time
from itertools import zip_longest
from typing import TYPE_CHECKING
from urllib.parse import quote

from awsenv import config, environment, mfa
from awsenv.cli import process, report, signals
from awsenv.config import files as aws_files
from awsenv.config import limits
from awsenv.errors import MfaError
from awsenv.setup import KeyDestination, SetupRequest, files, key_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from awsenv.aws.iam import Iam
    from awsenv.cli.action import Caller
    from awsenv.config.files import File
    from awsenv.errors import AwsenvError
    from awsenv.model import Credentials, Environ
    from awsenv.setup.plan import Plan

_ISSUER = "AWS"
_QUIET_ZONE = 2
"""Modules. The standard demands four; readers are content with two, so that the code fits on 24 lines."""

# Black on white whatever the colours of the terminal: readers need dark on light, and themes leave the colours from 16
# on alone.
_COLOURS, _RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_HALVES = {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_GAP = "  "
_ROWS_BELOW = 8
"""What follows a QR code: the text, and two questions that may be repeated."""

_ALTERNATE, _BACK = "\x1b[?1049h\x1b[H", "\x1b[?1049l"


def open_terminal() -> mfa.Terminal:
    """Return the terminal.

    Raises:
        MfaError: There is none.
    """
    try:
        return mfa.Terminal()
    except OSError:
        raise MfaError(
            "nothing was changed: there is no terminal for the question and the QR code",
            hint=("run it in a terminal: --yes asks only for the codes", "--dry-run shows the plan without a terminal"),
        ) from None


def remove_leftovers(environ: Environ, folder: str | None) -> None:
    """Remove the copies that a killed run left beside the files, and say so."""
    for find in (aws_files.config_file, aws_files.credentials_file):
        for path in files.remove_leftovers(find(environ, folder)):
            process.tell(report.noted([f"removed {path}, which an earlier run left behind"]))


class Tools:
    """The tools, as `apply.Tools` describes them.

    Args:
        admin: Administers the account of the user.
        role_admin: Administers the account of the roles.
        request: What to create.
        caller: Whose files to write.
    """

    terminal: mfa.Terminal | None = None
    """Shows the QR code and asks for codes."""

    def __init__(self, admin: Iam, role_admin: Iam, request: SetupRequest, caller: Caller) -> None:
        self.admin = admin
        self.role_admin = role_admin
        self.sleep = time.sleep
        self._request = request
        self._environ = environment.original(caller.environ)
        self._folder = caller.folder
        self._shows_key = False

    def check_destinations(self, plan: Plan) -> None:
        """Check that a key can be kept before it is created: AWS shows its secret once.

        Raises:
            ConfigError: A file cannot be written, or others can write it, too; or the keyring does not keep a secret.
            Failure: Nobody reads stdout, where the key is to be printed.
            UsageError: The extra `keyring` is not installed.
        """
        destination = self._request.key_destination if "create_access_key" in plan.actions else None
        finders = [aws_files.config_file]
        if destination is KeyDestination.FILE:
            finders.append(aws_files.credentials_file)
        for find in finders:
            file = find(self._environ, self._folder)
            files.check(file)
            if destination in {KeyDestination.FILE, KeyDestination.KEYRING}:
                files.check_owner(file)
        if destination is KeyDestination.KEYRING:
            key_store.check(self._environ)
        if destination is KeyDestination.STDOUT:
            process.await_stdout()

    def clear_screen(self) -> None:
        """Take the key of the device off the screen."""
        if self._shows_key and self.terminal is not None:
            self.terminal.draw(_BACK)
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._shows_key = False

    def show_device(self, serial: str, seed: str) -> None:
        """Show the key of a new MFA device on the alternate screen, which leaves no trace in the scrollback."""
        terminal = self._at_terminal()
        # Ctrl-Z would leave it there for anyone to see.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        self._shows_key = True
        _, _, _, _, account, name = serial.split(":", 5)
        user = name.removeprefix("mfa/")
        about = [seed, f"It is shown only now. The device is {user}, in account {account}."]
        terminal.draw(
            _ALTERNATE + "\n".join(_laid_out(draw(otpauth(user, account, seed)), about, *terminal.size())) + "\n"
        )

    def ask_codes(self, after: AwsenvError | None) -> tuple[str, str]:
        """Ask for two consecutive codes.

        Raises:
            MfaError: Cancelled.
        """
        terminal = self._at_terminal()
        if after is not None:
            terminal.show(f"{after.fact}.")
        first = _code(terminal, "MFA code that the app shows now: ")
        while (second := _code(terminal, "The next one, in up to 30 seconds: ")) == first:
            terminal.show("that is the same code; wait for the next one")
        return first, second

    def keep_key(self, key: Credentials) -> None:
        """Keep the access key where the request says.

        Raises:
            ConfigError: It cannot be written there.
        """
        name = self._request.user
        pair = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}
        if self._request.key_destination is KeyDestination.FILE:
            self._add(aws_files.credentials_file, {name: pair}, private=True)
        elif self._request.key_destination is KeyDestination.KEYRING:
            line = key_store.store(f"{name}@{self._request.account}", key, self._environ)
            profiles = config.read(self._environ, self._folder)
            self._add(aws_files.config_file, {files.header(profiles, name): {"credential_process": line}})
        else:
            process.await_stdout()
            process.write_or_fail(report.printable([f"[{name}]", *(f"{key} = {value}" for key, value in pair.items())]))

    def write_profiles(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Write the profiles.

        Raises:
            ConfigError: They cannot be written.
        """
        self._add(aws_files.config_file, sections)

    def note(self, text: str) -> None:
        """Show a note on stderr."""
        process.tell(report.noted([text]))

    def held_signals(self) -> AbstractContextManager[object]:
        """Hold Ctrl-C and signals to terminate until the block has ended. A second Ctrl-C ends it at once."""
        return signals.delayed(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def _at_terminal(self) -> mfa.Terminal:
        self.terminal = self.terminal or open_terminal()
        return self.terminal

    def _add(
        self,
        find: Callable[[Environ, str | None], File],
        sections: Mapping[str, Mapping[str, str]],
        *,
        private: bool = False,
    ) -> None:
        files.add(lambda: find(self._environ, self._folder), sections, private=private)


def otpauth(user: str, account: str, seed: str) -> str:
    """Return the address that authenticator apps read out of a QR code (Key URI format).

    The label is USER@ACCOUNT, as in the codes of AWS's console; the issuer is short so that the code is small.

    Args:
        user: The name of the user.
        account: Twelve digits.
        seed: The key of the device in base32, as in the response of CreateVirtualMFADevice.
    """
    return f"otpauth://totp/{_ISSUER}:{quote(user, safe='@')}@{account}?secret={seed.rstrip('=')}&issuer={_ISSUER}"


def draw(uri: str) -> str | None:
    """Return the lines of a QR code for a terminal with 256 colours; None if segno is not installed.

    Each character is two modules, one above the other. There is no line end after the last line.
    """
    try:
        import segno  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    rows = [tuple(row) for row in segno.make(uri, error="l", micro=False).matrix_iter(border=_QUIET_ZONE)]
    # An odd last row gets light below it.
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=(0,) * len(rows[0]))
    return "\n".join(
        f"{_COLOURS}{''.join(_HALVES[halves] for halves in zip(*pair, strict=True))}{_RESET}" for pair in pairs
    )


def _laid_out(drawing: str | None, about: list[str], columns: int, rows: int) -> list[str]:
    """Return the lines that show a QR code, with the text below or beside it; the text alone if the code does not fit.

    Half a code is worse than none, and so is one whose first lines have scrolled away at the first question.
    """
    if drawing is None:
        return ["Type this key into an authenticator app (awsenv-shell[setup] draws a QR code of it):", *about]
    lines = drawing.split("\n")
    with_code = ["Scan this with an authenticator app, or type its key there:", *about]
    width = len(_ESCAPE.sub("", lines[0]))
    if columns >= width and rows >= len(lines) + _ROWS_BELOW:
        return [*lines, *with_code]
    room = columns - width - len(_GAP)
    text = (
        [part for line in with_code for part in textwrap.wrap(line, room)] if room >= len("authenticator app") else []
    )
    if rows > len(lines) >= len(text) > 0:
        return [line + _GAP + part for line, part in zip_longest(lines, text, fillvalue="")]
    return ["Type this key into an authenticator app (a larger terminal shows a QR code of it):", *about]


def _code(terminal: mfa.Terminal, prompt: str) -> str:
    while True:
        answer = terminal.ask(prompt)
        if answer is None:
            raise MfaError(
                "cancelled: the MFA device is not enabled", hint="run awsenv setup again: it shows a new QR code"
            )
        try:
            return limits.mfa_code(answer)
        except MfaError as error:
            terminal.show(error.fact)
