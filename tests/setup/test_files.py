"""Setup adds missing settings to the two files, and keeps everything else byte for byte."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from awsenv import config
from awsenv.config import ini
from awsenv.config.files import File
from awsenv.errors import ConfigError
from awsenv.setup.files import add, check, header, remove_leftovers, with_settings

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS = ["default", "DEFAULT", "profile a", "profile  a", 'profile "a b"', "profile b", "sso-session s", "a", "x]y"]
KEYS = ["region", "role_arn", "source_profile", "mfa_serial", "s3", "output"]
LINES = st.one_of(
    st.builds("{}[{}]{}".format, st.sampled_from(["", "", " ", "\t\t"]), st.sampled_from(HEADERS), st.just("")),
    st.sampled_from(HEADERS).map("[{}]  # after".format),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "", " ", "    ", "\u00a0"]),
        st.sampled_from([*KEYS, "Region", "a b"]),
        st.sampled_from([" = ", "=", ":"]),
        st.sampled_from(["", "v", "v # c", "ä", "1"]),
    ),
    st.sampled_from(["", " ", "# c", "  ; c", "  nested = 1", " more", "\x85"]),
)
TEXTS = st.builds(
    lambda lines, ends, last: "".join(line + end for line, end in zip(lines, ends, strict=False)) + last,
    st.lists(LINES, max_size=12),
    st.one_of(st.lists(st.sampled_from(["\n", "\n", "\r\n"]), min_size=12, max_size=12), st.just(["\r"] * 12)),
    LINES,
)
SECTIONS = st.dictionaries(
    st.sampled_from([title for title in HEADERS if title != "DEFAULT"] + ["profile new", "profile newer"]),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["v", "arn:aws:iam::123456789012:role/x", "1"]), min_size=1),
    max_size=4,
)
SECRET = "canary-secret"
AWS_FILE = """\
# Kept by hand since 2019.

[default]
region=eu-central-1   ; Frankfurt
s3 =
  max_concurrent_requests = 20

  # indented comment
[profile prod]
  role_arn : arn:aws:iam::123456789012:role/prod
