"""Draws the README's picture of a session: `python tests/docs/picture.py`, or `--check` whether it is current.

A real bash in a real terminal runs the installed program against a local AWS. Two things are fixed, so that the same
program draws the same picture: the account, and the MFA code, which the picture shows as 123456.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pexpect
import pyte

from awsenv.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = Path(__file__).parents[2] / "docs" / "session.svg"
ACCOUNT = "123456789012"
SHOWN_CODE = "123456"
EXTERNAL_ID = "picture-external-id"
COLUMNS, ROWS = 88, 24
TIMEOUT = 60
"""Seconds after which the session counts as stuck."""

TITLE = "A terminal: awsenv puts a role into the shell, the prompt shows it and its time left, awsenv off takes it off"
SIZE, CELL, LINE, MARGIN, BAR = 14, 8.4, 20, 18, 44
"""Pixels: the size of the font, the width and the height of a cell, the space around, the title bar."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GROUND, FRAME, TEXT = "#161b22", "#3d444d", "#e6edf3"
BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
COLORS = {"red": "#ff7b72", "green": "#7ee787", "brown": "#f2cc60"}
"""The colors of the picture, by their names in pyte."""

IDENTITY = "aws sts get-caller-identity --query Arn"
# PS1 turns bold on and PS0 turns it off: typed text is bold in the terminal, and so in the picture.
RC = r"""
PS1='\[\e[32m\]\w\[\e[0m\] $ \[\e[1m\]'
PS0='\e[0m'
eval "$(awsenv init bash)"
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

[profile prod]
role_arn = arn:aws:iam::210987654321:role/deploy
source_profile = ops
"""
CREDENTIALS = """
[default]
aws_access_key_id = {key.access_key_id}
aws_secret_access_key = {key.secret_access_key}
"""


