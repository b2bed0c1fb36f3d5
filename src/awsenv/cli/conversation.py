"""What a client and its agent send each other for a command line: lists of byte strings.

The client sends a request. The agent runs the command and replies with what is to be done, or with what it needs: then
the client sends the same request again, with the answers. It imports next to nothing, because the fast path reads it.
"""

from __future__ import annotations

import os

from awsenv.cli import commands, process
from awsenv.variables import relevant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENTRY = "awsenv.cli.agent"
"""The module that an agent runs."""

RUN = b"run"
"""The verb of a request."""
PART = b"part"
"""The verb of a request to do only what needs the agent's memory, for a command that the client runs."""
LOCK = b"lock"
"""The verb that drops every secret."""

# The kinds of reply. Behind the kind stand the notes, which the client shows first, and then:
PRINT = b"print"
"""The text to print."""
EXEC = b"exec"
"""The program to become, and its change of environment: see `program`."""
OPEN = b"open"
"""The URL to open in the browser."""
FAIL = b"fail"
"""The exit status, and the message to show."""
NEED = b"need"
"""What the agent needs from the process of the client: see `prompts`."""
LOCAL = b"local"
"""Nothing: the command is one for the process of the client, such as a help page."""


def request(args: list[str], environ: Mapping[str, str], *, started: bool = False, whole: bool = False) -> list[bytes]:
    """Return what `Request` reads behind the answers: the command line of this process, and what it depends on.

    Args:
        args: The command line.
        environ: The environment.
        started: Whether the agent was started for this request.
        whole: Whether to send the whole environment: to an agent that serves this process alone.
    """
    to_terminal = process.stdout_is_terminal()
    astray = not to_terminal and commands.called(args).prints_secrets and process.stdout_goes_astray()
    flags = f"{to_terminal:d}{astray:d}{started:d}"
    head = [process.program(), process.folder(), str(os.getpid()), flags, str(len(args)), *args]
    variables = environ if whole else relevant(environ)
    return [os.fsencode(text) for text in (*head, *map("=".join, variables.items()))]


class Request:
    """A request, as the agent reads it.

    Args:
        parts: The answers to what the agent needed before, and what `request` returns.

    Raises:
        ValueError: It is not a request.
    """

    def __init__(self, parts: list[bytes]) -> None:
        self.answers, self.program, self.folder, pid, flags, count, *rest = map(os.fsdecode, parts)
        self.pid = int(pid)
        self.to_terminal, self.astray, self.started = (flag == "1" for flag in flags)
        self.args = rest[: int(count)]
        self.environ = dict(entry.split("=", 1) for entry in rest[int(count) :])


class Reply:
    """A reply of the agent, read whole before anything is done.

    Args:
        parts: What the agent has sent.

    Raises:
        ValueError: It is not a reply.
    """

    def __init__(self, parts: list[bytes]) -> None:
        self.kind, *rest = parts
        self.notes, *texts = map(os.fsdecode, rest)
        self.status = 0
        self.text = ""
        self.words: list[str] = []
        self.changes: list[str] = []
        if self.kind == EXEC:
            count = int(texts.pop(0) if texts else "")
            self.words, self.changes = texts[:count], texts[count:]
            if not 0 < count <= len(texts):
                raise ValueError(self.kind)
        elif self.kind == FAIL:
            status, self.text = texts
            self.status = int(status)
        elif self.kind in {PRINT, OPEN, NEED}:
            (self.text,) = texts
        elif self.kind != LOCAL or texts:
            raise ValueError(self.kind)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return *environ* with the changes made: `NAME=value`, or `NAME` where the variable is unset."""
        changed = dict(environ)
        for change in self.changes:
            name, assigned, value = change.partition("=")
            if assigned:
                changed[name] = value
            else:
                changed.pop(name, None)
        return changed


def program(argv: Iterable[str], before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the parts of an EXEC: the command line *argv*, and what makes *after* of the environment *before*."""
    words = list(argv)
    unset = [name for name in before if name not in after]
    changed = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    return [str(len(words)), *words, *unset, *changed]
