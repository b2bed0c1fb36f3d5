"""The entry module of the agents in these tests: installed beside awsenv, and started as awsenv's own is."""

from __future__ import annotations

import json
import os
import resource
import socket
import threading
import time
from pathlib import Path

from awsenv.agent import server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.agent.waits import Waits

dropped: list[str] = []
hanging: list[str] = []


def answer(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
    """Return *parts*; or hang for a minute, or describe this process, as *verb* says."""
    if verb == b"hang":
        hanging.append("hang")
        time.sleep(60)
    if verb == b"state":
        return [json.dumps(state()).encode()]
    return parts


def state() -> dict[str, object]:
    """Describe this process: its environment, its descriptors, its threads and its counters."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "folder": str(Path.cwd()),
        "environ": dict(os.environ),
        "standard": [os.fstat(number).st_rdev == os.stat(os.devnull).st_rdev for number in range(3)],  # noqa: PTH116
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        # Counted before the descriptors: a thread closes its own before it ends.
        "threads": threading.active_count(),
        "descriptors": sum(is_open(number) for number in range(256)),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "dropped": len(dropped),
        "hanging": len(hanging),
    }


def is_open(descriptor: int) -> bool:
    """Return whether *descriptor* is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def main(words: list[str]) -> None:
    """Run an agent, after adding a line to a file in its folder, by which the tests count agents."""
    if words[0] == "listening":
        with socket.socket(fileno=os.dup(int(words[1]))) as listening:
            folder = Path(listening.getsockname()).parent
        with (folder / "started").open("a") as file:
            file.write(f"{os.getpid()}\n")
    server.inherited(words, answer, server.Life(on_drop=lambda: dropped.append("drop"))).serve()
