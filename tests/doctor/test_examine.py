"""The checks come in the order in which things fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv.agent.runtime_directory import VARIABLE
from awsenv.doctor import Finding, Inputs, Verdict, examine
from awsenv.model import RoleRequest

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


KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n"


@pytest.mark.parametrize(
    ("sources", "login"),
    [
        (("default",), "awsenv login"),
        (("me",), "awsenv login"),
        (("default", "me"), "awsenv login"),
        (("me", "you"), "awsenv login --profile r0"),
        (("o k", "you"), "awsenv login --profile r0"),
    ],
)
def test_the_login_that_is_recommended_is_a_whole_command(tmp_path: Path, sources: tuple[str, ...], login: str) -> None:
    """Without [default], as after `awsenv setup`, a login needs the name of one of several sources."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("".join(f"[{name}]\n{KEYS}" for name in sources))
    (tmp_path / ".aws" / "config").write_text(
        "".join(
            f"[profile r{number}]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = {name}\n"
            for number, name in enumerate(sources)
        )
    )
    environ = {"HOME": str(tmp_path), "PATH": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    found = list(examine(Inputs(environ, "/bin/awsenv", lambda: 0, request=RoleRequest("r0"))))

    fact = f"not running; {login} starts one, so that one code a day is enough"
    assert Finding("agent", Verdict.FINE, fact) == found[-1]


def test_files_that_cannot_be_read_are_the_first_cause(tmp_path: Path) -> None:
    """If the files are wrong, the chain is unknown."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\n[default]\n")
    found = {each.check: each.verdict for each in _examine(tmp_path)}
    assert (Verdict.WRONG, Verdict.UNKNOWN) == (found["files"], found["chain"])
