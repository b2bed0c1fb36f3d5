"""Xonsh, 0.13 and later."""

from __future__ import annotations

from awsenv.shells.base import folder
from awsenv.shells.json import Data
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ


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

    def subshell(self, path: str, environ: Environ, change: Change, program: str) -> tuple[list[str], dict[str, str]]:
        """Make xonsh read our file in place of those of the user. It reads those first."""
        argv = [path, "--rc", f"{folder()}/subshell/rc.xsh"]
        return argv, {**environ, **self._for_the_hook(change, program)}

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return rc.xsh, and the other files of the user that an interactive shell reads."""
        main = f"{environ.get('XDG_CONFIG_HOME') or home(environ) + '/.config'}/xonsh/rc.xsh"
        return main, [main, f"{home(environ)}/.xonshrc"]


SHELL = Xonsh()
