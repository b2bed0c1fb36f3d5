"""Where an MFA code comes from: the argument, a command, the terminal. And what else a user answers there.

The terminal is opened directly, so that it works inside `$(…)`; standard input is never read. All messages go to that
terminal.
"""

from __future__ import annotations

import io
import os
import select
import signal
import termios
import textwrap
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from awsenv import command
from awsenv.config import limits
from awsenv.errors import AwsenvError, MfaError, UsageError
from awsenv.model import unseen
from awsenv.signals import drain, woken
from awsenv.wording import printable, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from awsenv.errors import Hint, Origin
    from awsenv.model import Environ, Mfa, Question, Waits

STEP = 30
"""Seconds that a code lives (RFC 6238; all devices that AWS accepts)."""

PROCESS_RUNS = 3
"""How often `mfa_process` runs for one code: it may print the same code twice within a step."""


class Terminal(io.FileIO):
    """The terminal of the user, whatever standard input and output are.

    Raises:
        OSError: There is none.
    """

    def __init__(self, path: str = command.TERMINAL) -> None:
        super().__init__(path, "r+", opener=lambda name, flags: os.open(name, flags | os.O_NOCTTY))

    def show(self, text: str, *, name: str = "", color: str = "") -> None:
        """Write one line, wrapped to the terminal, with *name* at its begin in a colour (SGR parameters)."""
        text, columns = printable(text), self.size()[0]
        text = "\n".join(textwrap.wrap(text, columns, break_on_hyphens=False) if columns else [text])
        if text.startswith(name):
            text = styled(name, color) + text.removeprefix(name)
        self.draw(text + "\n")

    def draw(self, text: str) -> None:
        """Write *text* as it is, escape sequences included: never text from outside."""
        data = text.encode("utf-8", "replace")
        # A terminal that is gone is not a failure of its own: no answer will come from it.
        with suppress(OSError):
            while data and (written := self.write(data)):
                data = data[written:]

    def size(self) -> tuple[int, int]:
        """Return the number of columns and of lines; zero if the terminal does not say."""
        try:
            size = os.get_terminal_size(self.fileno())
        except OSError:
            return 0, 0
        return size.columns, size.lines

    def ask(self, prompt: str, *, echo: bool = True) -> str | None:
        """Ask for one line.

        Ctrl-C raises KeyboardInterrupt. After Ctrl-Z and `fg` the prompt is shown again.

        Args:
            prompt: The text before the answer.
            echo: Whether the terminal shows the answer. If so, its settings are not touched, and cannot be left behind.

        Returns:
            The answer without its newline; None after Ctrl-D, or when the terminal is gone.
        """
        before = None if echo else termios.tcgetattr(self)

        def begin() -> None:
            if before is not None:
                silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
                termios.tcsetattr(self, termios.TCSAFLUSH, silent)
            self.draw(printable(prompt))

        answer = None
        try:
            with _on_continue(begin) as wake:
                begin()
                answer = self._line(wake)
        finally:
            if before is not None:
                termios.tcsetattr(self, termios.TCSADRAIN, before)
            # After Ctrl-C, too: the message has a line of its own.
            if answer is None or not echo:
                self.draw("\n")
        return answer

    def ask_code(self, prompt: str, used: Container[str]) -> str | None:
        """Ask for an MFA code that is not in *used*, until the answer is one; None as for `ask`."""
        while (answer := self.ask(prompt)) is not None:
            try:
                code = limits.mfa_code(answer)
            except MfaError as error:
                self.show(error.fact)
                continue
            if code not in used:
                return code
            self.show("that code has been used; wait for the next one")
        return None

    def _line(self, wake: int | None) -> str | None:
        line = b""
        # It fails if the terminal hangs up, or this process is in the background of a session without job control.
        with suppress(OSError):
            while not line.endswith((b"\n", b"\r")) and (more := self._input(wake)):
                line += more
            return line.decode("utf-8", "replace").strip() if line else None
        return None

    def _input(self, wake: int | None) -> bytes:
        """Wait for input, and for signals by *wake*, and return what was typed."""
        # In the background, `select` would wait where reading stops this process, as job control expects.
        while wake is not None and self._is_in_foreground():
            if wake not in select.select([self.fileno(), wake], [], [])[0]:
                break
            drain(wake)
        return self.read(4096) or b""

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno()) == os.getpgrp()
        except OSError:
            return True  # it is the terminal of another session, which has no say in ours


@contextmanager
def _on_continue(begin: Callable[[], None]) -> Iterator[int | None]:
    """Call *begin* whenever the process goes on after Ctrl-Z, and yield what `woken` yields.

    Signals can be handled in the main thread only; in another, this yields None.
    """
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = signal.signal(signal.SIGCONT, lambda _number, _frame: begin())
    try:
        with woken() as wake:
            yield wake
    finally:
        signal.signal(signal.SIGCONT, before or signal.SIG_DFL)


