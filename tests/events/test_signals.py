"""Signals between processes: what one seals, another's followers hear of without polling."""

import asyncio
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest
from tortoise.context import TortoiseContext

from api.events import feed as feeds
from api.events.feed import Feed
from api.events.sealer import Sealer
from api.events.signals import Signals
from api.ledger import Ledger, UserBy
from api.models import Environment, Project
from tests.conftest import Actor, earn, eventually

GUARD_S = 30


async def test_a_follower_in_another_process_hears_of_a_block_without_polling(
    db: TortoiseContext,
    url: str,
    ledger: Ledger,
    app_partner: Actor,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if url.startswith("sqlite"):
        return  # one process, no signals: there is nothing to hear
    monkeypatch.setattr(feeds, "POLL_S", 3_600)
    await earn(ledger, app_partner, "ana", 100)
    there, here = Feed(), Feed()
    receiving, sending = Signals(db, there.hint), Signals(db, here.hint)
    sealer = Sealer(sending.send)
    try:
        await eventually(lambda: _connected(receiving, sending))
        async with aclosing(there.follow({project.id: 0}, Environment.LIVE, idle_s=3_600)) as events:
            assert await anext(events) is None  # the backlog is through, and there was none
            waiting = asyncio.ensure_future(anext(events))
            await ledger.donate(app_partner.partnership, UserBy(external_ref="ana"), project.id, 100, "gift")
            await sealer.seal()
            event = await asyncio.wait_for(waiting, GUARD_S)
        assert event is not None
        assert (event.sequence, event.amount_g) == (1, 100)
    finally:
        for signals in (receiving, sending):
            await signals.close()
        await there.close()


async def _connected(*signals: Signals) -> bool:
    return all(one._connection is not None for one in signals)


async def test_nobody_is_told_what_it_has_sent_itself(db: TortoiseContext, url: str) -> None:
    if url.startswith("sqlite"):
        return  # one process, no signals
    here: list[tuple[UUID, Environment]] = []
    there: list[tuple[UUID, Environment]] = []
    streams = [(uuid4(), Environment.LIVE), (uuid4(), Environment.SANDBOX)]
    sending, receiving = Signals(db, here.extend), Signals(db, there.extend)
    try:
        await eventually(lambda: _connected(receiving, sending))
        await sending.send(streams)
        await receiving.send(streams[:1])
        await eventually(lambda: _have(here, 1))
        await eventually(lambda: _have(there, 2))
    finally:
        for signals in (receiving, sending):
            await signals.close()

    assert (here, sorted(there)) == (streams[:1], sorted(streams))


async def _have(heard: list[tuple[UUID, Environment]], count: int) -> bool:
    return len(heard) >= count
