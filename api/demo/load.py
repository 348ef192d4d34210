"""The demo data goes into the database as partners would have sent it: through the ledger, day after day, and sealed.

Every call has an idempotency key of its own, and all times go by the moment at which the cast entered the database, so
a load that broke off is simply begun again. Keys are issued last: that there are some says that the data is complete.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from rich.progress import Progress

from api.demo.cast import OPERATOR, Cast, enter_cast
from api.demo.diary import ZONE, Day, Gift, Trip, diary, first_moment
from api.demo.keys import HOLDERS, has_keys, kept_keys, keys_file, ready_keys
from api.demo.people import Person, people
from api.events.sealer import LeaseLost, Sealer
from api.ledger import Ledger, Outcome, Partnership, Recording, Rules, UserBy
from api.models import Environment, LinkCode, UserLink


async def load_demo(database_url: str, folder: Path | None = None) -> dict[str, str]:
    """Load the demo data into the open database, once, and return a ready key for each kind of caller, by name.

    `folder` is where the keys are kept, if not beside the embedded database or under `var`.
    """
    file = keys_file(database_url, folder)
    keys = await kept_keys(file)
    if len(keys) == len(HOLDERS):
        return keys
    cast = await enter_cast()
    if not await has_keys(cast.partners[OPERATOR]):
        await _play(cast)
    return await ready_keys(file, cast.partners)


async def _play(cast: Cast) -> None:
    """Let everybody live through their days, in both worlds."""
    everybody = people()
    today = cast.entered_at.astimezone(ZONE).date()
    diaries = {world: diary(everybody, world, today) for world in Environment}
    # One lane: what a person did in order is written in order.
    ledger, sealer = Ledger(Rules(), lanes=1), Sealer(_nobody_follows)
    try:
        await ledger.catalogue.refresh()
        with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
            task = progress.add_task("Demo data", total=sum(len(days) for days in diaries.values()))
            for world, days in diaries.items():
                stage = _Stage(ledger, cast, world)
                await stage.join([person for person in everybody if person.environment is world], today)
                for day in days:
                    await stage.play(day)
                    with suppress(LeaseLost):  # a server runs on this database: it seals
                        await sealer.seal()
                    progress.advance(task)
    finally:
        await ledger.close()
        # A sealer gives its lease back when it stops; without that, the server could not seal for the next seconds.
        sealer.start()
        await sealer.close()


class _Stage:
    """One world, and the ledger that is told what people do in it."""

    def __init__(self, ledger: Ledger, cast: Cast, world: Environment) -> None:
        self._ledger = ledger
        self._projects = cast.projects
        self._callers = {
            slug: Partnership(partner_id=partner.id, environment=world) for slug, partner in cast.partners.items()
        }

    async def join(self, everybody: Sequence[Person], today: date) -> None:
        """Register people one after the other, and carry those who use a second app over to it."""
        joins_at = first_moment(today)
        for person in everybody:
            await self._ledger.register(self._callers[person.app], UserBy(external_ref=person.user), joins_at)
            for app, name in person.names.items():
                if not await UserLink.by_refs(self._callers[app].partner_id, person.environment, [name]):
                    await self._link(person, app, name)
            joins_at += timedelta(minutes=1)

    async def _link(self, person: Person, app: str, name: str) -> None:
        # Another key for each try: the code that was issued before a load broke off may have expired.
        key = f"demo-{name}-{uuid4()}"
        user = UserBy(external_ref=person.user)
        issued = _accepted(await self._ledger.issue_link_code(self._callers[person.app], user, key))
        (code,) = (await LinkCode.by_ids([issued])).values()
        _accepted(await self._ledger.link_user(self._callers[app], code.code, name, key))

    async def play(self, day: Day) -> None:
        """Report the day's trips, donate in the evening, and take back what was regretted."""
        await asyncio.gather(*(self._record(trip) for trip in day.trips))
        donations = await asyncio.gather(*(self._donate(gift) for gift in day.gifts))
        for gift, donation_id in zip(day.gifts, donations, strict=True):
            if gift.taken_back_at is not None:
                await self._take_back(gift, donation_id, gift.taken_back_at)

    async def _record(self, trip: Trip) -> None:
        user = UserBy(external_ref=trip.user)
        recording = Recording(user=user, key=trip.name, legs=trip.legs, external_ref=trip.name)
        (outcome,) = await self._ledger.record(self._callers[trip.app], [recording], trip.at)
        if isinstance(outcome, Exception):
            raise outcome
        _accepted(outcome)

    async def _donate(self, gift: Gift) -> UUID:
        caller, user = self._callers[gift.app], UserBy(external_ref=gift.user)
        project_id = self._projects[gift.project].id
        return _accepted(await self._ledger.donate(caller, user, project_id, gift.amount_g, gift.name, gift.at))

    async def _take_back(self, gift: Gift, donation_id: UUID, at: datetime) -> None:
        key = f"{gift.name}-back"
        _accepted(await self._ledger.reverse_donation(self._callers[gift.app], donation_id, key, at))


def _accepted(outcome: Outcome) -> UUID:
    """Return the result of a call; a refusal is a mistake in the demo data."""
    if outcome.refusal is not None:
        raise outcome.refusal
    assert outcome.result_id is not None  # noqa: S101 - what is not refused has a result
    return outcome.result_id


async def _nobody_follows(_: object) -> None:
    """There is nobody to tell."""
