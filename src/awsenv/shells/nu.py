"""Nushell, 0.101 and later."""

from __future__ import annotations

from awsenv.shells.base import config_home, spelled
from awsenv.shells.json import Data
from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Environ


class Nu(Data):
    """Nushell."""

    name = "nu"
    also = ("nushell",)
    evaluate = "{} | from json | load-env"
    # nushell reads the file, and so the path, before it runs anything.
    source = "source (if ({file} | path exists) {{ {file} }})"
    append = "{} | save --append {}"
    assign = "$env.{} = {}\n"

    @property
    def load(self) -> str:
        """The line that writes the hook to where nushell loads it from."""
        return "mkdir ($nu.data-dir)/vendor/autoload; awsenv init nu | save -f ($nu.data-dir)/vendor/autoload/awsenv.nu"

    def _word(self, path: str, environ: Environ) -> str:
        word = super()._word(path, environ)
        return word if word.startswith('"') else self.quote(word)

    def quote(self, value: str) -> str:
        r"""Return `"..."`, with `\u{...}` for what is not printable ASCII."""
        return '"' + spelled(map(ord, value), '"\\', "\\u{{{:x}}}") + '"'

    def _subshell_options(self) -> list[str]:
        """Load the hook, and make the change, after the files of the user."""
        return ["--execute", f"source {self.quote(self._hook_file)}; _awsenv_arrive"]

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return the file of the hook, and what nushell reads before it, on Linux."""
        config = f"{config_home(environ)}/nushell"
        data = f"{environ.get('XDG_DATA_HOME') or home(environ) + '/.local/share'}/nushell"
        return f"{config}/config.nu", [f"{config}/config.nu", f"{data}/vendor/autoload/awsenv.nu"]


SHELL = Nu()
