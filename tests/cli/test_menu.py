"""The list of roles to pick from: what fits the terminal, what is marked, and where the cursor is."""

from __future__ import annotations

from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli import report
from awsenv.cli.menu import Choice, Menu

HEAD = ("PROFILE", "ACCOUNT", "ROLE", "MFA", "REGION")
ROWS = (
    ("deploy", "123456789012", "DeployRole", "✓", "eu-central-1"),
    ("長い名前のプロファイルたくさん", "210987654321", "OrganizationAccountAccessRole", None, None),
    ("acme-production-payments-administrator", None, "access key", None, "us-west-2"),
)


def menu(*, query: str = "", copies: int = 1) -> Menu:
    """Return a menu with the rows, each *copies* times, in which *query* has been typed."""
    marks = {"deploy": ("* ", "* ")}
    made = Menu(HEAD, [Choice(row, marks=marks.get(row[0], ("  ", "  "))) for row in ROWS * copies])
    made.type(query)
    return made


def drawn(menu: Menu, columns: int, lines: int) -> pyte.Screen:
    """Return the screen of a terminal that shows *menu*."""
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed("\r\n".join(menu.lines(columns, lines)[0]))
    return screen


def shown(screen: pyte.Screen) -> list[str]:
    """Return its lines."""
    return [line.rstrip() for line in screen.display]


def test_a_list_has_the_columns_of_list() -> None:
    """The first choice and the active role are marked; what the files do not show is a hyphen."""
    expected = """\
role>                                                                       3/3
   PROFILE               ACCOUNT       ROLE                   MFA  REGION
>* deploy                123456789012  DeployRole             ✓    eu-central-1
   長い名前の…たくさん   210987654321  Organizati…AccessRole  -    -
   acme-produ…nistrator  -             access key             -    us-west-2
"""
    assert expected.splitlines() == shown(drawn(menu(), 80, 9))[:5]


@given(
    st.integers(1, 100),
    st.integers(1, 30),
    st.text(max_size=30),
    st.lists(st.tuples(*[st.none() | st.text(max_size=30)] * 5), max_size=40),
    st.lists(st.integers(-50, 50), max_size=3),
)
def test_the_lines_fit_every_terminal(
    columns: int, lines: int, query: str, rows: list[tuple[str | None, ...]], moves: list[int]
) -> None:
    """No line is as wide as the terminal, there are no more than it has, and the cursor is in the first one."""
    made = Menu(HEAD, [Choice(row) for row in rows])
    made.type(query)
    for move in moves:
        made.move(move)

    drawn, cursor = made.lines(columns, lines)

    plain = [report.cells(re_escaped(line)) for line in drawn]
    assert max(plain) <= max(1, columns - 1)
    assert 1 <= len(drawn) <= lines
    assert 0 <= cursor <= max(1, columns - 1)


def re_escaped(line: str) -> str:
    """Return *line* without SGR sequences; any other escape sequence is an error."""
    parts = line.split("\x1b[")
    return parts[0] + "".join(part[part.index("m") + 1 :] for part in parts[1:])


@given(st.integers(5, 30), st.lists(st.integers(-60, 60), max_size=6))
def test_the_marked_choice_is_always_seen(lines: int, moves: list[int]) -> None:
    """Wherever the user moves, one line is marked, and it is the choice that Enter takes."""
    made = Menu(("NAME",), [Choice([f"role-{number}"]) for number in range(50)])
    for move in moves:
        made.move(move)
        marked = [re_escaped(line) for line in made.lines(40, lines)[0][1:] if re_escaped(line).startswith(">")]
        assert [f">  role-{made.taken}"] == [line.rstrip() for line in marked]


def test_a_terminal_that_grows_is_filled() -> None:
    """The choices above the first one that was seen come back where there is room for them."""
    made = menu(copies=2)
    made.move(5)
    made.lines(80, 3)

    assert 6 == sum("deploy" in line or "…" in line for line in shown(drawn(made, 80, 24)))


