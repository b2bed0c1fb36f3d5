"""The access key goes into a real keyring, and every AWS tool reads it back."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import awsenv
from awsenv.config import ini
from awsenv.errors import ConfigError
from awsenv.model import Credentials
from awsenv.setup import key_store
from awsenv.setup.files import with_settings
from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = Credentials("AKIAIOSFODNN7EXAMPLE", "canary/secret+key")
PLAIN = "keyrings.alt.file.PlaintextKeyring"
ENTRY = {"Version": 1, "AccessKeyId": KEY.access_key_id, "SecretAccessKey": KEY.secret_access_key}

# `check` and `store` as in the program: with the environment of the process, and errors as fact and hints.
STORE = """
import os
from awsenv.errors import AwsenvError
from awsenv.model import Credentials
from awsenv.setup import key_store
try:
    key_store.check(os.environ)
    key = Credentials("AKIAIOSFODNN7EXAMPLE", "canary/secret+key")
    print(key_store.store("awsenv-jane@123456789012", key, os.environ))
except AwsenvError as error:
    print(type(error).__name__, error.fact, *error.hints, sep="|")
"""


@pytest.fixture
def plain(clean_environ: dict[str, str]) -> dict[str, str]:
    """Return an environment that selects a plain file as the keyring, which works on every machine."""
    return clean_environ | {"PYTHON_KEYRING_BACKEND": PLAIN}


def test_an_aws_tool_reads_the_stored_key(plain: dict[str, str], tmp_path: Path) -> None:
    """An AWS tool on botocore reads the stored key, given only the profile."""
    key_store.check(plain)
    line = key_store.store("jane", KEY, plain)
    config = tmp_path / "config"
    config.write_text(with_settings("", {"profile jane": {"credential_process": line}}, "f"))
    code = (
        "from botocore.session import Session; found = Session(profile='jane').get_credentials();"
        "print(found.method, found.access_key, found.secret_key, found.token)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=plain | {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"custom-process {KEY.access_key_id} {KEY.secret_access_key} None\n" == ended.stdout
    assert KEY.secret_access_key not in line


def test_each_name_has_its_own_entry(plain: dict[str, str]) -> None:
    """A stored key replaces the one of the same name, and no other."""
    lines = [
        key_store.store(name, Credentials(key_id, "s"), plain)
        for name, key_id in (("jane@1", "A1"), ("jane@2", "A2"), ("jane@1", "A3"))
    ]
    read = [json.loads(subprocess.check_output(shlex.split(line), env=plain))["AccessKeyId"] for line in lines]

    assert lines[0] == lines[2] != lines[1]
    assert ["A3", "A2", "A3"] == read


def test_the_check_leaves_nothing_behind(plain: dict[str, str]) -> None:
    """`check` removes the entry that it stores to test the keyring."""
    key_store.check(plain)
    files = [path for path in Path(plain["HOME"]).rglob("*") if path.is_file()]

    assert 1 == len(files)
    assert "" == files[0].read_text().strip().removeprefix("[awsenv]")


def test_a_module_in_the_working_directory_is_not_run(plain: dict[str, str], tmp_path: Path) -> None:
    """The command does not run a keyring.py in the working directory, as `python -m keyring` would."""
    line = key_store.store("jane", KEY, plain)
    (tmp_path / "keyring.py").write_text("print('evil')")
    (tmp_path / "json.py").write_text("print('evil')")

    assert ENTRY == json.loads(subprocess.check_output(shlex.split(line), env=plain, cwd=tmp_path))


@given(entry=st.text(st.sampled_from("aZ0_+=,.@- #;'\"\\$`&|<>(){}*?!~\tä%"), min_size=1, max_size=20))
def test_every_reader_parses_the_command_alike(entry: str) -> None:
    """A shell (other SDKs), shlex (botocore) and the config parser read the same command, without a comment."""
    line = key_store.command(entry)
    words = [sys.executable, "-I", "-m", "keyring", "--", "get", "awsenv", entry]
    shell = subprocess.check_output(["sh", "-c", f"printf '%s\\n' {line}"]).decode().splitlines()
    text = with_settings("", {"profile p": {"credential_process": line}}, "f")

    assert words == shlex.split(line) == shell
    assert line == ini.parse(text, "f")["profile p"].settings["credential_process"].value
    assert not any(f"{space}{mark}" in line for space in " \t" for mark in "#;")


@pytest.mark.parametrize(
    ("backend", "fact"),
    [
        (
            "keyring.backends.fail.Keyring",
            "this machine has no keyring: the package keyring would use 'keyring.backends.",
        ),
        (
            "keyring.backends.null.Keyring",
            "this machine has no keyring: the package keyring would use 'keyring.backends.",
        ),
        ("no.such.Backend", "keyring does not start"),
        ("", "keyring does not start"),
    ],
)
def test_a_useless_keyring_is_refused(backend: str, fact: str, clean_environ: dict[str, str]) -> None:
    """`check` refuses a keyring that fails, forgets or does not exist."""
    environ = clean_environ | {"PYTHON_KEYRING_BACKEND": backend}
    with pytest.raises(ConfigError) as caught:
        key_store.check(environ)

    assert caught.value.fact.startswith(fact)
    assert "--keyring" == caught.value.where


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac always has a store")
def test_a_plain_file_is_used_only_if_it_is_configured(clean_environ: dict[str, str]) -> None:
    """The key goes to a file of keyrings.alt, which everybody can decode, only if the user has configured that."""
    with pytest.raises(ConfigError, match="this machine has no keyring"):
        key_store.check(clean_environ)

    folder = Path(clean_environ["HOME"]) / ".config" / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").write_text(f"[backend]\ndefault-keyring={PLAIN}\n")
    key_store.check(clean_environ)


def test_a_keyring_that_cannot_write_is_refused(plain: dict[str, str]) -> None:
    """If the keyring cannot write, `check` and `store` fail, and the message does not contain the key."""
    (Path(plain["HOME"]) / ".local").write_text("in the way")
    for refused in (lambda: key_store.check(plain), lambda: key_store.store("x", KEY, plain)):
        with pytest.raises(ConfigError, match="does not keep what it is given") as caught:
            refused()

        assert "canary" not in f"{caught.value.fact}{caught.value.hints}"


HANGING = """
import keyring.backend, pathlib, time
class Hanging(keyring.backend.KeyringBackend):
    priority = 1
    def set_password(self, service, username, password):
        time.sleep(600)
    def get_password(self, service, username):
        return None
