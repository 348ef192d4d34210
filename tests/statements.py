"""What is asked of the database while something else is done."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tortoise.context import TortoiseContext

#: What the sealer and the budgets ask while nobody calls.
BACKGROUND = re.compile("sealer_lease|outbox|rate_level")


@contextmanager
def counted(context: TortoiseContext) -> Iterator[list[str]]:
    """Note every statement that is sent, also by tasks that are not the test's; a key costs its look-up."""
    statements: list[str] = []
    connection = context.db()
    kind = type(connection)
    originals = {name: getattr(kind, name) for name in ("execute_query", "execute_query_dict", "execute_insert")}

    def noting(name: str) -> Any:
        async def execute(self: Any, query: str, *arguments: Any) -> Any:
            if not BACKGROUND.search(query):
                statements.append(query)
            return await originals[name](self, query, *arguments)

        return execute

    for name in originals:
        setattr(kind, name, noting(name))
    try:
        yield statements
    finally:
        for name, original in originals.items():
            setattr(kind, name, original)
