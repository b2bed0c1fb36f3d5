"""What a person reads when something fails, or is worth a note: the fact, the place, the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.exceptions import TyperException

from awsenv.errors import AwsenvError, ExitCode, Failure, Interrupted, LaunchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def as_awsenv_error(error: BaseException) -> AwsenvError:
    """Return *error* as one of ours. Of an unknown one only the kind and the line are told: its text may hold a key."""
    if isinstance(error, AwsenvError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if isinstance(error, TyperException):
        return _wrong_command_line(error)
    return Failure(
        f"a fault of awsenv's own: {type(error).__name__} at {_line_of(error)}",
        hint="please report it, with the command that you ran",
    )


def _wrong_command_line(error: TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = "awsenv" if context is None else context.command_path
    option = getattr(error, "option_name", None)
    if option is None:
        text, hint = error.format_message(), f"{command} --help"
    else:
        # Without Typer's guess of what was meant: to --mfa it offers --tag.
        text, hint = error.message, f"{command} --help"
        if any(word in option for word in ("mfa", "code", "otp", "token")):
            hint = "awsenv ROLE CODE: the MFA code is the second word"
    return UsageError(_sentence(text), hint=hint)


def status(error: AwsenvError, args: list[str]) -> ExitCode:
    """Return the exit status of the command line *args* that ended with *error*."""
    if args[:1] == ["exec"] and not isinstance(error, LaunchError | Interrupted):
        # As env(1): a status that the command itself may have must not be ours.
        return ExitCode.EXEC_FAILED
    return error.exit_code


def described(error: AwsenvError) -> str:
    """Return the lines that tell of *error*."""
    lines = [f"awsenv: {error.fact}"]
    if error.origins:
        lines.append(f"  in:  {error.where}")
    if error.hint:
        lines.append(f"  try: {error.hint}")
    return printable(lines)


def noted(notes: Iterable[str]) -> str:
    """Return the lines of *notes*."""
    return printable(f"awsenv: {note}" for note in notes)


def printable(lines: Iterable[str]) -> str:
    r"""Return *lines* with every control character spelled out: a file or AWS may send `\x1b]0;…`."""
    return "".join(
        "".join(character if character.isprintable() else repr(character)[1:-1] for character in line) + "\n"
        for line in lines
    )


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _line_of(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - where all else has failed
    from pathlib import PurePath  # noqa: PLC0415 - the same

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "awsenv" in PurePath(frame.filename).parts]
    return f"{PurePath(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown line"
