"""Duels: a thousand calls at once for the same grams, or under the same key, and the one outcome that is right."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from datetime import timedelta

import pytest
from tortoise.context import TortoiseContext

from api.ledger import Ledger, Outcome, UserBy
from api.ledger.check import check_ledger
from api.ledger.errors import IdempotencyConflict, InsufficientEnergy
from api.models import Account, Action, Outbox, Project, Receipt, Transfer, TransferKind, now
from api.models.database import database
from api.schema import node
from tests.conftest import Actor, Running, add_project, bus, earn, leg, open_ledger, recording

LIN = UserBy(external_ref="lin")
ROUNDS = 1_000
#: Over HTTP it is the client that takes the time.
HTTP_ROUNDS = 400
HTTP_OPEN_MAX = 50

DONATE = """
mutation ($key: String!, $project: ID!, $grams: Grams!) {
  donateEnergy(
    input: {idempotencyKey: $key, user: {externalRef: "lin"}, projectId: $project, amount: {grams: $grams}}
  ) {
    donation { id }
    balance { available }
    replayed
    errors { __typename ... on InsufficientEnergy { available required } }
  }
}
"""


async def all_of(calls: Iterable[Awaitable[Outcome]]) -> list[Outcome]:
    return await asyncio.gather(*calls)


async def donations() -> list[Transfer]:
    return await Transfer.filter(kind=TransferKind.DONATE)


async def the_account() -> tuple[int, int, int, int]:
    (account,) = await Account.all()
    return (account.credited, account.debited, account.held, account.available)


async def test_one_key_a_thousand_times_donates_once(ledger: Ledger, app_partner: Actor, project: Project) -> None:
    await earn(ledger, app_partner, "lin", 1_000)

    outcomes = await all_of(
        ledger.donate(app_partner.partnership, LIN, project.id, 7, "the key") for _ in range(ROUNDS)
    )

    assert Counter(outcome.replayed for outcome in outcomes) == {False: 1, True: 999}
    (donation,) = await donations()
    assert {(outcome.result_id, outcome.refusal, outcome.balance_g) for outcome in outcomes} == {
        (donation.id, None, 993)
    }
    assert await the_account() == (1_000, 7, 0, 993)
    assert await Receipt.filter(key="the key").count() == 1
    assert [fact.transfer_id for fact in await Outbox.all()] == [donation.id]
    assert (await check_ledger()).faults == []


async def test_a_thousand_spends_of_7_from_1000_succeed_142_times(
    ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 1_000)

    outcomes = await all_of(
        ledger.donate(app_partner.partnership, LIN, project.id, 7, f"key-{index}") for index in range(ROUNDS)
    )

    refused = [outcome for outcome in outcomes if outcome.refusal is not None]
    assert len(outcomes) - len(refused) == 142
    assert {_insufficient(outcome) for outcome in refused} == {(6, 7, 6)}
    assert len({outcome.result_id for outcome in outcomes if outcome.result_id}) == 142
    assert [donation.amount_g for donation in await donations()] == [7] * 142
    assert await the_account() == (1_000, 994, 0, 6)
    assert await Outbox.all().count() == 142
    assert (await check_ledger()).faults == []


async def test_the_same_key_with_another_body_is_always_a_conflict(
    ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 1_000)
    other_project = await add_project("habitat")
    bodies = [(project.id, 7), (project.id, 8), (project.id, None), (other_project.id, 7)]

    # Together, so that one batch holds them all, and again when the first has long been answered.
    outcomes = await all_of(
        ledger.donate(app_partner.partnership, LIN, *bodies[index % 4], "the key") for index in range(ROUNDS)
    )
    later = await all_of(ledger.donate(app_partner.partnership, LIN, *body, "the key") for body in bodies)

    (donation,) = await donations()
    # Whichever came first: on several lanes that is not always the first that was sent.
    won = next(index for index, outcome in enumerate(outcomes) if outcome.refusal is None) % 4
    left = 1_000 - donation.amount_g
    assert (donation.project_id, donation.amount_g) == (bodies[won][0], bodies[won][1] or 1_000)
    (receipt,) = await Receipt.filter(key="the key")
    assert sum(not outcome.replayed and outcome.refusal is None for outcome in outcomes) == 1
    for index, outcome in enumerate(outcomes + later):
        if index % 4 == won:
            assert (outcome.result_id, outcome.refusal) == (donation.id, None)
        else:
            assert isinstance(outcome.refusal, IdempotencyConflict)
            assert (outcome.refusal.key, outcome.refusal.first_used_at) == ("the key", receipt.created_at)
            assert (outcome.result_id, outcome.replayed, outcome.balance_g) == (None, False, left)
    assert await the_account() == (1_000, donation.amount_g, 0, left)


async def test_a_key_of_one_operation_is_a_conflict_for_every_other(
    ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    caller = app_partner.partnership
    (recorded,) = await ledger.record(caller, [recording("lin", "the key", bus())])
    assert isinstance(recorded, Outcome)
    assert recorded.result_id is not None
    given = await ledger.donate(caller, LIN, project.id, 7, "another key")
    assert given.result_id is not None

    outcomes = [
        await ledger.donate(caller, LIN, project.id, 7, "the key"),
        await ledger.reverse_action(caller, recorded.result_id, "the key"),
        await ledger.reverse_donation(caller, given.result_id, "the key"),
        await ledger.issue_link_code(caller, LIN, "the key"),
        await ledger.unlink_user(caller, LIN, "the key"),
    ]
    (again,) = await ledger.record(caller, [recording("lin", "another key", bus(100, at=None))])

    assert isinstance(again, Outcome)
    assert [type(outcome.refusal) for outcome in [*outcomes, again]] == [IdempotencyConflict] * 6
    assert await the_account() == (416, 7, 0, 409)
    assert await Receipt.all().count() == 2


async def test_a_key_belongs_to_one_user_and_one_partner(
    ledger: Ledger, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    for actor, user in [(app_partner, "lin"), (app_partner, "wang"), (other_app, "lin")]:
        await earn(ledger, actor, user, 10)

        outcome = await ledger.donate(actor.partnership, UserBy(external_ref=user), project.id, 3, "the key")

        assert (outcome.refusal, outcome.replayed, outcome.balance_g) == (None, False, 7)
    assert len(await donations()) == 3


async def test_two_processes_share_one_key_and_one_balance(
    url: str, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 1_000)
    caller = app_partner.partnership

    async with database(url), open_ledger(url) as second:
        pair = (ledger, second)
        same_key = await all_of(
            pair[index % 2].donate(caller, LIN, project.id, 6, "the key") for index in range(ROUNDS)
        )
        own_keys = await all_of(
            pair[index % 2].donate(caller, LIN, project.id, 7, f"key-{index}") for index in range(ROUNDS)
        )

    assert Counter(outcome.replayed for outcome in same_key) == {False: 1, True: 999}
    assert len({outcome.result_id for outcome in same_key}) == 1
    refused = [outcome for outcome in own_keys if outcome.refusal is not None]
    assert len(own_keys) - len(refused) == 142
    assert {_insufficient(outcome) for outcome in refused} == {(0, 7, 0)}
    assert await the_account() == (1_000, 1_000, 0, 0)
    assert (await check_ledger()).faults == []


@pytest.mark.parametrize("metres", [5, 500])
async def test_two_processes_take_one_of_two_trips_at_the_same_time(
    url: str, ledger: Ledger, app_partner: Actor, metres: int
) -> None:
    # A walk of 5 m gives no grams, so the account stands where it stood; and still there was one.
    users = [f"user-{index}" for index in range(40)]
    for user in users:
        await ledger.register(app_partner.partnership, UserBy(external_ref=user))
    walk = leg("WALK", metres, now() - timedelta(hours=1), kmh=5)

    async with database(url), open_ledger(url) as second:
        answers = await asyncio.gather(
            *(
                one.record(app_partner.partnership, [recording(user, f"key-{number}", walk)])
                for user in users
                for number, one in enumerate((ledger, second) * 2)
            )
        )

    outcomes = [checked(outcome) for (outcome,) in answers]
    told = Counter(outcome.refusal.code if outcome.refusal else "taken" for outcome in outcomes)
    assert told == {"taken": 40, "ACTION_OVERLAPS": 120}
    assert Counter([action.user_id for action in await Action.all()]).most_common(1)[0][1] == 1
    assert (await check_ledger()).faults == []


async def test_two_processes_register_a_new_user_once(url: str, ledger: Ledger, app_partner: Actor) -> None:
    async with database(url), open_ledger(url) as second:
        ids = await asyncio.gather(
            *(
                (ledger, second)[index % 2].register(app_partner.partnership, UserBy(external_ref=f"user-{index // 8}"))
                for index in range(400)
            )
        )

    assert [len(set(ids[first : first + 8])) for first in range(0, 400, 8)] == [1] * 50
    assert await Account.all().count() == 50


async def test_many_users_at_once_lose_nothing(url: str, ledger: Ledger, app_partner: Actor, project: Project) -> None:
    users = [f"user-{index}" for index in range(50)]
    trips = [recording(user, f"trip-{user}", bus()) for user in users]
    assert all(isinstance(one, Outcome) for one in await ledger.record(app_partner.partnership, trips))

    outcomes = await all_of(
        ledger.donate(
            app_partner.partnership, UserBy(external_ref=users[index % 50]), project.id, 20 + index % 2, f"key-{index}"
        )
        for index in range(2_000)
    )

    assert sum(outcome.refusal is None for outcome in outcomes) == 25 * 20 + 25 * 19
    assert sorted({account.available for account in await Account.all()}) == [16, 17]
    assert (await check_ledger()).faults == []


async def test_calls_with_many_and_with_one_about_the_same_users_at_once_lose_nothing(
    ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    users = [f"user-{index}" for index in range(50)]
    known = await ledger.record(app_partner.partnership, [recording(user, f"first-{user}", bus()) for user in users])
    ids = [one.user_id for one in known if isinstance(one, Outcome)]
    calls = [
        [recording(user, f"trip-{hours}-{user}", bus(1_000, ago=timedelta(hours=hours))) for user in users]
        for hours in range(2, 10)
    ]

    gifts = all_of(
        ledger.donate(app_partner.partnership, UserBy(id=ids[index % 50]), project.id, 1, f"key-{index}")
        for index in range(1_000)
    )
    trips, given = await asyncio.gather(
        asyncio.gather(*(ledger.record(app_partner.partnership, call) for call in calls)), gifts
    )

    outcomes = [one for call in trips for one in call]
    assert len(ids) == 50
    assert all(isinstance(one, Outcome) and one.refusal is None for one in [*outcomes, *given])
    assert await Action.all().count() == 50 + 8 * 50
    assert [account.debited for account in await Account.all()] == [20] * 50
    assert (await check_ledger()).faults == []


async def test_one_key_hundreds_of_times_over_http_donates_once(
    service: Running, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 1_000)
    variables = {"key": "the key", "project": node.global_id(node.PROJECT, project.id), "grams": 7}

    answers = await _posts(service, app_partner, [variables] * HTTP_ROUNDS)

    (donation,) = await donations()
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: HTTP_ROUNDS - 1}
    for answer in answers:
        assert answer["donation"] == {"id": node.global_id(node.DONATION, donation.id)}
        assert answer["balance"] == {"available": 993}
        assert answer["errors"] == []
    assert await the_account() == (1_000, 7, 0, 993)


async def test_spends_of_7_over_http_leave_what_is_too_little(
    service: Running, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 1_000)
    global_id = node.global_id(node.PROJECT, project.id)

    answers = await _posts(
        service,
        app_partner,
        [{"key": f"key-{index}", "project": global_id, "grams": 7} for index in range(200)],
    )

    refused = [answer for answer in answers if answer["errors"]]
    assert len(answers) - len(refused) == 142
    for answer in refused:
        assert answer["donation"] is None
        assert answer["balance"] == {"available": 6}
        assert answer["errors"] == [{"__typename": "InsufficientEnergy", "available": 6, "required": 7}]
    assert await the_account() == (1_000, 994, 0, 6)


async def _posts(service: Running, actor: Actor, calls: list[dict[str, object]]) -> list[dict[str, object]]:
    client = service.client(actor)
    gate = asyncio.Semaphore(HTTP_OPEN_MAX)

    async def post(variables: dict[str, object]) -> dict[str, object]:
        async with gate:
            data = await client(DONATE, **variables)
        answer: dict[str, object] = data["donateEnergy"]
        return answer

    return await asyncio.gather(*(post(variables) for variables in calls))


def _insufficient(outcome: Outcome) -> tuple[int, int, int]:
    """Return what the refusal says was available and required, and the balance that came with it."""
    assert isinstance(outcome.refusal, InsufficientEnergy)
    assert (outcome.refusal.path, outcome.replayed, outcome.result_id) == (("amount",), False, None)
    return (outcome.refusal.available, outcome.refusal.required, outcome.balance_g)


async def test_one_reference_for_many_users_at_once_names_one_action(
    db: TortoiseContext, url: str, app_partner: Actor
) -> None:
    async with open_ledger(url) as here, open_ledger(url) as there:
        for number in range(10):
            calls = [
                ledger.record(
                    app_partner.partnership,
                    [recording(f"user-{number}-{each}", "trip", bus(), external_ref=f"trip-{number}")],
                )
                for each, ledger in enumerate([here, there] * 4)
            ]
            outcomes = [one for (one,) in await asyncio.gather(*calls)]
            told = sorted("accepted" if one.refusal is None else one.refusal.code for one in map(checked, outcomes))
            assert told == [*["EXTERNAL_REF_USED"] * 7, "accepted"]
    assert await Action.all().count() == 10


async def test_of_two_overlapping_trips_in_one_call_the_first_is_taken(ledger: Ledger, app_partner: Actor) -> None:
    trips = [recording(f"user-{each}", f"trip-{turn}", bus()) for each in range(20) for turn in (1, 2)]
    outcomes = [checked(one) for one in await ledger.record(app_partner.partnership, trips)]
    assert [one.refusal.code if one.refusal else "taken" for one in outcomes] == ["taken", "ACTION_OVERLAPS"] * 20


def checked(outcome: Outcome | Exception) -> Outcome:
    assert not isinstance(outcome, Exception), outcome
    return outcome
