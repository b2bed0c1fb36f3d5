"""The names for completion: what is in the file, when it is stale, and that it holds no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from awsenv.cli import candidates
from awsenv.config.sources import KINDS

NOW = 2_000_000_000.0
CONFIG = """\
[default]
region = eu-central-1
[profile deploy]
role_arn = arn:aws:iam::123456789012:role/team/DeployRole
source_profile = default
mfa_serial = arn:aws:iam::999988887777:mfa/alice
[profile "two words"]
role_arn = arn:aws:iam::210987654321:role/Admin
source_profile = work
region = us-east-1
awsenv_protected = true
[profile work]
sso_session = work
sso_account_id = 999988887777
sso_role_name = Developer
[profile 日本]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default
[profile "with\x1b[31mred"]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default
[profile -x]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default
[profile region-only]
region = eu-west-1
"""
CREDENTIALS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n"


class User:
    """A user with a home, who edits files at a time of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {"HOME": str(home)}
        (home / ".aws").mkdir(parents=True)

    @property
    def folder(self) -> Path:
        """The cache folder."""
        return self.home / ".cache" / "awsenv"

    def edit(self, name: str, text: str, at: float = NOW - 60) -> Path:
        """Write a file below ~/.aws at a time."""
        path = self.home / ".aws" / name
        path.write_text(text)
        os.utime(path, (at, at))
        return path

    def refresh(self, now: float = NOW, **environ: str) -> list[list[str]]:
        """Refresh the names, and return them without the lines of the regions."""
        candidates.refresh(self.environ | environ, None, now)
        path = self.folder / candidates.NAMES
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split("\t") for line in lines if not line.startswith("region\t")]

    def is_fresh(self) -> bool:
        """Return whether a shell would take the names for fresh."""
        lines = [line.split("\t") for line in (self.folder / candidates.NAMES).read_text().splitlines()[-2:]]
        return all(_changed(Path(path)) == _changed(self.folder / (mark or "none")) for _, _, path, mark in lines)


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


@pytest.fixture
def user(tmp_path: Path) -> User:
    """Return a user with the two files."""
    user = User(tmp_path / "home")
    user.edit("config", CONFIG)
    user.edit("credentials", CREDENTIALS)
    return user


def test_the_names_have_what_a_menu_shows(user: User) -> None:
    """Roles and sources come with account, role or kind, MFA and region; a name that cannot be typed is left out."""
    assert [
        ["source", "default", "access key eu-central-1"],
        ["role", "deploy", "123456789012 DeployRole mfa eu-central-1"],
        ["role", "two words", "210987654321 Admin us-east-1 protected"],
        ["source", "work", "999988887777 SSO"],
        ["role", "日本", "123456789012 x eu-central-1"],
    ] == user.refresh()[:-2]


def test_the_regions_are_those_that_botocore_lists(user: User) -> None:
    """Each has its location; a pseudo region is none."""
    user.refresh()

    lines = (user.folder / candidates.NAMES).read_text().splitlines()
    regions = dict(line.split("\t")[1:] for line in lines if line.startswith("region\t"))
    assert "Europe (Frankfurt)" == regions["eu-central-1"]
    assert {"cn-north-1", "us-gov-west-1"} <= {*regions}
    assert [] == [name for name in regions if name.endswith("-global") or "iso" in name]


def test_the_last_lines_say_what_the_names_were_made_from(user: User) -> None:
    """Each of the two files has its variable, its path, and a mark that is as old as it is."""
    config, credentials = user.refresh()[-2:]

    assert ["file", f"{user.home}/.aws/config", f"{user.home}/.aws/config"] == config[:3]
    assert ["file", f"{user.home}/.aws/credentials", f"{user.home}/.aws/credentials"] == credentials[:3]
    assert user.is_fresh()


def test_the_variables_name_other_files(user: User, tmp_path: Path) -> None:
    """The line has the value of the variable as it is, and the path that it leads to."""
    other = tmp_path / "other"
    other.write_text("[profile elsewhere]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n")

    lines = user.refresh(NOW, AWS_CONFIG_FILE="$FOLDER/other", FOLDER=str(tmp_path))

    assert ["file", "$FOLDER/other", str(other)] == lines[-2][:3]
    assert ["role", "elsewhere", "123456789012 x"] in lines


