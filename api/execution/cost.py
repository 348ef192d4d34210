"""The cost of an operation: before it is executed, as what it may come to; afterwards, as what it came to.

Both are the same sum over the same tree. Before, a list counts with the size that was asked for or is assumed;
afterwards, with the objects that are in the answer, and what is below null or was left out does not count at all.

The tree is made once for each operation of a document, after its validation: only what costs anything is in it, and
what does not hang on a variable is added up already. The limits of documents come before, so there are at most a
thousand fields, spread fragments included.

An upper bound where the document cannot tell: fields on several types of an interface or a union count together, and
`@skip` and `@include` count as if they were not there. What was not executed is not in the answer, and so is refunded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GRAPHQL_MAX_INT,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    value_from_ast_untyped,
    visit,
)

from api.execution.weights import FieldWeight, ListSize, Path, Weights
from api.execution.written import Written

Variables: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a list that hangs on variables."""

    assumed: int
    sources: tuple[tuple[ValueNode, Path], ...]

    def of(self, variables: dict[str, Any]) -> int:
        """Return the size for these variables."""
        sizes = [size for node, path in self.sources if (size := _size(node, path, variables)) is not None]
        return max(sizes, default=self.assumed)


@dataclass(frozen=True, slots=True)
class Step:
    """A field that costs something, or has something below it that does."""

    key: str
    weight: int
    each: int
    size: Size | int
    steps: tuple["Step", ...]
    fixed: int | None  # the sum, if it hangs on no variable

    def requested(self, variables: dict[str, Any]) -> int:
        """Return what the field may come to."""
        if self.fixed is not None:
            return self.fixed
        size = self.size if isinstance(self.size, int) else self.size.of(variables)
        return self.weight + size * (self.each + sum(step.requested(variables) for step in self.steps))

    def actual(self, value: object) -> int:
        """Return what the field came to, by its value in the answer."""
        if value is None:
            return self.weight
        if type(value) is Written:
            return self.weight + value.count * self._inside((value.like,))
        if not self.steps:
            return self.weight + self.each * (len(value) if type(value) is list else 1)
        return self.weight + self._inside(value if type(value) is list else (value,))

    def _inside(self, values: Iterable[object]) -> int:
        """Return what objects came to; an answer has hundreds, so most are counted without a call for each."""
        total = 0
        for value in values:
            if type(value) is dict:
                total += self.each
                for step in self.steps:
                    if step.key in value:
                        found = value[step.key]
                        if found is None:
                            total += step.weight
                        elif type(found) is Written:
                            total += step.weight + found.count * step._inside((found.like,))  # noqa: SLF001 - its own
                        elif step.steps:
                            total += step.weight + step._inside(found if type(found) is list else (found,))  # noqa: SLF001 - its own
                        else:
                            total += step.weight + step.each * (len(found) if type(found) is list else 1)
            elif type(value) is list:
                total += self._inside(value)
        return total


class Price:
    """What one operation of a document costs."""

    __slots__ = ("_defaults", "_fixed", "_inputs", "_steps", "_weights", "base")

    def __init__(
        self,
        weights: Weights,
        base: int,
        steps: tuple[Step, ...],
        inputs: tuple[tuple[ValueNode, str], ...],
        defaults: dict[str, Any],
    ) -> None:
        self.base = base  # of any such operation, whatever it selects
        self._weights = weights
        self._steps = steps
        self._inputs = inputs
        self._defaults = defaults
        fixed = [step.fixed for step in steps if step.fixed is not None]
        self._fixed = base + sum(fixed) if len(fixed) == len(steps) and not inputs else None

    def requested(self, variables: Variables) -> int:
        """Return what the operation may come to with these variables, as they were sent."""
        if self._fixed is not None:
            return self._fixed
        given = {**self._defaults, **variables}
        return self.base + self._given(given) + sum(step.requested(given) for step in self._steps)

    def actual(self, data: Mapping[str, Any], variables: Variables) -> int:
        """Return what the operation came to, by its answer. What was sent has cost what it costs."""
        total = self.base
        if self._inputs:
            total += self._given({**self._defaults, **variables})
        for step in self._steps:
            if step.key in data:
                total += step.actual(data[step.key])
        return total

    def _given(self, variables: dict[str, Any]) -> int:
        return sum(self._weigh(value_from_ast_untyped(node, variables), kind) for node, kind in self._inputs)

    def _weigh(self, value: object, kind: str) -> int:
        if isinstance(value, list):
            return sum(self._weigh(one, kind) for one in value)
        if not isinstance(value, dict):
            return 0
        total = 0
        for one in self._weights.of_input(kind):
            if (inner := value.get(one.name)) is not None:
                total += one.weight
                if one.inside is not None:
                    total += self._weigh(inner, one.inside)
        return total


