"""Becomes a program to which the kernel refuses calls, as an old kernel or a container does.

Its arguments are the names of the calls, with commas, and the command line of the program.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
SO_PEERPIDFD = 77


def refuses(call: str) -> list[tuple[int, int, int, int]]:
    """Return the instructions that refuse a call, or the option of getsockopt(2) that names the process of a peer."""
    x86_64, aarch64, error = {
        "unshare": (272, 97, errno.EPERM),
        "pidfd_open": (434, 434, errno.ENOSYS),
        "peerpidfd": (55, 209, errno.ENOPROTOOPT),
    }[call]
    number = {"x86_64": x86_64, "aarch64": aarch64}[os.uname().machine]
    is_option = [(0x20, 0, 0, 32), (0x15, 0, 1, SO_PEERPIDFD)] if call == "peerpidfd" else []
    refused = [*is_option, (0x06, 0, 0, ERRNO | error)]
    return [(0x20, 0, 0, 0), (0x15, 0, len(refused), number), *refused]


class Program(ctypes.Structure):
    """`struct sock_fprog` of seccomp(2)."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def main(calls: str, *words: str) -> None:
    """Refuse the calls from now on, and execute *words*."""
    lines = [line for call in calls.split(",") for line in refuses(call)] + [(0x06, 0, 0, ALLOW)]
    code = b"".join(a.to_bytes(2, "little") + bytes((b, c)) + d.to_bytes(4, "little") for a, b, c, d in lines)
    buffer, system = ctypes.create_string_buffer(code), ctypes.CDLL(None)
    program = Program(len(lines), ctypes.addressof(buffer))
    assert (0, 0) == (system.prctl(38, 1, 0, 0, 0), system.prctl(22, 2, ctypes.byref(program), 0, 0))
    os.execv(words[0], words)  # noqa: S606 - it takes the place of this one


if __name__ == "__main__":
    main(*sys.argv[1:])
