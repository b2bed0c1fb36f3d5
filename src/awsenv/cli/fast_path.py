"""The fast path: let the agent, which has everything loaded, answer a command line.

Imports no more than Python's own start: all of typer and botocore would be there before an answer is needed.
"""

from __future__ import annotations

import os

from awsenv.agent import client, runtime_directory
from awsenv.cli import commands, conversation, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Done = Callable[[list[str], dict[str, str]], int]


class Passed:
    """The agent has not answered: the ordinary path is to be taken.

    Args:
        notes: What the person is to be told of that.
        agent: Whether an agent runs that one can talk to.
    """

    __slots__ = ("agent", "notes")

    def __init__(self, notes: tuple[str, ...] = (), *, agent: bool = False) -> None:
        self.notes = notes
        self.agent = agent


def run(args: list[str]) -> int | Passed:
    """Let the agent do what *args* ask for, and return the exit status; unless a command takes this process's place.

    Raises:
        Failure: The output could not be written.
        LaunchError: The command cannot be started.
    """
    environ = process.environ()
    if not commands.called(args).is_answered or not _may_run(environ):
        return Passed()
    try:
        kind, *parts = client.ask(environ, conversation.RUN, asked(args, environ).parts())
        if kind == conversation.DECLINED:
            return Passed(tuple(map(os.fsdecode, parts)), agent=True)
        answer = _ANSWERS[kind](parts)
    except client.NoAgent:
        return Passed()
    except client.Trouble as trouble:
        return Passed((str(trouble),))
    except (KeyError, ValueError):
        return Passed(("the agent's answer cannot be read",))
    return answer(args, environ)


# Each reads its answer whole, before anything is done; `ValueError`: it is none.


def _printed(parts: list[bytes]) -> Done:
    notes, text = map(os.fsdecode, parts)

    def write(_args: list[str], _environ: dict[str, str]) -> int:
        process.complain(notes)
        process.write_or_fail(text)
        return 0

    return write


def _became(parts: list[bytes]) -> Done:
    notes, *words = parts
    argv, changes = conversation.read_become(words)

    def become(_args: list[str], environ: dict[str, str]) -> int:
        from awsenv.launch import become  # noqa: PLC0415 - only where there is something to become

        process.complain(os.fsdecode(notes))
        return become(argv, conversation.applied(changes, environ))

    return become


def _opened(parts: list[bytes]) -> Done:
    notes, url = map(os.fsdecode, parts)

    def show(_args: list[str], _environ: dict[str, str]) -> int:
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        process.complain(notes)
        open_page(url)
        return 0

    return show


def _failed(parts: list[bytes]) -> Done:
    status, text = int(parts[0]), os.fsdecode(b"".join(parts[1:]))

    def fail(args: list[str], _environ: dict[str, str]) -> int:
        return process.fail(args, status, text)

    return fail


_ANSWERS = {
    conversation.PRINT: _printed,
    conversation.BECOME: _became,
    conversation.OPEN: _opened,
    conversation.FAILED: _failed,
}


def _may_run(environ: Mapping[str, str]) -> bool:
    """Say whether there is anything of an agent: without one nobody waits for a request to be made up."""
    try:
        folder = runtime_directory.find(environ)
    except runtime_directory.Unsafe:
        return True  # asking it says why not
    return folder is not None and os.path.lexists(f"{folder}/{runtime_directory.SOCKET}")


def asked(args: list[str], environ: Mapping[str, str], *, whole: bool = False) -> conversation.Request:
    """Return the request that this process is called with, with the *whole* environment or what commands read of it."""
    to_terminal = process.stdout_is_terminal()
    return conversation.Request(
        args,
        environ,
        program=process.program(),
        folder=process.folder(),
        pid=os.getpid(),
        to_terminal=to_terminal,
        astray=not to_terminal and commands.called(args).prints_secrets and process.stdout_goes_astray(),
        whole=whole,
    )
