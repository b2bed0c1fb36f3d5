"""Find and read the config file and the shared credentials file, and what it takes to replace a file safely.

No other module of `config` touches the files of the user.

As in botocore, `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name them, else they are `~/.aws/config` and
`~/.aws/credentials`; `$NAME`, `${NAME}` and `~` are expanded. A directory and `/dev/null` are "no file". So is a pipe
to botocore; it is refused here: the roles of `AWS_CONFIG_FILE=<(...)` would be missing without a word, and neither the
agent nor the command that the role is for could read it again.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from contextlib import contextmanager, suppress

from awsenv.errors import ConfigError, Origin
from awsenv.record import dataclass, field
from awsenv.variables import home, with_home
from awsenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

_BOMS = ((b"\xef\xbb\xbf", "UTF-8 with a byte order mark"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
_LOOK = "check what is in it: someone else may have changed it"


@dataclass(frozen=True, slots=True)
class File:
    """One of the two files."""

    name: str
    """As users type it: `~/.aws/config`."""
    path: str
    text: str | None = field(repr=False)
    """None: there is no such file."""
    is_taken: bool = False
    """Whether something other than a file is there, such as a folder."""


def config_file(environ: Mapping[str, str], folder: str | None = None) -> File:
    """Read the config file; a relative path starts at *folder*, or at the working directory of the process.

    Raises:
        ConfigError: The file exists but cannot be read, is a pipe, or is not UTF-8.
    """
    return _read("AWS_CONFIG_FILE", "~/.aws/config", environ, folder)


def credentials_file(environ: Mapping[str, str], folder: str | None = None) -> File:
    """Read the shared credentials file; a relative path starts as for `config_file`.

    Raises:
        ConfigError: The file exists but cannot be read, is a pipe, or is not UTF-8.
    """
    return _read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", environ, folder)


def missing(environ: Mapping[str, str], folder: str | None = None) -> list[ConfigError]:
    """Return an error for each path without a regular file, if a variable names it or something else is there.

    Raises:
        ConfigError: As of `config_file`.
    """
    errors = []
    for variable, read in (("AWS_CONFIG_FILE", config_file), ("AWS_SHARED_CREDENTIALS_FILE", credentials_file)):
        file = read(environ, folder)
        what = "is not a regular file" if file.is_taken else "does not exist"
        fact = f"{file.name or 'the empty path'} {what}"
        if variable in environ and file.text is None:
            errors.append(ConfigError(fact, Origin(variable), hint=(f"correct {variable}", f"unset {variable}")))
        elif file.is_taken:
            errors.append(ConfigError(fact, Origin(file.name), hint=f"replace {file.name} with a regular file"))
    return errors


def lacks_home(environ: Mapping[str, str]) -> bool:
    """Return whether one of the two files cannot be there, because `HOME` is not a folder."""
    named = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} <= environ.keys()
    return "HOME" in environ and not named and not os.path.isdir(environ["HOME"])  # noqa: PTH112 - it may hold a NUL


def exposed(file: File) -> list[ConfigError]:
    """Return how other users can change a file or a folder, or replace it through a folder above it, each as an error.

    Someone who can write there chooses the keys that AWS tools use and the commands that they run. A folder with the
    sticky bit is safe, and so is a group with its owner as the only member. root is trusted; root itself trusts the
    owner of the folder, as under sudo. The owners of the folders further up are the administrator's business.
    """
    owners = {os.geteuid(), 0}
    found = []
    near, names = _around(file)
    for path, name in names.items():
        try:
            status = path.stat()
        except OSError:
            continue
        if os.geteuid() == 0 and path in near and stat.S_ISDIR(status.st_mode):
            owners.add(status.st_uid)
        if path in near and status.st_uid not in owners:
            hint = f'sudo chown "$USER" {quoted(name)}'
            found.append(ConfigError(f"{name} belongs to another user", Origin(name), hint=(hint, _LOOK)))
        elif _is_loose(path, status):
            fact = f"others can write {name}: its mode is {stat.S_IMODE(status.st_mode):04o}"
            sudo = "" if status.st_uid == os.geteuid() else "sudo "
            found.append(ConfigError(fact, Origin(name), hint=(f"{sudo}chmod go-w {quoted(name)}", _LOOK)))
    return found


def _around(file: File) -> tuple[set[Path], dict[Path, str]]:
    """Return a file with its folders, through a link too; and the name of each of these and of those above."""
    from pathlib import Path  # noqa: PLC0415 - only to check who can change a file

    path = Path(os.path.abspath(file.path))  # noqa: PTH100 - Path.absolute keeps ".."
    real = Path(os.path.realpath(path))
    names = {each: printable(str(each)) for each in (*path.parents, *real.parents)}
    # `~/.aws` and `~`, as users type them; what follows them is `.`.
    titles = dict(zip(path.parents, map(str, Path(file.name).parents), strict=False))
    names |= {each: title for each, title in titles.items() if title != "."}
    return {path.parent, real.parent, real}, {**names, real: file.name}


def _is_loose(path: Path, status: os.stat_result) -> bool:
    """Return whether others can write a file, or what they like into a folder."""
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return False
    return bool(status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _is_private(path, status)))


def _is_private(path: Path, status: os.stat_result) -> bool:
    """Return whether the owner is the only member of the group, as on systems with a group for each user.

    With an ACL, which only Linux shows here, the bits of the group are those of all whom it names.
    """
    import grp  # noqa: PLC0415 - only to check who can change a file
    import pwd  # noqa: PLC0415 - the same

    try:
        owner, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    with suppress(OSError, AttributeError):
        if "system.posix_acl_access" in os.listxattr(path):
            return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}


def _read(variable: str, default: str, environ: Mapping[str, str], folder: str | None) -> File:
    path = expanded(environ.get(variable, default), environ)
    name = shown(path, environ)
    path = path if folder is None else os.path.join(folder, path)  # noqa: PTH118 - Path() drops "./"
    try:
        data = _bytes(path, name)
    except _Pipe as pipe:
        is_named = variable in environ
        hint = f"name a regular file in {variable}" if is_named else f"replace it with a regular file: {quoted(name)}"
        keys = "keys that no file may hold: use credential_process"
        raise ConfigError(str(pipe), Origin(variable if is_named else name), hint=(hint, keys)) from None
    if data is None:
        return File(name, path, None, is_taken=os.path.exists(path))  # noqa: PTH110 - pathlib costs an import
    return File(name, path, _decoded(data, name))


def expanded(written: str, environ: Mapping[str, str]) -> str:
    """Return a path with its variables and its `~` expanded, as botocore does it in *environ*."""

    def value(match: re.Match[str]) -> str:
        name = match[1][1:-1] if match[1].startswith("{") else match[1]
        return environ.get(name, match[0])

    return with_home(re.sub(r"\$(\w+|\{[^}]*\})", value, written, flags=re.ASCII), environ)


def shown(path: str, environ: Mapping[str, str]) -> str:
    """Return *path* as users type it: `~/.aws/config`."""
    own = home(environ).rstrip("/")
    return printable(f"~{path[len(own) :]}" if own and path.startswith(f"{own}/") else path)


def quoted(name: str) -> str:
    """Return a path from `shown` as a word of a shell."""
    return f"~/{shlex.quote(name[2:])}" if name.startswith("~/") else name if name == "~" else shlex.quote(name)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other awsenvs from writing in *folder*. The lock leaves no file behind, and ends with the process.

    Raises:
        OSError: The folder cannot be opened.
    """
    import fcntl  # noqa: PLC0415 - only to write a file

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # NFS grants no such lock on a folder: a writer still has to look for what others wrote.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def copy_of(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file beside *path*, which only its owner can read. It is removed unless it is renamed."""
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 - only to write a file

    with NamedTemporaryFile(prefix=prefix_of_copies(path), dir=path.parent, delete=False) as file:
        try:
            yield file
        finally:
            with suppress(OSError):
                os.unlink(file.name)  # noqa: PTH108 - a name from mkstemp


