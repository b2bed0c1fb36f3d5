"""Frozen values behave like those of `dataclasses`."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import record
from awsenv.errors import Origin
from awsenv.model import Credentials, Source


def _classes(by: Any) -> tuple[Any, Any]:
    """Return a base and a subclass, made with the `dataclass` and `field` of a module."""

    @by.dataclass(frozen=True, slots=True, kw_only=True)
    class Base:
        """A base."""

        secret: str = by.field(default="s", repr=False)
        notes: dict[str, int] = by.field(default_factory=dict, compare=False)

        @property
        def upper(self) -> str:
            """A property."""
            return self.secret.upper()

    @by.dataclass(frozen=True, slots=True)
    class Derived(Base):
        """A subclass."""

        name: str
        number: int | None = None
        tags: tuple[str, ...] = ()

        def __str__(self) -> str:
            return f"<{self.name}>"

    return Base, Derived


OURS, THEIRS = _classes(record), _classes(dataclasses)
TEXTS = st.sampled_from(["a", "b"])
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "secret": TEXTS,
    "notes": st.dictionaries(TEXTS, st.integers(0, 2), max_size=1),
    "name": TEXTS,
    "number": st.integers(0, 2),
    "tags": st.lists(TEXTS, max_size=2).map(tuple),
    "unknown": st.none(),
}
NAMED = st.sets(st.sampled_from([*FIELDS, *FIELDS, "name"]), max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
VALUES = st.lists(TEXTS, max_size=4)


def _made(cls: Any, values: list[str], named: dict[str, Any]) -> Any:
    """Return an instance; None: the values are refused."""
    try:
        return cls(*values, **named)
    except TypeError:
        return None


@given(number=st.integers(0, 1), values=VALUES, named=NAMED)
def test_an_instance_has_the_values_of_a_dataclass(number: int, values: list[str], named: dict[str, Any]) -> None:
    """Values, defaults, repr and refusals equal those of `dataclasses`."""
    ours, theirs = (_made(classes[number], values, named) for classes in (OURS, THEIRS))

    assert (theirs is None) == (ours is None)
    if ours is not None:
        assert dataclasses.asdict(theirs) == dataclasses.asdict(ours)
        assert (repr(theirs), str(theirs), theirs.upper) == (repr(ours), str(ours), ours.upper)


@given(first=NAMED, second=NAMED, changes=NAMED)
def test_instances_compare_and_change_as_those_of_a_dataclass(
    first: dict[str, Any], second: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Equality, the hash and `replace` use the same fields."""
    results: list[object] = []
    for _, cls in (OURS, THEIRS):
        one, other = (_made(cls, [], {"name": "a", **named}) for named in (first, second))
        if one is None or other is None:
            results.append(None)
            continue
        try:
            replaced = (record if cls is OURS[1] else dataclasses).replace(one, **changes)
        except TypeError:
            replaced = None
        results.append((one == other, hash(one) == hash(other), one != replaced, repr(replaced)))

    assert results[1] == results[0]


@pytest.mark.parametrize("number", [0, 1])
def test_the_functions_of_dataclasses_know_the_fields(number: int) -> None:
    """`dataclasses.fields` returns the same for both."""
    known = [
        [(f.name, f.default, f.default_factory, f.repr, f.compare, f.kw_only) for f in dataclasses.fields(cls[number])]
        for cls in (OURS, THEIRS)
    ]

    assert known[1] == known[0]
    assert [name for name, *_ in known[1]] == [each.name for each in record.fields(OURS[number])]


def test_an_instance_is_frozen_and_has_slots() -> None:
    """No field can be set or deleted, and no attribute added."""
    made = OURS[1]("a")

    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        del made.name
    with pytest.raises(AttributeError):
        made.other = 1
    assert ("a", False) == (made.name, hasattr(made, "__dict__"))


def test_an_instance_of_another_class_differs() -> None:
    """Instances of two classes with the same fields are never equal."""
    base, derived = (cls() if cls is OURS[0] else cls("a") for cls in OURS)

    assert base != derived
    assert base != "a"


def test_its_fields_for_dataclasses_are_made_once() -> None:
    """`__dataclass_fields__` is made once: an agent uses it at each request."""
    base, derived = ([cls.__dataclass_fields__ for _ in range(2)] for cls in OURS)

    assert (base[0], derived[0]) == (base[1], derived[1])
    assert all(one is two for one, two in (base, derived))
    assert {"name", "number", "tags"} == derived[0].keys() - base[0].keys()


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - made here


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, _pickled])
def test_an_instance_can_be_copied_and_sent_to_a_process(again: Any) -> None:
    """A copy is equal in every field, even one that does not count or is not shown."""
    key = Credentials("AKIAIOSFODNN7EXAMPLE", "secret", None, source=Source("static", origin=Origin("here", 3)))

    assert (key, key.source) == (again(key), again(key).source)
