"""Every error that awsenv raises on purpose, each with its exit code.

    AwsenvError
    ├── UsageError          2  the command line is wrong
    ├── ConfigError         3  the configuration is wrong: unknown profile, loop, bad value
    ├── SourceError         4  no usable source credentials
    ├── RefusedError        5  AWS refused
    ├── MfaError            6  no code: no terminal, cancelled, or rejected too often
    │   └── CodeRejected       AWS took this code for wrong or used: the next one may do
    ├── UnreachableError    7  AWS could not be reached, or did not answer as AWS does
    │   └── ResponseLost       the request may have been taken: the code in it is spent
    ├── AgentError          8  the agent cannot be started, or does not hold what was asked of it
    ├── LaunchError            the command could not be started
    │   ├── NotExecutable 126
    │   └── NotFound      127
    ├── Failure             1  the output could not be written, or a fault of awsenv's own (`doctor`: it found a fault)
    └── Interrupted       130  Ctrl-C, or a signal that asks to end

A message never holds a secret, and never the text of an unknown botocore exception: `ResponseParserError` carries
the body of the response, secret key included.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING, ClassVar

from awsenv.origin import TYPED

if TYPE_CHECKING:
    from awsenv.origin import Origin


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


class AwsenvError(Exception):
    """A failure with a next step. Never raised itself.

    Args:
        fact: What is so, as one sentence without a full stop.
        origins: Where: the place of each value that the fact is about. None is left out.
        hint: The next step: a command, or the key to change.
    """

    exit_code: ClassVar[ExitCode]

    def __init__(self, fact: str, *origins: Origin | None, hint: str | None = None) -> None:
        super().__init__(fact)
        self.fact = fact
        self.origins = tuple(origin for origin in origins if origin is not None and origin != TYPED)
        self.hint = hint

    @property
    def where(self) -> str:
        """The origins as a message shows them; empty where there is none."""
        return "; ".join(map(str, self.origins))


class UsageError(AwsenvError):
    """The command line is wrong."""

    exit_code = ExitCode.USAGE


class ConfigError(AwsenvError):
    """The configuration is wrong: an unknown profile, a loop, a value that AWS would not take."""

    exit_code = ExitCode.CONFIG


class SourceError(AwsenvError):
    """There are no usable source credentials: none found, half a pair, expired, or AWS does not know the key."""

    exit_code = ExitCode.SOURCE


class RefusedError(AwsenvError):
    """AWS refused. `code` is AWS's own error code, such as `AccessDenied`."""

    exit_code = ExitCode.REFUSED

    def __init__(self, fact: str, *origins: Origin | None, code: str, hint: str | None = None) -> None:
        super().__init__(fact, *origins, hint=hint)
        self.code = code


class MfaError(AwsenvError):
    """There is no MFA code that AWS accepts: no terminal to ask at, cancelled, or rejected too often."""

    exit_code = ExitCode.MFA


class CodeRejected(MfaError):
    """AWS took the MFA code for wrong or already used. The device's next code may be accepted."""


class UnreachableError(AwsenvError):
    """AWS could not be reached, failed, or answered with something that AWS does not say. Worth a retry."""

    exit_code = ExitCode.UNREACHABLE


class ResponseLost(UnreachableError):
    """The request went out and no answer came back. An MFA code in it may be spent: never send it again."""


class AgentError(AwsenvError):
    """The agent cannot be started, or does not hold what was asked of it."""

    exit_code = ExitCode.AGENT


class LaunchError(AwsenvError):
    """The command of `exec` could not be started. Never raised itself."""


class NotExecutable(LaunchError):
    """The command was found and cannot be executed, as `env(1)` says it with 126."""

    exit_code = ExitCode.NOT_EXECUTABLE


class NotFound(LaunchError):
    """The command was not found, as `env(1)` says it with 127."""

    exit_code = ExitCode.NOT_FOUND


class Failure(AwsenvError):
    """Nothing that the other exit codes speak of: the output could not be written, or a fault of awsenv's own."""

    exit_code = ExitCode.FAILED


class Interrupted(AwsenvError):
    """Ctrl-C, or a signal that asks to end, before anything was done."""

    exit_code = ExitCode.INTERRUPTED
