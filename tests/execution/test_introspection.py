"""What is said about the schema is worked out once."""

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, get_introspection_query, parse

from api.execution.engine import Engine
from api.execution.introspection import Introspections, is_introspection
from api.execution.requests import GraphQLRequest
from api.execution.results import Result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (get_introspection_query(), True),
        ("{ __typename }", True),
        ('{ __schema { __typename } __type(name: "A") { name } }', True),
        ("{ __schema { __typename } node { name } }", False),
        ("{ ... { __typename } }", False),
        ("query ($a: String!) { __type(name: $a) { name } }", False),
        ("mutation { __typename }", False),
        ("subscription { __typename }", False),
    ],
)
def test_an_introspection_asks_about_the_schema_and_depends_on_nothing_else(text: str, expected: bool) -> None:
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    assert is_introspection(operation) is expected


async def test_an_introspection_is_executed_once(schema: GraphQLSchema) -> None:
    contexts: list[object] = []

    async def authenticate(_: object) -> str:
        return "nobody"

    def make_context(caller: str, request_id: str) -> object:
        contexts.append((caller, request_id))
        return None

    engine = Engine(schema, authenticate=authenticate, context=make_context)
    text = "query A { __typename } query B { __schema { queryType { name } } }"
    answers = [(await engine.execute(GraphQLRequest(text, name), "x", "r")).json() for name in "ABAB"]

    a, b = b'{"data":{"__typename":"Query"}}', b'{"data":{"__schema":{"queryType":{"name":"Query"}}}}'
    assert answers == [a, b, a, b]
    assert len(contexts) == 2


def test_an_answer_with_errors_is_not_kept() -> None:
    introspections = Introspections()
    failed = Result(errors=({"message": "no"},))

    assert introspections.keep("{ __typename }", None, failed) is failed
    assert introspections.find("{ __typename }", None) is None
