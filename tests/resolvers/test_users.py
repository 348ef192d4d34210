"""Users and the codes that carry them: each refusal, repetitions, conflicts."""

import asyncio

from tortoise.context import TortoiseContext

from api.models import LinkCode, UserLink, now
from tests.conftest import Actor, Running
from tests.resolvers.calls import assert_refused, call, earned, record, refusal, user

PRINTABLE = "Expected 1 to 128 printable characters."


async def test_a_link_code_is_issued_once_for_its_key_and_redeemed_once(
    service: Running, app_partner: Actor, other_app: Actor, db: TortoiseContext
) -> None:
    maps, transit = service.client(app_partner), service.client(other_app)
    await earned(maps, ("u1", 1), ("u2", 1), ("u3", 1))
    stranger = {"idempotencyKey": "c", "user": user("stranger")}
    await assert_refused(maps, "issueLinkCode", stranger, refusal("UserNotFound", "user"), stored=False)
    keyless = {"idempotencyKey": "", "user": user("u1")}
    bad_key = refusal("InvalidInput", "idempotencyKey", reason=PRINTABLE)
    await assert_refused(maps, "issueLinkCode", keyless, bad_key, stored=False)
    issued = await call(maps, "issueLinkCode", idempotencyKey="c", user=user("u1"))
    code = issued["linkCode"]["code"]
    assert (len(code), issued["linkCode"]["redeemedAt"], issued["balance"]["available"]) == (10, None, 416)
    again = await call(maps, "issueLinkCode", idempotencyKey="c", user=user("u1"))
    assert (again["linkCode"], again["replayed"]) == (issued["linkCode"], True)
    conflict = await call(maps, "issueLinkCode", idempotencyKey="earned#0", user=user("u1"))
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]

    # What can be wrong with a redemption.
    await record(transit, "own", ref="taken")
    invalid = refusal("LinkCodeInvalid", "code")
    for given, expected, stored in (
        ({"code": "0000000000", "externalRef": "r"}, invalid, False),
        ({"code": "", "externalRef": "r"}, invalid, False),
        ({"code": code, "externalRef": ""}, refusal("InvalidInput", "externalRef", reason=PRINTABLE), False),
        (
            {"code": code, "externalRef": "taken"},
            refusal("ExternalRefLinked", "externalRef", externalRef="taken"),
            True,
        ),
    ):
        payload = await assert_refused(
            transit, "linkUser", {"idempotencyKey": f"l-{stored}", **given}, expected, stored=stored
        )
        assert payload["balance"] is None
    own = refusal("AlreadyLinked", "code", externalRef="u1")
    await assert_refused(maps, "linkUser", {"idempotencyKey": "l", "code": code, "externalRef": "again"}, own)

    linked = await call(transit, "linkUser", idempotencyKey="l", code=f" {code.lower()} ", externalRef="rider")
    assert (linked["user"]["externalRef"], linked["balance"]["available"]) == ("rider", 416)
    again = await call(transit, "linkUser", idempotencyKey="l", code=code, externalRef="rider")
    assert (again["user"], again["balance"], again["replayed"]) == (linked["user"], linked["balance"], True)
    conflict = await call(transit, "linkUser", idempotencyKey="l", code=code, externalRef="rider-2")
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]
    assert (conflict["user"], conflict["balance"]) == (None, None)
    used = {"idempotencyKey": "l2", "code": code, "externalRef": "rider-2"}
    await assert_refused(transit, "linkUser", used, invalid)

    # A code ends with its time.
    late = (await call(maps, "issueLinkCode", idempotencyKey="c", user=user("u2")))["linkCode"]["code"]
    await LinkCode.filter(code=late).update(expires_at=now())
    given = {"idempotencyKey": "l3", "code": late, "externalRef": "rider-3"}
    await assert_refused(transit, "linkUser", given, invalid)


async def test_an_unlinked_user_is_no_more_of_the_partner_and_the_last_link_stays(
    service: Running, app_partner: Actor, other_app: Actor, db: TortoiseContext
) -> None:
    maps, transit = service.client(app_partner), service.client(other_app)
    await earned(maps, ("u1", 1))
    for given, expected, stored in (
        ({"idempotencyKey": "x", "user": user("stranger")}, refusal("UserNotFound", "user"), False),
        (
            {"idempotencyKey": "", "user": user("u1")},
            refusal("InvalidInput", "idempotencyKey", reason=PRINTABLE),
            False,
        ),
        ({"idempotencyKey": "x", "user": user("u1")}, refusal("LastLink", "user"), True),
    ):
        await assert_refused(maps, "unlinkUser", given, expected, stored=stored)
    conflict = await call(maps, "unlinkUser", idempotencyKey="earned#0", user=user("u1"))
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]

    code = (await call(maps, "issueLinkCode", idempotencyKey="c", user=user("u1")))["linkCode"]["code"]
    linked = await call(transit, "linkUser", idempotencyKey="l", code=code, externalRef="rider")
    action = (await maps("{ actions { nodes { id } } }"))["actions"]["nodes"][0]["id"]
    person = {"id": linked["user"]["id"]}
    gone = await call(maps, "unlinkUser", idempotencyKey="bye", user=person)
    assert (gone["unlinkedId"], gone["balance"], gone["errors"]) == (person["id"], None, [])
    again = await call(maps, "unlinkUser", idempotencyKey="bye", user=person)
    assert (again["unlinkedId"], again["replayed"]) == (person["id"], True)
    await assert_refused(
        maps, "unlinkUser", {"idempotencyKey": "bye-2", "user": person}, refusal("UserNotFound", "user"), stored=False
    )
    assert await UserLink.all().count() == 1

    # What the partner recorded stays its own; the person and the balance do not.
    seen = await maps("query ($id: ID!) { action(id: $id) { credited user { id } } users { nodes { id } } }", id=action)
    assert seen == {"action": {"credited": 416, "user": None}, "users": {"nodes": []}}
    void = await call(maps, "reverseAction", idempotencyKey="void", actionId=action)
    assert (void["action"]["status"], void["balance"]) == ("REVERSED", None)
    # A name that was given up can be given to somebody else.
    assert (await record(maps, "new", ref="u1"))["balance"]["available"] == 416


async def test_of_several_users_at_once_one_gets_a_reference_and_the_others_are_told(
    service: Running, app_partner: Actor, other_app: Actor
) -> None:
    maps, transit = service.client(app_partner), service.client(other_app)
    people = [f"u{number}" for number in range(8)]
    await earned(maps, *((person, 1) for person in people))
    for ref in ("first", "second", "third"):
        codes = [
            (await call(maps, "issueLinkCode", idempotencyKey=ref, user=user(person)))["linkCode"]["code"]
            for person in people
        ]
        payloads = await asyncio.gather(
            *(call(transit, "linkUser", idempotencyKey=ref, code=code, externalRef=ref) for code in codes)
        )
        told = sorted(one["errors"][0]["__typename"] if one["errors"] else "linked" for one in payloads)
        assert told == ["ExternalRefLinked"] * 7 + ["linked"]
        assert (await transit("{ users { nodes { externalRef } } }"))["users"]["nodes"] == [{"externalRef": ref}]
        await call(transit, "unlinkUser", idempotencyKey=f"bye {ref}", user=user(ref))
