"""Dotenv, for `docker run --env-file` and the libraries that read `.env` files. No shell evaluates it."""

from __future__ import annotations

from awsenv.shells.base import Format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change

_SAME_IN_ALL = frozenset("_-.,:/@+=%")
"""Beside letters and digits, what all readers take for itself.

There are no quotes that all of them know: docker kept them for years, and others expand `$` inside. Without quotes, one
refuses a space, and another drops what follows a `#` (docker's `kvfile`, compose-go, python-dotenv, node, direnv).
"""


class Dotenv(Format):
    """Dotenv. A variable that a role removes is left out: a file cannot unset it, and a container does not have it."""

    name = "dotenv"

    def quote(self, value: str) -> str:
        """Return *value* as it is.

        Raises:
            ValueError: Two readers would read it in different ways.
        """
        for character in value:
            if not character.isalnum() and character not in _SAME_IN_ALL:
                message = f"readers of dotenv disagree about {character!r}"
                raise ValueError(message)
        return value

    def render(self, change: Change) -> str:
        """Return a line for each variable that AWS tools read."""
        self.refuse(change, ("AWS_ACCESS_KEY_ID",))
        return "".join(f"{name}={value}\n" for name, value in self.quoted(change))


SHELL = Dotenv()
