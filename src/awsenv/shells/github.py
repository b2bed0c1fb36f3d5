"""GitHub Actions: lines for the file of `GITHUB_ENV`, and the commands that mask the secrets in the log of the job.

The rules are those of "Workflow commands for GitHub Actions" in GitHub's documentation.
"""

from __future__ import annotations

from awsenv.shells.base import Format
from awsenv.variables import SECRET, VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change


class Github(Format):
    """GitHub Actions."""

    name = "github"
    file_variable = "GITHUB_ENV"

    def quote(self, value: str) -> str:
        """Return *value* between two lines of a delimiter that it does not contain.

        Raises:
            ValueError: It is not UTF-8, which the runner would replace.
        """
        try:
            value.encode()
        except UnicodeEncodeError:
            message = "it is not UTF-8"
            raise ValueError(message) from None
        delimiter = "AWSENV"
        while delimiter in value:
            delimiter += "_"
        return f"<<{delimiter}\n{value}\n{delimiter}"

    def render(self, change: Change) -> str:
        """Return the lines for each variable that AWS tools read. The file cannot unset one, so none may have to go."""
        self.refuse(change, [name for name in change.variables if name.startswith("AWS_")])
        return "".join(f"{name}{value}\n" for name, value in self.quoted(change))

    def masks(self, change: Change) -> str:
        """Return a command for each secret and for the id of the key, as aws-actions/configure-aws-credentials does."""
        return "".join(
            f"::add-mask::{_escaped(value)}\n"
            for name, value in change.variables.items()
            if value and (name == "AWS_ACCESS_KEY_ID" or SECRET in VARIABLES.get(name, ()))
        )


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


SHELL = Github()
