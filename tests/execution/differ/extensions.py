"""Permissions and field extensions of the schema with Strawberry: of both kinds, and in the hands of the world."""

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry import BasePermission, Info
from strawberry.extensions import FieldExtension
from typing_extensions import override

from tests.execution.differ.acts import key_of
from tests.execution.differ.awaitables import awaitable
from tests.execution.differ.values import Boom
from tests.execution.differ.worlds import World


class Allowed(BasePermission):
    message = "You may not."
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012 - as Strawberry declares it

    @override
    def has_permission(self, source: Any, info: Info[World, None], **kwargs: Any) -> bool | Awaitable[bool]:
        return self._answer(source, info, kwargs)

    def _answer(self, source: Any, info: Info[World, None], given: dict[str, Any]) -> bool:
        key = (*key_of(info), type(self).__name__)
        info.context.call(key, (type(source).__name__, given))
        tape = info.context.tape(key)
        if tape.happens(info.context.nature.fails * 3):
            raise Boom("nobody knows")
        return not tape.happens(info.context.nature.fails)


class Known(Allowed):
    message = "Who are you?"
    error_extensions: dict[str, Any] = {}  # noqa: RUF012 - as Strawberry declares it


class AllowedLater(Allowed):
    message = "You may not, after all."

    @override
    async def has_permission(self, source: Any, info: Info[World, None], **kwargs: Any) -> bool:
        tape = info.context.tape((*key_of(info), "wait"))
        return bool(await awaitable(tape, lambda: self._answer(source, info, kwargs)))


class Marked(FieldExtension):
    """Looks at what comes out, and changes it."""

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        return _marked(next_(source, info, **kwargs))

    @override
    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[World, None], **kwargs: Any
    ) -> Any:
        return _marked(await next_(source, info, **kwargs))


class Numbered(FieldExtension):
    """Changes what goes in, and may answer without asking further."""

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        if info.context.tape((*key_of(info), "answered")).happens(info.context.nature.misfits):
            return "answered"
        return next_(source, info, **{**kwargs, "number": kwargs.get("number", 0) or 5})


class Checked(FieldExtension):
    """Only checks, and says so: then the executor calls the check and the resolver, and nothing of it in between."""

    only_checks = True

    def check(self, info: Info[World, None]) -> None:
        if info.context.tape((*key_of(info), "refused")).happens(info.context.nature.fails):
            raise Boom("refused")

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        self.check(info)
        return next_(source, info, **kwargs)

    @override
    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[World, None], **kwargs: Any
    ) -> Any:
        self.check(info)
        return await next_(source, info, **kwargs)


def _marked(value: Any) -> Any:
    return f"<{value}>" if isinstance(value, str) else value
