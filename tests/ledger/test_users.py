"""Users: made when first named, carried to another partner by a one-time code, forgotten by one partner at a time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tortoise.context import TortoiseContext

from api.ledger import Ledger, UserBy
from api.ledger.errors import (
    AlreadyLinked,
    ExternalRefLinked,
    IdempotencyConflict,
    InvalidInput,
    LastLink,
    LinkCodeInvalid,
    UserNotFound,
)
from api.ledger.users import LINK_CODE_DIGITS, LINK_CODE_LENGTH, LINK_CODE_LIFE
from api.models import Account, Environment, LinkCode, PartnerKind, Project, User, UserLink, now
from tests.conftest import Actor, add_partner, earn
from tests.ledger.rows import all_rows, receipts

LIN = UserBy(external_ref="lin")


async def issue(ledger: Ledger, actor: Actor, user: UserBy = LIN, key: str = "issue") -> str:
    """Issue a code and return it."""
    outcome = await ledger.issue_link_code(actor.partnership, user, key)
    assert outcome.refusal is None
    assert outcome.result_id is not None
    return (await LinkCode.by_ids([outcome.result_id]))[outcome.result_id].code


async def link(ledger: Ledger, first: Actor, second: Actor, ref: str = "rider-1") -> UUID:
    """Make `lin` of the first partner known to the second and return the user's id."""
    user_id = await ledger.register(first.partnership, LIN)
    outcome = await ledger.link_user(second.partnership, await issue(ledger, first), ref, "link")
    assert (outcome.refusal, outcome.result_id) == (None, user_id)
    return user_id


# --- registering ------------------------------------------------------------------------------------------------------


