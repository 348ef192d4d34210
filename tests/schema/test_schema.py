"""The contract as a whole: everything is described, every refusal has a type, every mutation looks alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    is_specified_directive,
    is_specified_scalar_type,
)

from api.resolvers import make_schema

SCHEMA = make_schema()
CORE: GraphQLSchema = SCHEMA._schema
TYPES = {
    name: kind
    for name, kind in CORE.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(kind)
}
MUTATIONS = sorted(CORE.mutation_type.fields) if CORE.mutation_type else []
#: One answers with a payload for each item, the others are about no user.
ABOUT_PROJECTS = {"addProject", "updateProject", "setProjectStatus", "setProjectOrganisations"}
WITHOUT_BALANCE = {"recordActions", "advanceSandboxClock", *ABOUT_PROJECTS}
#: An entry is read where it stands in the log.
NOT_NODES = {"AuditEntry"}


def names_of(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Yield everything in a type that a partner reads, with its description."""
    yield kind.name, kind.description
    if isinstance(kind, GraphQLEnumType):
        for name, value in kind.values.items():
            yield f"{kind.name}.{name}", value.description
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field.description
            for argument, given in field.args.items():
                yield f"{kind.name}.{name}({argument})", given.description
    if isinstance(kind, GraphQLInputObjectType):
        for name, wanted in kind.fields.items():
            yield f"{kind.name}.{name}", wanted.description


def test_everything_that_a_partner_reads_is_described_in_sentences() -> None:
    described = dict(one for kind in TYPES.values() for one in names_of(kind))
    for directive in CORE.directives:
        # @oneOf is in the specification of 2025 and in no list of the library's yet.
        if not is_specified_directive(directive) and directive.name != "oneOf":
            described[f"@{directive.name}"] = directive.description
    assert len(described) > 500
    # `A.` for a sentence of one letter would be no description; neither is a sentence that only repeats the name.
    assert [
        name for name, text in described.items() if not text or len(text) < 5 or not text.endswith((".", ")"))
    ] == []


def test_the_committed_contract_is_the_schema() -> None:
    assert Path("schema.graphql").read_text(encoding="utf-8") == SCHEMA.as_str() + "\n"


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_takes_a_key_and_answers_with_balance_replayed_and_errors(name: str) -> None:
    assert CORE.mutation_type is not None
    field = CORE.mutation_type.fields[name]
    capital = name[0].upper() + name[1:]
    assert {argument: str(given.type) for argument, given in field.args.items()} == {"input": f"{capital}Input!"}
    given = TYPES[f"{capital}Input"]
    assert isinstance(given, GraphQLInputObjectType)
    assert str(given.fields["idempotencyKey"].type) == "String!"
    assert str(field.type) == f"{capital}Payload!"
    payload = TYPES[f"{capital}Payload"]
    assert isinstance(payload, GraphQLObjectType)
    assert str(payload.fields["errors"].type) == f"[{capital}Error!]!"
    assert ("balance" in payload.fields) is (name not in WITHOUT_BALANCE)
    assert ("replayed" in payload.fields) is ("results" not in payload.fields)


def test_every_member_of_every_union_of_errors_is_a_user_error_with_its_own_code() -> None:
    unions = [kind for name, kind in TYPES.items() if name.endswith("Error") and isinstance(kind, GraphQLUnionType)]
    assert len(unions) == len(MUTATIONS) + 1  # and that of estimateAction
    interface = TYPES["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)
    assert {name: str(field.type) for name, field in interface.fields.items()} == {
        "code": "String!",
        "message": "String!",
        "path": "[String!]!",
        "retryable": "Boolean!",
    }
    members = {member for union in unions for member in union.types}
    assert {member.name for member in members if interface not in member.interfaces} == set()
    implementing = {kind.name for kind in CORE.get_implementations(interface).objects}
    assert implementing == {member.name for member in members}


def test_every_connection_has_the_same_shape() -> None:
    connections = [kind for name, kind in TYPES.items() if name.endswith("Connection")]
    assert len(connections) >= 6
    for kind in connections:
        assert isinstance(kind, GraphQLObjectType)
        item = kind.name.removesuffix("Connection")
        assert {name: str(field.type) for name, field in kind.fields.items()} == {
            "nodes": f"[{item}!]!",
            "edges": f"[{item}Edge!]!",
            "pageInfo": "PageInfo!",
        }


def test_everything_with_a_global_id_is_a_node() -> None:
    node = TYPES["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    with_id = {
        name
        for name, kind in TYPES.items()
        if isinstance(kind, GraphQLObjectType) and "id" in kind.fields and str(kind.fields["id"].type) == "ID!"
    }
    assert with_id - NOT_NODES == {kind.name for kind in CORE.get_implementations(node).objects}


def test_energy_is_grams_and_no_other_number() -> None:
    words = ("amount", "available", "earned", "donated", "credited", "energy", "grams", "goal", "reduction")
    assert [
        f"{kind.name}.{name}: {field.type}"
        for kind in TYPES.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
        for name, field in kind.fields.items()
        if any(word in name.lower() for word in words) and str(field.type).strip("!") in {"Int", "Float", "String"}
    ] == []
