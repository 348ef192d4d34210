"""The bench: its data fill every column of every table without a fault; what it compares has drifted together."""

from pathlib import Path

from api.ledger.check import check_ledger
from api.models.database import database
from bench.embedded import load
from bench.generator import Measured
from bench.lanes import Lane
from bench.report import LUCID, best_of_kind, best_peer


async def test_the_bench_makes_up_data_in_which_the_ledger_finds_no_fault(tmp_path: Path) -> None:
    await load(tmp_path / "lucid.db", actions=2_000)
    async with database(f"sqlite:///{tmp_path / 'lucid.db'}"):
        report = await check_ledger()
    assert report.faults == []
    assert (report.counts["users"], report.counts["actions"]) == (100, 2_000)
    assert report.counts["events"] > 400


def test_a_ratio_is_the_median_of_the_rounds_own_and_not_that_of_medians() -> None:
    lucid, quick, steady = lane(300, 100, 200), lane(150, 50, 90), lane(100, 100, 100)
    # Of the medians it would be 200 / 90.
    assert lucid.times(quick) == 2.0
    assert best_peer({LUCID: lucid, "quick": quick, "slow": lane(10, 10, 10)}) == ("quick", quick)
    assert best_peer({"steady": steady, "quick": quick}) == ("steady", steady)
    assert best_peer({LUCID: lucid}) is None
    # Of a peer in two settings the one counts that Lucid is ahead of by least, not the one with the larger median.
    settings = {"peer (4)": lane(100, 95, 100), "peer (16)": lane(160, 60, 98), "other": steady}
    kept = best_of_kind({"R1": {LUCID: lucid, **settings}})["R1"]
    assert list(kept) == [LUCID, "peer (16)", "other"]


def lane(*per_s: float) -> Lane:
    return Lane([Measured(int(one), 1.0, int(one), 0, 0, 1.0, 2.0, "") for one in per_s], [1.0] * len(per_s))
