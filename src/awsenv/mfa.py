"""Where an MFA code comes from: the argument, a command, the terminal.

The terminal is opened directly, so that it works inside `$(…)`; standard input is never read. Everything that is
said here is said on that terminal.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import termios
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv import command
from awsenv.config import limits
from awsenv.errors import AwsenvError, MfaError, UsageError
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsenv.model import Environ
    from awsenv.origin import Origin

STEP = 30
"""Seconds that a code lives (RFC 6238, and every device that AWS takes)."""

PROCESS_RUNS = 3
"""How often `mfa_process` is run for one code: it may print the same code twice within one step."""


@dataclass(frozen=True, slots=True)
class Device:
    """The MFA device that a code is asked of."""

    serial: str
    process: str | None = None
    """The command that prints its code."""
    origin: Origin | None = None
    """Where that command is configured."""

    @property
    def name(self) -> str:
        """What a person calls it: the last part of the ARN, or the serial number of a hardware device."""
        return self.serial.rpartition("/")[2]

    @property
    def title(self) -> str:
        """How a prompt tells it from others and stays short: the name and the account, or the serial number."""
        match = re.fullmatch(r"arn:[a-z-]+:iam::([0-9]{12}):mfa/(.+)", self.serial)
        return self.serial if match is None else f"{match[2]} ({match[1]})"


class Terminal:
    """The person's terminal, whatever standard input and output are connected to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str = "/dev/tty") -> Terminal:
        """Open the controlling terminal.

        Raises:
            OSError: There is none.
        """
        return cls(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor, to hand to another program."""
        return self._descriptor

    def tell(self, text: str) -> None:
        """Write one line."""
        self._write(printable(text) + "\n")

    def draw(self, text: str) -> None:
        """Write *text* as it is, escape sequences too: never what others wrote."""
        self._write(text)

    def size(self) -> tuple[int, int]:
        """Return how many columns and lines it shows; nothing where it does not say."""
        try:
            size = os.get_terminal_size(self._descriptor)
        except OSError:
            return 0, 0
        return size.columns, size.lines

    def ask(self, prompt: str, *, echo: bool = True) -> str | None:
        """Ask for one line.

        Ctrl-C raises KeyboardInterrupt. After Ctrl-Z and `fg` the prompt is shown again.

        Args:
            prompt: What is shown before the answer.
            echo: Whether the answer shows while it is typed.

        Returns:
            The answer without its newline; None after Ctrl-D, or when the terminal is gone.
        """
        with self._settings(echo=echo) as settle:

            def show() -> None:
                settle()
                self._write(printable(prompt))

            with _on_continue(show):
                show()
                answer = self._line()
        if answer is None or not echo:
            self._write("\n")
        return answer

    def _line(self) -> str | None:
        line = b""
        while not line.endswith((b"\n", b"\r")):
            try:
                more = os.read(self._descriptor, 4096)
            except OSError:  # hung up, or in the background of a session without job control
                return None
            if not more:
                break
            line += more
        return line.decode("utf-8", "replace").strip() if line else None

    @contextmanager
    def _settings(self, *, echo: bool) -> Iterator[Callable[[], None]]:
        """Yield what turns echo off, if it is to be off; put back what was, at the end.

        With echo on nothing is touched, so nothing can be left behind.
        """
        if echo:
            yield lambda: None
            return
        before = termios.tcgetattr(self._descriptor)
        silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        try:
            yield lambda: termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, silent)
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

    def _write(self, text: str) -> None:
        # A terminal that is gone is no reason to fail: what was asked for will not come, and that is said.
        data = text.encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return


@contextmanager
def _on_continue(show: Callable[[], None]) -> Iterator[None]:
    """Call *show* whenever the process goes on after Ctrl-Z. Signals can be handled in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCONT, lambda _number, _frame: show())
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before or signal.SIG_DFL)


