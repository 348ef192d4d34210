"""The server that the other tests rely on: it answers, keeps to itself, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import Server, running_postgres

GONE_WITHIN_S = 15.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_postgres() as server:
        yield server


async def test_a_copied_database_holds_what_its_template_held(server: Server) -> None:
    server.create_database("template")
    await execute(server, "template", "CREATE TABLE tree AS SELECT 42 AS height_m")

    server.create_database("copy", template="template")
    await execute(server, "copy", "UPDATE tree SET height_m = 43")

    assert await fetch(server, "copy", "SELECT height_m FROM tree") == 43
    assert await fetch(server, "template", "SELECT height_m FROM tree") == 42
    assert str(await fetch(server, "copy", "SHOW server_version")).startswith("18.")


async def test_a_dropped_database_is_gone_although_someone_was_connected(server: Server) -> None:
    server.create_database("dropped")
    connection = await asyncpg.connect(server.url("dropped"))

    server.drop_database("dropped")

    connection.terminate()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(server.url("dropped"))


async def test_a_stranger_without_the_password_is_refused(server: Server) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url("postgres").replace(server.password, "guess"))


async def test_two_servers_at_once_share_nothing(server: Server) -> None:
    server.create_database("mine")

    with running_postgres() as other:
        assert (server.port, server.folder, server.pid) != (other.port, other.folder, other.pid)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url("postgres").replace(str(server.port), str(other.port)))
        assert await fetch(other, "postgres", "SELECT count(*) FROM pg_database WHERE datname = 'mine'") == 0


async def test_a_durable_server_keeps_through_a_crash_what_it_committed() -> None:
    with running_postgres(durable=True) as server:
        await execute(server, "postgres", "CREATE TABLE tree AS SELECT 42 AS height_m")
        first = server.pid

        server.crash()

        assert server.pid != first
        assert await fetch(server, "postgres", "SHOW fsync") == "on"
        assert await fetch(server, "postgres", "SELECT height_m FROM tree") == 42


def test_after_the_block_neither_process_nor_folder_is_left() -> None:
    with running_postgres() as server:
        pid = server.pid
        assert is_running(pid)

    assert not server.folder.exists()
    assert becomes_true(lambda: not is_running(pid))


def test_after_a_failing_block_neither_process_nor_folder_is_left() -> None:
    servers: list[Server] = []
    pids: list[int] = []

    def fail() -> None:
        with running_postgres() as server:
            servers.append(server)
            pids.append(server.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not servers[0].folder.exists()
    assert becomes_true(lambda: not is_running(pids[0]))


@pytest.mark.parametrize("death", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_owner_leaves_neither_process_nor_folder(death: signal.Signals) -> None:
    # A process that was started in the background ignores Ctrl-C: hence the handler.
    code = (
        "import signal, time; from tests.postgres import running_postgres\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with running_postgres() as server: print(server.pid, server.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        assert is_running(int(pid))

        owner.send_signal(death)

    assert becomes_true(lambda: not Path(folder).exists() and not is_running(int(pid)))


async def execute(server: Server, database: str, sql: str) -> None:
    connection = await asyncpg.connect(server.url(database))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fetch(server: Server, database: str, sql: str) -> object:
    connection = await asyncpg.connect(server.url(database))
    try:
        value: object = await connection.fetchval(sql)
    finally:
        await connection.close()
    return value


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def becomes_true(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + GONE_WITHIN_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
