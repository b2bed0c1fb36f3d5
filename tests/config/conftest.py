"""Real files in a home of their own, and the environment that points there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.model import RoleRequest

if TYPE_CHECKING:
    from pathlib import Path

    from awsenv.model import Chain

KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"


@dataclass(frozen=True)
class Home:
    """A home directory with the two files."""

    path: Path

    def write(self, config_text: str = "", credentials_text: str = "") -> None:
        """Write the two files."""
        (self.path / ".aws").mkdir(exist_ok=True)
        (self.path / ".aws" / "config").write_bytes(config_text.encode())
        (self.path / ".aws" / "credentials").write_bytes(credentials_text.encode())

    def environ(self, **variables: str) -> dict[str, str]:
        """Return an environment with this home, in which `jane` is signed in."""
        return {"HOME": str(self.path), "USER": "jane", **variables}

    def read(self, config_text: str = "", credentials_text: str = "") -> config.Profiles:
        """Write the two files and read them."""
        self.write(config_text, credentials_text)
        return config.read(self.environ())

    def resolve(
        self, requested: RoleRequest | str, config_text: str = "", credentials_text: str = "", **variables: str
    ) -> Chain:
        """Write the two files, read them and resolve a request."""
        request = RoleRequest(requested) if isinstance(requested, str) else requested
        return config.resolve(request, self.read(config_text, credentials_text), self.environ(**variables))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home that is empty."""
    return Home(tmp_path)


@pytest.fixture(scope="session")
def keys() -> str:
    """Return the two lines of an access key."""
    return KEYS
