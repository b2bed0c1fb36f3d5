"""Seal this process."""

from __future__ import annotations

import errno
import os
import stat
import sys

from awsenv.agent import harden
from awsenv.record import dataclass
from awsenv.sealing import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.sealing.plan import Plan

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_MAKE_BLOCK, _REFER = 1 << 11, 1 << 13
_SCOPE_ABSTRACT, _SCOPE_SIGNALS = 1, 2
_ABI_OF_REFER, _ABI_OF_SCOPES = 2, 6

_SETTINGS = (
    ("kernel.apparmor_restrict_unprivileged_userns", b"1", "0"),
    ("kernel.unprivileged_userns_clone", b"0", "1"),
    ("user.max_user_namespaces", b"0", "10000"),
    ("user.max_mnt_namespaces", b"0", "10000"),
)
"""Settings of Ubuntu, of Debian and of every Linux; the value that forbids a user namespace, and one that does not."""

_STDERR = 2
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_X32 = 0x40000000
_ABIS: dict[str, tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]] = {
    "x86_64": ((0xC000003E, (16, _X32 | 514), (302, _X32 | 302)), (0x40000003, (54,), (340,))),
    "aarch64": ((0xC00000B7, (29,), (261,)), (0x40000028, (54,), (369,))),
}
"""For each machine the ABIs that it runs, as seccomp(2) names them, with the numbers of ioctl(2) and prlimit(2)."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What a seal lacks, as a note shows it."""

    fact: str
    because: str | None = None
    hints: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    """What `seal` has done to this process."""

    is_marked: bool
    """Whether it is in a user namespace of its own, by which an agent knows it and all that it starts."""
    missing: tuple[Missing, ...]
    """What the kernel refuses. A strict seal has none."""


def refuse_elsewhere() -> None:
    """Check that this system has what a seal is made of.

    Raises:
        Failure: It is not Linux.
    """
    if sys.platform != "linux":
        from awsenv.errors import Failure  # noqa: PLC0415 - `enum` costs as much as the fast path

        raise Failure(
            "no command can be sealed on this system",
            because="only Linux has user namespaces: elsewhere nothing marks a process and all that it starts",
            hint="use --read-only or --only, which AWS enforces",
        )


def seal(plan: Plan) -> Sealed:
    """Seal this process, which is to become a command. Nothing undoes it.

    Afterwards this process is in the namespaces of the seal: paths that *plan* covers are gone.

    Raises:
        Failure: As of `refuse_elsewhere`.
    """
    refuse_elsewhere()
    missing: list[Missing] = []

    def attempt(step: Callable[[], object], fact: str) -> None:
        try:
            step()
        except OSError as error:
            missing.append(Missing(fact, error.strerror or str(error)))

    _close_folders()
    attempt(_forbid_new_privileges, "a sealed command can become another user, by sudo for one")
    attempt(harden.adopt_orphans, "what a sealed command leaves behind may not be found below it")
    is_marked = _enter(plan, missing)
    if os.geteuid() == 0:
        fact = "a sealed command of root can change the system, and by that leave the seal"
        missing.append(Missing(fact, hints=("use another user than root",)))
    abi = _landlock_abi()
    # The user namespace protects memory, too.
    if not is_marked or abi >= _ABI_OF_SCOPES:
        attempt(lambda: _enter_domain(abi), "a sealed command can read the memory of your other processes")
    if abi < _ABI_OF_SCOPES and takes_commands():
        fact = "a sealed command reaches the desktop by an abstract socket"
        missing.append(Missing(fact, "Linux forbids that from 6.12 on"))
    fact = "a sealed command can type into its terminal what your shell runs later, and limit your other processes"
    attempt(_filter_calls, fact)
    return Sealed(is_marked, tuple(missing))


