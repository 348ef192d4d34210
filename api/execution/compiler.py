"""The compiler: an operation of a valid document becomes Python functions, one for each selection of fields.

graphql-core finds out anew for each request what a document selects, what its fields' types are, how each value is
completed. For one document all of that is always the same, so it is found out once and written down as straight-line
Python, with the usual case of each type inline. Whatever is unusual is left to `completion` and `runtime`.

Which fields `@skip` and `@include` leave is decided by a few Boolean variables: each of their combinations is compiled
on its own, so generated code knows no conditions, and graphql-core's own `collect_fields` says what is selected.

Generated text holds names that are made here, attributes that the schema names, and keys of the answer by `repr`:
nothing else that comes from a client.

What is not compiled, and left to graphql-core: introspection, arguments on fragments, @defer and @stream,
@experimental_disableErrorPropagation, and more fields than `FIELDS_MAX` (compiling takes time, in which nobody else is
served).
"""

import builtins
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    is_leaf_type,
)

from api.execution.awaiting import settle
from api.execution.below import Below
from api.execution.cells import Selected, beside_of, cells_of
from api.execution.completion import (
    Select,
    a_list,
    an_abstract,
    an_interpreted,
    an_object,
    non_null,
)
from api.execution.inlining import READ_ROW, RECALL, REMEMBER, Inline, List, Object, Rows
from api.execution.leaves import Usual
from api.execution.reading import attribute_of, class_of, is_of_object_alone, origin_of, read_of, remembers
from api.execution.resolving import resolver_of
from api.execution.runtime import Complete, Done, Execution, Plan, Position, Spot
from api.execution.selections import FIELDS_MAX, NotCompiled, Selections
from api.execution.tables import Beside, Table
from api.execution.written import WrittenList

__all__ = ["FIELDS_MAX", "Compiled", "NotCompiled"]

INTROSPECTION = frozenset({"__schema", "__type"})


class Compiled:
    """A compiled operation, for one combination of its conditions."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        conditions: dict[str, Any],
        wrote: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Compile an operation of a valid document. `wrote` is told the text of each function, also of later ones.

        Raises: NotCompiled.
        """
        self._plan = Plan(schema, document, operation)
        self._compilation = _Compilation(self._plan, conditions, wrote)
        root = schema.get_root_type(operation.operation)
        if root is None:
            raise NotCompiled("the schema has no such operations")
        self._steps = self._compilation.root(root)

    @property
    def source(self) -> str:
        """The Python text that was generated so far: functions for types that are met at run time come to it."""
        return self._compilation.source

    def begin(
        self, context: object, root: object, variables: dict[str, Any], raw_variables: Mapping[str, Any]
    ) -> tuple[Execution, dict[str, Any]]:
        """Begin an execution, and return it with its answer, which is not finished while the execution is waiting.

        A mutation's fields are executed one after another by `go_on`.
        """
        execution = Execution(self._plan, context, root, variables, raw_variables)
        data: dict[str, Any] = {}
        self._step(0, execution, data)
        return execution, data

    @property
    def is_serial(self) -> bool:
        """Whether there are more steps than the first."""
        return len(self._steps) > 1

    async def finish(self, execution: Execution, data: dict[str, Any]) -> None:
        """Finish an execution that has begun."""
        await execution.finish()
        for number in range(1, len(self._steps)):
            if execution.is_null:
                return
            self._step(number, execution, data)
            await execution.finish()

    def then(self, execution: Execution, data: dict[str, Any], done: Done) -> None:
        """Finish an execution that has begun, without a task: call back, perhaps at once, when it is finished."""
        if len(self._steps) == 1:
            execution.then(done)
            return
        numbers = iter(range(1, len(self._steps)))

        def go_on(error: Exception | None) -> None:
            number = next(numbers, None)
            if error is not None or number is None or execution.is_null:
                done(error)
                return
            try:
                self._step(number, execution, data)
            except Exception as failed:
                execution.stop()
                done(failed)
            else:
                execution.then(go_on)

        execution.then(go_on)

    def _step(self, number: int, execution: Execution, data: dict[str, Any]) -> None:
        try:
            self._steps[number](execution, execution.root, data)
        except GraphQLError as error:
            execution.nullify(error)


Step = Callable[[Execution, Any, dict[str, Any]], None]


