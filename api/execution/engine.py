"""The engine: a request goes in, with who sends it; a result comes out, or a stream of them.

Every operation gets a context of its own, and so does every event of a subscription: a context holds loaders, and
a loader that lives for hours answers with what was true hours ago.

`_build` is the only place that makes one of graphql-core's executors; `run` and `open` set it going.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeAlias, TypeVar, cast

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    execute_root_selection_set,
)
from graphql.execution import create_source_event_stream

from api.execution.announcements import Announcement, Stream, announced
from api.execution.caching import Caching
from api.execution.calls import Call, answer
from api.execution.documents import Documents
from api.execution.errors import (
    EXPLAIN,
    SAY,
    Code,
    Explain,
    Say,
    as_written,
    coded,
    format_execution_errors,
    unexplained,
)
from api.execution.executables import Begun, Executable, Executables
from api.execution.fanout import Broadcasts
from api.execution.guard import Guard, failure
from api.execution.inputs import COERCION_ERRORS_MAX, bad_input
from api.execution.introspection import Introspections, is_introspection
from api.execution.limits import DEFAULT_LIMITS, Limits
from api.execution.metering import Charge, Meter
from api.execution.operation import Operation, Operations
from api.execution.persisted import PersistedDocuments
from api.execution.requests import NOTHING, GraphQLRequest
from api.execution.results import Result, refusal, rejected
from api.execution.resumption import resume
from api.execution.sharing import View, request_key
from api.execution.sources import SharedSource
from api.execution.streams import EventExecution, EventStream, executed, finished

Caller = TypeVar("Caller")

# Header names are lower case. On a socket the keys of the `connection_init` payload are among them.
Authenticate: TypeAlias = Callable[[Mapping[str, str]], Awaitable[Caller]]
MakeContext: TypeAlias = Callable[[Caller, str], object]
# Hears which deprecated parts of the schema a caller's operation uses, and returns what the caller is told.
Notice: TypeAlias = Callable[[Caller, tuple[str, ...]], Announcement]
# Finds who says messages in the language that the headers ask for.
Interpret: TypeAlias = Callable[[Mapping[str, str]], Say]

NEEDS_STREAM = (
    "A subscription needs a stream: open a WebSocket with the subprotocol `graphql-transport-ws`, "
    "or send the header `Accept: text/event-stream`."
)


class Engine(Generic[Caller]):
    """Executes the documents of one schema."""

    def __init__(  # noqa: PLR0913 - it is put together from these
        self,
        schema: GraphQLSchema,
        *,
        authenticate: Authenticate[Caller],
        context: MakeContext[Caller],
        limits: Limits = DEFAULT_LIMITS,
        deadline_s: float = 30.0,
        trusted_documents: Mapping[str, str] = NOTHING,
        meter: Meter[Caller] | None = None,
        caching: Caching[Caller] | None = None,
        interpret: Interpret = lambda _: as_written,
        explain: Explain = unexplained,
        notice: Notice[Caller] = lambda *_: Announcement(),
        interpreted_first: int = 1,
        view: Callable[[Caller], View[Caller]] | None = None,
    ) -> None:
        self.schema = schema
        self.authenticate = authenticate
        self.documents = Documents(schema, limits)
        self.operations = Operations(self.documents, PersistedDocuments(trusted_documents))
        self.executables = Executables(schema, interpreted_first, self.documents.grow)
        self._introspections = Introspections()
        self._interpret = interpret
        self._explain = explain
        self._notice = notice
        self._make_context = context
        self._meter = meter
        self._caching = caching
        self._guard = Guard(deadline_s)
        self._view = view
        self.broadcasts = Broadcasts()

    def counters(self) -> dict[str, int]:
        """Return what was counted since the process began, by the names under which it is published."""
        counts = self.executables.counts
        return {
            'lucid_executions_total{executor="compiled"}': counts["compiled"],
            'lucid_executions_total{executor="graphql-core"}': counts["interpreted"],
            "lucid_documents": len(self.documents),
        }

    def listen(self, headers: Mapping[str, str]) -> None:
        """Speak the language of these headers from now on, in this task and those that it starts."""
        SAY.set(self._interpret(headers))
        EXPLAIN.set(self._explain)

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Result:
        """Execute a query or a mutation."""
        operation = self.prepare(request, caller, request_id)
        if isinstance(operation, Operation):
            operation = self.charge(operation, caller, request_id)
        return await self.run(operation, caller, request_id) if isinstance(operation, Operation) else operation

    async def subscribe(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Stream | Result:
        """Execute any operation, for a transport that can stream: a subscription that begins is a stream."""
        operation = self.prepare(request, caller, request_id)
        if isinstance(operation, Operation):
            operation = self.charge(operation, caller, request_id)
        return await self.stream(operation, caller, request_id) if isinstance(operation, Operation) else operation

    def prepare(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Operation | Result:
        """Find the operation that a request is about, or what is wrong with the request.

        Raises: Refused, for a caller who has spent more than there was.
        """
        if self._meter is not None:
            self._meter.require_budget(caller)
        operation = self.operations.find(request)
        if isinstance(operation, Operation):
            return operation
        if self._meter is not None:
            self._meter.refuse(caller)
        return rejected(operation, request_id)

    def charge(self, operation: Operation, caller: Caller, request_id: str) -> Operation | Result:
        """Charge the caller for an operation, before it is executed.

        Raises: Refused, when it is more than the caller may spend now.
        """
        if self._meter is None:
            return operation
        charge = self._meter.charge(caller, operation.source, operation.node, operation.variables)
        if not isinstance(charge, Charge):
            return refusal(charge, request_id)
        operation.charge = charge
        return operation

    def quote(self, operation: Operation, caller: Caller) -> Result:
        """Tell what an operation would cost, and do nothing."""
        if self._meter is None:
            return Result()
        return self._meter.quote(caller, operation.source, operation.node, operation.variables)

    def max_age_s(self, operation: Operation, caller: Caller) -> int:
        """Return for how many seconds anybody may keep the answer to a caller's operation; 0: not at all."""
        return self._caching.max_age_s(operation.source, caller) if self._caching is not None else 0

    def resume(self, operation: Operation, cursor: str) -> Operation:
        """Return a subscription that begins after a cursor, if it can begin anywhere else than now."""
        document, node = resume(operation.document, operation.node, self.schema, cursor)
        return replace(operation, document=document, node=node)

    async def run(self, operation: Operation, caller: Caller, request_id: str) -> Result:
        """Execute a query or a mutation that was prepared, and settle what it was charged with."""
        return self._finished(operation, caller, await self._run(operation, caller, request_id))

    def call(
        self,
        operation: Operation,
        executable: Executable,
        caller: Caller,
        request_id: str,
        done: Callable[[Result], None],
    ) -> bool:
        """Execute an operation that was charged, as `run` does, but without a task; `done` is told its result, once.

        Returns False, and has done nothing, where that cannot be: then `run` can.
        """

        def finish(result: Result) -> None:
            try:
                result = self._finished(operation, caller, result)
            except Exception as error:  # nobody else would hear of it, and the client would wait for ever
                result = failure(error, request_id)
            done(result)

        begun = self._begin(operation, executable, caller, request_id)
        if begun is None:
            return False
        if isinstance(begun, Result):
            finish(begun)
        else:
            Call(self._guard, request_id, finish).begin(*begun)
        return True

    def _finished(self, operation: Operation, caller: Caller, result: Result) -> Result:
        """Settle what an operation was charged with, and return its result with what its caller is told beside it."""
        result = self._settle(operation, caller, result)
        announcement = self._announce(operation, caller) if result.executed else None
        return replace(result, headers=announcement.headers) if announcement else result

    def _announce(self, operation: Operation, caller: Caller) -> Announcement | None:
        """Note what an operation uses that will go, and return what its caller is told."""
        source = operation.source
        if not (source.deprecated or source.searched):
            return None
        uses = source.deprecated_uses(operation.node, operation.variables)
        return self._notice(caller, uses) if uses else None

    def _settle(self, operation: Operation, caller: Caller, result: Result) -> Result:
        if self._meter is None or operation.charge is None:
            return result
        return self._meter.settle(caller, operation.charge, operation.variables, result)

    async def _run(self, operation: Operation, caller: Caller, request_id: str) -> Result:
        if operation.type is OperationType.SUBSCRIPTION:
            return rejected([coded(NEEDS_STREAM, Code.STREAM_REQUIRED)], request_id, status=406)

        if is_introspection(operation.node):
            return await self._introspect(operation, caller, request_id)
        executable = self.executables.find(operation.source, operation.node)
        if executable is None:
            return await self._interpret_operation(operation, caller, request_id)
        return await self._execute(operation, executable, caller, request_id)

    async def _introspect(self, operation: Operation, caller: Caller, request_id: str) -> Result:
        """Answer a question about the schema, as it was answered before."""
        text = operation.source.text
        known = self._introspections.find(text, operation.name)
        if known is not None:
            return known
        result = await self._interpret_operation(operation, caller, request_id)
        return self._introspections.keep(text, operation.name, result)

    async def _execute(self, operation: Operation, executable: Executable, caller: Caller, request_id: str) -> Result:
        """Execute an operation that has come before, compiled if it can be."""
        begun = self._begin(operation, executable, caller, request_id)
        if begun is None:
            return await self._interpret_operation(operation, caller, request_id)
        if isinstance(begun, Result):
            return begun
        compiled, execution, data = begun
        if compiled.is_serial or execution.is_waiting:

            async def finish() -> Result:
                await compiled.finish(execution, data)
                return answer(execution, data, request_id)

            return await self._guard(finish, request_id)
        return answer(execution, data, request_id)

    def _begin(self, operation: Operation, executable: Executable, caller: Caller, request_id: str) -> Begun:
        return self.executables.begin(
            executable, operation.variables, lambda: self._make_context(caller, request_id), request_id
        )

    async def _interpret_operation(self, operation: Operation, caller: Caller, request_id: str) -> Result:
        """Execute an operation with graphql-core."""
        self.executables.counts["interpreted"] += 1

        async def execute() -> Result:
            executor = self._build(operation, self._make_context(caller, request_id))
            if isinstance(executor, list):
                return rejected(executor, request_id)
            return executed(await finished(execute_root_selection_set(executor)), request_id)

        return await self._guard(execute, request_id)

    async def stream(self, operation: Operation, caller: Caller, request_id: str) -> Stream | Result:
        """Execute any operation that was prepared, for a transport without headers: the results tell everything."""
        if operation.type is OperationType.SUBSCRIPTION:
            return await self.open(operation, caller, request_id)
        result = self._settle(operation, caller, await self._run(operation, caller, request_id))
        announcement = self._announce(operation, caller) if result.executed else None
        return announcement.in_band(result) if announcement else result

    async def open(self, operation: Operation, caller: Caller, request_id: str) -> Stream | Result:
        """Begin a subscription that was prepared."""
        opened: Stream | None = None

        async def begin() -> Result:
            nonlocal opened
            executor = self._build(operation, self._make_context(caller, request_id))
            if isinstance(executor, list):
                return rejected(executor, request_id)
            source = await finished(create_source_event_stream(executor))
            if isinstance(source, ExecutionResult):
                errors = format_execution_errors(source.errors or (), request_id)
                return Result(errors=errors, executed=False)
            opened = self._follow(operation, executor, cast("AsyncIterable[Any]", source), caller, request_id)
            return Result()

        result = await self._guard(begin, request_id)
        if opened is None:
            return self._settle(operation, caller, result)
        announcement = self._announce(operation, caller)
        return announced(opened, announcement) if announcement else opened

    def _follow(
        self,
        operation: Operation,
        executor: Executor[Any],
        source: AsyncIterable[Any],
        caller: Caller,
        request_id: str,
    ) -> Stream:
        """Follow a source: with others, where that can be, or alone."""

        def execution(of: Caller, its_id: str) -> EventExecution:
            return EventExecution(self._guard, executor, lambda: self._make_context(of, its_id), its_id)

        if self._view is None or not isinstance(source, SharedSource):
            return EventStream(execution(caller, request_id), source)
        view = self._view(caller)
        key = (request_key(operation.source, operation.node, operation.variables), source.topic, view.key)
        return self.broadcasts.follow(key, source, lambda its_id: execution(view.caller, its_id), request_id)

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
            return [bad_input(error) for error in executor]
        return executor