class Codes:
    """Yields MFA codes: that of the command line, once; then those of the device's command, else of the terminal.

    A code of a device is never yielded twice: AWS accepts each code once (RFC 6238, 5.2).

    Args:
        environ: The environment that `mfa_process` runs in; None: that of this process.
        terminal: The path of the terminal.
        now: Returns the seconds since the epoch.
        sleep: Waits for some seconds.
        seconds: How long `mfa_process` may run.
        waits: Shows what the command waits for.
        without_terminal: The next step where a code is needed and there is no terminal.
    """

    def __init__(
        self,
        *,
        environ: Environ | None = None,
        terminal: str = command.TERMINAL,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seconds: float = command.SECONDS,
        waits: Waits = unseen,
        without_terminal: Hint | Callable[[], Hint] = "pass the code as the second word",
    ) -> None:
        self._without_terminal = without_terminal
        self._environ = environ
        self._terminal = terminal
        self._now = now
        self._sleep = sleep
        self._seconds = seconds
        self._waits = waits
        self._used: set[tuple[str, str]] = set()
        self.lost: AwsenvError | None = None
        """Why it is unknown whether the codes so far, including that of the command line, were sent to AWS."""

    def next_code(self, device: Mfa, *, given: str | None = None, after: AwsenvError | None = None) -> str:
        """Return a code of *device* that has not been used.

        Args:
            device: The device.
            given: The code of the command line.
            after: Why the last code failed. The terminal shows it; it is raised if there is no other code.

        Raises:
            MfaError: There is no terminal, the user cancelled, or the command printed no code.
        """
        if self.lost is not None and (given is not None or self._used):
            after, self.lost = after or self.lost, None
            if given is not None:
                self.use(device, given)
        if given is not None and self.is_fresh(device, given):
            code = given
        elif device.process is not None:
            code = self._from_command(device, device.process)
        else:
            code = self.from_user(device, after)
        self.use(device, code)
        return code

    def use(self, device: Mfa, code: str) -> None:
        """Note that a code of *device* has been used."""
        self._used.add((device.serial, code))

    def give_back(self, device: Mfa, code: str) -> None:
        """Note that a code was not used after all."""
        self._used.discard((device.serial, code))

    def is_fresh(self, device: Mfa, code: str) -> bool:
        """Return whether a code of *device* has not been used."""
        return (device.serial, code) not in self._used

    def from_user(self, device: Mfa, after: AwsenvError | None) -> str:
        """Return a code of *device* from the terminal. The arguments and the error are those of `next_code`."""
        try:
            terminal = Terminal(self._terminal)
        except OSError:
            raise after or MfaError(
                f"an MFA code of {printable(device.title)} is needed, and there is no terminal for a prompt",
                hint=self._without_terminal,
            ) from None
        with terminal:
            if after is not None:
                terminal.show(f"{after.fact}. Wait for the next one.")
            used = {code for serial, code in self._used if serial == device.serial}
            code = terminal.ask_code(f"MFA code for {device.title}: ", used)
            if code is None:
                raise MfaError("cancelled: no MFA code was given")
            return code

    def _from_command(self, device: Mfa, line: str) -> str:
        origin = device.origins.get("mfa_process")
        for run in range(PROCESS_RUNS):
            if run:
                self._await_next_step(device)
            code = self._run(line, origin)
            if self.is_fresh(device, code):
                return code
        raise MfaError(
            "mfa_process printed a code that has been used",
            origin,
            hint="let it print the current code of the device",
        )

    def _await_next_step(self, device: Mfa) -> None:
        seconds = STEP - self._now() % STEP
        with suppress(OSError), Terminal(self._terminal) as terminal:
            terminal.show(f"the MFA code of {device.title} has been used; waiting {seconds:.0f} s for the next one")
        self._sleep(seconds)

    def _run(self, line: str, origin: Origin | None) -> str:
        """Return the code that a command prints."""
        run = partial(
            command.run,
            environ=self._environ,
            terminal=self._terminal,
            complains_there=True,
            seconds=self._seconds,
        )
        with self._waits("mfa_process", beside=True):
            printed = command.output("mfa_process", line, run, MfaError, origin).decode("ascii", "replace")
        try:
            return limits.mfa_code(printed)
        except MfaError:
            words = printed.split()
            what = f"{len(words)} words" if len(words) > 1 else "nothing"
            if len(words) == 1:
                what = f"{len(words[0])} digits" if words[0].isdigit() else "letters or signs"
            because, hint = command.why("mfa_process", line)
            raise MfaError(
                f"mfa_process printed {what} instead of six digits",
                origin,
                because=because,
                hint=hint or "let it print the code, and nothing else, on standard output",
            ) from None


def confirm(question: Question, *, terminal: str = command.TERMINAL) -> None:
    """Ask on the terminal whether a command may get a role.

    Args:
        question: The role, and what to answer.
        terminal: The path of the terminal.

    Raises:
        UsageError: There is no terminal, or the answer is another one.
    """
    name = printable(question.name).strip()
    prompt = f"Type {name} to assume it: " if question.text is None else f"{question.text} [y/N] "
    try:
        with Terminal(terminal) as opened:
            # What was typed before the question does not answer it.
            with suppress(termios.error):
                termios.tcflush(opened, termios.TCIFLUSH)
            opened.show(question.fact, name=name, color=question.color)
            answer = opened.ask(prompt) or ""
    except OSError:
        why = "is protected" if question.takes_yes else "must be confirmed"
        fact = f"{name} {why}, and there is no terminal to confirm it on"
        hint = "--yes confirms it" if question.takes_yes else None
        raise UsageError(fact, question.origin, hint=hint) from None
    if question.text is None and answer not in {name, ""}:
        raise UsageError(f"nothing was done: that is not {name}")
    if (question.text is not None and answer.lower() not in {"y", "yes"}) or not answer:
        raise UsageError(f"nothing was done: you did not confirm {name}")


def ask_secret(prompt: str, *, terminal: str = command.TERMINAL) -> str:
    """Ask for a secret on the terminal, without echo.

    Args:
        prompt: The text before the answer: `External id: `.
        terminal: The path of the terminal.

    Raises:
        UsageError: There is no terminal, or the answer is empty.
    """
    what = prompt.rstrip(": ")
    try:
        with Terminal(terminal) as opened:
            answer = opened.ask(prompt, echo=False)
    except OSError:
        raise UsageError(f"{what}: there is no terminal for a prompt", hint="give it in place of -") from None
    if not answer:
        raise UsageError(f"{what}: cancelled")
    return answer
