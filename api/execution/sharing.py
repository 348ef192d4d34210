"""What may be shared: which callers are shown the same, and which requests ask for the same.

The engine cannot know on what the answers to a caller depend. The application tells it by a function from a caller to
its *view*: a key, and the caller reduced to what the key stands for. What is shared is executed for the reduced caller,
so nothing that is not in a view can come into what others are sent.

Two requests ask for the same when their documents are the same text, they name the same operation, and the variables
agree that events are executed with. Variables that only stand in arguments of the subscription's root field are not
among these: they decide what is followed and from where, which is the topic's and the position's business. So clients
that go on from different cursors share what comes after.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from api.execution.documents import Document

Caller = TypeVar("Caller")


@dataclass(frozen=True, slots=True)
class View(Generic[Caller]):
    """What answers to a caller depend on: callers with equal keys are shown the same."""

    key: Hashable
    #: The caller without anything that the key does not stand for.
    caller: Caller


def request_key(document: Document, node: OperationDefinitionNode, variables: Mapping[str, Any]) -> Hashable:
    """Return what requests have in common that are answered alike, event by event."""
    name = node.name.value if node.name else None
    varying = document.varying.get(name)
    if varying is None:
        assert document.ast is not None  # noqa: S101 - it is valid
        varying = document.varying[name] = varying_names(document.ast, node)
    given = {one: variables[one] for one in varying if one in variables}
    return document.text, name, json.dumps(given, sort_keys=True, default=repr)


def varying_names(document: DocumentNode, operation: OperationDefinitionNode) -> frozenset[str]:
    """Return the variables that events are executed with: all but those in arguments of the root field alone."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    finder = _Finder(fragments)
    for directive in operation.directives or ():
        visit(directive, finder)
    finder.look_at_root(operation.selection_set)
    return frozenset(finder.found)


class _Finder(Visitor):
    """Looks for variables, and into each fragment once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._fragments = fragments
        self._entered: set[str] = set()
        self._entered_at_root: set[str] = set()

    def look_at_root(self, selections: SelectionSetNode) -> None:
        """Look at what is selected of the root, whose fields' arguments are left out."""
        for node in selections.selections:
            for directive in node.directives or ():
                visit(directive, self)
            if isinstance(node, FieldNode):
                if node.selection_set is not None:
                    visit(node.selection_set, self)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in self._entered_at_root:
                    self._entered_at_root.add(name)
                    self.look_at_root(self._fragments[name].selection_set)
            else:
                self.look_at_root(node.selection_set)  # type: ignore[attr-defined]

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        name = node.name.value
        if name not in self._entered:
            self._entered.add(name)
            inner: Node = self._fragments[name].selection_set
            visit(inner, self)
