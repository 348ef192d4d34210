"""Tokens: one user and some scopes for a while, and never more than the key that they were made with."""

import re
from datetime import timedelta
from typing import Any

import jwt
import orjson
import pytest
from tortoise.context import TortoiseContext

from api.access.tokens import SECRET_AGE_MAX, Grant, Signer, TokenInvalid
from api.ledger import Ledger, UserBy
from api.models import ApiKey, PartnerKind, Receipt, SigningKey, UserLink, encode_id, new_id, now
from tests.conftest import Actor, Client, Running, add_partner, add_project, bus, recording
from tests.resolvers.calls import socket_of

CREATE = """
mutation ($input: CreateUserTokenInput!) {
  createUserToken(input: $input) {
    token scopes expiresAt replayed balance { available }
    errors { ... on UserError { code path } ... on ScopeNotGranted { scope } }
  }
}
"""
SCOPES = ["actions:read", "donations:read", "donations:write", "users:read"]


async def create(client: Client, user: str, *, key: str = "token-1", scopes: list[str] = SCOPES, ttl: int = 900) -> Any:
    given = {"idempotencyKey": key, "user": {"externalRef": user}, "scopes": scopes, "ttlS": ttl}
    return (await client(CREATE, input=given))["createUserToken"]


def bearer(service: Running, token: str) -> Client:
    return Client(service.http, {"Authorization": f"Bearer {token}"})


async def two_users(ledger: Ledger, app_partner: Actor) -> None:
    outcomes = await ledger.record(app_partner.partnership, [recording("ana", "a", bus()), recording("bo", "b", bus())])
    assert all(not isinstance(one, Exception) and one.refusal is None for one in outcomes)


async def test_a_user_token_sees_its_own_user_and_no_other(
    service: Running, ledger: Ledger, app_partner: Actor
) -> None:
    await two_users(ledger, app_partner)
    project = await add_project("waters")
    client = service.client(app_partner)
    await ledger.donate(app_partner.partnership, UserBy(external_ref="bo"), project.id, 16, "gift-of-bo")
    made = await create(client, "ana")
    assert (made["scopes"], made["errors"], made["balance"]) == (SCOPES, [], {"available": 416})

    ana = bearer(service, made["token"])
    links = await UserLink.by_refs(app_partner.partner.id, app_partner.environment, ["ana", "bo"])
    ids = {ref: encode_id("usr", link.user_id) for ref, link in links.items()}
    viewer = (await ana("{ viewer { user { id } scopes expiresAt partner { slug } } }"))["viewer"]
    assert viewer["user"] == {"id": ids["ana"]}
    assert (viewer["scopes"], viewer["expiresAt"]) == (SCOPES, made["expiresAt"].split(".")[0] + "Z")
    lists = await ana(
        """query ($bo: ID!) {
          users { nodes { id externalRef } }
          actions { nodes { user { id } } }
          donations { nodes { id } }
          others: actions(userId: $bo) { nodes { id } }
          gifts: donations(userId: $bo) { nodes { id } }
          user(by: {externalRef: "bo"}) { id }
          node(id: $bo) { id }
        }""",
        bo=ids["bo"],
    )
    assert lists == {
        "users": {"nodes": [{"id": ids["ana"], "externalRef": "ana"}]},
        "actions": {"nodes": [{"user": {"id": ids["ana"]}}]},
        "donations": {"nodes": []},
        "others": {"nodes": []},
        "gifts": {"nodes": []},
        "user": None,
        "node": None,
    }


