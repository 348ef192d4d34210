"""Budgets: what a bucket lets through, and how several processes have one in common."""

import asyncio
from datetime import UTC, datetime

import pytest
from tortoise.context import TortoiseContext

from api.access import NOBODY, Caller, Rate, Rates, payer
from api.access import rates as module
from api.access.rates import network_of
from api.settings import Settings
from tests.conftest import serving

KEY = Caller(key_id="k1")
OTHER = Caller(key_id="k2")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.moment = 1_000.0

    def monotonic(self) -> float:
        return self.moment

    def time(self) -> float:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def rates() -> Rates:
    return Rates(Rate(capacity=100, refill_per_s=10), Rate(capacity=20, refill_per_s=1))


def test_a_budget_is_spent_and_comes_back(clock: Clock, rates: Rates) -> None:
    assert rates.charge(KEY, 60) is None
    assert rates.charge(KEY, 40) is None
    refused = rates.charge(KEY, 30)
    assert refused is not None
    assert (refused.remaining, refused.capacity, refused.wait_s(30)) == (0, 100, 3)
    assert refused.reset_at == datetime.fromtimestamp(1_010, UTC)
    clock.moment += 2.9
    assert rates.charge(KEY, 30) is not None
    clock.moment += 0.2
    assert rates.charge(KEY, 30) is None
    clock.moment += 1_000
    assert rates.standing(KEY).remaining == 100


def test_a_refused_charge_spends_nothing(clock: Clock, rates: Rates) -> None:
    for _ in range(10):
        assert rates.charge(KEY, 101) is not None
    assert rates.standing(KEY).remaining == 100


def test_what_was_charged_too_much_is_given_back_and_never_more_than_fits(clock: Clock, rates: Rates) -> None:
    rates.charge(KEY, 80)
    assert rates.settle(KEY, -50).remaining == 70
    assert rates.settle(KEY, -50).remaining == 100


def test_what_was_charged_too_little_is_owed_and_never_more_than_the_budget(clock: Clock, rates: Rates) -> None:
    assert rates.settle(KEY, 5_000).remaining == 0
    owing = rates.charge(KEY, 0)
    assert owing is not None
    assert owing.wait_s(0) == 10
    clock.moment += 10
    assert rates.charge(KEY, 0) is None


def test_each_key_and_each_address_has_a_budget_of_its_own(clock: Clock, rates: Rates) -> None:
    here, there = Caller(address="192.0.2.1"), Caller(address="192.0.2.2")
    rates.charge(KEY, 100)
    rates.charge(here, 20)

    left = [rates.standing(caller).remaining for caller in (KEY, OTHER, here, there)]

    assert left == [0, 100, 0, 20]


def test_a_key_pays_wherever_it_calls_from() -> None:
    assert payer(Caller(key_id="k1", address="192.0.2.1")) == payer(Caller(key_id="k1", address="192.0.2.2"))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a socket", ""),
    ],
)
def test_an_address_is_what_its_caller_cannot_change_at_will(address: str, network: str) -> None:
    assert network_of(address) == network
    assert payer(Caller(address=address)) == f"@{network}"
    assert payer(NOBODY) == "@"


def test_the_memory_of_budgets_is_bounded(clock: Clock, rates: Rates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUCKETS_MAX", 10)
    for number in range(50):
        rates.charge(Caller(address=f"192.0.2.{number}"), 1)

    assert len(rates._buckets) == 10
    assert rates.standing(Caller(address="192.0.2.49")).remaining == 19


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_processes_spend_from_one_budget(db: TortoiseContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0.01)
    slow = Rate(capacity=1_000, refill_per_s=1)
    here, there = Rates(slow, slow), Rates(slow, slow)
    here.share()
    there.share()
    try:
        here.charge(KEY, 600)
        await _settled(here)
        there.charge(KEY, 300)
        there.settle(KEY, -50)
        await _settled(there)
        here.charge(KEY, 1)
        await _settled(here)

        left = [one.standing(KEY).remaining for one in (here, there)]

        assert 149 <= left[0] <= 160
        assert 150 <= left[1] <= 160
        refused = here.charge(KEY, 200)
        assert refused is not None
        assert here.standing(OTHER).remaining == 1_000
    finally:
        await here.close()
        await there.close()


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_two_processes_that_settle_at_once_lose_nothing(db: TortoiseContext) -> None:
    rate = Rate(capacity=100_000, refill_per_s=1)
    processes = [Rates(rate, rate) for _ in range(4)]
    callers = [Caller(key_id=f"k{number}") for number in range(20)]
    for _ in range(5):
        for one in processes:
            for caller in callers:
                one.charge(caller, 100)
        await asyncio.gather(*(one._settle(rate) for one in processes))
    processes[0].charge(callers[0], 1)
    await processes[0]._settle(rate)

    assert 100_000 - 2_001 <= processes[0].standing(callers[0]).remaining <= 100_000 - 2_001 + 30


async def test_one_process_tells_nobody(db: TortoiseContext, url: str) -> None:
    # One point a second, or what was spent is back before a busy machine has answered.
    async with serving(Settings(database_url=url, anonymous_refill=1), db) as service:
        viewer = (await service.client()("{ viewer { rateLimit { capacity remaining refillPerS } } }"))["viewer"]
    assert viewer["rateLimit"] == {"capacity": 20_000, "remaining": 19_999, "refillPerS": 1}


async def _settled(rates: Rates) -> None:
    async with asyncio.timeout(20):
        while any(bucket.unsettled for bucket in rates._buckets.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
