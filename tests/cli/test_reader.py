"""The reader accepts a command line only if Typer does, and reads the same from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import mistakes, reader
from awsenv.cli.arguments import ARGUMENTS, HelpOption
from awsenv.cli.declarations import Option, Word, declared
from awsenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = tuple(ARGUMENTS)
R = {"role": "r", "code": "123456"}
WORDS = (
    "r",
    "eks",
    "rds",
    "-",
    "",
    "123456",
    "12345",
    "env",
    "a:b,c",
    "日本",
    "--",
    "-x",
    "--x",
    "---",
    "--=",
    "-=",
    "-q=1",
    "=",
)


def options(name: str) -> list[Option]:
    """Return the options of the command called *name*."""
    fields = {**declared(ARGUMENTS[name]), **declared(HelpOption)}
    return [each for each in fields.values() if isinstance(each, Option)]


def both(name: str, args: list[str]) -> tuple[object, object]:
    """Return what the reader and what Typer read; None: refused."""
    try:
        by_typer: object = mistakes.read(name, args, [name, *args])
    except UsageError:
        by_typer = None
    return reader.read(ARGUMENTS[name], args), by_typer


def right(name: str) -> list[str]:
    """Return the required words of the command called *name*."""
    words = [each for each in declared(ARGUMENTS[name]).values() if isinstance(each, Word) and each.is_required]
    form = next((each.after for each in words if each.after), None)
    if form is not None:
        return [form, *("r" for each in words[1:] if each.after in {"", form})]
    return ["r"] if words else []


def right_uses(option: Option) -> Iterator[list[str]]:
    """Yield ways to type *option*."""
    for typed in option.names:
        if option.is_flag:
            yield [typed]
            continue
        yield from ([typed, "v"], [typed, "-v"], [typed, "--region"], [typed, "-"])
        if typed.startswith("--"):
            yield from ([f"{typed}=v"], [f"{typed}=a=b"])


def wrong_uses(option: Option) -> Iterator[list[str]]:
    """Yield ways to mistype *option*."""
    for typed in option.names:
        yield from ([f"{typed}=v"],) if option.is_flag else ([typed, ""], [typed])
        if option.is_flag or typed.startswith("--"):
            yield [f"{typed}="]
        yield from ([typed.upper()], ["-" + typed])
        if typed.startswith("--"):
            yield from ([typed[:-1]], [typed + "x"], [f"-{typed[-1]}!"])
        elif option.is_flag:
            # Behind another letter stands its value.
            yield from ([typed + "x"], [typed + "!"])


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_read_as_typer_reads_it(name: str) -> None:
    """Each option of each command is accepted before and after the words, repeated, and before `--`."""
    words = right(name)
    for use in (use for option in options(name) for use in right_uses(option)):
        lines = [[*use, *words], [*words, *use], [*use, *use, *words], [*words, *use, "--"]]
        for line in lines:
            by_reader, by_typer = both(name, line)
            assert by_reader is not None, line
            assert by_typer == by_reader, line


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_left_to_typer(name: str) -> None:
    """Both refuse an option with a mistake, an excess word and a missing word."""
    words = right(name)
    fields = declared(ARGUMENTS[name]).values()
    too_many = [] if any(each.is_list for each in fields if isinstance(each, Word)) else [["w"] * (len(fields) + 1)]
    for wrong in [*(use for option in options(name) for use in wrong_uses(option)), *too_many]:
        assert (None, None) == both(name, [*words, *wrong]), wrong
    for use in [use for option in options(name)[:-1] for use in right_uses(option)] if words else ():
        assert (None, None) == both(name, use), use


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("use -qy r", {"quiet": True, "yes": True, "role": "r"}),
        ("use r -q 123456 -y", {"quiet": True, "yes": True, "role": "r", "code": "123456"}),
        ("exec -qy - 123456 -q", {"quiet": True, "yes": True, "role": "-", "code": "123456", "command": []}),
        ("exec r -q ls -y", {"quiet": True, "role": "r", "command": ["ls", "-y"]}),
        (
            "each -j 4 a b -x c -- ls -x",
            {"jobs": "4", "patterns": ("a", "b"), "exclude": ["c"], "command": ["ls", "-x"]},
        ),
        ("each a ls", {"patterns": ("a", "ls"), "command": []}),
        ("each -j4 a", None),
        ("use -h --region", None),
        ("use -qh x y z", {"help": True}),
        ("use --region -- r", None),
        ("exec r -- --help", {"role": "r", "command": ["--help"]}),
        ("token eks c r", {"service": "eks", "cluster": "c", "role": "r"}),
        ("token -q rds a u r 123456", {"quiet": True, "service": "rds", "address": "a", "user": "u"} | R),
        ("token rds a u", None),
        ("token eks c r 123456 x", None),
        ("token s3 c r", None),
    ],
)
def test_a_command_line_is_read(line: str, expected: dict[str, object] | None) -> None:
    """Flags may be joined, options may be anywhere before COMMAND, and `--` as a value is left to Typer."""
    name, *args = line.split()

    assert expected == reader.read(ARGUMENTS[name], args)


def lines() -> st.SearchStrategy[tuple[str, list[str]]]:
    """Return a strategy for command lines: options, words, and near misses of both."""

    def line(name: str) -> st.SearchStrategy[tuple[str, list[str]]]:
        typed = [each for option in options(name) for each in option.names]
        spelled = st.sampled_from(typed)
        word = st.sampled_from(WORDS) | st.text(max_size=4)
        letters = st.text("qyhx=-", min_size=1, max_size=4).map("-{}".format)
        part = spelled | word | letters | st.builds("{}={}".format, spelled, word)
        return st.tuples(st.just(name), st.lists(part, max_size=8))

    return st.sampled_from(NAMES).flatmap(line)


@given(lines())
def test_what_the_reader_accepts_typer_reads_alike(line: tuple[str, list[str]]) -> None:
    """The reader reads any command line as Typer does, or leaves it to Typer."""
    by_reader, by_typer = both(*line)

    assert by_reader is None or by_typer == by_reader
