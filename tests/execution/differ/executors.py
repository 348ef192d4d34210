"""Runs an operation with graphql-core and compiled, and notes all that can be seen of it from outside."""

import asyncio
import gc
import inspect
import json
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from graphql import ExecutionResult, Executor, GraphQLError, GraphQLSchema, OperationDefinitionNode

from api.execution.documents import Document
from api.execution.executables import Executable
from api.execution.inputs import COERCION_ERRORS_MAX
from api.execution.written import Written
from tests.execution.differ.operations import Generated
from tests.execution.differ.worlds import World

TURNS_MAX = 200
HANGS_S = 2.0


@dataclass
class Outcome:
    """What came of an execution."""

    data: Any = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[Hashable, str]] = field(default_factory=list)
    #: Whether nothing had to be awaited.
    at_once: bool = True
    #: Warnings, and what the event loop was told of.
    complaints: list[str] = field(default_factory=list)
    _is_noted: bool = False

    def note(self, world: World) -> None:
        """Note the calls so far; what goes on in the background, under nulled parents, does not count."""
        if not self._is_noted:
            self.calls, self._is_noted = world.calls.copy(), True


def interpret(schema: GraphQLSchema, operation: Generated, world: World, root: object = None) -> Outcome:
    """Execute with graphql-core."""

    async def execute(outcome: Outcome) -> None:
        executor = Executor.build(
            schema,
            operation.ast,
            root_value=root,
            context_value=world,
            raw_variable_values=dict(operation.variables),
            operation_name=operation.name,
            max_coercion_errors=COERCION_ERRORS_MAX,
        )
        if isinstance(executor, list):
            outcome.errors = [_shown(error) for error in executor]
            return
        result = executor.execute_operation()
        if inspect.isawaitable(result):
            outcome.at_once = False
            result = await result
        else:
            outcome.note(world)
        assert isinstance(result, ExecutionResult)
        outcome.data = result.data
        outcome.errors = [_shown(error) for error in result.errors or ()]

    return _run(execute, world)


class Subject:
    """An operation that is executed compiled, as the engine does."""

    def __init__(self, schema: GraphQLSchema, operation: Generated) -> None:
        document = Document(operation.text, operation.ast, [])
        node = document.operation(operation.name)
        assert isinstance(node, OperationDefinitionNode)
        self._operation = operation
        self._executable = Executable(schema, document, node)

    def is_compiled(self) -> bool:
        """Return whether the operation is compiled for its variables; also when they are wrong."""
        variables = self._executable.variables.coerce(self._operation.variables)
        return isinstance(variables, list) or self._executable.compiled(variables) is not None

    def execute(self, world: World, root: object = None, *, calls_back: bool = False) -> Outcome:
        """Execute it compiled: in a task that waits, or calling back as the direct way of a request does."""

        async def execute(outcome: Outcome) -> None:
            given = self._operation.variables
            variables = self._executable.variables.coerce(given)
            if isinstance(variables, list):
                outcome.errors = [_shown(error) for error in variables]
                return
            compiled = self._executable.compiled(variables)
            assert compiled is not None
            execution, data = compiled.begin(world, root, variables, given)
            if compiled.is_serial or execution.is_waiting:
                turns: list[bool] = []
                asyncio.get_running_loop().call_soon(turns.append, True)
                if calls_back:
                    ended = asyncio.get_running_loop().create_future()
                    compiled.then(execution, data, ended.set_result)
                    assert await ended is None
                else:
                    await compiled.finish(execution, data)
                outcome.at_once = not turns
            if outcome.at_once:
                outcome.note(world)
            outcome.data = None if execution.is_null else _plain(data)
            outcome.errors = [_shown(error) for error in execution.errors]

        return _run(execute, world)


def _plain(data: Any) -> Any:
    """Return data with lists in the place of those that are written."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return json.loads(data.text) if type(data) is Written else data


def _run(execute: Callable[[Outcome], Any], world: World) -> Outcome:
    outcome = Outcome()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.freeze()
        asyncio.run(_watched(execute, outcome))
        if outcome.errors:
            gc.collect()  # what was forgotten complains now, and not in a later run
        gc.unfreeze()
    outcome.complaints += [str(one.message) for one in caught]
    outcome.note(world)
    world.again()
    return outcome


async def _watched(execute: Callable[[Outcome], Any], outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: outcome.complaints.append(str(context)))
    try:
        async with asyncio.timeout(HANGS_S):
            await execute(outcome)
    except TimeoutError:
        outcome.complaints.append("hangs")
    me = {asyncio.current_task()}
    for _ in range(TURNS_MAX):  # what nobody waits for comes to its end
        if asyncio.all_tasks() == me:
            break
        await asyncio.sleep(0)
    else:
        outcome.complaints.append(f"still running: {asyncio.all_tasks() - me}")


def _shown(error: GraphQLError) -> dict[str, Any]:
    origin = error.original_error
    return {**error.formatted, "type": type(error).__name__, "origin": type(origin).__name__ if origin else None}
