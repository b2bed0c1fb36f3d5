"""What the client and the agent say to each other of a command line: lists of byte strings, one order for both.

Imports no more than Python's own start: the fast path goes through here.
"""

from __future__ import annotations

import os

from awsenv.variables import relevant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from awsenv.model import Credentials

ENTRY = "awsenv.cli.agent"
"""The module that an agent runs."""

RUN = b"run"
"""Do what a command line asks for, out of memory or with AWS. Answered with PRINT, BECOME, OPEN, FAILED or
DECLINED."""
KEEP = b"keep"
"""Take the credentials that a command line came to: in front of it are the id of the role, and they. Answered with what
the agent knows them by."""
SESSION = b"session"
"""Take an MFA session."""
SERVE = b"serve"
"""Serve a role that is held to a process. Answered with the URL and the token of its endpoint."""
LOCK = b"lock"
"""Drop every secret."""
HELD = b"held"
"""Tell what is held, without secrets."""
ENDS = b"ends"
"""Tell until when the roles and sessions of these keys are held, if they are: one part each. Answered with as many."""

PRINT = b"print"
"""Show the notes, and print the text: two parts."""
BECOME = b"become"
"""Show the notes, and become a command: the notes and what `become` makes."""
OPEN = b"open"
"""Show the notes, and open a page in the browser: two parts."""
FAILED = b"failed"
"""Show the text, and fail with the status: two parts, the status first."""
DECLINED = b"declined"
"""The ordinary path is to be taken, after these notes: one part each."""

NAMELESS = ""
"""In the key of a session: the serial of a device that nothing names, and that was looked up when a code was given."""


class Request:
    """A command line, and who typed it.

    Of the environment no more is told than what commands read; the *whole* to an agent of one's own.
    """

    __slots__ = ("args", "astray", "environ", "folder", "pid", "program", "to_terminal")

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
        whole: bool = False,
    ) -> None:
        self.args = args
        self.environ = dict(environ) if whole else relevant(environ)
        self.program = program
        self.folder = folder
        self.pid = pid
        self.to_terminal = to_terminal
        self.astray = astray

    def parts(self) -> list[bytes]:
        """Return what `read_request` reads."""
        flags = f"{self.to_terminal:d}{self.astray:d}"
        head = [self.program, self.folder, str(self.pid), flags, str(len(self.args)), *self.args]
        return [os.fsencode(text) for text in (*head, *map("=".join, self.environ.items()))]


def read_request(parts: list[bytes]) -> Request:
    """Return the request in *parts*.

    Raises:
        ValueError: There is none.
    """
    try:
        program, folder, pid, flags, count, *rest = map(os.fsdecode, parts)
    except ValueError:
        message = "not a request"
        raise ValueError(message) from None
    return Request(
        rest[: int(count)],
        dict(entry.split("=", 1) for entry in rest[int(count) :]),
        program=program,
        folder=folder,
        pid=int(pid),
        to_terminal=flags[0] == "1",
        astray=flags[1] == "1",
        whole=True,
    )


def become(argv: Iterable[str], before: Mapping[str, str], after: Mapping[str, str]) -> list[bytes]:
    """Return the command line *argv*, and what makes *after* of the environment *before*."""
    words = [os.fsencode(word) for word in argv]
    gone = [name for name in before if name not in after]
    changed = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    return [b"%d" % len(words), *words, *map(os.fsencode, (*gone, *changed))]


def read_become(parts: list[bytes]) -> tuple[list[str], list[str]]:
    """Return the command line, and the changes for `applied`.

    Raises:
        ValueError: There is none.
    """
    count, *texts = map(os.fsdecode, parts)
    if not 0 < int(count) <= len(texts):
        message = "no command line"
        raise ValueError(message)
    return texts[: int(count)], texts[int(count) :]


def packed(credentials: Credentials) -> bytes:
    """Return *credentials* as `unpacked` reads them."""
    expiration = credentials.expiration
    import json  # noqa: PLC0415 - not for the fast path, which sends no keys

    fields = [
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        None if expiration is None else expiration.isoformat(),
        credentials.account,
        credentials.arn,
    ]
    return json.dumps(fields).encode()


def unpacked(data: bytes) -> Credentials:
    """Return the credentials in *data*.

    Raises:
        ValueError: There are none.
    """
    import json  # noqa: PLC0415 - see above
    from datetime import datetime  # noqa: PLC0415 - see above

    from awsenv.model import Credentials  # noqa: PLC0415 - see above

    key_id, secret, token, expiration, account, arn = json.loads(data)
    return Credentials(
        key_id, secret, token, None if expiration is None else datetime.fromisoformat(expiration), account, arn
    )


def ended(end: datetime | None) -> bytes:
    """Return the end of something that is held; None: it has none of its own."""
    return b"never" if end is None else b"%d" % end.timestamp()


def read_ends(parts: list[bytes]) -> list[float | None]:
    """Return until when each is held that ENDS has asked for, in seconds since the epoch; None: it is not held.

    Raises:
        ValueError: This is no answer.
    """
    return [float("inf") if part == b"never" else float(part) if part else None for part in parts]


def applied(changes: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* with the changes made: `NAME=value`, or `NAME` where it goes."""
    changed = dict(environ)
    for change in changes:
        name, assigned, value = change.partition("=")
        if assigned:
            changed[name] = value
        else:
            changed.pop(name, None)
    return changed
