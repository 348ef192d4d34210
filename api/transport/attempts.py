"""Sending without waiting, as far as that goes.

A broadcast that awaited one send after the other would wait for the slowest client, and one that made a task of each
would spend more on tasks than on sending. So a send is begun here and now, as any coroutine can be: mostly the server
takes the message at once, and that was all. What must wait is left as it stands, to be finished by whoever has time:
nothing is sent twice and nothing is lost, wherever the server chose to wait.
"""

from collections.abc import Awaitable, Generator
from typing import Any

from typing_extensions import override


class Unfinished(Awaitable[None]):
    """Something awaitable that was begun, and has come to wait. Whoever awaits this finishes it."""

    __slots__ = ("_steps", "_waits_for")

    def __init__(self, steps: Generator[Any, Any, None], waits_for: object) -> None:
        self._steps = steps
        self._waits_for = waits_for

    @override
    def __await__(self) -> Generator[Any, Any, None]:
        steps, waits_for = self._steps, self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except GeneratorExit:
                    steps.close()
                    raise
                except BaseException as error:  # a cancellation, for what was begun to hear
                    waits_for = steps.throw(error)
                else:
                    waits_for = steps.send(answer)
        except StopIteration:
            return


def attempt(work: Awaitable[None]) -> Unfinished | None:
    """Do something awaitable until it is done, which is None, or until it has to wait.

    Raises: what the work raises.
    """
    steps: Generator[Any, Any, None] = work.__await__()
    try:
        waits_for = next(steps)
    except StopIteration:
        return None
    return Unfinished(steps, waits_for)
