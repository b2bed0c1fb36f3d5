"""What only the process of the user can give: MFA codes, secrets, the output of a `credential_process`.

Without an agent, the provider asks directly. An agent sends what it needs as a text, which `answer` reads.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from contextlib import contextmanager, suppress
from functools import cached_property

from awsenv import changes
from awsenv.cli import process
from awsenv.errors import CodeRejected, Origin, ResponseLost
from awsenv.model import Mfa, Question, unseen
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from awsenv.errors import AwsenvError, Hint
    from awsenv.mfa import Codes
    from awsenv.model import Environ, Waits


_PAUSE = 1.0
"""Seconds between two checks of the connection while the user types."""

AGENT_PAUSE = 31.0
"""Seconds after which an agent is asked to open a connection again: it keeps none for longer."""

_AGAIN = 10
"""How often it is opened again at most. After that, the call opens a connection of its own."""


@contextmanager
def _kept_open(open_again: Callable[[], int] | None, pause: float) -> Iterator[None]:
    """While the user types, call *open_again* every *pause* seconds."""
    over, calling = allocate_lock(), allocate_lock()
    over.acquire()
    is_over = False

    def watch(open_again: Callable[[], int]) -> None:
        left = _AGAIN
        while left > 0 and not over.acquire(timeout=pause):
            with calling:
                if is_over:
                    return  # the request takes the connection: another would be one more
                left -= open_again()

    if open_again is not None:
        with suppress(RuntimeError):  # no thread can be started: the call opens its own connection
            start_new_thread(watch, (open_again,))
    try:
        yield
    finally:
        with calling:
            is_over = True
        over.release()


def lost() -> ResponseLost:
    """Return the error for an agent that is gone and may have sent the code."""
    return ResponseLost("the agent did not reply, and the MFA code may have been used", hint="the device's next code")


class Prompts:
    """Asks the user at the terminal, and runs their commands.

    Args:
        environ: The environment of this process.
        terminal: The path of the terminal.
        waits: Shows what the command waits for.
        args: The command line: without a terminal, it decides what the user can do.
        open_again: Replaces closed early connections, and returns how many; None: there are none.
    """

    has_code = False
    """Only an agent has been sent a code before it asks."""
    codes_before = 0

    def __init__(
        self,
        environ: Environ,
        terminal: str = "/dev/tty",
        waits: Waits = unseen,
        args: Sequence[str] = (),
        open_again: Callable[[], int] | None = None,
    ) -> None:
        self.waits = waits
        self._args = args
        self._open_again, self._pause = open_again, _PAUSE
        self._caller = environ
        self._terminal = terminal
        self._answers: dict[str, Any] = {}
        self._confirmed = ""
        self._login: Callable[[], str]

    @property
    def answers(self) -> str:
        """The answers to an agent so far, as `Answers` of `awsenv.cli.handler` reads them."""
        import json  # noqa: PLC0415 - only for an agent

        return json.dumps(self._answers) if self._answers else ""

    def lose(self) -> None:
        """Note that an agent may have sent every code so far, including that of the command line."""
        self._answers = {"is_lost": True}
        self._codes.lost = lost()

    def code(self, device: Mfa, *, given: str | None, after: AwsenvError | None, login: Callable[[], str]) -> str:
        """Return an unused code of *device*: *given*, or from its command, or from the terminal.

        Without a terminal, the error names *login*, the command that opens the MFA session; empty: none would help.

        Raises:
            MfaError: There is none.
        """
        self._login = login
        with _kept_open(self._open_again, self._pause):
            code = self._codes.next_code(device, given=given, after=after)
        process.end_silence()
        return code

    def give_back(self, device: Mfa, code: str) -> None:
        """Note that a code was not sent."""
        self._codes.give_back(device, code)

    def find(self, program: str) -> None:
        """Check that this process can become *program*.

        Raises:
            LaunchError: It cannot.
        """
        from awsenv import launch  # noqa: PLC0415 - only before a code is used

        launch.check(program, self._caller)

    def run(self, words: Sequence[str], profile: str) -> bytes:
        """Return what the `credential_process` of *profile* prints.

        Raises:
            Failed: It was not started, it failed, or it was killed.
        """
        from awsenv import command, config  # noqa: PLC0415 - few sources are commands

        with self.waits(f"the credential_process of profile {profile}", beside=True):
            return command.run(words, environ=config.entered(profile, self._environ), terminal=self._terminal)

    def confirm(self, question: Question) -> None:
        """Ask at the terminal whether the user wants a role, once for a command.

        Raises:
            UsageError: There is no terminal, or the user does not.
        """
        from awsenv import mfa  # noqa: PLC0415 - few roles are protected

        if self._confirmed != question.fact:
            color = question.color if process.shows_color(self._caller) else ""
            with _kept_open(self._open_again, self._pause):
                mfa.confirm(replace(question, color=color), terminal=self._terminal)
            process.end_silence()
        self._confirmed = question.fact

    def secret(self, question: str, before: Callable[[], object] = bool) -> str:
        """Call *before*, and ask for a secret, without echo.

        Raises:
            UsageError: There is no terminal, or the user gave none.
        """
        from awsenv import mfa  # noqa: PLC0415 - few commands ask

        before()
        with _kept_open(self._open_again, self._pause):
            secret = mfa.ask_secret(question, terminal=self._terminal)
        process.end_silence()
        return secret

    def answer(self, need: str, open_again: Callable[[], int] | None = None, pause: float = AGENT_PAUSE) -> None:
        """Add to the answers what *need* asks for.

        Args:
            need: What the agent needs.
            open_again: Makes the agent replace the connection that it has closed in the meantime; None: it does not.
            pause: Seconds after which the agent may have closed it.

        Raises:
            AwsenvError: It cannot be given.
            ValueError: *need* cannot be read.
        """
        self._open_again, self._pause = open_again, pause
        import json  # noqa: PLC0415 - only for an agent

        try:
            answer = getattr(self, f"_{json.loads(need)['kind']}_for")
            self._answers |= answer(json.loads(need))
        except (AttributeError, KeyError, TypeError):
            raise ValueError(need) from None

    def _code_for(self, need: dict[str, Any]) -> dict[str, Any]:
        serial, process, origins = need["device"]
        device = Mfa(serial, process, {name: Origin(*origin) for name, origin in origins.items()})
        if need["used"] is not None:
            self._codes.use(device, need["used"])
        code = self.code(device, given=None, after=_error_of(need["after"]), login=lambda: str(need["login"]))
        self._answers.pop("is_lost", None)
        return {"code": code, "serial": device.serial, "codes_before": need["codes_before"]}

    def _secret_for(self, need: dict[str, Any]) -> dict[str, Any]:
        return {"secret": self.secret(need["question"])}

    def _confirm_for(self, need: dict[str, Any]) -> dict[str, Any]:
        fact, name, text, color, origin, takes_yes = need["question"]
        self.confirm(Question(fact, name, text, color, origin and Origin(*origin), takes_yes))
        return {"confirmed": self._confirmed}

    def _find_for(self, need: dict[str, Any]) -> dict[str, Any]:
        self.find(need["program"])
        return {"found": need["program"]}

    def _run_for(self, need: dict[str, Any]) -> dict[str, Any]:
        from awsenv.command import Failed  # noqa: PLC0415 - see run

        try:
            return {"printed": self.run(need["words"], need["profile"]).decode("latin-1")}
        except Failed as failed:
            return {"failed": [failed.predicate, *failed.hints]}

    @cached_property
    def _environ(self) -> Environ:
        return changes.original(self._caller)

    @cached_property
    def _codes(self) -> Codes:
        from awsenv import mfa  # noqa: PLC0415 - `off` and `list` ask for none

        return mfa.Codes(
            environ=self._environ, terminal=self._terminal, waits=self.waits, without_terminal=self._without_terminal
        )

    def _without_terminal(self) -> Hint:
        login, command = self._login(), self._args[:1]
        if command in (["credential-process"], ["token"]):
            # An SDK or kubectl has called it, and passes no code.
            return login or "awsenv login, and ask for an hour at most"
        if command == ["login"]:
            return f"{login} CODE, with the code that the device shows"
        second = f"pass the code as the {'last word before --' if command == ['each'] else 'second word'}"
        # AWS accepts --session-duration only with the user's own key.
        is_alone = any(word.partition("=")[0] == "--session-duration" for word in self._args)
        return (login, second) if login and not is_alone else second


class Needed(BaseException):
    """An agent lacks something that only the process of the caller can give.

    It derives from BaseException, so that no library catches it.

    Args:
        kind: `code`, `secret`, `confirm`, `find` or `run`.
        about: What `Prompts.answer` reads.
    """

    def __init__(self, kind: str, **about: Any) -> None:
        super().__init__(kind)
        import json  # noqa: PLC0415 - only for an agent

        self.text = json.dumps({"kind": kind, **about})


def parts_of(error: AwsenvError | None) -> dict[str, Any] | None:
    """Return *error*, the reason why a code failed, in the form that `Needed` carries."""
    if error is None:
        return None
    return {
        "is_lost": isinstance(error, ResponseLost),
        "fact": error.fact,
        "because": error.because,
        "hints": error.hints,
        "origins": [origin.parts for origin in error.origins],
    }


def _error_of(parts: dict[str, Any] | None) -> AwsenvError | None:
    """Return the error that `parts_of` took apart."""
    if parts is None:
        return None
    kind = ResponseLost if parts["is_lost"] else CodeRejected
    origins = (Origin(*origin) for origin in parts["origins"])
    return kind(parts["fact"], *origins, because=parts["because"], hint=tuple(parts["hints"]))
