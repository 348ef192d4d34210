"""A partner's own reference of an action is used once."""

from dataclasses import replace

import pytest

from api.ledger import Ledger, UserBy
from api.ledger.errors import (
    ExternalRefUsed,
)
from api.models import (
    Account,
    Action,
    Environment,
)
from tests.conftest import Actor
from tests.ledger.rows import all_rows
from tests.ledger.travel import action, facts, record, recorded, trip


@pytest.mark.parametrize("user", ["lin", "wang"])
async def test_an_external_reference_is_used_once_whoever_the_user_is(
    ledger: Ledger, app_partner: Actor, user: str
) -> None:
    await recorded(ledger, app_partner, action("first", trip("BUS", 8_000, "08:00"), ref="trip-1"))
    await ledger.register(app_partner.partnership, UserBy(external_ref=user))
    rows = await all_rows()
    second = replace(action("second", trip("BUS", 8_000, "09:00"), ref="trip-1"), user=UserBy(external_ref=user))

    (refused,) = await record(ledger, app_partner, second)
    (again,) = await record(ledger, app_partner, second)

    assert isinstance(refused.refusal, ExternalRefUsed)
    assert facts(refused.refusal) == {"path": ("externalRef",), "external_ref": "trip-1"}
    assert (type(again.refusal), again.replayed) == (ExternalRefUsed, True)
    assert await all_rows() == rows


async def test_an_external_reference_that_comes_twice_in_one_call_is_the_first_users(
    ledger: Ledger, app_partner: Actor
) -> None:
    users = [UserBy(external_ref=f"user-{index}") for index in range(12)]
    trips = [
        replace(action(f"key-{index}", trip("BUS", 8_000, "08:00"), ref=f"trip-{index % 6}"), user=user)
        for index, user in enumerate(users)
    ]

    outcomes = await record(ledger, app_partner, *trips)

    assert [outcome.refusal is None for outcome in outcomes] == [True] * 6 + [False] * 6
    assert all(isinstance(outcome.refusal, ExternalRefUsed) for outcome in outcomes[6:])
    assert await Action.all().count() == 6


async def test_a_reference_of_one_partner_is_free_for_another_and_for_the_sandbox(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    one = action("one", trip("BUS", 8_000, "08:00"), ref="trip-1")
    sandbox = replace(app_partner, environment=Environment.SANDBOX)

    await recorded(ledger, sandbox, one)
    await recorded(ledger, app_partner, one)
    await recorded(ledger, other_app, one)

    worlds = [account.environment for account in await Account.all()]
    assert sorted(worlds) == [Environment.LIVE, Environment.LIVE, Environment.SANDBOX]


async def test_the_reference_of_a_refused_action_stays_free(ledger: Ledger, app_partner: Actor) -> None:
    await record(ledger, app_partner, action("fast", trip("WALK", 10_000, "08:00", 15), ref="trip-1"))

    await recorded(ledger, app_partner, action("slow", trip("WALK", 1_000, "08:00", 15), ref="trip-1"))
