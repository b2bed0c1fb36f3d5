"""The two files are found as in botocore, and an unreadable file is an error."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.session import Session

from awsenv import config
from awsenv.config.files import config_file, credentials_file, exposed
from awsenv.errors import ConfigError, Origin

if TYPE_CHECKING:
    from config.conftest import Home

UNREADABLE = """
import os, sys
from awsenv import config
from awsenv.errors import ConfigError
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    config.read({"AWS_CONFIG_FILE": sys.argv[1], "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
except ConfigError as error:
    print(error, *error.hints, sep="\\n")
"""


@pytest.mark.parametrize(
    ("written", "variables", "path"),
    [
        ("~/c", {"HOME": "/h"}, "/h/c"),
        ("~", {"HOME": "/h/"}, "/h"),
        ("~/c", {"HOME": ""}, "/c"),
        ("$HOME/c", {"HOME": "/h"}, "/h/c"),
        ("${HOME}/c", {"HOME": "/h"}, "/h/c"),
        ("/x/${NOT_SET}/$NOT_SET", {}, "/x/${NOT_SET}/$NOT_SET"),
        ("$A/c", {"A": "$B", "B": "/b"}, "$B/c"),
        ("$A/c", {"A": "~", "HOME": "/h"}, "/h/c"),
        ("~no-such-user/c", {"HOME": "/h"}, "~no-such-user/c"),
        ("", {}, ""),
    ],
)
def test_a_path_is_expanded_with_the_environment_that_is_given(
    written: str, variables: dict[str, str], path: str
) -> None:
    """`~` and `$NAME` are expanded once, as botocore does, and never from the process's own environment."""
    assert path == config_file({"AWS_CONFIG_FILE": written, **variables}).path


def test_without_home_the_home_of_the_user_is_taken() -> None:
    """Without HOME, the files of the user are still found."""
    import pwd  # noqa: PLC0415 - only here

    assert f"{pwd.getpwuid(os.getuid()).pw_dir}/.aws/config" == config_file({}).path


def test_a_file_below_the_home_is_named_with_a_tilde(home: Home) -> None:
    """Messages name a file as users type it."""
    home.write()

    assert ("~/.aws/config", "~/.aws/credentials") == (
        config_file(home.environ()).name,
        credentials_file(home.environ()).name,
    )


@pytest.mark.parametrize("written", ["aws/config", "./aws/config", "../{name}/aws/config"])
def test_a_relative_path_begins_at_the_folder_of_the_caller(written: str, tmp_path: Path) -> None:
    """The agent reads for a client in another folder; messages name the file as it was written."""
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "config").write_text("[profile here]\n")
    written = written.format(name=tmp_path.name)

    profiles = config.read({"AWS_CONFIG_FILE": written, "AWS_SHARED_CREDENTIALS_FILE": ""}, str(tmp_path))

    assert (("here",), written) == (profiles.names, profiles.config_name)


def test_an_absolute_path_ignores_the_folder(home: Home, tmp_path: Path) -> None:
    """A folder changes relative paths only."""
    home.write("[profile here]\n")

    assert ("here",) == config.read(home.environ(), str(tmp_path / "elsewhere")).names


@pytest.mark.parametrize("kind", ["missing", "folder", "/dev/null", "link", "below a file", "empty name"])
def test_only_a_regular_file_is_read(kind: str, tmp_path: Path) -> None:
    """As in botocore, anything else counts as no file, and does not hang."""
    path = tmp_path / "config"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/null")
    elif kind == "below a file":
        path.touch()
        path /= "config"
    name = {"/dev/null": "/dev/null", "empty name": ""}.get(kind, str(path))

    profiles = config.read({"AWS_CONFIG_FILE": name, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})

    assert () == profiles.names


PROCESS = "is another file in each process"


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("/dev/fd/63", PROCESS),
        ("/dev/stdin", PROCESS),
        ("/proc/self/fd/11", PROCESS),
        ("/dev/tty", PROCESS),
        ("{}/fifo", "is a pipe, and can be read only once"),
        ("{}/link", "is a pipe, and can be read only once"),
        ("{}/socket", "is a pipe, and can be read only once"),
    ],
)
def test_a_pipe_is_refused(variable: str, path: str, fact: str, tmp_path: Path) -> None:
    """A pipe is refused, which botocore ignores: the roles in it would be missing without a word."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    named = path.format(tmp_path)

    with pytest.raises(ConfigError) as caught:
        config.read({"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", variable: named})

    assert (f"{named} {fact}", (Origin(variable),)) == (caught.value.fact, caught.value.origins)
    assert f"name a regular file in {variable}" == caught.value.hints[0]


def test_a_pipe_in_the_place_of_a_file_is_refused(home: Home) -> None:
    """A pipe at ~/.aws/config has its path as origin: no variable was set."""
    path = Path(home.environ()["HOME"], ".aws", "config")
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)

    with pytest.raises(ConfigError) as caught:
        config.read({"HOME": home.environ()["HOME"]})

    assert (Origin("~/.aws/config"),) == caught.value.origins
    assert "replace it with a regular file: ~/.aws/config" == caught.value.hints[0]


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_file_without_permission_is_named(locked: str) -> None:
    """The error says `permission denied`; botocore says that the profile does not exist."""
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)  # pytest's own folders are closed to nobody
        folder = Path(top, "aws")
        folder.mkdir()
        path = folder / "config"
        path.write_text("[default]\n")
        (path if locked == "file" else folder).chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", UNREADABLE, str(path)],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        folder.chmod(0o700)

    step = (
        f"make it readable: chmod u+r {path}" if locked == "file" else f"make its folder readable: chmod u+rx {folder}"
    )
    assert f"cannot read {path}: permission denied\n{step}\n" == done.stdout


@pytest.mark.parametrize(
    ("data", "fact", "line"),
    [
        (b"\xef\xbb\xbf[default]\n", "UTF-8 with a byte order mark", 1),
        ("[default]\n".encode("utf-16"), "UTF-16", 1),
        ("[default]\nregion = x\n".encode("utf-16-le"), "UTF-16", 1),
        ("[default]\nregion = x\n".encode("utf-16-be"), "UTF-16", 1),
        (b"[default]\nregion = x\n# gr\xfc\xdfe\n", "not UTF-8", 3),
    ],
)
def test_another_encoding_is_named_with_its_line(data: bytes, fact: str, line: int, tmp_path: Path) -> None:
    """The error names the line; botocore only says `Unable to parse config file`."""
    path = tmp_path / "config"
    path.write_bytes(data)

    with pytest.raises(ConfigError, match=fact) as caught:
        config.read({"AWS_CONFIG_FILE": str(path)})

    assert f"{path}:{line}" == caught.value.where
    assert "UTF-8" in str(caught.value.hints)


def test_windows_line_ends_are_read(home: Home) -> None:
    """A file that was edited on Windows works."""
    profiles = home.read("[profile a]\r\nregion = eu-west-1\r\n")

    assert "eu-west-1" == profiles.for_botocore()["profiles"]["a"]["region"]


@pytest.mark.parametrize("variables", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}])
def test_a_file_is_utf_8_in_every_locale(variables: dict[str, str], home: Home) -> None:
    """A non-ASCII profile is found under LC_ALL=C too, although botocore cannot read the file there."""
    home.write("[profile grün]\nregion = eu-west-1\n")
    program = "import sys; from awsenv import config; print(ascii(config.read({'HOME': sys.argv[1]}).names))"

    done = subprocess.run(
        [sys.executable, "-c", program, str(home.path)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **variables},
    )

    assert "('gr\\xfcn',)\n" == done.stdout


def test_botocore_works_from_our_reading(home: Home) -> None:
    """`for_botocore` equals what a botocore session reads."""
    text = "[default]\nregion = a\n[profile x]\ns3 =\n  k = v\n[sso-session s]\nsso_region = r\n[plugins]\ncli = x\n"
    profiles = home.read(f"{text}[services t]\nsts =\n  a = b\n", "[x]\nregion = b\n[y]\nregion = c\n")
    session = Session(
        session_vars={
            "config_file": (None, None, str(home.path / ".aws" / "config"), None),
            "credentials_file": (None, None, str(home.path / ".aws" / "credentials"), None),
        }
    )

    assert session.full_config == profiles.for_botocore()
    assert ("default", "x", "y") == profiles.names


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "expected"),
    [
        (0o700, 0o600, []),
        (0o755, 0o644, []),
        (0o1777, 0o644, []),
        (0o777, 0o600, ["others can write ~/aws: its mode is 0777"]),
        (0o700, 0o666, ["others can write ~/aws/config: its mode is 0666"]),
        (0o702, 0o602, ["others can write ~/aws: its mode is 0702", "others can write ~/aws/config: its mode is 0602"]),
    ],
)
def test_what_others_can_write_is_named(folder_mode: int, file_mode: int, expected: list[str], home: Home) -> None:
    """The folder counts too: a writer there can replace the file."""
    folder = home.path / "aws"
    folder.mkdir()
    (folder / "config").touch()
    (folder / "config").chmod(file_mode)
    folder.chmod(folder_mode)
    file = config_file(home.environ(AWS_CONFIG_FILE="~/aws/config"))

    assert expected == [each.fact for each in exposed(file)]
    assert all(each.hints[0] == f"chmod go-w {each.where}" for each in exposed(file))


def test_a_folder_further_up_counts(home: Home) -> None:
    """A writer there can put another folder in the place of this one."""
    home.write()
    home.path.chmod(0o777)

    (found,) = exposed(config_file(home.environ()))
    assert ("others can write ~: its mode is 0777", "chmod go-w ~") == (found.fact, found.hints[0])


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux shows an ACL as an attribute")
def test_an_acl_lets_others_write(home: Home) -> None:
    """The bits of a group are those of its ACL, also where the owner is alone in the group."""
    path = home.path / "config"
    path.touch(mode=0o600)
    # The version, then tag, permissions and id: the owner, user 65534, the group, the mask, others.
    entries = ((1, 6, -1), (2, 6, 65534), (4, 0, -1), (16, 6, -1), (32, 0, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", acl)

    (found,) = exposed(config_file(home.environ(AWS_CONFIG_FILE="~/config")))
    assert "others can write ~/config: its mode is 0660" == found.fact
    subprocess.run(["sh", "-c", found.hints[0]], env=home.environ(PATH=os.environ["PATH"]), check=True)
    assert [] == exposed(config_file(home.environ(AWS_CONFIG_FILE="~/config")))


def test_a_command_quotes_a_path_that_a_shell_would_divide(home: Home) -> None:
    """The tilde stays outside the quotes, where the shell expands it."""
    (home.path / "my files").mkdir(mode=0o700)
    (home.path / "my files" / "config").touch()
    (home.path / "my files" / "config").chmod(0o666)

    (found,) = exposed(config_file(home.environ(AWS_CONFIG_FILE="~/my files/config")))

    assert ("chmod go-w ~/'my files/config'", "~/my files/config") == (found.hints[0], found.where)


def test_the_folder_that_a_link_leads_to_counts(home: Home, tmp_path: Path) -> None:
    """Dotfiles are often links into another folder."""
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "config").touch()
    (tmp_path / "dotfiles").chmod(0o777)
    link = home.path / "config"
    link.symlink_to(tmp_path / "dotfiles" / "config")

    facts = [each.fact for each in exposed(config_file({"AWS_CONFIG_FILE": str(link)}))]
    assert [f"others can write {tmp_path}/dotfiles: its mode is 0777"] == facts


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_named(home: Home) -> None:
    """The owner can change it in any mode."""
    path = home.path / "config"
    path.touch(mode=0o600)
    os.chown(path, 65534, 65534)

    (found,) = exposed(config_file(home.environ(AWS_CONFIG_FILE="~/config")))
    assert "~/config belongs to another user" == found.fact
    assert 'sudo chown "$USER" ~/config' == found.hints[0]
