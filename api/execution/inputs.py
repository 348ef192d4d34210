"""Variables and arguments: what can be known of them before execution is worked out once.

graphql-core decides what is right and says what is wrong; here is only the way to it that right values take.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_non_null_type,
    is_required_argument,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.utilities.coerce_input_value import coerce_default_value

from api.execution.coercion import Coerce, coercer_of
from api.execution.errors import Code, coded
from api.execution.templates import IMMUTABLE, Fill, Unusual, template_of

COERCION_ERRORS_MAX = 10
CONDITIONS = frozenset({GraphQLSkipDirective.name, GraphQLIncludeDirective.name})

Values: TypeAlias = dict[str, Any]
# Returns the arguments of a field, from the coerced variables of the operation; an execution knows the rest of them.
Arguments: TypeAlias = Callable[[Values, Callable[[], VariableValues]], Values]


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._known: list[tuple[str, Coerce, bool, Any]] | None = []
        for node in self._nodes:
            signature = get_variable_signature(schema, node)
            # A type that contains itself can nest without end; graphql-core knows where to stop.
            if isinstance(signature, GraphQLError) or _is_recursive(signature.type):
                self._known = None
                return
            try:
                default = coerce_default_value(signature) if node.default_value else Undefined
                coerce = coercer_of(signature.type)
            except Exception:  # an invalid default, or an input object's own check: it speaks where it is needed
                default = []
            if not isinstance(default, IMMUTABLE):
                self._known = None
                return
            self._known.append((signature.name, coerce, is_non_null_type(signature.type), default))

    def coerce(self, given: Mapping[str, Any]) -> Values | list[GraphQLError]:
        """Return the values of the variables, or what is wrong with what was given."""
        if self._known is None:
            return self._coerce_slowly(given)
        coerced: Values = {}
        for name, coerce, is_required, default in self._known:
            value = given.get(name, Undefined)
            if value is Undefined:
                if default is not Undefined:
                    coerced[name] = default
                elif is_required:
                    return self._coerce_slowly(given)
                continue
            try:
                value = coerce(value)
            except Exception:  # an input object's own check
                value = Undefined
            if value is Undefined:
                return self._coerce_slowly(given)
            coerced[name] = value
        return coerced

    def _coerce_slowly(self, given: Mapping[str, Any]) -> Values | list[GraphQLError]:
        values = get_variable_values(self._schema, self._nodes, dict(given), max_errors=COERCION_ERRORS_MAX)
        return values.coerced if isinstance(values, VariableValues) else values


def bad_input(error: GraphQLError) -> GraphQLError:
    """Say what is wrong with a variable."""
    return coded(error.message, Code.BAD_USER_INPUT, at=error)


def arguments_of(field: GraphQLField, node: FieldNode) -> Arguments:
    """Return what finds the arguments of a field."""
    if not field.args:
        return lambda *_: {}
    nodes = {argument.name.value: argument for argument in node.arguments or ()}
    if not any(_holds_variable(argument.value) for argument in nodes.values()):
        return _constant(field, node)
    return _of_variables(field, node, nodes)


def _constant(field: GraphQLField, node: FieldNode) -> Arguments:
    """Arguments that are all in the document."""
    try:
        values = get_argument_values(field, node)
    except Exception:  # to be raised where the field is executed
        return lambda *_: get_argument_values(field, node)
    if all(isinstance(value, IMMUTABLE) for value in values.values()):
        return lambda *_: values
    # A list or an object is the resolver's to change.
    return lambda *_: get_argument_values(field, node)


def _of_variables(field: GraphQLField, node: FieldNode, nodes: Mapping[str, ArgumentNode]) -> Arguments:
    """Arguments of which each is a variable, an object with variables in it, or all in the document."""
    constants: Values = {}
    fills: list[tuple[str, Fill]] = []
    for name, argument in field.args.items():
        given = nodes.get(name)
        if given is not None and _holds_variable(given.value):
            fill = _fill_of(given.value, argument)
            if fill is None:
                return _slowly(field, node)
            fills.append((argument.out_name or name, fill))
            continue
        try:
            constants |= get_argument_values(GraphQLField(field.type, args={name: argument}), node)
        except Exception:
            return _slowly(field, node)
    if not all(isinstance(value, IMMUTABLE) for value in constants.values()):
        return _slowly(field, node)

    def find(coerced: Values, variable_values: Callable[[], VariableValues]) -> Values:
        values = constants.copy()
        try:
            for name, fill in fills:
                value = fill(coerced)
                if value is not Undefined:
                    values[name] = value
        except Unusual:
            return get_argument_values(field, node, variable_values())  # which says what is wrong
        return values

    return find


def _fill_of(node: ValueNode, argument: GraphQLArgument) -> Fill | None:
    """Return what makes the value of an argument that holds variables; of one that is left out `Undefined`."""
    if not isinstance(node, VariableNode):
        return template_of(node, argument.type)
    variable, is_required, is_non_null = (
        node.name.value,
        is_required_argument(argument),
        is_non_null_type(argument.type),
    )
    try:
        default = coerce_default_value(argument)
    except Exception:  # an invalid default, which the slow way explains
        return None
    if not isinstance(default, IMMUTABLE):
        return None

    def fill(coerced: Values) -> Any:
        value = coerced.get(variable, Undefined)
        if value is Undefined and not is_required:
            return default
        if value is Undefined or (value is None and is_non_null):
            raise Unusual
        return value

    return fill


def _slowly(field: GraphQLField, node: FieldNode) -> Arguments:
    """Arguments that graphql-core has to find for each execution."""
    return lambda _, variable_values: get_argument_values(field, node, variable_values())


def variables_of_conditions(document: DocumentNode) -> frozenset[str]:
    """Return the names of the variables that decide which fields of a document are included."""
    finder = _ConditionFinder()
    visit(document, finder)
    return frozenset(finder.names)


class _ConditionFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value not in CONDITIONS:
            return
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


class _VariableFinder(Visitor):
    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _holds_variable(node: ValueNode) -> bool:
    finder = _VariableFinder()
    visit(node, finder)
    return finder.found


def _is_recursive(kind: GraphQLInputType, within: frozenset[str] = frozenset()) -> bool:
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return False
    if named.name in within:
        return True
    inside = within | {named.name}
    return any(_is_recursive(cast("GraphQLInputType", field.type), inside) for field in named.fields.values())
