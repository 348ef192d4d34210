"""How the value of a field is had: an attribute, a call of graphql-core's resolver, or Strawberry's without its wraps.

Strawberry wraps each resolver in a function that makes an `Info`, converts the arguments and chains the extensions,
anew for each call. All of that is known before, so for the ordinary resolver it is put together here once. What is not
ordinary (an exception handler, an extension that maps arguments, an `Info` class of one's own, an input type that
builds itself) is left to Strawberry, by the resolver that it gave to graphql-core.
"""

from collections.abc import Callable, Mapping
from functools import cached_property, partial, reduce
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo, GraphQLSchema
from strawberry.extensions.field_extension import FieldExtension, build_field_extension_resolvers
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info
from typing_extensions import override

from api.execution.converting import ConvertAll, Unusual, arguments_converter
from api.execution.inputs import Arguments, arguments_of
from api.execution.reading import DEFINITION, selected_below
from api.execution.runtime import Execution, Position, Resolve, Spot

# Raises where a field may not be resolved.
Check: TypeAlias = Callable[[Info[Any, Any]], None]
# Calls a resolver with its object, what it is told, and its arguments.
Apply: TypeAlias = Callable[[Any, Info[Any, Any], dict[str, Any]], Any]


def resolver_of(spot: Spot, schema: GraphQLSchema) -> Resolve:
    """Return what finds the value of a field."""
    arguments = arguments_of(spot.definition, spot.nodes[0])
    definition = spot.definition.extensions.get(DEFINITION)
    if isinstance(definition, StrawberryField) and definition.base_resolver and spot.definition.resolve is not None:
        try:
            return _shortened(spot, schema, definition, arguments)
        except Unusual:
            pass
    resolve = spot.definition.resolve
    if resolve is None:
        return _default(spot, arguments)

    def call(source: Any, execution: Execution, position: Position | None) -> Any:
        found = arguments(execution.variables, execution.variable_values)
        return resolve(source, execution.info(spot, position), **found)

    return call


def _default(spot: Spot, arguments: Arguments) -> Resolve:
    """Look a value up in a mapping or an object, and call it if it can be called: graphql-core's default resolver."""
    name = spot.name

    def look_up(source: Any, execution: Execution, position: Position | None) -> Any:
        value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
        if callable(value):
            found = arguments(execution.variables, execution.variable_values)
            return value(execution.info(spot, position), **found)
        return value

    return look_up


class CompiledInfo(Info[Any, Any]):
    """What a resolver is told about its field. Most ask for the context only: the rest is put together when asked."""

    def __init__(self, execution: Execution, spot: Spot, position: Position | None, field: StrawberryField) -> None:
        self._execution = execution
        self._spot = spot
        self._position = position
        self._field = field

    @cached_property
    @override
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        return self._execution.info(self._spot, self._position)

    def selected(self, path: tuple[str, ...]) -> frozenset[str]:
        """Return the names of the fields that are selected below this one at a path of names, conditions aside."""
        known = self._spot.selected
        found = known.get(path)
        if found is None:
            found = known[path] = selected_below(self._spot.nodes, path, self._execution.plan.fragments)
        return found

    @property
    def found_out(self) -> dict[Any, Any]:
        """What was found out of what is selected, by keys of those who did: it is the same in each execution."""
        return self._spot.found_out

    @property
    def forms(self) -> Mapping[str, Any]:
        """By what the lists of this field's object can be written (`written.Form`), by the names of their fields."""
        return self._spot.forms

    @property
    @override
    def context(self) -> Any:
        return self._execution.context

    @property
    @override
    def root_value(self) -> Any:
        return self._execution.root