@pytest.mark.parametrize(("columns", "mark"), [(80, "> "), (40, "> !"), (20, "> !")])
def test_a_protected_role_is_marked_at_every_width(columns: int, mark: str) -> None:
    """Where the column that says so does not fit, an exclamation mark stands before the name."""
    prod = Choice(("prod", "123456789012", "Admin", None, "eu-central-1", "✓"), marks=("  ", " !"))
    made = Menu((*HEAD, "PROTECTED"), [prod])

    assert [f"{mark:<3}prod", columns == 80] == [
        shown(drawn(made, columns, 5))[1][:7],
        "✓" in str(made.lines(columns, 5)),
    ]


@pytest.mark.parametrize(
    ("query", "marked"), [("", ""), ("dep", "dep"), ("123 ployrole", "123ployRole"), ("paym us", "…us"), ("日本", "")]
)
def test_what_matches_is_marked(query: str, marked: str) -> None:
    """The characters that the query matches are bold and underlined, and so is the mark of those that are cut."""
    screen = drawn(menu(query=query), 80, 9)

    cells = (screen.buffer[y][x] for y in range(2, 5) for x in range(80))
    assert marked == "".join(cell.data for cell in cells if cell.underscore and cell.bold)


def test_a_query_that_matches_nothing_says_so() -> None:
    """Nothing can be taken then."""
    made = menu(query="nothing at all")

    assert "   nothing matches" == shown(drawn(made, 40, 6))[2]
    assert made.taken is None


def test_the_end_of_a_long_query_is_seen() -> None:
    """The cursor stands behind it."""
    made = menu(query="x" * 100 + "日本")
    lines, cursor = made.lines(40, 6)

    assert lines[0].endswith("xx日本")
    assert report.cells(lines[0]) == cursor


@pytest.mark.parametrize(
    ("count", "left"), [(1, "prod adm 日"), (2, "prod adm "), (3, "prod adm"), (1000, ""), (None, "prod adm ")]
)
def test_a_query_is_erased(count: int | None, left: str) -> None:
    """By characters, however many cells they take, or by the word."""
    made = menu(query="prod adm 日本")
    made.erase(count)

    assert left == made.query


class Counted(list[Choice]):
    """Choices that count how often one of them is read."""

    reads = 0

    def __getitem__(self, index: Any) -> Any:
        """Return and count it."""
        self.reads += 1
        return super().__getitem__(index)


def test_keys_that_come_together_are_one_search() -> None:
    """A key that is held does not fall behind, however many rows there are: each is read once a picture."""
    choices = Counted([Choice(row) for row in ROWS])
    made = Menu(HEAD, choices)
    for _ in range(30):
        made.type("d")
    for _ in range(29):
        made.erase(1)

    assert (0, len(ROWS)) == (made.taken, choices.reads)


@given(st.lists(st.sampled_from([*"dep ao1", "\x7f", "down"]), max_size=8))
def test_what_is_found_does_not_depend_on_when_it_is_drawn(keys: list[str]) -> None:
    """The choice that Enter takes is the same whether each key is drawn, or all of them are drawn at once."""
    often, once = menu(copies=2), menu(copies=2)
    for key in keys:
        for each in (often, once):
            if key == "\x7f":
                each.erase(1)
            elif key == "down":
                each.move(1)
            else:
                each.type(key)
        often.lines(80, 24)

    assert often.lines(80, 24) == once.lines(80, 24)
    assert often.taken == once.taken


def test_an_escape_sequence_never_reaches_the_terminal() -> None:
    """A profile may have any name, and a paste may be of any text: neither can move the cursor or set the title."""
    hostile = "\x1b]0;title\x07\x9b31m\u202e\r\n"
    made = Menu(("NAME",), [Choice([hostile])])
    made.type(hostile)

    for line in made.lines(80, 10)[0]:
        assert re_escaped(line).isprintable()
