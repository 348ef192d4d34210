"""A duel: an operation that is generated from a seed is executed both ways, in a few worlds.

Where the two differ, the operation is made shorter as long as they still do, so that the report shows what matters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import GraphQLSchema
from typing_extensions import override

from tests.execution.differ import core_schema, strawberry_schema
from tests.execution.differ.comparison import differences
from tests.execution.differ.executors import Subject, interpret
from tests.execution.differ.operations import Generated, written
from tests.execution.differ.shrinking import shrunk
from tests.execution.differ.worlds import TAME, Nature, World

NATURES = (
    TAME,
    Nature(awaits=3),
    Nature(fails=15, nulls=15, misfits=15),
    Nature(awaits=2, fails=9, nulls=9, misfits=12, list_max=4, tidy=True),
    Nature(awaits=2, fails=9, nulls=6, misfits=12, list_max=5),
)
WORLDS = 3
# Says where the two ways differ.
Compare = Callable[[GraphQLSchema, Generated, World], list[str]]


@dataclass(frozen=True)
class Arena:
    """A schema whose resolvers do as the world says."""

    name: str
    schema: GraphQLSchema
    #: Values of custom scalars, as a client sends them.
    scalars: Mapping[str, Sequence[Any]]


CORE = Arena("core", core_schema.SCHEMA, {"Money": ("1.5", "2", 3)})
STRAWBERRY = Arena("strawberry", strawberry_schema.SCHEMA, strawberry_schema.SCALARS)
ARENAS: Mapping[str, Arena] = {arena.name: arena for arena in (CORE, STRAWBERRY)}


@dataclass
class Tally:
    """What came of duels."""

    #: Operations that were executed both ways.
    compared: int = 0
    #: Operations that are left to graphql-core, so that there was nothing to compare.
    not_compiled: int = 0
    #: Executions of operations, each both ways.
    executions: int = 0
    reports: list[str] = field(default_factory=list)

    @property
    def not_compiled_share(self) -> float:
        """Return how much of all was not compared."""
        return self.not_compiled / max(1, self.compared + self.not_compiled)

    @override
    def __str__(self) -> str:
        return (
            f"{self.compared:,} operations compared in {self.executions:,} executions, {len(self.reports):,} of them "
            f"differ; {self.not_compiled:,} more are not compiled"
        )


def duel(arena: Arena, seed: int, tally: Tally, compare: "Compare | None" = None) -> None:
    """Execute one operation both ways, and report where they differ."""
    compare = compare or compared
    random = Random(f"{arena.name} {seed}")  # noqa: S311 - to be the same again
    operation = written(random, arena.schema, arena.scalars, wrong=random.choice((0, 0, 15)))
    if not Subject(arena.schema, operation).is_compiled():
        tally.not_compiled += 1
        return
    tally.compared += 1
    for number in range(WORLDS):
        world = World(f"{seed} {number}", random.choice(NATURES))
        tally.executions += 1
        if found := compare(arena.schema, operation, world):
            tally.reports.append(_report(arena, seed, operation, world, found, compare))
            return


def compared(schema: GraphQLSchema, operation: Generated, world: World) -> list[str]:
    """Return where the two ways differ in one world; nothing when they are the same, or it is not compiled.

    It is executed three times compiled: what the first time proved to be usual is not looked at the second time, and
    the third time nobody waits in a task.
    """
    subject = Subject(schema, operation)
    if not subject.is_compiled():
        return []
    expected = interpret(schema, operation, world)
    found = differences(expected, subject.execute(world), world.nature)
    if not found:
        found = [f"again: {one}" for one in differences(expected, subject.execute(world), world.nature)]
    if not found:
        called_back = subject.execute(world, calls_back=True)
        found = [f"called back: {one}" for one in differences(expected, called_back, world.nature)]
    return found


def _report(arena: Arena, seed: int, operation: Generated, world: World, found: list[str], compare: "Compare") -> str:
    short = shrunk(operation, arena.schema, lambda one: bool(compare(arena.schema, one, world)))
    return "\n  ".join(
        [
            f"python -m tests.execution.differ --schema {arena.name} --seed {seed}:",
            *found,
            f"with {dict(operation.variables)!r} in {world.nature!r}; the shortest that differs:",
            *compare(arena.schema, short, world),
            *short.text.splitlines(),
        ]
    )
