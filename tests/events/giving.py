"""Users with much energy, and what they give."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from api.events.feed import Feed, Stream
from api.ledger import Ledger, Leg, Outcome, Recording, UserBy
from api.models import EventKind, Outbox, Project, new_id, now
from tests.conftest import Actor

#: A day's cap of the bus, and the metres that reach it.
FULL_DAY_G = 3_900
FULL_DAY_M = 75_000


@dataclass
class Giver:
    """A user who has ridden the bus for days."""

    ledger: Ledger
    actor: Actor
    name: str

    async def earn(self, days: int = 1) -> None:
        """Earn 3,900 g a day."""
        midnight = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=8)
        for day in range(1, days + 1):
            start = midnight - timedelta(days=day)
            trip = Leg(type="BUS", quantity=FULL_DAY_M, started_at=start, ended_at=start + timedelta(hours=2))
            recording = Recording(user=self.user, key=uuid4().hex, legs=(trip,))
            (outcome,) = await self.ledger.record(self.actor.partnership, [recording], at=start + timedelta(hours=3))
            assert isinstance(outcome, Outcome)
            assert outcome.refusal is None

    async def give(self, project: Project, grams: int = 1, *, at: datetime | None = None) -> UUID:
        """Give some grams and return the id of the donation."""
        outcome = await self.ledger.donate(self.actor.partnership, self.user, project.id, grams, uuid4().hex, at=at)
        assert outcome.refusal is None
        assert outcome.result_id is not None
        return outcome.result_id

    async def give_often(self, project: Project, times: int) -> list[UUID]:
        """Give a gram so many times at once."""
        return await asyncio.gather(*(self.give(project) for _ in range(times)))

    async def put_in_outbox(self, project: Project, times: int) -> list[UUID]:
        """Leave so many facts of a gram for the sealer, without the ledger, which would take longer."""
        user_id = await self.ledger.find(self.actor.partnership, self.user)
        ids = [new_id() for _ in range(times)]
        await Outbox.bulk_create(
            Outbox(
                transfer_id=one,
                environment=self.actor.environment,
                project_id=project.id,
                user_id=user_id,
                kind=EventKind.DONATION,
                amount_g=1,
                donation_id=one,
                occurred_at=now(),
            )
            for one in ids
        )
        return ids

    async def take_back(self, donation_id: UUID) -> None:
        """Take a donation back."""
        outcome = await self.ledger.reverse_donation(self.actor.partnership, donation_id, uuid4().hex)
        assert (outcome.refusal, outcome.result_id) == (None, donation_id)

    @property
    def user(self) -> UserBy:
        """How the partner names the user."""
        return UserBy(external_ref=self.name)


def telling(feed: Feed) -> Callable[[Iterable[Stream]], Awaitable[None]]:
    """Return what a sealer tells of what has moved, so that the feed of the same process hears it."""

    async def sealed(streams: Iterable[Stream]) -> None:
        feed.hint(streams)

    return sealed
