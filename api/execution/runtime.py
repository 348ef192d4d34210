"""The engine: a request goes in, with who sends it; a result comes out, or a stream of them.

Every operation gets a context of its own, and so does every event of a subscription: a context holds loaders, and
a loader that lives for hours answers with what was true hours ago.

`_build` is the only place that names graphql-core's executor.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute_root_selection_set,
    located_error,
)
from graphql.execution import create_source_event_stream, execute_subscription_event
from typing_extensions import override

from api.execution.documents import Documents
from api.execution.errors import Code, Refused, coded, format_bug, format_execution_errors, format_request_errors
from api.execution.limits import DEFAULT_LIMITS, Limits
from api.execution.persisted import PersistedDocuments
from api.execution.requests import NOTHING, GraphQLRequest
from api.execution.results import Result, refusal
from api.execution.resumption import resume

Caller = TypeVar("Caller")

# Header names are lower case. On a socket the keys of the `connection_init` payload are among them.
Authenticate: TypeAlias = Callable[[Mapping[str, str]], Awaitable[Caller]]
MakeContext: TypeAlias = Callable[[Caller, str], object]

COERCION_ERRORS_MAX = 10


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that may be executed, once its variables are found to be right."""

    document: DocumentNode
    node: OperationDefinitionNode
    name: str | None
    variables: Mapping[str, Any]

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation


