"""What a class says of its own fields, so that generated code can read them without a detour.

A class may have, for a field, a descriptor that says how it reads: `path`, attributes from the object on, and `make`,
what is made of the value there, or None. Then the path is written into the generated text, for objects of just that
class.

A class may say that its objects are shared by executions, by an attribute `completed`: None, or on a shared object a
dictionary. The object promises not to change; what was completed of it is kept there, as long as the object lives. That
is done for selections that hang on the object alone: of attributes, and of resolvers that say so in their metadata.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import getattr_static
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    SelectionSetNode,
)
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

DEFINITION = "strawberry-definition"

#: In a field's metadata: its value is the same for every caller, and for all arguments.
OF_OBJECT_ALONE = "of_object_alone"


class Read(NamedTuple):
    """How a field is read."""

    path: list[str]
    make: Callable[[Any], Any] | None


def attribute_of(field: GraphQLField) -> str | None:
    """Return the name of the attribute that is a field's value, if it is nothing more."""
    definition = field.extensions.get(DEFINITION)
    if (
        isinstance(definition, StrawberryField)
        and definition.is_basic_field
        and definition.default_resolver is getattr
        and getattr(field.resolve, "_is_default", False)
        and definition.python_name.isidentifier()
    ):
        return definition.python_name
    return None


def read_of(field: GraphQLField, origin: type | None) -> Read | None:
    """Return how a field of a class's objects is read, if the class says so."""
    name = attribute_of(field)
    if name is None or origin is None:
        return None
    descriptor = getattr_static(origin, name, None)
    path, make = getattr(descriptor, "path", None), getattr(descriptor, "make", None)
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")):
        return None
    return Read(path.split("."), make)


def is_of_object_alone(field: GraphQLField) -> bool:
    """Tell whether the value that a resolver finds hangs on its object alone."""
    definition = field.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryField) and bool(definition.metadata.get(OF_OBJECT_ALONE))


def remembers(origin: type | None) -> bool:
    """Tell whether objects of a class may keep what was completed of them."""
    return getattr(origin, "completed", ...) is None


def origin_of(kind: GraphQLObjectType) -> type | None:
    """Return the class that nearly all objects of a type have, if Strawberry made the type of it."""
    definition = kind.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition):
        return None
    return definition.concrete_of.origin if definition.concrete_of else definition.origin


def class_of(kind: GraphQLObjectType) -> type | None:
    """Return the class whose instances are of this type for certain, if Strawberry decides by the class alone."""
    definition = kind.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of or definition.concrete_of:
        return None
    return definition.origin


def is_selected(
    nodes: Sequence[FieldNode], path: tuple[str, ...], fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    """Tell whether a field is selected below others, by its path of names, whatever `@skip` and `@include` say."""
    if not path:
        return bool(nodes)
    below: list[FieldNode] = []
    spread: set[str] = set()
    stack: list[SelectionSetNode] = [node.selection_set for node in nodes if node.selection_set]
    while stack:
        for one in stack.pop().selections:
            if isinstance(one, FieldNode):
                if one.name.value == path[0]:
                    below.append(one)
            elif isinstance(one, InlineFragmentNode):
                stack.append(one.selection_set)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in spread:
                spread.add(one.name.value)
                stack.append(fragments[one.name.value].selection_set)
    return is_selected(below, path[1:], fragments)