async def test_a_user_token_is_its_users_on_sockets_and_event_streams_too(
    service: Running, ledger: Ledger, app_partner: Actor
) -> None:
    await two_users(ledger, app_partner)
    made = await create(service.client(app_partner), "ana")
    query = "{ viewer { tokenExpiresAt } users { nodes { externalRef } } }"
    ana = Actor(app_partner.partner, made["token"])
    ends = made["expiresAt"].split(".")[0] + "Z"
    expected = {"viewer": {"tokenExpiresAt": ends}, "users": {"nodes": [{"externalRef": "ana"}]}}

    assert await service.client(ana)(query) == expected
    async with socket_of(service, ana) as socket:
        await socket.subscribe(query)
        assert await socket.next() == expected
    streamed = await service.http.post(
        "/graphql", json={"query": query}, headers=ana.headers | {"accept": "text/event-stream"}
    )
    (event,) = re.findall(r"^data: (\{.*)$", streamed.text, re.MULTILINE)
    assert orjson.loads(event)["data"] == expected
    # A key is no token.
    viewer = await service.client(app_partner)("{ viewer { tokenExpiresAt expiresAt } }")
    assert viewer == {"viewer": {"tokenExpiresAt": None, "expiresAt": None}}


async def test_a_user_token_gives_its_own_energy_and_nobody_elses(
    service: Running, ledger: Ledger, app_partner: Actor
) -> None:
    await two_users(ledger, app_partner)
    project = await add_project("waters")
    ana = bearer(service, (await create(service.client(app_partner), "ana"))["token"])
    donate = """mutation ($user: String!, $project: ID!) {
      donateEnergy(input: {idempotencyKey: "k", user: {externalRef: $user}, projectId: $project, amount: {grams: 16}}) {
        balance { available } errors { ... on UserError { code } }
      }
    }"""
    given = {"project": encode_id("prj", project.id)}
    assert (await ana(donate, user="bo", **given))["donateEnergy"] == {
        "balance": None,
        "errors": [{"code": "USER_NOT_FOUND"}],
    }
    assert (await ana(donate, user="ana", **given))["donateEnergy"] == {"balance": {"available": 400}, "errors": []}
    # A new reference registers a new user for the partner, but never for a user token.
    record = """mutation {
      recordAction(input: {idempotencyKey: "k", user: {externalRef: "new"}, legs: []}) {
        errors { ... on UserError { code } }
      }
    }"""
    answer = await ana.send(record)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_repeated_call_is_answered_with_the_same_token(
    service: Running, ledger: Ledger, app_partner: Actor
) -> None:
    await two_users(ledger, app_partner)
    client = service.client(app_partner)
    first, again = await create(client, "ana"), await create(client, "ana")
    assert again == first | {"replayed": True}
    other = await create(client, "ana", ttl=60)
    assert (other["token"], other["errors"][0]["code"]) == (None, "IDEMPOTENCY_CONFLICT")
    assert first["token"] not in str(await Receipt.all().values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scopes": ["users:write"]}, "SCOPE_NOT_GRANTED"),
        ({"scopes": ["admin"]}, "SCOPE_NOT_GRANTED"),
        ({"scopes": ["events:read"]}, "SCOPE_NOT_GRANTED"),
        ({"scopes": []}, "INVALID_INPUT"),
        ({"ttl": 59}, "INVALID_INPUT"),
        ({"ttl": 3_601}, "INVALID_INPUT"),
        ({"user": "nobody"}, "USER_NOT_FOUND"),
    ],
)
async def test_a_token_has_bounds(
    service: Running, ledger: Ledger, app_partner: Actor, change: dict[str, Any], code: str
) -> None:
    await two_users(ledger, app_partner)
    made = await create(service.client(app_partner), **{"user": "ana", **change})
    assert (made["token"], [error["code"] for error in made["errors"]]) == (None, [code])