def _forbid_new_privileges() -> None:
    harden.call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _close_folders() -> None:
    """Close inherited folders: by way of them, covered files would be seen."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                continue
        except OSError:
            continue  # that of the listing
        os.close(descriptor)
        if descriptor <= _STDERR:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - as Python has it
            # it gets the lowest number that is free


def _enter(plan: Plan, missing: list[Missing]) -> bool:
    try:
        failures = namespaces.enter(plan)
    except namespaces.Failed as failed:
        fact = "a sealed command sees your files of AWS, and the sockets of your other programs"
        hints = [f"let an administrator allow them: sysctl -w {each}" for each in _forbidding()]
        missing.append(Missing(fact, f"the system refuses user namespaces ({failed})", tuple(hints[:1])))
        return False
    missing.extend(Missing(fact, because) for fact, because in failures)
    for folder in (plan.folder, plan.home, "/"):
        try:
            os.chdir(folder)
        except OSError:
            continue
        break
    return True


def _forbidding() -> list[str]:
    """Return the settings that forbid user namespaces, with the values that allow them."""
    return [f"{name}={allows}" for name, forbids, allows in _SETTINGS if _setting(name) == forbids]


def _setting(name: str) -> bytes | None:
    try:
        with open(f"/proc/sys/{name.replace('.', '/')}", "rb") as file:
            return file.read().strip()
    except OSError:
        return None


def takes_commands(sockets: str = "/proc/net/unix") -> bool:
    """Return whether the desktop listens on an abstract socket, which no mount hides.

    Args:
        sockets: The file in which the system lists its sockets.
    """
    try:
        with open(sockets, "rb") as file:
            found = file.read()
    except OSError:
        return False
    return b" @/tmp/.X11-unix/" in found or b" @/tmp/dbus-" in found


def _landlock_abi() -> int:
    """Return the version of Landlock; 0: there is none."""
    try:
        return harden.call("syscall", _CREATE_RULESET, None, 0, 1)
    except OSError:
        return 0


def _enter_domain(abi: int) -> None:
    """Enter a Landlock domain: a process in it can trace only others in it.

    A newer kernel also keeps signals and abstract sockets inside. With an older one, only a right to files makes a
    domain, which also forbids mount(2). That suits a process without a mount namespace of its own, and no other.
    """
    if abi < _ABI_OF_REFER:
        raise OSError(errno.ENOSYS, "Landlock is missing, or would forbid to move files (Linux 5.19 is the first)")
    is_scoped = abi >= _ABI_OF_SCOPES
    handled = (0, 0, _SCOPE_ABSTRACT | _SCOPE_SIGNALS) if is_scoped else (_MAKE_BLOCK | _REFER,)
    ruleset = b"".join(each.to_bytes(8, sys.byteorder) for each in handled)
    descriptor = harden.call("syscall", _CREATE_RULESET, ruleset, len(ruleset), 0)
    try:
        if not is_scoped:
            root = os.open("/", os.O_PATH | os.O_CLOEXEC)
            rule = handled[0].to_bytes(8, sys.byteorder) + root.to_bytes(4, sys.byteorder)
            harden.call("syscall", _ADD_RULE, descriptor, 1, rule, 0)
            os.close(root)
        harden.call("syscall", _RESTRICT_SELF, descriptor, 0)
    finally:
        os.close(descriptor)


def _filter_calls() -> None:
    """Forbid the ioctls that put text into the input of a terminal, and setting the limits of other processes.

    prlimit(2) checks the user, but no namespace: a limit on processor time would end the agent.
    """
    import ctypes  # noqa: PLC0415 - `harden.call` has loaded it

    machine = os.uname().machine
    if machine not in _ABIS:
        raise OSError(errno.ENOSYS, f"awsenv does not know the calls of {machine}")
    code = ctypes.create_string_buffer(_filter(_ABIS[machine]))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program((len(code) - 1) // 8, ctypes.addressof(code))
    harden.call("prctl", _PR_SET_SECCOMP, 2, ctypes.byref(program))


def _filter(abis: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]) -> bytes:
    """Return the program of BPF that refuses the two ioctls, and prlimit(2) for a process that is named, by *abis*.

    It compares the lower half of a number, since the kernel ignores the upper one, but both halves of the pointer to
    new limits.
    """
    load, equal, give = 0x20, 0x15, 0x06
    number, arch, first = 0, 4, 16
    lower, upper = (0, 4) if sys.byteorder == "little" else (4, 0)
    refuse, allow = (give, 0, 0, 0x00050000 | errno.EPERM), (give, 0, 0, 0x7FFF0000)
    ioctl = [
        (load, 0, 0, first + 8 + lower),
        (equal, 2, 0, _TIOCSTI),
        (equal, 1, 0, _TIOCLINUX),
        allow,
        refuse,
    ]
    prlimit = [
        (load, 0, 0, first + lower),
        (equal, 4, 0, 0),
        (load, 0, 0, first + 16 + lower),
        (equal, 0, 3, 0),
        (load, 0, 0, first + 16 + upper),
        (equal, 0, 1, 0),
        allow,
        refuse,
    ]
    end = 2 + sum(3 + len(ioctls) + len(prlimits) for _, ioctls, prlimits in abis)
    code = [(load, 0, 0, arch)]
    for name, ioctls, prlimits in abis:
        code += [(equal, 0, 2 + len(ioctls) + len(prlimits), name), (load, 0, 0, number)]
        for each in ioctls:
            code.append((equal, end - len(code) - 1, 0, each))
        for each in prlimits:
            code.append((equal, end + len(ioctl) - len(code) - 1, 0, each))
        code.append(allow)
    code += [allow, *ioctl, *prlimit]
    order = sys.byteorder
    return b"".join(
        operation.to_bytes(2, order) + bytes((yes, no)) + value.to_bytes(4, order) for operation, yes, no, value in code
    )
