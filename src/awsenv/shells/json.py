"""JSON, for programs and for shells that read data: an object with null for a variable that is to be unset."""

from __future__ import annotations

from awsenv.shells.base import TABLE, Format, Shell, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change


class Json(Format):
    """JSON."""

    name = "json"

    def quote(self, value: str) -> str:
        """Return a string in ASCII. A byte that is not UTF-8 is a lone surrogate, as Python has it (PEP 383)."""
        return _dumped(value)

    def render(self, change: Change) -> str:
        """Return one object."""
        return _object(change)


class Data(Shell):
    """A shell that gets JSON, and no code."""

    completion_file = TABLE
    is_text = True
    """Whether it holds no value that is not UTF-8."""

    def render(self, change: Change) -> str:
        """Return one object.

        Raises:
            ConfigError: The shell cannot hold a value.
        """
        for name, value in change.variables.items() if self.is_text else ():
            if value and value.encode(errors="replace").decode() != value:
                from awsenv.errors import ConfigError, Origin  # noqa: PLC0415 - see `shells.find`

                fact = f"nothing was changed: {self.name} cannot hold a value that is not UTF-8"
                raise ConfigError(fact, Origin(name), hint="awsenv exec ROLE -- COMMAND")
        return _object(change)

    def completion(self) -> str | None:
        """Return None: the hook has the completion, and the file only what it offers."""
        return None


def _object(change: Change) -> str:
    return _dumped(dict(checked(change))) + "\n"


def _dumped(value: object) -> str:
    import json  # noqa: PLC0415 - `awsenv init` of these shells loads the module, and needs none of it

    return json.dumps(value, indent=2)


SHELL = Json()
