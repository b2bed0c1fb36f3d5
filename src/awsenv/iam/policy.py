"""Policies: whether documents allow an action on a resource, in the context of a request.

The rules are those of the IAM guide: "Policy evaluation logic" and the pages on the elements of a policy. What is not
understood never allows: a condition that cannot be checked fails an Allow and holds for a Deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from awsenv.iam.conditions import Condition, Context, as_list, conditions, matches

Document = Mapping[str, Any]
"""A policy as JSON has it."""

_WITH_VARIABLES = "2012-10-17"


class Verdict(IntEnum):
    """What policies say, the strongest last."""

    SILENT = 0
    ALLOW = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    elements: Mapping[str, Any]
    """By name, as JSON has them."""
    with_variables: bool = True
    """Whether its policy has the version that knows policy variables."""

    @property
    def effect(self) -> Verdict:
        """ALLOW or DENY: what the statement says where it applies."""
        return Verdict.ALLOW if self.elements.get("Effect") == "Allow" else Verdict.DENY

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Its conditions, all of which have to hold."""
        return conditions(self.elements.get("Condition"), with_variables=self.with_variables)

    def names_action(self, action: str) -> bool:
        """Tell whether the statement is about *action*, upper and lower case being the same."""
        return self._names("Action", lambda pattern: matches(pattern.lower(), action.lower()))

    def names_resource(self, resource: str, context: Context) -> bool:
        """Tell whether the statement is about *resource*."""
        variables = context if self.with_variables else None
        return self._names("Resource", lambda pattern: matches(pattern, resource, variables, in_segments=True))

    def holds(self, context: Context) -> bool | None:
        """Tell whether all its conditions hold; None: that depends on one that cannot be checked."""
        held = [condition.holds(context) for condition in self.conditions]
        return False if False in held else None if None in held else True

    def _names(self, element: str, is_named: Any) -> bool:
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
    """What policies say together: one Deny outweighs every Allow."""

    surely: Verdict
    """By the statements that are known to apply."""
    perhaps: Verdict
    """The same, if the conditions that cannot be checked hold."""

    @property
    def cautious(self) -> Verdict:
        """What they say if a condition that cannot be checked fails an Allow and holds for a Deny."""
        return Verdict.DENY if self.perhaps is Verdict.DENY else self.surely

    def within(self, limit: Evaluation) -> Evaluation:
        """Return what is left of this within *limit*: both have to allow, and either may deny."""
        return Evaluation(_within(self.surely, limit.surely), _within(self.perhaps, limit.perhaps))


def evaluate(documents: Iterable[Document], action: str, resource: str, context: Context) -> Evaluation:
    """Say what *documents* say to *action* on *resource*."""
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
    """All the policies of a caller."""

    identity: tuple[Document, ...] = ()
    """Those of the user and its groups, or of the role."""
    boundary: Document | None = None
    """The permissions boundary; None: there is none."""
    session: tuple[Document, ...] = ()
    """The session policies; empty: there are none."""

    def evaluate(self, action: str, resource: str, context: Context) -> Evaluation:
        """Say what the caller may do: what the identity policies allow, within the limits of the others."""
        return evaluate(self.identity, action, resource, context).within(self.limits(action, resource, context))

    def limits(self, action: str, resource: str, context: Context) -> Evaluation:
        """Say what the permissions boundary and the session policies leave of what is allowed elsewhere."""
        limit = Evaluation(Verdict.ALLOW, Verdict.ALLOW)
        for documents in self._limits():
            limit = limit.within(evaluate(documents, action, resource, context))
        return limit

    def _limits(self) -> Iterator[tuple[Document, ...]]:
        if self.boundary is not None:
            yield (self.boundary,)
        if self.session:
            yield self.session


def _within(one: Verdict, other: Verdict) -> Verdict:
    return Verdict.DENY if Verdict.DENY in (one, other) else min(one, other)
