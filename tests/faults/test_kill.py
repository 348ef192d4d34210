"""A killed server or database loses nothing that was acknowledged; a few rounds here, many by hand (see `kill`)."""

import asyncio
from pathlib import Path

from tests.faults.kill import run
from tests.postgres import running_postgres

ROUNDS = 1


def test_a_killed_server_loses_nothing_on_sqlite(tmp_path: Path) -> None:
    result = asyncio.run(run(f"sqlite:///{tmp_path / 'lucid.db'}", ROUNDS, seed=1))
    assert (result.lost, result.doubled, result.faults) == (0, 0, [])
    assert result.acknowledged > 0


def test_a_killed_server_or_database_loses_nothing_on_postgres() -> None:
    with running_postgres(durable=True) as server:
        for name, crash in (("server", None), ("database", server.crash)):
            server.create_database(name)
            result = asyncio.run(run(server.url(name), ROUNDS, 1, crash))
            assert (result.lost, result.doubled, result.faults) == (0, 0, []), name
            assert result.acknowledged > 0
