"""Elvish, 0.19 and later."""

from __future__ import annotations

import os

from awsenv.shells.base import config_home, folder, spelled
from awsenv.shells.json import Data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Environ


class Elvish(Data):
    """Elvish."""

    name = "elvish"
    suffix = "elv"
    evaluate = (
        "{} | from-json | each {{|c| keys $c | each {{|n| "
        "if $c[$n] {{ set-env $n $c[$n] }} else {{ unset-env $n }} }} }}"
    )
    source = (
        "use path; if (path:is-regular &follow-symlink=$true {file}) "
        "{{ set-env _AWSENV_BIN {program}; eval (slurp < {file}) }}"
    )
    assign = "set-env {} {}\n"

    @property
    def load(self) -> str:
        """The line of a startup file that loads the hook."""
        return "eval (awsenv init elvish | slurp)"

    def quote(self, value: str) -> str:
        r"""Return `'...'`, or `"...\xHH..."` if anything in *value* is not printable ASCII."""
        if value.isascii() and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return '"' + spelled(os.fsencode(value), '"\\', "\\x{:02x}") + '"'

    def _subshell_options(self) -> list[str]:
        """Make elvish read our file in place of rc.elv. That file evaluates rc.elv first."""
        return ["-rc", f"{folder()}/subshell/rc.elv"]

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return rc.elv (elvish reference, "Using the Elvish command")."""
        main = f"{config_home(environ)}/elvish/rc.elv"
        return main, [main]


SHELL = Elvish()
