"""Executes one operation with graphql-core and compiled, sees that both say the same, and returns what they said.

The tests beside this say what the language demands; so neither executor is right because the other does the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

from api.execution.compiler import Compiled
from api.execution.documents import Document
from api.execution.executables import Executable
from api.execution.inputs import COERCION_ERRORS_MAX
from api.execution.runtime import Execution

NOTHING: Mapping[str, Any] = {}
Make = Callable[[], Any]


@dataclass
class Answer:
    """What came of an operation, and the context that its resolvers were given."""

    data: Any
    #: As a client sees them, those that are deeper or later in a list after those before them.
    errors: list[dict[str, Any]]
    context: Any = field(compare=False, default=None)

    @property
    def told(self) -> list[tuple[str, list[str | int]]]:
        """The messages of the errors, with their paths."""
        return [(one["message"], one.get("path", [])) for one in self.errors]


def schema_of(sdl: str, resolvers: Mapping[str, Any] = NOTHING) -> GraphQLSchema:
    """Return a schema with resolvers by `Type.field`, types by `Type.is` and types of abstract ones by `Type.type`."""
    schema = build_schema(sdl)
    for name, function in resolvers.items():
        kind_name, what = name.split(".")
        kind = schema.type_map[kind_name]
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            assert what == "type"
            kind.resolve_type = function
        elif isinstance(kind, GraphQLObjectType) and what == "is":
            kind.is_type_of = function
        else:
            assert isinstance(kind, GraphQLObjectType)
            kind.fields[what].resolve = function
    return schema


async def answer(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any] = NOTHING,
    *,
    root: Make = lambda: None,
    context: Make = lambda: None,
    operation: str | None = None,
) -> Answer:
    """Execute an operation both ways, each with a root and a context of its own; it has to be compiled."""
    expected = await interpreted(schema, text, variables, root=root(), context=context(), operation=operation)
    executable = executable_of(schema, text, operation)
    coerced = executable.variables.coerce(variables)
    if isinstance(coerced, list):
        found = Answer(None, _shown(coerced), context())
    else:
        compiled = executable.compiled(coerced)
        assert compiled is not None
        found = await executed(Subject(compiled, coerced), variables, root=root(), context=context())
    assert found == expected
    assert repr(found.data) == repr(expected.data)  # the order of keys, and 1 beside 1.0 and true
    assert found.context == expected.context
    return found


async def interpreted(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any] = NOTHING,
    *,
    root: Any = None,
    context: Any = None,
    operation: str | None = None,
) -> Answer:
    """Execute an operation with graphql-core."""
    executor = Executor.build(
        schema,
        parse(text),
        root_value=root,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=operation,
        max_coercion_errors=COERCION_ERRORS_MAX,
    )
    if isinstance(executor, list):
        return Answer(None, _shown(executor), context)
    result = executor.execute_operation()
    if isawaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    return Answer(result.data, _shown(result.errors or []), context)


@dataclass
class Subject:
    """An operation that was compiled, and its variables."""

    compiled: Compiled
    variables: dict[str, Any]


def executable_of(schema: GraphQLSchema, text: str, operation: str | None = None) -> Executable:
    """Return an operation as the engine keeps it."""
    ast = parse(text)
    assert validate(schema, ast) == []
    document = Document(text, ast, [])
    node = document.operation(operation)
    assert isinstance(node, OperationDefinitionNode)
    return Executable(schema, document, node)


def subject_of(schema: GraphQLSchema, text: str, variables: Mapping[str, Any] = NOTHING) -> Subject:
    """Compile an operation for these variables, which are right."""
    executable = executable_of(schema, text)
    coerced = executable.variables.coerce(variables)
    assert isinstance(coerced, dict)
    compiled = executable.compiled(coerced)
    assert compiled is not None
    return Subject(compiled, coerced)


def begin(
    subject: Subject, variables: Mapping[str, Any] = NOTHING, *, root: Any = None, context: Any = None
) -> tuple[Execution, dict[str, Any]]:
    """Begin to execute a compiled operation."""
    return subject.compiled.begin(context, root, subject.variables, variables)


async def executed(
    subject: Subject, variables: Mapping[str, Any] = NOTHING, *, root: Any = None, context: Any = None
) -> Answer:
    """Execute a compiled operation, as the engine does."""
    execution, data = begin(subject, variables, root=root, context=context)
    if subject.compiled.is_serial or execution.is_waiting:
        await subject.compiled.finish(execution, data)
    return Answer(None if execution.is_null else data, _shown(execution.errors), context)


def _shown(errors: list[GraphQLError]) -> list[dict[str, Any]]:
    shown = [dict(error.formatted) for error in errors]
    return sorted(shown, key=lambda one: [(isinstance(key, str), str(key)) for key in one.get("path", [])])
