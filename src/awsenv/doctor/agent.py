"""Whether an agent runs, and whether it replies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from awsenv.agent import client, runtime_directory
from awsenv.agent.start import ELSEWHERE
from awsenv.doctor.model import Finding, fine, warning
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ

CHECK = "agent"

_END = ("awsenv logout, then awsenv login", "if that fails, end its process: kill")


def agent(environ: Environ) -> Iterator[Finding]:
    """Check whether an agent runs, and whether it replies."""
    folder = runtime_directory.expected(environ)
    origins = [] if folder is None else [Origin(folder)]
    try:
        if (found := runtime_directory.find(environ)) is not None:
            runtime_directory.socket_in(found)
        client.ask(environ, b"ping", [])
    except runtime_directory.Unsafe as unsafe:
        yield warning(CHECK, unsafe.fact, ELSEWHERE, origins=[Origin(unsafe.path)])
    except (FileNotFoundError, client.NoAgent):
        yield _none(folder)
    except client.Trouble as trouble:
        yield warning(CHECK, trouble.fact, *(_END if trouble.hint is None else (trouble.hint,)), origins=origins)
    else:
        yield fine(CHECK, f"one runs, in {folder}")


def _none(folder: str | None) -> Finding:
    """Say that no agent runs; and if so, that none can."""
    if folder is None:
        return warning(CHECK, "none runs, and its socket can be in no folder of yours", ELSEWHERE)
    length = len(os.fsencode(f"{folder}/{runtime_directory.SOCKET}"))
    most = runtime_directory.MAX_PATH
    if length > most:
        fact = f"none can run: the path of its socket has {length} bytes, and the system allows {most}"
        return warning(CHECK, fact, ELSEWHERE, origins=[Origin(folder)])
    return fine(CHECK, "none runs; awsenv login starts one, and asks for one code a day")
