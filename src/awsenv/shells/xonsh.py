"""Xonsh, 0.13 and later."""

from __future__ import annotations

from awsenv.shells.base import config_home, folder
from awsenv.shells.json import Data
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Environ


class Xonsh(Data):
    """Xonsh."""

    name = "xonsh"
    suffix = "xsh"
    is_text = False
    # The assignment keeps xonsh from showing the values. A variable with the value None would be empty, and not unset.
    evaluate = (
        "for k, v in __import__('json').loads($({})).items(): "
        "_ = ${{...}}.pop(k, 0) if v is None else ${{...}}.update({{k: v}})"
    )
    # The hook is Python, for which xonsh's own parser takes most of a second.
    source = "if p{file}.exists(): exec(compile(p{file}.read_text(), {file}, 'exec'))"
    assign = "{} = {}\n"

    @property
    def load(self) -> str:
        """The line of a startup file that loads the hook."""
        return "exec($(awsenv init xonsh))"

    def _word(self, path: str, environ: Environ) -> str:
        word = super()._word(path, environ)
        return word if word.startswith("'") else self.quote(word)

    def quote(self, value: str) -> str:
        """Return a literal of Python, in ASCII. A byte that is not UTF-8 is a lone surrogate."""
        return ascii(value)

    def _subshell_options(self) -> list[str]:
        """Make xonsh read our file in place of those of the user. It reads those first."""
        return ["--rc", f"{folder()}/subshell/rc.xsh"]

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return rc.xsh, and the other files of the user that an interactive shell reads."""
        main = f"{config_home(environ)}/xonsh/rc.xsh"
        return main, [main, f"{home(environ)}/.xonshrc"]


SHELL = Xonsh()