"""


def values(text: str) -> dict[str, dict[str, str]]:
    """Parse *text*: header → key → value."""
    return {t: {k: v.value for k, v in section.settings.items()} for t, section in ini.parse(text, "f").items()}


def own(text: str, title: str) -> dict[str, str]:
    """Return the settings of the section itself, without `[DEFAULT]`."""
    section = ini.parse(text, "f").get(title)
    return {k: v.value for k, v in section.settings.items() if v.origin.section != ini.EVERYWHERE} if section else {}


def is_kept(old: str, new: str) -> bool:
    """Return whether *old* is *new* without some of its lines; *old* may lack its last line end."""
    rest = iter(re.split("(\r\n|\r|\n)", new))
    return all(part in rest for part in re.split("(\r\n|\r|\n)", old) if part)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, sections=SECTIONS)
@example(text="[a]\n  [profile b]\n", sections={"a": {"region": "v"}})
@example(text="[a]\n    region = 1\n  output = 2\n", sections={"a": {"role_arn": "v"}})
@example(text="[DEFAULT]\nregion = 1\n[a]", sections={"a": {"region": "v"}, "profile new": {"output": "v"}})
@example(text="[a]\r\nregion = 1", sections={"profile new": {"output": "v"}})
def test_old_and_new_settings_are_read_back(text: str, sections: dict[str, dict[str, str]]) -> None:
    """For generated files, old and new settings are read back, every line stays, and a second run changes nothing."""
    try:
        before, everywhere = values(text), values(text + "\n[no such]\n")["no such"]
    except ConfigError:
        reject()
    differing = any(own(text, t).get(k, v) != v for t, keys in sections.items() for k, v in keys.items())
    if differing:
        with pytest.raises(ConfigError, match="something else"):
            with_settings(text, sections, "f")
        return

    after = with_settings(text, sections, "f")

    assert before | {t: before.get(t, everywhere) | keys for t, keys in sections.items()} == values(after)
    assert is_kept(text, after)
    assert after == with_settings(after, sections, "f")


def test_a_file_is_completed_in_its_own_style() -> None:
    """New keys go below their header with the indentation used there, and new sections to the end of the file."""
    sections = {
        "profile prod": {"role_arn": "arn:aws:iam::123456789012:role/prod", "source_profile": "me"},
        "profile new": {"role_arn": "arn:aws:iam::123456789012:role/new", "source_profile": "me"},
    }

    assert (
        AWS_FILE.replace("[profile prod]\n", "[profile prod]\n  source_profile = me\n")
        + "\n[profile new]\nrole_arn = arn:aws:iam::123456789012:role/new\nsource_profile = me\n"
    ) == with_settings(AWS_FILE, sections, "f")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[a]\nk = v\n"),
        ("\n", "\n[a]\nk = v\n"),
        ("[b]", "[b]\n\n[a]\nk = v\n"),
        ("# hello\r\n[b]\r\nx=1", "# hello\r\n[b]\r\nx=1\r\n\r\n[a]\r\nk = v\r\n"),
        ("[a]", "[a]\nk = v\n"),
        ("[a]\rx=1\r", "[a]\rk = v\rx=1\r"),
        ("[a]\nk: v\n", "[a]\nk: v\n"),
        ("[DEFAULT]\nk=v\n[a]\n", "[DEFAULT]\nk=v\n[a]\n"),
        ("[DEFAULT]\nk=w\n[a]\n", "[DEFAULT]\nk=w\n[a]\nk = v\n"),
    ],
)
def test_the_line_ends_of_a_file_are_kept_and_used(text: str, expected: str) -> None:
    """Added lines end as the first line of the file does, and a missing last line end is added."""
    assert expected == with_settings(text, {"a": {"k": "v"}}, "f")


def test_a_different_value_is_never_overwritten() -> None:
    """A setting that has another value is an error, which names the setting and shows neither value."""
    text = f"[me]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n"
    with pytest.raises(ConfigError) as caught:
        with_settings(text, {"me": {"aws_secret_access_key": "canary-other"}}, "~/.aws/credentials")

    assert "aws_secret_access_key is set to something else already" == caught.value.fact
    assert "~/.aws/credentials:3, [me], aws_secret_access_key" == caught.value.where
    assert "canary" not in f"{caught.value.fact}{caught.value.hints}"


@pytest.mark.parametrize(
    "sections",
    [
        {"a": {"k": "v\n[profile evil]"}},
        {"a": {"k": "v\nregion = x"}},
        {"a": {"k": " v"}},
        {"a": {"k\n[b]\nx": "v"}},
        {"a]\n[b": {"k": "v"}},
        {"DEFAULT": {"k": "v"}},
        {"a": {"Key": "v"}},
        {"": {"k": "v"}},
    ],
)
@pytest.mark.parametrize("text", ["", "[a]\n", "[b]\nx = 1\n"])
def test_a_setting_that_would_not_be_read_back_is_refused(text: str, sections: dict[str, dict[str, str]]) -> None:
    """Settings that would not be read back are refused: a line end in a value cannot start another section."""
    with pytest.raises(ConfigError):
        with_settings(text, sections, "f")


def test_an_invalid_file_is_not_extended() -> None:
    """A file that botocore refuses is an error, and gets no new section."""
    with pytest.raises(ConfigError, match="appears twice"):
        with_settings("[a]\n[a]\n", {"b": {"k": "v"}}, "f")


@pytest.mark.parametrize(
    ("text", "profile", "expected"),
    [
        ("", "default", "default"),
        ("", "me", "profile me"),
        ("", "a b", "profile 'a b'"),
        ('[profile "a b"]\n', "a b", 'profile "a b"'),
        ("[profile   me]\n", "me", "profile   me"),
        ("[profile default]\n", "default", "profile default"),
        ("[default]\n[profile default]\n", "default", "profile default"),
    ],
)
def test_the_header_of_a_profile(text: str, profile: str, expected: str, tmp_path: Path) -> None:
    """A profile keeps its header, however it is spelled, or gets a new one, under which it is read back."""
    path = tmp_path / "config"
    path.write_text(text)
    environ = {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    title = header(config.read(environ), profile)
    path.write_text(with_settings(text, {title: {"region": "eu-west-1"}}, "f"))
    found = config.read(environ).get(profile)

    assert expected == title
    assert found is not None
    assert "eu-west-1" == found.value("region")


OLD, NEW = "[old]\n", "[old]\n\n[a]\nk = v\n"


def at(path: Path, name: str = "~/x") -> File:
    """Return a file of that name."""
    return File(name, str(path), path.read_text() if path.is_file() else None)


def write(path: Path, value: str = "v", *, private: bool = False) -> None:
    """Add a section to a file."""
    add(lambda: at(path), {"a": {"k": value}}, private=private)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_its_folder_are_private(tmp_path: Path) -> None:
    """A new file and its folder are for their owner alone, as those of the AWS CLI, and the text is UTF-8."""
    path = tmp_path / "home" / ".aws" / "config"
    write(path, "ä")

    assert (0o700, 0o600) == (mode(path.parent), mode(path))
    assert "[a]\nk = ä\n".encode() == path.read_bytes()


@pytest.mark.parametrize(("private", "expected"), [(False, 0o644), (True, 0o600)])
def test_a_file_keeps_its_mode_unless_it_holds_a_secret(tmp_path: Path, expected: int, *, private: bool) -> None:
    """A file keeps its mode, but the credentials file becomes accessible to its owner alone."""
    path = tmp_path / "file"
    path.write_text(OLD)
    path.chmod(0o644)
    write(path, private=private)

    assert (expected, NEW) == (mode(path), path.read_text())
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_root_does_not_change_the_owner_of_a_file(tmp_path: Path) -> None:
    """A file that root writes keeps its owner, so that `sudo awsenv setup` locks no user out."""
    path = tmp_path / "credentials"
    path.write_text(OLD)
    os.chown(path, 65534, 65534)
    write(path, private=True)

    assert (65534, 65534, NEW) == (path.stat().st_uid, path.stat().st_gid, path.read_text())


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    """Setup writes to the target of a symbolic link, and creates the target if it is missing."""
    (tmp_path / "dotfiles").mkdir()
    for name in ("there", "new"):
        link = tmp_path / name
        link.symlink_to(tmp_path / "dotfiles" / name)
        if name == "there":
            link.write_text(OLD)
        write(link)

        assert link.is_symlink()
        assert NEW.removeprefix("" if name == "there" else "[old]\n\n") == (tmp_path / "dotfiles" / name).read_text()


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    """Setup refuses a folder, a pipe, a link loop or a device such as /dev/null, and leaves it as it is."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "folder", tmp_path / "pipe", tmp_path / "loop", Path("/dev/null")):
        before = path.lstat()
        with pytest.raises(ConfigError) as caught:
            write(path, SECRET, private=True)

        assert "~/x" == caught.value.where
        assert stat.S_IFMT(before.st_mode) == stat.S_IFMT(path.lstat().st_mode)


