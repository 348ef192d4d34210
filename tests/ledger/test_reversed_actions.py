"""An action that was none is taken back as far as its grams are unspent."""

from dataclasses import replace

import pytest

from api.ledger import Ledger
from api.ledger.errors import (
    ActionNotFound,
    AlreadyReversed,
)
from api.models import (
    Account,
    Action,
    ActionStatus,
    Environment,
    Transfer,
    TransferKind,
    new_id,
)
from tests.conftest import Actor
from tests.ledger.rows import all_rows
from tests.ledger.travel import NOON, action, link, recorded, trip


async def test_an_action_is_reversed_once_and_by_its_partner_alone(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await link(ledger, app_partner, other_app)
    (row,) = await recorded(ledger, app_partner, action("one", trip("BUS", 8_000)))
    rows = await all_rows()
    sandbox = replace(app_partner, environment=Environment.SANDBOX)
    for stranger in (other_app, sandbox):
        with pytest.raises(ActionNotFound):
            await ledger.reverse_action(stranger.partnership, row.id, "theirs")
    with pytest.raises(ActionNotFound):
        await ledger.reverse_action(app_partner.partnership, new_id(), "nobody's")
    assert await all_rows() == rows

    first = await ledger.reverse_action(app_partner.partnership, row.id, "reverse", at=NOON)
    after = await all_rows()
    same = await ledger.reverse_action(app_partner.partnership, row.id, "reverse", at=NOON)
    second = await ledger.reverse_action(app_partner.partnership, row.id, "again", at=NOON)

    assert (first.result_id, first.refusal, first.balance_g, first.replayed) == (row.id, None, 0, False)
    assert (same.result_id, same.refusal, same.balance_g, same.replayed) == (row.id, None, 0, True)
    assert isinstance(second.refusal, AlreadyReversed)
    assert second.refusal.path == ("actionId",)
    assert await all_rows() == after
    reversed_row = (await Action.by_ids([row.id]))[row.id]
    assert (reversed_row.status, reversed_row.taken_back_g) == (ActionStatus.REVERSED, 416)


async def test_what_an_action_earned_before_it_had_the_actions_id_is_found_all_the_same(
    ledger: Ledger, app_partner: Actor
) -> None:
    (row,) = await recorded(ledger, app_partner, action("new", trip("BUS", 8_000)))
    old = (await Action.filter(id=row.id).values())[0] | {"id": new_id()}
    earned = (await Transfer.filter(id=row.id).values())[0]
    earned |= {"id": new_id(), "action_id": old["id"], "credited_after": 2 * 416}
    await Action.create(**old)
    await Transfer.create(**earned)
    await Account.filter(user_id=row.user_id).update(credited=2 * 416, version=2)

    outcome = await ledger.reverse_action(app_partner.partnership, old["id"], "reverse", at=NOON)

    assert (outcome.result_id, outcome.refusal, outcome.balance_g) == (old["id"], None, 416)
    reversal = await Transfer.get(kind=TransferKind.REVERSE_EARN)
    assert (reversal.reverses, reversal.action_id, reversal.amount_g) == (earned["id"], old["id"], 416)


async def test_an_action_that_was_capped_to_nothing_can_be_reversed(ledger: Ledger, app_partner: Actor) -> None:
    _, empty = await recorded(
        ledger,
        app_partner,
        action("full", trip("WALK", 6_000, "06:00", 60)),
        action("empty", trip("WALK", 6_000, "07:00", 60)),
    )

    outcome = await ledger.reverse_action(app_partner.partnership, empty.id, "reverse", at=NOON)

    assert (outcome.refusal, outcome.balance_g) == (None, 296)
    row = (await Action.by_ids([empty.id]))[empty.id]
    assert (row.status, row.taken_back_g, row.credited_g) == (ActionStatus.REVERSED, 0, 0)