@pytest.mark.parametrize("edit", ["touch", "older", "vanishes", "appears"])
def test_an_edit_makes_the_names_stale(user: User, edit: str) -> None:
    """A file with another time, an earlier one too, is another file; so is one that vanishes or appears."""
    credentials = user.home / ".aws" / "credentials"
    if edit == "appears":
        credentials.unlink()
    user.refresh()
    assert user.is_fresh()

    if edit == "vanishes":
        credentials.unlink()
    else:
        user.edit("credentials", CREDENTIALS, {"touch": NOW - 50}.get(edit, NOW - 1e6))

    assert not user.is_fresh()
    user.refresh()
    assert user.is_fresh()


def test_a_file_that_has_just_changed_is_not_fresh_yet(user: User) -> None:
    """A second edit may leave the time as it is, so the names are written again at the next occasion."""
    user.edit("config", CONFIG, NOW - 0.5)
    user.refresh()
    assert not user.is_fresh()

    user.edit("config", CONFIG.replace("deploy", "destroy"), NOW - 0.5)

    assert "destroy" in [line[1] for line in user.refresh(NOW + 10)]
    assert user.is_fresh()


def test_a_file_from_the_future_is_a_file_like_others(user: User) -> None:
    """Where the clock of a server is ahead, or that of this machine was set back, the names can be fresh."""
    user.edit("config", CONFIG, NOW + 1000)
    user.refresh()

    assert user.is_fresh()


def test_fresh_names_are_not_written_again(user: User) -> None:
    """Nothing in the folder changes while the files stay as they are."""
    user.refresh()
    before = {path: path.stat() for path in user.folder.iterdir()}
    user.refresh()

    assert before == {path: path.stat() for path in user.folder.iterdir()}


def test_old_files_are_removed(user: User) -> None:
    """The folder holds the names in their present form and one mark for each file, and what others keep there."""
    user.refresh()
    (user.folder / "recent").touch()
    (user.folder / "names-0").touch()
    for number in range(3):
        user.edit("config", CONFIG, NOW - 1000 - number)
        user.refresh()

    assert 4 == len([*user.folder.iterdir()])
    assert (user.folder / "recent").exists()


@pytest.mark.parametrize(
    "environ", [{"AWSENV_CACHE": "0"}, {"AWS_CONFIG_FILE": "config"}, {"AWS_CONFIG_FILE": "/a\tb"}]
)
def test_nothing_is_written(user: User, environ: dict[str, str]) -> None:
    """The cache is switched off, or a path has another meaning in each folder, or cannot stand in a line."""
    assert [] == user.refresh(NOW, **environ)
    assert not user.folder.exists()


def test_the_environment_of_one_shell_is_not_in_the_names(user: User) -> None:
    """A region or a key that this shell exports is not that of the shell at the next Tab."""
    lines = user.refresh(NOW, AWS_REGION="ap-south-1", AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="canary")

    assert ["source", "work", "999988887777 SSO"] in lines
    assert "canary" not in (user.folder / candidates.NAMES).read_text()


KEYS = {
    *(key for kind in KINDS.values() for key in kind.keys),
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "credential_source", "credential_process"),
    *("duration_seconds", "endpoint_url", "external_id", "login_session", "mfa_process", "mfa_serial", "output"),
    *("region", "role_arn", "role_session_name", "services", "session_tags", "source_identity", "source_profile"),
    *("sso_account_id", "sso_region", "sso_registration_scopes", "sso_role_name", "sso_session", "sso_start_url"),
    *("transitive_session_tags", "web_identity_token_file", "awsenv_account", "awsenv_color", "awsenv_protected"),
    *("comment", "include_profile", "ca_bundle"),
}
"""The keys of a profile that awsenv or an AWS tool reads, and one that none does."""


@pytest.mark.parametrize("key", sorted(KEYS))
@pytest.mark.parametrize("canary", ["Canary/s3cret", "canary-s3cret-1234", "4242424242424"])
def test_no_value_that_may_be_a_secret_is_in_the_names(user: User, key: str, canary: str) -> None:
    """Whatever stands in place of a value, in a role and in a source, in either file, does not end up in the cache."""
    own = "".join(f"{other} = {value}\n" for other, value in ROLE.items() if other != key)
    user.edit("config", CONFIG + f"[profile victim]\n{own}{key} = {canary}\n[profile lone]\n{key} = {canary}\n")
    user.edit("credentials", CREDENTIALS + f"[shared]\n{key} = {canary}\n")

    user.refresh()

    assert canary not in "".join(path.read_text() for path in user.folder.iterdir())


ROLE = {
    "role_arn": "arn:aws:iam::123456789012:role/x",
    "source_profile": "default",
    "mfa_serial": "arn:aws:iam::123456789012:mfa/alice",
    "region": "eu-west-1",
}
