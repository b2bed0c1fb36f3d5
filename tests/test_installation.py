"""The commands that add to an awsenv, for each way of installing it."""

from __future__ import annotations

import os
import platform
import re
import shlex
from dataclasses import replace
from importlib.metadata import requires
from typing import TYPE_CHECKING

import pytest

from awsenv import __version__, installation
from awsenv.cli.report import described
from awsenv.installation import Installation

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from conftest import World

INDEX: dict[str, Any] = {}
FOLDER = {"url": "file:///home/alice/my%20code/awsenv", "dir_info": {}}
EDITABLE = {"url": "file:///home/alice/awsenv", "dir_info": {"editable": True}}
WHEEL = {"url": "file:///tmp/awsenv_shell-0.1.0-py3-none-any.whl", "archive_info": {"hash": "sha256=00"}}
GIT = {"url": "https://example.com/awsenv.git", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
BRANCH = {"url": "https://example.com/awsenv.git", "vcs_info": {"vcs": "git", "requested_revision": "main"}}
WHEEL_URL, GIT_URL = WHEEL["url"], "git+https://example.com/awsenv.git"
"""What `direct_url.json` holds, as pip, pipx and uv write it."""


def _installed(tmp_path: Path, by: str, source: dict[str, Any]) -> Installation:
    prefix = tmp_path / "awsenv-shell"
    prefix.mkdir()
    mark = {"pipx": "pipx_metadata.json", "uv tool": "uv-receipt.toml"}.get(by)
    if mark is not None:
        (prefix / mark).touch()
    return Installation(
        prefix,
        "/p/bin/python",
        source,
        is_environment=by in {"pipx", "uv tool", "pip", "uv pip"},
        is_of_user=by.startswith("user"),
        has_pip=by not in {"uv tool", "uv pip"},
        is_managed=by.endswith("of Debian"),
    )


@pytest.mark.parametrize(
    ("by", "source", "expected"),
    [
        ("pip", INDEX, "/p/bin/python -m pip install 'awsenv-shell[demo]'"),
        ("pip", FOLDER, "/p/bin/python -m pip install '/home/alice/my code/awsenv[demo]'"),
        ("pip", EDITABLE, "/p/bin/python -m pip install --editable '/home/alice/awsenv[demo]'"),
        ("pip", WHEEL, f"/p/bin/python -m pip install 'awsenv-shell[demo] @ {WHEEL_URL}'"),
        ("uv pip", INDEX, "uv pip install --python /p/bin/python 'awsenv-shell[demo]'"),
        ("uv pip", GIT, f"uv pip install --python /p/bin/python 'awsenv-shell[demo] @ {GIT_URL}@{'0' * 40}'"),
        ("user", INDEX, "/p/bin/python -m pip install --user 'awsenv-shell[demo]'"),
        ("user of Debian", INDEX, "/p/bin/python -m pip install --user --break-system-packages 'awsenv-shell[demo]'"),
        ("root of Debian", INDEX, "/p/bin/python -m pip install --break-system-packages 'awsenv-shell[demo]'"),
        ("root", INDEX, "/p/bin/python -m pip install 'awsenv-shell[demo]'"),
        ("pipx", INDEX, "pipx install --force 'awsenv-shell[demo]'"),
        ("pipx", FOLDER, "pipx install --force '/home/alice/my code/awsenv[demo]'"),
        ("pipx", EDITABLE, "pipx install --force --editable '/home/alice/awsenv[demo]'"),
        ("pipx", BRANCH, f"pipx install --force 'awsenv-shell[demo] @ {GIT_URL}@main'"),
        ("uv tool", INDEX, "uv tool install --force 'awsenv-shell[demo]'"),
        ("uv tool", EDITABLE, "uv tool install --force --editable '/home/alice/awsenv[demo]'"),
        ("uv tool", GIT, f"uv tool install --force 'awsenv-shell[demo] @ {GIT_URL}@{'0' * 40}'"),
    ],
)
def test_an_extra_is_added_where_awsenv_is(tmp_path: Path, by: str, source: dict[str, Any], expected: str) -> None:
    """The command installs the same thing from the same source, with the tool and into the environment it is in."""
    assert expected == _installed(tmp_path, by, source).with_extra("demo")


@pytest.mark.parametrize(
    ("by", "source", "package", "again"),
    [
        ("pip", FOLDER, "/p/bin/python -m pip install {}", "/p/bin/python -m pip install --force-reinstall {}"),
        ("uv pip", INDEX, "uv pip install --python /p/bin/python {}", None),
        ("pipx", FOLDER, "pipx inject --force awsenv-shell {}", "pipx reinstall awsenv-shell"),
        (
            "uv tool",
            INDEX,
            "uv tool install --force --with {} awsenv-shell",
            "uv tool upgrade --reinstall awsenv-shell",
        ),
    ],
)
def test_a_package_is_added_where_awsenv_is(
    tmp_path: Path, by: str, source: dict[str, Any], package: str, again: str | None
) -> None:
    """A package goes beside awsenv, not beside the Python on the PATH; a broken install is repaired by its own tool."""
    installed = _installed(tmp_path, by, source)

    assert package.format("'botocore[crt]'") == installed.with_package("botocore[crt]")
    if again is not None:
        assert again.format("'/home/alice/my code/awsenv'") == installed.again()


@pytest.mark.parametrize(
    ("by", "demo", "package"),
    [
        (
            "pipx",
            "pipx install --force 'awsenv-shell[demo,keyring]'",
            "pipx inject --force awsenv-shell 'botocore[crt]'",
        ),
        (
            "uv tool",
            "uv tool install --force 'awsenv-shell[demo,keyring]'",
            "uv tool install --force --with 'botocore[crt]' 'awsenv-shell[keyring]'",
        ),
        ("pip", "/p/bin/python -m pip install 'awsenv-shell[demo]'", "/p/bin/python -m pip install 'botocore[crt]'"),
    ],
)
def test_an_extra_that_is_there_stays(tmp_path: Path, by: str, demo: str, package: str) -> None:
    """Pipx and uv make the environment anew, so their commands name the extras that are there."""
    installed = replace(_installed(tmp_path, by, INDEX), extras=("keyring",))

    assert (demo, package) == (installed.with_extra("demo"), installed.with_package("botocore[crt]"))


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ("[{AWSENV}]", ""),
        ('[\n{AWSENV},\n    { name = "pyotp" },\n]', "--with pyotp "),
        (
            '[\n{AWSENV},\n    { name = "keyring", extras = ["completion"], specifier = ">=25,<26" },\n]',
            "--with 'keyring[completion]>=25,<26' ",
        ),
        (
            """[\n    { name = "segno", marker = "python_full_version >= '3.9'" },\n{AWSENV},\n]""",
            "--with segno ",
        ),
        (
            '[\n{AWSENV},\n    { name = "pyotp" },\n    { name = "x", directory = "/my code/x" },\n]',
            "--with pyotp --with 'x @ /my code/x' ",
        ),
        ('[\n{AWSENV},\n    { name = "x", editable = "/x" },\n]', "--with-editable /x "),
        ('[\n{AWSENV},\n    { name = "x", git = "file:///x?rev=main" },\n]', "--with 'x @ git+file:///x@main' "),
    ],
)
def test_what_uv_has_beside_awsenv_stays(tmp_path: Path, lines: str, options: str) -> None:
    """A package of an earlier `--with` is named again, for uv removes it otherwise (receipts of uv 0.13)."""
    installed = _installed(tmp_path, "uv tool", INDEX)
    own = '    { name = "awsenv-shell", extras = ["keyring"], directory = "/code/awsenv" }'
    points = 'entrypoints = [\n    { name = "awsenv", install-path = "/bin/awsenv", from = "awsenv-shell" },\n]\n'
    receipt = f"[tool]\nrequirements = {lines.replace('{AWSENV}', own)}\n{points}"
    (installed.prefix / "uv-receipt.toml").write_text(receipt)

    assert f"uv tool install --force {options}'awsenv-shell[demo]'" == installed.with_extra("demo")
    expected = f"uv tool install --force {options}--with 'botocore[crt]' awsenv-shell"
    assert expected == installed.with_package("botocore[crt]")


