"""What a client and its agent say to each other about a command line: lists of byte strings.

The client sends a request. The agent runs the command and replies with what is to be done, or with what it needs: then
the client sends the same request again, with the answers. It imports next to nothing, because the fast path reads it.
"""

from __future__ import annotations

import os

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


class Request:
    """A command line, and what matters of the process that was called with it.

    Args:
        args: The command line.
        environ: The environment.
        program: The path by which awsenv can be called again.
        folder: The working directory.
        pid: The process.
        to_terminal: Whether stdout is a terminal.
        astray: Whether none of the callers reads stdout.
        started: Whether the agent was started for this request.
        whole: Whether to send the whole environment: to an agent that serves this process alone.
    """

    __slots__ = ("args", "astray", "environ", "folder", "pid", "program", "started", "to_terminal")

    def __init__(
        self,
        args: list[str],
        environ: Mapping[str, str],
        *,
        program: str,
        folder: str,
        pid: int,
        to_terminal: bool,
        astray: bool,
        started: bool = False,
        whole: bool = False,
    ) -> None:
        self.args = args
        self.environ = dict(environ) if whole else relevant(environ)
        self.program = program
        self.folder = folder
        self.pid = pid
        self.to_terminal = to_terminal
        self.astray = astray
        self.started = started

    def parts(self, answers: str = "") -> list[bytes]:
        """Return what `read_request` reads: the request, and the answers to what the agent needs."""
        flags = f"{self.to_terminal:d}{self.astray:d}{self.started:d}"
        head = [answers, self.program, self.folder, str(self.pid), flags, str(len(self.args)), *self.args]
        return [os.fsencode(text) for text in (*head, *map("=".join, self.environ.items()))]


def read_request(parts: list[bytes]) -> tuple[Request, str]:
    """Return the request in *parts*, and the answers.

    Raises:
        ValueError: There is none.
    """
    answers, program, folder, pid, flags, count, *rest = map(os.fsdecode, parts)
    to_terminal, astray, started = (flag == "1" for flag in flags)
    request = Request(
        rest[: int(count)],
        dict(entry.split("=", 1) for entry in rest[int(count) :]),
        program=program,
        folder=folder,
        pid=int(pid),
        to_terminal=to_terminal,
        astray=astray,
        started=started,
        whole=True,
    )
    return request, answers


class Reply:
    """A reply of the agent, read whole before anything is done.

    Args:
        parts: What the agent has sent.

    Raises:
        ValueError: It is not a reply.
    """

    __slots__ = ("changes", "kind", "notes", "status", "text", "words")

    def __init__(self, parts: list[bytes]) -> None:
        self.kind = parts[0] if parts else b""
        self.status = 0
        self.text = ""
        self.words: list[str] = []
        self.changes: list[str] = []
        self.notes, *rest = map(os.fsdecode, parts[1:])
        if self.kind == EXEC:
            count = int(rest[0]) if rest else 0
            self.words, self.changes = rest[1 : count + 1], rest[count + 1 :]
            if not 0 < count <= len(rest) - 1:
                raise ValueError(parts[0])
        elif self.kind == FAIL:
            status, self.text = rest
            self.status = int(status)
        elif self.kind in {PRINT, OPEN, NEED}:
            (self.text,) = rest
        elif self.kind != LOCAL or rest:
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
