"""Donating, taking back, and following each gram from the trip to the project and home again."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from api.ledger import Ledger, Outcome, Rules, UserBy, trace
from api.ledger.check import check_ledger
from api.ledger.donations import AMOUNT_MAX_G
from api.ledger.errors import (
    AlreadyReversed,
    DonationNotFound,
    InsufficientEnergy,
    InvalidInput,
    ProjectClosed,
    ProjectNotFound,
    ReversalWindowClosed,
    UserNotFound,
)
from api.models import (
    Account,
    Action,
    ActionStatus,
    Environment,
    EventKind,
    Outbox,
    Project,
    ProjectStatus,
    Transfer,
    TransferKind,
    new_id,
    now,
)
from tests.conftest import Actor, add_project, leg, open_ledger, recording
from tests.ledger.rows import all_rows, receipts

LIN = UserBy(external_ref="lin")


class Story:
    """A user's history through one partner, told with whole numbers; each line must be accepted."""

    def __init__(self, ledger: Ledger, actor: Actor, project: Project) -> None:
        self.ledger = ledger
        self.actor = actor
        self.project = project
        self.moment = now() - timedelta(days=6)
        self.count = 0

    async def earn(self, grams: int) -> Action:
        """Record a bus trip of exactly so many grams."""
        metres = -(-grams * 1_000 // 52)
        self.moment += timedelta(hours=2)
        trip = recording("lin", self._key(), leg("BUS", metres, self.moment, kmh=50))
        (outcome,) = await self.ledger.record(self.actor.partnership, [trip])
        assert isinstance(outcome, Outcome)
        action = (await Action.by_ids([self._result(outcome)]))[self._result(outcome)]
        assert action.credited_g == grams
        return action

    async def donate(self, grams: int | None) -> Transfer:
        outcome = await self.ledger.donate(self.actor.partnership, LIN, self.project.id, grams, self._key())
        return await self.transfer(self._result(outcome))

    async def reverse_donation(self, donation: Transfer) -> int:
        """Return the balance afterwards."""
        outcome = await self.ledger.reverse_donation(self.actor.partnership, donation.id, self._key())
        assert self._result(outcome) == donation.id
        return outcome.balance_g

    async def reverse_action(self, action: Action) -> int:
        """Return the balance afterwards."""
        outcome = await self.ledger.reverse_action(self.actor.partnership, action.id, self._key())
        assert self._result(outcome) == action.id
        return outcome.balance_g

    async def uses(self, action: Action) -> list[tuple[UUID, int, bool]]:
        """Return what became of an action's grams: donation, grams, whether they came back."""
        return [(use.donation_id, use.amount_g, use.returned) for use in await trace.spent_on(action)]

    async def transfer(self, transfer_id: UUID) -> Transfer:
        return (await Transfer.by_ids([transfer_id]))[transfer_id]

    def _key(self) -> str:
        self.count += 1
        return f"key-{self.count}"

    def _result(self, outcome: Outcome) -> UUID:
        assert outcome.refusal is None
        assert outcome.result_id is not None
        return outcome.result_id


@pytest.fixture
def story(ledger: Ledger, app_partner: Actor, project: Project) -> Story:
    return Story(ledger, app_partner, project)


async def account() -> tuple[int, int, int, int]:
    (row,) = await Account.all()
    return (row.credited, row.debited, row.held, row.available)


# --- donating ---------------------------------------------------------------------------------------------------------


async def test_a_donation_moves_its_grams_and_leaves_a_fact(story: Story, project: Project) -> None:
    await story.earn(416)

    donation = await story.donate(400)

    assert (donation.kind, donation.amount_g, donation.project_id) == (TransferKind.DONATE, 400, project.id)
    assert (donation.credited_after, donation.debited_after) == (416, 400)
    assert await account() == (416, 400, 0, 16)
    (fact,) = await Outbox.all()
    assert (fact.transfer_id, fact.donation_id) == (donation.id, donation.id)
    assert (fact.kind, fact.amount_g, fact.project_id) == (EventKind.DONATION, 400, project.id)


async def test_all_is_everything_that_is_there_and_never_nothing(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)

    donation = await story.donate(None)
    again = await ledger.donate(app_partner.partnership, LIN, project.id, None, "all")

    assert donation.amount_g == 416
    assert isinstance(again.refusal, InsufficientEnergy)
    assert (again.refusal.available, again.refusal.required) == (0, 1)
    assert await account() == (416, 416, 0, 0)


async def test_a_gram_too_much_is_refused_with_the_facts_and_remembered_after_more_is_earned(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)
    rows, remembered = await all_rows(), await receipts()

    refused = await ledger.donate(app_partner.partnership, LIN, project.id, 417, "the key")

    assert isinstance(refused.refusal, InsufficientEnergy)
    assert (refused.refusal.available, refused.refusal.required, refused.balance_g) == (416, 417, 416)
    assert await all_rows() == rows
    assert await receipts() == remembered + 1

    await story.earn(100)
    late = await ledger.donate(app_partner.partnership, LIN, project.id, 417, "the key")
    assert isinstance(late.refusal, InsufficientEnergy)
    assert (late.refusal.available, late.replayed, late.balance_g) == (416, True, 516)
    fresh = await ledger.donate(app_partner.partnership, LIN, project.id, 417, "a new key")
    assert (fresh.refusal, fresh.balance_g) == (None, 99)


async def test_only_a_project_that_is_being_implemented_takes_donations(
    story: Story, ledger: Ledger, app_partner: Actor
) -> None:
    await story.earn(416)
    for status in set(ProjectStatus) - {ProjectStatus.IMPLEMENTATION}:
        closed = await add_project(status.value, status=status)
        rows = await all_rows()

        refused = await ledger.donate(app_partner.partnership, LIN, closed.id, 7, status.value)

        assert isinstance(refused.refusal, ProjectClosed)
        assert (refused.refusal.status, refused.balance_g) == (status.value, 416)
        assert await all_rows() == rows

        closed.status = ProjectStatus.IMPLEMENTATION
        await closed.save()
        late = await ledger.donate(app_partner.partnership, LIN, closed.id, 7, status.value)
        assert (type(late.refusal), late.replayed) == (ProjectClosed, True)
        assert await all_rows() == rows


async def test_a_project_that_is_not_there_gets_nothing(story: Story, ledger: Ledger, app_partner: Actor) -> None:
    await story.earn(416)
    rows = await all_rows()

    refused = await ledger.donate(app_partner.partnership, LIN, new_id(), 7, "the key")

    assert isinstance(refused.refusal, ProjectNotFound)
    assert await all_rows() == rows


async def test_an_amount_out_of_bounds_is_refused_before_anything_is_written(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)
    rows, remembered = await all_rows(), await receipts()

    for grams in (0, -1, -(2**63), AMOUNT_MAX_G + 1, 2**53 - 1, 2**63):
        with pytest.raises(InvalidInput) as caught:
            await ledger.donate(app_partner.partnership, LIN, project.id, grams, "the key")
        assert caught.value.path == ("amount",)

    assert (await all_rows(), await receipts()) == (rows, remembered)


async def test_the_largest_amount_is_only_more_than_there_is(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)

    refused = await ledger.donate(app_partner.partnership, LIN, project.id, AMOUNT_MAX_G, "the key")

    assert isinstance(refused.refusal, InsufficientEnergy)
    assert (refused.refusal.available, refused.refusal.required) == (416, AMOUNT_MAX_G)


async def test_no_text_as_key_or_user_is_more_than_refused(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)
    rows, remembered = await all_rows(), await receipts()
    caller = app_partner.partnership

    for text in ("", "\0", "lin\0", "\ud83d", "l" * 129, "lin\n"):
        odd = UserBy(external_ref=text)
        for call in (
            ledger.donate(caller, LIN, project.id, 7, text),
            ledger.donate(caller, odd, project.id, 7, "key"),
            ledger.reverse_donation(caller, new_id(), text),
            ledger.reverse_action(caller, new_id(), text),
            ledger.issue_link_code(caller, odd, "key"),
            ledger.unlink_user(caller, odd, "key"),
            ledger.unlink_user(caller, LIN, text),
            ledger.link_user(caller, "CODE", text, "key"),
        ):
            with pytest.raises(InvalidInput):
                await call
        for user, key in [(LIN, text), (odd, "key")]:
            with pytest.raises(InvalidInput):
                await ledger.donation_of_key(caller, user, key)

    assert (await all_rows(), await receipts()) == (rows, remembered)


async def test_nobody_donates_for_a_user_of_another_partner_or_another_world(
    story: Story, ledger: Ledger, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    lin = UserBy(id=(await story.earn(416)).user_id)
    sandbox = replace(app_partner, environment=Environment.SANDBOX)
    rows = await all_rows()

    for stranger in (other_app, sandbox):
        for user in (lin, LIN, UserBy(), UserBy(id=new_id())):
            with pytest.raises(UserNotFound):
                await ledger.donate(stranger.partnership, user, project.id, 7, "key")

    assert await all_rows() == rows
    assert (await ledger.donate(app_partner.partnership, lin, project.id, 7, "key")).balance_g == 409


async def test_a_key_tells_whether_the_call_landed(
    story: Story, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await story.earn(416)
    caller = app_partner.partnership
    landed = await ledger.donate(caller, LIN, project.id, 7, "landed")
    await ledger.donate(caller, LIN, project.id, 1_000, "refused")
    assert landed.result_id is not None
    await ledger.reverse_donation(caller, landed.result_id, "reversed")

    found = await ledger.donation_of_key(caller, LIN, "landed")

    assert found is not None
    assert found.id == landed.result_id
    for key in ("refused", "reversed", "key-1", "never sent"):
        assert await ledger.donation_of_key(caller, LIN, key) is None


# --- taking back ------------------------------------------------------------------------------------------------------


async def test_a_donation_is_reversed_once_and_the_answer_is_remembered(
    story: Story, ledger: Ledger, app_partner: Actor
) -> None:
    await story.earn(416)
    donation = await story.donate(400)

    first = await ledger.reverse_donation(app_partner.partnership, donation.id, "first")
    rows = await all_rows()
    same = await ledger.reverse_donation(app_partner.partnership, donation.id, "first")
    second = await ledger.reverse_donation(app_partner.partnership, donation.id, "second")

    assert (first.result_id, first.refusal, first.balance_g, first.replayed) == (donation.id, None, 416, False)
    assert (same.result_id, same.refusal, same.balance_g, same.replayed) == (donation.id, None, 416, True)
    assert isinstance(second.refusal, AlreadyReversed)
    assert second.refusal.path == ("donationId",)
    assert await all_rows() == rows
    assert await account() == (816, 400, 0, 416)
    facts = {(fact.kind, fact.amount_g, fact.donation_id) for fact in await Outbox.all()}
    assert facts == {(EventKind.DONATION, 400, donation.id), (EventKind.DONATION_REVERSED, 400, donation.id)}


async def test_the_window_of_a_reversal_ends(url: str, app_partner: Actor, project: Project) -> None:
    async with open_ledger(url, Rules(reversal_window=timedelta(hours=2))) as ledger:
        story = Story(ledger, app_partner, project)
        await story.earn(416)
        one, other = await story.donate(100), await story.donate(200)
        ends = one.created_at + timedelta(hours=2)
        rows = await all_rows()

        late = await ledger.reverse_donation(
            app_partner.partnership, one.id, "late", at=ends + timedelta(microseconds=1)
        )

        assert isinstance(late.refusal, ReversalWindowClosed)
        assert (late.refusal.closed_at, late.balance_g) == (ends, 116)
        assert await all_rows() == rows
        in_time = await ledger.reverse_donation(
            app_partner.partnership, other.id, "in time", at=other.created_at + timedelta(hours=2)
        )
        assert (in_time.refusal, in_time.balance_g) == (None, 316)


async def test_only_a_donation_of_ones_own_is_reversed(
    story: Story, ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await story.earn(416)
    donation = await story.donate(400)
    await story.reverse_donation(donation)
    kinds = {transfer.kind: transfer for transfer in await Transfer.all()}
    sandbox = replace(app_partner, environment=Environment.SANDBOX)
    rows = await all_rows()

    for stranger in (other_app, sandbox):
        with pytest.raises(DonationNotFound):
            await ledger.reverse_donation(stranger.partnership, donation.id, "theirs")
    with pytest.raises(DonationNotFound):
        await ledger.reverse_donation(app_partner.partnership, new_id(), "nobody's")
    for kind in (TransferKind.EARN, TransferKind.REVERSE_DONATE):
        with pytest.raises(DonationNotFound):
            await ledger.reverse_donation(app_partner.partnership, kinds[kind].id, kind.value)

    assert await all_rows() == rows


async def test_a_closed_project_still_gives_back(story: Story, project: Project) -> None:
    await story.earn(416)
    donation = await story.donate(400)
    project.status = ProjectStatus.CLOSED
    await project.save()

    assert await story.reverse_donation(donation) == 416


# --- following grams --------------------------------------------------------------------------------------------------


async def test_first_in_is_first_out(story: Story) -> None:
    first, second, third = await story.earn(100), await story.earn(50), await story.earn(200)

    one, two = await story.donate(120), await story.donate(100)

    assert await trace.funded_by(one) == [(first.id, 100), (second.id, 20)]
    assert await trace.funded_by(two) == [(second.id, 30), (third.id, 70)]
    assert await story.uses(first) == [(one.id, 100, False)]
    assert await story.uses(second) == [(one.id, 20, False), (two.id, 30, False)]
    assert await story.uses(third) == [(two.id, 70, False)]


async def test_an_unspent_action_funded_nothing(story: Story) -> None:
    action = await story.earn(100)

    assert await story.uses(action) == []
    assert await story.reverse_action(action) == 0
    assert await story.uses(action) == []


async def test_a_reversed_donation_goes_to_the_end_of_the_queue_in_its_order(story: Story) -> None:
    first, second = await story.earn(100), await story.earn(100)
    one = await story.donate(150)
    assert await story.reverse_donation(one) == 200

    two, three, four = await story.donate(50), await story.donate(100), await story.donate(50)

    assert await trace.funded_by(two) == [(second.id, 50)]
    assert await trace.funded_by(three) == [(first.id, 100)]
    assert await trace.funded_by(four) == [(second.id, 50)]
    assert await trace.funded_by(one) == [(first.id, 100), (second.id, 50)]
    assert await story.uses(first) == [(one.id, 100, True), (three.id, 100, False)]
    assert await story.uses(second) == [(one.id, 50, True), (two.id, 50, False), (four.id, 50, False)]


async def test_what_an_action_paid_for_is_told_in_order_of_time_and_each_donation_once(story: Story) -> None:
    action = await story.earn(100)
    one, two = await story.donate(30), await story.donate(30)
    await story.reverse_donation(one)

    three = await story.donate(55)

    # 40 of its grams were still where they were earned, 15 had come back: one donation all the same.
    assert await story.uses(action) == [(one.id, 30, True), (two.id, 30, False), (three.id, 55, False)]
    assert await trace.funded_by(three) == [(action.id, 55)]


async def test_a_reversed_action_takes_back_its_unspent_grams_from_the_middle(story: Story) -> None:
    first, second, third = await story.earn(100), await story.earn(100), await story.earn(100)
    before = await story.donate(50)

    assert await story.reverse_action(second) == 150

    assert await account() == (300, 50, 100, 150)
    after = await story.donate(100)
    assert await account() == (300, 250, 0, 50)
    assert await trace.funded_by(before) == [(first.id, 50)]
    assert await trace.funded_by(after) == [(first.id, 50), (third.id, 50)]
    assert await story.uses(second) == []
    last = await story.donate(None)
    assert (last.amount_g, await trace.funded_by(last)) == (50, [(third.id, 50)])
    assert await account() == (300, 300, 0, 0)


async def test_a_reversed_action_takes_back_what_had_come_back_from_a_donation(story: Story) -> None:
    first, second = await story.earn(100), await story.earn(100)
    donation = await story.donate(150)
    await story.reverse_donation(donation)

    assert await story.reverse_action(first) == 100

    row = (await Action.by_ids([first.id]))[first.id]
    assert (row.status, row.taken_back_g) == (ActionStatus.REVERSED, 100)
    rest = await story.donate(None)
    assert await trace.funded_by(rest) == [(second.id, 100)]
    assert await story.uses(first) == [(donation.id, 100, True)]


async def test_spent_grams_of_a_reversed_action_stay_with_the_project(story: Story) -> None:
    action = await story.earn(100)
    donation = await story.donate(60)

    assert await story.reverse_action(action) == 0

    row = (await Action.by_ids([action.id]))[action.id]
    assert (row.status, row.taken_back_g) == (ActionStatus.REVERSED, 40)
    assert await trace.funded_by(donation) == [(action.id, 60)]


async def test_grams_of_a_reversed_action_that_come_back_do_not_pay_a_second_time(story: Story) -> None:
    false, true = await story.earn(100), await story.earn(100)
    donation = await story.donate(150)
    assert await story.reverse_action(false) == 50

    assert await story.reverse_donation(donation) == 100

    assert await account() == (350, 150, 100, 100)
    reclaimed = await Transfer.filter(kind=TransferKind.RECLAIM)
    assert [(one.amount_g, one.action_id) for one in reclaimed] == [(100, false.id)]
    rest = await story.donate(None)
    assert (rest.amount_g, await trace.funded_by(rest)) == (100, [(true.id, 100)])
    assert await story.uses(false) == [(donation.id, 100, True)]
    assert await story.uses(true) == [(donation.id, 50, True), (rest.id, 100, False)]
    assert (await check_ledger()).faults == []


async def test_grams_find_home_through_many_reversals(story: Story) -> None:
    first, second = await story.earn(100), await story.earn(100)
    for amount in (30, 150, 70, 200, 1, 199, 130):
        assert await story.reverse_donation(await story.donate(amount)) == 200

    everything = await story.donate(None)

    assert sorted(await trace.funded_by(everything)) == sorted([(first.id, 100), (second.id, 100)])
    assert sum(grams for _, grams, returned in await story.uses(first) if not returned) == 100
    assert await story.reverse_action(first) == 0
    assert await story.reverse_donation(everything) == 100
    assert await story.reverse_action(second) == 0
    assert (await check_ledger()).faults == []


async def test_a_donation_can_be_taken_back_however_often_its_grams_came_back_before(story: Story) -> None:
    action = await story.earn(3)
    for _ in range(80):
        await story.reverse_donation(await story.donate(None))

    last = await story.donate(None)

    assert await trace.funded_by(last) == [(action.id, 3)]
    assert len(await story.uses(action)) == 81
    assert await story.reverse_action(action) == 0
    assert await story.reverse_donation(last) == 0
