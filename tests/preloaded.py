"""awsenv with everything loaded: each command line runs in a fork of this process.

Python's start and the imports are nine tenths of what most commands cost, and the same for all. A fork is given what
differs: arguments, environment, folder, file mode mask, descriptors and a session of its own.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import termios
import time
from importlib import import_module
from typing import Any

if __name__ == "__main__":
    # The program looks for no module among the tests.
    del sys.path[0]

import awsenv
from awsenv import __main__ as program
from awsenv.aws.sdk import SdkSession
from awsenv.aws.session import AwsSession
from awsenv.cli import main, mistakes, process
from awsenv.cli.commands import COMMANDS


def load() -> None:
    """Import all that a command may need, except the local AWS."""
    for module in pkgutil.walk_packages(awsenv.__path__, "awsenv."):
        if not module.name.startswith("awsenv.sandbox"):
            import_module(module.name)
    # What a command imports when it needs it.
    for name in ("_strptime", "ctypes", "pwd"):
        import_module(name)
    # What a process makes only once: the options of each command, and what botocore reads for a client.
    for name in COMMANDS:
        mistakes.built(name)
    SdkSession(AwsSession(None, {}, region="us-east-1")).create_client("sts")
    # Or each fork copies what it looks through for garbage.
    gc.collect()
    gc.freeze()


def run(job: dict[str, Any], descriptors: list[int]) -> None:
    """Run the command line of *job* as if this process had been started for it, and end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.closerange(3, 256)
    os.umask(job["umask"])
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environ"])
    time.tzset()
    sys.argv = job["argv"]
    if job["asks_agent"]:
        program.main()
    process.end_like_ctrl_c()
    process.leave(main.run(job["argv"][1:]))


def serve(connection: socket.socket) -> None:
    """Fork for each job that comes, until the other end is closed.

    The reply is the process. Its status follows at the last descriptor of the job, once it has ended.
    """
    reports: dict[int, int] = {}
    woken, wakes = socket.socketpair()
    wakes.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    while True:
        ready, _, _ = select.select([connection, woken], [], [])
        if woken in ready:
            woken.recv(256)
            report_ended(reports)
        if connection not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 4)
        if not message:
            return
        job = json.loads(message)
        if job["argv"][1:2] == ["demo"]:
            # No other command needs it, and most runs of the tests no `demo`.
            import_module("awsenv.sandbox")
        pid = os.fork()
        if not pid:
            try:
                run(job, descriptors[:3])
            finally:
                os._exit(99)
        *given, reports[pid] = descriptors
        for descriptor in given:
            os.close(descriptor)
        connection.send(b"%d" % pid)


def report_ended(reports: dict[int, int]) -> None:
    """Write the status of each process of *reports* that has ended to its descriptor."""
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        report = reports.pop(pid)
        os.write(report, b"%d" % os.waitstatus_to_exitcode(status))
        os.close(report)


if __name__ == "__main__":
    load()
    serve(socket.socket(fileno=int(sys.argv[1])))
