"""Frozen dataclasses that load quickly: the part of `dataclasses` that awsenv uses.

`dataclasses` loads `inspect`, with the parser and the disassembler of Python, and compiles six methods for each class.
For the classes that a command needs before its first request, that takes longer than Python takes to start. The classes
made here share methods that are compiled with this module.

The names mean what they mean in `dataclasses`, and a type checker sees those of `dataclasses`. The functions of
`dataclasses` also accept the classes made here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field, fields, is_dataclass, replace
    from typing import Any

__all__ = ["dataclass", "field", "fields", "is_dataclass", "replace"]

_REQUIRED: Any = object()


class _Field:
    """A field of a class."""

    __slots__ = ("compare", "default", "factory", "kw_only", "name", "repr")

    def __init__(
        self,
        *,
        default: Any = _REQUIRED,
        default_factory: Any = None,
        repr: bool = True,  # noqa: A002 - as in `dataclasses`
        compare: bool = True,
    ) -> None:
        self.default, self.factory, self.repr, self.compare = default, default_factory, repr, compare
        self.name, self.kw_only = "", False


class _Shape:
    """The fields of a class, and the values of its instances."""

    __slots__ = ("compared", "defaults", "factories", "fields", "names", "places", "title")

    def __init__(self, title: str, fields: tuple[_Field, ...]) -> None:
        self.title, self.fields = title, fields
        self.names = {each.name for each in fields}
        self.places = tuple(each.name for each in fields if not each.kw_only)
        self.compared = tuple(each.name for each in fields if each.compare)
        self.defaults = {each.name: each.default for each in fields if each.default is not _REQUIRED}
        self.factories = {each.name: each.factory for each in fields if each.factory is not None}

    def filled(self, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Return the value of each field."""
        placed = dict(zip(self.places, values, strict=False))
        given = {**self.defaults, **placed, **named}
        for name, make in self.factories.items():
            if name not in given:
                given[name] = make()
        if given.keys() != self.names or len(values) > len(placed) or not placed.keys().isdisjoint(named):
            raise TypeError(f"{self.title} takes {', '.join(self.names)}: got {len(values)} values, {', '.join(named)}")
        return given


def _dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type[Any]], type[Any]]:
    """Return the decorator. Classes are always frozen and have slots."""
    assert frozen  # noqa: S101 - the argument is for the reader and the type checker
    assert slots  # noqa: S101 - the same

    def decorate(cls: type[Any]) -> type[Any]:
        own = {name: _own(cls, name, kw_only=kw_only) for name in cls.__annotations__}
        bases = (vars(base).get("__shape__") for base in reversed(cls.__mro__[1:]))
        inherited = {each.name: each for shape in bases if shape is not None for each in shape.fields}
        shape = _Shape(cls.__qualname__, tuple({**inherited, **own}.values()))
        kept = {name: value for name, value in vars(cls).items() if name not in {*own, "__dict__", "__weakref__"}}
        names = tuple(name for name in own if name not in inherited)
        added = {"__slots__": names, "__shape__": shape, "__init__": _init(shape), "__qualname__": cls.__qualname__}
        # Slots need a new class.
        return type(cls.__name__, cls.__bases__, {**_METHODS, **added, **kept})

    return decorate


def _own(cls: type[Any], name: str, *, kw_only: bool) -> _Field:
    default = vars(cls).get(name, _REQUIRED)
    field = default if isinstance(default, _Field) else _Field(default=default)
    field.name, field.kw_only = name, kw_only
    return field


def _init(shape: _Shape) -> Callable[..., None]:
    names, places, put = shape.names, shape.places, object.__setattr__
    simple = len(places) if len(places) == len(names) else -1
    """How many positional values fill all fields; -1: some fields take keywords only."""

    def init(self: Any, *values: Any, **named: Any) -> None:
        if named or len(values) != simple:
            for name, value in shape.filled(values, named).items():
                put(self, name, value)
            return
        for name, value in zip(places, values, strict=True):
            put(self, name, value)

    return init


def _key(value: Any) -> list[Any]:
    return [getattr(value, name) for name in value.__shape__.compared]


def _eq(self: Any, other: object) -> bool:
    return _key(self) == _key(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(tuple(_key(self)))


def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(_self: Any, name: str, *_value: Any) -> None:
    raise AttributeError(f"cannot assign to or delete field {name!r}")


def _reduce(self: Any) -> tuple[Any, ...]:
    # By default, copies and pickles set the fields one by one, which is refused.
    return _made, (type(self), {each.name: getattr(self, each.name) for each in fields(self)})


def _made(cls: type[Any], values: dict[str, Any]) -> Any:
    return cls(**values)


class _OfDataclasses:
    """The `__dataclass_fields__` of a class, made when the functions of `dataclasses` ask for them."""

    def __init__(self) -> None:
        self._made: dict[type[Any], Any] = {}

    def __get__(self, _value: object, cls: type[Any]) -> Any:
        if cls not in self._made:
            self._made[cls] = self._make(cls)
        return self._made[cls]

    def _make(self, cls: type[Any]) -> Any:
        import dataclasses  # noqa: PLC0415 - the caller has loaded it

        def copied(each: _Field) -> Any:
            default = {} if each.default is _REQUIRED else {"default": each.default}
            default |= {} if each.factory is None else {"default_factory": each.factory}
            return dataclasses.field(**default, repr=each.repr, compare=each.compare, kw_only=each.kw_only)

        copies = [(each.name, object, copied(each)) for each in cls.__shape__.fields]
        return vars(dataclasses.make_dataclass(cls.__name__, copies))["__dataclass_fields__"]


_METHODS = {
    "__dataclass_fields__": _OfDataclasses(),
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__reduce__": _reduce,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}


def _fields(value: Any) -> tuple[_Field, ...]:
    """Return the fields of a class or an instance."""
    shape: _Shape = value.__shape__
    return shape.fields


def _is_dataclass(value: Any) -> bool:
    """Return whether *value* is a class made here, or its instance."""
    return hasattr(value, "__shape__")


def _replace(value: Any, /, **changes: Any) -> Any:
    """Return a copy of *value* with changed fields."""
    return type(value)(**{**{each.name: getattr(value, each.name) for each in fields(value)}, **changes})


if not TYPE_CHECKING:
    dataclass, field, fields, is_dataclass, replace = _dataclass, _Field, _fields, _is_dataclass, _replace
