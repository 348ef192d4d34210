"""What an operation costs, before it is executed and after."""

from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse

from api.execution.cost import Price, Pricing

SDL = """
directive @cost(weight: String!) on FIELD_DEFINITION | OBJECT | INPUT_FIELD_DEFINITION
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION

interface Thing { id: ID! }
type Tree implements Thing @cost(weight: "1") {
  id: ID!
  name: String
  height: Int @cost(weight: "3")
  parent: Tree
  leaves(first: Int, last: Int): Leaves
    @cost(weight: "2") @listSize(assumedSize: 20, slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"])
  rings: [Ring!]! @cost(weight: "5") @listSize(assumedSize: 4)
}
type Ring { year: Int neighbour: Tree }
type Leaf implements Thing @cost(weight: "2") { id: ID! }
type Leaves { nodes: [Leaf!]! edges: [Edge!]! count: Int }
type Edge { node: Leaf! }
input Seed { kind: String! depth: Int @cost(weight: "5") }
input Bag { seeds: [Seed!]! label: String }
type Planted { trees: [Tree] }
type Query @cost(weight: "1") {
  tree: Tree
  thing: Thing
  things(ids: [ID!]!): [Thing]! @listSize(slicingArguments: ["ids"])
  forest(first: Int = 3): [Tree!] @cost(weight: "1") @listSize(assumedSize: 10, slicingArguments: ["first"])
  now: String
}
type Mutation @cost(weight: "1") {
  plant(bag: Bag!): Planted
    @cost(weight: "10") @listSize(slicingArguments: ["bag.seeds"], sizedFields: ["trees"])
}
"""


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SDL)


@pytest.fixture(scope="module")
def pricing(schema: GraphQLSchema) -> Pricing:
    return Pricing(schema, SDL)


def price(pricing: Pricing, text: str) -> Price:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return pricing.price(document, operation)


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("{ now }", {}, 1),
        ("{ __typename __schema { types { name } } }", {}, 1),
        ("{ tree { id name } }", {}, 2),
        ("{ tree { height parent { parent { id } } } }", {}, 1 + 1 + 3 + 2),
        ("{ a: tree { id } b: tree { id } }", {}, 3),
        # A page: 2 for the question, 2 for each leaf.
        ("{ tree { leaves { nodes { id } } } }", {}, 2 + 2 + 20 * 2),
        ("{ tree { leaves(first: 5) { nodes { id } } } }", {}, 2 + 2 + 5 * 2),
        ("{ tree { leaves(first: 5, last: 7) { nodes { id } } } }", {}, 2 + 2 + 7 * 2),
        ("{ tree { leaves(first: 5) { edges { node { id } } count } } }", {}, 2 + 2 + 5 * 2),
        ("{ tree { leaves { count } } }", {}, 2 + 2),
        ("{ tree { leaves(first: 0) { nodes { id } } } }", {}, 2 + 2),
        ("{ tree { leaves(first: -5) { nodes { id } } } }", {}, 2 + 2),
        ("{ tree { leaves(first: null) { nodes { id } } } }", {}, 2 + 2 + 20 * 2),
        # Variables: as sent, by their default, or not at all.
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {"n": 9}, 2 + 2 + 9 * 2),
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {"n": 9.0}, 2 + 2 + 9 * 2),
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {}, 2 + 2 + 20 * 2),
        ("query ($n: Int = 6) { tree { leaves(first: $n) { nodes { id } } } }", {}, 2 + 2 + 6 * 2),
        ("query ($n: Int = 6) { tree { leaves(first: $n) { nodes { id } } } }", {"n": None}, 2 + 2 + 20 * 2),
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {"n": "many"}, 2 + 2 + 20 * 2),
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {"n": True}, 2 + 2 + 20 * 2),
        ("query ($n: Int) { tree { leaves(first: $n) { nodes { id } } } }", {"n": 2**63}, 2 + 2 + 20 * 2),
        # Lists in lists multiply.
        ("{ forest(first: 7) { id } }", {}, 1 + 1 + 7),
        ("{ forest { rings { year } } }", {}, 1 + 1 + 10 * (1 + 5)),
        ("{ forest { rings { neighbour { id } } } }", {}, 1 + 1 + 10 * (1 + 5 + 4 * 1)),
        (
            "query ($n: Int!) { forest(first: $n) { leaves(first: $n) { nodes { id } } } }",
            {"n": 100},
            1 + 1 + 100 * (1 + 2 + 100 * 2),
        ),
        # A list argument says its length, and an interface costs what its dearest type does.
        ('{ things(ids: ["a", "b", "c"]) { id } }', {}, 1 + 3 * 2),
        ("query ($ids: [ID!]!) { things(ids: $ids) { id } }", {"ids": ["a"] * 8}, 1 + 8 * 2),
        ("query ($id: ID!) { things(ids: [$id, $id]) { id } }", {"id": "a"}, 1 + 2 * 2),
        ("{ thing { id ... on Tree { height } ... on Leaf { id } } }", {}, 1 + 2 + 3),
        # Fragments count where they are spread, and what is selected twice is resolved once.
        ("{ tree { ...T } } fragment T on Tree { height parent { ...U } } fragment U on Tree { height }", {}, 9),
        ("{ tree { ...T ...T height } } fragment T on Tree { height }", {}, 1 + 1 + 3),
        ("{ tree { leaves(first: 5) { ...L } } } fragment L on Leaves { nodes { id } }", {}, 2 + 2 + 10),
        ("{ tree { parent { id } parent { height } } }", {}, 1 + 1 + 1 + 3),
        # What is sent.
        ('mutation { plant(bag: {seeds: [{kind: "oak"}]}) { trees { id } } }', {}, 1 + 10 + 1),
        ('mutation { plant(bag: {seeds: [{kind: "oak", depth: 3}]}) { trees { id } } }', {}, 1 + 10 + 5 + 1),
        ('mutation { plant(bag: {seeds: {kind: "oak", depth: 3}}) { __typename } }', {}, 1 + 10 + 5),
        (
            "mutation ($b: Bag!) { plant(bag: $b) { trees { height } } }",
            {"b": {"seeds": [{"kind": "oak", "depth": 1}] * 50}},
            1 + 10 + 50 * 5 + 50 * (1 + 3),
        ),
        ("mutation ($b: Bag!) { plant(bag: $b) { __typename } }", {"b": "nonsense"}, 1 + 10),
        ("mutation ($b: Bag!) { plant(bag: $b) { __typename } }", {"b": {"seeds": [None, 3, []]}}, 1 + 10),
    ],
)
def test_the_requested_cost_is_the_sum_of_the_published_weights(
    pricing: Pricing, text: str, variables: dict[str, Any], cost: int
) -> None:
    assert price(pricing, text).requested(variables) == cost