def test_a_disk_error_leaves_only_the_old_file(tmp_path: Path, require: Callable[[str], str]) -> None:
    """If fsync fails with EIO, the old file stays, and no copy of the secret remains."""
    path = tmp_path / "credentials"
    path.write_text(OLD)
    inject = [require("strace"), "-o", os.devnull, "-e", "inject=fsync:error=EIO"]
    argv = [*inject, sys.executable, "-c", WRITE.format("pass"), str(path)]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True)

    assert f"cannot write {path}: input/output error\n" == ended.stdout
    assert [path] == list(tmp_path.iterdir())
    assert OLD == path.read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a file system")
@pytest.mark.skipif(sys.platform != "linux", reason="a file system in memory is made by Linux's mount")
@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        ("dd if=/dev/zero of={folder}/big 2>{folder}.log; true", "no space left on device"),
        ("mount -o remount,ro {folder}", "read-only file system"),
    ],
)
def test_a_full_or_read_only_file_system_is_reported(tmp_path: Path, break_it: str, reason: str) -> None:
    """`check` reports a full or read-only file system, and a write to it changes nothing."""
    folder = tmp_path / "aws"
    folder.mkdir()
    path = folder / "credentials"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "awsenv-test", str(folder)], check=True)
    try:
        path.write_text(OLD)
        check(at(path))
        subprocess.run(["sh", "-c", break_it.format(folder=folder)], check=True)
        with pytest.raises(ConfigError, match=reason):
            check(at(path))
        with pytest.raises(ConfigError, match=reason):
            write(path, "x" * 70_000, private=True)
        assert OLD == path.read_text()
        assert [] == [each.name for each in folder.iterdir() if ".awsenv-" in each.name]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_lack_of_space_is_found_before_any_change(tmp_path: Path) -> None:
    """`check` finds a lack of space, because it writes as much as the file is going to contain."""
    path = tmp_path / "credentials"
    path.write_text("[a]\n" * 9)
    code = (
        "import sys; from awsenv.config.files import config_file; from awsenv.setup.files import check;"
        "check(config_file(dict(AWS_CONFIG_FILE=sys.argv[1])))"
    )
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); {code}"
    ended = subprocess.run([sys.executable, "-c", limited, str(path)], capture_output=True, text=True, check=False)

    assert f"cannot write {path}: file too large" in ended.stderr
    assert [path] == list(tmp_path.iterdir())


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path, require: Callable[[str], str]) -> None:
    """Setup removes the copy that a killed run left, with its secret, and no other file with a similar name."""
    path = tmp_path / "credentials"
    path.write_text(OLD)
    (tmp_path / ".credentials-mine").write_text("mine")
    inject = [require("strace"), "-o", os.devnull, "-e", "inject=fsync:signal=KILL"]
    subprocess.run([*inject, sys.executable, "-c", WRITE.format("pass"), str(path)], check=False)
    (left,) = [each for each in tmp_path.iterdir() if ".awsenv-" in each.name]
    assert SECRET in left.read_text()

    assert [str(left)] == remove_leftovers(at(path))

    assert {"credentials", ".credentials-mine"} == {each.name for each in tmp_path.iterdir()}
    assert [] == remove_leftovers(at(tmp_path / "no" / "folder"))


