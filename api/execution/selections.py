"""What an operation selects: graphql-core's answers, as the compiler asks for them, and what was found out of them.

Which fields `@skip` and `@include` leave is known here, because each of their combinations is compiled on its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.type.directives import GraphQLDisableErrorPropagationDirective

from api.execution.inlining import Inline
from api.execution.leaves import a_leaf
from api.execution.runtime import Complete, Plan

# Compiling takes 0.1 to 0.3 ms for each field, most of it CPython's own: more than these would take over 50 ms.
FIELDS_MAX = 150

#: What is selected of an object, by the keys of the answer: for each the nodes that select it, in graphql-core's words.
Found: TypeAlias = dict[str, list[Any]]


class NotCompiled(Exception):
    """An operation is left to graphql-core."""


class Selections:
    """The selections of one operation, for one combination of its conditions."""

    def __init__(self, plan: Plan, conditions: dict[str, Any], keep: Callable[[str, object], str]) -> None:
        """Take what gives a value a name in generated text.

        Raises: NotCompiled.
        """
        self._plan = plan
        self._keep = keep
        self._conditions = VariableValues({}, conditions)
        self._fragments = {name: FragmentDetails(node) for name, node in plan.fragments.items()}
        self._fields = 0
        self._leaves: dict[GraphQLLeafType, tuple[Inline, Complete]] = {}
        if any(node.variable_definitions for node in plan.fragments.values()):
            raise NotCompiled("fragments have arguments")
        if any(
            one.name.value == GraphQLDisableErrorPropagationDirective.name for one in plan.operation.directives or ()
        ):
            raise NotCompiled("its errors stay where they are")

    def root(self, kind: GraphQLObjectType) -> Found:
        """Return what is selected of the root.

        Raises: NotCompiled.
        """
        plan = self._plan
        return _whole(collect_fields(plan.schema, self._fragments, self._conditions, kind, plan.operation))

    def below(self, kind: GraphQLObjectType, details: list[Any]) -> Found:
        """Return what is selected of an object of a type that is a field's value.

        Raises: NotCompiled.
        """
        plan = self._plan
        return _whole(collect_subfields(plan.schema, self._fragments, self._conditions, plan.operation, kind, details))

    def field(self, kind: GraphQLObjectType, name: str) -> GraphQLField | None:
        """Return a field of a type."""
        return self._plan.schema.get_field(kind, name)

    def leaf(self, kind: GraphQLLeafType) -> tuple[Inline, Complete]:
        """Return how values of a scalar or an enum are completed, which is found out once: so is what is usual."""
        if kind not in self._leaves:
            self._leaves[kind] = a_leaf(kind, self._keep)
        usual, complete = self._leaves[kind]
        return copy(usual), complete

    def count(self) -> None:
        """Count a field that is written.

        Raises: NotCompiled, if there are too many.
        """
        self._fields += 1
        if self._fields > FIELDS_MAX:
            raise NotCompiled("it has too many fields")

    @contextmanager
    def counted_before(self) -> Iterator[None]:
        """Count no fields that are written again."""
        fields, self._fields = self._fields, 0
        yield
        self._fields = fields


def _whole(collected: Any) -> Found:
    found: Found
    found, deferred, _ = collected
    if deferred:
        raise NotCompiled("it is delivered in parts")
    return found
