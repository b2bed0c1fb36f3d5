"""The prompts of a program: its arguments answer them, and the terminal is never used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from awsenv.cli.prompts import Prompts
from awsenv.config import limits
from awsenv.errors import AwsenvError, MfaError, UsageError
from awsenv.mfa import Codes
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Environ, Mfa, Question

_Answer = TypeVar("_Answer")

_NO_TERMINAL = ""
"""A path that leads to none."""


class Unattended(Prompts):
    """Answers the questions of a request with what its caller has passed.

    Args:
        environ: The environment of the request.
        code: An MFA code, or a function that asks for it.
        confirm: Asks whether a protected role is wanted; None: it is not.
    """

    def __init__(
        self,
        environ: Environ,
        code: str | Callable[[str], str] | None = None,
        confirm: Callable[[str], bool] | None = None,
    ) -> None:
        super().__init__(environ, _NO_TERMINAL)
        self._code, self._confirm = code, confirm

    def code(self, device: Mfa, *, given: str | None, after: AwsenvError | None, login: Callable[[], str]) -> str:
        """Return the code that was passed, once; else that of the device's command, or of the function."""
        if isinstance(self._code, str):
            given, self._code = self._code, None
        self._codes.login = login
        return super().code(device, given=given, after=after, login=login)

    def confirm(self, question: Question) -> None:
        """Confirm a protected role if the caller does.

        Raises:
            UsageError: The caller does not.
        """
        if self._confirm is None:
            hint = "pass confirm=True, or a function" if question.takes_yes else "pass a function as confirm"
            raise UsageError(question.fact, question.origin, hint=hint)
        if not _called(self._confirm, f"{question.fact}. Use it? ", UsageError):
            raise UsageError(f"nothing was done: {printable(question.name)} was not confirmed", question.origin)
        self._confirmed = question.fact

    def find(self, program: str) -> None:
        """Accept any program: none is started."""

    def secret(self, question: str, before: Callable[[], object] = bool) -> str:  # noqa: ARG002 - nobody waits
        """Refuse to ask for a secret.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{question.rstrip(': ')}: nobody can be asked", hint="pass it in place of -")

    @cached_property
    def _codes(self) -> _Codes:
        return _Codes(self._code if callable(self._code) else None, self._environ)


class _Codes(Codes):
    """Yields codes from a function in place of a terminal."""

    login: Callable[[], str] = str
    """Returns the command that opens the MFA session; empty: none would help."""

    def __init__(self, ask: Callable[[str], str] | None, environ: Environ) -> None:
        super().__init__(environ=environ, terminal=_NO_TERMINAL)
        self._ask = ask

    def from_user(self, device: Mfa, after: AwsenvError | None) -> str:
        """Return a code of *device* from the function.

        Raises:
            MfaError: There is no function, or it returns no code that AWS may accept.
        """
        if self._ask is None:
            fact, hint = (
                f"an MFA code of {printable(device.title)} is needed",
                "pass code=: the digits, or a function that returns them",
            )
            raise after or MfaError(fact, hint=lambda: (hint, *filter(None, [self.login()])))
        # As at a terminal, the user is told why there is another question.
        ask, why = self._ask, "" if after is None else f"{after.fact}. Wait for the next one. "
        question = f"{why}MFA code for {device.title}: "
        code = _called(lambda shown: limits.mfa_code(ask(shown)), question, MfaError)
        if not self.is_fresh(device, code):
            raise after or MfaError("that MFA code has been used", hint="wait for the device's next code")
        return code


def _called(function: Callable[[str], _Answer], question: str, kind: type[AwsenvError]) -> _Answer:
    """Return what a function of the caller answers.

    Raises:
        AwsenvError: The function has failed. It is of that kind.
    """
    try:
        return function(printable(question))
    except AwsenvError:
        raise
    except Exception as error:
        raise kind(f"no answer to {question.strip()!r}: {type(error).__name__}") from error
