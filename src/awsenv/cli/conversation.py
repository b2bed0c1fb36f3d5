"""The conversation of a client with an agent about a command line.

The client sends a request. The agent runs the command and replies with its action, or with what it needs: then the
client sends the same request again, with the answers. This is the fast path, which imports as little as possible.
"""

from __future__ import annotations

import os

from awsenv.agent import client, runtime_directory
from awsenv.agent.client import pack_texts, unpack_texts
from awsenv.cli import commands, process
from awsenv.variables import relevant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol

    from awsenv.aws.connections import Connections
    from awsenv.cli.action import Action
    from awsenv.cli.prompts import Prompts
    from awsenv.cli.report import Shown

    class Ask(Protocol):
        """Sends a verb and its parts, calls *waits_for* with what the agent waits for, and returns the reply."""

        def __call__(
            self, verb: bytes, parts: list[bytes], /, *, waits_for: Callable[[str], object] = ...
        ) -> list[bytes]:
            """Ask."""


ENTRY = "awsenv.cli.agent"
"""The module that an agent runs."""

RUN = b"run"
"""The verb of a request."""
PART = b"part"
"""The verb of a request to do only what needs the agent's memory, for a command that the client runs."""
GRANT = b"grant"
"""The verb of a request of a process that needs many roles: a code opens the MFA session that all of them come by, and
while AWS is throttling, the request waits."""
EACH = b"each"
"""The same from `awsenv each`."""
OPEN = b"open"
"""The verb of a request to open the connection to STS that RUN would use, without sending anything."""
LOCK = b"lock"
"""The verb that drops every secret."""
ATTEND = b"attend"
"""The verb of `awsenv approve`: it asks for the next question, or sends an answer, as `Approvals.attend` says."""

LOG = b"log"
"""The verb that asks for the log after an entry, by its number; `client.WATCH` waits until there is more."""


def run(args: list[str]) -> int | Prompts | None:
    """Let the agent run *args*, and return the exit status, unless a command of `exec` takes the place of this process.

    Returns:
        The prompts with the answers so far, or None, if this process must run *args* itself.

    Raises:
        AwsenvError: The output cannot be written, the command cannot be started, or the agent needs what is missing.
        Unanswered: The agent has ended while it asked for a yes.
    """
    environ = process.environ()
    command = commands.called(args)
    if not command.runs_in_agent or not may_run(environ):
        return None

    def ask(verb: bytes, parts: list[bytes], *, waits_for: Callable[[str], object] = str) -> list[bytes]:
        seconds = longest(environ)
        return client.ask(environ, verb, parts, longest=seconds, waits_for=waits_for, meanwhile=lambda: _load(args))

    conversation = Conversation(ask, args, environ)
    try:
        made = conversation.reply()
    except client.NoAgent:
        return conversation.prompts
    except client.Unanswered:
        raise
    except client.Trouble as trouble:
        # `login` mends what it can of it, and says the rest itself.
        if command.name != "login":
            from awsenv.cli.action import show  # noqa: PLC0415 - see `_load`

            show([trouble])
        if not isinstance(trouble, client.Lost):
            return conversation.prompts
        prompts = conversation.prompts or new_prompts(args, environ)
        prompts.lose()
        return prompts
    from awsenv.cli.action import Local  # noqa: PLC0415 - see `_load`

    return conversation.prompts if made.kind == Local.kind else made.carry_out(args)


def _load(args: list[str]) -> None:
    """Load what the reply needs, while the agent works."""
    import awsenv.cli.action  # noqa: PLC0415 - see above

    if args[:1] == ["exec"]:
        import awsenv.launch  # noqa: PLC0415 - see above

        if any(arg.startswith("--sealed") for arg in args):
            import ctypes  # noqa: F401, PLC0415 - see above

            import awsenv.cli.sealed  # noqa: F401, PLC0415 - see above


def may_run(environ: Mapping[str, str]) -> bool:
    """Return whether an agent may be running."""
    try:
        folder = runtime_directory.find(environ)
    except runtime_directory.Unsafe:
        return True  # the request reports why
    return folder is not None and os.path.lexists(f"{folder}/{runtime_directory.SOCKET}")


def open_early(args: list[str], environ: Mapping[str, str]) -> int:
    """Let the agent open the connection to STS for *args*, and return 1. The later request reports failures."""
    try:
        # With the environment instead of a connection, this would report a dead agent.
        connection = client.connect(runtime_directory.found(environ), client.TIMEOUT)
        try:
            client.ask(connection, OPEN, [b"", *request(args, environ)])
        finally:
            connection.close()
    except Exception:  # noqa: BLE001, S110 - see above
        pass
    return 1


def open_for_last(args: list[str], environ: Mapping[str, str]) -> None:
    """Let the agent open the connection for the role used last, while the user picks one: most roles share it."""
    from awsenv.cli import recent  # noqa: PLC0415 - only for the picker

    for role in recent.roles(environ)[:1]:
        name, *rest = commands.named(args or [commands.DEFAULT])
        open_early([name, role, *rest], environ)


def new_prompts(args: list[str], environ: Mapping[str, str], connections: Connections | None = None) -> Prompts:
    """Return the prompts of this process for *args*; *connections* stay open while the user types.

    What they read are secrets: from now on no other process of the user can read the memory of this one.
    """
    from awsenv.agent import harden  # noqa: PLC0415 - only where the user has to be asked
    from awsenv.cli.prompts import Prompts  # noqa: PLC0415 - only where the user has to be asked
    from awsenv.cli.waiting import Waiting  # noqa: PLC0415 - the same

    harden.forbid_dumps()
    open_again = None if connections is None else connections.open_again
    return Prompts(environ, waits=Waiting(args), args=args, open_again=open_again)


