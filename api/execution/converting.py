"""How the arguments of a Strawberry resolver become its Python values: what their types do is worked out once.

What is not ordinary (an input type that builds itself or contains itself) is left to Strawberry.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, TypeAlias

from strawberry import UNSET
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.maybe import Some

# Turns a coerced value into the Python value that a Strawberry resolver takes; None leaves it as it is.
Convert: TypeAlias = Callable[[Any], Any] | None
# Gives all arguments their Python names and values.
ConvertAll: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


class Unusual(Exception):
    """Strawberry does more for this field than is done here."""


def arguments_converter(arguments: list[StrawberryArgument], converter: Any) -> ConvertAll:
    """Return what gives arguments their Python names and values, by Strawberry's own converter of the schema.

    Raises: Unusual.
    """
    entries = [
        (
            converter.config.name_converter.from_argument(argument),
            argument.python_name,
            _converter(argument.type, converter),
        )
        for argument in arguments
    ]
    if not entries:
        return lambda _: {}
    if all(name == python_name and convert is None for name, python_name, convert in entries):
        return lambda values: values

    def convert_all(values: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, python_name, convert in entries:
            if name in values:
                value = values[name]
                found[python_name] = value if convert is None else convert(value)
        return found

    return convert_all


def _converter(kind: Any, converter: Any, within: tuple[Any, ...] = ()) -> Convert:
    """Return what converts values of an input type as Strawberry's `convert_argument` does."""
    if isinstance(kind, LazyType):
        return _converter(kind.resolve_type(), converter, within)
    if isinstance(kind, StrawberryMaybe):
        return _maybe(kind, converter, within)
    if isinstance(kind, StrawberryOptional):
        return _converter(kind.of_type, converter, within)
    if isinstance(kind, StrawberryList):
        return _list(_converter(kind.of_type, converter, within))
    if _is_leaf(kind, converter):
        return None
    if has_object_definition(kind):
        return _input_object(kind, converter, within)
    raise Unusual


def _is_leaf(kind: Any, converter: Any) -> bool:
    if kind is GlobalID:  # which is made of its text
        return False
    is_enum = isinstance(kind, StrawberryEnumDefinition) or has_enum_definition(kind)
    return is_enum or is_scalar(kind, converter.scalar_registry)


def _maybe(kind: StrawberryMaybe, converter: Any, within: tuple[Any, ...]) -> Convert:
    inner = _converter(kind.of_type, converter, within)
    if isinstance(kind.of_type, StrawberryOptional):
        return lambda value: Some(value if inner is None else inner(value))

    def convert(value: Any) -> Any:
        if value is None:  # Strawberry says what is wrong with it
            return convert_argument(value, kind, converter.scalar_registry, converter.config)
        return Some(value if inner is None else inner(value))

    return convert


def _list(inner: Convert) -> Convert:
    def convert(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return list(value) if inner is None else [inner(one) for one in value]

    return convert


def _input_object(kind: Any, converter: Any, within: tuple[Any, ...]) -> Convert:
    definition = kind.__strawberry_definition__
    # One that contains itself is converted by Strawberry, which follows the value and not the type.
    if kind in within or definition.from_input is not None or not definition.is_input:
        raise Unusual
    entries = [
        (
            converter.config.name_converter.from_field(field),
            field.python_name,
            _converter(field.resolve_type(type_definition=definition), converter, (*within, kind)),
        )
        for field in definition.fields
    ]
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }

    def convert(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        found = absent.copy()
        for name, python_name, inner in entries:
            if name in value:
                one = value[name]
                found[python_name] = one if inner is None else inner(one)
        return kind(**found)

    return convert
