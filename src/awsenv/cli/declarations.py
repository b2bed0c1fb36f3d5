"""How the words and options of a command are declared: as the fields of a class.

This module imports nothing: it is used to read a command line and to print help before any command is loaded.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Word:
    """A word of a command line.

    Args:
        is_required: Whether the command line is wrong without it.
        is_list: Whether it takes all remaining words. It must be the last.
        after: The first word of the command lines that have it; empty: all have it.
    """

    __slots__ = ("after", "is_list", "is_required", "name")

    default = None

    def __init__(self, *, is_required: bool = False, is_list: bool = False, after: str = "") -> None:
        self.is_required = is_required
        self.is_list = is_list
        self.after = after

    def __set_name__(self, _: type, name: str) -> None:
        """Take the name of the field."""
        self.name = name


class Option:
    """An option of a command line.

    Args:
        text: Its line in the help.
        metavar: The name of its value in the help; None: it has no value.
        names: How it is typed; empty: like the field.
        is_list: Whether it may be repeated.
    """

    __slots__ = ("is_list", "metavar", "name", "names", "text")

    is_required = False
    after = ""

    def __init__(self, text: str, metavar: str | None, names: Sequence[str], *, is_list: bool = False) -> None:
        self.text = text
        self.metavar = metavar
        self.names = names
        self.is_list = is_list

    def __set_name__(self, _: type, name: str) -> None:
        """Take the name of the field."""
        self.name = name
        self.names = self.names or (f"--{name.replace('_', '-')}",)

    @property
    def is_flag(self) -> bool:
        """Whether it has no value."""
        return self.metavar is None

    @property
    def variable(self) -> str:
        """The variable that sets it, if it is about a role."""
        return f"AWSENV_{self.names[0].lstrip('-').replace('-', '_').upper()}"

    def typed(self, value: Any) -> list[str]:
        """Return the words of a command line that give it this value."""
        if self.is_flag:
            return [self.names[0]] if value else []
        values = value if isinstance(value, list) else [] if value is None else [value]
        return [f"{self.names[0]}={each}" for each in values]

    @property
    def default(self) -> bool | None:
        """Its value if it is left out."""
        return False if self.is_flag else None


def word(*, is_required: bool = False, is_list: bool = False, after: str = "") -> Any:
    """Declare a word. The order of the fields is that of the words."""
    return Word(is_required=is_required, is_list=is_list, after=after)


def option(metavar: str, text: str, *names: str, is_list: bool = False) -> Any:
    """Declare an option with a value. It is called like its field unless it has *names*."""
    return Option(text, metavar, names, is_list=is_list)


def flag(text: str, *names: str) -> Any:
    """Declare an option without a value."""
    return Option(text, None, names)


class Arguments:
    """What was typed for a command. It is frozen, and its repr shows no value, which may be an external id.

    Args:
        typed: The values by field. Missing ones get their default.

    Raises:
        TypeError: There is no such field, or the value of a required word is missing.
    """

    is_last = False
    """Whether the fields of this class, but not of its subclasses, come last in the help."""

    def __init__(self, **typed: Any) -> None:
        fields = declared(type(self))
        required = {name for name, each in fields.items() if each.is_required and not each.after}
        if wrong := (typed.keys() - fields.keys()) | (required - typed.keys()):
            raise TypeError(f"unknown or missing: {', '.join(sorted(wrong))}")
        for name, each in fields.items():
            object.__setattr__(self, name, typed.get(name, each.default))

    def __setattr__(self, name: str, _: object) -> None:
        """Refuse a change.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(f"{name} is frozen")


def declared(arguments: type[Arguments]) -> dict[str, Word | Option]:
    """Return the words and options of *arguments* by field, in the order of the help."""
    if arguments not in _DECLARED:
        inherited_first = arguments.__mro__[::-1]
        classes = sorted(inherited_first, key=lambda each: vars(each).get("is_last", False))
        found = {name: each for cls in classes for name, each in vars(cls).items() if isinstance(each, Word | Option)}
        _DECLARED[arguments] = found
    return dict(_DECLARED[arguments])


_DECLARED: dict[type[Arguments], dict[str, Word | Option]] = {}
"""What `declared` has found: `each` asks for every role."""


def present(places: Sequence[Word], first: str | None) -> list[Word] | None:
    """Return those of *places* that a command line with the word *first* has; None: there is none with it.

    Args:
        places: The words of a command.
        first: The first word that was typed; None: there is none.
    """
    known = {each.after for each in places} - {""}
    if known and first not in known:
        return None
    return [each for each in places if each.after in {"", first}]


def options(arguments: type[Arguments]) -> dict[str, Option]:
    """Return the options of *arguments* by name; an option may have several."""
    return {name: each for each in declared(arguments).values() if isinstance(each, Option) for name in each.names}