class Engine(Generic[Caller]):
    """Executes the documents of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        authenticate: Authenticate[Caller],
        context: MakeContext[Caller],
        limits: Limits = DEFAULT_LIMITS,
        deadline_s: float = 30.0,
        trusted_documents: Mapping[str, str] = NOTHING,
    ) -> None:
        self.schema = schema
        self.authenticate = authenticate
        self.documents = Documents(schema, limits)
        self.persisted = PersistedDocuments(trusted_documents)
        self._make_context = context
        self._deadline_s = deadline_s

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Result:
        """Execute a query or a mutation."""
        operation = self.prepare(request)
        if isinstance(operation, Operation):
            return await self.run(operation, caller, request_id)
        return self.reject(operation, request_id)

    async def subscribe(
        self, request: GraphQLRequest, caller: Caller, request_id: str
    ) -> "EventStream[Caller] | Result":
        """Execute any operation, for a transport that can stream: a subscription that begins is a stream."""
        operation = self.prepare(request)
        if isinstance(operation, Operation):
            return await self.stream(operation, caller, request_id)
        return self.reject(operation, request_id)

    def prepare(self, request: GraphQLRequest) -> Operation | list[GraphQLError]:
        """Find the operation that a request is about, or what is wrong with the request."""
        text = self.persisted.resolve(request)
        if isinstance(text, GraphQLError):
            return [text]
        document = self.documents.get(text)
        if document.ast is None:
            return document.errors
        self.persisted.remember(request)
        node = document.operation(request.operation_name)
        if isinstance(node, GraphQLError):
            return [node]
        return Operation(document.ast, node, request.operation_name, request.variables)

    def resume(self, operation: Operation, cursor: str) -> Operation:
        """Return a subscription that begins after a cursor, if it can begin anywhere else than now."""
        document, node = resume(operation.document, operation.node, self.schema, cursor)
        return Operation(document, node, operation.name, operation.variables)

    def reject(self, errors: list[GraphQLError], request_id: str, *, status: int = 400) -> Result:
        """Say what is wrong with a request."""
        return Result(errors=format_request_errors(errors, request_id), executed=False, status=status)

    async def run(self, operation: Operation, caller: Caller, request_id: str) -> Result:
        """Execute a query or a mutation that was prepared."""
        if operation.type is OperationType.SUBSCRIPTION:
            return self.reject([coded(NEEDS_STREAM, Code.STREAM_REQUIRED)], request_id, status=406)

        async def execute() -> Result:
            executor = self._build(operation, self._make_context(caller, request_id))
            if isinstance(executor, list):
                return self.reject(executor, request_id)
            return _executed(await _finished(execute_root_selection_set(executor)), request_id)

        return await self._guarded(execute, request_id)

    async def stream(self, operation: Operation, caller: Caller, request_id: str) -> "EventStream[Caller] | Result":
        """Execute any operation that was prepared."""
        if operation.type is OperationType.SUBSCRIPTION:
            return await self.open(operation, caller, request_id)
        return await self.run(operation, caller, request_id)

    async def open(self, operation: Operation, caller: Caller, request_id: str) -> "EventStream[Caller] | Result":
        """Begin a subscription that was prepared."""
        opened: EventStream[Caller] | None = None

        async def begin() -> Result:
            nonlocal opened
            executor = self._build(operation, self._make_context(caller, request_id))
            if isinstance(executor, list):
                return self.reject(executor, request_id)
            source = await _finished(create_source_event_stream(executor))
            if isinstance(source, ExecutionResult):
                errors = format_execution_errors(source.errors or (), request_id)
                return Result(errors=errors, executed=False)
            events = cast("AsyncIterable[Any]", source)
            opened = EventStream(self, executor, events, lambda: self._make_context(caller, request_id), request_id)
            return Result()

        result = await self._guarded(begin, request_id)
        return opened or result

    def _build(self, operation: Operation, context: object) -> Executor[Any] | list[GraphQLError]:
        """Make an executor for one operation, or say what is wrong with its variables."""
        executor = Executor.build(
            self.schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(operation.variables),
            operation_name=operation.name,
            max_coercion_errors=COERCION_ERRORS_MAX,
        )
        if isinstance(executor, list):
            return [coded(error.message, Code.BAD_USER_INPUT, at=error) for error in executor]
        return executor

    async def _guarded(self, work: Callable[[], Awaitable[Result]], request_id: str) -> Result:
        """Do a piece of work before the deadline, and answer whatever happens in it."""
        try:
            async with asyncio.timeout(self._deadline_s) as deadline:
                return await work()
        except TimeoutError as error:
            if deadline.expired():
                message = f"The operation took longer than {self._deadline_s:g} seconds."
                return self.reject([coded(message, Code.DEADLINE_EXCEEDED)], request_id, status=504)
            return _failed(error, request_id)
        except Refused as refused:
            return refusal(refused, request_id)
        except Exception as error:
            return _failed(error, request_id)


class EventStream(AsyncIterator[Result], Generic[Caller]):
    """The results of a subscription, one for each event of its source.

    A class and not an asynchronous generator, because closing a generator that nobody iterated runs none of its
    code: the source would stay open.
    """

    def __init__(
        self,
        engine: Engine[Caller],
        executor: Executor[Any],
        source: AsyncIterable[Any],
        make_context: Callable[[], object],
        request_id: str,
    ) -> None:
        self._engine = engine
        self._executor = executor
        self._source = aiter(source)
        self._make_context = make_context
        self._request_id = request_id
        self._ended = False

    @override
    async def __anext__(self) -> Result:
        if self._ended:
            raise StopAsyncIteration
        try:
            event = await anext(self._source)
        except StopAsyncIteration:
            self._ended = True
            raise
        except Exception as error:
            self._ended = True
            errors = format_execution_errors([located_error(error)], self._request_id)
            return Result(errors=errors, executed=False)
        return await self._engine._guarded(lambda: self._execute(event), self._request_id)  # noqa: SLF001

    async def aclose(self) -> None:
        """End the subscription at its source. May be called again."""
        self._ended = True
        aclose = getattr(self._source, "aclose", None)
        if aclose is not None:
            await aclose()

    async def _execute(self, event: object) -> Result:
        executor = self._executor.build_per_event_executor(event)
        executor.context_value = self._make_context()
        return _executed(await _finished(execute_subscription_event(executor)), self._request_id)


NEEDS_STREAM = (
    "A subscription needs a stream: open a WebSocket with the subprotocol `graphql-transport-ws`, "
    "or send the header `Accept: text/event-stream`."
)

T = TypeVar("T")


async def _finished(value: Awaitable[T] | T) -> T:
    """Wait for a value if it must be waited for: the executor returns what is ready at once."""
    if isinstance(value, Awaitable):
        return await cast("Awaitable[T]", value)
    return value


def _executed(result: ExecutionResult, request_id: str) -> Result:
    return Result(data=result.data, errors=format_execution_errors(result.errors or (), request_id))


def _failed(error: Exception, request_id: str) -> Result:
    return Result(errors=(format_bug(error, request_id),), executed=False, status=500)