async def test_a_token_ends_with_its_key(service: Running, ledger: Ledger, app_partner: Actor) -> None:
    await two_users(ledger, app_partner)
    ana = bearer(service, (await create(service.client(app_partner), "ana"))["token"])
    assert (await ana("{ viewer { keyId } }"))["viewer"]["keyId"]
    await ApiKey.filter(partner_id=app_partner.partner.id).update(revoked_at=now())
    answer = await ana.send("{ viewer { keyId } }")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_is_refused_when_it_is_forged_expired_or_of_another_kind(db: TortoiseContext) -> None:
    signer = Signer()
    grant = Grant(
        key_id="k", scopes=("users:read",), issued_at=now(), expires_at=now() + timedelta(minutes=1), token_id=new_id()
    )
    token = await signer.sign(grant)
    read = await signer.verify(token)
    assert (read.key_id, read.scopes, read.token_id, read.user_id) == ("k", ("users:read",), grant.token_id, None)

    (key,) = await SigningKey.all()
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "another secret of at least 32 bytes", "HS256", headers={"kid": key.kid}),
        jwt.encode(claims, None, "none", headers={"kid": key.kid}),
        jwt.encode(claims | {"exp": 1}, key.secret, "HS256", headers={"kid": key.kid}),
        jwt.encode(claims | {"iss": "another"}, key.secret, "HS256", headers={"kid": key.kid}),
        jwt.encode({"iss": "lucid"}, key.secret, "HS256", headers={"kid": key.kid}),
        jwt.encode(claims, key.secret, "HS256", headers={"kid": "unknown"}),
        jwt.encode(claims, key.secret, "HS512", headers={"kid": key.kid}),
        token[:-2],
        "a.b.c",
        "",
    ]
    for text in forged:
        with pytest.raises(TokenInvalid):
            await signer.verify(text)


async def test_secrets_are_renewed_and_old_tokens_live_on(db: TortoiseContext) -> None:
    signer, other = Signer(), Signer()
    old = now() - SECRET_AGE_MAX + timedelta(minutes=10)
    first = Grant(key_id="k", scopes=(), issued_at=old, expires_at=now() + timedelta(hours=1), token_id=new_id())
    later = Grant(
        key_id="k",
        scopes=(),
        issued_at=now() + timedelta(minutes=20),
        expires_at=now() + timedelta(hours=1),
        token_id=new_id(),
    )
    one, two = await signer.sign(first), await signer.sign(first)
    assert one == two
    await SigningKey.all()
    await other.verify(one)  # another process knows the first secret
    renewed = await signer.sign(later)
    assert jwt.get_unverified_header(renewed)["kid"] != jwt.get_unverified_header(one)["kid"]
    assert (await other.verify(one)).token_id == first.token_id


async def test_client_credentials_give_a_token_of_fifteen_minutes(service: Running, app_partner: Actor) -> None:
    client_id, _, secret = app_partner.key.rpartition(app_partner.key.split("_")[1] + "_")
    client_id = f"lk_{app_partner.key.split('_')[1]}"
    secret = app_partner.key.removeprefix(f"{client_id}_")
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "scope": "users:read"}
    response = await service.http.post("/oauth/token", data=form)
    content = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert (content["token_type"], content["expires_in"], content["scope"]) == ("Bearer", 900, "users:read")
    viewer = (await bearer(service, content["access_token"])("{ viewer { scopes partner { slug } user { id } } }"))[
        "viewer"
    ]
    assert viewer == {"scopes": ["users:read"], "partner": {"slug": "maps"}, "user": None}
    basic = await service.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
    assert basic.json()["scope"].split() == sorted(
        ["actions:read", "actions:write", "donations:read", "donations:write", "users:read", "users:write"]
    )


async def test_client_credentials_are_refused_in_the_words_of_oauth(service: Running, app_partner: Actor) -> None:
    other = await add_partner("other", PartnerKind.ACTION_SOURCE)
    client_id = f"lk_{app_partner.key.split('_')[1]}"
    good = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": app_partner.key}
    table: list[tuple[dict[str, str], int, str]] = [
        (good | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
        (good | {"client_secret": "wrong"}, 401, "invalid_client"),
        (good | {"client_id": "lk_nobody", "client_secret": "x"}, 401, "invalid_client"),
        (good | {"client_secret": other.key}, 401, "invalid_client"),
        (good | {"scope": "admin"}, 400, "invalid_scope"),
        (good | {"scope": "x" * 9_000}, 413, "invalid_request"),
        (good | {"scope": "\x00"}, 400, "invalid_request"),
    ]
    for form, status, error in table:
        response = await service.http.post("/oauth/token", data=form)
        assert (response.status_code, response.json()["error"]) == (status, error), form
    response = await service.http.post("/oauth/token", json=good)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert (await service.http.get("/oauth/token")).status_code == 405
    assert (await service.http.post("/oauth/token", data=good)).status_code == 200
