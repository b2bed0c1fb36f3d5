"""Policies: does a document allow an action on a resource, in a context.

What is not understood never allows: an unknown operator or a missing key fails an Allow and holds for a Deny.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from fnmatch import translate
from typing import Any

Context = Mapping[str, list[str]]
"""Condition keys, in lower case, and their values."""

Statement = Mapping[str, Any]


class Verdict(IntEnum):
    """What policies say, the strongest last."""

    SILENT = 0
    ALLOW = 1
    DENY = 2


def evaluate(documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context) -> Verdict:
    """Say what identity policies say together: one Deny outweighs every Allow."""
    verdict = Verdict.SILENT
    for statement in statements(documents):
        if concerns(statement, action, context) and _covers(statement, resource, context):
            verdict = max(verdict, effect(statement))
    return verdict


def statements(documents: Iterable[Mapping[str, Any]]) -> list[Statement]:
    """Return the statements of all documents."""
    return [statement for document in documents for statement in as_list(document.get("Statement"))]


def effect(statement: Statement) -> Verdict:
    """Say which way a statement goes that applies."""
    return Verdict.ALLOW if statement.get("Effect") == "Allow" else Verdict.DENY


def concerns(statement: Statement, action: str, context: Context) -> bool:
    """Whether *statement* is about *action*, and its conditions hold."""
    if "NotAction" in statement:
        named = not _matches_any(as_list(statement["NotAction"]), action.lower(), str.lower)
    else:
        named = _matches_any(as_list(statement.get("Action")), action.lower(), str.lower)
    return named and _holds(statement, context)


def as_list(value: Any) -> list[Any]:
    """Return a list where IAM's JSON allows a single value or none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def matches(pattern: str, value: str) -> bool:
    """Whether *value* is what *pattern* says, with IAM's `*` and `?`."""
    # fnmatch has character classes, IAM has none.
    return re.fullmatch(translate(pattern.replace("[", "[[]")), value) is not None


def _matches_any(patterns: Iterable[str], value: str, prepare: Callable[[str], str]) -> bool:
    return any(matches(prepare(pattern), value) for pattern in patterns)


def _covers(statement: Statement, resource: str, context: Context) -> bool:
    def fill(pattern: str) -> str:
        return re.sub(r"\$\{([^}]+)\}", lambda name: (context.get(name[1].lower()) or ["\0"])[0], pattern)

    if "NotResource" in statement:
        return not _matches_any(as_list(statement["NotResource"]), resource, fill)
    return _matches_any(as_list(statement.get("Resource")), resource, fill)


def _holds(statement: Statement, context: Context) -> bool:
    unknown = statement.get("Effect") != "Allow"
    for name, keys in (statement.get("Condition") or {}).items():
        for key, expected in keys.items():
            result = _condition(name, context.get(key.lower()), [str(value) for value in as_list(expected)])
            if not (unknown if result is None else result):
                return False
    return True


def _condition(name: str, actual: list[str] | None, expected: list[str]) -> bool | None:
    """Say whether a condition holds; None: it is not one that is known here."""
    quantifier, _, base = name.rpartition(":")
    operation, optional = base.removesuffix("IfExists"), base.endswith("IfExists")
    if operation == "Null":
        return [str(actual is None).lower()] == [value.lower() for value in expected]
    negated = operation.replace("Not", "", 1) if "Not" in operation else None
    compare = _OPERATORS.get(negated or operation)
    if compare is None:
        return None
    if actual is None:
        # A negated operator holds where the key is missing (IAM guide, condition operators).
        return optional or negated is not None or quantifier == "ForAllValues"

    def fits(value: str) -> bool:
        found = any(_compared(compare, value, wanted) for wanted in expected)
        return found is not (negated is not None)

    return all(map(fits, actual)) if quantifier == "ForAllValues" else any(map(fits, actual))


def _compared(compare: Callable[[str, str], bool], value: str, wanted: str) -> bool:
    try:
        return compare(value, wanted)
    except ValueError:
        return False


def _by(convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(convert(value), convert(wanted))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _like(value: str, wanted: str) -> bool:
    return matches(wanted, value)


_COMPARISONS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": _by(str.lower, operator.eq),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": _by(str.lower, operator.eq),
    **{f"Numeric{name}": _by(float, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _by(_time, compare) for name, compare in _COMPARISONS.items()},
}
