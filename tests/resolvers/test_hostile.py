"""Input of any kind over HTTP: an error with a code, never a 500, and nothing is written."""

from typing import Any

import pytest

from api.models import Project, encode_id, new_id
from tests.conftest import Actor, Running
from tests.resolvers.calls import earned, energy, mutation, project_id, trip, user

RECORD = mutation("recordAction")
DONATE = mutation("donateEnergy")
LEG = trip(hour=20)
ACTION = {"idempotencyKey": "k", "user": user("u1"), "legs": [LEG]}
GIFT = {"idempotencyKey": "k", "user": user("u1"), "projectId": "prj_x", "amount": {"grams": 1}}


def without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


#: Variables that are wrong in their form, by what is wrong.
FORMS: dict[str, tuple[str, Any]] = {
    "no input": (RECORD, None),
    "a list for an input": (RECORD, [1]),
    "a text for an input": (RECORD, "x"),
    "an empty input": (RECORD, {}),
    **{f"no {name}": (RECORD, without(ACTION, name)) for name in ACTION},
    **{f"null {name}": (RECORD, ACTION | {name: None}) for name in ACTION},
    **{f"no {name} of a leg": (RECORD, ACTION | {"legs": [without(LEG, name)]}) for name in LEG},
    **{f"null {name} of a leg": (RECORD, ACTION | {"legs": [LEG | {name: None}]}) for name in LEG},
    "an unknown field": (RECORD, ACTION | {"grams": 1_000_000}),
    "a number for a key": (RECORD, ACTION | {"idempotencyKey": 1}),
    "an object for a key": (RECORD, ACTION | {"idempotencyKey": {}}),
    "a quantity of 2^31": (RECORD, ACTION | {"legs": [LEG | {"quantity": 2**31}]}),
    "a quantity of 2^63": (RECORD, ACTION | {"legs": [LEG | {"quantity": 2**63}]}),
    "a quantity of 10^40": (RECORD, ACTION | {"legs": [LEG | {"quantity": 10**19}]}),
    "a fraction of a metre": (RECORD, ACTION | {"legs": [LEG | {"quantity": 0.5}]}),
    "a text for a quantity": (RECORD, ACTION | {"legs": [LEG | {"quantity": "8000"}]}),
    "true for a quantity": (RECORD, ACTION | {"legs": [LEG | {"quantity": True}]}),
    "a null leg": (RECORD, ACTION | {"legs": [None]}),
    "a number for a moment": (RECORD, ACTION | {"legs": [LEG | {"startedAt": 1_780_000_000}]}),
    "a moment without offset": (RECORD, ACTION | {"legs": [LEG | {"startedAt": "2026-06-05T08:30:00"}]}),
    "no moment": (RECORD, ACTION | {"legs": [LEG | {"startedAt": "yesterday"}]}),
    "the year 1": (RECORD, ACTION | {"legs": [LEG | {"startedAt": "0001-01-01T00:00:00Z"}]}),
    "the year 9999": (RECORD, ACTION | {"legs": [LEG | {"endedAt": "9999-12-31T23:59:59Z"}]}),
    "no user": (RECORD, ACTION | {"user": {}}),
    "two users": (RECORD, ACTION | {"user": {"id": "usr_x", "externalRef": "u1"}}),
    "a user that is null": (RECORD, ACTION | {"user": {"externalRef": None}}),
    "a text for a user": (RECORD, ACTION | {"user": "u1"}),
    "no amount": (DONATE, GIFT | {"amount": {}}),
    "two amounts": (DONATE, GIFT | {"amount": {"grams": 1, "all": "ALL"}}),
    "a null amount": (DONATE, GIFT | {"amount": {"grams": None}}),
    "a negative amount": (DONATE, GIFT | {"amount": {"grams": -1}}),
    "an amount of 2^53": (DONATE, GIFT | {"amount": {"grams": 2**53}}),
    "half a gram": (DONATE, GIFT | {"amount": {"grams": 0.5}}),
    "a float that is whole": (DONATE, GIFT | {"amount": {"grams": 1.0}}),
    "true grams": (DONATE, GIFT | {"amount": {"grams": True}}),
    "grams in words": (DONATE, GIFT | {"amount": {"grams": "1"}}),
    "everything and more": (DONATE, GIFT | {"amount": {"all": "MORE"}}),
    "an object for an id": (DONATE, GIFT | {"projectId": {"id": 1}}),
    "a fraction for an id": (DONATE, GIFT | {"projectId": 1.5}),
}