def _shortened(spot: Spot, schema: GraphQLSchema, field: StrawberryField, arguments: Arguments) -> Resolve:
    resolver = field.base_resolver
    strawberry_schema = getattr(schema, "_strawberry_schema", None)
    if resolver is None or strawberry_schema is None or not callable(resolver.wrapped_func):
        raise Unusual
    converter = strawberry_schema.schema_converter
    config = converter.config
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    if (
        config.info_class is not Info
        or info_name not in {None, "info"}
        or field.is_subscription
        or converter._get_field_exception_handlers(field)  # noqa: SLF001 - Strawberry has no public name for it
        or any(type(one).map_arguments is not FieldExtension.map_arguments for one in field.extensions)
    ):
        raise Unusual
    convert = arguments_converter(field.arguments, converter)
    function = resolver.wrapped_func
    takes_self = bool(resolver.self_parameter)
    source_names = [one.name for one in (resolver.parent_parameter, resolver.root_parameter) if one]

    def innermost(source: Any, info: Info[Any, Any], **found: Any) -> Any:
        for name in source_names:
            found[name] = source
        if info_name:
            found["info"] = info
        return function(source, **found) if takes_self else function(**found)

    if len(field.extensions) == 1 and getattr(field.extensions[0], "only_checks", False) and not source_names:
        check: Check = field.extensions[0].check  # type: ignore[attr-defined]
        apply = _applied(function, takes_self=takes_self, takes_info=info_name is not None)
        return _checked(check, apply, spot, field, arguments, convert)
    extensions = build_field_extension_resolvers(field)
    chain: Callable[..., Any] = reduce(lambda inner, outer: partial(outer, inner), extensions, innermost)

    call = _called(chain, spot, field, arguments, convert)
    if extensions or source_names:
        return call
    return _plain(call, function, spot, field, takes_self=takes_self, info_name=info_name)


def _called(
    chain: Callable[..., Any], spot: Spot, field: StrawberryField, arguments: Arguments, convert: ConvertAll
) -> Resolve:
    """Return what calls a resolver with its extensions around it."""

    def call(source: Any, execution: Execution, position: Position | None) -> Any:
        found = convert(arguments(execution.variables, execution.variable_values))
        return chain(source, CompiledInfo(execution, spot, position, field), **found)

    def call_later(source: Any, execution: Execution, position: Position | None) -> Any:
        found = arguments(execution.variables, execution.variable_values)
        try:
            return chain(source, CompiledInfo(execution, spot, position, field), **convert(found))
        except Exception as error:  # which Strawberry raises where the field is awaited
            return _raised(error)

    return call_later if field.is_async else call


def _applied(function: Callable[..., Any], *, takes_self: bool, takes_info: bool) -> Apply:
    """Return what calls a resolver with all that it takes."""
    if takes_self:
        if takes_info:
            return lambda source, info, found: function(source, info=info, **found)
        return lambda source, _, found: function(source, **found)
    if takes_info:
        return lambda _, info, found: function(info=info, **found)
    return lambda _, __, found: function(**found)


def _checked(
    check: Check, apply: Apply, spot: Spot, field: StrawberryField, arguments: Arguments, convert: ConvertAll
) -> Resolve:
    """Return what calls a resolver whose one extension does nothing but check."""

    def call(source: Any, execution: Execution, position: Position | None) -> Any:
        found = convert(arguments(execution.variables, execution.variable_values))
        info = CompiledInfo(execution, spot, position, field)
        check(info)
        return apply(source, info, found)

    def call_later(source: Any, execution: Execution, position: Position | None) -> Any:
        found = arguments(execution.variables, execution.variable_values)
        info = CompiledInfo(execution, spot, position, field)
        try:
            found = convert(found)
            check(info)
        except Exception as error:  # which Strawberry raises where the field is awaited
            return _raised(error)
        return apply(source, info, found)

    return call_later if field.is_async else call


async def _raised(error: Exception) -> Any:
    raise error


def _plain(
    call: Resolve,
    function: Callable[..., Any],
    spot: Spot,
    field: StrawberryField,
    *,
    takes_self: bool,
    info_name: str | None,
) -> Resolve:
    """Return a shorter way for the simplest of resolvers: a method of its object without arguments."""
    if not takes_self or field.arguments:
        return call
    if info_name is None:
        return lambda source, _, __: function(source)
    return lambda source, execution, position: function(source, info=CompiledInfo(execution, spot, position, field))
