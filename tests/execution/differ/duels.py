"""One duel: a generated operation on a schema, executed both ways in a few worlds."""

from random import Random

from tests.execution.differ.comparison import differences
from tests.execution.differ.core_schema import SCHEMA
from tests.execution.differ.executors import Subject, interpret
from tests.execution.differ.operations import written
from tests.execution.differ.worlds import TAME, Nature, World

SCALARS = {"Money": ("1.5", "2", 3)}
NATURES = (
    TAME,
    Nature(awaits=3),
    Nature(fails=15, nulls=15, misfits=15),
    Nature(awaits=2, fails=9, nulls=9, misfits=12, list_max=4, tidy=True),
    Nature(awaits=2, fails=9, nulls=6, misfits=12, list_max=5),
)
WORLDS = 3


def duel(random: Random) -> list[str]:
    """Return where the two ways differ, with the document; nothing when they are the same."""
    operation = written(random, SCHEMA, SCALARS, wrong=random.choice((0, 0, 15)))
    subject = Subject(SCHEMA, operation)
    if not subject.is_compiled():
        return []
    for _ in range(WORLDS):
        nature = random.choice(NATURES)
        world = World(random, nature)
        found = differences(interpret(SCHEMA, operation, world), subject.execute(world), nature)
        if found:
            return [*found, operation.text, repr(operation.variables), repr(nature)]
    return []
