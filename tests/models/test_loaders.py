"""Loaders: one statement for all who ask, and to each the rows that are theirs."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from tortoise.context import TortoiseContext

from api.ledger import Ledger, Partnership, Recording, UserBy
from api.models import (
    Account,
    Action,
    Environment,
    Event,
    EventKind,
    Partner,
    PartnerKind,
    Project,
    ProjectHead,
    Transfer,
    TransferKind,
    User,
    Window,
    new_id,
    now,
)
from api.models.loaders import REQUESTS_MAX, Loaders, ProjectPage, UserPage, loaders
from api.models.paging import LAST_ID, page_of
from api.models.rows import ALL as EVERY_COLUMN
from api.models.sandbox_clock import SandboxClock, ahead
from tests.conftest import Actor, add_partner, add_project, bus
from tests.statements import counted

LIVE, SANDBOX = Environment.LIVE, Environment.SANDBOX
ALL = Window(limit=50)


@pytest.fixture
async def people(db: TortoiseContext, ledger: Ledger) -> list[Partnership]:
    """Two partners in both worlds, each with users `u1` and `u2` that have recorded, given, and taken back."""
    callers = []
    project = await add_project("longwu", await add_partner("waters", PartnerKind.NGO))
    for slug in ("maps", "transit"):
        partner = (await add_partner(slug, PartnerKind.ACTION_SOURCE)).partner
        callers += [Partnership(partner_id=partner.id, environment=world) for world in (LIVE, SANDBOX)]
    for count, caller in enumerate(callers, 1):
        for ref in ("u1", "u2"):
            user = UserBy(external_ref=ref)
            trips = [
                Recording(user=user, key=f"{ref}-{n}", legs=(bus(ago=timedelta(hours=1 + n)),)) for n in range(count)
            ]
            assert all(not isinstance(one, Exception) for one in await ledger.record(caller, trips))
            for n in range(count):
                gift = await ledger.donate(caller, user, project.id, 10 * count, f"{ref}-gift-{n}")
                assert gift.result_id is not None
                if n:
                    await ledger.reverse_donation(caller, gift.result_id, f"{ref}-back-{n}")
                else:
                    await add_event(caller.environment, project, gift.result_id)
    return callers


async def add_event(environment: Environment, project: Project, transfer_id: UUID) -> None:
    await Event.create(
        id=new_id(), environment=environment, project_id=project.id, sequence=await Event.all().count() + 1,
        kind=EventKind.DONATION, transfer_id=transfer_id, donation_id=transfer_id, amount_g=1, total_after_g=1,
        donor="d", donor_commitment="c", leaf_hash="l", block_number=1, occurred_at=now(), sealed_at=now(),
    )  # fmt: skip
    if not await ProjectHead.filter(project_id=project.id, environment=environment).exists():
        await ProjectHead.create(
            id=new_id(), project_id=project.id, environment=environment, energy_g=1 if environment is LIVE else 2,
            block_hash="", updated_at=now(),
        )  # fmt: skip


async def users_of(callers: list[Partnership]) -> dict[tuple[UUID, Environment, str], UUID]:
    keys = [(one.partner_id, one.environment, ref) for one in callers for ref in ("u1", "u2")]
    found = await loaders().named_users.load_many(keys)
    return {key: row.id for key, row in zip(keys, found, strict=True) if row is not None}


async def test_callers_in_one_batch_are_each_shown_their_own_users(
    people: list[Partnership], db: TortoiseContext
) -> None:
    with counted(db) as statements:
        users = await users_of(people)
    assert len(statements) == 1
    assert len(set(users.values())) == 8

    keys = [(caller.partner_id, caller.environment, user_id) for caller in people for user_id in users.values()]
    with counted(db) as statements:
        found = await loaders().linked_users.load_many(keys)
    assert len(statements) == 1
    shown = {(*key[:2], row.external_ref): row.id for key, row in zip(keys, found, strict=True) if row is not None}
    assert shown == users
    for key, row in zip(keys, found, strict=True):
        assert row is None or (row.id, row.environment) == (key[2], key[1])


@pytest.mark.parametrize("name", ["action_pages", "donation_pages", "move_pages"])
async def test_callers_in_one_batch_are_each_shown_the_page_of_what_they_did(
    people: list[Partnership], db: TortoiseContext, name: str
) -> None:
    users = await users_of(people)
    keys = [
        UserPage(user_id, caller.partner_id, caller.environment, ALL) for caller in people for user_id in users.values()
    ]
    loader = getattr(loaders(), name)
    with counted(db) as statements:
        pages = await loader.load_many(keys)
    assert len(statements) == -(-len(keys) // REQUESTS_MAX)
    table: type[Action | Transfer] = Action if name == "action_pages" else Transfer
    for key, page in zip(keys, pages, strict=True):
        assert page is not None
        wanted = table.filter(user_id=key.user_id, partner_id=key.partner_id, environment=key.environment)
        if name == "donation_pages":
            wanted = wanted.filter(kind=TransferKind.DONATE)
        assert [row.id for row in page.rows] == [row.id for row in await wanted.order_by("-id")]
    assert sum(len(page.rows) for page in pages if page) > 0
    # One who asks for a partner's user in the other world, or for another partner's, has an empty page.
    assert sum(1 for page in pages if page is not None and page.rows) == 8


async def test_a_project_stands_in_each_world_where_it_stands_there(
    people: list[Partnership], db: TortoiseContext
) -> None:
    (project,) = await Project.all()
    with counted(db) as statements:
        live, sandbox, none = await loaders().heads.load_many(
            [(project.id, LIVE), (project.id, SANDBOX), (new_id(), LIVE)]
        )
    assert len(statements) == 1
    assert live is not None
    assert sandbox is not None
    assert (live.energy_g, sandbox.energy_g, none) == (1, 2, None)


async def test_rows_by_a_bare_id_are_those_of_the_id_whoever_asks_beside(
    people: list[Partnership], db: TortoiseContext
) -> None:
    # One as the sealer makes it, under the id of its transfer; the others have their own, as there were at first.
    (event, *_) = await Event.all().values()
    await Event.create(**event | dict.fromkeys(("id", "transfer_id"), new_id()) | {"sequence": 1_000})
    transfers, events = await Transfer.all(), await Event.all()
    assert {event.id == event.transfer_id for event in events} == {True, False}
    accounts = await Account.by_ids([user.id for user in await User.all()])
    sums: dict[UUID, dict[TransferKind, int]] = {user_id: {} for user_id in accounts}
    for row in transfers:
        sums[row.user_id][row.kind] = sums[row.user_id].get(row.kind, 0) + row.amount_g
    nobody = new_id()
    expected: dict[str, tuple[Callable[[Any], Any], dict[Any, Any]]] = {
        "users": (lambda row: (row.id, row.available), {key: (key, row.available) for key, row in accounts.items()}),
        "actions": (lambda row: (row.id, row.user_id), {row.id: (row.id, row.user_id) for row in await Action.all()}),
        "calculations": (lambda row: row.calculation, {row.id: row.calculation for row in await Action.all()}),
        "transfers": (lambda row: (row.id, row.kind), {row.id: (row.id, row.kind) for row in transfers}),
        "reversals": (lambda row: row.id, {row.reverses: row.id for row in transfers if row.reverses}),
        "events": (lambda row: row.transfer_id, {row.id: row.transfer_id for row in events}),
        "events_by_transfer": (lambda row: row.id, {row.transfer_id: row.id for row in events}),
        "partners": (lambda row: row.slug, {row.id: row.slug for row in await Partner.all()}),
        "projects": (lambda row: row.code, {row.id: row.code for row in await Project.all()}),
        "sums": (lambda row: row, sums),
    }
    for name, (read, rows) in expected.items():
        assert rows, name
        with counted(db) as statements:
            found = await getattr(loaders(), name).load_many([*rows, nobody])
        assert len(statements) == 1, name
        assert found[-1] in (None, {}), name
        assert [read(row) for row in found[:-1]] == list(rows.values()), name


async def test_a_sandbox_has_its_own_partners_clock(people: list[Partnership], db: TortoiseContext) -> None:
    ids = list({one.partner_id for one in people})
    for number, partner_id in enumerate(ids):
        await SandboxClock.put(partner_id, number)
    with counted(db) as statements:
        found = await loaders().clocks.load_many([*ids, new_id()])
    assert len(statements) == 1
    assert [ahead(clock).total_seconds() for clock in found] == [*range(len(ids)), 0]


async def test_every_loader_is_tested(db: TortoiseContext) -> None:
    tested = {
        "action_pages", "actions", "calculations", "clocks", "donation_pages", "events", "events_by_transfer", "heads",
        "keys", "linked_users", "move_pages", "named_users", "organisations", "partners", "project_pages", "projects",
        "projects_by_code", "reversals", "sums", "transfers", "users",
    }  # fmt: skip
    assert {name for name in vars(Loaders(loaders()._kept)) if not name.startswith("_")} == tested


async def test_a_key_comes_with_its_own_partner(db: TortoiseContext) -> None:
    actors = [await add_partner(slug, PartnerKind.ACTION_SOURCE) for slug in ("maps", "transit")]
    ids = [actor.key.split("_")[1] for actor in actors]
    with counted(db) as statements:
        found = await loaders().keys.load_many([*ids, "nobody"])
    assert len(statements) == 1
    assert [row and (row.id, row.partner.id, row.partner.slug, row.partner.kinds) for row in found] == [
        *(
            (key_id, one.partner.id, one.partner.slug, one.partner.kinds)
            for key_id, one in zip(ids, actors, strict=True)
        ),
        None,
    ]


async def test_organisations_come_with_the_project_in_which_they_take_part(db: TortoiseContext) -> None:
    one, two = [await add_partner(slug, PartnerKind.NGO) for slug in ("waters", "forests")]
    projects = [await add_project("a", one), await add_project("b", one, two), await add_project("c")]
    with counted(db) as statements:
        found = await loaders().organisations.load_many([project.id for project in projects])
    assert len(statements) == 1
    assert [[row.slug for row in rows or []] for rows in found] == [["waters"], ["waters", "forests"], []]


async def test_pages_of_projects_are_those_that_each_caller_asked_for(db: TortoiseContext, ngo: Actor) -> None:
    projects = [await add_project(f"p{n}", *([ngo] if n % 3 == 0 else [])) for n in range(9)]
    ids = [project.id for project in projects]
    cursors = [None, ids[0], ids[4], new_id(), UUID(int=0), LAST_ID]
    keys = [
        ProjectPage(None, None, partner, Window(limit, after, before, from_end=from_end, oldest_first=oldest_first))
        for after, before, limit in product(cursors, cursors, (1, 4, 50))
        for oldest_first, from_end in product((True, False), (True, False))
        for partner in (None, ngo.partner.id)
    ]
    pages = await loaders().project_pages.load_many(keys)
    for key, page in zip(keys, pages, strict=True):
        rows = Project.filter(id__in=ids[::3]) if key.partner_id else Project.all()
        expected = await page_of(rows, key.window)
        assert page is not None
        found = ([row.id for row in page.rows], page.has_next, page.has_previous)
        assert found == ([row.id for row in expected.rows], expected.has_next, expected.has_previous), key
    by_code = await loaders().projects_by_code.load_many(["p1", "p8", "none"])
    assert [row and row.id for row in by_code] == [ids[1], ids[8], None]


async def test_what_pages_refer_to_comes_along_where_it_is_asked_for(
    people: list[Partnership], db: TortoiseContext
) -> None:
    caller = people[0]
    user_id = (await users_of([caller]))[caller.partner_id, caller.environment, "u1"]
    key = UserPage(user_id, caller.partner_id, caller.environment, ALL)
    with counted(db) as statements:
        alone, donations = await loaders().donation_pages.load_many([key, key._replace(along=EVERY_COLUMN)])
        listed = await loaders().project_pages.load(ProjectPage(None, None, None, ALL, along=EVERY_COLUMN))
    assert len(statements) == 4
    assert alone is not None
    assert alone.along is None
    assert donations is not None
    assert donations.along is not None
    made = [donations.along.show(UUID(str(row.project_id)), lambda project: [project.code]) for row in donations.rows]
    assert made == [["longwu"]] * len(made)
    assert all(one is made[0] for one in made)  # for all who are shown it
    assert listed is not None
    assert listed.along is not None
    assert listed.along.show(listed.rows[0].id, lambda rows: [row.slug for row in rows]) == ["waters"]
    assert listed.along.show(new_id(), lambda rows: rows or "none") == "none"


async def test_an_answer_is_never_older_than_its_question(db: TortoiseContext) -> None:
    project = await add_project("longwu")
    for name in ("one", "two", "three"):
        await Project.filter(id=project.id).update(name_en=name)
        rows = await asyncio.gather(*(loaders().projects.load(project.id) for _ in range(5)))
        assert [row and row.name_en for row in rows] == [name] * 5
