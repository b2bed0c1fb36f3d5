"""What the agents of these tests answer. It is installed beside awsenv, and started as awsenv's own module is."""

from __future__ import annotations

import json
import os
import resource
import socket
import threading
import time
from pathlib import Path

from awsenv.agent import server

dropped: list[str] = []
hanging: list[str] = []


def answer(verb: bytes, parts: list[bytes]) -> list[bytes]:
    """Return *parts*, or what *verb* asks for."""
    if verb == b"hang":
        hanging.append("hang")
        time.sleep(60)
    if verb == b"state":
        return [json.dumps(state()).encode()]
    return parts


def state() -> dict[str, object]:
    """Return what this process is like."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "folder": str(Path.cwd()),
        "environ": dict(os.environ),
        "standard": [os.fstat(number).st_rdev == os.stat(os.devnull).st_rdev for number in range(3)],  # noqa: PTH116
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        # Before the descriptors: a thread ends after it has closed its own.
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
    """Be an agent; and leave a line in its folder, so that agents can be counted."""
    if words[0] == "listening":
        with socket.socket(fileno=os.dup(int(words[1]))) as listening:
            folder = Path(listening.getsockname()).parent
        with (folder / "started").open("a") as file:
            file.write(f"{os.getpid()}\n")
    server.inherited(words, answer, server.Life(on_drop=lambda: dropped.append("drop"))).serve()
