"""What a command returns: an action, which the process of the user carries out. An agent sends it there.

It imports next to nothing, because the fast path reads it.
"""

from __future__ import annotations

import os

from awsenv.agent.client import pack, pack_texts, unpack, unpack_texts
from awsenv.cli import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from awsenv.cli.report import Shown


class Action:
    """What is to be done for a command line.

    Args:
        text: What it is about; it may be a secret.
        notes: What to show first, on stderr.
        success: What has been done, for a user at a terminal; empty: the user sees it anyway.
        status: The exit status after it.
    """

    kind = b""
    """By which a reply of an agent names it."""
    is_read = False
    """Whether the user reads the text. Another is bytes, in the encoding of the process."""
    argv: Sequence[str] = ()
    environ: Mapping[str, str] | None = None

    def __init__(self, text: str = "", notes: Sequence[Shown] = (), status: int = 0, success: str = "") -> None:
        self.text = text
        self.success = success
        self.notes = notes
        self.status = status

    def carry_out(self, args: list[str]) -> int:
        """Show the notes, do it for the command line *args*, and return the exit status.

        Raises:
            AwsenvError: The output cannot be written, or the command cannot be started.
        """
        del args
        show(self.notes)
        self._do()
        return self.status

    def _do(self) -> None:
        pass


class Print(Action):
    """Print the text to stdout, at once and whole."""

    kind = b"print"

    def _do(self) -> None:
        process.write(self.text)
        process.succeed(self.success)


class Append(Print):
    """Add lines to a file that is there, and print the text before that: it is what keeps secrets out of a log."""

    kind = b"append"

    def __init__(
        self, path: str, lines: str, text: str = "", *, notes: Sequence[Shown] = (), success: str = ""
    ) -> None:
        super().__init__(text, notes, success=success)
        self.argv = (path, lines)

    def _do(self) -> None:
        if self.text and (reason := process.why_not_logged()):
            from awsenv.errors import Failure  # noqa: PLC0415 - where it fails

            fact = "nothing was added to the file of GITHUB_ENV: the log would not get the commands that mask the keys"
            raise Failure(fact, because=reason, hint="let awsenv use ROLE --shell github print to the log")
        process.write(self.text)
        process.append(*self.argv)
        process.succeed(self.success)


class Report(Print):
    """Print the text for the user to read: times are local, and lines as long as the terminal is wide."""

    kind = b"report"
    is_read = True

    def _do(self) -> None:
        process.show(self.text)


class Table(Report):
    """Print the text for the user to read: a line that is wider than the terminal stays a line.

    Its only control characters are colours, which an agent cannot know whether the terminal shows.
    """

    kind = b"table"

    def _do(self) -> None:
        if "\x1b" in self.text and not (process.stdout_is_terminal() and process.shows_color(process.environ())):
            import re  # noqa: PLC0415 - few roles have a colour

            self.text = re.sub("\x1b\\[[0-9;]*m", "", self.text)
        process.write(process.encoded(self.text), is_read=True)


class Exec(Action):
    """Become the command *argv* with the environment *environ*."""

    kind = b"exec"

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], success: str = "") -> None:
        super().__init__(success=success)
        self.argv = argv
        self.environ = environ

    def _do(self) -> None:
        from awsenv.launch import become  # noqa: PLC0415 - only where there is something to become

        process.succeed(self.success)
        become(self.argv, self.environ or {})


class Sealed(Exec):
    """Seal this process, and become the command. The text, a secret, is as `sealed.text` returns it."""

    kind = b"sealed"

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], success: str = "", *, text: str = "") -> None:
        super().__init__(argv, environ, success)
        self.text = text

    def _do(self) -> None:
        from awsenv.cli.sealed import sealed  # noqa: PLC0415 - only where something is sealed

        self.environ = sealed(self.text, self.environ or {}, show)
        super()._do()


class Open(Action):
    """Open the page whose URL, a secret, is the text in the user's browser."""

    kind = b"open"

    def _do(self) -> None:
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open
        from awsenv.cli.waiting import Waiting  # noqa: PLC0415 - the same

        with Waiting()("the browser", beside=True):
            open_page(self.text)


