"""Lists that come written: their rows were made JSON where they lie, and are only put together here.

What is selected of objects that hold a row each (`tables.py`) is often nothing but columns under keys. Whoever has the
rows, a database, can write such a list as one text sooner than it can send the values one by one, to be read, checked
and written here. It is told how by a form: what stands between the values, and which column each is of, as what. What
only we can make of a value, as the text of an id, is left open in the text, and put in: where what makes it has an
attribute `packed`, which takes all that was found and the number of items, and returns texts that need no escape.

A resolver finds the forms of the lists below its field in `info.forms`. It may pass one on, and return a sequence that
has in `written` what was written by it: then no rows need be there. A form promises what the column's values must be
(a text, an integer of so many bits, never null); whoever writes keeps to it, or does not write.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

import orjson

from api.execution.cells import Cell, Cells, Neighbour, Selected

#: Stands where something is left open. No JSON text has it in it as it is.
OPEN = "\x01"
#: By what rows are known that lie beside others.
KEY = "id"


class Value(NamedTuple):
    """A value that is written: of which column, as what, and whether it may be null.

    Kinds are "text", "int32", "integer", "boolean", and "name", of an enum: `name_of` returns that of a member. What
    has a `form` is an object that lies beside the row, another row whose id the column has.
    """

    column: str
    kind: str
    nullable: bool = False
    name_of: Callable[[Enum], str] | None = None
    form: "Form | None" = None


@dataclass(eq=False, slots=True, weakref_slot=True)
class Form:
    """How each item of a list is written: literals with the values between them, one literal more than values.

    `opened`: the columns of what is left open, in order; all of the row, also for what lies beside it, of which only
    the id can be left open. Forms are told apart by being another.
    """

    literals: tuple[str, ...]
    values: tuple[Value, ...]
    opened: tuple[str, ...]

    def is_like(self, other: "Form") -> bool:
        """Tell whether what was written by the other is what would be written by this one."""
        return (self.literals, self.opened) == (other.literals, other.opened) and all(
            ours[:3] == theirs[:3]
            and (ours.form is None or (theirs.form is not None and ours.form.is_like(theirs.form)))
            for ours, theirs in zip(self.values, other.values, strict=True)
        )


class Texts(Protocol):
    """What was written by a form: the items' texts, one after another with a comma between them.

    `opened`: for each column that is left open what was found of it, item by item, as whoever fills it in takes it.
    """

    form: Form
    count: int
    text: str
    opened: Sequence[Any]


class Written:
    """A list in an answer that is JSON already. `like` is built as each of its items is, for who counts them."""

    __slots__ = ("count", "like", "text")

    def __init__(self, text: str, count: int, like: Mapping[str, Any]) -> None:
        self.text = text
        self.count = count
        self.like = like


def fragment(value: object) -> orjson.Fragment:
    """Return what orjson writes for a list that is written.

    Raises: TypeError for anything else that is no JSON.
    """
    if type(value) is Written:
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is no JSON")


@dataclass(slots=True)
class _Writing:
    """A form while it is made, of a row or of what lies beside it under the id in the column `beside`."""

    beside: str | None = None
    literals: list[str] = field(default_factory=lambda: [""])
    values: list[Value] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    #: What makes the texts for what is left open, of all that was found of it and the number of items.
    makes: list[Callable[[Any, int], list[str]]] = field(default_factory=list)

    @property
    def form(self) -> Form:
        # What is left open in what lies beside is the row's, too.
        return Form(tuple(self.literals), tuple(self.values), () if self.beside else tuple(self.opened))

    def write(self, cells: Cells, neighbour: Neighbour | None = None) -> dict[str, Any] | None:
        """Write an object, and return how it is built; None where it cannot be written."""
        like: dict[str, Any] = {}
        for number, (key, cell) in enumerate(cells.items()):
            self.literals[-1] += f"{',' if number else '{'}{orjson.dumps(key).decode()}:"
            shown = self._neighbour(neighbour) if neighbour is not None and key == neighbour.key else self._value(cell)
            if shown is None:
                return None
            like[key] = shown
        self.literals[-1] += "}"
        return like

    def _value(self, cell: "Cell | Cells | str | None") -> Any:
        if cell is None:
            return None
        if isinstance(cell, str):
            self.literals[-1] += orjson.dumps(cell).decode()
            return True
        if not isinstance(cell, Cell):
            return self.write(cell)
        column, make = cell.read.path[-1], cell.read.make
        kind, packed = cell.leaf.written_as, getattr(make, "packed", None)
        if packed is not None and kind == "text" and not cell.leaf.nullable and (not self.beside or column == KEY):
            self.literals[-1] += f'"{OPEN}"'
            self.opened.append(self.beside or column)
            self.makes.append(packed)
            return True
        if make is not None or kind is None:
            return None
        self._add(Value(column, kind, cell.leaf.nullable, cell.leaf.name_of))
        return True

    def _neighbour(self, neighbour: Neighbour) -> Any:
        inner = _Writing(neighbour.column)
        like = inner.write(neighbour.read.cells)
        self.opened += inner.opened
        self.makes += inner.makes
        self._add(Value(neighbour.column, "beside", form=inner.form))
        return like

    def _add(self, value: Value) -> None:
        self.values.append(value)
        self.literals.append("")


class WrittenList:
    """Puts together the written lists of one selection."""

    def __init__(self, writing: _Writing, like: dict[str, Any]) -> None:
        self.form = writing.form
        self._makes = writing.makes
        self._like = like

    @classmethod
    def of(cls, selected: Selected, neighbour: Neighbour | None) -> "WrittenList | None":
        """Return what puts such lists together, if each item is nothing but columns, and what may lie beside."""
        writing = _Writing()
        like = writing.write(selected.cells, neighbour)
        return cls(writing, like) if like is not None else None

    def write(self, value: Any) -> "Written | list[Any] | None":
        """Return the list that a sequence is, if it came written.

        Raises: ValueError, where it was written by another form.
        """
        texts: Texts | None = getattr(value, "written", None)
        if texts is None:
            return None
        if texts.form is not self.form and not self.form.is_like(texts.form):
            raise ValueError("a list was written by another form than the one it is shown in")
        count, width = texts.count, len(self._makes)
        if not count:
            return []
        parts = [""] * (2 * count * width + 1)
        parts[::2] = texts.text.split(OPEN)
        for place, (make, found) in enumerate(zip(self._makes, texts.opened, strict=True)):
            parts[2 * place + 1 :: 2 * width] = make(found, count)
        return Written(f"[{''.join(parts)}]", count, self._like)
