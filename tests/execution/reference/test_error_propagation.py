"""An operation whose errors shall not propagate is left to graphql-core, which knows that experiment."""

from graphql import GraphQLDirective, GraphQLSchema
from graphql.type.directives import GraphQLDisableErrorPropagationDirective, specified_directives

from tests.execution.reference.answers import executable_of, interpreted, schema_of

OPERATION = "query @experimental_disableErrorPropagation { inner { must } }"


def test_an_operation_whose_errors_stay_where_they_are_is_not_compiled() -> None:
    assert executable_of(_schema(), OPERATION).compiled({}) is None
    assert executable_of(_schema(), "{ inner { must } }").compiled({}) is not None


async def test_an_error_that_may_not_propagate_leaves_null_where_there_may_be_none() -> None:
    answer = await interpreted(_schema(), OPERATION, root={"inner": {}})

    assert answer.data == {"inner": {"must": None}}
    assert answer.told == [("Cannot return null for non-nullable field Inner.must.", ["inner", "must"])]


def _schema() -> GraphQLSchema:
    plain = schema_of("type Query { inner: Inner } type Inner { must: Int! }")
    directives: list[GraphQLDirective] = [*specified_directives, GraphQLDisableErrorPropagationDirective]
    return GraphQLSchema(plain.query_type, directives=directives)