def longest(environ: Mapping[str, str]) -> float:
    """Return how many seconds a reply may take: somewhat more than the agent waits for AWS."""
    if not environ.get("AWSENV_TIMEOUT"):
        return client.LONGEST
    from awsenv.config import settings  # noqa: PLC0415 - few set it
    from awsenv.errors import UsageError  # noqa: PLC0415 - the same

    try:
        return client.LONGEST * max(1, settings.timeout(environ) / settings.TIMEOUT)
    except UsageError:
        return client.LONGEST  # the agent reports it


class Conversation:
    """One request, sent until the agent needs nothing more for it.

    Args:
        ask: Sends a verb and its parts, and returns the parts of the reply.
        args: The command line of this process.
        environ: Its environment.
        prompts: The prompts with answers to another agent; None: no agent has asked.
        started: Whether the agent was started for this request.
        whole: Whether to send the whole environment: to an agent that serves this process alone.
        verb: RUN, GRANT or EACH.
        show: Shows the notes before a question; None: on stderr.
        folder: The folder that relative paths start from; None: the working directory.
    """

    def __init__(
        self,
        ask: Ask,
        args: list[str],
        environ: Mapping[str, str],
        prompts: Prompts | None = None,
        *,
        started: bool = False,
        whole: bool = False,
        verb: bytes = RUN,
        show: Callable[[Iterable[Shown]], object] | None = None,
        folder: str | None = None,
    ) -> None:
        self._ask = ask
        self._verb = verb
        self._show = show
        self._args = args
        self._environ = environ
        self._is_private = whole
        self._request = request(args, environ, started=started, whole=whole, folder=folder)
        self.prompts = prompts
        """The prompts with the answers so far; None: the agent has not asked."""

    def reply(self) -> Action:
        """Return the action of the command, with the notes that are not shown yet.

        Raises:
            NoAgent: No agent runs.
            Trouble: No reply comes from it.
            AwsenvError: The agent needs what is missing.
        """
        shown: set[Shown] = set()
        while True:
            reply = self._sent()
            from awsenv.cli import action  # noqa: PLC0415 - see `_load`

            try:
                made = action.unpacked(reply, self._environ)
                # An agent repeats its notes with each reply.
                made.notes = [note for note in made.notes if note not in shown]
                if made.kind != action.Need.kind:
                    return made
                (self._show or action.show)(made.notes)
                shown.update(made.notes)
                self.prompts = self.prompts or new_prompts(self._args, self._environ)
                self.prompts.answer(made.text, self.open_again)
            except ValueError:
                raise client.Lost("the agent's reply cannot be read") from None

    def open_again(self) -> int:
        """Let the agent open the connection that it has closed while the user types, as `open_early` does."""
        if not self._is_private:
            return open_early(self._args, self._environ)
        from contextlib import suppress  # noqa: PLC0415 - the prompts have loaded it

        with suppress(Exception):  # the next request reports it
            # Nothing else uses the only connection until the user has answered.
            self._ask(OPEN, [b"", *self._request])
        return 1

    def _sent(self) -> list[bytes]:
        """Send the request with the answers so far, and return the reply. A terminal shows what the user waits for."""
        answers = "" if self.prompts is None else self.prompts.answers
        parts = [os.fsencode(answers), *self._request]
        if self._verb != RUN or not os.isatty(2):
            return self._ask(self._verb, parts)
        from awsenv.cli.waiting import Waiting  # noqa: PLC0415 - only where the user sees it

        waiting = Waiting(self._args)
        with waiting("the agent"):
            return self._ask(RUN, parts, waits_for=waiting)


def request(
    args: list[str],
    environ: Mapping[str, str],
    *,
    started: bool = False,
    whole: bool = False,
    folder: str | None = None,
) -> list[bytes]:
    """Return the parts of a `Request` after the answers: the command line of this process, and what it depends on.

    The arguments are those of `Conversation`.
    """
    to_terminal = process.stdout_is_terminal()
    may_leak = commands.called(args).prints_secrets and not to_terminal and "--print" not in args
    flags = f"{to_terminal:d}{started:d}{process.stdout_goes_astray() if may_leak else ''}"
    columns = str(process.terminal_width(1))
    variables = environ if whole else relevant(environ)
    if args[:1] == ["login"]:
        from awsenv.agent.askpass import chosen  # noqa: PLC0415 - only `login` says how to ask

        variables = {**variables, **chosen(environ)}
    texts = (process.program(), folder or process.folder(), str(os.getpid()), columns, flags)
    head = [os.fsencode(text) for text in texts]
    return [*head, pack_texts(args), pack_texts(map("=".join, variables.items()))]


class Request:
    """A request, parsed by the agent.

    Args:
        parts: The answers to what the agent needed before, and what `request` returns.

    Raises:
        ValueError: It is not a request.
    """

    def __init__(self, parts: list[bytes]) -> None:
        *head, args, variables = parts
        self.answers, self.program, self.folder, pid, columns, flags = map(os.fsdecode, head)
        self.pid, self.columns = int(pid), int(columns)
        self.to_terminal, self.started = (flag == "1" for flag in flags[:2])
        self.astray = flags[2:]
        self.args = unpack_texts(args)
        self.environ = dict(entry.split("=", 1) for entry in unpack_texts(variables))
