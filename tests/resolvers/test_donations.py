"""Donating and taking back: each refusal with its facts, repetitions, conflicts."""

from datetime import timedelta
from typing import Any

from tortoise.context import TortoiseContext

from api.models import Project, ProjectStatus
from api.settings import Settings
from tests.conftest import Actor, Running, add_project, serving
from tests.resolvers.calls import (
    assert_refused,
    call,
    donate,
    earned,
    energy,
    project_id,
    record,
    refusal,
    sealed,
    trip,
    user,
)


async def test_each_rule_of_a_donation_refuses_with_its_facts(
    service: Running, app_partner: Actor, other_app: Actor, ngo: Actor, project: Project
) -> None:
    app, other = service.client(app_partner), service.client(other_app)
    await earned(app, ("u1", 2))
    await earned(other, ("rider", 1))
    poor = {"available": 832, "earned": 832, "donated": 0}
    base = {"user": user("u1"), "projectId": project_id(project), "amount": {"grams": 100}}
    too_much = "An amount is between 1 and 1,000,000,000 grams."
    printable = "Expected 1 to 128 printable characters."
    table: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        (
            {"amount": {"grams": 833}},
            refusal("InsufficientEnergy", "amount", retryable=True, available=832, required=833),
            True,
        ),
        ({"projectId": project_id(project).replace("prj_", "ptn_")}, refusal("ProjectNotFound", "projectId"), True),
        ({"projectId": "longwu"}, refusal("ProjectNotFound", "projectId"), True),
        ({"user": user("rider")}, refusal("UserNotFound", "user"), False),
        ({"user": {"id": "usr_garbage"}}, refusal("UserNotFound", "user"), False),
        ({"amount": {"grams": 0}}, refusal("InvalidInput", "amount", reason=too_much), False),
        ({"amount": {"grams": 1_000_000_001}}, refusal("InvalidInput", "amount", reason=too_much), False),
        ({"amount": {"grams": 2**53 - 1}}, refusal("InvalidInput", "amount", reason=too_much), False),
        ({"idempotencyKey": ""}, refusal("InvalidInput", "idempotencyKey", reason=printable), False),
        ({"idempotencyKey": "x" * 129}, refusal("InvalidInput", "idempotencyKey", reason=printable), False),
    ]
    for status in ProjectStatus:
        if status is not ProjectStatus.IMPLEMENTATION:
            shut = await add_project(status.value.lower(), ngo, status=status)
            expected = refusal("ProjectClosed", "projectId", retryable=True, status=status.value)
            table.append(({"projectId": project_id(shut)}, expected, True))
    for number, (given, expected, stored) in enumerate(table):
        payload = await assert_refused(
            app, "donateEnergy", {"idempotencyKey": f"key-{number}", **base, **given}, expected, stored=stored
        )
        assert payload["balance"] == (poor if stored else None), expected

    # A stored refusal stays the answer to its key, also when the call would succeed by now.
    await record(app, "more", legs=[trip(days_ago=3)])
    payload = await donate(app, "key-0", project, 833)
    assert (payload["donation"], payload["replayed"]) == (None, True)
    assert payload["errors"][0]["available"] == 832
    assert (await donate(app, "new-key", project, 833))["donation"]["amount"] == 833
    assert (await donate(other, "all", project, None, ref="rider"))["donation"]["amount"] == 416
    empty = refusal("InsufficientEnergy", "amount", retryable=True, available=0, required=1)
    given = {"idempotencyKey": "nothing-left", **base, "user": user("rider"), "amount": {"all": "ALL"}}
    await assert_refused(other, "donateEnergy", given, empty)


async def test_a_donation_is_made_once_for_its_key(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 2), ("u2", 1))
    first = await donate(app, "k", project, 100)
    again = await donate(app, "k", project, 100)
    assert (again["donation"], again["replayed"], again["errors"]) == (first["donation"], True, [])
    assert again["balance"] == {"available": 732, "earned": 832, "donated": 100}
    other_project = await add_project("other", ngo)
    before = await energy()
    for payload in (
        await donate(app, "k", project, 101),
        await donate(app, "k", project, None),
        await donate(app, "k", other_project, 100),
        await donate(app, "earned#0", project, 100),
    ):
        (error,) = payload["errors"]
        assert (error["__typename"], error["path"]) == ("IdempotencyConflict", ["idempotencyKey"])
        assert (payload["donation"], payload["replayed"]) == (None, False)
        assert payload["balance"]["available"] == 732
    assert await energy() == before
    # Keys are a user's own: the same key for another user is another call.
    assert (await donate(app, "k", project, 100, ref="u2"))["replayed"] is False


