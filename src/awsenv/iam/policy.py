"""Policies: whether documents allow an action on a resource, in the context of a request.

The rules are those of the IAM guide: "Policy evaluation logic", the pages on the elements of a policy, "Condition
operators", "Single-valued vs. multivalued context keys", "Conditions with multiple context keys or values" and
"Variables and tags". In doubt, nothing is allowed: a condition that cannot be checked is unmet in an Allow and met in a
Deny.
"""

from __future__ import annotations

import base64
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any, NamedTuple

from awsenv.record import dataclass

Document = Mapping[str, Any]
"""A policy, as in its JSON."""

_WITH_VARIABLES = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Context:
    """The condition keys of a request."""

    values: Mapping[str, Sequence[str]]
    """Values by key, in lower case. A key that is missing here is missing from the request."""
    knows: Callable[[str], bool] = lambda _: True
    """Takes a key, in lower case; returns whether `values` is complete for it."""

    def value(self, key: str) -> str | None:
        """Return the single value of a key, in lower case; None: the request has no value, or several."""
        values = self.values.get(key, ())
        return values[0] if len(values) == 1 else None


class Condition(NamedTuple):
    """One key of one operator in a Condition element."""

    operator: str
    key: str
    """As the policy spells it."""
    values: tuple[str, ...]
    with_variables: bool = True
    """Whether the version of the policy supports policy variables."""

    @property
    def name(self) -> str:
        """The key and the operator, to find the condition by. Never its values: an external id is sensitive."""
        return f"{self.key} ({self.operator})"

    def holds(self, context: Context) -> bool | None:
        """Return whether the condition is met; None: the operator, or the key in this request, is unknown."""
        key = self.key.lower()
        quantifier, _, name = self.operator.rpartition(":")
        if not context.knows(key) or quantifier not in _QUANTIFIERS:
            return None
        values = context.values.get(key)
        if quantifier or name == "Null":
            # An empty string counts as no value (IAM guide, "Single-valued vs. multivalued context keys").
            values = [value for value in values or () if value] or None
        if name == "Null":
            return None if quantifier else str(values is None).lower() in map(str.lower, self.values)
        found = _OPERATORS.get(name.removesuffix("IfExists"))
        if found is None:
            return None
        if values is None:
            if name.endswith("IfExists") or quantifier == "ForAllValues":
                return True
            return found.negated and not quantifier
        return _QUANTIFIERS[quantifier or (_ALL if found.negated else _ANY)](
            found.matches(value, self, context) is not found.negated for value in values
        )


def as_list(value: Any) -> list[Any]:
    """Return the list that IAM's JSON writes as a list, a single value or nothing."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def matches(pattern: str, value: str, context: Context | None = None, *, in_segments: bool = False) -> bool:
    """Return whether *value* matches *pattern*, where `*` is any text and `?` any character.

    Args:
        pattern: The pattern.
        value: The value.
        context: The values of policy variables; None: a `${...}` in the pattern is literal. A variable without a value
            matches nothing.
        in_segments: Whether a wildcard before the fifth colon of an ARN stops at the next colon.
    """
    if not value.startswith(_WITHOUT_WILDCARD.match(pattern)[0]):  # type: ignore[index]  # it matches nothing, too
        return False  # at once: ReadOnlyAccess has thousands of patterns, and each is compiled below
    expression, colons = "", 0
    for literal, wildcard in _tokens(pattern, context):
        if literal is None:
            return False
        colons += literal.count(":")
        character = "[^:]" if in_segments and colons < _COLONS <= pattern.count(":") else "."
        expression += re.escape(literal) + {"": "", "?": character, "*": f"{character}*"}[wildcard]
    return re.fullmatch(expression, value, re.DOTALL) is not None


class Verdict(IntEnum):
    """The result of policies, the strongest last."""

    SILENT = 0
    ALLOW = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    elements: Mapping[str, Any]
    """By name, as in the JSON."""
    with_variables: bool = True
    """Whether the version of its policy supports policy variables."""

    @property
    def effect(self) -> Verdict:
        """ALLOW or DENY, for requests that the statement applies to."""
        return Verdict.ALLOW if self.elements.get("Effect") == "Allow" else Verdict.DENY

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Its conditions, all of which must be met."""
        element = self.elements.get("Condition")
        return tuple(
            Condition(str(name), str(key), tuple(map(str, as_list(values))), self.with_variables)
            for name, keys in (element if isinstance(element, Mapping) else {}).items()
            if isinstance(keys, Mapping)
            for key, values in keys.items()
        )

    def names_action(self, action: str) -> bool:
        """Return whether the statement covers *action*, in upper or lower case."""
        return self._names("Action", lambda pattern: matches(pattern.lower(), action.lower()))

    def names_resource(self, resource: str, context: Context) -> bool:
        """Return whether the statement covers *resource*."""
        variables = context if self.with_variables else None
        return self._names("Resource", lambda pattern: matches(pattern, resource, variables, in_segments=True))

    def holds(self, context: Context) -> bool | None:
        """Return whether all its conditions are met; None: that depends on one that cannot be checked."""
        held = [condition.holds(context) for condition in self.conditions]
        return False if False in held else None if None in held else True

    def _names(self, element: str, is_named: Callable[[str], bool]) -> bool:
        if f"Not{element}" in self.elements:
            return not any(map(is_named, as_list(self.elements[f"Not{element}"])))
        return any(map(is_named, as_list(self.elements.get(element))))


