"""The demo data: plausible, complete, loaded once however often and however rudely it is loaded."""

import asyncio
import json
import stat
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from api.access import Authenticator
from api.demo import load_demo
from api.demo.cast import OPERATOR, enter_cast
from api.demo.diary import ZONE, Day, diary
from api.demo.keys import keys_file
from api.demo.people import BOTH, ONLY_AMAP, ONLY_TRANSIT, SANDBOX, people
from api.models import (
    Account,
    Action,
    ActionStatus,
    ApiKey,
    Block,
    Environment,
    Event,
    Outbox,
    Partner,
    Project,
    ProjectHead,
    ProjectOrganisation,
    Receipt,
    SealerLease,
    Transfer,
    TransferKind,
    User,
    UserLink,
    now,
)

LEDGER = (User, UserLink, Account, Action, Transfer, Receipt, Outbox, Event, Block, Partner, Project)
HOLDERS = {
    "partner app (amap)": ("amap", Environment.LIVE, {"ACTION_SOURCE"}),
    "partner app (transit)": ("transit", Environment.LIVE, {"ACTION_SOURCE"}),
    "NGO (tnc)": ("tnc", Environment.LIVE, {"NGO"}),
    "sponsor (alibaba)": ("alibaba-philanthropy", Environment.LIVE, {"SPONSOR"}),
    "operator": (OPERATOR, Environment.LIVE, {"OPERATOR"}),
    "sandbox of amap": ("amap", Environment.SANDBOX, {"ACTION_SOURCE"}),
}


async def counts() -> dict[str, int]:
    return {table.__name__: await table.all().count() for table in (*LEDGER, ApiKey, ProjectOrganisation)}


async def plan() -> dict[Environment, list[Day]]:
    """Return what the database should hold, by the time of its own cast."""
    today = (await enter_cast()).entered_at.astimezone(ZONE).date()
    return {world: diary(people(), world, today) for world in Environment}


async def assert_complete() -> None:
    """Compare the ledger with the diaries, entry by entry."""
    days = [day for world in (await plan()).values() for day in world]
    trips = {trip.name: trip for day in days for trip in day.trips}
    gifts = [gift for day in days for gift in day.gifts]
    actions = await Action.all()
    assert {action.external_ref for action in actions} == set(trips)
    assert all(action.created_at == trips[action.external_ref or ""].at for action in actions)
    donations = await Transfer.filter(kind=TransferKind.DONATE)
    assert sorted(one.created_at for one in donations) == sorted(gift.at for gift in gifts)
    returned = await Transfer.filter(kind=TransferKind.REVERSE_DONATE)
    assert sorted(one.created_at for one in returned) == sorted(one.taken_back_at for one in gifts if one.taken_back_at)
    assert await Receipt.filter(refusal__isnull=False).count() == 0


async def test_the_demo_data_is_complete_credited_and_sealed(db: TortoiseContext, url: str, tmp_path: Path) -> None:
    keys = await load_demo(url, tmp_path)

    await assert_complete()
    live = await User.filter(environment=Environment.LIVE).count()
    assert live == BOTH + ONLY_AMAP + ONLY_TRANSIT == 40
    assert await User.all().count() == live + SANDBOX
    assert await UserLink.all().count() == live + BOTH + SANDBOX
    assert {action.status for action in await Action.all()} == {ActionStatus.CREDITED, ActionStatus.CAPPED}
    assert await Action.filter(ended_at__gt=now()).count() == 0
    assert await Outbox.all().count() == 0
    lease = await SealerLease.get()
    assert lease.expires_at < now()

    projects = await Project.all()
    heads = await ProjectHead.of_projects({project.id for project in projects}, Environment.LIVE)
    assert len(projects) == 5
    assert {project.id for project in projects if project.is_open} == set(heads)
    for head in heads.values():
        assert head.donations > 0
        assert head.donors > 1
        assert head.energy_g > 0

    assert list(keys) == list(HOLDERS)
    for name, (slug, environment, kinds) in HOLDERS.items():
        caller = await Authenticator()({"authorization": f"Bearer {keys[name]}"})
        assert caller.partner is not None
        assert (caller.partner.slug, caller.environment, set(caller.partner.kinds)) == (slug, environment, kinds)
    ngo = await Authenticator()({"authorization": f"Bearer {keys['NGO (tnc)']}"})
    assert await ngo.projects() & set(heads)