#: Documents whose literals are wrong in their form.
LITERALS: dict[str, str] = {
    "no user in the document": "{ user(by: {}) { id } }",
    "two users in the document": '{ user(by: {id: "usr_x", externalRef: "u1"}) { id } }',
    "a null user in the document": "{ user(by: {externalRef: null}) { id } }",
    "two null users in the document": "{ user(by: {id: null, externalRef: null}) { id } }",
    "a user that may be null": "query ($ref: String) { user(by: {externalRef: $ref}) { id } }",
    "a null amount in the document": """mutation { donateEnergy(input: {
      idempotencyKey: "k", user: {externalRef: "u1"}, projectId: "x", amount: {all: null}
    }) { replayed } }""",
}

#: Right in form, wrong in substance: a typed error or nothing found.
SUBSTANCE: dict[str, tuple[str, Any, str]] = {
    "no legs": (RECORD, ACTION | {"legs": []}, "InvalidInput"),
    "21 legs": (RECORD, ACTION | {"legs": [LEG] * 21}, "InvalidInput"),
    "a quantity of 0": (RECORD, ACTION | {"legs": [LEG | {"quantity": 0}]}, "InvalidInput"),
    "a negative quantity": (RECORD, ACTION | {"legs": [LEG | {"quantity": -(2**31)}]}, "InvalidInput"),
    "a quantity of 2^31 - 1": (RECORD, ACTION | {"legs": [LEG | {"quantity": 2**31 - 1}]}, "ImplausibleQuantity"),
    "a leg that ends before it starts": (
        RECORD,
        ACTION | {"legs": [LEG | {"endedAt": "2000-01-01T00:00:00Z"}]},
        "InvalidInput",
    ),
    "a leg of two centuries": (
        RECORD,
        ACTION | {"legs": [LEG | {"startedAt": "2000-01-01T00:00:00Z", "endedAt": "2199-12-31T23:59:59Z"}]},
        "FactorNotFound",
    ),
    "a type of 100,000 letters": (RECORD, ACTION | {"legs": [LEG | {"type": "X" * 100_000}]}, "InvalidInput"),
    "a type that is empty": (RECORD, ACTION | {"legs": [LEG | {"type": ""}]}, "InvalidInput"),
    "a method of 100,000 letters": (RECORD, ACTION | {"methodology": "X" * 100_000}, "InvalidInput"),
    "a method that is empty": (RECORD, ACTION | {"methodology": ""}, "InvalidInput"),
    "a key of 100,000 letters": (RECORD, ACTION | {"idempotencyKey": "x" * 100_000}, "InvalidInput"),
    "a key with a line break": (RECORD, ACTION | {"idempotencyKey": "a\nb"}, "InvalidInput"),
    "a key that is right to left": (RECORD, ACTION | {"idempotencyKey": "\u202ekey"}, "InvalidInput"),
    "a key of a private use character": (RECORD, ACTION | {"idempotencyKey": "\ue000"}, "InvalidInput"),
    "a user by another kind of id": (RECORD, ACTION | {"user": {"id": encode_id("act", new_id())}}, "UserNotFound"),
    "a user by a number": (RECORD, ACTION | {"user": {"id": 5}}, "UserNotFound"),
    "a project by SQL": (DONATE, GIFT | {"projectId": "'; DROP TABLE transfer; --"}, "ProjectNotFound"),
    "a project by another kind of id": (DONATE, GIFT | {"projectId": encode_id("usr", new_id())}, "ProjectNotFound"),
    "no grams": (DONATE, GIFT | {"amount": {"grams": 0}}, "InvalidInput"),
    "2^53 - 1 grams": (DONATE, GIFT | {"amount": {"grams": 2**53 - 1}}, "InvalidInput"),
}

