"""Makes an operation shorter, as long as something holds of it: by leaving out one part after another."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    parse,
    print_ast,
    validate,
    visit,
)
from graphql.language import REMOVE, SKIP

from tests.execution.differ.operations import Generated

TRIES_MAX = 600
PARTS = (FieldNode, InlineFragmentNode, FragmentSpreadNode, DirectiveNode, ArgumentNode, ObjectFieldNode)


def shrunk(operation: Generated, schema: GraphQLSchema, holds: Callable[[Generated], bool]) -> Generated:
    """Return an operation of which the same holds, and of which no part could be left out."""
    tries, shortened = TRIES_MAX, True
    while shortened and tries > 0:
        shortened, part = False, 0
        while (shorter := _without(operation, part)) is not None and tries > 0:
            tries -= 1
            if shorter.ast.definitions and not validate(schema, shorter.ast) and holds(shorter):
                operation, shortened = shorter, True
            else:
                part += 1
    return operation


def _without(operation: Generated, part: int) -> Generated | None:
    """Return the operation without its part of that number, or nothing if that cannot be; None when it has no more."""
    remover = _Remover(part)
    tree: DocumentNode = visit(operation.ast, remover)
    if not remover.removed:
        return None
    tree = _tidied(tree, operation.name)
    if any(not node.selections for node in _found(tree, SelectionSetNode)):
        tree = DocumentNode(definitions=())
    text = print_ast(tree)
    return replace(operation, text=text, ast=parse(text) if tree.definitions else tree)


class _Remover(Visitor):
    def __init__(self, part: int) -> None:
        super().__init__()
        self._left = part
        self.removed = False

    def enter(self, node: Node, *_: Any) -> VisitorAction:
        if isinstance(node, PARTS) and not self.removed:
            if self._left == 0:
                self.removed = True
                return REMOVE
            self._left -= 1
        return None


def _tidied(tree: DocumentNode, name: str) -> DocumentNode:
    """Leave out what nothing refers to any more: fragments, variables, other operations."""
    while True:
        kept = [node for node in tree.definitions if _is_used(node, tree, name)]
        if len(kept) == len(tree.definitions):
            break
        tree = DocumentNode(definitions=tuple(kept))
    variables = {one.name.value for one in _found(tree, VariableNode, but_not=VariableDefinitionNode)}
    tidied = visit(tree, _Undeclarer(variables))
    assert isinstance(tidied, DocumentNode)
    return tidied


def _is_used(node: Node, tree: DocumentNode, name: str) -> bool:
    if isinstance(node, FragmentDefinitionNode):
        return any(one.name.value == node.name.value for one in _found(tree, FragmentSpreadNode))
    return isinstance(node, OperationDefinitionNode) and node.name is not None and node.name.value == name


class _Undeclarer(Visitor):
    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self._used = used

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> VisitorAction:
        return None if node.variable.name.value in self._used else REMOVE


def _found(tree: Node, kind: type[Any], but_not: type[Any] | None = None) -> Iterator[Any]:
    found: list[Any] = []

    class Finder(Visitor):
        def enter(self, node: Node, *_: Any) -> VisitorAction:
            if but_not is not None and isinstance(node, but_not):
                return SKIP
            if isinstance(node, kind):
                found.append(node)
            return None

    visit(tree, Finder())
    return iter(found)
