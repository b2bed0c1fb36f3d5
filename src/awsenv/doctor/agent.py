"""The agent: whether one runs, and whether it can be talked to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from awsenv.agent import client, runtime_directory
from awsenv.agent.start import ELSEWHERE
from awsenv.doctor.finding import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "agent"

_END = "awsenv logout, then awsenv login; where that fails, end its process: kill"


def agent(environ: Environ) -> Iterator[Finding]:
    """Yield what is to be said of the agent. awsenv works without one, but asks for a code each time."""
    folder = runtime_directory.expected(environ)
    try:
        if (found := runtime_directory.find(environ)) is not None:
            runtime_directory.socket_in(found)
        client.ask(environ, b"ping", [])
    except runtime_directory.Unsafe as unsafe:
        yield _warning(unsafe.fact, unsafe.path, ELSEWHERE)
    except (FileNotFoundError, client.NoAgent):
        yield _none(folder)
    except (client.Dead, client.OtherVersion) as trouble:
        fact, _, cure = str(trouble).partition("; ")
        yield _warning(fact, folder, cure)
    except client.Trouble as trouble:
        yield _warning(str(trouble), folder, _END)
    else:
        yield Finding(CHECK, Verdict.FINE, f"one runs, in {folder}")


def _none(folder: str | None) -> Finding:
    """Say that none runs; and if so, that none could."""
    if folder is None:
        return _warning("none runs, and there is no folder of yours that its socket could be in", None, ELSEWHERE)
    length = len(os.fsencode(f"{folder}/{runtime_directory.SOCKET}"))
    most = runtime_directory.MAX_PATH
    if length > most:
        fact = f"none can run: the path of its socket has {length} bytes, and the system takes {most}"
        return _warning(fact, folder, ELSEWHERE)
    return Finding(CHECK, Verdict.FINE, "none runs; awsenv login starts one, and asks for one code a day")


def _warning(fact: str, where: str | None, hint: str) -> Finding:
    return Finding(CHECK, Verdict.WARNING, fact, where, hint)
