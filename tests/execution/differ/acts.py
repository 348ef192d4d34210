"""What the resolvers of the schema with Strawberry do: as the world says, in each of the ways in which one may.

Values are made by the types of the schema, whose resolvers these are: `MAKING` is told them when it is there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from inspect import isawaitable
from typing import Any, Never, cast
from weakref import WeakKeyDictionary

from graphql import GraphQLObjectType, GraphQLOutputType
from strawberry import Info

from api.batching import Loader
from tests.execution.differ.stones import COLUMNS, ROWS, Beside, Hardness, Stones, make_row
from tests.execution.differ.values import Key, Values
from tests.execution.differ.worlds import World


class Making:
    """What makes the values of the schema."""

    values: Values

    def type(self, name: str) -> GraphQLObjectType:
        """Return a type of objects."""
        kind = self.values.schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind


MAKING = Making()


def _act(info: Info[World, None], **given: Any) -> Any:
    key = key_of(info)
    info.context.call(key, given)
    return MAKING.values.make(info.context, info._raw_info.return_type, key)


async def _act_later(info: Info[World, None], **given: Any) -> Any:
    found = _act(info, **given)
    return await found if isawaitable(found) else found


def _act_plainly(thing: Any, name: str, **given: Any) -> Any:
    """Do as the world says without being told which field it is for: the same for all aliases."""
    kind = MAKING.type(type(thing).__strawberry_definition__.name)
    key = (*thing.key, f"plain {name}")
    thing.world.call(key, given)
    return MAKING.values.make(thing.world, kind.fields[name].type, key)


# They return anything, and are declared to return what is due.
act = cast("Callable[..., Never]", _act)
act_later = cast("Callable[..., Awaitable[Never]]", _act_later)
act_plainly = cast("Callable[..., Never]", _act_plainly)


def key_of(info: Info[World, None]) -> Key:
    return tuple(info.path.as_list())


def load(info: Info[World, None]) -> Any:
    """Load what the world says, with what else is asked for in the same turn of the event loop."""
    loop = asyncio.get_running_loop()
    loader = LOADERS.get(loop)
    if loader is None:
        loader = LOADERS[loop] = Loader(_ask, size=100)
    info.context.call(key_of(info))
    return loader.load((info.context, info._raw_info.return_type, key_of(info)))


Wanted = tuple[World, GraphQLOutputType, Key]
LOADERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Loader[Wanted, Any]] = WeakKeyDictionary()


async def _ask(wanted: list[Wanted]) -> Mapping[Wanted, Any]:
    await asyncio.sleep(0)
    found: dict[Wanted, Any] = {}
    for one in wanted:
        world, kind, key = one
        try:
            found[one] = MAKING.values._ready(world, kind, (*key, "shared"))
        except Exception as error:
            found[one] = error
    return found


def heap(info: Info[World, None]) -> Stones:
    """Return stones as a sequence that offers their rows, all of one class."""
    key = key_of(info)
    tape = info.context.tape((*key, "heap"))
    kind = tape.choose(ROWS)
    rows = [row_of(info.context, kind, (*key, index)) for index in range(tape.below(4))]
    quarries = {number: row_of(info.context, kind, (*key, "quarry", number)) for number in range(tape.below(4))}
    return Stones(rows, None if tape.happens(3) else Beside(quarries))


def row_of(world: World, kind: Any, key: Key) -> Any:
    """Return a row of anything: what a column's field promises, nearly always."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        tape = world.tape((*key, f"column {name}"))
        if world.nature.misfits and tape.happens(max(2, world.nature.misfits)):
            values[name] = tape.choose(CONTENTS)
        else:
            values[name] = USUAL_CONTENTS[name] if name in USUAL_CONTENTS else tape.below(3)
    return make_row(kind, values)


#: What is in the columns of rows.
USUAL_CONTENTS: Mapping[str, Any] = {
    "name": "granite", "hardness": "soft", "was": None, "price": Decimal("1.50"), "loose": [1, 2],
}  # fmt: skip
CONTENTS: tuple[Any, ...] = (None, 1, 2, "hard", "", 2**40, 1.5, True, [], ValueError("in a row"), Hardness.HARD, b"x")
