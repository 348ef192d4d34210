"""A giver, a feed, and a sealer that tells it."""

from collections.abc import AsyncIterator

import pytest

from api.events.feed import Feed
from api.events.sealer import Sealer
from api.ledger import Ledger
from tests.conftest import Actor
from tests.events.giving import Giver, telling


@pytest.fixture
async def lin(ledger: Ledger, app_partner: Actor) -> Giver:
    """A user with 3,900 g."""
    giver = Giver(ledger, app_partner, "lin")
    await giver.earn()
    return giver


@pytest.fixture
async def wang(ledger: Ledger, app_partner: Actor) -> Giver:
    """Another user with 3,900 g."""
    giver = Giver(ledger, app_partner, "wang")
    await giver.earn()
    return giver


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    """A feed, as a process has one."""
    feed = Feed()
    yield feed
    await feed.close()


@pytest.fixture
def sealer(feed: Feed) -> Sealer:
    """A sealer that seals when it is told to."""
    return Sealer(telling(feed))
