"""Draws the pictures in docs/: `python tests/docs/picture.py`, or `--check` whether they are current.

A real shell in a real terminal runs the installed program against a local AWS. Three things are fixed, so that the same
program draws the same pictures: the account, the MFA code, which they show as 123456, and the clock of a hook.

A picture has the colors of the reader's browser, light or dark. One more shows figures: bars.py draws it.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import bars
import pexpect
import pyte

from awsenv.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FOLDER = Path(__file__).parents[2] / "docs"
ACCOUNT = "123456789012"
SHOWN_CODE = "123456"
EXTERNAL_ID = "picture-external-id"
ROWS = 24
TIMEOUT = 60
"""Seconds after which a session counts as stuck."""

SIZE, CELL, LINE, MARGIN, BAR = 14, 8.4, 20, 18, 44
"""Pixels: the size of the font, the width and the height of a cell, the space around, the title bar."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
COLORS = {
    # By the class of an element: in a light browser, and in a dark one.
    "ground": ("#ffffff", "#161b22"),
    "text": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9198a1"),
    "red": ("#cf222e", "#ff7b72"),
    "green": ("#1a7f37", "#7ee787"),
    "brown": ("#9a6700", "#f2cc60"),
    "blue": ("#0969da", "#79c0ff"),
    "cyan": ("#1b7c83", "#76e3ea"),
    "magenta": ("#8250df", "#d2a8ff"),
}
"""The last ones have the names of pyte; its brown is yellow."""
FRAMES = ("#d1d9e0", "#3d444d")

PROMPT = "~ $ "
IDENTITY = "aws sts get-caller-identity --query Arn"
# PS1 turns bold on and PS0 turns it off: typed text is bold in the terminal, and so in the picture.
BASHRC = r"""
PS1='\[\e[32m\]\w\[\e[0m\] $ \[\e[1m\]'
PS0='\e[0m'
"""
HOOK = 'eval "$(awsenv init bash)"\n'
CONFIG_FISH = """
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function fish_prompt; set_color green; echo -n '~'; set_color normal; echo -n ' $ '; end
awsenv init fish | source
"""
# The hook takes for the time that at which a role has as much left as the prompt is to show: the time of a busy machine
# would be another. PS0 does not end the bold of a comment.
CLOCK = """
left=({}) prompts=0
PROMPT_COMMAND='_awsenv_now="AWSENV_EXPIRES_EPOCH - ${{left[prompts++]:-3590}}"; printf "\\e[0m"'
"""
CONFIG = """
[default]
region = eu-central-1
output = text

[profile power-user]
role_arn = {power_user}
source_profile = default
mfa_serial = {serial}
external_id = {external_id}

[profile read-only]
role_arn = {read_only}
source_profile = default

[profile staging]
role_arn = {staging}
source_profile = default

[profile production]
role_arn = {production}
source_profile = default
awsenv_color = red

[profile prod-deploy]
role_arn = arn:aws:iam::210987654321:role/deploy
source_profile = default
mfa_serial = {serial}

[profile prod]
role_arn = arn:aws:iam::210987654321:role/deploy
source_profile = ops
"""
CREDENTIALS = """
[default]
aws_access_key_id = {key.access_key_id}
aws_secret_access_key = {key.secret_access_key}
"""


@dataclass(frozen=True)
class Home:
    """The folder of a user of the local AWS."""

    path: Path
    environ: dict[str, str]
    code: Callable[[], str]
    """Returns an MFA code."""


class Screen(pyte.Screen):
    """A screen that knows faint text, as which it marks italics: pyte has no name for it."""

    def select_graphic_rendition(self, *attrs: int) -> None:
        """Set the attributes of what follows."""
        super().select_graphic_rendition(*attrs)
        if attrs == (2,):
            self.cursor.attrs = self.cursor.attrs._replace(italics=True)