class Pricing:
    """Finds the prices of the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, text: str) -> None:
        self._schema = schema
        self._weights = Weights(schema, text)

    def price(self, document: DocumentNode, operation: OperationDefinitionNode) -> Price:
        """Return the price of an operation of a valid document."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101 - the document is valid
        work = _Compilation(self._schema, self._weights, document)
        steps = work.steps([(operation.selection_set, root)], {})
        defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }
        return Price(self._weights, self._weights.of_type(root), steps, tuple(work.inputs), defaults)


Selections: TypeAlias = list[tuple[SelectionSetNode, GraphQLNamedType]]


class _Compilation:
    """Makes the tree of one operation."""

    def __init__(self, schema: GraphQLSchema, weights: Weights, document: DocumentNode) -> None:
        self._schema = schema
        self._weights = weights
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.inputs: list[tuple[ValueNode, str]] = []

    def steps(self, selections: Selections, sizes: Mapping[str, Size | int]) -> tuple[Step, ...]:
        """Return the steps of what is selected together; `sizes` of its lists are known from above, by field."""
        made = (self._step(key, found, sizes) for key, found in self._collect(selections).items())
        return tuple(step for step in made if step is not None)

    def _collect(self, selections: Selections) -> dict[str, list[tuple[FieldNode, FieldWeight]]]:
        """Group fields by their key in the answer, as execution does: what is selected twice is resolved once."""
        found: dict[str, list[tuple[FieldNode, FieldWeight]]] = {}
        spread: set[str] = set()
        stack = list(selections)
        while stack:
            selection_set, parent = stack.pop()
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    weight = self._weights.of_field(parent, node.name.value)
                    if weight is not None:
                        key = node.alias.value if node.alias else node.name.value
                        found.setdefault(key, []).append((node, weight))
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    kind = self._schema.type_map[condition.name.value] if condition else parent
                    stack.append((node.selection_set, kind))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    stack.append((fragment.selection_set, self._schema.type_map[fragment.type_condition.name.value]))
        return found

    def _step(
        self, key: str, found: list[tuple[FieldNode, FieldWeight]], sizes: Mapping[str, Size | int]
    ) -> Step | None:
        node, first = found[0]
        arguments = {one.name.value: one for one in node.arguments or ()}
        for name, kind in first.arguments:
            if name in arguments:
                self.inputs.append((arguments[name].value, kind))
        own = _measure(first.size, arguments) if first.size else 1
        named = first.size.sized_fields if first.size else frozenset()
        size = sizes.get(node.name.value, 1 if named else own) if first.is_list else 1
        selections = [(one.selection_set, weight.returns) for one, weight in found if one.selection_set]
        steps = self.steps(selections, dict.fromkeys(named, own))
        weight = max(one.weight for _, one in found)
        each = max(one.each for _, one in found)
        if not (weight or each or steps):
            return None
        below = [step.fixed for step in steps]
        fixed = None
        if isinstance(size, int) and None not in below:
            fixed = weight + size * (each + sum(one for one in below if one is not None))
        return Step(key, weight, each, size, steps, fixed)


def _measure(size: ListSize, arguments: Mapping[str, ArgumentNode]) -> Size | int:
    """Return the size of a list, as a number if no variable decides on it."""
    sources = tuple((arguments[path[0]].value, path[1:]) for path in size.slicing if path[0] in arguments)
    measured = Size(size.assumed, sources)
    return measured if _holds_variables(node for node, _ in sources) else measured.of({})


def _size(node: ValueNode, path: Path, variables: dict[str, Any]) -> int | None:
    """Return the number that an argument says, or the length of its list; None if it says nothing."""
    value: Any
    if isinstance(node, VariableNode):  # nearly always, and much faster
        value = variables.get(node.name.value)
    else:
        value = value_from_ast_untyped(node, variables)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, list):
        return len(value)
    if isinstance(value, float) and value.is_integer():  # JSON knows one kind of number, and so does Int
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value <= GRAPHQL_MAX_INT:
        return max(value, 0)
    return None  # it will be refused for what it is


class _VariableFinder(Visitor):
    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _holds_variables(nodes: Iterable[ValueNode]) -> bool:
    finder = _VariableFinder()
    for node in nodes:
        visit(node, finder)
    return finder.found