async def test_a_donation_is_taken_back_once_within_its_window_and_only_by_its_partner(
    service: Running, app_partner: Actor, other_app: Actor, project: Project, db: TortoiseContext, url: str
) -> None:
    app, other = service.client(app_partner), service.client(other_app)
    await earned(app, ("u1", 2))
    donation = (await donate(app, "k", project, 100))["donation"]["id"]
    second = (await donate(app, "k2", project, 200))["donation"]["id"]
    action = (await app("{ actions(first: 1) { nodes { id } } }"))["actions"]["nodes"][0]["id"]
    not_found = refusal("DonationNotFound", "donationId")
    for client, wanted in (
        (other, donation),
        (app, "don_garbage"),
        (app, action),
        (app, action.replace("act_", "don_")),
    ):
        given = {"idempotencyKey": "r", "donationId": wanted}
        await assert_refused(client, "reverseDonation", given, not_found, stored=False)
    given = {"idempotencyKey": "\t", "donationId": donation}
    bad_key = refusal("InvalidInput", "idempotencyKey", reason="Expected 1 to 128 printable characters.")
    await assert_refused(app, "reverseDonation", given, bad_key, stored=False)

    back = await call(app, "reverseDonation", idempotencyKey="r", donationId=donation)
    assert back["donation"] == {"id": donation, "amount": 100, "status": "REVERSED"}
    assert back["balance"] == {"available": 632, "earned": 832, "donated": 200}
    again = await call(app, "reverseDonation", idempotencyKey="r", donationId=donation)
    assert (again["replayed"], again["donation"], again["balance"]) == (True, back["donation"], back["balance"])
    given = {"idempotencyKey": "r2", "donationId": donation}
    await assert_refused(app, "reverseDonation", given, refusal("AlreadyReversed", "donationId"))
    conflict = await call(app, "reverseDonation", idempotencyKey="r", donationId=second)
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]

    # A service whose window is nothing: over at once.
    made = (await app("query ($id: ID!) { donation(id: $id) { createdAt reversibleUntil } }", id=second))["donation"]
    settings = Settings(database_url=url, reversal_window=timedelta(0))
    async with serving(settings, db) as strict:
        client = strict.client(app_partner)
        closed = refusal("ReversalWindowClosed", "donationId", closedAt=made["createdAt"])
        await assert_refused(client, "reverseDonation", {"idempotencyKey": "late", "donationId": second}, closed)
    assert made["reversibleUntil"] > made["createdAt"]


async def test_the_ngo_hears_of_a_reversal_as_a_second_event(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app, waters = service.client(app_partner), service.client(ngo)
    await earned(app, ("u1", 1), ("u2", 1))
    await donate(app, "k", project, 100, ref="u1")
    donation = (await donate(app, "k", project, 300, ref="u2"))["donation"]["id"]
    progress = '{ project(code: "longwu") { progress { energyRaised donations donors sequence } } }'
    await sealed()
    assert (await waters(progress))["project"]["progress"] == {
        "energyRaised": 400,
        "donations": 2,
        "donors": 2,
        "sequence": 2,
    }
    await call(app, "reverseDonation", idempotencyKey="r", donationId=donation)
    await sealed()
    assert (await waters(progress))["project"]["progress"] == {
        "energyRaised": 100,
        "donations": 1,
        "donors": 1,
        "sequence": 3,
    }
    seen = await waters(
        "query ($id: ID!) { donation(id: $id) { status amount reversedAt event { sequence kind } } }", id=donation
    )
    reversed_at = seen["donation"].pop("reversedAt")
    assert reversed_at.endswith("Z")
    assert seen["donation"] == {"status": "REVERSED", "amount": 300, "event": {"sequence": 2, "kind": "DONATION"}}
