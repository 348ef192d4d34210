"""Input types as functions: what a type does to every value is worked out once, not for each value again.

What a function takes and returns is what `graphql.utilities.coerce_input_value` takes and returns for its type, with
`Undefined` for a value that is not right; why it is not is for graphql-core to say.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from graphql import (
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
    is_required_input_field,
)
from graphql.pyutils import is_iterable
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

# Returns the coerced value, or `Undefined`.
Coerce: TypeAlias = Callable[[Any], Any]
Found: TypeAlias = dict[str, Any]


def coercer_of(kind: GraphQLInputType) -> Coerce:
    """Return the function of a type, which must not contain itself.

    Raises: what an invalid default of a field raises.
    """
    if isinstance(kind, GraphQLNonNull):
        return _non_null(coercer_of(kind.of_type))
    if isinstance(kind, GraphQLList):
        return _list(coercer_of(kind.of_type))
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind)
    return _leaf(kind)


def _non_null(inner: Coerce) -> Coerce:
    return lambda value: Undefined if value is None or value is Undefined else inner(value)


def _leaf(kind: Any) -> Coerce:
    coerce_leaf = kind.coerce_input_value

    def coerce(value: Any) -> Any:
        if value is None or value is Undefined:
            return None
        try:
            return coerce_leaf(value)
        except Exception:
            return Undefined

    return coerce


def _list(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None or value is Undefined:
            return None
        items = []
        for item in value if type(value) is list or is_iterable(value) else [value]:
            coerced = inner(item)
            if coerced is Undefined:
                return Undefined
            items.append(coerced)
        return items

    return coerce


def _object(kind: GraphQLInputObjectType) -> Coerce:
    fields = [
        (
            name,
            field.out_name or name,
            _own(field.type),
            coercer_of(field.type),
            is_required_input_field(field),
            coerce_default_value(field),
        )
        for name, field in kind.fields.items()
    ]
    complete = _completion(kind)

    def coerce(value: Any) -> Any:
        if not isinstance(value, dict):
            return None if value is None or value is Undefined else Undefined
        found: Found = {}
        given = 0
        for name, out_name, own, inner, is_required, default in fields:
            one = value.get(name, Undefined)
            if one is Undefined:
                if is_required:
                    return Undefined
                if default is not Undefined:
                    found[out_name] = default
                continue
            given += 1
            if type(one) is not own:
                one = inner(one)
                if one is Undefined:
                    return Undefined
            found[out_name] = one
        if given != len(value):  # an unknown name, most likely
            return coerce_input_value(value, kind)
        return found if complete is None else complete(found, given)

    return coerce


def _own(kind: GraphQLInputType) -> type | None:
    """Return the class whose values are their own coerced values, if there is one."""
    of = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return str if of is GraphQLString or of is GraphQLID else None


def _completion(kind: GraphQLInputObjectType) -> Callable[[Found, int], Any] | None:
    """Return what is done to the fields of an object in the end, of which so many were given."""
    is_built = kind.out_type is not GraphQLInputObjectType.out_type
    if not kind.is_one_of and not is_built:
        return None

    def complete(found: Found, given: int) -> Any:
        if kind.is_one_of and (given != 1 or len(found) != 1 or next(iter(found.values())) is None):
            return Undefined
        return kind.out_type(found)

    return complete
