"""The results of a subscription, one for each event of its source."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from graphql import ExecutionResult, Executor, located_error
from graphql.execution import execute_subscription_event
from typing_extensions import override

from api.execution.errors import format_execution_errors
from api.execution.guard import Guard
from api.execution.results import Result

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EventExecution:
    """Executes what a subscription selects of one event after the other, each in surroundings of its own."""

    guard: Guard
    executor: Executor[Any]
    make_context: Callable[[], object]
    request_id: str

    async def __call__(self, event: object) -> Result:
        """Execute one event."""
        return await self.guard(lambda: self._execute(event), self.request_id)

    async def _execute(self, event: object) -> Result:
        executor = self.executor.build_per_event_executor(event)
        # The copy shares this cache, and each event adds to it what nobody finds again: it would grow for ever.
        executor._relevant_sub_fields = {}  # noqa: SLF001
        executor.context_value = self.make_context()
        return executed(await finished(execute_subscription_event(executor)), self.request_id)


class EventStream(AsyncIterator[Result]):
    """The results of a subscription, one for each event of its source.

    A class and not an asynchronous generator, because closing a generator that nobody iterated runs none of its
    code: the source would stay open.
    """

    def __init__(self, execution: EventExecution, source: AsyncIterable[Any]) -> None:
        self._execution = execution
        self._source = aiter(source)
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
            errors = format_execution_errors([located_error(error)], self._execution.request_id)
            return Result(errors=errors, executed=False)
        return await self._execution(event)

    async def aclose(self) -> None:
        """End the subscription at its source. May be called again."""
        self._ended = True
        aclose = getattr(self._source, "aclose", None)
        if aclose is not None:
            await aclose()


async def finished(value: Awaitable[T] | T) -> T:
    """Wait for a value if it must be waited for: the executor returns what is ready at once."""
    if isinstance(value, Awaitable):
        return await cast("Awaitable[T]", value)
    return value


def executed(result: ExecutionResult, request_id: str) -> Result:
    """Turn what graphql-core says into what callers are told."""
    return Result(data=result.data, errors=format_execution_errors(result.errors or (), request_id))
