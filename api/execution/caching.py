"""What anybody may keep, and for how long: read from `@cacheControl` in the schema as it is published.

An answer may be shared when each root field of its document says so, and every object below is of a type that says so
too. What says nothing is private: a field or a type that is added later is kept by nobody until somebody has thought of
it. An answer may be kept as long as the most short-lived part of it.

And it is shared only when the caller is one that everybody could be. So whatever a document asks for, no cache ever
holds what only some may see.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    FieldNode,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_composite_type,
    parse,
    value_from_ast_untyped,
    visit,
)

from api.execution.documents import Document

DIRECTIVE = "cacheControl"
ARGUMENT = "maxAge"

Caller = TypeVar("Caller")


class Caching(Generic[Caller]):
    """Knows what of one schema may be kept. `is_anybody` tells a caller who may see no more than everybody."""

    def __init__(self, schema: GraphQLSchema, text: str, is_anybody: Callable[[Caller], bool]) -> None:
        self._schema = schema
        self._ages = read_ages(text)
        self._is_anybody = is_anybody

    def max_age_s(self, document: Document, caller: Caller) -> int:
        """Return for how many seconds the answer to a valid document may be kept by anybody; 0: not at all."""
        if not self._is_anybody(caller):
            return 0
        if document.max_age_s is None:
            assert document.ast is not None  # noqa: S101 - it is valid
            document.max_age_s = max_age_s(self._schema, self._ages, document.ast)
        return document.max_age_s


def read_ages(text: str) -> dict[str, int]:
    """Return the seconds that stand in a schema's text, by `Type` and `Type.field`."""
    ages: dict[str, int] = {}
    for kind in parse(text, no_location=True).definitions:
        if isinstance(kind, ObjectTypeDefinitionNode):
            _note(ages, kind.name.value, kind)
            for field in kind.fields or ():
                _note(ages, f"{kind.name.value}.{field.name.value}", field)
    return ages


def _note(ages: dict[str, int], name: str, node: ObjectTypeDefinitionNode | FieldDefinitionNode) -> None:
    for directive in node.directives or ():
        if directive.name.value == DIRECTIVE:
            given = {one.name.value: value_from_ast_untyped(one.value) for one in directive.arguments or ()}
            ages[name] = given[ARGUMENT]


def max_age_s(schema: GraphQLSchema, ages: dict[str, int], document: DocumentNode) -> int:
    """Return for how long the answer to any operation of a valid document may be kept; 0: not at all."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if any(one.operation is not OperationType.QUERY for one in operations):
        return 0
    info = TypeInfo(schema)
    finder = _Finder(schema, ages, info)
    visit(document, TypeInfoVisitor(info, finder))
    return min(finder.found, default=0)


class _Finder(Visitor):
    """Notes for each field how long its value may be kept."""

    def __init__(self, schema: GraphQLSchema, ages: dict[str, int], info: TypeInfo) -> None:
        super().__init__()
        self.found: list[int] = []
        self._query = schema.query_type
        self._ages = ages
        self._info = info

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "__typename":
            return
        parent = self._info.get_parent_type()
        returned = get_named_type(self._info.get_type())
        own = self._ages.get(f"{parent}.{node.name.value}")
        if parent is not self._query:
            # A plain value is as public as the object that it is a part of.
            holder = returned if is_composite_type(returned) else parent
            inherited = self._ages.get(str(holder))
            own = inherited if own is None else own
        elif is_composite_type(returned) and str(returned) not in self._ages:
            own = None
        self.found.append(own or 0)
