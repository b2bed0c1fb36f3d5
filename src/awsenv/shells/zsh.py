"""Zsh, 5.1 and later."""

from __future__ import annotations

from awsenv.shells.base import Posix, folder
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

_EMULATION = "_awsenv_read= 'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-o' 'no_force_float' '-c'"


class Zsh(Posix):
    """Zsh."""

    name = "zsh"
    completion_file = "_awsenv"
    also = ("rzsh",)
    segments = ("powerlevel10k.zsh", "spaceship.zsh")

    def hook(self, program: str) -> str:
        """Return the hook as one quoted word: zsh reads all of `eval` first, with the aliases of the user.

        Functions that `emulate` defines run with the options that it sets; it leaves `force_float` alone unless named.
        """
        assignment, newline, code = super().hook(program).partition("\n")
        return f"{assignment}{newline}{_EMULATION} {self.quote(code)}\n"

    def subshell(self, path: str, environ: Environ, change: Change, program: str) -> tuple[list[str], dict[str, str]]:
        """Make zsh read our .zshenv, which restores ZDOTDIR and acts before the first prompt."""
        argv, after = super().subshell(path, environ, change, program)
        own = {"_AWSENV_ZDOTDIR": environ["ZDOTDIR"]} if "ZDOTDIR" in environ else {}
        return argv, {**after, **own, "ZDOTDIR": f"{folder()}/subshell"}

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return .zshrc, in the folder that ZDOTDIR names."""
        main = f"{environ.get('ZDOTDIR') or home(environ)}/.zshrc"
        return main, [main]


SHELL = Zsh()
