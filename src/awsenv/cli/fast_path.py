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


def run(args: list[str]) -> int | Prompts | None:
    """Let the agent run *args*, and return the exit status, unless a command of `exec` takes the place of this process.

    Returns:
        Not an exit status if this process must run *args* itself: what has answered the agent so far, if anything has.

    Raises:
        AwsenvError: The output cannot be written, the command cannot be started, or the agent needs what is missing.
    """
    environ = process.environ()
    command = commands.called(args)
    if not command.is_answered or not _may_run(environ):
        return None
    client_ = Conversation(
        lambda parts: client.ask(environ, conversation.RUN, parts), conversation.request(args, environ)
    )
    try:
        reply = client_.reply()
    except client.NoAgent:
        return client_.prompts
    except client.Trouble as trouble:
        # `login` mends what it can of it, and says the rest itself.
        if command.name != "login":
            _note(str(trouble))
        if not trouble.is_lost:
            return client_.prompts
        prompts = client_.prompts or _prompts()
        prompts.lose()
        return prompts
    return client_.prompts if reply.kind == conversation.LOCAL else act(reply, args, environ)


def _note(text: str) -> None:
    from awsenv.cli.report import noted  # noqa: PLC0415 - where something is wrong

    process.tell(noted([text]))


def _prompts() -> Prompts:
    from awsenv.cli.prompts import Prompts  # noqa: PLC0415 - only where the user has to be asked

    return Prompts(process.environ())


class Conversation:
    """One request, sent until the agent needs nothing more for it.

    Args:
        ask: Sends the parts of a request and returns those of the reply.
        request: The request, without answers.
        prompts: What has answered another agent before.
    """

    def __init__(self, ask: Ask, request: list[bytes], prompts: Prompts | None = None) -> None:
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
            AwsenvError: The agent needs what is missing.
        """
        try:
            while (reply := self._next()).kind == conversation.NEED:
                self.prompts = self.prompts or _prompts()
                self.prompts.answer(reply.text)
        except ValueError:
            raise client.Lost("the agent's reply cannot be read") from None
        return reply

    def _next(self) -> conversation.Reply:
        answers = "" if self.prompts is None else self.prompts.answers
        reply = conversation.Reply(self._ask([os.fsencode(answers), *self._request]))
        # An agent that is asked again says the same again.
        lines = [line for line in reply.notes.splitlines(keepends=True) if line not in self._shown]
        self._shown.update(lines)
        process.tell("".join(lines))
        return reply


def act(reply: conversation.Reply, args: list[str], environ: Mapping[str, str]) -> int:
    """Do what *reply* says for the command line *args*, and return the exit status.

    Raises:
        AwsenvError: The output cannot be written, or the command cannot be started.
    """
    if reply.kind == conversation.PRINT:
        process.write_or_fail(reply.text)
    elif reply.kind == conversation.EXEC:
        from awsenv.launch import become  # noqa: PLC0415 - only where there is something to become

        become(reply.words, reply.environment(environ))
    elif reply.kind == conversation.OPEN:
        from awsenv.cli.browser import open_page  # noqa: PLC0415 - only where there is something to open

        open_page(reply.text)
    else:
        return process.fail(args, reply.status, reply.text)
    return 0


def _may_run(environ: Mapping[str, str]) -> bool:
    """Return whether an agent may run: without one nobody waits for a request to be made up."""
    try:
        folder = runtime_directory.find(environ)
    except runtime_directory.Unsafe:
        return True  # the request says why not
    return folder is not None and os.path.lexists(f"{folder}/{runtime_directory.SOCKET}")
