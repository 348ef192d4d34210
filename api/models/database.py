"""The database: from its address to Tortoise's configuration, its migrations, and its life in a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.transactions import in_transaction

APP = "lucid"
LATEST = (MigrationTarget(app_label=APP, name="__latest__"),)
POOL_SIZE = 10
BUSY_TIMEOUT_MS = 10_000
#: SQLite's log keeps this many bytes when it begins anew: to write where a file is already costs a commit less than to
#: lengthen it.
LOG_KEPT = 67_108_864

transaction = in_transaction


class DatabaseUnusable(Exception):
    """The database cannot be opened, or its tables are not those of this version. The message says what to do."""


def is_sqlite(url: str) -> bool:
    """Whether the address names an embedded database."""
    return url.startswith("sqlite:")


def sqlite_path(url: str) -> Path:
    """Return the file of an embedded database, for example of `sqlite:///var/lucid.db` (relative) or `sqlite:////a/b`."""
    return Path(urlsplit(url).path.removeprefix("/"))


def configuration(url: str, statement_s: float | None = None) -> dict[str, Any]:
    """Return Tortoise's configuration for a database address.

    On PostgreSQL no statement runs for longer than `statement_s`.

    Raises: DatabaseUnusable when the address is neither `sqlite://…` nor `postgres://…`.
    """
    # Tortoise keeps the SQL that it has built by the connection's name: one name for two kinds of database, and a
    # process that opens both (the tests do) would send the one the other's placeholders.
    name = "sqlite" if is_sqlite(url) else "postgres"
    if is_sqlite(url):
        # FULL: an acknowledged write survives a power cut. WAL is Tortoise's default. Without recursive triggers,
        # REPLACE would delete ledger rows past the triggers that refuse it.
        pragmas = {
            "synchronous": "FULL",
            "busy_timeout": BUSY_TIMEOUT_MS,
            "recursive_triggers": "ON",
            "journal_size_limit": LOG_KEPT,
        }
        credentials = {"file_path": str(sqlite_path(url)), **pragmas, **dict(parse_qsl(urlsplit(url).query))}
        connection: dict[str, Any] = {"engine": "api.models.sqlite", "credentials": credentials}
    elif url.startswith(("postgres://", "postgresql://")):
        address = url.replace("postgresql://", "postgres://", 1).replace("postgres://", "asyncpg://", 1)
        connection = expand_db_url(address) | {"engine": "api.models.postgres"}
        connection["credentials"].setdefault("maxsize", POOL_SIZE)
        # The ORM's questions have a kind as a parameter that decides about an index: each is planned with its values.
        settings = {"plan_cache_mode": "force_custom_plan"}
        if statement_s is not None:
            settings["statement_timeout"] = str(int(statement_s * 1_000))
        connection["credentials"].setdefault("server_settings", settings)
    else:
        scheme = url.split(":", 1)[0]
        raise DatabaseUnusable(f"DATABASE_URL names the database kind {scheme!r}; use sqlite:///… or postgres://…")
    return {
        "connections": {name: connection},
        "apps": {APP: {"models": ["api.models"], "migrations": "api.migrations", "default_connection": name}},
        "use_tz": True,
        "timezone": "UTC",
    }


@asynccontextmanager
async def database(
    url: str, *, shared: bool = False, statement_s: float | None = None
) -> AsyncIterator[TortoiseContext]:
    """Open the database for the time of the block.

    `shared` makes it the database of every task of the process, as a server needs: requests do not run in tasks that
    were started inside the block. `statement_s` ends what a caller no longer waits for, on PostgreSQL by itself; on
    SQLite a statement ends when whoever waits for it is cancelled.

    Raises: DatabaseUnusable when it cannot be opened.
    """
    context = TortoiseContext()
    async with context:
        if is_sqlite(url):
            _make_folder(sqlite_path(url))
        await context.init(config=configuration(url, statement_s), _enable_global_fallback=shared)
        try:
            await context.db().execute_query("SELECT 1")
        except Exception as error:
            raise DatabaseUnusable(f"The database cannot be opened: {_first_line(error)}") from error
        yield context


async def migrate(context: TortoiseContext) -> list[str]:
    """Bring the tables up to this version and return the names of the migrations that were applied."""
    pending = await pending_migrations(context)
    if pending:
        await _executor(context).migrate(LATEST)
    return pending


async def pending_migrations(context: TortoiseContext) -> list[str]:
    """Return the names of the migrations that the database lacks."""
    return [step.migration.name for step in await _executor(context).plan(LATEST)]


async def require_migrated(context: TortoiseContext) -> None:
    """Return only when the tables are those of this version.

    Raises: DatabaseUnusable.
    """
    if missing := await pending_migrations(context):
        raise DatabaseUnusable(f"The database lacks {', '.join(missing)}: run `lucid migrate`.")


def _executor(context: TortoiseContext) -> MigrationExecutor:
    connection = context.db()
    app = {"models": ["api.models"], "migrations": "api.migrations", "default_connection": connection.connection_name}
    return MigrationExecutor(connection, {APP: app})


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnusable(f"The database folder {path.parent} cannot be made: {error.strerror}") from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
