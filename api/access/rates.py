"""Rates: how much each caller may spend, and how fast it comes back.

A token bucket for each key, which the tokens made with it share, and for each address that calls without one. Spending
never waits for anything: the buckets are in this process's memory.

Where several processes serve, on one machine or on many, each tells the others what was spent: twice a second, in one
statement for all its busy keys (`RateLevel.settle`), and takes over the level that comes back. So a budget is one for
all of them; what they let through together in half a second may be too much, and is then owed.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from api.access.keys import Caller
from api.models import RateLevel

SETTLE_S = 0.5
FORGET_S = 60.0
BUCKETS_MAX = 100_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The size of a bucket, and what flows into it."""

    capacity: int
    refill_per_s: int


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Standing:
    """How much a caller may spend now."""

    rate: Rate
    level: float

    @property
    def capacity(self) -> int:
        """The most that it ever may."""
        return self.rate.capacity

    @property
    def remaining(self) -> int:
        """What is left."""
        level = int(self.level)
        return level if level > 0 else 0

    @property
    def reset_at(self) -> datetime:
        """When all of it is there again, if nothing is spent until then. In UTC."""
        return datetime.fromtimestamp(self.reset_s, UTC)

    @property
    def reset_s(self) -> int:
        """The same, in seconds since 1970."""
        return int(time.time() + (self.rate.capacity - self.level) / self.rate.refill_per_s)

    def wait_s(self, cost: int) -> int:
        """Return the seconds until so much could be spent."""
        return max(1, math.ceil((cost - self.level) / self.rate.refill_per_s))


class Bucket:
    """What one payer may spend."""

    __slots__ = ("at", "level", "rate", "unsettled")

    def __init__(self, rate: Rate, moment: float) -> None:
        self.rate = rate
        self.level = float(rate.capacity)
        self.at = moment
        self.unsettled = 0  # what the other processes do not know of yet

    def refill(self, moment: float) -> None:
        """Let in what has come since."""
        # Each request does this twice, so it calls nothing.
        level, capacity = self.level + (moment - self.at) * self.rate.refill_per_s, self.rate.capacity
        self.level = level if level < capacity else capacity
        self.at = moment

    def spend(self, cost: int) -> None:
        """Take out of it, or put back. It may be left owing as much as it holds, so nobody is shut out for long."""
        level, capacity = self.level - cost, self.rate.capacity
        if level > capacity:
            level = capacity
        elif level < -capacity:
            level = -capacity
        self.level = level
        self.unsettled += cost

    def standing(self) -> Standing:
        """Show it."""
        return Standing(self.rate, self.level)


class Rates:
    """The buckets of all callers."""

    def __init__(self, of_key: Rate, of_address: Rate) -> None:
        self._of_key = of_key
        self._of_address = of_address
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._settling: asyncio.Task[None] | None = None

    def charge(self, caller: Caller, cost: int) -> Standing | None:
        """Spend; or refuse, spend nothing, and tell how much there is."""
        bucket = self._bucket(caller)
        if cost > bucket.level:
            return bucket.standing()
        bucket.spend(cost)
        return None

    def settle(self, caller: Caller, cost: int) -> Standing:
        """Spend what was not charged, or give back what was charged too much: then it is negative. Never refuses."""
        bucket = self._bucket(caller)
        bucket.spend(cost)
        return bucket.standing()

    def standing(self, caller: Caller) -> Standing:
        """Return how much there is."""
        return self._bucket(caller).standing()

    def share(self) -> None:
        """Begin to settle with the other processes."""
        self._settling = asyncio.create_task(self._settle_for_ever())

    async def close(self) -> None:
        """Stop settling."""
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.wait({self._settling})

    def _bucket(self, caller: Caller) -> Bucket:
        name = caller.key_id or payer(caller)
        moment = time.monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            rate = self._of_key if caller.key_id is not None else self._of_address
            bucket = self._buckets[name] = Bucket(rate, moment)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
            bucket.refill(moment)
        return bucket

    async def _settle_for_ever(self) -> None:
        rates = {self._of_key, self._of_address}
        full_after_s = max(2 * rate.capacity / rate.refill_per_s for rate in rates)
        forgotten_at = 0.0
        while True:
            await asyncio.sleep(SETTLE_S)
            try:
                for rate in rates:
                    await self._settle(rate)
                if time.monotonic() - forgotten_at > FORGET_S:
                    forgotten_at = time.monotonic()
                    await RateLevel.forget(full_after_s)
            except Exception:
                log.exception("what was spent could not be told to other processes; it is tried again")

    async def _settle(self, rate: Rate) -> None:
        """Tell what was spent here, and take over what is left after what was spent elsewhere."""
        spent = {name: one.unsettled for name, one in self._buckets.items() if one.unsettled and one.rate == rate}
        if not spent:
            return
        levels = await RateLevel.settle(spent, rate.capacity, rate.refill_per_s)
        moment = time.monotonic()
        for name, level in levels.items():
            bucket = self._buckets.get(name)
            if bucket is not None:
                bucket.unsettled -= spent[name]
                bucket.level, bucket.at = level - bucket.unsettled, moment


def payer(caller: Caller) -> str:
    """Return whose budget a caller spends: its key's, or its address's. A network of IPv6 is one address."""
    if caller.key_id is not None:
        return caller.key_id
    return f"@{network_of(caller.address)}"


@lru_cache(10_000)
def network_of(address: str) -> str:
    """Return the part of an address that cannot be changed at will: of IPv6 the first 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a socket of the file system, or a test's
        return ""
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