async def test_a_second_load_changes_nothing_and_returns_the_same_keys(
    db: TortoiseContext, url: str, tmp_path: Path
) -> None:
    keys = await load_demo(url, tmp_path)
    before = await counts()

    assert await load_demo(url, tmp_path) == keys

    assert await counts() == before


async def test_a_broken_off_load_is_taken_up_without_doing_anything_twice(
    db: TortoiseContext, url: str, tmp_path: Path
) -> None:
    load = asyncio.create_task(load_demo(url, tmp_path))
    while await Action.all().count() < 300:  # noqa: ASYNC110 - there is nobody to ask but the database
        await asyncio.sleep(0.01)
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    assert await Action.all().count() < sum(len(day.trips) for days in (await plan()).values() for day in days)
    assert not keys_file(url, tmp_path).exists()

    await load_demo(url, tmp_path)

    await assert_complete()
    before = await counts()
    operator = await Partner.get(slug=OPERATOR)
    await ApiKey.filter(partner_id=operator.id).delete()  # the mark of completeness: everything is told once more
    await load_demo(url, tmp_path)
    assert await counts() == before


async def test_only_keys_that_no_longer_open_this_database_are_replaced(
    db: TortoiseContext, url: str, tmp_path: Path
) -> None:
    keys = await load_demo(url, tmp_path)
    file = keys_file(url, tmp_path)
    before = await counts()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    file.write_text(json.dumps({**keys, "operator": keys["NGO (tnc)"], "sandbox of amap": keys["partner app (amap)"]}))
    await ApiKey.filter(id=keys["sponsor (alibaba)"].split("_")[1]).update(revoked_at=now())
    renewed = await load_demo(url, tmp_path)

    assert {name for name in keys if keys[name] != renewed[name]} == {
        "operator",
        "sandbox of amap",
        "sponsor (alibaba)",
    }
    assert await counts() == {**before, "ApiKey": before["ApiKey"] + 3}
    assert json.loads(file.read_text()) == renewed

    file.write_text("not JSON")
    assert not set((await load_demo(url, tmp_path)).values()) & set(renewed.values())
    assert await counts() == {**before, "ApiKey": before["ApiKey"] + 9}


def test_each_database_has_a_file_of_its_own() -> None:
    assert keys_file("sqlite:///var/lucid.db") == Path("var/lucid.demo-keys.json")
    assert keys_file("postgres://name:word@host:5432/green") == Path("var/green.demo-keys.json")


@pytest.mark.parametrize("later", range(0, 366, 61))
def test_on_whatever_day_everybody_lives_plausibly(later: int) -> None:
    today = date(2026, 1, 1) + timedelta(days=later)
    everybody = people()

    days = diary(everybody, Environment.LIVE, today)

    assert len(days) == 21
    apart = {person.names.get("transit", person.user): person.user for person in everybody}
    times: list[tuple[str, float, float]] = []
    for day in days:
        moments = [trip.at for trip in day.trips] + [gift.at for gift in day.gifts]
        assert moments == sorted(moments)
        for trip in day.trips:
            assert timedelta() < trip.at - trip.legs[-1].ended_at <= timedelta(minutes=10)
            assert trip.at.astimezone(ZONE).date() < today
            person = apart.get(trip.user, trip.user)
            times.append((person, trip.legs[0].started_at.timestamp(), trip.legs[-1].ended_at.timestamp()))
    times.sort()
    assert not any(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(times))
    given = {gift.project for day in days for gift in day.gifts if gift.taken_back_at is None}
    assert len(given) == 4
    assert diary(everybody, Environment.LIVE, today) == days
