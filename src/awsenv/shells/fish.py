"""Fish, 3.4 and later."""

from __future__ import annotations

import os

from awsenv.shells.base import Shell, checked, config_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.model import Change, Environ

# The empty fish_trace keeps the keys out of a trace that config.fish has turned on.
_ARRIVE = "if set -q _AWSENV_CHANGE; set -l fish_trace; eval $_AWSENV_CHANGE; set -eg _AWSENV_CHANGE; end"


class Fish(Shell):
    """Fish."""

    name = "fish"
    completion_file = "awsenv.fish"
    evaluate = "{} | source"
    source = "test ! -r {file}; or source {file}"
    assign = "set -g {} {}\n"

    def quote(self, value: str) -> str:
        r"""Return `'...'` without any backslash: in some encodings of Japan that byte is a yen sign.

        Each character that is not ASCII is decoded by itself: fish turns the bytes of a variable into characters and
        back, and some pairs of bytes, in Big5, would come back as another.
        """
        return "'" + "".join(map(_spelled, value)) + "'"

    def render(self, change: Change) -> str:
        """Look for universal variables first: erasing one would erase it in every session, for good."""
        code = "".join(
            f"set -eg {name};\n" if value is None else f"set -gx {name} {self.quote(value)};\n"
            for name, value in checked(change)
        )
        gone = [name for name, value in change.variables.items() if value is None]
        if not gone:
            return code
        guards = "else ".join(
            f"if set -qU {name}; builtin echo {self._universal(name)} >&2; builtin false;\n" for name in gone
        )
        # `set -e` of what is not set fails.
        return f"{guards}else;\n{code}builtin true;\nend;\n"

    def _universal(self, name: str) -> str:
        return self.quote(
            f"awsenv: nothing was changed: {name} is a universal variable, which all sessions share\n"
            f"  try      set -eU {name}, or awsenv exec"
        )

    def _subshell_options(self) -> list[str]:
        """Load the hook, unless config.fish has, and make the change after config.fish."""
        hook = f"builtin functions -q __awsenv_refresh; or builtin source {self.quote(self._hook_file)}"
        return ["--init-command", f"{hook}\n{_ARRIVE}"]

    def startup(self, environ: Environ) -> tuple[str, list[str]]:
        """Return config.fish, and the files that fish reads before it (fish manual, "Configuration files")."""
        own = f"{config_home(environ)}/fish"
        try:
            snippets = sorted(name for name in os.listdir(f"{own}/conf.d") if name.endswith(".fish"))
        except OSError:
            snippets = []
        main = f"{own}/config.fish"
        return main, [*(f"{own}/conf.d/{name}" for name in snippets), main]


def _spelled(character: str) -> str:
    if character == "'":
        return "'\"'\"'"
    if character.isascii() and character != "\\":
        return character
    encoded = "".join(f"%{byte:02X}" for byte in os.fsencode(character))
    return f"'(builtin string unescape --style=url -- {encoded})'"


SHELL = Fish()
