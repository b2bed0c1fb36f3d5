"""What `awsenv setup` needs of this machine: the terminal, the two files, the signals."""

from __future__ import annotations

import re
import signal
import textwrap
import time
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING

from awsenv import config, environment, mfa
from awsenv.cli import process, report
from awsenv.config import files as aws_files
from awsenv.config import limits
from awsenv.errors import MfaError
from awsenv.setup import files, key_store, qr
from awsenv.setup.request import KeyDestination, SetupRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from awsenv.aws.iam import Iam
    from awsenv.cli.action import Caller
    from awsenv.config.files import File
    from awsenv.errors import AwsenvError
    from awsenv.model import Credentials, Environ
    from awsenv.setup.plan import Plan

_ALTERNATE, _BACK = "\x1b[?1049h\x1b[H", "\x1b[?1049l"
_ROWS_BELOW = 8
"""What follows a QR code: the text, and two questions that may be asked again."""
_GAP = "  "
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


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
            hint="run it in a terminal; --dry-run shows the plan without one, and --yes asks only for the codes",
        ) from None


def remove_leftovers(environ: Environ, folder: str | None) -> None:
    """Remove the copies that a killed run left beside the files, and say so."""
    for find in (aws_files.config_file, aws_files.credentials_file):
        for path in files.remove_leftovers(find(environ, folder)):
            process.complain(report.noted([f"removed {path}, which an earlier run left behind"]))


class Tools:
    """The tools, as `apply.Tools` describes them.

    Args:
        admin: Administers the account of the user.
        role_admin: Administers the account of the roles.
        request: What setup makes.
        caller: Whose files are written.
    """

    terminal: mfa.Terminal | None = None
    """Where the QR code is shown and codes are asked for."""

    def __init__(self, admin: Iam, role_admin: Iam, request: SetupRequest, caller: Caller) -> None:
        self.admin = admin
        self.role_admin = role_admin
        self._request = request
        self._environ = environment.original(caller.environ)
        self._folder = caller.folder
        self._shows_key = False

    def check_destinations(self, plan: Plan) -> None:
        """Check that a key can be kept before it is made: AWS shows its secret once.

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

    def show_device(self, user: str, account: str, seed: str) -> None:
        """Show the key of a new MFA device, on the alternate screen: it leaves no trace in the scrollback."""
        terminal = self._at_terminal()
        # Ctrl-Z would leave it there for anyone to see.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        self._shows_key = True
        drawing = qr.draw(qr.otpauth(user, account, seed))
        about = (seed, f"It is shown only now. The device is {user}, in account {account}.")
        terminal.draw(_ALTERNATE + "\n".join(_laid_out(drawing, about, *terminal.size())) + "\n")

    def ask_codes(self, serial: str, after: AwsenvError | None) -> tuple[str, str]:
        """Ask for two codes that follow one another.

        Raises:
            MfaError: Cancelled.
        """
        del serial  # it is what is on the screen
        terminal = self._at_terminal()
        if after is not None:
            terminal.show(f"{after.fact}.")
        first = _code(terminal, "MFA code that the app shows now: ")
        while (second := _code(terminal, "The next one, in up to 30 seconds: ")) == first:
            terminal.show("that is the same code; wait for the next one")
        return first, second

    def keep_key(self, credentials: Credentials) -> None:
        """Keep the access key where it was asked to go.

        Raises:
            ConfigError: It cannot be written there.
        """
        name = self._request.user
        pair = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
        }
        if self._request.key_destination is KeyDestination.FILE:
            self._add(aws_files.credentials_file, {name: pair}, private=True)
        elif self._request.key_destination is KeyDestination.KEYRING:
            line = key_store.store(name, credentials, self._environ)
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
        process.complain(report.noted([text]))

    @contextmanager
    def held_signals(self) -> Iterator[None]:
        """Hold Ctrl-C and signals that ask to end until the block has ended. A second Ctrl-C ends it at once.

        Raises:
            KeyboardInterrupt: At the end of the block, if there was one.
        """
        held: list[int] = []

        def hold(number: int, _frame: object) -> None:
            if held and number == signal.SIGINT:
                raise KeyboardInterrupt
            held.append(number)

        before = {number: signal.signal(number, hold) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if held:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Wait for AWS."""
        time.sleep(seconds)

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


def _laid_out(drawing: str | None, about: Sequence[str], columns: int, rows: int) -> list[str]:
    """Return the lines that show a QR code, and the text below it, or beside it; the text alone where it has no room.

    Half a code is worse than none, and so is one whose first lines have gone when the first question comes.
    """
    if drawing is None:
        return ["Type this key into an authenticator app (awsenv-shell[setup] draws a QR code of it):", *about]
    lines = drawing.split("\n")
    with_it = ("Scan this with an authenticator app, or type its key there:", *about)
    width = len(_ESCAPE.sub("", lines[0]))
    if columns >= width and rows >= len(lines) + _ROWS_BELOW:
        return [*lines, *with_it]
    room = columns - width - len(_GAP)
    text = [part for line in with_it for part in textwrap.wrap(line, room)] if room >= len("authenticator app") else []
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
