"""What each field costs: read from the directives `@cost` and `@listSize` of the schema as it is published.

The names are those of the GraphQL cost specification by IBM (https://ibm.github.io/graphql-specs/cost-spec.html), of
which we keep what we need:

- `@cost(weight)` on a field: once for each time it is resolved. On an object: for each such object. On a field of an
  input: for each value that is given for it. What says nothing costs nothing.
- `@listSize` on a field: how many objects its list has, or the lists named by `sizedFields` in what it returns: the
  largest of its `slicingArguments` (the number, or the length of a list; `input.items` leads into an input), or
  `assumedSize` where none is given.

Read from the text, so what is charged and what partners can read are the same by construction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from graphql import (
    ConstDirectiveNode,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    parse,
    value_from_ast_untyped,
)

COST = "cost"
LIST_SIZE = "listSize"

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListSize:
    """How long the list of a field is, or the lists of what it returns."""

    assumed: int = 1
    slicing: tuple[Path, ...] = ()
    sized_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class InputField:
    """A field of an input, and what each value for it costs; `inside` if it holds such fields itself."""

    name: str
    weight: int
    inside: str | None


@dataclass(frozen=True, slots=True)
class FieldWeight:
    """All that is to be known of a field."""

    weight: int
    each: int  # for each object that it returns
    returns: GraphQLNamedType
    is_list: bool
    size: ListSize | None
    arguments: tuple[tuple[str, str], ...]  # name and type of those that hold inputs with a weight


@dataclass(slots=True)
class _Directives:
    """The numbers of a schema's text, by the names of what they stand at."""

    objects: dict[str, int] = field(default_factory=dict)
    fields: dict[tuple[str, str], int] = field(default_factory=dict)
    inputs: dict[tuple[str, str], int] = field(default_factory=dict)
    sizes: dict[tuple[str, str], ListSize] = field(default_factory=dict)


class Weights:
    """The weights of one schema."""

    def __init__(self, schema: GraphQLSchema, text: str) -> None:
        self._schema = schema
        self._found = _read(text)
        self._inputs: dict[str, tuple[InputField, ...]] = {}
        self._fields: dict[tuple[str, str], FieldWeight | None] = {}

    def of_type(self, kind: GraphQLNamedType) -> int:
        """Return what each object of a type costs; of an abstract one, the dearest that it may be."""
        if is_abstract_type(kind):
            return max(
                (self._found.objects.get(one.name, 0) for one in self._schema.get_possible_types(kind)), default=0
            )
        return self._found.objects.get(kind.name, 0)

    def of_field(self, parent: GraphQLNamedType, name: str) -> FieldWeight | None:
        """Return the weight of a field; None for what every type has, such as `__typename`."""
        key = (parent.name, name)
        if key not in self._fields:
            self._fields[key] = self._weigh(parent, name)
        return self._fields[key]

    def of_input(self, kind: str) -> tuple[InputField, ...]:
        """Return those fields of an input that cost something or lead to what does."""
        if kind not in self._inputs:
            self._inputs[kind] = ()  # for a type that holds itself
            found = []
            definition = self._schema.type_map.get(kind)
            if isinstance(definition, GraphQLInputObjectType):
                for name, one in definition.fields.items():
                    inside = get_named_type(one.type).name
                    leads = bool(self.of_input(inside))
                    weight = self._found.inputs.get((kind, name), 0)
                    if weight or leads:
                        found.append(InputField(name, weight, inside if leads else None))
            self._inputs[kind] = tuple(found)
        return self._inputs[kind]

    def _weigh(self, parent: GraphQLNamedType, name: str) -> FieldWeight | None:
        definition = getattr(parent, "fields", {}).get(name)
        if definition is None:
            return None
        inner = definition.type.of_type if is_non_null_type(definition.type) else definition.type
        returns = get_named_type(definition.type)
        arguments = ((one, get_named_type(given.type).name) for one, given in definition.args.items())
        return FieldWeight(
            weight=self._found.fields.get((parent.name, name), 0),
            each=self.of_type(returns),
            returns=returns,
            is_list=is_list_type(inner),
            size=self._found.sizes.get((parent.name, name)),
            arguments=tuple((one, kind) for one, kind in arguments if self.of_input(kind)),
        )


@lru_cache(maxsize=8)  # a process has one schema, however many applications it makes of it
def _read(text: str) -> _Directives:
    found = _Directives()
    for definition in parse(text, no_location=True).definitions:
        if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            kind = definition.name.value
            if arguments := _find(COST, definition.directives):
                found.objects[kind] = int(arguments["weight"])
            for one in definition.fields or ():
                key = (kind, one.name.value)
                if arguments := _find(COST, one.directives):
                    found.fields[key] = int(arguments["weight"])
                if arguments := _find(LIST_SIZE, one.directives):
                    found.sizes[key] = ListSize(
                        assumed=arguments.get("assumedSize") or 1,
                        slicing=tuple(tuple(path.split(".")) for path in arguments.get("slicingArguments") or ()),
                        sized_fields=frozenset(arguments.get("sizedFields") or ()),
                    )
        elif isinstance(definition, InputObjectTypeDefinitionNode):
            for given in definition.fields or ():
                if arguments := _find(COST, given.directives):
                    found.inputs[definition.name.value, given.name.value] = int(arguments["weight"])
    return found


def _find(name: str, directives: Iterable[ConstDirectiveNode] | None) -> dict[str, Any]:
    for directive in directives or ():
        if directive.name.value == name:
            return {one.name.value: value_from_ast_untyped(one.value) for one in directive.arguments or ()}
    return {}