GRAMS = (
    b'{"query": "mutation { donateEnergy(input: {idempotencyKey: \\"k\\", user: {externalRef: \\"u1\\"}, '
    b'projectId: \\"x\\", amount: {grams: %s}}) { replayed } }"}'
)

#: Bodies that never become a call.
BODIES: dict[str, bytes] = {
    "NUL in a variable": b'{"query": "{ viewer { keyId } }", "variables": {"a": "\\u0000"}}',
    "NUL in a literal": b'{"query": "{ partner(slug: \\"\\\\u0000\\") { id } }"}',
    "NUL in a document": b'{"query": "{ viewer { keyId } } \\u0000"}',
    "half a surrogate pair in a variable": b'{"query": "{ viewer { keyId } }", "variables": {"a": "\\ud800"}}',
    "half a surrogate pair in a literal": b'{"query": "{ partner(slug: \\"\\\\ud800\\") { id } }"}',
    "bytes that are no text": b'{"query": "{ viewer { keyId } }", "variables": {"a": "\xff\xfe"}}',
    "not a number": b'{"query": "{ viewer { keyId } }", "variables": {"a": NaN}}',
    "a number without end": b'{"query": "{ viewer { keyId } }", "variables": {"a": Infinity}}',
    "a list of requests": b'[{"query": "{ viewer { keyId } }"}]',
    "an empty body": b"",
    "an unknown field": b'{"query": "{ balance }"}',
    "an unknown argument": b'{"query": "{ actions(limit: 1) { nodes { id } } }"}',
    "two operations": b'{"query": "query A { viewer { keyId } } query B { viewer { keyId } }"}',
    "a fragment within itself": b'{"query": "{ ...A } fragment A on Query { ...A }"}',
    "a document without end": b'{"query": "{ viewer { keyId "}',
    "20 deep": b'{"query": "{ users { nodes '
    + b"{ actions { nodes { user " * 6
    + b"{ id } "
    + b"} } } " * 6
    + b'} }"}',
    "a list in a list in a list": b'{"query": "{ viewer { keyId } }", "variables": {"a": '
    + b"[" * 5_000
    + b"]" * 5_000
    + b"}}",
    "grams beyond a double": GRAMS % b"1e999",
    "grams of 40 digits": GRAMS % (b"9" * 40),
}


async def test_bad_input_of_any_kind_gets_an_error_with_a_code_and_writes_nothing(
    service: Running, app_partner: Actor, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    client = service.client(app_partner)
    await earned(client, ("u1", 1))
    before = await energy()
    known = project_id(project)
    for what, (query, given) in FORMS.items():
        variables = (
            {"input": given | {"projectId": known}} if query == DONATE and "id" not in what else {"input": given}
        )
        body = {"query": query, "variables": variables}
        answer = await service.http.post("/graphql", json=body, headers=client.headers)
        assert answer.status_code in {200, 400}, what
        codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
        assert codes == {"BAD_USER_INPUT"}, (what, answer.text)
        assert "data" not in answer.json(), what
    for what, query in LITERALS.items():
        (error,) = (await client.send(query))["errors"]
        assert error["extensions"]["code"] in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}, what
    for number, (what, (query, given, kind)) in enumerate(SUBSTANCE.items()):
        keyed = given if "key" in what else given | {"idempotencyKey": f"k{number}"}
        target = {} if query == RECORD or "project" in what else {"projectId": known}
        (payload,) = (await client(query, input=keyed | target)).values()
        assert [error["__typename"] for error in payload["errors"]] == [kind], what
    for what, content in BODIES.items():
        headers = client.headers | {"content-type": "application/json"}
        answer = await service.http.post("/graphql", content=content, headers=headers)
        assert answer.status_code in {200, 400}, (what, answer.text)
        codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
        assert codes, what
        assert "INTERNAL" not in codes, what
        assert not answer.json().get("data"), what
    assert await energy() == before
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
