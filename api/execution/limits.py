"""What a document may ask for before anything is executed, or even validated.

One pass over each definition, and a fragment is measured once however often it is spread: linear in the document.
It runs on the bare syntax tree *before* validation, because a validator is itself a way in: some of its rules take
quadratic time, and whoever follows spreads without remembering them takes exponential time on fragments that
spread each other twice.

What is counted is what execution would meet: the fields of a fragment count at every place where it is spread.
Introspection has limits of its own, as its cost is the size of the schema and not of the document: no tool renames
introspection fields or walks from types to fields to types again, so nobody may.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from api.execution.errors import Code, coded

INTROSPECTION_ROOTS = frozenset({"__schema", "__type"})

# Lists inside of introspection that lead back to types: nested, they multiply the schema with itself.
TYPE_LISTS = frozenset({"fields", "interfaces", "possibleTypes", "inputFields"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a document may ask for: the parser enforces the first two, `exceeded` the others."""

    characters: int = 50_000
    tokens: int = 2_000
    operations: int = 10
    fragments: int = 100
    depth: int = 15
    fields: int = 1_000
    aliases: int = 100
    directives: int = 50
    root_fields: int = 20
    introspections: int = 2
    introspection_aliases: int = 0
    introspection_nesting: int = 1


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in its definition a selection stands."""

    depth: int = 0
    type_lists: int = 0
    introspecting: bool = False

    def inside(self, node: FieldNode) -> "_Place":
        name = node.name.value
        if name in INTROSPECTION_ROOTS:
            return _Place(self.depth + 1, 0, introspecting=True)
        return _Place(self.depth + 1, self.type_lists + (name in TYPE_LISTS), self.introspecting)


@dataclass(slots=True)
class _Totals:
    """What a definition amounts to; `spreads` is what remains to be added."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    introspections: int = 0
    introspection_aliases: int = 0
    introspection_nesting: int = 0
    type_lists: int = 0  # matters only where the definition is spread inside of an introspection
    spreads: list[tuple[str, _Place]] = field(default_factory=list)

    def add_field(self, node: FieldNode, place: _Place) -> _Place:
        inner = place.inside(node)
        self.fields += 1
        self.root_fields += place.depth == 0
        self.depth = max(self.depth, inner.depth)
        self.type_lists = max(self.type_lists, inner.type_lists)
        self.introspections += node.name.value in INTROSPECTION_ROOTS
        if node.alias:
            self.aliases += 1
            self.introspection_aliases += place.introspecting
        if inner.introspecting:
            self.introspection_nesting = max(self.introspection_nesting, inner.type_lists)
        return inner

    def add_spread(self, fragment: "_Totals", place: _Place) -> None:
        type_lists = place.type_lists + fragment.type_lists
        introspecting = place.introspecting
        self.fields += fragment.fields
        self.root_fields += fragment.root_fields if place.depth == 0 else 0
        self.aliases += fragment.aliases
        self.directives += fragment.directives
        self.introspections += fragment.introspections
        self.introspection_aliases += fragment.aliases if introspecting else fragment.introspection_aliases
        self.depth = max(self.depth, place.depth + fragment.depth)
        self.type_lists = max(self.type_lists, type_lists)
        nesting = type_lists if introspecting else fragment.introspection_nesting
        self.introspection_nesting = max(self.introspection_nesting, nesting)


Definition = OperationDefinitionNode | FragmentDefinitionNode


def exceeded(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """Name the first limit that the document exceeds, if it exceeds one."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    if len(operations) > limits.operations:
        return _error("operations", len(operations), limits.operations)
    if len(fragments) > limits.fragments:
        return _error("fragments", len(fragments), limits.fragments)
    measured = _measure_fragments({node.name.value: node for node in fragments})
    for operation in operations:
        totals = _measure(operation)
        for name, place in totals.spreads:
            if name in measured:
                totals.add_spread(measured[name], place)
        if error := _first_exceeded(totals, limits):
            return error
    # Validation refuses a fragment that nobody spreads, and must survive it before.
    for totals in measured.values():
        totals.root_fields = 0
        if error := _first_exceeded(totals, limits):
            return error
    return None


def _measure_fragments(definitions: dict[str, FragmentDefinitionNode]) -> dict[str, _Totals]:
    """Measure each fragment once, the spread before the spreading.

    Walks without recursion, as a chain of fragments may be longer than the interpreter's stack. A spread that
    closes a circle adds nothing: validation reports it.
    """
    measured: dict[str, _Totals] = {}
    finished: set[str] = set()
    waiting: list[tuple[str, Iterator[tuple[str, _Place]]]] = []

    def begin(name: str) -> None:
        measured[name] = totals = _measure(definitions[name])
        waiting.append((name, iter(totals.spreads)))

    for root in definitions:
        if root not in measured:
            begin(root)
        while waiting:
            name, spreads = waiting[-1]
            for spread, _ in spreads:
                if spread in definitions and spread not in measured:
                    begin(spread)
                    break
            else:
                waiting.pop()
                for spread, place in measured[name].spreads:
                    if spread in finished:
                        measured[name].add_spread(measured[spread], place)
                finished.add(name)
    return measured


def _measure(definition: Definition) -> _Totals:
    """Walk one definition, and only note what it spreads."""
    totals = _Totals(directives=len(definition.directives or ()))
    for variable in definition.variable_definitions or ():
        totals.directives += len(variable.directives or ())
    stack: list[tuple[SelectionSetNode, _Place]] = [(definition.selection_set, _Place())]
    while stack:
        selection_set, place = stack.pop()
        for node in selection_set.selections:
            totals.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                inner = totals.add_field(node, place)
                if node.selection_set:
                    stack.append((node.selection_set, inner))
            elif isinstance(node, InlineFragmentNode):
                stack.append((node.selection_set, place))
            elif isinstance(node, FragmentSpreadNode):
                totals.spreads.append((node.name.value, place))
    return totals


_COMPARED = (
    "depth", "fields", "aliases", "directives", "root_fields",
    "introspections", "introspection_aliases", "introspection_nesting",
)  # fmt: skip


def _first_exceeded(totals: _Totals, limits: Limits) -> GraphQLError | None:
    for name in _COMPARED:
        found, limit = getattr(totals, name), getattr(limits, name)
        if found > limit:
            return _error(name, found, limit)
    return None


def _error(name: str, found: int, limit: int) -> GraphQLError:
    # Chained fragments make numbers of a hundred digits: beyond the first million they say no more.
    shown = f"{found:,}" if found < 1_000_000 else "over a million"
    message = f"The document exceeds a limit: {name.replace('_', ' ')} {shown}, at most {limit:,}."
    return coded(message, Code.LIMIT_EXCEEDED)
