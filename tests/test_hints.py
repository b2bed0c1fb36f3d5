"""Every error names a next step: a command, an option, a variable or a key."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from awsenv import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(errors.__file__).parent

ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.AwsenvError) and value is not errors.AwsenvError
}

A_STEP = re.compile(
    r"""
    --[a-z]                                     # an option
    | \b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b             # a variable
    | \b[a-z]+(?:_[a-z]+)+\b                    # a key of the files
    | \b[a-z]+="                                # an argument of a function
    | \b(?:awsenv|aws|pip|pipx|unset)\ [a-z-]  # a command
    | \b(?:chmod|kill|ls|sntp|timedatectl|ulimit)\b    # another
    | \b(?:ROLE|CODE|COMMAND|KEY=VALUE|ARN|region|services)\b    # a word of the command line, a key of one word
    """,
    re.VERBOSE,
)

WITHOUT_HINT = {
    "interrupted": "the user has pressed Ctrl-C",
    "cancelled": "the user has pressed Ctrl-D",
    "you did not accept the plan": "the user has said no",
    "you did not confirm": "the same",
    "was not confirmed": "the same",
    "only an agent serves an endpoint": "no request of a program wants one",
    "that is not": "the question says what to type",
    "command not found": "in the words of env(1), which says no more",
}
"""Facts of the errors that name no next step, with the reason."""

WITHOUT_NAME = {
    "the code": "a code is what is typed",
    "next code": "a code is what is typed",
    "report these": "the fault is not the user's",
    "where it goes": "what the output goes to has no name here",
    "NUL byte": "the words of the command are the user's",
    "first line": "the same",
    "in place of -": "the fact names the option",
}
"""Words of the hints that name nothing to type, with the reason."""


class Raised(NamedTuple):
    """A place where an error is made."""

    where: str
    fact: str
    """The literal words of its fact."""
    hint: str | None
    """The literal words of its hint; None for an error without a hint."""
    is_computed: bool
    """Whether the hint is made elsewhere, in part or as a whole."""
    has_origin: bool
    """Whether it carries an origin, which names the key, the option or the variable."""


def _words(node: ast.expr | None) -> str:
    """Return the text of every literal in an expression."""
    if node is None:
        return ""
    return " ".join(
        each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_computed(node: ast.expr) -> bool:
    """Return whether an expression is more than one literal."""
    plain = (ast.Constant, ast.JoinedStr, ast.FormattedValue)
    return not isinstance(node, plain) or any(isinstance(each, ast.Name | ast.Call) for each in ast.walk(node))


def _raised() -> Iterator[Raised]:
    """Find the places. Parsing all of the source takes a second, which no worker needs to collect the tests."""
    for path in sorted(SOURCE.rglob("*.py")):
        relative = path.relative_to(SOURCE)
        if relative.parts[0] == "sandbox":
            continue  # its errors are those of AWS
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or _name(node.func) not in ERRORS or not node.args:
                continue
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            hint = given.get("hint")
            if isinstance(hint, ast.Constant) and hint.value is None:
                hint = None
            yield Raised(
                f"{relative}:{node.lineno}",
                _words(node.args[0]),
                None if hint is None else _words(hint),
                hint is not None and _is_computed(hint),
                len(node.args) > 1,
            )


@pytest.fixture(scope="module")
def raised() -> tuple[Raised, ...]:
    """Return every place."""
    return tuple(_raised())


def test_errors_are_found(raised: tuple[Raised, ...]) -> None:
    """The search finds the errors of the program, in all packages that make some."""
    packages = {each.where.partition("/")[0] for each in raised if "/" in each.where}
    assert {"agent", "aws", "cli", "config", "setup"} <= packages
    assert len(raised) > 150


def _lacks_step(raised: Raised) -> bool:
    if raised.hint is None:
        return not any(fact in raised.fact for fact in WITHOUT_HINT)
    names = A_STEP.search(f"{raised.fact} {raised.hint}") or any(words in raised.hint for words in WITHOUT_NAME)
    return not (names or raised.is_computed or raised.has_origin)


def test_every_error_names_a_next_step(raised: tuple[Raised, ...]) -> None:
    """The hint of an error names something to type, unless a listed exception applies."""
    assert [] == [each for each in raised if _lacks_step(each)]


@pytest.mark.parametrize("words", [*WITHOUT_HINT, *WITHOUT_NAME])
def test_every_exception_applies(words: str, raised: tuple[Raised, ...]) -> None:
    """Each listed exception applies to an error that exists."""
    without = [each.fact for each in raised if each.hint is None]
    named = [each.hint for each in raised if each.hint is not None]
    assert any(words in text for text in (without if words in WITHOUT_HINT else named))