async def test_a_name_is_one_user_for_one_partner_in_one_world(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    sandbox = replace(app_partner, environment=Environment.SANDBOX)
    actors = (app_partner, other_app, sandbox)

    first = [await ledger.register(actor.partnership, LIN) for actor in actors]
    again = [await ledger.register(actor.partnership, LIN) for actor in actors]

    assert len(set(first)) == 3
    assert again == first
    accounts = await Account.by_ids(first)
    assert [accounts[one].environment for one in first] == ["LIVE", "LIVE", "SANDBOX"]
    assert await User.all().count() == 3


async def test_a_new_name_a_hundred_times_at_once_is_one_user(ledger: Ledger, app_partner: Actor) -> None:
    ids = await asyncio.gather(*(ledger.register(app_partner.partnership, LIN) for _ in range(100)))

    assert len(set(ids)) == 1
    assert (await User.all().count(), await Account.all().count(), await UserLink.all().count()) == (1, 1, 1)


async def test_names_differ_by_case_and_by_every_character(ledger: Ledger, app_partner: Actor) -> None:
    names = ["lin", "Lin", "LIN", "lin ", "林", "l" * 128]

    ids = [await ledger.register(app_partner.partnership, UserBy(external_ref=name)) for name in names]

    assert len(set(ids)) == len(names)


# --- linking ----------------------------------------------------------------------------------------------------------


async def test_a_linked_user_has_one_balance_that_both_partners_spend(
    ledger: Ledger, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 100)
    await link(ledger, app_partner, other_app)
    rider = UserBy(external_ref="rider-1")

    mine = await ledger.donate(app_partner.partnership, LIN, project.id, 30, "key")
    theirs = await ledger.donate(other_app.partnership, rider, project.id, 70, "key")
    nothing = await ledger.donate(app_partner.partnership, LIN, project.id, 1, "another key")

    assert (mine.balance_g, theirs.balance_g, nothing.balance_g) == (70, 0, 0)
    assert mine.user_id == theirs.user_id
    assert nothing.refusal is not None
    assert await Account.all().count() == 1


async def test_a_code_can_be_typed_in_small_letters_with_spaces_around(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await ledger.register(app_partner.partnership, LIN)
    code = await issue(ledger, app_partner)
    assert len(code) == LINK_CODE_LENGTH
    assert set(code) <= set(LINK_CODE_DIGITS)

    outcome = await ledger.link_user(other_app.partnership, f"  {code.lower()} ", "rider-1", "link")

    assert outcome.refusal is None


async def test_linking_is_answered_the_same_when_it_is_repeated(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await ledger.register(app_partner.partnership, LIN)
    code = await issue(ledger, app_partner)
    first = await ledger.link_user(other_app.partnership, code, "rider-1", "link")
    rows = await all_rows()

    again = await ledger.link_user(other_app.partnership, code, "rider-1", "link")
    changed = await ledger.link_user(other_app.partnership, code, "rider-2", "link")
    same_code = await issue(ledger, app_partner)

    assert (again.result_id, again.refusal, again.replayed) == (first.result_id, None, True)
    assert isinstance(changed.refusal, IdempotencyConflict)
    assert same_code == code
    assert await all_rows() == rows


async def test_a_code_that_was_never_issued_links_nobody(ledger: Ledger, app_partner: Actor, other_app: Actor) -> None:
    await ledger.register(app_partner.partnership, LIN)
    await issue(ledger, app_partner)
    rows, remembered = await all_rows(), await receipts()

    for code in ("", "0000000000", "\0", "\ud83d", "0" * 10_000, "'; --", "零零零零零零零零零零"):
        with pytest.raises(LinkCodeInvalid):
            await ledger.link_user(other_app.partnership, code, "rider-1", "link")

    assert (await all_rows(), await receipts()) == (rows, remembered)


async def test_a_code_works_once(ledger: Ledger, app_partner: Actor, other_app: Actor) -> None:
    third = await add_partner("bikes", PartnerKind.ACTION_SOURCE)
    await ledger.register(app_partner.partnership, LIN)
    code = await issue(ledger, app_partner)

    outcomes = await asyncio.gather(
        *(ledger.link_user(actor.partnership, code, "rider-1", "link") for actor in (other_app, third))
    )

    refusals = [outcome.refusal for outcome in outcomes]
    assert sorted(type(refusal).__name__ for refusal in refusals) == ["LinkCodeInvalid", "NoneType"]
    assert await UserLink.all().count() == 2


async def test_a_code_works_for_a_quarter_of_an_hour_and_in_its_own_world(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await ledger.register(app_partner.partnership, LIN)
    code = await issue(ledger, app_partner)
    row = await LinkCode.get()
    assert row.expires_at - row.created_at == LINK_CODE_LIFE == timedelta(minutes=15)
    sandbox = replace(other_app, environment=Environment.SANDBOX)
    with pytest.raises(LinkCodeInvalid):
        await ledger.link_user(sandbox.partnership, code, "rider-1", "link")
    row.expires_at = now()
    await row.save()
    rows = await all_rows()

    refused = await ledger.link_user(other_app.partnership, code, "rider-1", "link")
    again = await ledger.link_user(other_app.partnership, code, "rider-1", "link")

    assert (type(refused.refusal), refused.replayed) == (LinkCodeInvalid, False)
    assert (type(again.refusal), again.replayed) == (LinkCodeInvalid, True)
    assert await all_rows() == rows


async def test_a_reference_that_is_taken_leaves_the_code_unused(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await ledger.register(app_partner.partnership, LIN)
    await ledger.register(other_app.partnership, UserBy(external_ref="rider-1"))
    code = await issue(ledger, app_partner)
    rows = await all_rows()

    refused = await ledger.link_user(other_app.partnership, code, "rider-1", "first")

    assert isinstance(refused.refusal, ExternalRefLinked)
    assert refused.refusal.external_ref == "rider-1"
    assert await all_rows() == rows
    assert (await ledger.link_user(other_app.partnership, code, "rider-2", "second")).refusal is None


async def test_one_reference_for_two_users_at_once_is_given_to_one_of_them(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    wang = UserBy(external_ref="wang")
    for user in (LIN, wang):
        await ledger.register(app_partner.partnership, user)
    codes = [await issue(ledger, app_partner, LIN, "one"), await issue(ledger, app_partner, wang, "two")]

    outcomes = await asyncio.gather(
        *(ledger.link_user(other_app.partnership, code, "rider-1", "link") for code in codes)
    )

    refusals = [outcome.refusal for outcome in outcomes]
    assert sorted(type(refusal).__name__ for refusal in refusals) == ["ExternalRefLinked", "NoneType"]
    assert await UserLink.filter(external_ref="rider-1").count() == 1


async def test_a_partner_that_knows_the_user_is_told_under_what_name(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await link(ledger, app_partner, other_app)
    rows_of_codes = await LinkCode.all().count()
    code = await issue(ledger, app_partner, LIN, "second code")

    theirs = await ledger.link_user(other_app.partnership, code, "rider-9", "again")
    mine = await ledger.link_user(app_partner.partnership, code, "lin-9", "mine")

    assert isinstance(theirs.refusal, AlreadyLinked)
    assert theirs.refusal.external_ref == "rider-1"
    assert isinstance(mine.refusal, AlreadyLinked)
    assert mine.refusal.external_ref == "lin"
    assert await LinkCode.all().count() == rows_of_codes + 1
    assert await UserLink.all().count() == 2


async def test_nobody_issues_a_code_for_a_user_that_it_does_not_know(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    user_id = await ledger.register(app_partner.partnership, LIN)
    rows = await all_rows()

    for user in (LIN, UserBy(id=user_id), UserBy()):
        with pytest.raises(UserNotFound):
            await ledger.issue_link_code(other_app.partnership, user, "key")

    assert await all_rows() == rows


async def test_a_reference_out_of_bounds_is_refused_before_the_code_is_looked_at(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await ledger.register(app_partner.partnership, LIN)
    code = await issue(ledger, app_partner)
    for ref in ("", "r" * 129, "r\0"):
        with pytest.raises(InvalidInput):
            await ledger.link_user(other_app.partnership, code, ref, "link")
    assert (await LinkCode.get()).redeemed_at is None


# --- unlinking --------------------------------------------------------------------------------------------------------


async def test_the_last_partner_keeps_the_user(ledger: Ledger, app_partner: Actor) -> None:
    await ledger.register(app_partner.partnership, LIN)
    rows = await all_rows()

    refused = await ledger.unlink_user(app_partner.partnership, LIN, "unlink")
    again = await ledger.unlink_user(app_partner.partnership, LIN, "unlink")

    assert (type(refused.refusal), refused.replayed) == (LastLink, False)
    assert (type(again.refusal), again.replayed) == (LastLink, True)
    assert await all_rows() == rows


async def test_a_partner_that_unlinked_can_repeat_the_call_and_nothing_else(
    ledger: Ledger, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    await earn(ledger, app_partner, "lin", 100)
    user_id = await link(ledger, app_partner, other_app)
    rider = UserBy(id=user_id)

    first = await ledger.unlink_user(other_app.partnership, rider, "unlink")
    rows = await all_rows()
    again = await ledger.unlink_user(other_app.partnership, rider, "unlink")

    assert (first.result_id, first.refusal, first.replayed) == (user_id, None, False)
    assert (again.result_id, again.refusal, again.replayed) == (user_id, None, True)
    for user in (rider, UserBy(external_ref="rider-1")):
        with pytest.raises(UserNotFound):
            await ledger.unlink_user(other_app.partnership, user, "another key")
        with pytest.raises(UserNotFound):
            await ledger.donate(other_app.partnership, user, project.id, 1, "donate")
    assert await all_rows() == rows
    assert (await ledger.donate(app_partner.partnership, LIN, project.id, 100, "donate")).refusal is None


async def test_two_partners_that_unlink_at_once_leave_one(
    db: TortoiseContext, ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    rider = UserBy(id=await link(ledger, app_partner, other_app))

    outcomes = await asyncio.gather(
        *(ledger.unlink_user(actor.partnership, rider, "unlink") for actor in (app_partner, other_app))
    )

    assert sorted(type(outcome.refusal).__name__ for outcome in outcomes) == ["LastLink", "NoneType"]
    assert await UserLink.all().count() == 1


async def test_a_name_that_was_unlinked_is_a_new_user_when_it_comes_again(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    user_id = await link(ledger, app_partner, other_app)
    await ledger.unlink_user(other_app.partnership, UserBy(id=user_id), "unlink")

    stranger = await ledger.register(other_app.partnership, UserBy(external_ref="rider-1"))
    back = await ledger.link_user(other_app.partnership, await issue(ledger, app_partner, LIN, "new"), "rider-2", "new")

    assert stranger != user_id
    assert (back.refusal, back.result_id) == (None, user_id)