"""


def test_a_keyring_that_does_not_answer_is_given_up(clean_environ: dict[str, str], tmp_path: Path) -> None:
    """Setup does not wait forever for a keyring, such as one that a user should unlock."""
    folder = Path(clean_environ["HOME"]) / ".config" / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").write_text(f"[backend]\ndefault-keyring=hanging.Hanging\nkeyring-path={tmp_path}\n")
    (tmp_path / "hanging.py").write_text(HANGING)
    # `check` may find out which keyring it uses before it waits for it.
    for refused in (
        lambda: key_store.check(clean_environ, timeout=5),
        lambda: key_store.store("x", KEY, clean_environ, timeout=5),
    ):
        with pytest.raises(ConfigError) as caught:
            refused()

        assert "the keyring did not answer in 5 seconds" == caught.value.fact
        assert "canary" not in f"{caught.value.fact}{caught.value.hints}"


def test_without_the_extra_the_install_command_is_named(clean_environ: dict[str, str], tmp_path: Path) -> None:
    """If the package keyring is missing, the error suggests the command that installs the extra."""
    venv.create(tmp_path / "venv", with_pip=False)
    # Without what is installed beside it.
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "awsenv").symlink_to(Path(awsenv.__file__).parent)
    ended = subprocess.run(
        [str(tmp_path / "venv" / "bin" / "python"), "-c", STORE],
        env=clean_environ | {"PYTHONPATH": str(tmp_path / "alone")},
        capture_output=True,
        text=True,
        check=True,
    )

    python = tmp_path / "venv" / "bin" / "python"
    assert (
        "UsageError|the keyring needs the package keyring, which is not installed|"
        f"uv pip install --python {python} 'awsenv-shell[keyring]'" == ended.stdout.strip()
    )


def on_a_desktop(
    unlock: str, environ: dict[str, str], require: Callable[[str], str]
) -> subprocess.CompletedProcess[str]:
    """Store a key in a separate GNOME Keyring, and read it back."""
    require("gnome-keyring-daemon")
    script = f'{unlock} >/dev/null && line=$("$0" -c "$1") && echo "$line" && eval "$line"'
    argv = [require("dbus-run-session"), "--", "sh", "-c", script, sys.executable, STORE]
    # If the tests run against the sources, the clean environment lacks their path.
    paths = {"PYTHONPATH": str(Path(awsenv.__file__).parents[1])}
    own = environ | paths | {"XDG_RUNTIME_DIR": environ["HOME"]}
    return subprocess.run(argv, env=own, capture_output=True, text=True, check=False, timeout=TIMEOUT)


@pytest.mark.skipif(sys.platform == "darwin", reason="a store of Linux desktops")
def test_the_keyring_of_a_desktop_keeps_the_key(clean_environ: dict[str, str], require: Callable[[str], str]) -> None:
    """The Secret Service keeps the key without configuration, and no file contains the secret in plain text."""
    unlock = "printf password | gnome-keyring-daemon --unlock --components=secrets"
    line, _, printed = on_a_desktop(unlock, clean_environ, require).stdout.partition("\n")
    files = [path for path in Path(clean_environ["HOME"]).rglob("*") if path.is_file()]

    assert line.endswith(" -I -m keyring -- get awsenv awsenv-jane@123456789012")
    assert ENTRY == json.loads(printed)
    assert files
    assert not any(KEY.secret_access_key.encode() in path.read_bytes() for path in files)


@pytest.mark.skipif(sys.platform == "darwin", reason="a store of Linux desktops")
def test_a_locked_keyring_is_refused(clean_environ: dict[str, str], require: Callable[[str], str]) -> None:
    """Setup refuses at once a keyring that stays locked because its password prompt has no screen."""
    unlock = "gnome-keyring-daemon --start --components=secrets"
    ended = on_a_desktop(unlock, clean_environ, require)

    assert ended.stdout.startswith("ConfigError|the keyring does not keep what it is given|unlock it, ")
    assert KEY.secret_access_key not in ended.stdout + ended.stderr
