"""Which deprecated parts of the schema are used.

By a document: fields, arguments, input fields and enum values where it writes them. They are found once, when the
document is looked at, and kept with it. By variables: input fields and enum values, for each call anew, but only in
those variables that can hold something deprecated. Mostly there are none, and nothing is looked at.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    type_from_ast,
    visit,
)

#: Names and types of variables.
Searched: TypeAlias = tuple[tuple[str, GraphQLType], ...]


def deprecates(schema: GraphQLSchema) -> bool:
    """Tell whether anything in a schema is deprecated."""
    return any(part.deprecation_reason is not None for kind in schema.type_map.values() for part in _parts(kind))


def deprecated_uses(schema: GraphQLSchema, document: DocumentNode) -> tuple[str, ...]:
    """Return what is deprecated of that which a valid document uses, as `Type.field` or `Type.field(argument:)`."""
    info = TypeInfo(schema)
    finder = _Finder(info)
    visit(document, TypeInfoVisitor(info, finder))
    return tuple(sorted(finder.found))


def searched_variables(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Searched:
    """Return those variables of a valid operation that can hold something deprecated."""
    variables = (
        (one.variable.name.value, type_from_ast(schema, one.type)) for one in operation.variable_definitions or ()
    )
    return tuple(
        (name, kind) for name, kind in variables if kind is not None and _can_hold(get_named_type(kind), set())
    )


def uses_in_variables(searched: Searched, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is deprecated of that which variables of the right types use."""
    found = {
        use for name, kind in searched if name in variables for use in _uses_in(get_named_type(kind), variables[name])
    }
    return tuple(sorted(found))


def _can_hold(kind: Any, seen: set[str]) -> bool:
    if kind.name in seen:
        return False
    seen.add(kind.name)
    if isinstance(kind, GraphQLInputObjectType):
        fields = kind.fields.values()
        return any(one.deprecation_reason is not None or _can_hold(get_named_type(one.type), seen) for one in fields)
    return isinstance(kind, GraphQLEnumType) and any(one.deprecation_reason is not None for one in kind.values.values())


def _uses_in(kind: Any, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _uses_in(kind, one)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, Mapping):
        for name, one in kind.fields.items():
            if name in value:
                if one.deprecation_reason is not None:
                    yield f"{kind}.{name}"
                yield from _uses_in(get_named_type(one.type), value[name])
    elif isinstance(kind, GraphQLEnumType) and isinstance(value, str):
        chosen = kind.values.get(value)
        if chosen is not None and chosen.deprecation_reason is not None:
            yield f"{kind}.{value}"


def _parts(kind: Any) -> list[Any]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        fields = list(kind.fields.values())
        return [*fields, *(argument for field in fields for argument in field.args.values())]
    if isinstance(kind, GraphQLInputObjectType):
        return list(kind.fields.values())
    return list(kind.values.values()) if isinstance(kind, GraphQLEnumType) else []


class _Finder(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._info = info

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._info.get_parent_type()
        self._note(self._info.get_field_def(), f"{parent}.{node.name.value}")

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        field = self._info.get_field_def()
        parent = self._info.get_parent_type()
        if self._info.get_directive() is None and field is not None:
            name = next((one for one, known in parent.fields.items() if known is field), "") if parent else ""  # type: ignore[union-attr]
            self._note(self._info.get_argument(), f"{parent}.{name}({node.name.value}:)")

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        if isinstance(parent, GraphQLInputObjectType):
            self._note(parent.fields.get(node.name.value), f"{parent}.{node.name.value}")

    def enter_enum_value(self, node: EnumValueNode, *_: object) -> None:
        self._note(self._info.get_enum_value(), f"{get_named_type(self._info.get_input_type())}.{node.value}")

    def _note(self, part: Any, coordinate: str) -> None:
        if part is not None and part.deprecation_reason is not None:
            self.found.add(coordinate)
