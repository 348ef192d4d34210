"""One connection of the standard library to an SQLite file, and what goes over it: Python's values in, rows out."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError, OperationalError

from api.models.changes import Change
from api.models.statements import Statement, TooSlow

Row = TypeVar("Row")

CACHED_STATEMENTS = 256
#: The part of SQLite's extended codes that says what kind of error it is.
PRIMARY = 0xFF


class Opened:
    """One connection of the standard library."""

    def __init__(self, path: str, pragmas: dict[str, Any]) -> None:
        self.raw = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS
        )
        self._checked: set[Statement[Any]] = set()
        for pragma, value in pragmas.items():
            self.raw.execute(f"PRAGMA {pragma}={value}")

    def fetch(self, statement: Statement[Row], arguments: Sequence[Any]) -> list[Row]:
        """Run a statement.

        Raises: IntegrityError, OperationalError.
        """
        try:
            cursor = self.raw.execute(statement.sqlite, [adapted(one) for one in arguments])
            rows: Any = cursor.fetchall()
        except sqlite3.Error as error:
            raise translated(error, statement) from error
        if statement not in self._checked:
            statement.require_columns(tuple(one[0] for one in cursor.description or ()))
            self._checked.add(statement)
        return shaped(statement, rows)

    def change(self, change: Change, rows: Sequence[Sequence[Any]]) -> None:
        """Make a change.

        Raises: RowsMissing, IntegrityError, OperationalError.
        """
        try:
            adapted_rows = change.adapted(rows)
            found, *_ = [self.raw.executemany(text, adapted_rows).rowcount for text in change.sqlite]
        except sqlite3.Error as error:
            raise translated(error, change) from error
        change.require_all(found, rows)


def adapted(value: Any) -> Any:
    """Return an argument as SQLite keeps it: ids and moments as Tortoise writes them, lists as JSON."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return orjson.dumps(value, default=_in_json, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    return value


def _in_json(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple) else adapted(value)  # a named one


def shaped(statement: Statement[Row], rows: Sequence[Any]) -> list[Row]:
    """Return rows in the statement's shape."""
    if statement.shape is None:
        return []
    made: Any = list(map(statement.shape.sqlite, rows))
    return made  # type: ignore[no-any-return]


def translated(error: BaseException, statement: Statement[Any] | Change | None) -> Exception:
    """Return an error of the driver's as Tortoise and the house call it."""
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        return TooSlow(f"{statement.name if statement is not None else 'the transaction'}: {error}")
    return OperationalError(f"{statement.name if statement is not None else 'the transaction'}: {error}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether something failed because another process writes, closes or recovers the file."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & PRIMARY == sqlite3.SQLITE_BUSY