@pytest.mark.parametrize(
    ("text", "data", "cost"),
    [
        ("{ tree { height } }", {"tree": None}, 1),
        ("{ tree { leaves { nodes { id } } } }", {"tree": {"leaves": {"nodes": [{}] * 3}}}, 2 + 2 + 3 * 2),
        ("{ tree { leaves { nodes { id } } } }", {"tree": {"leaves": None}}, 2 + 2),
        ("{ forest { rings { neighbour { id } } } }", {"forest": []}, 1 + 1),
        (
            "{ forest { rings { neighbour { id } } } }",
            {"forest": [{"rings": [{"neighbour": {}}, {"neighbour": None}]}, {"rings": []}]},
            1 + 1 + (1 + 5 + 1) + (1 + 5),
        ),
        # More than was assumed.
        ("{ tree { rings { neighbour { id } } } }", {"tree": {"rings": [{"neighbour": {}}] * 9}}, 2 + 5 + 9),
        # Left out by a directive, or of another type.
        ("{ tree { height @skip(if: true) } }", {"tree": {}}, 2),
        ("{ thing { ... on Tree { height } ... on Leaf { id } } }", {"thing": {"id": "leaf"}}, 1 + 2),
    ],
)
def test_the_actual_cost_counts_what_is_in_the_answer(
    pricing: Pricing, text: str, data: dict[str, Any], cost: int
) -> None:
    assert price(pricing, text).actual(data, {}) == cost


def test_what_was_sent_costs_the_same_afterwards(pricing: Pricing) -> None:
    found = price(pricing, "mutation ($b: Bag!) { plant(bag: $b) { trees { id } } }")
    variables = {"b": {"seeds": [{"kind": "oak", "depth": 1}] * 4}}

    assert found.requested(variables) == 1 + 10 + 4 * 5 + 4
    assert found.actual({"plant": {"trees": [{}, None, None, {}]}}, variables) == 1 + 10 + 4 * 5 + 4
    assert found.actual({"plant": None}, variables) == 1 + 10 + 4 * 5


def test_chained_fragments_are_priced_without_being_multiplied(pricing: Pricing) -> None:
    links = " ".join(f"fragment F{n} on Tree {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    found = price(pricing, f"{{ tree {{ ...F0 }} }} {links} fragment F60 on Tree {{ height }}")

    assert found.requested({}) == 1 + 1 + 3
