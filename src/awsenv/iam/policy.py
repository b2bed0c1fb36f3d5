"""Policies: whether documents allow an action on a resource, in the context of a request.

The rules are those of the IAM guide: "Policy evaluation logic" and the pages on the elements of a policy. In doubt,
nothing is allowed: a condition that cannot be checked is unmet in an Allow and met in a Deny.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from awsenv.iam.conditions import Condition, Context, as_list, conditions, matches

Document = Mapping[str, Any]
"""A policy, as in its JSON."""

_WITH_VARIABLES = "2012-10-17"


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
        return conditions(self.elements.get("Condition"), with_variables=self.with_variables)

    def names_action(self, action: str) -> bool:
        """Tell whether the statement covers *action*, in upper or lower case."""
        return self._names("Action", lambda pattern: matches(pattern.lower(), action.lower()))

    def names_resource(self, resource: str, context: Context) -> bool:
        """Tell whether the statement covers *resource*."""
        variables = context if self.with_variables else None
        return self._names("Resource", lambda pattern: matches(pattern, resource, variables, in_segments=True))

    def holds(self, context: Context) -> bool | None:
        """Tell whether all its conditions are met; None: that depends on one that cannot be checked."""
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

    def evaluate(self, action: str, resource: str, context: Context) -> Evaluation:
        """Return whether the identity policies allow *action* within the limits of the other policies."""
        return evaluate(self.identity, action, resource, context).within(self.limits(action, resource, context))

    def limits(self, action: str, resource: str, context: Context) -> Evaluation:
        """Return whether the permissions boundary and the session policies let *action* through."""
        limit = Evaluation(Verdict.ALLOW, Verdict.ALLOW)
        if self.boundary is not None:
            limit = evaluate((self.boundary,), action, resource, context)
        if self.session:
            limit = limit.within(evaluate(self.session, action, resource, context))
        return limit
