"""The cache folder: where it is, who may read it, and what happens where there can be none."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from awsenv import cache

TEXT = "a\t日本\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file in the cache folder of a user, whose home is empty."""
    folder = cache.folder({"HOME": str(tmp_path)})
    assert folder is not None
    return Path(folder, "names")


def opened(path: Path) -> list[int]:
    """Return the descriptors of this process that are *path*: of the others, threads open and close some meanwhile."""
    found = []
    for number in range(256):
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), path.stat()):
                found.append(number)
    return found


def mode(path: Path) -> int:
    """Return the mode of *path* itself, without its type."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/h"}, "/h/.cache/awsenv"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/awsenv"),
        ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/awsenv"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/awsenv"),
        ({"HOME": "", "XDG_CACHE_HOME": "/c"}, "/c/awsenv"),
        ({"HOME": ""}, None),
        ({"HOME": "/h", "AWSENV_CACHE": "0"}, None),
        ({"HOME": "/h", "AWSENV_CACHE": "1"}, "/h/.cache/awsenv"),
    ],
)
def test_the_folder_is_the_one_of_the_specification(environ: dict[str, str], expected: str | None) -> None:
    """`XDG_CACHE_HOME` names it if it is absolute, else the home does; `AWSENV_CACHE=0` switches it off."""
    assert expected == cache.folder(environ)


def test_what_is_written_can_be_read_by_its_owner_alone(path: Path) -> None:
    """The folder and those above it have mode 0700, the file 0600, whatever the mask; and nothing else stays there."""
    mask = os.umask(0)
    try:
        assert cache.write(str(path), "old")
        assert cache.write(str(path), TEXT)
    finally:
        os.umask(mask)

    assert TEXT == cache.read(str(path))
    assert (0o700, 0o700, 0o600) == (mode(path.parents[1]), mode(path.parent), mode(path))
    assert [path] == [*path.parent.iterdir()]


def test_a_missing_file_is_none(path: Path) -> None:
    """Nothing is read where nothing was written, and reading makes no folder."""
    assert cache.read(str(path)) is None
    assert not path.parent.exists()


def test_an_open_folder_is_closed(path: Path) -> None:
    """Other users lose the access that they have to the folder."""
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o755)

    assert cache.write(str(path), TEXT)
    assert 0o700 == mode(path.parent)


def test_a_folder_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    """A link in place of the folder leads nowhere: nothing is read or written there."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "names").write_text("canary")
    path.parents[1].mkdir()
    path.parent.symlink_to(there)

    assert (None, False) == (cache.read(str(path)), cache.write(str(path), TEXT))
    assert "canary" == (there / "names").read_text()


def test_a_file_that_is_a_link_is_not_read_and_gets_replaced(path: Path, tmp_path: Path) -> None:
    """What the link leads to is neither read nor changed."""
    other = tmp_path / "other"
    other.write_text("canary")
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(other)

    assert cache.read(str(path)) is None
    assert cache.write(str(path), TEXT)
    assert (TEXT, "canary") == (cache.read(str(path)), other.read_text())
    assert not path.is_symlink()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_read(path: Path, make: object) -> None:
    """A pipe in place of the file makes nobody wait, and nothing stays open: an agent reads it again and again."""
    path.parent.mkdir(parents=True, mode=0o700)
    assert callable(make)
    make(path)

    assert cache.read(str(path)) is None
    assert [] == opened(path)


def test_what_is_not_utf_8_is_none(path: Path) -> None:
    """A file that awsenv did not write is none."""
    assert cache.write(str(path), "")
    path.write_bytes(b"\xff")

    assert cache.read(str(path)) is None


AS_NOBODY = """
import os, sys
from awsenv import cache
os.setuid(int(sys.argv[2]))
print(cache.read(sys.argv[1]), cache.write(sys.argv[1], "x"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("there", ["nothing", "folder", "file"])
def test_what_belongs_to_another_user_is_refused(there: str) -> None:
    """As another user, awsenv neither reads the file nor writes in the folder or beside it, however open they are."""
    # Not below the temporary folder of pytest: awsenv refuses files below a folder that others can write.
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as base:
        path = Path(base) / "cache/awsenv/names"
        if there == "file":
            cache.write(str(path), TEXT)
            path.chmod(0o666)
        elif there == "folder":
            path.parent.mkdir(parents=True)
        for folder in [Path(base), path.parents[1], path.parent]:
            if folder.exists():
                folder.chmod(0o777)

        argv = [sys.executable, "-c", AS_NOBODY, str(path), "65534"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)

        assert "None False\n" == done.stdout
        assert (there == "file") == path.exists()


WRITES = """
import resource, signal, sys
from awsenv import cache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
print(cache.write(sys.argv[1], "x" * 100))
"""


def test_a_full_disk_keeps_the_old_file(path: Path) -> None:
    """Where the text does not fit, the file stays as it was, and no part of a new one is left."""
    cache.write(str(path), TEXT)

    done = subprocess.run([sys.executable, "-c", WRITES, path], capture_output=True, text=True, check=True)

    assert ("False\n", "") == (done.stdout, done.stderr)
    assert (TEXT, [path]) == (cache.read(str(path)), [*path.parent.iterdir()])


def test_a_home_that_cannot_be_written_is_no_error() -> None:
    """Where no folder can be made, writing says so and raises nothing."""
    assert not cache.write("/proc/self/awsenv/names", TEXT)
    assert not cache.write("/dev/null/awsenv/names", TEXT)
    assert cache.read("/dev/null/awsenv/names") is None
