"""The data of the bench, small: it fills every column of every table, and the ledger finds no fault in it."""

from pathlib import Path

from api.ledger.check import check_ledger
from api.models.database import database
from bench.embedded import load


async def test_the_bench_makes_up_data_in_which_the_ledger_finds_no_fault(tmp_path: Path) -> None:
    await load(tmp_path / "lucid.db", actions=2_000)
    async with database(f"sqlite:///{tmp_path / 'lucid.db'}"):
        report = await check_ledger()
    assert report.faults == []
    assert (report.counts["users"], report.counts["actions"]) == (100, 2_000)
    assert report.counts["events"] > 400