def statements(documents: Iterable[Document]) -> list[Statement]:
    """Return the statements of all documents."""
    return [
        Statement(elements, document.get("Version") == _WITH_VARIABLES)
        for document in documents
        for elements in as_list(document.get("Statement"))
    ]


class Evaluation(NamedTuple):
    """The combined result of policies: one Deny overrides every Allow."""

    surely: Verdict
    """From the statements that certainly apply."""
    perhaps: Verdict
    """The same, if the conditions that cannot be checked are met."""

    @property
    def cautious(self) -> Verdict:
        """The result if a condition that cannot be checked is unmet in an Allow and met in a Deny."""
        return Verdict.DENY if self.perhaps is Verdict.DENY else self.surely

    def within(self, limit: Evaluation) -> Evaluation:
        """Return this result limited by *limit*: both must allow, and either can deny."""
        pairs = zip(self, limit, strict=True)
        return Evaluation(*(Verdict.DENY if Verdict.DENY in pair else min(pair) for pair in pairs))


def evaluate(documents: Iterable[Document], action: str, resource: str, context: Context) -> Evaluation:
    """Return whether *documents* allow *action* on *resource*."""
    surely = perhaps = Verdict.SILENT
    for statement in statements(documents):
        if statement.names_action(action) and statement.names_resource(resource, context):
            holds = statement.holds(context)
            if holds:
                surely = max(surely, statement.effect)
            if holds is not False:
                perhaps = max(perhaps, statement.effect)
    return Evaluation(surely, perhaps)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a caller."""

    identity: tuple[Document, ...] = ()
    """Those of the user and its groups, or of the role."""
    boundary: Document | None = None
    """The permissions boundary, if there is one."""
    session: tuple[Document, ...] = ()
    """The session policies, if there are any."""
    scopes: tuple[Document, ...] = ()
    """Those of sts:GetScopedCredentials, each of which must allow."""

    def evaluate(self, action: str, resource: str, context: Context) -> Evaluation:
        """Return whether the identity policies allow *action* within the limits of the other policies."""
        return evaluate(self.identity, action, resource, context).within(self.limits(action, resource, context))

    def limits(self, action: str, resource: str, context: Context) -> Evaluation:
        """Return whether the permissions boundary, the session policies and the scopes let *action* through."""
        limit = Evaluation(Verdict.ALLOW, Verdict.ALLOW)
        if self.boundary is not None:
            limit = evaluate((self.boundary,), action, resource, context)
        if self.session:
            limit = limit.within(evaluate(self.session, action, resource, context))
        return limit.within(self.scope(action, resource, context))

    def scope(self, action: str, resource: str, context: Context) -> Evaluation:
        """Return whether the scopes let *action* through. They limit whatever grants it, other policies too."""
        limit = Evaluation(Verdict.ALLOW, Verdict.ALLOW)
        for scope in self.scopes:
            limit = limit.within(evaluate((scope,), action, resource, context))
        return limit


_COLONS = 5
"""In an ARN, before the resource."""
_WITHOUT_WILDCARD = re.compile(r"[^$*?]*")
_TOKEN = re.compile(r"\$\{(?P<name>[^}]*)\}|(?P<wildcard>[*?])|(?P<text>[^$*?]+|\$)")
_DEFAULT = re.compile(r"(?P<key>.*?)\s*,\s*'(?P<default>.*)'")


def _tokens(pattern: str, context: Context | None) -> Iterator[tuple[str | None, str]]:
    """Yield the pieces of a pattern: a text and the wildcard after it. A variable without a value has the text None."""
    for token in _TOKEN.finditer(pattern):
        name = token["name"]
        if name is None or context is None:
            yield ("", token["wildcard"]) if token["wildcard"] else (token[0], "")
        elif name in {"*", "?", "$"}:
            yield name, ""
        else:
            default = _DEFAULT.fullmatch(name)
            value = context.value((default["key"] if default else name).lower())
            yield (default["default"] if value is None and default else value), ""


class _Operator(NamedTuple):
    compare: Callable[[str, str], bool]
    """Compares a value of the request with one of the policy."""
    negated: bool = False
    pattern: str | None = None
    """`text` or `arn` where the values of the policy are patterns."""
    takes_variables: bool = False

    def matches(self, value: str, condition: Condition, context: Context) -> bool:
        variables = context if self.takes_variables and condition.with_variables else None
        return any(self._matches(value, expected, variables) for expected in condition.values)

    def _matches(self, value: str, expected: str, variables: Context | None) -> bool:
        if self.pattern is not None:
            return matches(expected, value, variables, in_segments=self.pattern == "arn")
        if variables is not None:
            parts = [(text, wildcard) for text, wildcard in _tokens(expected, variables)]
            if any(text is None for text, _ in parts):
                return False
            expected = "".join(f"{text}{wildcard}" for text, wildcard in parts)
        try:
            return self.compare(value, expected)
        except (ValueError, OverflowError, OSError):  # the last two: a time out of range
            return False


def _by(convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda value, expected: compare(convert(value), convert(expected))


_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|([+-])(\d\d):?(\d\d))?)?)?)?", re.ASCII
)


def _time(text: str) -> datetime:
    """Read a date in the ISO 8601 profile of W3C, or in seconds since the epoch."""
    found = _DATE.fullmatch(text)
    if found is None:
        return datetime.fromtimestamp(float(text), timezone.utc)
    parts = zip(found.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    year, month, day, hour, minute, second = (int(part or default) for part, default in parts)
    offset = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0)) * (-1 if found[7] == "-" else 1)
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))


def _in_network(value: str, expected: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(expected, strict=False)


def _is_binary(value: str, expected: str) -> bool:
    return value.encode() == base64.b64decode(expected, validate=True)


_ORDERED = {
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_POSITIVE = {
    "StringEquals": _Operator(operator.eq, takes_variables=True),
    "StringEqualsIgnoreCase": _Operator(_by(str.casefold, operator.eq), takes_variables=True),
    "StringLike": _Operator(operator.eq, pattern="text", takes_variables=True),
    "ArnEquals": _Operator(operator.eq, pattern="arn", takes_variables=True),
    "ArnLike": _Operator(operator.eq, pattern="arn", takes_variables=True),
    "NumericEquals": _Operator(_by(float, operator.eq)),
    "DateEquals": _Operator(_by(_time, operator.eq)),
    "IpAddress": _Operator(_in_network),
}
# StringNotEquals, ArnNotLike, NotIpAddress and so on: each positive operator has a negated one.
_NEGATED = {
    re.sub("Equals|Like|IpAddress", r"Not\g<0>", name, count=1): positive._replace(negated=True)
    for name, positive in _POSITIVE.items()
}
_OPERATORS = {
    **_POSITIVE,
    **_NEGATED,
    **{f"Numeric{name}": _Operator(_by(float, compare)) for name, compare in _ORDERED.items()},
    **{f"Date{name}": _Operator(_by(_time, compare)) for name, compare in _ORDERED.items()},
    "Bool": _Operator(_by(str.lower, operator.eq), takes_variables=True),
    "BinaryEquals": _Operator(_is_binary),
}
_ANY, _ALL = "ForAnyValue", "ForAllValues"
_QUANTIFIERS: dict[str, Callable[[Iterator[bool]], bool]] = {_ANY: any, _ALL: all, "": any}
