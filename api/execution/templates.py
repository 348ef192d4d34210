"""Objects in a document that have variables in them: all but the variables is found out once.

graphql-core goes through such a literal, its types and its defaults for each execution, which takes longer than to find
a user by its id. Only what is usual is done here: a variable that was not given or is null, or anything that could be
wrong, is left to graphql-core, which decides and says what is wrong.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

#: Values that may be handed to many resolvers, as nobody can change them.
IMMUTABLE = (str, int, float, bool, type(None), type(Undefined))

#: Makes a value of the coerced variables; raises `Unusual`.
Fill: TypeAlias = Callable[[dict[str, Any]], Any]


class Unusual(Exception):
    """A value is left to graphql-core."""


def template_of(node: ValueNode, kind: GraphQLInputType) -> Fill | None:
    """Return what makes the value of a literal in a valid document, if it is a variable or an object with variables."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value)
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(node, ObjectValueNode) and isinstance(inner, GraphQLInputObjectType):
        return _object(node, inner)
    return None


def _variable(name: str) -> Fill:
    def fill(coerced: dict[str, Any]) -> Any:
        value = coerced.get(name)
        if value is None:
            raise Unusual
        return value

    return fill


def _object(node: ObjectValueNode, kind: GraphQLInputObjectType) -> Fill | None:
    given = {field.name.value: field.value for field in node.fields}
    if not given.keys() <= kind.fields.keys() or (kind.is_one_of and len(given) != 1):
        return None
    known: dict[str, Any] = {}
    fills: list[tuple[str, Fill]] = []
    for name, field in kind.fields.items():
        out_name = field.out_name or name
        if name in given and (fill := template_of(given[name], field.type)) is not None:
            fills.append((out_name, fill))
            known[out_name] = None  # so that the fields are in the order of the type
            continue
        try:
            value = coerce_input_literal(given[name], field.type) if name in given else coerce_default_value(field)
        except Exception:  # an invalid default, or a literal that graphql-core has to explain
            return None
        if (value is Undefined and (name in given or is_required_input_field(field))) or type(value) not in IMMUTABLE:
            return None
        if value is not Undefined:
            known[out_name] = value

    def fill_all(coerced: dict[str, Any]) -> Any:
        values = known.copy()
        for out_name, fill in fills:
            values[out_name] = fill(coerced)
        return kind.out_type(values)

    return fill_all
