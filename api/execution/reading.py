"""What a class says of its own fields, so that generated code can read them without a detour.

A class may have, for a field, a descriptor that says how it reads: `path`, attributes from the object on, and `make`,
what is made of the value there, or None. Then the path is written into the generated text, for objects of just that
class.

Such a path may lead into a row that the object holds (`row.amount`). A class of rows may have columns as descriptors:
the `index` of an item, and what makes the value of it (`decode`, or for an enum the dictionary `members`). For some
decoders a field's `shortcuts` have what makes of the item as it is what is shown. A field may be an object whose own
plain fields lie in the same row: its descriptor then has the class of that object (`kind`) and descriptors for those
(`parts`). And a sequence of objects that hold a row each may offer these as its `rows`, all of one class; `shown_as`
is the class of the objects, and `held_as` the name of the attribute by which each holds its own.

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

#: In a field's metadata: the name of a column, and the class of what the sequence has `beside` it under that column's
#: value, if it has anything beside it: `rows` by their ids. Its `completed` is the executor's.
BESIDE = "beside"

#: In a field's metadata: the descriptor of an object whose plain fields lie in the same row.
PARTS = "parts"


class Read(NamedTuple):
    """How a field is read."""

    path: tuple[str, ...]
    make: Callable[[Any], Any] | None
    shortcuts: Mapping[Any, Callable[[Any], Any]]


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
    return _read(_descriptor(field, origin))


def parts_of(field: GraphQLField, origin: type | None) -> tuple[type, dict[str, Read]] | None:
    """Return the class of the object that a field is, and how its fields are read, if the class says so."""
    definition = field.extensions.get(DEFINITION)
    descriptor = _descriptor(field, origin)
    if isinstance(definition, StrawberryField) and not definition.is_basic_field and not definition.extensions:
        descriptor = definition.metadata.get(PARTS)
    kind, parts = getattr(descriptor, "kind", None), getattr(descriptor, "parts", None)
    if not isinstance(kind, type) or not isinstance(parts, Mapping):
        return None
    reads = {name: _read(part) for name, part in parts.items()}
    return kind, {name: read for name, read in reads.items() if read is not None}


def _descriptor(field: GraphQLField, origin: type | None) -> object:
    name = attribute_of(field)
    return getattr_static(origin, name, None) if name is not None and origin is not None else None


def _read(descriptor: object) -> Read | None:
    path, make = getattr(descriptor, "path", None), getattr(descriptor, "make", None)
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")):
        return None
    return Read(tuple(path.split(".")), make, getattr(descriptor, "shortcuts", {}))


def is_of_object_alone(field: GraphQLField) -> bool:
    """Tell whether the value that a resolver finds hangs on its object alone."""
    definition = field.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryField) and bool(definition.metadata.get(OF_OBJECT_ALONE))


def lies_beside(field: GraphQLField) -> tuple[str, type] | None:
    """Return the column by which a field finds its value beside the sequence of its objects, and the value's class."""
    definition = field.extensions.get(DEFINITION)
    known = definition.metadata.get(BESIDE) if isinstance(definition, StrawberryField) else None
    return known if isinstance(known, tuple) else None


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


def selected_below(
    nodes: Sequence[FieldNode], path: tuple[str, ...], fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """Return the names of the fields that are selected at a path of names below others, whatever their conditions."""
    below: list[FieldNode] = []
    spread: set[str] = set()
    stack: list[SelectionSetNode] = [node.selection_set for node in nodes if node.selection_set]
    while stack:
        for one in stack.pop().selections:
            if isinstance(one, FieldNode):
                below.append(one)
            elif isinstance(one, InlineFragmentNode):
                stack.append(one.selection_set)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in spread:
                spread.add(one.name.value)
                stack.append(fragments[one.name.value].selection_set)
    if not path:
        return frozenset(one.name.value for one in below)
    return selected_below([one for one in below if one.name.value == path[0]], path[1:], fragments)
