"""Values of input types, as literals in a document and as variables beside it: right ones, and sometimes wrong ones."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_nullable_type,
)

DEPTH_MAX = 3

# What a client may write in a string; none of it may ever be taken for Python.
TEXTS: Sequence[str] = (
    "a", "", "d", "ß€😀", "it's", '"quoted"', "line\nline\r\u2028", "%s %(x)s {0} {x!r} {{}}", "\\", '"""', "#{",
    "\u202e\ufeff", "x' + __import__('os').abort() + '",
)  # fmt: skip

SCALARS: Mapping[str, Sequence[Any]] = {
    "Int": (0, 1, -5, 2**31 - 1),
    "Float": (0.5, -1.5e10, 3),
    "String": TEXTS,
    "ID": ("a", "", "5", 7, *TEXTS[3:6]),
    "Boolean": (True, False),
}
WRONG: Sequence[Any] = ("wrong", 2**40, -1, 1.5, True, [], ["wrong", None], {}, {"unknown": 1}, None)

# Writes a variable for a place of a type, or returns None where there shall be none.
WriteVariable = Callable[[GraphQLInputType, bool], str | None]


class Inputs:
    """Makes values of the input types of one schema."""

    def __init__(self, random: Random, scalars: Mapping[str, Sequence[Any]]) -> None:
        self._random = random
        self._scalars = {**SCALARS, **scalars}

    def value(self, kind: GraphQLInputType, *, wrong: int = 0, depth: int = 0) -> Any:  # noqa: PLR0911 - by kind
        """Return a value as a client sends it; wrong once in so many times."""
        random = self._random
        if wrong and random.randrange(wrong) == 0:
            return random.choice(WRONG)
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif random.randrange(8) == 0:
            return None
        if isinstance(kind, GraphQLList):
            if self._is_single(kind):
                return self.value(kind.of_type, wrong=wrong, depth=depth + 1)
            return [self.value(kind.of_type, wrong=wrong, depth=depth + 1) for _ in range(random.randrange(4))]
        if isinstance(kind, GraphQLEnumType):
            return random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self.value(_place(kind, name), wrong=wrong, depth=depth + 1) for name in self._chosen(kind, depth)
            }
        return random.choice(self._scalars[kind.name])

    def literal(self, kind: GraphQLInputType, variable: WriteVariable, *, depth: int = 0) -> str:  # noqa: PLR0911
        """Return a value as it is written in a document, with variables in it."""
        random = self._random
        if depth and (name := variable(kind, False)) is not None:
            return name
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif random.randrange(8) == 0:
            return "null"
        if isinstance(kind, GraphQLList):
            if self._is_single(kind):
                return self.literal(kind.of_type, lambda *_: None, depth=depth + 1)
            items = [self.literal(kind.of_type, variable, depth=depth + 1) for _ in range(random.randrange(4))]
            return f"[{', '.join(items)}]"
        if isinstance(kind, GraphQLEnumType):
            return str(random.choice(list(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            entries = []
            for name in self._chosen(kind, depth):
                place, has_default = _place(kind, name), kind.fields[name].default is not None
                entry = variable(place, has_default) or self.literal(place, variable, depth=depth + 1)
                entries.append(f"{name}: {entry}")
            return "{" + ", ".join(entries) + "}"
        return _written(random.choice(self._scalars[kind.name]), random)

    def _is_single(self, kind: GraphQLList[Any]) -> bool:
        """Return whether there shall be one value where a list is due."""
        return self._random.randrange(5) == 0 and not isinstance(get_nullable_type(kind.of_type), GraphQLList)

    def _chosen(self, kind: GraphQLInputObjectType, depth: int) -> list[str]:
        names = list(kind.fields)
        if kind.is_one_of:
            return [self._random.choice(names)]
        return [
            name
            for name, field in kind.fields.items()
            if (isinstance(field.type, GraphQLNonNull) and field.default is None)
            or (depth < DEPTH_MAX and self._random.randrange(3) == 0)
        ]


def _place(kind: GraphQLInputObjectType, name: str) -> GraphQLInputType:
    """Return the type of an entry; that of a one-of input cannot be null."""
    found = kind.fields[name].type
    return GraphQLNonNull(get_nullable_type(found)) if kind.is_one_of else found


def _written(value: Any, random: Random) -> str:
    if isinstance(value, str) and random.randrange(3) == 0 and value.isprintable() and '"' not in value:
        return f'"""{value}"""' if not value.endswith("\\") else json.dumps(value)
    return json.dumps(value)