def prefix_of_copies(path: Path) -> str:
    """Return how the names of all copies of *path* begin."""
    return f".{path.name}.awsenv-"


class _Pipe(Exception):  # noqa: N818 - its name says what was found
    """A path is a pipe, or means another file in each process."""


def _bytes(path: str, name: str) -> bytes | None:
    if path.startswith(("/dev/", "/proc/")) and path != os.devnull:
        raise _Pipe(f"{name} is another file in each process")
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path() drops "./" and is slower
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            raise _Pipe(f"{name} is a pipe, and can be read only once")
        if not stat.S_ISREG(mode):
            return None
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        reason = (os.strerror(error.errno) if error.errno else "error").lower()
        hint = f"make it readable: chmod u+r {quoted(name)}"
        if error.errno == errno.ELOOP:
            hint = "replace the link with a regular file"
        elif error.errno != errno.EACCES:
            hint = f"cat {quoted(name)}"
        elif not os.path.exists(path):  # noqa: PTH110 - as above
            hint = f"make its folder readable: chmod u+rx {quoted(os.path.dirname(name))}"  # noqa: PTH120 - text
        raise ConfigError(f"cannot read {name}: {reason}", Origin(name), hint=hint) from None


def _decoded(data: bytes, name: str) -> str:
    encodings = [encoding for mark, encoding in _BOMS if data.startswith(mark)]
    # UTF-16 without a mark: the half of an ASCII character is 0.
    encodings += ["UTF-16"] * (b"\n" in data and 0 in data[:2])
    if encodings:
        raise ConfigError(
            f"the file is saved as {encodings[0]}, which botocore cannot read",
            Origin(name, 1),
            hint="save it as plain UTF-8, without a byte order mark",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("this line is not UTF-8", Origin(name, line), hint="save the file as UTF-8") from None