class _Compilation:
    """Writes the functions of one operation; those of abstract types when a first value of a type is met."""

    def __init__(self, plan: Plan, conditions: dict[str, Any], wrote: Callable[[str], None]) -> None:
        self._plan = plan
        self._wrote = wrote
        self._names: dict[str, Any] = {"__builtins__": builtins, "settle": settle, "Undefined": Undefined}
        self._selections = Selections(plan, conditions, self._keep)
        # Whether what is being written hangs on its object alone, so far.
        self._is_of_object_alone = True
        self._sources: list[str] = []
        # What completes many objects by their rows, by what completes one.
        self._by_rows: dict[Select, Rows] = {}
        # What a field is told of the selection of its object, by what completes it; and that of the one at hand.
        self._below_of: dict[Select, Below] = {}
        self._below = Below()

    @property
    def source(self) -> str:
        """The Python text that was generated so far, all of it."""
        return "\n\n".join(self._sources)

    def root(self, kind: GraphQLObjectType) -> list[Step]:
        """Return what executes the operation: one step, or one for each field of a mutation."""
        found = self._selections.root(kind)
        groups = [found]
        if self._plan.operation.operation is OperationType.MUTATION:
            groups = [{key: details} for key, details in found.items()]
        return [self._step(kind, group) for group in groups] or [lambda *_: None]

    def _step(self, kind: GraphQLObjectType, group: Any) -> Step:
        body = [self._field(kind, None, key, details, "None") for key, details in group.items()]
        step: Step = self._define("step", kind, "x, s, d", body or ["pass"])
        return step

    def select(self, kind: GraphQLObjectType, details: list[Any]) -> Select:
        """Return what executes the fields that are selected of an object."""
        return self._select(kind, details, origin_of(kind))

    def _select(self, kind: GraphQLObjectType, details: list[Any], origin: type | None) -> Select:
        """Write the function of a selection, of objects of just one class if that may be known."""
        found = self._selections.below(kind, details)
        outer, self._is_of_object_alone = self._is_of_object_alone, True
        around, self._below = self._below, Below()
        read = cells_of(kind, origin, found, self._selections)
        written = read.rest if read is not None else found
        fields = [self._field(kind, origin, key, details, "p") for key, details in written.items()]
        is_remembered = self._is_of_object_alone and remembers(origin)
        self._is_of_object_alone &= outer
        is_read = read is not None or any(self._reads(kind, origin, details) for details in found.values())
        others = self._keep("G", self._of_others(kind, details)) if is_read or is_remembered else ""
        rows, body = None, ["d = {}", *fields]
        if read is not None and origin is not None:
            table = self._table(kind, origin, read)
            rows = self._rows(kind, table, read, fields)
            body = [READ_ROW.format(self._keep("T", table.read_one), read.holder, others)]
            if rows.rest is not None:
                body.append(f"{rows.rest}(x, s, p, d)")
        if is_remembered:
            body = [RECALL.format(self._name("select", kind)), *body, REMEMBER.format(self._name("select", kind))]
        if others:
            body = [f"if type(s) is not {self._keep('C', origin)}:\n    return {others}(x, s, p)", *body]
        select: Select = self._define("select", kind, "x, s, p", [*body, "return d"])
        if rows is not None:
            self._by_rows[select] = rows
        self._below_of[select], self._below = self._below, around
        return select

    def _table(self, kind: GraphQLObjectType, origin: type, read: Selected) -> Table:
        return Table(origin, read, self._keep, lambda taken, body: self._define("read", kind, taken, body))

    def _rows(self, kind: GraphQLObjectType, table: Table, read: Selected, fields: list[str]) -> Rows:
        """Write what completes many objects by their rows: what is read of these, and the rest of the fields."""
        rest, put = self._define("rest", kind, "x, s, p, d", fields).__name__ if fields else None, None
        with self._selections.counted_before():
            found = beside_of(kind, read, self._selections)
        if found is not None:
            other = self._table(found.kind, found.origin, found.read)
            put = self._keep("B", Beside(found.key, found.column, other).put)
        written = WrittenList.of(read, found)
        write, form = (self._keep("W", written.write), written.form) if written is not None else (None, None)
        return Rows(self._keep("T", table.takes), self._keep("T", table.read), rest, put, write, form)

    def _of_others(self, kind: GraphQLObjectType, details: list[Any]) -> Select:
        """Return the same selection for objects of whatever class, which is written when one is met."""
        written: list[Select] = []

        def select(execution: Execution, value: Any, position: Position | None) -> dict[str, Any]:
            if not written:
                with self._selections.counted_before():
                    written.append(self._select(kind, details, None))
            return written[0](execution, value, position)

        return select

    def _reads(self, kind: GraphQLObjectType, origin: type | None, details: list[Any]) -> bool:
        field = self._selections.field(kind, details[0].node.name.value)
        return field is not None and read_of(field, origin) is not None

    def _name(self, verb: str, kind: GraphQLObjectType) -> str:
        """Return the name of the next function."""
        return f"{verb}_{kind.name}_{len(self._sources)}"

    def _define(self, verb: str, kind: GraphQLObjectType, signature: str, body: list[str]) -> Any:
        name = self._name(verb, kind)
        source = "\n".join([f"def {name}({signature}):", *(indent(one, "    ") for one in body)])
        self._sources.append(source)
        self._wrote(source)
        exec(compile(source, f"<{name}>", "exec"), self._names)  # noqa: S102 - it is our own text, see above
        return self._names[name]

    def _field(self, parent: GraphQLObjectType, origin: type | None, key: str, details: list[Any], around: str) -> str:
        """Write the statements that put one field into the answer `d` of the object `s`."""
        self._selections.count()
        nodes = [one.node for one in details]
        name = nodes[0].name.value
        if name == "__typename":
            return f"d[{key!r}] = {parent.name!r}"
        field = self._selections.field(parent, name)
        if field is None or name in INTROSPECTION:
            raise NotCompiled("it asks about the schema")
        spot = Spot(parent, key, field, nodes, nullable=not isinstance(field.type, GraphQLNonNull))
        spot_name = self._keep("F", spot)
        value = self._value(spot, origin, around)
        usual = self._type(spot, field.type, details)
        self._below.add_form(name, usual.form if isinstance(usual, List) else None)
        target = f"d[{key!r}]"
        if usual.needs_position:
            position = f"q = ({around}, {key!r}, {parent.name!r}, d, {spot.nullable})\n"
            otherwise, failure = f"x.place({spot_name}, v, q)", f"x.fail(e, {spot_name}, q)"
        else:
            position = ""
            otherwise, failure = f"x.place_in({spot_name}, v, {around}, d)", f"x.fail_in(e, {spot_name}, {around}, d)"
        return (
            f"{position}"
            f"try:\n"
            f"    v = {value}\n"
            f"{indent(usual.write('v', target, 'q', otherwise), '    ')}\n"
            f"except Exception as e:\n"
            f"    {target} = {failure}"
        )

    def _value(self, spot: Spot, origin: type | None, around: str) -> str:
        """Write the expression of a field's value."""
        read = read_of(spot.definition, origin)
        if read is not None:
            path = ".".join(["s", *read.path])
            return path if read.make is None else f"{self._keep('M', read.make)}({path})"
        attribute = attribute_of(spot.definition)
        if attribute is not None:
            return f"s.{attribute}"
        self._is_of_object_alone &= is_of_object_alone(spot.definition)
        resolve = self._below.add(spot, resolver_of(spot, self._plan.schema))
        return f"{self._keep('R', resolve)}(s, x, {around})"

    def _type(self, spot: Spot, kind: GraphQLOutputType, details: list[Any]) -> Inline:
        """Give a spot its completion, and return how its usual case is written."""
        if not isinstance(kind, GraphQLNonNull):
            usual, spot.complete = self._nullable_type(spot, kind, details)
            return usual
        usual, complete = self._nullable_type(spot, kind.of_type, details)
        usual.nullable = False
        spot.complete = non_null(complete, spot)
        return usual

    def _nullable_type(self, spot: Spot, kind: Any, details: list[Any]) -> tuple[Inline, Complete]:
        if isinstance(kind, GraphQLList):
            return self._list(spot, kind, details)
        if is_leaf_type(kind):
            return self._selections.leaf(kind)
        if isinstance(kind, GraphQLObjectType):
            classes = Usual()
            certain = class_of(kind)
            if certain is not None:
                classes.add(certain)
            select = self.select(kind, details)
            self._below_of[select].tell(spot)
            usual = Object(self._keep("K", classes), self._keep("S", select), self._by_rows.get(select))
            return usual, an_object(kind, select, spot, classes)
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)  # noqa: S101 - there are no others
        self._is_of_object_alone = False
        return Inline(), an_abstract(kind, lambda found: self._met(found, details, spot), spot)

    def _met(self, kind: GraphQLObjectType, details: list[Any], spot: Spot) -> Complete:
        """Return the completion of an object whose type was found at run time: compiled as far as more may be."""
        try:
            return an_object(kind, self.select(kind, details), spot, Usual())
        except Exception:  # then graphql-core finds the same, and says it as it should be said
            return an_interpreted(kind, details, spot)

    def _list(self, spot: Spot, kind: GraphQLList[Any], details: list[Any]) -> tuple[Inline, Complete]:
        items = Spot(
            spot.parent, spot.key, spot.definition, spot.nodes, nullable=not isinstance(kind.of_type, GraphQLNonNull)
        )
        usual = self._type(items, kind.of_type, details)
        return List(self._keep("F", items), usual), a_list(items)

    def _keep(self, letter: str, value: object) -> str:
        """Give a value a name in the generated text."""
        name = f"{letter}{len(self._names)}"
        self._names[name] = value
        return name