def test_the_commands_are_those_of_this_python() -> None:
    """The environment that the tests run in is the one that the commands name."""
    python = installation.this().executable
    assert python in shlex.split(installation.this().with_extra("demo"))
    assert installation.EXTRAS == installation.this().extras


@pytest.mark.parametrize(
    ("version", "fact"),
    [
        ("5.2.0", "the demo needs moto {needed} or later, and 5.2.0 is installed"),
        ("5.2.4", "the demo needs moto {needed} or later, and 5.2.4 is installed"),
        ("5.1.99", "the demo needs moto {needed} or later, and 5.1.99 is installed"),
        ("4.0.0.dev1", "the demo needs moto {needed} or later, and 4.0.0.dev1 is installed"),
    ],
)
def test_a_package_that_is_too_old_is_not_missing(world: World, tmp_path: Path, version: str, fact: str) -> None:
    """If an import fails inside a package that is older than awsenv needs, the error says both versions."""
    _old_moto(tmp_path, version)
    bound = next(line for line in requires("awsenv-shell") or () if line.startswith("moto[") and "'demo'" in line)
    needed = re.search(">=([0-9.]+)", bound)
    assert needed is not None

    answer = world.run("demo", "--", "true", PYTHONPATH=str(tmp_path))

    step = installation.this().with_extra("demo")
    assert (2, f"awsenv: {fact.format(needed=needed[1])}\n  try      {step}\n") == (answer.returncode, answer.stderr)