class Terminal:
    """A shell in a terminal, and its screen."""

    def __init__(self, argv: Sequence[str], home: Home, columns: int) -> None:
        self.screen = Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._shell = pexpect.spawn(
            argv[0], list(argv[1:]), env=home.environ, cwd=str(home.path), dimensions=(ROWS, columns)
        )
        self._shell.delaybeforesend = None
        self.until(self._is_at_prompt)

    def type(self, line: str, *, question: str | None = None) -> None:
        """Type *line* and wait for the next prompt; or for *question*, which the next line will answer."""
        before = self.screen.cursor.y
        self.press(line + "\r")
        self.until(
            lambda: (
                self.screen.cursor.y > before
                and (self._is_at_prompt() if question is None else self._before_cursor().startswith(question))
            )
        )

    def press(self, keys: str) -> None:
        """Press *keys*."""
        self._shell.send(keys)

    def shows(self, text: str) -> bool:
        """Return whether *text* is on the screen."""
        return any(text in line for line in self.screen.display)

    def close(self) -> None:
        """End the shell."""
        self._shell.close(force=True)

    def replace(self, text: str, shown: str) -> None:
        """Replace *text* on the screen by *shown*, which has the same length."""
        for row, line in enumerate(self.screen.display):
            if (column := line.find(text)) >= 0:
                for offset, character in enumerate(shown, column):
                    self.screen.buffer[row][offset] = self.screen.buffer[row][offset]._replace(data=character)

    def forget(self, row: int) -> None:
        """Delete the lines from *row* to the one above the cursor."""
        count = self.screen.cursor.y - row
        self.screen.cursor.y = row
        self.screen.delete_lines(count)
        self.screen.cursor.x = len(self.screen.display[row].rstrip()) + 1

    def stands_behind(self, text: str) -> bool:
        """Return whether the cursor is behind *text*, in its line."""
        return self._before_cursor().endswith(text)

    def _is_at_prompt(self) -> bool:
        return self.stands_behind(PROMPT)

    def _before_cursor(self) -> str:
        cursor = self.screen.cursor
        return str(self.screen.display[cursor.y][: cursor.x])

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until *ready*."""
        deadline = time.monotonic() + TIMEOUT
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit("the session is stuck:\n" + "\n".join(self.screen.display))
            try:
                self._stream.feed(self._shell.read_nonblocking(4096, timeout=1))
            except pexpect.TIMEOUT:
                continue


def session(home: Home) -> Terminal:
    """Return the terminal after a session."""
    terminal = bash(home, HOOK, 88, left="[5]=890")
    terminal.type(IDENTITY)
    terminal.type("awsenv power-user", question="MFA code")
    code = home.code()
    terminal.type(code)
    terminal.type(IDENTITY)
    terminal.type(f"awsenv exec read-only -- {IDENTITY}")
    terminal.type("awsenv read-only --duration 15m")
    terminal.type("awsenv off")
    terminal.type("awsenv prod && terraform apply")
    terminal.replace(code, SHOWN_CODE)
    return terminal


def prompt(home: Home) -> Terminal:
    """Return the terminal after a prompt of each kind."""
    terminal = bash(home, HOOK, 60, left="[2]=770 280 -110")
    terminal.type("awsenv staging")
    terminal.type("# the role, and its time left")
    terminal.type("# below 15 minutes")
    terminal.type("# below 5 minutes")
    terminal.type("awsenv production")
    terminal.press("# awsenv_color = red")
    terminal.until(lambda: terminal.shows("= red"))
    return terminal


def sealed(home: Home) -> Terminal:
    """Return the terminal after what a sealed shell tries."""
    subprocess.run(["awsenv", "login", home.code()], env=home.environ, check=True, capture_output=True)
    try:
        terminal = bash(home, HOOK, 80)
        terminal.type("awsenv exec --sealed read-only")
        # What the system cannot do is not the same for every user.
        terminal.forget(1)
        terminal.type(IDENTITY)
        terminal.type("awsenv exec power-user -- terraform destroy")
        terminal.type("(cd ~/.aws && cat credentials)")
        return terminal
    finally:
        subprocess.run(["awsenv", "logout"], env=home.environ, check=True, capture_output=True)


def listed(home: Home) -> Terminal:
    """Return the terminal after `awsenv list`."""
    terminal = bash(home, HOOK, 72)
    terminal.type("awsenv staging")
    terminal.type("awsenv list")
    return terminal


def picker(home: Home) -> Terminal:
    """Return the terminal while a user picks a role."""
    terminal = bash(home, HOOK, 72)
    terminal.press("awsenv\r")
    terminal.until(lambda: terminal.shows("Esc leaves"))
    terminal.press("prod eu")
    # A list ends with the line of its keys, and the cursor then returns to the query.
    terminal.until(lambda: terminal.shows("2/7") and terminal.stands_behind("role> prod eu"))
    return terminal


def completion(home: Home) -> Terminal:
    """Return a fish at its second Tab, which shows what the first one could not decide."""
    folder = home.path / ".config/fish"
    folder.mkdir(parents=True)
    (folder / "config.fish").write_text(CONFIG_FISH)
    # Without this folder, the first fish in a home directory reads every manual page of the machine.
    (home.path / ".local/share/fish/generated_completions").mkdir(parents=True)
    # The first Tab notes what is known of the roles, and does not wait for it.
    subprocess.run(["awsenv", "completion", "--refresh"], env=home.environ, check=True)
    terminal = Terminal(["fish"], home, 72)
    terminal.press("awsenv pro\t")
    terminal.until(lambda: terminal.shows("mfa eu-central-1)"))
    terminal.press("\t")
    # It marks the first role, and then colors what it has put into the line.
    line, below = terminal.screen.buffer[0], terminal.screen.buffer[1]
    end = len("~ $ awsenv prod ")
    terminal.until(
        lambda: (
            below[0].reverse and ["blue", "cyan"] == [line[at].fg for at in (4, 11)] and terminal.screen.cursor.x == end
        )
    )
    return terminal


def bash(home: Home, rc: str, columns: int, *, left: str = "") -> Terminal:
    """Return a bash with a rc file, whose prompts show a role with these seconds *left*, by default 59 minutes."""
    (home.path / ".bashrc").write_text(BASHRC + CLOCK.format(left) + rc)
    return Terminal(["bash", "--noprofile", "--rcfile", str(home.path / ".bashrc"), "-i"], home, columns)


SCENES: Mapping[str, tuple[Callable[[Home], Terminal], str]] = {
    "session": (
        session,
        "A terminal: awsenv puts a role into the shell, the prompt shows it and its time left, awsenv off takes it off",
    ),
    "prompt": (
        prompt,
        "Prompts: the role and its time left, yellow below 15 minutes, red below 5, expired; a role with a red name",
    ),
    "picker": (picker, "The picker: a query, and the roles that match it, with account, role, MFA and region"),
    "completion": (completion, "Tab in fish: the roles that begin as typed, with account, role and MFA"),
    "sealed": (sealed, "A sealed shell: its role works, awsenv refuses another one, and ~/.aws is not there"),
    "list": (listed, "awsenv list: the roles and the sources, with account, MFA and region; a star at the active role"),
}
"""The pictures: how the terminal gets there, and what it shows."""


@contextmanager
def furnished() -> Iterator[Home]:
    """Yield the home of a user with roles at a local AWS."""
    with tempfile.TemporaryDirectory(prefix="awsenv-picture-") as name, Sandbox(account=ACCOUNT) as sandbox:
        home = Path(name)
        key, device = sandbox.create_user("alice"), sandbox.create_mfa_device("alice")
        alice = f"arn:aws:iam::{ACCOUNT}:user/alice"
        roles = {
            role.replace("-", "_"): sandbox.create_role(role, sandbox.trust(alice))
            for role in ("read-only", "staging", "production")
        }
        strict = sandbox.trust(alice, external_id=EXTERNAL_ID, mfa=True)
        roles["power_user"] = sandbox.create_role("power-user", strict)
        (home / ".aws").mkdir()
        (home / ".aws" / "credentials").write_text(CREDENTIALS.format(key=key))
        (home / ".aws" / "config").write_text(CONFIG.format(serial=device.serial, external_id=EXTERNAL_ID, **roles))
        # Names that are written within a second of the files may be those from before them.
        for file in (home / ".aws").iterdir():
            os.utime(file, (0, 0))
        pointed = {name: value for name, value in sandbox.environ().items() if "REGION" not in name}
        environ = {
            "AWSENV_PICKER": "builtin",
            "HOME": name,
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "SHELL": shutil.which("bash") or "bash",
            "TERM": "xterm-256color",
            "USER": "alice",
            **pointed,
        }

        def code() -> str:
            # AWS takes each code once, and the next one is half a minute away.
            sandbox.clock.elapse(30)
            return str(device.code())

        yield Home(home, environ, code)


def svg(screen: Screen, title: str) -> str:
    """Return the picture: the lines of *screen* down to the last one, in a window."""
    used = max(row for row, text in enumerate(screen.display) if text.strip())
    lines = max(used, screen.cursor.y) + 1
    width, height = 2 * MARGIN + screen.columns * CELL, BAR + lines * LINE + MARGIN
    light, dark = (
        "".join(f".{name}{{fill:{colors[theme]}}}" for name, colors in COLORS.items())
        + f".frame{{stroke:{FRAMES[theme]}}}"
        for theme in (0, 1)
    )
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{light}.bold{{font-weight:bold}}@media(prefers-color-scheme:dark){{{dark}}}</style>",
        f'<rect class="ground frame" {_box(0.5, 0.5, width - 1, height - 1)} rx="10"/>',
        *(f'<circle cx="{22 + 20 * at}" cy="21" r="6" fill="{color}"/>' for at, color in enumerate(BUTTONS)),
        f'<g class="text" font-family="{FONTS}" font-size="{SIZE}" shape-rendering="crispEdges" xml:space="preserve">',
    ]
    for row in range(lines):
        drawn += _line(screen, row)
    x, y = MARGIN + screen.cursor.x * CELL, BAR + screen.cursor.y * LINE
    drawn += [f"<rect {_box(x, y + 2, CELL, LINE - 3)}/>", "</g>", "</svg>"]
    return "\n".join(drawn) + "\n"


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'


def _line(screen: Screen, row: int) -> list[str]:
    """Return the elements of a line, one for each stretch of the same style."""
    drawn, column = [], 0
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    for (color, bold, faint, reverse), group in groupby(
        cells, key=lambda cell: (cell.fg, cell.bold, cell.italics, cell.reverse)
    ):
        text = "".join(cell.data for cell in group)
        if reverse:
            left, top = MARGIN + column * CELL, BAR + row * LINE
            name = color if color in COLORS else "text"
            drawn.append(f'<rect class="{name}" {_box(left, top, len(text) * CELL, LINE)}/>')
        if shown := text.strip():
            start = MARGIN + (column + len(text) - len(text.lstrip())) * CELL
            names = [
                *(
                    ["ground"]
                    if reverse
                    else ["faint"]
                    if faint or color not in {"default", *COLORS}
                    else [color] * (color != "default")
                ),
                *(["bold"] if bold else []),
            ]
            look = f' class="{" ".join(names)}"' if names else ""
            # The length is given, because the reader's font may be wider than ours.
            drawn.append(
                f'<text x="{start:g}" y="{BAR + row * LINE + 15:g}" '
                f'textLength="{len(shown) * CELL:g}"{look}>{escape(shown)}</text>'
            )
        column += len(text)
    return drawn


def main() -> int:
    """Draw the pictures, or check that they are current."""
    parser = argparse.ArgumentParser(description="Draw the pictures in docs/.")
    parser.add_argument("--check", action="store_true", help="only check that the pictures are current")
    check = parser.parse_args().check
    is_current = True
    pictures = {"round-trips": bars.svg()}
    with furnished() as home:
        for name, (play, title) in SCENES.items():
            terminal = play(home)
            terminal.close()
            pictures[name] = svg(terminal.screen, title)
    for name, drawn in pictures.items():
        picture = FOLDER / f"{name}.svg"
        if not check:
            picture.write_text(drawn)
            continue
        kept = picture.read_text() if picture.exists() else ""
        is_current = is_current and kept == drawn
        before, now = (text.splitlines(keepends=True) for text in (kept, drawn))
        sys.stdout.writelines(difflib.unified_diff(before, now, str(picture), "now"))
    return int(not is_current)


if __name__ == "__main__":
    sys.exit(main())
