"""A compiled operation that is executed without a task: begun at once, gone on with as its loads come, and told.

A task costs as much as a small operation. Most operations wait for nothing but loads, which call back; what does run as
a coroutine gets a task of its own where it begins.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from api.execution.compiler import Compiled
from api.execution.errors import format_execution_errors
from api.execution.guard import Guard, failure
from api.execution.results import Result
from api.execution.runtime import Execution


class Call:
    """One execution, within the time that every one has."""

    __slots__ = ("_data", "_done", "_execution", "_guard", "_request_id")

    def __init__(self, guard: Guard, request_id: str, done: Callable[[Result], None]) -> None:
        self._guard = guard
        self._request_id = request_id
        self._done = done

    def begin(self, compiled: Compiled, execution: Execution, data: dict[str, Any]) -> None:
        """Go on with an execution that has begun, and tell its result, once; perhaps at once."""
        self._execution, self._data = execution, data
        if not execution.is_waiting and not compiled.is_serial:
            self._done(answer(execution, data, self._request_id))
            return
        self._guard.watch(self, asyncio.get_running_loop())
        compiled.then(execution, data, self._end)

    def __call__(self) -> None:
        """Hear that it is late."""
        self._execution.stop()
        self._done(self._guard.late(self._request_id))

    def _end(self, error: Exception | None) -> None:
        self._guard.release(self)
        if error is not None:
            self._done(failure(error, self._request_id))
        else:
            self._done(answer(self._execution, self._data, self._request_id))


def answer(execution: Execution, data: dict[str, Any], request_id: str) -> Result:
    """Return what a compiled operation came to."""
    if execution.errors or execution.is_null:
        errors = format_execution_errors(execution.errors, request_id)
        return Result(data=None if execution.is_null else data, errors=errors)
    return Result(data)