def test_a_package_that_is_new_enough_and_fails_is_not_missing(world: World, tmp_path: Path) -> None:
    """An import that fails inside a new package is never called a missing package."""
    _old_moto(tmp_path, "99")

    answer = world.run("demo", "--", "true", PYTHONPATH=str(tmp_path))

    assert answer.returncode == 1
    assert answer.stderr.startswith("awsenv: the module moto.moto_server cannot be loaded\n")


FAULTS = (
    (MemoryError("canary"), "there is not enough memory\n  try      end other programs\n"),
    (
        ModuleNotFoundError("canary", name="botocore.x"),
        "the module botocore.x cannot be loaded\n  in       an unknown line\n  try      {again}\n",
    ),
    (ImportError("canary"), "a module cannot be loaded\n  in       an unknown line\n  try      {again}\n"),
    (SyntaxError("canary"), "a module cannot be loaded\n  in       an unknown line\n  try      {again}\n"),
    (
        KeyError("canary"),
        "a fault of awsenv's own: KeyError\n  in       an unknown line, {versions}\n  try      {report}\n",
    ),
    (
        OSError("canary"),
        "a fault of awsenv's own: OSError\n  in       an unknown line, {versions}\n  try      {report}\n",
    ),
)


@pytest.mark.parametrize(("error", "message"), FAULTS, ids=[type(error).__name__ for error, _ in FAULTS])
def test_what_awsenv_itself_cannot_do(error: Exception, message: str) -> None:
    """A lack of memory, a broken install and a fault are three causes; of none the text is shown."""
    system = os.uname()
    texts = {
        "again": installation.this().again(),
        "versions": f"awsenv {__version__}, Python {platform.python_version()}, {system.sysname} {system.release}",
        "report": "report these two lines: https://github.com/awsenv-shell/awsenv/issues",
    }
    assert f"awsenv: {message.format(**texts)}" == described(installation.fault(error))


def _old_moto(folder: Path, version: str) -> None:
    """Put a moto there whose import fails, as that of an old one does."""
    (folder / "moto").mkdir()
    (folder / "moto" / "__init__.py").write_text("raise ImportError('canary', name='moto.moto_server')\n")
    about = folder / f"moto-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: moto\nVersion: {version}\n")
