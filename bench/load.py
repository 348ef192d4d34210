"""Loads the data of the bench into PostgreSQL, once for each schema, seed and size, and keeps the folder.

    python -m bench.load --actions 200000

Secondary indexes and constraints are taken away for the load and made again after it, as they were: what the migrations
made is what is measured.
"""

import argparse
import asyncio
import fcntl
import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.access import issue_key
from api.ledger.reference import Catalogue, load_reference
from api.models import Partner, encode_id
from api.models.database import database, migrate
from bench.data import APPS, PROJECTS_OPEN, SEED, Rows, World
from bench.places import CACHE, ROOT, WORK
from bench.postgres import Server, copy_folder, drop_log, postgres

LUCID = "lucid"
ACTIONS = 2_000_000
#: Written beside the data: keys of the apps, users and projects that the load generator names.
KNOWN = "known.json"

console = Console(stderr=True)


def key_of(actions: int) -> str:
    """Return the name of the data of a size: by the seed, the migrations and the loader itself."""
    content = sha256(f"{SEED} ".encode())
    for path in sorted([*(ROOT / "api" / "migrations").glob("0*.py"), ROOT / "bench" / "data.py"]):
        content.update(path.read_bytes())
    content.update((ROOT / "api" / "ledger" / "reference.toml").read_bytes())
    return f"{actions}-{content.hexdigest()[:12]}"


def loaded(actions: int = ACTIONS) -> Path:
    """Return the folder of a stopped server with the data, loading it first where it is not in the cache."""
    folder = CACHE / key_of(actions)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        # Somebody else may be loading the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / KNOWN).exists():
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
            _load_into(folder, actions)
    return folder


def _load_into(folder: Path, actions: int) -> None:
    with postgres(folder) as server:
        server.psql(f'CREATE DATABASE "{LUCID}"')
        known = asyncio.run(_load(server.url(LUCID), actions))
        server.psql("VACUUM (ANALYZE)", LUCID)
    drop_log(folder)
    # Last: it says that the data is complete.
    (folder / KNOWN).write_text(json.dumps(known))


def working_copy(actions: int = ACTIONS, *, fresh: bool = False, keep: bool = True) -> Path:
    """Return the folder of a copy of the data that may be written to; the last one, unless it shall be fresh.

    Without `keep` it is the loaded data itself, which is loaded again when it is asked for once more.
    """
    folder = WORK / "copy" / key_of(actions)
    if fresh or not (folder / KNOWN).exists():
        source = loaded(actions)
        with console.status(f"Copying {source}"):
            # One at a time: they are large.
            shutil.rmtree(WORK / "copy", ignore_errors=True)
            if keep:
                copy_folder(source, folder)
            else:
                folder.parent.mkdir(parents=True)
                shutil.move(source, folder)
    return folder


async def _load(url: str, actions: int) -> dict[str, object]:
    async with database(url) as context:
        await migrate(context)
        await load_reference()
        catalogue = Catalogue()
        await catalogue.refresh()
        world = World(actions, catalogue)
        connection = await asyncpg.connect(url)
        try:
            laid_aside = await _lay_aside(connection)
            with _progress() as progress:
                task = progress.add_task("Loading actions", total=world.actions)
                for count, part in world.parts():
                    for table in part:
                        await _copy(connection, table)
                    progress.advance(task, count)
                task = progress.add_task("Making indexes", total=len(laid_aside))
                for statement in laid_aside:
                    await connection.execute(statement)
                    progress.advance(task)
        finally:
            await connection.close()
        return await known_of(world)


async def known_of(world: World) -> dict[str, object]:
    """Return what the load generator names, with a new key for each app."""
    keys = []
    for number in range(APPS):
        partner = await Partner.by_slug(f"app-{number}")
        assert partner is not None
        keys.append(await issue_key(partner))
    people = zip(world.people.ids, world.people.apps, strict=True)
    return {
        "keys": keys,
        "users": [[str(one), encode_id("usr", one), app] for one, app in people],
        "projects": [[str(one), encode_id("prj", one)] for one in world.projects[:PROJECTS_OPEN]],
        "apps": [str(one) for one in world.apps],
    }


async def _copy(connection: "asyncpg.Connection[asyncpg.Record]", table: Rows) -> None:
    if table.rows:
        await connection.copy_records_to_table(table.table._meta.db_table, columns=table.columns, records=table.rows)


async def _lay_aside(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Drop what slows a load down and return the statements that make it again, indexes before references."""
    constraints = await connection.fetch(
        "SELECT conrelid::regclass::text AS owner, quote_ident(conname) AS name, "
        "pg_get_constraintdef(oid) AS text, contype FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') "
        "ORDER BY contype = 'f', contype"
    )
    indexes = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS text FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)"
    )
    for row in reversed(constraints):
        await connection.execute(f"ALTER TABLE {row['owner']} DROP CONSTRAINT {row['name']}")
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['name']}")
    own = [row for row in constraints if row["contype"] != b"f"]
    references = [row for row in constraints if row["contype"] == b"f"]

    def add(chosen: Iterable[asyncpg.Record]) -> list[str]:
        return [f"ALTER TABLE {row['owner']} ADD CONSTRAINT {row['name']} {row['text']}" for row in chosen]

    return [*add(own), *(row["text"] for row in indexes), *add(references)]


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def main() -> None:
    """Load, and say where the data is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    print(loaded(parser.parse_args().actions))


__all__ = ["ACTIONS", "KNOWN", "LUCID", "Server", "loaded", "working_copy"]

if __name__ == "__main__":
    main()
