"""SQLite's file: who else writes it is waited for, and its log is taken over beside the writing."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from api.models.checkpoints import AFTER_S
from api.models.database import database, migrate
from api.models.statements import kept
from tests.models.test_statements import ADD_USER, a_user

GUARD_S = 30
COUNT = 'SELECT count(*) FROM "user"'


async def add() -> None:
    async with kept().transaction() as transaction:
        await transaction.fetch(ADD_USER, *a_user())


def counted(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(COUNT).fetchone()[0])


def in_the_file(path: Path, copy: Path) -> int:
    """Return how many users are in the file itself: who looks at a copy has no log to look into."""
    shutil.copyfile(path, copy)
    return counted(copy)


def begun(log: Path) -> int:
    """Return how often the log was begun anew, as its head tells: SQLite's file format, "The WAL File Format"."""
    with log.open("rb") as file:
        return int.from_bytes(file.read(16)[12:], "big")


async def test_a_process_that_writes_is_waited_for_and_holds_up_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "lucid.db"
    async with database(f"sqlite:///{path}") as context:
        await migrate(context)
        await add()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(add())
            await asyncio.sleep(0.05)  # the event loop runs meanwhile
            assert not writing.done()
            other.execute("COMMIT")
            await asyncio.wait_for(writing, GUARD_S)
        await add()
        assert counted(path) == 3


async def test_who_gives_up_waiting_for_another_process_leaves_the_turn_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "lucid.db"
    async with database(f"sqlite:///{path}") as context:
        await migrate(context)
        await add()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(add())
            await asyncio.sleep(0.05)
            writing.cancel()
            other.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await writing
        await add()
        assert counted(path) == 2


async def test_the_log_is_taken_over_after_a_while_and_begins_anew(tmp_path: Path) -> None:
    path, log, copy = tmp_path / "lucid.db", tmp_path / "lucid.db-wal", tmp_path / "copy.db"
    async with database(f"sqlite:///{path}") as context:
        await migrate(context)  # all of which is in the file when the last connection is closed
    lengths = set()
    async with database(f"sqlite:///{path}"):
        for number in range(1, 4):
            await add()
            assert (in_the_file(path, copy), counted(path)) == (number - 1, number)
            async with asyncio.timeout(GUARD_S):
                while in_the_file(path, copy) < number:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(AFTER_S / 2)
            lengths.add(log.stat().st_size)
    # The same places in the log were used again and again.
    assert len(lengths) == 1


async def test_a_busy_writer_does_not_let_the_log_grow_for_ever(tmp_path: Path) -> None:
    path, log = tmp_path / "lucid.db", tmp_path / "lucid.db-wal"
    async with database(f"sqlite:///{path}") as context:
        await migrate(context)
        await add()
        first, writes = begun(log), 1
        async with asyncio.timeout(GUARD_S):
            while begun(log) < first + 3:
                await add()
                writes += 1
        assert counted(path) == writes