class Fail(Action):
    """Fail with the status, here and where the output is evaluated. The last note is the error.

    The text is the error code of AWS, if AWS has refused.
    """

    kind = b"fail"

    def carry_out(self, args: list[str]) -> int:
        """Show the notes and the error, and return the exit status."""
        from awsenv.cli.report import described  # noqa: PLC0415 - where something fails
        from awsenv.errors import ExitCode  # noqa: PLC0415 - the same

        *notes, error = self.notes
        show(notes)
        status = self.status
        if args[:1] in (["exec"], ["each"]) and status < ExitCode.EXEC_FAILED:
            # As env(1): a status that the command itself may have must not be ours.
            status = ExitCode.EXEC_FAILED
        return process.fail(args, status, described(error))


class Need(Action):
    """Give an agent what it lacks: the text says what, as `Prompts.answer` reads it."""

    kind = b"need"


class Local(Print):
    """Print the text, which only the process of the user can make: a help page is as wide as its terminal."""

    kind = b"local"


class StartAgent(Local):
    """Start an agent, and let it run the same command line.

    Args:
        lifetime: Seconds that it lives.
        idle: Seconds without a request after which it ends; None: it serves this process alone, and ends with it.
    """

    def __init__(self, lifetime: float, idle: float | None = None) -> None:
        super().__init__()
        self.lifetime = lifetime
        self.idle = idle


def show(notes: Iterable[Shown]) -> None:
    """Show *notes* on stderr."""
    for note in notes:
        from awsenv.cli.report import described  # noqa: PLC0415 - most actions have no notes

        process.tell(described(note))


_KINDS: dict[bytes, type[Action]] = {each.kind: each for each in (Print, Report, Table, Open, Fail, Need, Local)}


def packed(action: Action, before: Mapping[str, str]) -> list[bytes]:
    """Return the reply that sends *action* to a client, whose environment is *before*."""
    after = before if action.environ is None else action.environ
    unset = [name for name in before if name not in after]
    changed = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    return [
        action.kind,
        b"%d" % action.status,
        process.encoded(action.text) if action.is_read else os.fsencode(action.text),
        process.encoded(action.success),
        pack([_packed(note) for note in action.notes]),
        pack_texts(action.argv),
        pack_texts([*unset, *changed]),
    ]


def unpacked(reply: Sequence[bytes], before: Mapping[str, str]) -> Action:
    """Return the action that an agent has sent, read whole before anything is done.

    Args:
        reply: As `packed` returns it.
        before: The environment of this process.

    Raises:
        ValueError: It is not an action.
    """
    kind, status, text, success, notes, argv, changes = reply
    action: Action
    if kind == Exec.kind:
        action = Exec(unpack_texts(argv), _changed(before, unpack_texts(changes)))
    elif kind == Sealed.kind:
        action = Sealed(unpack_texts(argv), _changed(before, unpack_texts(changes)), text=os.fsdecode(text))
    elif kind == Append.kind:
        path, lines = unpack_texts(argv)
        action = Append(path, lines, os.fsdecode(text))
    else:
        made = _KINDS.get(kind, Action)
        # The locale of an agent may be another.
        action = made(text.decode() if made.is_read else os.fsdecode(text))
    action.status, action.success = int(status), success.decode()
    if sent := unpack(notes):
        from awsenv.cli.report import Message  # noqa: PLC0415 - most actions have no notes

        action.notes = [Message(note) for note in sent]
    if (
        not action.kind
        or (kind in {Exec.kind, Sealed.kind} and not action.argv)
        or (kind == Fail.kind and not action.notes)
    ):
        raise ValueError(kind)
    return action


def _packed(message: Shown) -> bytes:
    texts = ([message.fact, message.because or ""], map(str, message.origins), message.hints)
    # A character that is none is spelled out, as where it is shown.
    return pack([pack(list(map(process.encoded, each))) for each in texts])


def _changed(environ: Mapping[str, str], changes: Iterable[str]) -> dict[str, str]:
    """Return *environ* with the changes made: `NAME=value`, or `NAME` where the variable is unset."""
    changed = dict(environ)
    for change in changes:
        name, assigned, value = change.partition("=")
        if assigned:
            changed[name] = value
        else:
            changed.pop(name, None)
    return changed
