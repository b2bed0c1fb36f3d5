"""Bash, 3.2 and later."""

from __future__ import annotations

import os

from awsenv.shells.base import Posix, folder
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Environ


class Bash(Posix):
    """Bash."""

    name = "bash"
    completion_file = "awsenv.bash"
    also = ("rbash",)

    def _subshell_options(self) -> list[str]:
        """Make bash read our file in place of ~/.bashrc. That file reads ~/.bashrc first."""
        return ["--rcfile", f"{folder()}/subshell/bashrc"]

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return ~/.bashrc, and what a login shell reads in its place (bash manual, section 6.2)."""
        main = f"{home(environ)}/.bashrc"
        of_login = [f"{home(environ)}/{name}" for name in (".bash_profile", ".bash_login", ".profile")]
        # The first that it can read.
        return main, [main, *[path for path in of_login if os.access(path, os.R_OK)][:1]]


SHELL = Bash()