class Codes:
    """What yields MFA codes: the code of the command line, once; then the device's command; then the terminal.

    A code that it has yielded for a device is never yielded for it again: AWS takes each code once (RFC 6238, 5.2).

    Args:
        environ: The environment that `mfa_process` runs in; None: the one of this process.
        terminal: Opens the terminal; raises OSError where there is none.
        now: The time in seconds since the epoch.
        sleep: Waits for some seconds.
        seconds: How long `mfa_process` may run.
    """

    def __init__(
        self,
        *,
        environ: Environ | None = None,
        terminal: Callable[[], Terminal] = Terminal.open,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seconds: float = command.SECONDS,
    ) -> None:
        self._environ = environ
        self._open = terminal
        self._now = now
        self._sleep = sleep
        self._seconds = seconds
        self._used: set[tuple[str, str]] = set()
        self.lost: AwsenvError | None = None
        """Why nobody knows whether the codes so far, that of the command line too, were sent to AWS."""

    def next_code(self, device: Device, *, given: str | None = None, after: AwsenvError | None = None) -> str:
        """Return a code of *device* that has not been used.

        Args:
            device: Whose code.
            given: The code of the command line.
            after: Why the last code was of no use. The terminal shows it; it is raised where nothing yields another.

        Raises:
            MfaError: There is no terminal, the user cancelled, or the command printed no code.
        """
        if self.lost is not None and (given is not None or self._used):
            after, self.lost = after or self.lost, None
            if given is not None:
                self.use(device, given)
        if given is not None and self._is_fresh(device, given):
            code = given
        elif device.process is not None:
            code = self._from_command(device, device.process)
        else:
            code = self._from_terminal(device, after)
        self.use(device, code)
        return code

    def use(self, device: Device, code: str) -> None:
        """Note that a code of *device* has been used."""
        self._used.add((device.serial, code))

    def give_back(self, device: Device, code: str) -> None:
        """Note that a code was not used after all."""
        self._used.discard((device.serial, code))

    def _is_fresh(self, device: Device, code: str) -> bool:
        return (device.serial, code) not in self._used

    def _from_terminal(self, device: Device, after: AwsenvError | None) -> str:
        try:
            terminal = self._open()
        except OSError:
            raise after or MfaError(
                f"an MFA code of {printable(device.title)} is needed, and there is no terminal to ask at",
                device.origin,
                hint="pass the code as the second word",
            ) from None
        with closing(terminal):
            if after is not None:
                terminal.tell(f"{after.fact}. Wait for the next one.")
            return self._ask(terminal, device, f"MFA code for {device.title}: ")

    def _ask(self, terminal: Terminal, device: Device, prompt: str) -> str:
        while True:
            answer = terminal.ask(prompt)
            if answer is None:
                raise MfaError("cancelled: no MFA code was given")
            try:
                code = limits.mfa_code(answer)
            except MfaError as error:
                terminal.tell(error.fact)
                continue
            if self._is_fresh(device, code):
                return code
            terminal.tell("that code has been used; wait for the next one")

    def _from_command(self, device: Device, line: str) -> str:
        for run in range(PROCESS_RUNS):
            if run:
                self._await_next_step(device)
            code = self._run(line, device.origin)
            if self._is_fresh(device, code):
                return code
        raise MfaError(
            "mfa_process printed a code that has been used",
            device.origin,
            hint="it must print the current code of the device",
        )

    def _await_next_step(self, device: Device) -> None:
        seconds = STEP - self._now() % STEP
        try:
            terminal = self._open()
        except OSError:
            pass
        else:
            with closing(terminal):
                terminal.tell(f"the MFA code of {device.title} has been used; waiting {seconds:.0f} s for the next one")
        self._sleep(seconds)

    def _run(self, line: str, origin: Origin | None) -> str:
        """Run *line* with the person's terminal, so that it can ask for a PIN or a touch."""
        try:
            words = shlex.split(line)
        except ValueError:
            raise MfaError("mfa_process has an unclosed quote", origin, hint="close the quote") from None
        if not words:
            raise MfaError("mfa_process is empty", origin, hint="set it, or remove it")
        try:
            terminal = self._open()
        except OSError:
            finished = self._finished(words, None, origin)
        else:
            with closing(terminal):
                finished = self._finished(words, terminal.fileno(), origin)
        if finished.status != 0:
            raise MfaError(
                f"mfa_process failed with status {finished.status}",
                origin,
                hint="run the command by itself to see why",
            )
        try:
            return limits.mfa_code(finished.output.decode("ascii", "replace"))
        except MfaError:
            raise MfaError(
                "mfa_process printed something other than six digits",
                origin,
                hint="it must print the code, and nothing else, on standard output",
            ) from None

    def _finished(self, words: list[str], terminal: int | None, origin: Origin | None) -> command.Finished:
        try:
            return command.run(words, environ=self._environ, terminal=terminal, stderr=terminal, seconds=self._seconds)
        except command.Overrun as overrun:
            raise MfaError(
                f"mfa_process {overrun}", origin, hint="run the command by itself to see what it does"
            ) from None
        except (OSError, ValueError):
            raise MfaError(
                f"mfa_process cannot be run: {printable(words[0])}",
                origin,
                hint="check that it exists and is executable; no shell runs it, so ~ and $VARIABLES are not expanded",
            ) from None


def ask_secret(prompt: str, *, terminal: Callable[[], Terminal] = Terminal.open) -> str:
    """Ask for a secret at the terminal, without echo.

    Args:
        prompt: What is shown: `External id: `.
        terminal: Opens the terminal; raises OSError where there is none.

    Raises:
        UsageError: There is no terminal, or nothing was given.
    """
    what = prompt.rstrip(": ")
    try:
        opened = terminal()
    except OSError:
        raise UsageError(f"{what}: there is no terminal to ask at", hint="give it in place of -") from None
    with closing(opened):
        answer = opened.ask(prompt, echo=False)
    if not answer:
        raise UsageError(f"{what}: cancelled, nothing was given")
    return answer
