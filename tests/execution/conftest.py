"""A schema that is as entangled as hostile documents need."""

import pytest
import strawberry
from graphql import GraphQLSchema

from api.execution.documents import Documents


@strawberry.type
class Node:
    name: str

    @strawberry.field
    def node(self, number: int = 1, text: str = "", numbers: list[int] | None = None) -> "Node":
        return self

    @strawberry.field
    def fields(self) -> list["Node"]:
        return [self]


@strawberry.type
class Query:
    @strawberry.field
    def node(self, text: str = "") -> Node:
        return Node(name="root")


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return strawberry.Schema(Query)._schema


@pytest.fixture
def documents(schema: GraphQLSchema) -> Documents:
    return Documents(schema)