class Terminal:
    """A bash in a terminal, and its screen."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        words = ["--noprofile", "--rcfile", str(folder / ".bashrc"), "-i"]
        self._bash = pexpect.spawn("bash", words, env=environ, cwd=str(folder), dimensions=(ROWS, COLUMNS))
        self._bash.delaybeforesend = None
        self._until(self._is_at_prompt)

    def type(self, line: str, *, question: str | None = None) -> None:
        """Type *line* and wait for the next prompt; or for *question*, which the next line will answer."""
        before = self.screen.cursor.y
        self._bash.send(line + "\r")
        self._until(
            lambda: (
                self.screen.cursor.y > before
                and (self._is_at_prompt() if question is None else self._before_cursor().startswith(question))
            )
        )

    def close(self) -> None:
        """End the shell."""
        self._bash.close(force=True)

    def replace(self, text: str, shown: str) -> None:
        """Replace *text* on the screen by *shown*, which has the same length."""
        for row, line in enumerate(self.screen.display):
            if (column := line.find(text)) >= 0:
                for offset, character in enumerate(shown, column):
                    self.screen.buffer[row][offset] = self.screen.buffer[row][offset]._replace(data=character)

    def _is_at_prompt(self) -> bool:
        return self._before_cursor().endswith("~ $ ")

    def _before_cursor(self) -> str:
        cursor = self.screen.cursor
        return str(self.screen.display[cursor.y][: cursor.x])

    def _until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit("the session is stuck:\n" + "\n".join(self.screen.display))
            try:
                self._stream.feed(self._bash.read_nonblocking(4096, timeout=1))
            except pexpect.TIMEOUT:
                continue


def session() -> Terminal:
    """Return the terminal after the session."""
    with tempfile.TemporaryDirectory(prefix="awsenv-picture-") as name, Sandbox(account=ACCOUNT) as sandbox:
        # With a clock that is ten seconds behind, every prompt of the session shows 59 minutes, even the first.
        sandbox.clock.elapse(-10)
        home = Path(name)
        key, device = sandbox.create_user("alice"), sandbox.create_mfa_device("alice")
        alice = f"arn:aws:iam::{ACCOUNT}:user/alice"
        roles = {
            "power_user": sandbox.create_role("power-user", sandbox.trust(alice, external_id=EXTERNAL_ID, mfa=True)),
            "read_only": sandbox.create_role("read-only", sandbox.trust(alice)),
        }
        (home / ".aws").mkdir()
        (home / ".aws" / "credentials").write_text(CREDENTIALS.format(key=key))
        (home / ".aws" / "config").write_text(CONFIG.format(serial=device.serial, external_id=EXTERNAL_ID, **roles))
        (home / ".bashrc").write_text(RC)
        pointed = {name: value for name, value in sandbox.environ().items() if "REGION" not in name}
        environ = {
            "HOME": name,
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "SHELL": shutil.which("bash") or "bash",
            "TERM": "xterm-256color",
            "USER": "alice",
            **pointed,
        }
        terminal = Terminal(environ, home)
        try:
            terminal.type(IDENTITY)
            terminal.type("awsenv power-user", question="MFA code")
            code = device.code()
            terminal.type(code)
            terminal.type(IDENTITY)
            terminal.type(f"awsenv exec read-only -- {IDENTITY}")
            terminal.type("awsenv read-only --duration 15m")
            terminal.type("awsenv off")
            terminal.type("awsenv prod && terraform apply")
        finally:
            terminal.close()
        terminal.replace(code, SHOWN_CODE)
        return terminal


def svg(screen: pyte.Screen) -> str:
    """Return the picture: the lines of *screen* down to its cursor, in a window."""
    lines = screen.cursor.y + 1
    width, height = 2 * MARGIN + COLUMNS * CELL, BAR + lines * LINE + MARGIN
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(TITLE)}</title>",
        f'<g fill="{GROUND}" stroke="{FRAME}"><rect {_box(0.5, 0.5, width - 1, height - 1)} rx="10"/></g>',
        *(f'<circle cx="{22 + 20 * at}" cy="21" r="6" fill="{color}"/>' for at, color in enumerate(BUTTONS)),
        f'<g fill="{TEXT}" font-family="{FONTS}" font-size="{SIZE}" xml:space="preserve">',
    ]
    for row in range(lines):
        drawn += _line(screen, row)
    x, y = MARGIN + screen.cursor.x * CELL, BAR + screen.cursor.y * LINE
    drawn += [f"<rect {_box(x, y + 2, CELL, LINE - 3)}/>", "</g>", "</svg>"]
    return "\n".join(drawn) + "\n"


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'


def _line(screen: pyte.Screen, row: int) -> list[str]:
    """Return the text elements of a line, one for each stretch of the same style."""
    drawn, column = [], 0
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    for (color, bold), group in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in group)
        if shown := text.strip():
            start = MARGIN + (column + len(text) - len(text.lstrip())) * CELL
            look = "" if color == "default" else f' fill="{COLORS[color]}"'
            look += ' font-weight="bold"' if bold else ""
            # The length is given, because the reader's font may be wider than ours.
            drawn.append(
                f'<text x="{start:g}" y="{BAR + row * LINE + 15:g}" '
                f'textLength="{len(shown) * CELL:g}"{look}>{escape(shown)}</text>'
            )
        column += len(text)
    return drawn


def main() -> int:
    """Draw the picture, or check that it is current."""
    parser = argparse.ArgumentParser(description="Draw the README's picture of a session.")
    parser.add_argument("--check", action="store_true", help="only check that the picture is current")
    check = parser.parse_args().check
    drawn = svg(session().screen)
    if not check:
        PICTURE.write_text(drawn)
        return 0
    kept = PICTURE.read_text() if PICTURE.exists() else ""
    sys.stdout.writelines(
        difflib.unified_diff(kept.splitlines(keepends=True), drawn.splitlines(keepends=True), str(PICTURE), "now")
    )
    return int(kept != drawn)


if __name__ == "__main__":
    sys.exit(main())
