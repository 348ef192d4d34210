"""Which deprecated parts of the schema a document uses: found once, when the document is looked at, and kept with it.

Fields, arguments, input fields and enum values count where the document writes them. What comes in variables is not
looked at: it would be looked at again for each call.
"""

from typing import Any

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
    ObjectFieldNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)


def deprecates(schema: GraphQLSchema) -> bool:
    """Tell whether anything in a schema is deprecated."""
    return any(part.deprecation_reason is not None for kind in schema.type_map.values() for part in _parts(kind))


def deprecated_uses(schema: GraphQLSchema, document: DocumentNode) -> tuple[str, ...]:
    """Return what is deprecated of that which a valid document uses, as `Type.field` or `Type.field(argument:)`."""
    info = TypeInfo(schema)
    finder = _Finder(info)
    visit(document, TypeInfoVisitor(info, finder))
    return tuple(sorted(finder.found))


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