ADD = """
import sys
from awsenv.config.files import config_file
from awsenv.setup.files import add
environ = {"AWS_CONFIG_FILE": sys.argv[1]}
for number in range(30):
    add(lambda: config_file(environ), {f"profile {sys.argv[2]}-{number}": {"region": "eu-west-1"}})
"""


def test_simultaneous_runs_lose_nothing(tmp_path: Path) -> None:
    """Two simultaneous runs keep each other's sections."""
    path = tmp_path / "config"
    running = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in ("one", "two")]

    assert [0, 0] == [process.wait() for process in running]
    assert {f"profile {name}-{number}" for name in ("one", "two") for number in range(30)} == set(
        ini.parse(path.read_text(), "f")
    )


def test_a_concurrent_change_is_kept(tmp_path: Path) -> None:
    """Setup reads a file again that another program has changed: the AWS CLI takes no lock."""
    path = tmp_path / "config"
    path.write_text("[a]\n")
    reads = []

    def find() -> File:
        text = path.read_text()
        reads.append(text)
        if len(reads) == 2:
            path.write_text("[a]\n[b]\n")
        return File("f", str(path), text)

    add(find, {"c": {"k": "v"}})

    assert "[a]\n[b]\n\n[c]\nk = v\n" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_keeps_changing_is_given_up(tmp_path: Path) -> None:
    """If another program keeps changing a file, setup fails and does not overwrite the changes."""
    path = tmp_path / "config"

    def find() -> File:
        text = path.read_text() if path.exists() else ""
        path.write_text(f"{text}# more\n")
        return File("f", str(path), text)

    with pytest.raises(ConfigError, match="another program keeps changing f"):
        add(find, {"c": {"k": "v"}})
    assert "[c]" not in path.read_text()


WRITE = """
import resource, sys
from awsenv.config.files import config_file
from awsenv.errors import ConfigError
from awsenv.setup.files import add
{}
try:
    add(lambda: config_file(dict(AWS_CONFIG_FILE=sys.argv[1])), dict(a=dict(k="canary-secret" * 9)), private=True)
except ConfigError as error:
    print(error)
"""
LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))"


def test_a_failed_write_leaves_only_the_old_file(tmp_path: Path) -> None:
    """If a write fails, as on a full disk, the old file stays, and no copy of the secret remains."""
    path = tmp_path / "credentials"
    path.write_text(OLD)
    ended = subprocess.run(
        [sys.executable, "-c", WRITE.format(LIMIT), str(path)], capture_output=True, text=True, check=True
    )

    assert f"cannot write {path}: file too large\n" == ended.stdout
    assert [path] == list(tmp_path.iterdir())
    assert OLD == path.read_text()


def test_others_can_never_read_the_secret(tmp_path: Path, require: Callable[[str], str]) -> None:
    """The system calls show that no file with the secret is accessible to others, even with an umask of 0."""
    path, log = tmp_path / "folder" / "credentials", tmp_path / "log"
    path.parent.mkdir()
    path.write_text(OLD)
    path.chmod(0o666)
    code = (
        "import os, sys; from awsenv.config.files import config_file; from awsenv.setup.files import add; os.umask(0);"
        "add(lambda: config_file(dict(AWS_CONFIG_FILE=sys.argv[1])), dict(a=dict(k='v')), private=True)"
    )
    traced = "trace=openat,open,creat,chmod,fchmod,fchmodat,rename,renameat,renameat2,write"
    argv = [require("strace"), "-f", "-o", str(log), "-e", traced, sys.executable, "-c", code, str(path)]
    subprocess.run(argv, check=True)
    lines = [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]
    begin = next(i for i, line in enumerate(lines) if "O_EXCL" in line and str(path.parent) in line)
    calls = [re.sub(r"\.credentials\.awsenv-\w+", "TEMPORARY", line) for line in lines[begin : begin + 4]]

    assert "O_EXCL" in calls[0]
    assert ", 0600) = " in calls[0]
    assert re.fullmatch(r'write\(\d+, "\[old\].*", 17\) += 17', calls[1])
    assert re.fullmatch(r"fchmod\(\d+, 0600\) += 0", calls[2])
    assert calls[3].startswith("rename")


def test_a_reader_sees_the_old_or_the_new_file(tmp_path: Path) -> None:
    """A reader never sees an empty or a truncated file."""
    path = tmp_path / "config"
    # One long line: many would take longer to parse than to write.
    path.write_text("#" * 100_000 + "\n")
    whole = path.read_text()

    def rewrite() -> None:
        for number in range(100):
            add(lambda: at(path), {f"a{number}": {"k": "v"}})

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(path.read_text())
    writer.join()

    assert all(text.startswith(whole) and text.endswith(("\n", "k = v\n")) for text in seen)
