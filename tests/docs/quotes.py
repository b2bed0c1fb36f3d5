"""Writes the quotations of the program in README.md and docs/: `python tests/docs/quotes.py`.

A quotation is a comment with the command line, then the output as a block of text:

    <!-- awsenv explain power-user -->
    ```text
    ...
    ```

The command runs as user alice, on 80 columns, in a home with the configuration that the README shows, and the profiles
of docs/assistants.md. Variables may stand before it: `<!-- CLAUDECODE=1 awsenv explain prod -->`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"
ASSISTANTS = ROOT / "docs" / "assistants.md"
DOCUMENTS = (README, *sorted(ROOT.glob("docs/*.md")))

CREDENTIALS = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = example\n"
_QUOTATION = re.compile(
    r"^<!-- (?P<variables>(?:[A-Z_]+=\S+ )*)awsenv (?P<words>[^\n]+) -->\n```text\n.*?^```$", re.MULTILINE | re.DOTALL
)
_INTRODUCTION = """\
# Commands

The help of each command, as the program prints it. [variables.md](variables.md) has the options beside their variables,
and the exit codes.

"""


def section(document: Path, title: str) -> str:
    """Return the text below a heading, up to the next one of its level or a higher one."""
    text = document.read_text(encoding="utf-8")
    found = re.search(rf"^(##+) {re.escape(title)}$\n", text, re.MULTILINE)
    assert found, f"{document.name} has no section {title!r}"
    return re.split(rf"^##{{1,{len(found[1]) - 1}}} ", text[found.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@cache
def output(words: str, variables: str = "") -> str:
    """Return what `awsenv` prints with these words and variables."""
    program = Path(sys.executable).with_name("awsenv")
    (config,) = blocks(section(README, "Sixty seconds"), "ini")
    config = "\n".join([config, *blocks(ASSISTANTS.read_text(encoding="utf-8"), "ini")])
    with tempfile.TemporaryDirectory() as home:
        Path(home, ".aws").mkdir()
        Path(home, ".aws", "config").write_text(config, encoding="utf-8")
        Path(home, ".aws", "credentials").write_text(CREDENTIALS, encoding="utf-8")
        environ = {"HOME": home, "LOGNAME": "alice", "COLUMNS": "80", "LANG": "C.UTF-8"}
        environ |= dict(each.split("=", 1) for each in variables.split())
        done = subprocess.run([program, *words.split()], env=environ, capture_output=True, text=True, check=True)
    return done.stdout


def quoted(text: str) -> str:
    """Return *text* with every quotation replaced by the current output of the program."""
    return _QUOTATION.sub(lambda match: quotation(match["words"], match["variables"]), text)


def quotation(words: str, variables: str = "") -> str:
    """Return the quotation of a command line, with the variables that stand before it."""
    return f"<!-- {variables}awsenv {words} -->\n```text\n{output(words, variables)}```"


def commands() -> list[str]:
    """Return the names of the commands, in the order of the help."""
    return re.findall(r"^  ([a-z-]+)  ", output("--help").partition("Commands:\n")[2], re.MULTILINE)


def written(document: Path) -> str:
    """Return the text of *document* with current quotations."""
    if document == COMMANDS:
        pages = [f"## {name}\n\n{quotation(f'{name} --help')}\n" for name in commands()]
        return _INTRODUCTION + quotation("--help") + "\n\n" + "\n".join(pages)
    return quoted(document.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(written(path), encoding="utf-8")
