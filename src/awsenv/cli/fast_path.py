"""The fast path: let the agent, which has everything loaded, run a command line.

It imports next to nothing: all of typer and botocore would be there before a reply is needed.
"""

from __future__ import annotations

import os

from awsenv.agent import client, runtime_directory
from awsenv.cli import commands, conversation, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.cli.prompts import Prompts

    Ask = Callable[[list[bytes]], list[bytes]]


class Local:
    """The command line is left to this process.

    Args:
        notes: What the user is told first.
        is_lost: Whether an agent got the command line, and nobody knows what it did.
        prompts: What has answered the agent so far; None: nothing.
    """

    __slots__ = ("is_lost", "notes", "prompts")

    def __init__(self, notes: tuple[str, ...] = (), *, is_lost: bool = False, prompts: Prompts | None = None) -> None:
        self.notes = notes
        self.is_lost = is_lost
        self.prompts = prompts


def run(args: list[str]) -> int | Local:
    """Let the agent run *args* and return the exit status, unless a command of `exec` takes the place of this process.

    Raises:
        AwsenvError: The output cannot be written, the command cannot be started, or the agent needs what is missing.
    """
    environ = process.environ()
    command = commands.called(args)
    if not command.is_answered or not _may_run(environ):
        return Local()
    conversation_ = Conversation(lambda parts: client.ask(environ, conversation.RUN, parts), request(args, environ))
    try:
        reply = conversation_.reply()
    except client.NoAgent:
        return Local(prompts=conversation_.prompts)
    except client.Trouble as trouble:
        # `login` mends what it can of it, and says the rest itself.
        notes = () if command.name == "login" else (str(trouble),)
        return Local(notes, is_lost=trouble.is_lost, prompts=conversation_.prompts)
    except ValueError:
        return Local(("the agent's reply cannot be read",), is_lost=True, prompts=conversation_.prompts)
    if reply.kind == conversation.LOCAL:
        return Local(prompts=conversation_.prompts)
    return act(reply, args, environ)


class Conversation:
    """One request, sent until the agent needs nothing more for it.

    Args:
        ask: Sends the parts of a request and returns those of the reply.
        request: The request.
        prompts: What has answered another agent before.
    """

    def __init__(self, ask: Ask, request: conversation.Request, prompts: Prompts | None = None) -> None:
        self._ask = ask
        self._request = request
        self._shown: set[str] = set()
        self.prompts = prompts
        """What has answered the agent; None: nothing."""

    def reply(self) -> conversation.Reply:
        """Return the last reply, whose notes are shown.

        Raises:
            NoAgent: No agent runs.
            Trouble: No reply comes from it.
            ValueError: What comes is no reply.
            AwsenvError: The agent needs what cannot be had.
        """
        while True:
            answers = "" if self.prompts is None else self.prompts.answers
            reply = conversation.Reply(self._ask(self._request.parts(answers)))
            self._show(reply.notes)
            if reply.kind != conversation.NEED:
                return reply
            if self.prompts is None:
                from awsenv.cli.prompts import Prompts  # noqa: PLC0415 - only where the user has to be asked

                self.prompts = Prompts(process.environ())
            self.prompts.answer(reply.text)

    def _show(self, notes: str) -> None:
        """Show what was not shown before: an agent that is asked again says it again."""
        lines = [line for line in notes.splitlines(keepends=True) if line not in self._shown]
        self._shown.update(lines)
        process.tell("".join(lines))


def act(reply: conversation.Reply, args: list[str], environ: Mapping[str, str]) -> int:
    """Do what *reply* says for the command line *args*, and return the exit status.

    Raises:
        AwsenvError: The output cannot be written, or the command cannot be started.
    """
    if reply.kind == conversation.PRINT:
        process.write_or_fail(reply.text)
        return 0
    if reply.kind == conversation.EXEC:
        from awsenv.launch import become  # noqa: PLC0415 - only where there is something to become

        return become(reply.words, reply.environment(environ))
    if reply.kind == conversation.OPEN:
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        open_page(reply.text)
        return 0
    return process.fail(args, reply.status, reply.text)


def _may_run(environ: Mapping[str, str]) -> bool:
    """Return whether an agent may run: without one nobody waits for a request to be made up."""
    try:
        folder = runtime_directory.find(environ)
    except runtime_directory.Unsafe:
        return True  # asking it says why not
    return folder is not None and os.path.lexists(f"{folder}/{runtime_directory.SOCKET}")


def request(
    args: list[str], environ: Mapping[str, str], *, started: bool = False, whole: bool = False
) -> conversation.Request:
    """Return the request that this process sends. For *started* and *whole* see `conversation.Request`."""
    to_terminal = process.stdout_is_terminal()
    return conversation.Request(
        args,
        environ,
        program=process.program(),
        folder=process.folder(),
        pid=os.getpid(),
        to_terminal=to_terminal,
        astray=not to_terminal and commands.called(args).prints_secrets and process.stdout_goes_astray(),
        started=started,
        whole=whole,
    )
