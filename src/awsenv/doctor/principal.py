"""Who asks for a role, as policies see it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from awsenv.config.text import printable


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, or a session of a role."""

    account: str
    arn: str
    """As GetCallerIdentity says it."""
    role_arn: str | None = None
    """Of a session: the role that it is of, with its path; None: it is not known."""
    has_token: bool = False
    """Whether its credentials are temporary."""

    @property
    def partition(self) -> str:
        """The partition."""
        return self.arn.split(":")[1]

    @property
    def kind(self) -> str:
        """`user`, `assumed-role`, `root`, or `federated-user`."""
        return self.arn.split(":", 5)[5].partition("/")[0]

    @property
    def name(self) -> str:
        """The name of the user or the role, without its path."""
        parts = self.arn.split(":", 5)[5].split("/")
        return parts[1] if self.kind == "assumed-role" and len(parts) > 1 else parts[-1]

    @property
    def title(self) -> str:
        """What a person calls it."""
        kinds = {"assumed-role": "role", "federated-user": "federated user"}
        return "the root user" if self.kind == "root" else f"{kinds.get(self.kind, self.kind)} {printable(self.name)}"

    @property
    def principal_arn(self) -> str:
        """The ARN that policies compare with, `aws:PrincipalArn`; of a role of unknown path the one without a path."""
        if self.kind != "assumed-role":
            return self.arn
        return self.role_arn or f"arn:{self.partition}:iam::{self.account}:role/{self.name}"

    def is_named_by(self, name: str) -> bool:
        """Tell whether the principal *name* of a policy is this one, and not only its account."""
        if name in {"*", self.arn, self.principal_arn}:
            return True
        if self.kind != "assumed-role" or self.role_arn is not None:
            return False
        # GetCallerIdentity leaves the path of a role out.
        start, end = f"arn:{self.partition}:iam::{self.account}:role/", re.escape(self.name)
        return re.fullmatch(rf"{re.escape(start)}(?:.*/)?{end}", name) is not None

    def is_in(self, name: str) -> bool:
        """Tell whether the principal *name* of a policy is the account of this one."""
        return name in {self.account, f"arn:{self.partition}:iam::{self.account}:root"}
