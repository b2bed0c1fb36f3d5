"""Every error that awsenv raises on purpose, each with its exit code, and where a value comes from.

    AwsenvError
    ├── UsageError          2  the command line is wrong
    ├── ConfigError         3  the configuration is wrong: unknown profile, loop, bad value
    ├── SourceError         4  no usable source credentials
    ├── RefusedError        5  AWS refused
    ├── MfaError            6  no code: no terminal, cancelled, or rejected too often
    │   └── CodeRejected       AWS says that the code is wrong or used: the next one may work
    ├── UnreachableError    7  AWS could not be reached, or its reply is invalid
    │   └── ResponseLost       AWS may have received the request: its code may be spent
    │       └── ForeignResponse    the response is not from AWS: another code would not help
    ├── AgentError          8  the agent cannot start, or does not hold the role
    ├── LaunchError            the command could not be started
    │   ├── NotExecutable 126
    │   └── NotFound      127
    ├── Failure             1  the output could not be written, or awsenv has a fault (`doctor`: it found a fault)
    └── Interrupted       130  Ctrl-C, or a signal to terminate

A message never holds a secret or the text of an unknown botocore exception: `ResponseParserError` holds the body of the
response, including the secret key.
"""

from __future__ import annotations

from enum import IntEnum, unique
from functools import cached_property

from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar


@unique
class ExitCode(IntEnum):
    """What the exit status of awsenv means. A script may rely on these."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    SOURCE = 4
    REFUSED = 5
    MFA = 6
    UNREACHABLE = 7
    AGENT = 8
    EXEC_FAILED = 125
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: a file, an option, a variable, or a rule of awsenv.

    `str()` names the place: `~/.aws/config:12, [profile prod], mfa_serial`, `--duration`,
    `AWSENV_REGION`.
    """

    name: str
    """The file as users type it, the option with its dashes, or the variable."""

    line: int = 0
    """Counted from one; 0: not in a file."""

    section: str | None = None
    """The header without its brackets: `profile prod`."""

    key: str | None = None

    @property
    def position(self) -> str:
        """The name, with the line if there is one: `~/.aws/config:12`."""
        return f"{self.name}:{self.line}" if self.line else self.name

    @property
    def setter(self) -> str:
        """The name of what sets the value: the option, the variable, or the key, behind the name of its service."""
        return (self.key or self.name).rpartition(", ")[2]

    @property
    def parts(self) -> tuple[str, int, str | None, str | None]:
        """The values from which `Origin(*parts)` makes it again."""
        return self.name, self.line, self.section, self.key

    def __str__(self) -> str:
        """Return the place as editors and compilers write it."""
        parts = [self.position]
        if self.section is not None:
            parts.append(f"[{self.section}]")
        if self.key is not None:
            parts.append(self.key)
        return ", ".join(parts)


TYPED = Origin("the command line")
"""The origin of the role and the code. An error omits it: the user has just typed them."""

Hint = str | tuple[str, ...]
"""The next step: a command, or the key to change. A tuple holds two, the better one first."""

AGAIN = "the same command again"
"""The next step after what may pass by itself."""

PORTAL = "check that no sign-in page of the network is in the way"
"""The next step after a response, or a certificate, that is not from AWS."""


class AwsenvError(Exception):
    """A failure with a next step. Only its subclasses are raised.

    Args:
        fact: One sentence without a full stop.
        origins: The origin of each value that the fact is about. A None is omitted.
        because: The established cause, if it is not part of the fact: what AWS or the system said.
        hint: The next step, or two; a function that returns them if they take long to find: an error that is
            not shown does not call it.
    """

    exit_code: ClassVar[ExitCode]

    def __init__(
        self,
        fact: str,
        *origins: Origin | None,
        because: str | None = None,
        hint: Hint | Callable[[], Hint] | None = None,
    ) -> None:
        super().__init__(fact if because is None else f"{fact}: {because}")
        self.fact = fact
        self.origins = tuple(origin for origin in origins if origin is not None and origin != TYPED)
        self.because = because
        self._hint = hint

    @cached_property
    def hints(self) -> tuple[str, ...]:
        """The next steps, at most two."""
        hint = self._hint() if callable(self._hint) else self._hint
        return (hint,) if isinstance(hint, str) else hint or ()

    def __reduce__(self) -> tuple[object, ...]:
        """Return what makes it again in another process, where a pool of a program may raise it."""
        return _made_again, (type(self), self.args, {**vars(self), "_hint": self.hints})

    @property
    def where(self) -> str:
        """The origins as a message shows them; empty if there are no origins."""
        return "; ".join(map(str, self.origins))


def _made_again(kind: type[AwsenvError], args: tuple[object, ...], state: dict[str, object]) -> AwsenvError:
    made = kind.__new__(kind, *args)
    vars(made).update(state)
    return made


class UsageError(AwsenvError):
    """The command line is wrong."""

    exit_code = ExitCode.USAGE


class ConfigError(AwsenvError):
    """The configuration is wrong: an unknown profile, a loop, a value that AWS would refuse."""

    exit_code = ExitCode.CONFIG


class SourceError(AwsenvError):
    """There are no usable source credentials: none found, half a pair, expired, or AWS does not know the key."""

    exit_code = ExitCode.SOURCE


class RefusedError(AwsenvError):
    """AWS refused. `code` is the error code of AWS, such as `AccessDenied`.

    `is_unsettled` says that AWS may accept the same request a little later: it names what was just created.
    """

    exit_code = ExitCode.REFUSED

    def __init__(
        self,
        fact: str,
        *origins: Origin | None,
        code: str,
        is_unsettled: bool = False,
        because: str | None = None,
        hint: Hint | None = None,
    ) -> None:
        super().__init__(fact, *origins, because=because, hint=hint)
        self.code = code
        self.is_unsettled = is_unsettled


class MfaError(AwsenvError):
    """There is no MFA code that AWS accepts: no terminal for a prompt, cancelled, or rejected too often."""

    exit_code = ExitCode.MFA


class CodeRejected(MfaError):
    """AWS says that the MFA code is wrong or already used. The next code of the device may work."""


class UnreachableError(AwsenvError):
    """AWS could not be reached, failed, or sent an invalid reply. A retry may help."""

    exit_code = ExitCode.UNREACHABLE
    is_throttling = False
    """Whether AWS gets too many requests, and answers a later one."""


class ResponseLost(UnreachableError):
    """The request was sent and no reply arrived. An MFA code in it may be spent: never send it again."""


class ForeignResponse(ResponseLost):
    """The request was sent, and the response is not from AWS. Another code would not help."""


class AgentError(AwsenvError):
    """The agent cannot start, or does not hold the requested role."""

    exit_code = ExitCode.AGENT


class LaunchError(AwsenvError):
    """The command of `exec` could not be started. Only its subclasses are raised."""


class NotExecutable(LaunchError):
    """The command was found but cannot be executed: 126, as for `env(1)`."""

    exit_code = ExitCode.NOT_EXECUTABLE


class NotFound(LaunchError):
    """The command was not found: 127, as for `env(1)`."""

    exit_code = ExitCode.NOT_FOUND


class Failure(AwsenvError):
    """No other exit code applies: the output could not be written, or awsenv has a fault."""

    exit_code = ExitCode.FAILED


class Interrupted(AwsenvError):
    """Ctrl-C, or a signal to terminate, before anything was done."""

    exit_code = ExitCode.INTERRUPTED
