"""What a resolver is told about its field: the same by both executors, whether it asks graphql-core or Strawberry."""

import asyncio
from typing import Any

import strawberry
from graphql import GraphQLResolveInfo, print_ast
from strawberry import Info

from tests.execution.reference.answers import answer, executed, schema_of, subject_of

Told = list[dict[str, Any]]

SDL = """
interface Named { name: String }
type User implements Named { name: String friends(first: Int): [User!] named: Named }
type Query { user(id: ID): User }
"""


def note(info: GraphQLResolveInfo[Told]) -> None:
    path = info.path
    info.context.append(
        {
            "name": info.field_name,
            "nodes": [print_ast(node) for node in info.field_nodes],
            "type": f"{info.parent_type} {info.return_type}",
            "path": path.as_list(),
            "types on the path": _typenames(path),
            "root": info.root_value,
            "operation": info.operation.name and info.operation.name.value,
            "fragments": sorted(info.fragments),
            "variables": dict(info.variable_values.coerced),
            "schema": info.schema.query_type and info.schema.query_type.name,
        }
    )


def _typenames(path: Any) -> list[str | None]:
    return [*(_typenames(path.prev) if path.prev else []), path.typename]


def user(_: object, info: GraphQLResolveInfo[Told], **__: Any) -> dict[str, Any]:
    note(info)
    return {"__typename": "User"}


def users(_: object, info: GraphQLResolveInfo[Told], **__: Any) -> list[Any]:
    note(info)
    return [{"__typename": "User"}, {}]


SCHEMA = schema_of(SDL, {"Query.user": user, "User.friends": users, "User.named": user, "User.name": user})


async def test_a_resolver_is_told_its_field_its_types_and_its_place() -> None:
    text = """
    query Main($id: ID = "a", $first: Int) { u: user(id: $id) { ...F friends(first: $first) { named { name } } } }
    fragment F on User { friends(first: $first) { name } }
    """

    found = await answer(SCHEMA, text, {"first": 2}, root=lambda: "root", context=list)

    told: Told = found.context
    same = {
        "root": "root", "operation": "Main", "fragments": ["F"], "variables": {"id": "a", "first": 2},
        "schema": "Query",
    }  # fmt: skip
    assert [{key: one[key] for key in same} for one in told] == [same] * len(told)
    assert told[0] | same == told[0]
    assert [(one["name"], one["type"], one["path"], one["types on the path"]) for one in told[:3]] == [
        ("user", "Query User", ["u"], ["Query"]),
        ("friends", "User [User!]", ["u", "friends"], ["Query", "User"]),
        ("name", "User String", ["u", "friends", 0, "name"], ["Query", "User", None, "User"]),
    ]
    assert [node.split("{")[0].strip() for node in told[1]["nodes"]] == 2 * ["friends(first: $first)"]
    in_named = [one for one in told if one["path"] == ["u", "friends", 1, "named", "name"]]
    assert [one["types on the path"] for one in in_named] == [["Query", "User", None, "User", "User"]]


async def test_an_info_may_be_kept_and_asked_later() -> None:
    async def later(_: object, info: GraphQLResolveInfo[Told]) -> None:
        await asyncio.sleep(0)
        note(info)

    schema = schema_of("type Query { a: Int list: [Query] }", {"Query.a": later, "Query.list": lambda *_: [{}, {}]})

    found = await answer(schema, "{ list { a } }", context=list)

    paths = sorted(one["path"] for one in found.context)
    assert paths == [["list", 0, "a"], ["list", 1, "a"]]


@strawberry.type
class Thing:
    number: int

    @strawberry.field
    def told(self, info: Info, to: str = "me") -> str:
        raw = info._raw_info
        path = ".".join(map(str, info.path.as_list()))
        fields = [getattr(one, "name", None) for one in info.selected_fields]
        assert raw.path.as_list() == info.path.as_list()
        assert info.context == "here"
        assert info.root_value is None
        return (
            f"{info.field_name} {info.python_name} {info.return_type} {path} {fields} {info.variable_values} "
            f"{raw.parent_type} {raw.return_type} {to} {info.operation.operation.value} {info.schema.query.__name__}"
        )

    @strawberry.field
    async def later(self, info: Info) -> list["Thing"]:
        await asyncio.sleep(0)
        return [Thing(number=len(info._raw_info.field_nodes))]


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, info: Info) -> Thing:
        return Thing(number=info.get_argument_definition("to") is None)


async def test_strawberrys_info_says_the_same() -> None:
    schema = strawberry.Schema(Query)._schema
    text = 'query ($to: String = "you") { t: thing { told(to: $to) later { told number } } }'

    found = await answer(schema, text, context=lambda: "here")

    assert found.errors == []
    assert found.data["t"]["told"] == (
        "told told <class 'str'> t.told ['told'] {'to': 'you'} Thing String! you query Query"
    )
    assert found.data["t"]["later"][0]["told"].startswith("told told <class 'str'> t.later.0.told ['told'] ")
    assert found.data["t"]["later"][0]["number"] == 1


async def test_only_a_compiled_operation_tells_what_is_selected_below() -> None:
    known: list[Any] = []

    def ask(_: object, info: Any) -> Thing:
        known.append([sorted(getattr(info, "selected", lambda _: "")(path)) for path in ((), ("later",), ("x",))])
        return Thing(number=1)

    @strawberry.type
    class Asking:
        @strawberry.field
        def thing(self, info: Info) -> Thing:
            return ask(self, info)

    schema = strawberry.Schema(Asking)._schema
    subject = subject_of(schema, "{ thing { later { number ...F } } } fragment F on Thing { told }")

    assert (await executed(subject, context="here")).errors == []

    assert known == [[["later"], ["number", "told"], []]]
