"""Where a value comes from, for messages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: a file, an option, a variable, or a rule of awsenv.

    `str()` names the place: `~/.aws/config:12, [profile prod], mfa_serial`, `--duration`,
    `AWSENV_REGION`.
    """

    name: str
    """The file as users type it, the option with its dashes, or the variable."""

    line: int = 0
    """Counted from one; 0: not in a file."""

    section: str | None = None
    """The header without its brackets: `profile prod`."""

    key: str | None = None

    @property
    def position(self) -> str:
        """The name, with the line if there is one: `~/.aws/config:12`."""
        return f"{self.name}:{self.line}" if self.line else self.name

    def __str__(self) -> str:
        """Return the place as editors and compilers write it."""
        parts = [self.position]
        if self.section is not None:
            parts.append(f"[{self.section}]")
        if self.key is not None:
            parts.append(self.key)
        return ", ".join(parts)


TYPED = Origin("the command line")
"""The origin of the role and the code. An error omits it: the user has just typed them."""
