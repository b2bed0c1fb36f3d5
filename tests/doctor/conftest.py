"""A local AWS with a user, files that name it, and the doctor's look at what AWS tells."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.doctor.model import Inputs
from awsenv.doctor.role import role
from awsenv.model import RoleRequest
from awsenv.resolved import Resolved
from awsenv.sandbox import MfaDevice, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.doctor.model import Finding
    from awsenv.model import Credentials


@dataclass(frozen=True)
class Account:
    """A user who may do nothing, an MFA device, and a home with the two files."""

    sandbox: Sandbox
    alice: Credentials
    device: MfaDevice
    environ: dict[str, str]

    @property
    def admin(self) -> dict[str, str]:
        """What makes a client of boto3 the administrator's."""
        return {
            "endpoint_url": self.sandbox.url,
            "region_name": "us-east-1",
            "aws_access_key_id": self.sandbox.admin.access_key_id,
            "aws_secret_access_key": self.sandbox.admin.secret_access_key,
        }

    def configure(self, text: str) -> None:
        """Append to the config file."""
        with Path(self.environ["AWS_CONFIG_FILE"]).open("a", encoding="utf-8") as file:
            file.write(text)

    def role(self, name: str, *, mfa: bool = False, settings: str = "") -> str:
        """Create a role that trusts alice, and its profile; return its ARN."""
        arn = self.sandbox.create_role(name, self.sandbox.trust(str(self.alice.arn), mfa=mfa))
        self.configure(f"[profile {name}]\nrole_arn = {arn}\nsource_profile = default\n{settings}\n")
        return arn

    def examine(
        self,
        name: str,
        code: str | None = None,
        *,
        iam_profile: str | None = None,
        agent: Finding | None = None,
        now: float | None = None,
    ) -> dict[str, list[Finding]]:
        """Return what the doctor finds of a role, by check."""
        request, profiles = RoleRequest(name, code=code), config.read(self.environ)
        inputs = Inputs(
            environ=self.environ,
            program="/usr/bin/awsenv",
            now=lambda: self.sandbox.clock.now().timestamp() if now is None else now,
            request=request,
            iam_profile=iam_profile,
            ask_agent=lambda: agent,
        )
        found: dict[str, list[Finding]] = {}
        resolved = Resolved(config.resolve(request, profiles, self.environ), profiles, self.environ, code)
        for finding in role(resolved, inputs):
            found.setdefault(finding.check, []).append(finding)
        return found


def _section(name: str, key: Credentials) -> str:
    return f"[{name}]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """Return an account with alice in it, and an administrator whose profile is `admin`."""
    with Sandbox() as sandbox:
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        alice, admin = sandbox.create_user("alice"), sandbox.admin
        keys = {"default": alice, "admin": admin}
        (tmp_path / "credentials").write_text("".join(starmap(_section, keys.items())))
        (tmp_path / "config").write_text("[default]\nregion = eu-central-1\n")
        environ = {
            **sandbox.environ(),
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        yield Account(sandbox, alice, sandbox.create_mfa_device("alice"), environ)
