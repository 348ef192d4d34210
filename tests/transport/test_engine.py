"""Strawberry's schemas executed without Strawberry's executor: nothing of them is lost."""

import httpx

from tests.transport.conftest import Server


async def ask(http: httpx.AsyncClient, query: str, **rest: object) -> dict[str, object]:
    answer: dict[str, object] = (await http.post("", json={"query": query, **rest})).json()
    return answer


async def test_field_extensions_run_before_and_after_resolvers_sync_and_async(http: httpx.AsyncClient) -> None:
    answer = await ask(http, '{ shout(word: "a") shoutLater(word: "b") }')

    assert answer == {"data": {"shout": "A", "shoutLater": "B"}}


async def test_custom_scalars_and_inputs_are_converted_both_ways(http: httpx.AsyncClient) -> None:
    query = "query ($weight: Weight!) { weight(weight: $weight) }"

    answer = await ask(http, query, variables={"weight": {"grams": "2g", "times": 3}})

    assert answer == {"data": {"weight": "6g"}}


async def test_a_mutation_runs_once_with_the_caller_in_its_context(http: httpx.AsyncClient, server: Server) -> None:
    http.headers["authorization"] = "Bearer ann"

    answer = await ask(http, 'mutation { write(text: "a") }')

    assert answer == {"data": {"write": "a"}}
    assert server.world.written == ["a"]
    assert [context.caller for context in server.world.contexts] == ["ann"]
