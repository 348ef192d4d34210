"""What is asked of the database while something else is done."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tortoise.context import TortoiseContext

from api.models.kept_postgres import Connection
from api.models.opened import Opened

#: What the sealer and the budgets ask while nobody calls.
BACKGROUND = re.compile("sealer_lease|outbox|rate_level")


@contextmanager
def counted(context: TortoiseContext) -> Iterator[list[str]]:
    """Note every statement that is sent, also by tasks that are not the test's; a key costs its look-up."""
    statements: list[str] = []

    def note(text: str) -> None:
        if not BACKGROUND.search(text):
            statements.append(text)

    client = type(context.db())
    watched: list[tuple[Any, str]] = [(client, name) for name in dir(client) if name in TORTOISES]
    watched += [(Connection, "fetch"), (Opened, "fetch")]
    originals = [getattr(of, name) for of, name in watched]
    for (of, name), original in zip(watched, originals, strict=True):
        setattr(of, name, _noting(original, note))
    try:
        yield statements
    finally:
        for (of, name), original in zip(watched, originals, strict=True):
            setattr(of, name, original)


TORTOISES = {"execute_query", "execute_query_dict", "execute_insert"}


def _noting(original: Any, note: Any) -> Any:
    def run(self: Any, statement: Any, *arguments: Any) -> Any:
        # A kept connection is given a statement of ours, Tortoise's its text.
        note(statement if isinstance(statement, str) else statement.postgres)
        return original(self, statement, *arguments)

    return run
