"""The checks come in the order in which things fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.agent.runtime_directory import VARIABLE
from awsenv.doctor import Finding, Inputs, Verdict, examine

if TYPE_CHECKING:
    from pathlib import Path


def _examine(home: Path, **more: str) -> list[Finding]:
    environ = {"HOME": str(home), "PATH": "", **more}
    return list(examine(Inputs(environ, "/bin/awsenv", lambda: 0)))


def test_an_empty_home(tmp_path: Path) -> None:
    """Only what makes roles fail is wrong; an agent that does not run is fine, and comes last."""
    assert [
        ("files", Verdict.FINE),
        ("variables", Verdict.FINE),
        ("hook", Verdict.UNKNOWN),
        ("roles", Verdict.FINE),
        ("chain", Verdict.WRONG),
        ("agent", Verdict.FINE),
    ] == [(each.check, each.verdict) for each in _examine(tmp_path)]


def test_an_agent_that_cannot_run_comes_before_the_chain(tmp_path: Path) -> None:
    """A warning about the agent comes early, as it may explain why each command asks for a code."""
    found = [(each.check, each.verdict) for each in _examine(tmp_path, **{VARIABLE: "relative"})]
    assert [("agent", Verdict.WARNING), ("roles", Verdict.FINE)] == found[3:5]


def test_files_that_cannot_be_read_are_the_first_cause(tmp_path: Path) -> None:
    """If the files are wrong, the chain is unknown."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\n[default]\n")
    found = {each.check: each.verdict for each in _examine(tmp_path)}
    assert (Verdict.WRONG, Verdict.UNKNOWN) == (found["files"], found["chain"])
