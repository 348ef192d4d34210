"""How a value becomes part of an answer, by its type: graphql-core's rules, for whatever a resolver may return.

Generated code has the usual case inline (a string where a string is due, an object of a class that was seen before) and
comes here with the rest: nulls, exceptions that were returned, lists that are no lists, types found at run time. What
proves to be usual is added to the `usual` classes of its spot, and is not seen here again.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    Undefined,
    default_type_resolver,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import inspect, is_async_iterable, is_awaitable, is_iterable

from api.execution.awaiting import settle
from api.execution.leaves import Usual
from api.execution.reading import class_of
from api.execution.runtime import Complete, Execution, Later, Position, Spot, path

# Executes the selections of an object.
Select = Callable[[Execution, Any, Position | None], dict[str, Any]]


def non_null(complete: Complete, spot: Spot) -> Complete:
    """Complete a value that must not be null."""
    message = f"Cannot return null for non-nullable field {spot.parent.name}.{spot.name}."

    def complete_non_null(execution: Execution, value: Any, position: Position) -> Any:
        try:
            completed = complete(execution, value, position)
        except Later as later:
            raise Later(later.awaitable, non_null(later.complete, spot)) from None
        if completed is None:
            raise TypeError(message)
        return completed

    return complete_non_null


def an_object(kind: GraphQLObjectType, select: Select, spot: Spot, usual: Usual) -> Complete:
    """Complete an object of one type."""
    is_type_of = kind.is_type_of
    certain = class_of(kind)

    def complete(execution: Execution, value: Any, position: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return None
        if is_type_of is None or type(value) is certain:
            usual.note(value)
            return select(execution, value, position)
        fits = is_type_of(value, execution.info(spot, _around(position)))
        if is_awaitable(fits):
            raise Later(fits, lambda execution, fits, position: select_if(execution, value, position, fits))
        return select_if(execution, value, position, fits)

    def select_if(execution: Execution, value: Any, position: Position, fits: object) -> dict[str, Any]:
        if not fits:
            raise invalid_return_type_error(kind, value, _details(spot))
        return select(execution, value, position)

    return complete


def a_list(items: Spot) -> Complete:
    """Complete a list, whose items have a spot of their own."""

    def complete(execution: Execution, value: Any, position: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return None
        if is_async_iterable(value):
            raise Later(_complete_async_items(items, execution, aiter(value), position), _as_it_is)
        if not is_iterable(value):
            field = f"{items.parent.name}.{items.name}"
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{field}'.")
        return _complete_items(items, execution, value, position)

    return complete


def _complete_items(items: Spot, execution: Execution, value: Iterable[Any], position: Position) -> list[Any]:
    completed: list[Any] = []
    iterator = iter(value)
    try:
        for index, item in enumerate(iterator):
            completed.append(None)
            completed[index] = execution.place(items, item, (position, index, None, completed, items.nullable))
    except Exception:
        settle(_rest(iterator))
        raise
    return completed


def _rest(iterator: Iterable[Any]) -> list[Any]:
    """Return what an iterator still holds, if it can be had."""
    rest: list[Any] = []
    with suppress(Exception):
        rest.extend(iterator)
    return rest


async def _complete_async_items(
    items: Spot, execution: Execution, iterator: AsyncIterator[Any], position: Position
) -> list[Any]:
    """Complete items as they come. Those that have to be awaited are, once the execution turns to them."""
    completed: list[Any] = []
    try:
        while not execution.is_void(position):
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                break
            index = len(completed)
            completed.append(None)
            completed[index] = execution.place(items, item, (position, index, None, completed, items.nullable))
    except Exception:
        with suppress(Exception):
            await iterator.aclose()  # type: ignore[attr-defined]  # not all of them have it
        raise
    return completed


def _as_it_is(_: Execution, value: Any, __: Position) -> Any:
    return value


def an_abstract(
    kind: GraphQLAbstractType, complete_for: Callable[[GraphQLObjectType], Complete], spot: Spot
) -> Complete:
    """Complete an object whose type is found at run time: an interface or a union."""
    resolve_type = kind.resolve_type or default_type_resolver
    completes: dict[str, Complete] = {}

    def complete(execution: Execution, value: Any, position: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return None
        name = resolve_type(value, execution.info(spot, _around(position)), kind)
        if is_awaitable(name):
            raise Later(name, lambda execution, name, position: complete_as(execution, value, position, name))
        return complete_as(execution, value, position, name)

    def complete_as(execution: Execution, value: Any, position: Position, name: Any) -> Any:
        known = completes.get(name) if isinstance(name, str) else None
        if known is None:
            found = _runtime_type(execution, kind, name, spot, value)
            known = completes[name] = complete_for(found)
        return known(execution, value, position)

    return complete


def an_interpreted(kind: GraphQLObjectType, details: list[FieldDetails], spot: Spot) -> Complete:
    """Complete an object with graphql-core, where no more may be compiled."""

    def complete(execution: Execution, value: Any, position: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return None
        executor = execution.interpreter()
        errors = executor.collected_errors.errors
        info, place = execution.info(spot, _around(position)), path(position)
        try:
            completed = executor.complete_object_value(kind, details, info, place, value, None)  # type: ignore[arg-type]
        except Exception:
            execution.errors += errors
            raise
        if is_awaitable(completed):
            raise Later(finish(completed, execution, errors, position), _as_it_is)
        execution.errors += errors
        return completed

    async def finish(completed: Any, execution: Execution, errors: list[GraphQLError], position: Position) -> Any:
        try:
            return await completed
        finally:
            if not execution.is_void(position):
                execution.errors += errors

    return complete


def _runtime_type(
    execution: Execution, kind: GraphQLAbstractType, name: Any, spot: Spot, value: Any
) -> GraphQLObjectType:
    schema = execution.plan.schema
    field = f"{spot.parent.name}.{spot.name}"
    if name is None:
        message = (
            f"Abstract type '{kind}' must resolve to an Object type at runtime for field '{field}'. "
            f"Either the '{kind}' type should provide a 'resolve_type' function "
            "or each possible type should provide an 'is_type_of' function."
        )
    elif not isinstance(name, str):
        message = (
            f"Abstract type '{kind}' must resolve to an Object type at runtime for field '{field}' with value "
            f"{inspect(value)}, received '{inspect(name)}', which is not a valid Object type name."
        )
    elif (found := schema.get_type(name)) is None:
        message = f"Abstract type '{kind}' was resolved to a type '{name}' that does not exist inside the schema."
    elif not isinstance(found, GraphQLObjectType):
        message = f"Abstract type '{kind}' was resolved to a non-object type '{name}'."
    elif not schema.is_sub_type(kind, found):
        message = f"Runtime Object type '{found}' is not a possible type for '{kind}'."
    else:
        return found
    raise GraphQLError(message, spot.nodes)


class _Detail:
    """What graphql-core's own messages want of a field: its node."""

    def __init__(self, node: Any) -> None:
        self.node = node


def _details(spot: Spot) -> Any:
    return [_Detail(node) for node in spot.nodes]


def _around(position: Position) -> Position | None:
    """Return the position of the object whose field it is: items of lists are inside of their field."""
    around: Position | None = position
    while around is not None and isinstance(around[1], int):
        around = around[0]
    return around[0] if around is not None else None
